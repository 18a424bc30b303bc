"""The way in for court releases: a zip as published or a folder of its members, archived as a stream.

Belongs here: telling a court release from other files, when it was public, whether it was made up. Does not belong
here: its records (`warehouse.court`). A release that carries the mark of a generator is synthetic and can never be
recorded as anything else.
"""

from __future__ import annotations

import datetime as dt
import re
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from warehouse import archive as archives
from warehouse.archive import Archive, ArchiveError, Release
from warehouse.court import CourtSourceError, container, open_release, packing, registry, synth

FAMILY = "eoir_foia"
LAYOUT = "eoir_zip"
TITLE = "EOIR Case Data (FOIA release)"
#: Members that make a zip or folder a court release; either is enough.
TELLING = ("a_tblcase", "b_tblproceeding")
_TABLE_ENDINGS = (".csv", ".tsv", ".txt")
_NOTE_BYTES = 4096


def is_court_zip(path: Path) -> bool:
    """Whether the zip has a member named as EOIR's case or proceeding table, in any folder and letter case."""
    try:
        with zipfile.ZipFile(path) as bundle:
            return any(is_court_table(Path(name)) for name in bundle.namelist())
    except (zipfile.BadZipFile, NotImplementedError, OSError):
        return False


def is_court_table(path: Path) -> bool:
    """Whether the file is named as EOIR's case or proceeding table."""
    return path.stem.lower() in TELLING and path.suffix.lower() in _TABLE_ENDINGS


def unpacked_releases(folder: Path, files: list[Path]) -> dict[Path, list[Path]]:
    """Among `files` of `folder`, the unpacked releases: their own folder, and the members in it.

    Where several case tables lie under `folder`, a release is the highest folder that holds only one of them. Its
    members are the tables EOIR is known to publish, Count.txt and notes; other files stay what they are.
    """
    telling = [p for p in files if is_court_table(p)]
    cases = [p for p in telling if p.stem.lower() == TELLING[0]] or telling
    roots = []
    for file in cases:
        others = [other for other in cases if other != file]
        root = file.parent
        while root != folder and not any(other.is_relative_to(root.parent) for other in others):
            root = root.parent
        roots.append(root)
    return {
        root: [p for p in files if p.is_relative_to(root) and _is_member(p)] for root in dict.fromkeys(roots)
    }


def _is_member(path: Path) -> bool:
    is_table = path.suffix.lower() in _TABLE_ENDINGS and path.stem.lower() in registry.tables()
    is_note = path.name.lower() in ("count.txt", synth.SYNTHETIC_MARK.lower())
    return is_table or is_note or path.stem.lower().startswith("readme")


def archive_folder(
    folder: Path,
    members: list[Path],
    archive: Archive,
    *,
    now: dt.datetime,
    published: str | None = None,
    trust: str | None = None,
) -> tuple[Release, bool]:
    """Pack an unpacked release into one zip, the same bytes for the same members, and archive that."""
    archive.root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=archive.root, prefix=".packing-") as scratch:
        packed = Path(scratch) / "release.zip"
        with packing.ZipWriter(packed) as bundle:
            for file in members:
                bundle.add(file.relative_to(folder).as_posix(), _blocks(file), 8)
        return archive_zip(
            packed,
            archive,
            now=now,
            name=folder.name,
            path_text=str(folder),
            published=published,
            trust=trust,
            move=True,
        )


def archive_zip(
    path: Path,
    archive: Archive,
    *,
    now: dt.datetime,
    name: str | None = None,
    path_text: str | None = None,
    published: str | None = None,
    published_basis: str = "given by hand",
    trust: str | None = None,
    origin: str | None = None,
    move: bool = False,
) -> tuple[Release, bool]:
    """Archive a court release and record it; returns it and whether it is new.

    Raises ArchiveError, with the next step, where the zip is no whole release, nobody knows when it was public, or a
    made-up release is called something else. `move` takes the file over in place of a copy.
    """
    name, path_text = name or path.name, path_text or str(path)
    try:
        opened = open_release(path)
    except CourtSourceError as error:
        raise ArchiveError(str(error)) from None
    mark = synthetic_mark(opened, path, name)
    if mark and trust not in (None, "synthetic"):
        raise ArchiveError(
            f"{name}: {mark}, so it is synthetic and cannot be {trust}; ingest it without --trust {trust}"
        )
    trust = "synthetic" if mark else trust or "mirrored"
    published_on, basis = _published(opened, path_text, published, published_basis)
    sha256 = archive.store_file(path, move=move)
    release = Release(
        release_id=archives.release_id(FAMILY, sha256),
        source=TITLE,
        family=FAMILY,
        layout=LAYOUT,
        file_name=name,
        sha256=sha256,
        bytes=archive.blob(sha256).stat().st_size,
        published_on=published_on.isoformat(),
        published_precision="day",
        published_basis=basis,
        data_from=None,
        data_through=_last_whole_month(published_on).isoformat(),
        retrieved_at=now.isoformat(timespec="seconds"),
        origin=origin or ("made by a generator" if trust == "synthetic" else "supplied by a person"),
        origin_sha256=None,
        trust=trust,
        lines_in_file=sum((opened.stated or {}).values()),
        encounters_in_file=0,
    )
    if archive.set_aside_because(release.release_id):
        return release, False
    return release, archive.record(release)


def synthetic_mark(opened: container.Release, path: Path, name: str) -> str | None:
    """What says that the release is made up: a member, a note in its Readme, or a truth file; None where nothing does."""
    if synth.truth_path(path).exists():
        return f"{synth.truth_path(path).name} lies beside it"
    for member in opened.ignored:
        base = Path(member).name.lower()
        if base == synth.SYNTHETIC_MARK.lower() or base.endswith(".truth.jsonl"):
            return f"it holds {Path(member).name}"
        if base.startswith("readme") and "SYNTHETIC" in _start_of(path, member):
            return f"its {Path(member).name} says so"
    return None


def _start_of(path: Path, member: str) -> str:
    """The first bytes of a note, whatever method it is packed with."""
    with zipfile.ZipFile(path) as bundle:
        info = bundle.getinfo(member)
    note = container.Member(member, member, info.file_size, info.CRC, path, info)
    try:
        return next(iter(container.stream(note)), b"")[:_NOTE_BYTES].decode("utf-8", "replace")
    except CourtSourceError:
        return ""


def _published(
    opened: container.Release, path_text: str, published: str | None, basis: str
) -> tuple[dt.date, str]:
    """Given by hand or by the publisher's Last-Modified, else the date in EOIR's own folder name, else in the path."""
    if published:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", published):
            try:
                return dt.date.fromisoformat(published), basis
            except ValueError:
                pass
        raise ArchiveError(f"--published {published!r} is not a day; a court release needs YYYY-MM-DD")
    if opened.published:
        return opened.published, "date in the release's folder name"
    for found in reversed(re.findall(r"(20\d\d)[-_ ]?(\d\d)[-_ ]?(\d\d)(?!\d)", path_text)):
        try:
            return dt.date(*map(int, found)), "date in the path"
        except ValueError:
            continue
    raise ArchiveError(
        f"{Path(path_text).name}: nobody knows when this release was published; give --published YYYY-MM-DD, "
        "or keep EOIR's folder name (EOIR Case Data YYYY-MMDD)"
    )


def _last_whole_month(day: dt.date) -> dt.date:
    """First day of the month before: a release is cut in its own month, so that one is not whole."""
    return (day.replace(day=1) - dt.timedelta(days=1)).replace(day=1)


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        yield from iter(lambda: stream.read(1 << 22), b"")
