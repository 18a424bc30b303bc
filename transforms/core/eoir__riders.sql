-- grain: one row per release and tie between a lead case and a rider, as published (duplicates included)
-- purpose: Families: which case leads and which rides.
with typed as (
    select
        r.release_id,
        r.record_no,
        case when regexp_matches(r.idnleadrider, '^\s*[0-9]+\s*$') then try_cast(r.idnleadrider as bigint) end as rider_id,
        case when regexp_matches(r.idnleadcase, '^\s*[0-9]+\s*$') then try_cast(r.idnleadcase as bigint) end as lead_case_id,
        case when regexp_matches(r.idnridercase, '^\s*[0-9]+\s*$') then try_cast(r.idnridercase as bigint) end as rider_case_id,
        try_cast(r.datcreatedon as date) as created_on,
        try_cast(r.datmodifiedon as date) as modified_on,
        try_cast(r.datseveredon as date) as severed_on,
        case upper(nullif(trim(regexp_replace(r.blnactive, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) when '1' then true when 'Y' then true when 'TRUE' then true when '0' then false when 'N' then false when 'FALSE' then false end as is_active
    from raw.eoir__tbl_lead_rider as r
)

select
    release_id,
    record_no,
    rider_id,
    lead_case_id,
    rider_case_id,
    created_on,
    modified_on,
    severed_on,
    is_active,
    coalesce(
        created_on not between date '1950-01-01' and date '2035-12-31' or
        modified_on not between date '1950-01-01' and date '2035-12-31' or
        severed_on not between date '1950-01-01' and date '2035-12-31', false
    ) as has_implausible_date
from typed
