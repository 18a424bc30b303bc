"""The published warehouse as the pages read it: one read-only connection and the queries beside this file.

Belongs here: opening, running a query of `queries/`, asking what the file holds. Does not belong here: layout.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb

_QUERIES = Path(__file__).parent / "queries"

Row = dict[str, Any]


@cache
def sql(name: str) -> str:
    """Text of `queries/<name>.sql`."""
    return (_QUERIES / f"{name}.sql").read_text("utf-8").strip()


class Published:
    """A published warehouse, open read-only and with no way out to files or the network."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.con = duckdb.connect(str(file), read_only=True, config={"enable_external_access": "false"})
        self._tables = {
            f"{schema}.{table}"
            for schema, table in self.con.execute(
                "select schema_name, table_name from duckdb_tables() where database_name = current_database()"
            ).fetchall()
        }

    def __enter__(self) -> Published:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.con.close()

    def has(self, table: str) -> bool:
        """Whether the file holds `schema.table` with at least one row."""
        return table in self._tables and bool(self.con.execute(f"select 1 from {table} limit 1").fetchone())

    def tables(self, *schemas: str) -> list[str]:
        """Tables of the schemas, in order."""
        return sorted(t for t in self._tables if t.split(".")[0] in schemas)

    def rows(self, name: str, **parameters: Any) -> list[Row]:
        """Rows of `queries/<name>.sql`."""
        return self.select(sql(name), **parameters)

    def select(self, query: str, **parameters: Any) -> list[Row]:
        """Rows of a query, as dictionaries in the order of its columns."""
        cursor = self.con.execute(query, parameters or None)
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
