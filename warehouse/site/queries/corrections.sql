-- Corrections to publishers' errors.
select correction_id, family, reason, evidence, expected_lines, expected_encounters, applies_to_sha256
from meta.corrections
order by correction_id, applies_to_sha256
