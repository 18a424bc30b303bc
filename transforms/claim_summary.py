"""One neutral sentence over a claim's readings: what is allowed, what was found, under which definition.

Belongs here: figures in words. Does not belong here: the verdict (`transforms.claim_verdict`) or any adjective.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transforms.claim_verdict import Part

Row = Mapping[str, Any]

VERDICT_WORDS = {
    "supported": "supported",
    "supported_on_some_definitions": "supported on some definitions",
    "contradicted": "contradicted",
    "denominator_sensitive": "depends on the denominator",
    "out_of_scope": "out of scope",
    "data_missing": "data missing",
}


def in_scope(
    parts: Sequence[Part],
    figures: Mapping[tuple[str, str], Row],
    words: Mapping[tuple[str, str], Row],
    claim_id: str,
) -> str:
    """A sentence with a clause for each part.

    `figures` holds the counted row of marts.claim_readings by assertion and definition, `words` the row of
    meta.claim_assertions by claim and assertion.
    """
    clauses = [_part(part, figures, words, claim_id) for part in parts]
    return f"{'; '.join(clauses)}." if clauses else "No admissible definition has a reading that counts."


def of_courts(readings: Sequence[Row]) -> str:
    """What loaded court releases have to do with the verdict; empty where a claim is not about them or none is loaded."""
    courts = [r for r in readings if r["basis"] == "court"]
    if not courts:
        return ""
    if counted := sorted({str(r["release_id"]) for r in courts if r["is_counted"]}):
        named = ", ".join(counted)
        return (
            f" Counts are read from court release {named}; the gap to the published counts is in the reasons."
        )
    if all(r["is_synthetic"] for r in courts):
        return " Court records are loaded, but they are SYNTHETIC and no evidence: published counts are read."
    return (
        " A court release is loaded, but its counts are further from the published ones than the tolerance: "
        "published counts are read."
    )


def out_of_scope(reason: str, evidence: int) -> str:
    """The reason a claim cannot be answered, and how many published figures bear on it all the same."""
    return f"{reason.rstrip('.')}; {evidence} published figures are listed as partial evidence."


def _part(
    part: Part,
    figures: Mapping[tuple[str, str], Row],
    words: Mapping[tuple[str, str], Row],
    claim_id: str,
) -> str:
    assertions = list(dict.fromkeys(r.assertion_id for r in part.readings))
    printed = [words[claim_id, a] for a in assertions]
    opening = " and ".join(f"“{w['words']}” ({w['allowed']})" for w in printed)
    hold, fail = (
        ("holds under", "does not hold under")
        if len(assertions) == 1
        else ("hold together under", "do not hold together under")
    )
    groups = []
    for outcome, phrase in ((True, hold), (False, fail), (None, "no value is known under")):
        names = [d for d, held in part.holds.items() if held is outcome]
        if names:
            shown = "; ".join(_definition(d, assertions, figures, outcome is not None) for d in names)
            groups.append(f"{phrase} {len(names)} of {len(part.holds)} definitions ({shown})")
    return f"{opening} {', '.join(groups)}"


def _definition(
    definition_id: str, assertions: Sequence[str], figures: Mapping[tuple[str, str], Row], with_value: bool
) -> str:
    rows = [figures[a, definition_id] for a in assertions if (a, definition_id) in figures]
    label = str(rows[0]["definition_label"])
    return f"{label}: {', '.join(shown(row) for row in rows)}" if with_value else label


def shown(row: Row) -> str:
    """The reading of one row of marts.claim_readings with its unit, to the precision figures are quoted in."""
    reading, unit = row["reading"], row["reading_unit"]
    if reading is None:
        return "none" if row["holds"] is False else "no value"
    if row["operation"] == "share":
        return f"{reading:.2f} %"
    if unit == "percent":
        return f"{reading:+.1f} %".replace("-", "−")
    if unit == "year":
        return f"last as high in {reading:.0f}"
    return f"{reading:,.0f} {unit}"
