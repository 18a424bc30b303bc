"""Acquisition as assets: files fetched and archived, and the log of every answer, with its checks.

Belongs here: what Dagster shows of a fetch, and when trying again helps. Does not belong here: fetching
(`orchestration.fetch`).
"""

import datetime as dt

import dagster as dg
from pydantic import Field

from orchestration import steps
from orchestration.assets import OWNERS, POOL, key, releases_of
from orchestration.fetch import (
    acquire_state,
    archive_carried,
    fetch,
    held_by_family,
    registered_sources,
)
from orchestration.resources import Ledger
from warehouse.acquire import AcquireError, FetchState, InboxBusy, append_fetch_log
from warehouse.acquire.fetch_log import TABLE
from warehouse.freshness import next_step_of, standings

FILES = dg.AssetKey(["archive", "files"])
LOG = key(TABLE)
GROUP = "acquire"


class Asked(dg.Config):
    """Which sources to ask: all that are due, or of those the ones named."""

    sources: list[str] = Field(default_factory=list)
    force: bool = False


@dg.asset(
    key=FILES,
    group_name=GROUP,
    kinds={"python"},
    owners=OWNERS,
    # A publisher's failure is an answer and is asked again when due; only another fetch in the way is worth a retry.
    retry_policy=dg.RetryPolicy(max_retries=3, delay=60, backoff=dg.Backoff.EXPONENTIAL),
    description="Publishers' files and the drop folder's, in the archive once each, and the series the project carries.",
)
def archived_files(context: dg.AssetExecutionContext, config: Asked, ledger: Ledger) -> dg.MaterializeResult:
    home = ledger.home
    try:
        report = fetch(home, lambda: dt.datetime.now(dt.UTC), only=config.sources or None, force=config.force)
    except InboxBusy:
        raise
    except AcquireError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    added = [
        o for o in [*archive_carried(ledger.archive, ledger.now()), *report.archived] if o.status == "added"
    ]
    for raw_table, ids in new_partitions(ledger, context.instance).items():
        context.instance.add_dynamic_partitions(releases_of(raw_table).name or "", ids)
    for line in [*(a.line for a in report.answers), *(o.message for o in added), *report.waiting]:
        context.log.info(line)
    return dg.MaterializeResult(
        metadata={
            "answers": dg.MetadataValue.md(
                "\n".join(f"- {a.line}" for a in report.answers) or "no source was due"
            ),
            "archived": len(added),
            "waiting": report.waiting,
        }
    )


def new_partitions(ledger: Ledger, instance: dg.DagsterInstance) -> dict[str, list[str]]:
    """Releases in the archive that are no partition yet, by raw table."""
    wanted: dict[str, list[str]] = {}
    for release in ledger.archive.releases():
        wanted.setdefault(steps.raw_table_of(release), []).append(release.release_id)
    found = {}
    for raw_table, ids in wanted.items():
        known = set(instance.get_dynamic_partitions(releases_of(raw_table).name or ""))
        if new := [i for i in ids if i not in known]:
            found[raw_table] = new
    return found


@dg.asset(
    key=LOG,
    deps=[FILES],
    group_name=GROUP,
    kinds={"duckdb"},
    owners=OWNERS,
    pool=POOL,
    description="Every answer of every source, from the journal that fetching writes.",
)
def fetch_log(context: dg.AssetExecutionContext, ledger: Ledger) -> dg.MaterializeResult:
    state = acquire_state(ledger.home, ledger.archive)
    with ledger.open() as warehouse:
        appended = append_fetch_log(warehouse.con, state.results)
    return dg.MaterializeResult(metadata={"dagster/row_count": len(state.results), "appended": appended})


@dg.asset_check(asset=LOG, name="sources_answer", description="No source keeps us out or has changed.")
def sources_answer(ledger: Ledger) -> dg.AssetCheckResult:
    state = acquire_state(ledger.home, ledger.archive)
    trouble = []
    for source in registered_sources():
        for answer in state.last_check(source):
            if answer.state in (FetchState.BLOCKED, FetchState.CHANGED_OR_BROKEN):
                step = next_step_of(answer)
                trouble.append(answer.line if not step or step in answer.line else f"{answer.line}; {step}")
    return _result(trouble, "every source answered")


@dg.asset_check(
    asset=LOG,
    name="fresh",
    description="Each source is as new as it can be: the month expected is held, or the publisher has not released it.",
)
def fresh(ledger: Ledger) -> dg.AssetCheckResult:
    sources = registered_sources()
    state = acquire_state(ledger.home, ledger.archive)
    last = {name: state.last_check(name) for name in sources}
    found = standings(sources, held_by_family(ledger.archive), last, dt.datetime.now(dt.UTC))
    result = _result(
        [s.line for s in found if not s.freshness.is_fine], "every source is as new as it can be"
    )
    return result._replace(metadata={**result.metadata, "standing": [s.line for s in found]})


def _result(trouble: list[str], fine: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=not trouble,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(trouble) if trouble else fine,
        metadata={"findings": trouble},
    )


acquire_assets = [archived_files, fetch_log]
acquire_checks = [sources_answer, fresh]

fetch_job = dg.define_asset_job(
    "fetch",
    selection=dg.AssetSelection.assets(FILES, LOG),
    executor_def=dg.in_process_executor,
    description="Ask the sources that are due, archive what came, log the answers, look at freshness.",
)


def asked_of(sources: list[str]) -> dict[str, object]:
    """Run configuration of the fetch job for some sources."""
    return {"ops": {"archive__files": {"config": {"sources": sources}}}}


def run_request(sources: list[str], run_key: str | None = None) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=run_key, run_config=asked_of(sources), tags={"border/sources": ",".join(sources)}
    )


def due(kinds: set[str], ledger: Ledger, now: dt.datetime) -> tuple[list[str], dt.datetime | None]:
    """Sources of these kinds that are due at `now`, and when the next of the others is."""
    state = acquire_state(ledger.home, ledger.archive)
    chosen = [name for name, source in registered_sources().items() if source.kind in kinds]
    moments = {name: state.due_at(name) for name in chosen}
    ready = [name for name, moment in moments.items() if moment is None or moment <= now]
    later = [moment for moment in moments.values() if moment and moment > now]
    return ready, min(later, default=None)
