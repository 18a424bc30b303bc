-- grain: one row per source of counts, programme, counting rule and day
-- purpose: Cases of the Migrant Protection Protocols as of each month's end: by identifier, by hearing location and by
--   either, side by side, because the publisher of the known totals does not state its rule; and those totals.
-- as of: Each month is rebuilt from the dates a release holds: the last completion by the day decides, a transfer leaves a
--   case pending. A case's signs are those known in the release. Removal cases with a first notice by the day only.
with signed as (
    select
        release_id, case_id, lower(mpp_programme_code) as programme, notice_month,
        is_flagged_mp or is_flagged_rm as is_flagged, is_ever_at_mpp_location
    from core.eoir__mpp_cases
    where is_removal_case and notice_month is not null
),

days as (
    select
        release_id, trust, cast(last_day(cast(month_start as date)) as date) as as_of
    from (
        select
            release_id, trust, unnest(generate_series(date '2019-01-01', data_through, interval 1 month)) as month_start
        from meta.releases
        where family = 'eoir_foia'
    ) as months
),

proceedings as (
    select
        p.release_id, p.case_id, s.notice_month, p.proceeding_id, p.record_no, p.hearing_location_code, p.outcome_code,
        p.decision_code, p.is_in_absentia, p.completed_on
    from core.eoir__proceedings as p
    inner join signed as s on p.release_id = s.release_id and p.case_id = s.case_id
),

completions as (
    select
        release_id, case_id, outcome_code, decision_code, is_in_absentia, completed_on,
        coalesce(
            lead(completed_on) over (
                partition by release_id, case_id order by completed_on, proceeding_id nulls first, record_no
            ),
            date '9999-12-31'
        ) as superseded_on
    from proceedings
    where completed_on is not null
),

standing as (
    select
        s.release_id, d.trust, s.case_id, s.programme, s.is_flagged, s.is_ever_at_mpp_location, d.as_of,
        case when coalesce(c.outcome_code, 'transfer') = 'transfer' then 'pending' else c.outcome_code end as outcome_code,
        c.decision_code, coalesce(c.is_in_absentia, false) as is_in_absentia
    from signed as s
    inner join days as d on s.release_id = d.release_id and s.notice_month <= d.as_of
    left join completions as c
        on s.release_id = c.release_id
        and s.case_id = c.case_id
        and c.completed_on <= d.as_of
        and c.superseded_on > d.as_of
),

open_proceedings as (
    select
        p.release_id, p.case_id, d.as_of, p.hearing_location_code,
        row_number() over (
            partition by p.release_id, p.case_id, d.as_of order by p.proceeding_id nulls last, p.record_no
        ) as open_no
    from proceedings as p
    inner join days as d
        on p.release_id = d.release_id
        and p.notice_month <= d.as_of
        and (p.completed_on is null or p.completed_on > d.as_of)
),

described as (
    select
        s.release_id, s.trust, s.programme, s.is_flagged, s.is_ever_at_mpp_location, s.as_of, s.outcome_code,
        s.decision_code, s.is_in_absentia,
        s.outcome_code = 'pending' and coalesce(l.is_mpp, false) as is_pending_at_mpp_court,
        s.outcome_code <> 'pending' and coalesce(c.is_application_granted, false) as is_application_granted,
        coalesce(c.first_application_on <= s.as_of, false) as is_applicant
    from standing as s
    left join open_proceedings as o
        on s.release_id = o.release_id and s.case_id = o.case_id and s.as_of = o.as_of and o.open_no = 1
    left join meta.eoir_bundled_locations as l on o.hearing_location_code = l.listed_code
    left join marts.court_cases as c on s.release_id = c.release_id and s.case_id = c.case_id
),

rules as (
    select 'flag' as counted_by
    union all select 'location' as counted_by
    union all select 'union' as counted_by
),

