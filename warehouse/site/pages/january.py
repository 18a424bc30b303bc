"""January against the January before: the front page and a page per measure.

Belongs here: one measure with its other definitions, base card, breaks and releases. Does not belong here: groups
within a measure (`groups`).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from markupsafe import Markup, escape

from warehouse.paths import PROJECT
from warehouse.site import charts, wording
from warehouse.site.provenance import release_line
from warehouse.site.reading import Row
from warehouse.site.site import Page, Site
from warehouse.site.tables import Column

#: The measure of the front page.
FRONT = "usbp_southwest"
DEFINITIONS = PROJECT / "docs" / "definitions.md"

#: Columns of every comparison, here and of the courts.
VALUE = Column("value", "Value", "count", what="value")
_PRIOR = Column("prior", "Year before", "count", "prior", what="value a year before")
QUIET_PRIOR = replace(_PRIOR, quiet=True)
CHANGE = Column("change", "Change", "signed", "change", what="change from the January before", quiet=True)
PCT_CHANGE = Column(
    "pct_change",
    "Change,\N{NO-BREAK SPACE}%",
    "percent",
    "change",
    what="change from the January before, percent",
)

_JANUARIES = (
    Column("january", "January", link="_href"),
    VALUE,
    _PRIOR,
    CHANGE,
    PCT_CHANGE,
    Column("status", "Comparison", "status"),
    Column("finality", "Figure"),
    Column("_rank", "Rank since 2000", quiet=True),
    Column("_highest", "Highest since", quiet=True),
    Column("release_id", "Release", "release"),
)
_READINGS = (
    Column("measure_title", "Definition", link="_href", wraps=True),
    VALUE,
    QUIET_PRIOR,
    PCT_CHANGE,
    Column("status", "Comparison", "status"),
    Column("release_id", "Release", "release"),
)
_MONTHS = (
    Column("month_start", "Month", "month"),
    VALUE,
    _PRIOR,
    replace(PCT_CHANGE, what="change from the same month a year before, percent"),
    Column("status", "Comparison", "status"),
    Column("finality", "Figure"),
    Column("release_id", "Release", "release"),
)


def write_front(site: Site) -> None:
    """The front page."""
    if not site.measures.get(FRONT, {}).get("newest_january"):
        page = site.page(
            "index.html", "empty.html", "Border Ledger", "No release answers the front measure yet."
        )
        page.write()
        return
    page = site.page(
        "index.html",
        "front.html",
        "January against the January before, Border Ledger",
        "Monthly border encounters with definition, release and status of every figure.",
    )
    page.write(has_words=DEFINITIONS.exists(), **_content(page, site.measures[FRONT]))


def write_measures(site: Site) -> None:
    """A list of the measures, and a page per measure with a value."""
    page = site.page(
        "measures.html",
        "measures.html",
        "Measures, Border Ledger",
        "What can be asked, with each definition.",
    )
    rows = [
        {
            **m,
            "_href": f"measures/{m['measure_id']}.html",
            "span": f"{m['first_month']:%Y-%m} to {m['last_month']:%Y-%m}",
            "month_start": m["newest_january"],
            "release_id": m["january_release_id"],
            "finality": m["january_finality"],
            "_january": f"{m['newest_january']:%Y}" if m["newest_january"] else "",
        }
        for m in sorted(site.answered, key=_by_extent)
    ]
    columns = (
        Column("title", "Measure", link="_href", wraps=True),
        Column("definition", "Definition", wraps=True),
        Column("_january", "Newest January"),
        Column("january_value", "Its value", "count", what="value"),
        Column("span", "Months"),
        Column("measure_id", "In SQL", "code"),
    )
    absent = [m for m in site.measures.values() if not m["months"]]
    page.write(
        table=page.table("measures", "Measures some release answers", columns, rows, stacks=True),
        absent=absent,
        words=words(DEFINITIONS.read_text("utf-8")) if DEFINITIONS.exists() else [],
    )
    for measure in site.answered:
        page = site.page(
            f"measures/{measure['measure_id']}.html",
            "measure.html",
            f"{measure['title']}, Border Ledger",
            measure["definition"],
        )
        page.write(**_content(page, measure))


def _by_extent(measure: Row) -> tuple[bool, bool, str]:
    """The southwest border first, then the whole country, then single sectors."""
    title = measure["title"]
    return " sector" in title, "nationwide" in title, measure["measure_id"]


def words(definitions: str) -> list[tuple[str, Markup]]:
    """Terms and their meaning, from the paragraphs of the definitions that begin with a term in bold."""
    found = re.findall(r"^\*\*([^*]+)\.\*\* (.+?)(?=\n\n|\Z)", definitions, re.MULTILINE | re.DOTALL)
    return [
        (term, Markup("").join(_inline(" ".join(text.split()))))
        for term, text in found
        if not text.startswith("\n")
    ]


def _inline(text: str) -> list[Markup]:
    """Text with what stands between backquotes as code."""
    parts = enumerate(text.split("`"))
    return [Markup("<code>{}</code>").format(p) if i % 2 else escape(p) for i, p in parts]


def _content(page: Page, measure: Row) -> dict[str, Any]:
    site = page.site
    published, measure_id = site.published, measure["measure_id"]
    januaries = published.rows("january", measure=measure_id)
    known = [row for row in januaries if row["value"] is not None]
    months = published.rows("monthly", measure=measure_id)
    breaks = published.rows("breaks", measure=measure_id)
    bands = _bands(site, breaks)
    by_year: dict[int, list[Row]] = {}
    for row in published.rows("readings", measure=measure_id):
        by_year.setdefault(row["january"], []).append(row)
    for row in januaries:
        row["_href"] = f"#january-{row['january']}" if row["value"] is not None else None
        row["_rank"] = f"{row['rank_since_2000']} of {row['ranked_years']}" if row["rank_since_2000"] else ""
        row["_highest"] = highest(row)
        row["definition"] = measure["definition"]
    content: dict[str, Any] = {
        "measure": measure,
        "breaks": breaks,
        "families": published.rows("families", measure=measure_id),
        "sections": [
            _section(page, measure, row, by_year.get(row["january"], [])) for row in reversed(known)
        ],
        "opening": opening(known, by_year),
        "used": _used(site, months),
        "january_table": page.table(
            "januaries", f"{measure['title']}: every January", _JANUARIES, list(reversed(januaries))
        ),
        "month_table": page.table(
            "months",
            f"{measure['title']}: every month",
            _MONTHS,
            [r for r in reversed(months) if r["value"] is not None],
        ),
        "january_chart": None,
        "month_chart": None,
        "bands": bands,
    }
    if known:
        content["january_chart"] = page.chart(
            "januaries", charts.january_bars(januaries, measure["definition"], bands)
        )
    if any(row["value"] is not None for row in months):
        rules = [
            {"break_on": b["break_on"], "title": b["title"]}
            for b in breaks
            if b["axis"] == "month" and b["effect"] == "break" and not any(_near(b, band) for band in bands)
        ]
        content["month_chart"] = page.chart(
            "months", charts.monthly_line(months, measure["definition"], bands, rules)
        )
    return content


def opening(known: list[Row], others: dict[int, list[Row]]) -> int | None:
    """The January a page opens with.

    The newest that publishers' files compare under this definition and at least one other: a reader then sees at once
    how far the answer depends on the definition. A newer January known from a printed figure alone is named above it
    and one click away. Where no January is so well known, the newest.
    """

    def is_compared(row: Row) -> bool:
        return row["pct_change"] is not None and row["family"] != "quoted"

    for row in reversed(known):
        if is_compared(row) and any(is_compared(other) for other in others.get(row["january"], [])):
            return int(row["january"])
    return int(known[-1]["january"]) if known else None


def _section(page: Page, measure: Row, row: Row, others: list[Row]) -> dict[str, Any]:
    """One January: the sentence, what stands around it, and the other definitions."""
    root = page.root
    here = {**row, "measure_title": measure["title"], "definition": measure["definition"]}
    rows = []
    for one in [here, *others]:
        if one["value"] is None and one["status"] == "missing" and one["prior"] is None:
            continue
        anchor = f"#january-{row['january']}" if one["value"] is not None else ""
        has_page = page.site.measures[one["measure_id"]]["months"]
        rows.append(
            {**one, "_href": f"{root}measures/{one['measure_id']}.html{anchor}" if has_page else None}
        )
    year = row["january"]
    table = page.table(
        f"readings-{year}",
        f"January {year} under each definition",
        _READINGS,
        rows,
        highlight=measure["title"],
        sortable=False,
    )
    comparable = [r for r in rows if r["pct_change"] is not None]
    chart = (
        page.chart(f"january-{year}", charts.readings(comparable), "Paler bars: across a break.")
        if len(comparable) > 1
        else None
    )
    release = page.site.releases.get(row["release_id"] or "")
    return {
        "row": row,
        "year": year,
        "table": table if len(rows) > 1 else None,
        "chart": chart,
        "release": release,
        "prior_release": page.site.releases.get(row["prior_release_id"] or ""),
        "highest": highest(row),
    }


def highest(row: Row) -> str:
    """`2006`, or that none of the Januaries known was as high."""
    if row["value"] is None:
        return ""
    if row["highest_since"]:
        return str(row["highest_since"])
    return f"none of {row['ranked_years']} as high" if (row["ranked_years"] or 0) > 1 else ""


def _bands(site: Site, breaks: list[Row]) -> list[Row]:
    """Authorities in force for a time, where the measure is touched by their start or end."""
    touched = {b["added_authority"] or b["removed_authority"] for b in breaks if b["effect"] == "break"}
    return [
        {**band, "label": f"{wording.name_of(band['authority'], 'title')} in force"}
        for band in site.published.rows("bands")
        if band["authority"] in touched
    ]


def _near(one: Row, band: Row) -> bool:
    """Whether a break is one end of the band, or within a month of it."""
    return any(abs((one["break_on"] - band[end]).days) <= 31 for end in ("starts_on", "ends_on"))


def _used(site: Site, months: list[Row]) -> list[Row]:
    """The releases that answer the measure's months, with how many each answers."""
    counted: dict[str, int] = {}
    for row in months:
        if row["value"] is not None:
            counted[row["release_id"]] = counted.get(row["release_id"], 0) + 1
    return [
        {**site.releases[r], "months": n, "line": release_line(site.releases[r])}
        for r, n in sorted(counted.items(), key=lambda item: site.releases[item[0]]["published_on"])
    ]
