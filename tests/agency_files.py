"""Tiny files shaped like the publishers': the same headers, labels, line ends and quirks, a few lines a month.

Belongs here: building bytes. Every count is a function of its month and line, so that two files of the same months
print the same figures unless a test changes a line. Does not belong here: loading them (`conftest.Ledger`).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

import xlsxwriter

Line = dict[str, str]
"""One line of a file by header."""

SBO = (
    "Fiscal Year", "Month Grouping", "Month (abbv)", "Component", "Demographic", "Citizenship Grouping",
    "Title of Authority", "Encounter Type", "Encounter Count",
)  # fmt: skip
STATE = (
    "Fiscal Year", "Month Grouping", "Month (abbv)", "Land Border Region", "State", "Demographic", "Citizenship",
    "Title of Authority", "Encounter Count",
)  # fmt: skip
AOR = (
    "Fiscal Year", "Month Grouping", "Month (abbv)", "Component", "Land Border Region", "Area of Responsibility",
    "AOR (Abbv)", "Demographic", "Citizenship", "Title of Authority", "Encounter Type", "Encounter Count",
)  # fmt: skip
HISTORY = ("fy", "sector", "month", "n")
WORKBOOK = ("FY", "Month", "Sector", "Citizenship Grouping", "Demographic", "Count")

COUNT = "Encounter Count"
USBP, OFO = "U.S. Border Patrol", "Office of Field Operations"
SOUTHWEST, NORTHERN, OTHER_REGION = "Southwest Land Border", "Northern Land Border", "Other"
CHINA = "CHINA, PEOPLES REPUBLIC OF"
SOUTHWEST_SECTORS = {
    "BBT": "Big Bend", "DRT": "Del Rio", "ELC": "El Centro", "EPT": "El Paso", "LRT": "Laredo",
    "RGV": "Rio Grande Valley", "SDC": "San Diego", "TCA": "Tucson", "YUM": "Yuma",
}  # fmt: skip
_NAMES = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def months(first: str, last: str) -> list[str]:
    """`2020-11`, `2021-01` → the months between, both included."""
    start, end = (int(m[:4]) * 12 + int(m[5:]) - 1 for m in (first, last))
    return [f"{n // 12}-{n % 12 + 1:02d}" for n in range(start, end + 1)]


def fiscal_year(month: str) -> int:
    """Fiscal year N runs from October N-1 to September N."""
    return int(month[:4]) + (int(month[5:]) >= 10)


def fiscal_month(month: str) -> int:
    return (int(month[5:]) + 2) % 12 + 1


def is_title_42(month: str) -> bool:
    return "2020-03" <= month <= "2023-05"


def _printed_month(month: str, last: str) -> Line:
    """The three date columns of a CBP CSV whose last month is `last`."""
    is_open = fiscal_year(month) == fiscal_year(last) and fiscal_month(last) < 12
    return {
        "Fiscal Year": f"{fiscal_year(month)}{' (FYTD)' if is_open else ''}",
        "Month Grouping": "FYTD" if fiscal_month(month) <= fiscal_month(last) else "Remaining",
        "Month (abbv)": _NAMES[int(month[5:]) - 1][:3].upper(),
    }


def count(month: str, position: int) -> str:
    """What the builders print in line `position` of a month: different for every month and line."""
    return str((int(month[:4]) - 1990) * 100 + int(month[5:]) * 7 + position * 1000)


def sbo(first: str, last: str) -> list[Line]:
    """Lines of a southwest file, eight a month while Title 42 was in force and four otherwise."""
    lines = []
    for month in months(first, last):
        cells = [
            (component, demographic, citizenship, title, kind)
            for title, kinds in (
                ("Title 8", ("Apprehensions", "Inadmissibles")),
                ("Title 42", ("Expulsions",) * 2),
            )
            if title == "Title 8" or is_title_42(month)
            for component, kind in zip((USBP, OFO), kinds, strict=True)
            for demographic, citizenship in (("Single Adults", "Mexico"), ("FMUA", "Other"))
        ]
        for position, (component, demographic, citizenship, title, kind) in enumerate(cells, 1):
            lines.append(
                _printed_month(month, last)
                | {
                    "Component": component,
                    "Demographic": demographic,
                    "Citizenship Grouping": citizenship,
                    "Title of Authority": title,
                    "Encounter Type": kind,
                    COUNT: count(month, position),
                }
            )
    return lines


def state(first: str, last: str) -> list[Line]:
    """Lines of a nationwide file by state: three regions, one citizenship with a comma in its name."""
    lines = []
    for month in months(first, last):
        cells = [
            (region, place, citizenship, title)
            for title in ("Title 8", "Title 42")
            if title == "Title 8" or is_title_42(month)
            for region, place, citizenship in (
                (SOUTHWEST, "TX", "MEXICO"),
                (SOUTHWEST, "TX", "OTHER"),
                (NORTHERN, "ME", CHINA),
                (OTHER_REGION, "FL", "CUBA"),
            )
        ]
        for position, (region, place, citizenship, title) in enumerate(cells, 1):
            lines.append(
                _printed_month(month, last)
                | {
                    "Land Border Region": region,
                    "State": place,
                    "Demographic": "Single Adults",
                    "Citizenship": citizenship,
                    "Title of Authority": title,
                    COUNT: count(month, position),
                }
            )
    return lines


def aor(first: str, last: str) -> list[Line]:
    """Lines of a nationwide file by area: a northern, a southwest and a coastal sector, and a field office each."""
    areas = (
        (USBP, NORTHERN, "Swanton Sector", "SWB"),
        (USBP, SOUTHWEST, "Laredo Sector", "LRT"),
        (USBP, OTHER_REGION, "Miami Sector", "MIP"),
        (OFO, SOUTHWEST, "El Paso Field Office", "El Paso"),
    )
    return [
        _printed_month(month, last)
        | {
            "Component": component,
            "Land Border Region": region,
            "Area of Responsibility": area,
            "AOR (Abbv)": abbreviation,
            "Demographic": "Single Adults",
            "Citizenship": "MEXICO",
            "Title of Authority": "Title 8",
            "Encounter Type": "Apprehensions" if component == USBP else "Inadmissibles",
            COUNT: count(month, position),
        }
        for month in months(first, last)
        for position, (component, region, area, abbreviation) in enumerate(areas, 1)
    ]


def history(
    first: str, last: str, sectors: Iterable[str] = (*SOUTHWEST_SECTORS.values(), "Swanton", "Miami")
) -> list[Line]:
    """Lines of the Border Patrol history, each sector's months and their published total, and the monthly totals."""
    found = months(first, last)
    lines = []
    totals = dict.fromkeys(found, 0)
    for position, sector in enumerate(sectors, 1):
        for year in dict.fromkeys(map(fiscal_year, found)):
            of_year = [m for m in found if fiscal_year(m) == year]
            for month in of_year:
                n = count(month, position)
                totals[month] += int(n)
                lines.append({"fy": str(year), "sector": sector, "month": _NAMES[int(month[5:]) - 1], "n": n})
            total = sum(int(count(m, position)) for m in of_year)
            lines.append({"fy": str(year), "sector": sector, "month": "Total", "n": str(total)})
    for month, total in totals.items():
        lines.append(
            {
                "fy": str(fiscal_year(month)),
                "sector": "Monthly Total",
                "month": _NAMES[int(month[5:]) - 1],
                "n": str(total),
            }
        )
    return lines


