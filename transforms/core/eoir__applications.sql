-- grain: one row per release and application for relief, as published (duplicates included)
-- purpose: Applications for relief and how the court decided each.
with typed as (
    select
        r.release_id,
        r.record_no,
        case when regexp_matches(r.idnproceedingappln, '^\s*[0-9]+\s*$') then try_cast(r.idnproceedingappln as bigint) end as application_id,
        case when regexp_matches(r.idnproceeding, '^\s*[0-9]+\s*$') then try_cast(r.idnproceeding as bigint) end as proceeding_id,
        case when regexp_matches(r.idncase, '^\s*[0-9]+\s*$') then try_cast(r.idncase as bigint) end as case_id,
        nullif(trim(regexp_replace(r.appl_code, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as application_code,
        try_cast(r.appl_recd_date as date) as received_on,
        upper(nullif(trim(regexp_replace(r.appl_dec, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as application_decision_code
    from raw.eoir__tbl_court_appln as r
)

select
    release_id,
    record_no,
    application_id,
    proceeding_id,
    case_id,
    application_code,
    received_on,
    application_decision_code,
    coalesce(
        received_on not between date '1950-01-01' and date '2035-12-31', false
    ) as has_implausible_date
from typed
