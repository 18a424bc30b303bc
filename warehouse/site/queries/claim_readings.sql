-- Every reading of one claim: assertion, definition and release.
select
    readings.assertion_id, readings.assertion_no, readings.definition_no, readings.definition_label, readings.bearing,
    readings.basis, readings.operation, readings.vintage_no, readings.measure_id, readings.month_start,
    readings.comparison_month, readings.as_of, readings.value, readings.prior, readings.numerator, readings.denominator,
    readings.reading, readings.reading_unit, readings.holds, readings.is_counted, readings.was_public_when_printed,
    readings.status, readings.reasons, readings.is_synthetic, readings.trust, readings.release_id, readings.published_on,
    readings.published_precision, readings.prior_release_id, readings.figure_ids, definitions.note as definition_note
from marts.claim_readings as readings
inner join meta.claim_definitions as definitions
    on readings.claim_id = definitions.claim_id and readings.assertion_id = definitions.assertion_id
    and readings.definition_id = definitions.definition_id
where readings.claim_id = $claim
order by readings.assertion_no, readings.definition_no, readings.vintage_no
