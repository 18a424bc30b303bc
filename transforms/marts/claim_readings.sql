-- grain: one row per claim, assertion, definition and release that gives the definition a value; one row without a release
--        where none does
-- purpose: what each printed figure is compared with, under every definition and in every release: value, comparison, the
--          number that results, and whether the printed words allow it (the bounds of meta.claim_assertions).
-- as of: is_counted marks the reading the definition asks for, of the newest releases. Every other reading takes its
--        comparison from the releases public by its own day, so it is what a reader could have computed then.
-- court: a definition of cases reads published counts (basis mpp), and in every court release that holds its programme and
--        day the same counts by identifier, by location and by either (basis court). A reading by either from the newest
--        official or mirrored release counts in place of the published one, provided that its counts lie within 2 % of the
--        published total and 5 % of the published outcomes; the gap is in its reasons. Made-up records never count.
-- status: missing (a value is unknown) > not_applicable (a side did not exist) > break > provisional > ok.
with definitions as (
    select
        claims.claim_number, claims.article_published_earliest, definitions.claim_id, definitions.assertion_id,
        assertions.assertion_no, definitions.definition_id, definitions.definition_no, definitions.definition_label,
        definitions.bearing, definitions.basis, assertions.operation, definitions.measure_id, definitions.month_start,
        definitions.comparison_month, definitions.vintage_choice, definitions.comparison_vintage_choice,
        definitions.stand_in_figure_id, definitions.programme, definitions.as_of, assertions.printed_number,
        assertions.lower_bound, assertions.is_lower_closed, assertions.upper_bound, assertions.is_upper_closed
    from meta.claim_definitions as definitions
    inner join meta.claim_assertions as assertions
        on definitions.claim_id = assertions.claim_id and definitions.assertion_id = assertions.assertion_id
    inner join meta.claims as claims on definitions.claim_id = claims.claim_id
),

released as (
    select
        definitions.claim_id, definitions.assertion_id, definitions.definition_id, vintages.vintage_no, vintages.latest_rank,
        vintages.value, vintages.release_id, figures.figure_id, vintages.published_on, vintages.published_precision,
        vintages.trust, vintages.is_open_year, vintages.is_quoted, false as is_stand_in,
        case when definitions.vintage_choice = 'latest' then vintages.latest_rank = 1 else vintages.vintage_no = 1 end
            as is_counted
    from definitions
    inner join marts.measure_vintages as vintages
        on definitions.measure_id = vintages.measure_id and definitions.month_start = vintages.month_start
    left join core.quoted__figures as figures
        on vintages.release_id = figures.release_id
        and vintages.measure_id = figures.measure_id
        and vintages.month_start = figures.month_start
    where definitions.vintage_choice = 'latest' or vintages.vintage_no = 1
),

stood_in as (
    select
        definitions.claim_id, definitions.assertion_id, definitions.definition_id, 1 as vintage_no, 1 as latest_rank,
        cast(figures.printed_value as bigint) as value, cast(null as varchar) as release_id,
        figures.figure_id, figures.published_on, figures.published_precision,
        case when figures.figure_id is not null then 'quoted' end as trust, false as is_open_year, false as is_quoted,
        figures.figure_id is not null as is_stand_in, true as is_counted
    from definitions
    left join meta.published_figures as figures
        on definitions.stand_in_figure_id = figures.figure_id
        and definitions.measure_id = figures.measure_id
        and definitions.month_start = figures.month_start
    where definitions.basis = 'measure'
        and not exists (
            select 1 as held
            from marts.measure_vintages as vintages
            where vintages.measure_id = definitions.measure_id and vintages.month_start = definitions.month_start
        )
),

