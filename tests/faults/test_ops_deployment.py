"""The deployment as plain processes: a scheduled run publishes, and a kill of any process loses nothing.

Code server, webserver and daemon run by the commands and variables of deploy/compose.yaml over a private PostgreSQL;
publishers and webhook are on loopback. The tests of this file build on one another.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import pytest
import yaml
from deployment import ROOT, Deployment, Postgres, postgres_program, until
from publisher_server import CAPTCHA, PublisherServer

from warehouse import versions
from warehouse.acquire.sources import SOURCES_FILE
from warehouse.writer import BuildLock

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(postgres_program("initdb") is None, reason="PostgreSQL is not installed"),
]
PATIENCE = 420


class Told:
    """A webhook that keeps what it is sent."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.texts.append(body["text"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/T0ken"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Running:
    """The deployment with its publishers and its webhook."""

    def __init__(self, deployment: Deployment, told: Told) -> None:
        self.deployment = deployment
        self.told = told
        self.published = deployment.home / "published"

    def version(self) -> str | None:
        """The version readers get, by the file they open."""
        file = self.published / "warehouse.duckdb"
        if not file.exists():
            return None
        with duckdb.connect(str(file), read_only=True) as con:
            row = con.execute("select version from meta.publication").fetchone()
        return row[0] if row else None

    def drop(self, name: str) -> None:
        folder = self.deployment.home / "inbox" / "drop"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"a,b\n{name},2\n")

    def fetches(self) -> list[dict[str, Any]]:
        return [run for run in self.deployment.runs() if run["jobName"] == "fetch"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("deployment")
    postgres, told = Postgres(folder / "postgres"), Told()
    with PublisherServer() as publishers:
        register = yaml.safe_load(SOURCES_FILE.read_text("utf-8"))
        for entry in register.values():
            for key in ("landing_page", "url"):
                if key in entry:
                    path = urlsplit(entry[key]).path
                    publishers.answer(path, CAPTCHA)
                    entry[key], entry["hosts"] = publishers.url(path), [publishers.host]
        (folder / "sources.yml").write_text(yaml.safe_dump(register), "utf-8")
        deployment = Deployment(
            folder / "home",
            postgres,
            BORDER_PUBLICATION_CRON="* * * * *",
            BORDER_SOURCES=str(folder / "sources.yml"),
            BORDER_ALERT_WEBHOOK=told.url,
        )
        try:
            postgres.start()
            deployment.start("code")
            until("the code server", deployment.healthy, 180)
            deployment.start("webserver")
            deployment.start("daemon")
            until("the webserver", deployment.answers, 180)
            yield Running(deployment, told)
        except BaseException:
            print(deployment.logs())
            raise
        finally:
            deployment.stop()
            postgres.stop()
            told.close()


def test_a_scheduled_run_leads_to_a_published_warehouse(running: Running) -> None:
    until("a published version", lambda: versions.current(running.published), PATIENCE)
    record = versions.current(running.published)
    assert record is not None
    assert record.version == running.version()
    assert record.releases == len(list((ROOT / "reference" / "series").glob("*.csv")))
    folder = versions.current_folder(running.published)
    assert folder is not None
    assert versions.damaged(folder) == []
    scheduled = [r for r in running.fetches() if r["tags"].get("dagster/schedule_name") == "publication_days"]
    assert "SUCCESS" in {run["status"] for run in scheduled}
    by_automation = [
        r for r in running.deployment.runs() if r["tags"].get("dagster/sensor_name") == "raw_to_published"
    ]
    assert by_automation


def test_a_blocked_publisher_is_told_to_the_webhook(running: Running) -> None:
    found = until("an alert", lambda: [t for t in running.told.texts if "cbp_sbo: blocked" in t], PATIENCE)
    assert "meta.fetch_log" in found[0]
    assert str(running.deployment.home / "inbox" / "drop") in found[0]


def test_nothing_is_written_into_the_checkout_and_no_secret_anywhere(running: Running) -> None:
    listed = subprocess.run(
        ["git", "status", "--porcelain", "deploy"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert not [line for line in listed.stdout.splitlines() if line.startswith("??") and "logs" in line]
    for path in running.deployment.home.parent.rglob("*"):
        if path.is_file() and path.suffix in (".log", ".jsonl", ".json", ".out", ".err"):
            text = path.read_text("utf-8", errors="replace")
            assert "T0ken" not in text, path
            assert "trusted-on-loopback" not in text, path


def test_only_loopback_is_listened_to(running: Running) -> None:
    """Every socket that a service listens on has a loopback address."""
    ours = {process.pid for process in running.deployment.running.values()}
    children = {
        int(p.name)
        for p in Path("/proc").glob("[0-9]*")
        if (stat := _stat(p)) and (int(stat[3]) in ours or int(stat[4]) in ours)
    }
    sockets = {
        link.split("[")[1].rstrip("]")
        for pid in ours | children
        for fd in Path(f"/proc/{pid}/fd").glob("*")
        if (link := _link(fd)).startswith("socket:")
    }
    listening = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == "0A" and columns[9] in sockets:
                listening.append(columns[1].split(":")[0])
    loopback = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
    assert listening
    assert set(listening) <= loopback


def _stat(process: Path) -> list[str] | None:
    """Fields of /proc/N/stat from the state on, with the number and name before it kept as two."""
    try:
        text = (process / "stat").read_text()
    except OSError:
        return None
    head, tail = text.rsplit(")", 1)
    return [*head.split(" (", 1), *tail.split()]


def _link(fd: Path) -> str:
    try:
        return str(fd.readlink())
    except OSError:
        return ""


def test_a_killed_daemon_and_a_killed_webserver_come_back_and_nothing_is_lost(running: Running) -> None:
    before, version = {run["runId"] for run in running.deployment.runs()}, running.version()
    for service in ("daemon", "webserver"):
        running.deployment.kill(service)
    assert running.version() == version
    for service in ("webserver", "daemon"):
        running.deployment.start(service)
    until("the webserver again", running.deployment.answers, 180)
    assert before <= {run["runId"] for run in running.deployment.runs()}
    running.drop("after-the-kill.csv")
    until(
        "a run of the daemon that came back",
        lambda: [r for r in running.fetches() if r["runId"] not in before and r["status"] == "SUCCESS"],
        PATIENCE,
    )


def test_a_killed_run_worker_is_noticed_told_and_started_again(running: Running) -> None:
    version = running.version()
    before = {run["runId"] for run in running.deployment.runs()}
    with BuildLock(running.deployment.home / "work" / "build.lock", wait=120):
        running.drop("held-up.csv")

        def held_up() -> tuple[str, int] | None:
            for run in running.fetches():
                is_new = run["runId"] not in before and run["status"] == "STARTED"
                if is_new and (pid := running.deployment.worker(run["runId"])):
                    return run["runId"], pid
            return None

        run_id, pid = until("a run that waits for the warehouse", held_up, PATIENCE)
        os.kill(pid, signal.SIGKILL)
    again = until(
        "the run started again",
        lambda: [
            run
            for run in running.fetches()
            if run["tags"].get("dagster/parent_run_id") == run_id and run["status"] == "SUCCESS"
        ],
        PATIENCE,
    )
    assert again
    (killed,) = [run for run in running.fetches() if run["runId"] == run_id]
    assert killed["status"] == "FAILURE"
    until(
        "an alert of the killed run",
        lambda: [text for text in running.told.texts if text.startswith("run failed: fetch")],
        PATIENCE,
    )
    assert running.version() == version
