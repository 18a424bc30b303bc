"""Suites of expectations as plain declarations, and running one on DuckDB through Great Expectations.

Belongs here: declaring what a table must look like and why, running a suite, and the result in a form that
can be stored, shown and read back. Does not belong here: the suites themselves, and whether a failure stops a
build (`orchestration` decides from `SuiteResult.success`).

Importing this module costs nothing: Great Expectations, which takes seconds to import, is imported on the
first run.
"""

from __future__ import annotations

import datetime as dt
import decimal
import logging
import math
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, Literal, get_args

import duckdb

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

    from warehouse.spark import Spark

_LOG = logging.getLogger(__name__)

Severity = Literal["critical", "warning", "info"]
Translate = Callable[[str], str]
"""Carries a query over from DuckDB's SQL to that of the engine that is audited."""

Status = Literal["passed", "failed", "warned", "noted"]

SAMPLE_ROWS = 5
"""How many unexpected rows a result keeps."""

_STATUS_OF_FAILURE: dict[str, Status] = {"critical": "failed", "warning": "warned", "info": "noted"}
_STATUS_ORDER: dict[Status, int] = {"failed": 0, "warned": 1, "noted": 2, "passed": 3}
_RESERVED = frozenset({"batch_id", "id", "meta", "notes"})
"""Fields of a GX expectation that the runner fills in itself."""

_TITLE_VALUES = 8
"""How many values of a set a title spells out; GX takes milliseconds to render each."""

_BATCH = "the_batch"
"""Stands for the suite's table while a query is carried over."""

_ONE_RUN_AT_A_TIME = threading.Lock()


class SuiteError(ValueError):
    """A suite is declared in a way that cannot run: the author's mistake, not the data's."""


# ----------------------------------------------------------------------------------------------- declarations


class Expect:
    """One expectation of Great Expectations, by its snake-case name.

    Expect("expect_column_values_to_not_be_null", column="x", severity="critical", because="…")

    `because` says what the expectation protects; it is shown beside every result. `title` replaces the
    sentence GX writes. Every other keyword goes to the GX class as it is (`column`, `min_value`, `value_set`,
    `mostly`, …). The GX object is built on the first run.

    Raises SuiteError for a severity GX does not know, an empty `because`, and the regex and LIKE
    expectations, which GX cannot run on DuckDB.
    """

    def __init__(
        self,
        type: str,
        /,
        *,
        because: str,
        severity: Severity = "critical",
        title: str | None = None,
        **parameters: Any,
    ) -> None:
        _check_severity_and_reason(type, severity, because)
        if not re.fullmatch(r"expect_[a-z_]+", type):
            raise SuiteError(f"{type}: not the name of an expectation (expect_column_values_to_…)")
        if "_regex" in type or "_like_pattern" in type:
            raise SuiteError(
                f"{type}: does not run on DuckDB: write ExpectNoRows with regexp_matches() or like in its sql"
            )
        self.type = type
        self.because = because
        self.severity: Severity = severity
        self.title = title
        self.parameters: dict[str, Any] = parameters

    @property
    def name(self) -> str:
        return f"{self.type}({self.column})" if self.column else self.type

    @property
    def column(self) -> str | None:
        """The column or columns the expectation is about; None where it is about the table."""
        named = [self.parameters.get(key) for key in ("column", "column_A", "column_B")]
        listed = self.parameters.get("column_list") or self.parameters.get("column_set") or ()
        return ", ".join(str(column) for column in [*named, *listed] if column is not None) or None

    @property
    def sql(self) -> str | None:
        return None

    def build(self, translate: Translate | None = None) -> Expectation:
        """The genuine GX object. Raises SuiteError where GX does not know it or refuses its parameters."""
        import great_expectations.expectations  # noqa: F401 - importing registers them
        from great_expectations.exceptions import ExpectationNotFoundError
        from great_expectations.expectations.registry import get_expectation_impl

        try:
            cls = get_expectation_impl(self.type)
        except ExpectationNotFoundError as error:
            raise SuiteError(
                f"{self.type}: Great Expectations has no such expectation: check the spelling"
            ) from error
        unknown = sorted(set(self.parameters) - set(cls.__fields__) | set(self.parameters) & _RESERVED)
        if unknown:
            raise SuiteError(f"{self.name}: unknown parameter {', '.join(unknown)}")
        return _built(self.name, cls, severity=self.severity, notes=self.because, **self.parameters)

    def __repr__(self) -> str:
        return f"Expect({self.name!r}, severity={self.severity!r})"


