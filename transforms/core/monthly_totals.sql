-- grain: one row per release, month, component, region, sector, demographic, citizenship, title and encounter type published by OHSS;
--        for CBP and USBP added up over demographic, citizenship and state
-- purpose: the small table measures are computed from; complete months only, superseded carried series left out.
with cells as (
    select
        release_id, month_start, component_code, region_code, sector_code, 'all' as demographic_code,
        'all' as citizenship_code, title_code, encounter_type_code, cast(sum(encounters) as bigint) as encounters
    from core.cbp__monthly_encounters
    group by release_id, month_start, component_code, region_code, sector_code, title_code, encounter_type_code
    union all
    select
        release_id, month_start, component_code, region_code, sector_code, 'all', 'all', title_code, encounter_type_code,
        encounters
    from core.usbp__monthly_encounters
    union all
    select
        release_id, month_start, component_code, region_code, sector_code, demographic_code, citizenship_code, title_code,
        encounter_type_code, encounters
    from core.ohss__monthly_encounters
)

select
    cells.release_id, release_months.family, cells.month_start, release_months.is_open_year, cells.component_code,
    cells.region_code, cells.sector_code, cells.demographic_code, cells.citizenship_code, cells.title_code,
    cells.encounter_type_code, cells.encounters
from cells
inner join core.release_months as release_months
    on cells.release_id = release_months.release_id and cells.month_start = release_months.month_start
inner join meta.releases as releases on cells.release_id = releases.release_id
where release_months.is_complete_month and not releases.is_superseded
