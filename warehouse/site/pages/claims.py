"""Claims: a printed sentence, its verdict, what it reads under each definition, and the sources.

Belongs here: the pages of the claim ledger. Does not belong here: the rule from readings to verdict (the marts).
"""

from __future__ import annotations

from markupsafe import Markup

from warehouse.site import charts, wording
from warehouse.site.provenance import source_line, source_links
from warehouse.site.reading import Row
from warehouse.site.site import Page, Site
from warehouse.site.tables import Column

VERDICTS = {
    "supported": "supported",
    "supported_on_some_definitions": "supported on some definitions",
    "contradicted": "contradicted",
    "denominator_sensitive": "depends on the denominator",
    "out_of_scope": "out of scope",
    "data_missing": "data missing",
}
_MATRIX = (
    Column("definition_label", "Definition", wraps=True),
    Column("_reading", "Reading", "figures", sort_by="reading"),
    Column("_holds", "The words", "html", sort_by="_holds_word"),
    Column("_made_of", "Made of", wraps=True),
    Column("_compared", "Status", "html", sort_by="status"),
    Column("_source", "From", "html", wraps=True),
)
_VINTAGES = (
    Column("definition_label", "Definition", wraps=True),
    Column("_published", "Published"),
    Column("_reading", "Reading", "figures", sort_by="reading"),
    Column("_holds", "The words", "html", sort_by="_holds_word"),
    Column("_public", "Public when printed"),
    Column("_source", "From", "html", wraps=True),
)
_CHANGES = (
    Column("words", "Printed words", wraps=True),
    Column("printed_on", "Printed"),
    Column("old_value", "Was", "count", "old", what="value before the release"),
    Column("new_value", "Is", "count", what="value in the release"),
    Column("_consequence", "Consequence", wraps=True),
    Column("release_id", "Release", "release"),
)


def write_claims(site: Site) -> None:
    """The list and a page per claim."""
    figures = {row["figure_id"]: row for row in site.published.rows("published_figures")}
    claims = site.published.rows("claims")
    for claim in claims:
        claim["path"] = f"claims/{claim['claim_id']}.html"
        claim["verdict_words"] = VERDICTS.get(claim["verdict"], claim["verdict"])
        claim["counted"] = ", ".join(
            f"{n} {('definition ' if n == 1 else 'definitions ') if i == 0 else ''}{one if n == 1 else many}"
            for i, (n, one, many) in enumerate(
                (
                    (claim["definitions_holding"], "holds", "hold"),
                    (claim["definitions_failing"], "does not", "do not"),
                    (claim["definitions_missing"], "without data", "without data"),
                )
            )
            if n
        )
        _write_claim(site, claim, figures)
    page = site.page(
        "claims.html",
        "claims.html",
        "Claims, Border Ledger",
        "Printed sentences and what the figures say of them.",
    )
    changes = site.published.rows("sentence_changes") if site.published.has("marts.sentence_changes") else []
    words = {"correction_needed": "the words no longer hold", "inside_precision": "the words still hold"}
    for row in changes:
        row["_consequence"] = words.get(row["consequence"], row["consequence"].replace("_", " "))
    table = (
        page.table("changes", "Printed sentences and later releases", _CHANGES, changes, stacks=True)
        if changes
        else None
    )
    page.write(claims=claims, changes=table)


