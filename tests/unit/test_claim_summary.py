"""A claim's readings in one sentence, with every figure and no adjective."""

from __future__ import annotations

import pytest

from transforms import claim_summary
from transforms.claim_verdict import Reading, parts

WORDS = {
    ("c", "level"): {"words": "More than 75,000", "allowed": "above 75,000"},
    ("c", "rank"): {"words": "since 2006", "allowed": "2006"},
}


def row(
    definition: str, reading: float | None, unit: str, operation: str, holds: bool | None
) -> dict[str, object]:
    return {
        "definition_label": definition.upper(),
        "reading": reading,
        "reading_unit": unit,
        "operation": operation,
        "holds": holds,
    }


def test_each_group_of_definitions_is_a_clause_with_its_figures() -> None:
    figures = {
        ("level", "a"): row("a", 75316.0, "events", "level", True),
        ("level", "b"): row("b", 12787.0, "events", "level", False),
        ("level", "c"): row("c", None, "events", "level", None),
    }
    readings = [Reading("level", d, figures["level", d]["holds"], "level") for d in "abc"]  # type: ignore[arg-type]
    assert claim_summary.in_scope(parts(readings), figures, WORDS, "c") == (
        "“More than 75,000” (above 75,000) holds under 1 of 3 definitions (A: 75,316 events), "
        "does not hold under 1 of 3 definitions (B: 12,787 events), no value is known under 1 of 3 definitions (C)."
    )


def test_two_figures_of_one_sentence_stand_together() -> None:
    figures = {
        ("level", "a"): row("a", 75316.0, "events", "level", True),
        ("rank", "a"): row("a", None, "year", "highest_since", False),
    }
    readings = [Reading("level", "a", True, "level"), Reading("rank", "a", False, "highest_since")]
    assert claim_summary.in_scope(parts(readings), figures, WORDS, "c") == (
        "“More than 75,000” (above 75,000) and “since 2006” (2006) do not hold together under 1 of 1 definitions "
        "(A: 75,316 events, none)."
    )


@pytest.mark.parametrize(
    ("reading", "unit", "operation", "expected"),
    [
        (157.8873, "percent", "yoy_pct", "+157.9 %"),
        (-56.2164, "percent", "yoy_pct", "−56.2 %"),
        (0.90236, "percent", "share", "0.90 %"),
        (2006.0, "year", "highest_since", "last as high in 2006"),
        (71036.0, "cases", "level", "71,036 cases"),
    ],
)
def test_a_reading_is_shown_as_it_is_quoted(reading: float, unit: str, operation: str, expected: str) -> None:
    assert claim_summary.shown(row("a", reading, unit, operation, True)) == expected


def test_a_claim_out_of_scope_gives_the_reason_and_the_evidence_there_is() -> None:
    said = claim_summary.out_of_scope("No file counts it.", 6)
    assert said == "No file counts it; 6 published figures are listed as partial evidence."


def test_without_a_reading_that_counts_there_is_nothing_to_say() -> None:
    assert "No admissible definition" in claim_summary.in_scope([], {}, WORDS, "c")
