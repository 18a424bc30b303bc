"""One blocking asset check per suite of expectations."""

import dagster as dg

from expectations.runner import Suite, as_markdown_table
from expectations.suites import suites, tables_read
from orchestration.assets import POOL, key
from orchestration.audit import audit
from orchestration.resources import Ledger


def _check(suite: Suite) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=key(suite.table),
        additional_deps=[
            key(t) for t in sorted(tables_read(suite) - {suite.table}) if not t.startswith("meta.")
        ],
        name=suite.name,
        blocking=True,
        pool=POOL,
        description=suite.description or f"Expectations of {suite.table}.",
    )
    def run(ledger: Ledger) -> dg.AssetCheckResult:
        with ledger.open() as warehouse:
            result = audit(warehouse, suite, ledger.now())
        return dg.AssetCheckResult(
            passed=not result.with_status("failed") and not result.with_status("warned"),
            severity=dg.AssetCheckSeverity.ERROR
            if result.with_status("failed")
            else dg.AssetCheckSeverity.WARN,
            description=result.summary,
            metadata={
                "expectations": dg.MetadataValue.md(as_markdown_table(result)),
                "rows": result.rows or 0,
            },
        )

    return run


suite_checks = [_check(suite) for suite in suites().values()]
