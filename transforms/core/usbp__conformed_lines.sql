-- grain: one row per raw line of the USBP history
-- purpose: type and conform the history by sector; published totals are set aside as controls, not loaded twice.
--          Until February 2020 the history counts Title 8 apprehensions; from March 2020 both titles together.
with printed as (
    select
        release_id, line_no, 'agency' as scope, fiscal_year_label, sector_label, month_label, encounters_label
    from raw.usbp_monthly_history
    union all
    select release_id, line_no, 'carried', fiscal_year_label, sector_label, month_label, encounters_label
    from raw.carried_series
),

codes as (
    select 'agency' as scope, domain, label, code from meta.code_map
    union
    select 'carried', domain, code, code from meta.code_map
),

looked_up as (
    select
        printed.release_id, printed.line_no, releases.family, families.publisher_code, printed.scope = 'carried' as is_carried,
        printed.fiscal_year_label, printed.sector_label, printed.month_label, printed.encounters_label,
        case
            when regexp_matches(printed.fiscal_year_label, '^20[0-9][0-9]$') then cast(printed.fiscal_year_label as integer)
        end as fiscal_year,
        months.code as month_code,
        case
            when printed.scope = 'carried' then
                case when regexp_matches(printed.month_label, '^[0-9]{4}-[0-9]{2}$')
                    then cast(substr(printed.month_label, 6, 2) as integer) end
            when regexp_matches(months.code, '^[0-9]{1,2}$') then cast(months.code as integer)
        end as month_no,
        sectors.code as sector_code, regions.code as region_code,
        case
            when regexp_matches(printed.encounters_label, '^[0-9]{1,12}([.]0+)?$')
                then cast(regexp_replace(printed.encounters_label, '[.]0+$', '', 'g') as bigint)
        end as encounters
    from printed
    inner join meta.releases as releases on printed.release_id = releases.release_id
    inner join meta.families as families on releases.family = families.family
    left join codes as months on months.scope = 'agency' and months.domain = 'month' and months.label = printed.month_label
    left join codes as sectors
        on sectors.scope = printed.scope
        and sectors.domain = 'sector'
        and sectors.label = printed.sector_label
    left join codes as regions on regions.scope = 'agency' and regions.domain = 'history_region' and regions.label = sectors.code
    where families.publisher_code = 'usbp'
),

dated as (
    select
        release_id, line_no, family, publisher_code, is_carried, fiscal_year_label, sector_label, month_label, encounters_label,
        fiscal_year, month_code, sector_code, region_code, encounters,
        make_date(case when month_no >= 10 then fiscal_year - 1 else fiscal_year end, month_no, 1) as month_start,
        (month_no + 2) % 12 + 1 as fiscal_month,
        sector_code = 'total' or coalesce(month_code = 'total', false) as is_total
    from looked_up
),

keyed as (
    select
        release_id, line_no, family, publisher_code, is_carried, fiscal_year_label, sector_label, month_label, encounters_label,
        fiscal_year, sector_code, region_code, encounters, month_start, fiscal_month, is_total,
        count(*) over (partition by release_id, fiscal_year, month_label, sector_label) as lines_of_key
    from dated
)

select
    release_id, line_no, family, publisher_code, month_start, fiscal_year, fiscal_month, false as is_open_year,
    'usbp' as component_code, cast(null as varchar) as component_label,
    region_code, cast(null as varchar) as region_label,
    sector_code, case when not is_carried then sector_label end as sector_label,
    'all' as state_code, cast(null as varchar) as state_label,
    'all' as demographic_code, cast(null as varchar) as demographic_label,
    'all' as citizenship_code, cast(null as varchar) as citizenship_label,
    case when month_start < date '2020-03-01' then 'title_8' else 'all' end as title_code,
    cast(null as varchar) as title_label,
    case when month_start < date '2020-03-01' then 'apprehensions' else 'all' end as encounter_type_code,
    cast(null as varchar) as encounter_type_label,
    fiscal_year_label, cast(null as varchar) as month_grouping_label, encounters,
    cast(null as varchar) as correction_id, false as is_repeat,
    case
        when is_total and sector_code is not null and encounters is not null and lines_of_key = 1
            then 'published total, kept as a control'
    end as ignore_reason,
    case
        when sector_code is null then concat('unknown sector ', sector_label)
        when encounters is null then concat('count ', encounters_label, ' is not a whole number of encounters')
        when lines_of_key > 1 then 'the same cell is printed on several lines; which count is right is unknown'
        when not is_total and (fiscal_year is null or month_start is null)
            then concat('month ', month_label, ' of fiscal year ', fiscal_year_label, ' is not a month')
    end as reject_reason
from keyed
