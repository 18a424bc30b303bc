-- The same decisions over each denominator: one row per share that a claim reads.
select
    readings.definition_no, readings.definition_label, readings.programme, readings.as_of, readings.numerator,
    readings.denominator, readings.reading, readings.reading_unit, readings.status, readings.reasons,
    readings.is_synthetic, readings.trust, readings.release_id, readings.figure_ids, definitions.note as definition_note
from marts.claim_readings as readings
inner join meta.claim_definitions as definitions
    on readings.claim_id = definitions.claim_id and readings.assertion_id = definitions.assertion_id
    and readings.definition_id = definitions.definition_id
where readings.operation = 'share' and readings.is_counted and readings.reading is not null
order by readings.is_synthetic, readings.as_of, readings.definition_no
