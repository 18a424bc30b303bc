"""The inbox: where complete, checked files wait for the archive, each with a note of where it came from.

    inbox/arrivals/<source>/<first 12 hex of sha256>/<file name>     the bytes
                                                     arrival.json    the note
    inbox/refused/…        files kept because a person has to look at them, same layout
    inbox/partial/…        downloads on their way
    inbox/drop/            where a person puts files; drop/done and drop/refused hold them afterwards
    inbox/journal.jsonl    every answer of every source

A folder below arrivals appears by one rename and is complete from that moment on.
Does not belong here: the archive itself, or any check of the bytes.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from warehouse.acquire.errors import AcquireError, InboxBusy

NOTE = "arrival.json"
_NAME_MAX = 180


@dataclass(frozen=True)
class ArrivalNote:
    """Where a file came from, for the archive's manifest.

    `origin` is `download` or `drop`; `published_hint` is `YYYY-MM` or `YYYY-MM-DD` as far as address, name or
    Last-Modified say; `data_through` is the first day of the last month the name promises. Times are UTC, ISO
    8601.
    """

    source_id: str
    family: str | None
    publisher: str
    title: str
    origin: str
    url: str | None
    final_url: str | None
    file_name: str
    sha256: str
    bytes: int
    retrieved_at: str
    etag: str | None
    last_modified: str | None
    published_hint: str | None
    data_through: str | None
    byte_change: str
    previous_sha256: str | None
    licence: str
    citation: str


@dataclass(frozen=True)
class Arrival:
    """A file waiting for the archive."""

    file: Path
    note: ArrivalNote

    def remove(self) -> None:
        """Take the file out of the inbox once the archive holds it."""
        shutil.rmtree(self.file.parent)


def waiting(inbox: Path) -> list[Arrival]:
    """Every file waiting for the archive, in order of retrieval.

    AcquireError names a note that cannot be read.
    """
    found = []
    for note_path in (inbox / "arrivals").glob(f"*/*/{NOTE}"):
        try:
            values: dict[str, Any] = json.loads(note_path.read_text("utf-8"))
            note = ArrivalNote(**values)
        except (ValueError, TypeError) as error:
            raise AcquireError(
                f"{note_path}: not a note of an arrival ({error}); move its folder away and fetch again"
            ) from None
        found.append(Arrival(note_path.parent / note.file_name, note))
    return sorted(found, key=lambda arrival: (arrival.note.retrieved_at, arrival.note.sha256))


def arrival_folder(inbox: Path, source_id: str, sha256: str) -> Path:
    return inbox / "arrivals" / source_id / sha256[:12]


def place(part: Path, folder: Path, note: ArrivalNote) -> Path:
    """Move the fsynced `part`, with its note, into `folder` by one rename; the path of the file there."""
    staging = part.parent / "complete"
    if staging.exists():
        shutil.rmtree(staging)
    staging.mkdir()
    part.replace(staging / note.file_name)
    with (staging / NOTE).open("w", encoding="utf-8") as file:
        json.dump(asdict(note), file, indent=2, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    _fsync_folder(staging)
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():  # the same bytes, placed by a run that ended before it could say so
        shutil.rmtree(folder)
    staging.replace(folder)
    _fsync_folder(folder.parent)
    return folder / note.file_name


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def safe_file_name(name: str) -> str:
    """A publisher's file name as a name in our folders: no separators, no control characters, not hidden."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(char for char in last if char.isprintable() and char not in ':*?"<>|').strip(" .")
    stem, dot, suffix = kept.rpartition(".")
    if dot and len(kept) > _NAME_MAX:
        kept = f"{stem[: _NAME_MAX - len(suffix) - 1]}.{suffix}"
    return kept or "file"


@contextmanager
def sole_use(inbox: Path) -> Iterator[None]:
    """Hold the inbox for one process; AcquireError when another one is fetching."""
    try:
        inbox.mkdir(parents=True, exist_ok=True)
        handle = os.open(inbox / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise AcquireError(
            f"{inbox}: {error.strerror}; make the folder writable or set BORDER_HOME"
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InboxBusy(f"{inbox}: another fetch is running; wait for it to end") from None
        yield
    finally:
        os.close(handle)
