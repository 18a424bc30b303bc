"""`border export`: what is in the file, what stands beside it, and what a spreadsheet may not be made to do."""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from installation import Home
from python_calamine import CalamineWorkbook

from orchestration.screen import READ_ONLY
from warehouse import export as module
from warehouse.export import Exported, ExportError, export

FORMATS = ("csv", "parquet", "xlsx")
DANGEROUS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1"]
JANUARY = "select * from marts.january_yoy where measure_id = 'usbp_southwest' and january in (2020, 2021) order by january"

Write = Callable[..., Exported]


@pytest.fixture(scope="module")
def published(carried_home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(carried_home.published), read_only=True, config=READ_ONLY) as con:
        yield con


@pytest.fixture
def write(published: duckdb.DuckDBPyConnection, tmp_path: Path) -> Write:
    def call(name: str, **what: Any) -> Exported:
        return export(published, tmp_path / name, **what)

    return call


def rows_of(file: Path) -> list[dict[str, Any]]:
    """The rows of an export of any format; of CSV and XLSX an empty field is None."""
    if file.suffix == ".parquet":
        return pq.read_table(file).to_pylist()
    if file.suffix == ".csv":
        with file.open(encoding="utf-8", newline="") as stream:
            return [{k: v or None for k, v in row.items()} for row in csv.DictReader(stream)]
    names, *rows = CalamineWorkbook.from_path(str(file)).get_sheet_by_name("data").to_python()
    return [{k: None if v == "" else v for k, v in zip(names, row, strict=True)} for row in rows]


def readme_of(done: Exported) -> str:
    if done.about is not None:
        return done.about.read_text("utf-8")
    sheet = CalamineWorkbook.from_path(str(done.file)).get_sheet_by_name("README").to_python()
    return "\n".join(" ".join(str(cell) for cell in row) for row in sheet)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_row_carries_definition_release_status_and_caveat(write: Write, kind: str) -> None:
    row = rows_of(write(f"x.{kind}", query=JANUARY).file)[1]
    assert (int(row["value"]), row["status"]) == (75316, "break")
    assert row["definition"].startswith("Border Patrol encounters between ports of entry")
    assert "one person met twice" in str(row["caveats"])
    assert row["unit"] == "events"
    assert row["release_id"] == row["prior_release_id"] == "cbp_sbo-6dfe9dcd365b"
    assert row["release_source"] == "CBP Southwest Land Border Encounters"
    assert str(row["release_published_on"]) == "2022-10-31"
    assert row["prior_release_trust"] == "mirrored"
    assert "Title 42 expulsions begin" in str(row["reasons"])


@pytest.mark.parametrize("kind", FORMATS)
def test_a_whole_table_is_written_in_the_order_of_its_key(
    write: Write, published: duckdb.DuckDBPyConnection, kind: str
) -> None:
    done = write(f"x.{kind}", table="marts.measure_vintages")
    key = published.execute(
        "select measure_id, month_start::varchar, release_id, value from marts.measure_vintages order by 1, 2, 3"
    ).fetchall()
    found = rows_of(done.file)
    assert done.rows == len(found) == len(key)
    assert [
        (r["measure_id"], str(r["month_start"])[:10], r["release_id"], int(r["value"])) for r in found
    ] == key


@pytest.mark.parametrize("kind", FORMATS)
def test_an_open_year_is_provisional_in_a_table_that_has_no_status(write: Write, kind: str) -> None:
    found = rows_of(write(f"x.{kind}", table="core.release_months").file)
    told = {(str(r["is_open_year"]).lower(), r["finality"]) for r in found}
    assert told == {("true", "provisional"), ("false", "final")}


@pytest.mark.parametrize("kind", FORMATS)
def test_the_readme_says_what_it_is_and_how_to_cite_it(
    write: Write, published: duckdb.DuckDBPyConnection, kind: str
) -> None:
    (version,) = published.execute("select version from meta.publication").fetchall()[0]
    done = write(f"x.{kind}", table="marts.january_yoy")
    text = readme_of(done)
    for part in (
        "January against the January before (marts.january_yoy)",
        "one row per measure and January",
        "events, not people",
        f"Border Ledger {version}, data through 2024-11: marts.january_yoy",
        "public domain",
        "MIT licence",
        f"{done.rows:,}",
        "Latest earlier year whose same month was at least as high",
    ):
        assert part in text, part
    assert "Computed by the query" not in text
    for column in done.columns:
        assert column in text


