-- grain: one row per raw line of a CBP file
-- purpose: type and conform every line of the southwest, nationwide and workbook families, say why a line cannot be
--          taken (reject_reason), and leave nothing out. Codes come from meta.code_map, corrections from meta.corrections.
with printed as (
    select
        release_id, line_no, 'agency' as scope, fiscal_year_label, month_grouping_label, month_label, component_label,
        cast(null as varchar) as region_label, cast(null as varchar) as sector_label,
        cast(null as varchar) as sector_abbreviation_label, cast(null as varchar) as state_label, demographic_label,
        citizenship_label, title_label, encounter_type_label, encounters_label
    from raw.cbp_sbo
    union all
    select
        release_id, line_no, 'agency', fiscal_year_label, month_grouping_label, month_label, null,
        region_label, null, null, state_label, demographic_label,
        citizenship_label, title_label, null, encounters_label
    from raw.cbp_nationwide_state
    union all
    select
        release_id, line_no, 'agency', fiscal_year_label, month_grouping_label, month_label, component_label,
        region_label, sector_label, sector_abbreviation_label, null, demographic_label,
        citizenship_label, title_label, encounter_type_label, encounters_label
    from raw.cbp_nationwide_aor
    union all
    select
        release_id, line_no, 'agency', fiscal_year_label, null, month_label, null,
        null, null, sector_label, null, demographic_label,
        citizenship_label, null, null, encounters_label
    from raw.usbp_southwest_workbook
    union all
    select
        release_id, line_no, 'carried', fiscal_year_label, null, month_label, component_label,
        region_label, sector_label, null, state_label, demographic_label,
        citizenship_label, title_label, encounter_type_label, encounters_label
    from raw.carried_series
),

codes as (
    select 'agency' as scope, domain, label, code from meta.code_map
    union
    select 'carried', domain, code, code from meta.code_map
    union
    select 'carried', domain, 'all', 'all' from meta.code_map
),

looked_up as (
    select
        printed.release_id, printed.line_no, releases.family, families.publisher_code, families.parts_are_summed,
        printed.scope = 'carried' as is_carried, printed.fiscal_year_label, printed.month_grouping_label, printed.month_label,
        printed.component_label, printed.region_label,
        coalesce(printed.sector_label, printed.sector_abbreviation_label) as sector_label, printed.state_label,
        printed.demographic_label, printed.citizenship_label, printed.title_label, printed.encounter_type_label,
        printed.encounters_label,
        case
            when regexp_matches(printed.fiscal_year_label, '^(FY)?20[0-9][0-9](TD| [(]FYTD[)])?$')
                then cast(substr(replace(printed.fiscal_year_label, 'FY', ''), 1, 4) as integer)
        end as fiscal_year,
        printed.fiscal_year_label like '%TD%' as is_open_year,
        case
            when printed.scope = 'carried' then
                case when regexp_matches(printed.month_label, '^[0-9]{4}-[0-9]{2}$')
                    then cast(substr(printed.month_label, 6, 2) as integer) end
            when regexp_matches(months.code, '^[0-9]{1,2}$') then cast(months.code as integer)
        end as month_no,
        components.code as component_code, regions.code as region_code,
        coalesce(sectors.code, abbreviations.code) as sector_code,
        printed.sector_label is not null and printed.sector_abbreviation_label is not null
            and sectors.code is distinct from abbreviations.code as has_two_sectors,
        states.code as state_code, demographics.code as demographic_code, citizenships.code as citizenship_code,
        titles.code as title_code, encounter_types.code as encounter_type_code,
        case
            when regexp_matches(printed.encounters_label, '^[0-9]{1,12}([.]0+)?$')
                then cast(regexp_replace(printed.encounters_label, '[.]0+$', '', 'g') as bigint)
        end as encounters
    from printed
    inner join meta.releases as releases on printed.release_id = releases.release_id
    inner join meta.families as families on releases.family = families.family
    left join codes as months
        on months.scope = printed.scope
        and months.domain = 'month'
        and months.label = printed.month_label
    left join codes as components
        on components.scope = printed.scope
        and components.domain = 'component'
        and components.label = printed.component_label
    left join codes as regions
        on regions.scope = printed.scope
        and regions.domain = 'region'
        and regions.label = printed.region_label
    left join codes as sectors
        on sectors.scope = printed.scope
        and sectors.domain = 'sector'
        and sectors.label = printed.sector_label
    left join codes as abbreviations
        on abbreviations.scope = printed.scope
        and abbreviations.domain = 'sector_abbreviation'
        and abbreviations.label = printed.sector_abbreviation_label
    left join codes as states
        on states.scope = printed.scope
        and states.domain = 'state'
        and states.label = printed.state_label
    left join codes as demographics
        on demographics.scope = printed.scope
        and demographics.domain = 'demographic'
        and demographics.label = printed.demographic_label
    left join codes as citizenships
        on citizenships.scope = printed.scope
        and citizenships.domain = 'citizenship'
        and citizenships.label = printed.citizenship_label
    left join codes as titles
        on titles.scope = printed.scope
        and titles.domain = 'title'
        and titles.label = printed.title_label
    left join codes as encounter_types
        on encounter_types.scope = printed.scope
        and encounter_types.domain = 'encounter_type'
        and encounter_types.label = printed.encounter_type_label
    where families.publisher_code = 'cbp'
),

