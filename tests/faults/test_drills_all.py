"""Every fault drill: nothing lost, nothing half published, one clear line; and the report is of these drills."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from drills import DRILLS, Drill, Scene
from installation import ROOT, Home


@pytest.mark.slow
@pytest.mark.parametrize("one", DRILLS, ids=lambda drill: drill.name)
def test_drill(one: Drill, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    home = None
    if one.needs_home:
        built: Home = request.getfixturevalue("small_home")
        shutil.copytree(built.root, tmp_path / "home")
        home = Home(tmp_path / "home", built.reference)
    outcome = one.run(Scene(tmp_path, thorough=False, home=home))
    if not outcome.times:
        pytest.skip("; ".join(outcome.notes))
    assert outcome.lost == 0, outcome.notes
    assert outcome.half_published == 0, outcome.notes
    assert outcome.said.strip(), "nobody is told anything"
    assert len(outcome.said.strip().splitlines()) == 1
    assert "Traceback" not in outcome.said


def test_the_report_is_of_these_drills() -> None:
    report = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    missing = [drill.fault for drill in DRILLS if f"| {drill.fault} |" not in report]
    assert not missing, "run `python -m tests.faults.report` and commit docs/reliability.md"
