-- macro: as_of(day)
-- purpose: every measure and month as it was public by the end of a day: one value each, from the release that answered then.
-- day: a date, or text such as '2021-02-11'. A release known only to the month counts as public on the month's last day.
select
    measure_id, month_start, value, release_id, family, published_on, published_precision, trust, is_open_year,
    case when is_open_year then 'provisional' else 'final' end as finality, is_quoted, vintage_no
from marts.measure_vintages
where published_on <= cast(day as date)
qualify row_number() over (partition by measure_id, month_start order by latest_rank) = 1
