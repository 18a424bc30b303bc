-- grain: one row per release and assignment of a representative, as published (duplicates included)
-- purpose: Representatives of the respondent and of the government.
with typed as (
    select
        release_id,
        record_no,
        coalesce(try_cast(idnrepsassigned as bigint), try_cast(nullif(trim(regexp_replace(idnrepsassigned, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as bigint)) as representation_id,
        coalesce(try_cast(idncase as bigint), try_cast(nullif(trim(regexp_replace(idncase, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as bigint)) as case_id,
        upper(nullif(trim(regexp_replace(strattylevel, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as representation_level_code,
        upper(nullif(trim(regexp_replace(strattytype, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as represented_party_code,
        lower(nullif(trim(regexp_replace(parent_table, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as parent_table,
        coalesce(try_cast(parent_idn as bigint), try_cast(nullif(trim(regexp_replace(parent_idn, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as bigint)) as parent_id,
        upper(nullif(trim(regexp_replace(base_city_code, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as base_city_code,
        coalesce(try_cast(ins_ta_date_assigned as date), try_cast(nullif(trim(regexp_replace(ins_ta_date_assigned, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as date)) as assigned_on,
        coalesce(try_cast(e_27_date as date), try_cast(nullif(trim(regexp_replace(e_27_date, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as date)) as board_represented_on,
        coalesce(try_cast(e_28_date as date), try_cast(nullif(trim(regexp_replace(e_28_date, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as date)) as represented_on,
        case upper(nullif(trim(regexp_replace(blnprimeatty, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) when '1' then true when 'Y' then true when 'TRUE' then true when '0' then false when 'N' then false when 'FALSE' then false end as is_primary
    from raw.eoir__tbl_repsassigned
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
