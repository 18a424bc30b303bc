"""The notebook runs from top to bottom without a screen, and ends where the warehouse ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from installation import ROOT, Home

NOTEBOOK = ROOT / "notebooks" / "january_2021.py"


def run(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "BORDER_HOME": str(root), "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def figures(carried_home: Home) -> dict[str, str]:
    """What the notebook must find, read from the marts."""
    with duckdb.connect(str(carried_home.published), read_only=True) as con:
        value, prior, percent, status = con.execute(
            "select value, prior, pct_change, status from marts.january_yoy "
            "where measure_id = 'usbp_southwest' and january = 2021"
        ).fetchall()[0]
        (holding, failing) = con.execute(
            "select definitions_holding, definitions_failing from marts.claims where claim_number = 1"
        ).fetchall()[0]
    return {
        "figure": f"{value:,} events against {prior:,}, {percent:+.1f} percent, status {status}",
        "holding": f"holds under {holding} of {holding + failing} definitions",
        "failing": f"not under {failing}",
    }


def test_it_runs_as_a_script_and_prints_what_can_be_said(carried_home: Home, figures: dict[str, str]) -> None:
    done = run(carried_home.root, str(NOTEBOOK))
    assert done.returncode == 0, done.stderr
    for text in figures.values():
        assert text in done.stdout


def test_it_exports_as_a_page(carried_home: Home, figures: dict[str, str], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = run(carried_home.root, "-m", "marimo", "export", "html", str(NOTEBOOK), "-o", str(page))
    assert done.returncode == 0, done.stderr
    written = page.read_text("utf-8")
    assert figures["figure"] in written
    assert "2021-01,2021,usbp,southwest,all,all,single_adults,mexico,title_42,expulsions" in written


def test_it_is_a_notebook_without_a_warning() -> None:
    done = run(ROOT, "-m", "marimo", "check", "--strict", str(NOTEBOOK))
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_says_what_to_do_where_nothing_is_published(tmp_path: Path) -> None:
    done = run(tmp_path, str(NOTEBOOK))
    assert done.returncode != 0
    assert "run `border build`" in done.stderr


def test_no_figure_is_written_in_it(figures: dict[str, str]) -> None:
    text = NOTEBOOK.read_text("utf-8")
    assert not [
        number for number in ("75,316", "75316", "29,205", "29205", "157", "62,529") if number in text
    ]
