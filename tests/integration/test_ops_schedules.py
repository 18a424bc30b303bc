"""Schedules and sensors: when publishers are asked, and what the daemon notices."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from agency_files import SBO, as_csv, sbo
from editions import publish_edition

from orchestration.assets import POOL, releases_of
from orchestration.copies import TARGET_VARIABLE, published_copy
from orchestration.definitions import definitions
from orchestration.fetch import journal_of
from orchestration.ingest import ingest_bytes
from orchestration.resources import Ledger
from orchestration.schedules import eoir_daily, publication_days
from orchestration.sensors import drop_folder, releases_sensor
from warehouse import versions
from warehouse.acquire import AcquireState, FetchResult, FetchState
from warehouse.paths import Home

CBP = ["cbp_sbo", "cbp_nationwide_state", "cbp_nationwide_aor", "ohss_monthly"]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(root=str(tmp_path / "home"))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def answered(home: Home, source: str, due_in: dt.timedelta) -> None:
    now = dt.datetime.now(dt.UTC)
    AcquireState(journal_of(home)).record(
        [FetchResult(source, source, FetchState.UNCHANGED, "held", now, now, now + due_in)]
    )


def sources_of(request: object) -> list[str]:
    assert isinstance(request, dg.RunRequest), request
    found: list[str] = request.run_config["ops"]["archive__files"]["config"]["sources"]
    return found


def test_pages_never_asked_are_asked(ledger: Ledger) -> None:
    assert sources_of(publication_days(ledger=ledger)) == CBP
    assert sources_of(eoir_daily(ledger=ledger)) == ["eoir_foia"]


def test_only_what_is_due_is_asked(ledger: Ledger) -> None:
    for source in CBP[1:]:
        answered(ledger.home, source, dt.timedelta(days=2))
    answered(ledger.home, CBP[0], -dt.timedelta(minutes=1))
    assert sources_of(publication_days(ledger=ledger)) == CBP[:1]


def test_nothing_due_says_until_when(ledger: Ledger) -> None:
    for source in CBP:
        answered(ledger.home, source, dt.timedelta(days=2))
    skipped = publication_days(ledger=ledger)
    assert isinstance(skipped, dg.SkipReason)
    day = dt.datetime.now(dt.UTC) + dt.timedelta(days=2)
    assert f"{day:%Y-%m-%d}" in (skipped.skip_message or "")


def test_an_empty_drop_folder_asks_nobody(ledger: Ledger) -> None:
    assert isinstance(drop_folder(ledger=ledger), dg.SkipReason)


def test_a_file_still_being_written_waits_and_a_quiet_one_is_taken_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = ledger.home.inbox / "drop"
    drop.mkdir(parents=True)
    (drop / "a.csv").write_text("x")
    assert isinstance(drop_folder(ledger=ledger), dg.SkipReason)
    real = dt.datetime

    class Later(real):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            return real.now(tz) + dt.timedelta(seconds=30)

    monkeypatch.setattr("orchestration.sensors.dt.datetime", Later)
    first, second = drop_folder(ledger=ledger), drop_folder(ledger=ledger)
    assert sources_of(first) == ["drop_folder"]
    assert first.run_key == second.run_key  # type: ignore[union-attr]
    os.truncate(drop / "a.csv", 0)
    monkeypatch.setattr(
        Later, "now", classmethod(lambda cls, tz=None: real.now(tz) + dt.timedelta(minutes=2))
    )
    assert drop_folder(ledger=ledger).run_key != first.run_key  # type: ignore[union-attr]


def test_a_release_in_the_archive_becomes_a_partition_however_it_came(
    ledger: Ledger, instance: dg.DagsterInstance
) -> None:
    outcome = ingest_bytes(
        as_csv(SBO, sbo("2021-10", "2021-12")),
        "2022-01/sbo-encounters-fy22-fy22-dec.csv",
        ledger.archive,
        now=dt.datetime(2022, 2, 1),
    )
    assert outcome.release is not None

    def evaluate(cursor: str | None) -> dg.SensorResult | dg.SkipReason:
        context = dg.build_sensor_context(instance=instance, cursor=cursor)
        found = releases_sensor(context, ledger=ledger)
        assert isinstance(found, dg.SensorResult | dg.SkipReason)
        return found

    result = evaluate(None)
    assert isinstance(result, dg.SensorResult)
    (added,) = result.dynamic_partitions_requests or ()
    partitions = releases_of("raw.cbp_sbo")
    assert (added.partitions_def_name, list(added.partition_keys)) == (
        partitions.name,
        [outcome.release.release_id],
    )
    instance.add_dynamic_partitions(partitions.name or "", list(added.partition_keys))
    assert isinstance(evaluate(result.cursor), dg.SkipReason)


def test_a_publication_is_copied_where_the_environment_says(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TARGET_VARIABLE, raising=False)
    publish_edition(tmp_path / "build.duckdb", ledger.home.published, 1)
    assert "not set" in published_copy(ledger=ledger).metadata["copied"]
    monkeypatch.setenv(TARGET_VARIABLE, f"file://{tmp_path / 'elsewhere'}")
    published_copy(ledger=ledger)
    assert versions.current(tmp_path / "elsewhere") == versions.current(ledger.home.published)


# What holds for all of them


def test_nothing_starts_by_itself_unless_it_is_switched_on() -> None:
    repository = definitions.get_repository_def()
    assert {s.default_status for s in repository.sensor_defs} == {dg.DefaultSensorStatus.STOPPED}
    assert {s.default_status for s in repository.schedule_defs} == {dg.DefaultScheduleStatus.STOPPED}


def test_every_step_that_writes_the_warehouse_is_in_the_pool() -> None:
    graph = definitions.resolve_asset_graph()
    outside = {
        node.key.to_user_string()
        for assets in definitions.assets or ()
        if isinstance(assets, dg.AssetsDefinition)
        for node in assets.specs
        if assets.op.pool != POOL
    }
    assert outside == {"archive/files", "published/copy", "published/site"}
    assert graph.materializable_asset_keys


def test_only_what_goes_over_a_network_retries() -> None:
    retried = {
        a.op.name
        for a in definitions.assets or ()
        if isinstance(a, dg.AssetsDefinition) and a.op.retry_policy
    }
    assert retried == {"archive__files", "published__copy"}


def test_a_backfill_of_raw_is_one_run() -> None:
    for assets in definitions.assets or ():
        if isinstance(assets, dg.AssetsDefinition) and assets.partitions_def:
            assert assets.backfill_policy == dg.BackfillPolicy.single_run()


def test_every_table_from_raw_to_publication_has_a_condition() -> None:
    graph = definitions.resolve_asset_graph()
    without = {
        key.to_user_string()
        for key in graph.materializable_asset_keys
        if graph.get(key).automation_condition is None
    }
    assert without == {"archive/files", "meta/fetch_log", "published/data_docs"}
