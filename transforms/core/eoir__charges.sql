-- grain: one row per release and charge laid in a proceeding, as published (duplicates included)
-- purpose: Charges with their status; repeated charges are kept, as published.
select
    r.release_id,
    r.record_no,
    try_cast(r.idnprcdchg as bigint) as charge_id,
    try_cast(r.idnproceeding as bigint) as proceeding_id,
    try_cast(r.idncase as bigint) as case_id,
    nullif(trim(regexp_replace(r.charge, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as charge_code,
    upper(nullif(trim(regexp_replace(r.chg_status, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as charge_status_code
from raw.eoir__b_tblproceedcharges as r
