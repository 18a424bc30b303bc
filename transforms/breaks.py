"""Breaks in the series: which dated events a comparison of two months crosses, and with what effect.

Belongs here: reading breaks.yml, and deciding which breaks touch a measure and lie between two months.
Does not belong here: the size of a change, or which of two releases answers for a month.
"""

from __future__ import annotations

import calendar
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, FormatChecker

_HERE = Path(__file__).parent


class BreakError(Exception):
    """breaks.yml breaks its schema; the message names the break and the value."""


@dataclass(frozen=True)
class Break:
    """One dated event; `effect` is `break` (the comparison's status) or `note` (a reason beside it)."""

    id: str
    title: str
    kind: str
    axis: str
    break_on: date
    break_on_precision: str
    complete_on: date | None
    effect: str
    added_authority: str | None
    removed_authority: str | None
    measures: tuple[str, ...]
    excepted_measures: tuple[str, ...]
    dimensions: tuple[str, ...]
    families: tuple[str, ...]
    what_changes: str
    sources: tuple[str, ...]

    def touches(self, measure_id: str) -> bool:
        """Whether the break changes what `measure_id` counts."""
        if measure_id in self.excepted_measures:
            return False
        return any(
            measure_id.startswith(name[:-1]) if name.endswith("*") else measure_id == name
            for name in self.measures
        )

    def lies_between(self, one: date, other: date) -> bool:
        """Whether two months, by their first days, are not both wholly before or both wholly on or after it.

        The month a break falls in is on both sides: compared with any other month it crosses, unless the
        break falls on its first day and the other month is later. In SQL, for prior < month:
        `prior.month_start < break_on and last_day(month_start) >= break_on`.
        """
        earlier, later = sorted((one, other))
        return earlier < self.break_on <= _last_day(later)


def load(path: Path = _HERE / "breaks.yml") -> tuple[Break, ...]:
    """Every break in file order; BreakError names the first that breaks breaks.schema.json."""
    entries = _plain(yaml.safe_load(path.read_text("utf-8")))
    schema = json.loads((_HERE / "breaks.schema.json").read_text("utf-8"))
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    for error in validator.iter_errors(entries):
        where = list(error.absolute_path)
        named = str(where[0]) if where else "file"
        if where and isinstance(where[0], int) and isinstance(entries[where[0]], dict):
            named = str(entries[where[0]].get("id", f"entry {where[0] + 1}"))
        field = ".".join(str(part) for part in where[1:]) or "entry"
        raise BreakError(f"{path.name}: {named}: {field}: {error.message}; see breaks.schema.json")
    breaks = tuple(_break(entry) for entry in entries)
    seen: set[str] = set()
    for event in breaks:
        if event.id in seen:
            raise BreakError(f"{path.name}: {event.id}: id is used twice; give each break its own")
        if event.complete_on is not None and event.complete_on < event.break_on:
            raise BreakError(
                f"{path.name}: {event.id}: end {event.complete_on} is before date {event.break_on}; swap them"
            )
        seen.add(event.id)
    return breaks


def crossed(breaks: Iterable[Break], measure_id: str, prior_month: date, month: date) -> list[Break]:
    """The month-axis breaks that touch `measure_id` and lie between the two months, in date order."""
    return sorted(
        (
            b
            for b in breaks
            if b.axis == "month" and b.touches(measure_id) and b.lies_between(prior_month, month)
        ),
        key=lambda b: (b.break_on, b.id),
    )


def event_rows(breaks: Iterable[Break]) -> list[dict[str, Any]]:
    """One row a break, for a table: break_id, title, kind, axis, break_on, …, sources as one text."""
    return [
        {
            "break_id": b.id,
            "title": b.title,
            "kind": b.kind,
            "axis": b.axis,
            "break_on": b.break_on,
            "break_on_precision": b.break_on_precision,
            "complete_on": b.complete_on,
            "effect": b.effect,
            "added_authority": b.added_authority,
            "removed_authority": b.removed_authority,
            "what_changes": b.what_changes,
            "sources": "; ".join(b.sources),
        }
        for b in breaks
    ]


def touch_rows(breaks: Iterable[Break], measure_ids: Sequence[str]) -> list[dict[str, str]]:
    """One row a break × measure, dimension or family: break_id, touches, code; patterns are expanded."""
    rows = []
    for b in breaks:
        touched = {
            "measure": [m for m in measure_ids if b.touches(m)],
            "dimension": b.dimensions,
            "family": b.families,
        }
        rows += [
            {"break_id": b.id, "touches": kind, "code": code}
            for kind, codes in touched.items()
            for code in codes
        ]
    return rows


def _break(entry: dict[str, Any]) -> Break:
    touches = entry["touches"]
    return Break(
        id=entry["id"],
        title=entry["title"],
        kind=entry["kind"],
        axis=entry["axis"],
        break_on=date.fromisoformat(entry["date"]),
        break_on_precision=entry["date_precision"],
        complete_on=date.fromisoformat(entry["end"]) if "end" in entry else None,
        effect=entry["effect"],
        added_authority=entry.get("added_authority"),
        removed_authority=entry.get("removed_authority"),
        measures=tuple(touches["measures"]),
        excepted_measures=tuple(touches.get("except", ())),
        dimensions=tuple(touches["dimensions"]),
        families=tuple(touches["families"]),
        what_changes=entry["what_changes"].strip(),
        sources=tuple(entry["sources"]),
    )


def _plain(value: Any) -> Any:
    """YAML dates as ISO text, so that the schema sees what the file says."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value


def _last_day(month: date) -> date:
    return month.replace(day=calendar.monthrange(month.year, month.month)[1])
