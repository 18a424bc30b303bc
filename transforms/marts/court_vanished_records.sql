-- grain: one row per pair of releases, court table and primary key
-- purpose: Keys that a court release has and the next of the same kind lacks. Why they are gone is not said; EOIR has
--   removed records before.
select
    v.old_release_id, v.new_release_id, r.trust, r.trust = 'synthetic' as is_synthetic, v.court_table, v.key_text,
    v.record_no, v.old_records, v.was_decided
from meta.eoir_vanished_records as v
inner join meta.releases as r on v.new_release_id = r.release_id
