"""Every figure of the source lists is carried once, typed and cautiously dated, or excluded with a reason."""

from __future__ import annotations

import calendar
import csv
import os
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from transforms import published_figures
from transforms.published_figures import PublishedFigureError

FIGURES = published_figures.figures()
MPP = published_figures.mpp_figures()
EXCLUDED = published_figures.excluded()
BY_ID = {row["figure_id"]: row for row in FIGURES + MPP}

MEASURES = {
    f"{stem}{title}"
    for stem in ("usbp_southwest", "ofo_southwest", "cbp_southwest", "cbp_nationwide")
    for title in ("", "_title_8", "_title_42")
} | {"usbp_nationwide", "usbp_nationwide_title_8", "ohss_usbp_southwest", "ohss_cbp_southwest"}


def published(measure: str, month: date, role: str = "quoted") -> dict[date, Decimal]:
    return {
        row["published_on"]: row["value"]
        for row in FIGURES
        if (row["measure_id"], row["month_start"], row["role"]) == (measure, month, role)
    }


def test_every_entry_of_both_source_lists_is_carried_or_excluded() -> None:
    carried = {row["entry"] for row in FIGURES + MPP}
    left_out = {row["entry"] for row in EXCLUDED}
    assert carried.isdisjoint(left_out)
    assert carried | left_out == {f"figures:{n}" for n in range(1, 215)} | {f"mpp:{n}" for n in range(1, 101)}


def test_an_excluded_entry_names_the_rows_that_carry_it() -> None:
    for row in EXCLUDED:
        assert set(row["carried_as"].split()) <= set(BY_ID), row["entry"]


def test_an_entry_gives_several_rows_only_where_it_prints_a_range() -> None:
    repeated = {entry for entry, n in Counter(row["entry"] for row in FIGURES + MPP).items() if n > 1}
    assert {r["series"] for r in FIGURES if r["entry"] in repeated} == {"mpp_reentries_per_day"}


@pytest.mark.agency
def test_the_numbers_are_those_of_the_source_lists() -> None:
    folder = Path(os.environ.get("BORDER_AGENCY_DATA", "")).parent / "reference"
    if not (folder / "reference_figures.csv").is_file():
        pytest.skip("the source lists are not beside the agency files")
    for name, prefix in (("reference_figures.csv", "figures"), ("mpp_reference_figures.csv", "mpp")):
        with (folder / name).open(encoding="utf-8", newline="") as lines:
            listed = list(csv.DictReader(lines))
        for n, entry in enumerate(listed, 1):
            for row in (r for r in FIGURES + MPP if r["entry"] == f"{prefix}:{n}"):
                assert f"{row['value']:f}" in entry["value"], row["figure_id"]
                if prefix == "figures":
                    assert row["source"] == entry["source_url_or_repo"], row["figure_id"]


def test_measures_are_measures_of_the_warehouse() -> None:
    assert {row["measure_id"] for row in FIGURES} - {None} <= MEASURES


def test_a_date_known_to_the_month_is_the_last_day_of_that_month() -> None:
    dated = [row for row in FIGURES + MPP if row["published_on_precision"] == "month"]
    assert dated
    for row in dated:
        day = row["published_on"]
        assert day.day == calendar.monthrange(day.year, day.month)[1], row["figure_id"]


def test_no_figure_is_public_before_its_month_is_over() -> None:
    for row in FIGURES:
        if row["published_on"] and row["month_start"]:
            assert (row["published_on"].year, row["published_on"].month) > (
                row["month_start"].year,
                row["month_start"].month,
            ), row["figure_id"]


def test_one_measure_month_and_day_has_one_quoted_value() -> None:
    keys = Counter(
        (r["measure_id"], r["month_start"], r["published_on"]) for r in FIGURES if r["role"] == "quoted"
    )
    assert [key for key, n in keys.items() if n > 1] == []


def test_january_2021_as_first_printed_and_as_printed_in_march() -> None:
    january = published("usbp_southwest", date(2021, 1, 1))
    assert january == {date(2021, 2, 10): Decimal(75198), date(2021, 3, 31): Decimal(75312)}


def test_an_undated_full_year_page_takes_no_part_in_as_of() -> None:
    final = BY_ID["usbp-southwest-2021-01-cbp-fy2021-final"]
    assert (final["value"], final["published_on"], final["role"]) == (Decimal(75316), None, "reconcile")


def test_data_current_as_of_a_day_are_not_public_on_that_day() -> None:
    captured = BY_ID["usbp-southwest-2020-12-cbp-2021-01"]
    assert captured["published_on"] == date(2021, 1, 31)


