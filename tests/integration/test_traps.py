"""Every trap of the publishers' files, on tiny files that set it: a test a trap, named after it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from agency_files import (
    AOR,
    CHINA,
    COUNT,
    HISTORY,
    NORTHERN,
    OFO,
    OTHER_REGION,
    SBO,
    SOUTHWEST,
    SOUTHWEST_SECTORS,
    STATE,
    USBP,
    Line,
    aor,
    as_csv,
    as_workbook,
    count,
    history,
    sbo,
    state,
    workbook_lines,
)
from installation import Ledger, one_line

from expectations import reviewed
from orchestration import steps
from warehouse.archive import sha256_of

CBP = "core.cbp__monthly_encounters"
GROUPING, MONTH, YEAR, KIND = "Month Grouping", "Month (abbv)", "Fiscal Year", "Encounter Type"
TITLE, REGION, SECTOR, CITIZENSHIP = "Title of Authority", "Land Border Region", "AOR (Abbv)", "Citizenship"
OPEN = ("2022-10", "2024-01")  # one closed fiscal year and the first four months of an open one


def change(lines: list[Line], where: Line, setting: Line) -> list[Line]:
    """The lines, with `setting` put into those that match; at least one must."""
    assert any(where.items() <= line.items() for line in lines), where
    return [line | setting if where.items() <= line.items() else line for line in lines]


def without(lines: list[Line], where: Line) -> list[Line]:
    left = [line for line in lines if not where.items() <= line.items()]
    assert len(left) < len(lines), where
    return left


def added_up(lines: list[Line], month: str, year: int, **where: str) -> int:
    """What a person adds up by hand over the lines of one month."""
    return sum(
        int(line[COUNT].removesuffix(".0"))
        for line in lines
        if line[MONTH] == month and line[YEAR][:4] == str(year) and where.items() <= line.items()
    )


# ------------------------------------------------------------------------------------------------- the calendar


def test_fiscal_year_runs_from_october_of_the_year_before(ledger: Ledger) -> None:
    ledger.added("a.csv", as_csv(SBO, sbo("2020-10", "2021-09")), "2021-10")
    ledger.load()
    found = ledger.rows(f"select distinct month_start, fiscal_year, fiscal_month from {CBP} order by all")
    assert found[0] == (dt.date(2020, 10, 1), 2021, 1)
    assert found[3] == (dt.date(2021, 1, 1), 2021, 4)
    assert found[-1] == (dt.date(2021, 9, 1), 2021, 12)


@pytest.mark.parametrize(
    ("label", "name", "data", "year"),
    [
        ("2024 (FYTD)", "a.csv", as_csv(SBO, sbo(*OPEN)), 2024),
        ("FY2021TD", "w.xlsx", as_workbook(workbook_lines("2019-10", "2021-02")), 2021),
    ],
    ids=["csv", "workbook"],
)
def test_an_open_fiscal_year_is_marked_and_its_figures_provisional(
    ledger: Ledger, label: str, name: str, data: bytes, year: int
) -> None:
    ledger.added(name, data, "2024-03")
    ledger.load()
    assert ledger.rows(f"select distinct fiscal_year_label from {CBP} where is_open_year") == [(label,)]
    assert ledger.rows(f"select distinct fiscal_year from {CBP} where is_open_year") == [(year,)]
    now, before = ledger.january("usbp_southwest", year), ledger.january("usbp_southwest", year - 1)
    assert now["finality"] == "provisional"
    assert "fiscal year still open when published" in now["reasons"]
    assert before["finality"] == "final"


@pytest.mark.parametrize("label", ["2024 (YTD)", "2024x", "24", "2024 (FYTD", "FYTD"])
def test_a_fiscal_year_printed_in_a_new_way_is_quarantined_not_guessed(ledger: Ledger, label: str) -> None:
    lines = sbo(*OPEN)
    lines[0] = lines[0] | {YEAR: label}
    ledger.added("a.csv", as_csv(SBO, lines), "2024-02")
    ledger.load()
    assert ledger.rows("select line_no, reason from meta.quarantine") == [
        (2, f"month OCT of fiscal year {label} is not a month")
    ]
    assert not ledger.lost()


def test_month_grouping_drifts_between_files_and_selects_nothing(ledger: Ledger) -> None:
    """In-year files mark this year's months FYTD in every year; filtering on it would lose February to September."""
    lines = sbo(*OPEN)
    assert {line[GROUPING] for line in lines if line[MONTH] == "JUN"} == {"Remaining"}
    early = ledger.added("a.csv", as_csv(SBO, lines), "2024-02")
    late = ledger.added("b.csv", as_csv(SBO, sbo("2022-10", "2024-06")), "2024-07")
    ledger.load()
    labels = ledger.rows(
        f"select release_id, month_grouping_label from {CBP} where month_start = date '2023-06-01' group by all"
    )
    assert sorted(labels) == sorted([(early, "Remaining"), (late, "FYTD")])
    sums = f"select sum(encounters) from {CBP} where release_id = ? and month_start = date '2023-06-01'"
    assert ledger.value(sums, early) == ledger.value(sums, late) == added_up(lines, "JUN", 2023)
    assert ledger.january("usbp_southwest", 2023)["value"] == added_up(lines, "JAN", 2023, Component=USBP)


