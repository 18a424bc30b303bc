"""Is the file what it claims to be? Type, completeness, header, and archives that would do harm.

Belongs here: checks on a complete file that read it once, in bounded memory, and never unpack it to disk.
Does not belong here: whether a figure is plausible, or any parsing of rows.
"""

from __future__ import annotations

import csv
import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import inflate64

from warehouse.acquire.download import html_fault
from warehouse.acquire.errors import FetchFault, PermanentFault, Reason
from warehouse.acquire.sources import Source

# Given the source and the header's column names: one line that says what differs, or None.
HeaderCheck = Callable[[Source, list[str]], str | None]

_HEAD = 65_536
_CHUNK = 1 << 20
# Deflate can grow a byte to about 1,032; EOIR's tables grow 4 to 25 times, repeated blanks up to about 100.
_RATIO_MAX = 200
_RATIO_FREE = 10_000_000
_MEMBERS_MAX = 20_000
_DIRECTORY_MAX = 4_000_000
_STORED, _DEFLATED, _DEFLATED64 = 0, 8, 9
_NATIVE = {"xlsx": ("[Content_Types].xml", "xl/workbook.xml")}


def expected_header(source: Source, header: list[str]) -> str | None:
    """The header check by sources.yml: same names in the same order, where the source lists them."""
    if not source.header or tuple(header) == source.header:
        return None
    gone = [name for name in source.header if name not in header]
    added = [name for name in header if name not in source.header]
    parts = [f"lacks {', '.join(gone)}"] if gone else []
    parts += [f"has new {', '.join(added)}"] if added else []
    return "; ".join(parts) or f"has its columns in another order: {', '.join(header)}"


def check_content(path: Path, url: str, file_format: str, source: Source, header_check: HeaderCheck) -> None:
    """Raise PermanentFault or BlockedFault unless the file at `path` is a sound file of `file_format`.

    `url` names the file in messages. BlockedFault means a page for humans came in place of the data.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise PermanentFault(Reason.TOO_SMALL, f"{url} is empty")
    if _is_html(head):
        raise html_fault(url, head)
    kind = _kind(head)
    wanted = "zip" if file_format == "xlsx" else file_format
    if kind != wanted:
        raise PermanentFault(
            Reason.WRONG_TYPE, f"{url} should be {file_format} and is {kind or 'an unknown type'}"
        )
    if size < source.bytes_min:
        raise PermanentFault(
            Reason.TOO_SMALL,
            f"{url} has {size:,} bytes, the least expected is {source.bytes_min:,}; open it and look",
        )
    if file_format == "csv":
        _check_csv(path, url, source, header_check)
    elif file_format in {"zip", "xlsx"}:
        _check_zip(path, url, source, _NATIVE.get(file_format, ()))
    elif file_format == "pdf":
        _check_pdf(path, url)


def _is_html(head: bytes) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<!--"))


def _kind(head: bytes) -> str | None:
    for kind, mark in (
        ("zip", b"PK\x03\x04"),
        ("zip", b"PK\x05\x06"),
        ("pdf", b"%PDF-"),
        ("gzip", b"\x1f\x8b"),
    ):
        if head.startswith(mark):
            return kind
    if b"\x00" in head:
        return None
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    return {b"<": "XML", b"{": "JSON", b"[": "JSON"}.get(start, "csv")


def _check_csv(path: Path, url: str, source: Source, header_check: HeaderCheck) -> None:
    with path.open("rb") as file:
        first = file.readline(_HEAD)
        file.seek(max(len(first), path.stat().st_size - _HEAD))
        tail = file.read()
    if not first.endswith(b"\n"):
        raise PermanentFault(Reason.WRONG_TYPE, f"{url}: the first line has no end within {_HEAD:,} bytes")
    header = _fields(first.removeprefix(b"\xef\xbb\xbf"))
    if difference := header_check(source, header):
        raise PermanentFault(Reason.COLUMNS_CHANGED, f"{url} {difference}")
    if not tail:
        raise PermanentFault(Reason.TOO_SMALL, f"{url} has a header and no rows")
    last = tail.rstrip(b"\r\n").rsplit(b"\n", 1)[-1]
    if not tail.endswith(b"\n") or len(_fields(last)) < len(header):
        raise PermanentFault(
            Reason.TRUNCATED, f"{url} ends inside a line ({_shown(last)}); the end of the file is missing"
        )


def _fields(line: bytes) -> list[str]:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = line.decode("cp1252", "replace")
    return next(csv.reader(io.StringIO(text)), [])


def _shown(line: bytes) -> str:
    text = line.decode("utf-8", "replace")
    return repr(text if len(text) <= 60 else f"{text[:60]}…")


def _check_pdf(path: Path, url: str) -> None:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2048))
        if b"%%EOF" not in file.read():
            raise PermanentFault(
                Reason.TRUNCATED, f"{url} has no end-of-file mark; the end of the file is missing"
            )


def _check_zip(path: Path, url: str, source: Source, required: tuple[str, ...]) -> None:
    _refuse_large_directory(path, url)
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file:
            members = archive.infolist()
            _refuse_unsafe(members, url, source)
            if missing := [name for name in required if name not in archive.NameToInfo]:
                raise PermanentFault(
                    Reason.WRONG_TYPE, f"{url} is a zip without {missing[0]}, so no workbook"
                )
            for member in members:
                _check_member(file, member, url)
    except (zipfile.BadZipFile, struct.error, EOFError, UnicodeDecodeError) as error:
        raise corrupt(url, " ".join(str(error).split())) from None


def corrupt(url: str, what: str) -> FetchFault:
    return PermanentFault(
        Reason.CORRUPT_ARCHIVE, f"{url}: {what}; fetch it again, and tell the publisher if it stays"
    )


def _unsafe(url: str, member: str, what: str) -> FetchFault:
    return PermanentFault(Reason.UNSAFE_ARCHIVE, f"{url}: member {member[:120]!r} {what}; not opened")


def _refuse_large_directory(path: Path, url: str) -> None:
    """Read the sizes in the end record first: zipfile would take the whole directory into memory."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = max(0, size - 65_557 - 20)
        file.seek(start)
        tail = file.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) - at < 22:
            raise PermanentFault(
                Reason.TRUNCATED, f"{url} has no directory of members; the end of the file is missing"
            )
        members, directory = struct.unpack_from("<HI", tail, at + 10)
        locator = tail[max(0, at - 20) : at]
        if locator.startswith(b"PK\x06\x07"):
            (record_at,) = struct.unpack_from("<Q", locator, 8)
            file.seek(min(record_at, size))
            record = file.read(56)
            if record.startswith(b"PK\x06\x06") and len(record) == 56:
                members, directory = struct.unpack_from("<QQ", record, 32)
    if members > _MEMBERS_MAX or directory > _DIRECTORY_MAX:
        raise PermanentFault(
            Reason.UNSAFE_ARCHIVE,
            f"{url} lists {members:,} members in {directory:,} bytes, more than any release; not opened",
        )


