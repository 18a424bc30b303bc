"""Courts: shares of the Migrant Protection Protocols over every denominator, court Januaries, how cases end, counts.

Belongs here: court figures. Those of court records come from one release, the newest of the agency; a made-up release
is read only where there is no other, and then SYNTHETIC stands across every chart, table and CSV. Does not belong here:
which sentence a figure bears on (`claims`), any estimate (the marts).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from warehouse.site import charts, wording
from warehouse.site.charts import Chart
from warehouse.site.pages.january import CHANGE, PCT_CHANGE, QUIET_PRIOR, VALUE
from warehouse.site.provenance import source_line, source_links
from warehouse.site.reading import Row
from warehouse.site.site import Page, Site
from warehouse.site.tables import Column, DataTable

MADE_UP = "SYNTHETIC: made-up court records; they say nothing about the world"
#: The day whose counts claims 3 and 4 speak of, and the only one with a full set of published counts.
_AS_OF = dt.date(2021, 1, 31)
#: Months since the notice at which the table of outcomes stops; the CSV has every month.
_STOPS = (6, 12, 24, 36, 48, 60, 84, 120)
_COHORT_MONTHS = 36
#: The curve ends where fewer cases than these are still followed.
_FOLLOWED = 30


@dataclass(frozen=True)
class Measure:
    """One court measure: its short name on the page and how it is dated and counted."""

    code: str
    title: str
    dated: str


MEASURES = (
    Measure("new_cases", "New cases", "Dated by the first notice of the case."),
    Measure(
        "pending",
        "Pending at month end",
        "First notice by 31 January and not completed by then, as known today.",
    ),
    Measure("completions", "Cases completed", "Dated by the completion the release knows last."),
    Measure("removal_orders", "Removal orders", "Completed cases that ended in an order of removal."),
    Measure(
        "removal_orders_in_absentia",
        "Removal orders in absentia",
        "Removal orders made without the respondent.",
    ),
    Measure("relief_granted", "Relief granted", "Removal cases decided R."),
    Measure("relief_or_protection", "Relief or protection granted", "Removal cases decided R, E, Z or H."),
    Measure(
        "application_granted",
        "Cases with an application granted",
        "Completed cases with any application decided G, F, C, I, P or L.",
    ),
    Measure(
        "applications_filed", "Applications filed", "Dated by the day the court received the application."
    ),
    Measure(
        "applications_granted",
        "Applications granted",
        "Dated by the completion of their proceeding, as a decision has no date of its own.",
    ),
)
_BROKEN_DOWN = (
    "new_cases",
    "pending",
    "completions",
    "removal_orders",
    "removal_orders_in_absentia",
    "relief_granted",
)
DIMENSIONS = {
    "nationality": "Nationality",
    "base_city": "Court",
    "case_type": "Case type",
    "custody": "Custody",
}
_SHOWN_GROUPS = 25

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
    Column("_programme", "Programme"),
    Column("_source", "Source", "html", wraps=True),
)
_NEWEST = (
    Column("_title", "Measure", wraps=True),
    VALUE,
    QUIET_PRIOR,
    CHANGE,
    PCT_CHANGE,
    Column("status", "Comparison", "status"),
    Column("release_id", "Release", "release"),
)
_ENDED = (
    Column("months_since_notice", "Months since notice", "plain_count"),
    Column("at_risk_cases", "Cases followed", "count", what="cases not ended and still followed"),
    *(
        Column(column, name, "share", what=f"{name.lower()}, percent of cases")
        for column, name in charts.OUTCOMES
    ),
    Column("relief_of_all_pct", "Relief, of all", "share", what="relief so far, percent of all cases"),
    Column(
        "relief_of_completed_pct",
        "Relief, of ended",
        "share",
        what="relief so far, percent of cases ended so far",
    ),
)
_COHORTS = (
    Column("cohort", "Notice in"),
    Column("_cases", "Cases", "count", what="cases with a first notice in the year"),
    *(
        Column(column, name, "share", what=f"{name.lower()}, percent of cases")
        for column, name in charts.OUTCOMES
    ),
)
_SHARES = (
    Column("_numerator", "Numerator"),
    Column("_denominator", "Share of"),
    *(
        Column(f"_{rule}", heading, "figures", sort_by=f"_{rule}_value")
        for rule, heading in (
            ("flag", "By identifier"),
            ("location", "By hearing location"),
            ("union", "By either"),
        )
    ),
    Column("_printed", "As published", "figures"),
)
_NUMERATORS = {
    "relief_granted": "Relief granted",
    "relief_or_protection": "Relief or protection",
    "application_granted": "Any application granted",
}
_DENOMINATORS = {
    "assigned": "all cases assigned",
    "completed": "cases completed",
    "decided": "relief and removal orders",
    "decided_in_presence": "the same, respondent present",
    "applications": "cases with an application",
}
_PROGRAMMES = {"mpp1": "first, 2019 to 2021", "mpp2": "second, from December 2021"}


def write_courts(site: Site) -> None:
    """One page."""
    page = site.page(
        "courts.html",
        "courts.html",
        "Courts, Border Ledger",
        "Immigration-court records: each share with its denominator, January against January, and how cases end.",
    )
    found = site.published.rows("court_release") if site.published.has("marts.court_january_yoy") else []
    records = Records(page, found[0]) if found else None
    page.write(
        fans=_fans(page),
        records=records,
        from_release=site.releases.get(records.release_id) if records else None,
        shares=records.shares() if records else None,
        januaries=records.januaries() if records else None,
        outcomes=records.outcomes() if records else None,
        followed=_FOLLOWED,
        counts=_counts(page),
        new_cases=_new_cases(page),
        synthetic=[r for r in site.releases.values() if r["trust"] == "synthetic"],
    )


class Records:
    """The sections read from one court release."""

    def __init__(self, page: Page, found: Row) -> None:
        self.page = page
        self.release_id: str = found["release_id"]
        self.is_synthetic: bool = found["is_synthetic"]
        self.newest: int = found["newest_january"]

    def _id(self, name: str) -> str:
        return f"synthetic-{name}" if self.is_synthetic else name

    def _table(self, id: str, caption: str, columns: Any, rows: list[Row], **options: Any) -> DataTable:
        return _table(self.page, self.is_synthetic, self._id(id), caption, columns, rows, **options)

    def _chart(self, id: str, spec: charts.Spec) -> Chart:
        return _chart(self.page, self.is_synthetic, self._id(id), spec)

    # --- January against January ------------------------------------------------------------------------------------

    def januaries(self) -> dict[str, Any]:
        """The newest January of every measure, each measure's Januaries, and the newest by group."""
        rows = self._rows("all")
        by_measure: dict[str, list[Row]] = {m.code: [] for m in MEASURES}
        for row in rows:
            by_measure.setdefault(row["measure_code"], []).append(row)
        newest = [by_measure[m.code][-1] for m in MEASURES if by_measure[m.code]]
        multiples = [
            {
                "title": m.title,
                "dated": m.dated,
                "row": by_measure[m.code][-1],
                "chart": self._chart(
                    f"january-{m.code}",
                    charts.small_bars(
                        by_measure[m.code],
                        by_measure[m.code][-1]["definition"],
                        (),
                        [row["january"] for row in by_measure[m.code]],
                    ),
                ),
            }
            for m in MEASURES
            if any(row["value"] for row in by_measure[m.code])
        ]
        return {
            "newest": self.newest,
            "reasons": newest[0]["reasons"] if newest else [],
            "table": self._table(
                "january", f"Immigration courts, January {self.newest}", _NEWEST, newest, csv_rows=rows
            ),
            "multiples": multiples,
            "every": self._every_january(by_measure, rows),
            "groups": [found for name in DIMENSIONS if (found := self._by(name))],
        }

    def _rows(self, dimension: str) -> list[Row]:
        titles = {m.code: m for m in MEASURES}
        rows = self.page.site.published.rows("court_januaries", release=self.release_id, dimension=dimension)
        for row in rows:
            known = titles.get(row["measure_code"])
            row["_title"] = known.title if known else row["measure_title"]
            row["definition"] = f"{row['measure_title']}. {known.dated if known else ''}".strip()
            row["finality"] = "provisional" if row["status"] == "provisional" else "final"
            row["prior_release_id"] = row["release_id"]
        return rows

    def _every_january(self, by_measure: dict[str, list[Row]], rows: list[Row]) -> DataTable:
        by_year: dict[int, Row] = {}
        for m in MEASURES:
            for row in by_measure[m.code]:
                line = by_year.setdefault(row["january"], {"january": row["january"]})
                line[f"_{m.code}"] = self.page.cards.figure(wording.count(row["value"]), row, m.title)
                line[f"_{m.code}_value"] = row["value"]
        columns = [
            Column("january", "January"),
            *(Column(f"_{m.code}", m.title, "figures", sort_by=f"_{m.code}_value") for m in MEASURES),
        ]
        lines = [by_year[year] for year in sorted(by_year, reverse=True)]
        return self._table("every-january", "Every January", columns, lines, csv_rows=rows)

    def _by(self, dimension: str) -> dict[str, Any] | None:
        """The newest January by nationality, court, case type or custody; groups with most new cases first."""
        rows = self._rows(dimension)
        heading = DIMENSIONS[dimension]
        labels = {r["dimension_label"] for r in rows}
        groups: dict[str, dict[str, Row]] = {}
        for row in rows:
            # A lookup that gives every court one name tells nothing: the code does.
            label = row["dimension_label"] if len(labels) > 1 else None
            name = label.title() if label and label.isupper() else label
            row["group"] = name or row["dimension_code"]
            row["label"] = f"{row['group']}, January {row['january']}"
            if row["january"] == self.newest:
                groups.setdefault(row["dimension_code"], {})[row["measure_code"]] = row
        ordered = sorted(
            groups.items(),
            key=lambda item: (*(-_value(item[1], code) for code in ("new_cases", "pending")), item[0]),
        )
        lines: list[Row] = []
        for code, found in ordered[:_SHOWN_GROUPS]:
            line: Row = {"group": next(iter(found.values()))["group"], "_code": code}
            for measure in MEASURES:
                if measure.code in _BROKEN_DOWN:
                    value = _value(found, measure.code)
                    about = found.get(measure.code) or {
                        **next(iter(found.values())),
                        "definition": f"{measure.title}. {measure.dated}",
                    }
                    line[f"_{measure.code}"] = self.page.cards.figure(
                        wording.count(value), about, measure.title
                    )
                    line[f"_{measure.code}_value"] = value
            lines.append(line)
        if not lines:
            return None
        columns = [
            Column("group", heading, wraps=True),
            Column("_code", "Code", "code", quiet=True),
            *(
                Column(f"_{m.code}", m.title, "figures", sort_by=f"_{m.code}_value")
                for m in MEASURES
                if m.code in _BROKEN_DOWN
            ),
        ]
        caption = f"January {self.newest} by {heading.lower()}"
        return {
            "title": heading,
            "total": len(groups),
            "shown": len(lines),
            "table": self._table(f"by-{dimension}", caption, columns, lines, csv_rows=rows),
        }

    # --- How cases end ----------------------------------------------------------------------------------------------

    def outcomes(self) -> list[dict[str, Any]]:
        """For removal cases and each programme with enough of them: curve, table, and the years of notice apart."""
        titles = {
            "removal_cases": "Removal cases",
            "mpp1": "Migrant Protection Protocols, 2019 to 2021",
            "mpp2": "Migrant Protection Protocols, from December 2021",
        }
        by_population: dict[str, dict[str, list[Row]]] = {}
        for row in self.page.site.published.rows("court_outcomes", release=self.release_id):
            row["definition"] = (
                "Share of removal cases that ended this way within the months since the first notice; cases still pending "
                "when the release ends leave the count then (Aalen–Johansen)."
            )
            row["unit"] = "percent of cases"
            row["status"] = "estimate"
            row["label"] = f"Notice in {row['cohort']}, {row['months_since_notice']} months on"
            if row["cohort"] == "all":
                row["label"] = f"{row['months_since_notice']} months after the notice"
            by_population.setdefault(row["population"], {}).setdefault(row["cohort"], []).append(row)
        sections = []
        for population, title in titles.items():
            cohorts = by_population.get(population, {})
            whole = cohorts.get("all", [])
            followed = [row for row in whole if row["at_risk_cases"] >= _FOLLOWED]
            if len(followed) < 2:
                continue
            slug = population.replace("_", "-")
            stops = [row for row in followed if row["months_since_notice"] in _STOPS] or followed[-1:]
            sections.append(
                {
                    "id": slug,
                    "title": title,
                    "cases": whole[0]["at_risk_cases"],
                    "last": followed[-1]["months_since_notice"],
                    "is_cut": len(followed) < len(whole),
                    "chart": self._chart(
                        f"outcomes-{slug}", charts.outcomes(followed, whole[0]["definition"])
                    ),
                    "table": self._table(
                        f"outcomes-{slug}-table", f"{title}: how they ended", _ENDED, stops, csv_rows=whole
                    ),
                    "cohorts": self._cohorts(slug, title, cohorts),
                }
            )
        return sections

    def _cohorts(self, slug: str, title: str, cohorts: dict[str, list[Row]]) -> DataTable | None:
        lines = []
        for cohort, rows in cohorts.items():
            at = next((row for row in rows if row["months_since_notice"] == _COHORT_MONTHS), None)
            if cohort != "all" and at and at["at_risk_cases"] and rows[0]["at_risk_cases"] >= _FOLLOWED:
                lines.append({**at, "_cases": rows[0]["at_risk_cases"]})
        if len(lines) < 2:
            return None
        lines.reverse()
        caption = f"{title}: {_COHORT_MONTHS} months after the notice, by its year"
        every = [row for cohort, rows in cohorts.items() if cohort != "all" for row in rows]
        return self._table(f"cohorts-{slug}", caption, _COHORTS, lines, csv_rows=every)

    # --- The programme counted in the release -----------------------------------------------------------------------

    def shares(self) -> DataTable | None:
        """Shares of the Migrant Protection Protocols by each counting rule, beside the published share."""
        rows = self.page.site.published.rows("court_fan", release=self.release_id, as_of=_AS_OF)
        lines: dict[tuple[str, str], Row] = {}
        for row in rows:
            key = (row["numerator_code"], row["denominator_code"])
            names = (_NUMERATORS.get(key[0], key[0]), _DENOMINATORS.get(key[1], key[1]))
            row["definition"] = f"{names[0]}, share of {names[1]}, Migrant Protection Protocols."
            row["unit"] = "percent"
            row["label"] = f"As of {row['as_of']}"
            row["status"] = "made up" if row["is_synthetic"] else "counted in the release"
            line = lines.setdefault(
                key,
                {
                    "_numerator": names[0],
                    "_denominator": names[1],
                    "_printed": wording.share(row["printed_share_pct"], 2),
                },
            )
            what = f"{wording.count(row['numerator'])} of {wording.count(row['denominator'])}"
            line[f"_{row['counted_by']}"] = self.page.cards.figure(
                wording.share(row["share_pct"], 2), row, what
            )
            line[f"_{row['counted_by']}_value"] = row["share_pct"]
        if not any(row["share_pct"] is not None for row in rows):
            return None
        order = [(n, d) for n in _NUMERATORS for d in _DENOMINATORS]
        shown = [lines[key] for key in order if key in lines and lines[key].get("_union_value") is not None]
        return self._table(
            "shares",
            f"Shares counted in the release, as of {_AS_OF}",
            _SHARES,
            shown,
            csv_rows=rows,
            stacks=True,
        )


