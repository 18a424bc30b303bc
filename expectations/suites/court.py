"""Suites of court records: typed tables of the court file, and the court marts of the warehouse.

Belongs here: what holds of every court release, and shares beyond which a release is something else than those known.
Does not belong here: counts of what is odd in one release (`warehouse.court.findings`), which are kept by release.

Published court records are dirty, so what they are known to break is a warning with its count; what only an error of
ours could break is critical. Every expectation aggregates in the database: the tables have up to 47 million rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from expectations.runner import Expect, ExpectNoRows, Severity, Suite
from expectations.suites.marts import ROUNDING
from expectations.suites.raw import TABLE, name_of

#: Dates outside 1950–2035 in a published release: a handful in a million rows. Above this share a column is misread.
IMPLAUSIBLE_SHARE = 0.01
#: Rows without the number of their case: none in most tables of a published release.
UNNUMBERED_SHARE = 0.001
#: Completions before the notice: clerical; above this share a date column is misread.
BACKWARDS_SHARE = 0.02
#: Codes without an entry in their list.
UNKNOWN_SHARE = 0.005

#: (core table, court table, has dates)
_TABLES = (
    ("cases", "A_TblCase", True),
    ("proceedings", "B_TblProceeding", True),
    ("charges", "B_TblProceedCharges", False),
    ("applications", "tbl_Court_Appln", True),
    ("hearings", "tbl_schedule", True),
    ("bonds", "D_TblAssociatedBond", True),
    ("motions", "tbl_Court_Motions", True),
    ("appeals", "tblAppeal", True),
    ("representatives", "tbl_RepsAssigned", True),
    ("custody", "tbl_CustodyHistory", True),
    ("juvenile", "tbl_JuvenileHistory", True),
    ("riders", "tbl_Lead_Rider", True),
    ("case_identifiers", "A_TblCaseIdentifier", False),
)


def suites() -> list[Suite]:
    """One suite a typed table of the court file."""
    own = {
        "proceedings": _proceedings(),
        "custody": [_backwards("custody", "detained_on", "released_on", "a release before the detention")],
        "appeals": [_backwards("appeals", "filed_on", "board_decision_on", "a decision before the appeal")],
        "bonds": [_bonds()],
    }
    return [_suite(*table, own.get(table[0], ())) for table in _TABLES] + [_mpp_cases()]


def mart_suites() -> list[Suite]:
    """One suite a court mart."""
    return [_january(), _mpp_outcomes(), _fan(), _outcomes_by_month()]


# ------------------------------------------------------------------------------------------------ typed tables


def _suite(name: str, court_table: str, has_dates: bool, own: Sequence[Expect | ExpectNoRows]) -> Suite:
    table = f"core.eoir__{name}"
    expectations: list[Expect | ExpectNoRows] = [_nothing_lost(court_table)]
    if name != "riders":  # a tie has two cases
        expectations.append(
            _share(
                f"{name}_without_case",
                "case_id is null",
                UNNUMBERED_SHARE,
                column="case_id",
                title="Nearly every row names its case.",
                because="A row without the number of its case is counted nowhere; many mean a shifted column.",
            )
        )
    if has_dates:
        expectations.append(
            _share(
                f"{name}_with_implausible_date",
                "has_implausible_date",
                IMPLAUSIBLE_SHARE,
                column="has_implausible_date",
                title="Nearly every date lies from 1950 to 2035.",
                because="A few published dates are in the year 3024; many mean another format of dates.",
            )
        )
    return Suite(
        name_of(table),
        table,
        [*expectations, *own],
        description=f"What the rows typed from {court_table} keep, and how far their content may stray.",
        min_rows=0,
    )


def _nothing_lost(court_table: str) -> ExpectNoRows:
    return ExpectNoRows(
        name="typed_rows_are_the_records_loaded",
        sql=f"""
            with typed as (select release_id, count(*) as typed_rows from {TABLE} group by release_id)

            select a.release_id, a.records_loaded, coalesce(t.typed_rows, 0) as typed_rows
            from meta.eoir_tables as a
            left join typed as t on a.release_id = t.release_id
            where a.court_table = '{court_table}' and a.records_loaded <> coalesce(t.typed_rows, 0)
        """,
        title=f"There is one row for each record of {court_table} that was loaded.",
        because="Typing may change no number of rows: a join that multiplies or drops records moves every figure.",
    )


def _share(
    name: str, condition: str, allowed: float, *, because: str, title: str, column: str | None = None
) -> ExpectNoRows:
    """At most this share of a release's rows, and ten, meet the condition."""
    return ExpectNoRows(
        name=name,
        sql=f"""
            with found as (
                select release_id, count(*) filter (where {condition}) as found_rows, count(*) as all_rows
                from {TABLE}
                group by release_id
            )

            select f.release_id, r.is_synthetic, f.found_rows, f.all_rows
            from found as f
            inner join meta.eoir_releases as r on f.release_id = r.release_id
            where f.found_rows > greatest(10, {allowed} * f.all_rows)
        """,
        severity="warning",
        column=column,
        title=title,
        because=because,
    )


