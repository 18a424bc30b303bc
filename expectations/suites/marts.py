"""Suites of marts: every comparison adds up, says what stands behind it, and repeats what was printed.

Belongs here: percentages, statuses, ranks, breakdowns, and the figures of reference/. Does not belong here: whether
lines and files agree (`expectations.suites.core`). No figure is written here: printed ones are in
meta.published_figures, the differences that have been looked into in meta.known_residuals.
"""

from __future__ import annotations

from expectations.runner import Expect, ExpectNoRows, Suite
from expectations.suites.core import LARGEST_CELL, UNSPLIT
from expectations.suites.raw import TABLE, name_of

STATUSES = ["ok", "break", "provisional", "not_applicable", "missing"]

#: Percentages are stored to four decimals.
ROUNDING = 1e-4


def suites() -> list[Suite]:
    """One suite a mart of encounters."""
    return [
        _measure_vintages_suite(),
        _monthly_yoy_suite(),
        _january_yoy_suite(),
        _january_yoy_by_dimension_suite(),
        _reconciliation_suite(),
        _release_findings_suite(),
        _revisions_suite(),
        _revision_summary_suite(),
    ]


# ------------------------------------------------------------------------------------------------- vintages


def _measure_vintages_suite() -> Suite:
    table = "marts.measure_vintages"
    return Suite(
        name_of(table),
        table,
        [
            Expect(
                "expect_column_values_to_be_between",
                column="value",
                min_value=0,
                max_value=LARGEST_CELL,
                title=f"A value is from 0 to {LARGEST_CELL:,}.",
                because="There are no negative encounters, and no month ever had a million.",
            ),
            ExpectNoRows(
                name="vintages_out_of_order",
                sql=f"""
                    select
                        measure_id, month_start, count(*) as vintages, max(vintage_no) as last_vintage_no,
                        max(latest_rank) as last_rank
                    from {TABLE}
                    group by measure_id, month_start
                    having count(distinct vintage_no) <> count(*) or min(vintage_no) <> 1 or max(vintage_no) <> count(*)
                        or count(distinct latest_rank) <> count(*) or min(latest_rank) <> 1 or max(latest_rank) <> count(*)
                    order by measure_id, month_start
                """,
                title="Vintages are numbered from one, and one of them is today's answer.",
                because="A month with two answers, or with none, cannot be quoted.",
            ),
            ExpectNoRows(
                name="quoted_in_place_of_a_file",
                sql=f"""
                    select
                        quoted.measure_id, quoted.month_start, quoted.value, quoted.release_id,
                        max(files.value) as value_in_a_file, max(files.release_id) as file_release_id
                    from {TABLE} as quoted
                    inner join {TABLE} as files
                        on quoted.measure_id = files.measure_id and quoted.month_start = files.month_start
                    where quoted.is_quoted and quoted.latest_rank = 1 and not files.is_quoted
                    group by quoted.measure_id, quoted.month_start, quoted.value, quoted.release_id
                    order by quoted.measure_id, quoted.month_start
                """,
                column="is_quoted",
                title="A quoted figure answers only where no file covers the month.",
                because="A figure on a page is often an early one; where the file is here, the file answers.",
            ),
            ExpectNoRows(
                name="values_of_unknown_releases",
                sql=f"""
                    select vintages.release_id, count(*) as values
                    from {TABLE} as vintages
                    left join meta.releases as releases on vintages.release_id = releases.release_id
                    where releases.release_id is null
                    group by vintages.release_id
                    order by vintages.release_id
                """,
                column="release_id",
                title="Every value belongs to a known release.",
                because="A value whose release is unknown cannot be traced to a file or a day.",
            ),
            ExpectNoRows(
                name="titles_do_not_add_up",
                sql=f"""
                    select
                        whole.measure_id, whole.month_start, whole.release_id, whole.value, title_8.value as title_8,
                        title_42.value as title_42
                    from {TABLE} as whole
                    inner join {TABLE} as title_8
                        on concat(whole.measure_id, '_title_8') = title_8.measure_id
                        and whole.release_id = title_8.release_id
                        and whole.month_start = title_8.month_start
                    left join {TABLE} as title_42
                        on concat(whole.measure_id, '_title_42') = title_42.measure_id
                        and whole.release_id = title_42.release_id
                        and whole.month_start = title_42.month_start
                    where not whole.is_quoted and whole.value <> title_8.value + coalesce(title_42.value, 0)
                    order by whole.measure_id, whole.month_start, whole.release_id
                """,
                column="value",
                title="Title 8 and Title 42 of a release add up to both together.",
                because="The readings shown beside a figure must be parts of that figure.",
            ),
            ExpectNoRows(
                name="components_do_not_add_up",
                sql=f"""
                    select
                        cbp.month_start, cbp.release_id, cbp.value as cbp_southwest, usbp.value as usbp_southwest,
                        ofo.value as ofo_southwest
                    from {TABLE} as cbp
                    inner join {TABLE} as usbp
                        on usbp.measure_id = 'usbp_southwest'
                        and cbp.release_id = usbp.release_id
                        and cbp.month_start = usbp.month_start
                    inner join {TABLE} as ofo
                        on ofo.measure_id = 'ofo_southwest'
                        and cbp.release_id = ofo.release_id
                        and cbp.month_start = ofo.month_start
                    where cbp.measure_id = 'cbp_southwest' and not cbp.is_quoted and cbp.value <> usbp.value + ofo.value
                    order by cbp.month_start, cbp.release_id
                """,
                column="value",
                title="Border Patrol and field officers of a release add up to all of CBP on the southwest "
                "border.",
                because="Most readers mix the three up; they must at least agree among themselves.",
            ),
            _figures_final(
                f"""
                    select measure_id, month_start, family, release_id, value, is_open_year, is_quoted
                    from {TABLE}
                """,
                "figures_differ_from_final_values",
            ),
            ExpectNoRows(
                name="figures_differ_from_the_file_of_their_month",
                sql=f"""
                    with {_STATED}

                    select
                        stated.figure_id, stated.measure_id, stated.month_start, stated.published_on, stated.printed_value,
                        vintages.value, vintages.value - stated.printed_value as difference, vintages.release_id
                    from stated
                    inner join {TABLE} as vintages
                        on stated.measure_id = vintages.measure_id and stated.month_start = vintages.month_start
                    inner join meta.families as families
                        on vintages.family = families.family and families.publisher_code in {_SAME_AGENCY}
                    where not stated.is_final and vintages.is_open_year and not vintages.is_quoted
                        and cast(date_trunc('month', vintages.published_on) as date)
                            = cast(date_trunc('month', stated.published_on) as date)
                        and abs(vintages.value - stated.printed_value) > stated.tolerance
                    order by stated.figure_id, vintages.release_id
                """,
                severity="warning",
                column="value",
                title="A figure of an open year agrees with the file published in the same month.",
                because="An open month is restated with every release, so an early figure is compared only "
                "with a file of the month it was printed in; where that file is not here, it is not compared.",
            ),
        ],
        description="Every value a measure ever had.",
    )


