"""A lake on loopback and the machines that share it, each an installation with an archive of its own.

Belongs here: starting, filling and comparing. Does not belong here: any assertion about what a lake holds.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import httpx
from agency_files import SBO, as_csv, sbo
from deployment import Postgres
from installation import NOW

from orchestration import sharing, steps
from orchestration.build import BuildReport, build
from orchestration.ingest import ingest_bytes
from orchestration.resources import Ledger
from warehouse.archive import Release
from warehouse.court import storage
from warehouse.lake import Lake
from warehouse.writer import Warehouse

#: What two builds of the same releases may differ in: when and how often they were built and audited, and by whom.
OF_THE_BUILD = {"meta.checks", "meta.check_records", "meta.builds", "meta.publication", "meta.fetch_log"}


class Store:
    """PostgreSQL, running inside a `with`, and a folder of data; every test gets a lake of its own in it."""

    def __init__(self, folder: Path) -> None:
        self.postgres = Postgres(folder / "postgres")
        self.folder = folder
        self._made = 0

    def __enter__(self) -> Store:
        try:
            self.postgres.start()
        except BaseException:
            self.postgres.stop()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        self.postgres.stop()

    def new_lake(self) -> Lake:
        import psycopg2

        self._made += 1
        name = f"lake_{self._made}"
        con = psycopg2.connect(host="127.0.0.1", port=self.postgres.port, user="dagster", dbname="postgres")
        con.autocommit = True
        with con.cursor() as cursor:
            cursor.execute(f"create database {name}")
        con.close()
        return Lake(
            f"postgres:dbname={name} host=127.0.0.1 port={self.postgres.port} user=dagster password=not-asked-for",
            str(self.folder / name),
        )


class Bucket:
    """An S3 server on loopback, running inside a `with`: `url` of its one bucket, and `setup`, the SQL that reaches it."""

    def __init__(self, folder: Path) -> None:
        from moto.server import ThreadedMotoServer

        self.server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self.url = "s3://records/ledger"
        self.setup = folder / "setup.sql"

    def __enter__(self) -> Bucket:
        self.server.start()
        host, port = self.server.get_host_and_port()
        self.address = f"http://{host}:{port}/records"
        self.setup.write_text(
            "create or replace secret store (type s3, key_id 'writer', secret 'not-asked-for', region 'us-east-1', "
            f"endpoint '{host}:{port}', use_ssl false, url_style 'path')"
        )
        # Servers of one process share their buckets.
        httpx.post(f"http://{host}:{port}/moto-api/reset").raise_for_status()
        httpx.put(self.address).raise_for_status()
        return self

    def __exit__(self, *raised: object) -> None:
        self.server.stop()

    def remove(self) -> None:
        """Take the empty bucket away."""
        httpx.delete(self.address).raise_for_status()


def southwest(last: str) -> tuple[str, bytes]:
    """Name and bytes of a southwest file whose last month is `last`; all such files print the same figures."""
    return f"sbo-{last}.csv", as_csv(SBO, sbo("2020-10", last))


class Machine:
    """An installation that shares a lake, driven in this process."""

    def __init__(self, root: Path) -> None:
        self.ledger = Ledger(root=str(root))

    def add(self, last: str, published: str) -> str:
        """Archive a southwest file; returns its release_id."""
        return self.add_file(*southwest(last), published)

    def add_file(self, name: str, data: bytes, published: str) -> str:
        """Archive a file; returns its release_id."""
        outcome = ingest_bytes(data, name, self.ledger.archive, published=published, now=NOW)
        assert outcome.release is not None, outcome.message
        return outcome.release.release_id

    def build(self) -> BuildReport:
        report = build(self.ledger.home, lambda step, share: None)
        assert report.ok, report.failed
        return report

    def share(self) -> list[str]:
        """Raw, core, audits and push of everything in the archive; no mart."""
        with self.ledger.open() as warehouse:
            return sharing.share(warehouse, self.ledger, self.load(warehouse))

    def load(self, warehouse: Warehouse) -> list[Release]:
        steps.load_reviewed(warehouse)
        releases = sharing.arrive(warehouse, self.ledger)
        for release in releases:
            if sharing.table_of(release) and not sharing.is_known(warehouse, release):
                steps.load_raw(warehouse, self.ledger.archive, release)
        return releases

    def arrive(self) -> None:
        """Take in what others pushed."""
        with self.ledger.open() as warehouse:
            steps.load_reviewed(warehouse)
            sharing.arrive(warehouse, self.ledger)

    def set_aside(self, release_id: str) -> None:
        self.ledger.archive.set_aside(release_id, "a test", dt.datetime(2025, 1, 1))


@contextmanager
def reader(
    lake: Lake, version: int | None = None, name: str = "ledger"
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A reader's connection, as docs/lake.md says: the lake attached read-only as `name`, and in use."""
    from warehouse import extensions

    with duckdb.connect() as con:
        for extension in ("ducklake", "postgres_scanner"):
            extensions.load(con, extension)
        if lake.setup:
            extensions.load(con, "httpfs")
            con.execute(lake.setup)
        at = f", snapshot_version {version}" if version is not None else ""
        con.execute(f"attach 'ducklake:{lake.catalog}' as {name} (read_only{at})")
        con.execute(f"use {name}")
        yield con


def contents(con: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> dict[str, list[Any]]:
    """Every row of every table, in an order of its own, as text."""
    return {
        table: sorted(repr(row) for row in con.execute(f"select * from {table}").fetchall())
        for table in tables
    }


def compared() -> list[str]:
    """The tables that two builds of the same releases must have equal, cell by cell."""
    return [
        t
        for t in (*sharing.FACTS, *sharing.published_tables())
        if t not in OF_THE_BUILD and not storage.is_court_table(t)
    ]
