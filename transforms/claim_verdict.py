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


@dataclass(frozen=True)
class Part:
    """Assertions that are read under the same definitions, in the order of the readings.

    `holds` says of each definition whether every assertion read under it holds, so that two halves of a sentence
    are never each supported by another definition; None where one is missing and none fails.
    """

    readings: tuple[Reading, ...]
    holds: dict[str, bool | None]

    @property
    def verdict(self) -> Verdict:
        held = self.holds.values()
        if True not in held:
            return "data_missing" if None in held else "contradicted"
        if False not in held:
            return "supported_on_some_definitions" if None in held else "supported"
        shares = {reading.operation for reading in self.readings} == {"share"}
        return "denominator_sensitive" if shares else "supported_on_some_definitions"


def verdict(readings: Iterable[Reading], *, is_in_scope: bool = True) -> Verdict:
    """The verdict on one claim, read from one release or as of one date."""
    if not is_in_scope:
        return "out_of_scope"
    found = {part.verdict for part in parts(readings)}
    return next((v for v in _WORST_FIRST if v in found), "data_missing")


def parts(readings: Iterable[Reading]) -> list[Part]:
    """The counted readings of one claim, split into parts that share no definition and no assertion."""
    counted = [r for r in readings if r.bearing == "test" and not r.is_synthetic]
    result = []
    for part in _split(counted):
        outcomes: dict[str, list[bool | None]] = defaultdict(list)
        for reading in part:
            outcomes[reading.definition_id].append(reading.holds)
        result.append(Part(tuple(part), {name: _all_hold(found) for name, found in outcomes.items()}))
    return result


def _all_hold(found: Sequence[bool | None]) -> bool | None:
    if False in found:
        return False
    return None if None in found else True


def _split(readings: Sequence[Reading]) -> list[list[Reading]]:
    groups: list[list[Reading]] = []
    for reading in readings:
        joined: list[Reading] = []
        apart = []
        for group in groups:
            if any(
                other.definition_id == reading.definition_id or other.assertion_id == reading.assertion_id
                for other in group
            ):
                joined += group
            else:
                apart.append(group)
        groups = [*apart, [*joined, reading]]
    return groups
