"""The deployment's files: the compose file is valid and modest, units and compose run the same commands."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import Any

import pytest
import yaml
from deployment import COMPOSE, ROOT, compose

DEPLOY = ROOT / "deploy"
SERVICES = ("code", "webserver", "daemon")


def test_the_compose_file_follows_the_compose_specification() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_image_is_pinned() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text("utf-8")
    images = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    images += [service["image"] for service in compose()["services"].values()]
    assert len(images) == 5
    assert all(re.search(r":\d+\.\d+(\.\d+)?", image) for image in images), images


def test_only_the_webserver_is_published_and_only_on_loopback() -> None:
    ports = {name: service.get("ports", []) for name, service in compose()["services"].items()}
    assert {name for name, found in ports.items() if found} == {"webserver"}
    assert all(port.startswith("127.0.0.1:") for port in ports["webserver"])


def test_no_secret_has_a_default() -> None:
    text = COMPOSE.read_text("utf-8")
    assert set(re.findall(r"PASSWORD: (\S+?:\?)", text)) == {"${BORDER_PG_PASSWORD:?"}
    example = (DEPLOY / "env.example").read_text("utf-8")
    assert all(line.endswith("=") for line in example.splitlines() if line and not line.startswith("#"))


def variables(value: Any) -> set[str]:
    """Names in `{env: NAME}` anywhere in a settings file."""
    if isinstance(value, dict):
        named = {value["env"]} if set(value) == {"env"} else set()
        return named.union(*(variables(v) for v in value.values()))
    if isinstance(value, list):
        return set().union(*(variables(v) for v in value))
    return set()


@pytest.mark.parametrize("file", ["dagster.yaml", "workspace.yaml"])
def test_every_variable_of_the_settings_is_given_by_compose_and_units(file: str) -> None:
    wanted = variables(yaml.safe_load((DEPLOY / file).read_text("utf-8")))
    assert wanted
    for service in SERVICES:
        assert wanted <= set(compose()["services"][service]["environment"])
        unit = (DEPLOY / "systemd" / f"border-ledger-{service}.service").read_text("utf-8")
        given = set(re.findall(r"\b([A-Z_]+)=", unit)) | {"BORDER_PG_PASSWORD"}  # from the EnvironmentFile
        assert wanted <= given


@pytest.mark.parametrize("service", SERVICES)
def test_a_unit_runs_the_command_of_its_service_on_loopback(service: str) -> None:
    unit = (DEPLOY / "systemd" / f"border-ledger-{service}.service").read_text("utf-8")
    line = re.search(r"^ExecStart=(.+)$", unit, re.MULTILINE)
    assert line is not None
    program, *arguments = shlex.split(line[1])
    expected = ["127.0.0.1" if w == "0.0.0.0" else w for w in compose()["services"][service]["command"]]
    assert [program.rsplit("/", 1)[-1], *arguments] == expected


def test_the_settings_keep_one_writer_and_send_nothing_home() -> None:
    settings = yaml.safe_load((DEPLOY / "dagster.yaml").read_text("utf-8"))
    assert settings["concurrency"]["pools"] == {"default_limit": 1, "granularity": "op"}
    assert settings["run_monitoring"]["free_slots_after_run_end_seconds"] > 0
    assert settings["run_retries"]["retry_on_asset_or_op_failure"] is False
    assert settings["telemetry"] == {"enabled": False}
    assert set(settings["retention"]) == {"schedule", "sensor", "auto_materialize"}
