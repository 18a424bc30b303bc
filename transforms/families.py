"""Recognises an agency file by its content and takes it apart into text columns, every line accounted for.

Belongs here: the CSV and workbook families of CBP and USBP (`families.yml` describes them) and the series the
project carries. The OHSS book has a module of its own. Does not belong here: codes, dates, sums (SQL models in
`core/`), and where bytes are kept (`warehouse.archive`).
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import python_calamine
import yaml

from transforms import ohss
from transforms.parsed import ParsedFile, RefusedFile, Reject, UnknownFile

#: Labels known per domain, e.g. {"month": {"JAN", …}}; loaded from the reviewed code map by the caller.
Vocabulary = Mapping[str, frozenset[str]]

# A column whose labels are unknown in more than this share of lines is not the column its header names. Below
# it, the odd lines are quarantined one by one: a single new label must not hide the other 40,000 lines.
LYING_COLUMN_SHARE = 0.5

#: The CBP workbook unpacks to 20 MB and an OHSS book to 5; what unpacks to more than this is a bomb or a mistake.
UNPACKED_LIMIT = 500 * 2**20

#: A printed count: a whole number, at times with ".0" behind it. The models read counts by the same rule.
_COUNT = re.compile(r"[0-9]{1,12}(\.0+)?")

CARRIED_HEADER = (
    "month", "fiscal_year", "component", "region", "sector", "state", "demographic", "citizenship", "title",
    "encounter_type", "encounters",
)  # fmt: skip


@dataclass(frozen=True)
class HeaderColumn:
    """One column of a family: `header` as printed, `name` in the raw table, and what its values must be."""

    header: str
    name: str
    domain: str | None
    pattern: re.Pattern[str] | None


@dataclass(frozen=True)
class Family:
    """A file family as described in families.yml."""

    name: str
    title: str
    publisher: str
    raw_table: str
    columns: tuple[HeaderColumn, ...]
    complete_month: Mapping[str, Sequence[str]]
    parts_are_summed: bool

    @property
    def header(self) -> tuple[str, ...]:
        return tuple(c.header for c in self.columns)


@dataclass(frozen=True)
class Recognised:
    """What a file is: its family, its layout (`csv`, `workbook`, `ohss_book`, `ohss_flat`, `carried`) and raw table."""

    family: str
    layout: str
    raw_table: str


@cache
def families() -> dict[str, Family]:
    """Every family by name."""
    entries: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "families.yml").read_text("utf-8"))
    return {
        name: Family(
            name=name,
            title=entry["title"],
            publisher=entry["publisher"],
            raw_table=entry["raw_table"],
            columns=tuple(
                HeaderColumn(
                    header=header,
                    name=spec["name"],
                    domain=spec.get("domain"),
                    pattern=re.compile(spec["pattern"], re.ASCII) if "pattern" in spec else None,
                )
                for header, spec in entry.get("header", {}).items()
            ),
            complete_month=entry["complete_month"],
            parts_are_summed=entry.get("parts_are_summed", False),
        )
        for name, entry in entries.items()
    }


def recognise(data: bytes, file_name: str, carried_family: str | None = None) -> Recognised:
    """Tell the family and layout of a file from its bytes; `carried_family` names what a carried series re-encodes.

    Raises RefusedFile for an empty file, a web page, another encoding, or a header that is no family's.
    """
    if not data.strip():
        raise RefusedFile(
            f"{file_name}: line 1: the file is empty; expected a header line. Download it again."
        )
    if data[:2] == b"PK":
        return _recognise_workbook(data, file_name)
    start = data[:2000].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")) or b"<html" in start:
        first = data.lstrip()[:40].decode("latin-1").splitlines()[0]
        raise RefusedFile(
            f"{file_name}: line 1: found a web page ({first!r}), expected a CSV header. "
            "The publisher answered with a page instead of the file; download it in a browser."
        )
    text = _decode(data, file_name)
    header = _header(text)
    if header == CARRIED_HEADER:
        if carried_family is None:
            raise RefusedFile(
                f"{file_name}: line 1: a carried series that reference/manifest.yml does not list; "
                "write it with `border carry` so that its origin is known."
            )
        return Recognised(carried_family, "carried", "raw.carried_series")
    for family in families().values():
        if header == family.header and family.columns:
            return Recognised(family.name, "csv", family.raw_table)
    if ohss.looks_like_flat(data):
        return Recognised("ohss_monthly", "ohss_flat", families()["ohss_monthly"].raw_table)
    raise _unknown_header(header, file_name)


def _header(text: str) -> tuple[str, ...]:
    line = text.split("\n", 1)[0].rstrip("\r")
    try:
        return tuple(next(csv.reader([line], strict=True), []))
    except csv.Error:  # an open quote, or a line longer than any field may be
        return (line,)


def _recognise_workbook(data: bytes, file_name: str) -> Recognised:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as container:
            unpacked = sum(member.file_size for member in container.infolist())
    except zipfile.BadZipFile as error:
        raise RefusedFile(
            f"{file_name}: line 1: not a readable workbook ({error}); expected xlsx. Download it again."
        ) from None
    if unpacked > UNPACKED_LIMIT:
        raise RefusedFile(
            f"{file_name}: unpacks to {unpacked:,} bytes; expected a workbook of at most {UNPACKED_LIMIT:,}. "
            "Compare the file with the publisher's."
        )
    if ohss.looks_like_book(data):
        return Recognised("ohss_monthly", "ohss_book", families()["ohss_monthly"].raw_table)
    workbook = families()["usbp_southwest_workbook"]
    try:
        sheets = _sheets(data)
    except Exception as error:  # calamine raises several private types for a damaged container
        raise RefusedFile(
            f"{file_name}: line 1: not a readable workbook ({error}); expected xlsx. Download it again."
        ) from None
    for _, rows in sheets:
        if _header_row(rows, workbook) is not None:
            return Recognised(workbook.name, "workbook", workbook.raw_table)
    raise RefusedFile(
        f"{file_name}: no sheet has the header {', '.join(workbook.header)}; expected the CBP southwest workbook "
        "or an OHSS monthly book."
    )


def _unknown_header(header: tuple[str, ...], file_name: str) -> RefusedFile:
    def overlap(family: Family) -> int:
        return len(set(header) & set(family.header))

    nearest = max((f for f in families().values() if f.columns), key=overlap)
    if not overlap(nearest):
        shown = ",".join(header)[:60]
        return UnknownFile(
            f"{file_name}: line 1: header {shown!r} belongs to no known family; "
            f"expected one of {', '.join(f.name for f in families().values())} (see docs/definitions.md)."
        )
    for position, (found, expected) in enumerate(zip(header, nearest.header, strict=False), 1):
        if found != expected:
            return RefusedFile(
                f"{file_name}: line 1: column {position} is {found!r}, expected {expected!r} as in {nearest.name}. "
                "If the publisher changed its columns, describe them in transforms/families.yml."
            )
    return RefusedFile(
        f"{file_name}: line 1: {len(header)} columns, expected {len(nearest.header)} as in {nearest.name}; "
        f"missing or extra: {', '.join(sorted(set(header) ^ set(nearest.header)))}."
    )


def _decode(data: bytes, file_name: str) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise RefusedFile(
            f"{file_name}: line 1: UTF-16 text, expected UTF-8. Save it as UTF-8 or download it again."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line_no = data.count(b"\n", 0, error.start) + 1
        raise RefusedFile(
            f"{file_name}: line {line_no}: byte {data[error.start]:#04x} is not UTF-8, expected UTF-8 text. "
            "Download the file again; do not open and save it in a spreadsheet."
        ) from None


def read(data: bytes, file_name: str, recognised: Recognised, vocabulary: Vocabulary) -> ParsedFile:
    """Take a recognised file apart.

    Returns text columns named as in the raw table, without release_id. Raises RefusedFile when the file is
    truncated or a column holds another column's values.
    """
    if recognised.layout == "ohss_book":
        return ohss.read_book(data, file_name)
    if recognised.layout == "ohss_flat":
        return ohss.read_flat(data, file_name)
    family = families()[recognised.family]
    if recognised.layout == "carried":
        columns = [HeaderColumn(h, f"{h}_label", None, None) for h in CARRIED_HEADER]
        return _read_csv(data, file_name, columns)
    if recognised.layout == "workbook":
        parsed = _read_workbook(data, file_name, family)
    else:
        parsed = _read_csv(data, file_name, list(family.columns))
    _refuse_lying_columns(parsed, family, file_name, vocabulary)
    return parsed


def _read_csv(data: bytes, file_name: str, columns: list[HeaderColumn]) -> ParsedFile:
    text = _decode(data, file_name)
    if not text.endswith("\n"):
        last = text.rsplit("\n", 1)[-1]
        raise RefusedFile(
            f"{file_name}: line {text.count(chr(10)) + 1}: ends in {last[-40:]!r} without a line end; "
            "expected a whole last line. The file is truncated: download it again."
        )
    lines = text.split("\n")[:-1]
    width = len(columns)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        rows = []
    if len(rows) == len(lines) and all(len(row) == width for row in rows):
        return _as_columns(columns, range(2, len(rows) + 1), rows[1:], len(lines), [], Counter({"header": 1}))
    # Some line is odd: take each physical line by itself, so that a stray quote costs its own line and no other.
    return _read_odd_csv(data, columns)


def _read_odd_csv(data: bytes, columns: list[HeaderColumn]) -> ParsedFile:
    kept: list[list[str]] = []
    numbers: list[int] = []
    rejects: list[Reject] = []
    ignored: Counter[str] = Counter()
    physical = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")[:-1]
    for line_no, original in enumerate(physical, 1):
        line = original.decode("utf-8").removesuffix("\r")
        if line_no == 1:
            ignored["header"] += 1
            continue
        if not line:
            ignored["blank line"] += 1
            continue
        try:
            parsed = list(csv.reader([line], strict=True))
        except csv.Error as error:
            rejects.append(Reject(line_no, original, f"not one CSV line: {error}"))
            continue
        if len(parsed) != 1 or len(parsed[0]) != len(columns):
            found = len(parsed[0]) if parsed else 0
            rejects.append(Reject(line_no, original, f"{found} fields, expected {len(columns)}"))
            continue
        kept.append(parsed[0])
        numbers.append(line_no)
    return _as_columns(columns, numbers, kept, len(physical), rejects, ignored)


def _as_columns(
    columns: Sequence[HeaderColumn],
    numbers: Sequence[int],
    rows: Sequence[Sequence[str]],
    lines: int,
    rejects: list[Reject],
    ignored: Counter[str],
) -> ParsedFile:
    by_name: dict[str, Any] = {"line_no": list(numbers)}
    transposed = list(zip(*rows, strict=True)) or [()] * len(columns)
    for column, values in zip(columns, transposed, strict=True):
        by_name[column.name] = list(values)
    encounters = sum(int(v.split(".")[0]) for v in by_name["encounters_label"] if _COUNT.fullmatch(v))
    return ParsedFile(by_name, lines, encounters, rejects, ignored)


def _sheets(data: bytes) -> list[tuple[str, list[list[Any]]]]:
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    return [
        (name, book.get_sheet_by_name(name).to_python(skip_empty_area=False)) for name in book.sheet_names
    ]


def _header_row(rows: list[list[Any]], family: Family) -> int | None:
    for position, row in enumerate(rows[:30]):
        if tuple(str(cell) for cell in row if cell != "") == family.header:
            return position
    return None


def _read_workbook(data: bytes, file_name: str, family: Family) -> ParsedFile:
    """Rows of the one sheet that has the family's header; a number cell is printed without its `.0`."""
    for sheet, rows in _sheets(data):
        header_at = _header_row(rows, family)
        if header_at is None:
            continue
        first = next(i for i, cell in enumerate(rows[header_at]) if cell != "")
        kept: list[list[str]] = []
        numbers: list[int] = []
        rejects: list[Reject] = []
        ignored = Counter({"title": header_at, "header": 1})
        for row_no, row in enumerate(rows[header_at + 1 :], header_at + 2):
            cells = [_cell_text(cell) for cell in row[first : first + len(family.columns)]]
            beyond = [_cell_text(cell) for cell in row[first + len(family.columns) :]]
            if not any(cells) and not any(beyond):
                ignored["blank line"] += 1
            elif not all(cells) or any(beyond) or any(row[:first]):
                original = "\t".join(_cell_text(cell) for cell in row).encode()
                rejects.append(
                    Reject(
                        row_no, original, f"sheet {sheet!r}: a cell is missing or stands outside the table"
                    )
                )
            else:
                kept.append(cells)
                numbers.append(row_no)
        return _as_columns(family.columns, numbers, kept, len(rows), rejects, ignored)
    raise RefusedFile(f"{file_name}: no sheet has the header {', '.join(family.header)}.")


