"""The release as published: a zip, a folder of members or single members, read as streams.

Belongs here: finding a member by its base name, decompressing it, checking length and CRC, the row counts
EOIR states in Count.txt. Does not belong here: what a record is (`records`). Nothing is ever extracted under
a name taken from the archive, and no member is held in memory or on disk as a whole.
"""

from __future__ import annotations

import queue
import re
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath

import inflate64

from warehouse.court import registry

_READ = 1 << 18
_STORED, _DEFLATED, _DEFLATE64 = 0, 8, 9
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_COUNT_LINE = re.compile(r"^\s*(?P<table>[\w.]+)\s+(?P<rows>[\d,]+)\s+rows?\s+copied", re.IGNORECASE)
_FOLDER_DATE = re.compile(r"(20\d\d)[-_ ]?(\d\d)[-_ ]?(\d\d)(?!\d)")


class CourtSourceError(Exception):
    """The source is not a court release as published; the message says which member and what to do."""


@dataclass(frozen=True)
class Member:
    """One table file. `size` is unpacked bytes, `crc` the stated CRC-32 or None for a plain file."""

    table: str
    path: str
    size: int
    crc: int | None
    source: Path
    info: zipfile.ZipInfo | None = None

    @property
    def fingerprint(self) -> str:
        """What identifies the bytes without reading them: size and CRC, or size and modification time."""
        if self.crc is not None:
            return f"{self.size}-{self.crc:08x}"
        return f"{self.size}-{self.source.stat().st_mtime_ns}"


@dataclass(frozen=True)
class Release:
    """What one source holds: members by lower-case table name, stated counts, ignored files."""

    source: Path
    members: dict[str, Member]
    stated: dict[str, int] | None
    published: date | None
    ignored: tuple[str, ...]

    @property
    def size(self) -> int:
        """Unpacked bytes of all members."""
        return sum(m.size for m in self.members.values())


def open_release(source: Path | str | list[Path]) -> Release:
    """Find the tables in a zip, a folder or a list of files.

    Members are recognised by base name, in any folder and any letter case. Raises CourtSourceError where the
    source is missing or is no zip, where a name leads outside the archive, or where two different members
    claim the same table.
    """
    if isinstance(source, list):
        return _collect(source[0].parent if source else Path(), [(p.name, p, None) for p in source])
    path = Path(source)
    if not path.exists():
        raise CourtSourceError(f"{path}: no such file or folder; name the release zip or a folder of members")
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file())
        return _collect(path, [(p.relative_to(path).as_posix(), p, None) for p in files])
    if zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                infos = [i for i in archive.infolist() if not i.is_dir()]
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise CourtSourceError(f"{path}: damaged zip ({error}); fetch the release again") from None
        return _collect(path, [(i.filename, path, i) for i in infos])
    if path.suffix.lower() == ".zip":
        raise CourtSourceError(f"{path}: not a zip, or its directory is cut off; fetch the release again")
    return _collect(path, [(path.name, path, None)])


def _collect(source: Path, entries: list[tuple[str, Path, zipfile.ZipInfo | None]]) -> Release:
    members: dict[str, Member] = {}
    stated: dict[str, int] | None = None
    published: date | None = None
    ignored: list[str] = []
    for name, path, info in entries:
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if ".." in parts or name.startswith(("/", "\\")) or re.match(r"^[A-Za-z]:", name):
            raise CourtSourceError(f"{source}: member {name!r} leads outside the archive; refuse this file")
        base = parts[-1] if parts else ""
        published = published or _folder_date(name) or _folder_date(source.name)
        stem, _, suffix = base.rpartition(".")
        if base.startswith("._") or "__MACOSX" in parts:
            ignored.append(name)
            continue
        size = info.file_size if info else path.stat().st_size
        member = Member(stem or base, name, size, info.CRC if info else None, path, info)
        if base.lower() == "count.txt":
            stated = (stated or {}) | parse_counts(b"".join(stream(member)))
        elif _is_table(stem, suffix):
            known = registry.tables().get(stem.lower())
            member = Member(known.name if known else stem, name, size, member.crc, path, info)
            earlier = members.setdefault(stem.lower(), member)
            if earlier is not member:
                if earlier.crc is None or (earlier.crc, earlier.size) != (member.crc, member.size):
                    raise CourtSourceError(
                        f"{source}: {earlier.path!r} and {name!r} both claim {stem}; pass one of them alone"
                    )
                ignored.append(name)
        else:
            ignored.append(name)
    if not members:
        raise CourtSourceError(f"{source}: no court table found (expected names such as A_TblCase.csv)")
    return Release(source, members, stated, published, tuple(ignored))


