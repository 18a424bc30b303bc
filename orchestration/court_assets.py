"""Court records as assets: releases read, tables typed, releases audited and compared, readers' copy.

Belongs here: what Dagster shows of the steps in `orchestration.court`. Does not belong here: the court marts, which
are models like the others (`orchestration.assets`).
"""

from collections.abc import Iterator

import dagster as dg

from expectations.suites import court_suites
from orchestration import court, lineage
from orchestration.assets import OWNERS, POOL, described, key, metadata_of, releases, releases_of
from orchestration.audit import forget
from orchestration.checks import check_results, check_specs
from orchestration.resources import Ledger
from transforms.models import models
from warehouse.court import CourtSourceError, storage

GROUP = "court"


@dg.asset(
    key=key(court.RAW),
    deps=[releases],
    partitions_def=releases_of(court.RAW),
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name=GROUP,
    kinds={"python", "duckdb", "parquet"},
    owners=OWNERS,
    pool=POOL,
    code_version=court.code_of_raw(),
    description="Every member of a court release as text, one Parquet folder a table beside the court file, with an account "
    "of each record in `meta.eoir_tables`.\n\nGrain: release and record.",
)
def court_raw(context: dg.AssetExecutionContext, ledger: Ledger) -> dg.MaterializeResult:
    wanted = set(context.partition_keys)
    rows: dict[str, int] = {}
    notes: list[str] = []
    with ledger.open(), court.open_for(ledger.home, ledger.archive) as file:
        for release in court.court_releases(ledger.archive):
            if file is None or release.release_id not in wanted:
                continue
            try:
                report = court.load(
                    file, ledger.archive, release, storage.raw_folder(ledger.home.court_build_file)
                )
            except CourtSourceError as error:
                raise dg.Failure(
                    f"{release.release_id}: {error}; or set it aside with `border set-aside`",
                    allow_retries=False,
                ) from None
            rows[release.release_id] = report.rows
            notes += [f"{release.release_id} {line}" for line in report.problems()]
            context.log.info(f"{release.release_id}: {report.rows:,} records in {report.seconds:.0f} s")
    return dg.MaterializeResult(
        metadata={"dagster/row_count": sum(rows.values()), "releases": rows, "notes": notes}
    )


@dg.multi_asset(
    name="court_core",
    specs=[
        dg.AssetSpec(
            key(table),
            deps=[
                *(key("meta.reviewed"), key("meta.releases"), key(court.RAW)),
                *(key(t) for t in models()[table].reads if t in court.TABLES),
            ],
            group_name=GROUP,
            kinds={"sql", "duckdb"},
            owners=OWNERS,
            description=described(table),
            metadata=metadata_of(table),
        )
        for table in court.TABLES
    ],
    pool=POOL,
)
def court_core(context: dg.AssetExecutionContext, ledger: Ledger) -> Iterator[dg.MaterializeResult]:
    with ledger.open(), court.open_for(ledger.home, ledger.archive) as file:
        rows = (
            court.build_core(file, ledger.archive, ledger.evaluator)
            if file
            else dict.fromkeys(court.TABLES, 0)
        )
    for table in court.TABLES:
        found = {
            column: [
                dg.TableColumnDep(asset_key=asset, column_name=c)
                for asset, c in dict.fromkeys((_asset_of(t), c) for t, c in sources)
            ]
            for column, sources in lineage.column_lineage(table).items()
            if sources and table in models()
        }
        yield dg.MaterializeResult(
            asset_key=key(table),
            metadata={
                "dagster/row_count": rows[table],
                **({"dagster/column_lineage": dg.TableColumnLineage(found)} if found else {}),
            },
        )


def _asset_of(table: str) -> dg.AssetKey:
    if table.startswith("raw."):
        return key(court.RAW)
    return key("meta.reviewed") if table.startswith("meta.") else key(table)


