"""Faults planted in files and core tables, and the expectation of the core suites that sees each."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from suites_warehouse import (
    Edit,
    File,
    Row,
    build,
    change,
    copy,
    everything,
    history_file,
    run_one,
    southwest_file,
    state_file,
    unmet,
)

from expectations import reviewed
from expectations.suites import court_suites, suites, tables_read
from orchestration import ingest
from warehouse import contracts

CBP = "core.cbp__monthly_encounters"
USBP = "core.usbp__monthly_encounters"
OHSS = "core.ohss__monthly_encounters"
TOTALS = "core.monthly_totals"
MONTHS = "core.release_months"

# component, title, encounter type and count of a line of the southwest file
COMPONENT, TITLE, KIND, COUNT = 3, 6, 7, 8
CARRIED_HEADER = (
    "month,fiscal_year,component,region,sector,state,demographic,citizenship,title,encounter_type,encounters"
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    return build(tmp_path_factory.mktemp("built"), everything())


@pytest.fixture
def warehouse(built: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    with copy(built) as planted:
        yield planted


def closed_year(edit: Edit | None = None, *, published: str = "2021-10") -> File:
    """A southwest file of fiscal 2021."""
    return southwest_file("2020-10", "2021-09", published, edit=edit)


def with_cell(position: int, column: int, value: str) -> Edit:
    def edit(rows: list[Row]) -> list[Row]:
        rows[position][column] = value
        return rows

    return edit


def scaled(month: str, factor: float, component: str = "") -> Edit:
    """Counts of one month, and of one component if given, times `factor`."""

    def edit(rows: list[Row]) -> list[Row]:
        for row in rows:
            if row[2] == month and component in row[COMPONENT]:
                row[-1] = str(round(int(row[-1]) * factor))
        return rows

    return edit


# ------------------------------------------------------------------------------------------- every suite


def test_files_that_agree_meet_every_expectation(built: duckdb.DuckDBPyConnection) -> None:
    assert unmet(built) == []


@pytest.mark.parametrize(
    "files",
    [
        [closed_year()],
        [state_file("2020-10", "2021-09", "2021-10")],
        [history_file(2019, 2020, "2020-10")],
    ],
    ids=["southwest", "state", "history"],
)
def test_expectations_about_absent_families_are_met(tmp_path: Path, files: list[File]) -> None:
    assert unmet(build(tmp_path, files)) == []


def test_every_suite_names_tables_that_have_a_contract() -> None:
    """A misspelt table would be found only by the expectation that reads it, on the day it is needed."""
    known = set(contracts.tables())
    every = suites() | court_suites()
    assert {table: tables_read(suite) - known for table, suite in every.items()} == {
        table: frozenset() for table in every
    }


# ------------------------------------------------------------------------------------------ conservation


def test_a_release_left_out_of_core_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute(
        f"delete from {CBP} where release_id in "
        "(select release_id from meta.releases where file_name = 'sbo-to-2022-09.csv')"
    )
    (row,) = run_one(warehouse, CBP, "releases_not_loaded").sample
    assert (row["file_name"], row["lines_in_file"]) == ("sbo-to-2022-09.csv", "385")


def test_rows_of_a_release_nobody_knows_fail(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute("delete from meta.releases where file_name = 'sbo-to-2022-09.csv'")
    (row,) = run_one(warehouse, CBP, "rows_of_unknown_releases").sample
    assert row["rows"] == "384"


def test_a_line_without_a_disposition_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute(
        "update meta.row_ledger set lines = lines - 3, encounters = encounters - 70 where stage = 'conform' "
        "and release_id in (select release_id from meta.releases where file_name = 'history-to-2020.csv')"
        " and disposition = 'ignored'"
    )
    (lines,) = run_one(warehouse, USBP, "lines_unaccounted").sample
    assert (lines["file_name"], lines["lines_unaccounted"]) == ("history-to-2020.csv", "3")
    (encounters,) = run_one(warehouse, USBP, "encounters_unaccounted").sample
    assert encounters["encounters_unaccounted"] == "70"
    assert run_one(warehouse, CBP, "lines_unaccounted").success


def test_a_row_counted_twice_in_core_differs_from_the_ledger(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute(
        f"update {CBP} set encounters = 2 * encounters where line_nos = [2] and family = 'cbp_nationwide_state'"
    )
    (row,) = run_one(warehouse, CBP, "core_differs_from_ledger").sample
    once = int(row["encounters_loaded"] or 0)
    assert row["encounters_too_many"] == str(int(row["encounters_in_core"] or 0) - once)
    assert int(row["encounters_too_many"] or 0) > 0
    assert row["rows_in_core"] == row["rows_in_ledger"]


def test_a_quarantined_line_stops_with_file_line_and_reason(tmp_path: Path) -> None:
    found = run_one(build(tmp_path, [closed_year(with_cell(7, KIND, "Paroles"))]), CBP, "quarantined_lines")
    assert (found.status, found.unexpected_count) == ("failed", 1)
    assert found.sample[0]["sentence"] == "sbo-to-2021-09.csv, line 9: unknown encounter type Paroles"
    assert found.sample[0]["rows_loaded"] == "191"


def test_a_line_of_the_wrong_width_stops_too(tmp_path: Path) -> None:
    database = build(tmp_path, [closed_year(with_cell(0, COUNT, "1,5"))])
    (row,) = run_one(database, CBP, "quarantined_lines").sample
    assert (row["line_no"], row["stage"], row["reason"]) == ("2", "parse", "10 fields, expected 9")


# ------------------------------------------------------------------------------------------- corrections


def mislabelled(rows: list[Row]) -> list[Row]:
    """Border Patrol's expulsions under the label of apprehensions, as in the file of October 2022."""
    for row in rows:
        if row[COMPONENT].startswith("U.S.") and row[TITLE] == "Title 42":
            row[KIND] = "Apprehensions"
    return rows


