-- macro: encounters_as_of(day)
-- purpose: the cells of core as they were public by the end of a day: one release for each family and month, complete months
--          only, so that adding up within a family counts nothing twice. Families overlap: filter on one before adding up.
-- day: a date, or text such as '2021-02-11'. A release known only to the month counts as public on the month's last day.
with holdings as (
    select
        release_months.release_id, release_months.month_start, preference.published_on, preference.published_precision,
        preference.trust,
        row_number() over (
            partition by release_months.family, release_months.month_start order by preference.preference
        ) as choice
    from core.release_months as release_months
    inner join core.release_preference as preference on release_months.release_id = preference.release_id
    where release_months.is_complete_month and preference.published_on <= cast(day as date)
),

cells as (
    select
        release_id, family, publisher_code, month_start, fiscal_year, fiscal_month, is_open_year, component_code, region_code,
        sector_code, state_code, demographic_code, citizenship_code, title_code, encounter_type_code, encounters,
        is_published_zero, is_corrected, line_nos
    from core.cbp__monthly_encounters
    union all
    select
        release_id, family, publisher_code, month_start, fiscal_year, fiscal_month, is_open_year, component_code, region_code,
        sector_code, state_code, demographic_code, citizenship_code, title_code, encounter_type_code, encounters,
        is_published_zero, is_corrected, line_nos
    from core.usbp__monthly_encounters
    union all
    select
        release_id, family, publisher_code, month_start, fiscal_year, fiscal_month, is_open_year, component_code, region_code,
        sector_code, state_code, demographic_code, citizenship_code, title_code, encounter_type_code, encounters,
        is_published_zero, is_corrected, line_nos
    from core.ohss__monthly_encounters
)

select
    cells.release_id, cells.family, cells.publisher_code, holdings.published_on, holdings.published_precision, holdings.trust,
    cells.month_start, cells.fiscal_year, cells.fiscal_month, cells.is_open_year, cells.component_code, cells.region_code,
    cells.sector_code, cells.state_code, cells.demographic_code, cells.citizenship_code, cells.title_code,
    cells.encounter_type_code, cells.encounters, cells.is_published_zero, cells.is_corrected, cells.line_nos
from cells
inner join holdings on cells.release_id = holdings.release_id and cells.month_start = holdings.month_start
where holdings.choice = 1
