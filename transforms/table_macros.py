"""The table macros that travel with the published file: one select a file in `macros/`, described in its header.

Belongs here: reading the files, and composing a macro that is a model with one CTE exchanged, so that no rule is
written twice. Does not belong here: creating them in a database (`warehouse.macros` does).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import sqlglot
from sqlglot import exp

from transforms.models import model

_FOLDER = Path(__file__).parent / "macros"
_FIELD = re.compile(r"^-- (\w+): (.*(?:\n--   .*)*)", re.MULTILINE)


class MacroError(Exception):
    """A macro file is malformed; the message names file and next step."""


@dataclass(frozen=True)
class TableMacro:
    """One macro: `signature` as in `yoy(measure, month, allow_break := false)`; `select` is its body."""

    name: str
    signature: str
    purpose: str
    arguments: dict[str, str]
    select: str
    reads_macros: tuple[str, ...]

    @property
    def comment(self) -> str:
        described = " ".join(f"{name}: {text}" for name, text in self.arguments.items())
        return f"{self.signature}. {self.purpose[0].upper()}{self.purpose[1:]} {described}".strip()


@cache
def table_macros() -> tuple[TableMacro, ...]:
    """Every macro, each after the macros it reads. Raises MacroError."""
    names = {path.stem for path in _FOLDER.glob("*.sql")}
    pending = {path.stem: _read(path, names) for path in sorted(_FOLDER.glob("*.sql"))}
    ordered: list[TableMacro] = []
    while pending:
        ready = [m for m in pending.values() if not set(m.reads_macros) & set(pending)]
        if not ready:
            raise MacroError(f"macros/: {', '.join(sorted(pending))} read each other in a circle; break it")
        for macro in ready:
            ordered.append(pending.pop(macro.name))
    return tuple(ordered)


def _read(path: Path, names: set[str]) -> TableMacro:
    text = path.read_text("utf-8")
    fields = {name: " ".join(value.replace("\n--", " ").split()) for name, value in _FIELD.findall(text)}
    signature = fields.pop("macro", "")
    if not re.fullmatch(rf"{path.stem}\([^()]*\)", signature) or "purpose" not in fields:
        raise MacroError(
            f"{path.name}: the header must have `-- macro: {path.stem}(…)` and `-- purpose: …`; found {signature or 'none'}"
        )
    purpose, base = fields.pop("purpose"), fields.pop("model", None)
    parameters = [
        p.split(":=")[0].strip() for p in signature[len(path.stem) + 1 : -1].split(",") if p.strip()
    ]
    if sorted(parameters) != sorted(fields):
        raise MacroError(
            f"{path.name}: the header describes {sorted(fields)}, the macro takes {parameters}; give each a line"
        )
    tree = sqlglot.parse_one(text, read="duckdb")
    if not isinstance(tree, exp.Query):
        raise MacroError(f"{path.name}: expected one select after the header")
    called = {
        table.this.name
        for table in tree.find_all(exp.Table)
        if isinstance(table.this, exp.Anonymous) and table.this.name in names
    }
    select = _in_place_of_ctes(base.split(",")[0], tree) if base else _without_header(text)
    return TableMacro(
        path.stem, signature, purpose, {p: fields[p] for p in parameters}, select, tuple(sorted(called))
    )


def _in_place_of_ctes(name: str, macro: exp.Query) -> str:
    """The model's select with its CTEs exchanged for those of the same name in the macro's file."""
    tree = model(name).tree.copy()
    own = {cte.alias: cte for cte in tree.ctes}
    given = {cte.alias: cte for cte in macro.ctes}
    if not given or (unknown := set(given) - set(own)):
        raise MacroError(
            f"macros/: {name} has no CTE {', '.join(sorted(unknown)) if given else 'to exchange'}"
        )
    for alias, cte in given.items():
        own[alias].set("this", cte.this.copy())
    return tree.sql("duckdb", pretty=True, comments=False)


def _without_header(text: str) -> str:
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if not line.startswith("--"))
    return "\n".join(lines[first:]).strip()
