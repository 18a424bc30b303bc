"""Printed precision: what "nearly 160 percent" or "more than 75,000" allows, in Python and in SQL.

Belongs here: reading a printed figure and its hedge word, and the interval of values it allows. Does not
belong here: which measure a sentence is about, or the verdict over several readings. Rules: docs/claims.md.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

Hedge = Literal["exact", "nearly", "just_over", "about", "more_than", "at_least", "less_than", "at_most"]
Unit = Literal["number", "percent", "year"]

HEDGES: tuple[Hedge, ...] = get_args(Hedge)

HEDGE_WORDS: dict[str, Hedge] = {
    "nearly": "nearly",
    "almost": "nearly",
    "just under": "nearly",
    "just over": "just_over",
    "about": "about",
    "around": "about",
    "roughly": "about",
    "approximately": "about",
    "close to": "about",
    "some": "about",
    "more than": "more_than",
    "over": "more_than",
    "above": "more_than",
    "at least": "at_least",
    "no fewer than": "at_least",
    "no less than": "at_least",
    "less than": "less_than",
    "fewer than": "less_than",
    "under": "less_than",
    "below": "less_than",
    "at most": "at_most",
    "up to": "at_most",
    "as many as": "at_most",
    "no more than": "at_most",
    "exactly": "exact",
}

# A reader takes "about" and "nearly" to be out by a few in a hundred; beyond this the word is wrong, however
# round the number. Narrower than the half step of a round number such as 100, wider than that of 25,600.
NEARNESS = Decimal("0.05")


class PrintedFigureError(Exception):
    """A phrase holds no figure, or several, or a number this module does not read."""


@dataclass(frozen=True)
class Bounds:
    """The values a printed figure allows; `upper` None means no upper bound. Never negative."""

    lower: Decimal
    lower_closed: bool
    upper: Decimal | None
    upper_closed: bool


@dataclass(frozen=True)
class PrintedFigure:
    """A figure as printed, without a sign.

    `place` is what one step of the last printed digit is worth: 1 for 75,000, 100,000 for 1.7 million.
    """

    number: Decimal
    hedge: Hedge = "exact"
    unit: Unit = "number"
    place: Decimal = Decimal(1)
    text: str = ""

    def __post_init__(self) -> None:
        if self.hedge not in HEDGES:
            raise PrintedFigureError(f"hedge {self.hedge!r} is none of {', '.join(HEDGES)}")
        if not self.number.is_finite() or self.number < 0:
            raise PrintedFigureError(f"number {self.number} is not a printed figure; print it without a sign")
        if not self.place.is_finite() or self.place <= 0:
            raise PrintedFigureError(f"place {self.place} is not the worth of a digit; give a power of ten")

    @property
    def step(self) -> Decimal:
        """What one step of the last significant digit is worth: 10 for 160, 1,000 for 75,000, 0.1 for 1.5."""
        step = self.place
        while self.number and self.number % (step * 10) == 0 and step >= 1:
            step *= 10
        return step

    def __str__(self) -> str:
        return self.text or _phrase(self)


def bounds(printed: PrintedFigure) -> Bounds:
    """The interval of values for which the printed words are true."""
    number, zero = printed.number, Decimal(0)
    half_place = printed.place / 2
    near = max(min(printed.step / 2, NEARNESS * number), half_place)
    match printed.hedge:
        case "exact":
            return Bounds(max(number - half_place, zero), True, number + half_place, False)
        case "nearly":
            return Bounds(max(number - near, zero), True, number, True)
        case "just_over":
            return Bounds(number, True, number + near, True)
        case "about":
            band = max(NEARNESS * number, half_place)
            return Bounds(max(number - band, zero), True, number + band, True)
        case "more_than":
            return Bounds(number, False, None, False)
        case "at_least":
            return Bounds(number, True, None, False)
        case "less_than":
            return Bounds(zero, True, number, False)
        case "at_most":
            return Bounds(zero, True, number, True)


def holds(printed: PrintedFigure, value: Decimal | float) -> bool:
    """Whether `value`, unrounded, is one the printed words allow. NaN and infinity are never."""
    if not math.isfinite(value):
        return False
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    allowed = bounds(printed)
    above = exact >= allowed.lower if allowed.lower_closed else exact > allowed.lower
    if allowed.upper is None:
        return above
    return above and (exact <= allowed.upper if allowed.upper_closed else exact < allowed.upper)


def reason(printed: PrintedFigure, value: Decimal | float) -> str:
    """One sentence saying why the printed words hold or do not hold for `value`."""
    shown = str(value)
    if math.isfinite(value):
        shown = f"{value:.0f}" if printed.unit == "year" else f"{value:,.2f}".rstrip("0").rstrip(".")
    if holds(printed, value):
        return f"{shown} is {describe(printed)}, which “{printed}” allows"
    return f"{shown} is not {describe(printed)}, which “{printed}” asks for"


def describe(printed: PrintedFigure) -> str:
    """The allowed values in words, e.g. `from 155 to 160` or `above 75,000`."""
    if printed.hedge == "exact":
        return (
            f"{printed.number:f}"
            if printed.unit == "year"
            else f"{_grouped(printed.number)} as rounded in print"
        )
    allowed = bounds(printed)
    low = _grouped(allowed.lower)
    if allowed.upper is None:
        return f"at least {low}" if allowed.lower_closed else f"above {low}"
    high = _grouped(allowed.upper)
    if printed.hedge in ("less_than", "at_most"):
        return f"at most {high}" if allowed.upper_closed else f"below {high}"
    return f"from {low} to {high}"


def sql_predicate(printed: PrintedFigure, column: str) -> str:
    """`holds` as a DuckDB expression over a numeric one; NULL stays NULL, NaN and infinity are false."""
    value = f"cast({column} as double)"
    allowed = bounds(printed)
    lower = f"{value} {'>=' if allowed.lower_closed else '>'} {_double(allowed.lower)}"
    if allowed.upper is None:
        return f"({lower} and {value} < cast('Infinity' as double))"
    return f"({lower} and {value} {'<=' if allowed.upper_closed else '<'} {_double(allowed.upper)})"


# fmt: off
_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
# fmt: on
_SMALL = {word: n for n, word in enumerate(_UNITS)} | {word: 10 * n for n, word in enumerate(_TENS, 2)}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
_NUMBER_WORD = "|".join(sorted([*_SMALL, "hundred", *_SCALES], key=len, reverse=True))
_FIGURE = re.compile(
    rf"(?:\b(?P<hedge>{'|'.join(sorted(map(re.escape, HEDGE_WORDS), key=len, reverse=True))})\s+)?"
    rf"(?:(?P<digits>(?<![\w.,])\d[\d,]*(?:\.\d+)?)(?:\s+(?P<scale>{'|'.join(_SCALES)})\b)?"
    rf"|(?P<words>\b(?:{_NUMBER_WORD})(?:(?:\s+and\s+|[\s-]+)(?:{_NUMBER_WORD}))*\b))"
    r"(?P<percent>\s*%|\s+percent\b|\s+per\s+cent\b)?",
    re.IGNORECASE,
)


def parse(phrase: str) -> PrintedFigure:
    """The one figure in a phrase such as "nearly 160 percent"; PrintedFigureError if there is not one."""
    found = list(_FIGURE.finditer(phrase))
    if len(found) != 1:
        listed = ", ".join(f"“{m[0].strip()}”" for m in found) or "none"
        raise PrintedFigureError(f"“{phrase}” holds {len(found)} figures ({listed}); give a phrase with one")
    match = found[0]
    if match["digits"]:
        if not re.fullmatch(r"\d+|\d{1,3}(,\d{3})+", match["digits"].split(".")[0]):
            raise PrintedFigureError(
                f"“{phrase}”: {match['digits']} is grouped wrongly; group by three digits"
            )
        number = Decimal(match["digits"].replace(",", ""))
        place = Decimal(1).scaleb(int(number.as_tuple().exponent))
        scale = _SCALES[match["scale"].lower()] if match["scale"] else 1
        number, place = number * scale, place * scale
    else:
        number, place = _from_words(match["words"], phrase)
    return PrintedFigure(
        number=number,
        hedge=HEDGE_WORDS[" ".join(match["hedge"].lower().split())] if match["hedge"] else "exact",
        unit="percent" if match["percent"] else "number",
        place=place,
        text=match[0].strip(),
    )


def _from_words(words: str, phrase: str) -> tuple[Decimal, Decimal]:
    """Number and worth of its last printed digit: "seventy-five thousand" is 75,000 to the thousand."""
    total, group, last_scale = 0, 0, None
    previous = ""
    for word in re.split(r"[\s-]+", words.lower()):
        if word == "and":
            continue
        if word in _SCALES:
            if not group or (last_scale is not None and _SCALES[word] >= last_scale):
                raise PrintedFigureError(f"“{phrase}”: “{words}” is not a number in words; print digits")
            total, group, last_scale = total + group * _SCALES[word], 0, _SCALES[word]
        elif word == "hundred":
            if not 0 < group < 10:
                raise PrintedFigureError(f"“{phrase}”: “{words}” is not a number in words; print digits")
            group *= 100
        else:
            small = _SMALL[word]
            if not _may_follow(previous, small):
                raise PrintedFigureError(f"“{phrase}”: “{words}” is not a number in words; print digits")
            group += small
        previous = word
    place = {"hundred": 100, **_SCALES}.get(previous, 1)
    return Decimal(total + group), Decimal(place)


def _may_follow(previous: str, small: int) -> bool:
    if previous in ("", "hundred") or previous in _SCALES:
        return True
    return _SMALL[previous] >= 20 and 0 < small < 10


def _phrase(printed: PrintedFigure) -> str:
    word = "" if printed.hedge == "exact" else printed.hedge.replace("_", " ") + " "
    return f"{word}{_grouped(printed.number)}{' percent' if printed.unit == 'percent' else ''}"


def _grouped(number: Decimal) -> str:
    text = f"{number:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _double(number: Decimal) -> str:
    """A literal that DuckDB and Spark read as the double nearest to `number`."""
    text = repr(float(number))
    return text if "e" in text else f"{text}e0"
