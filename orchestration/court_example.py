"""Two small made-up court releases and the marts made of them, for answers that need a court release to be shown.

Belongs here: which releases, and the steps of a build that lead to their marts. Does not belong here: the generator
(`warehouse.court.synth`), any figure. Everything in it is SYNTHETIC.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from orchestration import court, steps
from orchestration.ingest import ingest_court_zip
from transforms.models import models
from warehouse.archive import Archive
from warehouse.court import storage, synth
from warehouse.paths import Home
from warehouse.writer import Warehouse

CASES, SEED = 3000, 7
#: The older release holds this many cases more: in the newer one they have vanished.
VANISHED = 30
RELEASES = (("2026-07-02", CASES + VANISHED), ("2026-08-01", CASES))
_NOW = dt.datetime(2026, 8, 2)


def build(folder: Path) -> Path:
    """Write the releases and a warehouse of court marts beside the reviewed data into `folder`; returns its file."""
    home = Home(folder)
    archive = Archive(home.archive)
    for published, cases in RELEASES:
        path = folder / f"made-up-{published}.zip"
        synth.write_release(path, cases, SEED, method=8)
        ingest_court_zip(path, archive, published=published, now=_NOW, move=True)
    court.read_all(home, archive)
    with Warehouse(home.build_file) as warehouse:
        steps.load_reviewed(warehouse)
        steps.load_releases(warehouse, archive)
        chosen = [m for name, m in models().items() if name.startswith(("marts.court_", "marts.mpp_"))]
        for model in steps.in_build_order([m for m in chosen if m.name != storage.CASES]):
            steps.build_model(warehouse, model.name)
    return home.build_file
