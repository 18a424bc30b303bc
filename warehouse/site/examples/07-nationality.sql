-- Nationalities, January by January
select january, dimension_code as citizenship, value, pct_change, status
from marts.january_yoy_by_dimension
where measure_id = 'cbp_southwest' and dimension = 'citizenship'
order by january, value desc, citizenship