# A figure states a month's final value when the month's fiscal year was closed on the day it was printed. A figure
# without a day is taken for final too: it was read off a page or file of the whole year, and the few that were not
# are in meta.known_residuals, one by one. Only the agency's own figures are held against its files.
_STATED = """
    stated as (
        select
            figure_id, measure_id, month_start, printed_value, tolerance, publisher_code, published_on,
            published_on is null or published_on >= make_date(
                case when month(month_start) >= 10 then year(month_start) + 1 else year(month_start) end, 10, 1
            ) as is_final
        from meta.published_figures
        where role in ('quoted', 'reconcile') and measure_id is not null and month_start is not null
            and tolerance is not null and publisher_code in ('cbp', 'usbp', 'ohss')
    )
"""

#: Border Patrol is part of CBP: a figure of one may be held against a file of the other.
_SAME_AGENCY = (
    "(stated.publisher_code, case stated.publisher_code when 'usbp' then 'cbp' when 'cbp' then 'usbp' end)"
)


def _figures_final(values: str, name: str) -> ExpectNoRows:
    """`values` selects measure_id, month_start, family, release_id, value, is_open_year and is_quoted."""
    return ExpectNoRows(
        name=name,
        sql=f"""
            with {_STATED},

            vintages as (
                {values}
            )

            select
                stated.figure_id, stated.measure_id, stated.month_start, stated.published_on, stated.printed_value,
                vintages.value, vintages.value - stated.printed_value as difference, vintages.release_id
            from stated
            inner join vintages
                on stated.measure_id = vintages.measure_id and stated.month_start = vintages.month_start
            inner join meta.families as families
                on vintages.family = families.family and families.publisher_code in {_SAME_AGENCY}
            where stated.is_final and not vintages.is_open_year and not vintages.is_quoted
                and abs(vintages.value - stated.printed_value) > stated.tolerance
                and not exists (
                    select 1 from meta.known_residuals as known
                    where known.measure_id = stated.measure_id and known.source_b = stated.figure_id
                        and (known.source_a is null or known.source_a = vintages.family)
                        and stated.month_start between known.month_from and known.month_through
                        and abs(vintages.value - stated.printed_value) <= known.largest_residual
                )
            order by stated.figure_id, vintages.release_id
        """,
        column="value",
        title="Final values are the figures the agency printed after the year was closed.",
        because="A month of a closed year no longer moves, so every figure the agency printed of it since "
        "must be met within its printed precision; one printed before the year was closed is of an earlier "
        "vintage that may not be here, and is not compared.",
    )


