"""What a suite may say, checked before Great Expectations is ever imported."""

from __future__ import annotations

import json

import pytest

from expectations.runner import (
    Expect,
    ExpectationResult,
    ExpectNoRows,
    Suite,
    SuiteError,
    SuiteResult,
    _as_gx_query,
    _as_text,
    _one_line,
    as_markdown_table,
)

NOT_NULL = Expect("expect_column_values_to_not_be_null", column="x", because="x is the figure")


def result(**changes: object) -> ExpectationResult:
    fields: dict[str, object] = {
        "suite": "cbp",
        "table": "core.t",
        "name": "expect_column_values_to_not_be_null(x)",
        "type": "expect_column_values_to_not_be_null",
        "title": "x values must never be null.",
        "because": "x is the figure",
        "severity": "critical",
        "success": True,
        "column": "x",
        "observed": "0 of 3 rows",
        "unexpected_count": 0,
    }
    return ExpectationResult(**{**fields, **changes})  # type: ignore[arg-type]


def suite_result(*results: ExpectationResult, rows: int | None = 3) -> SuiteResult:
    return SuiteResult(
        suite="cbp",
        table="core.t",
        description="",
        validated_at="2021-02-10T00:00:00+00:00",
        seconds=0.1,
        rows=rows,
        results=list(results),
    )


FAILED = result(
    success=False, unexpected_count=2, observed="2 of 3 rows (66.67 %)", sample=[{"id": "1", "x": None}]
)
WARNED = result(success=False, severity="warning", name="w", unexpected_count=1)


@pytest.mark.parametrize(
    "type",
    ["expect_column_values_to_match_regex", "expect_column_values_to_not_match_like_pattern_list"],
)
def test_regex_and_like_expectations_are_refused_and_say_what_to_write(type: str) -> None:
    with pytest.raises(SuiteError, match="ExpectNoRows with regexp_matches"):
        Expect(type, column="s", regex="^a", because="codes are lower case")


def test_an_expectation_without_a_reason_is_refused() -> None:
    with pytest.raises(SuiteError, match="because is empty"):
        Expect("expect_column_values_to_not_be_null", column="x", because=" ")


def test_an_unknown_severity_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SuiteError, match="'fatal' is none of critical, warning, info"):
        Expect("expect_column_values_to_not_be_null", column="x", because="b", severity="fatal")  # type: ignore[arg-type]


def test_a_query_that_does_not_read_its_table_is_refused() -> None:
    with pytest.raises(SuiteError, match=r"must read \{table\}"):
        ExpectNoRows(name="stray", sql="select 1 from core.other", because="b")


def test_a_suite_that_checks_nothing_is_refused() -> None:
    with pytest.raises(SuiteError, match="checks nothing always passes"):
        Suite("empty", "core.t", [])


def test_a_table_without_its_schema_is_refused() -> None:
    with pytest.raises(SuiteError, match=r"must be written schema\.table"):
        Suite("cbp", "t", [NOT_NULL])


def test_a_query_declared_twice_under_one_name_is_refused() -> None:
    query = ExpectNoRows(name="gap", sql="select * from {table}", because="b")
    with pytest.raises(SuiteError, match="gap is declared twice"):
        Suite("cbp", "core.t", [query, query])


def test_a_suite_asks_for_a_row_before_anything_else_unless_told_not_to() -> None:
    with_minimum = Suite("cbp", "core.t", [NOT_NULL], min_rows=12).declared
    assert [one.type for one in with_minimum] == [
        "expect_table_row_count_to_be_between",
        "expect_column_values_to_not_be_null",
    ]
    assert with_minimum[0].parameters == {"min_value": 12}
    assert Suite("cbp", "core.t", [NOT_NULL], min_rows=0).declared == (NOT_NULL,)


