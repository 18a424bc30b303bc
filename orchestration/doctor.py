"""Doctor: looks at one installation and says what is wrong and what to do, changing nothing.

Belongs here: the examinations. Does not belong here: repairs, and printing (cli_ops).
"""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
import shutil
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import duckdb

from orchestration import fetch
from orchestration.alerts import WEBHOOK_VARIABLE
from orchestration.automation import SWITCH
from warehouse import versions
from warehouse.acquire import AcquireError
from warehouse.acquire.conduct import CONTACT_VARIABLE
from warehouse.archive import Archive
from warehouse.freshness import standings
from warehouse.paths import PROJECT, Home
from warehouse.writer import BuildLock

CLOCK_TOLERANCE = dt.timedelta(minutes=5)
#: A build needs the build file once more, its copy, Parquet and the copy readers open.
COPIES_OF_A_BUILD = 4
RUNS_SHOWN = 5


class Verdict(StrEnum):
    """`ok`, `look` (works, and somebody should know) or `act` (does not work until somebody does something)."""

    OK = "ok"
    LOOK = "look"
    ACT = "act"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor: what was looked at, what was found, and what to do about it."""

    area: str
    verdict: Verdict
    message: str
    next_step: str | None = None

    @property
    def line(self) -> str:
        return f"{self.message}; {self.next_step}" if self.next_step else self.message


def examine(home: Home, now: dt.datetime, *, deep: bool = True) -> list[Finding]:
    """Everything about the installation at `home`; `now` is aware. Without `deep` archived bytes are not hashed."""
    examinations: dict[str, Callable[[], Iterator[Finding]]] = {
        "environment": lambda: _environment(home),
        "versions": _versions,
        "disk": lambda: _disk(home),
        "locks": lambda: _locks(home),
        "archive": lambda: _archive(home, deep),
        "build": lambda: _build(home),
        "published": lambda: _published(home),
        "lake": _lake,
        "clock": lambda: _clock(home, now),
        "runs": lambda: _runs(home),
        "sources": lambda: _sources(home, now),
        "alerts": lambda: _alerts(home),
    }
    found = []
    for area, look in examinations.items():
        try:
            found += list(look())
        except Exception as error:  # the doctor reports what stops it, and goes on
            what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            found.append(
                Finding(area, Verdict.ACT, f"could not be examined: {what}", "mend this and look again")
            )
    return found


def _environment(home: Home) -> Iterator[Finding]:
    yield Finding(
        "environment",
        Verdict.OK,
        f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} processors",
    )
    nearest = next(folder for folder in (home.root, *home.root.parents) if folder.exists())
    if os.access(nearest, os.W_OK | os.X_OK):
        yield Finding("environment", Verdict.OK, f"{home.root} is writable")
    else:
        yield Finding(
            "environment",
            Verdict.ACT,
            f"{nearest} is not writable",
            "change its rights, or set BORDER_HOME to a folder that is",
        )
    names = (
        "BORDER_HOME",
        "DAGSTER_HOME",
        SWITCH,
        fetch.SOURCES_VARIABLE,
        WEBHOOK_VARIABLE,
        CONTACT_VARIABLE,
    )
    set_here = [name for name in names if os.environ.get(name)]
    yield Finding("environment", Verdict.OK, f"set: {', '.join(set_here) or 'nothing'}")
    if not shutil.which("curl"):
        yield Finding(
            "environment",
            Verdict.LOOK,
            "curl is not installed",
            "install it: some publishers let only curl pass",
        )
    if not os.environ.get(CONTACT_VARIABLE):
        yield Finding(
            "environment",
            Verdict.LOOK,
            "publishers cannot reach you",
            f"set {CONTACT_VARIABLE} to a mail or web address",
        )


def pins() -> dict[str, str]:
    """Exact versions the project was tried with, by package."""
    file = PROJECT / "pyproject.toml"
    if not file.exists():
        return {}
    declared = tomllib.loads(file.read_text("utf-8"))["project"]["dependencies"]
    matches = (re.match(r"([A-Za-z0-9._-]+)==([^;\s]+)", line) for line in declared)
    return {m[1]: m[2] for m in matches if m}


def _versions() -> Iterator[Finding]:
    same = []
    for package, wanted in pins().items():
        try:
            installed = version(package)
        except PackageNotFoundError:
            yield Finding("versions", Verdict.ACT, f"{package} is not installed", "run `make setup`")
            continue
        if installed == wanted:
            same.append(f"{package} {installed}")
        else:
            yield Finding(
                "versions",
                Verdict.LOOK,
                f"{package} is {installed}, tried with {wanted}",
                "run `make setup` for the locked versions",
            )
    yield Finding("versions", Verdict.OK, ", ".join(same) or "no pins to compare with")


def _disk(home: Home) -> Iterator[Finding]:
    nearest = next(folder for folder in (home.root, *home.root.parents) if folder.exists())
    free = shutil.disk_usage(nearest).free
    size = home.build_file.stat().st_size if home.build_file.exists() else 50_000_000
    needed = size * COPIES_OF_A_BUILD
    if free < needed:
        yield Finding(
            "disk",
            Verdict.ACT,
            f"{free / 1e9:.1f} GB free, a build needs about {needed / 1e9:.1f} GB",
            f"free space, or remove old folders below {home.published / versions.FOLDER}",
        )
    else:
        yield Finding(
            "disk", Verdict.OK, f"{free / 1e9:.1f} GB free, a build needs about {needed / 1e9:.2f} GB"
        )


def _locks(home: Home) -> Iterator[Finding]:
    holder = BuildLock.holder(home.build_lock)
    if holder is None:
        yield Finding("locks", Verdict.OK, "nobody is building")
    else:
        yield Finding("locks", Verdict.LOOK, f"process {holder or '?'} is building", "wait for it to end")
    leftovers = [
        *home.published.glob(f"{versions.UNFINISHED}*"),
        *(home.published / versions.FOLDER).glob(f"{versions.UNFINISHED}*"),
        *home.archive.rglob(".part-*"),
    ]
    if leftovers and holder is None:
        yield Finding(
            "locks",
            Verdict.LOOK,
            f"{len(leftovers)} unfinished files of a process that was ended, {leftovers[0]} first",
            "nothing reads them; the next publication removes those below published/",
        )


def _archive(home: Home, deep: bool) -> Iterator[Finding]:
    archive = Archive(home.archive)
    releases = archive.releases()
    damaged = 0
    for release in releases:
        if deep:
            damage = archive.damage(release.sha256)
        else:
            damage = None if archive.has(release.sha256) else f"{archive.blob(release.sha256)}: missing"
        if damage:
            damaged += 1
            yield Finding(
                "archive",
                Verdict.ACT,
                f"{release.release_id} ({release.file_name}, from {release.origin}): {damage}",
                "`border build` does it for a carried series, `border ingest FILE` for any other",
            )
    recorded = {release.sha256 for release in releases}
    stray = [p for p in (home.archive / "blobs").glob("*/*") if p.name not in recorded and len(p.name) == 64]
    if deep:
        for path in stray:
            if damage := archive.damage(path.name):
                damaged += 1
                yield Finding("archive", Verdict.ACT, damage)
    if not damaged:
        how = "every one has its hash" if deep else "every one is there (not hashed)"
        yield Finding("archive", Verdict.OK, f"{len(releases)} releases and {len(stray)} documents, {how}")


def _build(home: Home) -> Iterator[Finding]:
    if not home.build_file.exists():
        yield Finding("build", Verdict.LOOK, "nothing has been built", "run `border build`")
        return
    if BuildLock.holder(home.build_lock) is not None:
        yield Finding("build", Verdict.OK, "being written; not opened")
        return
    try:
        with duckdb.connect(str(home.build_file), read_only=True) as con:
            row = con.execute("select count(*) from duckdb_tables()").fetchone()
    except duckdb.Error as error:
        yield Finding(
            "build",
            Verdict.ACT,
            f"{home.build_file}: {str(error).splitlines()[0]}",
            "move the file away and run `border build`: the archive has everything",
        )
        return
    yield Finding("build", Verdict.OK, f"{row[0] if row else 0} tables in {home.build_file}")


def _published(home: Home) -> Iterator[Finding]:
    if not home.published_file.exists():
        yield Finding("published", Verdict.LOOK, "nothing has been published", "run `border build`")
        return
    record, folder = versions.current(home.published), versions.current_folder(home.published)
    if record is None or folder is None:
        yield Finding(
            "published",
            Verdict.LOOK,
            f"{home.published / versions.POINTER} names no version that is there",
            "run `border publish`",
        )
        return
    trouble = versions.damaged(folder)
    for line in trouble:
        yield Finding("published", Verdict.ACT, line, "run `border publish`")
    try:
        with duckdb.connect(str(home.published_file), read_only=True) as con:
            row = con.execute("select version from meta.publication").fetchone()
    except duckdb.Error as error:
        yield Finding(
            "published",
            Verdict.ACT,
            f"{home.published_file}: {str(error).splitlines()[0]}",
            "run `border publish`",
        )
        return
    if row is None or row[0] != record.version:
        yield Finding(
            "published",
            Verdict.LOOK,
            f"the file is version {row[0] if row else '?'}, {versions.POINTER} says {record.version}: a publication was "
            "interrupted between the two",
            "run `border publish`",
        )
    elif not trouble:
        kept = len(versions.published_versions(home.published))
        yield Finding(
            "published",
            Verdict.OK,
            f"version {record.version} of {record.published_at} UTC, data through {record.data_through}; {kept} kept, "
            "checksums agree",
        )


def _clock(home: Home, now: dt.datetime) -> Iterator[Finding]:
    seen: dict[str, dt.datetime] = {}
    if record := versions.current(home.published):
        seen["the last publication"] = dt.datetime.fromisoformat(record.published_at).replace(tzinfo=dt.UTC)
    answers = fetch.acquire_state(home, Archive(home.archive)).results
    if answers:
        seen["the last answer of a source"] = max(a.checked_at for a in answers)
    ahead = {what: moment for what, moment in seen.items() if moment > now + CLOCK_TOLERANCE}
    for what, moment in ahead.items():
        yield Finding(
            "clock",
            Verdict.LOOK,
            f"{what} was at {moment:%Y-%m-%d %H:%M} UTC, and this machine says {now:%Y-%m-%d %H:%M}",
            "set the clock; versions are ordered by number, so nothing is lost",
        )
    if not ahead:
        yield Finding("clock", Verdict.OK, f"{now:%Y-%m-%d %H:%M} UTC")


def _lake() -> Iterator[Finding]:
    from warehouse import lake

    if not (shared := lake.Lake.from_environment()):
        return
    with duckdb.connect() as con:
        found = shared.retried(con, lambda: _in_lake(con))
    said = f"{found[0]} releases in {shared.shown}, published with {found[1]} as version {found[2]}"
    if found[0] == found[1]:
        yield Finding("lake", Verdict.OK, said)
    else:
        yield Finding(
            "lake", Verdict.LOOK, said, "a build is at work, or ended before it published: `border build`"
        )


def _in_lake(con: duckdb.DuckDBPyConnection) -> tuple[int, int, str]:
    from warehouse import lake

    arrived = len(lake.arrivals(con))
    if "meta.publication" not in lake.columns_held(con):
        return arrived, 0, "none"
    row = con.execute(
        f"select version, (select count(*) from {lake.ALIAS}.meta.releases where trust <> 'quoted') "
        f"from {lake.ALIAS}.meta.publication"
    ).fetchone()
    return (arrived, int(row[1]), str(row[0])) if row else (arrived, 0, "none")


def _runs(home: Home) -> Iterator[Finding]:
    configured = os.environ.get("DAGSTER_HOME")
    folder = Path(configured) if configured else home.dagster
    if not (folder / "dagster.yaml").exists():
        yield Finding("runs", Verdict.OK, "no run yet")
        return
    import dagster as dg

    from orchestration.assets import POOL
    from orchestration.resources import workers

    with dg.DagsterInstance.from_config(str(folder)) as instance:
        pool = instance.event_log_storage.get_concurrency_info(POOL)
        many = workers()
        if pool.limit != many:
            why = f"{many} workers share a lake" if many > 1 else "DuckDB has one writer"
            yield Finding(
                "pool",
                Verdict.ACT,
                f"pool {POOL} holds {pool.limit or 'any number of'} steps, and {why}",
                f"`dagster instance concurrency set {POOL} {many}`",
            )
        else:
            yield Finding("pool", Verdict.OK, f"pool {POOL}: {pool.active_slot_count} of {many} slot in use")
        for run_id in sorted(pool.active_run_ids):
            run = instance.get_run_by_id(run_id)
            if run is None or run.is_finished:
                yield Finding(
                    "pool",
                    Verdict.ACT,
                    f"run {run_id[:8]} has ended and keeps the slot of pool {POOL}",
                    "the daemon frees it within a minute; without one, "
                    f"`dagster instance concurrency set {POOL} {many}` after a look at the run",
                )
        runs = instance.get_run_records(limit=RUNS_SHOWN)
        for record in runs:
            run = record.dagster_run
            when = f"{record.create_timestamp:%Y-%m-%d %H:%M}"
            failed = run.status == dg.DagsterRunStatus.FAILURE
            yield Finding(
                "runs",
                Verdict.LOOK if failed else Verdict.OK,
                f"{when} {run.job_name} {run.run_id[:8]}: {run.status.value.lower()}",
                "`border status` shows what is published, alerts/alerts.jsonl what was wrong"
                if failed
                else None,
            )
        if not runs:
            yield Finding("runs", Verdict.OK, "no run yet")


def _sources(home: Home, now: dt.datetime) -> Iterator[Finding]:
    archive = Archive(home.archive)
    try:
        sources = fetch.registered_sources()
    except AcquireError as error:
        yield Finding("sources", Verdict.ACT, str(error))
        return
    state = fetch.acquire_state(home, archive)
    last = {name: state.last_check(name) for name in sources}
    for standing in standings(sources, fetch.held_by_family(archive), last, now):
        yield Finding(
            "sources",
            Verdict.OK if standing.freshness.is_fine else Verdict.LOOK,
            f"{standing.source_id}: {standing.freshness.value.replace('_', ' ')}: {standing.message}",
            standing.next_step,
        )


def _alerts(home: Home) -> Iterator[Finding]:
    folder = home.root / "alerts"
    for name, step in (
        ("pending", "the daemon delivers them; look at the webhook if they stay"),
        ("refused", f"correct {WEBHOOK_VARIABLE}; the alerts are in the files"),
    ):
        count = len(list((folder / name).glob("*.json")))
        if count:
            yield Finding("alerts", Verdict.LOOK, f"{count} alerts {name}", step)
    if not os.environ.get(WEBHOOK_VARIABLE):
        yield Finding(
            "alerts", Verdict.OK, f"kept in {folder / 'alerts.jsonl'}; {WEBHOOK_VARIABLE} is not set"
        )
    else:
        yield Finding("alerts", Verdict.OK, f"posted to the webhook, kept in {folder / 'alerts.jsonl'}")
