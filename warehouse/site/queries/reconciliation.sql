-- Two sources of the same month that differ by more than the rounding of either.
select
    reconciled.measure_id, reconciled.month_start, reconciled.source_a, reconciled.value_a, reconciled.release_id_a,
    reconciled.source_b, reconciled.value_b, reconciled.release_id_b, reconciled.residual, reconciled.tolerance,
    reconciled.explanation, reconciled.reason
from marts.reconciliation as reconciled
where not reconciled.is_within_tolerance
order by case reconciled.explanation when 'unexplained' then 1 else 2 end, abs(reconciled.residual) desc,
    reconciled.measure_id, reconciled.month_start, reconciled.source_a, reconciled.source_b
