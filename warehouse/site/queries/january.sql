-- The Januaries of one measure, against the January before.
select yoy.*, prior.finality as prior_finality
from marts.january_yoy as yoy
left join marts.january_yoy as prior on yoy.measure_id = prior.measure_id and prior.january = yoy.january - 1
where yoy.measure_id = $measure
order by yoy.january
