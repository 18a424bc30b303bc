-- How many months were compared, by what came of it.
select explanation, count(*) as months, max(abs(residual)) as largest_residual
from marts.reconciliation
group by explanation
order by months desc, explanation
