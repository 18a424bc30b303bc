"""Commands for court records: `synth eoir` writes a made-up release, `court` prints what the releases say.

Belongs here: what these commands print. Does not belong here: the marts (transforms/marts), loading, the generator
(`warehouse.court`). Whatever stands on made-up records says SYNTHETIC in its title.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from orchestration.screen import (
    FAILED,
    USAGE,
    AsJson,
    one_line_errors,
    open_console,
    open_published,
    plain_table,
    print_json,
    rows_of,
    stop,
)

Row = dict[str, Any]
DIMENSIONS = ("base_city", "nationality", "case_type", "custody")
DENOMINATORS = ("assigned", "completed", "decided", "decided_in_presence", "applications")
AFTER_MONTHS = (12, 24, 36, 60, 120)

commands = typer.Typer()
synth = typer.Typer(
    help="Write made-up agency files, for tests and for trying things out.", no_args_is_help=True
)
commands.add_typer(synth, name="synth")


@synth.callback()
def _group() -> None:
    """Keep `eoir` a subcommand even while it is the only one."""


@synth.command("eoir")
def synth_eoir(
    cases: Annotated[int, typer.Option(help="Cases to make up; about 13 records each in all tables.", min=1)],
    to: Annotated[Path, typer.Option(help="The zip to write; a truth file is written beside it.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    defects: Annotated[
        float, typer.Option(help="Multiple of the defect rates of published releases; 0 plants none.", min=0)
    ] = 1.0,
    method: Annotated[int, typer.Option(help="Zip method: 9 as published, 8 for other tools.")] = 9,
) -> None:
    """Write a court release shaped like EOIR's, every planted defect named in a truth file."""
    from warehouse.court import synth as generator

    if method not in (8, 9):
        stop(f"--method {method}: EOIR uses 9, other tools 8; give one of them", USAGE)
    if to.suffix.lower() != ".zip":
        stop(f"{to}: name a file that ends in .zip", USAGE)
    if not to.parent.is_dir():
        stop(f"{to.parent}: no such folder", USAGE)
    console = open_console(stderr=True)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console
    ) as bar:
        task = bar.add_task("making up", total=1.0)
        truth = generator.write_release(
            to,
            cases,
            seed,
            defects=defects,
            method=method,
            progress=lambda table, done, total: bar.update(task, description=table, completed=done / total),
        )
    open_console().print(
        f"{to}: SYNTHETIC, {sum(truth.records.values()):,} records in {len(truth.records)} tables, {len(truth.planted):,} "
        f"defects, each named in {generator.truth_path(to)}.",
        soft_wrap=True,
    )


@commands.command()
def court(
    january: Annotated[bool, typer.Option("--january", help="Only January against January.")] = False,
    mpp: Annotated[bool, typer.Option("--mpp", help="Only the Migrant Protection Protocols.")] = False,
    year: Annotated[int | None, typer.Option(help="January to print; the newest by default.")] = None,
    by: Annotated[str | None, typer.Option(help=f"Break January down: {', '.join(DIMENSIONS)}.")] = None,
    measure: Annotated[str, typer.Option(help="Measure that --by breaks down.")] = "new_cases",
    as_of: Annotated[
        str, typer.Option("--as-of", metavar="YYYY-MM-DD", help="Day of the MPP counts.")
    ] = "2021-01-31",
    as_json: AsJson = False,
) -> None:
    """Print court records: January against January, MPP shares over every denominator, how cases end over time."""
    if by not in (None, *DIMENSIONS):
        stop(f"--by {by!r} is none of {', '.join(DIMENSIONS)}", USAGE)
    chosen = {"january": january or not mpp, "mpp": mpp or not january, "incidence": not (january or mpp)}
    with one_line_errors(), open_published() as con:
        found: dict[str, list[Row]] = {"releases": rows_of(con, _RELEASES)}
        if chosen["january"]:
            parameters = [by or "all", measure if by else None, year]
            found["january"] = rows_of(con, _JANUARY, parameters)
        if chosen["mpp"]:
            found["mpp_outcomes"] = rows_of(con, _OUTCOMES, [as_of])
            found["mpp_denominator_fan"] = rows_of(con, _FAN, [as_of])
        if chosen["incidence"]:
            found["incidence"] = rows_of(con, _INCIDENCE, [list(AFTER_MONTHS)])
    if as_json:
        print_json(found)
        return
    console = open_console()
    if not found["releases"]:
        console.print(
            "No court release is loaded: published figures only. `border ingest` takes EOIR's zip, `border synth eoir` "
            "writes a made-up one.",
            soft_wrap=True,
        )
    if year and found["releases"] and not found.get("january", [1]):
        stop(f"January {year}: no release holds it", FAILED)
    for release in found["releases"]:
        for section in ("january", "incidence"):
            rows = [r for r in found.get(section, []) if r["release_id"] == release["release_id"]]
            if rows:
                {"january": _print_january, "incidence": _print_incidence}[section](
                    console, release, rows, by
                )
    for made_up in (False, True):
        rows = [r for r in found.get("mpp_denominator_fan", []) if r["is_synthetic"] is made_up]
        if rows:
            _print_fan(
                console,
                rows,
                [r for r in found["mpp_outcomes"] if r["is_synthetic"] is made_up],
                as_of,
                made_up,
            )