# --------------------------------------------------------------------------------------- windows and restatements


def test_rolling_window_keeps_a_month_that_has_left_the_newest_file(ledger: Ledger) -> None:
    old = ledger.added("old.csv", as_csv(SBO, sbo("2018-10", "2022-09")), "2022-10")
    new = ledger.added("new.csv", as_csv(SBO, sbo("2021-10", "2024-11")), "2024-12")
    ledger.load()
    assert ledger.january("usbp_southwest", 2020)["release_id"] == old
    assert ledger.january("usbp_southwest", 2022)["release_id"] == new


def test_one_release_a_month_never_their_union(ledger: Ledger) -> None:
    """The same months in two files are one figure, not twice the figure."""
    lines = sbo("2018-10", "2022-09")
    ledger.added("old.csv", as_csv(SBO, lines), "2022-10")
    ledger.added("new.csv", as_csv(SBO, sbo("2021-10", "2024-11")), "2024-12")
    ledger.load()
    assert ledger.january("usbp_southwest", 2022)["value"] == added_up(lines, "JAN", 2022, Component=USBP)
    repeated = ledger.rows(
        "select measure_id, month_start from marts.measure_vintages where latest_rank = 1 group by all having count(*) > 1"
    )
    assert repeated == []


@pytest.mark.parametrize("moved", [+124, -197], ids=["up", "down"])
def test_restatement_of_an_open_month_the_newest_release_answers_and_the_first_is_kept(
    ledger: Ledger, moved: int
) -> None:
    lines = sbo(*OPEN)
    where = {YEAR: "2024 (FYTD)", MONTH: "JAN", "Component": USBP, "Demographic": "FMUA"}
    printed = next(int(line[COUNT]) for line in lines if where.items() <= line.items())
    later = change(lines, where, {COUNT: str(printed + moved)})
    first = ledger.added("a.csv", as_csv(SBO, lines), "2024-02")
    second = ledger.added("b.csv", as_csv(SBO, later), "2024-03")
    ledger.load()
    vintages = ledger.rows(
        "select release_id, value, vintage_no, latest_rank from marts.measure_vintages "
        "where measure_id = 'usbp_southwest' and month_start = date '2024-01-01' and not is_quoted order by published_on"
    )
    before = added_up(lines, "JAN", 2024, Component=USBP)
    assert [(v[0], v[1]) for v in vintages] == [(first, before), (second, before + moved)]
    assert ledger.january("usbp_southwest", 2024)["value"] == before + moved
    assert ledger.january("usbp_southwest", 2024)["finality"] == "provisional"


