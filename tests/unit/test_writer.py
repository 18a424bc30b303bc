"""The writer: a table is as its contract says, or as it was before."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from installation import ROOT

from warehouse import contracts
from warehouse.contracts import ContractError
from warehouse.writer import BuildBusy, BuildLock, Warehouse, undocumented

TABLE = "meta.families"
CONTRACT = contracts.table(TABLE)
ROW = (
    "select 'cbp_sbo' as family, 'Southwest' as title, 'cbp' as publisher_code, 'raw.cbp_sbo' as raw_table, "
    "false as parts_are_summed"
)
RELEASED = "meta.row_ledger"


def ledger_row(release_id: str, lines: int, reason: str = "first line of a row") -> str:
    return (
        f"select '{release_id}' as release_id, 'conform' as stage, 'loaded' as disposition, '{reason}' as reason, "
        f"{lines} as lines, {lines * 10} as encounters"
    )


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    with Warehouse(None) as found:
        found.replace(TABLE, ROW)
        yield found


def rows(warehouse: Warehouse, table: str = TABLE) -> list[tuple[object, ...]]:
    return warehouse.con.execute(f"select * from {table} order by all").fetchall()


FAILING = {
    "a failing insert": (ROW.replace("'cbp' as", "error('broken')::varchar as"), duckdb.Error, "broken"),
    "a value of another type": (ROW.replace("false", "'maybe'"), duckdb.Error, "maybe"),
    "a missing column": (ROW.rpartition(",")[0], ContractError, r"meta.families: .*missing \['parts_are_summed'\]"),
    "an extra column": (ROW + ", 1 as note", ContractError, r"undocumented \['note'\]"),
    "another column": (ROW.replace("as title", "as titel"), ContractError, r"missing \['title'\], undocumented \['titel'\]"),
    "a repeated key": (f"{ROW} union all {ROW}", ContractError, "the key repeats: family=cbp_sbo, rows=2; the grain is"),
    "a NULL": (ROW.replace("'cbp' as", "null::varchar as"), ContractError, "publisher_code"),
    "no such table": ("select * from raw.nowhere", duckdb.CatalogException, "nowhere"),
}  # fmt: skip


@pytest.mark.parametrize("case", FAILING)
def test_a_replacement_that_fails_leaves_the_previous_table(case: str, warehouse: Warehouse) -> None:
    select, error, message = FAILING[case]
    before = rows(warehouse)
    built = rows(warehouse, "meta.builds")
    with pytest.raises(error, match=message):
        warehouse.replace(TABLE, select)
    assert rows(warehouse) == before
    assert rows(warehouse, "meta.builds") == built
    assert undocumented(warehouse.con) == []


def test_columns_are_matched_by_name_not_by_position(warehouse: Warehouse) -> None:
    first, second, *others = ROW.removeprefix("select ").split(", ")
    reordered = "select " + ", ".join([second, first, *others])
    warehouse.replace(TABLE, reordered)
    assert rows(warehouse) == [("cbp_sbo", "Southwest", "cbp", "raw.cbp_sbo", False)]


def test_comments_are_there_again_after_a_replacement(warehouse: Warehouse) -> None:
    warehouse.replace(TABLE, ROW)
    warehouse.replace(TABLE, ROW)
    comment = "select comment from duckdb_tables() where schema_name = 'meta' and table_name = 'families'"
    assert warehouse.con.execute(comment).fetchall() == [(CONTRACT.comment,)]
    columns = "select column_name, comment from duckdb_columns() where schema_name = 'meta' and table_name = 'families'"
    assert dict(warehouse.con.execute(columns).fetchall()) == {c.name: c.comment for c in CONTRACT.columns}


def test_not_null_is_there_again_after_a_replacement(warehouse: Warehouse) -> None:
    warehouse.replace(TABLE, ROW)
    nullable = (
        "select column_name from duckdb_columns() "
        "where schema_name = 'meta' and table_name = 'families' and is_nullable"
    )
    assert warehouse.con.execute(nullable).fetchall() == []


def test_a_table_whose_contract_changed_is_made_anew_and_its_releases_forgotten(warehouse: Warehouse) -> None:
    warehouse.con.execute(f"drop table {TABLE}")
    warehouse.con.execute(f"create table {TABLE} as select 1 as outdated")
    warehouse.append("meta.loads", [(TABLE, "r", "f")])
    warehouse.ensure(TABLE)
    assert rows(warehouse) == []
    assert undocumented(warehouse.con) == []
    assert rows(warehouse, "meta.loads") == []


# ---------------------------------------------------------------------------------------------------- releases


def test_a_release_replaces_its_own_rows_and_no_others(warehouse: Warehouse) -> None:
    warehouse.replace_releases(RELEASED, ["a"], ledger_row("a", 1))
    warehouse.replace_releases(RELEASED, ["b"], ledger_row("b", 2))
    warehouse.replace_releases(RELEASED, ["a"], ledger_row("a", 3))
    assert [(r[0], r[4]) for r in rows(warehouse, RELEASED)] == [("a", 3), ("b", 2)]


@pytest.mark.parametrize(
    "select",
    [
        ledger_row("a", 5) + " union all " + ledger_row("a", 6),
        ledger_row("a", 5).replace("'loaded'", "null"),
        ledger_row("a", 5).replace("5 as lines", "error('broken')::bigint as lines"),
    ],
    ids=["repeated key", "NULL", "failing insert"],
)
def test_a_release_that_fails_keeps_the_rows_it_had(warehouse: Warehouse, select: str) -> None:
    warehouse.replace_releases(RELEASED, ["a"], ledger_row("a", 1))
    before = rows(warehouse, RELEASED)
    with pytest.raises((ContractError, duckdb.Error)):
        warehouse.replace_releases(RELEASED, ["a"], select)
    assert rows(warehouse, RELEASED) == before


# ------------------------------------------------------------------------------------------------ transactions


OTHER = ROW.replace("cbp_sbo", "other")


def test_a_transaction_is_all_or_nothing(warehouse: Warehouse) -> None:
    before = rows(warehouse)

    def writes() -> None:
        with warehouse.transaction():
            warehouse.replace(TABLE, OTHER)
            warehouse.replace_releases(RELEASED, ["a"], ledger_row("a", 1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        writes()
    assert rows(warehouse) == before
    assert not warehouse.exists(RELEASED)


def test_a_transaction_inside_another_ends_with_the_outer_one(warehouse: Warehouse) -> None:
    def writes() -> None:
        with warehouse.transaction():
            with warehouse.transaction():
                warehouse.replace(TABLE, OTHER)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        writes()
    assert rows(warehouse)[0][0] == "cbp_sbo"
    with warehouse.transaction(), warehouse.transaction():
        warehouse.replace(TABLE, OTHER)
    assert rows(warehouse)[0][0] == "other"


def test_a_failed_write_inside_a_transaction_cannot_be_committed_by_swallowing_it(
    warehouse: Warehouse,
) -> None:
    """The table is half made by then: dropped, created, filled with rows that break its key."""
    before = rows(warehouse)

    def writes() -> None:
        with warehouse.transaction(), contextlib.suppress(ContractError):
            warehouse.replace(TABLE, f"{ROW} union all {ROW}")

    with pytest.raises(ContractError, match="rolled back"):
        writes()
    assert rows(warehouse) == before
    warehouse.replace(TABLE, ROW)  # and the connection is good for more


def test_every_write_counts_so_that_an_audit_knows_what_it_has_seen(warehouse: Warehouse) -> None:
    number = "select build_no from meta.builds where table_name = ?"
    first = warehouse.con.execute(number, [TABLE]).fetchall()
    warehouse.replace(TABLE, ROW)
    assert warehouse.con.execute(number, [TABLE]).fetchall() == [(first[0][0] + 1,)]


def test_tables_as_built_are_compared_with_tables_as_documented(warehouse: Warehouse) -> None:
    assert undocumented(warehouse.con) == []
    warehouse.con.execute("create table core.stray (x integer)")
    warehouse.con.execute(f"alter table {TABLE} add column extra integer")
    warehouse.con.execute(f"alter table {TABLE} drop column title")
    assert undocumented(warehouse.con) == [
        "core.stray is built but not documented",
        f"{TABLE}.extra INTEGER is built but not documented",
        f"{TABLE}.title VARCHAR is documented but not built",
    ]


# ------------------------------------------------------------------------------------------------------- the lock


HOLD = (
    "import sys; from pathlib import Path; from warehouse.writer import BuildLock\n"
    "BuildLock(Path(sys.argv[1])).__enter__(); print('held', flush=True); sys.stdin.read()"
)


@contextlib.contextmanager
def held_by_another_process(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield holder
        holder.kill()


def test_one_build_at_a_time_and_the_error_names_the_other(tmp_path: Path) -> None:
    path = tmp_path / "work" / "build.lock"
    with held_by_another_process(path) as holder:
        busy = f"process {holder.pid} is building; wait for it to end, or stop it"
        with pytest.raises(BuildBusy, match=busy), BuildLock(path):
            pass


def test_a_lock_dies_with_its_process_however_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "build.lock"
    with held_by_another_process(path):
        pass  # killed
    with BuildLock(path):
        assert path.read_text() == str(os.getpid())


def test_the_lock_is_held_until_its_process_has_given_it_back_as_often_as_it_took_it(tmp_path: Path) -> None:
    path = tmp_path / "build.lock"

    def is_free() -> bool:
        with path.open("rb+") as other, contextlib.suppress(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    with BuildLock(path):
        with BuildLock(path):
            assert not is_free()
        assert not is_free()
    assert is_free()
