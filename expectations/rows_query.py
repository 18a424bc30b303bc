"""GX's expectation about a query that must return no row, asked once where GX asks twice.

Belongs here: the expectation and its metric. Does not belong here: what a suite declares (`expectations.runner`).

GX runs such a query for a sample of its rows and again to count them. On a large table that is half the time of an
audit, so the rows are counted from the sample, and by a query of their own only where the sample was cut short.

Importing this module imports Great Expectations, which takes seconds: import it inside the function that
validates.
"""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.constants import MAX_RESULT_RECORDS
from great_expectations.execution_engine import (
    ExecutionEngine,
    SparkDFExecutionEngine,
    SqlAlchemyExecutionEngine,
)
from great_expectations.expectations.core import UnexpectedRowsExpectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.query_metrics import UnexpectedRowsQueryRowCount
from great_expectations.validator.metric_configuration import MetricConfiguration

_ROWS = "unexpected_rows_query.table"
_GX_COUNT = "unexpected_rows_query.row_count"
_COUNT = "unexpected_rows_query.rows_counted"


def _counted(
    cls: type[Any],
    execution_engine: ExecutionEngine,
    metric_domain_kwargs: dict[str, Any],
    metric_value_kwargs: dict[str, Any],
    metrics: dict[str, Any],
    runtime_configuration: dict[str, Any],
) -> int:
    if (sampled := len(metrics[_ROWS])) < MAX_RESULT_RECORDS:
        return sampled
    counted: int = execution_engine.resolve_metrics(
        [MetricConfiguration(_GX_COUNT, metric_domain_kwargs, metric_value_kwargs)]
    ).popitem()[1]
    return counted


class UnexpectedRowsCounted(UnexpectedRowsQueryRowCount):
    """How many rows the query returns, by its sample where that is all of them."""

    metric_name = _COUNT

    _sqlalchemy = metric_value(engine=SqlAlchemyExecutionEngine)(_counted)
    _spark = metric_value(engine=SparkDFExecutionEngine)(_counted)

    @classmethod
    def _get_evaluation_dependencies(
        cls,
        metric: MetricConfiguration,
        configuration: ExpectationConfiguration | None = None,
        execution_engine: ExecutionEngine | None = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> dict[str, MetricConfiguration]:
        return {_ROWS: MetricConfiguration(_ROWS, metric.metric_domain_kwargs, metric.metric_value_kwargs)}


class UnexpectedRowsCountedExpectation(UnexpectedRowsExpectation):
    """GX's UnexpectedRowsExpectation, whose query runs once unless it returns more rows than a sample holds."""

    metric_dependencies: ClassVar[tuple[str, ...]] = (_ROWS, _COUNT)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine | None = None,
    ) -> Any:
        return super()._validate(
            {**metrics, _GX_COUNT: metrics[_COUNT]}, runtime_configuration, execution_engine
        )
