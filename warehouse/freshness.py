"""Whether what is held of a source is as new as it can be, where "not released yet" is an answer and not a fault.

Belongs here: comparing the months held with a source's cadence and its last answers. Does not belong here: asking
(acquire), or telling somebody (orchestration).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from warehouse.acquire import FetchResult, FetchState, Source

#: An answer older than this many looks says that fetching itself has stopped.
LOOKS_MISSED = 3


class Freshness(StrEnum):
    """How a source stands."""

    UP_TO_DATE = "up_to_date"
    NOT_RELEASED_YET = "not_released_yet"
    TO_BE_BUILT = "to_be_built"
    BLOCKED = "blocked"
    CHANGED_OR_BROKEN = "changed_or_broken"
    NOT_ASKED = "not_asked"

    @property
    def is_fine(self) -> bool:
        """Whether nobody has to do anything."""
        return self in (Freshness.UP_TO_DATE, Freshness.NOT_RELEASED_YET)


@dataclass(frozen=True)
class Standing:
    """One source's freshness: the month expected by now, the newest month held, and what to do about it."""

    source_id: str
    freshness: Freshness
    expected: date | None
    held: date | None
    message: str
    next_step: str | None = None

    @property
    def line(self) -> str:
        said = f"{self.source_id}: {self.freshness.value.replace('_', ' ')}: {self.message}"
        return f"{said}; {self.next_step}" if self.next_step else said


@dataclass(frozen=True)
class Held:
    """The newest of a family: the last month its data reach, and the day it was public."""

    data_through: date
    published_on: date


def standing(
    source: Source, held: Held | None, last: Sequence[FetchResult], now: datetime
) -> Standing | None:
    """How `source` stands at `now`, an aware time; None for a source without a calendar.

    `held` is the newest release in the warehouse, `last` the answers of the latest check.
    """
    expected = source.cadence.expected_month(now)
    if expected is None:
        return None
    month = None
    if held:
        # A file replaced in place has no month of its own but that of its publication.
        month = (held.published_on if source.replaced_in_place else held.data_through).replace(day=1)
    have = f"data through {month:%B %Y}" if month else "nothing"

    def stands(freshness: Freshness, message: str, next_step: str | None = None) -> Standing:
        return Standing(source.id, freshness, expected, month, message, next_step)

    if month and month >= expected:
        return stands(Freshness.UP_TO_DATE, f"{have} is held, {expected:%B %Y} is expected by now")
    missing = f"{have} is held, {expected:%B %Y} is expected from day {source.cadence.from_day}"
    if not last:
        return stands(Freshness.NOT_ASKED, f"{missing}; never asked", "run `border fetch`")
    newest = max(last, key=lambda answer: answer.checked_at)
    patience = timedelta(days=LOOKS_MISSED * max(source.cadence.look_every_days, 1))
    asked = newest.checked_at.astimezone(UTC)
    if now - max(asked, newest.next_due_at.astimezone(UTC)) > patience:
        return stands(
            Freshness.NOT_ASKED,
            f"{missing}; last asked {asked:%Y-%m-%d}",
            "see that the schedule runs (`border doctor`), or run `border fetch`",
        )
    for state, freshness in (
        (FetchState.BLOCKED, Freshness.BLOCKED),
        (FetchState.CHANGED_OR_BROKEN, Freshness.CHANGED_OR_BROKEN),
    ):
        for answer in last:
            if answer.state is state:
                return stands(freshness, f"{missing}; {answer.message}", next_step_of(answer))
    if any(answer.state is FetchState.FETCHED for answer in last) and not _is_early(last):
        return stands(
            Freshness.TO_BE_BUILT, f"{missing}; a file was fetched {asked:%Y-%m-%d}", "run `border build`"
        )
    return stands(
        Freshness.NOT_RELEASED_YET,
        f"{have} is the newest the publisher offers; {expected:%B %Y} was not there on {asked:%Y-%m-%d}",
    )


def _is_early(last: Sequence[FetchResult]) -> bool:
    return any(answer.state is FetchState.NOT_PUBLISHED_YET for answer in last)


def next_step_of(answer: FetchResult) -> str | None:
    """What a person can do about an answer; None when it is to wait or nothing."""
    if answer.state is FetchState.BLOCKED:
        return "save the file in a browser and put it into the drop folder"
    if answer.state is FetchState.CHANGED_OR_BROKEN:
        if answer.is_permanent:
            return "asking again cannot help: look at the page or the file named here"
        if "asked again from" in answer.message:
            return None
        return f"asked again from {answer.next_due_at:%Y-%m-%d %H:%M} UTC"
    return None


def standings(
    sources: Mapping[str, Source],
    held: Mapping[str, Held],
    last: Mapping[str, Sequence[FetchResult]],
    now: datetime,
) -> list[Standing]:
    """Every source with a calendar; `held` by family, `last` by source."""
    found = (
        standing(source, held.get(source.family or ""), last.get(source.id, ()), now)
        for source in sources.values()
    )
    return [s for s in found if s is not None]
