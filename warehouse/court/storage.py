"""The court file: where court records lie, how the main warehouse reads them, how readers get their copy.

Court records are a hundred times larger than everything else, so they have a DuckDB file of their own beside the
main one, with the raw text as Parquet in the folder `court`. Belongs here: that file as a whole. Does not belong
here: loading a release (`load`), typing (`core`), or what is made of the records (`transforms`).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from warehouse import contracts
from warehouse.court.core import CORE_TABLES, bundle_codes
from warehouse.writer import BuildLock, Warehouse

FILE_NAME = "court.duckdb"
#: Oldest DuckDB that opens the build file: its string compression takes a third off the time to type a release.
BUILD_STORAGE = "v1.3.0"
#: Oldest DuckDB that opens the readers' copy.
_READERS_STORAGE = "v1.0.0"
#: What DuckDB may hold; above it, it writes to disk. The pieces being read come on top, a few hundred MB.
MEMORY_LIMIT = "2500MB"
#: Made of core, one row a case, and as large: it lies with the records.
CASES = "marts.court_cases"
#: Name the court file is attached under while the main warehouse reads it.
CATALOG = "court"
#: What the court file says of itself, and what is copied to readers.
META_TABLES = tuple(name for name in contracts.tables() if name.startswith("meta.eoir_"))
TABLES = (*CORE_TABLES, CASES, *META_TABLES)
#: What is held of a release, and what is made of the list of releases.
OF_THE_LIST = ("meta.eoir_releases", "meta.eoir_bundled_decisions", "meta.eoir_bundled_locations")
FACTS = tuple(name for name in TABLES if name not in OF_THE_LIST)
_ARRIVALS = "meta.arrivals"
_LOADS = "meta.loads"
_PATIENCE = 1800.0  # seconds one worker of an installation waits for another to be done with the court file
_IN_COURT = re.compile(r"\b(?:core\.eoir__\w+|meta\.eoir_\w+|marts\.court_cases)\b")


def is_court_table(name: str) -> bool:
    """Whether `schema.table` lies in the court file."""
    return _IN_COURT.fullmatch(name) is not None


def open_court(path: Path) -> Warehouse:
    """The court file open for writing, every table it must have in place."""
    court = Warehouse(path, storage_version=BUILD_STORAGE)
    court.con.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
    for name in (*TABLES, _LOADS, _ARRIVALS):
        court.ensure(name)
    bundle_codes(court.con)
    return court


def lock(path: Path) -> BuildLock:
    """Of the workers of an installation one at a time has the court file open."""
    return BuildLock(path.with_suffix(".lock"), wait=_PATIENCE)


def arrivals(
    court: Warehouse, replaced_by: Sequence[Mapping[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """The releases that came from a lake, as last seen there."""
    if replaced_by is not None:
        columns = [c.name for c in contracts.table(_ARRIVALS).columns]
        with court.transaction():
            court.con.execute(f"delete from {_ARRIVALS}")
            court.append(_ARRIVALS, [tuple(r[c] for c in columns) for r in replaced_by])
    cursor = court.con.execute(f"select * from {_ARRIVALS} order by published_on, release_id")
    names = [d[0] for d in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def raw_folder(path: Path) -> Path:
    """Where the raw text of a court file's releases lies."""
    return path.parent / "court"


def record_releases(court: Warehouse, releases: Sequence[Mapping[str, Any]], raw: Path) -> list[str]:
    """Write meta.eoir_releases, and forget every release that is not among them; returns what was forgotten."""
    columns = [c.name for c in contracts.table("meta.eoir_releases").columns]
    kept = {str(r["release_id"]) for r in releases}
    held = {
        str(row[0])
        for row in court.con.execute(
            f"select release_id from meta.eoir_tables union select release_id from {_LOADS} "
            "union select release_id from meta.eoir_releases"
        ).fetchall()
    }
    forgotten = sorted(held - kept)
    with court.transaction():
        court.con.execute("delete from meta.eoir_releases")
        court.append("meta.eoir_releases", [tuple(r[c] for c in columns) for r in releases])
        for name in (*TABLES, _LOADS):
            known = {c.name for c in contracts.table(name).columns}
            for column in known & {"release_id", "old_release_id", "new_release_id"}:
                if forgotten:
                    court.con.execute(
                        f"delete from {name} where {column} in (select unnest(?::varchar[]))", [forgotten]
                    )
    for release_id in forgotten:
        shutil.rmtree(raw / release_id, ignore_errors=True)
    return forgotten


