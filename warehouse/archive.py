"""The archive: every source file's bytes once, by sha256, and one manifest per release.

Belongs here: bytes, hashes, when a file was public and how we know. The archive is the record from which the
whole warehouse can be rebuilt; nothing in it is ever changed or removed. Does not belong here: reading a file's
lines (`transforms.families`) or tables (`warehouse.writer`).
"""

from __future__ import annotations

import calendar
import datetime as dt
import hashlib
import json
import os
import re
import shutil
import tempfile
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_BLOCK = 1 << 22  # bytes read at once where a file need not fit in memory

TRUST = ("official", "mirrored", "quoted", "synthetic")
_MONTHS = {m.lower(): i for i, m in enumerate(calendar.month_abbr) if m}


class ArchiveError(Exception):
    """A file cannot be archived, or archived bytes are not what their name says. One line, with the next step."""


@dataclass(frozen=True)
class Publication:
    """When a file was public, and how we know.

    `precision` is `day` or `month`; for a month `published_on` is its last day.
    """

    published_on: dt.date
    precision: str
    basis: str
    trust: str = "mirrored"
    origin: str = "supplied by a person"
    origin_sha256: str | None = None


@dataclass(frozen=True)
class Release:
    """One release as recorded in its manifest; the columns of meta.releases."""

    release_id: str
    source: str
    family: str
    layout: str
    file_name: str
    sha256: str
    bytes: int
    published_on: str
    published_precision: str
    published_basis: str
    data_from: str | None
    data_through: str
    retrieved_at: str
    origin: str
    origin_sha256: str | None
    trust: str
    lines_in_file: int
    encounters_in_file: int


def release_id(family: str, sha256: str) -> str:
    return f"{family}-{sha256[:12]}"


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: Path) -> str:
    """The hash of a file that need not fit in memory."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class Archive:
    """Content-addressed store under `root`: `blobs/ab/abcdef…` and `releases/<release_id>.json`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def blob(self, sha256: str) -> Path:
        return self.root / "blobs" / sha256[:2] / sha256

    def store(self, data: bytes) -> str:
        """Keep `data` under its sha256 and return it; the same bytes twice add nothing, and mend a damaged copy."""
        sha256 = sha256_of(data)
        if self.damage(sha256):
            _write_whole(self.blob(sha256), data)
        return sha256

    def store_file(self, path: Path, *, move: bool = False) -> str:
        """`store` for a file too large for memory: copied, or with `move` taken over, while it is hashed."""
        folder = self.root / "blobs"
        folder.mkdir(parents=True, exist_ok=True)
        if move:
            sha256 = file_sha256(path)
            target = self.blob(sha256)
            target.parent.mkdir(exist_ok=True)
            if target.exists():
                path.unlink()
            else:
                shutil.move(path, target)
            return sha256
        with path.open("rb") as source:
            handle, temporary = tempfile.mkstemp(dir=folder, prefix=".part-")
            try:
                digest = hashlib.sha256()
                with os.fdopen(handle, "wb") as copy:
                    while block := source.read(_BLOCK):
                        digest.update(block)
                        copy.write(block)
                    copy.flush()
                    os.fsync(copy.fileno())
                target = self.blob(digest.hexdigest())
                target.parent.mkdir(exist_ok=True)
                if not target.exists():
                    Path(temporary).replace(target)
            finally:
                Path(temporary).unlink(missing_ok=True)
        return digest.hexdigest()

    def read(self, sha256: str) -> bytes:
        """The archived bytes; ArchiveError when they are missing or no longer have their hash."""
        if damage := self.damage(sha256):
            raise ArchiveError(damage)
        return self.blob(sha256).read_bytes()

    def damage(self, sha256: str) -> str | None:
        """What is wrong with archived bytes, in one line with the next step; None when they have their hash."""
        path = self.blob(sha256)
        try:
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except FileNotFoundError:
            return f"{path}: missing from the archive; ingest the file with sha256 {sha256} again"
        except OSError as error:
            return f"{path}: {error.strerror}; mend the disk, or ingest the file with sha256 {sha256} again"
        if found != sha256:
            return f"{path}: the archived bytes no longer have their sha256; ingest the original file again"
        return None

    def record(self, release: Release) -> bool:
        """Write the release's manifest; False when the release is already recorded."""
        path = self.root / "releases" / f"{release.release_id}.json"
        if path.exists():
            return False
        _write_whole(path, (json.dumps(asdict(release), indent=2) + "\n").encode())
        return True

    def set_aside(self, release_id: str, reason: str, now: dt.datetime) -> None:
        """Take a release out of every build, keeping its bytes and the reason; ArchiveError when there is none."""
        path = self.root / "releases" / f"{release_id}.json"
        if not path.exists():
            raise ArchiveError(f"{release_id}: no such release in the archive; `border status` lists them")
        manifest = json.loads(path.read_text("utf-8"))
        manifest |= {"set_aside_at": now.isoformat(timespec="seconds"), "set_aside_because": reason}
        _write_whole(self._aside(release_id), (json.dumps(manifest, indent=2) + "\n").encode())
        path.unlink()

    def set_aside_because(self, release_id: str) -> str | None:
        """Why a release was set aside; None when it was not."""
        path = self._aside(release_id)
        return json.loads(path.read_text("utf-8"))["set_aside_because"] if path.exists() else None

    def _aside(self, release_id: str) -> Path:
        return self.root / "set_aside" / f"{release_id}.json"

    def releases(self) -> list[Release]:
        """Every recorded release, oldest publication first."""
        folder = self.root / "releases"
        found = [Release(**json.loads(p.read_text("utf-8"))) for p in sorted(folder.glob("*.json"))]
        return sorted(found, key=lambda r: (r.published_on, r.release_id))

    def has(self, sha256: str) -> bool:
        return self.blob(sha256).exists()


