-- grain: one row per release and month
-- purpose: which months a release holds, whether its fiscal year was still open, and whether the month is complete
--          (every region, component or sector its family must have). A measure reads complete months only.
with cells as (
    select release_id, family, month_start, fiscal_year, is_open_year, component_code, region_code, sector_code, encounters, line_nos
    from core.cbp__monthly_encounters
    union all
    select release_id, family, month_start, fiscal_year, is_open_year, component_code, region_code, sector_code, encounters, line_nos
    from core.usbp__monthly_encounters
    union all
    select release_id, family, month_start, fiscal_year, is_open_year, component_code, region_code, sector_code, encounters, line_nos
    from core.ohss__monthly_encounters
),

months as (
    select
        release_id, family, month_start, fiscal_year, is_open_year,
        count(*) as cells, cast(sum(encounters) as bigint) as encounters
    from cells
    group by release_id, family, month_start, fiscal_year, is_open_year
),

present as (
    select distinct release_id, month_start, 'component_code' as column_name, component_code as code from cells
    union all
    select distinct release_id, month_start, 'region_code', region_code from cells
    union all
    select distinct release_id, month_start, 'sector_code', sector_code from cells
),

absent as (
    select
        months.release_id, months.month_start,
        list_sort(list(required.required_code)) as missing_codes
    from months
    inner join meta.complete_months as required on months.family = required.family
    left join present
        on months.release_id = present.release_id
        and months.month_start = present.month_start
        and required.column_name = present.column_name
        and required.required_code = present.code
    where present.code is null
    group by months.release_id, months.month_start
)

select
    months.release_id, months.family, months.month_start, months.fiscal_year, months.is_open_year, months.cells,
    months.encounters, absent.missing_codes is null as is_complete_month, absent.missing_codes
from months
left join absent on months.release_id = absent.release_id and months.month_start = absent.month_start
