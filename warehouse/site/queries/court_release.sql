-- The court release the page reads: the newest of an agency, else the newest made up.
select release_id, published_on, trust, is_synthetic, max(january) as newest_january
from marts.court_january_yoy
group by release_id, published_on, trust, is_synthetic
order by is_synthetic, published_on desc, release_id
limit 1
