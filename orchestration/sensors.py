"""What the daemon notices: files in the drop folder, releases in the archive, runs and checks that failed.

Belongs here: sensors. Does not belong here: what an alert says (alerts), what is requested downstream (automation).
"""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping

import dagster as dg
from dagster import DagsterEventType

from orchestration.acquire_assets import fetch_job, new_partitions, run_request
from orchestration.alerts import Alert, Alerts, check_alert, run_alert
from orchestration.assets import key, releases_of
from orchestration.automation import sensor_status
from orchestration.fetch import registered_sources
from orchestration.resources import Ledger
from warehouse.acquire import waiting
from warehouse.acquire.drop import dropped

#: Evaluations of one check that one tick looks back over; a tick comes every half minute.
HISTORY_MAX = 100

record_releases_job = dg.define_asset_job(
    "record_releases",
    selection=dg.AssetSelection.assets(key("meta.releases")),
    executor_def=dg.in_process_executor,
    description="Bring meta.releases up to the archive.",
)


@dg.sensor(
    name="drop_folder",
    job=fetch_job,
    minimum_interval_seconds=30,
    default_status=sensor_status(),
    description="Fetches when a file lies in the drop folder and has been quiet, or waits in the inbox.",
)
def drop_folder(ledger: Ledger) -> dg.RunRequest | dg.SkipReason:
    inbox = ledger.home.inbox
    now = dt.datetime.now(dt.UTC)
    folders = [name for name, source in registered_sources().items() if source.is_drop_folder]
    settle = max((registered_sources()[name].settle_seconds for name in folders), default=0)
    seen = [(p.name, p.lstat().st_size, p.lstat().st_mtime_ns, p.lstat().st_ctime) for p in dropped(inbox)]
    if any(now.timestamp() - changed < settle for *_, changed in seen):
        return dg.SkipReason("a file in the drop folder is still being written")
    arrived = [arrival.note.sha256 for arrival in waiting(inbox)]
    if not seen and not arrived:
        return dg.SkipReason("the drop folder is empty")
    # One try an hour for the same files: a fault of this machine may be mended meanwhile.
    what = json.dumps([sorted(seen), arrived, f"{now:%Y-%m-%dT%H}"])
    return run_request(folders, run_key=hashlib.sha256(what.encode()).hexdigest()[:24])


@dg.sensor(
    name="releases",
    job=record_releases_job,
    minimum_interval_seconds=30,
    default_status=sensor_status(),
    description="Adds a partition for each release in the archive, however it came there, and records the releases.",
)
def releases_sensor(context: dg.SensorEvaluationContext, ledger: Ledger) -> dg.SensorResult | dg.SkipReason:
    found = ledger.archive.releases()
    state = hashlib.sha256(json.dumps(sorted(r.release_id for r in found)).encode()).hexdigest()[:24]
    requests = [
        releases_of(raw_table).build_add_request(ids)
        for raw_table, ids in new_partitions(ledger, context.instance).items()
    ]
    if not requests and context.cursor == state:
        return dg.SkipReason(f"{len(found)} releases, all known")
    return dg.SensorResult(
        dynamic_partitions_requests=requests, run_requests=[dg.RunRequest(run_key=state)], cursor=state
    )


@dg.run_failure_sensor(
    name="failed_runs",
    default_status=sensor_status(),
    description="An alert for each failed run, unless a failed check already says why.",
)
def failed_runs(context: dg.RunFailureSensorContext, ledger: Ledger) -> None:
    found = alert_of_run(context)
    if found:
        _send(found, ledger, context)


def alert_of_run(context: dg.RunFailureSensorContext) -> Alert | None:
    """What to say of a failed run; None where the check's own alert says it."""
    for event in context.get_step_failure_events():
        failure = event.step_failure_data
        error = failure.error
        if error is None or "blocking asset check" in error.message:
            continue
        last = error
        while last.cause:
            last = last.cause
        message = " ".join(last.message.split())[:600] or "no message"
        step = event.step_key
        return run_alert(
            context.dagster_run.job_name,
            step,
            message,
            # Only fetching retries; by now its retries are used up, and the next tick asks again.
            is_permanent=step != "archive__files",
            run_id=context.dagster_run.run_id,
        )
    if any(context.get_step_failure_events()):
        return None
    return run_alert(
        context.dagster_run.job_name,
        None,
        " ".join((context.failure_event.message or "the run's process ended").split())[:600],
        is_permanent=False,
        run_id=context.dagster_run.run_id,
    )