counted as (
    select
        d.release_id, d.trust, d.programme, r.counted_by, d.as_of,
        count(*) as assigned_cases,
        count(*) filter (where d.outcome_code <> 'pending') as completed_cases,
        count(*) filter (where d.outcome_code = 'pending') as pending_cases,
        count(*) filter (where d.is_pending_at_mpp_court) as pending_at_mpp_court_cases,
        count(*) filter (where d.outcome_code <> 'pending' and d.decision_code = 'R') as relief_cases,
        count(*) filter (where d.outcome_code <> 'pending' and d.decision_code in ('R', 'E', 'Z', 'H'))
            as relief_or_protection_cases,
        count(*) filter (where d.is_application_granted) as application_granted_cases,
        count(*) filter (where d.outcome_code = 'removal') as removal_order_cases,
        count(*) filter (where d.outcome_code = 'removal' and d.is_in_absentia) as removal_in_absentia_cases,
        count(*) filter (where d.outcome_code = 'termination') as terminated_cases,
        count(*) filter (where d.is_applicant) as applicant_cases
    from described as d
    inner join rules as r
        on case r.counted_by
            when 'flag' then d.is_flagged
            when 'location' then d.is_ever_at_mpp_location
            else true
        end
    group by d.release_id, d.trust, d.programme, r.counted_by, d.as_of
),

printed as (
    select
        programme, as_of,
        max(printed_value) filter (where measure_code = 'total_cases') as assigned_cases,
        max(printed_value) filter (where measure_code in ('completed', 'completed_or_closed')) as completed_cases,
        max(printed_value) filter (where measure_code = 'pending') as pending_cases,
        max(printed_value) filter (where measure_code = 'pending_cohort') as pending_at_mpp_court_cases,
        max(printed_value) filter (where measure_code = 'relief_granted') as relief_cases,
        max(printed_value) filter (where measure_code = 'removal_orders') as removal_order_cases,
        max(printed_value) filter (where measure_code = 'removal_orders_in_absentia') as removal_in_absentia_cases,
        max(printed_value) filter (where measure_code = 'terminated') as terminated_cases,
        list_sort(list(figure_id)) as figure_ids,
        list_sort(list(concat('count printed as ', precision, ': ', figure_id)) filter (where precision <> 'exact'))
            as imprecise_reasons
    from meta.mpp_figures
    where programme in ('mpp1', 'mpp2')
        and nationality is null
        and hearing_location is null
        and as_of is not null
        and measure_code in (
            'total_cases', 'completed', 'completed_or_closed', 'pending', 'pending_cohort', 'relief_granted',
            'removal_orders', 'removal_orders_in_absentia', 'terminated'
        )
    group by programme, as_of
)

select
    release_id as counted_in, release_id, trust, trust = 'synthetic' as is_synthetic, programme, counted_by, as_of,
    assigned_cases, completed_cases, pending_cases, pending_at_mpp_court_cases, relief_cases, relief_or_protection_cases,
    application_granted_cases, removal_order_cases, removal_in_absentia_cases, terminated_cases, applicant_cases,
    case when trust = 'synthetic' then ['made-up records: they say nothing about the world']
        else list_filter([cast(null as varchar)], reason -> reason is not null) end as reasons,
    list_filter([cast(null as varchar)], figure -> figure is not null) as figure_ids
from counted
union all
select
    'published' as counted_in, cast(null as varchar) as release_id, 'quoted' as trust, false as is_synthetic, programme,
    'published' as counted_by, as_of, cast(assigned_cases as bigint) as assigned_cases,
    cast(completed_cases as bigint) as completed_cases, cast(pending_cases as bigint) as pending_cases,
    cast(pending_at_mpp_court_cases as bigint) as pending_at_mpp_court_cases, cast(relief_cases as bigint) as relief_cases,
    cast(null as bigint) as relief_or_protection_cases, cast(null as bigint) as application_granted_cases,
    cast(removal_order_cases as bigint) as removal_order_cases,
    cast(removal_in_absentia_cases as bigint) as removal_in_absentia_cases,
    cast(terminated_cases as bigint) as terminated_cases, cast(null as bigint) as applicant_cases,
    list_filter(coalesce(imprecise_reasons, []), reason -> reason is not null) as reasons, figure_ids
from printed
