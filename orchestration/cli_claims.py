"""Commands that follow a claim or a figure down to its source: `claims`, `claim`, `explain`, `feed`.

Belongs here: what these commands print. Does not belong here: readings and verdicts (transforms/marts,
`transforms.claim_verdict`), or the way back to a file's lines (`warehouse.provenance`).
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer
from rich.console import Console
from rich.text import Text

from orchestration.screen import (
    USAGE,
    AsJson,
    AsOf,
    MeasureArgument,
    MonthArgument,
    day_of,
    month_of,
    one_line_errors,
    open_console,
    open_published,
    plain_table,
    print_json,
    rows_of,
    stop,
)
from transforms import correction_feed
from transforms.claim_review import claim_review
from transforms.claim_summary import VERDICT_WORDS, shown
from transforms.claim_verdict import Reading, parts
from transforms.models import models
from warehouse import provenance
from warehouse.archive import Archive
from warehouse.paths import Home

commands = typer.Typer()

Row = dict[str, Any]


@commands.command()
def claims(as_json: AsJson = False) -> None:
    """List the claims: verdict, and what they read under each definition."""
    with one_line_errors(), open_published() as con:
        ledger = rows_of(con, "select * from marts.claims order by claim_number")
        readings = _readings(con)
    if as_json:
        print_json(
            [
                {
                    **claim,
                    "readings": [
                        r for r in readings if r["claim_id"] == claim["claim_id"] and r["is_counted"]
                    ],
                }
                for claim in ledger
            ]
        )
        return
    console = open_console()
    table = plain_table(
        "id", "claim", "verdict", "holds under", "does not hold under",
        wrap=("claim", "verdict", "holds under", "does not hold under"),
    )  # fmt: skip
    for claim in ledger:
        held = _by_outcome([r for r in readings if r["claim_id"] == claim["claim_id"]])
        table.add_row(
            str(claim["claim_number"]), f"“{textwrap.shorten(claim['quote'], 110, placeholder=' …')}”",
            VERDICT_WORDS[claim["verdict"]],
            "\n".join(held[True]) if claim["verdict"] != "out_of_scope" else claim["summary"],
            "\n".join(held[False] + held[None]),
        )  # fmt: skip
        table.add_row()
    console.print(table)
    console.print(
        Text(
            "`border claim ID` shows one with every release, caveat and source; the rule is in docs/claims.md."
        )
    )


def _readings(con: duckdb.DuckDBPyConnection, claim_id: str | None = None) -> list[Row]:
    return rows_of(
        con,
        "select * from marts.claim_readings where ?::varchar is null or claim_id = ? "
        "order by claim_number, assertion_no, definition_no, vintage_no",
        [claim_id, claim_id],
    )


def _by_outcome(readings: list[Row]) -> dict[bool | None, list[str]]:
    """Admissible definitions, what they read first, by whether every printed figure tested under them holds."""
    counted = [r for r in readings if r["is_counted"]]
    found: dict[bool | None, list[str]] = {True: [], False: [], None: []}
    for part in parts(_plain(r) for r in counted):
        assertions = {reading.assertion_id for reading in part.readings}
        for definition, outcome in part.holds.items():
            rows = [
                r for r in counted if r["definition_id"] == definition and r["assertion_id"] in assertions
            ]
            reads = ", ".join(shown(r).replace(" ", "\u00a0") for r in rows)
            found[outcome].append(f"{reads}  {rows[0]['definition_label']}")
    return found


def _plain(row: Row) -> Reading:
    return Reading(
        row["assertion_id"],
        row["definition_id"],
        row["holds"],
        row["operation"],
        row["bearing"],
        row["is_synthetic"],
    )


@commands.command()
def claim(
    claim_id: Annotated[
        str, typer.Argument(metavar="ID", help="Number or name; `border claims` lists them.")
    ],
    as_json: AsJson = False,
    review: Annotated[
        bool, typer.Option("--claim-review", help="Print schema.org ClaimReview as JSON-LD.")
    ] = False,
) -> None:
    """Show one claim: quote, period, printed precision, every reading with its release, caveats and sources."""
    with one_line_errors(), open_published() as con:
        found = rows_of(
            con,
            "select c.* exclude (caveats), "
            "m.* exclude (claim_id, claim_number, quote, byline, article_published, month_start) "
            "from marts.claims c join meta.claims m using (claim_id) "
            "where c.claim_id = ? or c.claim_number::varchar = ?",
            [claim_id, claim_id],
        )
        if not found:
            known = rows_of(con, "select claim_number, claim_id from marts.claims order by claim_number")
            stop(
                f"{claim_id}: no such claim; one of "
                + ", ".join(f"{r['claim_number']} ({r['claim_id']})" for r in known),
                USAGE,
            )
        entry = found[0]
        readings = _readings(con, entry["claim_id"])
        details = _details(con, entry["claim_id"], readings)
        if review:
            publication = rows_of(con, "select published_at from meta.publication")[0]
            print_json(
                claim_review(
                    entry,
                    reviewed_on=publication["published_at"].date(),
                    sources=_citations(con, readings, details["figures"]),
                )
            )
            return
    if as_json:
        print_json({"claim": entry, "readings": readings, **details})
        return
    _print_claim(entry, readings, details)


def _details(con: duckdb.DuckDBPyConnection, claim_id: str, readings: list[Row]) -> dict[str, list[Row]]:
    """Assertions, releases, published figures, evidence and decompositions a claim's page needs."""
    quoted = [*(r for r in readings if r["is_counted"]), *_moved(readings)]
    released = [r[c] for r in quoted for c in ("release_id", "prior_release_id") if r[c]]
    figures = [figure for r in quoted for figure in r["figure_ids"]]
    evidence = rows_of(con, "select figure_id, note from meta.claim_evidence where claim_id = ?", [claim_id])
    figures += [e["figure_id"] for e in evidence]
    return {
        "assertions": rows_of(
            con, "select * from meta.claim_assertions where claim_id = ? order by assertion_no", [claim_id]
        ),
        "definitions": rows_of(
            con,
            "select * from meta.claim_definitions where claim_id = ? order by assertion_id, definition_no",
            [claim_id],
        ),
        "releases": rows_of(
            con,
            "select release_id, source, layout, file_name, sha256, origin_sha256, published_on, published_precision, trust, "
            "origin from meta.releases where release_id in (select unnest(?::varchar[])) order by published_on, release_id",
            [sorted(set(released))],
        ),
        "figures": rows_of(
            con,
            """
            select figure_id, 'reference/mpp_published_figures.csv' as file, line_no, printed_value, unit, precision,
                publisher_code, published_on, published_precision, source, note
            from meta.mpp_figures where figure_id in (select unnest(?::varchar[]))
            union all
            select figure_id, 'reference/published_figures.csv', line_no, printed_value, unit, precision,
                publisher_code, published_on, published_precision, source, note
            from meta.published_figures where figure_id in (select unnest(?::varchar[]))
            order by file, line_no
            """,
            [sorted(set(figures))] * 2,
        ),
        "evidence": evidence,
        "decompositions": rows_of(
            con,
            """
            select distinct r.definition_no, r.definition_label, y.value, y.title_42_value, y.title_42_share_pct, y.change,
                y.change_title_42, y.change_title_8
            from marts.claim_readings r
            join marts.monthly_yoy y on y.measure_id = r.measure_id and y.month_start = r.month_start
            where r.claim_id = ? and r.operation = 'yoy_pct' and r.is_counted and r.release_id = y.release_id
                and r.prior_release_id = y.prior_release_id and r.prior = y.prior and y.change_title_42 is not null
                and r.bearing = 'test'
            order by r.definition_no
            """,
            [claim_id],
        ),
    }


