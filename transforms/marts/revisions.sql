-- grain: one row per measure, month and vintage
-- purpose: how a figure came to be what it is: first published, every later value, today's answer, and the drift between.
--          vintage_no is the order of publication; is_answer marks the value the warehouse answers with, which is not the
--          last vintage where a page printed a figure after the last file.
with vintages as (
    select
        vintages.measure_id, vintages.month_start, vintages.vintage_no, vintages.value, vintages.release_id, vintages.family,
        coalesce(families.publisher_code, figures.publisher_code) as publisher_code, vintages.published_on,
        vintages.published_precision, vintages.trust, vintages.is_open_year, vintages.is_quoted,
        vintages.latest_rank = 1 as is_answer,
        lag(vintages.value) over (
            partition by vintages.measure_id, vintages.month_start order by vintages.vintage_no
        ) as previous_value
    from marts.measure_vintages as vintages
    left join meta.families as families on vintages.family = families.family
    left join core.quoted__figures as figures
        on vintages.release_id = figures.release_id
        and vintages.measure_id = figures.measure_id
        and vintages.month_start = figures.month_start
)

select
    vintages.measure_id, vintages.month_start, vintages.vintage_no, vintages.value, vintages.release_id, vintages.family,
    vintages.publisher_code, vintages.published_on, vintages.published_precision, vintages.trust, vintages.is_open_year,
    vintages.is_quoted, vintages.is_answer, vintages.previous_value,
    vintages.value - vintages.previous_value as change_from_previous,
    vintages.value - firsts.value as drift_since_first,
    firsts.value as first_value, firsts.published_on as first_published_on, firsts.release_id as first_release_id,
    answers.value as final_value, answers.published_on as final_published_on, answers.release_id as final_release_id,
    answers.value - firsts.value as total_drift
from vintages
inner join vintages as firsts
    on vintages.measure_id = firsts.measure_id and vintages.month_start = firsts.month_start and firsts.vintage_no = 1
inner join vintages as answers
    on vintages.measure_id = answers.measure_id and vintages.month_start = answers.month_start and answers.is_answer
