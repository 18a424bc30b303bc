-- What was January 2021 each time it was published?
select vintage_no, published_on, published_precision, value, trust, release_id
from marts.measure_vintages
where measure_id = 'usbp_southwest' and month_start = date '2021-01-01'
order by vintage_no
