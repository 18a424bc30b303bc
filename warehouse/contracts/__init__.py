"""Table contracts: one definition per column name, reused by every table that has the column.

A contract renders the table's DDL, its comments, its Dagster schema and its page in the data dictionary, and
checks that a table as built is the table as documented. Definitions are YAML beside this file:
`columns/*.yml` (one entry per column name) and `tables/*.yml` (one entry per table). Does not belong here:
rows, or any rule about whether a value is plausible.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_HERE = Path(__file__).parent
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, where PyYAML has it, is ten times as fast


class ContractError(Exception):
    """A contract is malformed, or a table does not match its contract."""


@dataclass(frozen=True)
class Column:
    """One documented column: `type` is a DuckDB type, `unit` what a number counts, `source` its name in the files."""

    name: str
    type: str
    description: str
    unit: str | None = None
    source: str | None = None
    caveat: str | None = None
    nullable: bool = False

    @property
    def comment(self) -> str:
        """The text stored with COMMENT ON COLUMN."""
        parts = [self.description]
        if self.unit:
            parts.append(f"Unit: {self.unit}.")
        if self.source:
            parts.append(f"In the files: {self.source}.")
        if self.caveat:
            parts.append(f"Caveat: {self.caveat}")
        return " ".join(parts)


@dataclass(frozen=True)
class Table:
    """One documented table; `name` is `schema.table`, `key` the columns that identify a row."""

    name: str
    title: str
    grain: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def schema(self) -> str:
        return self.name.split(".")[0]

    @property
    def comment(self) -> str:
        """The text stored with COMMENT ON TABLE."""
        return f"{self.title}. Grain: {self.grain}. {self.description}"

    def ddl(self, name: str | None = None) -> str:
        """`create table` with types and NOT NULL, for `name` or for the table's own name."""
        lines = [f'  "{c.name}" {c.type}{"" if c.nullable else " not null"}' for c in self.columns]
        return f"create table {name or self.name} (\n" + ",\n".join(lines) + "\n)"

    def comments(self, name: str | None = None) -> list[str]:
        """COMMENT ON statements for the table and each column."""
        target = name or self.name
        return [f"comment on table {target} is {_literal(self.comment)}"] + [
            f'comment on column {target}."{c.name}" is {_literal(c.comment)}' for c in self.columns
        ]


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _read(folder: str) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for path in sorted((_HERE / folder).glob("*.yml")):
        for name, entry in (yaml.load(path.read_text("utf-8"), Loader=_LOADER) or {}).items():
            if name in merged:
                raise ContractError(f"{folder}/{path.name}: {name} is defined twice; keep one definition")
            merged[name] = entry
    return merged


@cache
def columns() -> dict[str, Column]:
    """Every documented column by name."""
    known = {}
    for name, entry in _read("columns").items():
        if missing := {"type", "description"} - set(entry):
            raise ContractError(f"columns: {name} lacks {', '.join(sorted(missing))}")
        known[name] = Column(
            name=name,
            type=entry["type"],
            description=" ".join(entry["description"].split()),
            unit=entry.get("unit"),
            source=entry.get("source"),
            caveat=entry.get("caveat"),
        )
    return known


@cache
def tables() -> dict[str, Table]:
    """Every contracted table by `schema.table`, in file order.

    In a table's column list a trailing `?` marks a column that may be NULL.
    """
    defined = columns()
    result = {}
    for name, entry in _read("tables").items():
        cols = []
        for item in entry["columns"]:
            column_name = item.removesuffix("?")
            if column_name not in defined:
                raise ContractError(f"tables: {name}.{column_name} has no definition in columns/*.yml")
            base = defined[column_name]
            cols.append(
                Column(**{**base.__dict__, "nullable": item.endswith("?")}) if item.endswith("?") else base
            )
        key = tuple(entry.get("key", ()))
        if unknown := set(key) - {c.name for c in cols}:
            raise ContractError(
                f"tables: {name} has key columns it does not list: {', '.join(sorted(unknown))}"
            )
        result[name] = Table(
            name=name,
            title=entry["title"],
            grain=entry["grain"],
            description=" ".join(entry["description"].split()),
            key=key,
            columns=tuple(cols),
        )
    return result


def table(name: str) -> Table:
    """The contract of `schema.table`; ContractError names the table when there is none."""
    try:
        return tables()[name]
    except KeyError:
        raise ContractError(f"{name} has no contract; add it to warehouse/contracts/tables/") from None
