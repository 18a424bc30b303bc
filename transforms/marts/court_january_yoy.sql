-- grain: one row per release, measure, dimension, group and January from 2000
-- purpose: Each January beside the one before, for all courts and by court, nationality, case type and custody. Flows are
--   dated by their own day (notice, completion, application received; a decision on an application by the completion of
--   its proceeding) and counted at the court of that day; pending cases at the court where they stand today.
-- as of: A release holds every case, so a month without a row counts zero. Completion is the last one the release knows:
--   a case reopened and completed again leaves the January of its first completion.
with measures as (
    select 'new_cases' as measure_code, 'New cases (first notice in the month)' as measure_title, 'cases' as unit
    union all select 'completions', 'Cases completed in the month', 'cases'
    union all select 'removal_orders', 'Removal orders in the month', 'cases'
    union all select 'removal_orders_in_absentia', 'Removal orders in absentia in the month', 'cases'
    union all select 'relief_granted', 'Relief granted in the month (removal cases decided R)', 'cases'
    union all select 'relief_or_protection', 'Relief or protection granted in the month (removal cases decided R, E, Z or H)', 'cases'
    union all
    select
        'application_granted', 'Cases completed in the month with any application granted (G, F, C, I, P or L)', 'cases'
    union all select 'applications_filed', 'Applications for relief received in the month', 'applications'
    union all
    select
        'applications_granted', 'Applications for relief granted (G, F, C, I, P or L) in proceedings completed in the month',
        'applications'
    union all select 'pending', 'Cases pending at the end of the month', 'cases'
),

dimensions as (
    select 'all' as dimension
    union all select 'base_city' as dimension
    union all select 'nationality' as dimension
    union all select 'case_type' as dimension
    union all select 'custody' as dimension
),

court_releases as (
    select release_id, published_on, trust, cast(year(data_through) as integer) as last_january
    from meta.releases
    where family = 'eoir_foia'
),

applications as (
    select
        a.release_id, a.case_id, a.proceeding_id, a.received_on,
        coalesce(a.application_decision_code in ('G', 'F', 'C', 'I', 'P', 'L'), false) as is_granted,
        row_number() over (partition by a.release_id, a.application_id order by a.record_no) as listing_no,
        a.application_id is null as is_without_id
    from core.eoir__applications as a
),

proceedings as (
    select
        release_id, proceeding_id, base_city_code, completed_on,
        row_number() over (partition by release_id, proceeding_id order by record_no) as listing_no
    from core.eoir__proceedings
    where proceeding_id is not null
),

applied as (
    select
        a.release_id, a.received_on, case when a.is_granted then p.completed_on end as granted_on, p.base_city_code,
        c.nationality_code, c.case_type_code, c.custody_code
    from applications as a
    left join proceedings as p
        on a.release_id = p.release_id and a.proceeding_id = p.proceeding_id and p.listing_no = 1
    left join marts.court_cases as c on a.release_id = c.release_id and a.case_id = c.case_id
    where a.listing_no = 1 or a.is_without_id
),

events as (
    select
        release_id, 'new_cases' as measure_code, notice_on as happened_on, first_base_city_code as base_city_code,
        nationality_code, case_type_code, custody_code
    from marts.court_cases
    where month(notice_on) = 1
    union all
    select
        c.release_id, m.measure_code, c.completed_on as happened_on, c.completed_base_city_code as base_city_code,
        c.nationality_code, c.case_type_code, c.custody_code
    from marts.court_cases as c
    inner join measures as m
        on case m.measure_code
            when 'completions' then true
            when 'removal_orders' then c.outcome_code = 'removal'
            when 'removal_orders_in_absentia' then c.outcome_code = 'removal' and c.is_in_absentia
            when 'relief_granted' then c.is_relief_granted
            when 'relief_or_protection' then c.is_relief_or_protection
            when 'application_granted' then c.is_application_granted
            else false
        end
    where month(c.completed_on) = 1
    union all
    select
        release_id, 'applications_filed' as measure_code, received_on as happened_on, base_city_code, nationality_code,
        case_type_code, custody_code
    from applied
    where month(received_on) = 1
    union all
    select
        release_id, 'applications_granted' as measure_code, granted_on as happened_on, base_city_code, nationality_code,
        case_type_code, custody_code
    from applied
    where month(granted_on) = 1
),

