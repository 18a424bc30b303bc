"""The suites on real figures: the series the project carries, and the agency's files where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest
from suites_warehouse import build, change, copy, run_one, unmet

from warehouse.paths import REFERENCE

VINTAGES = "marts.measure_vintages"


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    series = sorted((REFERENCE / "series").glob("*.csv"))
    return build(
        tmp_path_factory.mktemp("carried"), [(path.read_bytes(), path.name, None) for path in series], None
    )


def test_the_carried_series_meet_every_expectation(carried: duckdb.DuckDBPyConnection) -> None:
    assert unmet(carried) == []


def test_every_final_january_since_2000_is_held_against_a_printed_figure(
    carried: duckdb.DuckDBPyConnection,
) -> None:
    """One encounter more in each January, and the expectation names every one of them."""
    januaries = (
        "measure_id = 'usbp_southwest' and month(month_start) = 1 and not is_open_year and not is_quoted"
    )
    with copy(carried) as database:
        change(database, VINTAGES, "value = value + 1", januaries)
        found = run_one(database, VINTAGES, "figures_differ_from_final_values")
        assert found.status == "failed"
        missed = f"({found.sql})"
        years = database.execute(f"select distinct year(month_start) from {missed} order by 1").fetchall()
        assert [year for (year,) in years] == list(range(2000, 2025))
        assert database.execute(f"select distinct difference from {missed}").fetchall() == [(1,)]


@pytest.mark.agency
@pytest.mark.slow
@pytest.mark.skipif("BORDER_AGENCY_DATA" not in os.environ, reason="BORDER_AGENCY_DATA names no folder")
def test_the_agencys_files_meet_every_expectation(tmp_path: Path) -> None:
    folder = Path(os.environ["BORDER_AGENCY_DATA"])
    files = [
        path
        for source in ("cbp", "ohss")
        for path in sorted((folder / source).glob("*"))
        if path.suffix in (".csv", ".xlsx")
    ]
    assert files, f"{folder} holds no cbp and ohss files"
    assert unmet(build(tmp_path, [(path.read_bytes(), path.name, None) for path in files], None)) == []
