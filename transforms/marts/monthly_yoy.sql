-- grain: one row per measure and month
-- purpose: each month against the same month a year before, from the newest release of each side, with a status that says
--          whether the two may be compared. Percentages are computed here and nowhere else.
-- as of: public_releases is the one place that says which releases take part; the macro monthly_yoy_as_of(day) is this
--          select with that CTE holding the releases public by the day.
-- status: missing (a side is unknown) > not_applicable (a side did not exist) > break > provisional > ok; reasons lists all.
with public_releases as (
    select release_id from core.release_preference
),

held_months as (
    select release_months.family, release_months.month_start
    from core.release_months as release_months
    inner join public_releases on release_months.release_id = public_releases.release_id
    where release_months.is_complete_month
),

public_vintages as (
    select
        vintages.measure_id, vintages.month_start, vintages.release_id, vintages.family, vintages.value,
        vintages.is_open_year, vintages.is_quoted, vintages.published_on, vintages.latest_rank
    from marts.measure_vintages as vintages
    inner join public_releases on vintages.release_id = public_releases.release_id
),

months as (
    select measure_families.measure_id, held_months.month_start
    from held_months
    inner join meta.measure_families as measure_families on held_months.family = measure_families.family
    union
    select measure_id, month_start from public_vintages
    union
    select firsts.measure_id, held_months.month_start
    from (select measure_id, min(month_start) as first_month from public_vintages group by measure_id) as firsts
    inner join held_months on held_months.month_start >= firsts.first_month
),

latest as (
    select measure_id, month_start, release_id, family, value, is_open_year, is_quoted, published_on
    from public_vintages
    qualify row_number() over (partition by measure_id, month_start order by latest_rank) = 1
),

sides as (
    select
        months.measure_id, months.month_start,
        latest.value, latest.release_id, latest.family, latest.is_open_year, latest.is_quoted, latest.published_on,
        prior.value as prior, prior.release_id as prior_release_id, prior.family as prior_family,
        prior.is_open_year as prior_is_open_year, prior.is_quoted as prior_is_quoted,
        before.value as previous_month, base.value as value_2019,
        cast(months.month_start - interval 12 month as date) as prior_month_start
    from months
    left join latest on months.measure_id = latest.measure_id and months.month_start = latest.month_start
    left join latest as prior
        on months.measure_id = prior.measure_id
        and prior.month_start = cast(months.month_start - interval 12 month as date)
    left join latest as before
        on months.measure_id = before.measure_id
        and before.month_start = cast(months.month_start - interval 1 month as date)
    left join latest as base
        on months.measure_id = base.measure_id
        and base.month_start = make_date(2019, month(months.month_start), 1)
),

ranked as (
    select
        sides.measure_id, sides.month_start,
        count(*) filter (where earlier.value > sides.value) + 1 as rank_since_2000,
        count(*) as ranked_years,
        max(year(earlier.month_start)) filter (where earlier.value >= sides.value and earlier.month_start < sides.month_start)
            as highest_since
    from sides
    inner join latest as earlier
        on sides.measure_id = earlier.measure_id
        and month(earlier.month_start) = month(sides.month_start)
        and earlier.month_start <= sides.month_start
        and earlier.month_start >= date '2000-01-01'
    where sides.value is not null
    group by sides.measure_id, sides.month_start
),

five_before as (
    select
        sides.measure_id, sides.month_start, median(earlier.value) as median_prior_five, count(*) as years_before
    from sides
    inner join latest as earlier
        on sides.measure_id = earlier.measure_id
        and month(earlier.month_start) = month(sides.month_start)
        and earlier.month_start < sides.month_start
        and year(earlier.month_start) >= year(sides.month_start) - 5
    group by sides.measure_id, sides.month_start
),

crossed as (
    select
        sides.measure_id, sides.month_start,
        count(*) filter (where breaks.effect = 'break') > 0 as crosses_break,
        list_sort(list(concat(cast(breaks.break_on as varchar), ' ', breaks.title, ' (', breaks.break_id, ')')))
            as break_reasons
    from sides
    inner join meta.measure_breaks as breaks
        on sides.measure_id = breaks.measure_id
        and breaks.break_on > sides.prior_month_start
        and breaks.break_on < cast(sides.month_start + interval 1 month as date)
    where breaks.axis = 'month'
    group by sides.measure_id, sides.month_start
),