def _backwards(table: str, earlier: str, later: str, what: str) -> ExpectNoRows:
    return _share(
        f"{table}_{later}_before_{earlier}",
        f"{later} < {earlier}",
        BACKWARDS_SHARE,
        column=later,
        title=f"Hardly any row has {what}.",
        because="Clerks mistype a date now and then; a column read as another does it in most rows.",
    )


def _proceedings() -> list[Expect | ExpectNoRows]:
    return [
        ExpectNoRows(
            name="cases_with_two_last_completions",
            sql=f"""
                select release_id, case_id, count(*) as last_completions
                from {TABLE}
                where is_last_completed
                group by release_id, case_id
                having count(*) > 1
            """,
            title="A case has at most one last completed proceeding.",
            because="Every outcome is read there: two of them would count a case twice.",
        ),
        ExpectNoRows(
            name="last_completion_without_date",
            sql=f"""
                select release_id, count(*) as undated
                from {TABLE}
                where is_last_completed and completed_on is null
                group by release_id
            """,
            title="The last completed proceeding has a completion date.",
            because="A completion without a day belongs to no January.",
        ),
        ExpectNoRows(
            name="codes_without_a_name",
            sql=f"""
                select release_id, count(*) as unnamed
                from {TABLE}
                where decision_code is not null and decision_label is null
                    or other_completion_code is not null and other_completion_label is null
                group by release_id
            """,
            title="Every completion code has a name, if only UNKNOWN(code).",
            because="A code that reads NULL drops out of every count by outcome without a trace.",
        ),
        _share(
            "proceedings_with_unknown_decision",
            "starts_with(coalesce(decision_label, ''), 'UNKNOWN(')",
            UNKNOWN_SHARE,
            column="decision_label",
            title="Nearly every decision code is in the list of its case type.",
            because="Outcomes are joined on case type, code and kind; many unknown ones mean a changed list.",
        ),
        _backwards("proceedings", "notice_on", "completed_on", "a completion before the notice"),
        _share(
            "absent_without_completion",
            "is_in_absentia and completed_on is null",
            BACKWARDS_SHARE,
            column="is_in_absentia",
            title="Hardly any proceeding is decided in absentia and not completed.",
            because="An order in absentia completes a proceeding; many exceptions mean a misread flag.",
        ),
    ]


def _bonds() -> ExpectNoRows:
    return _share(
        "bonds_beyond_a_million",
        "greatest(initial_bond_usd, new_bond_usd) > 1000000 or least(initial_bond_usd, new_bond_usd) < 0",
        UNNUMBERED_SHARE,
        column="new_bond_usd",
        title="Hardly any bond is negative or above 1,000,000 dollars.",
        because="Amounts beyond that are a neighbouring column read as money.",
    )


def _mpp_cases() -> Suite:
    table = "core.eoir__mpp_cases"
    return Suite(
        name_of(table),
        table,
        [
            Expect(
                "expect_compound_columns_to_be_unique",
                column_list=["release_id", "case_id"],
                title="A release has a case once.",
                because="Assigned cases are counted here; a case twice is an assignment too many.",
            ),
            ExpectNoRows(
                name="cases_without_any_sign",
                sql=f"""
                    select release_id, count(*) as cases
                    from {TABLE}
                    where not is_flagged_mp and not is_flagged_rm and not is_ever_at_mpp_location
                    group by release_id
                """,
                title="Every case has a flag or a location of the Protocols.",
                because="Each sign is counted apart; a case with none has no reason to be here.",
            ),
            ExpectNoRows(
                name="completed_without_outcome",
                sql=f"""
                    select release_id, outcome_code, count(*) as cases
                    from {TABLE}
                    where (outcome_code = 'pending') <> (completed_on is null)
                    group by release_id, outcome_code
                """,
                title="A case has a completion date exactly where it is not pending.",
                because="Completed and pending add up to assigned only then.",
            ),
        ],
        description="Cases with a sign of the Migrant Protection Protocols.",
        min_rows=0,
    )


# ------------------------------------------------------------------------------------------------------- marts


