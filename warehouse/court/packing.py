"""Writing a zip the way EOIR's is packed: Deflate64 or Deflate members, ZIP64 where it is needed.

Belongs here: the container of a generated release. Does not belong here: what the members say (`synth`), or
reading (`container`). Python's `zipfile` can neither read nor write method 9.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import inflate64

_LIMIT = 0xFFFFFFFF
_TIME, _DATE = 0, (2026 - 1980) << 9 | 8 << 5 | 3  # a fixed stamp: the same input gives the same bytes
_UTF8 = 0x800


@dataclass(frozen=True)
class Packed:
    """One compressed member, ready to be placed in an archive."""

    method: int
    crc: int
    size: int
    packed_size: int


def pack(blocks: Iterable[bytes], target: BinaryIO, method: int) -> Packed:
    """Compress `blocks` onto `target` with zip method 0, 8 or 9 and say what was written."""
    encode, finish = _encoder(method)
    crc = size = packed = 0
    for block in blocks:
        crc = zlib.crc32(block, crc)
        size += len(block)
        packed += target.write(encode(block))
    packed += target.write(finish())
    return Packed(method, crc, size, packed)


def _encoder(method: int) -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    if method == 9:
        wide = inflate64.Deflater()
        return wide.deflate, wide.flush
    if method == 8:
        plain = zlib.compressobj(1, zlib.DEFLATED, -15)
        return plain.compress, plain.flush
    if method == 0:
        return (lambda data: data), (lambda: b"")
    raise ValueError(f"zip method {method} is not written; use 0, 8 or 9")


class ZipWriter:
    """A zip written front to back; use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._directory: list[bytes] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish()
        self._file.close()

    def add(self, name: str, blocks: Iterable[bytes], method: int = 9) -> Packed:
        """Compress a member straight into the archive."""
        start = self._file.tell()
        header = self._local(name, Packed(method, 0, 0, 0))
        self._file.write(header)
        packed = pack(blocks, self._file, method)
        end = self._file.tell()
        self._file.seek(start)
        self._file.write(self._local(name, packed))
        self._file.seek(end)
        self._enter(name, packed, start)
        return packed

    def add_packed(self, name: str, source: Path, packed: Packed) -> None:
        """Place a member that `pack` wrote to a file of its own."""
        start = self._file.tell()
        self._file.write(self._local(name, packed))
        with source.open("rb") as f:
            while block := f.read(1 << 22):
                self._file.write(block)
        self._enter(name, packed, start)

    def _local(self, name: str, packed: Packed) -> bytes:
        encoded = name.encode("utf-8")
        extra = struct.pack("<2H2Q", 1, 16, packed.size, packed.packed_size)
        return (
            struct.pack(
                "<4s5H3L2H",
                *(b"PK\x03\x04", 45, _UTF8, packed.method, _TIME, _DATE, packed.crc),
                *(_LIMIT, _LIMIT, len(encoded), len(extra)),
            )
            + encoded
            + extra
        )

    def _enter(self, name: str, packed: Packed, start: int) -> None:
        encoded = name.encode("utf-8")
        extra = struct.pack("<2H3Q", 1, 24, packed.size, packed.packed_size, start)
        self._directory.append(
            struct.pack(
                "<4s6H3L5H2L",
                *(b"PK\x01\x02", 45, 45, _UTF8, packed.method, _TIME, _DATE, packed.crc),
                *(_LIMIT, _LIMIT, len(encoded), len(extra), 0, 0, 0, 0, _LIMIT),
            )
            + encoded
            + extra
        )

    def _finish(self) -> None:
        start = self._file.tell()
        directory = b"".join(self._directory)
        n = len(self._directory)
        end = start + len(directory)
        self._file.write(directory)
        self._file.write(
            struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, n, n, len(directory), start)
            + struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
            + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, min(n, 0xFFFF), min(n, 0xFFFF), _LIMIT, _LIMIT, 0)
        )
