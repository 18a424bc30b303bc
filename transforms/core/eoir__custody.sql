-- grain: one row per release and custody status of a case, as published (duplicates included)
-- purpose: Custody history.
with typed as (
    select
        release_id,
        record_no,
        coalesce(try_cast(idncustody as bigint), try_cast(nullif(trim(regexp_replace(idncustody, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as bigint)) as custody_id,
        coalesce(try_cast(idncase as bigint), try_cast(nullif(trim(regexp_replace(idncase, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as bigint)) as case_id,
        upper(nullif(trim(regexp_replace(custody, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as custody_code,
        coalesce(try_cast(datdetained as date), try_cast(nullif(trim(regexp_replace(datdetained, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as date)) as detained_on,
        coalesce(try_cast(datreleased as date), try_cast(nullif(trim(regexp_replace(datreleased, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as date)) as released_on
    from raw.eoir__tbl_custodyhistory
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
