"""The command line, `border`: thin, over the same steps and assets.

Belongs here: arguments, tables on the screen, exit codes (0 ok, 1 data failed a check, 2 usage or environment).
Does not belong here: any rule about data. Heavy imports (Dagster, Great Expectations) stay inside the commands that
need them, so that reading a figure takes a moment.
"""

from __future__ import annotations

import datetime as dt
import time
import warnings
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from orchestration import (
    cli_claims,
    cli_court,
    cli_export,
    cli_lake,
    cli_mcp,
    cli_ops,
    cli_site,
    cli_vintages,
)
from orchestration.screen import (
    FAILED,
    USAGE,
    AsJson,
    AsOf,
    as_typed,
    day_of,
    one_line_errors,
    open_console,
    open_published,
    plain_table,
    print_json,
    rows_of,
    stop,
)
from warehouse.paths import PROJECT, REFERENCE, Home

app = typer.Typer(
    help="Border Ledger: monthly CBP encounters and immigration-court records in DuckDB, every figure with its "
    "definition, release and status.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(cli_claims.commands)
app.add_typer(cli_vintages.commands)
app.add_typer(cli_ops.commands)
app.add_typer(cli_site.commands)
app.add_typer(cli_mcp.commands)
app.add_typer(cli_export.commands)
app.add_typer(cli_court.commands)

BAD = ("refused", "unknown")


@app.command()
def build(
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="Folder, zip or file of agency files to ingest first; may be repeated."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            help="Where facts are shared: file (not at all; the default), or ducklake:postgres:dbname=… host=…; "
            "$BORDER_TARGET by default. docs/lake.md",
        ),
    ] = None,
    data_path: Annotated[
        str | None,
        typer.Option(
            help="Folder or s3://… for the files of a new lake, which remembers it; $BORDER_LAKE_DATA."
        ),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(
            help="What evaluates models and audits: duckdb, or spark (install border-ledger[spark]).",
            envvar="BORDER_ENGINE",
        ),
    ] = "duckdb",
    as_json: AsJson = False,
) -> None:
    """Build, audit and publish the warehouse from the archive and the series the project carries."""
    cli_lake.choose(target, data_path)
    warnings.filterwarnings("ignore")
    console = open_console(stderr=True)
    home = Home.from_environment()
    started = time.monotonic()
    refused: list[str] = []
    with one_line_errors():
        for source in [*(data or []), REFERENCE / "series"]:
            outcomes = _ingest([source], None, None)
            refused += [o.message for o in outcomes if o.status in BAD]
            _say_skipped(console, outcomes)
        for line in refused:
            console.print(Text(f"refused  {line}", style="red"))
        with Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=console,
        ) as progress:
            task = progress.add_task("loading", total=1.0)
            from orchestration.build import build as run_build

            report = run_build(
                home,
                lambda step, share: progress.update(task, description=step, completed=share),
                engine=engine,
            )
            progress.update(task, description="done" if report.ok else "stopped", completed=1.0)
    seconds = time.monotonic() - started
    if as_json:
        print_json({**vars(report), "refused": refused, "seconds": round(seconds, 1)})
    else:
        for line in report.warned:
            console.print(Text(f"warning  {line}", style="yellow"), soft_wrap=True)
        for line in report.failed:
            console.print(Text(f"failed   {line}", style="red"), soft_wrap=True)
        if report.ok:
            console.print(
                f"Published {cli_lake.places(home)} (version {report.version}): {len(report.loaded)} new releases, "
                f"{report.checks} checks passed in {seconds:.0f} s."
            )
        else:
            console.print(
                "Not published; readers keep the version they had. Every check: "
                + str(home.data_docs / "index.html")
            )
    if not report.ok or refused:
        raise typer.Exit(FAILED)


def _say_skipped(console: Console, outcomes: list[Any]) -> None:
    """Files of a folder that claim to be no agency file, in one line; `border ingest FILE` says why for each."""
    if skipped := [Path(o.file).name for o in outcomes if o.status == "skipped"]:
        shown = ", ".join(skipped[:3]) + (", …" if len(skipped) > 3 else "")
        console.print(f"{len(skipped)} files passed by, of no family known here: {shown}", soft_wrap=True)


