"""Faults planted in comparisons and figures, and the expectation of the marts suites that sees each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from suites_warehouse import (
    Row,
    build,
    change,
    copy,
    everything,
    history_file,
    run_one,
    southwest_file,
)

from expectations.runner import ExpectationResult

VINTAGES = "marts.measure_vintages"
MONTHLY = "marts.monthly_yoy"
JANUARY = "marts.january_yoy"
GROUPS = "marts.january_yoy_by_dimension"
RECONCILED = "marts.reconciliation"

JANUARY_2022 = "measure_id = 'usbp_southwest' and month_start = date '2022-01-01'"
#: Border Patrol, southwest, of a January in `everything`: four cells under each title.
VALUE = 4 * (400 + 1) - 2 * 40 + 2 * 11 + 4 * (490 + 1) - 2 * 40 + 2 * 11


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    return build(tmp_path_factory.mktemp("built"), everything())


@pytest.fixture
def warehouse(built: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    with copy(built) as planted:
        yield planted


def test_the_made_up_value_is_what_the_tests_count_on(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert warehouse.execute(f"select value from {MONTHLY} where {JANUARY_2022}").fetchall() == [(VALUE,)]


# ------------------------------------------------------------------------------------------------- vintages


def test_two_answers_for_a_month_fail(warehouse: duckdb.DuckDBPyConnection) -> None:
    change(warehouse, VINTAGES, "latest_rank = 1", f"{JANUARY_2022} and latest_rank = 2")
    (row,) = run_one(warehouse, VINTAGES, "vintages_out_of_order").sample
    assert (row["measure_id"], row["last_rank"], row["vintages"]) == ("usbp_southwest", "1", "2")


def test_a_quoted_figure_in_place_of_a_file_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    change(warehouse, VINTAGES, "is_quoted = true", f"{JANUARY_2022} and latest_rank = 1")
    (row,) = run_one(warehouse, VINTAGES, "quoted_in_place_of_a_file").sample
    assert (row["value"], row["value_in_a_file"]) == (str(VALUE), str(VALUE))


def test_a_value_of_an_unknown_release_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    change(warehouse, VINTAGES, "release_id = 'cbp_sbo-0'", f"{JANUARY_2022} and latest_rank = 1")
    (row,) = run_one(warehouse, VINTAGES, "values_of_unknown_releases").sample
    assert (row["release_id"], row["values"]) == ("cbp_sbo-0", "1")


def test_titles_that_do_not_add_up_fail(warehouse: duckdb.DuckDBPyConnection) -> None:
    change(
        warehouse,
        VINTAGES,
        "value = value - 1",
        "measure_id = 'usbp_southwest_title_42' and month_start = date '2022-01-01' and latest_rank = 1",
    )
    (row,) = run_one(warehouse, VINTAGES, "titles_do_not_add_up").sample
    assert int(row["title_8"] or 0) + int(row["title_42"] or 0) == VALUE - 1
    assert (row["measure_id"], row["value"]) == ("usbp_southwest", str(VALUE))


def test_components_that_do_not_add_up_fail(warehouse: duckdb.DuckDBPyConnection) -> None:
    change(
        warehouse,
        VINTAGES,
        "value = value + 7",
        "measure_id = 'ofo_southwest' and month_start = date '2022-01-01' and latest_rank = 1",
    )
    (row,) = run_one(warehouse, VINTAGES, "components_do_not_add_up").sample
    parts = int(row["usbp_southwest"] or 0) + int(row["ofo_southwest"] or 0)
    assert parts - int(row["cbp_southwest"] or 0) == 7


# ------------------------------------------------------------------------------------------ printed figures


def figure(value: float, published_on: dt.date | None, **fields: object) -> dict[str, object]:
    """A figure of Border Patrol's southwest January 2021, a month of the fiscal year that closed in September 2021."""
    return {
        "figure_id": "printed",
        "line_no": 2,
        "measure_id": "usbp_southwest",
        "month_start": dt.date(2021, 1, 1),
        "printed_value": value,
        "precision": "exact",
        "tolerance": 0.0,
        "unit": "events",
        "publisher_code": "cbp",
        "published_on": published_on,
        "published_precision": None if published_on is None else "day",
        "role": "reconcile",
        "source": "a page",
        **fields,
    }