steps as (
    select
        release_id, measure_code, cast(year(happened_on) as integer) as january, base_city_code, nationality_code,
        case_type_code, custody_code, count(*) as events
    from events
    group by release_id, measure_code, january, base_city_code, nationality_code, case_type_code, custody_code
    union all
    select
        release_id, 'pending' as measure_code,
        cast(year(notice_on) + case when month(notice_on) > 1 then 1 else 0 end as integer) as january,
        last_base_city_code as base_city_code, nationality_code, case_type_code, custody_code, count(*) as events
    from marts.court_cases
    where notice_on is not null
    group by release_id, january, last_base_city_code, nationality_code, case_type_code, custody_code
    union all
    select
        release_id, 'pending' as measure_code,
        cast(year(closed_on) + case when month(closed_on) > 1 then 1 else 0 end as integer) as january,
        last_base_city_code as base_city_code, nationality_code, case_type_code, custody_code, -count(*) as events
    from (
        select
            release_id, last_base_city_code, nationality_code, case_type_code, custody_code,
            greatest(completed_on, notice_on) as closed_on
        from marts.court_cases
        where notice_on is not null and completed_on is not null
    ) as closed
    group by release_id, january, last_base_city_code, nationality_code, case_type_code, custody_code
),

grouped as (
    select
        s.release_id, s.measure_code, d.dimension,
        case d.dimension
            when 'all' then 'all'
            when 'base_city' then coalesce(s.base_city_code, 'unknown')
            when 'nationality' then coalesce(s.nationality_code, 'unknown')
            when 'case_type' then coalesce(s.case_type_code, 'unknown')
            else coalesce(s.custody_code, 'unknown')
        end as dimension_code,
        greatest(s.january, 1999) as january, sum(s.events) as events
    from steps as s
    inner join court_releases as r on s.release_id = r.release_id and s.january <= r.last_january
    cross join dimensions as d
    where s.measure_code = 'pending' or s.january >= 1999
    group by s.release_id, s.measure_code, d.dimension, dimension_code, greatest(s.january, 1999)
),

januaries as (
    select release_id, unnest(generate_series(1999, last_january)) as january
    from court_releases
),

groups as (
    select distinct release_id, measure_code, dimension, dimension_code from grouped
    union
    select r.release_id, m.measure_code, 'all' as dimension, 'all' as dimension_code
    from court_releases as r
    cross join measures as m
),

laid_out as (
    select
        g.release_id, g.measure_code, g.dimension, g.dimension_code, j.january,
        case
            when g.measure_code = 'pending'
                then sum(coalesce(e.events, 0)) over (
                    partition by g.release_id, g.measure_code, g.dimension, g.dimension_code order by j.january
                )
            else coalesce(e.events, 0)
        end as value
    from groups as g
    inner join januaries as j on g.release_id = j.release_id
    left join grouped as e
        on g.release_id = e.release_id
        and g.measure_code = e.measure_code
        and g.dimension = e.dimension
        and g.dimension_code = e.dimension_code
        and j.january = e.january
),

compared as (
    select
        release_id, measure_code, dimension, dimension_code, january, cast(value as bigint) as value,
        cast(lag(value) over (
            partition by release_id, measure_code, dimension, dimension_code order by january
        ) as bigint) as prior
    from laid_out
),

crossed as (
    select
        j.release_id, j.january, count(*) filter (where b.effect = 'break') > 0 as crosses_break,
        list_sort(list(concat(cast(b.break_on as varchar), ' ', b.title, ' (', b.break_id, ')'))) as break_reasons
    from januaries as j
    inner join meta.breaks as b
        on b.break_on > make_date(j.january - 1, 1, 1) and b.break_on < make_date(j.january, 2, 1)
    inner join meta.break_touches as t on b.break_id = t.break_id and t.touches = 'family' and t.code = 'eoir_foia'
    group by j.release_id, j.january
),

labels as (
    select release_id, code_list, listed_code, code_label
    from core.eoir__codes
    where code_list in ('base_city', 'nationality', 'case_type', 'custody')
)

select
    c.release_id, r.published_on, r.trust, r.trust = 'synthetic' as is_synthetic, c.measure_code, m.measure_title, m.unit,
    c.dimension, c.dimension_code, l.code_label as dimension_label, c.january, make_date(c.january, 1, 1) as month_start,
    c.value, c.prior, c.value - c.prior as change,
    round(100.0 * (c.value - c.prior) / nullif(c.prior, 0), 4) as pct_change,
    case
        when coalesce(x.crosses_break, false) then 'break'
        when r.published_on < make_date(c.january, 10, 1) then 'provisional'
        else 'ok'
    end as status,
    list_filter(
        list_concat(
            [
                case when r.trust = 'synthetic' then 'made-up records: they say nothing about the world' end,
                case when r.published_on < make_date(c.january, 10, 1)
                    then 'fiscal year still open when published' end,
                case when c.prior = 0 then 'none in the January before, so no percentage' end
            ],
            coalesce(x.break_reasons, [])
        ),
        reason -> reason is not null
    ) as reasons
from compared as c
inner join court_releases as r on c.release_id = r.release_id
inner join measures as m on c.measure_code = m.measure_code
left join crossed as x on c.release_id = x.release_id and c.january = x.january
left join labels as l
    on c.release_id = l.release_id and c.dimension = l.code_list and c.dimension_code = l.listed_code
where c.january >= 2000 and (c.dimension = 'all' or c.value <> 0 or c.prior <> 0)