def test_every_column_of_every_table_is_explained(write: Write, published: duckdb.DuckDBPyConnection) -> None:
    tables = published.execute(
        "select table_name from meta.tables where table_name not like 'raw.%' order by all"
    ).fetchall()
    present = {
        f"{s}.{t}"
        for s, t in published.execute("select schema_name, table_name from duckdb_tables()").fetchall()
    }
    for (table,) in tables:
        if table in present:
            assert "Computed by the query" not in readme_of(write(f"{table}.parquet", table=table)), table


def test_the_readme_of_a_query_says_what_its_rows_cannot(write: Write) -> None:
    silent = readme_of(write("x.csv", query="select 1 as n"))
    assert "the measure and its definition, the release, the status of a comparison" in silent
    assert "n (whole number): Computed by the query." in silent
    assert "select 1 as n" in silent
    assert "Not stated: nothing" in readme_of(write("y.csv", query=JANUARY))


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("text", DANGEROUS)
def test_a_text_is_never_a_formula(write: Write, kind: str, text: str) -> None:
    quoted = text.replace("'", "''")
    done = write(
        f"x.{kind}",
        query=f"select '{quoted}' as label, '{quoted}' as \"=also the name\", ['{quoted}'] as listed",
    )
    if kind == "csv":
        with done.file.open(encoding="utf-8", newline="") as stream:
            names, cells = csv.reader(stream)
    else:
        names, cells = CalamineWorkbook.from_path(str(done.file)).get_sheet_by_name("data").to_python()
    for cell in (cells[0], cells[1], cells[2], names[1]):
        assert cell.startswith("'")
    if kind == "xlsx":
        with zipfile.ZipFile(done.file) as book:
            assert not [
                n for n in book.namelist() if n.startswith("xl/worksheets/s") and b"<f>" in book.read(n)
            ]


def test_parquet_keeps_texts_as_they_are(write: Write) -> None:
    assert rows_of(write("x.parquet", query="select '=1+1' as label").file)[0]["label"] == "=1+1"


NUMBERS = (
    "select -5::bigint as whole, 0.5::double as part, 1.25::decimal(9,2) as exact, sum(7::bigint) as added, "
    "date '2021-01-31' as day, true as flag, null::bigint as nothing, '0042' as code"
)


def test_numbers_stay_numbers_in_parquet(write: Write) -> None:
    (row,) = rows_of(write("x.parquet", query=NUMBERS).file)
    assert row["whole"] == -5
    assert row["added"] == 7
    assert isinstance(row["added"], int)
    assert row["nothing"] is None
    assert row["day"] == dt.date(2021, 1, 31)
    assert row["code"] == "0042"


def test_numbers_stay_numbers_in_a_workbook(write: Write) -> None:
    (row,) = rows_of(write("x.xlsx", query=NUMBERS).file)
    assert [row[n] for n in ("whole", "part", "exact", "added")] == [-5, 0.5, 1.25, 7]
    assert (row["day"], row["flag"], row["nothing"], row["code"]) == (
        dt.date(2021, 1, 31),
        True,
        None,
        "0042",
    )


def test_numbers_are_written_plainly_in_csv(write: Write) -> None:
    (row,) = rows_of(write("x.csv", query=NUMBERS).file)
    assert [row[n] for n in ("whole", "part", "exact", "added", "nothing")] == [
        "-5",
        "0.5",
        "1.25",
        "7",
        None,
    ]
    assert (row["day"], row["flag"], row["code"]) == ("2021-01-31", "true", "0042")


def test_what_a_cell_cannot_hold_exactly_is_text(write: Write) -> None:
    (row,) = rows_of(write("x.xlsx", query="select 9007199254740993 as big, 'nan'::double as odd").file)
    assert (row["big"], row["odd"]) == ("9007199254740993", "nan")


