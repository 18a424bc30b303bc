-- The last audit, what needs attention first.
select suite, table_name, expectation, severity, outcome, observed, because, checked_at
from meta.checks
order by case outcome when 'failed' then 1 when 'warned' then 2 when 'noted' then 3 else 4 end, table_name, expectation
