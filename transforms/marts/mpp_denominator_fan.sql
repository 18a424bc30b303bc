-- grain: one row per source of counts, programme, counting rule, day, numerator and denominator
-- purpose: One share of cases under every reading of relief and of the whole, side by side; none is chosen.
-- status: share_pct is NULL where a count is unknown, the denominator is zero, or the numerator is no part of it.
with numerators as (
    select 'relief_granted' as numerator_code
    union all select 'relief_or_protection' as numerator_code
    union all select 'application_granted' as numerator_code
),

denominators as (
    select 'assigned' as denominator_code
    union all select 'completed' as denominator_code
    union all select 'decided' as denominator_code
    union all select 'decided_in_presence' as denominator_code
    union all select 'applications' as denominator_code
),

counted as (
    select
        o.counted_in, o.release_id, o.trust, o.is_synthetic, o.programme, o.counted_by, o.as_of, o.reasons, n.numerator_code,
        o.assigned_cases, o.completed_cases, o.applicant_cases, o.removal_order_cases, o.removal_in_absentia_cases,
        case n.numerator_code
            when 'relief_granted' then o.relief_cases
            when 'relief_or_protection' then o.relief_or_protection_cases
            else o.application_granted_cases
        end as numerator
    from marts.mpp_outcomes as o
    cross join numerators as n
),

fanned as (
    select
        c.counted_in, c.release_id, c.trust, c.is_synthetic, c.programme, c.counted_by, c.as_of, c.reasons,
        c.numerator_code, d.denominator_code, c.numerator,
        case d.denominator_code
            when 'assigned' then c.assigned_cases
            when 'completed' then c.completed_cases
            when 'applications' then c.applicant_cases
            when 'decided'
                then case when c.numerator_code <> 'application_granted' then c.numerator + c.removal_order_cases end
            else case
                when c.numerator_code <> 'application_granted'
                    then c.numerator + c.removal_order_cases - c.removal_in_absentia_cases
            end
        end as denominator,
        c.numerator_code = 'application_granted' and d.denominator_code in ('decided', 'decided_in_presence') as is_no_part
    from counted as c
    cross join denominators as d
)

select
    counted_in, release_id, trust, is_synthetic, programme, counted_by, as_of, numerator_code, denominator_code, numerator,
    denominator, 100.0 * numerator / nullif(denominator, 0) as share_pct,
    list_filter(
        list_concat(
            reasons,
            [
                case when is_no_part then 'a case with a granted application need not be among the cases decided' end,
                case when not is_no_part and (numerator is null or denominator is null)
                    then 'a count it needs is not published' end,
                case when denominator = 0 then 'no case in the denominator' end
            ]
        ),
        reason -> reason is not null
    ) as reasons
from fanned
