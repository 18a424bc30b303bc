-- Which sectors made the change between two Januaries?
select dimension_code as sector, prior, value, change, pct_change, status
from marts.january_yoy_by_dimension
where measure_id = 'usbp_southwest' and dimension = 'sector' and january = 2021
order by change desc, sector
