-- grain: one row per measure, month and pair of sources
-- purpose: every two sources of a month side by side: the newest value of each file family, other publishers' measures of
--          the same population, and single published figures. tolerance is what the publishers' own rounding allows (a
--          figure printed to the nearest ten may be 5 off, an exact one nothing), so a residual beyond it has a cause;
--          explanation says whether it is known.
-- explanation: within_tolerance; known (meta.known_residuals says why); open_year (one side was printed while the fiscal year was
--          open and the publisher restates such months); imprecise (the figure was printed without a bound); unexplained.
-- tolerance: every measure of a publisher that rounds is one printed cell a month, so one rounding counts.
with newest as (
    select measure_id, month_start, family, min(latest_rank) as latest_rank
    from marts.measure_vintages
    where not is_quoted
    group by measure_id, month_start, family
),

files as (
    select
        vintages.measure_id, vintages.month_start, vintages.family as source, measure_families.family_rank,
        families.publisher_code, vintages.release_id, vintages.value, vintages.is_open_year,
        case when rounding.rounded_to > 1 then rounding.rounded_to / 2.0 else 0.0 end as tolerance
    from newest
    inner join marts.measure_vintages as vintages
        on newest.measure_id = vintages.measure_id
        and newest.month_start = vintages.month_start
        and newest.latest_rank = vintages.latest_rank
    inner join meta.families as families on vintages.family = families.family
    inner join meta.publisher_rounding as rounding on families.publisher_code = rounding.publisher_code
    inner join meta.measure_families as measure_families
        on vintages.measure_id = measure_families.measure_id and vintages.family = measure_families.family
),

figures as (
    select
        measure_id, month_start, figure_id as source, publisher_code, release_id, cast(printed_value as bigint) as value,
        coalesce(
            published_on < make_date(
                case when month(month_start) >= 10 then year(month_start) + 1 else year(month_start) end, 10, 1
            ),
            false
        ) as is_open_year,
        tolerance
    from meta.published_figures
    where measure_id is not null and month_start is not null and role in ('quoted', 'reconcile')
),

same_population as (
    select distinct readings.measure_id, readings.reading_id
    from meta.measure_readings as readings
    inner join meta.measure_families as measure_families on readings.measure_id = measure_families.measure_id
    inner join meta.families as families on measure_families.family = families.family
    where families.publisher_code = 'ohss'
),

pairs as (
    select
        one.measure_id, one.month_start, one.source as source_a, one.release_id as release_id_a, one.value as value_a,
        one.is_open_year as is_open_year_a, one.tolerance as tolerance_a,
        other.measure_id as compared_measure_id, other.source as source_b, other.release_id as release_id_b,
        other.value as value_b, other.is_open_year as is_open_year_b, other.tolerance as tolerance_b
    from files as one
    inner join files as other
        on one.measure_id = other.measure_id and one.month_start = other.month_start and one.family_rank < other.family_rank
    union all
    select
        files.measure_id, files.month_start, files.source, files.release_id, files.value, files.is_open_year, files.tolerance,
        figures.measure_id, figures.source, figures.release_id, figures.value, figures.is_open_year, figures.tolerance
    from files
    inner join figures on files.measure_id = figures.measure_id and files.month_start = figures.month_start
    union all
    select
        one.measure_id, one.month_start, one.source, one.release_id, one.value, one.is_open_year, one.tolerance,
        other.measure_id, other.source, other.release_id, other.value, other.is_open_year, other.tolerance
    from files as one
    inner join same_population on one.measure_id = same_population.measure_id
    inner join files as other
        on same_population.reading_id = other.measure_id and one.month_start = other.month_start
    union all
    select
        figures.measure_id, figures.month_start, figures.source, figures.release_id, figures.value, figures.is_open_year,
        figures.tolerance,
        other.measure_id, other.source, other.release_id, other.value, other.is_open_year, other.tolerance
    from figures
    inner join same_population on figures.measure_id = same_population.measure_id
    inner join files as other
        on same_population.reading_id = other.measure_id and figures.month_start = other.month_start
),

residuals as (
    select
        measure_id, month_start, source_a, release_id_a, value_a, is_open_year_a, compared_measure_id, source_b, release_id_b,
        value_b, is_open_year_b, value_a - value_b as residual, tolerance_a + tolerance_b as tolerance,
        abs(value_a - value_b) <= tolerance_a + tolerance_b as is_within_tolerance
    from pairs
)

select
    residuals.measure_id, residuals.month_start, residuals.source_a, residuals.value_a, residuals.release_id_a,
    residuals.compared_measure_id, residuals.source_b, residuals.value_b, residuals.release_id_b, residuals.residual,
    residuals.tolerance, residuals.is_within_tolerance,
    case
        when residuals.is_within_tolerance then 'within_tolerance'
        when known.residual_id is not null then 'known'
        when residuals.is_open_year_a or residuals.is_open_year_b then 'open_year'
        when residuals.tolerance is null then 'imprecise'
        else 'unexplained'
    end as explanation,
    case
        when residuals.is_within_tolerance then null
        when known.residual_id is not null then known.reason
        when residuals.is_open_year_a and residuals.is_open_year_b
            then 'both sides were printed while the fiscal year was open; the publisher restates such months'
        when residuals.is_open_year_a
            then 'the first side was printed while the fiscal year was open; the publisher restates such months'
        when residuals.is_open_year_b
            then 'the second side was printed while the fiscal year was open; the publisher restates such months'
        when residuals.tolerance is null then 'the figure was printed without a bound on its precision'
    end as reason
from residuals
left join meta.known_residuals as known
    on residuals.measure_id = known.measure_id
    and (known.source_a is null or known.source_a = residuals.source_a)
    and (known.source_b is null or known.source_b = residuals.source_b)
    and residuals.month_start between known.month_from and known.month_through
    and abs(residuals.residual) <= known.largest_residual