# --------------------------------------------------------------------------------------------- comparisons


def _monthly_yoy_suite() -> Suite:
    table = "marts.monthly_yoy"
    return Suite(
        name_of(table),
        table,
        [*_comparisons(["measure_id", "month_start"], _YOY_PERCENTAGES), *_ranks(), *_answers("true")],
        description="Every month against the year before.",
    )


_SHARED_COLUMNS = """
    measure_id, measure_title, month_start, value, prior, change, pct_change, status, reasons, finality, rank_since_2000,
    ranked_years, highest_since, value_2019, pct_change_2019, median_prior_five, pct_change_median_prior_five,
    previous_month, pct_change_previous_month, title_42_value, title_42_share_pct, change_title_42, change_title_8, family,
    release_id, published_on, prior_family, prior_release_id
"""


def _january_yoy_suite() -> Suite:
    table = "marts.january_yoy"
    return Suite(
        name_of(table),
        table,
        [
            *_comparisons(["measure_id", "january"], _YOY_PERCENTAGES),
            *_ranks(),
            *_answers("month(month_start) = 1"),
            ExpectNoRows(
                name="not_a_january",
                sql=f"""
                    select measure_id, january, month_start
                    from {TABLE}
                    where month_start <> make_date(january, 1, 1)
                    order by measure_id, january
                """,
                column="january",
                title="A row is the January of its year.",
                because="January of a fiscal year is not always where a reader looks for it; here it must "
                "be.",
            ),
            ExpectNoRows(
                name="differs_from_monthly",
                sql=f"""
                    with januaries as (select {_SHARED_COLUMNS} from {TABLE}),
                    months as (select {_SHARED_COLUMNS} from marts.monthly_yoy where month(month_start) = 1)

                    select measure_id, month_start, value, prior, pct_change, status, 'marts.january_yoy' as only_in
                    from (select {_SHARED_COLUMNS} from januaries except select {_SHARED_COLUMNS} from months)
                    union all
                    select measure_id, month_start, value, prior, pct_change, status, 'marts.monthly_yoy'
                    from (select {_SHARED_COLUMNS} from months except select {_SHARED_COLUMNS} from januaries)
                    order by measure_id, month_start, only_in
                """,
                title="Januaries are the January rows of the monthly comparison.",
                because="The same comparison asked for in two ways must have one answer.",
            ),
            _figures_final(
                f"""
                    select
                        measure_id, month_start, family, release_id, value, finality = 'provisional' as is_open_year,
                        family = 'quoted' as is_quoted
                    from {TABLE}
                    where value is not null
                """,
                "figures_differ_from_final_januaries",
            ),
        ],
        description="January against the January before.",
    )


