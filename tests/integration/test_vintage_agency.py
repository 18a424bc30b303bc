"""The agency's own files: what was public when, what was restated since, and where sources disagree."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from installation import in_memory

from orchestration import steps
from orchestration.ingest import ingest
from transforms import table_macros
from transforms.models import model, models
from warehouse import macros
from warehouse.archive import Archive

AGENCY = os.environ.get("BORDER_AGENCY_DATA")
pytestmark = [
    pytest.mark.agency,
    pytest.mark.slow,
    pytest.mark.skipif(
        not AGENCY or not (Path(AGENCY) / "cbp").is_dir(),
        reason="BORDER_AGENCY_DATA names no folder of agency files with cbp/ and ohss/",
    ),
]
WANTED = (
    "core.cbp__restatements",
    "marts.revision_summary",
    "marts.january_yoy",
    "marts.release_findings",
    "marts.reconciliation",
)


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    archive = Archive(tmp_path_factory.mktemp("archive"))
    folders = [Path(str(AGENCY)) / name for name in ("cbp", "ohss")]
    refused = [o for o in ingest(folders, archive, now=dt.datetime(2026, 3, 1)) if o.status == "refused"]
    assert refused == []
    with in_memory() as warehouse:
        steps.load_reviewed(warehouse)
        for release in steps.load_releases(warehouse, archive):
            steps.load_raw(warehouse, archive, release)
        for table in steps.CORE_TABLES:
            steps.load_core(warehouse, archive, table)
        done = {*steps.CORE_TABLES}

        def build(table: str) -> None:
            if table in done or table not in models() or table.startswith("meta."):
                return
            for read in model(table).reads:
                build(read)
            steps.build_model(warehouse, table)
            done.add(table)

        for table in WANTED:
            build(table)
        macros.create(warehouse.con, table_macros.table_macros())
        yield warehouse.con


def values(con: duckdb.DuckDBPyConnection, measure: str, month: str) -> list[int]:
    """The values a figure had, in order of publication, repeats left out."""
    found: list[int] = []
    for (value,) in con.execute(f"select value from revisions('{measure}', '{month}')").fetchall():
        if not found or found[-1] != value:
            found.append(value)
    return found


@pytest.mark.parametrize(
    ("measure", "month", "expected"),
    [
        ("usbp_southwest", "2021-01", [75198, 75312, 75316]),
        ("usbp_southwest", "2021-02", [96974, 97643]),
        ("cbp_nationwide", "2023-10", [309221, 309137, 309114, 309065, 309050]),
        ("cbp_nationwide", "2024-01", [242587, 242521]),
    ],
)
def test_the_vintages_of_a_figure(
    con: duckdb.DuckDBPyConnection, measure: str, month: str, expected: list[int]
) -> None:
    assert values(con, measure, month) == expected


@pytest.mark.parametrize(
    ("day", "value", "trust"),
    [
        ("2021-02-09", None, None),
        ("2021-02-11", 75198, "quoted"),
        ("2021-03-31", 75312, "mirrored"),
        ("2026-03-01", 75316, "mirrored"),
    ],
)
def test_january_2021_as_of_a_day(
    con: duckdb.DuckDBPyConnection, day: str, value: int | None, trust: str | None
) -> None:
    found = con.execute(
        "select value, trust from as_of(?) where measure_id = 'usbp_southwest' and month_start = '2021-01-01'",
        [day],
    ).fetchall()
    assert found == ([] if value is None else [(value, trust)])


@pytest.mark.parametrize(("day", "pct_change"), [("2021-02-11", 157.4833), ("2026-03-01", 157.8873)])
def test_the_printed_increase_as_of_a_day(
    con: duckdb.DuckDBPyConnection, day: str, pct_change: float
) -> None:
    call = f"yoy_as_of('usbp_southwest', '2021-01', '{day}'"
    assert con.execute(f"select yoy.pct_change, yoy.status from {call})").fetchall() == [(None, "break")]
    assert con.execute(f"select yoy.pct_change from {call}, allow_break := true)").fetchall() == [
        (pct_change,)
    ]


def test_the_cells_of_the_workbook_add_up_to_the_figure_of_march_2021(
    con: duckdb.DuckDBPyConnection,
) -> None:
    assert con.execute(
        "select release_id, sum(encounters) from encounters_as_of('2021-03-31') "
        "where family = 'usbp_southwest_workbook' and month_start = '2021-01-01' group by all"
    ).fetchall() == [("usbp_southwest_workbook-636ec78ecaf8", 75312)]


@pytest.mark.parametrize("month", ["2023-10-01", "2023-11-01", "2023-12-01", "2024-01-01"])
def test_restated_cells_add_up_to_the_drift_of_the_total(con: duckdb.DuckDBPyConnection, month: str) -> None:
    drift = con.execute(
        "select total_drift from marts.revision_summary where measure_id = 'cbp_nationwide' and month_start = ?",
        [month],
    ).fetchall()
    cells = con.execute(
        "select sum(delta_encounters) from core.cbp__restatements "
        "where family = 'cbp_nationwide_state' and month_start = ?",
        [month],
    ).fetchall()
    assert drift == cells != [(0,)]


def test_only_months_of_the_open_year_were_restated_and_corrected_labels_are_no_restatement(
    con: duckdb.DuckDBPyConnection,
) -> None:
    assert con.execute(
        "select distinct fiscal_year, old_is_open_year from core.cbp__restatements"
    ).fetchall() == [(2024, True)]
    corrected = con.execute(
        "select count(*) from core.cbp__monthly_encounters where is_corrected and fiscal_year = 2022"
    ).fetchall()
    assert corrected == [(127,)]


def test_of_these_files_only_rolled_windows_are_told(con: duckdb.DuckDBPyConnection) -> None:
    assert con.execute(
        "select finding, severity, file_name, months from marts.release_findings order by file_name"
    ).fetchall() == [
        ("window_roll_off", "info", "nationwide-encounters-fy21-fy24-oct-state.csv", 12),
        ("window_roll_off", "info", "sbo-encounters-fy22-fy25-nov.csv", 36),
    ]


def test_no_residual_is_unexplained(con: duckdb.DuckDBPyConnection) -> None:
    assert (
        con.execute("select * from marts.reconciliation where explanation = 'unexplained'").fetchall() == []
    )


def residual_rows(con: duckdb.DuckDBPyConnection, where: str) -> list[tuple[Any, ...]]:
    return con.execute(
        "select month_start, value_a, value_b, residual, is_within_tolerance, explanation "
        f"from marts.reconciliation where {where} order by month_start"
    ).fetchall()


def test_the_two_official_series_of_the_border_patrol_side_by_side(con: duckdb.DuckDBPyConnection) -> None:
    rows = residual_rows(
        con,
        "measure_id = 'ohss_usbp_southwest' and source_b = 'usbp_monthly_history' and source_a <> source_b",
    )
    assert rows[0] == (dt.date(2000, 1, 1), 175380, 185979, -10599, False, "known")
    assert max(abs(row[3]) for row in rows if row[0] >= dt.date(2004, 10, 1)) == 66
    assert len(rows) > 80


@pytest.mark.parametrize("measure", ["cbp_southwest", "cbp_southwest_title_8", "cbp_southwest_title_42"])
def test_southwest_rows_of_the_state_files_are_the_totals_of_the_southwest_files(
    con: duckdb.DuckDBPyConnection, measure: str
) -> None:
    rows = residual_rows(
        con, f"measure_id = '{measure}' and source_a = 'cbp_sbo' and source_b = 'cbp_nationwide_state'"
    )
    assert len(rows) == (39 if measure.endswith("42") else 53)
    closed = [row for row in rows if row[0] < dt.date(2023, 10, 1)]
    assert all(row[3] == 0 and row[4] for row in closed)
    assert all(row[5] == "open_year" for row in rows if row[3] != 0)


def test_the_mart_is_the_macro_of_today(con: duckdb.DuckDBPyConnection) -> None:
    columns = ", ".join(
        r[0] for r in con.execute("select column_name from (describe marts.monthly_yoy)").fetchall()
    )
    for one, other in (
        ("marts.monthly_yoy", "monthly_yoy_as_of('2026-03-01')"),
        ("latest()", "as_of('2026-03-01')"),
    ):
        chosen = columns if one.startswith("marts") else "*"
        assert (
            con.execute(f"select {chosen} from {one} order by all").fetchall()
            == con.execute(f"select {chosen} from {other} order by all").fetchall()
        )
