-- grain: one row per complete month of a release that an earlier release of the same family and layout also holds complete
-- purpose: which release a month is compared with: the one published before it among those that hold the month. Two
--          layouts of one family (a CSV and the project's re-encoding, a workbook and a flat file) are never compared.
with holdings as (
    select
        release_months.family, preference.layout, release_months.month_start, release_months.fiscal_year,
        release_months.release_id, release_months.is_open_year, release_months.encounters, preference.published_on,
        preference.preference
    from core.release_months as release_months
    inner join core.release_preference as preference on release_months.release_id = preference.release_id
    where release_months.is_complete_month
),

successions as (
    select
        family, layout, month_start, fiscal_year, release_id as new_release_id, published_on as new_published_on,
        is_open_year as new_is_open_year, encounters as new_encounters,
        lag(release_id) over (
            partition by family, layout, month_start order by published_on, preference desc
        ) as old_release_id,
        lag(published_on) over (
            partition by family, layout, month_start order by published_on, preference desc
        ) as old_published_on,
        lag(is_open_year) over (
            partition by family, layout, month_start order by published_on, preference desc
        ) as old_is_open_year,
        lag(encounters) over (
            partition by family, layout, month_start order by published_on, preference desc
        ) as old_encounters
    from holdings
)

select
    new_release_id, month_start, family, layout, fiscal_year, new_published_on, new_is_open_year, new_encounters,
    old_release_id, old_published_on, old_is_open_year, old_encounters, new_encounters - old_encounters as delta_encounters
from successions
where old_release_id is not null
