"""The transactional DuckDB writer: a table is as its contract says, or as it was before.

Belongs here: creating, replacing and appending contracted tables, comments, key checks, and the one-writer lock.
A failed or killed write leaves the previous state whole. Does not belong here: what the rows mean.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

import duckdb

from warehouse import contracts
from warehouse.contracts import ContractError, Table

SCHEMAS = ("raw", "core", "marts", "meta")
ROWS_AT_ONCE = 100  # rows of one insert; row by row takes three times as long


class BuildBusy(Exception):
    """Another process is building."""


class BuildLock:
    """One build at a time on one machine; the operating system releases it when the process ends, however it ends.

    A process that holds the lock may take it again. With `wait` seconds another process's build is waited for.
    """

    _held: ClassVar[dict[Path, tuple[int, int]]] = {}
    """Locks of this process: file handle and how often it was taken, by path."""

    def __init__(self, path: Path, wait: float = 0.0) -> None:
        self._path = path.absolute()
        self._wait = wait

    def __enter__(self) -> BuildLock:
        if self._path in self._held:
            handle, depth = self._held[self._path]
            self._held[self._path] = handle, depth + 1
            return self
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        deadline = time.monotonic() + max(self._wait, 0.3)  # `holder` looks through the lock for a moment
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() < deadline:
                    time.sleep(0.2)
                    continue
                holder = os.read(handle, 32).decode() or "unknown"
                os.close(handle)
                raise BuildBusy(
                    f"{self._path}: process {holder} is building; wait for it to end, or stop it, and build again"
                ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        self._held[self._path] = handle, 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        handle, depth = self._held.pop(self._path)
        if depth > 1:
            self._held[self._path] = handle, depth - 1
        else:
            os.close(handle)

    @classmethod
    def holder(cls, path: Path) -> int | None:
        """The process that holds the lock, 0 where it has not said; None when nobody does."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(os.read(handle, 32) or 0)
        finally:
            os.close(handle)
        return None