_RELEASES = """
select release_id, file_name, published_on, data_through, trust, trust = 'synthetic' as is_synthetic
from meta.releases where layout = 'eoir_zip' order by trust = 'synthetic', published_on desc, release_id
"""
_JANUARY = """
select * from marts.court_january_yoy as y
where dimension = $1 and ($2::varchar is null or measure_code = $2)
    and january = coalesce($3::integer, (select max(january) from marts.court_january_yoy where release_id = y.release_id))
order by release_id, value desc, measure_code, dimension_code
"""
_OUTCOMES = (
    "select * from marts.mpp_outcomes where as_of = $1::date order by counted_in = 'published' desc, "
    "counted_in, programme, counted_by"
)
_FAN = """
select * from marts.mpp_denominator_fan where as_of = $1::date and share_pct is not null
order by counted_in = 'published' desc, counted_in, programme, counted_by,
    list_position(['relief_granted', 'relief_or_protection', 'application_granted'], numerator_code),
    list_position(['assigned', 'completed', 'decided', 'decided_in_presence', 'applications'], denominator_code)
"""
_INCIDENCE = """
select * from marts.court_outcomes_by_month
where cohort = 'all' and months_since_notice in (select unnest($1::integer[]))
order by release_id, list_position(['removal_cases', 'mpp1', 'mpp2'], population),
    list_position(['relief', 'protection', 'removal', 'other_closure'], outcome_group_code), months_since_notice
"""


def _title(console: Console, text: str, is_synthetic: bool) -> None:
    console.print()
    if is_synthetic:
        console.print(
            Text(f"SYNTHETIC  {text}; made-up records, no evidence about the world", style="bold red")
        )
    else:
        console.print(Text(text, style="bold"))


def _named(release: Row) -> str:
    return f"{release['release_id']}, published {release['published_on']}, {release['trust']}"


def _print_january(console: Console, release: Row, rows: list[Row], by: str | None) -> None:
    year = rows[0]["january"]
    of = f"{rows[0]['measure_title']}, by {by.replace('_', ' ')}, " if by else "Immigration courts, "
    _title(
        console, f"{of}January {year} against January {year - 1} ({_named(release)})", release["is_synthetic"]
    )
    heading = "group" if by else "measure"
    table = plain_table(
        heading,
        "value",
        "year before",
        "change",
        "status",
        right=("value", "year before", "change"),
        wrap=(heading,),
    )
    for r in rows[:40]:
        name = f"{r['dimension_code']} {r['dimension_label'] or ''}".strip() if by else r["measure_title"]
        pct = "" if r["pct_change"] is None else f"{r['pct_change']:+.1f} %".replace("-", "−")
        table.add_row(name, f"{r['value']:,}", f"{r['prior']:,}", pct, r["status"])
    console.print(table)
    if len(rows) > 40:
        console.print(f"40 of {len(rows)} groups shown; --json prints all")
    for reason in dict.fromkeys(
        reason for r in rows for reason in r["reasons"] if "no percentage" not in reason
    ):
        console.print(Text(f"  {reason}"), soft_wrap=True)


def _print_fan(console: Console, rows: list[Row], outcomes: list[Row], as_of: str, made_up: bool) -> None:
    _title(console, f"Migrant Protection Protocols as of {as_of}, cases", made_up)
    columns = {
        "assigned": "assigned_cases", "completed": "completed_cases", "pending": "pending_cases", "relief": "relief_cases",
        "removal orders": "removal_order_cases", "in absentia": "removal_in_absentia_cases",
    }  # fmt: skip
    table = plain_table("counted in", "programme", "by", *columns, right=tuple(columns))
    for r in outcomes:
        table.add_row(
            r["counted_in"], r["programme"], r["counted_by"],
            *("" if r[c] is None else f"{r[c]:,}" for c in columns.values()),
        )  # fmt: skip
    console.print(table)
    _title(console, f"Migrant Protection Protocols as of {as_of}, one share over every denominator", made_up)
    fan: dict[tuple[str, ...], dict[str, float]] = {}
    for r in rows:
        line = r["counted_in"], r["programme"], r["counted_by"], r["numerator_code"], f"{r['numerator']:,}"
        fan.setdefault(line, {})[r["denominator_code"]] = r["share_pct"]
    headings = [f"of {d.replace('_', ' ')}" for d in DENOMINATORS]
    table = plain_table(
        "counted in", "programme", "by", "numerator", "cases", *headings, right=("cases", *headings)
    )
    for (*names, numerator, cases), shares in fan.items():
        table.add_row(
            *names, numerator.replace("_", " "), cases,
            *(f"{shares[d]:.2f} %" if d in shares else "" for d in DENOMINATORS),
        )  # fmt: skip
    console.print(table)


_SHARES = ("cumulative_incidence", "share_of_all", "share_of_completed")


def _print_incidence(console: Console, release: Row, rows: list[Row], _: str | None) -> None:
    _title(
        console,
        f"How cases end, by months since the notice ({_named(release)}); pending cases censored, naive ratios beside",
        release["is_synthetic"],
    )
    table = plain_table("population", "outcome", "months", "incidence", "of all cases", "of completed", "at risk",
                        right=("months", "incidence", "of all cases", "of completed", "at risk"))  # fmt: skip
    for r in rows:
        table.add_row(
            r["population"].replace("_", " "), r["outcome_group_code"].replace("_", " "), str(r["months_since_notice"]),
            *("" if r[c] is None else f"{100 * r[c]:.1f} %" for c in _SHARES),
            f"{r['at_risk_cases']:,}",
        )  # fmt: skip
    console.print(table)