def _january() -> Suite:
    table = "marts.court_january_yoy"
    return Suite(
        name_of(table),
        table,
        [
            Expect(
                "expect_column_values_to_be_between",
                column="value",
                min_value=0,
                title="A value is not negative.",
                because="Cases and applications are counted.",
            ),
            Expect(
                "expect_column_values_to_be_in_set",
                column="status",
                value_set=["ok", "break", "provisional"],
                title="The status is ok, break or provisional.",
                because="A release holds every case, so no January is missing from it.",
            ),
            ExpectNoRows(
                name="change_is_not_the_difference",
                sql=f"""
                    select release_id, measure_code, dimension, dimension_code, january, value, prior, change, pct_change
                    from {TABLE}
                    where change <> value - prior
                        or (prior = 0) <> (pct_change is null)
                        or abs(pct_change - 100.0 * (value - prior) / nullif(prior, 0)) > {ROUNDING}
                """,
                title="Change and percentage are those of value and prior.",
                because="The percentage is what is quoted; without a January before there is none.",
            ),
            ExpectNoRows(
                name="prior_is_another_value",
                sql=f"""
                    select
                        this.release_id, this.measure_code, this.dimension, this.dimension_code, this.january, this.prior,
                        before.value
                    from {TABLE} as this
                    inner join {TABLE} as before
                        on this.release_id = before.release_id
                        and this.measure_code = before.measure_code
                        and this.dimension = before.dimension
                        and this.dimension_code = before.dimension_code
                        and this.january = before.january + 1
                    where this.prior <> before.value
                """,
                title="The January before is the value printed one row up.",
                because="A comparison whose base is another figure than the series shows cannot be checked.",
            ),
            ExpectNoRows(
                name="groups_do_not_add_up",
                sql=f"""
                    with grouped as (
                        select
                            release_id, measure_code, january, dimension, sum(value) as value
                        from {TABLE}
                        where dimension <> 'all'
                        group by release_id, measure_code, january, dimension
                    ),

                    overall as (
                        select release_id, measure_code, january, value from {TABLE} where dimension = 'all'
                    )

                    select
                        o.release_id, o.measure_code, o.january, g.dimension, g.value as sum_of_groups, o.value
                    from overall as o
                    inner join grouped as g
                        on o.release_id = g.release_id and o.measure_code = g.measure_code and o.january = g.january
                    where g.value <> o.value
                """,
                title="Courts, nationalities, case types and custody each add up to all courts.",
                because="A case without a code is a group of its own; none may drop out of a breakdown.",
            ),
            ExpectNoRows(
                name="part_larger_than_the_whole",
                sql=f"""
                    with measured as (
                        select
                            release_id, dimension, dimension_code, january,
                            max(value) filter (where measure_code = 'completions') as completions,
                            max(value) filter (where measure_code = 'removal_orders') as removals,
                            max(value) filter (where measure_code = 'removal_orders_in_absentia') as removals_in_absentia,
                            max(value) filter (where measure_code = 'relief_granted') as relief,
                            max(value) filter (where measure_code = 'relief_or_protection') as relief_or_protection
                        from {TABLE}
                        group by release_id, dimension, dimension_code, january
                    )

                    select *
                    from measured
                    where removals_in_absentia > removals or removals > completions or relief > relief_or_protection
                        or relief_or_protection > completions
                """,
                title="In absentia is part of removal orders, relief part of relief or protection, both of completions.",
                because="The measures are read as parts of each other.",
            ),
        ],
        description="January against January in the immigration courts.",
        min_rows=0,
    )


def _mpp_outcomes() -> Suite:
    table = "marts.mpp_outcomes"
    return Suite(
        name_of(table),
        table,
        [
            Expect(
                "expect_compound_columns_to_be_unique",
                column_list=["counted_in", "programme", "counted_by", "as_of"],
                title="A source counts a programme in one way once a day.",
                because="Two counts for a day would be two answers.",
            ),
            _part_of_whole(
                "counted",
                "counted_by <> 'published'",
                "critical",
                "Counted from a release, every outcome is part of the completed and those of the assigned.",
            ),
            _part_of_whole(
                "printed",
                "counted_by = 'published'",
                "warning",
                "As printed on pages, every outcome is part of the completed and those of the assigned.",
            ),
            ExpectNoRows(
                name="union_smaller_than_a_sign",
                sql=f"""
                    with counted as (
                        select
                            counted_in, programme, as_of,
                            max(assigned_cases) filter (where counted_by = 'flag') as by_flag,
                            max(assigned_cases) filter (where counted_by = 'location') as by_location,
                            max(assigned_cases) filter (where counted_by = 'union') as by_either
                        from {TABLE}
                        group by counted_in, programme, as_of
                    )

                    select *
                    from counted
                    where greatest(by_flag, by_location) > by_either or by_flag + by_location < by_either
                """,
                title="Cases with either sign are at least those with one, at most the sum of both.",
                because="The three counts are of the same cases.",
            ),
        ],
        description="Cases and outcomes of the Migrant Protection Protocols, counted and as printed.",
        min_rows=0,
    )


