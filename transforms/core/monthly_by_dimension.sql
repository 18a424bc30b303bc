-- grain: one row per release, month, component, region, sector, title, dimension and group
-- purpose: encounters by one further dimension at a time, for breakdowns of a measure; complete months of CBP and USBP files.
with cells as (
    select
        release_id, month_start, component_code, region_code, sector_code, title_code, encounter_type_code, state_code,
        demographic_code, citizenship_code, encounters
    from core.cbp__monthly_encounters
    union all
    select
        release_id, month_start, component_code, region_code, sector_code, title_code, encounter_type_code, state_code,
        demographic_code, citizenship_code, encounters
    from core.usbp__monthly_encounters
),

by_dimension as (
    select
        release_id, month_start, component_code, region_code, sector_code, title_code, 'demographic' as dimension,
        demographic_code as dimension_code, cast(sum(encounters) as bigint) as encounters
    from cells
    where demographic_code <> 'all'
    group by release_id, month_start, component_code, region_code, sector_code, title_code, demographic_code
    union all
    select
        release_id, month_start, component_code, region_code, sector_code, title_code, 'citizenship',
        citizenship_code, cast(sum(encounters) as bigint)
    from cells
    where citizenship_code <> 'all'
    group by release_id, month_start, component_code, region_code, sector_code, title_code, citizenship_code
    union all
    select
        release_id, month_start, component_code, region_code, sector_code, title_code, 'state',
        state_code, cast(sum(encounters) as bigint)
    from cells
    where state_code <> 'all'
    group by release_id, month_start, component_code, region_code, sector_code, title_code, state_code
    union all
    select
        release_id, month_start, component_code, region_code, sector_code, title_code, 'sector',
        sector_code, cast(sum(encounters) as bigint)
    from cells
    where sector_code <> 'all'
    group by release_id, month_start, component_code, region_code, sector_code, title_code
    union all
    select
        release_id, month_start, component_code, region_code, sector_code, title_code, 'title',
        title_code, cast(sum(encounters) as bigint)
    from cells
    where title_code <> 'all'
    group by release_id, month_start, component_code, region_code, sector_code, title_code
    union all
    select
        release_id, month_start, component_code, region_code, sector_code, title_code, 'component',
        component_code, cast(sum(encounters) as bigint)
    from cells
    where component_code <> 'all'
    group by release_id, month_start, component_code, region_code, sector_code, title_code
)

select
    by_dimension.release_id, release_months.family, by_dimension.month_start, release_months.is_open_year,
    by_dimension.component_code, by_dimension.region_code, by_dimension.sector_code, by_dimension.title_code,
    by_dimension.dimension, by_dimension.dimension_code, by_dimension.encounters
from by_dimension
inner join core.release_months as release_months
    on by_dimension.release_id = release_months.release_id and by_dimension.month_start = release_months.month_start
inner join meta.releases as releases on by_dimension.release_id = releases.release_id
where release_months.is_complete_month and not releases.is_superseded
