"""Bytes into records: the scanner that parts clean rows from odd ones, and the careful road for the odd.

Belongs here: row ends, encodings, what a NUL means, field counts. Does not belong here: decompression
(`container`), tables (`load`). The scanner hands clean rows on as bytes that Arrow reads at full speed; a
row goes the careful road when its field count is wrong or when it holds a byte the fast road cannot carry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from warehouse.court import repair
from warehouse.court.container import CourtSourceError
from warehouse.court.registry import Layout

#: Written around nothing to say "empty string" to the CSV reader; rows that hold this byte go by hand.
QUOTE = b"\x02"
_EMPTY = QUOTE + QUOTE
_BOM = b"\xef\xbb\xbf"
_SEPARATORS = b"\t\r\n" + QUOTE
_TEXT = bytes(b for b in range(256) if b not in _SEPARATORS)
_SAMPLE = 1 << 20
_BLOCK = 1 << 22
_LONGEST_RECORD = 1 << 28


@dataclass(frozen=True)
class Odd:
    """One record for the careful road: its number (from 1, header not counted), offset and original bytes."""

    record_no: int
    offset: int
    raw: bytes


@dataclass(frozen=True)
class Block:
    """Consecutive records. `clean` holds one LF-ended row for each; the row of an odd record is blank."""

    clean: bytes
    first_record: int
    records: int
    odd: list[Odd]


@dataclass
class Tally:
    """What the scanner met in one member."""

    bytes: int = 0
    records: int = 0
    row_end: str = ""
    cp1252_rows: int = 0
    nul_bytes: int = 0
    blank_lines: int = 0
    lf_ended_rows: int = 0
    has_bom: bool = False
    ends_without_row_end: bool = False
    header: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Loaded:
    """A record read by hand; `reading` says how where its field count was wrong."""

    record_no: int
    values: list[str | None]
    surplus: str | None
    reading: repair.Reading | None


@dataclass(frozen=True)
class Quarantined:
    """A record kept aside with its original bytes."""

    record_no: int
    offset: int
    raw: bytes
    reason: str
    detail: str


def decode(raw: bytes) -> tuple[str, bool]:
    """Text of one record and whether it was taken as cp1252.

    Valid UTF-8 is UTF-8. Anything else is cp1252, with Latin-1 for the five bytes cp1252 leaves undefined, so
    no byte is ever lost.
    """
    try:
        return raw.decode("utf-8"), False
    except UnicodeDecodeError:
        return _cp1252(raw), True


_CP1252 = "".join(bytes([b]).decode("cp1252", "replace").replace("�", chr(b)) for b in range(256))


def _cp1252(raw: bytes) -> str:
    return raw.decode("latin-1").translate(_CP1252)


def read_by_hand(odd: Odd, layout: Layout) -> Loaded | Quarantined:
    """The careful road for one record."""
    text, _ = decode(odd.raw)
    pieces = text.split("\t")
    k = len(layout.columns)
    if len(pieces) == k:
        return Loaded(odd.record_no, [repair.value_of(p) for p in pieces], None, None)
    read = repair.read_long if len(pieces) > k else repair.read_short
    outcome = read(pieces, layout)
    if isinstance(outcome, repair.Refusal):
        return Quarantined(odd.record_no, odd.offset, odd.raw, outcome.reason, outcome.detail)
    return Loaded(odd.record_no, outcome.values, outcome.surplus, outcome)


class Scanner:
    """Reads one member's bytes once, front to back.

    `header` is available after construction; `blocks()` may be consumed once. With `by_hand` every record
    takes the careful road: the result must be the same, only slower.
    """

    def __init__(self, chunks: Iterable[bytes], name: str, *, by_hand: bool = False) -> None:
        self.tally = Tally()
        self._name = name
        self._chunks = iter(chunks)
        self._by_hand = by_hand
        self._pending = self._read_header()

    @property
    def header(self) -> list[str]:
        return self.tally.header

    def _read_header(self) -> bytes:
        head = b""
        for chunk in self._chunks:
            head += chunk
            self.tally.bytes += len(chunk)
            if len(head) >= _SAMPLE:
                break
        if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise CourtSourceError(f"{self._name}: UTF-16, EOIR publishes single bytes; re-export it")
        start = len(_BOM) if head.startswith(_BOM) else 0
        self.tally.has_bom = bool(start)
        end = head.find(b"\n", start)
        line = head[start:] if end < 0 else head[start:end]
        both = head.count(b"\r\n")
        crlf = both > 0 and both * 2 >= head.count(b"\n")
        self.tally.row_end = "CRLF" if crlf else "LF"
        self._newline = b"\r\n" if crlf else b"\n"
        if line:
            self.tally.header = decode(line.removesuffix(b"\r"))[0].split("\t")
            self.tally.header += [""] * self._wider(head[end + 1 :])
        self._offset = len(head) if end < 0 else end + 1
        return head[self._offset :]

    def _wider(self, sample: bytes) -> int:
        """How many fields nearly every row has beyond the header: columns without a name, not defects."""
        rows = sample.split(self._newline)[:-1][:2000]
        tabs = [r.count(b"\t") for r in rows if r]
        if len(tabs) < 20:
            return 0
        usual = max(set(tabs), key=tabs.count)
        more = usual - (len(self.tally.header) - 1)
        return more if more > 0 and tabs.count(usual) >= 0.9 * len(tabs) else 0

    def blocks(self) -> Iterator[Block]:
        """Blocks of whole records, in file order."""
        carry, size = [self._pending], len(self._pending)
        self._pending = b""
        for chunk in self._chunks:
            self.tally.bytes += len(chunk)
            carry.append(chunk)
            size += len(chunk)
            if size < _BLOCK:
                continue
            data = b"".join(carry)
            cut = data.rfind(self._newline)
            if cut < 0 and size > _LONGEST_RECORD:
                raise CourtSourceError(
                    f"{self._name}: no row end in {size:,} bytes from byte {self._offset:,}; not a table"
                )
            if cut >= 0:
                cut += len(self._newline)
                yield self._block(data[:cut])
                data = data[cut:]
            carry, size = [data], len(data)
        data = b"".join(carry).removesuffix(b"\x1a")
        if data and not data.endswith(self._newline):
            self.tally.ends_without_row_end = True
            if data.endswith(b"\n") and self._newline == b"\r\n":
                self.tally.lf_ended_rows += 1
                data = data[:-1]
            data += self._newline
        if data:
            yield self._block(data)

    def _block(self, block: bytes) -> Block:
        first = self.tally.records + 1
        offset = self._offset
        if b"\x00" in block:
            self.tally.nul_bytes += block.count(b"\x00")
        self._offset += len(block)
        tabs = len(self.header) - 1
        row = b"\t" * tabs + self._newline
        separators = block.translate(None, _TEXT)
        count = separators.count(b"\n")
        is_clean = (
            not self._by_hand
            and tabs > 0
            and separators == row * count
            and (self._newline == b"\n" or block.count(b"\r\n") == count)
            and (block.isascii() or (_is_utf8(block) and _BOM not in block))
        )
        if is_clean:
            self.tally.records += count
            plain = block if self._newline == b"\n" else block.translate(None, b"\r")
            return Block(_spell_empties(plain), first, count, [])
        return self._mixed_block(block, first, offset, tabs)

    def _mixed_block(self, block: bytes, first: int, offset: int, tabs: int) -> Block:
        raws = block.split(self._newline)[:-1]
        blank = b"\t" * tabs
        rows: list[bytes] = []
        odd: list[Odd] = []
        step = len(self._newline)
        at, done = offset, 0
        for i in self._suspects(block, raws, tabs):
            rows += raws[done:i]
            at += sum(map(len, raws[done:i])) + step * (i - done)
            start, done = at, i + 1
            at += len(raws[i]) + step
            for part in self._parts(raws[i], tabs):
                if part:
                    text = self._recoded(part)
                    if self._is_odd(part, tabs):
                        odd.append(Odd(first + len(rows), start, part))
                        text = blank
                    rows.append(text)
                else:
                    self.tally.blank_lines += 1
                start += len(part) + 1
        rows += raws[done:]
        self.tally.records += len(rows)
        clean = b"\n".join(rows) + b"\n" if rows else b""
        return Block(_spell_empties(clean), first, len(rows), odd)

    def _suspects(self, block: bytes, raws: list[bytes], tabs: int) -> Sequence[int]:
        """Positions of the rows that may need more than a copy, in order."""
        if self._by_hand or not tabs:
            return range(len(raws))
        found = {i for i, r in enumerate(raws) if r.count(b"\t") != tabs}
        ends = len(raws)
        if block.count(b"\r") != (ends if self._newline == b"\r\n" else 0):
            found |= {i for i, r in enumerate(raws) if b"\r" in r}
        if block.count(b"\n") != ends:
            found |= {i for i, r in enumerate(raws) if b"\n" in r}
        if QUOTE in block:
            found |= {i for i, r in enumerate(raws) if QUOTE in r}
        if not block.isascii():
            found |= {i for i, r in enumerate(raws) if not r.isascii()}
        return sorted(found)

    def _recoded(self, row: bytes) -> bytes:
        if row.isascii() or _is_utf8(row):
            return row
        self.tally.cp1252_rows += 1
        return _cp1252(row).encode("utf-8")

    def _is_odd(self, row: bytes, tabs: int) -> bool:
        return (
            self._by_hand
            or not tabs
            or row.count(b"\t") != tabs
            or b"\r" in row
            or b"\n" in row
            or QUOTE in row
            or row.startswith(_BOM)
        )

    def _parts(self, raw: bytes, tabs: int) -> list[bytes]:
        """In a CRLF file an LF is data unless it alone parts two complete rows."""
        if self._newline == b"\n" or b"\n" not in raw or raw.count(b"\t") == tabs:
            return [raw]
        parts = raw.split(b"\n")
        if tabs and all(p.count(b"\t") == tabs for p in parts if p):
            self.tally.lf_ended_rows += len(parts) - 1
            return parts
        return [raw]


def _spell_empties(clean: bytes) -> bytes:
    """Spell a field that is one NUL as the CSV reader wants an empty string spelled; other NULs are text."""
    count = clean.count(b"\x00")
    if not count:
        return clean
    if _all_alone(clean, count):
        return clean.replace(b"\x00", _EMPTY)
    for _ in range(2):  # neighbouring fields share their tab, so one pass leaves every second
        clean = clean.replace(b"\t\x00\t", b"\t" + _EMPTY + b"\t")
    clean = clean.replace(b"\t\x00\n", b"\t" + _EMPTY + b"\n")
    clean = clean.replace(b"\n\x00\t", b"\n" + _EMPTY + b"\t")
    return _EMPTY + clean[1:] if clean.startswith(b"\x00\t") else clean


def _all_alone(clean: bytes, count: int) -> bool:
    """True where every NUL is a whole field."""
    if count * 200 > len(clean):
        data = np.frombuffer(clean, np.uint8)
        at = np.flatnonzero(data == 0)
        before, after = data[at - 1], data[np.minimum(at + 1, len(data) - 1)]
        left = (before == 9) | (before == 10)
        right = (after == 9) | (after == 10)
        left[0] |= at[0] == 0
        return bool(left.all() and right.all())
    at_byte = clean.find(b"\x00")
    while at_byte >= 0:
        if (at_byte and clean[at_byte - 1] not in b"\t\n") or clean[at_byte + 1] not in b"\t\n":
            return False
        at_byte = clean.find(b"\x00", at_byte + 1)
    return True


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
