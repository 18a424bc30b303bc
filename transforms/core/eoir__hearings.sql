-- grain: one row per release and scheduled hearing, as published (duplicates included)
-- purpose: Scheduled hearings, held or adjourned.
with typed as (
    select
        r.release_id,
        r.record_no,
        case when regexp_matches(r.idnschedule, '^\s*[0-9]+\s*$') then try_cast(r.idnschedule as bigint) end as hearing_id,
        case when regexp_matches(r.idnproceeding, '^\s*[0-9]+\s*$') then try_cast(r.idnproceeding as bigint) end as proceeding_id,
        case when regexp_matches(r.idncase, '^\s*[0-9]+\s*$') then try_cast(r.idncase as bigint) end as case_id,
        upper(nullif(trim(regexp_replace(r.hearing_loc_code, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as hearing_location_code,
        upper(nullif(trim(regexp_replace(r.base_city_code, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as base_city_code,
        nullif(trim(regexp_replace(r.ij_code, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as judge_code,
        try_cast(r.adj_date as date) as hearing_on,
        nullif(trim(regexp_replace(r.adj_time_start, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as start_time,
        nullif(trim(regexp_replace(r.adj_rsn, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as adjournment_code,
        upper(nullif(trim(regexp_replace(r.adj_medium, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as hearing_medium_code,
        upper(nullif(trim(regexp_replace(r.cal_type, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as calendar_type_code,
        upper(nullif(trim(regexp_replace(r.schedule_type, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as schedule_type_code,
        upper(nullif(trim(regexp_replace(r.lang, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as language_code,
        upper(nullif(trim(regexp_replace(r.notice_code, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as notice_code,
        case when regexp_matches(r.generation, '^\s*[0-9]+\s*$') then try_cast(r.generation as integer) end as generation,
        case when regexp_matches(r.sub_generation, '^\s*[0-9]+\s*$') then try_cast(r.sub_generation as integer) end as sub_generation
    from raw.eoir__tbl_schedule as r
)

select
    release_id,
    record_no,
    hearing_id,
    proceeding_id,
    case_id,
    hearing_location_code,
    base_city_code,
    judge_code,
    hearing_on,
    start_time,
    adjournment_code,
    hearing_medium_code,
    calendar_type_code,
    schedule_type_code,
    language_code,
    notice_code,
    generation,
    sub_generation,
    coalesce(
        hearing_on not between date '1950-01-01' and date '2035-12-31', false
    ) as has_implausible_date
from typed
