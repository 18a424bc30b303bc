"""A backfill of all releases from an empty file ends where building release by release ended."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest
from installation import ROOT, Home

#: Two publishers, and a restatement: the last state file restates months of the first.
FIRST = ("cbp_nationwide_state_2020-10_2023-10.csv", "usbp_southwest_workbook_2012-10_2021-02.csv")
THEN = ("cbp_nationwide_state_2020-10_2023-11.csv",)
#: When something was loaded or looked at; nothing about figures.
OF_THE_MOMENT = {"retrieved_at", "checked_at", "published_at", "build_no", "record"}


def tables(file: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of core, marts and meta by table, sorted, without what tells the moment."""
    found = {}
    with duckdb.connect(str(file), read_only=True) as con:
        columns: dict[str, list[str]] = {}
        for schema, table, column in con.execute(
            "select schema_name, table_name, column_name from duckdb_columns() "
            "where schema_name in ('core', 'marts', 'meta') and not internal order by all"
        ).fetchall():
            if column not in OF_THE_MOMENT:
                columns.setdefault(f"{schema}.{table}", []).append(f'"{column}"')
        for table, names in columns.items():
            listed = ", ".join(names)
            found[table] = con.execute(f"select {listed} from {table} order by all").fetchall()
    return found


@pytest.mark.slow
def test_a_backfill_from_an_empty_file_equals_release_by_release(tmp_path: Path) -> None:
    (tmp_path / "nothing" / "series").mkdir(parents=True)
    step_by_step = Home(tmp_path / "incremental", tmp_path / "nothing")
    for names in (FIRST, THEN):
        files = [str(ROOT / "reference" / "series" / name) for name in names]
        done = step_by_step.border("build", *(word for file in files for word in ("--data", file)))
        assert done.returncode == 0, done.stderr
    at_once = Home(tmp_path / "backfill", tmp_path / "nothing")
    shutil.copytree(step_by_step.root / "archive", at_once.root / "archive")
    done = at_once.border("build")
    assert done.returncode == 0, done.stderr
    incremental, backfilled = tables(step_by_step.published), tables(at_once.published)
    assert set(incremental) == set(backfilled)
    for table in sorted(incremental):
        assert incremental[table] == backfilled[table], table
    assert len(incremental["core.cbp__monthly_encounters"]) > 1000
    with duckdb.connect(str(at_once.root / "work" / "warehouse.duckdb"), read_only=True) as con:
        loads = con.execute(
            "select count(*) from meta.loads where table_name = 'raw.carried_series'"
        ).fetchone()
    assert loads == (len(FIRST + THEN),)
