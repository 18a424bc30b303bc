"""Kill -9 of writers of a lake at random moments: nothing is lost, nothing doubled, and readers see whole snapshots.

BORDER_SEED repeats a run, BORDER_KILLS sets how many kills there are; both are printed.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from deployment import postgres_program
from installation import NOW, ROOT
from lakes import Machine, Store, compared, contents, reader, southwest

from orchestration.ingest import ingest_bytes
from warehouse.archive import Archive
from warehouse.lake import Lake
from warehouse.writer import Warehouse

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(postgres_program("initdb") is None, reason="PostgreSQL is not installed"),
]
WRITERS = 8
KILLS = int(os.environ.get("BORDER_KILLS", "4"))
SEED = int(os.environ.get("BORDER_SEED", random.SystemRandom().randrange(2**32)))
MONTHS = ("2020-12", "2021-01", "2021-02", "2021-03", "2021-04", "2021-05", "2021-06", "2021-07")

_PUSH = """\
import sys
import duckdb
from orchestration import sharing
from warehouse import lake
from warehouse.lake import Lake

made, numbers = Lake(sys.argv[1], sys.argv[2]), range(int(sys.argv[3]), int(sys.argv[4]))
arrival = {column: "" for column in sys.argv[5].split(",")}
con = duckdb.connect()
made.prepare(con, sharing.SHARED)
for n in numbers:
    release = f"r-{n}"
    select = (
        f"select '{release}' as release_id, 'conform' as stage, 'loaded' as disposition, i::varchar as reason, "
        f"{n} as lines, 1 as encounters from range(100) as r(i)"
    )
    row = {**arrival, "release_id": release, "published_on": "2021-01-01", "data_from": None,
        "data_through": "2021-01-01", "retrieved_at": "2021-01-01", "arrived_at": "2021-01-01",
        "bytes": 1, "lines_in_file": 1, "encounters_in_file": 1}
    made.transact(con, release, lambda: lake.push(con, row, {"meta.row_ledger": select}, {"meta.row_ledger": sys.argv[6]}))
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("lake")) as found:
        yield found


def ended(processes: list[subprocess.Popen[str]]) -> None:
    """End what a failed test left running."""
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=60)


