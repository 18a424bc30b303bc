-- Fiscal years, October to September, with the months each holds
select
    year(month_start) + (month(month_start) >= 10)::int as fiscal_year, count(value) as months, sum(value) as events,
    bool_or(finality = 'provisional') as has_provisional_month
from marts.monthly_yoy
where measure_id = 'usbp_southwest'
group by fiscal_year
order by fiscal_year
