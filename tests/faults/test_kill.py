"""Kill -9 at random moments: readers have one whole version or the other, and the next build succeeds.

BORDER_KILLS sets how often a build is killed (3 by default; 20 by hand), BORDER_SEED repeats a run; both are printed.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from installation import Home

from warehouse import versions
from warehouse.writer import undocumented

KILLS = int(os.environ.get("BORDER_KILLS", "3"))
SEED = int(os.environ.get("BORDER_SEED", random.SystemRandom().randrange(2**32)))

#: One more series for each of the first builds; every build after that finds nothing new.
FURTHER_SERIES = (
    "cbp_nationwide_state_2020-10_2023-10.csv",
    "cbp_nationwide_state_2020-10_2023-11.csv",
    "cbp_nationwide_state_2020-10_2023-12.csv",
    "cbp_nationwide_state_2020-10_2024-01.csv",
)


def whole(published: Path) -> tuple[str, int]:
    """Version and releases of the published file, which must be all there."""
    with duckdb.connect(str(published), read_only=True) as con:
        assert undocumented(con) == []
        ((version, releases),) = con.execute("select version, releases from meta.publication").fetchall()
        known = con.execute("select count(*) from meta.releases where trust <> 'quoted'").fetchall()
        assert known == [(releases,)]
        short = con.execute(
            "select r.release_id from meta.releases r left join meta.row_ledger l using (release_id) "
            "where r.layout <> 'quoted' group by r.release_id, r.lines_in_file "
            "having r.lines_in_file is distinct from sum(l.lines)"
        ).fetchall()
        assert short == []
        assert con.execute("select value from marts.january_yoy where measure_id = 'usbp_southwest' and january = 2023") \
            .fetchall() == [(129_513,)]  # fmt: skip
    return str(version), int(releases)


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate(timeout=60)


@pytest.mark.slow
def test_a_killed_build_leaves_one_whole_version_and_the_next_build_succeeds(home: Home) -> None:
    chance = random.Random(SEED)
    print(f"BORDER_SEED={SEED} BORDER_KILLS={KILLS}")
    usual = float((home.root / "ready").read_text().split()[2])
    for round_no in range(KILLS):
        before = whole(home.published)
        if round_no < len(FURTHER_SERIES):
            home.carry(FURTHER_SERIES[round_no])
        process = home.start("build")
        if round_no % 2:  # in the moments that matter most: once the new version is being written
            wait_for_publication(home, process)
            moment = chance.uniform(0, 1)
        else:
            moment = chance.uniform(0, usual)
        print(f"round {round_no}: kill after {moment:.2f} s")
        try:
            process.communicate(timeout=moment)
        except subprocess.TimeoutExpired:
            kill(process)
        after = whole(home.published)
        assert after == before or after[1] >= before[1], "an older version came back"
    done = home.border("build")
    assert done.returncode == 0, done.stderr
    expected = 2 + min(KILLS, len(FURTHER_SERIES))
    assert whole(home.published)[1] == expected
    assert list((home.root / "published" / "versions").glob(".building-*")) == []


def wait_for_publication(home: Home, process: subprocess.Popen[str]) -> None:
    folder = home.root / "published" / "versions"
    before = {p.name for p in folder.iterdir() if not p.name.startswith(".")}
    until = time.monotonic() + 240
    while process.poll() is None and time.monotonic() < until:
        names = {p.name for p in folder.iterdir()}
        if any(n.startswith(".building-") for n in names) or names - before:
            return
        time.sleep(0.005)


_PUBLISH_FOR_EVER = """\
import datetime as dt, itertools, sys
from pathlib import Path
from warehouse import publish
from warehouse.writer import Warehouse
with Warehouse(Path(sys.argv[1])) as warehouse:
    for n in itertools.count():
        now = dt.datetime(2025, 1, 1) + dt.timedelta(seconds=n)
        publish.publish(warehouse, Path(sys.argv[2]), code=f"{sys.argv[3]}.{n}", now=now)
"""


@pytest.mark.slow
def test_a_killed_publication_never_leaves_half_a_version(home: Home) -> None:
    """Publications follow one another without a pause, so that a kill falls into the copy, the renames or the pruning."""
    chance = random.Random(SEED)
    print(f"BORDER_SEED={SEED} BORDER_KILLS={KILLS}")
    for round_no in range(KILLS + 2):
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                _PUBLISH_FOR_EVER,
                str(home.build_file),
                str(home.published),
                str(round_no),
            ],
            env=home.environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.poll() is None
        moment = chance.uniform(0.3, 3)
        print(f"round {round_no}: kill after {moment:.2f} s")
        time.sleep(moment)
        assert process.poll() is None, process.communicate()[1]
        kill(process)
        version, _ = whole(home.published)
        published = home.root / "published"
        kept = [p for p in (published / "versions").iterdir() if not p.name.startswith(".building-")]
        assert kept
        for folder in kept:
            assert (folder / versions.CHECKSUMS).exists(), f"{folder.name} is not whole"
        assert version
