"""Every column of the warehouse has a meaning a stranger understands: words, units, and the codes it may hold."""

from __future__ import annotations

import csv
import re

import pytest

from warehouse.contracts import Column, columns, tables
from warehouse.paths import PROJECT

NUMERIC = ("BIGINT", "INTEGER", "HUGEINT", "DOUBLE")
CODED = ("component", "region", "demographic", "title", "encounter_type")


def codes() -> dict[str, set[str]]:
    """Codes by dimension, of every publisher's labels."""
    found: dict[str, set[str]] = {}
    for path in sorted((PROJECT / "expectations" / "data" / "code_map").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                dimension = re.sub("^(ohss|history)_", "", row["domain"])
                found.setdefault(dimension, set()).add(row["code"])
    return found


@pytest.mark.parametrize("column", columns().values(), ids=lambda c: c.name)
def test_the_meaning_is_a_sentence_that_says_more_than_the_name(column: Column) -> None:
    assert column.description[0].isupper(), "say what the thing is before its values"
    assert column.description.endswith(".")
    said = {word.lower() for word in re.findall("[A-Za-z]+", column.description)}
    assert said - set(column.name.split("_")) - {"the", "a", "of", "what"}


@pytest.mark.parametrize(
    "column",
    [c for c in columns().values() if c.type in NUMERIC and not c.name.endswith("_id")],
    ids=lambda c: c.name,
)
def test_a_number_says_what_it_counts(column: Column) -> None:
    assert column.unit, f"{column.name}: say what it counts, or that it is an ordinal"


@pytest.mark.parametrize("dimension", CODED)
def test_a_code_column_names_every_code_of_every_publisher(dimension: str) -> None:
    known = codes()[dimension]
    assert known
    described = set(re.findall("[a-z_0-9]+", columns()[f"{dimension}_code"].description))
    assert known | {"all"} <= described


@pytest.mark.parametrize("name", ["other", "northern_triangle"])
def test_the_citizenship_groups_are_told_apart_from_citizenships(name: str) -> None:
    column = columns()["citizenship_code"]
    assert name in column.comment


def test_what_the_publisher_prints_names_its_column() -> None:
    printed = {c.name for t in tables().values() if t.name == "raw.cbp_nationwide_aor" for c in t.columns}
    for name in printed - {"release_id", "line_no"}:
        assert columns()[name].source, name
