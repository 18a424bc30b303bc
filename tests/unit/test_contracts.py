"""One definition per column name: what a contract renders is what a table becomes."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from transforms.models import models
from warehouse import contracts
from warehouse.contracts import ContractError, columns, table, tables
from warehouse.writer import SCHEMAS


@pytest.fixture(scope="module")
def built() -> duckdb.DuckDBPyConnection:
    """Every contracted table, empty."""
    con = duckdb.connect()
    for schema in SCHEMAS:
        con.execute(f"create schema {schema}")
    for contract in tables().values():
        con.execute(contract.ddl())
        for comment in contract.comments():
            con.execute(comment)
    return con


def test_every_contract_renders_the_table_it_describes(built: duckdb.DuckDBPyConnection) -> None:
    for name, contract in tables().items():
        described = built.execute(f"describe {name}").fetchall()
        assert [(r[0], r[1], r[2] == "YES") for r in described] == [
            (c.name, c.type, c.nullable) for c in contract.columns
        ], name


def test_every_table_and_column_carries_its_comment(built: duckdb.DuckDBPyConnection) -> None:
    found = {
        (f"{schema}.{name}", column): comment
        for schema, name, column, comment in built.execute(
            "select schema_name, table_name, column_name, comment from duckdb_columns() where not internal"
        ).fetchall()
    }
    assert found == {(t.name, c.name): c.comment for t in tables().values() for c in t.columns}
    assert all(found.values())


def test_every_model_makes_a_contracted_table() -> None:
    """Beside the working tables that exist only while a core table is loaded."""
    assert [m for m in models() if m not in tables() and not m.endswith("__conformed_lines")] == []


def test_every_column_definition_is_used() -> None:
    used = {c.name for t in tables().values() for c in t.columns}
    assert sorted(set(columns()) - used) == []


def test_keys_are_never_nullable() -> None:
    for contract in tables().values():
        nullable = {c.name for c in contract.columns if c.nullable}
        assert not nullable & set(contract.key), contract.name


def test_every_table_states_title_grain_and_description() -> None:
    for contract in tables().values():
        assert contract.schema in SCHEMAS
        assert contract.title
        assert contract.grain.startswith("one row"), contract.name
        assert len(contract.description) > 20, contract.name


def test_every_count_says_what_it_counts() -> None:
    for column in columns().values():
        if column.name in ("encounters", "value", "prior", "change"):
            assert column.unit, column.name
        if re.search(r"pct|percent", column.name):
            assert column.unit, column.name


def test_release_id_is_on_every_row_of_raw_and_of_core_facts() -> None:
    for contract in tables().values():
        if contract.schema == "raw" or contract.name.endswith("_encounters"):
            assert "release_id" in [c.name for c in contract.columns], contract.name


def test_a_quote_in_a_description_breaks_no_statement() -> None:
    column = contracts.Column("x", "INTEGER", "The publisher's own count; 'as is'.")
    made = contracts.Table("meta.t", "T", "one row", "It's one.", ("x",), (column,))
    with duckdb.connect() as con:
        con.execute("create schema meta")
        con.execute(made.ddl())
        for comment in made.comments():
            con.execute(comment)
        assert con.execute("select comment from duckdb_columns() where table_name = 't'").fetchall() == [
            (column.comment,)
        ]


def test_a_table_without_a_contract_is_an_error_that_says_where_to_add_it() -> None:
    with pytest.raises(
        ContractError, match=r"marts.nothing has no contract; add it to warehouse/contracts/tables/"
    ):
        table("marts.nothing")


ONE = "x: {type: INTEGER, description: One.}"
TWO = "x: {type: DATE, description: Two.}"


@pytest.mark.parametrize(
    ("column_files", "table_entry", "message"),
    [
        ({"a.yml": ONE, "b.yml": TWO}, "[x]", "b.yml: x is defined twice"),
        ({"a.yml": "x: {type: INTEGER}"}, "[x]", "x lacks description"),
        ({"a.yml": ONE}, "[x, y]", "core.t.y has no definition in columns/"),
        ({"a.yml": ONE}, "[x]\n  key: [z]", "core.t has key columns it does not list: z"),
    ],
    ids=["defined twice", "no description", "undefined", "key not listed"],
)
def test_a_malformed_contract_is_named(
    column_files: dict[str, str],
    table_entry: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "columns").mkdir()
    (tmp_path / "tables").mkdir()
    for name, text in column_files.items():
        (tmp_path / "columns" / name).write_text(text)
    (tmp_path / "tables" / "core.yml").write_text(
        f"core.t:\n  title: T\n  grain: one row\n  description: D\n  columns: {table_entry}\n"
    )
    monkeypatch.setattr(contracts, "_HERE", tmp_path)
    monkeypatch.setattr(contracts, "columns", contracts.columns.__wrapped__)
    with pytest.raises(ContractError, match=re.escape(message)):
        contracts.tables.__wrapped__()
