-- macro: yoy_as_of(measure, month, day, allow_break := false)
-- purpose: one month against the same month a year before as it would have been computed at the end of a day; always one row,
--          a struct `yoy` with status and reasons, the decomposition and both releases beside it.
-- measure: a measure_id of meta.measures; another is an error that says so.
-- month: a date in the month, or text such as '2021-01' or '2021-01-01'.
-- day: a date, or text such as '2021-02-11'. A release known only to the month counts as public on the month's last day.
-- allow_break: true also gives the percentage of a comparison that crosses a break; otherwise it is NULL and the change by
--          title stands beside it.
with asked as (
    select
        case
            when (select count(*) from meta.measures where measure_id = measure) = 1 then measure
            else error(concat('unknown measure ', measure, '; choose one of: select measure_id, title from meta.measures'))
        end as measure_id,
        cast(concat(substr(cast(month as varchar), 1, 7), '-01') as date) as month_start
)

select
    asked.measure_id, asked.month_start,
    {
        'value': compared.value,
        'prior': compared.prior,
        'change': compared.change,
        'pct_change': case when compared.status = 'break' and not allow_break then null else compared.pct_change end,
        'status': coalesce(compared.status, 'missing'),
        'reasons': coalesce(compared.reasons, ['no release publishes this month'])
    } as yoy,
    compared.change_title_42, compared.change_title_8, compared.title_42_value, compared.title_42_share_pct,
    compared.finality, compared.value_2019, compared.pct_change_2019, compared.median_prior_five,
    compared.pct_change_median_prior_five, compared.previous_month, compared.pct_change_previous_month,
    compared.rank_since_2000, compared.ranked_years, compared.highest_since,
    compared.release_id, compared.family, compared.published_on, compared.prior_release_id, compared.prior_family
from asked
left join monthly_yoy_as_of(day) as compared
    on asked.measure_id = compared.measure_id and asked.month_start = compared.month_start