@pytest.mark.parametrize("kind", FORMATS)
def test_equal_exports_are_equal_files(write: Write, kind: str) -> None:
    first, second = (write(f"{name}.{kind}", query=JANUARY) for name in "ab")
    if kind == "xlsx":
        with zipfile.ZipFile(first.file) as one, zipfile.ZipFile(second.file) as other:
            assert {n: one.read(n) for n in one.namelist()} == {n: other.read(n) for n in other.namelist()}
    else:
        assert first.file.read_bytes() == second.file.read_bytes()


def test_many_batches_arrive_whole_and_in_order(write: Write) -> None:
    rows = 3 * module.BATCH + 1
    found = rows_of(
        write(
            "x.csv", query=f"select i, 'usbp_southwest' as measure_id from range({rows}) t(i) order by i"
        ).file
    )
    assert [int(r["i"]) for r in found] == list(range(rows))
    assert {r["unit"] for r in found} == {"events"}


def test_a_measure_nobody_knows_gets_no_definition(write: Write) -> None:
    (row,) = rows_of(
        write("x.parquet", query="select 'unheard_of' as measure_id, null::varchar as release_id").file
    )
    assert row["definition"] is None
    assert row["release_source"] is None


@pytest.mark.parametrize(
    ("name", "what", "says"),
    [
        ("x.xls", {"query": "select 1"}, "end the name in one of .csv, .parquet, .xlsx"),
        ("x", {"query": "select 1"}, "end the name in one of"),
        ("nowhere/x.csv", {"query": "select 1"}, "no such folder"),
        ("x.csv", {"table": "january_yoy"}, "marts.january_yoy, marts.january_yoy_by_dimension"),
        ("x.csv", {"table": "marts.january_yoy; drop table x"}, "no such table"),
        ("x.csv", {"query": "select 1; select 2"}, "one select"),
        ("x.csv", {"query": "copy (select 1) to 'y.csv'"}, "one select"),
        ("x.csv", {"query": "selec 1"}, "cannot be read"),
        ("x.csv", {"query": "select nothing"}, "cannot be run"),
        ("x.csv", {"query": "select * from read_csv('/etc/hostname')"}, "disabled"),
        ("x.csv", {"query": "select 1 as a, 2 as a"}, "two columns are called a"),
        ("x.csv", {"query": "select (2.0 ** 64)::hugeint as n"}, "n: a number is too large"),
        ("x.csv", {"query": "select if(i = 30000, error('no'), i) as n from range(40000) t(i)"}, "no"),
        ("x.xlsx", {"query": "select repeat('x', 32768) as long"}, "long, row 1: 32,768 characters"),
    ],
)
def test_what_cannot_be_written_is_said_in_one_line_and_leaves_nothing(
    write: Write, tmp_path: Path, name: str, what: dict[str, str], says: str
) -> None:
    with pytest.raises(ExportError, match=re.escape(says)) as raised:
        write(name, **what)
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_more_rows_than_a_sheet_holds_are_refused(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "SHEET_ROWS", 3)
    assert write("two.xlsx", query="select i from range(2) t(i)").rows == 2
    with pytest.raises(ExportError, match=r"write \.csv or \.parquet"):
        write("three.xlsx", query="select i from range(3) t(i)")
    assert [p.name for p in tmp_path.iterdir()] == ["two.xlsx"]


def test_a_file_that_exists_is_kept_unless_told_otherwise(write: Write, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("mine")
    with pytest.raises(ExportError, match="give --overwrite"):
        write("x.csv", query="select 1 as n")
    assert (tmp_path / "x.csv").read_text() == "mine"
    write("x.csv", query="select 1 as n", overwrite=True)
    assert (tmp_path / "x.csv").read_text().startswith("n,")


def test_the_command_writes_a_file_and_says_where(carried_home: Home, tmp_path: Path) -> None:
    done = carried_home.border("export", "marts.claims", "--to", str(tmp_path / "claims.xlsx"), "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["rows"] == 5
    assert len(rows_of(Path(said["file"]))) == 5


@pytest.mark.parametrize(
    "arguments",
    [[], ["marts.claims"], ["marts.claims", "--query", "select 1", "--to", "x.csv"], ["--to", "x.csv"]],
)
def test_the_command_says_what_it_needs(carried_home: Home, arguments: list[str]) -> None:
    done = carried_home.border("export", *arguments)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
