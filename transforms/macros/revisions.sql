-- macro: revisions(measure, month)
-- purpose: every value a measure had for a month in order of publication, with the drift since the first.
-- measure: a measure_id of meta.measures.
-- month: a date in the month, or text such as '2021-01' or '2021-01-01'.
select
    measure_id, month_start, vintage_no, value, change_from_previous, drift_since_first, published_on, published_precision,
    release_id, family, publisher_code, trust, is_open_year, is_quoted, is_answer, total_drift
from marts.revisions
where measure_id = measure and month_start = cast(concat(substr(cast(month as varchar), 1, 7), '-01') as date)
order by vintage_no
