"""Faults planted in files and raw tables, and the expectation of the raw suites that sees each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from suites_warehouse import Row, build, copy, everything, run_one, southwest_file, state_file


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    return build(tmp_path_factory.mktemp("built"), everything())


@pytest.fixture
def warehouse(built: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    with copy(built) as planted:
        yield planted


def test_a_release_that_is_known_but_has_no_lines_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute(
        "delete from raw.cbp_sbo where release_id = "
        "(select release_id from meta.releases where file_name = 'sbo-to-2022-09.csv')"
    )
    found = run_one(warehouse, "raw.cbp_sbo", "releases_without_lines")
    assert (found.status, found.unexpected_count) == ("failed", 1)
    assert found.sample[0]["file_name"] == "sbo-to-2022-09.csv"
    assert found.sample[0]["lines_in_file"] == "385"  # the header and 16 cells in each of 24 months


def test_a_table_whose_family_nobody_has_passes_empty(tmp_path: Path) -> None:
    database = build(tmp_path, [state_file("2020-10", "2021-09", "2021-10")])
    for expectation in ("releases_without_lines", "lines_lost", "unknown_labels", "month_grouping"):
        assert run_one(database, "raw.cbp_sbo", expectation).success


def test_a_lost_line_fails_with_the_lines_and_encounters_of_the_file(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    (release_id, line_no, encounters) = warehouse.execute(
        "select release_id, line_no, encounters_label::int from raw.cbp_nationwide_state order by line_no limit 1"
    ).fetchall()[0]
    warehouse.execute(
        "delete from raw.cbp_nationwide_state where release_id = ? and line_no = ?", [release_id, line_no]
    )
    (row,) = run_one(warehouse, "raw.cbp_nationwide_state", "lines_lost").sample
    assert int(row["lines_in_file"] or 0) - int(row["lines_kept"] or 0) == 2  # the line, and the header
    assert row["lines_set_aside"] == "1"
    assert int(row["encounters_in_file"] or 0) - int(row["encounters_kept"] or 0) == encounters


def test_a_file_loaded_twice_repeats_its_line_numbers(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute(
        "create or replace table raw.cbp_sbo as select * from raw.cbp_sbo union all select * from raw.cbp_sbo"
    )
    found = run_one(warehouse, "raw.cbp_sbo", "line_numbers_repeated")
    assert (found.status, found.sample[0]["rows"]) == ("failed", "2")


def test_a_blank_value_fails_with_its_line(tmp_path: Path) -> None:
    def blank(rows: list[Row]) -> list[Row]:
        rows[4][4] = ""
        return rows

    database = build(tmp_path, [southwest_file("2020-10", "2021-09", "2021-10", edit=blank)])
    found = run_one(database, "raw.cbp_sbo", "blank_values")
    assert (found.status, found.unexpected_count) == ("warned", 1)
    assert (found.sample[0]["line_no"], found.sample[0]["demographic_label"]) == ("6", "")
    assert run_one(database, "core.cbp__monthly_encounters", "quarantined_lines").status == "failed"


def test_a_label_nobody_has_reviewed_fails_with_its_lines(tmp_path: Path) -> None:
    def renamed(rows: list[Row]) -> list[Row]:
        return [
            ["Adults" if cell == "Single Adults" and row[2] == "SEP" else cell for cell in row]
            for row in rows
        ]

    database = build(tmp_path, [southwest_file("2020-10", "2021-09", "2021-10", edit=renamed)])
    found = run_one(database, "raw.cbp_sbo", "unknown_labels")
    assert (found.status, found.unexpected_count) == ("warned", 1)
    assert found.sample[0]["column_name"] == "demographic_label"
    assert (found.sample[0]["label"], found.sample[0]["lines"]) == ("Adults", "8")


def test_a_fiscal_year_in_another_spelling_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute(
        "update raw.cbp_nationwide_state set fiscal_year_label = 'FY22' where fiscal_year_label = '2022'"
    )
    found = run_one(warehouse, "raw.cbp_nationwide_state", "fiscal_year_pattern")
    assert (found.status, found.sample[0]["fiscal_year_label"]) == ("failed", "FY22")


def test_an_open_year_before_the_newest_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute(
        "update raw.cbp_sbo set fiscal_year_label = '2022 (FYTD)' where fiscal_year_label = '2022' "
        "and release_id in (select release_id from raw.cbp_sbo where fiscal_year_label = '2023 (FYTD)')"
    )
    (row,) = run_one(warehouse, "raw.cbp_sbo", "open_year_is_not_the_newest").sample
    assert (row["fiscal_year_label"], row["newest"]) == ("2022 (FYTD)", "2023")


def test_a_count_with_a_sign_fails(tmp_path: Path) -> None:
    def negative(rows: list[Row]) -> list[Row]:
        rows[0][-1] = "-5"
        rows[1][-1] = "95.0"  # as the file of 2022 prints whole numbers
        return rows

    database = build(tmp_path, [southwest_file("2020-10", "2021-09", "2021-10", edit=negative)])
    found = run_one(database, "raw.cbp_sbo", "count_pattern")
    assert (found.status, [row["encounters_label"] for row in found.sample]) == ("warned", ["-5"])
    assert run_one(database, "core.cbp__monthly_encounters", "quarantined_lines").status == "failed"


def test_fytd_marks_the_reported_months_in_every_year(tmp_path: Path) -> None:
    in_year = southwest_file("2020-10", "2023-02", "2023-03", is_open=True)
    assert run_one(build(tmp_path, [in_year]), "raw.cbp_sbo", "month_grouping").success


def test_a_file_cut_short_disagrees_with_its_month_grouping(tmp_path: Path) -> None:
    """February is marked FYTD in the closed years, but the open year ends with January."""

    def cut(rows: list[Row]) -> list[Row]:
        return [row for row in rows if row[:3] != ["2023 (FYTD)", "FYTD", "FEB"]]

    cut_short = southwest_file("2020-10", "2023-02", "2023-03", is_open=True, edit=cut)
    found = run_one(build(tmp_path, [cut_short]), "raw.cbp_sbo", "month_grouping")
    assert (found.status, found.unexpected_count) == ("failed", 2)
    assert [(r["fiscal_year_label"], r["month_label"], r["expected"]) for r in found.sample] == [
        ("2021", "FEB", "Remaining"),
        ("2022", "FEB", "Remaining"),
    ]


def test_a_sheet_nobody_has_described_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute(
        "insert into raw.ohss_monthly by name select 'ohss_monthly-0' as release_id, 1 as line_no, 'Drones' as table_label, "
        "1 as row_no, 1 as column_no, '2024' as fiscal_year_label, 'January' as month_label, 'Total' as column_label, "
        "'10' as encounters_label"
    )
    (row,) = run_one(warehouse, "raw.ohss_monthly", "unknown_tables").sample
    assert (row["table_label"], row["cells"]) == ("Drones", "1")


def test_a_carried_line_in_words_instead_of_codes_fails(warehouse: duckdb.DuckDBPyConnection) -> None:
    columns = warehouse.execute("describe raw.carried_series").fetchall()
    values = {
        "release_id": "cbp_sbo-0",
        "line_no": 2,
        "month_label": "2021-13",
        "component_label": "U.S. Border Patrol",
    }
    filled = [values.get(column[0], "all") for column in columns]
    warehouse.execute(f"insert into raw.carried_series values ({', '.join('?' * len(filled))})", filled)
    (row,) = run_one(warehouse, "raw.carried_series", "unknown_labels").sample
    assert (row["column_name"], row["label"]) == ("component_label", "U.S. Border Patrol")
    assert run_one(warehouse, "raw.carried_series", "month_pattern").status == "failed"
