-- grain: one row per measure and month
-- purpose: how far a figure moved from its first publication to today's answer, and when it last moved.
select
    measure_id, month_start, count(*) as vintages, count(distinct value) as distinct_values,
    max(first_value) as first_value, max(first_published_on) as first_published_on,
    max(first_release_id) as first_release_id, max(final_value) as final_value,
    max(final_published_on) as final_published_on, max(final_release_id) as final_release_id,
    max(total_drift) as total_drift, round(100.0 * max(total_drift) / nullif(max(first_value), 0), 4) as total_drift_pct,
    min(value) as lowest_value, max(value) as highest_value,
    max(case when change_from_previous <> 0 then published_on end) as last_changed_on,
    max(case when is_answer and is_open_year then 'provisional' when is_answer then 'final' end) as finality
from marts.revisions
group by measure_id, month_start
