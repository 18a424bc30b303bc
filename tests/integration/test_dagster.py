"""What Dagster shows and holds to: definitions that load both ways, described assets, blocking checks, lineage, the pool."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import yaml
from agency_files import SBO, as_csv, sbo
from installation import NOW, ROOT, Home

from expectations.suites import suites
from orchestration import court, steps
from orchestration.assets import POOL, all_assets, key, releases_of
from orchestration.build import DAGSTER_YAML
from orchestration.checks import WARNINGS, suite_checks
from orchestration.definitions import definitions
from orchestration.ingest import ingest_bytes
from orchestration.resources import Ledger
from transforms.models import Model, models
from warehouse import contracts
from warehouse.archive import Archive

SPECS = {spec.key: spec for asset in definitions.assets or [] for spec in asset.specs}  # type: ignore[union-attr]
#: raw.eoir_release stands for the 97 tables of a court release, each with the columns its file has.
TABLES = {
    k: spec for k, spec in SPECS.items() if k.path[0] in ("raw", "core", "marts") and k != key(court.RAW)
}
by_name = pytest.mark.parametrize("asset", sorted(SPECS), ids=lambda k: ".".join(k.path))


def run_dagster(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / arguments[0]), *arguments[1:]]
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "DAGSTER_DISABLE_TELEMETRY": "1",
    }
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [("dg", "check", "defs"), ("dagster", "definitions", "validate", "-w", "workspace.yaml")],
    ids=["dg check defs", "workspace.yaml"],
)
def test_definitions_load_as_dg_and_as_the_workspace_load_them(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    done = run_dagster(*arguments, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All " in done.stdout + done.stderr


# ------------------------------------------------------------------------------------------------------- assets


@by_name
def test_every_asset_has_a_group_an_owner_a_kind_and_a_description(asset: dg.AssetKey) -> None:
    spec = SPECS[asset]
    assert spec.group_name
    assert spec.group_name != "default"
    assert spec.owners
    assert spec.kinds
    assert len(spec.description or "") > 40


@pytest.mark.parametrize("asset", sorted(TABLES), ids=lambda k: ".".join(k.path))
def test_every_table_has_the_column_schema_of_its_contract(asset: dg.AssetKey) -> None:
    schema = TABLES[asset].metadata["dagster/column_schema"]
    contract = contracts.table(".".join(asset.path))
    assert [(c.name, c.type, c.description) for c in schema.columns] == [
        (c.name, c.type, c.comment) for c in contract.columns
    ]
    assert TABLES[asset].metadata["grain"] == contract.grain
    assert TABLES[asset].metadata["dagster/table_name"] == contract.name


def test_every_model_is_an_asset_that_waits_for_what_it_reads() -> None:
    for name, model in models().items():
        if name in steps.CORE_TABLES.values() or name in steps.REVIEWED_MODELS or key(name) not in SPECS:
            continue
        waits_for = {dep.asset_key for dep in SPECS[key(name)].deps}
        read = {key(t) for t in model.reads if t.split(".")[0] in ("core", "marts") and "conformed" not in t}
        assert read <= waits_for, name


def test_every_asset_that_writes_the_warehouse_is_in_the_pool_of_one() -> None:
    writers = [
        a for a in all_assets if a.key in TABLES or a.key.path[0] == "meta" or a.key.path[-1] == "warehouse"
    ]
    assert len(writers) > 20
    for asset in writers:
        assert asset.op.pool == POOL, asset.key
    settings = yaml.safe_load(DAGSTER_YAML)
    assert settings["concurrency"]["pools"]["default_limit"] == 1
    assert settings["telemetry"]["enabled"] is False


def test_every_suite_is_a_blocking_check_of_its_asset_and_one_that_only_warns() -> None:
    for table, suite in suites().items():
        specs = {
            spec.name: spec.blocking
            for check in suite_checks
            for spec in check.check_specs
            if spec.asset_key == key(table)
        }
        assert specs == {suite.name: True, f"{suite.name}{WARNINGS}": False}, table
    for check in suite_checks:
        assert check.op.pool == POOL
        assert all(spec.description for spec in check.check_specs)


def test_raw_assets_are_partitioned_by_release_and_back_filled_in_one_run() -> None:
    raw = [a for a in all_assets if a.key.path[0] == "raw"]
    assert {".".join(a.key.path) for a in raw} >= set(steps.RAW_TABLES)
    for asset in raw:
        partitions = asset.partitions_def
        assert isinstance(partitions, dg.DynamicPartitionsDefinition), asset.key
        assert asset.backfill_policy == dg.BackfillPolicy.single_run()
        if ".".join(asset.key.path) in steps.RAW_TABLES:
            assert partitions.name == releases_of(".".join(asset.key.path)).name


def test_publication_waits_for_every_table() -> None:
    published = dg.AssetKey(["published", "warehouse"])
    ancestors = definitions.resolve_asset_graph().get_ancestor_asset_keys(published)
    assert {k for k in TABLES if k.path[0] in ("core", "marts")} <= ancestors


# --------------------------------------------------------------------------------------------- materializations


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


@pytest.fixture
def resources(tmp_path: Path) -> dict[str, Any]:
    """A home whose archive holds one release, nothing built."""
    outcome = ingest_bytes(
        as_csv(SBO, sbo("2022-10", "2024-01")),
        "a.csv",
        Archive(tmp_path / "archive"),
        published="2024-02",
        now=NOW,
    )
    assert outcome.status == "added"
    return {"ledger": Ledger(root=str(tmp_path))}


def assets(*names: str) -> list[dg.AssetsDefinition]:
    wanted = {key(n) for n in names}
    return [a for a in all_assets if a.key in wanted]


def metadata(result: dg.ExecuteInProcessResult, table: str) -> Any:
    (event,) = result.asset_materializations_for_node(table.replace(".", "__"))
    return event.metadata


def test_materialized_tables_report_rows_and_where_each_column_comes_from(
    instance: dg.DagsterInstance, resources: dict[str, Any], tmp_path: Path
) -> None:
    (release,) = Archive(tmp_path / "archive").releases()
    instance.add_dynamic_partitions(releases_of("raw.cbp_sbo").name or "", [release.release_id])
    prepared = dg.materialize(
        assets("meta.reviewed", "meta.releases"), instance=instance, resources=resources
    )
    assert prepared.success
    raw = dg.materialize(
        assets("meta.reviewed", "meta.releases", "raw.cbp_sbo"),
        selection=[key("raw.cbp_sbo")],
        partition_key=release.release_id,
        instance=instance,
        resources=resources,
    )
    assert raw.success
    rows = len(sbo("2022-10", "2024-01"))
    assert metadata(raw, "raw.cbp_sbo")["dagster/row_count"].value == rows
    tables = (
        "core.cbp__monthly_encounters",
        "core.usbp__monthly_encounters",
        "core.ohss__monthly_encounters",
    )
    made = dg.materialize(
        assets(*tables, "core.release_months"),
        instance=instance,
        resources=resources,
    )
    assert made.success
    found = metadata(made, "core.cbp__monthly_encounters")
    assert found["dagster/row_count"].value == rows
    lineage = found["dagster/column_lineage"].value.deps_by_column
    assert dg.TableColumnDep(key("raw.cbp_sbo"), "encounters_label") in lineage["encounters"]
    assert dg.TableColumnDep(key("raw.cbp_sbo"), "demographic_label") in lineage["demographic_code"]
    months = metadata(made, "core.release_months")["dagster/column_lineage"].value.deps_by_column
    assert dg.TableColumnDep(key("core.cbp__monthly_encounters"), "encounters") in months["encounters"]


def test_a_failed_materialization_leaves_the_table_it_would_have_replaced(
    instance: dg.DagsterInstance, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = "marts.january_yoy"

    def state() -> tuple[object, ...]:
        with duckdb.connect(str(home.build_file), read_only=True) as con:
            return (
                con.execute(f"select * from {table} order by all").fetchall(),
                con.execute("select build_no from meta.builds where table_name = ?", [table]).fetchall(),
                con.execute(
                    "select comment from duckdb_tables() where table_name = 'january_yoy'"
                ).fetchall(),
            )

    before = state()
    assert before[0]
    sound = models()[table]
    twice = f"select * from ({sound.sql}) union all select * from ({sound.sql})"
    failing = Model(table, sound.path, twice)
    monkeypatch.setattr(steps, "model", lambda name: failing if name == table else models()[name])
    result = dg.materialize(
        assets(table),
        instance=instance,
        resources={"ledger": Ledger(root=str(home.root))},
        raise_on_error=False,
    )
    assert not result.success
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    assert "the key repeats" in str(failure.step_failure_data.error)
    assert state() == before


def test_partitions_of_the_command_lines_instance_are_the_releases(small_home: Home) -> None:
    with (
        dg.DagsterInstance.from_config(str(small_home.root / "dagster")) as instance,
        duckdb.connect(str(small_home.published), read_only=True) as con,
    ):
        name = releases_of("raw.carried_series").name or ""
        loaded = con.execute("select distinct release_id from raw.carried_series order by all").fetchall()
        assert sorted(instance.get_dynamic_partitions(name)) == [release_id for (release_id,) in loaded]
        assert len(loaded) == 2
        events = instance.fetch_materializations(dg.AssetRecordsFilter(key("marts.january_yoy")), limit=1)
        assert len(events.records) == 1
