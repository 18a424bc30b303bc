"""`border build`: releases not yet in raw, then the January job, through Dagster, in this process.

Belongs here: which runs make a build, and what a person is told. Does not belong here: the assets.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dagster as dg
from dagster import DagsterEventType

from orchestration import court, engines, sharing, steps
from orchestration.assets import releases_of
from orchestration.audit import write_data_docs
from orchestration.definitions import definitions
from orchestration.resources import Ledger
from warehouse.paths import Home
from warehouse.spark import Spark
from warehouse.writer import Warehouse

#: Marks runs that `border build` executed in its own process, with the worker it was.
BUILD_TAG = "border/build"

DAGSTER_YAML = """\
# Written by `border build` when absent; edit freely. Deployments: see deploy/dagster.yaml.
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  pools:
    default_limit: 1
"""


@dataclass
class BuildReport:
    """What a build did: `failed` names the steps or checks that failed, with what they found."""

    ok: bool
    version: str | None = None
    loaded: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    checks: int = 0


@contextmanager
def dagster_instance(home: Home) -> Iterator[dg.DagsterInstance]:
    """The installation's own Dagster instance, so that `dg dev` shows what the command line ran."""
    home.dagster.mkdir(parents=True, exist_ok=True)
    settings = home.dagster / "dagster.yaml"
    if not settings.exists():
        settings.write_text(DAGSTER_YAML, "utf-8")
    os.environ.setdefault("DAGSTER_HOME", str(home.dagster))
    with dg.DagsterInstance.get() as instance:
        yield instance


def build(home: Home, say: Callable[[str, float], None], *, engine: str = "") -> BuildReport:
    """Bring the warehouse up to the archive and publish it; `say(step, share done)` is told of each step.

    `engine` evaluates models and audits (`engines.NAMES`). Raises EngineError where it cannot run.
    """
    ledger = Ledger(root=str(home.root), engine=engine)
    with ledger.kept_open(), _begun(ledger), court.heard_by(say), dagster_instance(home) as instance:
        home = ledger.home  # of the worker this process is
        _end_dead_runs(instance, home.worker)
        report = BuildReport(ok=True)
        for raw_table, pending in _pending(home, ledger, instance).items():
            say(f"{raw_table}: {len(pending)} release{'s' if len(pending) > 1 else ''}", 0.1)
            tags = {
                "dagster/asset_partition_range_start": pending[0],
                "dagster/asset_partition_range_end": pending[-1],
            }
            job = f"load_{raw_table.split('.')[1]}"
            report.ok = _run(job, instance, ledger, report, say, tags)
            if not report.ok:
                break
            report.loaded += pending
        if report.ok:
            report.ok = _run("january", instance, ledger, report, say, {})
        with court.open_for(home, ledger.archive) as court_file:
            if court_file:
                report.failed += court.findings(court_file, "failed")
                report.warned += court.warnings(court_file)
        with ledger.open() as warehouse:
            write_data_docs(warehouse, home.data_docs)
            report.warned += _findings(warehouse, "warned")
            report.failed = _findings(warehouse, "failed") + report.failed
            if report.ok:
                row = warehouse.con.execute("select version from meta.publication").fetchone()
                report.version = row[0] if row else None
    return report


@contextmanager
def _begun(ledger: Ledger) -> Iterator[None]:
    """Start the engine before anything is loaded, so that one that cannot run says so at once; end it afterwards."""
    evaluator = ledger.evaluator
    if isinstance(evaluator, Spark):
        _ = evaluator.session
    try:
        yield
    finally:
        engines.stop()


def _end_dead_runs(instance: dg.DagsterInstance, worker: int) -> None:
    """Give back what killed builds held: a run whose process is gone keeps its place in the pool, and the next waits.

    Only runs of `border build` by this worker are touched. Under the build lock none of them can be alive.
    """
    dead = dg.RunsFilter(
        tags={BUILD_TAG: str(worker)}, statuses=[dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
    )
    for run in instance.get_runs(filters=dead):
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        instance.report_run_failed(run, message="The process of this build ended before the build did.")


def _pending(home: Home, ledger: Ledger, instance: dg.DagsterInstance) -> dict[str, list[str]]:
    """Releases whose raw rows are absent or were read by other code, by raw table; partitions are added on the way."""
    pending: dict[str, list[str]] = {}
    known: dict[str, list[str]] = {}
    archive = ledger.archive
    with ledger.open() as warehouse:
        steps.load_reviewed(warehouse)
        for release in sharing.arrive(warehouse, ledger):
            raw_table = steps.raw_table_of(release)
            if raw_table not in known:
                known[raw_table] = list(instance.get_dynamic_partitions(releases_of(raw_table).name or ""))
            if release.release_id not in known[raw_table]:
                instance.add_dynamic_partitions(releases_of(raw_table).name or "", [release.release_id])
                known[raw_table].append(release.release_id)
            if raw_table == court.RAW or steps.is_raw_loaded(warehouse, release):
                continue
            if not (ledger.lake and sharing.is_known(warehouse, release)):
                pending.setdefault(raw_table, []).append(release.release_id)
    with court.open_for(home, archive) as court_file:
        waiting = [
            r.release_id
            for r in court.court_releases(archive)
            if court_file and not court.is_loaded(court_file, r)
        ]
    if waiting:
        pending[court.RAW] = waiting
    # A range of partitions runs from the first to the last in the order they were added.
    return {table: sorted(ids, key=known[table].index) for table, ids in pending.items()}


def _run(
    job_name: str,
    instance: dg.DagsterInstance,
    ledger: Ledger,
    report: BuildReport,
    say: Callable[[str, float], None],
    tags: dict[str, str],
) -> bool:
    job = definitions.resolve_job_def(job_name)
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    result = job.execute_in_process(
        instance=instance,
        resources={"ledger": ledger},
        raise_on_error=False,
        tags={**tags, BUILD_TAG: str(ledger.home.worker)},
        run_config=quiet,
    )
    for event in result.all_events:
        if event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION:
            report.checks += event.asset_check_evaluation_data.blocking is True
        elif event.event_type == DagsterEventType.STEP_FAILURE:
            error = event.step_failure_data.error
            if error and "blocking" not in error.message.lower():
                report.failed.append(f"{event.step_key}: {(error.cause or error).message.strip()}")
    return result.success


def _findings(warehouse: Warehouse, outcome: str) -> list[str]:
    """Expectations of the last audits with this outcome: table, what it protects, what was found."""
    warehouse.ensure("meta.checks")
    return [
        f"{table}: {because} Found: {observed or 'no match'}"
        for table, because, observed in warehouse.con.execute(
            "select table_name, because, observed from meta.checks where outcome = ? order by all", [outcome]
        ).fetchall()
    ]
