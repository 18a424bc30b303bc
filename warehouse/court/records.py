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

_Positions = np.ndarray[tuple[int], np.dtype[np.int64]]
_Bytes = np.ndarray[tuple[int], np.dtype[np.uint8]]
#: Bytes a field may border on.
_ENDS_FIELD = np.isin(np.arange(256), [9, 10, 13])


@dataclass(frozen=True)
class Odd:
    """One record for the careful road: its number (from 1, header not counted), offset and original bytes."""

    record_no: int
    offset: int
    raw: bytes


@dataclass(frozen=True)
class Block:
    """Consecutive records: `records` of them, of which the odd are apart and the others rows of `clean`.

    A row of `clean` ends in LF or CRLF, and no other CR or LF is in it.
    """

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
            cut = chunk.rfind(self._newline)
            if cut < 0:  # the last row end lies further back, or across two chunks
                carry = [b"".join(carry)]
                cut = carry[0].rfind(self._newline)
            if cut < 0 and size > _LONGEST_RECORD:
                raise CourtSourceError(
                    f"{self._name}: no row end in {size:,} bytes from byte {self._offset:,}; not a table"
                )
            if cut >= 0:
                cut += len(self._newline)
                last = carry.pop()
                yield self._block(b"".join([*carry, last[:cut]]))
                carry = [last[cut:]]
                size = len(carry[0])
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
        data = np.frombuffer(block, np.uint8)
        if b"\x00" in block:
            self.tally.nul_bytes += int(np.count_nonzero(data == 0))
        self._offset += len(block)
        tabs = len(self.header) - 1
        row = b"\t" * tabs + self._newline
        separators = block.translate(None, _TEXT)
        count = int(np.count_nonzero(np.frombuffer(separators, np.uint8) == 10))
        is_clean = (
            not self._by_hand
            and tabs > 0
            and separators == row * count
            and (self._newline == b"\n" or np.count_nonzero((data[:-1] == 13) & (data[1:] == 10)) == count)
            and (block.isascii() or (_is_utf8(block) and _BOM not in block))
        )
        if is_clean:
            self.tally.records += count
            return Block(_spell_empties(block), first, count, [])
        return self._mixed_block(block, first, offset, tabs)

    def _mixed_block(self, block: bytes, first: int, offset: int, tabs: int) -> Block:
        ends = self._row_ends(block)
        clean: list[bytes] = []
        odd: list[Odd] = []
        records = done = 0  # records so far, and the rows they came from
        kept = 0  # everything before this byte is in `clean` or was taken out
        for i in self._suspects(block, ends, tabs):
            start = int(ends[i - 1]) + 1 if i else 0
            end = int(ends[i]) + 1
            records += i - done
            done = i + 1
            clean.append(block[kept:start])
            kept = end
            at = offset + start
            for part in self._parts(block[start : end - len(self._newline)], tabs):
                if part:
                    text = self._recoded(part)
                    if self._is_odd(part, tabs):
                        odd.append(Odd(first + records, at, part))
                    else:
                        clean.append(text + b"\n")
                    records += 1
                else:
                    self.tally.blank_lines += 1
                at += len(part) + 1
        clean.append(block[kept:])
        records += len(ends) - done
        self.tally.records += records
        return Block(_spell_empties(b"".join(clean)), first, records, odd)

    def _row_ends(self, block: bytes) -> _Positions:
        """Where each row's last byte is, its LF; an LF without a CR before it ends no row of a CRLF file."""
        data = np.frombuffer(block, np.uint8)
        feeds = np.flatnonzero(data == 10)
        return feeds[data[feeds - 1] == 13] if self._newline == b"\r\n" else feeds

    def _suspects(self, block: bytes, ends: _Positions, tabs: int) -> Sequence[int]:
        """Numbers of the rows that may need more than a copy, in order."""
        if self._by_hand or not tabs:
            return range(len(ends))
        data = np.frombuffer(block, np.uint8)
        before = np.searchsorted(np.flatnonzero(data == 9), ends)
        found = np.diff(before, prepend=0) != tabs
        returns = np.flatnonzero(data == 13)
        marks = [np.flatnonzero(data == QUOTE[0])]
        if self._newline == b"\r\n":
            feeds = np.flatnonzero(data == 10)
            marks += [returns[data[returns + 1] != 10], feeds[data[feeds - 1] != 13]]
        else:
            marks.append(returns)
        if not block.isascii():
            foreign = np.flatnonzero(data >= 128)
            marks.append(foreign[data[foreign] == _BOM[0]] if _is_utf8(block) else foreign)
        for at in marks:
            found[np.searchsorted(ends, at)] = True
        return [int(i) for i in np.flatnonzero(found)]

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
    if b"\x00" not in clean:
        return clean
    data = np.frombuffer(clean, np.uint8)
    at = np.flatnonzero(data == 0)
    if _fields_alone(data, at):
        return clean.replace(b"\x00", _EMPTY)
    for _ in range(2):  # neighbouring fields share their tab, so one pass leaves every second
        clean = clean.replace(b"\t\x00\t", b"\t" + _EMPTY + b"\t")
    for end in (b"\n", b"\r\n"):
        clean = clean.replace(b"\t\x00" + end, b"\t" + _EMPTY + end)
    clean = clean.replace(b"\n\x00\t", b"\n" + _EMPTY + b"\t")
    return _EMPTY + clean[1:] if clean.startswith(b"\x00\t") else clean


def _fields_alone(data: _Bytes, at: _Positions) -> bool:
    """True where every NUL is a whole field."""
    return bool((_ENDS_FIELD[data[at - 1]] & _ENDS_FIELD[data[at + 1]]).all())  # the last byte is an LF


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
