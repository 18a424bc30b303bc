"""Measures as data: what can be asked, of which cells, and who may answer.

Belongs here: reading measures.yml as rows. Does not belong here: computing a value (marts/measure_vintages.sql).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

DIMENSIONS = (
    "component",
    "region",
    "sector",
    "state",
    "demographic",
    "citizenship",
    "title",
    "encounter_type",
)


@dataclass(frozen=True)
class Measure:
    """One measure; `where` maps code columns to the code a cell must have."""

    measure_id: str
    title: str
    definition: str
    unit: str
    where: dict[str, str]
    families: tuple[str, ...]
    caveats: tuple[str, ...]
    readings: tuple[str, ...] = ()
    title_42_measure: str | None = None
    applicable: tuple[dt.date, dt.date] | None = field(default=None)

    @property
    def filter_sql(self) -> str:
        """The measure as a predicate over core, for people to read."""
        return " and ".join(f"{column} = '{code}'" for column, code in self.where.items()) or "true"


@cache
def measures() -> dict[str, Measure]:
    """Every measure by id, in the order of the file."""
    document: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "measures.yml").read_text("utf-8"))
    defaults, sectors = document["defaults"], document["sectors"]
    entries: dict[str, dict[str, Any]] = dict(document["measures"])
    for code in sectors["codes"]:
        name = code.replace("_", " ").title()
        entries[f"usbp_southwest_{code}"] = {
            "title": sectors["title"].format(sector=name),
            "definition": sectors["definition"].format(sector=name),
            "where": {"component_code": "usbp", "sector_code": code},
            "families": sectors["families"],
            "readings": sectors["readings"],
        }
    return {
        measure_id: Measure(
            measure_id=measure_id,
            title=entry["title"],
            definition=entry["definition"],
            unit=entry.get("unit", defaults["unit"]),
            where=entry["where"],
            families=tuple(entry["families"]),
            caveats=tuple(entry.get("caveats", defaults["caveats"])),
            readings=tuple(entry.get("readings", ())),
            title_42_measure=entry.get("title_42_measure"),
            applicable=tuple(entry["applicable"]) if "applicable" in entry else None,
        )
        for measure_id, entry in entries.items()
    }
