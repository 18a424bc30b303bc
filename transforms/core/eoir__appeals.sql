-- grain: one row per release and appeal to the Board of Immigration Appeals, as published (duplicates included)
-- purpose: Appeals and motions before the Board.
with typed as (
    select
        r.release_id,
        r.record_no,
        case when regexp_matches(r.idnappeal, '^\s*[0-9]+\s*$') then try_cast(r.idnappeal as bigint) end as appeal_id,
        case when regexp_matches(r.idncase, '^\s*[0-9]+\s*$') then try_cast(r.idncase as bigint) end as case_id,
        case when regexp_matches(r.idnproceeding, '^\s*[0-9]+\s*$') then try_cast(r.idnproceeding as bigint) end as proceeding_id,
        upper(nullif(trim(regexp_replace(r.strappealcategory, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as appeal_category_code,
        nullif(trim(regexp_replace(r.strappealtype, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as appeal_type_code,
        try_cast(r.datappealfiled as date) as filed_on,
        upper(nullif(trim(regexp_replace(r.strfiledby, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as filed_by_code,
        try_cast(r.datbiadecision as date) as board_decision_on,
        upper(nullif(trim(regexp_replace(r.strbiadecision, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as board_decision_code,
        upper(nullif(trim(regexp_replace(r.strbiadecisiontype, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as board_decision_type_code,
        upper(nullif(trim(regexp_replace(r.strcasetype, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as case_type_code,
        upper(nullif(trim(regexp_replace(r.strnat, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as nationality_code,
        upper(nullif(trim(regexp_replace(r.strlang, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as language_code,
        upper(nullif(trim(regexp_replace(r.strcustody, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as custody_code,
        case upper(nullif(trim(regexp_replace(r.strprobono, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) when '1' then true when 'Y' then true when 'TRUE' then true when '0' then false when 'N' then false when 'FALSE' then false end as is_pro_bono
    from raw.eoir__tblappeal as r
)

select
    release_id,
    record_no,
    appeal_id,
    case_id,
    proceeding_id,
    appeal_category_code,
    appeal_type_code,
    filed_on,
    filed_by_code,
    board_decision_on,
    board_decision_code,
    board_decision_type_code,
    case_type_code,
    nationality_code,
    language_code,
    custody_code,
    is_pro_bono,
    coalesce(
        filed_on not between date '1950-01-01' and date '2035-12-31' or
        board_decision_on not between date '1950-01-01' and date '2035-12-31', false
    ) as has_implausible_date
from typed