candidates as (
    select
        claim_id, assertion_id, definition_id, vintage_no, latest_rank, value, release_id, figure_id, published_on,
        published_precision, trust, is_open_year, is_quoted, is_stand_in, is_counted
    from released
    union all
    select
        claim_id, assertion_id, definition_id, vintage_no, latest_rank, value, release_id, figure_id, published_on,
        published_precision, trust, is_open_year, is_quoted, is_stand_in, is_counted
    from stood_in
),

measured as (
    select
        definitions.claim_id, definitions.assertion_id, definitions.definition_id, candidates.vintage_no,
        candidates.latest_rank, candidates.value, candidates.release_id, candidates.figure_id, candidates.published_on,
        candidates.published_precision, candidates.trust, candidates.is_open_year, candidates.is_quoted,
        candidates.is_stand_in, candidates.is_counted, definitions.operation, definitions.measure_id,
        definitions.month_start, definitions.comparison_month, definitions.comparison_vintage_choice,
        case when definitions.operation = 'highest_since' then cast(definitions.printed_number as integer) end as printed_year
    from definitions
    inner join candidates
        on definitions.claim_id = candidates.claim_id
        and definitions.assertion_id = candidates.assertion_id
        and definitions.definition_id = candidates.definition_id
),

priors as (
    select
        measured.claim_id, measured.assertion_id, measured.definition_id, measured.vintage_no,
        vintages.value, vintages.release_id, vintages.trust, vintages.is_open_year, vintages.is_quoted, vintages.family
    from measured
    inner join marts.measure_vintages as vintages
        on measured.measure_id = vintages.measure_id and measured.comparison_month = vintages.month_start
    where measured.operation = 'yoy_pct' and (measured.is_counted or vintages.published_on <= measured.published_on)
    qualify row_number() over (
        partition by measured.claim_id, measured.assertion_id, measured.definition_id, measured.vintage_no
        order by
            case when measured.comparison_vintage_choice = 'latest' then vintages.latest_rank else vintages.vintage_no end
    ) = 1
),

earlier_years as (
    select
        measured.claim_id, measured.assertion_id, measured.definition_id, measured.vintage_no, measured.printed_year,
        measured.month_start, measured.value, year(vintages.month_start) as earlier_year, vintages.value as earlier_value,
        vintages.trust as earlier_trust
    from measured
    inner join marts.measure_vintages as vintages
        on measured.measure_id = vintages.measure_id
        and month(vintages.month_start) = month(measured.month_start)
        and vintages.month_start < measured.month_start
        and vintages.month_start >= date '2000-01-01'
    where measured.operation = 'highest_since' and (measured.is_counted or vintages.published_on <= measured.published_on)
    qualify row_number() over (
        partition by
            measured.claim_id, measured.assertion_id, measured.definition_id, measured.vintage_no, vintages.month_start
        order by vintages.latest_rank
    ) = 1
),

highest as (
    select
        claim_id, assertion_id, definition_id, vintage_no,
        max(earlier_year) filter (where earlier_value >= value) as highest_since,
        count(*) filter (where earlier_year >= printed_year) = max(year(month_start)) - max(printed_year)
            or coalesce(max(earlier_year) filter (where earlier_value >= value) > max(printed_year), false) as is_known,
        count(*) filter (where earlier_trust = 'synthetic') > 0 as is_synthetic
    from earlier_years
    where value is not null
    group by claim_id, assertion_id, definition_id, vintage_no
),

counted_cases as (
    select
        terms.claim_id, terms.assertion_id, terms.definition_id, terms.part,
        case when count(*) = count(figures.figure_id) then cast(sum(terms.sign * figures.printed_value) as bigint) end as cases
    from meta.claim_terms as terms
    inner join definitions
        on terms.claim_id = definitions.claim_id
        and terms.assertion_id = definitions.assertion_id
        and terms.definition_id = definitions.definition_id
    left join meta.mpp_figures as figures
        on definitions.programme = figures.programme
        and definitions.as_of = figures.as_of
        and terms.measure_code = figures.measure_code
        and figures.nationality is null
        and figures.hearing_location is null
    group by terms.claim_id, terms.assertion_id, terms.definition_id, terms.part
),

