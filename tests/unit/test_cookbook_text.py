"""Taking the cookbook apart and writing answers, on a cookbook of a few lines."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from warehouse import cookbook

ONE = "# C\n\n## Part\n\n### What is one?\n\nA number.\n\n```sql\nselect 1 as n\n```\n"
ANSWERED = ONE + "\n| n |\n| ---: |\n| 1 |\n"


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def ask(sql: str) -> cookbook.Recipe:
    return cookbook.Recipe("q", "w", sql, "")


def test_a_recipe_is_taken_apart() -> None:
    assert cookbook.recipes(ANSWERED) == [
        cookbook.Recipe("What is one?", "A number.", "select 1 as n", "| n |\n| ---: |\n| 1 |", "Part")
    ]


def test_a_part_that_says_synthetic_is_answered_by_made_up_releases_alone(
    con: duckdb.DuckDBPyConnection,
) -> None:
    text = (
        "# C\n\n## Part\n\n"
        + "### Q?\n\nW.\n\n```sql\nselect 1 as n\n```\n\n## SYNTHETIC part\n\nWords.\n\n"
        + ("### R?\n\nW.\n\n```sql\nselect v as n from made\n```\n")
    )
    with pytest.raises(cookbook.CookbookError, match="there are none"):
        cookbook.rewritten(text, con)
    with duckdb.connect() as made_up:
        made_up.execute("create table made as select 2 as v")
        written = cookbook.rewritten(text, con, made_up)
    assert [r.is_made_up for r in cookbook.recipes(written)] == [False, True]
    assert "| 1 |" in written
    assert "| 2 |" in written


def test_answers_are_written_and_stay(con: duckdb.DuckDBPyConnection) -> None:
    more = ANSWERED + "\n### What is two?\n\nAnother.\n\n```sql\nselect 2 as n\n```\n\nwords that stay\n"
    once = cookbook.rewritten(more, con)
    assert once.count("| 2 |") == 1
    assert once.endswith("| 2 |\n\nwords that stay\n")
    assert cookbook.rewritten(once, con) == once


def test_cells_say_null_and_keep_their_table_in_one_piece(con: duckdb.DuckDBPyConnection) -> None:
    answer = cookbook.answer(
        con,
        ask("select null as a, 'x|y' as b, true as c, ['p', null] as d, 1.50 as e, date '2021-01-01' as f"),
    )
    assert answer.splitlines()[2] == "| NULL | x\\|y | true | p; NULL | 1.50 | 2021-01-01 |"


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("select 1 where false", "no rows"),
        ("select unnest([1, 2])", "add `order by`"),
        ("select nothing", "nothing"),
    ],
)
def test_a_query_that_answers_nothing_sure_is_refused(
    con: duckdb.DuckDBPyConnection, sql: str, why: str
) -> None:
    with pytest.raises(cookbook.CookbookError, match=why):
        cookbook.answer(con, ask(sql))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("### Q?\n\nNo query.\n", "expected a sentence"),
        ("### Q?\n\n### R?\n\nWords.\n\n```sql\nselect 1\n```\n", "expected a sentence"),
        (ONE + ONE, "asked twice"),
    ],
)
def test_a_malformed_cookbook_is_refused(text: str, why: str) -> None:
    with pytest.raises(cookbook.CookbookError, match=why):
        cookbook.recipes(text)
