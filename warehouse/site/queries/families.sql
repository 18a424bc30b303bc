-- File families that may answer one measure, in order of preference.
select families.family, families.title, families.publisher_code, measure_families.family_rank
from meta.measure_families as measure_families
inner join meta.families as families on measure_families.family = families.family
where measure_families.measure_id = $measure
order by measure_families.family_rank
