"""The build file across the steps of one process: kept open, and opened anew after a failure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration import resources
from orchestration.resources import Ledger
from warehouse.writer import BuildLock


def test_steps_inside_share_one_connection_and_the_file_is_free_afterwards(tmp_path: Path) -> None:
    ledger = Ledger(root=str(tmp_path))
    with ledger.kept_open():
        with ledger.open() as first:
            first.con.execute("create table meta.noted as select 1 as n")
        with ledger.open() as second:
            assert second is first
        assert BuildLock.holder(ledger.home.build_lock) is not None
    assert BuildLock.holder(ledger.home.build_lock) is None
    with pytest.raises(duckdb.ConnectionException):
        first.con.execute("select 1")
    with ledger.open() as third, ledger.open() as fourth:
        assert third is not fourth
        assert third.con.execute("from meta.noted").fetchall() == [(1,)]


def test_after_a_step_that_failed_the_next_gets_another_connection(tmp_path: Path) -> None:
    ledger = Ledger(root=str(tmp_path))
    with ledger.kept_open():
        with ledger.open() as before:
            before.con.execute("create table meta.noted as select 1 as n")
        with pytest.raises(ZeroDivisionError):
            _half_a_step(ledger)
        with ledger.open() as after:
            assert after is not before
            assert after.con.execute("from meta.noted").fetchall() == [(1,)]


def _half_a_step(ledger: Ledger) -> None:
    with ledger.open() as warehouse:
        warehouse.con.begin()
        warehouse.con.execute("insert into meta.noted values (2)")
        raise ZeroDivisionError


_HOLD = """\
import sys
from pathlib import Path
from warehouse.writer import BuildLock
with BuildLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_process_takes_the_first_worker_that_is_free_where_builds_share_a_lake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "_taken", {})
    monkeypatch.setenv("BORDER_LAKE_WORKERS", "2")
    ledger = Ledger(root=str(tmp_path))
    ledger._take_worker()
    assert ledger.home.worker == 1, "workers without a lake"
    monkeypatch.setenv("BORDER_TARGET", "ducklake:somewhere")
    hold = [sys.executable, "-c", _HOLD]
    with subprocess.Popen([*hold, str(ledger.home.build_lock)], stdin=-1, stdout=-1, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        ledger._take_worker()
        assert ledger.home.build_file == tmp_path / "work" / "worker-2" / "warehouse.duckdb"
        assert ledger.home.court_build_file == tmp_path / "work" / "court.duckdb"
        first.communicate()
    ledger._take_worker()
    assert ledger.home.worker == 2, "it stays with its file"
    _, lock = resources._taken.pop(tmp_path)
    lock.__exit__(None, None, None)
