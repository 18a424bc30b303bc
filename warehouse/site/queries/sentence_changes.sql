-- Printed sentences whose figure a later release changed.
select
    sentences.sentence_text, sentences.words, sentences.printed_on, sentences.sentence_source, changes.measure_id,
    changes.month_start, changes.old_value, changes.new_value, changes.old_release_id, changes.new_release_id as release_id,
    changes.published_on, changes.consequence, changes.summary
from marts.sentence_changes as changes
inner join meta.printed_sentences as sentences on changes.sentence_id = sentences.sentence_id
order by case changes.consequence when 'correction_needed' then 1 else 2 end, changes.published_on, changes.measure_id
