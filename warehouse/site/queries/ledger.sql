-- What became of lines, and why.
select
    disposition, reason, stage, count(distinct release_id) as releases, cast(sum(lines) as bigint) as lines,
    cast(sum(encounters) as bigint) as encounters
from meta.row_ledger
group by disposition, reason, stage
order by case disposition when 'loaded' then 1 when 'merged' then 2 when 'ignored' then 3 else 4 end, lines desc, reason