def _january_yoy_by_dimension_suite() -> Suite:
    table = "marts.january_yoy_by_dimension"
    key = ["measure_id", "dimension", "dimension_code", "january"]
    return Suite(
        name_of(table),
        table,
        [
            *_comparisons(key, _GROUP_PERCENTAGES, same_family=True),
            ExpectNoRows(
                name="groups_do_not_add_up",
                sql=f"""
                    with groups as (
                        select
                            measure_id, dimension, month_start, release_id, sum(value) as sum_of_groups
                        from {TABLE}
                        where value is not null
                        group by measure_id, dimension, month_start, release_id
                    ),

                    {UNSPLIT}

                    select
                        groups.measure_id, groups.dimension, groups.month_start, groups.release_id, groups.sum_of_groups,
                        vintages.value, groups.sum_of_groups - vintages.value as difference
                    from groups
                    left join marts.measure_vintages as vintages
                        on groups.measure_id = vintages.measure_id
                        and groups.month_start = vintages.month_start
                        and groups.release_id = vintages.release_id
                    left join unsplit
                        on groups.release_id = unsplit.release_id
                        and groups.month_start = unsplit.month_start
                        and groups.dimension = unsplit.dimension
                    where vintages.value is null
                        or groups.sum_of_groups > vintages.value
                        or groups.sum_of_groups < vintages.value and unsplit.release_id is null
                    order by groups.measure_id, groups.dimension, groups.month_start
                """,
                column="value",
                title="Groups add up to the measure in the same release, or to less where the release "
                "leaves some undivided.",
                because="A breakdown that adds up to more than the whole counts somebody twice; one that "
                "adds up to less has lost a group.",
            ),
            ExpectNoRows(
                name="remainder_with_a_percentage",
                sql=f"""
                    select measure_id, dimension, january, value, prior, pct_change, status
                    from {TABLE}
                    where dimension_code = 'other' and (pct_change is not null or status <> 'not_applicable')
                    order by measure_id, dimension, january
                """,
                column="pct_change",
                title="The remainder `other` has no percentage.",
                because="Which nationalities are other changes from file to file, so its rise or fall "
                "means nothing.",
            ),
        ],
        description="January against the January before, by group.",
        min_rows=0,
    )


_YOY_PERCENTAGES = {
    "pct_change": ("value - prior", "prior"),
    "pct_change_2019": ("value - value_2019", "value_2019"),
    "pct_change_median_prior_five": ("value - median_prior_five", "median_prior_five"),
    "pct_change_previous_month": ("value - previous_month", "previous_month"),
    "title_42_share_pct": ("title_42_value", "value"),
}
"""By column: what is divided by what."""

_GROUP_PERCENTAGES = {
    "pct_change": ("case when dimension_code <> 'other' then value - prior end", "prior"),
}


