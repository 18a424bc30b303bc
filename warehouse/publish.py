"""Publication: the audited build becomes the file readers open, whole, by one rename.

Belongs here: the gate (every table audited in its last state, no critical failure), the copy and the swap. A
reader that holds the old file open keeps reading it; a new reader gets the new one. Does not belong here: the
checks themselves.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import duckdb

from warehouse import changelog, export_set, versions
from warehouse.writer import SCHEMAS, Warehouse, undocumented


class NotPublishable(Exception):
    """The build may not be published; the message has one line per reason."""


def gate(warehouse: Warehouse, audited_tables: Iterable[str]) -> None:
    """Raise NotPublishable unless every audited table passed in the state it is in now and matches its contract."""
    reasons = [f"contract: {line}" for line in undocumented(warehouse.con)]
    for table in ("meta.checks", "meta.builds", "meta.releases"):
        warehouse.ensure(table)
    if (
        _scalar(
            warehouse.con, "select count(*) from meta.releases where trust not in ('quoted', 'synthetic')"
        )
        == "0"
    ):
        reasons.append("no release of any publisher is loaded; ingest files, then `border build`")
    built = dict(warehouse.con.execute("select table_name, build_no from meta.builds").fetchall())
    seen = dict(
        warehouse.con.execute(
            "select table_name, max(build_no) from meta.checks group by table_name"
        ).fetchall()
    )
    for table in audited_tables:
        if table in built and seen.get(table, -1) < built[table]:
            reasons.append(f"{table}: written since its last audit; run `border build`")
    failed = warehouse.con.execute(
        "select table_name, expectation, observed from meta.checks where outcome = 'failed' order by all"
    ).fetchall()
    reasons += [f"{table}: {expectation}: {observed or 'failed'}" for table, expectation, observed in failed]
    if reasons:
        raise NotPublishable("\n".join(reasons))


def version_of(warehouse: Warehouse, code: str) -> str:
    """Identity of a build: its releases, its code and its reviewed data; equal inputs give an equal version."""
    return version_in(warehouse.con, "meta.releases", code)


def version_in(con: duckdb.DuckDBPyConnection, releases_table: str, code: str) -> str:
    """The version that this code makes of the releases in a table."""
    releases = con.execute(
        f"select release_id, published_on from {releases_table} order by release_id"
    ).fetchall()
    return hashlib.sha256(repr((releases, code)).encode()).hexdigest()[:12]


def record_publication(warehouse: Warehouse, version: str, now: dt.datetime) -> str:
    """Write meta.publication; returns the moment as text."""
    stamp = now.isoformat(timespec="seconds")
    warehouse.replace(
        "meta.publication",
        "select ? as version, ?::timestamp as published_at, count(*) as releases, max(data_through) as data_through "
        "from meta.releases where trust not in ('quoted', 'synthetic')",
        [version, stamp],
    )
    return stamp


def publish(
    warehouse: Warehouse, target: Path, *, code: str, now: dt.datetime, keep: int = versions.KEEP_LAST
) -> str:
    """Write the open build as a new version below `target`'s folder, verify it, and make it the current one.

    The set (warehouse, Parquet, data package, changelog, checksums: see `versions`) is written aside and appears by
    renames, `target` itself by one. A failure or a kill at any moment leaves readers the version they had. `keep`
    versions are kept, and the last of each month. Returns the version.
    """
    version = version_of(warehouse, code)
    published = target.parent
    (published / versions.FOLDER).mkdir(parents=True, exist_ok=True)
    versions.remove_unfinished(published)
    stamp = record_publication(warehouse, version, now)
    con = warehouse.con
    counted = con.execute("select releases, data_through from meta.publication").fetchone()
    assert counted is not None
    record = versions.Published(
        versions.next_number(published), version, stamp, code, counted[0], counted[1] and str(counted[1])
    )
    stage = published / versions.FOLDER / f"{versions.UNFINISHED}{os.getpid()}"
    try:
        stage.mkdir()
        _copy(con, stage / versions.WAREHOUSE)
        _verify(con, stage / versions.WAREHOUSE)
        export_set.write_set(con, stage, version=version, created=stamp)
        before = versions.current_folder(published)
        previous_file = before / versions.WAREHOUSE if before else target
        changes = changelog.changes_since(con, previous_file) if previous_file.exists() else None
        changelog.write_changelog(
            stage, record, versions.current(published), changes, changelog.entries_of(before)
        )
        (stage / versions.RECORD).write_bytes(record.to_json())
        versions.seal(stage)
        versions.put_in_place(stage, published, record)
    except duckdb.IOException as error:
        raise NotPublishable(
            f"{published}: {_cause(error)}; free space or mend the disk, then `border publish`"
        ) from None
    except OSError as error:
        raise NotPublishable(
            f"{error.filename or published}: {error.strerror}; mend this, then `border publish`"
        ) from None
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    with contextlib.suppress(OSError):  # the version is out; the next publication removes what is left
        versions.prune(published, keep)
    return version


def _cause(error: duckdb.Error) -> str:
    """The operating system's part of DuckDB's message, where it has one."""
    return " ".join(str(error).split("Original error:")[-1].split())


def _copy(con: duckdb.DuckDBPyConnection, copy: Path) -> None:
    source = _scalar(con, "select current_database()")
    con.execute(f"attach '{str(copy).replace(chr(39), chr(39) * 2)}' as published_copy")
    try:
        con.execute(f'copy from database "{source}" to published_copy')
    finally:
        con.execute("detach published_copy")


def _verify(build: duckdb.DuckDBPyConnection, copy: Path) -> None:
    """Rows, comments and macros must have travelled."""
    with duckdb.connect(str(copy), read_only=True) as reader:
        if differences := undocumented(reader):
            raise NotPublishable("the copy differs from its contracts: " + "; ".join(differences[:3]))
        for what, sql in _INVENTORY.items():
            expected, found = build.execute(sql).fetchall(), reader.execute(sql).fetchall()
            if expected != found:
                raise NotPublishable(f"the copy lost {what}; disk full? Build again")
        for schema, table, _ in build.execute(_INVENTORY["comments"]).fetchall():
            count = f"select count(*) from {schema}.{table}"
            if _scalar(build, count) != _scalar(reader, count):
                raise NotPublishable(f"the copy lost rows of {schema}.{table}; disk full? Build again")


_OURS = (
    "database_name = current_database() and schema_name in ('main', "
    + ", ".join(f"'{s}'" for s in SCHEMAS)
    + ")"
)
_INVENTORY = {
    "comments": f"select schema_name, table_name, comment from duckdb_tables() where {_OURS} order by all",
    "column comments": "select schema_name, table_name, column_name, comment from duckdb_columns() "
    f"where {_OURS} order by all",
    "macros": f"select schema_name, function_name from duckdb_functions() where {_OURS} and not internal order by all",
}


def _scalar(con: duckdb.DuckDBPyConnection, sql: str) -> str:
    row = con.execute(sql).fetchone()
    return str(row[0]) if row else ""
