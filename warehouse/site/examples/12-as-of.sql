-- What had been published of January 2021 by 11 February 2021?
select measure_id, value, release_id, published_on
from as_of(date '2021-02-11')
where month_start = date '2021-01-01'
order by measure_id