def workbook_lines(first: str, last: str, parts: int = 1) -> list[Line]:
    """Rows of the southwest workbook; in the open year every cell is printed as `parts` rows that add up to it."""
    lines = []
    for month in months(first, last):
        is_open = fiscal_year(month) == fiscal_year(last) and fiscal_month(last) < 12
        for position, sector in enumerate(SOUTHWEST_SECTORS, 1):
            total = int(count(month, position))
            times = parts if is_open else 1
            for part in range(times):
                lines.append(
                    {
                        "FY": f"FY{fiscal_year(month)}{'TD' if is_open else ''}",
                        "Month": _NAMES[int(month[5:]) - 1][:3].upper(),
                        "Sector": sector,
                        "Citizenship Grouping": "Northern Triangle",
                        "Demographic": "UAC / Single Minors",
                        "Count": str(total // times + (total % times if part == 0 else 0)),
                    }
                )
    return lines


def as_csv(header: Sequence[str], lines: Iterable[Line], newline: str = "\n") -> bytes:
    """The lines under their header; a value is quoted only where it holds a comma, as the publisher does."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=newline)
    writer.writerow(header)
    for line in lines:
        writer.writerow([line[h] for h in header])
    return text.getvalue().encode()


def as_workbook(lines: Iterable[Line], header: Sequence[str] = WORKBOOK, titles: int = 6) -> bytes:
    """The lines as the CBP workbook prints them: title rows, the header in row 7, columns B to G, counts as numbers."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        sheet = book.add_worksheet("USBP")
        for row in range(titles):
            if row < 4:
                sheet.write(
                    row, 0, "U.S. Border Patrol (USBP) Enforcement Encounters - Southwest Border (SBO)"
                )
        for column, name in enumerate(header, 1):
            sheet.write(titles, column, name)
        for row, line in enumerate(lines, titles + 1):
            for column, name in enumerate(header, 1):
                value = line[name]
                if name == "Count" and re.fullmatch(r"[0-9]{1,15}", value):
                    sheet.write_number(row, column, int(value))
                else:
                    sheet.write_string(row, column, value)
    return stream.getvalue()
