"""What is said of a release: one finding a rule, with its severity, its figures and a next step."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

USBP, OFO = ("usbp",), ("ofo",)
JAN, FEB, MAR = "2024-01-01", "2024-02-01", "2024-03-01"


def findings(releases: Any) -> dict[str, tuple[str, ...]]:
    """finding → (release, severity, release before, months, month, old, new)."""
    releases.build("marts.release_findings")
    rows = releases.rows(
        "select finding, release_id, severity, previous_release_id, months, month_start, old_encounters, new_encounters "
        "from marts.release_findings"
    )
    assert len({row[0] for row in rows}) == len(rows)
    return {row[0]: row[1:] for row in rows}


def sentence(releases: Any, finding: str) -> str:
    detail, next_step = releases.rows(
        "select detail, next_step from marts.release_findings where finding = ?", [finding]
    )[0]
    assert next_step.endswith(".")
    return str(detail)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def test_nothing_is_said_of_a_release_that_only_adds_a_month(releases: Any) -> None:
    releases.release("a", "2024-02-15", {JAN: {USBP: 1000, OFO: 500}}, open_from=JAN)
    releases.release(
        "b", "2024-03-15", {JAN: {USBP: 1000, OFO: 500}, FEB: {USBP: 9000, OFO: 1}}, open_from=JAN
    )
    assert findings(releases) == {}


def test_months_that_leave_the_start_of_the_window_are_told(releases: Any) -> None:
    cells = {USBP: 1000, OFO: 500}
    releases.release("a", "2024-02-15", {JAN: cells, FEB: cells, MAR: cells})
    releases.release("b", "2024-05-15", {MAR: cells, "2024-04-01": cells})
    assert findings(releases) == {"window_roll_off": ("b", "info", "a", 2, day(JAN), None, None)}
    assert (
        sentence(releases, "window_roll_off")
        == "months no longer in the window: 2, January 2024 to February 2024; a still holds them"
    )


def test_other_bytes_under_a_known_name_are_a_warning(releases: Any) -> None:
    releases.release(
        "a",
        "2024-02-29",
        {JAN: {USBP: 1000, OFO: 500}, FEB: {USBP: 7, OFO: 8}},
        file_name="sbo.csv",
        sha256="a" * 64,
        retrieved_at=dt.datetime(2024, 2, 20),
        open_from=JAN,
    )
    releases.release(
        "b",
        "2024-02-29",
        {JAN: {USBP: 1001, OFO: 500}, FEB: {USBP: 7, OFO: 8}},
        file_name="sbo.csv",
        sha256="b" * 64,
        retrieved_at=dt.datetime(2024, 2, 25),
        open_from=JAN,
    )
    assert findings(releases) == {"silent_replacement": ("b", "warning", "a", 1, day(JAN), None, None)}
    assert sentence(releases, "silent_replacement") == (
        "sbo.csv has other bytes (sha256 bbbbbbbbbbbb) than the file of the same name in a (aaaaaaaaaaaa); "
        "months with another total: 1 of 2"
    )


def test_pages_that_share_the_list_of_quoted_figures_replace_nothing(releases: Any) -> None:
    for name in ("page-1", "page-2"):
        releases.put(
            "meta.releases",
            release_id=name,
            family="quoted",
            trust="quoted",
            file_name="published_figures.csv",
            sha256=name,
        )
    assert findings(releases) == {}


def test_a_month_that_disappears_inside_the_window_is_critical(releases: Any) -> None:
    cells = {USBP: 1000, OFO: 500}
    releases.release("a", "2024-04-15", {JAN: cells, FEB: cells, MAR: cells})
    releases.release("b", "2024-05-15", {JAN: cells, MAR: cells})
    assert findings(releases) == {"month_disappeared": ("b", "critical", "a", 1, day(FEB), 1500, None)}
    assert "complete in a: 1, the first February 2024; encounters there: 1,500, here: 0" in sentence(
        releases, "month_disappeared"
    )


def test_a_month_that_is_no_longer_complete_is_critical(releases: Any) -> None:
    releases.release("a", "2024-04-15", {JAN: {USBP: 1000, OFO: 500}})
    releases.release("b", "2024-05-15", {JAN: {USBP: 1000}})
    assert findings(releases) == {"month_disappeared": ("b", "critical", "a", 1, day(JAN), 1500, 1000)}


def test_a_file_that_ends_earlier_than_the_one_before_loses_months(releases: Any) -> None:
    cells = {USBP: 1000, OFO: 500}
    releases.release("a", "2024-04-15", {JAN: cells, FEB: cells})
    releases.release("b", "2024-05-15", {JAN: cells})
    assert findings(releases)["month_disappeared"][4] == day(FEB)


@pytest.mark.parametrize(("new", "severity"), [(1004, "warning"), (1007, "warning"), (1008, "critical")])
def test_a_closed_year_that_moves_is_a_warning_and_critical_above_half_a_percent(
    releases: Any, new: int, severity: str
) -> None:
    releases.release("a", "2024-11-15", {JAN: {USBP: 1000, OFO: 500}})
    releases.release("b", "2024-12-15", {JAN: {USBP: new, OFO: 500}})
    assert findings(releases) == {"closed_year_moved": ("b", severity, "a", 1, day(JAN), 1500, new + 500)}
    assert f"January 2024: 1,500 to {new + 500:,} (+{new - 1000}, " in sentence(releases, "closed_year_moved")


def test_a_closed_year_whose_cells_move_under_an_equal_total_is_told(releases: Any) -> None:
    releases.release("a", "2024-11-15", {JAN: {USBP: 1000, OFO: 500}})
    releases.release("b", "2024-12-15", {JAN: {USBP: 990, OFO: 510}})
    assert findings(releases) == {"closed_year_moved": ("b", "warning", "a", 1, day(JAN), 1500, 1500)}
    assert sentence(releases, "closed_year_moved").endswith(
        "cells changed: 2, by 20 in sum without regard to sign"
    )


def test_a_zero_no_longer_printed_moves_nothing(releases: Any) -> None:
    releases.release("a", "2024-11-15", {JAN: {USBP: 1000, OFO: 500, ("ofo", "title_42"): 0}})
    releases.release("b", "2024-12-15", {JAN: {USBP: 1000, OFO: 500}})
    assert findings(releases) == {}


@pytest.mark.parametrize(("new", "found"), [(1030, False), (970, False), (1031, True), (969, True)])
def test_an_open_month_may_drift_by_two_percent_up_or_down(releases: Any, new: int, found: bool) -> None:
    releases.release("a", "2024-02-15", {JAN: {USBP: 1000, OFO: 500}}, open_from=JAN)
    releases.release("b", "2024-03-15", {JAN: {USBP: new, OFO: 500}}, open_from=JAN)
    expected = {"open_year_drift": ("b", "warning", "a", 1, day(JAN), 1500, new + 500)} if found else {}
    assert findings(releases) == expected


def test_the_month_that_moved_most_is_named_and_all_are_counted(releases: Any) -> None:
    releases.release(
        "a", "2024-03-15", {JAN: {USBP: 1000, OFO: 500}, FEB: {USBP: 1000, OFO: 500}}, open_from=JAN
    )
    releases.release(
        "b", "2024-04-15", {JAN: {USBP: 1040, OFO: 500}, FEB: {USBP: 950, OFO: 500}}, open_from=JAN
    )
    assert findings(releases) == {"open_year_drift": ("b", "warning", "a", 2, day(FEB), 1500, 1450)}
    assert "months that moved against the release before: 2; the most, February 2024" in sentence(
        releases, "open_year_drift"
    )


@pytest.mark.parametrize(("new", "found"), [(1300, False), (1301, True), (700, False), (699, True)])
def test_a_total_that_differs_by_more_than_a_fifth_is_critical(releases: Any, new: int, found: bool) -> None:
    releases.release("a", "2024-02-15", {JAN: {USBP: 1000, OFO: 500}}, open_from=JAN)
    releases.release("b", "2024-03-15", {JAN: {USBP: new, OFO: 500}}, open_from=JAN)
    assert ("magnitude_changed" in findings(releases)) is found
    if found:
        assert findings(releases)["magnitude_changed"][1] == "critical"


def test_a_year_that_closes_is_held_to_the_bound_of_an_open_one(releases: Any) -> None:
    releases.release("a", "2024-09-15", {JAN: {USBP: 1000, OFO: 500}}, open_from=JAN)
    releases.release("b", "2024-11-15", {JAN: {USBP: 1020, OFO: 500}})
    assert findings(releases) == {}
