"""Dagster's entry point (workspace.yaml): assets, checks, jobs, schedules, sensors and resources, put together here."""

from __future__ import annotations

import dagster as dg

from orchestration import steps
from orchestration.acquire_assets import FILES, acquire_assets, acquire_checks, fetch_job
from orchestration.assets import (
    all_assets,
    core_assets,
    data_docs,
    model_assets,
    published_warehouse,
    raw_assets,
)
from orchestration.assets import releases as releases_asset
from orchestration.assets import reviewed as reviewed_asset
from orchestration.automation import automation_sensor, with_automation
from orchestration.checks import suite_checks
from orchestration.copies import published_copy
from orchestration.court_assets import (
    court_assets,
    court_checks,
    court_core,
    court_findings,
    court_raw,
    published_court,
)
from orchestration.resources import Ledger
from orchestration.schedules import schedules
from orchestration.sensors import record_releases_job, sensors

#: Raw is audited here and not where it is loaded: a release set aside changes raw without loading anything.
january = dg.define_asset_job(
    "january",
    selection=dg.AssetSelection.assets(
        reviewed_asset,
        releases_asset,
        *core_assets,
        court_core,
        court_findings,
        *model_assets,
        published_warehouse,
        published_court,
    )
    | dg.AssetSelection.checks_for_assets(*raw_assets),
    executor_def=dg.in_process_executor,
    description="Reviewed data, audit of raw, core, marts, their audits, and publication. Run after raw is loaded.",
)

#: One job per raw table, partitioned by release.
raw_jobs = [
    dg.define_asset_job(
        f"load_{asset.key.path[-1]}",
        selection=dg.AssetSelection.assets(asset).without_checks(),
        executor_def=dg.in_process_executor,
        description=f"Read releases of {'.'.join(asset.key.path)} from the archive.",
    )
    for asset in [*raw_assets, court_raw]
]

docs = dg.define_asset_job(
    "data_docs",
    selection=dg.AssetSelection.assets(data_docs),
    executor_def=dg.in_process_executor,
    description="Render the last audit as pages.",
)

definitions = dg.Definitions(
    assets=[
        *with_automation(
            [*all_assets, *court_assets, published_copy],
            code_of_all=steps.code_version()[:16],
            code_of_raw=steps.raw_code_version(),
            looked_for=[FILES],
        ),
        *acquire_assets,
    ],
    asset_checks=[*suite_checks, *court_checks, *acquire_checks],
    jobs=[january, *raw_jobs, docs, fetch_job, record_releases_job],
    schedules=schedules,
    sensors=[*sensors, automation_sensor()],
    resources={"ledger": Ledger()},
    executor=dg.in_process_executor,
)
