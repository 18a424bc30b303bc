-- grain: one row per cell of a CBP release that differs from the release before it
-- purpose: what each release changed in months already published, against the release before it that holds the month
--          (core.month_successions). Codes are compared, not labels, so a renamed or corrected label is no restatement.
--          A row that appears or disappears has NULL on the side without it: an absent row is not a zero.
with sides as (
    select
        successions.new_release_id, cells.month_start, cells.component_code, cells.region_code, cells.sector_code,
        cells.state_code, cells.demographic_code, cells.citizenship_code, cells.title_code, cells.encounter_type_code,
        cells.encounters as old_encounters, cast(null as bigint) as new_encounters
    from core.month_successions as successions
    inner join core.cbp__monthly_encounters as cells
        on successions.old_release_id = cells.release_id and successions.month_start = cells.month_start
    union all
    select
        successions.new_release_id, cells.month_start, cells.component_code, cells.region_code, cells.sector_code,
        cells.state_code, cells.demographic_code, cells.citizenship_code, cells.title_code, cells.encounter_type_code,
        cast(null as bigint), cells.encounters
    from core.month_successions as successions
    inner join core.cbp__monthly_encounters as cells
        on successions.new_release_id = cells.release_id and successions.month_start = cells.month_start
),

compared as (
    select
        new_release_id, month_start, component_code, region_code, sector_code, state_code, demographic_code,
        citizenship_code, title_code, encounter_type_code, max(old_encounters) as old_encounters,
        max(new_encounters) as new_encounters
    from sides
    group by
        new_release_id, month_start, component_code, region_code, sector_code, state_code, demographic_code,
        citizenship_code, title_code, encounter_type_code
)

select
    successions.family, compared.month_start, successions.fiscal_year, compared.component_code, compared.region_code,
    compared.sector_code, compared.state_code, compared.demographic_code, compared.citizenship_code, compared.title_code,
    compared.encounter_type_code, compared.old_encounters, compared.new_encounters,
    coalesce(compared.new_encounters, 0) - coalesce(compared.old_encounters, 0) as delta_encounters,
    case
        when compared.old_encounters is null then 'appeared'
        when compared.new_encounters is null then 'disappeared'
        else 'restated'
    end as restatement_kind,
    successions.old_release_id, successions.old_published_on, successions.old_is_open_year,
    compared.new_release_id, successions.new_published_on, successions.new_is_open_year
from compared
inner join core.month_successions as successions
    on compared.new_release_id = successions.new_release_id and compared.month_start = successions.month_start
where compared.old_encounters is distinct from compared.new_encounters