@dg.sensor(
    name="failed_checks",
    job_name="data_docs",
    minimum_interval_seconds=30,
    default_status=sensor_status(),
    description="An alert for each finding of a check that did not pass, delivery of what is queued, and fresh data docs.",
)
def failed_checks(context: dg.SensorEvaluationContext, ledger: Ledger) -> dg.SensorResult:
    graph = context.repository_def.asset_graph  # type: ignore[union-attr]
    keys = sorted(graph.asset_check_keys, key=lambda k: k.to_user_string())
    seen: dict[str, float] = json.loads(context.cursor or "{}")
    alerts = Alerts.from_environment(ledger.home)
    for check_key in keys:
        name = check_key.to_user_string()
        for event, run_id in _evaluations_since(context.instance, check_key, seen.get(name, 0.0)):
            seen[name] = event.timestamp
            for alert in alerts_of_check(check_key, event.dagster_event, run_id):
                alerts.raise_alert(alert, ledger.now())
    trouble = alerts.deliver()
    for line in trouble:
        context.log.warning(line)
    cursor = json.dumps(seen, sort_keys=True)
    if cursor == (context.cursor or "{}"):
        return dg.SensorResult(
            skip_reason=dg.SkipReason("; ".join(trouble) or f"{len(keys)} checks, none new")
        )
    # The pages follow the audits, also those that stopped a publication.
    pages = dg.RunRequest(run_key=hashlib.sha256(cursor.encode()).hexdigest()[:24])
    return dg.SensorResult(cursor=cursor, run_requests=[pages])


def _evaluations_since(
    instance: dg.DagsterInstance, check_key: dg.AssetCheckKey, since: float
) -> list[tuple[dg.EventLogEntry, str]]:
    """Evaluations of a check after a moment, oldest first, with their runs.

    By moment, not by row: a row is made when a run is planned and keeps its number when the evaluation comes, after
    those of runs planned later, perhaps. All of them, not the latest: the next run may pass before the next tick.
    """
    records = instance.event_log_storage.get_asset_check_execution_history(check_key, limit=HISTORY_MAX)
    found = [
        (r.event, r.run_id)
        for r in records
        if r.event
        and r.event.dagster_event_type == DagsterEventType.ASSET_CHECK_EVALUATION
        and r.event.timestamp > since
    ]
    return sorted(found, key=lambda f: f[0].timestamp)


def alerts_of_check(check_key: dg.AssetCheckKey, event: dg.DagsterEvent | None, run_id: str) -> list[Alert]:
    """One alert for each finding of an evaluation that did not pass."""
    if event is None or event.event_type != DagsterEventType.ASSET_CHECK_EVALUATION:
        return []
    evaluation = event.asset_check_evaluation_data
    if evaluation.passed:
        return []
    asset = ".".join(check_key.asset_key.path)
    findings = _findings(evaluation.metadata) or [evaluation.description or "did not pass"]
    blocking = evaluation.severity == dg.AssetCheckSeverity.ERROR
    return [
        check_alert(asset, check_key.name, finding, blocking=blocking, run_id=run_id) for finding in findings
    ]


def _findings(metadata: Mapping[str, dg.MetadataValue]) -> list[str]:
    value = metadata.get("findings")
    found = value.value if value is not None else None
    return [str(line) for line in found] if isinstance(found, list) else []


def _send(alert: Alert, ledger: Ledger, context: dg.RunFailureSensorContext) -> None:
    alerts = Alerts.from_environment(ledger.home)
    alerts.raise_alert(alert, ledger.now())
    for line in alerts.deliver():
        context.log.warning(line)


sensors = [drop_folder, releases_sensor, failed_runs, failed_checks]
