"""The lake: facts pushed by release, marts published whole, and what two writers do to each other.

A private PostgreSQL on loopback keeps the catalogs, one a test.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
from agency_files import STATE, as_csv, state
from court_files import CourtRelease
from deployment import postgres_program
from installation import NOW, Home, one_line
from lakes import Bucket, Machine, Store, compared, contents, reader

from orchestration import court, doctor, sharing, steps
from orchestration.ingest import ingest
from transforms.table_macros import table_macros
from warehouse import contracts, lake, publish
from warehouse.court import storage
from warehouse.lake import ALIAS, Lake, LakeError, masked
from warehouse.paths import PROJECT
from warehouse.writer import Warehouse

pytestmark = pytest.mark.skipif(postgres_program("initdb") is None, reason="PostgreSQL is not installed")

RELEASES = "select release_id from meta.releases where trust <> 'quoted' order by all"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("lake")) as found:
        yield found


@pytest.fixture
def shared(store: Store, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A new lake, the target of every machine of the test."""
    made = store.new_lake()
    monkeypatch.setenv("BORDER_TARGET", f"ducklake:{made.catalog}")
    monkeypatch.setenv("BORDER_LAKE_DATA", made.data_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    return made


# Facts


def test_a_release_is_pushed_once_and_taken_in_by_the_others(shared: Lake, tmp_path: Path) -> None:
    here, there = Machine(tmp_path / "a"), Machine(tmp_path / "b")
    first = here.add("2021-01", "2021-02")
    second = there.add("2021-02", "2021-03")
    assert here.share() == [first]
    assert here.share() == []
    assert there.share() == [second]
    here.arrive()
    with reader(shared) as con, Warehouse(here.ledger.home.build_file) as build:
        held = contents(con, sharing.FACTS)
        assert len(held["core.cbp__monthly_encounters"]) > 50
        own = contents(build.con, sharing.FACTS)
        assert own["core.cbp__monthly_encounters"] == held["core.cbp__monthly_encounters"]
        assert own["meta.row_ledger"] == held["meta.row_ledger"]
        arrived = con.execute(
            "select release_id, file_name from meta.arrivals order by published_on"
        ).fetchall()
        assert arrived == [(first, "sbo-2021-01.csv"), (second, "sbo-2021-02.csv")]
        assert build.con.execute(RELEASES).fetchall() == sorted([(first,), (second,)])
        assert build.con.execute("select distinct release_id from raw.cbp_sbo").fetchall() == [(first,)]


def test_the_same_file_on_two_machines_is_one_release(shared: Lake, tmp_path: Path) -> None:
    here, there = Machine(tmp_path / "a"), Machine(tmp_path / "b")
    release = here.add("2021-01", "2021-02")
    there.add("2021-01", "2021-02")
    assert here.share() == [release]
    assert there.share() == []
    with Warehouse(there.ledger.home.build_file) as build:  # known by the same code, it was not even read
        assert build.con.execute("select count(*) from raw.cbp_sbo").fetchall() == [(0,)]


def test_facts_by_other_code_are_replaced_by_the_one_who_has_the_file(shared: Lake, tmp_path: Path) -> None:
    here, there = Machine(tmp_path / "a"), Machine(tmp_path / "b")
    here.add("2021-01", "2021-02")
    here.share()
    with reader(shared) as con:
        before = contents(con, sharing.FACTS)
    with duckdb.connect() as con:
        shared.transact(
            con, "a test", lambda: con.execute(f"update {ALIAS}.meta.loads set fingerprint = 'older'")
        )
    there.arrive()
    assert here.share() != []
    with reader(shared) as con:
        assert contents(con, sharing.FACTS) == before
        marks = con.execute("select fingerprint from meta.loads").fetchall()
        assert marks == [(steps.code_of("core.cbp__monthly_encounters"),)]


def test_facts_that_fail_their_audit_stay_here(
    shared: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Machine(tmp_path / "a")
    here.add("2021-01", "2021-02")
    with here.ledger.open() as warehouse:
        releases = here.load(warehouse)
        warehouse.con.execute("delete from raw.cbp_sbo where line_no = 5")
        with pytest.raises(sharing.NotShareable, match=r"raw\.cbp_sbo"):
            sharing.share(warehouse, here.ledger, releases)
    with reader(shared) as con:
        assert con.execute("from meta.arrivals").fetchall() == []


def test_releases_nobody_has_read_yet_do_not_hold_back_the_others(shared: Lake, tmp_path: Path) -> None:
    """Each family is read in a run of its own, and pushed by it."""
    here = Machine(tmp_path / "a")
    southwest = here.add("2021-01", "2021-02")
    nationwide = here.add_file("state.csv", as_csv(STATE, state("2020-10", "2021-01")), "2021-02")
    for wanted in (southwest, nationwide):
        with here.ledger.open() as warehouse:
            sharing.arrive_for(warehouse, here.ledger, {wanted})
            (release,) = (r for r in here.ledger.archive.releases() if r.release_id == wanted)
            steps.load_raw(warehouse, here.ledger.archive, release)
            assert sharing.share(warehouse, here.ledger, [release]) == [wanted]


# Two writers of the same thing


def facts(release_id: str, rows: int) -> tuple[dict[str, object], dict[str, str], dict[str, str]]:
    """What `lake.push` takes, made up: `rows` lines of the ledger."""
    arrival = {
        c.name: {
            "INTEGER": 0,
            "BIGINT": 0,
            "HUGEINT": 0,
            "DATE": "2021-01-01",
            "TIMESTAMP": "2021-01-01",
        }.get(c.type, "")
        for c in contracts.table(lake.ARRIVALS).columns
    } | {"release_id": release_id}
    select = (
        f"select '{release_id}' as release_id, 'conform' as stage, 'loaded' as disposition, i::varchar as reason, "
        f"1 as lines, 1 as encounters from range({rows}) as r(i)"
    )
    return arrival, {"meta.row_ledger": select}, {"meta.row_ledger": "code"}


def test_of_two_pushes_of_one_release_at_once_one_waits_and_finds_it_there(shared: Lake) -> None:
    with duckdb.connect() as first:
        shared.prepare(first, sharing.SHARED)
    pushed: list[bool] = []
    together = threading.Barrier(4)

    def one() -> None:
        with duckdb.connect() as con:
            together.wait(30)
            pushed.append(shared.transact(con, "r-1", lambda: lake.push(con, *facts("r-1", 50))))

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(pushed) == [False, False, False, True]
    with reader(shared) as con:
        assert con.execute("select count(*) from meta.row_ledger").fetchall() == [(50,)]
        assert con.execute("select count(*) from meta.arrivals").fetchall() == [(1,)]


_HOLD = """\
import sys, time, duckdb
from warehouse.lake import Lake
with duckdb.connect() as con, Lake(sys.argv[1], sys.argv[2]).attached(con):
    print("held", flush=True)
    time.sleep(float(sys.argv[3]))
"""


def test_a_lake_with_its_catalog_in_a_file_waits_for_who_holds_it(tmp_path: Path) -> None:
    made = Lake(str(tmp_path / "catalog.ducklake"), str(tmp_path / "data"))
    with duckdb.connect() as con:
        made.prepare(con, sharing.SHARED)
        assert made.transact(con, "r-1", lambda: lake.push(con, *facts("r-1", 50)))
        command = [sys.executable, "-c", _HOLD, made.catalog, made.data_path, "2"]
        holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
        with holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            assert made.transact(con, "r-2", lambda: lake.push(con, *facts("r-2", 50)))
        assert not made.transact(con, "r-1", lambda: lake.push(con, *facts("r-1", 50)))
    with reader(made) as con:
        assert con.execute("select release_id, count(*) from meta.row_ledger group by all order by all").fetchall() == [
            ("r-1", 50), ("r-2", 50),
        ]  # fmt: skip


def test_a_conflict_is_tried_again_and_doubles_nothing(shared: Lake) -> None:
    """The advisory lock is passed by: what keeps a release single is the token alone."""
    with duckdb.connect() as con, duckdb.connect() as rival:
        shared.prepare(con, sharing.SHARED)
        tries = []

        def work() -> bool:
            tries.append(lake.push(con, *facts("r-1", 50)))
            if len(tries) == 1:
                with shared.attached(rival):
                    rival.begin()
                    assert lake.push(rival, *facts("r-1", 50))
                    rival.commit()
            return tries[-1]

        assert shared.transact(con, "r-1", work) is False
        assert tries == [True, False]
    with reader(shared) as con:
        assert con.execute("select count(*) from meta.row_ledger").fetchall() == [(50,)]


def test_machines_that_create_one_lake_at_once_all_get_it(store: Store) -> None:
    """PostgreSQL refuses the second of two catalogs with either of two errors, by which came first."""

    def create(made: Lake, together: threading.Barrier) -> None:
        with duckdb.connect() as con:
            together.wait(60)
            made.prepare(con, [lake.ARRIVALS])

    for _ in range(4):
        made, together = store.new_lake(), threading.Barrier(8)
        with ThreadPoolExecutor(8) as machines:
            assert list(machines.map(create, [made] * 8, [together] * 8)) == [None] * 8
        with reader(made) as con:
            assert con.execute("select count(*) from meta.arrivals").fetchall() == [(0,)]


@pytest.mark.parametrize(
    "said",
    [
        'ERROR: relation "ducklake_metadata" already exists',
        'ERROR: duplicate key value violates unique constraint "pg_type_typname_nsp_index" DETAIL: Key '
        "(typname, typnamespace)=(ducklake_metadata, 2200) already exists.",
    ],
)
def test_a_lake_another_machine_creates_meanwhile_is_tried_again(shared: Lake, said: str) -> None:
    tries = []

    def work() -> str:
        tries.append(said)
        if len(tries) == 1:
            raise LakeError(
                'Failed to initialize DuckLake: Failed to execute query "CREATE TABLE "public"."ducklake_metadata"'
                f'("key" VARCHAR NOT NULL);": {said}'
            )
        return "done"

    with duckdb.connect() as con:
        assert shared.retried(con, work) == "done"
    assert len(tries) == 2


def test_pushes_of_different_releases_do_not_conflict(shared: Lake) -> None:
    with duckdb.connect() as con, duckdb.connect() as rival:
        shared.prepare(con, sharing.SHARED)
        tries = []

        def work() -> None:
            tries.append(lake.push(con, *facts("r-1", 50)))
            with shared.attached(rival):
                rival.begin()
                assert lake.push(rival, *facts("r-2", 50))
                rival.commit()

        shared.transact(con, "r-1", work)
        assert tries == [True]
    with reader(shared) as con:
        assert con.execute("select count(*) from meta.row_ledger").fetchall() == [(100,)]


def test_a_lost_connection_is_made_again(shared: Lake, store: Store) -> None:
    import psycopg2

    with duckdb.connect() as con:
        shared.prepare(con, sharing.SHARED)
        tries = []

        def work() -> bool:
            tries.append(lake.push(con, *facts("r-1", 50)))
            if len(tries) == 1:
                admin = psycopg2.connect(
                    host="127.0.0.1", port=store.postgres.port, user="dagster", dbname="postgres"
                )
                with admin, admin.cursor() as cursor:
                    cursor.execute(
                        "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname like 'lake_%'"
                    )
                admin.close()
            return tries[-1]

        assert shared.transact(con, "r-1", work)
        assert len(tries) == 2
    with reader(shared) as con:
        assert con.execute("select count(*) from meta.row_ledger").fetchall() == [(50,)]


def test_other_columns_are_refused_until_the_table_is_dropped_as_documented(
    shared: Lake, tmp_path: Path
) -> None:
    here, table = Machine(tmp_path / "a"), "core.cbp__monthly_encounters"
    release = here.add("2021-01", "2021-02")
    here.share()
    with duckdb.connect() as con:
        sql = f"alter table {ALIAS}.{table} drop column line_nos"
        shared.transact(con, "a test", lambda: con.execute(sql))
    with pytest.raises(LakeError, match=rf"{table} has other columns .* docs/lake\.md"):
        here.share()
    text = (PROJECT / "docs" / "lake.md").read_text("utf-8")
    found = re.search(r"`(drop table ledger[^`]+)`", " ".join(text.split()))
    assert found is not None
    with duckdb.connect() as con, shared.attached(con):
        con.execute(found[1].replace("core.…", table).replace("ledger.", f"{ALIAS}."))
    assert here.share() == [release]
    with reader(shared) as con:
        assert con.execute(f"select count(*) > 20, count(line_nos) > 20 from {table}").fetchall() == [
            (True, True)
        ]


def test_the_doctor_says_what_is_pushed_and_not_published(shared: Lake, tmp_path: Path) -> None:
    here = Machine(tmp_path / "a")
    here.add("2021-01", "2021-02")
    here.share()
    (finding,) = doctor._lake()
    assert finding.verdict == doctor.Verdict.LOOK
    assert finding.message.startswith("1 releases in ducklake:postgres:")
    assert "not-asked-for" not in finding.message


# Publication


@pytest.mark.slow
def test_two_machines_end_as_one_with_all_releases(shared: Lake, store: Store, tmp_path: Path) -> None:
    """Facts and marts, cell by cell; and what the lake holds is what its contracts say."""
    here, there = Machine(tmp_path / "a"), Machine(tmp_path / "b")
    first, second = here.add("2021-01", "2021-02"), there.add("2021-02", "2021-03")
    here.build()
    with reader(shared) as con:
        assert con.execute(RELEASES).fetchall() == [(first,)]
        before = con.execute("select max(snapshot_id) from ledger.snapshots()").fetchall()[0][0]
        january = con.execute("from marts.january_yoy order by all").fetchall()
    there.build()

    alone = Machine(tmp_path / "alone")
    for last, published in (("2021-01", "2021-02"), ("2021-02", "2021-03")):
        alone.add(last, published)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("BORDER_TARGET")
        alone.build()
    with reader(shared) as con, Warehouse(alone.ledger.home.build_file) as build:
        assert con.execute(RELEASES).fetchall() == sorted([(first,), (second,)])
        expected = contents(build.con, compared())
        for table, rows in contents(con, compared()).items():
            assert rows == expected[table], table
        identity = "select version, releases, data_through from meta.publication"
        assert con.execute(identity).fetchall() == build.con.execute(identity).fetchall()

    _is_as_its_contracts(shared)
    _answers_as_the_file(shared, there)
    with reader(shared, before) as con:  # what the lake held then
        assert con.execute(RELEASES).fetchall() == [(first,)]
        assert con.execute("from marts.january_yoy order by all").fetchall() == january
    with reader(shared) as con:
        held = con.execute(
            f"select count(*) from meta.releases at (version => {before}) where trust <> 'quoted'"
        )
        assert held.fetchall() == [(1,)]

    _a_release_set_aside_leaves(shared, here, there, first, second)


@pytest.mark.slow
@pytest.mark.parametrize("by", ["this code", "other code"])
def test_a_build_that_was_overtaken_takes_in_what_it_lacks_and_is_published(
    shared: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """Another machine reads, pushes and publishes while this one is about to publish.

    It took in what this one had pushed: by the same code there is nothing left to do, by other code there is.
    """
    here, there = Machine(tmp_path / "a"), Machine(tmp_path / "b")
    first, second = here.add("2021-01", "2021-02"), there.add("2021-02", "2021-03")
    (tmp_path / "nothing" / "series").mkdir(parents=True)
    other, gate = Home(there.ledger.home.root, tmp_path / "nothing"), publish.gate
    published: list[list[tuple[str]]] = []

    def overtaken(warehouse: Warehouse, tables: Iterable[str]) -> None:
        if not published:
            done = other.border("build")
            assert done.returncode == 0, done.stderr
            if by == "other code":
                sql = f"update {ALIAS}.meta.publication set version = 'another'"
                with duckdb.connect() as con:
                    shared.transact(con, lake.PUBLICATION, lambda: con.execute(sql))
        gate(warehouse, tables)
        with reader(shared) as con:
            published.append(con.execute(RELEASES).fetchall())

    monkeypatch.setattr(publish, "gate", overtaken)
    here.build()
    both = sorted([(first,), (second,)])
    assert published == [both] * (
        2 if by == "this code" else 3
    )  # once more for the machine's own published file
    with reader(shared) as con, Warehouse(here.ledger.home.build_file) as build:
        assert con.execute(RELEASES).fetchall() == both
        version = con.execute("select version from meta.publication").fetchall()
        own = build.con.execute("select version from meta.publication").fetchall()
        assert (version == own) == (by == "other code")
        for table, rows in contents(con, compared() if by == "other code" else []).items():
            assert rows == contents(build.con, [table])[table], table


_ANY = {
    "VARCHAR": "''", "INTEGER": "0", "BIGINT": "0", "HUGEINT": "0", "DOUBLE": "0", "BOOLEAN": "false",
    "DATE": "date '2021-01-01'", "TIMESTAMP": "timestamp '2021-01-01'", "VARCHAR[]": "[]",
}  # fmt: skip


def publish_edition(shared: Lake, con: duckdb.DuckDBPyConnection, n: int) -> None:
    """Edition n has n releases and the value n in every row of the mart."""

    def select(table: str, rows: int, **values: str) -> str:
        columns = contracts.table(table).columns
        given = {c.name: values.get(c.name, _ANY.get(c.type, "null")) for c in columns}
        return f"select {', '.join(f'{v} as {k}' for k, v in given.items())} from range({rows}) as r(i)"

    tables = {
        "meta.publication": select("meta.publication", 1, version=f"'{n}'", releases=str(n)),
        "meta.releases": select("meta.releases", n, release_id="'r-' || i", trust="'official'"),
        "marts.january_yoy": select("marts.january_yoy", 40, value=str(n)),
    }
    shared.transact(con, lake.PUBLICATION, lambda: lake.publish(con, tables, []))


def edition(con: duckdb.DuckDBPyConnection, at: str = "") -> int:
    """The edition a reader sees, which must be the same in every table."""
    found = [
        con.execute(sql).fetchall()[0]
        for sql in (
            f"select releases, releases from meta.publication {at}",
            f"select count(*), count(*) from meta.releases {at}",
            f"select min(value), max(value) from marts.january_yoy {at}",
        )
    ]
    assert len(set(found)) == 1, found
    return int(found[0][0])


def test_a_reader_sees_whole_publications_while_others_replace_them(shared: Lake) -> None:
    stop = threading.Event()

    def publish_all() -> None:
        with duckdb.connect() as con:
            for n in range(1, 13):
                publish_edition(shared, con, n)
        stop.set()

    with duckdb.connect() as con:
        shared.prepare(con, sharing.SHARED)
        publish_edition(shared, con, 1)
    writer = threading.Thread(target=publish_all)
    writer.start()
    seen = []
    with reader(shared) as con:
        while not stop.is_set():
            con.begin()
            seen.append(edition(con))
            con.commit()
    writer.join(60)
    assert len(set(seen)) > 2
    assert seen == sorted(seen)


def test_the_past_of_the_lake_and_its_upkeep_are_as_documented(shared: Lake) -> None:
    text = (PROJECT / "docs" / "lake.md").read_text("utf-8")
    upkeep = re.findall(r"call ducklake_[^;`]+", text)
    assert len(upkeep) == 4
    moments = {}
    with duckdb.connect() as con:
        shared.prepare(con, sharing.SHARED)
        for n in (1, 2, 3):
            publish_edition(shared, con, n)
            with reader(shared) as other:
                moments[n] = other.execute(
                    "select s.snapshot_id, s.snapshot_time from ledger.snapshots() as s "
                    "where s.snapshot_id = (from ledger.current_snapshot())"
                ).fetchall()[0]
    version, moment = moments[2]
    with reader(shared) as con:
        assert edition(con) == 3
        assert edition(con, f"at (version => {version})") == 2
        assert edition(con, f"at (timestamp => timestamptz '{moment.isoformat()}')") == 2
    with reader(shared, version) as con:
        assert edition(con) == 2
    with duckdb.connect() as con, shared.attached(con):
        con.execute(f"detach {ALIAS}")
        con.execute(f"attach 'ducklake:{shared.catalog}' as ledger")
        before = con.execute("select count(*) from ledger.snapshots()").fetchall()[0][0]
        for sql in upkeep:
            con.execute(re.sub(r"now\(\) - interval \d+ days", "now()", sql))
        assert con.execute("select count(*) from ledger.snapshots()").fetchall()[0][0] < before
    with reader(shared) as con:
        assert edition(con) == 3
    with duckdb.connect() as con:
        publish_edition(shared, con, 4)
    with reader(shared) as con:
        assert edition(con) == 4


def _is_as_its_contracts(shared: Lake) -> None:
    with duckdb.connect() as con, shared.attached(con, read_only=True):
        held = lake.columns_held(con)
        expected = {*sharing.SHARED, *sharing.published_tables()}
        assert set(held) == expected
        for table in expected:
            contract = contracts.table(table)
            assert held[table] == [(c.name, c.type) for c in contract.columns], table
        commented = con.execute(
            f"select schema_name || '.' || table_name, comment from duckdb_tables() where database_name = '{ALIAS}'"
        ).fetchall()
        assert dict(commented) == {t: contracts.table(t).comment for t in expected}
        columns = con.execute(
            "select schema_name || '.' || table_name, column_name, comment, is_nullable from duckdb_columns() "
            f"where database_name = '{ALIAS}' and schema_name <> '{lake.TOKENS}'"
        ).fetchall()
        assert {(t, c): (text, nullable) for t, c, text, nullable in columns} == {
            (t, c.name): (c.comment, c.nullable) for t in expected for c in contracts.table(t).columns
        }
        macros = con.execute(
            f"select distinct function_name from duckdb_functions() where database_name = '{ALIAS}' "
            "and function_type = 'table_macro'"
        ).fetchall()
        assert {m for (m,) in macros} == {m.name for m in table_macros()}


def _answers_as_the_file(shared: Lake, machine: Machine) -> None:
    """The same SQL on the lake and on the file the machine published."""
    questions = (
        "from as_of(date '2021-02-28') order by all",
        "from yoy('usbp_southwest', date '2021-01-01')",
        "from monthly_yoy_as_of(date '2021-03-31') order by all",
        "from marts.january_yoy order by all",
    )
    with (
        reader(shared) as con,
        duckdb.connect(str(machine.ledger.home.published_file), read_only=True) as file,
    ):
        for sql in questions:
            assert con.execute(sql).fetchall() == file.execute(sql).fetchall(), sql


def _a_release_set_aside_leaves(shared: Lake, here: Machine, there: Machine, first: str, second: str) -> None:
    """With the next build of the machine that brought it, and of no other."""
    there.build()
    with reader(shared) as con:
        assert con.execute(RELEASES).fetchall() == sorted([(first,), (second,)])
    here.set_aside(first)
    here.build()
    with reader(shared) as con:
        assert con.execute(RELEASES).fetchall() == [(second,)]
        for table in (*sharing.FACTS, lake.ARRIVALS, lake.LOADS):
            found = con.execute(f"select distinct release_id from {table}").fetchall()
            assert found in ([(second,)], []), table
    there.build()
    with reader(shared) as con:
        assert con.execute(RELEASES).fetchall() == [(second,)]


# Court records


@pytest.mark.slow
def test_court_records_are_shared_too(shared: Lake, tmp_path: Path) -> None:
    """What one machine read and typed, another publishes with its own releases; the marts are those of one machine."""
    here, there, alone = (Machine(tmp_path / name) for name in ("a", "b", "alone"))
    made_up = CourtRelease()
    for number in range(1, 31):
        proceeding = {"COMP_DATE": "2022-05-05", "DEC_CODE": "X"}
        made_up.case(number, f"20{19 + number % 4}-01-0{1 + number % 9}", proceeding, identifier="MP")
    path = made_up.write(tmp_path / "made.zip", "2026-08-03", SYNTHETIC__txt=b"")
    for machine in (here, alone):
        (outcome,) = ingest([path], machine.ledger.archive, now=NOW)
        assert outcome.release is not None, outcome.message
        machine.add("2021-01", "2021-02")
    for machine in (there, alone):
        machine.add("2021-02", "2021-03")
    here.build()
    there.build()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("BORDER_TARGET")
        alone.build()
    records = [
        t for t in storage.TABLES if t != "meta.eoir_tables"
    ]  # which says in what folder raw text lies
    with (
        reader(shared) as con,
        Warehouse(alone.ledger.home.build_file) as build,
        duckdb.connect(str(alone.ledger.home.court_build_file), read_only=True) as court_file,
        duckdb.connect(str(there.ledger.home.published_court_file), read_only=True) as pulled,
    ):
        assert len(con.execute(RELEASES).fetchall()) == 3
        in_build = [t for t in compared() if not storage.is_court_table(t)]
        expected = contents(build.con, in_build)
        for table, rows in contents(con, in_build).items():
            assert rows == expected[table], table
        expected = contents(court_file, records)
        assert len(expected["core.eoir__cases"]) == 30
        for table, rows in contents(con, records).items():
            assert rows == expected[table], table
        for table, rows in contents(pulled, records).items():
            assert rows == expected[table], table
    here.set_aside(outcome.release.release_id)
    here.build()
    with reader(shared) as con:
        assert con.execute("select count(*) from core.eoir__cases").fetchall() == [(0,)]
        assert len(con.execute(RELEASES).fetchall()) == 2
    there.build()
    with duckdb.connect(str(there.ledger.home.published_court_file), read_only=True) as pulled:
        assert pulled.execute("select count(*) from core.eoir__cases").fetchall() == [(0,)]


def test_a_build_for_itself_alone_forgets_what_came_from_the_lake(
    shared: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = Machine(tmp_path / "a"), Machine(tmp_path / "b")
    here.add("2021-01", "2021-02")
    second = there.add("2021-02", "2021-03")
    made_up = CourtRelease()
    made_up.case(1, "2021-01-05", {"COMP_DATE": "2022-05-05", "DEC_CODE": "X"})
    path = made_up.write(tmp_path / "made.zip", "2026-08-03", SYNTHETIC__txt=b"")
    (outcome,) = ingest([path], here.ledger.archive, now=NOW)
    assert outcome.release is not None, outcome.message
    here.share()
    court.read_all(here.ledger.home, here.ledger.archive)
    with here.ledger.open() as warehouse:
        assert len(sharing._push_of_courts(here.ledger, sharing._held(warehouse, shared))) == 1
    there.share()
    there.arrive()
    held = "select count(*) from core.eoir__cases"
    with duckdb.connect(str(there.ledger.home.court_build_file), read_only=True) as file:
        assert file.execute(held).fetchall() == [(1,)]
    monkeypatch.delenv("BORDER_TARGET")
    there.arrive()
    with duckdb.connect(str(there.ledger.home.court_build_file), read_only=True) as file:
        assert file.execute(held).fetchall() == [(0,)]
    with Warehouse(there.ledger.home.build_file) as build:
        assert build.con.execute(RELEASES).fetchall() == [(second,)]
        found = build.con.execute("select distinct release_id from core.cbp__monthly_encounters").fetchall()
        assert found == [(second,)]


# An object store


@pytest.fixture
def bucket(shared: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An S3 server on loopback with one bucket, where the test's lake keeps its data."""
    with Bucket(tmp_path) as found:
        monkeypatch.setenv("BORDER_LAKE_DATA", found.url)
        monkeypatch.setenv("BORDER_LAKE_SETUP", str(found.setup))
        yield found


@pytest.mark.slow
def test_an_object_store_holds_what_a_folder_holds(bucket: Bucket, tmp_path: Path) -> None:
    here, there = Machine(tmp_path / "a"), Machine(tmp_path / "b")
    first = here.add("2021-01", "2021-02")
    here.build()
    made = Lake.from_environment()
    assert made is not None
    with reader(made) as con, Warehouse(here.ledger.home.build_file) as build:
        expected = contents(build.con, compared())
        for table, rows in contents(con, compared()).items():
            assert rows == expected[table], table
        (files,) = con.execute(f"select count(*) from glob('{bucket.url}/**/*.parquet')").fetchall()
        assert files[0] > 10
    second = there.add("2021-02", "2021-03")
    assert there.share() == [second]
    with Warehouse(there.ledger.home.build_file) as build, reader(made) as con:
        counted = "select release_id, count(*) from core.cbp__monthly_encounters group by all order by all"
        assert build.con.execute(counted).fetchall() == con.execute(counted).fetchall()
        assert build.con.execute(RELEASES).fetchall() == sorted([(first,), (second,)])


def test_an_object_store_without_the_bucket_is_told_at_once(bucket: Bucket, tmp_path: Path) -> None:
    here = Machine(tmp_path / "a")
    here.add("2021-01", "2021-02")
    bucket.remove()
    started = time.monotonic()
    with pytest.raises(
        LakeError, match=r"^HTTP Error: .*HTTP code 404.*exist\. Look at the .* BORDER_LAKE_SETUP\.$"
    ) as raised:
        here.share()
    assert one_line(str(raised.value))
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("said", "is_passing"),
    [
        ("IO Error: Could not connect to server error for HTTP PUT to 'http://store/b/x.parquet'", True),
        ("HTTP Error: Request returned HTTP 503 for HTTP HEAD to 'http://store/b/x.parquet'", True),
        ("HTTP Error: Request returned HTTP 429 for HTTP PUT to 'http://store/b/x.parquet'", True),
        ("HTTP Error: Unable to connect to URL s3://b/x.parquet: Forbidden (HTTP code 403)", False),
        (
            "IO Error: Could not resolve hostname error for HTTP PUT to 'https://b.s3.amazonaws.com/x.parquet'",
            False,
        ),
    ],
)
def test_an_object_store_that_may_answer_later_is_tried_again(
    shared: Lake, monkeypatch: pytest.MonkeyPatch, said: str, is_passing: bool
) -> None:
    monkeypatch.setenv(lake.TRIES, "2")
    tries = []

    def work() -> None:
        tries.append(said)
        raise duckdb.IOException(said)

    with duckdb.connect() as con, pytest.raises(LakeError, match=re.escape(said)):
        shared.retried(con, work)
    assert len(tries) == 1 + is_passing


# What a person is told


def test_no_password_is_ever_shown() -> None:
    for text in (
        "ducklake:postgres:dbname=x password=t0psecret host=db",
        "ducklake:postgres:dbname=x password='t0p secret' host=db",
        "ducklake:postgres:dbname=x PASSWORD = t0psecret",
        "ducklake:postgres:postgresql://me:t0psecret@db/x",
    ):
        assert "t0p" not in masked(text)
        assert "secret" not in masked(text)
        made = Lake.at(text)
        assert made is not None
        assert "t0p" not in made.shown + repr(made)
    assert masked("no secret: here") == "no secret: here"
    with pytest.raises(LakeError, match="no such target"):
        Lake.at("postgres:dbname=x")


def test_an_unreachable_catalog_is_one_line_without_the_password(small_home: Home) -> None:
    target = "ducklake:postgres:dbname=x host=127.0.0.1 port=1 password=t0psecret"
    done = small_home.border("build", "--target", target, BORDER_LAKE_TRIES="1")
    assert done.returncode == 2
    assert one_line(done.stderr.splitlines()[-1])
    assert "t0psecret" not in done.stdout + done.stderr
    assert "password=***" in done.stderr


def test_without_the_extension_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.extensions.find_spec", lambda name: None)
    with (
        duckdb.connect() as con,
        pytest.raises(LakeError, match=r"pip install 'border-ledger\[lake\]'"),
        Lake("catalog.ducklake").attached(con),
    ):
        pass
