"""Tables of the site: what a reader sees, and the same rows as CSV with definition, release and status.

Belongs here: columns, cells and the CSV beside a table. Does not belong here: which rows a page shows.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from markupsafe import Markup, escape

from warehouse.export_set import neutralise
from warehouse.site import wording
from warehouse.site.provenance import Cards, release_link, status_mark
from warehouse.site.reading import Row

Kind = Literal[
    "text",
    "code",
    "count",
    "plain_count",
    "signed",
    "percent",
    "share",
    "status",
    "release",
    "month",
    "html",
    "figures",
]
Side = Literal["value", "prior", "change", "first", "old", "a", "b", "residual"]
_NUMBERS = ("count", "plain_count", "signed", "percent", "share")


@dataclass(frozen=True)
class Column:
    """One column: `key` of the row, heading, kind, and for a figure which side of the comparison it belongs to."""

    key: str
    heading: str
    kind: Kind = "text"
    side: Side = "value"
    what: str = ""
    link: str | None = None  # key of the row that holds the address
    quiet: bool = False  # may be left out on a phone
    wraps: bool = False  # a sentence rather than a word or a number
    digits: int = 1  # of a percentage
    sort_by: str | None = None  # key of the row to sort by, where the cell is made up

    @property
    def is_number(self) -> bool:
        return self.kind in _NUMBERS or self.kind == "figures"

    @property
    def classes(self) -> str:
        """Classes of its cells."""
        kept = "num" if self.is_number else "wraps" if self.wraps else "keep"
        return f"{kept} quiet".strip() if self.quiet else kept


@dataclass
class DataTable:
    """A table on a page; `csv_name` is its file under `csv/`."""

    id: str
    caption: str
    columns: Sequence[Column]
    rows: list[Row]
    cards: Cards
    root: str
    csv_name: str | None = None
    has_figures: bool = False  # whether its CSV carries definition, release and status
    highlight: Any = None  # value of the first column whose row is the one in question
    sortable: bool = True
    stacks: bool = False  # on a phone each row becomes a block: for tables of sentences
    lines: list[tuple[bool, list[tuple[Markup, str]]]] = field(init=False)

    def __post_init__(self) -> None:
        first = self.columns[0].key if self.columns else ""
        self.lines = [
            (
                self.highlight is not None and row.get(first) == self.highlight,
                [(self._cell(column, row), self._sort_key(column, row)) for column in self.columns],
            )
            for row in self.rows
        ]

    def _cell(self, column: Column, row: Row) -> Markup:
        value = row.get(column.key)
        if column.kind in ("html", "figures"):
            return Markup(value or "")
        if column.kind == "status":
            return status_mark(value)
        if column.kind == "release":
            return release_link(self.root, value)
        if column.kind == "code":
            code = Markup("<code>{}</code>").format(value) if value is not None else Markup("")
            address = row.get(column.link) if column.link else None
            return Markup('<a href="{}">{}</a>').format(address, code) if address else code
        if column.kind == "plain_count":
            return escape(wording.count(value))
        if column.is_number:
            text = {
                "count": wording.count(value),
                "signed": wording.signed(value),
                "percent": wording.percent(value, column.digits),
                "share": wording.share(value, column.digits),
            }[column.kind]
            return self.cards.figure(text, row, column.what or column.heading, side=column.side)
        shown = wording.month(value) if column.kind == "month" else "" if value is None else str(value)
        if column.link and row.get(column.link):
            return Markup('<a href="{}">{}</a>').format(row[column.link], shown)
        return escape(shown)

    @staticmethod
    def _sort_key(column: Column, row: Row) -> str:
        value = row.get(column.sort_by or column.key)
        return (
            "" if value is None or (column.kind in ("html", "figures") and not column.sort_by) else str(value)
        )


#: Columns every CSV of figures ends with, after the columns of its rows.
PROVENANCE = (
    "definition", "unit", "caveats", "release_source", "release_published_on", "release_published_precision",
    "release_trust", "warehouse_version",
)  # fmt: skip


def write_csv(
    path: Path, rows: list[Row], measures: dict[str, Row], releases: dict[str, Row], version: str
) -> None:
    """Rows as CSV, each with the definition of its measure and the release it was read from."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [n for n in (rows[0] if rows else {}) if not n.startswith("_")]
    added = [n for n in PROVENANCE if n not in names]
    if not any("measure_id" in row for row in rows[:1]):
        added = [n for n in added if n not in ("definition", "unit", "caveats")]
    if not any("release_id" in row for row in rows[:1]):
        added = [n for n in added if not n.startswith("release_")]
    with path.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream, lineterminator="\r\n")
        out.writerow([*names, *added])
        for row in rows:
            measure = measures.get(row.get("measure_id") or "", {})
            release = releases.get(row.get("release_id") or "", {})
            known = {
                "definition": measure.get("definition"),
                "unit": measure.get("unit"),
                "caveats": measure.get("caveats"),
                "release_source": release.get("source"),
                "release_published_on": release.get("published_on"),
                "release_published_precision": release.get("published_precision"),
                "release_trust": release.get("trust"),
                "warehouse_version": version,
            }
            out.writerow([_text(row[n]) for n in names] + [_text(known[n]) for n in added])


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return str(neutralise("; ".join(str(v) for v in value)))
    return str(neutralise(value))
