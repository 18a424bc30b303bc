-- grain: one row per measure and January
-- purpose: January against the January before, from the newest release of each side; the January rows of marts.monthly_yoy.
select
    measure_id, measure_title, year(month_start) as january, month_start, value, prior, change, pct_change, status, reasons,
    finality, rank_since_2000, ranked_years, highest_since, value_2019, pct_change_2019, median_prior_five,
    pct_change_median_prior_five, previous_month, pct_change_previous_month, title_42_value, title_42_share_pct,
    change_title_42, change_title_8, family, release_id, published_on, prior_family, prior_release_id
from marts.monthly_yoy
where month(month_start) = 1
