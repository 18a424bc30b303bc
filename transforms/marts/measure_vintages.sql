-- grain: one row per measure, month and release that answers it
-- purpose: every value a measure ever had, with its release; vintage_no counts publications from the first,
--          latest_rank = 1 is the value the warehouse answers with today.
-- A file beats a figure quoted from a page. Among files, and among quotations: the later publication, then the one whose
-- day is known, then the more trusted copy, then the measure's order of families.
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
    select measure_id, month_start, release_id, family, is_open_year, family_rank, value, false as is_quoted from file_values
    union all
    select measure_id, month_start, release_id, 'quoted', is_open_year, 99, encounters, true from core.quoted__figures
)

select
    all_values.measure_id, all_values.month_start, all_values.release_id, all_values.family, all_values.value,
    all_values.is_open_year, all_values.is_quoted, releases.published_on, releases.published_precision, releases.trust,
    row_number() over (
        partition by all_values.measure_id, all_values.month_start
        order by releases.published_on, all_values.is_quoted desc, releases.published_precision desc,
            all_values.family_rank desc, all_values.release_id desc
    ) as vintage_no,
    row_number() over (
        partition by all_values.measure_id, all_values.month_start
        order by all_values.is_quoted, releases.published_on desc, releases.published_precision,
            case releases.trust when 'official' then 1 when 'mirrored' then 2 when 'quoted' then 3 else 4 end,
            all_values.family_rank, all_values.release_id
    ) as latest_rank
from all_values
inner join meta.releases as releases on all_values.release_id = releases.release_id