def _write_claim(site: Site, claim: Row, figures: dict[str, Row]) -> None:
    page = site.page(
        claim["path"],
        "claim.html",
        f"Claim {claim['claim_number']}, Border Ledger",
        f"“{claim['quote'][:150]}”",
    )
    readings = site.published.rows("claim_readings", claim=claim["claim_id"])
    used: dict[str, Row] = {}
    for row in readings:
        _describe(page, claim, row, figures)
        used |= {f: figures[f] for f in row["figure_ids"] or [] if f in figures}
    assertions = []
    for one in site.published.rows("claim_assertions", claim=claim["claim_id"]):
        mine = [r for r in readings if r["assertion_id"] == one["assertion_id"]]
        counted = [r for r in mine if r["is_counted"] and r["reading"] is not None]
        assertions.append(
            {
                **one,
                "chart": page.chart(
                    one["assertion_id"],
                    charts.claim(counted, one),
                    "Shaded: what the printed words allow. Circle: they hold; cross: they do not; diamond: context only.",
                )
                if len(counted) > 1
                else None,
                "table": page.table(
                    f"readings-{one['assertion_id']}",
                    f"“{one['words']}” under each definition",
                    _MATRIX,
                    [r for r in mine if r["is_counted"]],
                    stacks=True,
                ),
                "vintages": page.table(
                    f"vintages-{one['assertion_id']}",
                    f"“{one['words']}” in every release",
                    _VINTAGES,
                    mine,
                    stacks=True,
                )
                if len(mine) > len(counted)
                else None,
                "is_synthetic": any(r["is_synthetic"] for r in mine),
            }
        )
    evidence = site.published.rows("claim_evidence", claim=claim["claim_id"])
    page.write(
        claim=claim,
        assertions=assertions,
        sources=[{**figures[f], "figure_id": f} for f in sorted(used)],
        evidence=[{**figures[e["figure_id"]], **e} for e in evidence if e["figure_id"] in figures],
        verdict_when_printed=VERDICTS.get(claim["verdict_when_printed"], claim["verdict_when_printed"]),
        source_links=source_links,
    )


def _describe(page: Page, claim: Row, row: Row, figures: dict[str, Row]) -> None:
    """Add the cells of a reading: as text, with its provenance, and where it comes from."""
    own = [figures[f] for f in row["figure_ids"] or [] if f in figures]
    row["definition"] = f"{row['definition_label']}. {row['definition_note'] or ''}".strip()
    row["unit"] = row["reading_unit"]
    row["sources"] = [source_line(f) for f in own]
    about = {**row, "label": f"Claim {claim['claim_number']}"}
    row["reading_text"] = reading_text(row)
    row["_reading"] = page.cards.figure(row["reading_text"], about, _what(row), side="change")
    row["_holds_word"] = "unknown" if row["holds"] is None else "hold" if row["holds"] else "do not hold"
    if row["bearing"] != "test":
        row["_holds_word"] = "context only"
    mark = {"hold": "s-holds", "do not hold": "s-fails"}.get(row["_holds_word"], "s-note")
    row["_holds"] = Markup('<span class="status {}">{}</span>').format(mark, row["_holds_word"])
    row["_made_of"] = made_of(row)
    row["_compared"] = _status(row)
    row["_published"] = wording.day(row["published_on"], row["published_precision"] or "day")
    row["_public"] = {True: "yes", False: "no", None: "not known"}[row["was_public_when_printed"]]
    links = [page.release(r) for r in dict.fromkeys((row["release_id"], row["prior_release_id"])) if r]
    links += [Markup('<span class="of">{}</span>').format(source_links(f)) for f in own]
    if row["is_synthetic"]:
        links.append(Markup('<strong class="stamp">SYNTHETIC</strong>'))
    row["_source"] = Markup("<br>").join(dict.fromkeys(links))


def _status(row: Row) -> Markup:
    """A comparison's status; of a single count whether it was final; of a published share nothing unless amiss."""
    words, mark = wording.STATUS_WORDS.get(row["status"], row["status"]), row["status"]
    if row["status"] == "ok" and row["operation"] not in ("yoy_pct", "highest_since"):
        words = "final" if row["basis"] == "measure" else "as published"
        mark = "note"
    return Markup('<span class="status s-{}">{}</span>').format(mark, words)


def _what(row: Row) -> str:
    return {
        "yoy_pct": "change, percent",
        "share": "share, percent",
        "highest_since": "latest earlier year as high",
    }.get(row["operation"], f"count, {row['reading_unit']}")


def reading_text(row: Row) -> str:
    """A reading as a reader would write it."""
    if row["reading"] is None:
        return ""
    if row["operation"] == "yoy_pct":
        return wording.percent(row["reading"])
    if row["reading_unit"] == "percent":
        return wording.share(row["reading"], 2)
    return f"{row['reading']:.0f}" if row["reading_unit"] == "year" else wording.count(row["reading"])


def made_of(row: Row) -> str:
    """The counts behind a reading."""
    if row["numerator"] is not None and row["denominator"] is not None:
        return f"{wording.count(row['numerator'])} of {wording.count(row['denominator'])}"
    if row["value"] is not None and row["prior"] is not None:
        return f"{wording.count(row['value'])} against {wording.count(row['prior'])}"
    return wording.count(row["value"]) if row["operation"] == "highest_since" else ""
