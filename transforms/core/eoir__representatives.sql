-- grain: one row per release and assignment of a representative, as published (duplicates included)
-- purpose: Representatives of the respondent and of the government.
with typed as (
    select
        r.release_id,
        r.record_no,
        case when regexp_matches(r.idnrepsassigned, '^\s*[0-9]+\s*$') then try_cast(r.idnrepsassigned as bigint) end as representation_id,
        case when regexp_matches(r.idncase, '^\s*[0-9]+\s*$') then try_cast(r.idncase as bigint) end as case_id,
        upper(nullif(trim(regexp_replace(r.strattylevel, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as representation_level_code,
        upper(nullif(trim(regexp_replace(r.strattytype, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as represented_party_code,
        lower(nullif(trim(regexp_replace(r.parent_table, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as parent_table,
        case when regexp_matches(r.parent_idn, '^\s*[0-9]+\s*$') then try_cast(r.parent_idn as bigint) end as parent_id,
        upper(nullif(trim(regexp_replace(r.base_city_code, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as base_city_code,
        try_cast(r.ins_ta_date_assigned as date) as assigned_on,
        try_cast(r.e_27_date as date) as board_represented_on,
        try_cast(r.e_28_date as date) as represented_on,
        case upper(nullif(trim(regexp_replace(r.blnprimeatty, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) when '1' then true when 'Y' then true when 'TRUE' then true when '0' then false when 'N' then false when 'FALSE' then false end as is_primary
    from raw.eoir__tbl_repsassigned as r
)

select
    release_id,
    record_no,
    representation_id,
    case_id,
    representation_level_code,
    represented_party_code,
    parent_table,
    parent_id,
    base_city_code,
    assigned_on,
    board_represented_on,
    represented_on,
    is_primary,
    coalesce(
        assigned_on not between date '1950-01-01' and date '2035-12-31' or
        board_represented_on not between date '1950-01-01' and date '2035-12-31' or
        represented_on not between date '1950-01-01' and date '2035-12-31', false
    ) as has_implausible_date
from typed