def _citations(con: duckdb.DuckDBPyConnection, readings: list[Row], figures: list[Row]) -> list[str]:
    """A citation line for each figure the counted readings take from a release, and the page of each published one."""
    asked = {
        (r["measure_id"], month, r[release])
        for r in readings
        if r["is_counted"] and r["measure_id"]
        for month, release in ((r["month_start"], "release_id"), (r["comparison_month"], "prior_release_id"))
        if month and r[release]
    }
    lines = [
        provenance.figure(con, measure, month, release_id=release).citation
        for measure, month, release in sorted(asked)
    ]
    return lines + [
        f"{f['printed_value']:,.0f} {f['unit']} ({f['figure_id']}): {f['source']}" for f in figures
    ]


def _print_claim(entry: Row, readings: list[Row], details: dict[str, list[Row]]) -> None:
    console = open_console()

    def say(text: str, style: str = "") -> None:
        console.print(Text(text, style=style), soft_wrap=True)

    say(f"Claim {entry['claim_number']}: {entry['claim_id']}", "bold")
    say(f"“{entry['quote']}”")
    say(
        f"{entry['byline']}, {entry['outlet'] or 'outlet not recorded'}, {entry['article_published']}; "
        + (f"said by {entry['speaker']}." if entry["speaker"] else "the article's own words.")
    )
    console.print()
    say(f"Period    {_period(entry)}")
    say(f"Rule      {entry['period_rule']}")
    say(f"Verdict   {VERDICT_WORDS[entry['verdict']]}", "bold")
    if entry["is_in_scope"]:
        say(
            f"          from what was public when it was printed: {VERDICT_WORDS[entry['verdict_when_printed']]}"
        )
    say(f"          {entry['summary']}")
    for assertion in details["assertions"]:
        console.print()
        _print_assertion(
            console, assertion, [r for r in readings if r["assertion_id"] == assertion["assertion_id"]]
        )
    _print_decompositions(console, details["decompositions"])
    _print_reasons(console, readings)
    _print_list(console, "Caveats", entry["caveats"])
    notes = {d["definition_id"]: f"{d['definition_label']}: {d['note']}" for d in details["definitions"]}
    _print_list(console, "Definitions", list(notes.values()))
    _print_sources(console, details)
    if explained := _to_explain(readings):
        console.print()
        say("From a figure to its source lines: " + " · ".join(explained))


