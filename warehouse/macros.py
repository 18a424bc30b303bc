"""Table macros in the build file: created whole, with their descriptions, so that they travel when it is published.

Belongs here: creating and listing macros. Does not belong here: what they select (`transforms/macros/`).
DuckDB binds a macro's body when it is created: the tables it reads must be there first, and so must the macros it calls.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import duckdb


class Macro(Protocol):
    """What is needed to create one table macro; `signature` is `name(argument, other := default)`."""

    @property
    def name(self) -> str: ...
    @property
    def signature(self) -> str: ...
    @property
    def select(self) -> str: ...
    @property
    def comment(self) -> str: ...


def create(con: duckdb.DuckDBPyConnection, macros: Iterable[Macro]) -> list[str]:
    """Create the macros in schema main, in the order given, all or none; returns their names.

    Macros in main that are not among them are dropped, so that a renamed macro does not linger in the file.
    """
    wanted = list(macros)
    con.begin()
    try:
        for stale in set(existing(con)) - {m.name for m in wanted}:
            con.execute(f'drop macro table main."{stale}"')
        for macro in wanted:
            con.execute(f"create or replace macro main.{macro.signature} as table {macro.select}")
            con.execute(
                f"comment on macro table main.{macro.name} is '{macro.comment.replace(chr(39), chr(39) * 2)}'"
            )
    except BaseException:
        con.rollback()
        raise
    con.commit()
    return [m.name for m in wanted]


def existing(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Names of the table macros of the open file, sorted."""
    return [
        str(name)
        for (name,) in con.execute(
            "select distinct function_name from duckdb_functions() where database_name = current_database() "
            "and schema_name = 'main' and function_type = 'table_macro' and not internal order by all"
        ).fetchall()
    ]