corrected as (
    select
        looked_up.release_id, looked_up.line_no, looked_up.family, looked_up.publisher_code, looked_up.parts_are_summed,
        looked_up.is_carried, looked_up.fiscal_year_label, looked_up.month_grouping_label, looked_up.month_label,
        looked_up.component_label, looked_up.region_label, looked_up.sector_label, looked_up.state_label,
        looked_up.demographic_label, looked_up.citizenship_label, looked_up.title_label, looked_up.encounter_type_label,
        looked_up.encounters_label, looked_up.fiscal_year, looked_up.is_open_year, looked_up.has_two_sectors,
        make_date(
            case when looked_up.month_no >= 10 then looked_up.fiscal_year - 1 else looked_up.fiscal_year end,
            looked_up.month_no, 1
        ) as month_start,
        (looked_up.month_no + 2) % 12 + 1 as fiscal_month,
        looked_up.component_code, looked_up.region_code, looked_up.sector_code, looked_up.state_code,
        looked_up.demographic_code, looked_up.citizenship_code, looked_up.title_code,
        coalesce(corrections.set_encounter_type_code, looked_up.encounter_type_code) as encounter_type_code,
        corrections.correction_id, looked_up.encounters
    from looked_up
    left join meta.corrections as corrections
        on corrections.family = looked_up.family
        and (corrections.fiscal_year_label is null or corrections.fiscal_year_label = looked_up.fiscal_year_label)
        and (corrections.component_label is null or corrections.component_label = looked_up.component_label)
        and (corrections.title_label is null or corrections.title_label = looked_up.title_label)
        and (corrections.encounter_type_label is null or corrections.encounter_type_label = looked_up.encounter_type_label)
),

filled as (
    select
        release_id, line_no, family, publisher_code, parts_are_summed, is_carried, fiscal_year_label, month_grouping_label,
        month_label, component_label, region_label, sector_label, state_label, demographic_label, citizenship_label,
        title_label, encounter_type_label, encounters_label, month_start, fiscal_year, fiscal_month, is_open_year,
        has_two_sectors, correction_id, encounters,
        case
            when component_label is not null then component_code
            when family = 'usbp_southwest_workbook' then 'usbp'
            else 'all'
        end as component_code,
        case
            when region_label is not null then region_code
            when family in ('cbp_sbo', 'usbp_southwest_workbook') then 'southwest'
            else 'all'
        end as region_code,
        case when sector_label is not null then sector_code else 'all' end as sector_code,
        case when state_label is not null then state_code else 'all' end as state_code,
        case when demographic_label is not null then demographic_code else 'all' end as demographic_code,
        case when citizenship_label is not null then citizenship_code else 'all' end as citizenship_code,
        case
            when title_label is not null then title_code
            when family = 'usbp_southwest_workbook' and month_start < date '2020-03-01' then 'title_8'
            else 'all'
        end as title_code,
        case
            when encounter_type_label is not null then encounter_type_code
            when family = 'usbp_southwest_workbook' and month_start < date '2020-03-01' then 'apprehensions'
            else 'all'
        end as encounter_type_code
    from corrected
),

keyed as (
    select
        release_id, line_no, family, publisher_code, parts_are_summed, is_carried, fiscal_year_label, month_grouping_label,
        month_label, component_label, region_label, sector_label, state_label, demographic_label, citizenship_label,
        title_label, encounter_type_label, encounters_label, month_start, fiscal_year, fiscal_month, is_open_year,
        has_two_sectors, correction_id, encounters, component_code, region_code, sector_code, state_code, demographic_code,
        citizenship_code, title_code, encounter_type_code,
        count(*) over same_key as lines_of_key,
        min(line_no) over same_key as first_line_of_key,
        max(line_no) over same_key as last_line_of_key
    from filled
    window same_key as (
        partition by release_id, month_start, component_code, region_code, sector_code, state_code, demographic_code,
        citizenship_code, title_code, encounter_type_code
    )
)

select
    release_id, line_no, family, publisher_code, month_start, fiscal_year, fiscal_month, is_open_year,
    component_code, case when not is_carried then component_label end as component_label,
    region_code, case when not is_carried then region_label end as region_label,
    sector_code, case when not is_carried then sector_label end as sector_label,
    state_code, case when not is_carried then state_label end as state_label,
    demographic_code, case when not is_carried then demographic_label end as demographic_label,
    citizenship_code, case when not is_carried then citizenship_label end as citizenship_label,
    title_code, case when not is_carried then title_label end as title_label,
    encounter_type_code, case when not is_carried then encounter_type_label end as encounter_type_label,
    fiscal_year_label, month_grouping_label, encounters, correction_id, false as is_repeat,
    cast(null as varchar) as ignore_reason,
    case
        when fiscal_year is null or month_start is null
            then concat('month ', month_label, ' of fiscal year ', fiscal_year_label, ' is not a month')
        when encounters is null then concat('count ', encounters_label, ' is not a whole number of encounters')
        when component_code is null then concat('unknown component ', component_label)
        when region_code is null then concat('unknown region ', region_label)
        when sector_code is null then concat('unknown sector ', sector_label)
        when has_two_sectors then concat('sector ', sector_label, ' and its abbreviation name two sectors')
        when state_code is null then concat('unknown state ', state_label)
        when demographic_code is null then concat('unknown demographic ', demographic_label)
        when citizenship_code is null then concat('unknown citizenship ', citizenship_label)
        when title_code is null then concat('unknown title ', title_label)
        when encounter_type_code is null then concat('unknown encounter type ', encounter_type_label)
        when month_grouping_label not in ('FYTD', 'Remaining') then concat('unknown month grouping ', month_grouping_label)
        when lines_of_key > 1 and not parts_are_summed
            then concat(
                'the same cell is printed on ', cast(lines_of_key as varchar), ' lines (', cast(first_line_of_key as varchar),
                ' to ', cast(last_line_of_key as varchar), '); which count is right is unknown'
            )
    end as reject_reason
from keyed
