"""The way in: agency files to the archive, each with its release, or refused in one line.

Belongs here: folders, zips, duplicates, what a stranger's file is. Does not belong here: fetching
(`warehouse.acquire`) and loading tables (`orchestration.steps`).
"""

from __future__ import annotations

import datetime as dt
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from expectations import reviewed
from orchestration import court_ingest
from transforms import families
from transforms.parsed import RefusedFile, UnknownFile
from warehouse import archive as archives
from warehouse.archive import Archive, ArchiveError, Publication, Release
from warehouse.paths import REFERENCE

READABLE = {".csv", ".txt", ".tsv", ".xlsx", ".pdf"}
#: What reading a damaged or encrypted member raises; the modules behind the methods have errors of their own.
UNREADABLE_MEMBER = (zipfile.BadZipFile, RuntimeError, EOFError, OSError, zlib.error, lzma.LZMAError)
MEMBER_LIMIT = 500 * 2**20  # no agency table is near this; a larger member is a bomb or a mistake


@dataclass(frozen=True)
class Outcome:
    """What became of one file.

    `added`, `known` (same bytes already archived), `document`, `skipped` (in a folder, and no agency file), `unknown`
    (named by hand, and no agency file) or `refused` (an agency file that is not whole or not what it says).
    """

    file: str
    status: str
    message: str
    release: Release | None = None


def ingest(
    paths: list[Path],
    archive: Archive,
    *,
    published: str | None = None,
    trust: str | None = None,
    now: dt.datetime,
) -> Iterator[Outcome]:
    """Archive files, folders and zips in any order, yielding one outcome a file.

    A refused file changes nothing and does not stop the others.
    """
    for path in paths:
        if not path.exists():
            yield Outcome(str(path), "refused", f"{path}: no such file or folder")
            continue
        files, refused = _files_of(path) if path.is_dir() else ([path], [])
        yield from refused
        if path.is_dir():
            for folder, members in court_ingest.unpacked_releases(path, files).items():
                yield _ingest_court_folder(folder, members, archive, published, trust, now)
                files = [file for file in files if file not in set(members)]
        for file in files:
            if file.suffix.lower() == ".zip" and court_ingest.is_court_zip(file):
                yield ingest_court_zip(file, archive, published=published, trust=trust, now=now)
            elif court_ingest.is_court_table(file):
                yield Outcome(
                    str(file), "refused", f"{file.name}: one table of a court release; name its folder or zip"
                )
            elif file.suffix.lower() == ".zip":
                yield from _ingest_zip(file, archive, published, trust, now)
            elif path.is_dir() and file.suffix.lower() not in READABLE:
                yield Outcome(
                    str(file), "skipped", f"{file.name}: not a {', '.join(sorted(READABLE))} or .zip file"
                )
            else:
                try:
                    data = file.read_bytes()
                except OSError as error:
                    yield _unreadable(file, error)
                    continue
                outcome = ingest_bytes(data, str(file), archive, published=published, trust=trust, now=now)
                # Met on the way through a folder, a file that claims nothing is passed by; named by hand, it is not.
                is_passed_by = outcome.status == "unknown" and path.is_dir()
                yield replace(outcome, status="skipped") if is_passed_by else outcome


