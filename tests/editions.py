"""A tiny build file in numbered editions: every figure of edition n is a function of n, so a mix of two shows.

Belongs here: making an edition and asking a reader's questions of one. Does not belong here: real figures
(`installation.Home`), or any assertion.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb

from warehouse import contracts, publish
from warehouse.writer import Warehouse

_EMPTY = {
    "VARCHAR": "",
    "BOOLEAN": False,
    "DATE": dt.date(2000, 1, 1),
    "TIMESTAMP": dt.datetime(2026, 1, 1),
}
MEASURES = 40
FIRST = dt.datetime(2026, 1, 15, 12)
TABLES = (
    "meta.releases",
    "meta.measures",
    "meta.checks",
    "meta.builds",
    "marts.january_yoy",
    "core.cbp__monthly_encounters",
)


def put(warehouse: Warehouse, table: str, *rows: dict[str, Any]) -> None:
    """Insert rows; a column not given is NULL where it may be, else empty."""
    columns = contracts.table(table).columns
    for row in rows:
        assert set(row) <= {c.name for c in columns}, f"{table} lacks {set(row) - {c.name for c in columns}}"
    empty = {c.name: None if c.nullable else _empty(c.type) for c in columns}
    warehouse.append(table, [tuple((empty | row)[c.name] for c in columns) for row in rows])


def _empty(kind: str) -> Any:
    return [] if kind.endswith("[]") else _EMPTY.get(kind, 0)


def write_edition(warehouse: Warehouse, edition: int) -> None:
    """Make the open build edition n: one release more than n - 1, and every figure equal to n."""
    with warehouse.transaction():
        for table in TABLES:
            warehouse.con.execute(f"drop table if exists {table}")
            warehouse.ensure(table)
        ids = [f"cbp_sbo-{number:012x}" for number in range(1, edition + 1)]
        names = [f"measure_{number:02d}" for number in range(MEASURES)]
        common = {"family": "cbp_sbo", "data_through": dt.date(2025, 1, 1), "trust": "mirrored"}
        days = [dt.date(2025, 1, 1) + dt.timedelta(days=number) for number in range(edition)]
        releases = [{"release_id": i, "published_on": d, **common} for i, d in zip(ids, days, strict=True)]
        put(warehouse, "meta.releases", *releases)
        put(
            warehouse,
            "core.cbp__monthly_encounters",
            *({"release_id": i, "encounters": edition} for i in ids),
        )
        put(warehouse, "meta.measures", *({"measure_id": name} for name in names))
        figure = {"january": 2024, "value": edition, "release_id": ids[-1], "status": "ok"}
        put(warehouse, "marts.january_yoy", *({"measure_id": name, **figure} for name in names))


def publish_edition(build: Path, published: Path, edition: int, *, code: str = "c0de", keep: int = 5) -> str:
    """Build edition n and publish it below `published`; returns its version."""
    with Warehouse(build) as warehouse:
        write_edition(warehouse, edition)
        now = FIRST + dt.timedelta(hours=edition)
        return publish.publish(warehouse, published / "warehouse.duckdb", code=code, now=now, keep=keep)


#: What a reader asks: edition by releases, by every mart row, by every core row. In one edition all are n.
QUESTION = """
select
    (select releases from meta.publication),
    (select min(value)::bigint from marts.january_yoy),
    (select max(value)::bigint from marts.january_yoy),
    (select count(*) from marts.january_yoy),
    (select (sum(encounters) / count(*))::bigint from core.cbp__monthly_encounters),
    (select version from meta.publication)
"""


def answer_of(file: Path) -> tuple[int, str]:
    """(edition, version) as a fresh reader sees it; ValueError when the answer belongs to no one edition."""
    with duckdb.connect(str(file), read_only=True) as con:
        row = con.execute(QUESTION).fetchone()
    assert row is not None
    releases, least, most, rows, mean, version = row
    if not (releases == least == most == mean and rows == MEASURES):
        raise ValueError(f"a mix of versions: {row}")
    return releases, version


def answer_of_parquet(folder: Path) -> int:
    """The edition that the Parquet files of one version's folder hold; ValueError for a mix."""
    with duckdb.connect() as con:
        row = con.execute(
            "select (select min(value)::bigint from read_parquet(?)), (select max(value)::bigint from read_parquet(?)), "
            "(select count(distinct release_id) from read_parquet(?, hive_partitioning = true))",
            [
                f"{folder}/parquet/marts/january_yoy.parquet",
                f"{folder}/parquet/marts/january_yoy.parquet",
                f"{folder}/parquet/core/cbp__monthly_encounters/*/*.parquet",
            ],
        ).fetchone()
    assert row is not None
    if len(set(row)) != 1:
        raise ValueError(f"a mix of versions: {row}")
    return int(row[0])
