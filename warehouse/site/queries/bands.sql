-- Times in which an authority was in force: from the break that added it to the break that removed it.
select
    added.added_authority as authority, min(added.break_on) as starts_on,
    coalesce(max(removed.break_on), (select max(month_start) from marts.monthly_yoy)) as ends_on
from meta.breaks as added
left join meta.breaks as removed on added.added_authority = removed.removed_authority
where added.added_authority is not null and added.kind = 'authority' and added.axis = 'month'
group by added.added_authority
order by starts_on
