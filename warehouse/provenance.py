"""From a figure down to the lines it is the sum of: release, file, query, source lines, and the line to cite it by.

Belongs here: reading the way back out of a published warehouse and the archive. Does not belong here: the screen,
or any rule about which release answers (`marts.measure_vintages` has it).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from warehouse.archive import Archive, sha256_of
from warehouse.paths import REFERENCE

#: Code columns a measure may fix, in the order of its filter.
CODES = (
    "component_code",
    "region_code",
    "sector_code",
    "demographic_code",
    "citizenship_code",
    "title_code",
    "encounter_type_code",
)
#: Layouts whose lines are lines of a text file; of the others the cells are read from raw.
TEXT_LAYOUTS = ("csv", "carried")


class ProvenanceError(Exception):
    """No such measure, month or release, or lines that do not give the figure; one line, with the next step."""


@dataclass(frozen=True)
class Figure:
    """One value of a measure and month in one release.

    `release` is its row of meta.releases. `figure_id` names the line of reference/published_figures.csv for a
    figure quoted from a page and is None for one read from a file. `query` gives the value on the published file.
    """

    version: str
    measure_id: str
    title: str
    definition: str
    unit: str
    filter_sql: str
    month_start: dt.date
    value: int
    vintage_no: int
    vintages: int
    is_answer: bool
    is_open_year: bool
    release: dict[str, Any]
    table: str
    query: str
    figure_id: str | None
    line_nos: tuple[int, ...]

    @property
    def citation(self) -> str:
        """Measure, month, value, release, hash and query on one line, for a footnote."""
        return citation(
            title=self.title,
            measure_id=self.measure_id,
            month_start=self.month_start,
            value=self.value,
            unit=self.unit,
            release=self.release,
            query=self.query,
            version=self.version,
        )


@dataclass(frozen=True)
class SourceLine:
    """One line, row or cell of a file: `encounters` is the count it adds to the figure, `text` what it reads."""

    line_no: int
    encounters: int
    text: str


def citation(
    *,
    title: str,
    measure_id: str,
    month_start: dt.date,
    value: int,
    unit: str,
    release: dict[str, Any],
    query: str,
    version: str,
) -> str:
    """The line to cite a figure by; `release` needs release_id, published_on, published_precision and sha256."""
    encoded = f", re-encodes sha256 {release['origin_sha256'][:12]}" if release.get("origin_sha256") else ""
    page = f", {release['origin']}" if release.get("layout") == "quoted" else ""
    return (
        f"Border Ledger {version}: {title} ({measure_id}), {month_start:%B %Y}: {value:,} {unit}; "
        f"release {release['release_id']}, published {published(release)}, sha256 {release['sha256'][:12]}{encoded}{page}; "
        f"{query}"
    )


def published(release: dict[str, Any]) -> str:
    """The publication date to the precision it is known: `2021-02-10` or `2022-10`."""
    day: dt.date = release["published_on"]
    return f"{day:%Y-%m}" if release["published_precision"] == "month" else str(day)


def ranges(numbers: Iterable[int]) -> str:
    """Sorted numbers as compact ranges: `2–4, 9`."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{first}–{last}" if first < last else str(first) for first, last in runs)