AFTER_CLOSE = dt.date(2022, 2, 18)
WHILE_OPEN = dt.date(2021, 2, 10)


def held_against_final(
    warehouse: duckdb.DuckDBPyConnection, row: dict[str, object]
) -> list[ExpectationResult]:
    """What the vintages and the Januaries say of one printed figure."""
    columns = [one[0] for one in warehouse.execute("describe meta.published_figures").fetchall()]
    warehouse.execute(
        f"insert into meta.published_figures values ({', '.join('?' * len(columns))})",
        [row.get(column) for column in columns],
    )
    return [
        run_one(warehouse, VINTAGES, "figures_differ_from_final_values"),
        run_one(warehouse, JANUARY, "figures_differ_from_final_januaries"),
    ]


@pytest.mark.parametrize(
    ("fields", "statuses"),
    [
        ({"value": VALUE}, ["passed", "passed"]),
        ({"value": VALUE + 1}, ["failed", "failed"]),
        ({"value": VALUE + 1, "published_on": None}, ["failed", "failed"]),
        ({"value": VALUE + 1, "role": "quoted"}, ["failed", "failed"]),
        ({"value": VALUE + 1, "publisher_code": "usbp"}, ["failed", "failed"]),
        ({"value": VALUE + 5, "tolerance": 5.0}, ["passed", "passed"]),
        ({"value": VALUE + 6, "tolerance": 5.0}, ["failed", "failed"]),
        ({"value": VALUE + 500, "tolerance": None}, ["passed", "passed"]),
        ({"value": VALUE + 1, "published_on": WHILE_OPEN}, ["passed", "passed"]),
        ({"value": VALUE + 1, "role": "context"}, ["passed", "passed"]),
        ({"value": VALUE + 1, "publisher_code": "ohss"}, ["passed", "passed"]),
        ({"value": VALUE + 1, "publisher_code": "press"}, ["passed", "passed"]),
    ],
    ids=[
        "met",
        "missed",
        "missed by a figure without a day",
        "missed by a quoted figure",
        "missed by the same agency under its other name",
        "met within its precision",
        "missed beyond its precision",
        "of unknown precision",
        "printed while the year was open",
        "context only",
        "of another agency",
        "counted by others",
    ],
)
def test_final_values_are_held_against_figures_printed_after_the_close(
    warehouse: duckdb.DuckDBPyConnection, fields: dict[str, object], statuses: list[str]
) -> None:
    results = held_against_final(warehouse, figure(**{"published_on": AFTER_CLOSE, **fields}))  # type: ignore[arg-type]
    assert [one.status for one in results] == statuses


