-- What each new release changed that a maintainer should know.
select release_id, finding, severity, months, detail, next_step
from marts.release_findings
order by case severity when 'critical' then 1 when 'warning' then 2 else 3 end, published_on desc, release_id, finding
