"""The same models on Spark: what a build with `--engine spark` publishes equals what DuckDB makes of the same files.

Counts, dates, texts and lists are equal cell by cell; a DOUBLE may differ by TOLERANCE of itself, as Spark adds up in
another order. Without Java or PySpark these tests are skipped and say so; where CI is set they fail instead.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from court_files import COURT_MARTS
from deployment import postgres_program
from lakes import Store, reader

from expectations.runner import run_suite
from expectations.suites import court_suites, tables_read
from orchestration import court, engines, steps
from orchestration.build import build
from orchestration.ingest import ingest, ingest_court_zip
from transforms.spark import spark_sql
from warehouse import contracts
from warehouse.archive import Archive
from warehouse.court import synth
from warehouse.engine import IN_PLACE, Engine, EngineError
from warehouse.lake import Lake
from warehouse.paths import REFERENCE
from warehouse.paths import Home as Paths
from warehouse.spark import Spark
from warehouse.writer import Warehouse

pytestmark = pytest.mark.slow

TOLERANCE = 1e-9
CASES, SEED = 100_000, 20_260
NOW = dt.datetime(2026, 8, 2)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spark]:
    engine = Spark(tmp_path_factory.mktemp("spark"), spark_sql)
    try:
        if not os.environ.get("JAVA_HOME") and not shutil.which("java"):
            raise EngineError("Java is absent")
        _ = engine.session
    except EngineError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    yield engine
    engine.stop()


@contextmanager
def side_by_side(first: Path, second: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Two DuckDB files in one connection, as `a` and `b`."""
    with duckdb.connect() as con:
        for name, path in (("a", first), ("b", second)):
            con.execute(f"attach '{path}' as {name} (read_only)")
        yield con