case_figures as (
    select
        figures_used.claim_id, figures_used.assertion_id, figures_used.definition_id,
        list_sort(list(figures_used.figure_id)) as figure_ids,
        case when count(*) = count(figures_used.published_on) then max(figures_used.published_on) end as published_on,
        case when count(*) = count(figures_used.published_on) then max(figures_used.published_precision) end
            as published_precision,
        list_sort(list(concat('count printed as ', figures_used.precision, ': ', figures_used.figure_id))
            filter (where figures_used.precision <> 'exact')) as imprecise_reasons
    from (
        select distinct
            terms.claim_id, terms.assertion_id, terms.definition_id, figures.figure_id, figures.published_on,
            figures.published_precision, figures.precision
        from meta.claim_terms as terms
        inner join definitions
            on terms.claim_id = definitions.claim_id
            and terms.assertion_id = definitions.assertion_id
            and terms.definition_id = definitions.definition_id
        inner join meta.mpp_figures as figures
            on definitions.programme = figures.programme
            and definitions.as_of = figures.as_of
            and terms.measure_code = figures.measure_code
            and figures.nationality is null
            and figures.hearing_location is null
    ) as figures_used
    group by figures_used.claim_id, figures_used.assertion_id, figures_used.definition_id
),

crossed as (
    select
        measured.claim_id, measured.assertion_id, measured.definition_id, measured.vintage_no,
        count(*) filter (where breaks.effect = 'break') > 0 as crosses_break,
        list_sort(list(concat(cast(breaks.break_on as varchar), ' ', breaks.title, ' (', breaks.break_id, ')')))
            as break_reasons
    from measured
    left join highest
        on measured.claim_id = highest.claim_id
        and measured.assertion_id = highest.assertion_id
        and measured.definition_id = highest.definition_id
        and measured.vintage_no = highest.vintage_no
    inner join meta.measure_breaks as breaks
        on measured.measure_id = breaks.measure_id
        and breaks.break_on > case
            when measured.operation = 'highest_since'
                then make_date(coalesce(highest.highest_since, measured.printed_year), month(measured.month_start), 1)
            else measured.comparison_month
        end
        and breaks.break_on < cast(measured.month_start + interval 1 month as date)
    where breaks.axis = 'month' and measured.operation in ('yoy_pct', 'highest_since')
    group by measured.claim_id, measured.assertion_id, measured.definition_id, measured.vintage_no
),

