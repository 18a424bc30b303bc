"""Who and where: a measure's Januaries by sector, nationality, demographic group and state, as small multiples.

Belongs here: which breakdowns get a page. Does not belong here: the measure as a whole (`january`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from warehouse.site import charts, wording
from warehouse.site.reading import Row
from warehouse.site.site import Page, Site
from warehouse.site.tables import Column


@dataclass(frozen=True)
class Breakdown:
    """One page: a dimension, its title and the measures shown by it, where the warehouse holds them."""

    dimension: str
    title: str
    lead: str
    measures: tuple[str, ...]


BREAKDOWNS = (
    Breakdown(
        "sector",
        "Border Patrol sectors",
        "Nine sectors make up the southwest border. Each chart has a scale of its own: compare shapes, not heights.",
        ("usbp_southwest", "usbp_nationwide"),
    ),
    Breakdown(
        "citizenship",
        "Nationalities",
        "Citizenship as the publisher groups it. The remainder, other, changes its members between releases, so it has "
        "no percentage. Each chart has a scale of its own.",
        ("cbp_southwest", "usbp_southwest", "cbp_nationwide"),
    ),
    Breakdown(
        "demographic",
        "Demographic groups",
        "Family units are counted as individuals in families. Each chart has a scale of its own.",
        ("cbp_southwest", "usbp_southwest", "cbp_nationwide"),
    ),
    Breakdown(
        "state",
        "States",
        "The state of the port or station that recorded the encounter. Each chart has a scale of its own.",
        ("cbp_southwest", "cbp_nationwide"),
    ),
)
_SHOWN_JANUARIES = 6


def write_groups(site: Site) -> None:
    """A page per breakdown, and the page that lists them."""
    listed = []
    for breakdown in BREAKDOWNS:
        sections: list[dict[str, Any]] = []
        page = site.page(
            f"groups/{breakdown.dimension}.html",
            "group.html",
            f"{breakdown.title}, Border Ledger",
            f"January against the January before by {breakdown.dimension}.",
        )
        for measure_id in breakdown.measures:
            rows = site.published.rows("groups", measure=measure_id, dimension=breakdown.dimension)
            if rows:
                sections.append(_section(page, site.measures[measure_id], breakdown, rows))
        if sections:
            page.write(breakdown=breakdown, sections=sections)
            listed.append({"path": page.path, "title": breakdown.title, "sections": sections})
    page = site.page(
        "groups.html",
        "groups.html",
        "Who and where, Border Ledger",
        "Encounters by sector, nationality and group.",
    )
    page.write(listed=listed)


def _section(page: Page, measure: Row, breakdown: Breakdown, rows: list[Row]) -> dict[str, Any]:
    site, dimension = page.site, breakdown.dimension
    years = sorted({row["january"] for row in rows if row["value"] is not None})
    newest = years[-1]
    bands = [
        {**b, "label": f"{wording.name_of(b['authority'], 'title')} in force"}
        for b in site.published.rows("bands")
    ]
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["dimension_code"], []).append(row)
    ordered = sorted(groups.items(), key=lambda item: (item[0] == "other", -_value(item[1], newest), item[0]))
    multiples, lines = [], []
    shown = years[-_SHOWN_JANUARIES:]
    for code, series in ordered:
        name = wording.name_of(code, dimension)
        own = f"{measure['measure_id']}_{code}"
        href = f"{page.root}measures/{own}.html" if site.measures.get(own, {}).get("months") else None
        known = [row for row in series if row["value"] is not None]
        for row in series:
            row["label"] = f"{name}, January {row['january']}"
        if not known:
            continue
        last = next((row for row in series if row["january"] == newest), known[-1])
        spec = charts.small_bars(series, f"{measure['definition']} {name}.", bands, years)
        multiples.append(
            {
                "name": name,
                "href": href,
                "row": last,
                "chart": page.chart(f"{measure['measure_id']}-{code}", spec),
            }
        )
        by_year = {row["january"]: row for row in series}
        compared = by_year.get(newest, {**dict.fromkeys(_CARRIED), "status": "missing"})
        line: Row = {"group": name, "_href": href, **{k: compared[k] for k in _CARRIED}}
        for year in shown:
            line[f"_{year}"] = _cell(page, by_year.get(year))
            line[f"_{year}_value"] = by_year.get(year, {}).get("value")
        line["label"] = f"{name}, January {newest}"
        lines.append(line)
    columns = [
        Column("group", dimension.capitalize(), link="_href"),
        *(Column(f"_{year}", str(year), "figures", sort_by=f"_{year}_value") for year in shown),
        Column(
            "pct_change",
            f"{newest}, change %",
            "percent",
            "change",
            what="change from the January before, percent",
        ),
        Column("status", "Comparison", "status"),
        Column("release_id", "Release", "release", quiet=True),
    ]
    table = page.table(
        measure["measure_id"],
        f"{measure['title']} by {dimension}: Januaries, events",
        columns,
        lines,
        csv_rows=rows,
    )
    return {
        "measure": measure,
        "multiples": multiples,
        "table": table,
        "first": years[0],
        "newest": newest,
        "has_provisional": any(row["finality"] == "provisional" for row in rows if row["value"] is not None),
        "has_gaps": any(
            row is None or row["value"] is None
            for series in groups.values()
            for row in ({r["january"]: r for r in series}.get(year) for year in years)
        ),
    }


_CARRIED = (
    "measure_id",
    "month_start",
    "value",
    "pct_change",
    "status",
    "reasons",
    "release_id",
    "prior_release_id",
    "finality",
)


def _cell(page: Page, row: Row | None) -> str:
    if row is None or row["value"] is None:
        return '<span class="none">–</span>'
    return str(page.cards.figure(wording.count(row["value"]), row, "value"))


def _value(series: list[Row], year: int) -> int:
    return next((row["value"] for row in series if row["january"] == year and row["value"] is not None), 0)