@pytest.mark.parametrize(
    ("parameters", "column"),
    [
        ({"column": "x"}, "x"),
        ({"column_A": "start", "column_B": "end"}, "start, end"),
        ({"column_list": ["release_id", "line_no"]}, "release_id, line_no"),
        ({"min_value": 1}, None),
    ],
)
def test_an_expectation_names_the_columns_it_is_about(
    parameters: dict[str, object], column: str | None
) -> None:
    assert Expect("expect_anything", because="b", **parameters).column == column


@pytest.mark.parametrize(
    ("sql", "as_gx"),
    [
        (
            "select * from {table} where not regexp_matches(s, '^a{2}$')",
            "select * from {batch} where not regexp_matches(s, '^a{{2}}$')",
        ),
        ("select x::int, {'a': 1} from {table}", "select x::int, {{'a': 1}} from {batch}"),
        ("select 'at :noon' from {table}", r"select 'at \:noon' from {batch}"),
        ("select {'a':1} from {table}", r"select {{'a'\:1}} from {batch}"),
    ],
)
def test_braces_and_colons_of_a_query_reach_duckdb_as_written(sql: str, as_gx: str) -> None:
    assert _as_gx_query(sql) == as_gx


def test_a_failed_critical_expectation_fails_its_suite() -> None:
    found = suite_result(result(), FAILED)
    assert not found.success
    assert found.summary == (
        "core.t: 2 expectations, 1 failed (expect_column_values_to_not_be_null(x): 2 unexpected)"
    )


def test_a_failed_warning_does_not_fail_its_suite_and_is_told() -> None:
    found = suite_result(result(), WARNED, result(success=False, severity="info", name="i"))
    assert found.success
    assert [one.status for one in found.worst_first] == ["warned", "noted", "passed"]
    assert "1 warned (w: 1 unexpected)" in found.summary
    assert "1 noted" in found.summary


def test_a_table_that_could_not_be_read_fails_even_a_suite_of_warnings() -> None:
    unread = suite_result(result(success=False, severity="warning", error="no such table"), rows=None)
    assert not unread.success
    assert unread.summary == "core.t: could not be read: no such table"


def test_results_survive_json_and_back() -> None:
    found = suite_result(result(), FAILED, result(success=False, error="Binder Error: …", observed=None))
    record = json.loads(json.dumps(found.to_record()))
    assert SuiteResult.from_record(record) == found
    assert record["success"] is False
    assert [one["status"] for one in record["results"]] == ["passed", "failed", "failed"]


def test_the_markdown_table_puts_failures_on_top_and_keeps_its_columns_whatever_a_value_holds() -> None:
    nasty = result(
        success=False, title="a|b", because="two\nlines", sample=[{"s": "x|y<script>"}], unexpected_count=1234
    )
    lines = as_markdown_table(suite_result(result(), WARNED, nasty)).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| failed", "| warned", "| passed"]
    assert len(lines) == 5
    assert "1,234" in lines[2]
    assert "s=x\\|y&lt;script>" in lines[2]
    assert all(line.replace("\\|", "").count("|") == 9 for line in lines)


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (
            '(duckdb_sqlalchemy.BinderException) Binder Error: no column "nope"\n\nLINE 1: select nope\n'
            "[SQL: select nope]\n(Background on this error at: https://sqlalche.me/e/20/x)",
            'Binder Error: no column "nope"',
        ),
        ('Error: The column "nope" does not exist.', 'The column "nope" does not exist.'),
        ('Failed.  Traceback: "File x"', "Failed."),
    ],
)
def test_an_error_is_one_line_without_the_driver_the_statement_and_the_traceback(
    message: str, line: str
) -> None:
    assert _one_line(message) == line


@pytest.mark.parametrize(
    ("value", "text"), [(None, None), (float("nan"), None), (3.0, "3"), (0.25, "0.25"), (True, "true")]
)
def test_values_are_written_as_a_reader_would(value: object, text: str | None) -> None:
    assert _as_text(value) == text