measure_readings as (
    select
        measured.claim_id, measured.assertion_id, measured.definition_id, measured.vintage_no,
        measured.latest_rank, measured.value, measured.release_id, measured.published_on, measured.published_precision,
        measured.trust, measured.is_counted, priors.value as prior, priors.release_id as prior_release_id,
        cast(null as bigint) as numerator, cast(null as bigint) as denominator,
        case
            when measured.operation = 'level' then cast(measured.value as double)
            when measured.operation = 'yoy_pct' then 100.0 * (measured.value - priors.value) / nullif(priors.value, 0)
            when measured.operation = 'highest_since' and highest.is_known then cast(highest.highest_since as double)
        end as reading,
        case
            when measured.operation = 'highest_since' then coalesce(highest.is_known, false)
            when measured.operation = 'yoy_pct' then measured.value is not null and priors.value is not null and priors.value <> 0
            else measured.value is not null
        end as is_known,
        coalesce(measured.trust = 'synthetic', false) or coalesce(priors.trust = 'synthetic', false)
            or coalesce(highest.is_synthetic, false) as is_synthetic,
        coalesce(crossed.crosses_break, false) as crosses_break,
        coalesce(measured.is_open_year, false) or coalesce(priors.is_open_year, false) as is_provisional,
        coalesce(measured.value is null and measures.applicable_from is not null
            and (measured.month_start < measures.applicable_from or measured.month_start > measures.applicable_through), false)
        or coalesce(measured.value is not null and priors.value is null and measures.applicable_from is not null
            and measured.operation = 'yoy_pct'
            and (measured.comparison_month < measures.applicable_from or measured.comparison_month > measures.applicable_through),
            false) as is_outside,
        list_filter([measured.figure_id], figure -> figure is not null) as figure_ids,
        list_filter(
            list_concat(
                [
                    case when measured.value is null then 'no release publishes this month' end,
                    case when measured.operation = 'yoy_pct' and priors.value is null and measured.is_counted
                        then 'no release publishes the month it is compared with' end,
                    case when measured.operation = 'yoy_pct' and priors.value is null and not measured.is_counted
                        then 'the month it is compared with was not public by then' end,
                    case when measured.operation = 'highest_since' and measured.value is not null
                        and not coalesce(highest.is_known, false)
                        then concat('not every year since ', cast(measured.printed_year as varchar), ' is known') end,
                    case when measured.operation = 'highest_since' and highest.is_known and highest.highest_since is null
                        then 'no year since 2000 was as high' end,
                    case when measured.is_open_year then 'fiscal year still open when published' end,
                    case when priors.is_open_year
                        then 'fiscal year of the month it is compared with still open when published' end,
                    case when measured.is_quoted then concat('value quoted from a page: ', measured.figure_id) end,
                    case when measured.is_stand_in
                        then concat('no release holds the month; a published figure stands in: ', measured.figure_id) end,
                    case when measured.is_stand_in and measured.published_on is null
                        then 'nobody says when that figure was published' end,
                    case when priors.is_quoted then 'the value it is compared with is quoted from a page' end
                ],
                coalesce(crossed.break_reasons, [])
            ),
            reason -> reason is not null
        ) as reasons
    from measured
    inner join meta.measures as measures on measured.measure_id = measures.measure_id
    left join priors
        on measured.claim_id = priors.claim_id
        and measured.assertion_id = priors.assertion_id
        and measured.definition_id = priors.definition_id
        and measured.vintage_no = priors.vintage_no
    left join highest
        on measured.claim_id = highest.claim_id
        and measured.assertion_id = highest.assertion_id
        and measured.definition_id = highest.definition_id
        and measured.vintage_no = highest.vintage_no
    left join crossed
        on measured.claim_id = crossed.claim_id
        and measured.assertion_id = crossed.assertion_id
        and measured.definition_id = crossed.definition_id
        and measured.vintage_no = crossed.vintage_no
),

case_readings as (
    select
        definitions.claim_id, definitions.assertion_id, definitions.definition_id, 1 as vintage_no, 1 as latest_rank,
        cast(null as bigint) as value, cast(null as varchar) as release_id, case_figures.published_on,
        case_figures.published_precision, case when case_figures.figure_ids is not null then 'quoted' end as trust,
        true as is_counted, cast(null as bigint) as prior, cast(null as varchar) as prior_release_id,
        numerators.cases as numerator, denominators.cases as denominator,
        case
            when definitions.operation = 'level' then cast(numerators.cases as double)
            when definitions.operation = 'share' then 100.0 * numerators.cases / nullif(denominators.cases, 0)
        end as reading,
        numerators.cases is not null
            and (definitions.operation <> 'share' or coalesce(denominators.cases, 0) <> 0) as is_known,
        false as is_synthetic, false as crosses_break, false as is_provisional, false as is_outside,
        coalesce(case_figures.figure_ids, []) as figure_ids,
        list_filter(
            list_concat(
                [
                    case when numerators.cases is null
                        or (definitions.operation = 'share' and denominators.cases is null)
                        then 'no published figure gives this count as of the day' end,
                    case when case_figures.figure_ids is not null and case_figures.published_on is null
                        then 'not every source says when it was published' end
                ],
                coalesce(case_figures.imprecise_reasons, [])
            ),
            reason -> reason is not null
        ) as reasons
    from definitions
    left join counted_cases as numerators
        on definitions.claim_id = numerators.claim_id
        and definitions.assertion_id = numerators.assertion_id
        and definitions.definition_id = numerators.definition_id
        and numerators.part = 'numerator'
    left join counted_cases as denominators
        on definitions.claim_id = denominators.claim_id
        and definitions.assertion_id = denominators.assertion_id
        and definitions.definition_id = denominators.definition_id
        and denominators.part = 'denominator'
    left join case_figures
        on definitions.claim_id = case_figures.claim_id
        and definitions.assertion_id = case_figures.assertion_id
        and definitions.definition_id = case_figures.definition_id
    where definitions.basis = 'mpp'
),