def mark(court: Warehouse, what: str, release_id: str, fingerprint: str) -> None:
    """Remember that a step was done for a release by this code."""
    with court.transaction():
        court.con.execute(f"delete from {_LOADS} where table_name = ? and release_id = ?", [what, release_id])
        court.append(_LOADS, [(what, release_id, fingerprint)])


def is_marked(court: Warehouse, what: str, release_id: str, fingerprint: str) -> bool:
    row = court.con.execute(
        f"select count(*) from {_LOADS} where table_name = ? and release_id = ? and fingerprint = ?",
        [what, release_id, fingerprint],
    ).fetchone()
    return bool(row and row[0])


@contextmanager
def readable(con: DuckDBPyConnection, path: Path | None) -> Iterator[Reading]:
    """The court file for the models of the main warehouse: attached read-only, or, without a file, its tables as empty."""
    if path is None or not path.exists():
        yield Reading(lambda sql: _IN_COURT.sub(lambda found: _empty(found[0]), sql), [])
        return
    with lock(path):
        con.execute(f"attach {_text(str(path))} as {CATALOG} (read_only)")
        try:
            yield Reading(
                lambda sql: _IN_COURT.sub(lambda found: f"{CATALOG}.{found[0]}", sql), state_of(con, CATALOG)
            )
        except BaseException:
            with suppress(
                duckdb.Error
            ):  # an aborted transaction cannot detach, and must not hide why it was aborted
                con.execute(f"detach {CATALOG}")
            raise
        con.execute(f"detach {CATALOG}")


@dataclass(frozen=True)
class Reading:
    """How a model's select reads court records here, and the state they are in."""

    sql: Callable[[str], str]
    state: list[tuple[Any, ...]]


def _empty(name: str) -> str:
    columns = ", ".join(f'cast(null as {c.type}) as "{c.name}"' for c in contracts.table(name).columns)
    return f"(select {columns} where false)"


def state_of(con: DuckDBPyConnection, catalog: str | None = None) -> list[tuple[Any, ...]]:
    """What a court file holds, by release and step; equal states hold equal records."""
    prefix = f"{catalog}." if catalog else ""
    return con.execute(
        f"select table_name, release_id, fingerprint, (select trust from {prefix}meta.eoir_releases as r "
        f"where r.release_id = l.release_id) from {prefix}{_LOADS} as l order by all"
    ).fetchall()


def publish_court(court: DuckDBPyConnection, target: Path) -> bool:
    """Copy the court tables into a new file and rename it to `target`; False where readers have this state already.

    Raw text is not copied: its views point at the Parquet of the build.
    """
    if target.exists() and _published_state(target) == state_of(court):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.part")
    unfinished.unlink(missing_ok=True)
    court.execute(f"attach {_text(str(unfinished))} as copy_of_court (storage_version '{_READERS_STORAGE}')")
    court.execute("set preserve_insertion_order = false")  # row groups go to disk as they fill
    try:
        for schema in ("core", "marts", "meta"):
            court.execute(f"create schema copy_of_court.{schema}")
        for name in (*TABLES, _LOADS):
            contract = contracts.table(name)
            copy = f"copy_of_court.{name}"
            for statement in (contract.ddl(copy), f"insert into {copy} select * from {name}"):
                court.execute(statement)
            for comment in contract.comments(copy):
                court.execute(comment)
        for name in TABLES:
            if _rows(court, name) != _rows(court, f"copy_of_court.{name}"):
                raise duckdb.IOException(f"the copy lost rows of {name}; disk full?")
    except BaseException:
        court.execute("detach copy_of_court")
        unfinished.unlink(missing_ok=True)
        raise
    finally:
        court.execute("reset preserve_insertion_order")
    court.execute("detach copy_of_court")
    unfinished.replace(target)
    return True


def _published_state(target: Path) -> list[tuple[Any, ...]] | None:
    try:
        with duckdb.connect(str(target), read_only=True) as reader:
            return state_of(reader)
    except duckdb.Error:
        return None


def _rows(con: DuckDBPyConnection, name: str) -> int:
    row = con.execute(f"select count(*) from {name}").fetchone()
    return int(row[0]) if row else 0


def rows_of(court: DuckDBPyConnection, names: Iterable[str]) -> dict[str, int]:
    """Rows by table."""
    return {name: _rows(court, name) for name in names}


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
