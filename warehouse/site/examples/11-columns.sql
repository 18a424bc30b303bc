-- What does each column of the January table mean?
select column_name, description, unit, caveat
from meta.columns
where table_name = 'marts.january_yoy'
order by column_position
