"""Where a model's select is evaluated: in DuckDB, in place, or by another engine that hands its rows back.

Belongs here: what the steps of a build may ask of any engine, and DuckDB as one. Does not belong here: another engine
(`warehouse.spark`), or what a model says (`transforms`). Whatever evaluates a select, the writer puts its rows into the
table under the same contract.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from duckdb import DuckDBPyConnection

ReadAs = Callable[[str], str]
"""How a select is written for the connection at hand, where a table it names lies in another file."""


class EngineError(Exception):
    """An engine cannot run here, or a model failed on it; one line that says what to do."""


def as_is(sql: str) -> str:
    return sql


class Engine(Protocol):
    """What evaluates models and holds tables for their audit."""

    name: str

    def select(
        self,
        con: DuckDBPyConnection,
        table: str,
        sql: str,
        *,
        release_ids: Sequence[str] | None = None,
        read_as: ReadAs = as_is,
    ) -> str:
        """A select for `con` whose rows are those of `sql`, the model of `table`; with `release_ids`, of these alone."""
        ...

    def validated(self, con: DuckDBPyConnection, tables: Iterable[str]) -> Any:
        """Context manager: what an audit runs on, with these tables of `con` in it as they are now."""
        ...

    def forget(self, table: str) -> None:
        """Remove what the engine keeps of a working table."""
        ...


class InPlace:
    """DuckDB itself."""

    name = "duckdb"

    def select(
        self,
        con: DuckDBPyConnection,
        table: str,
        sql: str,
        *,
        release_ids: Sequence[str] | None = None,
        read_as: ReadAs = as_is,
    ) -> str:
        return of_releases(read_as(sql), release_ids)

    @contextmanager
    def validated(self, con: DuckDBPyConnection, tables: Iterable[str]) -> Iterator[DuckDBPyConnection]:
        yield con

    def forget(self, table: str) -> None:
        pass


IN_PLACE = InPlace()


def of_releases(sql: str, release_ids: Sequence[str] | None) -> str:
    """The rows of a select that are of these releases; all of them for None."""
    if release_ids is None:
        return sql
    listed = ", ".join("'" + r.replace("'", "''") + "'" for r in release_ids)
    return f"select * from ({sql}) as every_release where release_id in ({listed})"
