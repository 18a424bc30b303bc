"""The steps of court records in a build: archive → raw → core and cases → findings and differences → readers.

Belongs here: the order of the steps, what is still to be done, what blocks. Does not belong here: how records are
read or typed (`warehouse.court`), Dagster (`orchestration.court_assets`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from expectations.runner import Suite, SuiteResult
from orchestration import court_ingest
from orchestration.audit import audit, last_result
from transforms.models import model
from warehouse import court as loader
from warehouse.archive import Archive, Release
from warehouse.court import CORE_TABLES, CourtSourceError, Progress, open_release, registry, storage
from warehouse.engine import IN_PLACE, Engine
from warehouse.paths import PROJECT, Home
from warehouse.writer import Warehouse

RAW = "raw.eoir_release"
FINDINGS = "meta.eoir_findings"
TABLES = (*CORE_TABLES, storage.CASES)
#: Without these there is nothing to make a case of.
NEEDED = ("A_TblCase", "B_TblProceeding")
#: More quarantined records than this share of a table mean another format, not dirt.
QUARANTINE_SHARE = 0.01

Finding = dict[str, object]
Tell = Callable[[str, float], None]
_listeners: list[Tell] = []


@contextmanager
def heard_by(tell: Tell) -> Iterator[None]:
    """While open, `tell(what, share done)` hears how loading and typing come along."""
    _listeners.append(tell)
    try:
        yield
    finally:
        _listeners.remove(tell)


def _tell(what: str, share: float) -> None:
    for listener in _listeners:
        listener(what, share)


def court_releases(archive: Archive) -> list[Release]:
    """Court releases in the archive, oldest publication first."""
    return [r for r in archive.releases() if r.family == court_ingest.FAMILY]


@contextmanager
def open_for(
    home: Home, archive: Archive, arrivals: Sequence[Mapping[str, Any]] | None = None
) -> Iterator[Warehouse | None]:
    """The court file with the archive's releases recorded; None while there never was a court release.

    `arrivals` are releases that came from a lake; those of last time where it is not given.
    """
    found = court_releases(archive)
    if not found and not arrivals and not home.court_build_file.exists():
        yield None
        return
    with storage.lock(home.court_build_file), storage.open_court(home.court_build_file) as court:
        own = {r.release_id for r in found}
        known = [
            *map(vars, found),
            *(a for a in storage.arrivals(court, arrivals) if a["release_id"] not in own),
        ]
        storage.record_releases(
            court,
            [{**r, "is_synthetic": r["trust"] == "synthetic"} for r in known],
            storage.raw_folder(home.court_build_file),
        )
        yield court


def is_loaded(court: Warehouse, release: Release) -> bool:
    return storage.is_marked(court, RAW, release.release_id, code_of_raw())


def load(court: Warehouse, archive: Archive, release: Release, raw: Path) -> loader.LoadReport:
    """Read a release into raw; goes on where a killed run stopped. Raises CourtSourceError for a damaged release."""
    if not is_loaded(court, release):
        reading = f"{RAW}/{code_of_raw()}"
        if not storage.is_marked(court, "reading", release.release_id, reading):
            # Tables read by other code are read again; those this code has committed are kept.
            court.con.execute("delete from meta.eoir_tables where release_id = ?", [release.release_id])
            storage.mark(court, "reading", release.release_id, reading)
    report = loader.load_release(
        court.con,
        archive.blob(release.sha256),
        release.release_id,
        store=raw,
        progress=lambda p: _tell(said(release, p), p.done / max(p.total, 1)),
    )
    storage.mark(court, RAW, release.release_id, code_of_raw())
    return report


def said(release: Release, p: Progress) -> str:
    """One line of progress: table, rate, time left."""
    left = "" if p.seconds_left is None else f", {dt.timedelta(seconds=round(p.seconds_left))} left"
    mark = "SYNTHETIC " if release.trust == "synthetic" else ""
    return f"{mark}{release.file_name}: {p.table} ({p.rate / 1e6:,.0f} MB/s{left})"


def build_core(court: Warehouse, archive: Archive, engine: Engine = IN_PLACE) -> dict[str, int]:
    """Type every loaded release that the present models have not typed; returns the rows of each table."""
    for release in court_releases(archive):
        if not is_loaded(court, release) or storage.is_marked(
            court, "core", release.release_id, code_of_core()
        ):
            continue
        loader.build_core(
            court.con,
            release.release_id,
            progress=lambda table, done, total: _tell(table, done / (total + 1)),
            engine=engine,
        )
        _tell(storage.CASES, len(CORE_TABLES) / (len(CORE_TABLES) + 1))
        court.con.execute("set preserve_insertion_order = false")  # row groups go to disk as they fill
        try:
            court.replace_releases(
                storage.CASES,
                [release.release_id],
                engine.select(
                    court.con, storage.CASES, model(storage.CASES).sql, release_ids=[release.release_id]
                ),
            )
        finally:
            court.con.execute("reset preserve_insertion_order")
        storage.mark(court, "core", release.release_id, code_of_core())
    return storage.rows_of(court.con, TABLES)


def check(court: Warehouse, archive: Archive) -> int:
    """Audit each typed release and compare it with the one before of the same kind; returns the findings held."""
    typed = _typed(court, archive)
    for position, release in enumerate(typed):
        before = [r for r in typed[:position] if _is_made_up(r) == _is_made_up(release)]
        previous = before[-1].release_id if before else None
        fingerprint = f"{code_of_core()}/{code_of_raw()}/{previous}"
        if storage.is_marked(court, FINDINGS, release.release_id, fingerprint):
            continue
        _tell(f"{FINDINGS}: {release.release_id}", 0.5)
        court.con.execute(
            "delete from meta.eoir_release_changes where new_release_id = ?", [release.release_id]
        )
        court.con.execute(
            "delete from meta.eoir_vanished_records where new_release_id = ?", [release.release_id]
        )
        loader.audit_release(court.con, release.release_id)
        found = [*_accounts(court, archive, release)]
        if previous:
            found += _vanished(loader.diff_releases(court.con, previous, release.release_id), previous)
        court.append(
            FINDINGS,
            [
                (release.release_id, f.table, f.check, f.observed, f.threshold, f.state, f.detail)
                for f in found
            ],
        )
        storage.mark(court, FINDINGS, release.release_id, fingerprint)
    return storage.rows_of(court.con, [FINDINGS])[FINDINGS]


def audit_typed(
    warehouse: Warehouse,
    court: Warehouse,
    archive: Archive,
    suite: Suite,
    now: dt.datetime,
    engine: Engine = IN_PLACE,
) -> SuiteResult:
    """A typed table's suite; what it found last time, where neither the typed releases nor code have changed since."""
    typed = court.con.execute(
        "select release_id, fingerprint from meta.loads where table_name = 'core' order by all"
    ).fetchall()
    state = [repr(typed), code_of_core(), code_of_raw(), code_of_suites()]
    fingerprint = hashlib.sha256("/".join(state).encode()).hexdigest()
    if storage.is_marked(court, suite.name, "all", fingerprint) and (last := last_result(warehouse, suite)):
        return last
    result = audit(warehouse, suite, now, within=court, engine=engine)
    storage.mark(court, suite.name, "all", fingerprint)
    return result