def _cell_text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _refuse_lying_columns(parsed: ParsedFile, family: Family, file_name: str, vocabulary: Vocabulary) -> None:
    if not parsed.rows:
        raise RefusedFile(
            f"{file_name}: line 2: no data line that has {len(family.columns)} fields; expected figures."
        )
    for column in family.columns:
        counts = Counter(parsed.columns[column.name])
        known = vocabulary.get(column.domain or "", frozenset())
        unknown = {
            label: lines
            for label, lines in counts.items()
            if not (column.pattern.fullmatch(str(label)) if column.pattern else label in known)
        }
        if sum(unknown.values()) > LYING_COLUMN_SHARE * parsed.rows:
            at = next(i for i, v in enumerate(parsed.columns[column.name]) if v in unknown)
            line_no = parsed.columns["line_no"][at]
            expected = column.pattern.pattern if column.pattern else ", ".join(sorted(known)[:4]) + ", …"
            raise RefusedFile(
                f"{file_name}: line {line_no}: column {column.header!r} holds {parsed.columns[column.name][at]!r}, "
                f"expected {expected}; {sum(unknown.values())} of {parsed.rows} lines disagree. "
                "Values stand under another column's header: compare the file with the publisher's."
            )


def months_of(parsed: ParsedFile, month_codes: Mapping[str, str]) -> tuple[str, str] | None:
    """First and last month of a parsed file as ISO dates of the month's first day; None when it holds no month.

    `month_codes` maps month labels to their numbers, as in the code map's domain `month`.
    """
    found = set()
    for year_label, month_label in set(
        zip(parsed.columns["fiscal_year_label"], parsed.columns["month_label"], strict=True)
    ):
        dated = re.fullmatch(r"(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])", str(month_label))
        year = re.search(r"(?<![0-9])20[0-9]{2}(?![0-9])", str(year_label))
        month = month_codes.get(str(month_label), str(month_label))
        if dated:
            found.add(f"{dated[0]}-01")
        elif year and re.fullmatch(r"[1-9]|1[0-2]", month):
            number = int(month)
            found.add(f"{int(year[0]) - (number >= 10)}-{number:02d}-01")
    return (min(found), max(found)) if found else None
