-- grain: one row per release and case with any sign of the Migrant Protection Protocols
-- purpose: Each sign apart: identifier MP, identifier RM, a hearing or proceeding at an MPP location. TRAC does not
--   publish its rule, so none is chosen here. The outcome is that of the last completed proceeding; a transfer
--   leaves the case pending.
with identified as (
    select
        release_id, case_id,
        max(case when identifier_code = 'MP' then 1 else 0 end) as mp,
        max(case when identifier_code = 'RM' then 1 else 0 end) as rm
    from core.eoir__case_identifiers
    where identifier_code in ('MP', 'RM')
    group by release_id, case_id
),

places as (
    select release_id, case_id, hearing_location_code, hearing_on as seen_on, hearing_id as seen_id, 2 as seen_in
    from core.eoir__hearings
    union all
    select release_id, case_id, hearing_location_code, hearing_on as seen_on, proceeding_id as seen_id, 1 as seen_in
    from core.eoir__proceedings
    union all
    select release_id, case_id, previous_location_code as hearing_location_code, null as seen_on,
        proceeding_id as seen_id, 3 as seen_in
    from core.eoir__proceedings
),

located as (
    select
        p.release_id, p.case_id, p.hearing_location_code, p.seen_on,
        row_number() over (
            partition by p.release_id, p.case_id
            order by p.seen_on nulls last, p.seen_in, p.seen_id nulls last, p.hearing_location_code
        ) as visit_no
    from places as p
    inner join meta.eoir_bundled_locations as l on p.hearing_location_code = l.listed_code and l.is_mpp
    where p.case_id is not null
),

signs as (
    select release_id, case_id from identified where case_id is not null
    union
    select release_id, case_id from located
),

notices as (
    select p.release_id, p.case_id, min(p.notice_on) as notice_on
    from core.eoir__proceedings as p
    inner join signs as s on p.release_id = s.release_id and p.case_id = s.case_id
    group by p.release_id, p.case_id
),

case_records as (
    select
        c.release_id, c.case_id, c.case_type_code, c.nationality_code,
        row_number() over (partition by c.release_id, c.case_id order by c.record_no) as case_record_no
    from core.eoir__cases as c
    inner join signs as s on c.release_id = s.release_id and c.case_id = s.case_id
),

outcomes as (
    select release_id, case_id, outcome_code, completed_on, is_in_absentia, case_type_code, nationality_code
    from core.eoir__proceedings
    where is_last_completed
)

select
    s.release_id,
    s.case_id,
    coalesce(i.mp = 1, false) as is_flagged_mp,
    coalesce(i.rm = 1, false) as is_flagged_rm,
    l.hearing_location_code is not null as is_ever_at_mpp_location,
    l.hearing_location_code as first_mpp_location_code,
    l.seen_on as first_mpp_hearing_on,
    cast(date_trunc('month', n.notice_on) as date) as notice_month,
    case
        when n.notice_on between date '2019-01-01' and date '2021-01-31' then 'MPP1'
        when n.notice_on >= date '2021-12-01' then 'MPP2'
        else 'outside'
    end as mpp_programme_code,
    coalesce(c.case_type_code, o.case_type_code) as case_type_code,
    coalesce(c.nationality_code, o.nationality_code) as nationality_code,
    coalesce(c.case_type_code, o.case_type_code) = 'RMV' as is_removal_case,
    case when coalesce(o.outcome_code, 'pending') in ('pending', 'transfer') then 'pending' else o.outcome_code end
        as outcome_code,
    case when coalesce(o.outcome_code, 'pending') not in ('pending', 'transfer') then o.completed_on end as completed_on,
    coalesce(o.is_in_absentia and o.outcome_code not in ('pending', 'transfer'), false) as is_in_absentia
from signs as s
left join identified as i on s.release_id = i.release_id and s.case_id = i.case_id
left join located as l on s.release_id = l.release_id and s.case_id = l.case_id and l.visit_no = 1
left join notices as n on s.release_id = n.release_id and s.case_id = n.case_id
left join case_records as c on s.release_id = c.release_id and s.case_id = c.case_id and c.case_record_no = 1
left join outcomes as o on s.release_id = o.release_id and s.case_id = o.case_id