court_counts as (
    select release_id, programme, counted_by, as_of, 'total_cases' as measure_code, assigned_cases as cases
    from marts.mpp_outcomes
    union all
    select release_id, programme, counted_by, as_of, 'completed' as measure_code, completed_cases as cases
    from marts.mpp_outcomes
    union all
    select release_id, programme, counted_by, as_of, 'completed_or_closed' as measure_code, completed_cases as cases
    from marts.mpp_outcomes
    union all
    select release_id, programme, counted_by, as_of, 'pending' as measure_code, pending_cases as cases
    from marts.mpp_outcomes
    union all
    select release_id, programme, counted_by, as_of, 'pending_cohort' as measure_code, pending_at_mpp_court_cases as cases
    from marts.mpp_outcomes
    union all
    select release_id, programme, counted_by, as_of, 'relief_granted' as measure_code, relief_cases as cases
    from marts.mpp_outcomes
    union all
    select release_id, programme, counted_by, as_of, 'removal_orders' as measure_code, removal_order_cases as cases
    from marts.mpp_outcomes
    union all
    select
        release_id, programme, counted_by, as_of, 'removal_orders_in_absentia' as measure_code,
        removal_in_absentia_cases as cases
    from marts.mpp_outcomes
    union all
    select release_id, programme, counted_by, as_of, 'terminated' as measure_code, terminated_cases as cases
    from marts.mpp_outcomes
),

beside_published as (
    select
        counts.release_id, counts.programme, counts.counted_by, counts.as_of, counts.measure_code, counts.cases,
        figures.printed_value,
        case when counts.measure_code = 'total_cases' then 2 else 5 end as tolerance_pct,
        100.0 * (counts.cases - figures.printed_value) / nullif(figures.printed_value, 0) as gap_pct
    from court_counts as counts
    left join meta.mpp_figures as figures
        on counts.programme = figures.programme
        and counts.as_of = figures.as_of
        and counts.measure_code = figures.measure_code
        and figures.nationality is null
        and figures.hearing_location is null
    where counts.release_id is not null
),

court_terms as (
    select
        terms.claim_id, terms.assertion_id, terms.definition_id, counts.release_id, counts.counted_by,
        case
            when count(*) filter (where terms.part = 'numerator' and counts.cases is null) = 0
                then cast(sum(terms.sign * counts.cases) filter (where terms.part = 'numerator') as bigint)
        end as numerator,
        case
            when count(*) filter (where terms.part = 'denominator' and counts.cases is null) = 0
                then cast(sum(terms.sign * counts.cases) filter (where terms.part = 'denominator') as bigint)
        end as denominator,
        count(*) filter (where abs(counts.gap_pct) > counts.tolerance_pct) = 0 as is_within_tolerance,
        list_sort(list(distinct printf(
            'published %s %.0f, here %d: %+.2f %% (tolerance %d %%)',
            counts.measure_code, counts.printed_value, counts.cases, counts.gap_pct, counts.tolerance_pct
        )) filter (where counts.gap_pct is not null)) as gaps
    from meta.claim_terms as terms
    inner join definitions
        on terms.claim_id = definitions.claim_id
        and terms.assertion_id = definitions.assertion_id
        and terms.definition_id = definitions.definition_id
    inner join beside_published as counts
        on definitions.programme = counts.programme
        and definitions.as_of = counts.as_of
        and terms.measure_code = counts.measure_code
    group by terms.claim_id, terms.assertion_id, terms.definition_id, counts.release_id, counts.counted_by
),