def _period(entry: Row) -> str:
    if entry["month_start"] is None:
        return f"“{entry['period_words']}”" if entry["period_words"] else "the sentence names none"
    text = f"“{entry['period_words']}” is {entry['month_start']:%B %Y}"
    if entry["comparison_month"]:
        text += f"; “{entry['comparison_words']}” is {entry['comparison_month']:%B %Y}"
    return text


def _print_assertion(console: Console, assertion: Row, readings: list[Row]) -> None:
    console.print(
        Text(
            f"“{assertion['words']}” ({_OPERATIONS[assertion['operation']]}) allows: {assertion['allowed']}",
            style="bold",
        ),
        soft_wrap=True,
    )
    counted = [r for r in readings if r["is_counted"]]
    if not counted:
        console.print("  tested under no definition")
        return
    table = plain_table("definition", "value", "against", "reads", "holds", "status", "from",
                        right=("value", "against", "reads"), wrap=("definition",))  # fmt: skip
    for r in counted:
        table.add_row(
            r["definition_label"] + (" (context)" if r["bearing"] == "context" else ""),
            *_sides(r), shown(r), _holds(r), r["status"], _from(r),
        )  # fmt: skip
    console.print(table)
    _print_courts(console, [r for r in readings if r["basis"] == "court"])
    moved = _moved(readings)
    if moved:
        console.print(Text("as first published, and where a later release changed it", style="italic"))
        table = plain_table("definition", "published", "value", "against", "reads", "holds", "release",
                            right=("value", "against", "reads"), wrap=("definition",))  # fmt: skip
        for r in moved:
            table.add_row(
                r["definition_label"], provenance.published(r), *_sides(r), shown(r), _holds(r),
                r["release_id"] or "", style="bold" if r["is_counted"] else None,
            )  # fmt: skip
        console.print(table)


