-- macro: monthly_yoy_as_of(day)
-- purpose: marts.monthly_yoy as it would have read at the end of a day: the same select over the releases public by then.
-- day: a date, or text such as '2021-02-11'. A release known only to the month counts as public on the month's last day.
-- model: marts.monthly_yoy, its CTE public_releases taken from here
with public_releases as (
    select release_id from core.release_preference where published_on <= cast(day as date)
)

select release_id from public_releases
