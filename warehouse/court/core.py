"""Typed court tables: `core.eoir__*` built from the raw text of one release.

Belongs here: running the models of `transforms/core/eoir__*.sql` for a release under their contracts, and the
bundled code lists they read. Does not belong here: what a model says, or whether its rows are plausible
(`findings`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from duckdb import DuckDBPyConnection

from warehouse import contracts
from warehouse.contracts import ContractError
from warehouse.court import registry
from warehouse.engine import IN_PLACE, Engine

MODELS = Path(__file__).parents[2] / "transforms" / "core"

#: In build order: a model reads the ones before it.
CORE_TABLES = (
    "core.eoir__codes",
    "core.eoir__court_decisions",
    "core.eoir__cases",
    "core.eoir__proceedings",
    "core.eoir__charges",
    "core.eoir__applications",
    "core.eoir__hearings",
    "core.eoir__bonds",
    "core.eoir__motions",
    "core.eoir__appeals",
    "core.eoir__representatives",
    "core.eoir__custody",
    "core.eoir__juvenile",
    "core.eoir__riders",
    "core.eoir__case_identifiers",
    "core.eoir__mpp_cases",
)


@dataclass(frozen=True)
class CoreReport:
    """Rows written by table, and how long it took."""

    release_id: str
    rows: dict[str, int]
    seconds: float


def model_sql(table: str) -> str:
    """The select that makes `schema.table` for every release."""
    return (MODELS / f"{table.split('.')[1]}.sql").read_text("utf-8")


def build_core(
    con: DuckDBPyConnection,
    release_id: str,
    *,
    progress: Callable[[str, int, int], None] | None = None,
    engine: Engine = IN_PLACE,
) -> CoreReport:
    """Replace one release's rows in every `core.eoir__*` table; other releases are untouched.

    Each table is one transaction and as its contract says, or as it was. `progress` is called with the table,
    tables done and tables in all. Raises ContractError where a model and its contract differ.
    """
    started = time.monotonic()
    con.execute("create schema if not exists core")
    bundle_codes(con)
    rows = {}
    with _order_free(con):  # half the time: row groups go to disk as they fill
        for done, table in enumerate(CORE_TABLES, start=1):
            rows[table] = _build(con, table, release_id, engine)
            if progress:
                progress(table, done, len(CORE_TABLES))
    return CoreReport(release_id, rows, time.monotonic() - started)


@contextmanager
def _order_free(con: DuckDBPyConnection) -> Iterator[None]:
    """Let DuckDB write rows in any order, and put the setting back as it was."""
    row = con.execute("select current_setting('preserve_insertion_order')").fetchone()
    con.execute("set preserve_insertion_order = false")
    try:
        yield
    finally:
        if row:
            con.execute(f"set preserve_insertion_order = {str(row[0]).lower()}")


def _build(con: DuckDBPyConnection, table: str, release_id: str, engine: Engine) -> int:
    contract = contracts.table(table)
    select = engine.select(con, table, model_sql(table), release_ids=[release_id])
    found = {row[0] for row in con.execute(f"describe {select}").fetchall()}
    expected = [c.name for c in contract.columns]
    if found != set(expected):
        missing, extra = sorted(set(expected) - found), sorted(found - set(expected))
        raise ContractError(
            f"{table}: columns differ from the contract; missing {missing or 'none'}, undocumented {extra or 'none'}"
        )
    names = ", ".join(f'"{n}"' for n in expected)
    con.execute("begin")
    try:
        if not _exists(con, table):
            con.execute(contract.ddl())
            for comment in contract.comments():
                con.execute(comment)
        con.execute(f"delete from {table} where release_id = ?", [release_id])
        written = con.execute(f"insert into {table} select {names} from ({select})").fetchone()
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise
    return int(written[0]) if written else 0


def bundle_codes(con: DuckDBPyConnection) -> None:
    """Load the code lists that fill in for a release's own: `meta.eoir_bundled_*`."""
    con.execute("create schema if not exists meta")
    decisions = [
        (line, r["case_type"], r["dec_type"], r["code"], r["description"], r["provenance"])
        for line, r in enumerate(registry.rows("court_decisions.csv"), start=2)
    ]
    locations = [
        (line, r["code"], r["name"], r["is_mpp"] == "1", r["is_test"] == "1")
        for line, r in enumerate(registry.rows("hearing_locations.csv"), start=2)
    ]
    for table, rows in (
        ("meta.eoir_bundled_decisions", decisions),
        ("meta.eoir_bundled_locations", locations),
    ):
        contract = contracts.table(table)
        con.execute("begin")
        con.execute(f"drop table if exists {table}")
        con.execute(contract.ddl())
        for comment in contract.comments():
            con.execute(comment)
        con.executemany(f"insert into {table} values ({', '.join('?' * len(rows[0]))})", rows)
        con.execute("commit")


def _exists(con: DuckDBPyConnection, table: str) -> bool:
    schema, name = table.split(".")
    row = con.execute(
        "select count(*) from duckdb_tables() where database_name = current_database() "
        "and schema_name = ? and table_name = ?",
        [schema, name],
    ).fetchone()
    return bool(row and row[0])
