"""Courts: outcomes in the Migrant Protection Protocols over every denominator, and the published counts behind them.

Belongs here: court figures, each marked where it is made up. Does not belong here: which sentence they bear on (`claims`).
"""

from __future__ import annotations

from typing import Any

from warehouse.site import charts, wording
from warehouse.site.pages.claims import source_line
from warehouse.site.reading import Row
from warehouse.site.site import Page, Site
from warehouse.site.tables import Column

_FAN = (
    Column("definition_label", "Share", wraps=True),
    Column("reading", "Percent", "share", "change", what="share, percent", digits=2),
    Column("numerator", "Numerator", "count", what="numerator"),
    Column("denominator", "Denominator", "count", what="denominator"),
    Column("as_of", "As of"),
    Column("definition_note", "What it is a share of", wraps=True),
)
_COUNTS = (
    Column("as_of", "As of"),
    Column("figure_label", "Count", wraps=True),
    Column("value", "Cases", "count", what="published count"),
    Column("precision", "Precision"),
    Column("programme", "Programme"),
    Column("_source", "Source", wraps=True),
)


def write_courts(site: Site) -> None:
    """One page."""
    page = site.page(
        "courts.html",
        "courts.html",
        "Courts, Border Ledger",
        "Immigration-court outcomes, each share with its denominator.",
    )
    figures = {row["figure_id"]: row for row in site.published.rows("published_figures")}
    rows = site.published.rows("mpp_fan") if site.published.has("marts.claim_readings") else []
    for row in rows:
        row["definition"] = f"{row['definition_label']}. {row['definition_note'] or ''}".strip()
        row["unit"] = row["reading_unit"]
        row["label"] = f"As of {row['as_of']}"
        row["sources"] = [source_line(figures[f]) for f in row["figure_ids"] or [] if f in figures]
    counts = site.published.rows("mpp_counts")
    for row in counts:
        row["value"] = row["printed_value"]
        row["definition"] = row["figure_label"]
        row["status"] = "as published"
        row["label"] = f"As of {row['as_of']}, {row['precision'].replace('_', ' ')}"
        row["sources"] = [source_line(row)]
        row["_source"] = source_line(row)
        row["precision"] = row["precision"].replace("_", " ")
    synthetic = [r for r in site.releases.values() if r["trust"] == "synthetic"]
    page.write(
        fans=[
            _fan(page, [r for r in rows if r["is_synthetic"] == made_up], made_up)
            for made_up in (False, True)
        ],
        counts=page.table("counts", "Published counts, newest first", _COUNTS, counts, stacks=True),
        new_cases=_new_cases(page),
        synthetic=synthetic,
    )


def _fan(page: Page, rows: list[Row], is_synthetic: bool) -> dict[str, Any] | None:
    if not rows:
        return None
    id = "fan-synthetic" if is_synthetic else "fan"
    return {
        "is_synthetic": is_synthetic,
        "rows": rows,
        "chart": page.chart(id, charts.shares(rows, is_synthetic)),
        "table": page.table(id + "-table", "Each share with its counts", _FAN, rows, stacks=True),
    }


def _new_cases(page: Page) -> Any:
    rows = page.site.published.rows("mpp_new_cases")
    if len(rows) < 2:
        return None
    for row in rows:
        row["label"] = wording.month(row["month_start"])
    return page.chart(
        "new-cases", charts.month_bars(rows, "New cases in the Migrant Protection Protocols, all locations.")
    )