def _value(found: dict[str, Row], code: str) -> int:
    return found.get(code, {}).get("value") or 0


def _table(
    page: Page, is_synthetic: bool, id: str, caption: str, columns: Any, rows: list[Row], **options: Any
) -> DataTable:
    """A table of the page; over made-up records its caption says so, and every line of its CSV."""
    if is_synthetic:
        caption = f"SYNTHETIC. {caption}"
        options["csv_rows"] = [{"notice": MADE_UP, **row} for row in options.get("csv_rows", rows)]
    return page.table(id, caption, columns, rows, **options)


def _chart(page: Page, is_synthetic: bool, id: str, spec: charts.Spec) -> Chart:
    return page.chart(id, charts.stamped(spec) if is_synthetic else spec)


def _fans(page: Page) -> list[dict[str, Any]]:
    """Shares that a claim reads: of published counts, and apart from them those of made-up records."""
    site = page.site
    figures = {row["figure_id"]: row for row in site.published.rows("published_figures")}
    rows = site.published.rows("mpp_fan") if site.published.has("marts.claim_readings") else []
    for row in rows:
        row["definition"] = f"{row['definition_label']}. {row['definition_note'] or ''}".strip()
        row["unit"] = row["reading_unit"]
        row["label"] = f"As of {row['as_of']}"
        row["sources"] = [source_line(figures[f]) for f in row["figure_ids"] or [] if f in figures]
    found = (
        _fan(page, [r for r in rows if r["is_synthetic"] == made_up], made_up) for made_up in (False, True)
    )
    return [fan for fan in found if fan]


