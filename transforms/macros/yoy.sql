-- macro: yoy(measure, month, allow_break := false)
-- purpose: one month against the same month a year before from the newest releases; always one row, see yoy_as_of.
-- measure: a measure_id of meta.measures; another is an error that says so.
-- month: a date in the month, or text such as '2021-01' or '2021-01-01'.
-- allow_break: true also gives the percentage of a comparison that crosses a break.
select
    measure_id, month_start, yoy, change_title_42, change_title_8, title_42_value, title_42_share_pct, finality, value_2019,
    pct_change_2019, median_prior_five, pct_change_median_prior_five, previous_month, pct_change_previous_month,
    rank_since_2000, ranked_years, highest_since, release_id, family, published_on, prior_release_id, prior_family
from yoy_as_of(measure, month, date '9999-12-31', allow_break := allow_break)
