"""Fetch: ask the sources, archive what came, and log the answers.

Belongs here: the way from the inbox to the archive, and what a person is told. Does not belong here: requests and
checks of files (`warehouse.acquire`), reading them (`orchestration.ingest`).
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path

from orchestration import court_ingest
from orchestration.ingest import Outcome, ingest, ingest_bytes, ingest_court_zip
from transforms import families
from warehouse.acquire import (
    AcquireState,
    Arrival,
    FetchResult,
    FetchState,
    KnownFile,
    Source,
    append_fetch_log,
    check_sources,
    load_sources,
    waiting,
)
from warehouse.acquire.fetch_log import TABLE as FETCH_LOG
from warehouse.acquire.sources import SOURCES_FILE
from warehouse.archive import Archive, known_files
from warehouse.freshness import Held
from warehouse.paths import REFERENCE, Home
from warehouse.writer import BuildBusy, BuildLock, Warehouse

SOURCES_VARIABLE = "BORDER_SOURCES"
IN_ARCHIVE = ("added", "known", "document")
Clock = Callable[[], dt.datetime]


@dataclass
class FetchReport:
    """What a fetch did: the sources' answers, what became of each waiting file, and files that wait on."""

    answers: list[FetchResult] = field(default_factory=list)
    archived: list[Outcome] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    note: str | None = None

    @property
    def has_trouble(self) -> bool:
        """Whether a person has to look."""
        bad = (FetchState.BLOCKED, FetchState.CHANGED_OR_BROKEN)
        return bool(self.waiting) or any(answer.state in bad for answer in self.answers)


def registered_sources(environment: Mapping[str, str] = os.environ) -> dict[str, Source]:
    """The register of sources; `$BORDER_SOURCES` names another file of the same form."""
    configured = environment.get(SOURCES_VARIABLE)
    return load_sources(Path(configured) if configured else SOURCES_FILE)


def journal_of(home: Home) -> Path:
    return home.inbox / "journal.jsonl"


def acquire_state(home: Home, archive: Archive) -> AcquireState:
    """The journal, joined with what the archive holds by bytes and by address."""
    known: dict[str, KnownFile] = {}
    for release in archive.releases():
        url = release.origin if "://" in release.origin else None
        file = KnownFile(release.sha256, url, release.file_name)
        known[release.sha256] = file
        if url:
            known[url] = file

    def lookup(key: str) -> KnownFile | None:
        found = known.get(key)
        if found is None and _is_sha256(key) and archive.has(key):  # a document: bytes without a release
            return KnownFile(key)
        return found

    return AcquireState(journal_of(home), lookup)


def _is_sha256(key: str) -> bool:
    return len(key) == 64 and all(c in "0123456789abcdef" for c in key)


def fetch(
    home: Home,
    clock: Clock,
    *,
    sources: Mapping[str, Source] | None = None,
    only: list[str] | None = None,
    force: bool = False,
) -> FetchReport:
    """Ask the sources that are due (all named in `only`, or all with `force`), and archive what waits.

    Raises AcquireError for a fault of this machine and for a source nobody knows.
    """
    archive = Archive(home.archive)
    registered = dict(sources if sources is not None else registered_sources())
    asked = registered
    if only is not None:
        asked = {name: source for name, source in registered.items() if name in only}
    state = acquire_state(home, archive)
    report = FetchReport()
    report.answers = check_sources(asked, state, home.inbox, clock, force=force)
    report.archived, report.waiting = archive_arrivals(home, archive, clock())
    return report


def archive_arrivals(home: Home, archive: Archive, now: dt.datetime) -> tuple[list[Outcome], list[str]]:
    """Archive every file that waits in the inbox; a file that cannot be taken stays, with one line saying why."""
    outcomes: list[Outcome] = []
    kept: list[str] = []
    for arrival in waiting(home.inbox):
        found = _archive_one(arrival, archive, now.astimezone(dt.UTC).replace(tzinfo=None))
        outcomes += found
        taken = [o for o in found if o.status in IN_ARCHIVE]
        if taken and all(o.status in (*IN_ARCHIVE, "skipped") for o in found):
            arrival.remove()
            continue
        reason = next((o.message for o in found if o.status not in IN_ARCHIVE), "holds no file to load")
        kept.append(f"{arrival.file}: waits in the inbox: {reason}")
    return outcomes, kept


def _archive_one(arrival: Arrival, archive: Archive, now: dt.datetime) -> list[Outcome]:
    note = arrival.note
    trust = "official" if note.origin == "download" else "mirrored"
    if arrival.file.suffix.lower() == ".zip" and court_ingest.is_court_zip(arrival.file):
        return [
            ingest_court_zip(
                arrival.file,
                archive,
                published=_day(note.last_modified),  # else the date in the release's own folder name
                published_basis="Last-Modified at the publisher",
                trust=trust if note.origin == "download" else None,
                origin=note.final_url or note.url or "put into the drop folder by a person",
                now=now,
            )
        ]
    if note.family and note.family not in families.families():
        reason = f"{note.file_name}: holds no table that a release of {note.family} has; look at it, then remove it"
        return [Outcome(str(arrival.file), "skipped", reason)]
    if arrival.file.suffix.lower() == ".zip":
        return list(ingest([arrival.file], archive, trust=trust, now=now))
    return [
        ingest_bytes(
            arrival.file.read_bytes(),
            note.file_name,
            archive,
            published=None if note.sha256 in known_files() else note.published_hint,
            published_basis="address, name or Last-Modified at the publisher",
            trust=trust,
            origin=note.final_url or note.url or "put into the drop folder by a person",
            now=now,
        )
    ]


def _day(last_modified: str | None) -> str | None:
    """The day of a Last-Modified header; None where there is none that can be read."""
    try:
        return parsedate_to_datetime(last_modified).date().isoformat() if last_modified else None
    except ValueError:
        return None


def archive_carried(archive: Archive, now: dt.datetime) -> list[Outcome]:
    """Archive the series the project carries, those that are not there yet."""
    held = {release.file_name for release in archive.releases() if release.layout == "carried"}
    missing = [path for path in sorted((REFERENCE / "series").glob("*.csv")) if path.name not in held]
    return list(ingest(missing, archive, now=now))


def log_answers(home: Home, state: AcquireState) -> str | None:
    """Bring meta.fetch_log up to the journal; a note when a build holds the warehouse, as the journal loses nothing."""
    try:
        with BuildLock(home.build_lock), Warehouse(home.build_file) as warehouse:
            append_fetch_log(warehouse.con, state.results)
    except BuildBusy as busy:
        return f"{busy}; {FETCH_LOG} follows with the next fetch, the journal has everything"
    return None


def held_by_family(archive: Archive) -> dict[str, Held]:
    """The newest release of every family in the archive, carried series included."""
    newest: dict[str, Held] = {}
    for release in archive.releases():
        found = Held(dt.date.fromisoformat(release.data_through), dt.date.fromisoformat(release.published_on))
        before = newest.get(release.family)
        if before is None or (found.data_through, found.published_on) > (
            before.data_through,
            before.published_on,
        ):
            newest[release.family] = found
    return newest
