"""Alerts: who is told what, over a loopback webhook; nothing is lost, repeated or given away."""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from orchestration.alerts import WEBHOOK_VARIABLE, Alerts, check_alert, run_alert
from orchestration.resources import Ledger
from orchestration.sensors import failed_checks, failed_runs
from warehouse.paths import Home

NOW = dt.datetime(2026, 3, 1, 12)
SECRET = "T0ken-of-the-desk"
ALERT = check_alert(
    "core.cbp__monthly_encounters",
    "months_are_whole",
    "A month must have both components. Found: 2 rows (cbp_sbo-0123456789ab, 2024-01-01)",
    blocking=True,
)


class Webhook:
    """A webhook on loopback that keeps what it is sent and answers as told, the last answer for ever."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.statuses = [200]
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = outer.statuses.pop(0) if len(outer.statuses) > 1 else outer.statuses[0]
                if status < 300:
                    outer.bodies.append(json.loads(body))
                self.send_response(status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook/{SECRET}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    hook = Webhook()
    yield hook
    hook.close()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def written(home: Home) -> str:
    return "".join(p.read_text() for p in sorted(home.root.rglob("*")) if p.is_file())


def test_an_alert_names_asset_check_figure_and_what_to_do(home: Home, webhook: Webhook) -> None:
    alerts = Alerts(home, webhook.url)
    assert alerts.raise_alert(ALERT, NOW)
    assert alerts.deliver() == []
    (body,) = webhook.bodies
    for part in (
        "core.cbp__monthly_encounters",
        "months_are_whole",
        "2 rows (cbp_sbo-0123456789ab",
        "border build",
        "cannot help",
    ):
        assert part in body["text"]
    assert "\n" not in body["text"]
    assert json.loads(alerts.log.read_text())["text"] == body["text"]
    assert not list(alerts.pending.iterdir())


def test_without_a_webhook_the_file_has_it(home: Home) -> None:
    alerts = Alerts(home)
    alerts.raise_alert(ALERT, NOW)
    assert alerts.deliver() == []
    assert ALERT.text in alerts.log.read_text()


def test_the_same_alert_is_not_repeated_within_a_week(home: Home) -> None:
    alerts = Alerts(home)
    times = [NOW, NOW + dt.timedelta(days=6), NOW + dt.timedelta(days=8)]
    assert [alerts.raise_alert(ALERT, now) for now in times] == [True, False, True]


def test_a_webhook_that_is_down_gets_the_alert_later(home: Home, webhook: Webhook) -> None:
    alerts = Alerts(home, webhook.url)
    alerts.raise_alert(ALERT, NOW)
    webhook.statuses = [503, 429, 200]
    assert "503" in alerts.deliver()[0]
    assert "429" in alerts.deliver()[0]
    assert alerts.deliver() == []
    assert len(webhook.bodies) == 1


def test_a_webhook_nobody_answers_keeps_the_alert(home: Home) -> None:
    alerts = Alerts(home, "http://127.0.0.1:9/hook")
    alerts.raise_alert(ALERT, NOW)
    (line,) = alerts.deliver()
    assert "tried again" in line
    assert len(list(alerts.pending.iterdir())) == 1


def test_a_refused_alert_is_kept_and_not_sent_for_ever(home: Home, webhook: Webhook) -> None:
    alerts = Alerts(home, webhook.url)
    alerts.raise_alert(ALERT, NOW)
    webhook.statuses = [404]
    (line,) = alerts.deliver()
    assert WEBHOOK_VARIABLE in line
    assert alerts.deliver() == []
    assert len(list((alerts.folder / "refused").iterdir())) == 1


def test_the_address_of_the_webhook_is_never_written_or_logged(
    home: Home, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    alerts = Alerts(home, webhook.url)
    said = []
    for number, statuses in enumerate(([500, 200], [400, 200], [200])):
        webhook.statuses = statuses
        alerts.raise_alert(run_alert("january", None, f"fault {number}", is_permanent=False), NOW)
        said += alerts.deliver()
    said += Alerts(home, f"http://127.0.0.1:9/{SECRET}").deliver()
    assert len(said) >= 2
    assert SECRET not in "".join(said) + caplog.text + written(home)


def test_a_cut_off_line_of_the_log_hides_nothing(home: Home) -> None:
    alerts = Alerts(home)
    alerts.raise_alert(ALERT, NOW)
    with alerts.log.open("a") as log:
        log.write('{"fingerprint": "' + ALERT.fingerprint)
    assert not alerts.raise_alert(ALERT, NOW + dt.timedelta(days=1))


# Through Dagster


@dg.asset(key=["core", "t"])
def table() -> None:
    pass


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec("blocks", asset=["core", "t"], blocking=True),
        dg.AssetCheckSpec("warns", asset=["core", "t"]),
        dg.AssetCheckSpec("passes", asset=["core", "t"]),
    ]
)
def checks() -> Iterator[dg.AssetCheckResult]:
    for name, severity in (("blocks", "ERROR"), ("warns", "WARN"), ("passes", "WARN")):
        yield dg.AssetCheckResult(
            asset_key=dg.AssetKey(["core", "t"]),
            check_name=name,
            passed=name == "passes",
            severity=dg.AssetCheckSeverity[severity],
            description="summary",
            metadata={"findings": ["17 rows of January 2024", "3 rows of May"] if name == "blocks" else []},
        )


@dg.asset(key=["core", "broken"])
def broken() -> None:
    raise OSError(28, "No space left on device", "/data/work/warehouse.duckdb")


@pytest.fixture
def defs() -> dg.Definitions:
    return dg.Definitions(
        assets=[table, broken],
        asset_checks=[checks],
        jobs=[
            dg.define_asset_job("january", selection=dg.AssetSelection.assets(table)),
            dg.define_asset_job("fails", selection=dg.AssetSelection.assets(broken)),
        ],
        executor=dg.in_process_executor,
    )


def test_each_finding_of_a_failed_check_is_alerted_once(
    home: Home, webhook: Webhook, defs: dg.Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WEBHOOK_VARIABLE, webhook.url)
    with dg.DagsterInstance.ephemeral() as instance:
        defs.resolve_job_def("january").execute_in_process(instance=instance, raise_on_error=False)
        cursor, pages = None, []
        for _ in range(2):
            context = dg.build_sensor_context(
                instance=instance, cursor=cursor, repository_def=defs.get_repository_def()
            )
            result = failed_checks(context, ledger=Ledger(root=str(home.root)))
            assert isinstance(result, dg.SensorResult)
            cursor = result.cursor or cursor
            pages.append(len(result.run_requests or []))
    texts = [body["text"] for body in webhook.bodies]
    assert pages == [1, 0]
    assert len(texts) == 3
    assert all("core.t" in text for text in texts)
    assert sum("check blocks: 17 rows of January 2024" in text for text in texts) == 1
    assert sum(text.startswith("check warns: core.t, check warns") for text in texts) == 1


def test_a_check_is_alerted_though_it_was_looked_for_before_it_ran_and_passed_afterwards(
    home: Home, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tick while the run is planned, and a run that passes before the next tick, hide nothing."""
    monkeypatch.setenv(WEBHOOK_VARIABLE, webhook.url)
    passes = False

    with dg.DagsterInstance.ephemeral() as instance:
        cursor: str | None = None

        def tick() -> None:
            nonlocal cursor
            context = dg.build_sensor_context(
                instance=instance, cursor=cursor, repository_def=defs.get_repository_def()
            )
            result = failed_checks(context, ledger=Ledger(root=str(home.root)))
            assert isinstance(result, dg.SensorResult)
            cursor = result.cursor or cursor

        @dg.asset
        def looked_for_meanwhile() -> None:
            tick()

        @dg.asset_check(asset=looked_for_meanwhile)
        def january() -> dg.AssetCheckResult:
            return dg.AssetCheckResult(passed=passes, description="75,316 is not 75,198")

        defs = dg.Definitions([looked_for_meanwhile], asset_checks=[january], executor=dg.in_process_executor)
        job = defs.resolve_implicit_global_asset_job_def()
        job.execute_in_process(instance=instance, raise_on_error=False)
        passes = True
        job.execute_in_process(instance=instance)
        tick()
    (body,) = webhook.bodies
    assert "75,316 is not 75,198" in body["text"]


def test_a_failed_run_is_alerted_with_step_and_fault(
    home: Home, defs: dg.Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(WEBHOOK_VARIABLE, raising=False)
    with dg.DagsterInstance.ephemeral() as instance:
        for job in ("fails", "january"):
            done = defs.resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False)
            assert not done.success
            context = dg.build_run_status_sensor_context(
                sensor_name="failed_runs",
                dagster_instance=instance,
                dagster_run=done.dagster_run,
                dagster_event=done.get_run_failure_event(),
            ).for_run_failure()
            failed_runs(context, ledger=Ledger(root=str(home.root)))
    (line,) = (home.root / "alerts" / "alerts.jsonl").read_text().splitlines()
    text = json.loads(line)["text"]
    assert "run failed: fails, step core__broken" in text
    assert "No space left on device" in text
    assert "/data/work/warehouse.duckdb" in text
    assert "border doctor" in text
