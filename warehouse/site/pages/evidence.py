"""The evidence behind the figures: releases, data quality and the data dictionary.

Belongs here: what the warehouse says of itself. Does not belong here: figures about the world.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from markupsafe import Markup

from warehouse.site import wording
from warehouse.site.provenance import linked, source_line
from warehouse.site.site import Site
from warehouse.site.tables import Column

_RELEASES = (
    Column("_id", "Release", "html", sort_by="release_id", wraps=True),
    Column("_source", "Publication", "html", wraps=True, sort_by="source"),
    Column("_published", "Published"),
    Column("_holds", "Months"),
    Column("trust", "Trust"),
    Column("encounters_in_file", "Encounters", "plain_count"),
)
_CHECKS = (
    Column("outcome", "Result", "status"),
    Column("expectation", "Expectation", wraps=True),
    Column("because", "Protects", wraps=True, quiet=True),
    Column("table_name", "Table", "code", link="_pages"),
    Column("observed", "Observed", wraps=True),
)
_CONSERVED = (
    Column("release_id", "Release", "release"),
    Column("lines_in_file", "Lines", "plain_count"),
    Column("loaded_lines", "Loaded", "plain_count"),
    Column("merged_lines", "Merged", "plain_count"),
    Column("ignored_lines", "Ignored", "plain_count"),
    Column("quarantined_lines", "Quarantined", "plain_count"),
    Column("_lines_left", "Left over", "plain_count"),
    Column("encounters_in_file", "Encounters", "plain_count"),
    Column("_encounters_left", "Left over", "plain_count"),
)
_LEDGER = (
    Column("disposition", "Became"),
    Column("reason", "Reason", wraps=True),
    Column("stage", "Stage"),
    Column("releases", "Releases", "plain_count"),
    Column("lines", "Lines", "plain_count"),
    Column("encounters", "Encounters printed on them", "plain_count"),
)
_QUARANTINE = (
    Column("release_id", "Release", "release"),
    Column("line_no", "Line", "plain_count"),
    Column("stage", "Stage"),
    Column("reason", "Reason", wraps=True),
    Column("original", "The line", "code"),
)
_CORRECTIONS = (
    Column("correction_id", "Correction", "code"),
    Column("family", "Family", "code"),
    Column("reason", "Reason", wraps=True),
    Column("evidence", "Evidence", wraps=True),
    Column("expected_lines", "Lines", "plain_count"),
    Column("expected_encounters", "Encounters", "plain_count"),
)


_RECONCILED = (
    Column("month_start", "Month", "month"),
    Column("measure_id", "Measure", "code"),
    Column("source_a", "One source"),
    Column("value_a", "Its value", "count", "a", what="value of one source"),
    Column("source_b", "The other"),
    Column("value_b", "Its value", "count", "b", what="value of the other source"),
    Column("residual", "Difference", "signed", "residual", what="one less the other"),
    Column("explanation", "Explained as"),
    Column("reason", "Reason", wraps=True),
)
_FINDINGS = (
    Column("_finding", "Finding"),
    Column("severity", "Severity"),
    Column("release_id", "Release", "release"),
    Column("detail", "What", wraps=True),
    Column("next_step", "Next step", wraps=True),
)


def write_releases(site: Site) -> None:
    """Every file and printed figure the warehouse was made from."""
    rows = []
    for release in reversed(site.releases.values()):
        superseded = Markup('<br><span class="of">answers nothing: its agency file is here too</span>')
        rows.append(
            {
                **release,
                "_id": Markup(
                    '<code id="{0}">{0}</code><br><span class="of">{1}<br>SHA-256 <code>{2}…</code></span>'
                ).format(release["release_id"], release["file_name"], release["sha256"][:12])
                + (superseded if release["is_superseded"] else ""),
                "_source": Markup('{}<br><span class="of">{}</span>').format(
                    release["source"], linked(release["origin"])
                ),
                "_published": wording.date(release["published_on"], release["published_precision"]),
                "_holds": f"{'any time' if release['data_from'] is None else release['data_from'].strftime('%Y-%m')} to "
                f"{release['data_through']:%Y-%m}",
            }
        )
    page = site.page(
        "releases.html",
        "releases.html",
        "Releases, Border Ledger",
        "Every file and printed figure the figures come from.",
    )
    page.write(
        table=page.table("releases", "Releases, newest first", _RELEASES, rows, stacks=True), count=len(rows)
    )


def write_quality(site: Site) -> None:
    """Checks, conservation of lines and encounters, quarantine, corrections, reconciliation."""
    page = site.page(
        "quality.html",
        "quality.html",
        "Data quality, Border Ledger",
        "What was checked, and what became of every line.",
    )
    published = site.published
    checks = published.rows("checks")
    conserved = []
    for release in site.releases.values():
        if release["all_lines"] is None:
            continue
        conserved.append(
            {
                **release,
                "_lines_left": release["lines_in_file"] - release["all_lines"],
                "_encounters_left": release["encounters_in_file"] - release["all_encounters"],
            }
        )
    shown = [
        {
            **c,
            "observed": _short(c["observed"]),
            "_pages": f"checks/suites/{c['suite']}.html" if site.has_data_docs else None,
        }
        for c in checks
    ]
    quarantine = published.rows("quarantine")
    corrections = published.rows("corrections")
    ledger = published.rows("ledger")
    reconciled = published.rows("reconciled") if published.has("marts.reconciliation") else []
    residuals = published.rows("reconciliation") if reconciled else []
    figures = {row["figure_id"]: row for row in published.rows("published_figures")}
    for row in residuals:
        for side in ("a", "b"):
            printed = figures.get(row[f"source_{side}"])
            row[f"sources_{side}"] = [source_line(printed)] if printed else []
        row["sources"] = row["sources_a"] + row["sources_b"]
        row["explanation"] = row["explanation"].replace("_", " ")
    findings = published.rows("findings") if published.has("marts.release_findings") else []
    for row in findings:
        row["_finding"] = row["finding"].replace("_", " ")
    outcomes = {
        outcome: sum(c["outcome"] == outcome for c in checks)
        for outcome in ("passed", "warned", "noted", "failed")
    }
    attention = [c for c in checks if c["outcome"] in ("failed", "warned")]
    unaccounted = [r for r in conserved if r["_lines_left"] or r["_encounters_left"]]
    page.write(
        outcomes=outcomes,
        total=len(checks),
        attention=attention,
        checks=page.table(
            "checks",
            "The last audit, expectation by expectation",
            _CHECKS,
            shown,
            csv_rows=checks,
            stacks=True,
        )
        if checks
        else None,
        conserved=page.table(
            "conservation", "Lines and encounters of every file", _CONSERVED, list(reversed(conserved))
        ),
        files=len(conserved),
        unaccounted=unaccounted,
        lines=sum(r["lines_in_file"] for r in conserved),
        encounters=sum(r["encounters_in_file"] for r in conserved),
        ledger=page.table("ledger", "Why lines were loaded, merged, ignored or set aside", _LEDGER, ledger)
        if ledger
        else None,
        quarantine=page.table("quarantine", "Quarantined lines", _QUARANTINE, quarantine)
        if quarantine
        else None,
        compared=sum(r["months"] for r in reconciled),
        apart=len(residuals),
        unexplained=sum(r["explanation"] == "unexplained" for r in residuals),
        residuals=page.table(
            "reconciliation", "Months in which two sources differ beyond rounding", _RECONCILED, residuals
        )
        if residuals
        else None,
        findings=page.table("findings", "Findings, release by release", _FINDINGS, findings, stacks=True)
        if findings
        else None,
        quarantined=sum(r["quarantined_lines"] or 0 for r in conserved),
        corrections=page.table("corrections", "Corrections", _CORRECTIONS, corrections, stacks=True)
        if corrections
        else None,
    )


def write_dictionary(site: Site) -> None:
    """Every table and column: meaning, unit, source, caveat, and the columns it is made from."""
    columns = site.published.rows("dictionary")
    held = set(site.published.tables("raw", "core", "marts", "meta"))
    tables: list[dict[str, Any]] = []
    for name, group in groupby(columns, key=lambda row: row["table_name"]):
        if name in held:
            rows = list(group)
            tables.append(
                {
                    "name": name,
                    **{k: rows[0][k] for k in ("title", "grain", "table_description")},
                    "columns": rows,
                }
            )
    order = ("marts", "core", "meta", "raw")
    tables.sort(key=lambda t: (order.index(t["name"].split(".")[0]), t["name"]))
    known = {f"{t['name']}.{c['column_name']}" for t in tables for c in t["columns"]}
    page = site.page(
        "dictionary.html",
        "dictionary.html",
        "Data dictionary, Border Ledger",
        "Every table and column of the warehouse.",
    )
    schemas = [(s, [t for t in tables if t["name"].startswith(s + ".")]) for s in order]
    page.write(schemas=[(s, found) for s, found in schemas if found], known=known, count=len(columns))


def _short(text: str | None, length: int = 240) -> str | None:
    """What was observed, cut for the page; the CSV and the validation pages have it whole."""
    return text if text is None or len(text) <= length else text[:length].rsplit(" ", 1)[0] + " …"
