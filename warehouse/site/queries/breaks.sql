-- The breaks that touch one measure, oldest first.
select breaks.break_id, breaks.title, breaks.kind, breaks.axis, breaks.break_on, breaks.break_on_precision,
    breaks.complete_on, breaks.effect, breaks.added_authority, breaks.removed_authority, breaks.what_changes, breaks.sources
from meta.measure_breaks as touched
inner join meta.breaks as breaks on touched.break_id = breaks.break_id
where touched.measure_id = $measure
order by breaks.break_on, breaks.break_id
