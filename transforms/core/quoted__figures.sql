-- grain: one row per figure a page or article printed
-- purpose: single published figures with the day they were public; they stand in where no file covers the month.
select
    release_id, figure_id, line_no, measure_id, month_start, cast(printed_value as bigint) as encounters, precision, tolerance, publisher_code, published_on,
    published_precision,
    published_on < make_date(case when month(month_start) >= 10 then year(month_start) + 1 else year(month_start) end, 10, 1)
        as is_open_year,
    source
from meta.published_figures
where role = 'quoted' and month_start is not null and measure_id is not null and published_on is not null