def _comparisons(
    key: list[str], percentages: dict[str, tuple[str, str]], *, same_family: bool = False
) -> list[Expect | ExpectNoRows]:
    """What holds of every table of comparisons, one row a `key`."""
    keys = ", ".join(key)
    recomputed = "\nunion all\n".join(
        f"select {keys}, '{column}' as column_name, cast({column} as double) as stored, "
        f"cast(100.0 * ({part}) / nullif({whole}, 0) as double) as recomputed from {TABLE}"
        for column, (part, whole) in percentages.items()
    )
    groups = [one for one in key if one.startswith("dimension")]
    same_group = " ".join(f"and rows.{one} = earlier.{one}" for one in groups)
    shown = ", ".join(f"rows.{one}" for one in key)
    comparable = "and rows.family = earlier.family" if same_family else ""
    return [
        Expect(
            "expect_compound_columns_to_be_unique",
            column_list=key,
            title=f"One row per {', '.join(key)}.",
            because="A comparison printed twice with two answers is worse than none.",
        ),
        Expect(
            "expect_column_values_to_be_in_set",
            column="status",
            value_set=STATUSES,
            because="Every comparison says whether it stands; a status nobody has defined says nothing.",
        ),
        Expect(
            "expect_column_values_to_be_in_set",
            column="finality",
            value_set=["final", "provisional"],
            because="A value is final or provisional; a reader must know which.",
        ),
        ExpectNoRows(
            name="status_without_reasons",
            sql=f"select {keys}, status from {TABLE} where status <> 'ok' and array_length(reasons) = 0 order by {keys}",
            column="reasons",
            title="A comparison that is not ok says why.",
            because="A warning without its reason is ignored, or believed for the wrong one.",
        ),
        ExpectNoRows(
            name="status_contradicts_its_row",
            sql=f"""
                select {keys}, status, value, prior, finality
                from {TABLE}
                where status in ('ok', 'break', 'provisional') and (value is null or prior is null)
                    or status = 'missing' and value is not null and prior is not null
                    or status = 'ok' and finality = 'provisional'
                order by {keys}
            """,
            column="status",
            title="ok, break and provisional have both sides, missing lacks one, and nothing provisional "
            "is ok.",
            because="The status is what a reader quotes beside the percentage; it must follow from the row.",
        ),
        ExpectNoRows(
            name="percentage_present_or_absent_wrongly",
            sql=f"""
                with percentages as (
                    {recomputed}
                )

                select {keys}, column_name, stored, recomputed
                from percentages
                where (stored is null) <> (recomputed is null)
                order by {keys}, column_name
            """,
            column="pct_change",
            title="A percentage is absent exactly when a side is missing or the side before is zero.",
            because="No percentage can be taken of nothing, and none may be left out where it can be taken.",
        ),
        ExpectNoRows(
            name="percentages_differ",
            sql=f"""
                with percentages as (
                    {recomputed}
                )

                select {keys}, column_name, stored, recomputed
                from percentages
                where abs(stored - recomputed) > {ROUNDING}
                order by {keys}, column_name
            """,
            column="pct_change",
            title="Percentages are what their row's figures give, to four decimals.",
            because="The percentage is the headline; anybody with the two figures must arrive at it.",
        ),
        ExpectNoRows(
            name="change_differs",
            sql=f"""
                select {keys}, value, prior, change
                from {TABLE}
                where change is distinct from value - prior
                order by {keys}
            """,
            column="change",
            title="The change is the value less the value a year before.",
            because="The change in encounters is quoted beside the percentage and must belong to it.",
        ),
        ExpectNoRows(
            name="prior_is_not_the_value_a_year_before",
            sql=f"""
                select {shown}, rows.prior, earlier.value as value_a_year_before
                from {TABLE} as rows
                inner join {TABLE} as earlier
                    on rows.measure_id = earlier.measure_id
                    and rows.month_start = earlier.month_start + interval 1 year
                    {same_group}
                where rows.prior is distinct from earlier.value {comparable}
                order by {shown}
            """,
            column="prior",
            title="What a month is compared with is the table's own value a year before.",
            because="Last year's row and this year's comparison must speak of the same figure.",
        ),
        ExpectNoRows(
            name="sides_without_a_release",
            sql=f"""
                select {shown}, rows.value, rows.release_id, rows.prior, rows.prior_release_id
                from {TABLE} as rows
                left join meta.releases as releases on rows.release_id = releases.release_id
                left join meta.releases as prior_releases on rows.prior_release_id = prior_releases.release_id
                where rows.value is not null and rows.release_id is null
                    or rows.prior is not null and rows.prior_release_id is null
                    or rows.release_id is not null and releases.release_id is null
                    or rows.prior_release_id is not null and prior_releases.release_id is null
                order by {shown}
            """,
            column="release_id",
            title="Both sides name a release that is known.",
            because="A printed comparison must be reproduced from the releases it was read from.",
        ),
    ]


def _ranks() -> list[Expect | ExpectNoRows]:
    return [
        ExpectNoRows(
            name="ranks_differ",
            sql=f"""
                with recomputed as (
                    select
                        rows.measure_id, rows.month_start, rows.value, rows.rank_since_2000, rows.ranked_years,
                        rows.highest_since,
                        1 + count(*) filter (where earlier.value > rows.value) as rank,
                        1 + count(*) as years,
                        max(year(earlier.month_start)) filter (where earlier.value >= rows.value) as as_high_in
                    from {TABLE} as rows
                    left join {TABLE} as earlier
                        on rows.measure_id = earlier.measure_id
                        and month(rows.month_start) = month(earlier.month_start)
                        and earlier.month_start < rows.month_start
                        and earlier.month_start >= date '2000-01-01'
                        and earlier.value is not null
                    where rows.value is not null and rows.month_start >= date '2000-01-01'
                    group by
                        rows.measure_id, rows.month_start, rows.value, rows.rank_since_2000, rows.ranked_years,
                        rows.highest_since
                )

                select
                    measure_id, month_start, value, rank_since_2000, rank, highest_since, as_high_in
                from recomputed
                where rank_since_2000 is distinct from rank or highest_since is distinct from as_high_in
                order by measure_id, month_start
            """,
            column="rank_since_2000",
            title="Rank and `highest since` follow from the values of the same month since 2000.",
            because="The highest January since a year is a headline of its own.",
        ),
        ExpectNoRows(
            name="parts_of_the_change_do_not_add_up",
            sql=f"""
                select measure_id, month_start, change, change_title_8, change_title_42
                from {TABLE}
                where change_title_8 + change_title_42 <> change
                order by measure_id, month_start
            """,
            column="change_title_42",
            title="The Title 42 part and the rest add up to the change.",
            because="How much of a rise is a new authority is the question most readings of it turn on.",
        ),
        ExpectNoRows(
            name="title_42_exceeds_the_value",
            sql=f"""
                select measure_id, month_start, value, title_42_value, title_42_share_pct
                from {TABLE}
                where title_42_value > value or title_42_share_pct not between 0 and 100
                order by measure_id, month_start
            """,
            column="title_42_value",
            title="The Title 42 part is no larger than the whole.",
            because="A share above the whole means the two figures are of different populations or releases.",
        ),
    ]


