"""How values are written on a page: counts, percentages, dates, codes.

Belongs here: text of one value. Does not belong here: which values a page shows.
"""

from __future__ import annotations

import datetime as dt
import re

MINUS, NBSP = "\N{MINUS SIGN}", "\N{NO-BREAK SPACE}"

#: What a status means, in the words of marts' own definition.
STATUS_WORDS = {
    "ok": "comparable",
    "provisional": "provisional",
    "break": "across a break",
    "not_applicable": "not applicable",
    "missing": "missing",
}
TRUST_WORDS = {
    "official": "fetched from the publisher",
    "mirrored": "a copy of the publisher's file",
    "quoted": "a figure printed on a page",
    "synthetic": "made up for tests",
}
_SMALL = {"and", "of", "the"}
_CAPITALS = {"usbp", "cbp", "ofo", "ohss", "eoir", "mpp"}


def count(value: float | None) -> str:
    """A whole number with separators; empty for none."""
    return "" if value is None else f"{value:,.0f}".replace("-", MINUS)


def signed(value: float | None) -> str:
    """A difference with its sign."""
    if value is None:
        return ""
    return "0" if value == 0 else f"{value:+,.0f}".replace("-", MINUS)


def percent(value: float | None, digits: int = 1) -> str:
    """A change in percent with its sign, as printed by `border january`."""
    return "" if value is None else f"{value:+,.{digits}f}{NBSP}%".replace("-", MINUS)


def share(value: float | None, digits: int = 1) -> str:
    """A part of a whole in percent, without a sign."""
    return "" if value is None else f"{value:,.{digits}f}{NBSP}%"


def month(value: dt.date | None) -> str:
    """`January 2021`."""
    return "" if value is None else f"{value:%B} {value.year}"


def day(value: dt.date | None, precision: str = "day") -> str:
    """A publication date to the precision known."""
    if value is None:
        return "date not known"
    return date(value, precision) + (" (month known)" if precision == "month" else "")


def date(value: dt.date, precision: str) -> str:
    """The same for a column that says so above it: a month stands for a day that is not known."""
    return f"{value:%Y-%m}" if precision == "month" else f"{value:%Y-%m-%d}"


def reason(text: str) -> str:
    """A reason of a status without the name of its break, which the CSV keeps."""
    return re.sub(r" \(\w+\)$", "", text)


def name_of(code: str, domain: str = "") -> str:
    """A code in words: `rio_grande_valley` is Rio Grande Valley, `single_adults` is Single adults."""
    if domain == "state":
        return code.upper() if len(code) == 2 else name_of(code)
    words = code.split("_")
    if domain in ("demographic", "title", "encounter_type", "dimension"):
        return " ".join(words).capitalize()
    return " ".join(
        w.upper() if w in _CAPITALS else w if w in _SMALL and i else w.capitalize()
        for i, w in enumerate(words)
    )
