"""The verdict follows from the readings by one rule, over every combination of readings."""

from __future__ import annotations

import itertools
from typing import Literal

import pytest

from transforms.claim_verdict import VERDICTS, Reading, verdict

HOLDS = (True, False, None)
MISSING = None


def reading(
    definition: str,
    holds: bool | None,
    assertion: str = "a",
    operation: str = "level",
    bearing: Literal["test", "context"] = "test",
    is_synthetic: bool = False,
) -> Reading:
    return Reading(assertion, definition, holds, operation, bearing, is_synthetic)


def expected_of_one_assertion(outcomes: tuple[bool | None, ...], operation: str) -> str:
    """The table of docs/claims.md: holds under some × fails under some × missing under some."""
    table = {
        (True, False, False): "supported",
        (True, False, True): "supported_on_some_definitions",
        (True, True, False): "mixed",
        (True, True, True): "mixed",
        (False, True, False): "contradicted",
        (False, True, True): "data_missing",
        (False, False, True): "data_missing",
    }
    found = table[(True in outcomes, False in outcomes, None in outcomes)]
    if found != "mixed":
        return found
    return "denominator_sensitive" if operation == "share" else "supported_on_some_definitions"


@pytest.mark.parametrize("operation", ["level", "yoy_pct", "highest_since", "share"])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_every_combination_of_readings_of_one_assertion(operation: str, count: int) -> None:
    for outcomes in itertools.product(HOLDS, repeat=count):
        readings = [reading(f"d{n}", held, operation=operation) for n, held in enumerate(outcomes)]
        assert verdict(readings) == expected_of_one_assertion(outcomes, operation), outcomes


def test_two_assertions_under_the_same_definitions_must_hold_under_the_same_one() -> None:
    for level, rank in itertools.product(itertools.product((True, False), repeat=2), repeat=2):
        readings = [reading(f"d{n}", held) for n, held in enumerate(level)]
        readings += [reading(f"d{n}", held, "b", "highest_since") for n, held in enumerate(rank)]
        both = tuple(one and other for one, other in zip(level, rank, strict=True))
        assert verdict(readings) == expected_of_one_assertion(both, "level"), (level, rank)


def test_each_half_supported_by_another_definition_is_contradicted() -> None:
    readings = [reading("x", True), reading("y", False), reading("x", False, "b"), reading("y", True, "b")]
    assert verdict(readings) == "contradicted"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((True,), (True,), "supported"),
        ((True,), (True, False), "denominator_sensitive"),
        ((True, False), (True,), "supported_on_some_definitions"),
        ((True, False), (True, False), "denominator_sensitive"),
        ((False,), (True,), "contradicted"),
        ((True,), (False, False), "contradicted"),
        ((MISSING,), (True,), "data_missing"),
        ((MISSING,), (False,), "contradicted"),
    ],
)
def test_assertions_under_other_definitions_are_judged_apart_and_the_worst_decides(
    first: tuple[bool | None, ...], second: tuple[bool | None, ...], expected: str
) -> None:
    readings = [reading(f"first{n}", held) for n, held in enumerate(first)]
    readings += [reading(f"second{n}", held, "b", "share") for n, held in enumerate(second)]
    assert verdict(readings) == expected


def test_context_readings_never_count() -> None:
    for outcomes in itertools.product(HOLDS, repeat=2):
        counted = [reading(f"d{n}", held) for n, held in enumerate(outcomes)]
        for held in HOLDS:
            assert verdict([*counted, reading("beside", held, bearing="context")]) == verdict(counted)


def test_a_synthetic_reading_never_supports_or_contradicts() -> None:
    for held in HOLDS:
        assert verdict([reading("made up", held, is_synthetic=True)]) == "data_missing"
        assert verdict([reading("real", True), reading("made up", held, is_synthetic=True)]) == "supported"


def test_no_reading_is_missing_data() -> None:
    assert verdict([]) == "data_missing"


def test_out_of_scope_whatever_the_readings() -> None:
    for held in HOLDS:
        assert verdict([reading("d", held)], is_in_scope=False) == "out_of_scope"
    assert verdict([], is_in_scope=False) == "out_of_scope"


def test_the_order_of_readings_does_not_matter() -> None:
    readings = [
        reading("x", True),
        reading("y", False),
        reading("y", True, "b"),
        reading("z", None, "b"),
        reading("w", True, "c", "share"),
        reading("v", False, "c", "share"),
    ]
    assert {verdict(order) for order in itertools.permutations(readings)} == {verdict(readings)}


def test_every_verdict_can_be_reached() -> None:
    reached = {verdict([], is_in_scope=False)}
    for operation in ("level", "share"):
        for outcomes in itertools.product(HOLDS, repeat=2):
            reached.add(verdict([reading(f"d{n}", h, operation=operation) for n, h in enumerate(outcomes)]))
    assert reached == set(VERDICTS)
