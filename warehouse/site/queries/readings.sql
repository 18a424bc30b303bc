-- The other readings of one measure, January by January, in the order they are shown.
select yoy.*, readings.reading_no, measures.definition, prior.finality as prior_finality
from meta.measure_readings as readings
inner join marts.january_yoy as yoy on readings.reading_id = yoy.measure_id
inner join meta.measures as measures on readings.reading_id = measures.measure_id
left join marts.january_yoy as prior on yoy.measure_id = prior.measure_id and prior.january = yoy.january - 1
where readings.measure_id = $measure
order by yoy.january, readings.reading_no