def _answers(months: str) -> list[Expect | ExpectNoRows]:
    """The table shows today's answer of every measure and month where the condition `months` holds."""
    return [
        ExpectNoRows(
            name="values_are_not_todays_answers",
            sql=f"""
                with answers as (
                    select measure_id, month_start, value, release_id
                    from marts.measure_vintages
                    where latest_rank = 1 and {months}
                )

                select
                    coalesce(answers.measure_id, rows.measure_id) as measure_id,
                    coalesce(answers.month_start, rows.month_start) as month_start,
                    answers.value as answer, answers.release_id as answer_release_id, rows.value, rows.release_id
                from answers
                full join {TABLE} as rows
                    on answers.measure_id = rows.measure_id and answers.month_start = rows.month_start
                where answers.value is distinct from rows.value or answers.release_id is distinct from rows.release_id
                order by all
            """,
            column="value",
            title="Every value is the newest answer, and no answer is left out.",
            because="A comparison must be made from the newest release of each side, whichever order files "
            "came in.",
        ),
    ]


# ---------------------------------------------------------------------------------- between sources and releases


def _reconciliation_suite() -> Suite:
    table = "marts.reconciliation"
    # the publishers of both sides; a figure's is its own, a file's that of its family
    sides = f"""
        sides as (
            select
                pairs.measure_id, pairs.month_start, pairs.source_a, pairs.value_a, pairs.source_b, pairs.value_b,
                pairs.residual, pairs.tolerance, pairs.explanation,
                coalesce(families_a.publisher_code, figures_a.publisher_code) as publisher_a,
                coalesce(families_b.publisher_code, figures_b.publisher_code) as publisher_b
            from {TABLE} as pairs
            left join meta.families as families_a on pairs.source_a = families_a.family
            left join meta.published_figures as figures_a on pairs.source_a = figures_a.figure_id
            left join meta.families as families_b on pairs.source_b = families_b.family
            left join meta.published_figures as figures_b on pairs.source_b = figures_b.figure_id
        )
    """
    one_agency = "replace(publisher_a, 'usbp', 'cbp') = replace(publisher_b, 'usbp', 'cbp')"
    shown = "measure_id, month_start, source_a, value_a, source_b, value_b, residual, tolerance"
    return Suite(
        name_of(table),
        table,
        [
            Expect(
                "expect_column_values_to_be_in_set",
                column="explanation",
                value_set=["within_tolerance", "known", "open_year", "imprecise", "unexplained"],
                because="Every difference between two sources is one that is understood or one that says "
                "it is not.",
            ),
            ExpectNoRows(
                name="residuals_unexplained",
                sql=f"""
                    with {sides}
                    select {shown}
                    from sides
                    where explanation = 'unexplained' and {one_agency}
                    order by measure_id, month_start, source_a, source_b
                """,
                column="residual",
                title="No difference within one agency is left unexplained.",
                because="Two figures of one agency for one closed month are the same figure; until "
                "somebody knows why not, neither is printed.",
            ),
            ExpectNoRows(
                name="residuals_unexplained_between_agencies",
                sql=f"""
                    with {sides}
                    select {shown}
                    from sides
                    where explanation = 'unexplained' and not coalesce({one_agency}, false)
                    order by measure_id, month_start, source_a, source_b
                """,
                severity="warning",
                column="residual",
                title="No difference between agencies, or from a recount by others, is left unexplained.",
                because="Agencies count by rules of their own; a new kind of difference is worth a call, "
                "not a halt.",
            ),
        ],
        description="What different sources say of one month.",
        min_rows=0,
    )