def test_an_older_file_met_later_answers_nothing_it_is_not_newest_for(ledger: Ledger) -> None:
    lines = sbo(*OPEN)
    ledger.added("b.csv", as_csv(SBO, lines), "2024-03")
    ledger.load()
    newest = ledger.january("usbp_southwest", 2024)["release_id"]
    older = change(lines, {MONTH: "JAN", "Component": USBP, "Demographic": "FMUA"}, {COUNT: "1"})
    ledger.added("a.csv", as_csv(SBO, older), "2024-02")
    ledger.load()
    assert ledger.january("usbp_southwest", 2024)["release_id"] == newest


# --------------------------------------------------------------------------------- errors and quirks of the source


def mislabelled() -> list[Line]:
    return change(
        sbo("2020-10", "2022-09"),
        {YEAR: "2022", "Component": USBP, TITLE: "Title 42"},
        {KIND: "Apprehensions"},
    )


def test_publishers_own_error_is_corrected_and_its_label_kept(ledger: Ledger) -> None:
    """FY2022 Border Patrol rows under Title 42 were labelled Apprehensions; Title 42 encounters are expulsions."""
    ledger.added("sbo-encounters-fy21-fy22.csv", as_csv(SBO, mislabelled()))
    ledger.load()
    found = ledger.rows(
        f"select distinct encounter_type_label, encounter_type_code, is_corrected from {CBP} "
        "where fiscal_year = 2022 and component_code = 'usbp' and title_code = 'title_42'"
    )
    assert found == [("Apprehensions", "expulsions", True)]
    others = (
        f"select count(*) from {CBP} where is_corrected and (fiscal_year <> 2022 or component_code <> 'usbp')"
    )
    assert ledger.value(others) == 0


def test_a_repaired_file_is_not_corrected(ledger: Ledger) -> None:
    ledger.added("a.csv", as_csv(SBO, sbo("2020-10", "2022-09")), "2022-10")
    ledger.load()
    assert ledger.value(f"select count(*) from {CBP} where is_corrected") == 0


def test_every_correction_has_a_reason_evidence_and_a_guard() -> None:
    for correction in reviewed.corrections():
        assert correction["reason"]
        assert correction["evidence"]
        assert correction["expected_lines"] > 0
        assert correction["expected_encounters"] > 0


def test_counts_with_a_decimal_point_are_whole_numbers(ledger: Ledger) -> None:
    lines = [line | {COUNT: line[COUNT] + ".0"} for line in sbo(*OPEN)]
    ledger.added("a.csv", as_csv(SBO, lines), "2024-02")
    ledger.load()
    assert ledger.january("usbp_southwest", 2024)["value"] == added_up(lines, "JAN", 2024, Component=USBP)
    assert not ledger.rows("select * from meta.quarantine")


@pytest.mark.parametrize("printed", ["9584.5", "1,234", "-3", "", "n/a", "9" * 25, "١٢"])
def test_a_count_that_is_no_whole_number_is_quarantined_with_its_line(ledger: Ledger, printed: str) -> None:
    lines = sbo(*OPEN)
    lines[4] = lines[4] | {COUNT: printed}
    data = as_csv(SBO, lines, "\r\n")
    ledger.added("a.csv", data, "2024-02")
    ledger.load()
    assert ledger.rows("select line_no, reason, original from meta.quarantine") == [
        (6, f"count {printed} is not a whole number of encounters", data.split(b"\n")[5])
    ]
    assert not ledger.lost()


def test_a_published_zero_is_a_row_and_an_absent_row_is_not(ledger: Ledger) -> None:
    lines = change(
        sbo(*OPEN), {YEAR: "2023", MONTH: "MAR", "Component": OFO, "Demographic": "FMUA"}, {COUNT: "0.0"}
    )
    lines = without(lines, {YEAR: "2023", MONTH: "APR", "Component": OFO, "Demographic": "FMUA"})
    ledger.added("a.csv", as_csv(SBO, lines), "2024-02")
    ledger.load()
    cells = (
        f"select encounters, is_published_zero from {CBP} where component_code = 'ofo' "
        "and demographic_code = 'family_unit' and title_code = 'title_8' and month_start = ?"
    )
    assert ledger.rows(cells, dt.date(2023, 3, 1)) == [(0, True)]
    assert ledger.rows(cells, dt.date(2023, 4, 1)) == []
    assert ledger.rows(cells, dt.date(2023, 5, 1)) == [(int(count("2023-05", 4)), False)]


