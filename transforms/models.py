"""The SQL models: one SELECT a file, its header, and what it reads.

Belongs here: finding a model's file, its dependencies and column lineage. Does not belong here: running it
(`warehouse.writer` does).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.lineage import lineage

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Model:
    """One SQL model; `name` is the table it makes, `schema.table`."""

    name: str
    path: Path
    sql: str

    @property
    def grain(self) -> str:
        return self._header("grain")

    @property
    def purpose(self) -> str:
        return self._header("purpose")

    def _header(self, field: str) -> str:
        found = re.search(rf"^-- {field}:(.*(?:\n--   .*)*)", self.sql, re.MULTILINE)
        return " ".join(found[1].replace("\n--", " ").split()) if found else ""

    @cached_property
    def tree(self) -> exp.Query:
        parsed = sqlglot.parse_one(self.sql, read="duckdb")
        if not isinstance(parsed, exp.Query):
            raise ValueError(f"{self.path}: expected one select")
        return parsed

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """Tables the model selects from, as `schema.table`, sorted."""
        return tuple(sorted({f"{t.db}.{t.name}" for t in self.tree.find_all(exp.Table) if t.db}))

    def column_lineage(self, schemas: dict[str, dict[str, str]]) -> dict[str, list[tuple[str, str]]]:
        """For each output column the `(table, column)` pairs it is made from.

        `schemas` maps `schema.table` to its columns and types.
        """
        nested: dict[str, dict[str, dict[str, str]]] = {}
        for table in self.reads:
            if table in schemas:
                schema, name = table.split(".")
                nested.setdefault(schema, {})[name] = schemas[table]
        result = {}
        for column, root in lineage(
            None, self.tree, schema=nested, dialect="duckdb", trim_selects=False
        ).items():
            sources = set()
            for node in root.walk():
                if isinstance(node.expression, exp.Table) and node.expression.db:
                    sources.add(
                        (f"{node.expression.db}.{node.expression.name}", node.name.split(".")[-1].strip('"'))
                    )
            result[column] = sorted(sources)
        return result


@cache
def models() -> dict[str, Model]:
    """Every model by table name."""
    found = {}
    for path in sorted(p for p in _HERE.glob("*/*.sql") if p.parent.name != "macros"):
        name = f"{path.parent.name}.{path.stem}"
        found[name] = Model(name, path, path.read_text("utf-8"))
    return found


def model(name: str) -> Model:
    """The model that makes `schema.table`; KeyError names it when there is none."""
    return models()[name]
