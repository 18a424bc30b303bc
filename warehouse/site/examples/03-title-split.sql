-- How much of each January was Title 42?
select january, value, title_42_value, title_42_share_pct, change_title_42, change_title_8, status
from marts.january_yoy
where measure_id = 'usbp_southwest' and title_42_value is not null
order by january