def _write_whole(path: Path, data: bytes) -> None:
    """Write so that a reader, or a restart after a kill, sees the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@cache
def known_files() -> dict[str, dict[str, Any]]:
    """The reviewed list of agency files and their publication, by sha256."""
    entries = yaml.safe_load((Path(__file__).parent / "known_files.yml").read_text("utf-8"))
    return {entry["sha256"]: entry for entry in entries}


def publication(
    path_text: str,
    sha256: str,
    data_through: dt.date,
    published: str | None = None,
    trust: str | None = None,
    origin: str | None = None,
    published_basis: str = "given by hand",
) -> Publication:
    """When a file was public: from `published` (`2024-03` or `2024-03-22`), the list of known files, a year-month
    folder or date in its path, or the data cut-off its name states.

    Raises ArchiveError, with how to give the date, when nothing tells.
    """
    known = known_files().get(sha256, {})
    trust = trust or known.get("trust", "mirrored")
    origin = origin or known.get("origin", "supplied by a person")
    if published:
        return Publication(*_parse_published(published), published_basis, trust, origin)
    if "published_on" in known:
        return Publication(
            known["published_on"], known["published_precision"], known["published_basis"], trust, origin
        )
    if dated := _date_in_path(path_text):
        return Publication(*dated, trust, origin)
    if cut_off := _cut_off_in_name(Path(path_text).name):
        if cut_off != data_through:
            raise ArchiveError(
                f"{Path(path_text).name}: the name says data through {cut_off:%B %Y}, the last month in the file is "
                f"{data_through:%B %Y}; the file is not whole or not the one it is named for. "
                "Download it again, or rename it and give --published YYYY-MM."
            )
        month = _month_after(cut_off)
        return Publication(
            _month_end(month),
            "month",
            f"data through {cut_off:%B %Y} named in the file, so not before {month:%B %Y}",
            trust,
            origin,
        )
    raise ArchiveError(
        f"{Path(path_text).name}: nobody knows when this file was published; give --published YYYY-MM or YYYY-MM-DD, "
        "or put the file in a folder named YYYY-MM"
    )


def _parse_published(text: str) -> tuple[dt.date, str]:
    try:
        if re.fullmatch(r"\d{4}-\d{2}", text):
            return _month_end(dt.date.fromisoformat(f"{text}-01")), "month"
        return dt.date.fromisoformat(text), "day"
    except ValueError:
        raise ArchiveError(f"--published {text!r} is not a date; expected YYYY-MM or YYYY-MM-DD") from None


def _date_in_path(path_text: str) -> tuple[dt.date, str, str] | None:
    path = Path(path_text)
    if found := re.match(r"(20\d\d)[-_]?(\d{2})[-_]?(\d{2})[-_ ]", path.name):
        try:
            return dt.date(*map(int, found.groups())), "day", "date in the file name"
        except ValueError:
            pass
    for folder in reversed(path.parent.parts):
        if found := re.fullmatch(r"(20\d\d)-(0[1-9]|1[0-2])", folder):
            month = dt.date(int(found[1]), int(found[2]), 1)
            return _month_end(month), "month", f"folder {folder}"
    return None


def _cut_off_in_name(name: str) -> dt.date | None:
    """`…fy21-fy24-jan…` → January 2024; a full window such as `fy19-fy22` → September 2022."""
    found = re.search(r"fy(\d\d)-fy(\d\d)(?:td)?(?:-([a-z]{3})\b)?", name.lower())
    if not found:
        return None
    year = 2000 + int(found[2])
    month = _MONTHS.get(found[3] or "")
    if month is None:
        return dt.date(year, 9, 1)
    return dt.date(year - 1 if month >= 10 else year, month, 1)


def _month_after(month: dt.date) -> dt.date:
    return dt.date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _month_end(month: dt.date) -> dt.date:
    return _month_after(month.replace(day=1)) - dt.timedelta(days=1)
