-- grain: one row per release and charge laid in a proceeding, as published (duplicates included)
-- purpose: Charges with their status; repeated charges are kept, as published.
select
    r.release_id,
    r.record_no,
    case when regexp_matches(r.idnprcdchg, '^\s*[0-9]+\s*$') then try_cast(r.idnprcdchg as bigint) end as charge_id,
    case when regexp_matches(r.idnproceeding, '^\s*[0-9]+\s*$') then try_cast(r.idnproceeding as bigint) end as proceeding_id,
    case when regexp_matches(r.idncase, '^\s*[0-9]+\s*$') then try_cast(r.idncase as bigint) end as case_id,
    nullif(trim(regexp_replace(r.charge, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as charge_code,
    upper(nullif(trim(regexp_replace(r.chg_status, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as charge_status_code
from raw.eoir__b_tblproceedcharges as r
