"""Commands that run the warehouse: `fetch`, `copy` and `doctor`.

Belongs here: what these commands print. Does not belong here: asking the sources (`orchestration.fetch`) or
looking at the installation (`orchestration.doctor`).
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated

import typer
from rich.text import Text

from orchestration.screen import FAILED, OK, USAGE, AsJson, one_line_errors, open_console, print_json, stop
from warehouse.paths import Home

commands = typer.Typer()

_STYLES = {
    "fetched": "green",
    "unchanged": "",
    "not_published_yet": "",
    "blocked": "yellow",
    "changed_or_broken": "red",
}


@commands.command()
def fetch(
    only: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SOURCE]...", help="Sources to ask; all by default."),
    ] = None,
    force: Annotated[bool, typer.Option(help="Ask also the sources that are not due yet.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask the publishers for new files and take what lies in the drop folder; `border build` loads what came."""
    from orchestration.fetch import acquire_state, log_answers, registered_sources
    from orchestration.fetch import fetch as run_fetch
    from warehouse.acquire import AcquireError
    from warehouse.archive import Archive
    from warehouse.freshness import next_step_of

    home = Home.from_environment()
    with one_line_errors():
        try:
            sources = registered_sources()
            if unknown := sorted(set(only or ()) - set(sources)):
                stop(f"{', '.join(unknown)}: no such source; there are {', '.join(sources)}", USAGE)
            report = run_fetch(
                home, lambda: dt.datetime.now(dt.UTC), sources=sources, only=only or None, force=force
            )
            state = acquire_state(home, Archive(home.archive))
            report.note = log_answers(home, state)
        except AcquireError as error:
            stop(str(error), USAGE)
    if as_json:
        print_json(
            {
                "answers": [
                    {**json.loads(a.to_json()), "next_step": next_step_of(a)} for a in report.answers
                ],
                "archived": [
                    {"file": o.file, "status": o.status, "message": o.message} for o in report.archived
                ],
                "waiting": report.waiting,
                "note": report.note,
            }
        )
    else:
        console = open_console()
        for answer in report.answers:
            line = answer.line
            if step := next_step_of(answer):
                line += "" if step in line or "drop" in line else f"; {step}"
            console.print(Text(line, style=_STYLES[answer.state.value]), soft_wrap=True)
        if not report.answers:
            due = [state.due_at(name) for name in sources if not sources[name].is_drop_folder]
            soonest = min((moment for moment in due if moment), default=None)
            when = f" before {soonest:%Y-%m-%d %H:%M} UTC" if soonest else ""
            console.print(f"No source is due{when} and the drop folder is empty; --force asks all the same.")
        for outcome in report.archived:
            console.print(Text(f"archived {outcome.status}: {outcome.message}"), soft_wrap=True)
        for line in report.waiting:
            console.print(Text(line, style="yellow"), soft_wrap=True)
        if report.note:
            console.print(Text(report.note), soft_wrap=True)
        if any(o.status == "added" for o in report.archived):
            console.print("Run `border build` to load and publish.")
    raise typer.Exit(FAILED if report.has_trouble else OK)


@commands.command()
def copy(
    url: Annotated[
        str, typer.Argument(help="Folder, or any fsspec address: s3://bucket/ledger, file:///srv/ledger.")
    ],
) -> None:
    """Copy the published version elsewhere, whole and in order; nothing is sent that is there already."""
    from warehouse import versions

    home = Home.from_environment()
    with one_line_errors():
        try:
            record = versions.copy_to(home.published, url)
        except versions.TargetError as error:
            stop(str(error), USAGE)
    open_console().print(f"Copied version {record.version}, {record.folder}.")


@commands.command()
def doctor(
    quick: Annotated[bool, typer.Option(help="Do not hash archived files.")] = False, as_json: AsJson = False
) -> None:
    """Look at the whole installation and say what is wrong and what to do; changes nothing."""
    from orchestration.doctor import Verdict, examine

    home = Home.from_environment()
    found = examine(home, dt.datetime.now(dt.UTC), deep=not quick)
    worst = {f.verdict for f in found}
    if as_json:
        print_json({"home": str(home.root), "findings": [vars(f) for f in found]})
    else:
        console = open_console()
        styles = {Verdict.OK: "", Verdict.LOOK: "yellow", Verdict.ACT: "red"}
        for finding in found:
            text = f"{finding.verdict.value:<5}{finding.area:<13}{finding.line}"
            console.print(Text(text, style=styles[finding.verdict]), soft_wrap=True)
        todo = sum(f.verdict is Verdict.ACT for f in found)
        look = sum(f.verdict is Verdict.LOOK for f in found)
        console.print(f"{todo} to act on, {look} to look at.")
    raise typer.Exit(FAILED if Verdict.ACT in worst else OK)