def _files_of(folder: Path) -> tuple[list[Path], list[Outcome]]:
    """Files under a folder, hidden ones left alone, and what of it is refused: links out of it, folders kept shut."""
    root = folder.resolve()
    shut: list[OSError] = []
    found: list[Path] = []
    for here, folders, names in os.walk(folder, onerror=shut.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = [name for name in folders if Path(here, name).is_symlink()]
        found += [Path(here, name) for name in (*names, *links) if not name.startswith(".")]
    leading_out = {path for path in found if path.is_symlink() and not path.resolve().is_relative_to(root)}
    refused = [_unreadable(Path(error.filename), error) for error in shut]
    refused += [
        Outcome(
            str(path),
            "refused",
            f"{path}: a link out of the folder, not followed; name {path.resolve()} itself",
        )
        for path in sorted(leading_out)
    ]
    # A dead link stays, and is told when it is read; a link to a folder within leads to nothing new.
    return sorted(p for p in found if p not in leading_out and (p.is_file() or not p.exists())), refused


def _unreadable(file: Path, error: OSError) -> Outcome:
    return Outcome(
        str(file),
        "refused",
        f"{error.filename or file}: cannot be read ({error.strerror}); check the file and its permissions",
    )


def ingest_court_zip(
    file: Path,
    archive: Archive,
    *,
    published: str | None = None,
    trust: str | None = None,
    origin: str | None = None,
    published_basis: str = "given by hand",
    now: dt.datetime,
    move: bool = False,
) -> Outcome:
    """Archive a court release as published; `move` takes the file over."""
    try:
        release, is_new = court_ingest.archive_zip(
            file,
            archive,
            now=now,
            published=published,
            published_basis=published_basis,
            trust=trust,
            origin=origin,
            move=move,
        )
    except ArchiveError as error:
        return Outcome(str(file), "refused", str(error))
    except OSError as error:
        return _unreadable(file, error)
    return _court_outcome(file, release, is_new, archive)


def _ingest_court_folder(
    folder: Path,
    members: list[Path],
    archive: Archive,
    published: str | None,
    trust: str | None,
    now: dt.datetime,
) -> Outcome:
    try:
        release, is_new = court_ingest.archive_folder(
            folder, members, archive, now=now, published=published, trust=trust
        )
    except ArchiveError as error:
        return Outcome(str(folder), "refused", str(error))
    except OSError as error:
        return _unreadable(folder, error)
    return _court_outcome(folder, release, is_new, archive)


def _court_outcome(path: Path, release: Release, is_new: bool, archive: Archive) -> Outcome:
    named = f"{path.name}: {'SYNTHETIC ' if release.trust == 'synthetic' else ''}{release.release_id}"
    if is_new:
        return Outcome(str(path), "added", f"{named}, published {release.published_on}", release)
    if because := archive.set_aside_because(release.release_id):
        return Outcome(str(path), "known", f"{named} was set aside and stays so: {because}", release)
    return Outcome(str(path), "known", f"{named} is in the archive already", release)


def _ingest_zip(
    file: Path, archive: Archive, published: str | None, trust: str | None, now: dt.datetime
) -> Iterator[Outcome]:
    try:
        bundle = zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        yield Outcome(str(file), "refused", f"{file.name}: not a readable zip ({error}); download it again")
        return
    except OSError as error:
        yield _unreadable(file, error)
        return
    with bundle:
        for member in bundle.infolist():
            name = f"{file}/{member.filename}"
            if member.is_dir():
                continue
            if Path(member.filename).suffix.lower() not in READABLE:
                yield Outcome(name, "skipped", f"{member.filename}: not a {', '.join(sorted(READABLE))} file")
            elif member.file_size > MEMBER_LIMIT:
                yield Outcome(
                    name,
                    "refused",
                    f"{member.filename}: {member.file_size:,} bytes unpacked is over the limit",
                )
            else:
                try:
                    data = _read_member(bundle, member)
                except UNREADABLE_MEMBER as error:
                    yield Outcome(
                        name, "refused", f"{file.name}: member {member.filename}: {error}; download it again"
                    )
                    continue
                yield ingest_bytes(data, name, archive, published=published, trust=trust, now=now)


def _read_member(bundle: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """The member's bytes, stopping at the limit whatever its header claims."""
    taken = io.BytesIO()
    with bundle.open(member) as stream:
        while chunk := stream.read(2**20):
            taken.write(chunk)
            if taken.tell() > MEMBER_LIMIT:
                raise OSError("unpacks to more than its header says")
    return taken.getvalue()


def ingest_bytes(
    data: bytes,
    path_text: str,
    archive: Archive,
    *,
    published: str | None = None,
    trust: str | None = None,
    origin: str | None = None,
    published_basis: str = "given by hand",
    now: dt.datetime,
) -> Outcome:
    """Archive one file given its bytes and the path it came under."""
    name = Path(path_text).name
    if trust == "synthetic":
        return Outcome(
            path_text, "refused", f"{name}: only a court release can be synthetic; leave out --trust"
        )
    sha256 = archives.sha256_of(data)
    known = archives.known_files().get(sha256, {})
    if known.get("role") == "document":
        archive.store(data)
        return Outcome(
            path_text,
            "document",
            f"{name}: a document of the publisher, archived; it holds no figures to load",
        )
    if data[:5] == b"%PDF-":
        return Outcome(
            path_text,
            "refused",
            f"{name}: line 1: found a PDF, expected CSV or xlsx. Extract its table first (docs/sources.md).",
        )
    try:
        release = describe(
            data,
            path_text,
            published=published,
            trust=trust,
            origin=origin,
            published_basis=published_basis,
            now=now,
        )
    except UnknownFile as error:
        return Outcome(path_text, "unknown", str(error))
    except (RefusedFile, ArchiveError) as error:
        return Outcome(path_text, "refused", str(error))
    if because := archive.set_aside_because(release.release_id):
        return Outcome(
            path_text, "known", f"{name}: {release.release_id} was set aside and stays so: {because}", release
        )
    archive.store(data)
    if archive.record(release):
        return Outcome(
            path_text, "added", f"{name}: {release.release_id}, published {release.published_on}", release
        )
    return Outcome(path_text, "known", f"{name}: {release.release_id} is in the archive already", release)


def describe(
    data: bytes,
    path_text: str,
    *,
    published: str | None,
    trust: str | None,
    origin: str | None,
    published_basis: str = "given by hand",
    now: dt.datetime,
) -> Release:
    """The release a file makes. Raises RefusedFile or ArchiveError with one line saying why it cannot be one."""
    name = Path(path_text).name
    sha256 = archives.sha256_of(data)
    carried = carried_series().get(sha256)
    recognised = families.recognise(data, name, carried["family"] if carried else None)
    parsed = families.read(data, name, recognised, reviewed.vocabulary())
    months = families.months_of(
        parsed, {label: code for domain, label, code, _ in reviewed.code_map() if domain == "month"}
    )
    if months is None:
        raise RefusedFile(f"{name}: no line holds a fiscal year and month; expected monthly figures")
    public = (
        Publication(
            carried["published_on"],
            carried["published_precision"],
            carried["published_basis"],
            "mirrored",
            f"re-encoded from {carried['origin_file_name']}",
            carried["origin_sha256"],
        )
        if carried
        else archives.publication(
            path_text,
            sha256,
            dt.date.fromisoformat(months[1]),
            published=published,
            trust=trust,
            origin=origin,
            published_basis=published_basis,
        )
    )
    # Known only to a month that is not over yet, it was public by the day it was received.
    published_on = public.published_on
    if public.precision == "month":
        published_on = min(published_on, max(now.date(), published_on.replace(day=1)))
    return Release(
        release_id=archives.release_id(recognised.family, sha256),
        source=families.families()[recognised.family].title,
        family=recognised.family,
        layout=recognised.layout,
        file_name=name,
        sha256=sha256,
        bytes=len(data),
        published_on=published_on.isoformat(),
        published_precision=public.precision,
        published_basis=public.basis,
        data_from=months[0],
        data_through=months[1],
        retrieved_at=now.isoformat(timespec="seconds"),
        origin=public.origin,
        origin_sha256=public.origin_sha256,
        trust=public.trust,
        lines_in_file=parsed.lines,
        encounters_in_file=parsed.encounters,
    )


def carried_series() -> dict[str, dict[str, object]]:
    """Entries of reference/manifest.yml by the sha256 of the carried file."""
    manifest = REFERENCE / "manifest.yml"
    if not manifest.exists():
        return {}
    return {entry["sha256"]: entry for entry in yaml.safe_load(manifest.read_text("utf-8"))}
