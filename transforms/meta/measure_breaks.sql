-- grain: one row per measure and break that touches it
-- purpose: the breaks a comparison of a measure may cross.
select
    touches.code as measure_id, breaks.break_id, breaks.title, breaks.axis, breaks.break_on, breaks.effect,
    breaks.added_authority, breaks.removed_authority
from meta.break_touches as touches
inner join meta.breaks as breaks on touches.break_id = breaks.break_id
where touches.touches = 'measure'
