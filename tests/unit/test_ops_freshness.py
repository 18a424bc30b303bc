"""Freshness by month: "not released yet" is an answer, and silence of our own is a fault."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from warehouse.acquire import FetchResult, FetchState, Reason, load_sources
from warehouse.freshness import Freshness, Held, Standing, standing

SBO = load_sources()["cbp_sbo"]
EOIR = load_sources()["eoir_foia"]
NOW = dt.datetime(2024, 6, 20, 12, tzinfo=dt.UTC)
MAY, APRIL = dt.date(2024, 5, 1), dt.date(2024, 4, 1)


def answer(state: FetchState, when: dt.datetime = NOW, **more: object) -> FetchResult:
    plain = FetchResult("id", "cbp_sbo", state, "as it is", when, when, when + dt.timedelta(days=1))
    return replace(plain, **more)  # type: ignore[arg-type]


def found(month: dt.date | None, *last: FetchResult, now: dt.datetime = NOW) -> Standing:
    held = Held(month, month + dt.timedelta(days=45)) if month else None
    result = standing(SBO, held, last, now)
    assert result is not None
    return result


def test_the_expected_month_is_up_to_date_whoever_brought_it() -> None:
    assert found(MAY).freshness is Freshness.UP_TO_DATE


@pytest.mark.parametrize(("day", "expected"), [(9, APRIL), (10, MAY)])
def test_a_month_is_expected_from_the_publication_day(day: int, expected: dt.date) -> None:
    assert found(APRIL, now=NOW.replace(day=day)).expected == expected


def test_not_released_yet_is_fine() -> None:
    result = found(APRIL, answer(FetchState.NOT_PUBLISHED_YET, reason=Reason.RELEASE_NOT_ON_PAGE))
    assert result.freshness is Freshness.NOT_RELEASED_YET
    assert result.freshness.is_fine
    assert result.next_step is None


@pytest.mark.parametrize(
    ("last", "expected", "step"),
    [
        ((), Freshness.NOT_ASKED, "border fetch"),
        ((answer(FetchState.BLOCKED),), Freshness.BLOCKED, "drop folder"),
        ((answer(FetchState.CHANGED_OR_BROKEN, is_permanent=True),), Freshness.CHANGED_OR_BROKEN, "cannot help"),
        ((answer(FetchState.CHANGED_OR_BROKEN),), Freshness.CHANGED_OR_BROKEN, "asked again from"),
        ((answer(FetchState.FETCHED),), Freshness.TO_BE_BUILT, "border build"),
    ],
)  # fmt: skip
def test_what_somebody_has_to_do_something_about(
    last: tuple[FetchResult, ...], expected: Freshness, step: str
) -> None:
    result = found(APRIL, *last)
    assert result.freshness is expected
    assert not result.freshness.is_fine
    assert step in (result.next_step or "")
    assert "\n" not in result.line


def test_an_old_not_yet_says_that_fetching_has_stopped() -> None:
    old = answer(FetchState.NOT_PUBLISHED_YET, NOW - dt.timedelta(days=9))
    result = found(APRIL, old)
    assert result.freshness is Freshness.NOT_ASKED
    assert "2024-06-11" in result.message


def test_a_file_replaced_in_place_counts_by_the_day_it_was_public() -> None:
    held = Held(dt.date(2019, 1, 1), dt.date(2024, 6, 3))
    result = standing(EOIR, held, (), NOW)
    assert result is not None
    assert result.freshness is Freshness.UP_TO_DATE


def test_a_source_without_a_calendar_has_no_freshness() -> None:
    assert standing(load_sources()["drop_folder"], None, (), NOW) is None
