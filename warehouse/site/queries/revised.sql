-- Months of which a measure had more than one value: first published, today's answer, and everything between.
with answered as (
    select
        vintages.measure_id, vintages.month_start, vintages.release_id, vintages.family, vintages.value,
        vintages.is_open_year, vintages.is_quoted, vintages.published_on, vintages.published_precision, vintages.trust,
        vintages.vintage_no, vintages.latest_rank
    from marts.measure_vintages as vintages
    inner join meta.releases as releases on vintages.release_id = releases.release_id
    where not releases.is_superseded
)

select
    measure_id, month_start, count(*) as vintages, count(distinct value) as distinct_values,
    arg_min(value, vintage_no) as first_value, arg_min(release_id, vintage_no) as first_release_id,
    arg_min(published_on, vintage_no) as first_published_on,
    arg_min(published_precision, vintage_no) as first_published_precision,
    arg_min(value, latest_rank) as value, arg_min(release_id, latest_rank) as release_id,
    arg_min(published_on, latest_rank) as published_on,
    case when arg_min(is_open_year, latest_rank) then 'provisional' else 'final' end as finality,
    min(value) as lowest, max(value) as highest,
    arg_min(value, latest_rank) - arg_min(value, vintage_no) as drift,
    100.0 * (arg_min(value, latest_rank) - arg_min(value, vintage_no)) / nullif(arg_min(value, vintage_no), 0) as drift_pct,
    list_sort(list(distinct family)) as families
from answered
group by measure_id, month_start
having count(distinct value) > 1
order by measure_id, month_start
