"""Figures that pages and articles printed, read from reference/ as typed rows.

Belongs here: reading and checking the three published-figure tables. Does not belong here: figures read from
agency files, or any comparison with the warehouse.
"""

from __future__ import annotations

import csv
import json
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

REFERENCE = Path(__file__).parent.parent / "reference"

Row = dict[str, Any]

_NUMBERS = ("value", "tolerance")
_DATES = ("month_start", "published_on", "as_of")


class PublishedFigureError(Exception):
    """A row of a published-figure table breaks its schema; the message names file, line and value."""


@cache
def _validator(definition: str) -> Draft202012Validator:
    schema = json.loads((REFERENCE / "published_figures.schema.json").read_text("utf-8"))
    return Draft202012Validator(
        {"$ref": f"#/$defs/{definition}", "$defs": schema["$defs"]}, format_checker=FormatChecker()
    )


def figures(path: Path = REFERENCE / "published_figures.csv") -> list[Row]:
    """Published figures of the warehouse's measures and of related series, one row a figure."""
    return _read(path, "figure", "figure_id")


def mpp_figures(path: Path = REFERENCE / "mpp_published_figures.csv") -> list[Row]:
    """Published counts of cases in the Migrant Protection Protocols, one row a count."""
    return _read(path, "mpp_figure", "figure_id")


def excluded(path: Path = REFERENCE / "published_figures_excluded.csv") -> list[Row]:
    """Entries of the source lists that are not rows of their own, each with the reason."""
    return _read(path, "excluded", "entry")


def _read(path: Path, definition: str, key: str) -> list[Row]:
    """Typed rows: an empty cell is None, `value` and `tolerance` are Decimal, dates are date."""
    numeric = definition != "excluded"
    rows: list[Row] = []
    seen: dict[str, int] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines, strict=True)
        for raw in reader:
            where = f"{path.name}:{reader.line_num}"
            if None in raw or None in raw.values():
                raise PublishedFigureError(
                    f"{where}: {len(reader.fieldnames or ())} cells expected; quote commas"
                )
            row: Row = {name: (text or None) for name, text in raw.items()}
            if numeric:
                for name in _NUMBERS:
                    row[name] = _number(row.get(name), where, name)
            error = next(iter(_validator(definition).iter_errors(_plain(row))), None)
            if error is not None:
                column = ".".join(str(part) for part in error.absolute_path) or "row"
                raise PublishedFigureError(
                    f"{where}: {column}: {error.message}; see published_figures.schema.json"
                )
            if (name := str(row[key])) in seen:
                raise PublishedFigureError(
                    f"{where}: {key} {name} is also on line {seen[name]}; give each its own"
                )
            seen[name] = reader.line_num
            rows.append(
                {n: date.fromisoformat(v) if n in _DATES and v is not None else v for n, v in row.items()}
            )
    return rows


def _plain(row: Row) -> Row:
    return {n: float(v) if isinstance(v, Decimal) else v for n, v in row.items()}


def _number(text: str | None, where: str, name: str) -> Decimal | None:
    if text is None:
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        raise PublishedFigureError(f"{where}: {name}: {text!r} is not a number; print it plain") from None