def _print_courts(console: Console, readings: list[Row]) -> None:
    """The same counts in court releases, those that count and those that do not."""
    for made_up, title in (
        (False, "in court releases"),
        (True, "SYNTHETIC: in made-up court releases, no evidence"),
    ):
        rows = [r for r in readings if r["is_synthetic"] is made_up]
        if not rows:
            continue
        console.print(Text(title, style="bold red" if made_up else "italic"))
        table = plain_table("definition", "release", "of which", "against", "reads", "holds", "counted by", "counts",
                            right=("of which", "against", "reads"), wrap=("definition",))  # fmt: skip
        for r in rows:
            table.add_row(
                r["definition_label"], r["release_id"], *_sides(r), shown(r), _holds(r),
                r["reasons"][0].removeprefix("cases counted by "), "yes" if r["is_counted"] else "no",
            )  # fmt: skip
        console.print(table)


_OPERATIONS = {
    "level": "the count",
    "yoy_pct": "change against the comparison month",
    "highest_since": "last earlier year as high",
    "share": "share of the denominator",
}


def _sides(row: Row) -> tuple[str, str]:
    value, against = (
        (row["numerator"], row["denominator"])
        if row["basis"] in ("mpp", "court")
        else (row["value"], row["prior"])
    )
    return ("" if value is None else f"{value:,}", "" if against is None else f"{against:,}")


def _holds(row: Row) -> str:
    return {True: "yes", False: "no", None: "no value"}[row["holds"]]


def _from(row: Row) -> str:
    if row["release_id"]:
        return f"{row['release_id']}, {provenance.published(row)}"
    if row["figure_ids"]:
        count = len(row["figure_ids"])
        day = provenance.published(row) if row["published_on"] else "undated"
        return f"{count} published figure{'s' if count > 1 else ''}, {day}"
    return "no release holds it"


def _moved(readings: list[Row]) -> list[Row]:
    """Of definitions whose reading changed over releases: the first reading and each that differs from the one before."""
    by_definition: dict[tuple[str, str], list[Row]] = {}
    for row in readings:
        seen = by_definition.setdefault((row["assertion_id"], row["definition_id"]), [])
        if not seen or (row["value"], row["prior"]) != (seen[-1]["value"], seen[-1]["prior"]):
            seen.append(row)
    return [row for seen in by_definition.values() if len(seen) > 1 for row in seen]


def _print_decompositions(console: Console, found: list[Row]) -> None:
    if found:
        console.print()
        console.print(Text("The part that is Title 42", style="bold"))
    for d in found:
        share = "" if d["title_42_value"] is None else f"{d['title_42_share_pct']:.0f} % of {d['value']:,}; "
        console.print(
            Text(
                f"  {d['definition_label']}: {share}of the change of {_signed(d['change'])}, "
                f"{_signed(d['change_title_42'])} is Title 42 and {_signed(d['change_title_8'])} is not"
            ),
            soft_wrap=True,
        )


def _signed(value: int) -> str:
    return f"{value:+,}".replace("-", "−")


def _print_reasons(console: Console, readings: list[Row]) -> None:
    """What stands behind the statuses of the counted readings, each reason once with the definitions it concerns."""
    concerned: dict[str, list[str]] = {}
    labels = {r["definition_label"] for r in readings if r["is_counted"]}
    for row in readings:
        for reason in row["reasons"] if row["is_counted"] else ():
            listed = concerned.setdefault(reason, [])
            if row["definition_label"] not in listed:
                listed.append(row["definition_label"])

    def of(listed: list[str]) -> str:
        if len(listed) == len(labels):
            return ""
        return (
            f" [{'; '.join(listed)}]" if len(listed) < 3 else f" [{len(listed)} of {len(labels)} definitions]"
        )

    _print_list(console, "Behind the statuses", [r + of(listed) for r, listed in concerned.items()])


