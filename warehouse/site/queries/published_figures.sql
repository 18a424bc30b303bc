-- Every published figure: what it is, who printed it, when and where.
select figure_id, coalesce(measure_id, series) as about, printed_value, unit, publisher_code, published_on,
    published_precision, source, note
from meta.published_figures
union all
select figure_id, figure_label, printed_value, unit, publisher_code, published_on, published_precision, source, note
from meta.mpp_figures
