"""`border doctor`: each thing that can be wrong is named with what to do, and nothing is changed by looking."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from editions import publish_edition
from installation import Home as BuiltHome

from orchestration import doctor
from orchestration.doctor import Finding, Verdict, examine
from warehouse.archive import Archive
from warehouse.paths import Home
from warehouse.writer import BuildLock

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)


def of(area: str, found: list[Finding]) -> list[Finding]:
    return [f for f in found if f.area == area]


def test_an_empty_home_is_told_to_build(tmp_path: Path) -> None:
    found = examine(Home(tmp_path / "home"), NOW)
    assert not (tmp_path / "home").exists()
    assert "border build" in of("build", found)[0].line
    assert {f.area for f in found} >= {
        "environment", "versions", "disk", "locks", "archive", "build", "published", "clock", "runs", "sources", "alerts",
    }  # fmt: skip


@pytest.mark.slow
def test_a_sound_home_has_nothing_to_act_on_and_is_not_touched(
    small_home: BuiltHome, fingerprint: Callable[[Path], dict[str, bytes]]
) -> None:
    before = fingerprint(small_home.root / "archive") | fingerprint(small_home.root / "published")
    done = small_home.border("doctor", "--json")
    findings = json.loads(done.stdout)["findings"]
    assert done.returncode == 0, done.stdout
    assert [f for f in findings if f["verdict"] == "act"] == []
    assert any(f["area"] == "pool" and "0 of 1" in f["message"] for f in findings)
    assert any(f["area"] == "runs" and "january" in f["message"] for f in findings)
    assert any(f["area"] == "sources" and "never asked" in f["message"] for f in findings)
    assert before == fingerprint(small_home.root / "archive") | fingerprint(small_home.root / "published")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    publish_edition(tmp_path / "build.duckdb", tmp_path / "home" / "published", 1)
    return Home(tmp_path / "home")


def test_a_changed_file_of_a_version_is_named(home: Home) -> None:
    parquet = next(home.published.rglob("january_yoy.parquet"))
    parquet.write_bytes(b"x")
    (finding,) = of("published", examine(home, NOW))
    assert finding.verdict is Verdict.ACT
    assert str(parquet) in finding.message
    assert "border publish" in finding.line


def test_a_publication_cut_off_before_the_pointer_is_named(home: Home, tmp_path: Path) -> None:
    pointer = (home.published / "current.json").read_bytes()
    publish_edition(tmp_path / "build.duckdb", home.published, 2)
    (home.published / "current.json").write_bytes(pointer)
    (finding,) = of("published", examine(home, NOW))
    assert finding.verdict is Verdict.LOOK
    assert "interrupted between the two" in finding.message


def test_a_clock_behind_the_last_publication_is_named(home: Home) -> None:
    (finding,) = of("clock", examine(home, dt.datetime(2020, 1, 1, tzinfo=dt.UTC)))
    assert finding.verdict is Verdict.LOOK
    assert "set the clock" in finding.line


def test_the_process_that_builds_is_named(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with BuildLock(home.build_lock):
        (finding,) = of("locks", examine(home, NOW))
    assert "is building" in finding.message


def test_damaged_bytes_without_a_release_are_named(home: Home) -> None:
    archive = Archive(home.archive)
    sha256 = archive.store(b"a document")
    archive.blob(sha256).write_bytes(b"a dokument")
    assert [f.verdict for f in of("archive", examine(home, NOW))] == [Verdict.ACT]
    assert [f.verdict for f in of("archive", examine(home, NOW, deep=False))] == [Verdict.OK]


def test_a_full_disk_is_named_before_it_stops_a_build(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: Usage)
    (finding,) = of("disk", examine(home, NOW))
    assert finding.verdict is Verdict.ACT


def test_an_examination_that_fails_is_a_finding_and_stops_no_other(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(home: Home) -> None:
        raise RuntimeError("out of\norder")

    monkeypatch.setattr(doctor, "_disk", broken)
    found = examine(home, NOW)
    assert of("disk", found)[0].verdict is Verdict.ACT
    assert "\n" not in of("disk", found)[0].line
    assert of("alerts", found)


def test_secrets_are_named_and_not_shown(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BORDER_ALERT_WEBHOOK", "https://chat.example/T0ken")
    monkeypatch.setenv("BORDER_PG_PASSWORD", "s3cret")
    text = "\n".join(f.line for f in examine(home, NOW))
    assert "BORDER_ALERT_WEBHOOK" in text
    assert "T0ken" not in text
    assert "s3cret" not in text