@pytest.fixture
def correct(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes, int, int], None]:
    """Review a correction of `mislabelled` for the file of these bytes, with the lines and encounters expected."""

    def review(data: bytes, lines: int, encounters: int) -> None:
        row: dict[str, Any] = {
            "correction_id": "expulsions_as_apprehensions",
            "family": "cbp_sbo",
            "applies_to_sha256": hashlib.sha256(data).hexdigest(),
            "fiscal_year_label": "2021",
            "component_label": "U.S. Border Patrol",
            "title_label": "Title 42",
            "encounter_type_label": "Apprehensions",
            "set_encounter_type_code": "expulsions",
            "reason": "r",
            "evidence": "e",
            "expected_lines": lines,
            "expected_encounters": encounters,
        }
        monkeypatch.setattr(reviewed, "corrections", lambda: [row])

    return review


LINES_CORRECTED = 12 * 4
ENCOUNTERS_CORRECTED = sum(4 * (490 + month) - 2 * 40 + 2 * 11 for month in range(1, 13))


def test_a_mislabelled_type_fails_until_it_is_corrected(tmp_path: Path) -> None:
    found = run_one(build(tmp_path, [closed_year(mislabelled)]), CBP, "encounter_type_disagrees")
    (row,) = found.sample
    assert (row["encounter_type_code"], row["expected"]) == ("apprehensions", "expulsions")
    assert (row["rows"], row["encounters"]) == (str(LINES_CORRECTED), str(ENCOUNTERS_CORRECTED))


def test_a_correction_that_touches_what_it_was_written_for_passes(
    tmp_path: Path, correct: Callable[[bytes, int, int], None]
) -> None:
    file = closed_year(mislabelled)
    correct(file[0], LINES_CORRECTED, ENCOUNTERS_CORRECTED)
    assert unmet(build(tmp_path, [file])) == []


def test_a_correction_guard_fails_when_the_source_has_been_repaired(
    tmp_path: Path, correct: Callable[[bytes, int, int], None]
) -> None:
    file = closed_year()
    correct(file[0], LINES_CORRECTED, ENCOUNTERS_CORRECTED)
    (row,) = run_one(build(tmp_path, [file]), CBP, "correction_guard").sample
    assert (row["expected_lines"], row["lines"]) == (str(LINES_CORRECTED), "0")
    assert (row["expected_encounters"], row["encounters"]) == (str(ENCOUNTERS_CORRECTED), "0")


