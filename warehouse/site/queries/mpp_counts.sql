-- Published counts of cases in the Migrant Protection Protocols, all hearing locations together, as of a day.
select
    figure_id, programme, measure_code, figure_label, as_of, printed_value, precision, unit, publisher_code, published_on,
    published_precision, source, note
from meta.mpp_figures
where as_of is not null and hearing_location is null and nationality is null
order by as_of desc, measure_code