class ExpectNoRows:
    """A query that must return no row: GX's UnexpectedRowsExpectation, and the place for regex and LIKE.

    `sql` is one select that names what is wrong and reads `{table}`, the suite's table; other tables may be
    joined by their names. Braces and colons elsewhere mean what they mean in DuckDB and need no escaping. The
    rows it returns are the sample of unexpected rows, so select the columns a reader needs to find the
    trouble.

    Raises SuiteError for a query that does not read `{table}`, a severity GX does not know, and an empty
    `because`.
    """

    type = "unexpected_rows_expectation"
    parameters: Mapping[str, Any] = {}

    def __init__(
        self,
        *,
        name: str,
        sql: str,
        because: str,
        severity: Severity = "critical",
        column: str | None = None,
        title: str | None = None,
    ) -> None:
        _check_severity_and_reason(name, severity, because)
        if "{table}" not in sql:
            raise SuiteError(f"{name}: the sql must read {{table}}, the table of its suite")
        self.name = name
        self.sql = sql.strip().rstrip(";").rstrip()
        self.because = because
        self.severity: Severity = severity
        self.column = column
        self.title = title or f"No rows: {name.replace('_', ' ')}."

    def build(self, translate: Translate | None = None) -> Expectation:
        """The genuine GX object; `translate` carries its query over to another engine's SQL."""
        from expectations.rows_query import UnexpectedRowsCountedExpectation

        return _built(
            self.name,
            UnexpectedRowsCountedExpectation,
            unexpected_rows_query=_as_gx_query(self.sql, translate),
            severity=self.severity,
            notes=self.because,
        )

    def __repr__(self) -> str:
        return f"ExpectNoRows({self.name!r}, severity={self.severity!r})"


@dataclass(frozen=True)
class Suite:
    """What one table must look like.

    `table` is `schema.table` (a view will do). A table without rows passes every expectation about its
    columns, so a suite begins with a critical expectation of at least `min_rows` rows; 0 leaves it out.
    """

    name: str
    table: str
    expectations: Sequence[Expect | ExpectNoRows]
    description: str = ""
    min_rows: int = 1

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9_]+", self.name):
            raise SuiteError(f"suite {self.name!r}: a name is lower-case letters, digits and underscores")
        if not re.fullmatch(r"[A-Za-z_]\w*\.[A-Za-z_]\w*", self.table):
            raise SuiteError(f"suite {self.name}: table {self.table!r} must be written schema.table")
        if not self.expectations:
            raise SuiteError(f"suite {self.name}: no expectations: a suite that checks nothing always passes")
        names = [one.name for one in self.expectations if isinstance(one, ExpectNoRows)]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise SuiteError(f"suite {self.name}: {', '.join(repeated)} is declared twice")

    @property
    def declared(self) -> tuple[Expect | ExpectNoRows, ...]:
        """Every expectation that runs, in order: the minimum of rows, then those listed."""
        if self.min_rows <= 0:
            return tuple(self.expectations)
        rows = Expect(
            "expect_table_row_count_to_be_between",
            min_value=self.min_rows,
            severity="critical",
            title=f"The table has at least {self.min_rows:,} row{'' if self.min_rows == 1 else 's'}.",
            because="A table without rows passes every expectation about its columns.",
        )
        return (rows, *self.expectations)

    def build(self, translate: Translate | None = None) -> list[Expectation]:
        """Every GX object, in the order of `declared`. Raises SuiteError where GX refuses one."""
        try:
            return [one.build(translate) for one in self.declared]
        except SuiteError as error:
            raise SuiteError(f"suite {self.name}: {error}") from error


def _check_severity_and_reason(name: str, severity: str, because: str) -> None:
    if severity not in get_args(Severity):
        raise SuiteError(f"{name}: severity {severity!r} is none of {', '.join(get_args(Severity))}")
    if not because.strip():
        raise SuiteError(f"{name}: because is empty: say what the expectation protects")


def _built(name: str, cls: type[Expectation], **parameters: Any) -> Expectation:
    try:
        return cls(**parameters)
    except Exception as error:  # pydantic's ValidationError, and whatever GX's own parsers raise
        raise SuiteError(f"{name}: {' '.join(str(error).split())}") from error


def _as_gx_query(sql: str, translate: Translate | None = None) -> str:
    """The query as GX takes it: `{batch}` for the table, other braces doubled, colons escaped."""
    if translate:  # GX escapes nothing there
        carried = translate(sql.replace("{table}", _BATCH))
        return carried.replace("{", "{{").replace("}", "}}").replace(_BATCH, "{batch}")
    escaped = sql.replace("{", "{{").replace("}", "}}").replace("{{table}}", "{batch}")
    return re.sub(r"(?<![:\w\\]):(?=\w)", r"\:", escaped)


