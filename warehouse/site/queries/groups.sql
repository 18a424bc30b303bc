-- One measure's Januaries by one dimension.
select groups.*, prior.finality as prior_finality
from marts.january_yoy_by_dimension as groups
left join marts.january_yoy_by_dimension as prior
    on groups.measure_id = prior.measure_id and groups.dimension = prior.dimension
    and groups.dimension_code = prior.dimension_code and prior.january = groups.january - 1
where groups.measure_id = $measure and groups.dimension = $dimension
order by groups.dimension_code, groups.january
