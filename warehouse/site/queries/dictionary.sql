-- The data dictionary, column by column.
select
    columns.table_name, tables.title, tables.grain, tables.description as table_description, columns.column_name,
    columns.column_position, columns.data_type, columns.is_nullable, columns.description, columns.unit, columns.source,
    columns.caveat, columns.upstream
from meta.columns as columns
inner join meta.tables as tables on columns.table_name = tables.table_name
order by columns.table_name, columns.column_position
