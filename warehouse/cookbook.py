"""The cookbook, `docs/cookbook.md`: questions with their SQL, and the answers the published warehouse gives.

A recipe is a heading of level three, a sentence, one block of SQL and the answer as a table. The question and the SQL
are written by hand; the answer never is. A part (a heading of level two) that says SYNTHETIC is answered by a warehouse
of made-up court releases. Belongs here: taking the Markdown apart, answering, and putting it together again. Does not
belong here: any question or figure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb

_RECIPE = re.compile(
    r"^### (?P<question>[^\n]+)\n\n(?P<words>.+?)\n\n```sql\n(?P<sql>.+?)\n```\n(?P<answer>(?:\n(?:\|[^\n]*\n)+)?)",
    re.MULTILINE | re.DOTALL,
)
_PART = re.compile(r"^## (.+)$", re.MULTILINE)
#: In the heading of a part whose answers come from made-up releases.
MADE_UP = "SYNTHETIC"


class CookbookError(Exception):
    """A recipe is malformed or cannot be answered; the message names its question and the next step."""


@dataclass(frozen=True)
class Recipe:
    """One question: `answer` is the table that stands in the cookbook, empty where none does yet."""

    question: str
    words: str
    sql: str
    answer: str
    part: str = ""

    @property
    def is_made_up(self) -> bool:
        """Whether the answer comes from made-up releases."""
        return MADE_UP in self.part


def recipes(text: str) -> list[Recipe]:
    """Every recipe of the cookbook in order. Raises CookbookError at a question without SQL or asked twice."""
    parts = [(m.start(), m[1].strip()) for m in _PART.finditer(text)]
    found = [
        Recipe(
            m["question"].strip(),
            " ".join(m["words"].split()),
            m["sql"],
            m["answer"].strip(),
            next((part for start, part in reversed(parts) if start < m.start()), ""),
        )
        for m in _RECIPE.finditer(text)
        if "\n### " not in m["words"] and "\n## " not in m["words"]
    ]
    headings = re.findall(r"^### (.+)$", text, re.MULTILINE)
    if odd := [h for h in headings if h.strip() not in {r.question for r in found}]:
        raise CookbookError(f"{odd[0]!r}: expected a sentence, one block of ```sql, then the answer")
    if twice := [h for h in headings if headings.count(h) > 1]:
        raise CookbookError(f"{twice[0]!r} is asked twice; word one of them otherwise")
    return found


def answer(con: duckdb.DuckDBPyConnection, recipe: Recipe) -> str:
    """The answer to a recipe as a Markdown table, numbers to the right, NULL written as NULL.

    Raises CookbookError where DuckDB refuses the query, or where several rows come in no stated order.
    """
    try:
        cursor = con.execute(recipe.sql)
        names = [str(d[0]) for d in cursor.description or []]
        rows = cursor.fetchall()
    except duckdb.Error as error:
        raise CookbookError(f"{recipe.question!r}: {str(error).splitlines()[0]}") from None
    if not rows:
        raise CookbookError(f"{recipe.question!r}: no rows; ask so that the answer says something")
    if len(rows) > 1 and "order by" not in recipe.sql:
        raise CookbookError(f"{recipe.question!r}: {len(rows)} rows in no stated order; add `order by`")
    return table(names, rows)


def rewritten(
    text: str, con: duckdb.DuckDBPyConnection, made_up: duckdb.DuckDBPyConnection | None = None
) -> str:
    """The cookbook with every answer as the warehouse gives it today, `made_up` in its parts; nothing else is touched."""
    known = {r.question: r for r in recipes(text)}

    def replace(match: re.Match[str]) -> str:
        recipe = known[match["question"].strip()]
        start = match.start("answer") - match.start()
        asked = made_up if recipe.is_made_up else con
        if asked is None:
            raise CookbookError(
                f"{recipe.question!r}: stands in a part for made-up releases, and there are none"
            )
        return f"{match.group()[:start]}\n{answer(asked, recipe)}\n"

    return _RECIPE.sub(replace, text)


def table(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
    """Rows as a Markdown table: numbers to the right, NULL written as NULL, lists joined by `; `."""
    numeric = [
        any(_is_number(row[i]) for row in rows) and all(row[i] is None or _is_number(row[i]) for row in rows)
        for i in range(len(names))
    ]
    lines = [names, ["---:" if right else "---" for right in numeric], *([_cell(v) for v in r] for r in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "; ".join(_cell(v) for v in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_cell(v)}" for name, v in value.items())
    return str(value).replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