# ---------------------------------------------------------------------------------------------------- results


@dataclass(frozen=True)
class ExpectationResult:
    """What one expectation found. Every field is a plain value that goes into JSON unchanged.

    `observed` is what GX saw: the value for a table or an aggregate ("2500 rows" is 2500), the share of
    unexpected values for a column. `sample` holds up to SAMPLE_ROWS unexpected rows, each a mapping of column
    to the value as text, None for NULL. `error` is set where the expectation could not be evaluated;
    `success` is then False.
    """

    suite: str
    table: str
    name: str
    type: str
    title: str
    because: str
    severity: Severity
    success: bool
    column: str | None = None
    observed: str | None = None
    unexpected_count: int | None = None
    sample: list[dict[str, str | None]] = field(default_factory=list)
    sql: str | None = None
    error: str | None = None

    @property
    def status(self) -> Status:
        """`passed`, or by severity `failed` (critical, blocks), `warned` or `noted`."""
        return "passed" if self.success else _STATUS_OF_FAILURE[self.severity]

    @property
    def sample_text(self) -> list[str]:
        """The sample as lines of `column=value`."""
        return [
            ", ".join(f"{name}={'NULL' if value is None else value}" for name, value in row.items())
            for row in self.sample
        ]

    def to_record(self) -> dict[str, Any]:
        """A JSON-serialisable record: the fields, and the status for whoever reads it without this module."""
        return {**self.__dict__, "sample": [dict(row) for row in self.sample], "status": self.status}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> ExpectationResult:
        return cls(**{name: value for name, value in record.items() if name != "status"})


