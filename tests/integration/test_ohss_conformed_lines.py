"""From raw OHSS cells to conformed lines: what is loaded, what is left out and why; the agency's files."""

from __future__ import annotations

import csv
import io
import os
import re
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pyarrow as pa
import pytest

from transforms.ohss import looks_like_book, looks_like_flat, read_book, read_flat
from transforms.parsed import ParsedFile
from warehouse import contracts

ROOT = Path(__file__).parents[2]
DATA = ROOT / "expectations" / "data"
MODEL = (ROOT / "transforms" / "core" / "ohss__conformed_lines.sql").read_text("utf-8")
KEY = contracts.table("core.ohss__monthly_encounters").key
RAW = contracts.table("raw.ohss_monthly")


@cache
def code_map() -> list[tuple[str, str, str]]:
    rows = []
    for path in sorted((DATA / "code_map").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as stream:
            rows += [(row["domain"], row["label"], row["code"]) for row in csv.DictReader(stream)]
    return sorted(set(rows))


def ohss_tables() -> list[dict[str, str | None]]:
    with (DATA / "ohss_tables.csv").open(encoding="utf-8", newline="") as stream:
        return [{name: value or None for name, value in row.items()} for row in csv.DictReader(stream)]


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse with the reviewed data of the project and an empty raw table."""
    described = contracts.table("meta.ohss_tables")
    with duckdb.connect() as connection:
        connection.execute("create schema raw; create schema meta; create schema core")
        connection.execute(
            "create table meta.families as select 'ohss_monthly' as family, 'ohss' as publisher_code"
        )
        connection.execute("create table meta.releases (release_id varchar, family varchar)")
        labels = pa.Table.from_pylist(
            [{"domain": domain, "label": label, "code": code} for domain, label, code in code_map()]
        )
        connection.register("labels", labels)
        connection.execute("create table meta.code_map as from labels")
        connection.execute(described.ddl())
        connection.register("described", pa.Table.from_pylist(ohss_tables()))
        connection.execute("insert into meta.ohss_tables by name from described")
        connection.execute(RAW.ddl())
        yield connection


def load(connection: duckdb.DuckDBPyConnection, release_id: str, file: ParsedFile) -> None:
    connection.execute("insert into meta.releases values (?, 'ohss_monthly')", [release_id])
    types = {column.name: pa.int32() if column.type == "INTEGER" else pa.string() for column in RAW.columns}
    cells = pa.table({name: pa.array(values, types[name]) for name, values in file.columns.items()})
    connection.register("cells", cells)
    connection.execute(f"insert into {RAW.name} by name select '{release_id}' as release_id, * from cells")
    connection.unregister("cells")


def conform(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(f"create or replace table core.ohss__conformed_lines as {MODEL}")


Cell = tuple[str, str | None, str, str, str, str]
"""table, upper header, column, fiscal year, month, value"""


def conformed(connection: duckdb.DuckDBPyConnection, *cells: Cell) -> list[dict[str, object]]:
    """The given cells as one release, conformed, in line order."""
    columns: dict[str, list[object]] = {
        column.name: [] for column in RAW.columns if column.name != "release_id"
    }
    for number, (table, group, column, year, month, value) in enumerate(cells, 1):
        printed = (number, table, number, 3, year, month, group, column, value)
        for name, field in zip(columns, printed, strict=True):
            columns[name].append(field)
    load(connection, "ohss_monthly-1", ParsedFile(columns, len(cells), 0))  # type: ignore[arg-type]
    conform(connection)
    result = connection.execute("select * from core.ohss__conformed_lines order by line_no")
    names = [column[0] for column in result.description or []]
    rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    assert [row["line_no"] for row in rows] == list(range(1, len(cells) + 1)), "one row per raw line"
    return rows


def southwest(value: str, month: str = "January", year: str = "2024", column: str = "Total") -> Cell:
    return ("SWB Encounters by Citizenship", "USBP", column, year, month, value)


def fate(row: dict[str, object]) -> object:
    return row["reject_reason"] or row["ignore_reason"] or ("repeat" if row["is_repeat"] else "loaded")


@pytest.mark.parametrize(
    ("year", "month", "month_start", "fiscal_month"),
    [
        ("2014", "October", "2013-10-01", 1),
        ("2014", "December", "2013-12-01", 3),
        ("2014", "January", "2014-01-01", 4),
        ("2014", "September", "2014-09-01", 12),
        ("2024 YTD", "October", "2023-10-01", 1),
        ("2014", "10", "2013-10-01", 1),
        ("2014", "1", "2014-01-01", 4),
    ],
)
def test_fiscal_year_begins_in_october_of_the_year_before(
    con: duckdb.DuckDBPyConnection, year: str, month: str, month_start: str, fiscal_month: int
) -> None:
    (row,) = conformed(con, southwest("10", month, year))
    assert (str(row["month_start"]), row["fiscal_year"]) == (month_start, int(year[:4]))
    assert row["fiscal_month"] == fiscal_month


def test_footnote_digits_are_taken_off_for_the_code_and_kept_on_the_label(
    con: duckdb.DuckDBPyConnection,
) -> None:
    rows = conformed(
        con,
        ("SWB Encounters by Family Status", "USBP", "Family Unit Individuals2", "2024", "January", "10"),
        (
            "CBP Encounter by Type + Region",
            "Enforcement Encounters1",
            "SW Land Border",
            "2024",
            "January",
            "20",
        ),
    )
    assert [row["demographic_code"] for row in rows] == ["family_unit", "all"]
    assert [row["demographic_label"] for row in rows] == ["Family Unit Individuals2", None]
    assert [row["encounter_type_code"] for row in rows] == ["all", "enforcement"]
    assert [row["encounter_type_label"] for row in rows] == [None, "Enforcement Encounters1"]
    assert [row["region_code"] for row in rows] == ["southwest", "southwest"]


def test_x_and_na_are_ignored_each_with_its_reason_and_a_zero_is_a_zero(
    con: duckdb.DuckDBPyConnection,
) -> None:
    rows = conformed(con, southwest("X"), southwest("NA", "February"), southwest("0", "March"))
    assert [fate(row) for row in rows] == ["X: not applicable", "NA: not available", "loaded"]
    assert [row["encounters"] for row in rows] == [None, None, 0]


@pytest.mark.parametrize("month", ["Total", "0"])
def test_yearly_total_is_not_a_month(con: duckdb.DuckDBPyConnection, month: str) -> None:
    (row,) = conformed(con, southwest("10", month))
    assert (fate(row), row["month_start"]) == ("published yearly total", None)


def test_rounded_figures_stay_as_printed_though_parts_do_not_add_up(con: duckdb.DuckDBPyConnection) -> None:
    rows = conformed(
        con, southwest("23760"), southwest("11880", column="Mexico"), southwest("11890", column="Other")
    )
    assert [fate(row) for row in rows] == ["loaded"] * 3
    assert [row["encounters"] for row in rows] == [23760, 11880, 11890]


def test_field_office_is_not_the_sector_of_the_same_name(con: duckdb.DuckDBPyConnection) -> None:
    sheet = "SWB Enc by Sector+Field Ofc"
    rows = conformed(
        con,
        (sheet, None, "Total CBP", "2024", "January", "40"),
        (sheet, "USBP", "Tucson, AZ", "2024", "January", "10"),
        (sheet, "OFO", "Tucson, AZ", "2024", "January", "20"),
    )
    assert [row["component_code"] for row in rows] == ["all", "usbp", "ofo"]
    assert [row["sector_code"] for row in rows] == ["all", "tucson", "tucson_field_office"]
    assert [row["sector_label"] for row in rows] == ["Total CBP", "Tucson, AZ", "Tucson, AZ"]


def test_component_of_a_sheet_without_upper_header_is_the_sheets(con: duckdb.DuckDBPyConnection) -> None:
    rows = conformed(
        con,
        ("Nationwide OFO", None, "China, People's Republic", "2024", "January", "10"),
        ("SWB USBP", None, "Total", "2024", "January", "20"),
    )
    assert [row["component_code"] for row in rows] == ["ofo", "usbp"]
    assert [row["encounter_type_code"] for row in rows] == ["enforcement", "all"]
    assert [row["citizenship_code"] for row in rows] == ["china", "all"]
    assert [row["component_label"] for row in rows] == [None, None]


def test_outcome_of_a_book_out_is_left_out_its_total_is_the_encounters(
    con: duckdb.DuckDBPyConnection,
) -> None:
    rows = conformed(
        con,
        ("CBP SWB Book-Outs by Agency", "USBP", "Total Encounters", "2024", "January", "30"),
        ("CBP SWB Book-Outs by Agency", "USBP", "T42 expulsions2", "2024", "January", "10"),
        ("Southwest Border Book-outs/OFO", None, "Total", "2024", "1", "20"),
        ("Southwest Border Book-outs/OFO", None, "OFO Paroles", "2024", "1", "X"),
    )
    outcome = "outcome of an encounter, not an encounter count"
    assert [fate(row) for row in rows] == ["loaded", outcome, "loaded", outcome]
    assert [row["component_code"] for row in rows] == ["usbp", "usbp", "ofo", "ofo"]


def test_sheet_that_counts_something_else_is_outside_scope(con: duckdb.DuckDBPyConnection) -> None:
    (row,) = conformed(con, ("CHNV Paroles", None, "A new column", "2024", "January", "10"))
    assert fate(row) == "outside scope: CHNV Paroles"


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (("New sheet", None, "Total", "2024", "January", "10"), "unknown table New sheet; describe it in"),
        (southwest("10", column="Atlantis"), "unknown citizenship Atlantis in SWB Encounters by Citizenship"),
        (southwest("X", column="Atlantis"), "unknown citizenship Atlantis in SWB Encounters by Citizenship"),
        (("SWB Encounters by Citizenship", "AMO", "Total", "2024", "May", "10"), "unknown component AMO in"),
        (
            ("SWB Encounters by Citizenship", None, "Total", "2024", "May", "10"),
            "no upper header above Total in",
        ),
        (("SWB USBP", "Adults", "Total", "2024", "May", "10"), "unknown upper header Adults in SWB USBP"),
        (
            ("SWB Enc by Sector+Field Ofc", None, "Tucson, AZ", "2024", "May", "10"),
            "unknown sector Tucson, AZ in",
        ),
        (southwest("10", "Octember"), "month Octember of fiscal year 2024 is not a month"),
        (southwest("10", year="20241"), "month January of fiscal year 20241 is not a month"),
        (southwest("10.5"), "count 10.5 is not a whole number of encounters"),
        (southwest("9" * 30), "is not a whole number of encounters"),
    ],
)
def test_what_is_not_known_is_rejected_never_guessed(
    con: duckdb.DuckDBPyConnection, cell: Cell, reason: str
) -> None:
    (row,) = conformed(con, cell)
    assert reason in str(row["reject_reason"])
    assert row["ignore_reason"] is None


def test_figure_printed_again_with_the_same_value_is_a_repeat(con: duckdb.DuckDBPyConnection) -> None:
    rows = conformed(
        con,
        southwest("X", "May"),
        southwest("10"),
        ("SWB USBP", None, "Total", "2024", "January", "10"),
        southwest("10"),
    )
    assert [fate(row) for row in rows] == ["X: not applicable", "loaded", "repeat", "repeat"]


def test_figure_printed_again_with_another_value_is_rejected_everywhere(
    con: duckdb.DuckDBPyConnection,
) -> None:
    rows = conformed(
        con, southwest("10"), ("SWB USBP", None, "Total", "2024", "January", "20"), southwest("30", "May")
    )
    assert [fate(row) for row in rows] == [
        "printed with different values: 10 and 20 (lines 1 to 2)",
        "printed with different values: 10 and 20 (lines 1 to 2)",
        "loaded",
    ]


def test_remainder_of_ten_citizenships_is_not_the_remainder_of_a_hundred(
    con: duckdb.DuckDBPyConnection,
) -> None:
    rest = "All other, including stateless and unknown"
    rows = conformed(con, southwest("30", column="Other"), ("SWB USBP", None, rest, "2024", "January", "10"))
    assert [fate(row) for row in rows] == ["loaded", "loaded"]
    assert [row["citizenship_code"] for row in rows] == ["other", "other_than_top_100"]


@pytest.mark.parametrize(
    ("label", "last_month", "is_open"),
    [
        ("2024 YTD", "July", True),
        ("2024", "July", True),
        ("2024", "August", True),
        ("2024", "September", False),
    ],
)
def test_year_is_open_when_marked_or_while_its_september_is_absent(
    con: duckdb.DuckDBPyConnection, label: str, last_month: str, is_open: bool
) -> None:
    rows = conformed(
        con,
        southwest("10", "September", "2023"),
        southwest("10", "October", label),
        southwest("20", last_month, label),
    )
    assert [row["is_open_year"] for row in rows] == [False, is_open, is_open]


def test_month_outside_scope_does_not_close_the_year(con: duckdb.DuckDBPyConnection) -> None:
    rows = conformed(con, southwest("10", "July"), ("CHNV Paroles", None, "Total", "2024", "September", "10"))
    assert rows[0]["is_open_year"] is True


def test_conformed_lines_offer_every_column_of_core(con: duckdb.DuckDBPyConnection) -> None:
    (row,) = conformed(con, southwest("10"))
    derived_from_lines = {"line_nos", "is_published_zero", "is_corrected"}
    core = {column.name: column for column in contracts.table("core.ohss__monthly_encounters").columns}
    assert set(core) - derived_from_lines <= set(row)
    missing = [
        n
        for n, column in core.items()
        if n not in derived_from_lines | {"correction_id"} and not column.nullable
    ]
    assert all(row[name] is not None for name in missing)


def test_tables_name_only_dimensions_the_model_knows_and_the_code_map_holds() -> None:
    domains = {domain for domain, _, _ in code_map()}
    dimensions = {"component", "region", "sector", "demographic", "citizenship", "encounter_type"}
    for row in ohss_tables():
        if row["ignore_reason"]:
            continue
        used = {row["column_dimension"], row["group_dimension"]} - {None}
        assert used <= dimensions | {"outcome"}, row["table_label"]
        assert {f"ohss_{dimension}" for dimension in used} <= domains, row["table_label"]
        assert None not in (row["component_code"], row["region_code"], row["encounter_type_code"]), row


def test_codes_are_lower_snake_case_and_labels_carry_no_footnote_digit() -> None:
    ohss = [(domain, label, code) for domain, label, code in code_map() if domain.startswith("ohss_")]
    assert ohss
    assert [row for row in ohss if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", row[2])] == []
    assert [row for row in ohss if row[1][-1].isdigit()] == []


# The agency's own files

AGENCY = os.environ.get("BORDER_AGENCY_DATA")
OHSS = Path(AGENCY) / "ohss" if AGENCY else None
agency = [
    pytest.mark.agency,
    pytest.mark.skipif(
        OHSS is None or not OHSS.is_dir(),
        reason="BORDER_AGENCY_DATA names no folder of agency files with ohss/",
    ),
]


def agency_file(suffix: str) -> tuple[bytes, str]:
    assert OHSS is not None
    (path,) = OHSS.glob(f"*{suffix}")
    return path.read_bytes(), path.name


@pytest.fixture(scope="module")
def book() -> ParsedFile:
    return read_book(*agency_file(".xlsx"))


@pytest.fixture(scope="module")
def flat() -> ParsedFile:
    return read_flat(*agency_file(".csv"))


@pytest.fixture
def agency_con(
    con: duckdb.DuckDBPyConnection, book: ParsedFile, flat: ParsedFile
) -> duckdb.DuckDBPyConnection:
    load(con, "book", book)
    load(con, "flat", flat)
    conform(con)
    return con


class TestAgencyFiles:
    pytestmark = agency

    def test_files_are_recognised_by_their_content(self) -> None:
        workbook, table = agency_file(".xlsx")[0], agency_file(".csv")[0]
        assert [looks_like_book(workbook), looks_like_flat(workbook)] == [True, False]
        assert [looks_like_book(table), looks_like_flat(table)] == [False, True]

    def test_every_cell_of_the_book_is_accounted_for(self, book: ParsedFile) -> None:
        """Counted a second way, in the XML of the sheets."""
        assert book.lines == _cells_in_xml(agency_file(".xlsx")[0])
        assert book.lines == book.rows + len(book.rejects) + sum(book.ignored.values())
        assert book.rejects == []

    def test_every_cell_of_the_flat_file_is_accounted_for(self, flat: ParsedFile) -> None:
        text = agency_file(".csv")[0].decode()
        assert flat.lines == sum(1 for value in re.split(r"[,\r\n]", text) if value)
        assert flat.lines == flat.rows + sum(flat.ignored.values())
        assert flat.rejects == []

    def test_every_raw_line_is_conformed_once_and_none_is_rejected(
        self, agency_con: duckdb.DuckDBPyConnection, book: ParsedFile, flat: ParsedFile
    ) -> None:
        lines, distinct, rejected, encounters = agency_con.execute(
            "select count(*), count(distinct (release_id, line_no)), count(reject_reason), sum(encounters) "
            "from core.ohss__conformed_lines"
        ).fetchone()  # type: ignore[misc]
        assert lines == distinct == book.rows + flat.rows
        assert rejected == 0
        assert encounters == book.encounters + flat.encounters

    def test_one_line_per_key_is_loaded(self, agency_con: duckdb.DuckDBPyConnection) -> None:
        key = ", ".join(KEY)
        assert (
            agency_con.execute(
                f"select {key} from core.ohss__conformed_lines where ignore_reason is null group by {key} "
                "having count(*) filter (not is_repeat) <> 1"
            ).fetchall()
            == []
        )

    def test_januaries_of_usbp_southwest(self, agency_con: duckdb.DuckDBPyConnection) -> None:
        found = agency_con.execute(
            "select fiscal_year, encounters from core.ohss__conformed_lines where release_id = 'book' "
            "and ignore_reason is null and not is_repeat and fiscal_month = 4 and component_code = 'usbp' "
            "and region_code = 'southwest' and sector_code = 'all' and demographic_code = 'all' "
            "and citizenship_code = 'all' and encounter_type_code = 'all'"
        ).fetchall()
        assert dict(found) == {
            2014: 28670,
            2015: 21510,
            2016: 23760,
            2017: 31580,
            2018: 25980,
            2019: 47980,
            2020: 29210,
            2021: 75320,
            2022: 147880,
            2023: 129510,
            2024: 124220,
        }

    def test_flat_totals_equal_the_encounters_of_the_book(
        self, agency_con: duckdb.DuckDBPyConnection
    ) -> None:
        same_key = " and ".join(f"book.{name} = flat.{name}" for name in KEY if name != "release_id")
        compared, equal = agency_con.execute(
            "select count(*), count(*) filter (book.encounters = flat.encounters) "
            "from core.ohss__conformed_lines flat left join core.ohss__conformed_lines book "
            f"on book.release_id = 'book' and {same_key} "
            "and book.ignore_reason is null and not book.is_repeat "
            "where flat.release_id = 'flat' and flat.ignore_reason is null and not flat.is_repeat"
        ).fetchone()  # type: ignore[misc]
        assert compared == equal == 3 * 130

    def test_fiscal_2024_alone_is_open_and_ends_in_july(self, agency_con: duckdb.DuckDBPyConnection) -> None:
        assert agency_con.execute(
            "select release_id, min(month_start)::varchar, max(month_start)::varchar, "
            "array_agg(distinct fiscal_year) filter (is_open_year) from core.ohss__conformed_lines "
            "where ignore_reason is null group by release_id order by release_id"
        ).fetchall() == [
            ("book", "2013-10-01", "2024-07-01", [2024]),
            ("flat", "2013-10-01", "2024-07-01", [2024]),
        ]

    def test_figures_are_rounded_to_ten_and_months_add_up_to_the_year_within_it(
        self, agency_con: duckdb.DuckDBPyConnection
    ) -> None:
        assert agency_con.execute(
            "select count(*) from core.ohss__conformed_lines where encounters % 10 <> 0"
        ).fetchone() == (0,)
        compared, further_off = agency_con.execute(
            """
            with years as (
                select
                    cells.release_id, cells.table_label, cells.column_no, cells.fiscal_year_label,
                    count(*) as months, sum(lines.encounters) as added
                from core.ohss__conformed_lines as lines
                inner join raw.ohss_monthly as cells using (release_id, line_no)
                where lines.ignore_reason is null
                group by all
            )
            select count(*), count(*) filter (abs(years.added - totals.encounters) > 5 * (years.months + 1))
            from years
            inner join raw.ohss_monthly as cells using (release_id, table_label, column_no, fiscal_year_label)
            inner join core.ohss__conformed_lines as totals
                on totals.release_id = cells.release_id and totals.line_no = cells.line_no
                and totals.ignore_reason = 'published yearly total'
            where cells.encounters_label <> 'NA'
            """
        ).fetchone()  # type: ignore[misc]
        assert compared > 4000
        assert further_off == 0


def _cells_in_xml(data: bytes) -> int:
    """Non-empty cells of all sheets, read from the XML: a value, not blank text."""
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        shared = [
            "".join(text.text or "" for text in item.iter(f"{space}t"))
            for item in ElementTree.fromstring(parts.read("xl/sharedStrings.xml")).iter(f"{space}si")
        ]
        count = 0
        for name in parts.namelist():
            if re.fullmatch(r"xl/worksheets/sheet\d+\.xml", name):
                for cell in ElementTree.fromstring(parts.read(name)).iter(f"{space}c"):
                    value = cell.findtext(f"{space}v")
                    if value is not None:
                        count += bool((shared[int(value)] if cell.get("t") == "s" else value).strip())
        return count
