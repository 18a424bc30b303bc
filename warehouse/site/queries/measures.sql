-- Measures that some release answers, with their number of months and newest January.
select
    measures.measure_id, measures.title, measures.definition, measures.unit, measures.filter_sql, measures.caveats,
    measures.applicable_from, measures.applicable_through,
    count(yoy.value) as months,
    min(yoy.month_start) filter (where yoy.value is not null) as first_month,
    max(yoy.month_start) filter (where yoy.value is not null) as last_month,
    max(yoy.month_start) filter (where yoy.value is not null and month(yoy.month_start) = 1) as newest_january,
    arg_max(yoy.value, yoy.month_start) filter (where yoy.value is not null and month(yoy.month_start) = 1) as january_value,
    arg_max(yoy.release_id, yoy.month_start) filter (
        where yoy.value is not null and month(yoy.month_start) = 1
    ) as january_release_id,
    arg_max(yoy.finality, yoy.month_start) filter (
        where yoy.value is not null and month(yoy.month_start) = 1
    ) as january_finality
from meta.measures as measures
left join marts.monthly_yoy as yoy on measures.measure_id = yoy.measure_id
group by all
order by measures.measure_id