court_readings as (
    select
        definitions.claim_id, definitions.assertion_id, definitions.definition_id,
        1 + row_number() over (
            partition by definitions.claim_id, definitions.assertion_id, definitions.definition_id
            order by releases.published_on, court_terms.release_id, court_terms.counted_by
        ) as vintage_no,
        court_terms.release_id, court_terms.counted_by, releases.published_on, releases.published_precision,
        releases.trust, court_terms.numerator, court_terms.denominator,
        case
            when definitions.operation = 'level' then cast(court_terms.numerator as double)
            when definitions.operation = 'share' then 100.0 * court_terms.numerator / nullif(court_terms.denominator, 0)
        end as reading,
        court_terms.numerator is not null
            and (definitions.operation <> 'share' or coalesce(court_terms.denominator, 0) <> 0) as is_known,
        court_terms.is_within_tolerance
            and coalesce(abs(totals.gap_pct) <= totals.tolerance_pct, true) as is_within_tolerance,
        court_terms.gaps
    from court_terms
    inner join definitions
        on court_terms.claim_id = definitions.claim_id
        and court_terms.assertion_id = definitions.assertion_id
        and court_terms.definition_id = definitions.definition_id
    inner join meta.releases as releases on court_terms.release_id = releases.release_id
    left join beside_published as totals
        on court_terms.release_id = totals.release_id
        and court_terms.counted_by = totals.counted_by
        and definitions.programme = totals.programme
        and definitions.as_of = totals.as_of
        and totals.measure_code = 'total_cases'
    where definitions.basis = 'mpp'
),

answering as (
    select claim_id, assertion_id, definition_id, max(vintage_no) as vintage_no
    from court_readings
    where trust in ('official', 'mirrored') and counted_by = 'union' and is_known and is_within_tolerance
    group by claim_id, assertion_id, definition_id
),

not_answering as (
    select
        claim_id, assertion_id, definition_id,
        case
            when count(*) filter (where trust <> 'synthetic') = 0
                then 'the court records loaded are made up and are no evidence, so published counts are read'
            else 'no court release loaded is within the tolerance of the published counts, so those are read'
        end as reason
    from court_readings
    group by claim_id, assertion_id, definition_id
),

