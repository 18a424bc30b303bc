"""Published versions: numbered folders, the pointer to the one that counts, what is kept, and copies elsewhere.

    published/warehouse.duckdb        what readers open
    published/current.json            the version of this moment: its folder, code, releases
    published/versions/000012-cb83b8ffa453/
        warehouse.duckdb  catalog.duckdb  parquet/…  datapackage.json  CHANGELOG.json
        publication.json                  the same record as current.json when it was the current one
        sha256sums.txt                    every other file of the folder, for `sha256sum -c`

A folder appears by one rename, is complete from then on and never changes. Versions are ordered by number, not by
the clock, so that a clock set back hides nothing. Does not belong here: what the files hold (export_set), or
whether a build may be published (publish).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FOLDER = "versions"
POINTER = "current.json"
RECORD = "publication.json"
CHECKSUMS = "sha256sums.txt"
WAREHOUSE = "warehouse.duckdb"
UNFINISHED = ".building-"
KEEP_LAST = 5
_NAME = re.compile(r"\d{6,}-[0-9a-f]{12}")


class TargetError(Exception):
    """A copy of the published versions cannot be written; one line that says what to do."""


@dataclass(frozen=True)
class Published:
    """One published version; times are UTC, ISO 8601. `code_version` hashes everything that decides a figure."""

    number: int
    version: str
    published_at: str
    code_version: str
    releases: int
    data_through: str | None

    @property
    def folder(self) -> str:
        """Name of the version's folder below `versions/`."""
        return f"{self.number:06d}-{self.version}"

    def to_json(self) -> bytes:
        record = {**asdict(self), "folder": f"{FOLDER}/{self.folder}"}
        return (json.dumps(record, indent=2) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes) -> Published:
        """Raises ValueError where the bytes are no record of a version."""
        raw: Any = json.loads(data)
        try:
            return cls(**{name: raw[name] for name in cls.__dataclass_fields__})
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the record of a published version: {error}") from None