applicable as (
    select
        sides.measure_id, sides.month_start, measures.title as measure_title, measures.unit,
        measures.title_42_measure_id,
        measures.applicable_from is not null
            and (sides.month_start < measures.applicable_from or sides.month_start > measures.applicable_through)
            as is_outside,
        measures.applicable_from is not null
            and (sides.prior_month_start < measures.applicable_from or sides.prior_month_start > measures.applicable_through)
            as is_prior_outside
    from sides
    inner join meta.measures as measures on sides.measure_id = measures.measure_id
),

judged as (
    select
        sides.measure_id, applicable.measure_title, applicable.unit, sides.month_start, sides.prior_month_start,
        sides.value, sides.prior, sides.previous_month, sides.value_2019, five_before.median_prior_five,
        five_before.years_before, sides.release_id, sides.prior_release_id, sides.family, sides.prior_family,
        sides.is_open_year, sides.prior_is_open_year, sides.is_quoted, sides.prior_is_quoted, sides.published_on,
        ranked.rank_since_2000, ranked.ranked_years, ranked.highest_since,
        title_42.value as title_42_value,
        case
            when applicable.title_42_measure_id is null or sides.value is null or sides.prior is null then null
            when title_42.value is null and prior_title_42.value is null then null
            else coalesce(title_42.value, 0) - coalesce(prior_title_42.value, 0)
        end as change_title_42,
        coalesce(crossed.crosses_break, false) as crosses_break, crossed.break_reasons,
        case
            when sides.value is null and applicable.is_outside then 'not_applicable'
            when sides.value is null then 'missing'
            when sides.prior is null and applicable.is_prior_outside then 'not_applicable'
            when sides.prior is null then 'missing'
            when coalesce(crossed.crosses_break, false) then 'break'
            when sides.is_open_year or sides.prior_is_open_year then 'provisional'
            else 'ok'
        end as status,
        applicable.is_outside, applicable.is_prior_outside
    from sides
    inner join applicable on sides.measure_id = applicable.measure_id and sides.month_start = applicable.month_start
    left join ranked on sides.measure_id = ranked.measure_id and sides.month_start = ranked.month_start
    left join five_before on sides.measure_id = five_before.measure_id and sides.month_start = five_before.month_start
    left join crossed on sides.measure_id = crossed.measure_id and sides.month_start = crossed.month_start
    left join latest as title_42
        on applicable.title_42_measure_id = title_42.measure_id and sides.month_start = title_42.month_start
    left join latest as prior_title_42
        on applicable.title_42_measure_id = prior_title_42.measure_id and sides.prior_month_start = prior_title_42.month_start
)

select
    measure_id, measure_title, month_start, value, prior, value - prior as change,
    round(100.0 * (value - prior) / nullif(prior, 0), 4) as pct_change,
    status,
    list_filter(
        list_concat(
            [
                case when value is null and is_outside then 'the month is outside the time in which this existed' end,
                case when value is null and not is_outside then 'no release publishes this month' end,
                case when prior is null and is_prior_outside then 'the month a year before is outside the time in which this existed' end,
                case when prior is null and not is_prior_outside then 'no release publishes the month a year before' end,
                case when prior = 0 then 'the value a year before is zero, so no percentage' end,
                case when is_open_year then 'fiscal year still open when published' end,
                case when prior_is_open_year then 'fiscal year of the month a year before still open when published' end,
                case when is_quoted then 'value quoted from a page, no file covers the month' end,
                case when prior_is_quoted then 'value a year before quoted from a page, no file covers the month' end,
                case when family <> prior_family then concat('two sources: ', family, ' and ', prior_family) end
            ],
            coalesce(break_reasons, [])
        ),
        reason -> reason is not null
    ) as reasons,
    case when value is null then null when is_open_year then 'provisional' else 'final' end as finality,
    rank_since_2000, ranked_years, highest_since,
    value_2019, round(100.0 * (value - value_2019) / nullif(value_2019, 0), 4) as pct_change_2019,
    case when years_before = 5 then median_prior_five end as median_prior_five,
    case when years_before = 5 then round(100.0 * (value - median_prior_five) / nullif(median_prior_five, 0), 4) end
        as pct_change_median_prior_five,
    previous_month, round(100.0 * (value - previous_month) / nullif(previous_month, 0), 4) as pct_change_previous_month,
    title_42_value, round(100.0 * title_42_value / nullif(value, 0), 4) as title_42_share_pct,
    change_title_42, (value - prior) - change_title_42 as change_title_8,
    family, release_id, published_on, prior_family, prior_release_id
from judged