def test_a_correction_guard_fails_when_one_count_is_another(
    tmp_path: Path, correct: Callable[[bytes, int, int], None]
) -> None:
    file = closed_year(mislabelled)
    correct(file[0], LINES_CORRECTED, ENCOUNTERS_CORRECTED + 1)
    (row,) = run_one(build(tmp_path, [file]), CBP, "correction_guard").sample
    assert (row["lines"], row["encounters"]) == (str(LINES_CORRECTED), str(ENCOUNTERS_CORRECTED))


def test_the_same_error_in_another_release_is_not_corrected_unread(
    tmp_path: Path, correct: Callable[[bytes, int, int], None]
) -> None:
    reviewed_file = closed_year(mislabelled)
    another = southwest_file("2020-10", "2022-09", "2022-10", edit=mislabelled)
    correct(reviewed_file[0], LINES_CORRECTED, ENCOUNTERS_CORRECTED)
    database = build(tmp_path, [reviewed_file, another])
    assert run_one(database, CBP, "correction_guard").success
    (row,) = run_one(database, CBP, "corrected_elsewhere").sample
    assert (row["file_name"], row["fiscal_year_label"]) == ("sbo-to-2022-09.csv", "2021")
    assert (row["lines"], row["encounters"]) == (str(LINES_CORRECTED), str(ENCOUNTERS_CORRECTED))


# ----------------------------------------------------------------------------------------- carried series


def carried(warehouse: duckdb.DuckDBPyConnection, original: str, **changes: int) -> None:
    """Make a copy of a loaded release that says it re-encodes the original, with `changes` to a month's encounters."""
    release_id = f"carried-of-{original}"
    warehouse.execute(
        "insert into meta.releases by name select * replace (? as release_id, 'carried' as layout, sha256 as origin_sha256, "
        "'carried.csv' as file_name, 'none' as sha256, true as is_superseded) from meta.releases where file_name = ?",
        [release_id, original],
    )
    for table in (CBP, MONTHS):
        warehouse.execute(
            f"insert into {table} by name select * replace (? as release_id) from {table} where release_id = "
            "(select release_id from meta.releases where file_name = ?)",
            [release_id, original],
        )
    for month, encounters in changes.items():
        warehouse.execute(
            f"update {MONTHS} set encounters = encounters + ? where release_id = ? and month_start = ?",
            [encounters, release_id, f"{month.replace('m', '').replace('_', '-')}-01"],
        )


def test_a_carried_series_that_equals_its_original_passes(warehouse: duckdb.DuckDBPyConnection) -> None:
    carried(warehouse, "sbo-to-2022-09.csv")
    assert run_one(warehouse, MONTHS, "carried_differs_from_its_original").success


def test_a_carried_series_that_differs_from_its_original_fails(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    carried(warehouse, "sbo-to-2022-09.csv", m2021_01=5)
    (row,) = run_one(warehouse, MONTHS, "carried_differs_from_its_original").sample
    assert row["month_start"].startswith("2021-01-01")  # type: ignore[union-attr]
    assert int(row["encounters"] or 0) - int(row["original_encounters"] or 0) == 5


def test_a_carried_series_must_hold_the_corrected_encounters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, correct: Callable[[bytes, int, int], None]
) -> None:
    """A carried series has the project's codes, so its guard counts codes, not labels."""
    original = closed_year(mislabelled)[0]
    line = "2021-01,2021,usbp,southwest,yuma,AZ,single_adults,mexico,title_42,expulsions,490"
    data = f"{CARRIED_HEADER}\n{line}\n".encode()
    entry = {
        "family": "cbp_sbo",
        "published_on": dt.date(2021, 10, 31),
        "published_precision": "month",
        "published_basis": "b",
        "origin_file_name": "sbo.csv",
        "origin_sha256": hashlib.sha256(original).hexdigest(),
    }
    monkeypatch.setattr(ingest, "carried_series", lambda: {hashlib.sha256(data).hexdigest(): entry})
    for expected, status in ((490, "passed"), (491, "failed")):
        correct(original, 1, expected)
        database = build(tmp_path / str(expected), [(data, "carried.csv", "2021-10")])
        assert run_one(database, CBP, "carried_correction_guard").status == status


