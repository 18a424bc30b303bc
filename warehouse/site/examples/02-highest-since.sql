-- When was a January last as high?
select january, value, rank_since_2000, ranked_years, highest_since, status
from marts.january_yoy
where measure_id = 'usbp_southwest' and value is not null
order by january desc