@pytest.mark.parametrize(
    "measure", ["usbp_southwest_title_42", "ofo_southwest_title_42", "cbp_southwest_title_42"]
)
def test_title_42_after_may_2023_is_not_applicable_and_not_zero(ledger: Ledger, measure: str) -> None:
    ledger.added("a.csv", as_csv(SBO, sbo("2021-10", "2024-01")), "2024-02")
    ledger.load()
    after = ledger.january(measure, 2024)
    assert (after["value"], after["change"], after["pct_change"], after["status"]) == (
        None,
        None,
        None,
        "not_applicable",
    )
    during = ledger.january(measure, 2023)
    assert during["value"] is not None
    assert during["status"] not in ("missing", "not_applicable")


def test_title_42_before_march_2020_is_not_applicable(ledger: Ledger) -> None:
    ledger.added("a.csv", as_csv(SBO, sbo("2018-10", "2021-09")), "2021-10")
    ledger.load()
    first = ledger.january("usbp_southwest_title_42", 2021)
    assert first["value"] is not None
    assert (first["prior"], first["pct_change"], first["status"]) == (None, None, "not_applicable")


# ------------------------------------------------------------------------------------------------ labels and places


@pytest.mark.parametrize("label", ["UAC / Single Minors", "UC / Single Minors", "UAC"])
def test_label_drift_of_unaccompanied_children_is_one_code_with_the_label_kept(
    ledger: Ledger, label: str
) -> None:
    lines = change(sbo(*OPEN), {"Demographic": "FMUA"}, {"Demographic": label})
    ledger.added("a.csv", as_csv(SBO, lines), "2024-02")
    ledger.load()
    found = ledger.rows(f"select distinct demographic_label, demographic_code from {CBP} order by all")
    assert (label, "unaccompanied_child") in found
    assert not ledger.rows("select * from meta.quarantine")


def test_a_label_nobody_has_reviewed_is_quarantined_never_defaulted(ledger: Ledger) -> None:
    lines = sbo(*OPEN)
    lines[7] = lines[7] | {"Demographic": "Unaccompanied persons"}
    ledger.added("a.csv", as_csv(SBO, lines), "2024-02")
    ledger.load()
    assert ledger.rows("select line_no, reason from meta.quarantine") == [
        (9, "unknown demographic Unaccompanied persons")
    ]
    assert ledger.value("select encounters from meta.row_ledger where disposition = 'quarantined'") == int(
        lines[7][COUNT]
    )
    assert not ledger.lost()


def test_coastal_sectors_are_other_in_cbp_files_and_coastal_in_the_history(ledger: Ledger) -> None:
    ledger.added("aor.csv", as_csv(AOR, aor(*OPEN)), "2024-02")
    ledger.added("history.csv", as_csv(HISTORY, history("2018-10", "2020-09")), "2020-10")
    ledger.load()
    of = "select distinct region_code, region_label from {} where sector_code = 'miami'"
    assert ledger.rows(of.format(CBP)) == [("other", OTHER_REGION)]
    assert ledger.rows(of.format("core.usbp__monthly_encounters")) == [("coastal", None)]


def test_livermore_is_coastal_in_the_history_whatever_others_say(ledger: Ledger) -> None:
    sectors = (*SOUTHWEST_SECTORS.values(), "Livermore")
    ledger.added("history.csv", as_csv(HISTORY, history("2002-10", "2004-09", sectors=sectors)), "2020-10")
    ledger.load()
    found = ledger.rows(
        "select distinct region_code from core.usbp__monthly_encounters where sector_code = 'livermore'"
    )
    assert found == [("coastal",)]
    southwest = sum(int(count("2004-01", n)) for n in range(1, 10))
    assert ledger.january("usbp_southwest", 2004)["value"] == southwest