def differences(con: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> list[str]:
    """Rows of the tables that differ between the databases `a` and `b`, one line a row; empty where none does."""
    found = []
    for table in tables:
        contract = contracts.table(table)
        exact = ", ".join(f'"{c.name}"' for c in contract.columns if c.type != "DOUBLE")
        for left, right in (("a", "b"), ("b", "a")):
            rows = con.execute(
                f"select {exact} from {left}.{table} except all select {exact} from {right}.{table} limit 2"
            ).fetchall()
            found += [f"{table}: in {left} alone: {row}" for row in rows]
        same_key = " and ".join(f'a."{k}" is not distinct from b."{k}"' for k in contract.key)
        for column in (c.name for c in contract.columns if c.type == "DOUBLE"):
            found += [
                f"{table}.{column}: {row}"
                for row in con.execute(
                    f'select a."{column}", b."{column}" from a.{table} as a inner join b.{table} as b on {same_key} '
                    f'where not (a."{column}" is not distinct from b."{column}" or coalesce('
                    f'abs(a."{column}" - b."{column}") <= {TOLERANCE} * greatest(1, abs(a."{column}")), false)) limit 2'
                ).fetchall()
            ]
    return found


# The carried series, through the whole build


@dataclass
class Built:
    """The published file of each engine, and the lake the build on Spark went to; None without PostgreSQL."""

    here: Path
    there: Path
    lake: Lake | None

    def tables(self) -> list[str]:
        """The tables of facts and marts that a published file has."""
        with duckdb.connect(str(self.here), read_only=True) as con:
            rows = con.execute("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
        found = [t for (t,) in rows if t.startswith(("core.", "marts."))]
        assert {"marts.january_yoy", "marts.claims", "core.cbp__monthly_encounters"} <= set(found)
        return found


@pytest.fixture(scope="session")
def built(spark: Spark, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    folder = tmp_path_factory.mktemp("built")
    homes = {name: Paths(folder / name) for name in engines.NAMES}
    with ExitStack() as stack:
        lake = None
        if postgres_program("initdb") is not None:
            lake = stack.enter_context(Store(folder / "store")).new_lake()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(engines, "engine", lambda name, home: spark if name == "spark" else IN_PLACE)
            for name, home in homes.items():
                list(ingest([REFERENCE / "series"], Archive(home.archive), now=NOW))
                patch.setenv("DAGSTER_HOME", str(home.dagster))
                if name == "spark" and lake is not None:
                    patch.setenv("BORDER_TARGET", f"ducklake:{lake.catalog}")
                    patch.setenv("BORDER_LAKE_DATA", lake.data_path)
                report = build(home, lambda step, share: None, engine=name)
                assert report.ok, report.failed
        yield Built(homes["duckdb"].published_file, homes["spark"].published_file, lake)


def test_a_build_on_spark_publishes_what_a_build_on_duckdb_publishes(built: Built) -> None:
    with side_by_side(built.here, built.there) as con:
        assert differences(con, built.tables()) == []


def test_a_lake_filled_from_spark_holds_what_a_build_on_duckdb_publishes(built: Built) -> None:
    if built.lake is None:
        pytest.skip("PostgreSQL is not installed")
    with reader(built.lake, name="b") as con:
        con.execute(f"attach '{built.here}' as a (read_only)")
        assert differences(con, built.tables()) == []


# Made-up court records, through the steps


@pytest.fixture(scope="session")
def courts(spark: Spark, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Paths]:
    """One release typed and made into marts by each engine."""
    folder = tmp_path_factory.mktemp("courts")
    zipped = folder / "made-up.zip"
    synth.write_release(zipped, CASES, SEED, method=8, defects=20)
    homes = {}
    engine: Engine
    for engine in (IN_PLACE, spark):
        home = homes[engine.name] = Paths(folder / engine.name)
        archive = Archive(home.archive)
        ingest_court_zip(zipped, archive, published="2026-08-01", now=NOW)
        court.read_all(home, archive, engine)
        with Warehouse(home.build_file) as warehouse:
            steps.load_reviewed(warehouse)
            steps.load_releases(warehouse, archive)
            for model in steps.plain_models():
                if model.name in COURT_MARTS:
                    steps.build_model(warehouse, model.name, engine)
    return homes


def test_court_records_typed_on_spark_are_those_typed_on_duckdb(courts: dict[str, Paths]) -> None:
    with side_by_side(*[home.court_build_file for home in courts.values()]) as con:
        assert differences(con, court.TABLES) == []


def test_court_marts_made_on_spark_are_those_made_on_duckdb(courts: dict[str, Paths]) -> None:
    tables = [name for name in COURT_MARTS if name != "marts.court_cases"]
    with side_by_side(*[home.build_file for home in courts.values()]) as con:
        assert differences(con, tables) == []
        assert all(
            con.execute(f"select count(*) from b.{t}").fetchone()[0]
            for t in ("marts.court_january_yoy", "marts.mpp_outcomes")
        )


def test_an_audit_on_spark_finds_what_an_audit_on_duckdb_finds(
    courts: dict[str, Paths], spark: Spark
) -> None:
    with duckdb.connect(str(courts["spark"].court_build_file)) as con:
        for suite in court_suites().values():
            if not suite.table.startswith("core."):
                continue
            with spark.validated(con, tables_read(suite)) as tables:
                there, here = run_suite(suite, tables), run_suite(suite, con)
            assert [(r.name, r.status, r.unexpected_count, r.error) for r in there.results] == [
                (r.name, r.status, r.unexpected_count, r.error) for r in here.results
            ]


# What the two engines read differently unless it is carried over

DATES = ("2019-01-02", "2019-1-2", "2019-01-02 00:00:00.000", "2019-01-02T10", "2019/01/02", "2019 01 02", "2019-01/02",
    "2019-01", "2019", "20190102", "12019-01-02", "0001-01-01", "19-01-02", "2019-02-30", "2019-13-01", "2019-001-02",
    "1/2/2019", "2019-01-023", "2019-01-02x", "290000-01-01", "")  # fmt: skip
NUMBERS = ("12", "+12", "-12", "3.7", "3.5", "2.5", "-2.5", "1e3", "1_000", "1__0", "_1", "12a", "1e-1", ".5", "5.", ".",
    "1e400", "2147483647", "2147483648", "--1", "1 2", "999999999999.99", "9999999999999", "0.005", "")  # fmt: skip
PADDING = ("", " ", "  ", "\t", "\n", "\r", "\x0b", "\x0c", "\x00", "\xa0", "x", "-", "0", "9", ".")
LETTERS = ("é", "ß", "ÿ", "Œ", "ž", "µ", "ª", "€", "a", "Z")


def texts(count: int, seed: int) -> list[str]:
    """Dates, numbers and letters as published, and the same with signs put in, left out and set around them."""
    chance = random.Random(seed)
    found = [*DATES, *NUMBERS, *LETTERS]
    while len(found) < count:
        text = chance.choice(found)
        match chance.randrange(4):
            case 0:
                text = chance.choice(PADDING) + text
            case 1:
                text += chance.choice(PADDING)
            case 2 if text:
                at = chance.randrange(len(text))
                text = text[:at] + text[at + 1 :]
            case _:
                at = chance.randrange(len(text) + 1)
                text = text[:at] + chance.choice(PADDING + LETTERS) + text[at:]
        found.append(text[:30])
    return found


CARRIED = {
    "date": "try_cast(a as date)",
    "integer": r"case when regexp_matches(a, '^\s*[0-9]+\s*$') then try_cast(a as integer) end",
    "decimal": r"case when regexp_matches(a, '^\s*-?([0-9]+\.?[0-9]*|\.[0-9]+)\s*$') then try_cast(a as decimal(14, 2)) end",
    "identifier": r"case when regexp_matches(a, '^\s*[0-9]+\s*$') then try_cast(a as bigint) end",
    "upper": r"upper(nullif(trim(regexp_replace(a, '[\x00-\x1F\x7F]+', ' ', 'g')), ''))",
    "matches": r"regexp_matches(a, '^(FY ?)?[0-9]{4}([^0-9]|$)')",
    "digits": r"regexp_matches(a, '^[0-9]{1,18}$')",
    "anything": "regexp_matches(a, '^.+$')",
    "share": "100.0 * length(a) / nullif(length(a) - 3, 0)",
    "joined": "concat('count ', a, ' of ', nullif(a, ''))",
}


def test_text_becomes_the_same_values_on_both_engines(spark: Spark, tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    values = ", ".join(f'{value} as "{name}"' for name, value in CARRIED.items())
    sql = f"select no, {values} from core.texts"
    with duckdb.connect() as con:
        con.execute("create schema core; create table core.texts (no integer, a varchar)")
        con.executemany("insert into core.texts values (?, ?)", list(enumerate(texts(20_000, seed))))
        con.execute(f"create table here as {sql}")
        con.execute(f"create table there as {spark.select(con, 'marts.texts', sql)}")
        con.execute("delete from here where date < date '0001-01-01'")  # years before 1: known to differ
        for name in CARRIED:
            rows = con.execute(
                f'select a, here."{name}", there."{name}" from core.texts inner join here using (no) '
                f'inner join there using (no) where here."{name}" is distinct from there."{name}" limit 20'
            ).fetchall()
            assert rows == [], name


def test_a_registered_table_is_described_as_its_contract_describes_it(
    courts: dict[str, Paths], spark: Spark
) -> None:
    described = {
        row.col_name: row.comment for row in spark.session.sql("describe core.eoir__cases").collect()
    }
    assert all(described[c.name] == c.comment for c in contracts.table("core.eoir__cases").columns)


def test_a_mirror_that_differs_from_the_build_is_written_anew(spark: Spark) -> None:
    with duckdb.connect() as con:
        con.execute("create schema meta; create table meta.families as select 'a' as family, 1::hugeint as n")
        count = "select count(*) as n, sum(n) as total from meta.families"
        found = [con.execute(spark.select(con, "marts.counted", count)).fetchall()]
        con.execute("insert into meta.families values ('b', 2)")
        found.append(con.execute(spark.select(con, "marts.counted", count)).fetchall())
        con.execute("delete from meta.families")
        found.append(con.execute(spark.select(con, "marts.counted", count)).fetchall())
    assert [row for rows in found for row in rows] == [(1, 1), (2, 3), (0, None)]


def test_a_release_that_left_the_build_leaves_the_mirror(spark: Spark) -> None:
    with duckdb.connect() as con:
        con.execute(
            "create schema raw; create table raw.cbp_sbo as select unnest(['r1', 'r2']) as release_id, 1 as line_no"
        )
        lines = "select release_id, count(*) as lines from raw.cbp_sbo group by release_id"
        con.execute(f"create table before as {spark.select(con, 'marts.lines', lines)}")
        con.execute("delete from raw.cbp_sbo where release_id = 'r1'")
        con.execute(f"create table after_ as {spark.select(con, 'marts.lines', lines)}")
        assert con.execute("select * from before order by all").fetchall() == [("r1", 1), ("r2", 1)]
        assert con.execute("from after_").fetchall() == [("r2", 1)]
        con.execute("delete from raw.cbp_sbo")
        assert con.execute(spark.select(con, "marts.lines", lines)).fetchall() == []


def test_a_model_that_spark_refuses_is_told_in_one_line(spark: Spark) -> None:
    with (
        duckdb.connect() as con,
        pytest.raises(EngineError, match=r"^marts\.wrong on Spark: .*DIVIDE_BY_ZERO[^\n]*$"),
    ):
        con.execute(spark.select(con, "marts.wrong", "select 1 // (2 - 2) as n"))
