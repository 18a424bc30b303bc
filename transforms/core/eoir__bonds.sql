-- grain: one row per release and bond proceeding, as published (duplicates included)
-- purpose: Bond requests and redeterminations.
with typed as (
    select
        r.release_id,
        r.record_no,
        case when regexp_matches(r.idnassocbond, '^\s*[0-9]+\s*$') then try_cast(r.idnassocbond as bigint) end as bond_id,
        case when regexp_matches(r.idnproceeding, '^\s*[0-9]+\s*$') then try_cast(r.idnproceeding as bigint) end as proceeding_id,
        case when regexp_matches(r.idncase, '^\s*[0-9]+\s*$') then try_cast(r.idncase as bigint) end as case_id,
        upper(nullif(trim(regexp_replace(r.base_city_code, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as base_city_code,
        upper(nullif(trim(regexp_replace(r.hearing_loc_code, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as hearing_location_code,
        nullif(trim(regexp_replace(r.ij_code, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as judge_code,
        upper(nullif(trim(regexp_replace(r.dec, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as bond_decision_code,
        try_cast(r.comp_date as date) as completed_on,
        try_cast(r.bond_hear_req_date as date) as requested_on,
        case when regexp_matches(r.initial_bond, '^\s*-?([0-9]+\.?[0-9]*|\.[0-9]+)\s*$') then try_cast(r.initial_bond as decimal(14, 2)) end as initial_bond_usd,
        case when regexp_matches(r.new_bond, '^\s*-?([0-9]+\.?[0-9]*|\.[0-9]+)\s*$') then try_cast(r.new_bond as decimal(14, 2)) end as new_bond_usd,
        upper(nullif(trim(regexp_replace(r.bond_type, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as bond_type_code,
        upper(nullif(trim(regexp_replace(r.filing_party, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as filing_party_code,
        case when regexp_matches(r.generation, '^\s*[0-9]+\s*$') then try_cast(r.generation as integer) end as generation,
        case when regexp_matches(r.sub_generation, '^\s*[0-9]+\s*$') then try_cast(r.sub_generation as integer) end as sub_generation
    from raw.eoir__d_tblassociatedbond as r
)

select
    release_id,
    record_no,
    bond_id,
    proceeding_id,
    case_id,
    base_city_code,
    hearing_location_code,
    judge_code,
    bond_decision_code,
    completed_on,
    requested_on,
    initial_bond_usd,
    new_bond_usd,
    bond_type_code,
    filing_party_code,
    generation,
    sub_generation,
    coalesce(
        completed_on not between date '1950-01-01' and date '2035-12-31' or
        requested_on not between date '1950-01-01' and date '2035-12-31', false
    ) as has_implausible_date
from typed