def _typed(court: Warehouse, archive: Archive) -> list[Release]:
    """Releases that the present models have typed, oldest first."""
    return [
        r for r in court_releases(archive) if storage.is_marked(court, "core", r.release_id, code_of_core())
    ]


def is_sound(court: Warehouse, release: Release) -> bool:
    """Whether a release of the archive is read, typed and audited by this code, and no audit failed."""
    is_checked = court.con.execute(
        "select count(*) from meta.loads where table_name = ? and release_id = ? and fingerprint like ?",
        [FINDINGS, release.release_id, f"{code_of_core()}/{code_of_raw()}/%"],
    ).fetchone()
    failed = court.con.execute(
        "select count(*) from meta.eoir_findings where release_id = ? and finding_state = 'failed'",
        [release.release_id],
    ).fetchone()
    return bool(is_checked and is_checked[0] and failed and not failed[0])


def read_all(home: Home, archive: Archive, engine: Engine = IN_PLACE) -> None:
    """Every court release of the archive to typed tables and findings, without Dagster."""
    with open_for(home, archive) as court:
        if court is None:
            return
        for release in court_releases(archive):
            load(court, archive, release, storage.raw_folder(home.court_build_file))
        build_core(court, archive, engine)
        check(court, archive)


def _is_made_up(release: Release) -> bool:
    return release.trust == "synthetic"


def _accounts(court: Warehouse, archive: Archive, release: Release) -> Iterator[loader.Finding]:
    """Records against Count.txt at tolerance 0, members that are absent, and how many records were set aside."""
    held = set()
    for table, is_lookup, records, quarantined, stated, reconciliation in court.con.execute(
        "select court_table, is_lookup, records_read, records_quarantined, stated_rows, reconciliation "
        "from meta.eoir_tables where release_id = ? order by all",
        [release.release_id],
    ).fetchall():
        held.add(table.lower())
        if reconciliation == "differs":
            yield loader.Finding(
                table,
                "stated_rows",
                abs(records - stated),
                0,
                "failed",
                f"{records:,} records read, {stated:,} stated in Count.txt",
            )
        allowed = max(10, round(records * QUARANTINE_SHARE))
        if quarantined:
            yield loader.Finding(
                table,
                "quarantined",
                quarantined,
                allowed,
                "failed" if quarantined > allowed else "warning",
                f"{quarantined:,} of {records:,} records set aside, with their bytes, in meta.eoir_quarantine",
            )
        if not is_lookup and not records:
            state = "failed" if table in NEEDED else "warning"
            yield loader.Finding(table, "no_records", 0, None, state, "the table holds no record")
    for table in registry.main_tables():
        if table.lower() not in held:
            state = "failed" if table in NEEDED else "warning"
            yield loader.Finding(table, "absent", 1, 0, state, "the release lacks the table")
    try:
        stated = open_release(archive.blob(release.sha256)).stated or {}
    except CourtSourceError as error:
        yield loader.Finding("Count.txt", "readable", 1, 0, "failed", str(error))
        return
    for table, rows in sorted(stated.items()):
        if table not in held:
            yield loader.Finding(
                table,
                "stated_and_absent",
                rows,
                0,
                "failed",
                f"{rows:,} rows stated in Count.txt, no such member",
            )


