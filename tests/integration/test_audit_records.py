"""What an audit keeps of a suite that failed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from expectations.runner import ExpectNoRows, Suite
from orchestration.audit import audit
from warehouse.writer import Warehouse


def test_a_failed_expectation_is_kept_with_the_rows_it_found(tmp_path: Path) -> None:
    named = ExpectNoRows(
        name="named_families", sql="select family, title from {table} where title = ''", because="b"
    )
    with Warehouse(tmp_path / "warehouse.duckdb") as warehouse:
        warehouse.append("meta.families", [("cbp_sbo", "", "cbp", "raw.cbp_sbo", False)])
        result = audit(warehouse, Suite("families", "meta.families", [named]), dt.datetime(2026, 1, 1))
        assert not result.success
        kept = warehouse.con.execute(
            "select outcome, observed from meta.checks where expectation = 'named_families'"
        ).fetchall()
    assert kept == [("failed", "1 row; family=cbp_sbo, title=")]
