-- grain: one row per court release and case
-- purpose: Where each case stands: first notice, courts, how it was completed, the three readings of relief. A case is
--   completed when its last completed proceeding is not a transfer (by completion date, then proceeding id, then record).
--   Attributes come from the first record of the case, else from its last proceeding.
with ordered as (
    select
        release_id, case_id, base_city_code, case_type_code, nationality_code, custody_code, notice_on,
        row_number() over (
            partition by release_id, case_id order by proceeding_id nulls last, record_no
        ) as proceeding_no,
        count(*) over (partition by release_id, case_id) as proceedings
    from core.eoir__proceedings
    where case_id is not null
),

proceeded as (
    select
        release_id, case_id, max(proceedings) as proceedings, min(notice_on) as notice_on,
        max(case when proceeding_no = 1 then base_city_code end) as first_base_city_code,
        max(case when proceeding_no = proceedings then base_city_code end) as last_base_city_code,
        max(case when proceeding_no = proceedings then case_type_code end) as case_type_code,
        max(case when proceeding_no = proceedings then nationality_code end) as nationality_code,
        max(case when proceeding_no = proceedings then custody_code end) as custody_code
    from ordered
    group by release_id, case_id
),

recorded as (
    select
        release_id, case_id, case_type_code, nationality_code, custody_code,
        row_number() over (partition by release_id, case_id order by record_no) as case_record_no
    from core.eoir__cases
    where case_id is not null
),

first_records as (
    select release_id, case_id, case_type_code, nationality_code, custody_code
    from recorded
    where case_record_no = 1
),

keys as (
    select release_id, case_id from first_records
    union
    select release_id, case_id from proceeded
),

known as (
    select
        n.release_id, n.case_id, coalesce(r.case_type_code, p.case_type_code) as case_type_code,
        coalesce(r.nationality_code, p.nationality_code) as nationality_code,
        coalesce(r.custody_code, p.custody_code) as custody_code,
        p.notice_on, p.first_base_city_code, p.last_base_city_code, coalesce(p.proceedings, 0) as proceedings
    from keys as n
    left join first_records as r on n.release_id = r.release_id and n.case_id = r.case_id
    left join proceeded as p on n.release_id = p.release_id and n.case_id = p.case_id
),

completed as (
    select
        release_id, case_id, case_type_code, completed_on, base_city_code, outcome_code, decision_code, is_in_absentia
    from core.eoir__proceedings
    where is_last_completed and outcome_code not in ('pending', 'transfer')
),

applied as (
    select
        release_id, case_id, count(distinct application_id) as applications, min(received_on) as first_application_on,
        max(case when application_decision_code in ('G', 'F', 'C', 'I', 'P', 'L') then 1 else 0 end) as granted
    from core.eoir__applications
    where case_id is not null
    group by release_id, case_id
),

signed as (
    select release_id, case_id, mpp_programme_code
    from core.eoir__mpp_cases
    where is_flagged_mp or is_flagged_rm or is_ever_at_mpp_location
)

select
    k.release_id, k.case_id, k.case_type_code, k.nationality_code, k.custody_code, k.notice_on, k.first_base_city_code,
    k.last_base_city_code, k.proceedings, c.completed_on, c.base_city_code as completed_base_city_code,
    coalesce(c.outcome_code, 'pending') as outcome_code,
    case
        when c.outcome_code is null then 'pending'
        when c.outcome_code = 'relief' then 'relief'
        when c.outcome_code in ('withholding', 'removal_withheld') then 'protection'
        when c.outcome_code = 'removal' then 'removal'
        else 'other_closure'
    end as outcome_group_code,
    c.decision_code,
    coalesce(c.is_in_absentia, false) as is_in_absentia,
    coalesce(c.case_type_code = 'RMV' and c.decision_code = 'R', false) as is_relief_granted,
    coalesce(c.case_type_code = 'RMV' and c.decision_code in ('R', 'E', 'Z', 'H'), false) as is_relief_or_protection,
    c.outcome_code is not null and coalesce(a.granted = 1, false) as is_application_granted,
    coalesce(a.applications, 0) as applications, a.first_application_on, s.mpp_programme_code
from known as k
left join completed as c on k.release_id = c.release_id and k.case_id = c.case_id
left join applied as a on k.release_id = a.release_id and k.case_id = a.case_id
left join signed as s on k.release_id = s.release_id and k.case_id = s.case_id