def _print_list(console: Console, heading: str, lines: list[str]) -> None:
    if lines:
        console.print()
        console.print(Text(heading, style="bold"))
    for line in lines:
        console.print(Text(f"  {line}"), soft_wrap=True)


def _print_sources(console: Console, details: Mapping[str, list[Row]]) -> None:
    lines = [
        f"{r['release_id']}: {r['source']}, published {provenance.published(r)}, {r['trust']} ({r['origin']})"
        for r in details["releases"]
    ]
    notes = {e["figure_id"]: f"; {e['note']}" for e in details["evidence"]}
    lines += [
        f"{f['file']}:{f['line_no']}: {f['printed_value']:,.0f} {f['unit']} ({f['precision']}), {f['publisher_code']}, "
        f"{provenance.published(f) if f['published_on'] else 'undated'}, {f['source']}{notes.get(f['figure_id'], '')}"
        for f in details["figures"]
    ]
    _print_list(console, "Sources", lines)


def _to_explain(readings: list[Row]) -> list[str]:
    """Commands that follow the counted figures of files and pages to their lines, in the order of the readings."""
    found = [
        f"border explain {r['measure_id']} {month:%Y-%m}"
        for r in readings
        if r["is_counted"] and r["measure_id"] and r["bearing"] == "test"
        for month, release in ((r["month_start"], "release_id"), (r["comparison_month"], "prior_release_id"))
        if month and r[release]
    ]
    return list(dict.fromkeys(found))


