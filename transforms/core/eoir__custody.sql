-- grain: one row per release and custody status of a case, as published (duplicates included)
-- purpose: When each case was detained, released or never detained.
with typed as (
    select
        r.release_id,
        r.record_no,
        case when regexp_matches(r.idncustody, '^\s*[0-9]+\s*$') then try_cast(r.idncustody as bigint) end as custody_id,
        case when regexp_matches(r.idncase, '^\s*[0-9]+\s*$') then try_cast(r.idncase as bigint) end as case_id,
        upper(nullif(trim(regexp_replace(r.custody, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as custody_code,
        try_cast(r.datdetained as date) as detained_on,
        try_cast(r.datreleased as date) as released_on
    from raw.eoir__tbl_custodyhistory as r
)

select
    release_id,
    record_no,
    custody_id,
    case_id,
    custody_code,
    detained_on,
    released_on,
    coalesce(
        detained_on not between date '1950-01-01' and date '2035-12-31' or
        released_on not between date '1950-01-01' and date '2035-12-31', false
    ) as has_implausible_date
from typed