def figure(
    con: duckdb.DuckDBPyConnection,
    measure_id: str,
    month_start: dt.date,
    *,
    release_id: str | None = None,
    as_of: dt.date | None = None,
) -> Figure:
    """The figure the warehouse answers with, or gave in `release_id` (a prefix will do), or as of a day.

    Raises ProvenanceError when nothing answers, and when the lines named do not add up to the figure.
    """
    measure = _one(con, "select * from meta.measures where measure_id = ?", [measure_id])
    if measure is None:
        known = [r["measure_id"] for r in _all(con, "select measure_id from meta.measures order by all")]
        raise ProvenanceError(f"{measure_id}: no such measure; one of {', '.join(known)}")
    vintages = _all(
        con,
        "select * from marts.measure_vintages where measure_id = ? and month_start = ? order by latest_rank",
        [measure_id, month_start],
    )
    chosen = [
        v
        for v in vintages
        if (release_id is None or v["release_id"].startswith(release_id))
        and (as_of is None or v["published_on"] <= as_of)
    ]
    if not chosen:
        raise ProvenanceError(_nothing(con, measure_id, month_start, vintages, release_id, as_of))
    vintage = chosen[0]
    release = _one(con, "select * from meta.releases where release_id = ?", [vintage["release_id"]])
    version = _one(con, "select version from meta.publication")
    assert release is not None
    table, where, figure_id = _cells(con, measure, vintage, release)
    rows = _all(con, f"select encounters, line_nos from {table} where {where}") if figure_id is None else []
    quoted = (
        _one(con, "select line_no from core.quoted__figures where figure_id = ?", [figure_id])
        if figure_id
        else None
    )
    lines = [quoted["line_no"]] if quoted else [n for row in rows for n in row["line_nos"]]
    if figure_id is None and sum(row["encounters"] for row in rows) != vintage["value"]:
        raise ProvenanceError(
            f"{measure_id} {month_start:%Y-%m}: the cells of {vintage['release_id']} add up to "
            f"{sum(row['encounters'] for row in rows):,}, the figure is {vintage['value']:,}; build again"
        )
    column = "encounters" if figure_id else "sum(encounters)"
    return Figure(
        version=version["version"] if version else "unpublished",
        measure_id=measure_id,
        title=measure["title"],
        definition=measure["definition"],
        unit=measure["unit"],
        filter_sql=measure["filter_sql"],
        month_start=month_start,
        value=vintage["value"],
        vintage_no=vintage["vintage_no"],
        vintages=len(vintages),
        is_answer=vintage["latest_rank"] == 1,
        is_open_year=vintage["is_open_year"],
        release=release,
        table=table,
        query=f"select {column} from {table} where {where}",
        figure_id=figure_id,
        line_nos=tuple(sorted(lines)),
    )


def _nothing(
    con: duckdb.DuckDBPyConnection,
    measure_id: str,
    month_start: dt.date,
    vintages: Sequence[dict[str, Any]],
    release_id: str | None,
    as_of: dt.date | None,
) -> str:
    asked = f"{measure_id} {month_start:%Y-%m}"
    if not vintages:
        beside = _all(
            con,
            "select line_no, printed_value from meta.published_figures where measure_id = ? and month_start = ? "
            "order by line_no",
            [measure_id, month_start],
        )
        if beside:
            listed = ", ".join(
                f"{f['printed_value']:,.0f} (reference/published_figures.csv:{f['line_no']})" for f in beside
            )
            return f"{asked}: no release holds it; published figures that are no release's and never answer: {listed}"
        return f"{asked}: no release holds it; `border january --measure {measure_id}` shows the months there are"
    held = ", ".join(f"{v['release_id']} ({v['published_on']})" for v in vintages)
    if release_id is not None:
        return f"{asked}: no release {release_id}… gives it; these do: {held}"
    return f"{asked}: nothing was public by {as_of}; later: {held}"


def _cells(
    con: duckdb.DuckDBPyConnection, measure: dict[str, Any], vintage: dict[str, Any], release: dict[str, Any]
) -> tuple[str, str, str | None]:
    """Table and predicate of the cells that make the figure; the figure's id where it is quoted from a page."""
    if release["layout"] == "quoted":
        quoted = _one(
            con,
            "select figure_id from core.quoted__figures where release_id = ? and measure_id = ? and month_start = ?",
            [vintage["release_id"], vintage["measure_id"], vintage["month_start"]],
        )
        assert quoted is not None
        return "core.quoted__figures", f"figure_id = '{quoted['figure_id']}'", str(quoted["figure_id"])
    family = _one(con, "select publisher_code from meta.families where family = ?", [release["family"]])
    assert family is not None
    publisher = family["publisher_code"]
    # OHSS prints its totals as cells of their own, with the code all; elsewhere all means added up.
    fixed = [
        f"{code} = '{measure[code]}'"
        for code in CODES
        if measure[code] is not None and (publisher == "ohss" or measure[code] != "all")
    ]
    where = [
        f"release_id = '{release['release_id']}'",
        f"month_start = date '{vintage['month_start']}'",
        *fixed,
    ]
    return f"core.{publisher}__monthly_encounters", " and ".join(where), None


