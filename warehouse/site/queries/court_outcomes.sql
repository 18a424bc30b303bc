-- How the cases of one court release end, month by month since the notice, the four outcomes side by side.
select
    release_id, trust, is_synthetic, population, cohort, months_since_notice,
    max(at_risk_cases) as at_risk_cases,
    cast(sum(outcome_cases) as bigint) as ended_cases,
    100.0 * max(cumulative_incidence) filter (where outcome_group_code = 'relief') as relief_pct,
    100.0 * max(cumulative_incidence) filter (where outcome_group_code = 'protection') as protection_pct,
    100.0 * max(cumulative_incidence) filter (where outcome_group_code = 'removal') as removal_pct,
    100.0 * max(cumulative_incidence) filter (where outcome_group_code = 'other_closure') as other_closure_pct,
    100.0 * greatest(1.0 - sum(cumulative_incidence), 0.0) as still_pending_pct,
    100.0 * max(share_of_all) filter (where outcome_group_code = 'relief') as relief_of_all_pct,
    100.0 * max(share_of_completed) filter (where outcome_group_code = 'relief') as relief_of_completed_pct
from marts.court_outcomes_by_month
where release_id = $release
group by release_id, trust, is_synthetic, population, cohort, months_since_notice
order by population, cohort, months_since_notice