def _ingest(paths: list[Path], published: str | None, trust: str | None) -> list[Any]:
    from orchestration.ingest import ingest as run_ingest
    from warehouse.archive import Archive

    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    return list(
        run_ingest(paths, Archive(Home.from_environment().archive), published=published, trust=trust, now=now)
    )


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Agency files, folders or zips, in any order.")],
    published: Annotated[
        str | None,
        typer.Option(
            help="When the files were published, YYYY-MM or YYYY-MM-DD, where neither name nor folder tells."
        ),
    ] = None,
    trust: Annotated[
        str | None,
        typer.Option(
            help="official (you fetched it from the publisher), mirrored (a copy; the default) or, for a court release, "
            "synthetic (made up)."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Archive agency files, each once, and record their releases. `border build` then loads them."""
    if trust not in (None, "official", "mirrored", "synthetic"):
        stop(f"--trust {trust!r} is none of official, mirrored, synthetic", USAGE)
    with one_line_errors():
        outcomes = _ingest(paths, published, trust)
        if any(o.status == "added" for o in outcomes):
            _record_releases()
    if as_json:
        print_json([{"file": o.file, "status": o.status, "message": o.message} for o in outcomes])
    else:
        console = open_console()
        styles = {"added": "green", "refused": "red", "unknown": "red"}
        _say_skipped(console, outcomes)
        for o in (o for o in outcomes if o.status != "skipped"):
            console.print(Text(f"{o.status:<9}{o.message}", style=styles.get(o.status, "")), soft_wrap=True)
        added = sum(o.status == "added" for o in outcomes)
        console.print(
            f"{added} added. " + ("Run `border build` to load and publish." if added else "Nothing new.")
        )
    if any(o.status in BAD for o in outcomes):
        raise typer.Exit(FAILED)


@app.command("set-aside")
def set_aside(
    release: Annotated[str, typer.Argument(help="Release, as `border status` or a message names it.")],
    because: Annotated[str, typer.Option(help="Why, for whoever asks later.")],
) -> None:
    """Take a release out of every build; its bytes and the reason stay in the archive."""
    from warehouse.archive import Archive

    with one_line_errors():
        now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
        Archive(Home.from_environment().archive).set_aside(release, because, now)
        _record_releases()
    open_console().print(f"{release} is set aside. Run `border build` to publish without it.")


def _record_releases() -> None:
    """Bring meta.releases of the build file up to the archive; with a lake the next build does, and knows the others'."""
    from orchestration import steps
    from warehouse.archive import Archive
    from warehouse.lake import Lake
    from warehouse.writer import BuildLock, Warehouse

    if Lake.from_environment():
        return
    home = Home.from_environment()
    with BuildLock(home.build_lock), Warehouse(home.build_file) as warehouse:
        steps.load_reviewed(warehouse)
        steps.load_releases(warehouse, Archive(home.archive))


_JANUARIES_AS_OF = """(
    select *, year(month_start) as january from monthly_yoy_as_of(date '{day}') where month(month_start) = 1
)"""


@app.command()
def january(
    measure: Annotated[str, typer.Option(help="Measure; `border measures` lists them.")] = "usbp_southwest",
    year: Annotated[
        int | None, typer.Option(help="January to set beside its other readings; the newest by default.")
    ] = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Print January against the January before, with definition, release, status and the other readings."""
    day = day_of(as_of)
    januaries = "marts.january_yoy" if day is None else _JANUARIES_AS_OF.format(day=day)
    with one_line_errors(), open_published() as con:
        found = rows_of(con, "select * from meta.measures where measure_id = ?", [measure])
        if not found:
            known = [
                r["measure_id"]
                for r in rows_of(con, "select measure_id from meta.measures order by measure_id")
            ]
            stop(f"{measure}: no such measure; one of {', '.join(known)}", USAGE)
        series = rows_of(con, f"select * from {januaries} where measure_id = ? order by january", [measure])
        with_value = [r["january"] for r in series if r["value"] is not None]
        if not with_value:
            stop(
                f"{measure}: no release answers it{' that was public by ' + as_of if as_of else ' yet'}; "
                "add the files that do with `border build --data FOLDER`",
                FAILED,
            )
        year = year or with_value[-1]
        focus = next((r for r in series if r["january"] == year), None)
        if focus is None:
            stop(f"{measure}: no January {year}; there are {with_value[0]} to {with_value[-1]}", USAGE)
        readings = rows_of(
            con,
            f"select y.* from meta.measure_readings r join {januaries} y on y.measure_id = r.reading_id "
            "where r.measure_id = ? and y.january = ? order by r.reading_no",
            [measure, year],
        )
        used = {focus["release_id"], focus["prior_release_id"]}  # type: ignore[index]
        releases = rows_of(
            con,
            "select release_id, source, file_name, published_on, published_precision, trust, origin from meta.releases "
            "where release_id in (select unnest(?)) order by published_on",
            [[r for r in used if r]],
        )
    if as_json:
        print_json(
            {
                "measure": found[0],
                "as_of": day,
                "series": series,
                "january": focus,
                "readings": readings,
                "releases": releases,
            }
        )
        return
    if day:
        open_console().print(f"As it was public by the end of {day}")
    _print_january(found[0], series, focus, readings, releases)  # type: ignore[arg-type]


def _print_january(
    measure: dict[str, Any],
    series: list[dict[str, Any]],
    focus: dict[str, Any],
    readings: list[dict[str, Any]],
    releases: list[dict[str, Any]],
) -> None:
    console = open_console()
    console.print(Text(measure["title"], style="bold"))
    console.print(measure["definition"])
    console.print()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading, justify in (
        ("January", "left"), ("value", "right"), ("year before", "right"), ("change", "right"), ("status", "left"),
        ("finality", "left"), ("rank since 2000", "right"), ("highest since", "right"), ("source", "left"),
    ):  # fmt: skip
        table.add_column(heading, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for row in series:
        if row["value"] is None and row["prior"] is None:
            continue
        table.add_row(
            str(row["january"]), _count(row["value"]), _count(row["prior"]), _percent(row["pct_change"]), row["status"],
            row["finality"] or "", _rank(row), _highest(row), row["family"] or "",
            style="bold" if row["january"] == focus["january"] else None,
        )  # fmt: skip
    console.print(table)
    console.print()
    console.print(Text(f"January {focus['january']}, by definition", style="bold"))
    beside = Table(box=None, pad_edge=False, header_style="bold")
    for heading, justify in (
        ("reading", "left"), ("value", "right"), ("year before", "right"), ("change", "right"), ("status", "left"),
        ("release", "left"),
    ):  # fmt: skip
        beside.add_column(heading, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for row in [focus, *readings]:
        beside.add_row(
            row["measure_title"], _count(row["value"]), _count(row["prior"]), _percent(row["pct_change"]), row["status"],
            row["release_id"] or "no release holds it", style="bold" if row is focus else None,
        )  # fmt: skip
    console.print(beside)
    console.print()
    _print_card(console, measure, focus)
    for release in releases:
        on = (
            f"{release['published_on']:%Y-%m}"
            if release["published_precision"] == "month"
            else str(release["published_on"])
        )
        console.print(
            Text(
                f"Release {release['release_id']}: {release['source']}, published {on}, "
                f"{release['trust']} ({release['origin']})"
            ),
            soft_wrap=True,
        )
    for caveat in measure["caveats"]:
        console.print(Text(caveat), soft_wrap=True)


def _print_card(console: Console, measure: dict[str, Any], focus: dict[str, Any]) -> None:
    """The sentence a reader can quote, and what stands around it."""
    year = focus["january"]
    if focus["value"] is None:
        console.print(
            Text(f"January {year}: {focus['status']}; {'; '.join(focus['reasons'])}"), soft_wrap=True
        )
        return
    sentence = f"{measure['title']}, January {year}: {_count(focus['value'])}"
    if focus["prior"] is not None:
        sentence += (
            f" against {_count(focus['prior'])} in January {year - 1}, {_percent(focus['pct_change'])}"
        )
    if focus["highest_since"]:
        sentence += f", highest since {focus['highest_since']}"
    elif (focus["ranked_years"] or 0) > 1:
        sentence += f", highest of the {focus['ranked_years']} Januaries known"
    console.print(
        Text(sentence + f" ({focus['status']}, {focus['finality']}).", style="bold"), soft_wrap=True
    )
    around = [
        ("January 2019", focus["value_2019"], focus["pct_change_2019"]),
        (
            "median of the five Januaries before",
            focus["median_prior_five"],
            focus["pct_change_median_prior_five"],
        ),
        (f"December {year - 1}", focus["previous_month"], focus["pct_change_previous_month"]),
    ]
    parts = [
        f"{_percent(pct)} against {name} ({_count(base)})"
        for name, base, pct in around
        if base is not None and pct is not None
    ]
    if parts:
        console.print(Text("; ".join(parts) + "."), soft_wrap=True)
    if focus["title_42_value"] is not None:
        console.print(
            Text(
                f"{focus['title_42_share_pct']:.1f} % of the value ({_count(focus['title_42_value'])}) was Title 42. "
                f"Of the change, "
                f"{_signed(focus['change_title_42'])} is Title 42 and {_signed(focus['change_title_8'])} is not."
            ),
            soft_wrap=True,
        )
    for reason in focus["reasons"]:
        console.print(Text(f"  {reason}"), soft_wrap=True)


def _month(day: dt.date | None) -> str:
    return "any time" if day is None else f"{day:%Y-%m}"


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _signed(value: int | None) -> str:
    return "" if value is None else f"{value:+,}".replace("-", "−")


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:+.1f} %".replace("-", "−")


def _rank(row: dict[str, Any]) -> str:
    return "" if row["rank_since_2000"] is None else f"{row['rank_since_2000']} of {row['ranked_years']}"


def _highest(row: dict[str, Any]) -> str:
    if row["value"] is None:
        return ""
    return str(row["highest_since"] or f"{2000 if row['ranked_years'] > 20 else 'first'} on")


@app.command()
def measures(as_json: AsJson = False) -> None:
    """List the measures: what can be asked."""
    with one_line_errors(), open_published() as con:
        rows = rows_of(
            con,
            "select measure_id, title, definition, filter_sql, caveats from meta.measures order by measure_id",
        )
    if as_json:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("measure", no_wrap=True)
    table.add_column("definition")
    for row in rows:
        table.add_row(row["measure_id"], row["definition"])
    open_console().print(table)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="A query over the published warehouse.")],
    as_json: AsJson = False,
    limit: Annotated[int, typer.Option(help="Rows to print.")] = 200,
) -> None:
    """Run a query on the published warehouse, read-only, with no access to files or the network."""
    with one_line_errors(), open_published() as con:
        try:
            rows = rows_of(con, as_typed(query))
        except duckdb.Error as error:
            stop(str(error).strip(), USAGE)
    if as_json:
        print_json(rows)
        return
    console = open_console()
    if not rows:
        console.print("no rows")
        return
    shown = [{name: "" if v is None else str(v) for name, v in row.items()} for row in rows[:limit]]
    widths = {name: max(len(name), *(len(row[name]) for row in shown)) for name in shown[0]}
    if sum(widths.values()) + 2 * len(widths) > console.width:
        _print_records(console, shown)  # too wide for a table: every value whole, a line each
    else:
        numbers = [n for n, v in rows[0].items() if isinstance(v, int | float) and not isinstance(v, bool)]
        table = plain_table(*shown[0], right=numbers)
        for row in shown:
            table.add_row(*map(Text, row.values()))
        console.print(table)
    if any(row.get("is_synthetic") is True or row.get("trust") == "synthetic" for row in rows):
        console.print(
            Text("SYNTHETIC: some rows are made up and say nothing about the world", style="bold red")
        )
    if len(rows) > limit:
        console.print(f"{limit} of {len(rows):,} rows shown; --limit shows more, --json all")


def _print_records(console: Console, rows: list[dict[str, str]]) -> None:
    pad = max(map(len, rows[0]))
    for position, row in enumerate(rows, 1):
        console.print(Text(f"row {position}", style="bold"))
        for name, value in row.items():
            console.print(Text(f"  {name:<{pad}}  {value}"), soft_wrap=True)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show what is published: version, releases, what became of every line, and the last audit."""
    with one_line_errors(), open_published() as con:
        published = rows_of(con, "select * from meta.publication")[0]
        releases = rows_of(
            con,
            "select r.release_id, r.family, r.file_name, r.published_on, r.published_precision, r.data_from, "
            "r.data_through, "
            "r.trust, r.lines_in_file, "
            "coalesce(sum(l.lines) filter (where l.disposition = 'loaded'), 0)::bigint as loaded, "
            "coalesce(sum(l.lines) filter (where l.disposition = 'merged'), 0)::bigint as merged, "
            "coalesce(sum(l.lines) filter (where l.disposition = 'quarantined'), 0)::bigint as quarantined, "
            "coalesce(sum(l.lines) filter (where l.disposition = 'ignored'), 0)::bigint as ignored, r.is_superseded "
            "from meta.releases r left join meta.row_ledger l using (release_id) where r.layout <> 'quoted' "
            "group by all order by r.published_on, r.release_id",
        )
        quoted = con.execute("select count(*) from meta.releases where layout = 'quoted'").fetchone()
        checks = rows_of(
            con,
            "select outcome, count(*) as expectations from meta.checks group by all order by all",
        )
        warned = rows_of(
            con,
            "select table_name, expectation, observed from meta.checks where outcome in ('warned', 'failed') order by all",
        )
    if as_json:
        print_json({"publication": published, "releases": releases, "checks": checks, "warnings": warned})
        return
    console = open_console()
    console.print(
        f"Version {published['version']}, published {published['published_at']:%Y-%m-%d %H:%M} UTC, data through "
        f"{published['data_through']:%B %Y}: {Home.from_environment().published_file}"
    )
    console.print()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("release", "published", "months", "trust"):
        table.add_column(heading, no_wrap=True)
    for heading in ("lines", "loaded", "merged", "quarantined", "ignored"):
        table.add_column(heading, justify="right", no_wrap=True)
    for r in releases:
        on = f"{r['published_on']:%Y-%m}" if r["published_precision"] == "month" else str(r["published_on"])
        table.add_row(
            r["release_id"], on, f"{_month(r['data_from'])} to {r['data_through']:%Y-%m}",
            "superseded" if r["is_superseded"] else r["trust"].upper() if r["trust"] == "synthetic" else r["trust"],
            *(f"{r[c]:,}" for c in ("lines_in_file", "loaded", "merged", "quarantined", "ignored")),
        )  # fmt: skip
    console.print(table)
    console.print(f"{quoted[0] if quoted else 0} releases of single quoted figures beside them.")
    console.print("Checks: " + ", ".join(f"{c['expectations']} {c['outcome']}" for c in checks))
    for w in warned:
        console.print(
            Text(f"  {w['table_name']}: {w['expectation']}: {w['observed']}", style="yellow"), soft_wrap=True
        )


@app.command()
def publish() -> None:
    """Publish the build again if its last audit passed; `border build` does this by itself."""
    from orchestration import sharing
    from orchestration.resources import Ledger
    from warehouse.publish import NotPublishable
    from warehouse.writer import BuildLock, Warehouse

    home = Home.from_environment()
    with one_line_errors(), BuildLock(home.build_lock):
        if not home.build_file.exists():
            stop(f"{home.build_file}: nothing has been built; run `border build`", USAGE)
        with Warehouse(home.build_file) as warehouse:
            try:
                now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
                version = sharing.publish_build(warehouse, Ledger(root=str(home.root)), now)
            except NotPublishable as error:
                stop(f"not published:\n{error}", FAILED)
    open_console().print(f"Published {cli_lake.places(home)} (version {version}).")


@app.command()
def carry(
    data: Annotated[Path, typer.Argument(help="Folder of agency files to re-encode.")],
) -> None:
    """Write the reference series the project carries from agency files (maintainers)."""
    from orchestration.carry import carry as write_series

    with one_line_errors():
        for line in write_series(data, PROJECT / "reference"):
            open_console().print(Text(line), soft_wrap=True)


if __name__ == "__main__":
    app()
