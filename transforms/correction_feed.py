"""Correction feed: what a new release does to a sentence already in print.

Belongs here: which published values changed a sentence's figure since it was printed, whether a changed value
changes what the sentence says, and the JSON Feed of the sentences it does. Does not belong here: reading the
register (`transforms.printed_sentences`), the clock, or where the feed is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from transforms.claim_language import PrintedFigure, PrintedFigureError, describe, holds, parse

Outcome = Literal["unchanged", "inside_precision", "correction_needed"]


@dataclass(frozen=True)
class PrintedSentence:
    """A registered sentence: the measure and month its figure is of, and the figure with its precision."""

    sentence_id: str
    text: str
    printed: PrintedFigure
    measure_id: str
    month_start: date
    printed_on: date
    url: str | None = None
    source: str = ""


@dataclass(frozen=True)
class Vintage:
    """A value of the sentence's measure and month in one release."""

    release_id: str
    published_on: date
    value: int
    is_quoted: bool


@dataclass(frozen=True)
class Change:
    """A sentence whose value is another in a new release; `published_on` is that release's date.

    `old_value` is None where no release gave a value when the sentence was printed.
    """

    sentence: PrintedSentence
    old_value: Decimal | float | None
    new_value: Decimal | float
    old_release_id: str | None
    new_release_id: str
    published_on: date

    @property
    def outcome(self) -> Outcome:
        return would_change(self.sentence, self.old_value, self.new_value)


def sentence(
    sentence_id: str,
    text: str,
    words: str,
    *,
    measure_id: str,
    month_start: date,
    printed_on: date,
    url: str | None = None,
    source: str = "",
) -> PrintedSentence:
    """A sentence to register; `words` are the words of `text` that hold the figure, as in parse()."""
    if words not in text:
        raise PrintedFigureError(f"{sentence_id}: “{words}” is not in the sentence; copy the words from it")
    return PrintedSentence(sentence_id, text, parse(words), measure_id, month_start, printed_on, url, source)


def changes_since_printed(printed: PrintedSentence, vintages: Iterable[Vintage]) -> list[Change]:
    """The changes of the sentence's figure after it was printed, from vintages in order of publication.

    A figure quoted from a page does not displace that of a file, as in the warehouse's own answer.
    """
    changes: list[Change] = []
    answer: Vintage | None = None
    for vintage in vintages:
        if answer is not None and vintage.is_quoted and not answer.is_quoted:
            continue
        if vintage.published_on > printed.printed_on and (answer is None or vintage.value != answer.value):
            changes.append(
                Change(
                    printed,
                    None if answer is None else answer.value,
                    vintage.value,
                    None if answer is None else answer.release_id,
                    vintage.release_id,
                    vintage.published_on,
                )
            )
        answer = vintage
    return changes


def would_change(
    printed: PrintedSentence, old_value: Decimal | float | None, new_value: Decimal | float
) -> Outcome:
    """`correction_needed` where the printed words do not allow the new value, whatever the old one was."""
    if old_value == new_value:
        return "unchanged"
    return "inside_precision" if holds(printed.printed, new_value) else "correction_needed"


def log_rows(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """One row a change, the unchanged left out: sentence_id, values, releases, consequence, summary."""
    return [
        {
            "sentence_id": change.sentence.sentence_id,
            "measure_id": change.sentence.measure_id,
            "month_start": change.sentence.month_start,
            "old_value": _number(change.old_value),
            "new_value": _number(change.new_value),
            "old_release_id": change.old_release_id,
            "new_release_id": change.new_release_id,
            "published_on": change.published_on,
            "consequence": change.outcome,
            "summary": explain(change),
        }
        for change in changes
        if change.outcome != "unchanged"
    ]


def explain(change: Change) -> str:
    """One sentence: the old and the new value, and what the printed words allow."""
    allowed = describe(change.sentence.printed)
    verb = {"unchanged": "allow", "inside_precision": "still allow", "correction_needed": "do not allow"}
    printed = change.sentence
    was = (
        "was not published when the sentence was printed"
        if change.old_value is None
        else f"was {_shown(change.old_value)}"
    )
    return (
        f"{printed.measure_id} for {printed.month_start:%Y-%m} {was} "
        f"and is {_shown(change.new_value)}; the printed words “{printed.printed}” mean {allowed} and "
        f"{verb[change.outcome]} it."
    )


def render(
    changes: Iterable[Change], *, title: str, home_page_url: str | None = None, feed_url: str | None = None
) -> dict[str, Any]:
    """A JSON Feed 1.1 of the changes that need a correction, newest release first.

    An item's id is made of sentence and release, so the same change never becomes a second item.
    The extension `_border_ledger` holds the values as numbers.
    """
    needed = {_item_id(c): c for c in changes if c.outcome == "correction_needed"}
    ordered = sorted(needed.items(), key=lambda item: item[0])
    ordered.sort(key=lambda item: item[1].published_on, reverse=True)
    head = {"version": "https://jsonfeed.org/version/1.1", "title": title}
    if home_page_url:
        head["home_page_url"] = home_page_url
    if feed_url:
        head["feed_url"] = feed_url
    return {**head, "language": "en", "items": [_item(item_id, change) for item_id, change in ordered]}


def _item_id(change: Change) -> str:
    return f"{change.sentence.sentence_id}:{change.new_release_id}"


def _item(item_id: str, change: Change) -> dict[str, Any]:
    printed = change.sentence
    item: dict[str, Any] = {
        "id": item_id,
        "title": f"“{printed.printed}”: now {_shown(change.new_value)}",
        "content_text": f"“{printed.text}” (printed {printed.printed_on}). {explain(change)}",
        "date_published": f"{change.published_on.isoformat()}T00:00:00Z",
        "tags": [printed.measure_id, f"{printed.month_start:%Y-%m}"],
    }
    if printed.url:
        item["external_url"] = printed.url
    item["_border_ledger"] = {
        "sentence_id": printed.sentence_id,
        "measure_id": printed.measure_id,
        "month_start": printed.month_start.isoformat(),
        "old_value": _number(change.old_value),
        "new_value": _number(change.new_value),
        "old_release_id": change.old_release_id,
        "new_release_id": change.new_release_id,
    }
    return item


def _number(value: Decimal | float | None) -> float | None:
    return None if value is None else float(value)


def _shown(value: Decimal | float) -> str:
    text = f"{value:,.2f}"
    return text.rstrip("0").rstrip(".")
