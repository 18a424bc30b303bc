"""Revisions: what a month's figure was, release by release.

Belongs here: the months of which a measure had more than one value. Does not belong here: year-over-year comparison.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from warehouse.site import charts, wording
from warehouse.site.reading import Row
from warehouse.site.site import Page, Site
from warehouse.site.tables import Column

#: The month shown first, where the warehouse has more than one value of it.
FIRST = ("usbp_southwest", dt.date(2021, 1, 1))
_CHARTS_A_MEASURE = 12

_REVISED = (
    Column("month_start", "Month", "month"),
    Column("first_value", "First published", "count", "first", what="value as first published"),
    Column("value", "Answer today", "count", what="value in the release that answers today"),
    Column("drift", "Difference", "signed", what="difference from the first value published"),
    Column(
        "drift_pct",
        "Difference,\N{NO-BREAK SPACE}%",
        "percent",
        digits=2,
        what="difference from the first value published, percent",
    ),
    Column("vintages", "Releases", "plain_count"),
    Column("distinct_values", "Values", "plain_count"),
    Column("finality", "Figure"),
    Column("release_id", "Release today", "release"),
)
_VINTAGES = (
    Column("vintage_no", "No."),
    Column("_published", "Published"),
    Column("value", "Value", "count", what="value in this release"),
    Column("_since", "Since the first", "signed", what="difference from the first value published"),
    Column("finality", "Fiscal year"),
    Column("trust", "Trust"),
    Column("release_id", "Release", "release"),
)


def write_revisions(site: Site) -> None:
    """One page: a month in full, then every measure whose months moved."""
    revised = site.published.rows("revised")
    page = site.page(
        "revisions.html",
        "revisions.html",
        "Revisions, Border Ledger",
        "What each month's figure was, release by release.",
    )
    by_measure: dict[str, list[Row]] = {}
    for row in revised:
        by_measure.setdefault(row["measure_id"], []).append(row)
    featured = None
    if any((row["measure_id"], row["month_start"]) == FIRST for row in revised):
        featured = _month(page, *FIRST)
    front = list(by_measure)
    front.sort(key=lambda m: (m != FIRST[0], -len(by_measure[m]), m))
    page.write(
        featured=featured,
        sections=[_measure(page, site.measures[m], by_measure[m]) for m in front],
    )


def _month(page: Page, measure_id: str, month: dt.date) -> dict[str, Any]:
    rows = page.site.published.rows("vintages", measure=measure_id, month=month)
    for row in rows:
        row["_published"] = wording.date(row["published_on"], row["published_precision"])
        row["_since"] = row["value"] - rows[0]["value"]
    measure = page.site.measures[measure_id]
    title = f"{measure['title']}, {wording.month(month)}, as published"
    return {
        "measure": measure,
        "month": month,
        "rows": rows,
        "chart": page.chart("featured", charts.fan(rows, measure["definition"], 180, labelled=True)),
        "table": page.table("featured", title, _VINTAGES, rows),
    }


def _measure(page: Page, measure: Row, months: list[Row]) -> dict[str, Any]:
    largest = sorted(months, key=lambda row: -(row["highest"] - row["lowest"]))[:_CHARTS_A_MEASURE]
    multiples = []
    for row in sorted(largest, key=lambda row: row["month_start"]):
        vintages = page.site.published.rows(
            "vintages", measure=measure["measure_id"], month=row["month_start"]
        )
        spec = charts.fan(vintages, measure["definition"])
        multiples.append(
            {"row": row, "chart": page.chart(f"{measure['measure_id']}-{row['month_start']:%Y-%m}", spec)}
        )
    return {
        "measure": measure,
        "multiples": multiples,
        "months": len(months),
        "table": page.table(
            measure["measure_id"], f"{measure['title']}: months with more than one value", _REVISED, months
        ),
    }
