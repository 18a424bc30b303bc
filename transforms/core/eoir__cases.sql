-- grain: one row per release and case record, as published (duplicates included)
-- purpose: Cases with typed dates and trimmed codes; city, ZIP code and facility address stay in raw, by policy.
with typed as (
    select
        r.release_id,
        r.record_no,
        case when regexp_matches(r.idncase, '^\s*[0-9]+\s*$') then try_cast(r.idncase as bigint) end as case_id,
        upper(nullif(trim(regexp_replace(r.case_type, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as case_type_code,
        upper(nullif(trim(regexp_replace(r.nat, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as nationality_code,
        upper(nullif(trim(regexp_replace(r.lang, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as language_code,
        upper(nullif(trim(regexp_replace(r.custody, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as custody_code,
        upper(nullif(trim(regexp_replace(r.sex, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as sex_code,
        upper(nullif(trim(regexp_replace(r.alien_state, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as respondent_state_code,
        upper(nullif(trim(regexp_replace(r.update_site, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as base_city_code,
        upper(nullif(trim(regexp_replace(r.casepriority_code, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as case_priority_code,
        upper(nullif(trim(regexp_replace(r.site_type, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as site_type_code,
        upper(nullif(trim(regexp_replace(r.latest_cal_type, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as calendar_type_code,
        try_cast(r.latest_hearing as date) as latest_hearing_on,
        try_cast(r.date_of_entry as date) as entered_on,
        try_cast(r.e_28_date as date) as represented_on,
        try_cast(r.date_detained as date) as detained_on,
        try_cast(r.date_released as date) as released_on,
        upper(nullif(trim(regexp_replace(r.c_asy_type, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as asylum_type_code,
        case upper(nullif(trim(regexp_replace(r.lpr, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) when '1' then true when 'Y' then true when 'TRUE' then true when '0' then false when 'N' then false when 'FALSE' then false end as is_lawful_permanent_resident,
        nullif(trim(regexp_replace(r.c_birthdate, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as birth_label
    from raw.eoir__a_tblcase as r
),

dated as (
    select
        release_id,
        record_no,
        case_id,
        case_type_code,
        nationality_code,
        language_code,
        custody_code,
        sex_code,
        respondent_state_code,
        base_city_code,
        case_priority_code,
        site_type_code,
        calendar_type_code,
        latest_hearing_on,
        entered_on,
        represented_on,
        detained_on,
        released_on,
        asylum_type_code,
        is_lawful_permanent_resident,
        birth_label,
        case
            when regexp_matches(birth_label, '^[0-9]{1,2}/[0-9]{4}$')
                then try_cast(split_part(birth_label, '/', 2) || '-' || lpad(split_part(birth_label, '/', 1), 2, '0') || '-01' as date)
            else try_cast(birth_label as date)
        end as birth_month
    from typed
)

select
    release_id,
    record_no,
    case_id,
    case_type_code,
    nationality_code,
    language_code,
    custody_code,
    sex_code,
    respondent_state_code,
    base_city_code,
    case_priority_code,
    site_type_code,
    calendar_type_code,
    latest_hearing_on,
    entered_on,
    represented_on,
    detained_on,
    released_on,
    asylum_type_code,
    is_lawful_permanent_resident,
    birth_label,
    cast(date_trunc('month', birth_month) as date) as birth_month,
    case when birth_month is null then null when birth_label like '%/%' then 'month' else 'day' end as birth_precision,
    coalesce(
        latest_hearing_on not between date '1950-01-01' and date '2035-12-31' or
        entered_on not between date '1950-01-01' and date '2035-12-31' or
        represented_on not between date '1950-01-01' and date '2035-12-31' or
        detained_on not between date '1950-01-01' and date '2035-12-31' or
        released_on not between date '1950-01-01' and date '2035-12-31', false
    ) as has_implausible_date
from dated
