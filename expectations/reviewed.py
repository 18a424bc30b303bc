"""Reviewed data: label crosswalks and corrections, kept as files and read as plain rows.

Belongs here: reading `data/` and its checks. Does not belong here: any rule in code about a single label; a new
label is a new line in `data/code_map/`.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Any

import yaml

DATA = Path(__file__).parent / "data"


class ReviewedDataError(Exception):
    """A reviewed file contradicts itself; the message names file and line."""


@cache
def code_map() -> list[tuple[str, str, str, str | None]]:
    """(domain, label, code, note) of every known label, sorted."""
    rows: dict[tuple[str, str], tuple[str, str, str, str | None]] = {}
    for path in sorted((DATA / "code_map").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as stream:
            for line_no, row in enumerate(csv.DictReader(stream), 2):
                key = (row["domain"], row["label"])
                if key in rows and rows[key][2] != row["code"]:
                    raise ReviewedDataError(
                        f"{path.name}: line {line_no}: {row['label']!r} is already {rows[key][2]!r} in {row['domain']}"
                    )
                rows[key] = (*key, row["code"], row["note"] or None)
    return sorted(rows.values(), key=lambda r: r[:2])


@cache
def vocabulary() -> dict[str, frozenset[str]]:
    """Known labels by domain."""
    labels: dict[str, set[str]] = {}
    for domain, label, _, _ in code_map():
        labels.setdefault(domain, set()).add(label)
    return {domain: frozenset(known) for domain, known in labels.items()}


@cache
def corrections() -> list[dict[str, Any]]:
    """Corrections as rows of meta.corrections."""
    entries = yaml.safe_load((DATA / "corrections.yml").read_text("utf-8"))
    where = ("fiscal_year_label", "component_label", "title_label", "encounter_type_label")
    return [
        {
            "correction_id": entry["id"],
            "family": entry["family"],
            "applies_to_sha256": entry["applies_to"],
            **{column: entry["where"].get(column) for column in where},
            "set_encounter_type_code": entry["set"]["encounter_type_code"],
            "reason": entry["reason"],
            "evidence": entry["evidence"],
            "expected_lines": entry["expect"]["lines"],
            "expected_encounters": entry["expect"]["encounters"],
        }
        for entry in entries
    ]


def tables() -> dict[str, list[dict[str, str | None]]]:
    """Further reviewed tables, `data/<stem>.csv`, as rows of `meta.<stem>`; an empty field is NULL."""
    result = {}
    for path in sorted(DATA.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as stream:
            result[path.stem] = [{k: v or None for k, v in row.items()} for row in csv.DictReader(stream)]
    return result