def _vanished(changes: list[loader.TableChange], previous: str) -> Iterator[loader.Finding]:
    for change in changes:
        if change.is_alert:
            decided = (
                f", {change.deleted_decided:,} of them relief applications with a decision"
                if change.deleted_decided
                else ""
            )
            yield loader.Finding(
                change.table,
                "vanished",
                change.deleted,
                round((change.deleted + change.changed + change.unchanged) * 0.001),
                "warning",
                f"{change.deleted:,} keys of {previous} are gone ({100 * (change.deleted_share or 0):.3f} %){decided}; "
                "marts.court_vanished_records lists them",
            )


def findings(court: Warehouse, state: str) -> list[str]:
    """What the audits found in this state (failed or warning), one line each."""
    rows = court.con.execute(
        "select f.release_id, r.is_synthetic, f.court_table, f.check_name, f.detail "
        "from meta.eoir_findings as f inner join meta.eoir_releases as r using (release_id) "
        "where f.finding_state = ? order by r.published_on desc, f.release_id, f.court_table, f.check_name",
        [state],
    ).fetchall()
    return [
        f"{'SYNTHETIC ' if made_up else ''}{release_id} {table}: {check}: {detail}"
        for release_id, made_up, table, check, detail in rows
    ]


def warnings(court: Warehouse) -> list[str]:
    """What a person is told of the audits: every alert, and how much else was found in each release."""
    rows = court.con.execute(
        "select f.release_id, r.is_synthetic, count(*) filter (where f.check_name <> 'vanished') "
        "from meta.eoir_findings as f inner join meta.eoir_releases as r using (release_id) "
        "where f.finding_state = 'warning' group by all order by all"
    ).fetchall()
    told = [line for line in findings(court, "warning") if ": vanished: " in line]
    return told + [
        f"{'SYNTHETIC ' if made_up else ''}{release_id}: {found} checks of its content found something; "
        "meta.eoir_findings in court.duckdb lists them"
        for release_id, made_up, found in rows
        if found
    ]


def as_markdown_table(court: Warehouse) -> str:
    """Every finding of every release, worst first."""
    rows = court.con.execute(
        "select finding_state, release_id, court_table, check_name, observed_count, threshold_count, detail "
        "from meta.eoir_findings "
        "order by list_position(['failed', 'warning', 'ok'], finding_state), release_id, court_table, check_name"
    ).fetchall()
    lines = ["| state | release | table | check | found | allowed | |", "|---|---|---|---|---:|---:|---|"]
    lines += [
        "| " + " | ".join("" if v is None else str(v).replace("|", "/") for v in row) + " |" for row in rows
    ]
    return "\n".join(lines)


def publish(home: Home, court: Warehouse) -> bool:
    """Readers' copy of the court file, if it changed. Raises CourtNotPublishable while an audit has failed."""
    if failed := findings(court, "failed"):
        raise CourtNotPublishable(
            "\n".join(failed) + "\nset the release aside with `border set-aside`, or ingest a whole one"
        )
    return storage.publish_court(court.con, home.published_court_file)


class CourtNotPublishable(Exception):
    """A court release failed its audit; one line per finding."""


@cache
def code_of_suites() -> str:
    """Hash of the expectations of typed tables."""
    return _hash_of([PROJECT / "expectations" / "suites" / "court.py"])


@cache
def code_of_raw() -> str:
    """Hash of the code and lists that decide how records are read."""
    names = ("container.py", "load.py", "records.py", "registry.py", "repair.py")
    folder = PROJECT / "warehouse" / "court"
    return _hash_of([*(folder / n for n in names), *sorted((folder / "data").glob("*.csv"))])


@cache
def code_of_core() -> str:
    """Hash of the models and lists that decide the typed tables, the cases and the audit."""
    folder = PROJECT / "warehouse" / "court"
    files = [folder / n for n in ("core.py", "findings.py", "changes.py")]
    files += [PROJECT / "transforms" / "core" / f"{t.split('.')[1]}.sql" for t in CORE_TABLES]
    files += [PROJECT / "transforms" / "marts" / "court_cases.sql", Path(__file__)]
    return _hash_of([*files, *sorted((folder / "data").glob("*.csv"))])


def _hash_of(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]
