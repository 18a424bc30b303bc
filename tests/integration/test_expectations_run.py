"""Great Expectations on real DuckDB databases: in memory, and in a file that this process also writes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from expectations.runner import Expect, ExpectNoRows, Suite, SuiteError, SuiteResult, run_suite, run_suites

NOT_NULL = Expect(
    "expect_column_values_to_not_be_null", column="encounters", because="a figure without a number is a bug"
)


def fill(connection: duckdb.DuckDBPyConnection, rows: int = 100) -> None:
    connection.execute("create schema if not exists core")
    connection.execute(
        "create or replace table core.encounters as "
        "select i as line_no, i * 10 as encounters, 'sector ' || (i % 9) as sector, "
        "date '2000-01-01' + to_months(i::int % 240) as month_start "
        "from range(?) as numbers(i)",
        [rows],
    )


@pytest.fixture
def memory() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    fill(connection)
    return connection


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        fill(connection)
    return path


def suite(*expectations: Expect | ExpectNoRows, table: str = "core.encounters", min_rows: int = 1) -> Suite:
    return Suite("encounters", table, expectations or (NOT_NULL,), min_rows=min_rows)


def test_importing_the_package_does_not_import_great_expectations() -> None:
    code = (
        "import sys, expectations.runner, expectations.docs_site\n"
        "print([name for name in ('great_expectations', 'pandas') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_a_sound_table_passes_and_says_what_was_observed(memory: duckdb.DuckDBPyConnection) -> None:
    result = run_suite(suite(), memory)
    assert result.success
    assert result.rows == 100
    assert [(one.status, one.observed) for one in result.results] == [
        ("passed", "100"),
        ("passed", "0 of 100 rows"),
    ]


def test_a_planted_null_fails_the_suite_naming_column_count_and_row(
    memory: duckdb.DuckDBPyConnection,
) -> None:
    memory.execute("update core.encounters set encounters = null where line_no in (7, 8)")
    result = run_suite(suite(), memory)
    assert not result.success
    failed = result.results[1]
    assert (failed.status, failed.column, failed.unexpected_count) == ("failed", "encounters", 2)
    assert failed.title == "encounters values must never be null."
    assert failed.observed == "2 of 100 rows (2 %)"
    assert failed.sample[0] == {
        "line_no": "7",
        "encounters": None,
        "sector": "sector 7",
        "month_start": "2000-08-01 00:00:00",
    }
    assert failed.because == "a figure without a number is a bug"
    assert failed.error is None


def test_a_failed_warning_is_reported_and_blocks_nothing(memory: duckdb.DuckDBPyConnection) -> None:
    low = Expect(
        "expect_column_max_to_be_between",
        column="encounters",
        max_value=500,
        severity="warning",
        because="twice the record would be a unit mistaken",
    )
    result = run_suite(suite(NOT_NULL, low), memory)
    assert result.success
    (warned,) = result.with_status("warned")
    assert (warned.column, warned.observed) == ("encounters", "990")


def test_a_query_that_finds_rows_fails_with_the_rows(memory: duckdb.DuckDBPyConnection) -> None:
    memory.execute("update core.encounters set sector = 'Sector {A}' where line_no = 41")
    malformed = ExpectNoRows(
        name="sector_is_malformed",
        sql=r"select line_no, sector from {table} where not regexp_matches(sector, '^sector \d{1}$')",
        column="sector",
        because="a sector is joined on by its name",
    )
    result = run_suite(suite(malformed), memory)
    (failed,) = result.with_status("failed")
    assert (failed.column, failed.unexpected_count, failed.observed) == ("sector", 1, "1 row")
    assert failed.sample == [{"line_no": "41", "sector": "Sector {A}"}]
    assert failed.sql is not None
    assert "from core.encounters where" in failed.sql


def test_a_set_that_is_not_complete_names_what_is_absent_and_what_is_unexpected(
    memory: duckdb.DuckDBPyConnection,
) -> None:
    nine = Expect(
        "expect_column_distinct_values_to_equal_set",
        column="sector",
        value_set=["sector 9", *(f"sector {number}" for number in range(8))],
        because="the southwest border has nine sectors",
    )
    failed = run_suite(suite(nine), memory).results[1]
    assert (failed.status, failed.observed) == ("failed", "absent: sector 9")
    assert (failed.unexpected_count, failed.sample) == (1, [{"sector": "sector 8"}])


def test_a_sample_stays_small_however_many_rows_are_unexpected(memory: duckdb.DuckDBPyConnection) -> None:
    fill(memory, 50_000)
    everything = ExpectNoRows(name="everything", sql="select line_no from {table}", because="b")
    negative = Expect(
        "expect_column_values_to_be_between", column="encounters", max_value=-1, because="b", severity="info"
    )
    result = run_suite(suite(everything, negative), memory)
    assert [(one.unexpected_count, len(one.sample)) for one in result.results[1:]] == [(50_000, 5)] * 2


def test_an_sql_error_is_a_failure_with_its_message_and_spoils_no_other(
    memory: duckdb.DuckDBPyConnection,
) -> None:
    broken = ExpectNoRows(name="broken", sql="select nope from {table}", because="b")
    missing = Expect("expect_column_values_to_be_unique", column="nope", because="b", severity="warning")
    result = run_suite(suite(broken, missing, NOT_NULL), memory)
    assert not result.success
    _, by_query, by_column, sound = result.results
    assert (by_query.status, by_query.unexpected_count, by_query.observed) == ("failed", None, None)
    assert by_query.error is not None
    assert 'column "nope" not found' in by_query.error
    assert "\n" not in by_query.error
    assert by_column.status == "warned"
    assert by_column.error == 'The column "nope" in BatchData does not exist.'
    assert sound.success


def test_an_expectation_that_takes_the_whole_pass_down_fails_alone(
    memory: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from great_expectations.expectations import ExpectColumnSumToBeBetween

    def explode(*_: object, **__: object) -> None:
        raise RuntimeError("the metric is not what it was")

    monkeypatch.setattr(ExpectColumnSumToBeBetween, "get_validation_dependencies", explode)
    total = Expect("expect_column_sum_to_be_between", column="encounters", min_value=1, because="b")
    result = run_suite(suite(total, NOT_NULL), memory)
    assert [one.status for one in result.results] == ["passed", "failed", "passed"]
    assert result.results[1].error == "the metric is not what it was"


def test_a_table_that_does_not_exist_fails_every_expectation(memory: duckdb.DuckDBPyConnection) -> None:
    result = run_suite(suite(NOT_NULL, table="core.nothing"), memory)
    assert not result.success
    assert result.rows is None
    assert len(result.results) == 2
    assert all(one.error and "nothing" in one.error for one in result.results)


def test_an_empty_table_fails_though_every_column_expectation_passes(
    memory: duckdb.DuckDBPyConnection,
) -> None:
    memory.execute("delete from core.encounters")
    assert [one.status for one in run_suite(suite(), memory).results] == ["failed", "passed"]
    assert run_suite(suite(min_rows=0), memory).success


def test_a_view_is_validated_like_a_table(memory: duckdb.DuckDBPyConnection) -> None:
    memory.execute("create view core.latest as select * from core.encounters where line_no > 50")
    result = run_suite(suite(NOT_NULL, table="core.latest"), memory)
    assert result.success
    assert result.rows == 49


@pytest.mark.parametrize(
    ("expectation", "message"),
    [
        (Expect("expect_column_values_to_be_nul", column="x", because="b"), "no such expectation"),
        (
            Expect("expect_column_values_to_not_be_null", colum="x", because="b"),
            "unknown parameter colum",
        ),
        (Expect("expect_column_values_to_not_be_null", because="b"), "column field required"),
        (
            Expect(
                "expect_column_values_to_not_be_null",
                column="x",
                row_condition="s = 'a'",
                condition_parser="great_expectations",
                because="b",
            ),
            "unable to parse condition",
        ),
    ],
)
def test_a_misspelt_expectation_raises_and_names_the_suite(
    memory: duckdb.DuckDBPyConnection, expectation: Expect, message: str
) -> None:
    with pytest.raises(SuiteError, match=f"suite encounters: .*{message}"):
        run_suite(suite(expectation), memory)


@pytest.mark.parametrize("found", [0, 1, 199, 200, 201, 1000])
def test_rows_are_counted_whether_or_not_they_fit_a_sample(found: int) -> None:
    connection = duckdb.connect()
    fill(connection, 1000)
    query = ExpectNoRows(name="n", sql=f"select * from {{table}} where line_no < {found}", because="b")
    result = run_suite(suite(query, min_rows=0), connection).results[0]
    assert (result.unexpected_count, len(result.sample)) == (found, min(found, 5))


def test_a_query_is_asked_once(memory: duckdb.DuckDBPyConnection) -> None:
    memory.execute("create sequence asked")
    query = ExpectNoRows(name="n", sql="select nextval('asked') as n from {table} limit 3", because="b")
    result = run_suite(suite(query, min_rows=0), memory).results[0]
    assert (result.unexpected_count, [row["n"] for row in result.sample]) == (3, ["1", "2", "3"])
    assert memory.execute("select nextval('asked')").fetchall() == [(4,)]


def test_what_gx_runs_is_a_genuine_expectation_that_carries_severity_and_reason() -> None:
    import great_expectations.expectations as gxe

    built = suite(NOT_NULL, ExpectNoRows(name="n", sql="select * from {table}", because="b")).build()
    assert [type(one) for one in built[:2]] == [
        gxe.ExpectTableRowCountToBeBetween,
        gxe.ExpectColumnValuesToNotBeNull,
    ]
    assert isinstance(built[2], gxe.UnexpectedRowsExpectation)
    assert built[1].severity.value == "critical"
    assert built[1].notes == "a figure without a number is a bug"


def test_the_connection_that_writes_the_file_can_validate_it_and_goes_on_writing(file: Path) -> None:
    with duckdb.connect(str(file)) as writer:
        writer.execute("insert into core.encounters values (100, null, 'sector 1', date '2020-01-01')")
        failed = run_suite(suite(), writer)
        assert [one.unexpected_count for one in failed.with_status("failed")] == [1]
        writer.execute("delete from core.encounters where encounters is null")
        assert run_suite(suite(), writer).success


def test_names_resolve_as_they_do_for_the_connection(file: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{file}' as build")
        connection.execute("use build")
        assert run_suite(suite(), connection).rows == 100


def test_rows_not_yet_committed_are_refused_and_the_transaction_survives(
    memory: duckdb.DuckDBPyConnection,
) -> None:
    from expectations.datasource import OpenTransactionError

    memory.begin()
    memory.execute("update core.encounters set encounters = null")
    with pytest.raises(OpenTransactionError, match="commit, then validate"):
        run_suite(suite(), memory)
    memory.execute("delete from core.encounters where line_no = 0")
    memory.commit()
    assert run_suite(suite(), memory).results[1].unexpected_count == 99


def test_a_transaction_aborted_by_an_error_is_refused_as_well(memory: duckdb.DuckDBPyConnection) -> None:
    from expectations.datasource import OpenTransactionError

    memory.execute("create table core.keyed (id integer primary key)")
    memory.begin()
    with pytest.raises(duckdb.ConstraintException):
        memory.execute("insert into core.keyed values (1), (1)")
    with pytest.raises(OpenTransactionError):
        run_suite(suite(), memory)
    memory.rollback()


def test_a_file_is_validated_by_its_path_and_can_be_written_afterwards(file: Path) -> None:
    assert run_suite(suite(), file).success
    with duckdb.connect(str(file)) as writer:
        writer.execute("update core.encounters set encounters = null where line_no = 1")
    assert not run_suite(suite(), str(file)).success
    with duckdb.connect(str(file)) as writer:
        assert writer.execute("select count(*) from core.encounters").fetchall() == [(100,)]


def test_a_failed_run_lets_go_of_the_file_too(file: Path) -> None:
    with pytest.raises(SuiteError):
        run_suite(suite(Expect("expect_nothing_known", because="b")), file)
    run_suite(suite(table="core.nothing"), file)
    duckdb.connect(str(file)).close()


def test_another_process_can_write_after_a_validation_by_path(file: Path) -> None:
    run_suite(suite(), file)
    code = f"import duckdb; duckdb.connect({str(file)!r}).execute('drop table core.encounters')"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_path_that_this_process_has_open_says_to_pass_the_connection(file: Path) -> None:
    from expectations.datasource import UnreadableDatabaseError

    with (
        duckdb.connect(str(file)),
        pytest.raises(UnreadableDatabaseError, match="validate through that connection"),
    ):
        run_suite(suite(), file)


def test_a_path_without_a_database_says_so(tmp_path: Path) -> None:
    from expectations.datasource import UnreadableDatabaseError

    with pytest.raises(UnreadableDatabaseError, match="database does not exist"):
        run_suite(suite(), tmp_path / "none.duckdb")


def test_the_datasource_is_one_gx_knows_and_its_disposal_frees_the_file(file: Path) -> None:
    import great_expectations as gx

    from expectations import datasource

    source = datasource.context().data_sources.add_or_update_duckdb(
        "plain",
        connection_string=f"duckdb:///{file}",
        schema_name="core",
        kwargs={"connect_args": {"read_only": True}},
    )
    batch = (
        source.add_table_asset("t", table_name="encounters")
        .add_batch_definition_whole_table("all")
        .get_batch()
    )
    expectation = gx.expectations.ExpectColumnMaxToBeBetween(column="encounters", max_value=990)
    assert batch.validate(expectation).success
    with pytest.raises(duckdb.ConnectionException):
        duckdb.connect(str(file))
    source.dispose()
    duckdb.connect(str(file)).close()
    datasource.context().data_sources.delete("plain")


def test_a_result_survives_json_and_back(memory: duckdb.DuckDBPyConnection) -> None:
    quantiles = Expect(
        "expect_column_quantile_values_to_be_between",
        column="encounters",
        quantile_ranges={"quantiles": [0.1, 0.9], "value_ranges": [[0, 200], [None, 1]]},
        because="b",
    )
    months = Expect(
        "expect_column_max_to_be_between", column="month_start", min_value="2021-01-01", because="b"
    )
    result = run_suite(suite(quantiles, months), memory)
    assert [one.status for one in result.results] == ["passed", "failed", "failed"]
    assert SuiteResult.from_record(json.loads(json.dumps(result.to_record()))) == result


def test_nothing_is_printed_and_nothing_is_written_to_the_home_folder(tmp_path: Path) -> None:
    code = (
        "import duckdb\n"
        "from expectations.runner import Expect, ExpectNoRows, Suite, run_suite\n"
        "connection = duckdb.connect()\n"
        "connection.execute('create schema core; create table core.t as select 1 as x')\n"
        "expectations = [Expect('expect_column_values_to_be_unique', column='x', because='b'),\n"
        "                ExpectNoRows(name='n', sql='select * from {table} where x > 1', because='b')]\n"
        "assert run_suite(Suite('s', 'core.t', expectations), connection).success\n"
    )
    here = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(here), "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.slow
def test_ten_suites_of_ten_expectations_on_a_quarter_million_rows_take_seconds() -> None:
    connection = duckdb.connect()
    fill(connection, 250_000)
    column = "encounters"
    ten = [
        NOT_NULL,
        Expect("expect_column_values_to_be_between", column=column, min_value=0, because="b"),
        Expect("expect_column_values_to_be_unique", column="line_no", because="b"),
        Expect("expect_compound_columns_to_be_unique", column_list=["line_no", "sector"], because="b"),
        Expect("expect_column_distinct_values_to_be_in_set", column="sector", value_set=["a"], because="b"),
        Expect("expect_column_sum_to_be_between", column=column, min_value=1, because="b"),
        Expect("expect_column_mean_to_be_between", column=column, min_value=1, because="b"),
        Expect("expect_column_max_to_be_between", column=column, min_value=1, because="b"),
        ExpectNoRows(name="a", sql="select * from {table} where encounters < 0", because="b"),
        ExpectNoRows(
            name="b", sql="select * from {table} where not regexp_matches(sector, '^sector')", because="b"
        ),
    ]
    suites = [Suite(f"suite_{number}", "core.encounters", ten, min_rows=0) for number in range(10)]
    run_suite(suites[0], connection)  # imports Great Expectations
    started = time.process_time()  # CPU, so that a busy machine does not fail it
    results = run_suites(suites, connection)
    assert time.process_time() - started < 8
    assert [len(result.results) for result in results] == [10] * 10