@commands.command()
def explain(
    measure: MeasureArgument,
    month: MonthArgument,
    release: Annotated[
        str | None, typer.Option(help="Explain the value of this release, not the one that answers today.")
    ] = None,
    as_of: AsOf = None,
    lines: Annotated[int, typer.Option(min=0, help="Source lines to print.")] = 10,
    every: Annotated[bool, typer.Option("--all", help="Print every source line.")] = False,
    show_sql: Annotated[
        bool, typer.Option("--sql", help="Print the models the figure passes through.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Follow a figure down to release, file, SQL and the source lines that add up to it."""
    start, day = month_of(month), day_of(as_of)
    with one_line_errors(), open_published() as con:
        found = provenance.figure(con, measure, start, release_id=release, as_of=day)
        archive = Archive(Home.from_environment().archive)
        limit = None if every or as_json else lines
        listed = provenance.source_lines(con, archive, found, limit)
    path = _models_to(found)
    if as_json:
        print_json(
            {
                **{k: v for k, v in vars(found).items() if k != "line_nos"},
                "citation": found.citation,
                "file": _file_of(archive, found),
                "models": path,
                "line_nos": list(found.line_nos),
                "lines": [vars(line) for line in listed],
            }
        )
        return
    _print_explanation(found, listed, _file_of(archive, found), path, show_sql)


def _file_of(archive: Archive, found: provenance.Figure) -> str:
    """Where the bytes lie: the archive, or for a quoted figure the project's own list."""
    if found.figure_id is not None:
        return f"reference/{found.release['file_name']}"
    return str(archive.blob(found.release["sha256"]))


def _models_to(found: provenance.Figure) -> list[str]:
    """Models between the file and the figure, from the figure down, as paths in the repository."""
    if found.figure_id is not None:
        chain = ["marts.measure_vintages", "core.quoted__figures"]
    else:
        conformed = found.table.replace("monthly_encounters", "conformed_lines")
        chain = ["marts.measure_vintages", "core.monthly_totals", found.table, conformed]
    return [f"transforms/{name.replace('.', '/')}.sql" for name in chain]


def _print_explanation(
    found: provenance.Figure, listed: list[provenance.SourceLine], file: str, path: list[str], show_sql: bool
) -> None:
    console = open_console()

    def say(text: str, style: str = "") -> None:
        console.print(Text(text, style=style), soft_wrap=True)

    release = found.release
    finality = "provisional" if found.is_open_year else "final"
    say(f"{found.title}, {found.month_start:%B %Y}: {found.value:,} {found.unit} ({finality})", "bold")
    say(found.citation)
    console.print()
    answers = "the answer today" if found.is_answer else "not the answer today"
    say(f"Measure   {found.measure_id}: {found.definition}")
    say(f"Value     vintage {found.vintage_no} of {found.vintages}, {answers}")
    say(
        f"Release   {release['release_id']}: {release['source']}, published {provenance.published(release)} "
        f"({release['published_basis']}), {release['trust']}"
    )
    say(f"File      {release['file_name']}, {release['bytes']:,} bytes, sha256 {release['sha256']}")
    say(f"          {file}")
    if release["origin_sha256"]:
        say(f"          {release['origin']}, sha256 {release['origin_sha256']}")
    else:
        say(f"          {release['origin']}")
    say(f"Query     {found.query}")
    say(f"Filter    {found.filter_sql}")
    say(f"Models    {' ← '.join(path)}")
    if show_sql:
        for name in path:
            table = name.removeprefix("transforms/").removesuffix(".sql").replace("/", ".")
            console.print()
            say(f"-- {name}", "bold")
            say(models()[table].sql.rstrip())
        console.print()
    count, total = len(found.line_nos), release["lines_in_file"]
    of = f" of {total:,}" if found.figure_id is None else f" of {file}"
    say(f"{_LINES.get(release['layout'], 'Lines'):<10}{count:,}{of}: {provenance.ranges(found.line_nos)}")
    if not listed:
        return
    console.print()
    table = plain_table("line", "count", "as in the file", right=("line", "count"), wrap=("as in the file",))
    for line in listed:
        table.add_row(str(line.line_no), f"{line.encounters:,}", Text(line.text.replace("\t", " │ ")))
    console.print(table)
    if len(listed) < count:
        say(
            f"{len(listed)} of {count} shown; --all shows every one. Together they add up to {found.value:,}."
        )
    else:
        say(f"They add up to {sum(line.encounters for line in listed):,}.")


_LINES = {"workbook": "Rows", "ohss_book": "Cells", "ohss_flat": "Cells"}


@commands.command()
def feed(
    output: Annotated[
        Path | None, typer.Option(help="Where to write it; feed.json beside the published file by default.")
    ] = None,
    home_page: Annotated[str | None, typer.Option(help="Address of the page the feed belongs to.")] = None,
    feed_url: Annotated[str | None, typer.Option(help="Address the feed will have.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the correction feed: printed sentences whose figure a release has moved out of what they say."""
    from orchestration.claim_steps import changes_of

    with one_line_errors(), open_published() as con:
        sentences = rows_of(con, "select * from meta.printed_sentences order by sentence_id")
        logged = rows_of(con, "select * from marts.sentence_changes order by published_on, sentence_id")
        document = correction_feed.render(
            changes_of(sentences, logged),
            title="Border Ledger: corrections",
            home_page_url=home_page,
            feed_url=feed_url,
        )
        if as_json:
            print_json(document)
            return
        target = output or Home.from_environment().published / "feed.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
    console = open_console()
    needed = len(document["items"])
    console.print(
        Text(
            f"{target}: {needed} correction{'' if needed == 1 else 's'} over {len(sentences)} sentences; "
            f"{len(logged) - needed} changes inside the printed precision are only logged."
        ),
        soft_wrap=True,
    )
    for item in document["items"]:
        console.print(Text(f"  {item['content_text']}"), soft_wrap=True)
