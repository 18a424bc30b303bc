"""What the lake's bookkeeping costs: a push of a release, a publication, and how writers get along.

    python benchmarks/lake.py 'postgres:dbname=bench host=localhost user=me' --data FOLDER [--home BUILT_HOME]

The peer is plain DuckDB: the same rows inserted into a table of the same DuckLake, without token, delete, ledger,
arrival or marks; it would double a release that is sent twice. Everything runs twice in turns, the better time counts.
The catalog is left with the benchmark's tables in it: give it a database of its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from pathlib import Path
from typing import Any

import duckdb

from orchestration import sharing
from transforms.table_macros import table_macros
from warehouse import contracts, lake
from warehouse.lake import ALIAS, Lake

ROWS = 100_000
EACH = 5  # releases a writer
CORE = "core.cbp__monthly_encounters"
_VALUES = {
    "VARCHAR": "'v-' || (i % 97)", "INTEGER": "i % 1000", "BIGINT": "i", "BOOLEAN": "i % 2 = 0",
    "DATE": "date '2000-01-01' + (i % 9000)::integer", "INTEGER[]": "[i::integer]",
}  # fmt: skip


def rows_of(release_id: str) -> str:
    columns = {c.name: _VALUES[c.type] for c in contracts.table(CORE).columns}
    columns["release_id"] = f"'{release_id}'"
    return f"select {', '.join(f'{v} as {k}' for k, v in columns.items())} from range({ROWS}) as r(i)"


def ours(made: Lake, release_id: str, con: duckdb.DuckDBPyConnection) -> None:
    empty: dict[str, Any] = {"VARCHAR": "", "DATE": "2021-01-01", "TIMESTAMP": "2021-01-01"}
    arrival = {c.name: empty.get(c.type, 0) for c in contracts.table(lake.ARRIVALS).columns}
    ledger = (
        f"select '{release_id}' as release_id, 'conform' as stage, 'loaded' as disposition, '' as reason, 1 as lines, "
        "1 as encounters"
    )
    rows = {CORE: rows_of(release_id), "meta.row_ledger": ledger}
    row = arrival | {"release_id": release_id}
    made.transact(con, release_id, lambda: lake.push(con, row, rows, {CORE: "code"}))


def plain(made: Lake, release_id: str, con: duckdb.DuckDBPyConnection) -> None:
    made.retried(con, lambda: con.execute(f"insert into {ALIAS}.main.plain {rows_of(release_id)}"))


def write(made: Lake, how: str, first: int, start: Any) -> None:
    with duckdb.connect() as con:
        con.execute("set threads = 1")
        con.execute("select 1")
        start.wait()
        for n in range(first, first + EACH):
            {"ours": ours, "plain": plain}[how](made, f"{how}-{n}", con)


def seconds_of(made: Lake, how: str, writers: int, first: int) -> float:
    """Wall time of so many writers, each in a process of its own, from their common start."""
    spawn = multiprocessing.get_context("spawn")
    start = spawn.Barrier(writers + 1)
    running = [spawn.Process(target=write, args=(made, how, first + w * EACH, start)) for w in range(writers)]
    for process in running:
        process.start()
    start.wait()
    began = time.perf_counter()
    for process in running:
        process.join()
    assert all(process.exitcode == 0 for process in running)
    return time.perf_counter() - began


def publication(made: Lake, build: Path) -> tuple[float, float]:
    """Seconds to publish a build's tables in one transaction, and to copy the same tables without more."""
    tables = [t for t in sharing.published_tables() if not t.startswith(("core.eoir", "meta.eoir"))]
    best = [float("inf"), float("inf")]
    with duckdb.connect(str(build)) as con:
        built = {
            f"{s}.{t}"
            for s, t in con.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        }
        chosen = {t: f"select * from {t}" for t in tables if t in built}

        def copy() -> None:
            con.execute(f"create schema if not exists {ALIAS}.plain")
            con.begin()
            for table, select in chosen.items():
                con.execute(f"create or replace table {ALIAS}.plain.{table.replace('.', '__')} as {select}")
            con.commit()

        for _ in range(3):
            for position, once in enumerate(
                (
                    lambda: made.transact(
                        con, lake.PUBLICATION, lambda: lake.publish(con, chosen, table_macros())
                    ),
                    lambda: made.retried(con, copy),
                )
            ):
                began = time.perf_counter()
                once()
                best[position] = min(best[position], time.perf_counter() - began)
    return best[0], best[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("catalog")
    parser.add_argument("--data", required=True)
    parser.add_argument("--home", type=Path)
    given = parser.parse_args()
    made = Lake(given.catalog, given.data)
    with duckdb.connect() as con:
        made.prepare(con, sharing.SHARED)
        create = contracts.table(CORE).ddl(f"{ALIAS}.main.plain")
        made.retried(
            con, lambda: con.execute(create.replace("create table", "create table if not exists", 1))
        )
    print(f"{ROWS:,} rows a release, {EACH} releases a writer\n")
    print("| writers | plain s a release | ours s a release | ratio | ours rows/s |")
    print("|---:|---:|---:|---:|---:|")
    first = time.time_ns() // 1_000_000
    for writers in (1, 2, 4, 8):
        best = {"plain": float("inf"), "ours": float("inf")}
        for _ in range(2):
            for how in best:
                best[how] = min(best[how], seconds_of(made, how, writers, first))
                first += writers * EACH
        many = writers * EACH
        print(
            f"| {writers} | {best['plain'] / many:.2f} | {best['ours'] / many:.2f} | {best['ours'] / best['plain']:.2f} | "
            f"{many * ROWS / best['ours']:,.0f} |",
            flush=True,
        )
    if given.home:
        whole, copied = publication(made, given.home / "work" / "warehouse.duckdb")
        print(
            f"\npublication: {whole:.1f} s; the same tables copied plainly: {copied:.1f} s; {whole / copied:.1f}"
        )


if __name__ == "__main__":
    main()