def test_a_missed_figure_is_shown_with_both_values_and_the_release(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    for result in held_against_final(warehouse, figure(VALUE - 9, AFTER_CLOSE)):
        row = result.sample[0]
        assert (row["figure_id"], row["printed_value"], row["value"]) == (
            "printed",
            str(VALUE - 9),
            str(VALUE),
        )
        assert row["difference"] == "9"
        assert (row["release_id"] or "").startswith("cbp_sbo-")


def test_every_final_vintage_is_held_against_a_figure_not_only_the_newest(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    change(
        warehouse,
        VINTAGES,
        "value = value + 3",
        "measure_id = 'cbp_southwest' and month_start = date '2021-01-01' and latest_rank = 2",
    )
    ((value,),) = warehouse.execute(
        f"select value from {VINTAGES} where measure_id = 'cbp_southwest' and month_start = date '2021-01-01' "
        "and latest_rank = 1"
    ).fetchall()
    vintages, januaries = held_against_final(
        warehouse, figure(value, AFTER_CLOSE, measure_id="cbp_southwest")
    )
    assert (vintages.status, vintages.unexpected_count, vintages.sample[0]["difference"]) == (
        "failed",
        1,
        "3",
    )
    assert januaries.success


@pytest.mark.parametrize(("largest", "status"), [(2, "failed"), (3, "passed")])
def test_a_difference_that_has_been_looked_into_passes_up_to_its_bound(
    warehouse: duckdb.DuckDBPyConnection, largest: int, status: str
) -> None:
    warehouse.execute(
        "insert into meta.known_residuals by name select 'looked-into' as residual_id, 'usbp_southwest' as measure_id, "
        "'printed' as source_b, date '2021-01-01' as month_from, date '2021-01-01' as month_through, "
        "? as largest_residual, 'r' as reason, 'd' as documented_in",
        [largest],
    )
    results = held_against_final(warehouse, figure(VALUE + 3, None))
    assert [one.status for one in results] == [status, status]


def test_a_difference_known_between_files_does_not_excuse_a_figure(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    warehouse.execute(
        "insert into meta.known_residuals by name select 'files' as residual_id, 'usbp_southwest' as measure_id, "
        "date '2021-01-01' as month_from, date '2021-01-01' as month_through, 100 as largest_residual, "
        "'r' as reason, 'd' as documented_in"
    )
    assert held_against_final(warehouse, figure(VALUE + 3, None))[0].status == "failed"


@pytest.mark.parametrize(
    ("value", "published_on", "status"),
    [
        (VALUE, WHILE_OPEN, "passed"),
        (VALUE + 4, WHILE_OPEN, "warned"),
        (VALUE + 4, dt.date(2021, 3, 10), "passed"),  # restated since, and the file of March is not here
        (VALUE + 4, AFTER_CLOSE, "passed"),  # not a figure of the open year
    ],
)
def test_a_figure_of_an_open_year_is_held_against_the_file_of_its_month_only(
    tmp_path: Path, value: int, published_on: dt.date, status: str
) -> None:
    database = build(
        tmp_path,
        [southwest_file("2020-10", "2021-01", "2021-02", is_open=True)],
        [figure(value, published_on)],
    )
    found = run_one(database, VINTAGES, "figures_differ_from_the_file_of_their_month")
    assert found.status == status
    if status == "warned":
        assert found.sample[0]["difference"] == "-4"


def test_a_figure_whose_family_is_absent_is_not_compared(tmp_path: Path) -> None:
    database = build(tmp_path, [history_file(2019, 2020, "2020-10")], [figure(1, None)])
    assert run_one(database, VINTAGES, "figures_differ_from_final_values").success
    assert run_one(database, JANUARY, "figures_differ_from_final_januaries").success


# --------------------------------------------------------------------------------------------- comparisons

BOTH = pytest.mark.parametrize("table", [MONTHLY, JANUARY])


@pytest.mark.parametrize(
    ("table", "key"),
    [
        (MONTHLY, "measure_id, month_start"),
        (JANUARY, "measure_id, january"),
        (GROUPS, "measure_id, dimension, dimension_code, january"),
    ],
)
def test_a_comparison_printed_twice_fails(warehouse: duckdb.DuckDBPyConnection, table: str, key: str) -> None:
    warehouse.execute(
        f"insert into {table} select * from {table} where month_start = date '2022-01-01' and measure_id = 'usbp_southwest'"
    )
    assert run_one(warehouse, table, f"expect_compound_columns_to_be_unique({key})").status == "failed"


@BOTH
def test_a_status_nobody_has_defined_fails(warehouse: duckdb.DuckDBPyConnection, table: str) -> None:
    change(warehouse, table, "status = 'fine'", JANUARY_2022)
    found = run_one(warehouse, table, "expect_column_values_to_be_in_set(status)")
    assert (found.unexpected_count, found.sample[0]["status"]) == (1, "fine")


@BOTH
def test_a_finality_nobody_has_defined_fails(warehouse: duckdb.DuckDBPyConnection, table: str) -> None:
    change(warehouse, table, "finality = 'almost'", JANUARY_2022)
    assert run_one(warehouse, table, "expect_column_values_to_be_in_set(finality)").unexpected_count == 1


@BOTH
def test_a_status_without_a_reason_fails(warehouse: duckdb.DuckDBPyConnection, table: str) -> None:
    change(warehouse, table, "status = 'break', reasons = []", JANUARY_2022)
    (row,) = run_one(warehouse, table, "status_without_reasons").sample
    assert (row["measure_id"], row["status"]) == ("usbp_southwest", "break")


@BOTH
@pytest.mark.parametrize(
    "assignment",
    [
        "status = 'ok', prior = null",
        "status = 'missing'",
        "status = 'ok', finality = 'provisional'",
        "status = 'provisional', value = null",
    ],
)
def test_a_status_that_contradicts_its_row_fails(
    warehouse: duckdb.DuckDBPyConnection, table: str, assignment: str
) -> None:
    change(warehouse, table, assignment, JANUARY_2022)
    assert run_one(warehouse, table, "status_contradicts_its_row").unexpected_count == 1


@BOTH
@pytest.mark.parametrize(
    ("assignment", "column"),
    [
        ("pct_change = null", "pct_change"),
        ("prior = 0", "pct_change"),
        ("value_2019 = 1000, pct_change_2019 = null", "pct_change_2019"),
        ("title_42_share_pct = null", "title_42_share_pct"),
    ],
)
def test_a_percentage_absent_without_cause_or_present_without_base_fails(
    warehouse: duckdb.DuckDBPyConnection, table: str, assignment: str, column: str
) -> None:
    change(warehouse, table, assignment, JANUARY_2022)
    (row,) = run_one(warehouse, table, "percentage_present_or_absent_wrongly").sample
    assert row["column_name"] == column


def test_no_percentage_of_a_prior_of_zero_is_right(warehouse: duckdb.DuckDBPyConnection) -> None:
    change(warehouse, MONTHLY, "prior = 0, pct_change = null", JANUARY_2022)
    assert run_one(warehouse, MONTHLY, "percentage_present_or_absent_wrongly").success


@BOTH
@pytest.mark.parametrize("column", ["pct_change", "pct_change_previous_month", "title_42_share_pct"])
def test_a_percentage_that_is_not_its_rows_fails(
    warehouse: duckdb.DuckDBPyConnection, table: str, column: str
) -> None:
    change(warehouse, table, f"{column} = {column} + 0.1", JANUARY_2022)
    (row,) = run_one(warehouse, table, "percentages_differ").sample
    assert row["column_name"] == column
    assert float(row["stored"] or 0) - float(row["recomputed"] or 0) == pytest.approx(0.1, abs=1e-4)


def test_rounding_to_four_decimals_is_no_difference(warehouse: duckdb.DuckDBPyConnection) -> None:
    change(warehouse, MONTHLY, "value = 10, prior = 3, change = 7, pct_change = 233.3333", JANUARY_2022)
    found = run_one(warehouse, MONTHLY, "percentages_differ")
    assert "pct_change" not in {row["column_name"] for row in found.sample}


@BOTH
def test_a_change_that_is_not_the_difference_fails(warehouse: duckdb.DuckDBPyConnection, table: str) -> None:
    change(warehouse, table, "change = change + 1", JANUARY_2022)
    assert run_one(warehouse, table, "change_differs").sample[0]["value"] == str(VALUE)


@pytest.mark.parametrize("table", [MONTHLY, JANUARY, GROUPS])
def test_a_prior_that_is_not_last_years_value_fails(warehouse: duckdb.DuckDBPyConnection, table: str) -> None:
    where = JANUARY_2022
    if table == GROUPS:
        where += " and dimension = 'demographic' and dimension_code = 'family_unit'"
    change(warehouse, table, "prior = prior + 2", where)
    (row,) = run_one(warehouse, table, "prior_is_not_the_value_a_year_before").sample
    assert int(row["prior"] or 0) - int(row["value_a_year_before"] or 0) == 2


@pytest.mark.parametrize("table", [MONTHLY, JANUARY, GROUPS])
@pytest.mark.parametrize("side", ["release_id", "prior_release_id"])
@pytest.mark.parametrize("release", ["null", "'cbp_sbo-0'"])
def test_a_side_without_a_known_release_fails(
    warehouse: duckdb.DuckDBPyConnection, table: str, side: str, release: str
) -> None:
    warehouse.execute(f"create or replace table {table} as select * from {table}")  # without its constraints
    change(warehouse, table, f"{side} = {release}", JANUARY_2022)
    assert run_one(warehouse, table, "sides_without_a_release").status == "failed"


@BOTH
@pytest.mark.parametrize(
    "assignment", ["rank_since_2000 = 9", "highest_since = 2006", "rank_since_2000 = null"]
)
def test_a_rank_that_does_not_follow_from_the_values_fails(
    warehouse: duckdb.DuckDBPyConnection, table: str, assignment: str
) -> None:
    change(warehouse, table, assignment, JANUARY_2022)
    (row,) = run_one(warehouse, table, "ranks_differ").sample
    assert (row["measure_id"], row["value"]) == ("usbp_southwest", str(VALUE))


@BOTH
def test_parts_of_a_change_that_do_not_add_up_fail(warehouse: duckdb.DuckDBPyConnection, table: str) -> None:
    change(warehouse, table, "change_title_42 = change_title_42 + 5", JANUARY_2022)
    assert run_one(warehouse, table, "parts_of_the_change_do_not_add_up").unexpected_count == 1


@BOTH
def test_more_title_42_than_there_is_altogether_fails(
    warehouse: duckdb.DuckDBPyConnection, table: str
) -> None:
    change(warehouse, table, "title_42_value = value + 1", JANUARY_2022)
    assert run_one(warehouse, table, "title_42_exceeds_the_value").unexpected_count == 1


@BOTH
def test_a_value_that_is_not_the_newest_fails(warehouse: duckdb.DuckDBPyConnection, table: str) -> None:
    change(warehouse, table, "value = value - 4", JANUARY_2022)
    (row,) = run_one(warehouse, table, "values_are_not_todays_answers").sample
    assert (row["answer"], row["value"]) == (str(VALUE), str(VALUE - 4))


@BOTH
def test_a_month_left_out_fails(warehouse: duckdb.DuckDBPyConnection, table: str) -> None:
    warehouse.execute(f"delete from {table} where {JANUARY_2022}")
    (row,) = run_one(warehouse, table, "values_are_not_todays_answers").sample
    assert (row["measure_id"], row["answer"], row["value"]) == ("usbp_southwest", str(VALUE), None)


def test_a_january_that_differs_from_the_monthly_comparison_fails(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    change(warehouse, MONTHLY, "pct_change = 1.5", JANUARY_2022)
    found = run_one(warehouse, JANUARY, "differs_from_monthly")
    assert [(row["only_in"], row["pct_change"]) for row in found.sample] == [(JANUARY, "0"), (MONTHLY, "1.5")]


def test_a_january_of_another_year_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    change(warehouse, JANUARY, "january = 2023", JANUARY_2022)
    assert run_one(warehouse, JANUARY, "not_a_january").sample[0]["january"] == "2023"


# ----------------------------------------------------------------------------------------------- breakdowns

ONE_GROUP = f"{JANUARY_2022} and dimension = 'citizenship' and dimension_code = 'mexico'"


@pytest.mark.parametrize("by", [-1, 1])
def test_groups_that_do_not_add_up_to_their_measure_fail(
    warehouse: duckdb.DuckDBPyConnection, by: int
) -> None:
    change(warehouse, GROUPS, f"value = value + {by}", ONE_GROUP)
    (row,) = run_one(warehouse, GROUPS, "groups_do_not_add_up").sample
    assert (row["measure_id"], row["dimension"], row["value"]) == (
        "usbp_southwest",
        "citizenship",
        str(VALUE),
    )
    assert row["difference"] == str(by)


@pytest.mark.parametrize(("by", "status"), [(-1, "passed"), (1, "failed")])
def test_groups_may_fall_short_where_a_release_leaves_some_undivided(
    warehouse: duckdb.DuckDBPyConnection, by: int, status: str
) -> None:
    change(
        warehouse,
        "core.cbp__monthly_encounters",
        "citizenship_code = 'all'",
        "family = 'cbp_sbo' and month_start = date '2022-01-01' and component_code = 'usbp'",
    )
    change(warehouse, GROUPS, f"value = value + {by}", ONE_GROUP)
    assert run_one(warehouse, GROUPS, "groups_do_not_add_up").status == status


@pytest.mark.parametrize("assignment", ["pct_change = 12.0", "status = 'ok'"])
def test_the_remainder_has_no_percentage(warehouse: duckdb.DuckDBPyConnection, assignment: str) -> None:
    change(warehouse, GROUPS, assignment, f"{JANUARY_2022} and dimension_code = 'other'")
    assert run_one(warehouse, GROUPS, "remainder_with_a_percentage").unexpected_count == 1


def test_a_group_with_another_percentage_than_its_figures_fails(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    change(warehouse, GROUPS, "pct_change = 7", ONE_GROUP)
    assert run_one(warehouse, GROUPS, "percentages_differ").sample[0]["dimension_code"] == "mexico"


# ------------------------------------------------------------------------------ between sources and releases


def test_a_difference_within_an_agency_that_nobody_has_explained_fails(tmp_path: Path) -> None:
    database = build(tmp_path, everything(), [figure(VALUE + 8, None)])
    found = run_one(database, RECONCILED, "residuals_unexplained")
    assert (found.status, found.unexpected_count) == ("failed", 1)
    assert (found.sample[0]["source_b"], found.sample[0]["residual"]) == ("printed", "-8")
    assert run_one(database, RECONCILED, "residuals_unexplained_between_agencies").success


def test_a_difference_from_a_recount_by_others_is_reported(tmp_path: Path) -> None:
    recount = figure(VALUE + 8, None, publisher_code="deportation_data_project")
    database = build(tmp_path, everything(), [recount])
    assert run_one(database, RECONCILED, "residuals_unexplained").success
    found = run_one(database, RECONCILED, "residuals_unexplained_between_agencies")
    assert (found.status, found.unexpected_count) == ("warned", 1)


def test_a_release_that_moved_by_a_fifth_is_a_critical_finding(tmp_path: Path) -> None:
    def halved(rows: list[Row]) -> list[Row]:
        for row in rows:
            if row[2] == "JAN":
                row[-1] = str(int(row[-1]) // 2)
        return rows

    database = build(
        tmp_path,
        [
            southwest_file("2020-10", "2021-09", "2021-10"),
            southwest_file("2020-10", "2022-09", "2022-10", edit=halved),
        ],
    )
    found = run_one(database, "marts.release_findings", "critical_findings")
    assert found.status == "failed"
    assert "magnitude_changed" in {row["finding"] for row in found.sample}
    assert all(row["file_name"] == "sbo-to-2022-09.csv" for row in found.sample)


def test_findings_that_are_no_cause_to_stop_do_not_stop(warehouse: duckdb.DuckDBPyConnection) -> None:
    table = "marts.release_findings"
    noted = run_one(warehouse, table, "notes")
    assert noted.sample[0]["finding"] == "window_roll_off"
    change(warehouse, table, "severity = 'warning'", "finding = 'window_roll_off'")
    assert run_one(warehouse, table, "warnings").status == "warned"
    assert run_one(warehouse, table, "critical_findings").success


def test_a_drift_that_does_not_add_up_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    table = "marts.revisions"
    change(warehouse, table, "total_drift = total_drift + 1", f"{JANUARY_2022} and vintage_no = 1")
    assert run_one(warehouse, table, "drift_does_not_add_up").unexpected_count == 1


@pytest.mark.parametrize(
    "assignment", ["is_answer = true", "is_answer = false", "final_value = final_value + 1"]
)
def test_a_month_without_exactly_one_answer_fails(
    warehouse: duckdb.DuckDBPyConnection, assignment: str
) -> None:
    table = "marts.revisions"
    change(warehouse, table, assignment, JANUARY_2022)
    assert run_one(warehouse, table, "answers_not_one").unexpected_count == 1


def test_a_history_that_ends_in_another_figure_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    table = "marts.revision_summary"
    change(warehouse, table, "final_value = 1", JANUARY_2022)
    (row,) = run_one(warehouse, table, "final_value_is_not_todays_answer").sample
    assert (row["final_value"], row["value"]) == ("1", str(VALUE))
    assert run_one(warehouse, table, "values_outside_their_range").unexpected_count == 1
