"""A deployment on loopback: PostgreSQL and the services of deploy/compose.yaml as plain processes.

Belongs here: starting, finding and ending the processes. Every command and variable is read from the compose file;
only hosts, ports and folders are changed. Does not belong here: any assertion about what they do.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import yaml

ROOT = Path(__file__).parents[1]
COMPOSE = ROOT / "deploy" / "compose.yaml"


def compose() -> dict[str, Any]:
    """The compose file as it reads."""
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(what: str, found: Callable[[], Any], seconds: float, every: float = 0.5) -> Any:
    """The first true value of `found`; AssertionError, naming what was waited for, after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(every)
    raise AssertionError(f"{what}: not within {seconds:.0f} s")


def postgres_program(name: str) -> Path | None:
    """A program of PostgreSQL; Debian keeps the server's out of the path."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = versions[-1] if versions else shutil.which(name)
    return Path(found) if found else None


class Postgres:
    """A private cluster on a loopback port, run by `postgres` where we are root, with trust in loopback alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._server: subprocess.Popen[bytes] | None = None

    def _command(self, program: str, *arguments: str) -> list[str]:
        path = postgres_program(program)
        assert path is not None, f"{program} is not installed"
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        return [*as_user, str(path), *arguments]

    def start(self) -> None:
        self.folder.mkdir(parents=True)
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
            for parent in (self.folder.parent, *self.folder.parent.parents):
                if parent.stat().st_mode & 0o001 == 0:
                    parent.chmod(parent.stat().st_mode | 0o011)
        data = str(self.folder / "data")
        subprocess.run(
            self._command(
                "initdb", "--pgdata", data, "--username", "dagster", "--auth", "trust", "--no-sync"
            ),
            check=True,
            capture_output=True,
            cwd="/",
        )
        self._server = subprocess.Popen(
            self._command(
                "postgres", "-D", data, "-p", str(self.port), "-c", "listen_addresses=127.0.0.1",
                "-c", "unix_socket_directories=", "-c", "fsync=off",
            ),
            stdout=subprocess.DEVNULL,
            stderr=(self.folder.parent / "postgres.log").open("wb"),
            cwd="/",
        )  # fmt: skip
        until("PostgreSQL", self._create_database, 60)

    def _create_database(self) -> bool:
        import psycopg2

        try:
            con = psycopg2.connect(host="127.0.0.1", port=self.port, user="dagster", dbname="postgres")
        except psycopg2.OperationalError:
            return False
        con.autocommit = True
        with con.cursor() as cursor:
            cursor.execute("create database dagster")
        con.close()
        return True

    def stop(self) -> None:
        if self._server:
            pid = self._postmaster() or self._server.pid
            os.kill(pid, signal.SIGINT)
            try:
                self._server.wait(30)
            except subprocess.TimeoutExpired:
                os.kill(pid, signal.SIGKILL)
                self._server.wait(10)

    def _postmaster(self) -> int | None:
        try:
            return int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        except (FileNotFoundError, ValueError, IndexError):
            return None


class Deployment:
    """The three services of the compose file over one home."""

    def __init__(self, home: Path, postgres: Postgres, **environment: str) -> None:
        self.home = home
        self.ports = {"4000": str(free_port()), "3000": str(free_port())}
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("BORDER_", "DAGSTER_"))},
            **self._declared(),
            "BORDER_HOME": str(home),
            "DAGSTER_HOME": str(ROOT / "deploy"),
            "BORDER_DAGSTER_FILES": str(home / "dagster"),
            "BORDER_CODE_HOST": "127.0.0.1",
            "BORDER_CODE_PORT": self.ports["4000"],
            "BORDER_PG_HOST": "127.0.0.1",
            "BORDER_PG_PORT": str(postgres.port),
            "BORDER_PG_PASSWORD": "trusted-on-loopback",
            "PYTHONPATH": str(ROOT),
            **environment,
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    @staticmethod
    def _declared() -> dict[str, str]:
        """Plain values of the compose file; those taken from the outside are left out."""
        declared = compose()["services"]["code"]["environment"]
        return {k: str(v) for k, v in declared.items() if not str(v).startswith("${")}

    def command(self, service: str) -> list[str]:
        """The service's command with loopback for every interface and free ports for the usual ones."""
        words = [str(word) for word in compose()["services"][service]["command"]]
        program, *arguments = (self.ports.get(w, "127.0.0.1" if w == "0.0.0.0" else w) for w in words)
        return [str(self.program(program)), *arguments]

    @staticmethod
    def program(name: str) -> Path:
        """A command of this environment."""
        return Path(sys.executable).parent / name

    def start(self, service: str) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        log = (self.home.parent / f"{service}.log").open("ab")
        self.running[service] = subprocess.Popen(
            self.command(service),
            cwd=ROOT,
            env=self.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def healthy(self) -> bool:
        """What the compose file's own health check of the code server says."""
        words = [str(w) for w in compose()["services"]["code"]["healthcheck"]["test"][1:]]
        program, *arguments = (self.ports.get(w, w) for w in words)
        done = subprocess.run(
            [str(Path(sys.executable).parent / program), *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            check=False,
        )
        return done.returncode == 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['3000']}"

    def answers(self) -> bool:
        try:
            with urlopen(f"{self.url}/server_info", timeout=10) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    def ask(self, query: str) -> dict[str, Any]:
        """A GraphQL query to the webserver."""
        request = Request(
            f"{self.url}/graphql", json.dumps({"query": query}).encode(), {"content-type": "application/json"}
        )
        with urlopen(request, timeout=60) as reply:
            body = json.load(reply)
        assert "errors" not in body, body
        found: dict[str, Any] = body["data"]
        return found

    def runs(self) -> list[dict[str, Any]]:
        """Runs, newest first, with their tags."""
        data = self.ask(
            "{ runsOrError(limit: 100) { ... on Runs { results { "
            "runId jobName status tags { key value } assetSelection { path } } } } }"
        )
        return [
            {**run, "tags": {t["key"]: t["value"] for t in run["tags"]}}
            for run in data["runsOrError"]["results"]
        ]

    def worker(self, run_id: str) -> int | None:
        """Process id of a run's worker while it is alive, as the run's own log names it."""
        data = self.ask(
            f'{{ logsForRun(runId: "{run_id}") {{ ... on EventConnection {{ events {{ '
            "... on MessageEvent { message } } } } }"
        )
        messages = " ".join(event.get("message", "") for event in data["logsForRun"]["events"])
        found = re.search(r"\(pid: (\d+)\)", messages)
        return int(found[1]) if found and self._is_ours(int(found[1])) else None

    def _is_ours(self, pid: int) -> bool:
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return False
        return f"BORDER_HOME={self.home}".encode() in environment

    def kill(self, service: str) -> None:
        """End a service as a crash would: its process alone, without warning."""
        process = self.running.pop(service)
        process.kill()
        process.wait(30)

    def stop(self) -> None:
        """End every process of the deployment, by its process group; what has not gone within seconds is killed."""
        for process in self.running.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + 5
        for process in self.running.values():
            try:
                process.wait(max(0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)
        for folder in Path("/proc").glob("[0-9]*"):  # workers and code servers that outlived their parent
            if self._is_ours(int(folder.name)):
                os.kill(int(folder.name), signal.SIGKILL)
        self.running.clear()

    def logs(self) -> str:
        """The end of what each service printed, for a failed test."""
        return "\n".join(
            f"--- {path.name}\n" + path.read_text("utf-8", errors="replace")[-3000:]
            for path in sorted(self.home.parent.glob("*.log"))
        )
