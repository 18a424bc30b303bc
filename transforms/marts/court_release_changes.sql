-- grain: one row per pair of releases and court table
-- purpose: What each court release changed since the one before of the same kind, and whether its deletions are an alert:
--   above 0.1 % of a table's keys, or any relief application that had a decision.
select
    c.old_release_id, c.new_release_id, r.trust, r.trust = 'synthetic' as is_synthetic, c.court_table, c.added_keys,
    c.changed_keys, c.deleted_keys, c.unchanged_keys, c.deleted_share, c.deleted_decided_keys, c.is_alert
from meta.eoir_release_changes as c
inner join meta.releases as r on c.new_release_id = r.release_id