def _refuse_unsafe(members: list[zipfile.ZipInfo], url: str, source: Source) -> None:
    if len(members) > _MEMBERS_MAX:
        raise PermanentFault(Reason.UNSAFE_ARCHIVE, f"{url} has {len(members):,} members; not opened")
    seen: set[str] = set()
    unpacked = end = 0
    for member in sorted(members, key=lambda m: m.header_offset):
        # orig_filename: zipfile itself cuts names at a NUL and turns separators
        name = member.orig_filename
        parts = name.replace("\\", "/").split("/")
        if "\x00" in name or ".." in parts or parts[0] == "" or ":" in parts[0]:
            raise _unsafe(url, name, "points outside its folder")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise _unsafe(url, name, "is a symbolic link")
        if member.flag_bits & 0x1:
            raise _unsafe(url, name, "is encrypted")
        if member.compress_type not in {_STORED, _DEFLATED, _DEFLATED64}:
            raise _unsafe(url, name, f"is packed with method {member.compress_type}, which no release uses")
        if name.lower() in seen:
            raise _unsafe(url, name, "is there twice")
        if member.header_offset < end:
            raise _unsafe(url, name, "overlaps another member")
        if member.file_size > _RATIO_FREE and member.file_size > _RATIO_MAX * max(member.compress_size, 1):
            raise _unsafe(
                url, name, f"would grow from {member.compress_size:,} to {member.file_size:,} bytes"
            )
        seen.add(name.lower())
        end = member.header_offset + 30 + member.compress_size
        unpacked += member.file_size
    if unpacked > source.unpacked_bytes_max:
        raise PermanentFault(
            Reason.UNSAFE_ARCHIVE,
            f"{url} would unpack to {unpacked:,} bytes, the most expected is {source.unpacked_bytes_max:,};"
            " raise unpacked_bytes_max in sources.yml if it has grown",
        )


def _check_member(file: IO[bytes], member: zipfile.ZipInfo, url: str) -> None:
    """Unpack in memory, count and check the CRC; a member longer than it declares is refused at once."""
    if member.is_dir():
        return
    size = crc = 0
    try:
        for chunk in _unpacked(file, member):
            size += len(chunk)
            if size > member.file_size:
                raise _unsafe(
                    url, member.orig_filename, f"is longer than the {member.file_size:,} bytes it declares"
                )
            crc = zlib.crc32(chunk, crc)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as error:
        raise corrupt(
            url, f"member {member.filename!r} cannot be unpacked ({' '.join(str(error).split())})"
        ) from None
    if size != member.file_size or crc != member.CRC:
        raise corrupt(url, f"member {member.filename!r} does not match its checksum")


def _unpacked(file: IO[bytes], member: zipfile.ZipInfo) -> Iterator[bytes]:
    packed = _packed(file, member)
    if member.compress_type == _STORED:
        yield from packed
    elif member.compress_type == _DEFLATED:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        for chunk in packed:
            while chunk:
                yield inflater.decompress(chunk, _CHUNK)
                chunk = inflater.unconsumed_tail
        yield inflater.flush(_CHUNK)
        if not inflater.eof:
            raise EOFError("the packed data end too early")
    else:
        wide = inflate64.Inflater()
        for chunk in packed:
            # the whole answer comes at once, so the bites are small: 16 KiB grow to 17 MB at most
            for start in range(0, len(chunk), 1 << 14):
                if not wide.eof:
                    yield wide.inflate(chunk[start : start + (1 << 14)])
        if not wide.eof:
            raise EOFError("the packed data end too early")


def _packed(file: IO[bytes], member: zipfile.ZipInfo) -> Iterator[bytes]:
    file.seek(member.header_offset)
    local = file.read(30)
    if len(local) < 30 or not local.startswith(b"PK\x03\x04"):
        raise zipfile.BadZipFile("its local header is missing")
    name_length, extra_length = struct.unpack_from("<HH", local, 26)
    file.seek(name_length + extra_length, io.SEEK_CUR)
    left = member.compress_size
    while left:
        chunk = file.read(min(_CHUNK, left))
        if not chunk:
            raise EOFError("the file ends inside it")
        left -= len(chunk)
        yield chunk
