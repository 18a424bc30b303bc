-- grain: one row per measure, dimension, group and January
-- purpose: who and where: a January measure by demographic, citizenship, sector, state, title and component, from the newest
--          release that publishes the breakdown. Percentages only within one family; none for a changing remainder.
with group_values as (
    select
        measures.measure_id, cells.dimension, cells.dimension_code, cells.month_start, cells.release_id, cells.family,
        cells.is_open_year, measure_families.family_rank, cast(sum(cells.encounters) as bigint) as value
    from core.monthly_by_dimension as cells
    inner join meta.measure_families as measure_families on cells.family = measure_families.family
    inner join meta.measures as measures
        on measure_families.measure_id = measures.measure_id
        and (measures.component_code is null or measures.component_code = cells.component_code)
        and (measures.region_code is null or measures.region_code = cells.region_code)
        and (measures.sector_code is null or measures.sector_code = cells.sector_code)
        and (measures.title_code is null or measures.title_code = cells.title_code)
    where month(cells.month_start) = 1
    group by
        measures.measure_id, cells.dimension, cells.dimension_code, cells.month_start, cells.release_id, cells.family,
        cells.is_open_year, measure_families.family_rank
),

breakdowns as (
    select distinct measure_id, dimension, month_start, release_id, family, family_rank from group_values
),

chosen as (
    select
        breakdowns.measure_id, breakdowns.dimension, breakdowns.month_start, breakdowns.release_id,
        row_number() over (
            partition by breakdowns.measure_id, breakdowns.dimension, breakdowns.month_start
            order by preference.preference_tier, breakdowns.family_rank, preference.preference
        ) as latest_rank
    from breakdowns
    inner join core.release_preference as preference on breakdowns.release_id = preference.release_id
),

latest as (
    select
        group_values.measure_id, group_values.dimension, group_values.dimension_code, group_values.month_start,
        group_values.release_id, group_values.family, group_values.is_open_year, group_values.value
    from group_values
    inner join chosen
        on group_values.measure_id = chosen.measure_id
        and group_values.dimension = chosen.dimension
        and group_values.month_start = chosen.month_start
        and group_values.release_id = chosen.release_id
    where chosen.latest_rank = 1
),

answered as (
    select distinct measure_id, dimension, month_start, release_id, family, is_open_year from latest
),

groups as (
    select measure_id, dimension, dimension_code, month_start from latest
    union
    select latest.measure_id, latest.dimension, latest.dimension_code, answered.month_start
    from latest
    inner join answered
        on latest.measure_id = answered.measure_id
        and latest.dimension = answered.dimension
        and answered.month_start = cast(latest.month_start + interval 12 month as date)
        and latest.family = answered.family
),

sides as (
    select
        groups.measure_id, groups.dimension, groups.dimension_code, groups.month_start, latest.value, prior.value as prior,
        answered.release_id, answered.family, answered.is_open_year, prior_answered.release_id as prior_release_id,
        prior_answered.family as prior_family, coalesce(prior_answered.is_open_year, false) as prior_is_open_year
    from groups
    inner join answered
        on groups.measure_id = answered.measure_id
        and groups.dimension = answered.dimension
        and groups.month_start = answered.month_start
    left join latest
        on groups.measure_id = latest.measure_id
        and groups.dimension = latest.dimension
        and groups.dimension_code = latest.dimension_code
        and groups.month_start = latest.month_start
    left join answered as prior_answered
        on groups.measure_id = prior_answered.measure_id
        and groups.dimension = prior_answered.dimension
        and prior_answered.month_start = cast(groups.month_start - interval 12 month as date)
    left join latest as prior
        on groups.measure_id = prior.measure_id
        and groups.dimension = prior.dimension
        and groups.dimension_code = prior.dimension_code
        and prior.month_start = prior_answered.month_start
        and prior.family = answered.family
),

crossed as (
    select
        sides.measure_id, sides.dimension, sides.dimension_code, sides.month_start,
        list_sort(list(concat(cast(breaks.break_on as varchar), ' ', breaks.title, ' (', breaks.break_id, ')')))
            as break_reasons,
        count(*) filter (where breaks.effect = 'break') > 0 as crosses_break
    from sides
    inner join meta.measure_breaks as breaks
        on sides.measure_id = breaks.measure_id
        and breaks.break_on > cast(sides.month_start - interval 12 month as date)
        and breaks.break_on < cast(sides.month_start + interval 1 month as date)
    where breaks.axis = 'month'
    group by sides.measure_id, sides.dimension, sides.dimension_code, sides.month_start
)

select
    sides.measure_id, measures.title as measure_title, sides.dimension, sides.dimension_code,
    year(sides.month_start) as january, sides.month_start, sides.value, sides.prior, sides.value - sides.prior as change,
    case
        when sides.dimension_code = 'other' then null
        else round(100.0 * (sides.value - sides.prior) / nullif(sides.prior, 0), 4)
    end as pct_change,
    case
        when sides.dimension_code = 'other' then 'not_applicable'
        when sides.dimension = 'title' and sides.dimension_code = 'title_42' and (sides.value is null or sides.prior is null)
            then 'not_applicable'
        when sides.value is null or sides.prior is null then 'missing'
        when coalesce(crossed.crosses_break, false) and sides.dimension <> 'title' then 'break'
        when sides.is_open_year or sides.prior_is_open_year then 'provisional'
        else 'ok'
    end as status,
    list_filter(
        list_concat(
            [
                case when sides.dimension_code = 'other' then 'a remainder whose members change; not comparable' end,
                case when sides.value is null then 'the release prints no row for this group in this month' end,
                case when sides.prior_family is null then 'no release publishes this breakdown for the January before' end,
                case when sides.prior is null and sides.prior_family = sides.family
                    then 'the release prints no row for this group a year before' end,
                case when sides.prior_family <> sides.family
                    then concat('the breakdown a year before is of another family: ', sides.prior_family) end,
                case when sides.is_open_year then 'fiscal year still open when published' end
            ],
            coalesce(crossed.break_reasons, [])
        ),
        reason -> reason is not null
    ) as reasons,
    case when sides.value is null then null when sides.is_open_year then 'provisional' else 'final' end as finality,
    sides.family, sides.release_id, sides.prior_family, sides.prior_release_id
from sides
inner join meta.measures as measures on sides.measure_id = measures.measure_id
left join crossed
    on sides.measure_id = crossed.measure_id
    and sides.dimension = crossed.dimension
    and sides.dimension_code = crossed.dimension_code
    and sides.month_start = crossed.month_start