def _is_table(stem: str, suffix: str) -> bool:
    if suffix.lower() == "csv":
        return True
    return suffix.lower() in ("tsv", "txt") and stem.lower() in registry.tables()


def _folder_date(name: str) -> date | None:
    for match in _FOLDER_DATE.finditer(name):
        try:
            return date(*(int(g) for g in match.groups()))
        except ValueError:
            continue
    return None


def parse_counts(text: bytes) -> dict[str, int]:
    """Count.txt as a mapping from lower-case table name to stated rows; other lines are ignored.

    The file is `TableName<tab>Content` with contents such as `7390042 rows copied.`, in any of the encodings
    SQL Server tools write.
    """
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        decoded = text.decode("utf-16", "replace")
    else:
        decoded = text.decode("utf-8-sig", "replace")
    found = (_COUNT_LINE.match(line.replace("\x00", "")) for line in decoded.splitlines())
    return {m["table"].lower().removesuffix(".csv"): int(m["rows"].replace(",", "")) for m in found if m}


def stream(member: Member) -> Iterator[bytes]:
    """The member's unpacked bytes in order; length and CRC are checked at the end.

    Raises CourtSourceError for an encrypted member, an unknown compression method, damaged data, and a
    length or CRC that differs from the one stated.
    """
    if member.info is None:
        with member.source.open("rb") as f:
            while block := f.read(1 << 22):
                yield block
        return
    info = member.info
    if info.flag_bits & 0x1:
        raise CourtSourceError(f"{member.source}: {member.path} is encrypted; EOIR's releases are not")
    crc = 0
    size = 0
    for block in _unpacked(member, info):
        crc = zlib.crc32(block, crc)
        size += len(block)
        if size > info.file_size:
            break
        yield block
    if size != info.file_size:
        raise CourtSourceError(
            f"{member.source}: {member.path} unpacks to {size} bytes, not {info.file_size}; fetch it again"
        )
    if crc != info.CRC:
        raise CourtSourceError(
            f"{member.source}: {member.path} has CRC {crc:08x}, {info.CRC:08x} stated; fetch it again"
        )


def _unpacked(member: Member, info: zipfile.ZipInfo) -> Iterator[bytes]:
    with member.source.open("rb") as f:
        f.seek(info.header_offset)
        header = f.read(_LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size or header[:4] != b"PK\x03\x04":
            raise CourtSourceError(f"{member.source}: {member.path} has no local header; fetch it again")
        *_, name_length, extra_length = _LOCAL_HEADER.unpack(header)
        f.seek(name_length + extra_length, 1)
        left = info.compress_size
        decode, finished = _decoder(member, info.compress_type)
        # One buffer for all reads: inflate64 1.0.4 never releases what it was given, and would keep the whole file.
        packed = memoryview(bytearray(_READ))
        while left > 0 and (length := f.readinto(packed[: min(_READ, left)])):
            left -= length
            try:
                block = decode(packed[:length])
            except Exception as error:
                raise CourtSourceError(
                    f"{member.source}: {member.path} is damaged ({error}); fetch the file again"
                ) from None
            if block:
                yield block
        if left > 0 or not finished():
            raise CourtSourceError(f"{member.source}: {member.path} is cut off; fetch the file again")


def _decoder(member: Member, method: int) -> tuple[Callable[[memoryview], bytes], Callable[[], bool]]:
    if method == _STORED:
        return bytes, (lambda: True)
    if method == _DEFLATED:
        plain = zlib.decompressobj(-15)
        return (lambda data: plain.decompress(data)), (lambda: plain.eof)
    if method == _DEFLATE64:
        wide = inflate64.Inflater()
        return wide.inflate, (lambda: bool(wide.eof) or member.size == 0)
    raise CourtSourceError(
        f"{member.source}: {member.path} uses zip method {method}; known are 0, 8 and 9 (repack the file)"
    )


def prefetch(member: Member, depth: int = 16) -> Iterator[bytes]:
    """`stream`, unpacked by a thread of its own so that decompression overlaps whatever consumes it."""
    blocks: queue.Queue[bytes | BaseException | None] = queue.Queue(maxsize=depth)
    stop = threading.Event()

    def put(item: bytes | BaseException | None) -> bool:
        while not stop.is_set():
            try:
                blocks.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for block in stream(member):
                if not put(block):
                    return
            put(None)
        except BaseException as error:
            put(error)

    worker = threading.Thread(target=work, name=f"unpack-{member.table}", daemon=True)
    worker.start()
    try:
        while (item := blocks.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        worker.join()
