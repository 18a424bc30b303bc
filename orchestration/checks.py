"""Asset checks, two a suite: what blocks, and what only warns. Both come of one audit.

They are apart because a blocking check of yesterday holds back today's runs, and a warning must not.
"""

from collections.abc import Iterator

import dagster as dg

from expectations.runner import Suite, SuiteResult, as_markdown_table
from expectations.suites import suites, tables_read
from orchestration.assets import POOL, key
from orchestration.audit import audit, observed
from orchestration.automation import raw_check_condition
from orchestration.resources import Ledger

WARNINGS = "_warnings"


def check_specs(suite: Suite) -> list[dg.AssetCheckSpec]:
    reads = [key(t) for t in sorted(tables_read(suite) - {suite.table}) if not t.startswith("meta.")]
    about = suite.description or f"Expectations of {suite.table}."
    condition = raw_check_condition if suite.table.startswith("raw.") else None
    return [
        dg.AssetCheckSpec(
            name,
            asset=key(suite.table),
            additional_deps=reads,
            blocking=blocking,
            description=f"{about} {what}",
            automation_condition=condition,
        )
        for name, blocking, what in (
            (suite.name, True, "Stops what is made of the table."),
            (suite.name + WARNINGS, False, "Warnings; they stop nothing."),
        )
    ]


def _check(suite: Suite) -> dg.AssetChecksDefinition:
    @dg.multi_asset_check(name=f"audit_{suite.table.replace('.', '__')}", specs=check_specs(suite), pool=POOL)
    def run(ledger: Ledger) -> Iterator[dg.AssetCheckResult]:
        with ledger.open() as warehouse:
            result = audit(warehouse, suite, ledger.now(), engine=ledger.evaluator)
        yield from check_results(suite, result, ledger)

    return run


def check_results(suite: Suite, result: SuiteResult, ledger: Ledger) -> Iterator[dg.AssetCheckResult]:
    """Both results of a suite, with the table of its expectations and its page in the data docs."""
    found = {
        "expectations": dg.MetadataValue.md(as_markdown_table(result)),
        "rows": result.rows or 0,
        "data_docs": dg.MetadataValue.path(str(ledger.home.data_docs / "suites" / f"{suite.name}.html")),
    }
    for name, outcome, severity in (
        (suite.name, "failed", dg.AssetCheckSeverity.ERROR),
        (suite.name + WARNINGS, "warned", dg.AssetCheckSeverity.WARN),
    ):
        lines = [f"{r.because} Found: {observed(r)}" for r in result.with_status(outcome)]
        yield dg.AssetCheckResult(
            asset_key=key(suite.table),
            check_name=name,
            passed=not lines,
            severity=severity,
            description=result.summary,
            metadata={**found, "findings": lines},
        )


suite_checks = [_check(suite) for suite in suites().values()]