def source_lines(
    con: duckdb.DuckDBPyConnection, archive: Archive, found: Figure, limit: int | None = None
) -> list[SourceLine]:
    """The lines the figure is the sum of, the first `limit` of them; text as it stands in the archived bytes.

    A quoted figure has one: its line of reference/published_figures.csv. Of a workbook the cells of the row are
    joined by tabs; of the OHSS book sheet, row and column are named. Raises ArchiveError when the bytes are gone.
    """
    wanted = list(found.line_nos[:limit])
    if found.figure_id is not None:
        return [SourceLine(wanted[0], found.value, _quoted_text(con, found, wanted[0]))]
    layout = found.release["layout"]
    raw_table = "raw.carried_series" if layout == "carried" else _raw_table(con, found.release["family"])
    rows = {
        row["line_no"]: row
        for row in _all(
            con,
            f"select * exclude (release_id) from {raw_table} where release_id = ? "
            "and line_no in (select unnest(?::integer[]))",
            [found.release["release_id"], wanted],
        )
    }
    if layout in TEXT_LAYOUTS:
        physical = archive.read(found.release["sha256"]).split(b"\n")
        texts = {n: physical[n - 1].decode("utf-8-sig").rstrip("\r") for n in wanted}
    else:
        texts = {n: _cells_of(row) for n, row in rows.items()}
    return [SourceLine(n, int(rows[n]["encounters_label"].split(".")[0]), texts[n]) for n in wanted]


def _cells_of(row: dict[str, Any]) -> str:
    """A row of raw that is no line of text: cells joined by tabs, a cell of a book with its place."""
    if "row_no" in row:
        labels = [row["fiscal_year_label"], row["month_label"], row["group_label"], row["column_label"]]
        place = f"{row['table_label']}!{_column_letters(row['column_no'])}{row['row_no']}"
        return "\t".join(
            [place, *(str(cell) for cell in labels if cell is not None), row["encounters_label"]]
        )
    return "\t".join("" if cell is None else str(cell) for name, cell in row.items() if name != "line_no")


def _column_letters(number: int) -> str:
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _quoted_text(con: duckdb.DuckDBPyConnection, found: Figure, line_no: int) -> str:
    """The line of the carried list while it is the one the warehouse was built from, else what the warehouse kept of it."""
    data = (REFERENCE / found.release["file_name"]).read_bytes()
    if sha256_of(data) == found.release["sha256"]:
        return str(data.split(b"\n")[line_no - 1], "utf-8").rstrip("\r")
    row = _one(con, "select * from meta.published_figures where figure_id = ?", [found.figure_id])
    assert row is not None
    return (
        f"{row['figure_id']}: {row['printed_value']:,.0f} {row['unit']} ({row['precision']}), {row['source']}"
    )


def _raw_table(con: duckdb.DuckDBPyConnection, family: str) -> str:
    row = _one(con, "select raw_table from meta.families where family = ?", [family])
    assert row is not None
    return str(row["raw_table"])


def _all(
    con: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any] | None = None
) -> list[dict[str, Any]]:
    cursor = con.execute(sql, parameters)
    names = [d[0] for d in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _one(
    con: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any] | None = None
) -> dict[str, Any] | None:
    found = _all(con, sql, parameters)
    return found[0] if found else None