# -------------------------------------------------------------------------------------------------- cells


ONE_LINE = "line_nos = [2] and family = 'cbp_nationwide_state'"


def test_a_negative_count_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    change(warehouse, CBP, "encounters = -5", ONE_LINE)
    found = run_one(warehouse, CBP, "expect_column_values_to_be_between(encounters)")
    assert (found.status, found.unexpected_count, found.sample[0]["encounters"]) == ("failed", 1, "-5")


def test_a_yearly_total_in_a_month_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    change(warehouse, CBP, "encounters = 2378944", ONE_LINE)
    assert (
        run_one(warehouse, CBP, "expect_column_values_to_be_between(encounters)").sample[0]["encounters"]
        == "2378944"
    )


def test_october_of_a_fiscal_year_lies_in_the_calendar_year_before(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    change(warehouse, CBP, "month_start = date '2021-10-01'", "month_start = date '2020-10-01'")
    found = run_one(warehouse, CBP, "months_do_not_agree")
    assert found.status == "failed"
    assert {(row["fiscal_year"], row["fiscal_month"]) for row in found.sample} == {("2021", "1")}


def test_a_fiscal_year_that_is_not_its_label_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    change(warehouse, USBP, "fiscal_year_label = '2019'", "fiscal_year = 2020 and fiscal_month = 4")
    assert run_one(warehouse, USBP, "months_do_not_agree").unexpected_count == 1


def test_a_month_after_its_release_fails(tmp_path: Path) -> None:
    database = build(tmp_path, [closed_year(published="2021-08")])
    (row,) = run_one(database, CBP, "months_after_publication").sample
    assert row["month_start"].startswith("2021-09-01")  # type: ignore[union-attr]
    assert row["published_on"].startswith("2021-08-31")  # type: ignore[union-attr]


def test_a_zero_that_is_not_marked_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    change(warehouse, CBP, "encounters = 0", ONE_LINE)
    assert run_one(warehouse, CBP, "zeros_do_not_agree").unexpected_count == 1


def test_a_code_the_map_does_not_know_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    change(warehouse, CBP, "state_code = 'texas_tx'", ONE_LINE)
    (row,) = run_one(warehouse, CBP, "unknown_codes").sample
    assert (row["column_name"], row["code"], row["rows"]) == ("state_code", "texas_tx", "1")


def test_title_42_outside_its_time_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    change(
        warehouse,
        CBP,
        "month_start = date '2023-06-01'",
        "month_start = date '2023-02-01' and title_code = 'title_42'",
    )
    found = run_one(warehouse, CBP, "title_42_outside_its_time")
    assert {row["title_code"] for row in found.sample} == {"title_42"}


def test_title_42_published_as_zero_after_its_end_is_no_fault(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    change(
        warehouse,
        CBP,
        "month_start = date '2023-06-01', encounters = 0",
        "month_start = date '2023-02-01' and title_code = 'title_42'",
    )
    assert run_one(warehouse, CBP, "title_42_outside_its_time").success


def test_a_southwest_sector_in_another_region_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    change(warehouse, USBP, "region_code = 'northern'", "sector_code = 'yuma' and fiscal_year = 2020")
    (row,) = run_one(warehouse, USBP, "sectors_in_another_region").sample
    assert (row["sector_code"], row["region_code"], row["expected"], row["rows"]) == (
        "yuma",
        "northern",
        "southwest",
        "12",
    )


def test_another_sector_on_the_southwest_border_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    change(warehouse, USBP, "region_code = 'southwest'", "sector_code = 'miami'")
    assert run_one(warehouse, USBP, "sectors_in_another_region").sample[0]["sector_code"] == "miami"


# --------------------------------------------------------------------------------------- published totals


def history_with(sector: str, month: str, change: int, year: str = "2020") -> File:
    def edit(rows: list[Row]) -> list[Row]:
        for row in rows:
            if row[:3] == [year, sector, month]:
                row[3] = str(int(row[3]) + change)
        return rows

    return history_file(2019, 2020, "2020-10", edit=edit)


def test_a_sector_cell_misread_disagrees_with_every_total_it_is_part_of(tmp_path: Path) -> None:
    database = build(tmp_path, [history_with("Tucson", "January", 1000)])
    by_month = run_one(database, USBP, "sectors_do_not_add_up")
    assert by_month.status == "failed"
    assert {(r["sector_label"], r["month_label"], r["difference"]) for r in by_month.sample} == {
        ("Southwest Border", "January", "-1000"),
        ("Monthly Total", "January", "-1000"),
    }
    by_year = run_one(database, USBP, "months_do_not_add_up")
    assert {(r["sector_label"], r["difference"]) for r in by_year.sample} == {
        ("Tucson", "-1000"),
        ("Southwest Border", "-1000"),
        ("Monthly Total", "-1000"),
    }


def test_a_printed_total_that_disagrees_fails(tmp_path: Path) -> None:
    database = build(tmp_path, [history_with("Northern Border", "May", 7)])
    (row,) = run_one(database, USBP, "sectors_do_not_add_up").sample
    assert (row["sector_label"], row["fiscal_year"], row["difference"]) == ("Northern Border", "2020", "7")
    assert run_one(database, USBP, "months_do_not_add_up").success


def test_a_yearly_total_that_disagrees_fails(tmp_path: Path) -> None:
    database = build(tmp_path, [history_with("Miami", "Total", -2, year="2019")])
    (row,) = run_one(database, USBP, "months_do_not_add_up").sample
    assert (row["sector_label"], row["fiscal_year"], row["difference"]) == ("Miami", "2019", "-2")


# ---------------------------------------------------------------------------------------------------- OHSS


def ohss_cell(warehouse: duckdb.DuckDBPyConnection, **values: object) -> None:
    """One OHSS cell of January 2021; codes not given are `all`."""
    columns = [row[0] for row in warehouse.execute(f"describe {OHSS}").fetchall()]
    given: dict[str, object] = {
        "release_id": "ohss_monthly-0",
        "family": "ohss_monthly",
        "publisher_code": "ohss",
        "month_start": "2021-01-01",
        "fiscal_year": 2021,
        "fiscal_month": 4,
        "is_open_year": False,
        "is_published_zero": False,
        "is_corrected": False,
        "line_nos": [1],
        **values,
    }
    row = [given.get(name, "all" if name.endswith("_code") else None) for name in columns]
    warehouse.execute(f"insert into {OHSS} values ({', '.join('?' * len(row))})", row)


@pytest.mark.parametrize(
    ("column", "parts", "within", "beyond"),
    [
        ("component_code", ["usbp", "ofo"], 10, 20),
        ("region_code", ["air", "coastal", "northern", "southwest"], 20, 30),
        ("encounter_type_code", ["administrative", "enforcement"], 10, 20),
    ],
)
def test_ohss_parts_may_miss_their_total_by_rounding_only(
    warehouse: duckdb.DuckDBPyConnection, column: str, parts: list[str], within: int, beyond: int
) -> None:
    name = f"{column.removesuffix('_code')}s_do_not_add_up"
    for part in parts:
        ohss_cell(warehouse, **{column: part}, encounters=1000)
    ohss_cell(warehouse, encounters=1000 * len(parts) + within)
    assert run_one(warehouse, OHSS, name).success
    change(warehouse, OHSS, f"encounters = {1000 * len(parts) + beyond}", f"{column} = 'all'")
    (row,) = run_one(warehouse, OHSS, name).sample
    assert (row["printed_total"], row["sum_of_parts"]) == (
        str(1000 * len(parts) + beyond),
        str(1000 * len(parts)),
    )


def test_ohss_tables_that_print_some_parts_only_are_not_added_up(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    ohss_cell(warehouse, component_code="usbp", encounters=1000)
    ohss_cell(warehouse, encounters=5000)
    assert run_one(warehouse, OHSS, "components_do_not_add_up").success


# --------------------------------------------------------------------------------------- months of releases


def without(month: str, year: str = "") -> Edit:
    return lambda rows: [row for row in rows if not (row[2] == month and row[0].startswith(year))]


def test_a_month_missing_inside_a_release_is_reported_and_blocks_nothing(tmp_path: Path) -> None:
    database = build(tmp_path, [closed_year(without("JAN"))])
    inside = run_one(database, MONTHS, "months_missing_inside_a_release")
    assert inside.status == "warned"
    assert inside.sample[0]["month_start"].startswith("2020-12-01")  # type: ignore[union-attr]
    assert inside.sample[0]["next_month"].startswith("2021-02-01")  # type: ignore[union-attr]
    (gap,) = run_one(database, MONTHS, "months_missing").sample
    assert gap["month_start"].startswith("2021-01-01")  # type: ignore[union-attr]


def test_a_month_another_release_of_the_family_has_is_no_gap(tmp_path: Path) -> None:
    database = build(tmp_path, [closed_year(without("JAN")), southwest_file("2020-10", "2022-09", "2022-10")])
    assert run_one(database, MONTHS, "months_missing").success
    assert run_one(database, MONTHS, "months_missing_inside_a_release").status == "warned"


def test_a_gap_between_two_windows_is_reported(tmp_path: Path) -> None:
    database = build(tmp_path, [closed_year(), southwest_file("2021-12", "2022-09", "2022-10")])
    found = run_one(database, MONTHS, "months_missing")
    assert (found.status, found.unexpected_count) == ("warned", 2)


def test_a_release_whose_last_month_did_not_arrive_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute(f"delete from {MONTHS} where month_start = date '2023-02-01' and family = 'cbp_sbo'")
    (row,) = run_one(warehouse, MONTHS, "months_differ_from_the_file").sample
    assert row["data_through"].startswith("2023-02-01")  # type: ignore[union-attr]
    assert row["last_month"].startswith("2023-01-01")  # type: ignore[union-attr]


def test_a_closed_year_marked_open_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    change(warehouse, MONTHS, "is_open_year = true", "month_start = date '2020-01-01'")
    assert run_one(
        warehouse, MONTHS, "closed_year_marked_open"
    ).success  # fiscal 2020 is the history's newest
    change(warehouse, MONTHS, "is_open_year = true", "month_start = date '2019-01-01'")
    (row,) = run_one(warehouse, MONTHS, "closed_year_marked_open").sample
    assert (row["fiscal_year"], row["newest"]) == ("2019", "2020")


def one_component(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row[2] != "SEP" or row[COMPONENT].startswith("U.S.")]


def test_a_month_without_a_component_is_noted_as_incomplete(tmp_path: Path) -> None:
    found = run_one(build(tmp_path, [closed_year(one_component)]), MONTHS, "incomplete_months")
    assert (found.status, found.unexpected_count) == ("noted", 1)
    assert found.sample[0]["missing_codes"] == "ofo"


def test_a_month_that_became_incomplete_is_reported(tmp_path: Path) -> None:
    database = build(
        tmp_path, [closed_year(), southwest_file("2020-10", "2022-09", "2022-10", edit=one_component)]
    )
    (row,) = run_one(database, MONTHS, "months_became_incomplete").sample
    assert (row["month_start"] or "").startswith("2021-09-01")
    assert row["missing_codes"] == "ofo"
    assert int(row["encounters"] or 0) < int(row["encounters_then"] or 0)


# ------------------------------------------------------------------------------------------ reconciliation


def test_the_state_file_must_add_up_to_the_southwest_file_by_title(tmp_path: Path) -> None:
    def one_more(rows: list[Row]) -> list[Row]:
        for row in rows:
            if row[:3] == ["2021", "FYTD", "JAN"] and row[3].startswith("Southwest") and row[7] == "Title 42":
                row[8] = str(int(row[8]) + 1)
                break
        return rows

    database = build(tmp_path, [closed_year(), state_file("2020-10", "2021-09", "2021-10", edit=one_more)])
    found = run_one(database, TOTALS, "states_differ_from_southwest_file")
    assert (found.status, found.unexpected_count) == ("failed", 1)
    assert (found.sample[0]["title_code"], found.sample[0]["difference"]) == ("title_42", "1")


def test_a_title_only_one_of_the_two_files_prints_is_a_difference(tmp_path: Path) -> None:
    def no_title_42(rows: list[Row]) -> list[Row]:
        return [row for row in rows if row[2] != "JAN" or row[TITLE] != "Title 42"]

    database = build(tmp_path, [closed_year(no_title_42), state_file("2020-10", "2021-09", "2021-10")])
    (row,) = run_one(database, TOTALS, "states_differ_from_southwest_file").sample
    assert (row["title_code"], row["sbo_encounters"]) == ("title_42", "0")


@pytest.mark.parametrize(("factor", "status"), [(1.01, "passed"), (1.05, "warned")])
def test_open_months_of_the_two_files_may_differ_within_a_bound(
    tmp_path: Path, factor: float, status: str
) -> None:
    def state(rows: list[Row]) -> list[Row]:
        for row in rows:
            if row[2] == "JAN" and row[3].startswith("Southwest"):
                row[8] = str(round(int(row[8]) * factor))
        return rows

    database = build(
        tmp_path,
        [
            southwest_file("2020-10", "2021-02", "2021-03", is_open=True),
            state_file("2020-10", "2021-02", "2021-03", is_open=True, edit=state),
        ],
    )
    assert run_one(database, TOTALS, "states_far_from_southwest_file").status == status
    assert run_one(database, TOTALS, "states_differ_from_southwest_file").success


def test_a_month_that_changed_by_a_fifth_fails_with_both_figures(tmp_path: Path) -> None:
    later = southwest_file("2020-10", "2022-09", "2022-10", edit=scaled("JAN", 0.5, "U.S."))
    database = build(tmp_path, [closed_year(), later])
    found = run_one(database, TOTALS, "changed_by_a_fifth")
    assert (found.status, found.unexpected_count) == ("failed", 1)  # January 2022 has no release before
    row = found.sample[0]
    assert (row["component_code"], (row["month_start"] or "")[:7]) == ("usbp", "2021-01")
    assert row["pct_change"] == "-50"
    assert int(row["encounters"] or 0) - int(row["previous_encounters"] or 0) == int(row["change"] or 0)
    assert run_one(database, TOTALS, "closed_year_restated").status == "warned"


def test_a_region_that_vanished_has_changed_by_all_of_it(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute(
        f"insert into {TOTALS} by name select * replace ('quoted-0' as release_id, month_start as month_start) "
        f"from {TOTALS} where family = 'cbp_nationwide_state' and region_code <> 'other'"
    )
    warehouse.execute(
        "insert into meta.releases by name select * replace ('quoted-0' as release_id, date '2023-04-30' as published_on) "
        "from meta.releases where family = 'cbp_nationwide_state'"
    )
    found = run_one(warehouse, TOTALS, "changed_by_a_fifth")
    assert found.unexpected_count == 29  # every month of the file
    assert {(row["region_code"], row["pct_change"]) for row in found.sample} == {("other", "-100")}


@pytest.mark.parametrize(("factor", "drift"), [(1.007, "passed"), (1.05, "warned")])
def test_open_months_may_drift_within_a_bound(tmp_path: Path, factor: float, drift: str) -> None:
    database = build(
        tmp_path,
        [
            southwest_file("2020-10", "2021-01", "2021-02", is_open=True),
            southwest_file("2020-10", "2021-02", "2021-03", is_open=True, edit=scaled("JAN", factor)),
        ],
    )
    assert run_one(database, TOTALS, "open_year_drift").status == drift
    assert run_one(database, TOTALS, "changed_by_a_fifth").success
    assert run_one(database, TOTALS, "closed_year_restated").success


def test_a_closed_month_restated_by_one_encounter_is_reported(tmp_path: Path) -> None:
    def one_more(rows: list[Row]) -> list[Row]:
        rows[0][COUNT] = str(int(rows[0][COUNT]) + 1)  # October 2020
        return rows

    database = build(
        tmp_path, [closed_year(), southwest_file("2020-10", "2022-09", "2022-10", edit=one_more)]
    )
    found = run_one(database, TOTALS, "closed_year_restated")
    assert (found.status, found.unexpected_count) == ("warned", 1)
    assert (found.sample[0]["component_code"], found.sample[0]["change"]) == ("usbp", "1")
    assert run_one(database, TOTALS, "open_year_drift").success


# ------------------------------------------------------------------------------------ dimensions, quotations


def test_a_group_lost_from_a_breakdown_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    table = "core.monthly_by_dimension"
    warehouse.execute(
        f"delete from {table} where dimension = 'citizenship' and dimension_code = 'mexico' "
        "and month_start = date '2021-01-01' and family = 'cbp_sbo' and component_code = 'ofo'"
    )
    found = run_one(warehouse, table, "groups_do_not_add_up")
    assert found.status == "failed"
    assert {(r["dimension"], r["component_code"]) for r in found.sample} == {("citizenship", "ofo")}
    assert int(found.sample[0]["difference"] or 0) < 0


def test_a_release_that_leaves_some_encounters_undivided_may_fall_short(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    table = "core.monthly_by_dimension"
    where = "month_start = date '2021-01-01' and family = 'cbp_sbo' and component_code = 'ofo'"
    change(warehouse, CBP, "citizenship_code = 'all'", f"{where} and citizenship_code = 'mexico'")
    warehouse.execute(
        f"delete from {table} where {where} and dimension = 'citizenship' and dimension_code = 'mexico'"
    )
    assert run_one(warehouse, table, "groups_do_not_add_up").success


def test_a_figure_printed_before_its_month_was_over_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    table = "core.quoted__figures"
    change(
        warehouse,
        table,
        "published_on = date '2017-01-15'",
        "figure_id = 'usbp-southwest-2017-01-cbp-2017-02'",
    )
    (row,) = run_one(warehouse, table, "printed_before_the_month_ended").sample
    assert row["encounters"] == "31575"


def test_a_quoted_figure_needs_a_release_and_a_measure(warehouse: duckdb.DuckDBPyConnection) -> None:
    table = "core.quoted__figures"
    change(
        warehouse,
        table,
        "release_id = 'cbp_sbo-0', measure_id = 'everybody'",
        "figure_id = 'usbp-southwest-2017-01-cbp-2017-02'",
    )
    assert run_one(warehouse, table, "quoted_but_not_a_release").sample[0]["release_id"] == "cbp_sbo-0"
    assert run_one(warehouse, table, "quoted_of_an_unknown_measure").sample[0]["measure_id"] == "everybody"


# ------------------------------------------------------------------------------------------------ releases


def test_two_releases_with_one_place_fail(warehouse: duckdb.DuckDBPyConnection) -> None:
    table = "core.release_preference"
    change(warehouse, table, "preference = 1", "preference = 2")
    (row,) = run_one(warehouse, table, "preferences_repeated").sample
    assert (row["preference"], row["releases"]) == ("1", "2")


def test_a_release_without_a_place_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    table = "core.release_preference"
    warehouse.execute(f"delete from {table} where preference = 1")
    (row,) = run_one(warehouse, table, "releases_without_a_place").sample
    assert row["preference"] is None


def test_a_superseded_series_with_a_place_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    change(warehouse, "meta.releases", "is_superseded = true", "file_name = 'history-to-2020.csv'")
    (row,) = run_one(warehouse, "core.release_preference", "releases_without_a_place").sample
    assert row["file_name"] == "history-to-2020.csv"


def test_a_quoted_figure_before_a_file_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    table = "core.release_preference"
    change(
        warehouse,
        table,
        "preference = 0",
        "release_id = (select max(release_id) from meta.releases where trust = 'quoted')",
    )
    assert run_one(warehouse, table, "quoted_before_files").unexpected_count == 4  # before each of the files


def test_a_month_compared_with_a_later_release_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    table = "core.month_successions"
    change(warehouse, table, "old_published_on = date '2030-01-01'", "month_start = date '2022-01-01'")
    assert run_one(warehouse, table, "successions_out_of_order").unexpected_count == 1


def test_restated_cells_must_explain_the_change_of_the_month(tmp_path: Path) -> None:
    later = southwest_file("2020-10", "2022-09", "2022-10", edit=scaled("JAN", 0.9))
    database = build(tmp_path, [closed_year(), later])
    table = "core.cbp__restatements"
    assert run_one(database, table, "restated_cells_do_not_add_up").success
    database.execute(f"delete from {table} where component_code = 'ofo'")
    (row,) = run_one(database, table, "restated_cells_do_not_add_up").sample
    assert (row["month_start"] or "").startswith("2021-01")
    assert int(row["delta_encounters"] or 0) < int(row["sum_of_cells"] or 0) < 0
