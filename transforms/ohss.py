"""OHSS monthly tables: the workbook and its flat CSV, taken apart cell by cell.

Belongs here: finding the tables in a sheet, the headers a cell stands under and the month it is for. Does not
belong here: what a header means, which sheets count encounters, dates (see core.ohss__conformed_lines).

The unit of account is the cell. `lines` counts every non-empty cell of the file and every blank inside a
table: the reader returns an Excel error value (#N/A, #DIV/0!) as a blank, so a hole in a table is reported.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from transforms.parsed import ParsedFile, RefusedFile, Reject

_COLUMNS = (
    "line_no",
    "table_label",
    "row_no",
    "column_no",
    "fiscal_year_label",
    "month_label",
    "group_label",
    "column_label",
    "encounters_label",
)
_FLAT_KEYS = ("Calendar Year", "Fiscal Year", "Month")
_COUNT = re.compile(r"[0-9]+")
_NOT_COUNTED = ("X", "NA")
_FISCAL_YEAR = re.compile(r"(FY ?)?[0-9]{4}\b")
_NOTE = re.compile(r"notes?:|(X|NA) \S|[0-9]{1,2} ?[^\W\d]", re.IGNORECASE)
_SOURCE = re.compile(r"sources?:", re.IGNORECASE)

Row = Sequence[Any]
"""A row of a sheet as the reader gives it: numbers are floats, blanks are empty text."""

Merge = tuple[tuple[int, int], tuple[int, int]]
"""First and last (row, column) of merged cells, counted from 0."""


def looks_like_book(data: bytes) -> bool:
    """Whether the bytes are a workbook with a sheet headed `Fiscal Year`, `Month`, whatever its file name."""
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        return any(
            _header_cells(workbook.get_sheet_by_name(name).to_python(skip_empty_area=False, nrows=40))
            for name in workbook.sheet_names
        )
    except CalamineError:
        return False


def looks_like_flat(data: bytes) -> bool:
    """Whether the first line is Calendar Year, Fiscal Year, Month and then only `table:column` headers."""
    first, _, _ = data.partition(b"\n")
    try:
        header = next(csv.reader([first.decode("utf-8-sig").rstrip("\r")]), [])
    except (UnicodeDecodeError, csv.Error):
        return False
    return tuple(header[:3]) == _FLAT_KEYS and len(header) > 3 and all(":" in name for name in header[3:])


def read_book(data: bytes, file_name: str) -> ParsedFile:
    """The workbook as the columns of raw.ohss_monthly (all but release_id), one row per data cell.

    `line_no` is the running number of the cell in the file, sheet by sheet, row by row; `row_no` and
    `column_no` count from 1 as Excel does. `fiscal_year_label` is carried down from the yearly Total row, the
    only place it is printed. `group_label` is the upper header carried across the columns it spans (two
    levels joined with ` / `), None where the sheet has none. `encounters_label` is the cell's value as text:
    a workbook stores every number as a float, so whole numbers are written without `.0`; X and NA are kept.
    Labels keep their footnote digits.

    All else is ignored with a reason: title, header, label (fiscal year and month cells), note, source,
    navigation. A cell that cannot be placed or read becomes a Reject with its text.
    Raises RefusedFile for a file that is no workbook, for a sheet with figures but no header, and for two
    tables in a sheet.
    """
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
    except CalamineError as error:
        raise RefusedFile(f"{file_name}: not a workbook ({error}); fetch the file again") from None
    cells = _Cells()
    for name in workbook.sheet_names:
        sheet = workbook.get_sheet_by_name(name)
        rows = sheet.to_python(skip_empty_area=False)
        headers = _header_cells(rows)
        if len(headers) > 1:
            raise RefusedFile(
                f"{file_name}: sheet {name!r} holds a second table at {_cell_name(*headers[1])}; "
                "one table a sheet is expected, split the sheet"
            )
        if headers:
            _read_table(cells, name, rows, _layout(rows, *headers[0], sheet.merged_cell_ranges or []))
        else:
            _pass_over(cells, name, rows, file_name)
    if not cells.numbered:
        raise RefusedFile(
            f"{file_name}: no sheet holds a table headed Fiscal Year, Month; this is no OHSS book"
        )
    return cells.parsed()


def read_flat(data: bytes, file_name: str) -> ParsedFile:
    """The flat CSV as the columns of raw.ohss_monthly, one row per data cell.

    A header reads `table:column`: the part before the colon is `table_label`, the rest `column_label`;
    `group_label` is None. `month_label` is the number as printed, 0 for the yearly total. `row_no` is the
    line of the file, the header being 1. The calendar year, which the raw table does not hold, must agree
    with the fiscal year and month; where it does not, the cells of the line become Rejects, as do those of a
    line with too few or too many fields. Raises RefusedFile when header or encoding is not as promised.
    """
    if not looks_like_flat(data):
        raise RefusedFile(
            f"{file_name}: line 1 does not read {', '.join(_FLAT_KEYS)}, table:column, …; "
            "this is no OHSS flat file, or its layout has changed"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RefusedFile(
            f"{file_name}: line {line}: byte {data[error.start]:#04x} is not UTF-8; recode the file"
        ) from None
    cells = _Cells()
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader)
    cells.ignore("header", len(header))
    for fields in reader:
        if not any(value.strip() for value in fields):
            continue
        _read_flat_line(cells, header, fields, reader.line_num)
    if not cells.numbered:
        raise RefusedFile(f"{file_name}: no figure below the header; fetch the file again")
    return cells.parsed()


def _read_flat_line(cells: _Cells, header: list[str], fields: list[str], line: int) -> None:
    if len(fields) != len(header):
        for value in fields:
            if value.strip():
                cells.reject(value, f"line {line} has {len(fields)} fields, the header {len(header)}")
        return
    calendar_year, fiscal_year, month = fields[:3]
    cells.ignore("label", sum(1 for value in fields[:3] if value.strip()))
    problem = None
    if not month.strip():
        problem = f"line {line} has no month"
    elif not _FISCAL_YEAR.match(fiscal_year):
        problem = f"line {line} has no fiscal year"
    elif calendar_year != _calendar_year(fiscal_year, month):
        problem = f"line {line}: calendar year {calendar_year} does not fit month {month} of {fiscal_year}"
    for column, (name, value) in enumerate(zip(header[3:], fields[3:], strict=True), start=4):
        table, _, label = name.partition(":")
        cells.take(
            value.strip(),
            problem,
            table_label=table,
            row_no=line,
            column_no=column,
            fiscal_year_label=fiscal_year,
            month_label=month,
            group_label=None,
            column_label=label,
        )


def _calendar_year(fiscal_year: str, month: str) -> str:
    """The calendar year the flat file prints; a yearly total (month 0) carries the year it begins in."""
    begins_before = month in ("0", "10", "11", "12")
    return str(int(fiscal_year) - 1) if begins_before and fiscal_year.isdigit() else fiscal_year


@dataclass
class _Cells:
    """Every cell met so far: kept, rejected or ignored with a reason."""

    columns: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in _COLUMNS})
    rejects: list[Reject] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    encounters: int = 0
    numbered: int = 0

    def ignore(self, reason: str, cells: int = 1) -> None:
        self.ignored[reason] += cells

    def reject(self, text: str, reason: str) -> None:
        self.numbered += 1
        self.rejects.append(Reject(self.numbered, text.encode(), reason))

    def take(self, text: str, problem: str | None, **place: int | str | None) -> None:
        """Keep a data cell, or reject it for `problem` or because it is neither a whole number, X nor NA."""
        where = f"{place['table_label']}, row {place['row_no']}, column {place['column_no']}"
        if not text:
            self.reject(text, f"{where}: blank inside the table (or an Excel error value)")
        elif problem:
            self.reject(text, f"{where}: {problem}")
        elif text not in _NOT_COUNTED and not _COUNT.fullmatch(text):
            self.reject(text, f"{where}: neither a whole number, X nor NA")
        else:
            self.numbered += 1
            self.columns["line_no"].append(self.numbered)
            for name, value in place.items():
                self.columns[name].append(value)
            self.columns["encounters_label"].append(text)
            if text not in _NOT_COUNTED:
                self.encounters += int(text)

    def parsed(self) -> ParsedFile:
        return ParsedFile(
            columns=self.columns,
            lines=self.numbered + sum(self.ignored.values()),
            encounters=self.encounters,
            rejects=self.rejects,
            ignored=self.ignored,
        )


@dataclass(frozen=True)
class _Layout:
    """Where a sheet's table is: rows and columns counted from 0, headers by column."""

    first_header_row: int
    last_header_row: int
    year_column: int
    groups: dict[int, str]
    labels: dict[int, str]


