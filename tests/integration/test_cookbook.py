"""Every recipe of docs/cookbook.md gives, on the carried series, exactly the answer printed below it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import duckdb
import pytest
from installation import ROOT, Home

from orchestration.docs import made_up
from warehouse import cookbook

TEXT = (ROOT / "docs" / "cookbook.md").read_text("utf-8")
RECIPES = cookbook.recipes(TEXT)


@pytest.fixture(scope="module")
def published(carried_home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(
        str(carried_home.published), read_only=True, config={"enable_external_access": "false"}
    ) as con:
        yield con


@pytest.fixture(scope="module")
def courts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with made_up(tmp_path_factory.mktemp("courts")) as con:
        yield con


def test_there_are_recipes_for_the_traps() -> None:
    assert len(RECIPES) >= 24
    assert sum("Trap:" in r.words for r in RECIPES) >= 8


def test_what_is_made_up_says_so_in_its_question_and_in_every_row() -> None:
    marked = [r for r in RECIPES if r.is_made_up]
    assert len(marked) >= 6
    assert [r.question for r in RECIPES if r.question.startswith("SYNTHETIC: ") != r.is_made_up] == []
    assert [r.question for r in marked if "synthetic |" not in r.answer and "trust" not in r.sql] == []


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: r.question)
def test_the_answer_is_the_one_printed(recipe: cookbook.Recipe, request: pytest.FixtureRequest) -> None:
    asked = request.getfixturevalue("courts" if recipe.is_made_up else "published")
    assert cookbook.answer(asked, recipe) == recipe.answer, (
        "if the figure was meant to move, run `make docs` and look at the difference"
    )


def test_no_answer_depends_on_the_order_of_work(
    published: duckdb.DuckDBPyConnection, courts: duckdb.DuckDBPyConnection
) -> None:
    for con in (published, courts):
        con.execute("set threads = 1")
        con.execute("set preserve_insertion_order = false")
    try:
        assert cookbook.rewritten(TEXT, published, courts) == TEXT
    finally:
        for con in (published, courts):
            con.execute("reset threads")
            con.execute("reset preserve_insertion_order")


def test_writing_the_answers_anew_changes_nothing(
    published: duckdb.DuckDBPyConnection, courts: duckdb.DuckDBPyConnection
) -> None:
    assert cookbook.rewritten(TEXT, published, courts) == TEXT


def test_a_wrong_answer_is_written_over(
    published: duckdb.DuckDBPyConnection, courts: duckdb.DuckDBPyConnection
) -> None:
    wrong = TEXT.replace("75316", "75361")
    assert wrong != TEXT
    assert cookbook.rewritten(wrong, published, courts) == TEXT


def test_a_recipe_without_an_answer_gets_one(
    published: duckdb.DuckDBPyConnection, courts: duckdb.DuckDBPyConnection
) -> None:
    unanswered = re.sub(r"\n\n\|[^\n]*(?:\n\|[^\n]*)*\n", "\n", TEXT)
    assert "|" not in unanswered.split("```sql", 1)[1].split("```", 1)[1].split("###", 1)[0]
    assert cookbook.rewritten(unanswered, published, courts) == TEXT


def test_every_statement_about_a_comparison_carries_its_status() -> None:
    quoted = [
        r.question for r in RECIPES if "pct_change" in r.sql and not re.search("status|finality|holds", r.sql)
    ]
    assert quoted == []