all_readings as (
    select
        'measure' as basis, claim_id, assertion_id, definition_id, vintage_no, latest_rank, value, release_id, published_on,
        published_precision, trust, is_counted, prior, prior_release_id, numerator, denominator, reading, is_known,
        is_synthetic, crosses_break, is_provisional, is_outside, figure_ids, reasons
    from measure_readings
    union all
    select
        'mpp' as basis, cases.claim_id, cases.assertion_id, cases.definition_id, cases.vintage_no, cases.latest_rank,
        cases.value, cases.release_id, cases.published_on, cases.published_precision, cases.trust,
        answering.vintage_no is null as is_counted, cases.prior, cases.prior_release_id, cases.numerator, cases.denominator,
        cases.reading, cases.is_known, cases.is_synthetic, cases.crosses_break, cases.is_provisional, cases.is_outside,
        cases.figure_ids,
        list_filter(
            list_concat(cases.reasons, [case when answering.vintage_no is null then not_answering.reason end]),
            reason -> reason is not null
        ) as reasons
    from case_readings as cases
    left join answering
        on cases.claim_id = answering.claim_id
        and cases.assertion_id = answering.assertion_id
        and cases.definition_id = answering.definition_id
    left join not_answering
        on cases.claim_id = not_answering.claim_id
        and cases.assertion_id = not_answering.assertion_id
        and cases.definition_id = not_answering.definition_id
    union all
    select
        'court' as basis, courts.claim_id, courts.assertion_id, courts.definition_id, courts.vintage_no,
        courts.vintage_no as latest_rank, cast(null as bigint) as value, courts.release_id, courts.published_on,
        courts.published_precision, courts.trust, answering.vintage_no is not null as is_counted,
        cast(null as bigint) as prior, cast(null as varchar) as prior_release_id, courts.numerator, courts.denominator,
        courts.reading, courts.is_known, courts.trust = 'synthetic' as is_synthetic, false as crosses_break,
        false as is_provisional, false as is_outside, list_filter([cast(null as varchar)], figure -> figure is not null) as figure_ids,
        list_filter(
            list_concat(
                [
                    concat('cases counted by ', courts.counted_by),
                    case when courts.trust = 'synthetic' then 'made-up records: no evidence about the world' end,
                    case when courts.trust <> 'synthetic' and not courts.is_within_tolerance
                        then 'further from the published counts than the tolerance, so it is shown and not counted' end,
                    case when not courts.is_known then 'the release counts no case in the denominator' end
                ],
                coalesce(courts.gaps, [])
            ),
            reason -> reason is not null
        ) as reasons
    from court_readings as courts
    left join answering
        on courts.claim_id = answering.claim_id
        and courts.assertion_id = answering.assertion_id
        and courts.definition_id = answering.definition_id
        and courts.vintage_no = answering.vintage_no
)

select
    definitions.claim_id, definitions.claim_number, definitions.assertion_id, definitions.assertion_no,
    definitions.definition_id, definitions.definition_no, definitions.definition_label, definitions.bearing,
    all_readings.basis, definitions.operation, all_readings.vintage_no, definitions.measure_id, definitions.month_start,
    definitions.comparison_month, definitions.programme, definitions.as_of, all_readings.value, all_readings.prior,
    all_readings.numerator, all_readings.denominator, all_readings.reading,
    case
        when definitions.operation in ('yoy_pct', 'share') then 'percent'
        when definitions.operation = 'highest_since' then 'year'
        when definitions.basis = 'mpp' then 'cases'
        else 'events'
    end as reading_unit,
    case
        when not all_readings.is_known then null
        when all_readings.reading is null then false
        else
            case
                when definitions.is_lower_closed then all_readings.reading >= definitions.lower_bound
                else all_readings.reading > definitions.lower_bound
            end
            and case
                when definitions.upper_bound is null then true
                when definitions.is_upper_closed then all_readings.reading <= definitions.upper_bound
                else all_readings.reading < definitions.upper_bound
            end
    end as holds,
    all_readings.is_counted,
    all_readings.published_on <= definitions.article_published_earliest as was_public_when_printed,
    coalesce(
        all_readings.published_on <= definitions.article_published_earliest
        and row_number() over (
            partition by definitions.claim_id, definitions.assertion_id, definitions.definition_id
            order by
                coalesce(all_readings.published_on <= definitions.article_published_earliest, false) desc,
                all_readings.latest_rank, all_readings.vintage_no
        ) = 1,
        false
    ) as is_answer_when_printed,
    case
        when not all_readings.is_known and all_readings.is_outside then 'not_applicable'
        when not all_readings.is_known then 'missing'
        when all_readings.crosses_break then 'break'
        when all_readings.is_provisional then 'provisional'
        else 'ok'
    end as status,
    all_readings.reasons, all_readings.is_synthetic, all_readings.trust, all_readings.release_id,
    all_readings.published_on, all_readings.published_precision, all_readings.prior_release_id, all_readings.figure_ids
from definitions
inner join all_readings
    on definitions.claim_id = all_readings.claim_id
    and definitions.assertion_id = all_readings.assertion_id
    and definitions.definition_id = all_readings.definition_id
