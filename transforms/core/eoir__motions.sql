-- grain: one row per release and motion, as published (duplicates included)
-- purpose: Motions filed in a proceeding and how the court ruled.
with typed as (
    select
        r.release_id,
        r.record_no,
        case when regexp_matches(r.idnmotion, '^\s*[0-9]+\s*$') then try_cast(r.idnmotion as bigint) end as motion_id,
        case when regexp_matches(r.idnproceeding, '^\s*[0-9]+\s*$') then try_cast(r.idnproceeding as bigint) end as proceeding_id,
        case when regexp_matches(r.idncase, '^\s*[0-9]+\s*$') then try_cast(r.idncase as bigint) end as case_id,
        upper(nullif(trim(regexp_replace(r.base_city_code, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as base_city_code,
        upper(nullif(trim(regexp_replace(r.hearing_loc_code, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as hearing_location_code,
        nullif(trim(regexp_replace(r.ij_code, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as judge_code,
        upper(nullif(trim(regexp_replace(r.rec_type, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as motion_type_code,
        upper(nullif(trim(regexp_replace(r.dec, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as motion_decision_code,
        try_cast(r.comp_date as date) as completed_on,
        try_cast(r.motion_recd_date as date) as received_on,
        upper(nullif(trim(regexp_replace(r.strfilingparty, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as filing_party_code,
        upper(nullif(trim(regexp_replace(r.strfilingmethod, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as filing_method_code,
        upper(nullif(trim(regexp_replace(r.stay_grant, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as stay_code,
        case when regexp_matches(r.generation, '^\s*[0-9]+\s*$') then try_cast(r.generation as integer) end as generation,
        case when regexp_matches(r.sub_generation, '^\s*[0-9]+\s*$') then try_cast(r.sub_generation as integer) end as sub_generation,
        r.surplus_fields is not null as has_surplus_fields
    from raw.eoir__tbl_court_motions as r
)

select
    release_id,
    record_no,
    motion_id,
    proceeding_id,
    case_id,
    base_city_code,
    hearing_location_code,
    judge_code,
    motion_type_code,
    motion_decision_code,
    completed_on,
    received_on,
    filing_party_code,
    filing_method_code,
    stay_code,
    generation,
    sub_generation,
    has_surplus_fields,
    coalesce(
        completed_on not between date '1950-01-01' and date '2035-12-31' or
        received_on not between date '1950-01-01' and date '2035-12-31', false
    ) as has_implausible_date
from typed
