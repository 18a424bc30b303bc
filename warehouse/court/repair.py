"""Rows with the wrong number of fields: where the surplus tab sits, judged by typed anchors.

Belongs here: scoring an assignment of pieces to columns and accepting it only when it is the single best.
Does not belong here: splitting bytes into records, or cleaning values for the typed layer. A row that has no
single best reading is not guessed at: the caller quarantines it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from warehouse.court.registry import ColumnSpec, Layout

_DATETIME = re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d(?::\d\d(?:\.\d{1,7})?)?)?")
_DATE_LIKE = re.compile(r"\d{4}-\d\d-\d\d[ T]|\d{1,2}/\d{4}$")
_NUMBER = re.compile(r"-?\d{1,18}(?:\.0+)?")
_GUID = re.compile(r"\{?[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?")
_MONTH = re.compile(r"\d{1,2}/\d{4}")
_CLOCK = re.compile(r"\d{1,2}:?\d{2}")
_ZIP = re.compile(r"\d{5}(?:-?\d{4})?")
_MONEY = re.compile(r"-?\d{1,12}(?:\.\d+)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_FLAGS = {"0", "1", "Y", "N", "TRUE", "FALSE", "T", "F"}

#: A value that contradicts its column outright: no reading with one is accepted.
_CONTRADICTION = -10_000
_MAX_SURPLUS = 16


@dataclass(frozen=True)
class Reading:
    """An accepted reading of a malformed row: one value per column, and what was left over at the right."""

    values: list[str | None]
    method: str
    detail: str
    surplus: str | None = None


@dataclass(frozen=True)
class Refusal:
    """Why no reading was accepted."""

    reason: str
    detail: str


def clean(value: str | None) -> str:
    """A value as the typed layer sees it: control characters are blanks, padding is gone."""
    return _CONTROL.sub(" ", value).strip() if value else ""


def value_of(piece: str) -> str | None:
    """What `bcp -c` means by a field: nothing is NULL, one NUL is the empty string, the rest is text."""
    if piece == "":
        return None
    return "" if piece == "\x00" else piece


def _by_pattern(pattern: re.Pattern[str], match: int, other: int) -> Callable[[ColumnSpec, str], int]:
    return lambda _, text: match if pattern.fullmatch(text) else other


def _code(column: ColumnSpec, text: str) -> int:
    if text.upper() in column.codes:
        return 3
    return _CONTRADICTION if _DATE_LIKE.match(text) else -3


def _short(_: ColumnSpec, text: str) -> int:
    if _DATE_LIKE.match(text):
        return _CONTRADICTION
    return 0 if len(text) <= 5 and " " not in text else -3


def _text(_: ColumnSpec, text: str) -> int:
    return -8 if _DATE_LIKE.match(text) else 0


_SCORES: dict[str, Callable[[ColumnSpec, str], int]] = {
    "id": _by_pattern(_NUMBER, 4, _CONTRADICTION),
    "datetime": _by_pattern(_DATETIME, 5, _CONTRADICTION),
    "guid": _by_pattern(_GUID, 5, _CONTRADICTION),
    "month": _by_pattern(_MONTH, 4, _CONTRADICTION),
    "flag": lambda _, text: 2 if text.upper() in _FLAGS else _CONTRADICTION,
    "clock": _by_pattern(_CLOCK, 2, -8),
    "count": _by_pattern(_NUMBER, 1, -8),
    "money": _by_pattern(_MONEY, 1, -8),
    "zip": _by_pattern(_ZIP, 2, -3),
    "code": _code,
    "short": _short,
    "text": _text,
}


@lru_cache(maxsize=65536)
def _score(column: ColumnSpec, text: str) -> int:
    if not text:
        return -6 if column.kind in ("id", "guid") and column.null_share < 0.001 else 0
    return _SCORES[column.kind](column, text)


def _join(pieces: Sequence[str], column: ColumnSpec) -> str:
    """The value the pieces were before a tab parted them: text keeps the tab, anything else never held one."""
    kept = [p for p in pieces if p not in ("", "\x00")]
    if not kept:
        return "\x00" if "\x00" in pieces else ""
    return ("\t" if column.kind == "text" else "").join(kept)


def read_long(pieces: Sequence[str], layout: Layout) -> Reading | Refusal:
    """Read a row that has more pieces than columns.

    Every way to take the surplus tabs for data is scored, and so is leaving the surplus at the right end. The
    best must contradict no anchor, and must be the only best: readings that differ in blanks alone are one.
    """
    columns = layout.columns
    k, n = len(columns), len(pieces)
    surplus = n - k
    if surplus > _MAX_SURPLUS:
        return Refusal("too_many_fields", f"{n} fields for {k} columns")
    texts = [clean(p) for p in pieces]

    # best[i] after step j: score and up to three distinct ways to place pieces[i:] into columns[j:]
    Way = tuple[tuple[str, ...], tuple[int, ...]]
    best: dict[int, tuple[int, list[Way]]] = {n: (0, [((), ())])}
    for j in range(k - 1, -1, -1):
        here: dict[int, tuple[int, list[Way]]] = {}
        for i in range(j, j + surplus + 1):
            top: int | None = None
            ways: dict[tuple[str, ...], Way] = {}
            # widest first: of readings that differ in blanks alone, the tab goes to the earliest column
            for width in range(j + surplus + 1 - i, 0, -1):
                after = best.get(i + width)
                if after is None:
                    continue
                text = texts[i] if width == 1 else clean(_join(pieces[i : i + width], columns[j]))
                score = _score(columns[j], text) + after[0]
                if top is None or score > top:
                    top, ways = score, {}
                if score == top:
                    for rest, widths in after[1]:
                        ways.setdefault((text, *rest), ((text, *rest), (width, *widths)))
                        if len(ways) >= 3:
                            break
            if top is not None:
                here[i] = (top, list(ways.values())[:3])
        best = here
    score, found = best[0]
    as_is = sum(_score(c, t) for c, t in zip(columns, texts, strict=False))
    tail = [p for p in pieces[k:] if clean(p)]

    if not tail and as_is == score:
        reading = Reading(
            [value_of(p) for p in pieces[:k]],
            "trailing_empty_dropped",
            f"empty fields at the right: {surplus}",
        )
        others = [w for w in found if list(w[0]) != texts[:k]]
        return reading if score > _CONTRADICTION // 2 and not others else _refuse(score, len(found))
    if tail and as_is - 1 >= score and as_is > _CONTRADICTION // 2:
        if as_is - 1 == score:
            return Refusal("ambiguous", "a surplus field and a tab inside a value fit equally well")
        values = [value_of(p) for p in pieces[:k]]
        return Reading(values, "surplus_kept", f"fields beyond the header: {surplus}", "\t".join(pieces[k:]))
    if score <= _CONTRADICTION // 2 or len(found) > 1:
        return _refuse(score, len(found))
    widths = found[0][1]
    values, touched, i = [], [], 0
    for column, width in zip(columns, widths, strict=True):
        values.append(value_of(_join(pieces[i : i + width], column)))
        if width > 1:
            touched.append(column.name)
        i += width
    return Reading(values, "tab_in_value", "tab inside " + ", ".join(touched))


def _refuse(score: int, ways: int) -> Refusal:
    if score <= _CONTRADICTION // 2:
        return Refusal("anchors_contradict", "no placement of the fields fits the column types")
    return Refusal("ambiguous", f"{ways} or more placements fit the column types equally well")


def read_short(pieces: Sequence[str], layout: Layout) -> Reading | Refusal:
    """Read a row that stops early: padded with NULL only when every anchor it has holds."""
    k, n = len(layout.columns), len(pieces)
    if n <= max(1, layout.leading_ids):
        return Refusal("too_few_fields", f"{n} fields for {k} columns")
    scores = [_score(c, clean(p)) for c, p in zip(layout.columns, pieces, strict=False)]
    wrong = [layout.columns[i].name for i, s in enumerate(scores) if s <= -6 or (s < 0 and i == n - 1)]
    if wrong:
        return Refusal("anchors_contradict", f"{n} fields for {k} columns; {', '.join(wrong)} does not fit")
    if sum(scores) <= 0:
        return Refusal("too_few_fields", f"{n} fields for {k} columns, too few of them anchors")
    values = [value_of(p) for p in pieces] + [None] * (k - n)
    return Reading(values, "padded", f"fields missing at the right: {k - n}")
