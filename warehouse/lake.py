"""The lake: one DuckLake that several machines write, with its catalog in PostgreSQL and its data in any store.

Facts come in release by release: each in one transaction that replaces what the lake held of the release, and beside
facts of other releases without waiting. What is made of the facts is published whole, in one transaction. Two
transactions that concern the same thing both write its token, a view in schema `pushed`: DuckLake lets inserts of two
writers pass, so without the token a release pushed twice at once would stand there twice.

Belongs here: connecting, retrying, and those transactions. Does not belong here: what is a fact, when it may be
pushed, and what is made of it (`orchestration.sharing`).
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import duckdb
from duckdb import DuckDBPyConnection
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from warehouse import contracts, extensions
from warehouse.macros import Macro

T = TypeVar("T")

TARGET = "BORDER_TARGET"
DATA_PATH = "BORDER_LAKE_DATA"
#: A file of SQL that runs before the lake is attached, such as `create secret` for an object store.
SETUP = "BORDER_LAKE_SETUP"

#: Name the lake is attached under.
ALIAS = "lake"
_GATE = "lake_gate"
#: Schema of the tokens: a view a release, and one of the publication.
TOKENS = "pushed"
PUBLICATION = "publication"
ARRIVALS = "meta.arrivals"
LOADS = "meta.loads"
#: How often a catalog that does not answer is tried, about half a minute, and a transaction that meets another.
TRIES, TRIES_OF_CONFLICTS = "BORDER_LAKE_TRIES", 60
#: DuckLake's own retries, of commits that only lost the race for the next snapshot's number; with eight writers its
#: defaults (100 ms, each wait half as long again) come to wait for seconds.
_SETTINGS = {
    "ducklake_max_retry_count": "100",
    "ducklake_retry_wait_ms": "20",
    "ducklake_retry_backoff": "1.1",
    "enable_progress_bar": "false",
}
#: Files of these are kept apart by release, so that replacing one leaves the others' files alone.
_APART = re.compile(r"core\.\w+__monthly_encounters|core\.eoir__\w+|marts\.court_cases")

#: The last line is of a lake that two machines create at once; by the next try it stands.
_CONFLICT = re.compile(
    r"transaction conflict|could not serialize|deadlock detected|duplicate key value|unique constraint"
    r"|could not set lock|conflicting lock|too many (clients|connections)"
    r"|failed to initialize ducklake.*already exists",
    re.IGNORECASE,
)
_UNREACHED = re.compile(
    r"unable to connect(?! to url)|connection (refused|reset|timed out|to server)|server closed the connection"
    r"|terminat(ed|ing)|no connection to the server|failed to execute query .?(begin|commit|rollback)"
    r"|database system is (starting up|shutting down)|recovery mode"
    r"|could not connect to server error for http|returned http (429|5\d\d)",
    re.IGNORECASE,
)
_OBJECT_STORE = re.compile(r"^http error|error for http [a-z]+ to", re.IGNORECASE)
_SECRET = re.compile(r"(password\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)", re.IGNORECASE)
_SECRET_IN_ADDRESS = re.compile(r"(\w+://[^\s:/@]*):[^\s@]*@")


class LakeError(Exception):
    """The lake cannot be used; the message has no password and says what to do."""


def masked(text: str) -> str:
    """`text` without the passwords of connection strings."""
    return _SECRET_IN_ADDRESS.sub(r"\1:***@", _SECRET.sub(r"\1***", text))


@dataclass(frozen=True)
class Lake:
    """Where a lake is: `catalog` as DuckLake takes it, e.g. `postgres:dbname=ledger host=db`, or a DuckDB file.

    `data_path` is needed only by the first who connects; the lake remembers it.
    """

    catalog: str
    data_path: str = ""
    setup: str = ""

    @classmethod
    def at(cls, target: str) -> Lake | None:
        """The lake a target names; None for `file` and for no target. Raises LakeError for anything else."""
        if target in ("", "file"):
            return None
        kind, _, catalog = target.partition(":")
        if kind != "ducklake" or not catalog:
            raise LakeError(
                f"{masked(target)}: no such target; file, or ducklake:postgres:dbname=… host=…, or ducklake:FILE"
            )
        setup = os.environ.get(SETUP, "")
        return cls(catalog, os.environ.get(DATA_PATH, ""), Path(setup).read_text("utf-8") if setup else "")

    @classmethod
    def from_environment(cls) -> Lake | None:
        return cls.at(os.environ.get(TARGET, ""))

    def __repr__(self) -> str:
        return f"Lake({masked(self.catalog)})"

    @property
    def shown(self) -> str:
        """The target, without a password."""
        return masked(f"ducklake:{self.catalog}")

    @property
    def _postgres(self) -> str | None:
        kind, _, rest = self.catalog.partition(":")
        return rest if kind == "postgres" else None

    @contextmanager
    def attached(self, con: DuckDBPyConnection, *, read_only: bool = False) -> Iterator[None]:
        """The lake as `lake` in an open connection. Raises LakeError where it cannot be reached or set up."""
        try:
            extensions.load(con, "ducklake")
            if self._postgres is not None:
                extensions.load(con, "postgres_scanner")
            if extensions.is_installed("httpfs"):
                extensions.load(con, "httpfs")
        except extensions.ExtensionMissing as error:
            raise LakeError(str(error)) from None
        options = ["read_only"] if read_only else []
        if self.data_path:
            options.append(f"data_path {_text(self.data_path)}")
        with _said():
            if self.setup:
                con.execute(self.setup)
            for name, value in _SETTINGS.items():
                con.execute(f"set {name} = {value}")
            con.execute(
                f"attach or replace {_text('ducklake:' + self.catalog)} as {ALIAS}"
                + (f" ({', '.join(options)})" if options else "")
            )
        try:
            with _said():
                yield
        finally:
            for name in (_GATE, ALIAS):
                with suppress(duckdb.Error):
                    con.execute(f"detach database if exists {name}")

    def retried(self, con: DuckDBPyConnection, work: Callable[[], T]) -> T:
        """`work` with the lake attached, again after a conflict or a lost connection, each time connected anew."""
        for attempt in Retrying(
            retry=retry_if_exception(_is_passing),
            wait=wait_random_exponential(multiplier=0.1, max=10),
            stop=_is_enough,
            reraise=True,
        ):
            with attempt, self.attached(con):
                return work()
        raise AssertionError("unreachable")

    def transact(self, con: DuckDBPyConnection, concerns: str, work: Callable[[], T]) -> T:
        """`work` in one transaction; of two that concern the same thing one commits, and the other is tried again.

        In PostgreSQL the second waits for the first instead of working in vain. Nothing but time depends on that.
        """

        def once() -> T:
            if self._postgres is not None:
                con.execute(
                    f"attach or replace {_text(self._postgres)} as {_GATE} (type postgres, read_only)"
                )
            con.begin()
            try:
                if self._postgres is not None:
                    con.execute(
                        f"select * from postgres_query('{_GATE}', 'select pg_advisory_xact_lock({_number(concerns)})')"
                    ).fetchall()
                done = work()
                con.commit()
            except BaseException:
                with suppress(duckdb.Error):
                    con.rollback()
                raise
            return done

        return self.retried(con, once)

    def prepare(self, con: DuckDBPyConnection, tables: Sequence[str]) -> None:
        """Create what the lake lacks of `tables` and of the tokens' schema. Raises LakeError where columns differ."""

        def create() -> None:
            held = columns_held(con)
            missing = [t for t in tables if t not in held]
            for name in tables:
                if name in held and held[name] != _columns(name):
                    raise LakeError(
                        f"{self.shown}: {name} has other columns than this code writes; bring every machine to one "
                        "version, then see docs/lake.md, section Another version"
                    )
            if not missing:
                return
            for schema in {TOKENS, *(t.split(".")[0] for t in tables)}:
                con.execute(f"create schema if not exists {ALIAS}.{schema}")
            for name in missing:
                _create(con, name)
                if LOADS in held:
                    con.execute(f"delete from {ALIAS}.{LOADS} where table_name = ?", [name])

        self.transact(con, "tables", create)