@dg.asset(
    key=key(court.FINDINGS),
    deps=[key(t) for t in court.TABLES],
    group_name=GROUP,
    kinds={"python", "duckdb"},
    owners=OWNERS,
    pool=POOL,
    description=described(court.FINDINGS)
    + "\n\nWith them the differences between releases: `meta.eoir_release_changes` and `meta.eoir_vanished_records`.",
    metadata=metadata_of(court.FINDINGS),
)
def court_findings(context: dg.AssetExecutionContext, ledger: Ledger) -> dg.MaterializeResult:
    with ledger.open(), court.open_for(ledger.home, ledger.archive) as file:
        held = court.check(file, ledger.archive) if file else 0
    return dg.MaterializeResult(metadata={"dagster/row_count": held})


@dg.multi_asset_check(
    name="audit_court",
    specs=[
        dg.AssetCheckSpec(
            "court_audit",
            asset=key(court.FINDINGS),
            blocking=True,
            description="Every record accounted for, Count.txt at tolerance 0, the tables needed present. Stops the marts.",
        ),
        dg.AssetCheckSpec(
            "court_audit_warnings",
            asset=key(court.FINDINGS),
            description="Keys, orphans, casts, codes, records set aside, records that vanished; they stop nothing.",
        ),
    ],
    pool=POOL,
)
def court_audit(ledger: Ledger) -> Iterator[dg.AssetCheckResult]:
    with ledger.open(), court.open_for(ledger.home, ledger.archive) as file:
        found = {state: court.findings(file, state) if file else [] for state in ("failed", "warning")}
        table = court.as_markdown_table(file) if file else "no court release"
    for name, state, severity in (
        ("court_audit", "failed", dg.AssetCheckSeverity.ERROR),
        ("court_audit_warnings", "warning", dg.AssetCheckSeverity.WARN),
    ):
        yield dg.AssetCheckResult(
            asset_key=key(court.FINDINGS),
            check_name=name,
            passed=not found[state],
            severity=severity,
            description="; ".join(found[state][:3]) or "nothing found",
            metadata={"table": dg.MetadataValue.md(table), "findings": found[state]},
        )


@dg.multi_asset_check(
    name="audit_court_core",
    specs=[spec for suite in court_suites().values() for spec in check_specs(suite)],
    pool=POOL,
)
def court_core_audit(ledger: Ledger) -> Iterator[dg.AssetCheckResult]:
    with ledger.open() as warehouse, court.open_for(ledger.home, ledger.archive) as file:
        for suite in court_suites().values():
            if file is None:
                forget(warehouse, suite)
                for spec in check_specs(suite):
                    yield dg.AssetCheckResult(
                        asset_key=spec.asset_key,
                        check_name=spec.name,
                        passed=True,
                        description="no court release",
                    )
                continue
            result = court.audit_typed(warehouse, file, ledger.archive, suite, ledger.now(), ledger.evaluator)
            yield from check_results(suite, result, ledger)


@dg.asset(
    key=dg.AssetKey(["published", "court"]),
    deps=[key(court.FINDINGS), *(key(t) for t in court.TABLES)],
    group_name="published",
    kinds={"duckdb"},
    owners=OWNERS,
    pool=POOL,
    description="The court file readers open: typed tables and what is known of them, swapped in by one rename when they "
    "changed. Refuses while a release has failed its audit.",
)
def published_court(context: dg.AssetExecutionContext, ledger: Ledger) -> dg.MaterializeResult:
    target = ledger.home.published_court_file
    with ledger.open(), court.open_for(ledger.home, ledger.archive) as file:
        if file is None:
            return dg.MaterializeResult(metadata={"note": "no court release"})
        try:
            is_new = court.publish(ledger.home, file)
        except court.CourtNotPublishable as error:
            raise dg.Failure(f"court records not published:\n{error}", allow_retries=False) from None
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(target)),
            "bytes": target.stat().st_size,
            "changed": is_new,
        }
    )


court_assets = [court_raw, court_core, court_findings, published_court]
court_checks = [court_audit, court_core_audit]