class Warehouse:
    """An open build file. Use as a context manager; `con` is the DuckDB connection."""

    def __init__(self, path: Path | None, *, storage_version: str | None = None) -> None:
        """Open `path` for writing (a new file if absent); None opens a warehouse in memory.

        A new file can be opened by every DuckDB since `storage_version`; None leaves that to DuckDB.
        """
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        config: dict[str, Any] = {"storage_compatibility_version": storage_version} if storage_version else {}
        self.con = duckdb.connect(str(path) if path else ":memory:", config=config)
        self._depth = 0
        self._is_doomed = False
        for schema in SCHEMAS:
            self.con.execute(f"create schema if not exists {schema}")

    def __enter__(self) -> Warehouse:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.con.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; a transaction inside another belongs to the outer one.

        Once an inner one has failed the outer one rolls back, even where the error was caught on the way.
        """
        if self._depth:
            try:
                yield
            except BaseException:
                self._is_doomed = True
                raise
            return
        self.con.begin()
        self._depth += 1
        self._is_doomed = False
        try:
            yield
            if self._is_doomed:
                raise ContractError("a write inside this transaction failed, so all of it is rolled back")
        except BaseException:
            self._depth -= 1
            with contextlib.suppress(duckdb.Error):
                self.con.rollback()
            raise
        self._depth -= 1
        self.con.commit()

    def exists(self, name: str) -> bool:
        return bool(self._columns_of(name))

    def ensure(self, name: str) -> None:
        """Create the contracted table, empty, unless it is there with the columns of its contract."""
        contract = contracts.table(name)
        if self._columns_of(name) == [(c.name, c.type) for c in contract.columns]:
            return
        with self.transaction():
            self.con.execute(f"drop table if exists {name}")
            self._create(contract)
            if name != "meta.loads" and self.exists("meta.loads"):  # its releases must be loaded again
                self.con.execute("delete from meta.loads where table_name = ?", [name])

    def replace(self, name: str, select: str, parameters: list[Any] | None = None) -> int:
        """Make the table anew from `select` and return its rows.

        Raises ContractError, leaving the table as it was, when columns differ from the contract or a key repeats.
        """
        contract = contracts.table(name)
        with self.transaction():
            self.con.execute(f"drop table if exists {name}")
            self._create(contract)
            self._insert(contract, select, parameters)
            self._check_key(contract)
            self._mark_built(name)
        return int(self._value(f"select count(*) from {name}"))

    def replace_releases(
        self, name: str, release_ids: Sequence[str], select: str, parameters: list[Any] | None = None
    ) -> None:
        """Put the rows of `select` in place of those the releases had; other releases are untouched.

        Raises ContractError, leaving the table as it was, when columns differ from the contract or a key repeats.
        """
        contract = contracts.table(name)
        with self.transaction():
            self.ensure(name)
            self.con.execute(
                f"delete from {name} where release_id in (select unnest(?))", [list(release_ids)]
            )
            self._insert(contract, select, parameters)
            self._check_key(contract, release_ids)
            self._mark_built(name)

    def append(self, name: str, rows: list[tuple[Any, ...]]) -> None:
        """Add rows given in the contract's column order."""
        contract = contracts.table(name)
        self.ensure(name)
        marks = f"({', '.join('?' for _ in contract.columns)})"
        for start in range(0, len(rows), ROWS_AT_ONCE):
            part = rows[start : start + ROWS_AT_ONCE]
            self.con.execute(
                f"insert into {name} values {', '.join([marks] * len(part))}",
                [value for row in part for value in row],
            )

    def _mark_built(self, name: str) -> None:
        """Count the write, so that an audit knows which state of the table it has seen."""
        self.ensure("meta.builds")
        if not self._value("update meta.builds set build_no = build_no + 1 where table_name = ?", [name]):
            self.con.execute("insert into meta.builds values (?, 1)", [name])

    def _create(self, contract: Table) -> None:
        self.con.execute("; ".join([contract.ddl(), *contract.comments()]))

    def _insert(self, contract: Table, select: str, parameters: list[Any] | None) -> None:
        described = self.con.execute(f"describe {select}", parameters).fetchall()
        found = {row[0] for row in described}
        expected = [c.name for c in contract.columns]
        if found != set(expected):
            missing, extra = sorted(set(expected) - found), sorted(found - set(expected))
            raise ContractError(
                f"{contract.name}: columns differ from the contract; missing {missing or 'none'}, "
                f"undocumented {extra or 'none'}. Change the model or warehouse/contracts/."
            )
        names = ", ".join(f'"{c}"' for c in expected)
        try:
            self.con.execute(f"insert into {contract.name} select {names} from ({select})", parameters)
        except duckdb.ConstraintException as error:
            raise ContractError(f"{contract.name}: {str(error).splitlines()[0]}") from None

    def _check_key(self, contract: Table, release_ids: Sequence[str] | None = None) -> None:
        if not contract.key:
            return
        key = ", ".join(f'"{k}"' for k in contract.key)
        where = "where release_id in (select unnest(?))" if release_ids is not None else ""
        repeated = self.con.execute(
            f"select {key}, count(*) as times from {contract.name} {where} group by {key} having count(*) > 1 limit 1",
            [list(release_ids)] if release_ids is not None else None,
        ).fetchone()
        if repeated:
            shown = ", ".join(f"{k}={v}" for k, v in zip((*contract.key, "rows"), repeated, strict=True))
            raise ContractError(f"{contract.name}: the key repeats: {shown}; the grain is {contract.grain}")

    def _columns_of(self, name: str) -> list[tuple[str, str]]:
        """Columns and types of a table; empty where there is none. (`duckdb_tables()` would count every table.)"""
        try:
            return [(r[0], r[1]) for r in self.con.execute(f"describe {name}").fetchall()]
        except duckdb.CatalogException:
            return []

    def _value(self, sql: str, parameters: list[Any] | None = None) -> Any:
        row = self.con.execute(sql, parameters).fetchone()
        return row[0] if row else None


def undocumented(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Differences between the tables as built and as documented, one line each; empty when they agree."""
    actual: dict[str, list[tuple[str, str]]] = {}
    rows = con.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() "
        "where database_name = current_database() and not internal order by all"
    ).fetchall()
    for schema, table, column, kind in rows:
        if schema in SCHEMAS:
            actual.setdefault(f"{schema}.{table}", []).append((column, kind))
    differences = []
    for name, found in sorted(actual.items()):
        if name not in contracts.tables():
            differences.append(f"{name} is built but not documented")
            continue
        documented = {(c.name, c.type) for c in contracts.table(name).columns}
        differences += [
            f"{name}.{c} {t} is built but not documented" for c, t in found if (c, t) not in documented
        ]
        differences += [
            f"{name}.{c} {t} is documented but not built" for c, t in sorted(documented - set(found))
        ]
    return differences