def test_figures_read_off_files_only_reconcile_except_the_month_no_carried_file_holds() -> None:
    read_off = [r for r in FIGURES if r["source"].startswith("github:") and r["measure_id"]]
    quoted = {r["month_start"] for r in read_off if r["role"] == "quoted"}
    assert quoted == {date(2025, 1, 1)}
    assert published("usbp_southwest", date(2025, 1, 1)) == {date(2025, 9, 30): Decimal(29107)}


def test_derived_figures_only_reconcile() -> None:
    derived = [row for row in FIGURES if (row["note"] or "").startswith("Derived")]
    assert len(derived) == 4
    assert {row["role"] for row in derived} == {"reconcile"}


def test_rounded_homeland_statistics_are_another_series_with_a_tolerance() -> None:
    rounded = [row for row in FIGURES if row["publisher"] == "ohss"]
    assert len(rounded) == 25
    assert {(r["measure_id"], r["precision"], r["tolerance"]) for r in rounded} == {
        ("ohss_usbp_southwest", "rounded_10", Decimal(5))
    }
    assert all(row["value"] % 10 == 0 for row in rounded)


@pytest.mark.parametrize(
    ("measure", "title_8", "title_42", "total"),
    [("cbp_southwest", 91775, 64499, 156274), ("cbp_southwest", 75455, 78486, 153941)],
)
def test_titles_printed_on_one_day_add_to_the_total_printed_that_day(
    measure: str, title_8: int, title_42: int, total: int
) -> None:
    quoted = [r for r in FIGURES if r["role"] == "quoted"]
    day = next(r["published_on"] for r in quoted if r["value"] == total and r["measure_id"] == measure)
    month = next(r["month_start"] for r in quoted if r["value"] == total and r["measure_id"] == measure)
    parts = {title: published(f"{measure}_{title}", month)[day] for title in ("title_8", "title_42")}
    assert parts == {"title_8": title_8, "title_42": title_42}
    assert sum(parts.values()) == total


def mpp(code: str) -> Decimal:
    value = BY_ID[f"mpp1-{code.replace('_', '-')}-2021-01-31"]["value"]
    assert isinstance(value, Decimal)
    return value


def test_cases_are_pending_or_completed() -> None:
    assert mpp("total_cases") == mpp("pending") + mpp("completed_or_closed") == 71036


def test_the_four_denominators_follow_from_the_counts() -> None:
    relief, orders, absent = mpp("relief_granted"), mpp("removal_orders"), mpp("removal_orders_in_absentia")
    denominators = (
        mpp("total_cases"),
        mpp("completed_or_closed"),
        relief + orders,
        relief + orders - absent,
    )
    shares = [round(100 * relief / denominator, 2) for denominator in denominators]
    assert shares == [Decimal(s) for s in ("0.90", "1.53", "1.92", "11.87")]


def test_new_cases_by_location_add_to_the_month() -> None:
    new = [row for row in MPP if row["measure_code"] == "new_cases" and row["programme"] == "mpp1"]
    for month in {row["month_start"] for row in new}:
        rows = [row for row in new if row["month_start"] == month]
        total = next(row["value"] for row in rows if row["hearing_location"] is None)
        assert sum(row["value"] for row in rows if row["hearing_location"]) <= total


def rewritten(tmp_path: Path, old: str, new: str) -> Path:
    text = (published_figures.REFERENCE / "published_figures.csv").read_text("utf-8")
    assert old in text
    copy = tmp_path / "published_figures.csv"
    copy.write_text(text.replace(old, new, 1), "utf-8")
    return copy


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",185979,exact,", ",many,exact,", r"published_figures.csv:2: value: 'many' is not a number"),
        (",2000-01-01,", ",2000-01-15,", r":2: month_start: '2000-01-15'"),
        (",2000-01-01,", ",2000-13-01,", r":2: month_start: "),
        (",175380,rounded_10,5,", ",175380,rounded_10,0,", r"tolerance: .*5 was expected"),
        (",2021-02-10,day,quoted,", ",,,quoted,", r"published_on: None"),
        (
            "usbp-southwest-2001-01-usbp-history-fy2000-fy2020",
            "usbp-southwest-2000-01-usbp-history-fy2000-fy2020",
            r":3: figure_id .* is also on line 2",
        ),
        (",events,usbp,", ",events,usbp,,", r":2: \d+ cells expected"),
    ],
)
def test_a_bad_cell_is_refused_by_file_line_and_value(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(PublishedFigureError, match=message) as refused:
        published_figures.figures(rewritten(tmp_path, old, new))
    assert "\n" not in str(refused.value)
