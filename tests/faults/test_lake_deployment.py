"""Several run workers of one deployment share a lake: their steps overlap, and every release is in it afterwards.

Code server, webserver and daemon by the commands of deploy/compose.yaml over a private PostgreSQL, which keeps Dagster's
state and the lake's catalog.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
from agency_files import AOR, SBO, STATE, aor, as_csv, sbo, state
from deployment import ROOT, Deployment, postgres_program, until
from installation import NOW
from lakes import Store, reader

from orchestration.assets import POOL
from orchestration.ingest import ingest_bytes
from warehouse.archive import Archive
from warehouse.lake import Lake

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(postgres_program("initdb") is None, reason="PostgreSQL is not installed"),
]
PATIENCE = 300
FILES = {
    "raw.cbp_sbo": ("sbo.csv", SBO, sbo),
    "raw.cbp_nationwide_state": ("state.csv", STATE, state),
    "raw.cbp_nationwide_aor": ("aor.csv", AOR, aor),
}


class Running:
    """A deployment with two workers, its lake, and the releases that wait in its archive, by raw table."""

    def __init__(self, deployment: Deployment, lake: Lake) -> None:
        self.deployment = deployment
        self.lake = lake
        archive = Archive(deployment.home / "archive")
        self.releases = {
            table: ingest_bytes(
                as_csv(header, lines("2020-10", "2021-02")), name, archive, published="2021-03", now=NOW
            ).release
            for table, (name, header, lines) in FILES.items()
        }

    def launch(self, job: str, tags: dict[str, str]) -> str:
        listed = ", ".join(f'{{key: "{k}", value: "{v}"}}' for k, v in tags.items())
        data = self.deployment.ask(
            'mutation { launchRun(executionParams: {selector: {repositoryLocationName: "border_ledger", '
            f'repositoryName: "__repository__", jobName: "{job}"}}, runConfigData: {{}}, '
            f"executionMetadata: {{tags: [{listed}]}}}}) {{ ... on LaunchRunSuccess {{ run {{ runId }} }} "
            "... on PythonError { message } } }"
        )
        return str(data["launchRun"]["run"]["runId"])

    def add_partition(self, definition: str, key: str) -> None:
        self.deployment.ask(
            f'mutation {{ addDynamicPartition(partitionsDefName: "{definition}", partitionKey: "{key}", repositorySelector: '
            '{repositoryLocationName: "border_ledger", repositoryName: "__repository__"}) { __typename } }'
        )

    def steps(self, run_id: str) -> list[dict[str, Any]]:
        data = self.deployment.ask(
            f'{{ runOrError(runId: "{run_id}") {{ ... on Run {{ status stepStats {{ stepKey startTime endTime }} }} }} }}'
        )["runOrError"]
        assert data["status"] != "FAILURE", self.deployment.logs()
        return list(data["stepStats"]) if data["status"] == "SUCCESS" else []


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("lake_deployment")
    with Store(folder) as store:
        lake = store.new_lake()
        deployment = Deployment(
            folder / "home",
            store.postgres,
            BORDER_AUTOMATION="off",
            BORDER_TARGET=f"ducklake:{lake.catalog}",
            BORDER_LAKE_DATA=lake.data_path,
            BORDER_LAKE_WORKERS="2",
        )
        try:
            found = Running(deployment, lake)
            subprocess.run(
                [str(deployment.program("dagster")), "instance", "concurrency", "set", POOL, "2"],
                cwd=ROOT, env=deployment.environment, check=True, capture_output=True,
            )  # fmt: skip
            deployment.start("code")
            until("the code server", deployment.healthy, 180)
            deployment.start("webserver")
            deployment.start("daemon")
            until("the webserver", deployment.answers, 180)
            yield found
        except BaseException:
            print(deployment.logs())
            raise
        finally:
            deployment.stop()


def test_runs_that_read_releases_overlap_and_all_of_them_reach_the_lake(running: Running) -> None:
    runs = {}
    for table, release in running.releases.items():
        assert release is not None
        name = table.split(".")[1]
        running.add_partition(f"releases_{name}", release.release_id)
        runs[table] = running.launch(f"load_{name}", {"dagster/partition": release.release_id})
    spans = [
        (found[0]["startTime"], found[0]["endTime"])
        for run_id in runs.values()
        for found in [until(f"run {run_id}", lambda run_id=run_id: running.steps(run_id), PATIENCE)]
    ]
    assert any(max(a[0], b[0]) < min(a[1], b[1]) for a, b in combinations(spans, 2)), spans
    assert not any(max(a[0], b[0], c[0]) < min(a[1], b[1], c[1]) for a, b, c in combinations(spans, 3)), (
        f"three steps at once in a pool of two: {spans}"
    )
    with reader(running.lake) as con:
        arrived = {r for (r,) in con.execute("select release_id from meta.arrivals").fetchall()}
        held = {
            r
            for (r,) in con.execute("select distinct release_id from core.cbp__monthly_encounters").fetchall()
        }
    assert arrived == held == {r.release_id for r in running.releases.values() if r}
    assert (running.deployment.home / "work" / "worker-2" / "warehouse.duckdb").exists()


def test_whichever_worker_makes_the_marts_it_makes_them_of_all_releases(running: Running) -> None:
    run_id = running.launch("january", {})
    until("the january run", lambda: running.steps(run_id), PATIENCE)
    with reader(running.lake) as con:
        ((releases,),) = con.execute("select releases from meta.publication").fetchall()
        assert releases == len(FILES)
        assert con.execute("select count(*) from marts.january_yoy where value is not null").fetchall() != [
            (0,)
        ]
    assert (running.deployment.home / "published" / "warehouse.duckdb").exists()


def test_the_password_of_the_target_is_in_no_log_and_no_event(running: Running) -> None:
    for path in running.deployment.home.parent.rglob("*"):
        if path.is_file() and path.suffix in (".log", ".jsonl", ".json", ".out", ".err"):
            assert "not-asked-for" not in path.read_text("utf-8", errors="replace"), path
