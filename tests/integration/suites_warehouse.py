"""A tiny warehouse of made-up agency files, loaded by the real steps, and running one expectation on it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
from installation import in_memory

from expectations.runner import ExpectationResult, Suite, run_suite
from expectations.suites import suites
from orchestration import steps
from orchestration.ingest import ingest_bytes
from warehouse import contracts
from warehouse.archive import Archive

MODELS = (
    "core.release_preference",
    "core.release_months",
    "core.monthly_totals",
    "core.monthly_by_dimension",
    "core.quoted__figures",
    "core.month_successions",
    "core.cbp__restatements",
    "marts.measure_vintages",
    "marts.monthly_yoy",
    "marts.january_yoy",
    "marts.january_yoy_by_dimension",
    "marts.reconciliation",
    "marts.release_findings",
    "marts.revisions",
    "marts.revision_summary",
)
ABBREVIATIONS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
NAMES = [dt.date(2000, month, 1).strftime("%B") for month in range(1, 13)]

Row = list[str]
Edit = Callable[[list[Row]], list[Row]]

# One source file: its bytes, its name, and the month it was public; None where the project knows it.
File = tuple[bytes, str, str | None]


def months(first: str, last: str) -> list[dt.date]:
    """The months from `first` to `last`, both as 2021-01."""
    year, month = map(int, first.split("-"))
    found = []
    while (one := dt.date(year, month, 1)).strftime("%Y-%m") <= last:
        found.append(one)
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return found


def fiscal_year(month: dt.date) -> int:
    return month.year + (month.month >= 10)


def _cells(month: dt.date) -> Iterable[tuple[str, str, str, str, int]]:
    """Component, title, demographic, citizenship and encounters of the southwest border in a month."""
    with_title_42 = dt.date(2020, 3, 1) <= month <= dt.date(2023, 5, 1)
    for c, component in enumerate(("U.S. Border Patrol", "Office of Field Operations")):
        for t, title in enumerate(("Title 8", "Title 42")[: 1 + with_title_42]):
            for d, demographic in enumerate(("Single Adults", "FMUA")):
                for z, citizenship in enumerate(("MEXICO", "OTHER")):
                    yield (
                        component,
                        title,
                        demographic,
                        citizenship,
                        400 - 250 * c + 90 * t - 40 * d + 11 * z + month.month,
                    )


def _dated(month: dt.date, newest: dt.date, is_open: bool) -> tuple[str, str, str]:
    """Fiscal year, month grouping and month as CBP labels them in a file that ends with `newest`."""
    year = fiscal_year(month)
    label = f"{year} (FYTD)" if is_open and year == fiscal_year(newest) else str(year)
    reached = (month.month + 2) % 12 <= (newest.month + 2) % 12
    return label, "FYTD" if reached else "Remaining", ABBREVIATIONS[month.month - 1]


def _as_csv(header: str, rows: list[Row], edit: Edit | None) -> bytes:
    lines = [header, *(",".join(row) for row in (edit(rows) if edit else rows))]
    return "".join(f"{line}\r\n" for line in lines).encode()


def southwest_file(
    first: str, last: str, published: str, *, is_open: bool = False, edit: Edit | None = None
) -> File:
    """A southwest border file of the months from `first` to `last`."""
    listed = months(first, last)
    rows = [
        [
            *_dated(month, listed[-1], is_open),
            component,
            demographic,
            citizenship,
            title,
            "Expulsions"
            if title == "Title 42"
            else "Apprehensions"
            if component.startswith("U.S.")
            else "Inadmissibles",
            str(encounters),
        ]
        for month in listed
        for component, title, demographic, citizenship, encounters in _cells(month)
    ]
    header = (
        "Fiscal Year,Month Grouping,Month (abbv),Component,Demographic,Citizenship Grouping,"
        "Title of Authority,Encounter Type,Encounter Count"
    )
    return _as_csv(header, rows, edit), f"sbo-to-{last}.csv", published


def state_file(
    first: str, last: str, published: str, *, is_open: bool = False, edit: Edit | None = None
) -> File:
    """A nationwide file by state: Texas holds the whole southwest border of `southwest_file`."""
    listed = months(first, last)
    rows = []
    for month in listed:
        dated = list(_dated(month, listed[-1], is_open))
        southwest: dict[tuple[str, str, str], int] = {}
        for _, title, demographic, citizenship, encounters in _cells(month):
            key = (demographic, citizenship, title)
            southwest[key] = southwest.get(key, 0) + encounters
        rows += [
            [*dated, "Southwest Land Border", "TX", *key, str(encounters)]
            for key, encounters in southwest.items()
        ]
        rows.append([*dated, "Northern Land Border", "WA", "Single Adults", "MEXICO", "Title 8", "150"])
        rows.append([*dated, "Other", "FL", "Single Adults", "MEXICO", "Title 8", "250"])
    header = (
        "Fiscal Year,Month Grouping,Month (abbv),Land Border Region,State,Demographic,Citizenship,"
        "Title of Authority,Encounter Count"
    )
    return _as_csv(header, rows, edit), f"state-to-{last}.csv", published


SECTORS = {
    "Southwest Border": [
        "Big Bend", "Del Rio", "El Centro", "El Paso", "Laredo", "Rio Grande Valley", "San Diego", "Tucson", "Yuma",
    ],
    "Northern Border": ["Blaine", "Swanton"],
    "Coastal Border": ["Miami"],
}  # fmt: skip


def history_file(first_year: int, last_year: int, published: str, *, edit: Edit | None = None) -> File:
    """The history by sector, with the totals it prints of each border, each month and each year."""
    rows: list[Row] = []
    for year in range(first_year, last_year + 1):
        page: dict[tuple[str, str], int] = {}
        for month in months(f"{year - 1}-10", f"{year}-09"):
            number = 0
            for border, sectors in SECTORS.items():
                for sector in sectors:
                    number += 1
                    encounters = 100 * number + month.month + year % 10
                    for row in (sector, border, "Monthly Total"):
                        for column in (NAMES[month.month - 1], "Total"):
                            page[row, column] = page.get((row, column), 0) + encounters
        rows += [[str(year), row, column, str(n)] for (row, column), n in page.items()]
    return _as_csv("fy,sector,month,n", rows, edit), f"history-to-{last_year}.csv", published


def everything() -> list[File]:
    """Two southwest files and a state file that agree, and the history before them."""
    return [
        southwest_file("2020-10", "2022-09", "2022-10"),
        southwest_file("2021-10", "2023-02", "2023-03", is_open=True),
        state_file("2020-10", "2023-02", "2023-03", is_open=True),
        history_file(2019, 2020, "2020-10"),
    ]


def build(
    folder: Path, files: list[File], figures: Sequence[Mapping[str, object]] | None = ()
) -> duckdb.DuckDBPyConnection:
    """Ingest and load the files with the steps of a build, into a warehouse in memory.

    The agency's own figures of the made-up months are taken out, for no made-up month can be theirs; `figures`
    are rows of meta.published_figures in their place. None keeps the agency's, for real files.
    """
    archive = Archive(folder / "archive")
    for data, name, published in files:
        outcome = ingest_bytes(data, name, archive, published=published, now=dt.datetime(2026, 1, 1))
        assert outcome.status == "added", outcome.message
    warehouse = in_memory()
    steps.load_reviewed(warehouse)
    if figures is not None:
        warehouse.con.execute(
            "delete from meta.published_figures "
            "where month_start between date '2018-10-01' and date '2023-09-01'"
        )
        columns = [one.name for one in contracts.table("meta.published_figures").columns]
        warehouse.append(
            "meta.published_figures", [tuple(one.get(column) for column in columns) for one in figures]
        )
    for release in steps.load_releases(warehouse, archive):
        steps.load_raw(warehouse, archive, release)
    for table in steps.CORE_TABLES:
        steps.load_core(warehouse, archive, table)
    for table in MODELS:
        steps.build_model(warehouse, table)
    return warehouse.con


@contextmanager
def copy(built: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of a built warehouse beside it, to plant a fault in."""
    built.execute("attach ':memory:' as planted")
    built.execute("copy from database memory to planted")
    with built.cursor() as planted:
        planted.execute("use planted")
        yield planted
    built.execute("detach planted")


def run_one(database: duckdb.DuckDBPyConnection, table: str, expectation: str) -> ExpectationResult:
    """What one expectation of the table's suite finds."""
    suite = suites()[table]
    (found,) = [one for one in suite.declared if one.name == expectation]
    (result,) = run_suite(Suite(suite.name, table, [found], min_rows=0), database).results
    assert result.error is None, result.error
    return result


def unmet(database: duckdb.DuckDBPyConnection) -> list[str]:
    """Every expectation that is not met, as `table: expectation`; notes do not count, court marts have their own tests."""
    return [
        f"{table}: {one.name}{f' ({one.error})' if one.error else ''}"
        for table, suite in suites().items()
        if not table.startswith(("marts.court_", "marts.mpp_"))
        for one in run_suite(suite, database).results
        if one.status in ("failed", "warned")
    ]


def change(database: duckdb.DuckDBPyConnection, table: str, assignment: str, where: str) -> None:
    """Plant a fault, and make sure it was planted."""
    ((changed,),) = database.execute(f"update {table} set {assignment} where {where}").fetchall()
    assert changed, f"no row of {table} where {where}"
