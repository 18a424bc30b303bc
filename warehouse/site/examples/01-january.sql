-- January 2021 against January 2020, under each definition
select yoy.measure_title, yoy.value, yoy.prior, yoy.pct_change, yoy.status, yoy.reasons, yoy.release_id
from marts.january_yoy as yoy
left join meta.measure_readings as readings
    on yoy.measure_id = readings.reading_id and readings.measure_id = 'usbp_southwest'
where yoy.january = 2021 and (yoy.measure_id = 'usbp_southwest' or readings.reading_no is not null)
order by readings.reading_no nulls first
