-- Every month of one measure, against the year before.
select yoy.*, prior.finality as prior_finality
from marts.monthly_yoy as yoy
left join marts.monthly_yoy as prior
    on yoy.measure_id = prior.measure_id
    and prior.month_start = cast(date_add(yoy.month_start, interval (-12) month) as date)
where yoy.measure_id = $measure
order by yoy.month_start
