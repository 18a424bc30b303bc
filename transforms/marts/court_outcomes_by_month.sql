-- grain: one row per release, population, cohort, outcome and months since the notice
-- purpose: How cases end and when: cumulative incidence with pending cases censored (Aalen–Johansen), beside the two naive
--   ratios. With d of n cases at risk ending in month t, S(t) is the product of 1 - d/n, and the incidence of outcome k
--   the sum of S(t - 1) × d_k/n; the product is the exponential of summed logarithms.
-- as of: Cases are followed to the end of the release's last whole month; a case still pending then leaves there, after
--   the cases that ended in the same month. Completions before the notice count as month 0.
with observed as (
    select release_id, trust, data_through, cast(last_day(data_through) as date) as observed_until
    from meta.releases
    where family = 'eoir_foia'
),

populations as (
    select 'removal_cases' as population
    union all select 'mpp1' as population
    union all select 'mpp2' as population
),

followed as (
    select
        c.release_id, p.population, cast(year(c.notice_on) as varchar) as notice_year,
        case when c.completed_on <= o.observed_until then c.outcome_group_code else 'pending' end as ended_as,
        cast(greatest(
            case
                when c.completed_on <= o.observed_until then year(c.completed_on) * 12 + month(c.completed_on)
                else year(o.observed_until) * 12 + month(o.observed_until)
            end - year(c.notice_on) * 12 - month(c.notice_on),
            0
        ) as integer) as months_since_notice
    from marts.court_cases as c
    inner join observed as o on c.release_id = o.release_id
    inner join populations as p on p.population = 'removal_cases' or p.population = lower(c.mpp_programme_code)
    where c.case_type_code = 'RMV' and c.notice_on >= date '2000-01-01' and c.notice_on <= o.observed_until
),

cohorts as (
    select release_id, population, 'all' as cohort, ended_as, months_since_notice, count(*) as cases
    from followed
    group by release_id, population, ended_as, months_since_notice
    union all
    select release_id, population, notice_year as cohort, ended_as, months_since_notice, count(*) as cases
    from followed
    group by release_id, population, notice_year, ended_as, months_since_notice
),

leaving as (
    select
        release_id, population, cohort, months_since_notice, sum(cases) as cases,
        coalesce(sum(cases) filter (where ended_as = 'relief'), 0) as relief,
        coalesce(sum(cases) filter (where ended_as = 'protection'), 0) as protection,
        coalesce(sum(cases) filter (where ended_as = 'removal'), 0) as removal,
        coalesce(sum(cases) filter (where ended_as = 'other_closure'), 0) as other_closure
    from cohorts
    group by release_id, population, cohort, months_since_notice
),

totals as (
    select release_id, population, cohort, sum(cases) as cases, max(months_since_notice) as last_month
    from leaving
    group by release_id, population, cohort
),

months as (
    select
        release_id, population, cohort, cases,
        unnest(generate_series(0, last_month)) as months_since_notice
    from totals
),

at_risk as (
    select
        m.release_id, m.population, m.cohort, m.months_since_notice, m.cases,
        coalesce(l.relief, 0) as relief, coalesce(l.protection, 0) as protection, coalesce(l.removal, 0) as removal,
        coalesce(l.other_closure, 0) as other_closure,
        coalesce(l.relief, 0) + coalesce(l.protection, 0) + coalesce(l.removal, 0) + coalesce(l.other_closure, 0) as ended,
        m.cases + coalesce(l.cases, 0) - sum(coalesce(l.cases, 0)) over (
            partition by m.release_id, m.population, m.cohort order by m.months_since_notice
        ) as at_risk_cases
    from months as m
    left join leaving as l
        on m.release_id = l.release_id
        and m.population = l.population
        and m.cohort = l.cohort
        and m.months_since_notice = l.months_since_notice
),

surviving as (
    select
        release_id, population, cohort, months_since_notice, cases, relief, protection, removal, other_closure, ended,
        at_risk_cases,
        sum(ended) over (
            partition by release_id, population, cohort order by months_since_notice
        ) as ended_by_now,
        exp(coalesce(sum(ln(nullif(1.0 - ended / cast(nullif(at_risk_cases, 0) as double), 0.0))) over (
            partition by release_id, population, cohort order by months_since_notice
            rows between unbounded preceding and 1 preceding
        ), 0.0)) as still_pending_before
    from at_risk
),

outcomes as (
    select 'relief' as outcome_group_code
    union all select 'protection' as outcome_group_code
    union all select 'removal' as outcome_group_code
    union all select 'other_closure' as outcome_group_code
),

by_outcome as (
    select
        s.release_id, s.population, s.cohort, o.outcome_group_code, s.months_since_notice, s.cases, s.at_risk_cases,
        s.ended_by_now, s.still_pending_before,
        case o.outcome_group_code
            when 'relief' then s.relief
            when 'protection' then s.protection
            when 'removal' then s.removal
            else s.other_closure
        end as outcome_cases
    from surviving as s
    cross join outcomes as o
),

accumulated as (
    select
        release_id, population, cohort, outcome_group_code, months_since_notice, cases, at_risk_cases, outcome_cases,
        ended_by_now,
        sum(outcome_cases) over (
            partition by release_id, population, cohort, outcome_group_code order by months_since_notice
        ) as outcome_by_now,
        sum(still_pending_before * outcome_cases / cast(nullif(at_risk_cases, 0) as double)) over (
            partition by release_id, population, cohort, outcome_group_code order by months_since_notice
        ) as cumulative_incidence
    from by_outcome
)

select
    a.release_id, o.trust, o.trust = 'synthetic' as is_synthetic, a.population, a.cohort, a.outcome_group_code,
    a.months_since_notice, cast(a.at_risk_cases as bigint) as at_risk_cases, cast(a.outcome_cases as bigint) as outcome_cases,
    a.cumulative_incidence, a.outcome_by_now / cast(nullif(a.cases, 0) as double) as share_of_all,
    a.outcome_by_now / cast(nullif(a.ended_by_now, 0) as double) as share_of_completed
from accumulated as a
inner join observed as o on a.release_id = o.release_id