def _part_of_whole(name: str, condition: str, severity: Severity, title: str) -> ExpectNoRows:
    return ExpectNoRows(
        name=f"{name}_outcomes_beyond_the_whole",
        sql=f"""
            select
                counted_in, programme, counted_by, as_of, assigned_cases, completed_cases, relief_cases,
                relief_or_protection_cases, removal_order_cases, removal_in_absentia_cases
            from {TABLE}
            where {condition} and (
                completed_cases > assigned_cases
                or relief_cases > relief_or_protection_cases
                or relief_or_protection_cases > completed_cases
                or removal_order_cases > completed_cases
                or removal_in_absentia_cases > removal_order_cases
                or pending_cases + completed_cases <> assigned_cases
            )
        """,
        severity=severity,
        title=title,
        because="The shares quoted divide these counts by each other.",
    )


def _fan() -> Suite:
    table = "marts.mpp_denominator_fan"
    return Suite(
        name_of(table),
        table,
        [
            Expect(
                "expect_column_values_to_be_between",
                column="share_pct",
                min_value=0,
                max_value=100,
                title="A share is from 0 to 100 %.",
                because="A numerator that is no part of its denominator has no share.",
            ),
            ExpectNoRows(
                name="share_is_not_the_quotient",
                sql=f"""
                    select
                        counted_in, programme, counted_by, as_of, numerator_code, denominator_code, numerator,
                        denominator, share_pct
                    from {TABLE}
                    where abs(share_pct - 100.0 * numerator / nullif(denominator, 0)) > {ROUNDING}
                        or share_pct is null and numerator is not null and denominator > 0
                """,
                title="A share is its numerator over its denominator, wherever both are known.",
                because="The share is what is quoted.",
            ),
            ExpectNoRows(
                name="denominators_out_of_order",
                sql=f"""
                    with fan as (
                        select
                            counted_in, programme, counted_by, as_of, numerator_code,
                            max(denominator) filter (where denominator_code = 'assigned') as assigned,
                            max(denominator) filter (where denominator_code = 'completed') as completed,
                            max(denominator) filter (where denominator_code = 'decided') as decided,
                            max(denominator) filter (where denominator_code = 'decided_in_presence') as in_presence
                        from {TABLE}
                        group by counted_in, programme, counted_by, as_of, numerator_code
                    )

                    select * from fan where in_presence > decided or decided > completed or completed > assigned
                """,
                title="Decided in presence is part of decided, that of completed, that of assigned.",
                because="The fan opens from the smallest denominator to the largest; each share is read against the others.",
            ),
        ],
        description="One share under every numerator and denominator.",
        min_rows=0,
    )


def _outcomes_by_month() -> Suite:
    table = "marts.court_outcomes_by_month"
    series = "release_id, population, cohort, outcome_group_code"
    window = f"partition by {series} order by months_since_notice"
    return Suite(
        name_of(table),
        table,
        [
            Expect(
                "expect_column_values_to_be_between",
                column="cumulative_incidence",
                min_value=0,
                max_value=1,
                title="An incidence is from 0 to 1.",
                because="It is the share of cases that have ended so.",
            ),
            ExpectNoRows(
                name="incidence_that_falls",
                sql=f"""
                    with followed as (
                        select
                            {series}, months_since_notice, cumulative_incidence, at_risk_cases,
                            lag(cumulative_incidence) over ({window}) as incidence_before,
                            lag(at_risk_cases) over ({window}) as at_risk_before
                        from {TABLE}
                    )

                    select *
                    from followed
                    where cumulative_incidence < incidence_before - 1e-9 or at_risk_cases > at_risk_before
                """,
                title="From month to month an incidence does not fall, and the cases followed do not grow.",
                because="A case that has ended stays ended; one no longer followed does not come back.",
            ),
            ExpectNoRows(
                name="incidences_beyond_one",
                sql=f"""
                    select release_id, population, cohort, months_since_notice, sum(cumulative_incidence) as of_all_outcomes
                    from {TABLE}
                    group by release_id, population, cohort, months_since_notice
                    having sum(cumulative_incidence) > 1 + 1e-9
                """,
                title="The incidences of the four outcomes add up to at most 1.",
                because="A case ends in one way.",
            ),
        ],
        description="How cases end, by months since the notice.",
        min_rows=0,
    )