def test_swb_is_swanton_on_the_northern_border_and_not_the_southwest_border(ledger: Ledger) -> None:
    lines = aor(*OPEN)
    ledger.added("aor.csv", as_csv(AOR, lines), "2024-02")
    ledger.load()
    found = ledger.rows(
        f"select distinct sector_code, region_code from {CBP} where sector_label like 'Swanton%'"
    )
    assert found == [("swanton", "northern")]
    southwest = added_up(lines, "JAN", 2024, **{"Component": USBP, REGION: SOUTHWEST})
    assert ledger.january("usbp_southwest", 2024)["value"] == southwest
    assert {line[REGION] for line in lines if line[SECTOR] == "SWB"} == {NORTHERN}


def test_an_area_and_an_abbreviation_of_two_sectors_are_quarantined(ledger: Ledger) -> None:
    lines = aor(*OPEN)
    lines[0] = lines[0] | {SECTOR: "LRT"}
    ledger.added("aor.csv", as_csv(AOR, lines), "2024-02")
    ledger.load()
    assert ledger.rows("select line_no, reason from meta.quarantine") == [
        (2, "sector Swanton Sector and its abbreviation name two sectors")
    ]


def test_the_workbooks_sectors_are_all_southwest(ledger: Ledger) -> None:
    ledger.added("w.xlsx", as_workbook(workbook_lines("2019-10", "2021-02")), "2021-03")
    ledger.load()
    found = ledger.rows(
        f"select distinct region_code, component_code, count(distinct sector_code) from {CBP} group by all"
    )
    assert found == [("southwest", "usbp", len(SOUTHWEST_SECTORS))]


def test_china_is_quoted_and_is_one_value(ledger: Ledger) -> None:
    lines = state(*OPEN)
    data = as_csv(STATE, lines)
    assert data.count(f'"{CHINA}"'.encode()) == data.count(b'"') / 2
    ledger.added("state.csv", data, "2024-02")
    ledger.load()
    found = ledger.rows(
        f"select citizenship_label, sum(encounters) from {CBP} where citizenship_code = 'china' group by all"
    )
    assert found == [(CHINA, sum(int(line[COUNT]) for line in lines if line[CITIZENSHIP] == CHINA))]
    assert not ledger.rows("select * from meta.quarantine")


def test_other_citizenship_is_a_changing_remainder_and_is_never_trended(ledger: Ledger) -> None:
    ledger.added("a.csv", as_csv(SBO, sbo(*OPEN)), "2024-02")
    ledger.added("b.csv", as_csv(STATE, state(*OPEN)), "2024-02")
    ledger.load()
    rows = ledger.rows(
        "select distinct status, pct_change, value is not null from marts.january_yoy_by_dimension "
        "where dimension = 'citizenship' and dimension_code = 'other' and january = 2024"
    )
    assert rows == [("not_applicable", None, True)]
    named = ledger.rows(
        "select count(*) from marts.january_yoy_by_dimension "
        "where dimension = 'citizenship' and dimension_code = 'mexico' and january = 2024 and pct_change is not null"
    )
    assert named[0][0] > 0


# -------------------------------------------------------------------------------------------- publishers and parts


def test_two_official_series_are_never_spliced(ledger: Ledger) -> None:
    """A measure's comparison names both its sources, and OHSS answers none of CBP's measures."""
    ledger.added("history.csv", as_csv(HISTORY, history("2010-10", "2018-09")), "2020-10")
    ledger.added("a.csv", as_csv(SBO, sbo("2018-10", "2020-09")), "2020-11")
    ledger.load()
    across = ledger.january("usbp_southwest", 2019)
    assert (across["family"], across["prior_family"]) == ("cbp_sbo", "usbp_monthly_history")
    assert "two sources: cbp_sbo and usbp_monthly_history" in across["reasons"]
    mixed = ledger.rows(
        "select measure_id from meta.measure_families group by measure_id "
        "having count(*) filter (where family = 'ohss_monthly') > 0 and count(*) > 1"
    )
    assert mixed == []


