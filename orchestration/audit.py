"""The audit: runs a table's suite and keeps what it found, so that publication and data docs can rely on it.

Belongs here: joining suites with the build they looked at. Does not belong here: the suites (`expectations`).
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from expectations.docs_site import build_data_docs
from expectations.runner import Suite, SuiteResult, run_suite
from expectations.suites import tables_read
from warehouse.engine import IN_PLACE, Engine
from warehouse.writer import Warehouse


def audit(
    warehouse: Warehouse,
    suite: Suite,
    now: dt.datetime,
    *,
    within: Warehouse | None = None,
    engine: Engine = IN_PLACE,
) -> SuiteResult:
    """Run one suite on `engine` and store its results in meta.checks and meta.check_records of `warehouse`.

    `within` is the file that holds the suite's table, where that is another.
    """
    warehouse.ensure("meta.builds")
    row = warehouse.con.execute(
        "select build_no from meta.builds where table_name = ?", [suite.table]
    ).fetchone()
    build_no = row[0] if row else 0
    with engine.validated((within or warehouse).con, tables_read(suite)) as tables:
        result = run_suite(suite, tables)
    with warehouse.transaction():
        forget(warehouse, suite)
        warehouse.append(
            "meta.checks",
            [
                (
                    suite.name,
                    suite.table,
                    r.name,
                    r.severity,
                    r.status,
                    observed(r),
                    r.because,
                    build_no,
                    now,
                )
                for r in result.results
            ],
        )
        warehouse.append(
            "meta.check_records",
            [(suite.name, suite.table, build_no, json.dumps(result.to_record(), default=str))],
        )
    return result


def forget(warehouse: Warehouse, suite: Suite) -> None:
    """Remove what the last run of a suite found."""
    for table in ("meta.checks", "meta.check_records"):
        warehouse.ensure(table)
        warehouse.con.execute(f"delete from {table} where suite = ?", [suite.name])


def last_result(warehouse: Warehouse, suite: Suite) -> SuiteResult | None:
    """What the last run of a suite found; None where it never ran."""
    warehouse.ensure("meta.check_records")
    row = warehouse.con.execute(
        "select record from meta.check_records where suite = ?", [suite.name]
    ).fetchone()
    return SuiteResult.from_record(json.loads(row[0])) if row else None


def observed(result: Any) -> str | None:
    """What an expectation saw, with a sample of the rows where it failed; None when nothing was seen."""
    if result.error:
        return str(result.error)
    if result.success:
        return None if result.observed is None else str(result.observed)
    return "; ".join(part for part in (result.observed, *result.sample_text) if part)[:600] or None


def write_data_docs(warehouse: Warehouse, folder: Path) -> Path | None:
    """Render the stored results as pages; None when nothing has been audited yet."""
    if not warehouse.exists("meta.check_records"):
        return None
    records = [
        json.loads(r[0])
        for r in warehouse.con.execute("select record from meta.check_records order by suite").fetchall()
    ]
    return build_data_docs(records, folder) if records else None
