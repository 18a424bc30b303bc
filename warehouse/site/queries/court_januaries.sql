-- Every January of one court release in one dimension, in the order they are shown.
select
    release_id, trust, is_synthetic, measure_code, measure_title, unit, dimension, dimension_code, dimension_label, january,
    month_start, value, prior, change, pct_change, status, reasons
from marts.court_january_yoy
where release_id = $release and dimension = $dimension
order by measure_code, dimension_code, january
