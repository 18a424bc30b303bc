"""Readers and publication: a build disturbs no reader, a failed check changes nothing, and nothing is lost on the way."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from agency_files import SBO, as_csv, sbo
from installation import Home

from orchestration import steps
from warehouse import publish
from warehouse.publish import NotPublishable
from warehouse.writer import SCHEMAS, Warehouse, undocumented

QUERY = "select value from marts.january_yoy where measure_id = 'usbp_southwest' and january = 2023"
RELEASES = "select releases from meta.publication"


def ask(published: Path, query: str) -> object:
    """One value of the published file, through a plain connection of a process of its own."""
    code = "import duckdb, sys; print(duckdb.connect(sys.argv[1], read_only=True).execute(sys.argv[2]).fetchone()[0])"
    return int(
        subprocess.check_output([sys.executable, "-c", code, str(published), query], text=True, timeout=60)
    )


@pytest.mark.slow
def test_readers_read_while_a_build_runs_and_an_open_file_keeps_its_snapshot(home: Home) -> None:
    early = duckdb.connect(str(home.published), read_only=True)
    assert early.execute(RELEASES).fetchall() == [(2,)]
    home.carry("cbp_nationwide_state_2020-10_2024-02.csv")
    process = home.start("build")
    plain, through_border = 0, 0
    while process.returncode is None:
        assert ask(home.published, QUERY) == 129_513
        plain += 1
        if plain % 5 == 1:
            done = home.border("sql", QUERY, "--json")
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout) == [{"value": 129_513}]
            through_border += 1
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)
    assert process.returncode == 0, process.communicate()[1]
    assert plain >= 3
    assert through_border >= 1
    assert early.execute(RELEASES).fetchall() == [(2,)], "an open reader must keep what it opened"
    early.close()
    assert ask(home.published, RELEASES) == 3


@pytest.mark.slow
def test_a_failed_critical_check_changes_nothing_for_readers_and_says_what_failed(
    home: Home, tmp_path: Path
) -> None:
    lines = sbo("2024-10", "2024-12")
    lines[1]["Citizenship Grouping"] = "Atlantis"
    file = tmp_path / "sbo-encounters-fy25-fy25-dec.csv"
    file.write_bytes(as_csv(SBO, lines))
    before = home.published.read_bytes()
    done = home.border("build", "--data", str(file))
    assert done.returncode == 1
    shown = " ".join(done.stderr.split())
    assert "failed core.cbp__monthly_encounters" in shown
    assert "sbo-encounters-fy25-fy25-dec.csv, line 3: unknown citizenship Atlantis" in shown
    assert "Not published; readers keep the version they had" in shown
    assert "Traceback" not in done.stderr
    assert home.published.read_bytes() == before

    again = home.border("publish")
    assert again.returncode == 1
    assert "not published" in again.stderr
    assert "core.cbp__monthly_encounters" in again.stderr
    assert home.published.read_bytes() == before


def test_comments_macros_constraints_and_rows_travel(small_home: Home, tmp_path: Path) -> None:
    copy = tmp_path / "warehouse.duckdb"
    copy.write_bytes(small_home.build_file.read_bytes())
    with (
        duckdb.connect(str(copy), read_only=True) as build,
        duckdb.connect(str(small_home.published), read_only=True) as reader,
    ):
        ours = (
            "schema_name in ('raw', 'core', 'marts', 'meta', 'main') and database_name = current_database()"
        )
        for what in (
            f"select schema_name, table_name, comment from duckdb_tables() where {ours} order by all",
            f"select schema_name, table_name, column_name, data_type, is_nullable, comment from duckdb_columns() "
            f"where {ours} and not internal order by all",
            f"select schema_name, function_name, macro_definition from duckdb_functions() where {ours} and not internal "
            "order by all",
        ):
            expected = build.execute(what).fetchall()
            assert expected
            assert reader.execute(what).fetchall() == expected
        tables = reader.execute(
            f"select schema_name || '.' || table_name from duckdb_tables() where {ours}"
        ).fetchall()
        assert len(tables) > 30
        for (table,) in tables:
            count = f"select count(*) from {table}"
            assert reader.execute(count).fetchall() == build.execute(count).fetchall(), table
        assert undocumented(reader) == []
        uncommented = (
            f"select count(*) from duckdb_columns() where {ours} and not internal and comment is null"
        )
        schemas = ", ".join(f"'{s}'" for s in SCHEMAS)
        assert reader.execute(f"{uncommented} and schema_name in ({schemas})").fetchall() == [(0,)]


@pytest.fixture
def build(small_home: Home, tmp_path: Path) -> Warehouse:
    """The audited build of the small home, opened for writing."""
    file = tmp_path / "work" / "warehouse.duckdb"
    file.parent.mkdir()
    file.write_bytes(small_home.build_file.read_bytes())
    return Warehouse(file)


AUDITED = ["core.release_months", "core.cbp__monthly_encounters", "marts.january_yoy"]


def test_an_audited_build_passes_the_gate(build: Warehouse) -> None:
    publish.gate(build, AUDITED)


def test_a_table_written_after_its_audit_stops_publication(build: Warehouse) -> None:
    steps.build_model(build, "core.release_months")
    with pytest.raises(
        NotPublishable, match=r"core.release_months: written since its last audit; run `border build`"
    ):
        publish.gate(build, AUDITED)


def test_a_table_never_audited_stops_publication(build: Warehouse) -> None:
    build.con.execute("delete from meta.checks where table_name = 'core.release_months'")
    with pytest.raises(NotPublishable, match=r"core.release_months: written since its last audit"):
        publish.gate(build, AUDITED)


def test_a_failed_check_stops_publication_and_is_named(build: Warehouse) -> None:
    build.con.execute(
        "update meta.checks set outcome = 'failed', observed = '3 lines' where expectation = 'quarantined_lines'"
    )
    with pytest.raises(NotPublishable, match=r"core.cbp__monthly_encounters: quarantined_lines: 3 lines"):
        publish.gate(build, AUDITED)


def test_a_stray_table_stops_publication(build: Warehouse) -> None:
    build.con.execute("create table marts.scratch as select 1 as x")
    with pytest.raises(NotPublishable, match=r"contract: marts.scratch is built but not documented"):
        publish.gate(build, AUDITED)


def test_a_copy_that_lost_rows_is_not_put_in_place(
    build: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "published" / "warehouse.duckdb"
    publish.publish(build, target, code="first", now=dt.datetime(2025, 1, 1))
    before = target.read_bytes()
    copy = publish._copy

    def lossy(con: duckdb.DuckDBPyConnection, path: Path) -> None:
        copy(con, path)
        with duckdb.connect(str(path)) as damaged:
            damaged.execute("delete from marts.january_yoy where january = 2023")

    monkeypatch.setattr(publish, "_copy", lossy)
    with pytest.raises(NotPublishable, match=r"the copy lost rows of marts.january_yoy"):
        publish.publish(build, target, code="second", now=dt.datetime(2025, 1, 2))
    assert target.read_bytes() == before
    assert not list((tmp_path / "published" / "versions").glob(".building-*"))


def test_equal_inputs_are_one_version_and_other_code_or_releases_another(build: Warehouse) -> None:
    version = publish.version_of(build, "code")
    assert publish.version_of(build, "code") == version
    assert publish.version_of(build, "other code") != version
    build.con.execute("delete from meta.releases where family = 'cbp_sbo'")
    assert publish.version_of(build, "code") != version