def _release_findings_suite() -> Suite:
    table = "marts.release_findings"

    def found(severity: str) -> str:
        return f"""
            select finding, release_id, file_name, detail, next_step
            from {TABLE}
            where severity = '{severity}'
            order by published_on desc, release_id, finding
        """

    return Suite(
        name_of(table),
        table,
        [
            ExpectNoRows(
                name="critical_findings",
                sql=found("critical"),
                column="finding",
                title="No release has a critical finding.",
                because="A file that lost months or moved by a fifth would make a headline of a damaged "
                "download.",
            ),
            ExpectNoRows(
                name="warnings",
                sql=found("warning"),
                severity="warning",
                column="finding",
                title="No release has a finding that needs a look.",
                because="What the publisher changed without saying is told to a reader before a rival "
                "finds it.",
            ),
            ExpectNoRows(
                name="notes",
                sql=found("info"),
                severity="info",
                column="finding",
                title="What is ordinary about each release, and worth knowing.",
                because="Months roll off the start of every file: the older files are the only ones that "
                "still hold them.",
            ),
        ],
        description="What is unusual about a release.",
        min_rows=0,
    )


def _revisions_suite() -> Suite:
    table = "marts.revisions"
    return Suite(
        name_of(table),
        table,
        [
            ExpectNoRows(
                name="drift_does_not_add_up",
                sql=f"""
                    select
                        measure_id, month_start, vintage_no, value, previous_value, change_from_previous, first_value,
                        drift_since_first, final_value, total_drift
                    from {TABLE}
                    where total_drift <> final_value - first_value or drift_since_first <> value - first_value
                        or change_from_previous is distinct from value - previous_value
                    order by measure_id, month_start, vintage_no
                """,
                column="total_drift",
                title="Drifts are the differences of the figures beside them.",
                because="How far a figure moved after it was printed is what a correction is written from.",
            ),
            ExpectNoRows(
                name="answers_not_one",
                sql=f"""
                    select measure_id, month_start, count(*) filter (where is_answer) as answers
                    from {TABLE}
                    group by measure_id, month_start
                    having count(*) filter (where is_answer and value = final_value) <> 1
                        or count(*) filter (where is_answer) <> 1
                    order by measure_id, month_start
                """,
                column="is_answer",
                title="One vintage of a month is the answer, and it is the final value.",
                because="The last word on a month must be one figure.",
            ),
        ],
        description="How a figure came to be what it is.",
    )


def _revision_summary_suite() -> Suite:
    table = "marts.revision_summary"
    return Suite(
        name_of(table),
        table,
        [
            ExpectNoRows(
                name="final_value_is_not_todays_answer",
                sql=f"""
                    select
                        summary.measure_id, summary.month_start, summary.final_value, summary.final_release_id,
                        answers.value, answers.release_id
                    from {TABLE} as summary
                    full join (
                        select measure_id, month_start, value, release_id
                        from marts.measure_vintages
                        where latest_rank = 1
                    ) as answers
                        on summary.measure_id = answers.measure_id and summary.month_start = answers.month_start
                    where summary.final_value is distinct from answers.value
                        or summary.final_release_id is distinct from answers.release_id
                    order by all
                """,
                column="final_value",
                title="The final value of every measure and month is today's answer.",
                because="A history that ends in another figure than the one shown would start an argument, "
                "not end it.",
            ),
            ExpectNoRows(
                name="values_outside_their_range",
                sql=f"""
                    select measure_id, month_start, lowest_value, highest_value, first_value, final_value, distinct_values
                    from {TABLE}
                    where first_value not between lowest_value and highest_value
                        or final_value not between lowest_value and highest_value
                        or (distinct_values = 1) <> (lowest_value = highest_value)
                    order by measure_id, month_start
                """,
                title="First and final value lie between the lowest and the highest.",
                because="The range a figure has had bounds every figure it is said to have been.",
            ),
        ],
        description="How far a figure moved.",
    )