def test_publisher_is_part_of_every_row(ledger: Ledger) -> None:
    ledger.added("history.csv", as_csv(HISTORY, history("2018-10", "2020-09")), "2020-10")
    ledger.added("a.csv", as_csv(SBO, sbo("2018-10", "2020-09")), "2020-11")
    ledger.load()
    assert ledger.rows("select distinct publisher_code from core.usbp__monthly_encounters") == [("usbp",)]
    assert ledger.rows(f"select distinct publisher_code from {CBP}") == [("cbp",)]


def test_workbook_parts_are_summed_not_deduplicated(ledger: Ledger) -> None:
    """January 2021 of the real workbook: the parts add up to 75,312; DISTINCT would leave 25,334."""
    lines = workbook_lines("2019-10", "2021-02", parts=3)
    january = [line for line in lines if (line["FY"], line["Month"]) == ("FY2021TD", "JAN")]
    whole, distinct = (
        sum(int(line["Count"]) for line in january),
        sum(int(c) for _, c in {(line["Sector"], line["Count"]) for line in january}),
    )
    assert distinct < whole == sum(int(count("2021-01", n)) for n in range(1, 10))
    ledger.added("w.xlsx", as_workbook(lines), "2021-03")
    ledger.load()
    assert ledger.january("usbp_southwest", 2021)["value"] == whole
    merged = "select lines, encounters > 0 from meta.row_ledger where disposition = 'merged'"
    assert ledger.rows(merged) == [(2 * 9 * 5, True)]
    assert not ledger.lost()


def test_a_cell_printed_twice_in_a_csv_is_quarantined_both_times(ledger: Ledger) -> None:
    """Only the workbook prints parts; elsewhere nobody knows which of two counts is right."""
    lines = sbo(*OPEN)
    lines.append(lines[3] | {COUNT: "7"})
    ledger.added("a.csv", as_csv(SBO, lines), "2024-02")
    ledger.load()
    assert [line_no for (line_no,) in ledger.rows("select line_no from meta.quarantine order by 1")] == [
        5,
        len(lines) + 1,
    ]
    assert not ledger.lost()


def test_published_totals_of_the_history_are_controls_and_not_encounters(ledger: Ledger) -> None:
    lines = history("2018-10", "2020-09")
    ledger.added("history.csv", as_csv(HISTORY, lines), "2020-10")
    ledger.load()
    parts = sum(int(line["n"]) for line in lines if "Total" not in (line["month"], line["sector"][-5:]))
    assert ledger.value("select sum(encounters) from core.usbp__monthly_encounters") == parts
    assert not ledger.lost()


def test_the_history_mixes_both_titles_from_march_2020(ledger: Ledger) -> None:
    ledger.added("history.csv", as_csv(HISTORY, history("2018-10", "2020-09")), "2020-10")
    ledger.load()
    titles = dict(
        ledger.rows(
            "select title_code, min(month_start) from core.usbp__monthly_encounters group by title_code"
        )
    )
    assert titles == {"title_8": dt.date(2018, 10, 1), "all": dt.date(2020, 3, 1)}
    title_8 = "select max(month_start) from marts.measure_vintages where measure_id = ? and not is_quoted"
    assert ledger.value(title_8, "usbp_southwest_title_8") == dt.date(2020, 2, 1)


def test_an_incomplete_month_answers_no_measure(ledger: Ledger) -> None:
    """A month in which a component is absent would read as a fall."""
    lines = without(sbo(*OPEN), {YEAR: "2024 (FYTD)", MONTH: "JAN", "Component": OFO})
    ledger.added("a.csv", as_csv(SBO, lines), "2024-02")
    ledger.load()
    months = "select is_complete_month, missing_codes from core.release_months where month_start = date '2024-01-01'"
    assert ledger.rows(months) == [(False, ["ofo"])]
    answers = "select count(*) from marts.measure_vintages where month_start = date '2024-01-01' and family = 'cbp_sbo'"
    assert ledger.value(answers) == 0


