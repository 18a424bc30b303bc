"""The drop folder: files a person saved by hand, held to the same checks as downloads.

Belongs here: noticing a file, waiting until it is whole, copying it safely, putting the original away. Does
not belong here: what makes a file sound (content), or what happens to it next (inbox).
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from warehouse.acquire.errors import PermanentFault, Reason, TransientFault
from warehouse.acquire.landing import file_name_of
from warehouse.acquire.sources import Source

_UNFINISHED = {".part", ".partial", ".crdownload", ".download", ".tmp", ".temp", ".filepart", ".opdownload"}
_OWN_FOLDERS = {"done", "refused"}
_CHUNK = 1 << 20


@dataclass(frozen=True)
class DroppedCopy:
    """A private, fsynced copy of a dropped file."""

    part: Path
    sha256: str
    bytes: int


def drop_folder(inbox: Path) -> Path:
    return inbox / "drop"


def dropped(inbox: Path) -> list[Path]:
    """What lies in the drop folder, by name; hidden files and unfinished downloads are left alone."""
    folder = drop_folder(inbox)
    folder.mkdir(parents=True, exist_ok=True)
    return sorted(
        path
        for path in folder.iterdir()
        if path.name not in _OWN_FOLDERS
        and not path.name.startswith(".")
        and not path.name.endswith("~")
        and path.suffix.lower() not in _UNFINISHED
    )


def copy_when_settled(path: Path, source: Source, folder: Path, now: datetime) -> DroppedCopy:
    """Copy `path` into `folder`, hashing on the way.

    TransientFault while somebody still writes to it; PermanentFault for anything but a regular file of a fair
    size.
    """
    if not stat.S_ISREG(path.lstat().st_mode):
        raise PermanentFault(
            Reason.NOT_A_REGULAR_FILE, f"{path.name} is a folder or a link; drop the file itself"
        )
    # never follow a link put there since, never wait for the other end of a pipe
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as original:
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode):
            raise PermanentFault(
                Reason.NOT_A_REGULAR_FILE, f"{path.name} is no regular file; drop the file itself"
            )
        if before.st_size > source.bytes_max:
            raise PermanentFault(
                Reason.TOO_LARGE,
                f"{path.name} has {before.st_size:,} bytes, the most taken is {source.bytes_max:,};"
                " raise bytes.max of drop_folder in sources.yml",
            )
        # the change time, unlike the modification time, cannot be set back by cp -p or a browser
        quiet = now.timestamp() - before.st_ctime
        if quiet < source.settle_seconds:
            when = (
                f"{quiet:.0f} s ago"
                if quiet >= 0
                else f"{-quiet:.0f} s ahead of the clock, which may be wrong"
            )
            raise TransientFault(
                Reason.STILL_BEING_WRITTEN,
                f"{path.name} changed {when}; it is taken once it has been quiet for {source.settle_seconds} s",
                retry_after=source.settle_seconds,
            )
        folder.mkdir(parents=True, exist_ok=True)
        part, digest, size = folder / "body.part", hashlib.sha256(), 0
        with part.open("wb") as copy:
            while chunk := original.read(_CHUNK):
                size += len(chunk)
                if size > source.bytes_max:
                    break
                digest.update(chunk)
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
        after = os.fstat(handle)
    if size != before.st_size or (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise TransientFault(
            Reason.STILL_BEING_WRITTEN,
            f"{path.name} changed while it was read; it is taken once it has been quiet",
            retry_after=source.settle_seconds,
        )
    return DroppedCopy(part, digest.hexdigest(), size)


def put_away(path: Path, inbox: Path, kind: str, now: datetime) -> Path:
    """Move a dropped file into `drop/done` or `drop/refused` under its day; where it went."""
    folder = drop_folder(inbox) / kind / now.date().isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    target, number = folder / path.name, 1
    while target.exists() or target.is_symlink():
        number += 1
        target = folder / f"{path.stem}.{number}{path.suffix}"
    path.replace(target)
    return target


def retry_at(now: datetime, source: Source) -> datetime:
    return now + timedelta(seconds=source.settle_seconds)


def source_of_file(file_name: str, sources: Iterable[Source]) -> Source | None:
    """The one source whose files are named like this; None when none or several are."""
    matches = [
        source
        for source in sources
        if source.names_file(file_name)
        or (source.url and file_name.lower().startswith(Path(file_name_of(source.url)).stem.lower()))
    ]
    return matches[0] if len(matches) == 1 else None