def _fan(page: Page, rows: list[Row], is_synthetic: bool) -> dict[str, Any] | None:
    if not rows:
        return None
    id = "fan-synthetic" if is_synthetic else "fan"
    return {
        "is_synthetic": is_synthetic,
        "rows": rows,
        "chart": _chart(page, is_synthetic, id, charts.shares(rows)),
        "table": _table(
            page, is_synthetic, f"{id}-table", "Each share with its counts", _FAN, rows, stacks=True
        ),
    }


def _counts(page: Page) -> DataTable:
    counts = page.site.published.rows("mpp_counts")
    for row in counts:
        row["value"] = row["printed_value"]
        row["definition"] = row["figure_label"]
        row["status"] = "as published"
        row["label"] = f"As of {row['as_of']}, {row['precision'].replace('_', ' ')}"
        row["sources"] = [source_line(row)]
        row["_source"] = source_links(row)
        row["precision"] = row["precision"].replace("_", " ")
        row["_programme"] = _PROGRAMMES.get(row["programme"], row["programme"])
    return page.table("counts", "Published counts, newest first", _COUNTS, counts, stacks=True)


def _new_cases(page: Page) -> Chart | None:
    rows = page.site.published.rows("mpp_new_cases")
    if len(rows) < 2:
        return None
    for row in rows:
        row["label"] = wording.month(row["month_start"])
    return page.chart(
        "new-cases", charts.month_bars(rows, "New cases in the Migrant Protection Protocols, all locations.")
    )
