"""The verdict on a claim, from what its readings say.

Belongs here: the rule from readings to one of six verdicts. Does not belong here: how a reading's value is
computed, or whether printed words allow it. The rule in words: docs/claims.md, "Verdicts".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Verdict = Literal[
    "supported",
    "supported_on_some_definitions",
    "contradicted",
    "denominator_sensitive",
    "out_of_scope",
    "data_missing",
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

# Of several parts of one claim the first of these decides: a claim is no better than its worst part.
_WORST_FIRST: tuple[Verdict, ...] = (
    "contradicted",
    "data_missing",
    "denominator_sensitive",
    "supported_on_some_definitions",
    "supported",
)


@dataclass(frozen=True)
class Reading:
    """One assertion of a claim under one definition; `holds` is None where the value is missing.

    `bearing` is `test` for an admissible definition and `context` for one shown beside them. A reading of
    synthetic data never counts.
    """

    assertion_id: str
    definition_id: str
    holds: bool | None
    operation: str
    bearing: Literal["test", "context"] = "test"
    is_synthetic: bool = False


def verdict(readings: Iterable[Reading], *, is_in_scope: bool = True) -> Verdict:
    """The verdict on one claim, read from one release or as of one date."""
    if not is_in_scope:
        return "out_of_scope"
    counted = [r for r in readings if r.bearing == "test" and not r.is_synthetic]
    if not counted:
        return "data_missing"
    parts = {_part_verdict(part) for part in _parts(counted)}
    return next(v for v in _WORST_FIRST if v in parts)


def _part_verdict(part: Sequence[Reading]) -> Verdict:
    """The verdict on assertions that are read under the same definitions.

    A definition holds where every assertion read under it holds, so that two halves of a sentence are never
    each supported by another definition.
    """
    outcomes: dict[str, list[bool | None]] = defaultdict(list)
    for reading in part:
        outcomes[reading.definition_id].append(reading.holds)
    held = [_all_hold(found) for found in outcomes.values()]
    if True not in held:
        return "data_missing" if None in held else "contradicted"
    if False not in held:
        return "supported_on_some_definitions" if None in held else "supported"
    shares = {reading.operation for reading in part} == {"share"}
    return "denominator_sensitive" if shares else "supported_on_some_definitions"


def _all_hold(found: Sequence[bool | None]) -> bool | None:
    if False in found:
        return False
    return None if None in found else True


def _parts(readings: Sequence[Reading]) -> list[list[Reading]]:
    """Readings split into groups that share no definition and no assertion."""
    parts: list[list[Reading]] = []
    for reading in readings:
        joined = [reading]
        apart = []
        for part in parts:
            if any(
                other.definition_id == reading.definition_id or other.assertion_id == reading.assertion_id
                for other in part
            ):
                joined = part + joined
            else:
                apart.append(part)
        parts = [*apart, joined]
    return parts
