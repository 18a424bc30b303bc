-- grain: one row per release and juvenile status of a case, as published (duplicates included)
-- purpose: Juvenile history; the number points into tblLookup_Juvenile.
with typed as (
    select
        r.release_id,
        r.record_no,
        case when regexp_matches(r.idnjuvenilehistory, '^\s*[0-9]+\s*$') then try_cast(r.idnjuvenilehistory as bigint) end as juvenile_history_id,
        case when regexp_matches(r.idncase, '^\s*[0-9]+\s*$') then try_cast(r.idncase as bigint) end as case_id,
        case when regexp_matches(r.idnproceeding, '^\s*[0-9]+\s*$') then try_cast(r.idnproceeding as bigint) end as proceeding_id,
        case when regexp_matches(r.idnjuvenile, '^\s*[0-9]+\s*$') then try_cast(r.idnjuvenile as integer) end as juvenile_number,
        try_cast(r.datcreatedon as date) as created_on,
        try_cast(r.datmodifiedon as date) as modified_on
    from raw.eoir__tbl_juvenilehistory as r
)

select
    release_id,
    record_no,
    juvenile_history_id,
    case_id,
    proceeding_id,
    juvenile_number,
    created_on,
    modified_on,
    coalesce(
        created_on not between date '1950-01-01' and date '2035-12-31' or
        modified_on not between date '1950-01-01' and date '2035-12-31', false
    ) as has_implausible_date
from typed