def push(
    con: DuckDBPyConnection, release: Mapping[str, Any], rows: Mapping[str, str], loads: Mapping[str, str]
) -> bool:
    """Put one release's facts in place of those the lake holds; False where it holds them by the same code.

    `release` is its row of meta.arrivals, `rows` a select for each table, `loads` the code each table was loaded by.
    """
    release_id = str(release["release_id"])
    if marks(con, release_id) == dict(loads):
        return False
    _token(con, release_id)
    _forget(con, release_id, [*rows, ARRIVALS, LOADS])
    for table, select in rows.items():
        names = ", ".join(f'"{c.name}"' for c in contracts.table(table).columns)
        con.execute(f"insert into {ALIAS}.{table} select {names} from ({select})")
    arrival = [release.get(c.name) for c in contracts.table(ARRIVALS).columns]
    con.execute(f"insert into {ALIAS}.{ARRIVALS} values ({', '.join('?' * len(arrival))})", arrival)
    for table, fingerprint in loads.items():
        con.execute(f"insert into {ALIAS}.{LOADS} values (?, ?, ?)", [table, release_id, fingerprint])
    return True


def remove(con: DuckDBPyConnection, release_id: str, tables: Iterable[str]) -> None:
    """Take a release out of the lake."""
    _token(con, release_id)
    _forget(con, release_id, [*tables, ARRIVALS, LOADS])


