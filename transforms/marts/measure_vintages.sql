-- grain: one row per measure, month and release that answers it
-- purpose: every value a measure ever had, with its release; vintage_no counts publications from the first,
--          latest_rank = 1 is the value the warehouse answers with today. The rule of choice is core.release_preference;
--          between two releases of one tier the measure's order of families decides. Quoted figures come after every file.
with file_values as (
    select
        measures.measure_id, totals.month_start, totals.release_id, totals.family, totals.is_open_year,
        measure_families.family_rank, cast(sum(totals.encounters) as bigint) as value
    from core.monthly_totals as totals
    inner join meta.measure_families as measure_families on totals.family = measure_families.family
    inner join meta.measures as measures
        on measure_families.measure_id = measures.measure_id
        and (measures.component_code is null or measures.component_code = totals.component_code)
        and (measures.region_code is null or measures.region_code = totals.region_code)
        and (measures.sector_code is null or measures.sector_code = totals.sector_code)
        and (measures.demographic_code is null or measures.demographic_code = totals.demographic_code)
        and (measures.citizenship_code is null or measures.citizenship_code = totals.citizenship_code)
        and (measures.title_code is null or measures.title_code = totals.title_code)
        and (measures.encounter_type_code is null or measures.encounter_type_code = totals.encounter_type_code)
    group by
        measures.measure_id, totals.month_start, totals.release_id, totals.family, totals.is_open_year,
        measure_families.family_rank
),

all_values as (
    select measure_id, month_start, release_id, family, is_open_year, family_rank, value from file_values
    union all
    select measure_id, month_start, release_id, 'quoted', is_open_year, 99, encounters from core.quoted__figures
)

select
    all_values.measure_id, all_values.month_start, all_values.release_id, all_values.family, all_values.value,
    all_values.is_open_year, preference.is_quoted, preference.published_on, preference.published_precision, preference.trust,
    row_number() over (
        partition by all_values.measure_id, all_values.month_start
        order by preference.published_on, preference.preference_tier desc, all_values.family_rank desc,
            preference.preference desc
    ) as vintage_no,
    row_number() over (
        partition by all_values.measure_id, all_values.month_start
        order by preference.preference_tier, all_values.family_rank, preference.preference
    ) as latest_rank
from all_values
inner join core.release_preference as preference on all_values.release_id = preference.release_id
