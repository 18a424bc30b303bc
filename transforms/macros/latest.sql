-- macro: latest()
-- purpose: every measure and month as the warehouse answers today; as_of of any day on which every release was public.
select
    measure_id, month_start, value, release_id, family, published_on, published_precision, trust, is_open_year,
    case when is_open_year then 'provisional' else 'final' end as finality, is_quoted, vintage_no
from marts.measure_vintages
where latest_rank = 1
