-- Which breaks touch a measure?
select break_on, effect, title, axis
from meta.measure_breaks
where measure_id = 'usbp_southwest'
order by break_on, title