def current(published: Path) -> Published | None:
    """The version the pointer names; None before the first publication or where the pointer cannot be read."""
    try:
        return Published.from_json((published / POINTER).read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def current_folder(published: Path) -> Path | None:
    """The folder of the current version, if it is there."""
    found = current(published)
    folder = published / FOLDER / found.folder if found else None
    return folder if folder and folder.is_dir() else None


def published_versions(published: Path) -> list[Published]:
    """Every whole version on disk, oldest first."""
    found = []
    for folder in (published / FOLDER).glob("*-*"):
        if _NAME.fullmatch(folder.name):
            try:
                found.append(Published.from_json((folder / RECORD).read_bytes()))
            except (FileNotFoundError, ValueError):
                continue  # not whole; `damaged` names it
    return sorted(found, key=lambda p: p.number)


def next_number(published: Path) -> int:
    """One more than any number ever seen here."""
    numbers = [p.number for p in published_versions(published)]
    if pointed := current(published):
        numbers.append(pointed.number)
    return max(numbers, default=0) + 1


def surplus(versions: Iterable[Published], keep: Published, last: int = KEEP_LAST) -> list[Published]:
    """Versions to remove: all but the `last` newest, the last one of each month, and `keep`."""
    by_number = sorted(versions, key=lambda p: p.number)
    newest_of_month = {p.published_at[:7]: p.number for p in by_number}
    kept = {p.number for p in by_number[-last:]} | set(newest_of_month.values()) | {keep.number}
    return [p for p in by_number if p.number not in kept]


def prune(published: Path, last: int = KEEP_LAST) -> list[str]:
    """Remove surplus versions and what interrupted publications left; returns the removed folders' names."""
    pointed = current(published)
    if pointed is None:
        return []
    removed = []
    for version in surplus(published_versions(published), pointed, last):
        # Renamed first, so that a folder is whole or gone whatever happens next.
        folder = published / FOLDER / version.folder
        away = folder.with_name(f"{UNFINISHED}removed-{version.folder}")
        folder.replace(away)
        shutil.rmtree(away, ignore_errors=True)
        removed.append(version.folder)
    return removed


def remove_unfinished(published: Path) -> None:
    """Remove what an interrupted publication left behind; the caller holds the build lock."""
    for leftover in [*published.glob(f"{UNFINISHED}*"), *(published / FOLDER).glob(f"{UNFINISHED}*")]:
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def seal(folder: Path) -> None:
    """Write the checksums of everything in `folder` and bring all of it to the disk."""
    lines = [f"{_sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in _files(folder)]
    (folder / CHECKSUMS).write_text("".join(lines), "utf-8")
    for path in [*_files(folder), *(p for p in sorted(folder.rglob("*")) if p.is_dir()), folder]:
        fsync(path)


def damaged(folder: Path) -> list[str]:
    """What of a version's folder is not as it was published, one line each; empty when all of it is."""
    try:
        lines = (folder / CHECKSUMS).read_text("utf-8").splitlines()
        listed = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    except (FileNotFoundError, ValueError):
        return [f"{folder}: {CHECKSUMS} is missing or unreadable; publish again with `border publish`"]
    present = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    present.pop(CHECKSUMS, None)
    wrong = [f"{folder / name}: missing" for name in sorted(set(listed) - set(present))]
    wrong += [f"{path}: not part of the publication" for name, path in present.items() if name not in listed]
    wrong += [
        f"{path}: changed since it was published"
        for name, path in present.items()
        if name in listed and _sha256(path) != listed[name]
    ]
    return wrong


def put_in_place(folder: Path, published: Path, record: Published) -> None:
    """Make a sealed folder the current version: folder, then the file readers open, then the pointer.

    Each step is one rename; whatever happens between them, every name holds one whole version.
    """
    place = published / FOLDER / record.folder
    folder.replace(place)
    fsync(place.parent)
    copy = published / f"{UNFINISHED}{os.getpid()}.duckdb"
    try:
        shutil.copyfile(place / WAREHOUSE, copy)
        fsync(copy)
        copy.replace(published / WAREHOUSE)
    finally:
        copy.unlink(missing_ok=True)
    write_whole(published / POINTER, record.to_json())
    fsync(published)


def copy_to(published: Path, url: str, last: int = KEEP_LAST) -> Published:
    """Bring the current version to any fsspec URL (`s3://…`, `file://…`, `memory://…`) in the same order.

    Nothing is sent when the target holds the version already. The same policy says what is kept there.
    Raises TargetError, naming the file, when the target cannot be written; what it held before stays.
    """
    import fsspec

    record, folder = current(published), current_folder(published)
    if record is None or folder is None:
        raise TargetError(f"{published}: nothing has been published yet; run `border build`")
    where = url.split("://", 1)[0] if "://" in url else "file"
    step = "opening the target"
    try:
        fs, root = fsspec.url_to_fs(url)
        root = root.rstrip("/")
        pointer = f"{root}/{POINTER}"
        if fs.exists(pointer) and fs.cat_file(pointer) == record.to_json():
            return record
        remote = f"{root}/{FOLDER}/{record.folder}"
        for path in _files(folder):
            step = path.relative_to(folder).as_posix()
            _put(fs, path, f"{remote}/{step}")
        step = WAREHOUSE
        _put(fs, folder / WAREHOUSE, f"{root}/{WAREHOUSE}")
        step = POINTER
        fs.pipe_file(f"{pointer}.next", record.to_json())
        fs.mv(f"{pointer}.next", pointer)
        step = "removing old versions"
        there = [
            Published.from_json(fs.cat_file(f"{found}/{RECORD}"))
            for found in fs.ls(f"{root}/{FOLDER}", detail=False)
            if fs.exists(f"{found}/{RECORD}")
        ]
        for old in surplus(there, record, last):
            fs.rm(f"{root}/{FOLDER}/{old.folder}", recursive=True)
    except (OSError, ValueError, ImportError) as error:
        # The URL is not repeated: it may carry a password.
        raise TargetError(
            f"copy to {where} target: {step}: {type(error).__name__}: {' '.join(str(error).split())[:200]}; "
            "check address, rights and space, then publish again"
        ) from None
    return record


def _put(fs: Any, path: Path, remote: str) -> None:
    """Write under another name, compare the size, and rename."""
    parent = remote.rsplit("/", 1)[0]
    fs.makedirs(parent, exist_ok=True)
    fs.put_file(str(path), f"{remote}.next")
    size = fs.size(f"{remote}.next")
    if size != path.stat().st_size:
        raise OSError(f"{size} of {path.stat().st_size} bytes arrived")
    fs.mv(f"{remote}.next", remote)


def write_whole(path: Path, data: bytes) -> None:
    """Write so that a reader sees the whole file, old or new."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def fsync(path: Path) -> None:
    """Bring a file or a folder's entries to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