def _text(value: Any) -> str:
    """A cell as text; whole floats lose their `.0`, text of blanks only counts as blank."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value)
    return text if text.strip() else ""


def _filled(row: Row, start: int = 0) -> Iterator[tuple[int, str]]:
    for column in range(start, len(row)):
        if text := _text(row[column]):
            yield column, text


def _cell_name(row: int, column: int) -> str:
    letters = ""
    column += 1
    while column:
        column, digit = divmod(column - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return f"{letters}{row + 1}"


def _header_cells(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """Every cell that reads `Fiscal Year` and has `Month` to its right."""
    return [
        (number, column)
        for number, row in enumerate(rows)
        for column in range(len(row) - 1)
        if row[column] == "Fiscal Year" and row[column + 1] == "Month"
    ]


def _layout(rows: Sequence[Row], header_row: int, year_column: int, merges: Sequence[Merge]) -> _Layout:
    """Headers by column, from the row of `Fiscal Year` and the upper header rows right above it.

    An upper header reaches to the end of its merged cells, or without any to the column before the next one.
    Where the `Fiscal Year` cell is itself merged downwards, the rows it spans are header rows too.
    """
    ends = dict(merges)
    bottom = ends.get((header_row, year_column), (header_row, year_column))[0]
    top = header_row
    while top > 0 and _is_upper_header(rows[top - 1], year_column):
        top -= 1
    header = range(top, bottom + 1)
    width = len(rows[header_row])
    printed = {number: dict(_filled(rows[number], year_column + 2)) for number in header}
    carried: dict[int, dict[int, str]] = {}
    for number in header:
        starts = [*printed[number], width]
        carried[number] = {
            spanned: text
            for (column, text), following in zip(printed[number].items(), starts[1:], strict=True)
            for spanned in range(column, ends.get((number, column), (number, following - 1))[1] + 1)
        }
    groups: dict[int, str] = {}
    labels: dict[int, str] = {}
    for column in range(year_column + 2, width):
        own = [number for number in header if column in printed[number]]
        if not own:
            continue
        labels[column] = printed[own[-1]][column]
        if above := [carried[number][column] for number in range(top, own[-1]) if column in carried[number]]:
            groups[column] = " / ".join(above)
    return _Layout(top, bottom, year_column, groups, labels)


def _is_upper_header(row: Row, year_column: int) -> bool:
    if any(_filled(row[: year_column + 2])):
        return False
    printed = list(_filled(row, year_column + 2))
    return bool(printed) and not any(text.startswith("*") for _, text in printed)


def _read_table(cells: _Cells, name: str, rows: Sequence[Row], layout: _Layout) -> None:
    for number in range(layout.first_header_row):
        for _, text in _filled(rows[number]):
            if _COUNT.fullmatch(text):
                cells.reject(text, f"{name}, row {number + 1}: a number above the header")
            else:
                cells.ignore("navigation" if text.startswith(("Return to", "*")) else "title")
    for number in range(layout.first_header_row, layout.last_header_row + 1):
        cells.ignore("header", sum(1 for _ in _filled(rows[number])))
    month_column = layout.year_column + 1
    fiscal_year: str | None = None
    for number in range(layout.last_header_row + 1, len(rows)):
        row = rows[number]
        month = _text(row[month_column])
        if not month:
            _read_footer(cells, name, row, number, layout.year_column)
            continue
        where = f"{name}, row {number + 1}"
        cells.ignore("label")
        if year := _text(row[layout.year_column]):
            cells.ignore("label")
            fiscal_year = year if _FISCAL_YEAR.match(year) else None
        elif month == "Total":
            fiscal_year = None
        for _, text in _filled(row[: layout.year_column]):
            cells.reject(text, f"{where}: left of the table")
        for column in range(month_column + 1, len(row)):
            text = _text(row[column])
            label = layout.labels.get(column)
            if label is None:
                if text:
                    cells.reject(text, f"{where}, column {column + 1}: no header above")
                continue
            cells.take(
                text,
                None if fiscal_year else "no fiscal year on the Total row above",
                table_label=name,
                row_no=number + 1,
                column_no=column + 1,
                fiscal_year_label=fiscal_year,
                month_label=month,
                group_label=layout.groups.get(column),
                column_label=label,
            )


def _read_footer(cells: _Cells, name: str, row: Row, number: int, year_column: int) -> None:
    """A row without a month: notes and sources in the first column, anything else cannot be placed."""
    for column, text in _filled(row):
        if column == year_column and _SOURCE.match(text):
            cells.ignore("source")
        elif column == year_column and _NOTE.match(text):
            cells.ignore("note")
        else:
            cells.reject(
                text, f"{name}, row {number + 1}, column {column + 1}: no month, and no note or source line"
            )


def _pass_over(cells: _Cells, name: str, rows: Sequence[Row], file_name: str) -> None:
    """A sheet without a table: contents or text. Figures there would be lost, so they refuse the file."""
    filled = [(number, column, text) for number, row in enumerate(rows) for column, text in _filled(row)]
    is_contents = bool(filled) and filled[0][2].strip() == "Table of Contents"
    for number, column, text in filled:
        if not is_contents and (_COUNT.fullmatch(text) or text in _NOT_COUNTED):
            raise RefusedFile(
                f"{file_name}: sheet {name!r}, cell {_cell_name(number, column)}: {text!r} stands in a sheet "
                "without a Fiscal Year, Month header; teach transforms.ohss the new layout"
            )
        cells.ignore("navigation" if is_contents else "note")