def test_the_day_a_file_was_public_is_never_guessed(ledger: Ledger) -> None:
    outcome = ledger.add("encounters.csv", as_csv(SBO, sbo(*OPEN)))
    assert outcome.status == "refused"
    assert one_line(outcome.message)
    assert "--published YYYY-MM" in outcome.message


@pytest.mark.parametrize(
    ("path", "published", "expected"),
    [
        ("sbo-encounters-fy23-fy24-jan.csv", None, ("2024-02-29", "month")),
        ("2024-03/sbo.csv", None, ("2024-03-31", "month")),
        ("2024_0309_sbo.csv", None, ("2024-03-09", "day")),
        ("sbo-encounters-fy23-fy24-jan.csv", "2024-05-02", ("2024-05-02", "day")),
    ],
    ids=["cut-off in the name", "folder", "date in the name", "given by hand"],
)
def test_a_release_is_dated_by_its_name_its_folder_or_by_hand(
    ledger: Ledger, path: str, published: str | None, expected: tuple[str, str]
) -> None:
    release = ledger.add(path, as_csv(SBO, sbo(*OPEN)), published).release
    assert release is not None
    assert (release.published_on, release.published_precision) == expected


def test_the_same_bytes_twice_add_nothing(ledger: Ledger) -> None:
    data = as_csv(SBO, sbo(*OPEN))
    assert ledger.add("a.csv", data, "2024-02").status == "added"
    again = ledger.add("another name.csv", data, "2024-03")
    assert (again.status, len(ledger.archive.releases())) == ("known", 1)


def test_a_carried_series_gives_way_to_its_original(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures of one file must not be there twice, once as printed and once re-encoded."""
    from orchestration import ingest as way_in
    from transforms.families import CARRIED_HEADER

    original = as_csv(SBO, sbo(*OPEN))
    carried = (
        ",".join(CARRIED_HEADER)
        + "\n"
        + "".join(
            f"{month},2024 (FYTD),{component},southwest,all,all,single_adults,mexico,title_8,{kind},5\n"
            for month in ("2023-12", "2024-01")
            for component, kind in (("usbp", "apprehensions"), ("ofo", "inadmissibles"))
        )
    )
    entry: dict[str, Any] = {
        "family": "cbp_sbo",
        "published_on": dt.date(2024, 2, 29),
        "published_precision": "month",
        "published_basis": "test",
        "origin_file_name": "a.csv",
        "origin_sha256": sha256_of(original),
    }
    monkeypatch.setattr(way_in, "carried_series", lambda: {sha256_of(carried.encode()): entry})
    ledger.added("series.csv", carried.encode())
    ledger.load()
    assert ledger.january("usbp_southwest", 2024)["value"] == 5
    release = ledger.added("a.csv", original, "2024-02")
    ledger.load()
    assert ledger.january("usbp_southwest", 2024)["release_id"] == release
    superseded = "select family from meta.releases where is_superseded"
    assert ledger.rows(superseded) == [("cbp_sbo",)]


def test_core_waits_for_a_release_whose_lines_are_not_in_raw_yet(ledger: Ledger) -> None:
    """Loaded as empty, the release would count as done and stay empty for good."""
    release_id = ledger.added("a.csv", as_csv(SBO, sbo(*OPEN)), "2024-02")
    (release,) = steps.load_releases(ledger.warehouse, ledger.archive)
    assert steps.load_core(ledger.warehouse, ledger.archive, CBP) == {}
    steps.load_raw(ledger.warehouse, ledger.archive, release)
    assert steps.load_core(ledger.warehouse, ledger.archive, CBP) == {release_id: len(sbo(*OPEN))}
