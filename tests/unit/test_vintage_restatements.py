"""What counts as a restatement: the same cell of the same month, against the release published before."""

from __future__ import annotations

import datetime as dt
from typing import Any

JANUARY = "2024-01-01"
USBP, OFO = ("usbp",), ("ofo",)


def restated(releases: Any) -> list[tuple[Any, ...]]:
    releases.build("core.cbp__restatements")
    return releases.rows(
        "select component_code, old_encounters, new_encounters, delta_encounters, restatement_kind, old_release_id, "
        "new_release_id from core.cbp__restatements order by new_published_on, component_code, title_code"
    )


def test_a_changed_cell_is_listed_and_an_equal_one_is_not(releases: Any) -> None:
    releases.release("a", "2024-02-15", {JANUARY: {USBP: 100, OFO: 40}})
    releases.release("b", "2024-03-15", {JANUARY: {USBP: 97, OFO: 40}})
    assert restated(releases) == [("usbp", 100, 97, -3, "restated", "a", "b")]


def test_a_row_that_appears_or_disappears_has_null_on_the_side_without_it(releases: Any) -> None:
    releases.release("a", "2024-02-15", {JANUARY: {USBP: 100, OFO: 40, ("ofo", "title_42"): 7}})
    releases.release("b", "2024-03-15", {JANUARY: {USBP: 100, OFO: 40, ("usbp", "title_42"): 5}})
    assert restated(releases) == [
        ("ofo", 7, None, -7, "disappeared", "a", "b"),
        ("usbp", None, 5, 5, "appeared", "a", "b"),
    ]


def test_a_published_zero_that_disappears_is_listed_with_no_delta(releases: Any) -> None:
    releases.release("a", "2024-02-15", {JANUARY: {USBP: 100, OFO: 40, ("ofo", "title_42"): 0}})
    releases.release("b", "2024-03-15", {JANUARY: {USBP: 100, OFO: 40}})
    assert restated(releases) == [("ofo", 0, None, 0, "disappeared", "a", "b")]


def test_each_release_is_compared_with_the_one_published_just_before(releases: Any) -> None:
    releases.release("z", "2024-02-15", {JANUARY: {USBP: 100, OFO: 40}})
    releases.release("a", "2024-04-15", {JANUARY: {USBP: 90, OFO: 40}})
    releases.release("m", "2024-03-15", {JANUARY: {USBP: 95, OFO: 40}})
    assert [row[1:3] + row[5:] for row in restated(releases)] == [(100, 95, "z", "m"), (95, 90, "m", "a")]


def test_a_release_without_the_month_is_passed_over(releases: Any) -> None:
    releases.release("a", "2024-02-15", {JANUARY: {USBP: 100, OFO: 40}})
    releases.release("b", "2024-03-15", {"2024-02-01": {USBP: 1, OFO: 1}})
    releases.release("c", "2024-04-15", {JANUARY: {USBP: 90, OFO: 40}})
    assert [row[5:] for row in restated(releases)] == [("a", "c")]


def test_an_incomplete_month_takes_no_part(releases: Any) -> None:
    releases.release("a", "2024-02-15", {JANUARY: {USBP: 100, OFO: 40}})
    releases.release("b", "2024-03-15", {JANUARY: {USBP: 90}})
    assert restated(releases) == []


def test_families_and_layouts_are_not_compared_with_each_other(releases: Any) -> None:
    releases.release("a", "2024-02-15", {JANUARY: {USBP: 100, OFO: 40}})
    releases.release("b", "2024-03-15", {JANUARY: {USBP: 90, OFO: 40}}, layout="carried")
    releases.release("c", "2024-03-15", {JANUARY: {USBP: 90, OFO: 40}}, family="cbp_nationwide_aor")
    assert restated(releases) == []


def test_a_carried_series_whose_original_is_here_takes_no_part(releases: Any) -> None:
    releases.release("a", "2024-02-15", {JANUARY: {USBP: 100, OFO: 40}}, layout="carried", is_superseded=True)
    releases.release("b", "2024-03-15", {JANUARY: {USBP: 90, OFO: 40}}, layout="carried")
    assert restated(releases) == []


def test_another_label_for_the_same_code_is_no_restatement(releases: Any) -> None:
    releases.release("a", "2024-02-15", {JANUARY: {USBP: 100, OFO: 40}})
    releases.release("b", "2024-03-15", {JANUARY: {USBP: 100, OFO: 40}})
    releases.con.execute(
        "update core.cbp__monthly_encounters set encounter_type_label = "
        "case release_id when 'a' then 'Apprehensions' else 'Expulsions' end"
    )
    assert restated(releases) == []


def test_revisions_tell_the_first_value_every_later_one_and_the_answer(releases: Any) -> None:
    releases.measure("usbp", "cbp_sbo", component_code="usbp")
    releases.release("a", "2024-02-15", {JANUARY: {USBP: 100, OFO: 40}})
    releases.release("b", "2024-03-15", {JANUARY: {USBP: 97, OFO: 40}})
    releases.release("c", "2024-04-15", {JANUARY: {USBP: 98, OFO: 40}})
    releases.build("marts.revision_summary")
    assert releases.rows(
        "select vintage_no, value, previous_value, change_from_previous, drift_since_first, first_value, final_value, "
        "total_drift, is_answer from marts.revisions order by vintage_no"
    ) == [
        (1, 100, None, None, 0, 100, 98, -2, False),
        (2, 97, 100, -3, -3, 100, 98, -2, False),
        (3, 98, 97, 1, -2, 100, 98, -2, True),
    ]
    assert releases.rows(
        "select vintages, distinct_values, total_drift, total_drift_pct, lowest_value, highest_value, last_changed_on "
        "from marts.revision_summary"
    ) == [(3, 3, -2, -2.0, 97, 100, dt.date(2024, 4, 15))]


def test_a_figure_quoted_after_the_last_file_is_a_vintage_but_not_the_answer(releases: Any) -> None:
    releases.measure("usbp", "cbp_sbo", component_code="usbp")
    releases.release("a", "2024-02-15", {JANUARY: {USBP: 100, OFO: 40}})
    releases.put(
        "meta.releases",
        release_id="page",
        family="quoted",
        trust="quoted",
        published_on=dt.date(2024, 6, 1),
        published_precision="day",
    )
    releases.put(
        "meta.published_figures",
        figure_id="f",
        release_id="page",
        measure_id="usbp",
        month_start=dt.date(2024, 1, 1),
        printed_value=120.0,
        role="quoted",
        publisher_code="cbp",
        published_on=dt.date(2024, 6, 1),
        published_precision="day",
    )
    releases.build("marts.revisions")
    assert releases.rows(
        "select value, publisher_code, is_answer, final_value from marts.revisions order by vintage_no"
    ) == [
        (100, "cbp", True, 100),
        (120, "cbp", False, 100),
    ]
