-- Published new cases a month in the Migrant Protection Protocols, all hearing locations together.
select month_start, cast(printed_value as bigint) as value, figure_id, figure_label, publisher_code, published_on,
    published_precision, source
from meta.mpp_figures
where measure_code = 'new_cases' and programme = 'mpp1' and hearing_location is null and nationality is null
order by month_start
