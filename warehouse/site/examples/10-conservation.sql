-- Is every line of every file accounted for?
select releases.release_id, releases.lines_in_file, sum(ledger.lines) as accounted_for
from meta.releases as releases
inner join meta.row_ledger as ledger on releases.release_id = ledger.release_id
group by releases.release_id, releases.lines_in_file
order by releases.release_id