@dataclass(frozen=True)
class SuiteResult:
    """What a suite found on one table at one moment. `rows` is None where the table could not be read."""

    suite: str
    table: str
    description: str
    validated_at: str
    seconds: float
    rows: int | None
    results: list[ExpectationResult]

    @property
    def success(self) -> bool:
        """No critical expectation failed. Warnings are reported and do not count."""
        return self.rows is not None and not self.with_status("failed")

    def with_status(self, status: Status) -> list[ExpectationResult]:
        return [result for result in self.results if result.status == status]

    @property
    def worst_first(self) -> list[ExpectationResult]:
        """The results with what needs attention on top, otherwise in the order of the suite."""
        return sorted(self.results, key=lambda result: _STATUS_ORDER[result.status])

    @property
    def summary(self) -> str:
        """One line for a log: what failed, with its column and count, or why the table could not be read."""
        if self.rows is None:
            return f"{self.table}: could not be read: {self.results[0].error}"
        parts = []
        for status in ("failed", "warned", "noted"):
            found = self.with_status(status)
            if found:
                parts.append(f"{len(found)} {status} ({'; '.join(_in_short(result) for result in found)})")
        total = f"{len(self.results)} expectation{'' if len(self.results) == 1 else 's'}"
        return f"{self.table}: {total}, " + (", ".join(parts) if parts else "all passed")

    def to_record(self) -> dict[str, Any]:
        """A JSON-serialisable record; `SuiteResult.from_record` reads it back."""
        return {
            **self.__dict__,
            "success": self.success,
            "results": [result.to_record() for result in self.results],
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> SuiteResult:
        fields = {name: value for name, value in record.items() if name != "success"}
        fields["results"] = [ExpectationResult.from_record(result) for result in record["results"]]
        return cls(**fields)


def _in_short(result: ExpectationResult) -> str:
    if result.error:
        return f"{result.name}: {result.error}"
    if result.unexpected_count is not None:
        return f"{result.name}: {result.unexpected_count} unexpected"
    return f"{result.name}: observed {result.observed}"


def as_markdown_table(result: SuiteResult) -> str:
    """The suite as a Markdown table, one row an expectation, what needs attention on top."""
    lines = [
        "| Result | Severity | Expectation | Column | Observed | Unexpected | Unexpected rows | Because |",
        "|---|---|---|---|---|---:|---|---|",
    ]
    for one in result.worst_first:
        unexpected = "" if one.unexpected_count is None else f"{one.unexpected_count:,}"
        observed = f"could not run: {one.error}" if one.error else one.observed or ""
        sample = "<br>".join(_markdown_cell(line) for line in one.sample_text)
        texts = (one.status, one.severity, one.title, one.column or "", observed, unexpected)
        cells = [*(_markdown_cell(text) for text in texts), sample, _markdown_cell(one.because)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _markdown_cell(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").split())


# -------------------------------------------------------------------------------------------------------- run


def run_suite(suite: Suite, database: duckdb.DuckDBPyConnection | Path | str | Spark) -> SuiteResult:
    """Validate a suite's table in place: one result an expectation, in the order of `suite.declared`.

    `database` is an open connection, which may be the one that wrote the table (it stays open, and whatever
    it has committed is seen), the path of a file, opened read-only and closed again, or Spark with the table
    registered.

    An expectation that raises has failed, with the message in its result; so have all of them where the table
    does not exist. Raises SuiteError for a suite GX cannot build, OpenTransactionError for a connection with
    uncommitted work, UnreadableDatabaseError for a file that cannot be opened (both of
    `expectations.datasource`).
    """
    from expectations import datasource as gx_datasource

    with _ONE_RUN_AT_A_TIME, gx_datasource.readable(database) as source:
        started, clock = dt.datetime.now(dt.UTC), time.perf_counter()
        built = suite.build(None if isinstance(source, duckdb.DuckDBPyConnection) else source.translate)
        with gx_datasource.attached(source, suite.table) as batch:
            rows, error = _count_rows(source, suite.table)
            if error is None:
                results = _validate(suite, built, batch())
            else:
                results = [
                    _result(suite, one, expectation, {}, error)
                    for one, expectation in zip(suite.declared, built, strict=True)
                ]
        return SuiteResult(
            suite=suite.name,
            table=suite.table,
            description=suite.description,
            validated_at=started.isoformat(timespec="seconds"),
            seconds=round(time.perf_counter() - clock, 3),
            rows=rows,
            results=results,
        )


def run_suites(
    suites: Iterable[Suite], database: duckdb.DuckDBPyConnection | Path | str
) -> list[SuiteResult]:
    """`run_suite` on each, all of them whatever the first ones find."""
    return [run_suite(suite, database) for suite in suites]


def _count_rows(source: duckdb.DuckDBPyConnection | Spark, table: str) -> tuple[int | None, str | None]:
    try:
        if isinstance(source, duckdb.DuckDBPyConnection):
            return int(source.execute(f"select count(*) from {table}").fetchall()[0][0]), None
        return int(source.session.table(table).count()), None
    except Exception as error:  # of DuckDB, of Spark or of the bridge to it
        return None, _one_line(str(error))


def _validate(suite: Suite, built: list[Expectation], batch: Any) -> list[ExpectationResult]:
    # Rows of a query come only with COMPLETE, which GX cuts at 200 rows for a query but not for a column,
    # where it would fetch every unexpected value: two passes, each with the format that stays small.
    by_column = {
        "result_format": "SUMMARY",
        "partial_unexpected_count": SAMPLE_ROWS,
        "include_unexpected_rows": True,
    }
    by_query = {"result_format": "COMPLETE", "partial_unexpected_count": SAMPLE_ROWS}
    outcomes: dict[int, tuple[dict[str, Any], str | None]] = {}
    declared = suite.declared
    for result_format, wanted in ((by_column, Expect), (by_query, ExpectNoRows)):
        positions = [position for position, one in enumerate(declared) if isinstance(one, wanted)]
        outcomes |= _outcomes(batch, {position: built[position] for position in positions}, result_format)
    return [
        _result(suite, one, built[position], *outcomes[position]) for position, one in enumerate(declared)
    ]


def _outcomes(
    batch: Any, expectations: dict[int, Expectation], result_format: dict[str, Any]
) -> dict[int, tuple[dict[str, Any], str | None]]:
    """By position: GX's result as plain values, and the message where the expectation raised."""
    import great_expectations as gx

    if not expectations:
        return {}
    for position, expectation in expectations.items():
        expectation.meta = {"position": position}
    try:
        validated = batch.validate(
            gx.ExpectationSuite(name="suite", expectations=list(expectations.values())),
            result_format=result_format,
        ).results
    except Exception as error:  # GX raises whatever its metrics raise
        if len(expectations) == 1:
            return dict.fromkeys(expectations, ({}, _one_line(str(error) or type(error).__name__)))
        # one expectation took the whole pass down: find it by running each alone
        outcomes: dict[int, tuple[dict[str, Any], str | None]] = {}
        for position, expectation in expectations.items():
            outcomes |= _outcomes(batch, {position: expectation}, result_format)
        return outcomes
    return {
        one.expectation_config.meta["position"]: (
            {"success": one.success, **(one.result or {})},
            _raised(one.exception_info),
        )
        for one in validated
    }


def _raised(exception_info: Mapping[str, Any] | None) -> str | None:
    """GX keeps one exception, or one for each metric that raised."""
    if not exception_info:
        return None
    several = [exception_info] if "raised_exception" in exception_info else list(exception_info.values())
    messages = [
        _one_line(one.get("exception_message") or "GX gave no message")
        for one in several
        if one["raised_exception"]
    ]
    return "; ".join(dict.fromkeys(messages)) or None


def _one_line(message: str) -> str:
    """A database or GX message without driver prefix, statement, traceback and link."""
    message = re.split(
        r"\s(?:LINE \d+:|\[SQL:|\(Background on this error|Traceback[ :])", message, maxsplit=1
    )[0]
    message = re.sub(r"^(?:\([\w.]+\)|Error:)\s*", "", message)
    return " ".join(message.split())


def _result(
    suite: Suite,
    declared: Expect | ExpectNoRows,
    built: Expectation,
    found: Mapping[str, Any],
    error: str | None,
) -> ExpectationResult:
    by_query = isinstance(declared, ExpectNoRows)
    counted = found.get("observed_value") if by_query else found.get("unexpected_count")
    rows = found.get("unexpected_rows") or (found.get("details") or {}).get("unexpected_rows") or []
    if not rows and declared.column:  # an aggregate knows values, not the rows they stand in
        rows = [{declared.column: value} for value in found.get("partial_unexpected_list") or []]
    return ExpectationResult(
        suite=suite.name,
        table=suite.table,
        name=declared.name,
        type=declared.type,
        title=declared.title or _sentence(built),
        because=declared.because,
        severity=declared.severity,
        success=error is None and bool(found["success"]),
        column=declared.column,
        observed=None if error else _observed(found, by_query=by_query),
        unexpected_count=None if error or counted is None else int(counted),
        sample=[] if error else [_row_as_text(row) for row in rows[:SAMPLE_ROWS]],
        sql=None if declared.sql is None else declared.sql.replace("{table}", suite.table),
        error=error,
    )


def _observed(found: Mapping[str, Any], *, by_query: bool) -> str | None:
    if by_query:
        count = int(found["observed_value"])
        return f"{count:,} row{'' if count == 1 else 's'}"
    if found.get("observed_value") is not None:
        return _as_text(found["observed_value"])
    if absent := found.get("partial_missing_list"):  # of a set of values that should all occur
        more = found["missing_count"] - len(absent)
        return f"absent: {_as_text(absent)}" + (f" and {more:,} more" if more > 0 else "")
    if found.get("element_count") is None or found.get("unexpected_count") is None:
        return None
    share = f"{found['unexpected_count']:,} of {found['element_count']:,} rows"
    percent = 100 * found["unexpected_count"] / (found["element_count"] or 1)
    if percent == 0:
        return share
    if percent < 0.01:
        return f"{share} (under 0.01 %)"
    if 99.99 < percent < 100:
        return f"{share} (over 99.99 %)"
    return f"{share} ({f'{percent:.2f}'.rstrip('0').rstrip('.')} %)"


def _row_as_text(row: Any) -> dict[str, str | None]:
    pairs = row.asDict() if hasattr(row, "asDict") else dict(row)  # Spark's rows are tuples
    return {str(name): _as_text(value) for name, value in pairs.items()}


def _as_text(value: Any) -> str | None:
    """A value as a reader would write it; None stays None."""
    if hasattr(value, "item"):  # a numpy scalar
        value = value.item()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.10g}"
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_as_text(one)}" for name, one in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(str(_as_text(one)) for one in value)
    return str(value)


def _sentence(built: Expectation) -> str:
    """GX's own sentence for the expectation, with its values filled in and a long set cut short."""
    from great_expectations.render.renderer.inline_renderer import InlineRenderer

    configuration = built.configuration
    for name, value in configuration.kwargs.items():
        if isinstance(value, list) and len(value) > _TITLE_VALUES + 1:
            cut = [*value[:_TITLE_VALUES], f"{len(value) - _TITLE_VALUES} more"]
            configuration.kwargs[name] = cut
    try:
        for block in InlineRenderer(render_object=configuration).get_rendered_content():
            rendered: Any = block.value.to_json_dict()
            text = rendered.get("header", {}).get("value", rendered)
            if "template" in text:
                values = {name: _as_text(one.get("value")) for name, one in text.get("params", {}).items()}
                template = re.sub(r"(\$\w+_\d+) (?=\$\w+_\d+)", r"\1, ", text["template"])
                return Template(template).safe_substitute(values)
    except Exception as error:  # a title must not decide whether data pass
        _LOG.debug("GX could not render %s: %s", built.expectation_type, error)
    return built.expectation_type.replace("_", " ")
