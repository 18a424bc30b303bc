-- The first quarantined lines, with their bytes as text.
select release_id, line_no, stage, reason, left(cast(original as varchar), 300) as original
from meta.quarantine
order by release_id, line_no
limit 200