def _forget(con: DuckDBPyConnection, release_id: str, tables: Iterable[str]) -> None:
    for table in tables:
        con.execute(f"delete from {ALIAS}.{table} where {release_column(table)} = ?", [release_id])


def release_column(table: str) -> str:
    """The column that says which release a row came with."""
    return next(c.name for c in contracts.table(table).columns if c.name in ("release_id", "new_release_id"))


def marks(con: DuckDBPyConnection, release_id: str) -> dict[str, str]:
    """The code the lake's facts of a release were loaded by, by table; empty where it has none."""
    return dict(
        con.execute(
            f"select table_name, fingerprint from {ALIAS}.{LOADS} where release_id = ?", [release_id]
        ).fetchall()
    )


def arrivals(con: DuckDBPyConnection) -> list[dict[str, Any]]:
    """Rows of meta.arrivals; none where the lake is new."""
    if ARRIVALS not in columns_held(con):
        return []
    cursor = con.execute(f"select * from {ALIAS}.{ARRIVALS} order by published_on, release_id")
    names = [d[0] for d in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def publish(con: DuckDBPyConnection, tables: Mapping[str, str], macros: Iterable[Macro]) -> None:
    """Put a select for each of `tables`, and the macros, in place of what the lake holds.

    Inside one transaction of the caller. An empty select empties a table; one whose columns changed is made anew.
    """
    _token(con, PUBLICATION)
    held = columns_held(con)
    for schema in sorted({table.split(".")[0] for table in tables}):
        con.execute(f"create schema if not exists {ALIAS}.{schema}")
    for table, select in tables.items():
        if held.get(table) != _columns(table):
            con.execute(f"drop table if exists {ALIAS}.{table}")
            _create(con, table)
        else:
            con.execute(f"delete from {ALIAS}.{table}")
        if select:
            con.execute(f"insert into {ALIAS}.{table} {select}")
    (build,) = con.execute("select current_database()").fetchone() or ("",)
    con.execute(f"use {ALIAS}")  # a macro may call another, by a name that names no database
    try:
        for macro in macros:
            con.execute(f"create or replace macro main.{macro.signature} as table {macro.select}")
    finally:
        con.execute(f'use "{build}"')


def columns_held(con: DuckDBPyConnection) -> dict[str, list[tuple[str, str]]]:
    """Columns and types of every table of the lake."""
    held: dict[str, list[tuple[str, str]]] = {}
    for schema, table, column, kind in con.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() "
        f"where database_name = '{ALIAS}' and schema_name <> '{TOKENS}' order by schema_name, table_name, column_index"
    ).fetchall():
        held.setdefault(f"{schema}.{table}", []).append((column, kind))
    return held


def _columns(name: str) -> list[tuple[str, str]]:
    return [(c.name, c.type) for c in contracts.table(name).columns]


def _create(con: DuckDBPyConnection, name: str) -> None:
    contract = contracts.table(name)
    for statement in (contract.ddl(f"{ALIAS}.{name}"), *contract.comments(f"{ALIAS}.{name}")):
        con.execute(statement)
    if _APART.fullmatch(name):
        con.execute(f"alter table {ALIAS}.{name} set partitioned by (release_id)")


def _token(con: DuckDBPyConnection, concerns: str) -> None:
    con.execute(f'create or replace view {ALIAS}.{TOKENS}."{concerns}" as select {_text(concerns)} as token')


def _is_passing(error: BaseException) -> bool:
    return isinstance(error, LakeError) and any(p.search(str(error)) for p in (_CONFLICT, _UNREACHED))


def _is_enough(state: RetryCallState) -> bool:
    is_conflict = state.outcome is not None and _CONFLICT.search(str(state.outcome.exception()))
    tries = TRIES_OF_CONFLICTS if is_conflict else int(os.environ.get(TRIES, "12"))
    return state.attempt_number >= tries


@contextmanager
def _said() -> Iterator[None]:
    """What DuckDB says, as LakeError in one line and without passwords."""
    try:
        yield
    except duckdb.Error as error:
        text = " ".join(masked(str(error)).split())
        hint = ""
        if "data_path" in text.lower() or "data path" in text.lower():
            hint = f"Give --data-path or {DATA_PATH}: a folder all machines reach, or s3://…"
        elif _OBJECT_STORE.search(text):
            hint = f"Look at the data path, and at the secret and endpoint in the file of {SETUP}."
        raise LakeError(f"{text.rstrip('.')}. {hint}" if hint else text) from None


def _number(text: str) -> int:
    """A 63-bit number for a text, the same on every machine."""
    return int.from_bytes(hashlib.sha256(f"border-ledger:{text}".encode()).digest()[:8]) >> 1


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