def test_pushes_killed_at_random_leave_every_release_once(store: Store) -> None:
    """Eight writers, pairs of them with the same releases, each killed again and again while it pushes."""
    chance = random.Random(SEED)
    print(f"BORDER_SEED={SEED} BORDER_KILLS={KILLS * 4}")
    from warehouse import contracts, lake

    made = store.new_lake()
    columns = ",".join(c.name for c in contracts.table(lake.ARRIVALS).columns)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def start(writer: int, code: str) -> subprocess.Popen[str]:
        first = (writer // 2) * 6
        return subprocess.Popen(
            [sys.executable, "-c", _PUSH, made.catalog, made.data_path, str(first), str(first + 6), columns, code],
            env=environment, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    for code in ("first", "second"):  # the second code replaces what the first brought
        kills = KILLS * 2
        running = {writer: start(writer, code) for writer in range(WRITERS)}
        try:
            while running:
                time.sleep(chance.uniform(0, 0.25))
                writer = chance.choice(list(running))
                process = running[writer]
                if process.poll() is not None:
                    _, error = process.communicate()
                    assert process.returncode == 0, error
                    del running[writer]
                elif kills:
                    kills -= 1
                    process.kill()
                    process.communicate(timeout=60)
                    running[writer] = start(writer, code)
        finally:
            ended(list(running.values()))
        with reader(made) as con:
            held = con.execute(
                "select release_id, count(*), count(distinct reason), min(lines), max(lines) from meta.row_ledger "
                "group by all"
            ).fetchall()
            assert sorted(held) == sorted((f"r-{n}", 100, 100, n, n) for n in range(WRITERS // 2 * 6))
            for table in ("meta.arrivals", "meta.loads"):
                assert con.execute(
                    f"select count(*), count(distinct release_id) from {table}"
                ).fetchall() == [(len(held), len(held))]
            assert con.execute("select distinct fingerprint from meta.loads").fetchall() == [(code,)]


def test_killed_builds_of_eight_machines_end_as_one_undisturbed_build(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(SEED)
    print(f"BORDER_SEED={SEED} BORDER_KILLS={KILLS}")
    monkeypatch.delenv("BORDER_TARGET", raising=False)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    made = store.new_lake()
    alone = Machine(tmp_path / "alone")
    for n, last in enumerate(MONTHS):
        released = f"{last[:4]}-{int(last[5:]) + 1:02d}" if last[5:] != "12" else f"{int(last[:4]) + 1}-01"
        alone.add(last, released)
        # Its own release, and the one of the machine after it: every release is in two archives.
        for machine in (n, (n - 1) % WRITERS):
            archive = Archive(tmp_path / f"m{machine}" / "archive")
            name, data = southwest(last)
            assert ingest_bytes(data, name, archive, published=released, now=NOW).release
    (tmp_path / "nothing" / "series").mkdir(parents=True)

    def start(machine: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "border.py"), str(tmp_path / "nothing"), "build"],
            env={
                **os.environ, "PYTHONPATH": str(ROOT), "BORDER_HOME": str(tmp_path / f"m{machine}"),
                "BORDER_TARGET": f"ducklake:{made.catalog}", "BORDER_LAKE_DATA": made.data_path,
            },
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    kills, snapshots = KILLS, 0
    started = time.monotonic()
    running = {machine: start(machine) for machine in range(WRITERS)}
    try:
        while running:
            time.sleep(chance.uniform(0, 4))
            for machine, process in list(running.items()):
                if process.poll() is not None:
                    _, error = process.communicate()
                    assert process.returncode == 0, error
                    del running[machine]
            snapshots += whole(made)
            if kills and running:
                kills -= 1
                machine = chance.choice(list(running))
                running[machine].kill()
                running[machine].communicate(timeout=60)
                running[machine] = start(machine)
    finally:
        ended(list(running.values()))
    print(f"{KILLS - kills} kills, {snapshots} publications seen, {time.monotonic() - started:.0f} s")

    alone.build()
    with reader(made) as con, Warehouse(alone.ledger.home.build_file) as build:
        expected = contents(build.con, compared())
        for table, rows in contents(con, compared()).items():
            assert rows == expected[table], table
        assert con.execute("select count(*), count(distinct release_id) from meta.arrivals").fetchall() == [
            (WRITERS, WRITERS)
        ]
        identity = "select version, releases from meta.publication"
        assert con.execute(identity).fetchall() == build.con.execute(identity).fetchall()


_seen: set[str] = set()

WHOLE = {
    "releases of the publication": "select releases from meta.publication",
    "releases listed": "select count(*) from meta.releases where trust <> 'quoted'",
    "releases the marts are made of": "select count(distinct release_id) from marts.revisions semi join "
    "(select release_id from meta.releases where trust <> 'quoted') using (release_id)",
    "releases listed whose facts are there": "select count(distinct release_id) from core.cbp__monthly_encounters "
    "semi join (select release_id from meta.releases where trust <> 'quoted') using (release_id)",
    "releases listed whose lines are all accounted for": "select count(*) from (select release_id from meta.releases as r "
    "inner join meta.row_ledger as l using (release_id) group by all having any_value(lines_in_file) = sum(lines))",
}


def whole(made: Lake) -> int:
    """1 where a new publication stands in the lake, which must then belong to its marts, releases and facts."""
    try:
        with reader(made) as con:
            con.begin()
            found = con.execute("select version from meta.publication").fetchall()
            if not found:
                return 0
            counted = {what: con.execute(sql).fetchall()[0][0] for what, sql in WHOLE.items()}
            assert len(set(counted.values())) == 1, counted
    except (duckdb.CatalogException, duckdb.BinderException, duckdb.InvalidInputException) as error:
        if _seen:  # else nobody has made the lake or published yet
            raise AssertionError(str(error)) from None
        return 0
    is_new = found[0][0] not in _seen
    _seen.add(found[0][0])
    return int(is_new)
