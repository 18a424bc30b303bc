-- grain: one row per release and charge laid in a proceeding, as published (duplicates included)
-- purpose: Charges with their status; repeated charges are kept, as published.
select
    r.release_id,
    r.record_no,
    coalesce(try_cast(r.idnprcdchg as bigint), try_cast(nullif(trim(regexp_replace(r.idnprcdchg, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as bigint)) as charge_id,
    coalesce(try_cast(r.idnproceeding as bigint), try_cast(nullif(trim(regexp_replace(r.idnproceeding, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as bigint)) as proceeding_id,
    coalesce(try_cast(r.idncase as bigint), try_cast(nullif(trim(regexp_replace(r.idncase, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as bigint)) as case_id,
    nullif(trim(regexp_replace(r.charge, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as charge_code,
    upper(nullif(trim(regexp_replace(r.chg_status, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as charge_status_code
from raw.eoir__b_tblproceedcharges as r
