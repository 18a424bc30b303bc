"""The real figures: every January the project must reproduce, from the agency's files and from the series it carries."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from installation import NOW, ROOT, Ledger

from orchestration.carry import carry
from orchestration.ingest import ingest
from warehouse import provenance

USBP_SOUTHWEST = dict(
    zip(
        range(2000, 2025),
        (
            185_979, 125_090, 79_793, 86_925, 92_521, 93_020, 101_195, 71_934, 59_028, 44_502, 34_784, 23_926, 25_714,
            26_921, 28_668, 21_514, 23_758, 31_576, 25_975, 47_979, 29_205, 75_316, 147_877, 129_513, 124_215,
        ),
        strict=True,
    )
)  # fmt: skip
#: Border Patrol and Office of Field Operations by authority; None where the authority did not exist yet.
BY_AUTHORITY = {
    "usbp_southwest_title_8": (29_205, 12_787, 70_352, 63_005),
    "usbp_southwest_title_42": (None, 62_529, 77_525, 66_508),
    "ofo_southwest_title_8": (7_380, 1_323, 4_807, 26_180),
    "ofo_southwest_title_42": (None, 1_775, 2_190, 1_665),
    "cbp_southwest": (36_585, 78_414, 154_874, 157_358),
    "cbp_nationwide": (52_254, 95_276, 186_808, 209_151),
}
JANUARIES = [("usbp_southwest", year, value) for year, value in USBP_SOUTHWEST.items()] + [
    (measure, year, value)
    for measure, values in BY_AUTHORITY.items()
    for year, value in zip((2020, 2021, 2022, 2023), values, strict=True)
]


@pytest.fixture(scope="module")
def files(agency: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A warehouse of all the agency's files and of the carried series, as `border build --data` makes it."""
    found = Ledger(tmp_path_factory.mktemp("agency"))
    outcomes = list(ingest([agency / "cbp", agency / "ohss"], found.archive, now=NOW))
    assert [o.message for o in outcomes if o.status not in ("added", "document")] == []
    for path in sorted((ROOT / "reference" / "series").glob("*.csv")):
        found.added(path.name, path.read_bytes())
    found.load()
    yield found
    found.close()


def holds(ledger: Ledger, measure: str, year: int, value: int | None) -> None:
    row = ledger.january(measure, year)
    assert row["value"] == value
    assert (row["status"] == "not_applicable") == (
        value is None or (row["prior"] is None and "title_42" in measure)
    )


@pytest.mark.parametrize(("measure", "year", "value"), JANUARIES)
def test_carried_series_print_every_january_to_the_unit(
    carried: Ledger, measure: str, year: int, value: int | None
) -> None:
    holds(carried, measure, year, value)


@pytest.mark.agency
@pytest.mark.parametrize(("measure", "year", "value"), JANUARIES)
def test_agency_files_print_every_january_to_the_unit(
    files: Ledger, measure: str, year: int, value: int | None
) -> None:
    holds(files, measure, year, value)


@pytest.mark.parametrize(
    "reading", ["usbp_southwest", "usbp_southwest_title_8", "cbp_southwest", "cbp_southwest_title_8"]
)
def test_january_2021_under_every_definition(carried: Ledger, reading: str) -> None:
    expected = {
        "usbp_southwest": 157.9,
        "usbp_southwest_title_8": -56.2,
        "cbp_southwest": 114.3,
        "cbp_southwest_title_8": -61.4,
    }
    row = carried.january(reading, 2021)
    assert round(row["pct_change"], 1) == expected[reading]
    assert row["release_id"]
    assert row["prior_release_id"]


def test_january_2021_is_the_highest_since_2006_and_says_what_changed(carried: Ledger) -> None:
    row = carried.january("usbp_southwest", 2021)
    assert (row["prior"], row["change"], row["highest_since"]) == (29_205, 46_111, 2006)
    assert row["status"] == "break"
    assert any("Title 42" in reason for reason in row["reasons"])
    assert (row["title_42_value"], round(row["title_42_share_pct"])) == (62_529, 83)
    assert (row["value_2019"], round(row["pct_change_2019"], 1)) == (47_979, 57.0)


def test_january_2021_as_published_at_three_moments(carried: Ledger) -> None:
    vintages = carried.rows(
        "select published_on::varchar, value, is_quoted from marts.measure_vintages "
        "where measure_id = 'usbp_southwest' and month_start = date '2021-01-01' order by published_on"
    )
    assert ("2021-02-10", 75_198, True) in vintages
    assert ("2021-03-31", 75_312, False) in vintages
    assert vintages[-1][1:] == (75_316, False)


def test_nothing_of_the_carried_series_is_lost_or_quarantined(carried: Ledger) -> None:
    assert carried.lost() == []
    assert carried.rows("select * from meta.quarantine") == []


@pytest.mark.agency
def test_nothing_of_the_agency_files_is_lost_or_quarantined(files: Ledger) -> None:
    assert files.lost() == []
    assert files.rows("select * from meta.quarantine") == []


@pytest.mark.agency
def test_every_family_is_among_the_agency_files(files: Ledger) -> None:
    loaded = files.rows(
        "select family, count(*) from meta.releases where layout not in ('quoted', 'carried') group by all order by all"
    )
    assert loaded == [
        ("cbp_nationwide_aor", 1),
        ("cbp_nationwide_state", 6),
        ("cbp_sbo", 2),
        ("ohss_monthly", 2),
        ("usbp_monthly_history", 1),
        ("usbp_southwest_workbook", 1),
    ]


@pytest.mark.agency
def test_both_warehouses_give_the_same_januaries(files: Ledger, carried: Ledger) -> None:
    """Beside the OHSS series, which is not carried."""
    select = (
        "select measure_id, january, value, prior, pct_change, status, finality, rank_since_2000, highest_since, "
        "title_42_value, value_2019, median_prior_five from marts.january_yoy where measure_id not like 'ohss%' order by all"
    )
    assert files.rows(select) == carried.rows(select)


@pytest.mark.agency
def test_carried_series_give_way_to_their_originals(files: Ledger) -> None:
    answering = files.rows(
        "select distinct r.layout from marts.measure_vintages v join meta.releases r using (release_id) order by all"
    )
    assert answering == [("csv",), ("ohss_book",), ("ohss_flat",), ("quoted",), ("workbook",)]
    assert (
        files.value("select count(*) from meta.releases where layout = 'carried' and not is_superseded") == 0
    )


@pytest.mark.agency
def test_carried_series_re_encode_their_originals_exactly(files: Ledger) -> None:
    """Per release and month, the sum over everything that was not added up; only incomplete months are left out."""
    both = """
        with cells as (
            select release_id, month_start, component_code, region_code, title_code, encounters
            from core.cbp__monthly_encounters
            union all
            select release_id, month_start, component_code, region_code, title_code, encounters
            from core.usbp__monthly_encounters
        )
        select cells.month_start, cells.title_code, sum(cells.encounters)
        from cells join core.release_months m using (release_id, month_start)
        where release_id = ? and m.is_complete_month group by all order by all
    """
    pairs = files.rows(
        "select c.release_id, o.release_id from meta.releases c join meta.releases o on c.origin_sha256 = o.sha256"
    )
    assert len(pairs) == len(list((ROOT / "reference" / "series").glob("*.csv")))
    for series, original in pairs:
        assert files.rows(both, series) == files.rows(both, original), series


@pytest.mark.agency
def test_the_exporter_writes_the_carried_series_again_to_the_byte(agency: Path, tmp_path: Path) -> None:
    list(carry(agency / "cbp", tmp_path))
    for path in sorted((ROOT / "reference" / "series").glob("*.csv")):
        assert (tmp_path / "series" / path.name).read_bytes() == path.read_bytes(), path.name
    assert (tmp_path / "manifest.yml").read_text("utf-8") == (ROOT / "reference" / "manifest.yml").read_text(
        "utf-8"
    )


@pytest.mark.agency
def test_no_agency_file_is_carried_byte_for_byte(agency: Path) -> None:
    originals = {hashlib.sha256(p.read_bytes()).hexdigest() for p in agency.rglob("*") if p.is_file()}
    kept = {
        hashlib.sha256(p.read_bytes()).hexdigest() for p in (ROOT / "reference").rglob("*") if p.is_file()
    }
    assert not originals & kept


@pytest.mark.agency
def test_the_publishers_error_is_corrected_where_the_guard_expects_it(files: Ledger) -> None:
    found = files.rows(
        """
        select sum(len(line_nos)), sum(encounters), any_value(encounter_type_label), any_value(encounter_type_code)
        from core.cbp__monthly_encounters where is_corrected
        """
    )
    assert found == [(127, 1_054_084, "Apprehensions", "expulsions")]


@pytest.mark.agency
def test_workbook_parts_are_summed_75312_and_not_25334(files: Ledger) -> None:
    found = files.rows(
        """
        select sum(encounters) from core.cbp__monthly_encounters
        where family = 'usbp_southwest_workbook' and month_start = date '2021-01-01' and fiscal_year_label is not null
            and release_id in (select release_id from meta.releases where layout = 'workbook')
        """
    )
    distinct = files.rows(
        """
        select sum(n) from (
            select distinct sector_label, citizenship_label, demographic_label, cast(encounters_label as integer) as n
            from raw.usbp_southwest_workbook where fiscal_year_label = 'FY2021TD' and month_label = 'JAN'
        )
        """
    )
    assert (found, distinct) == ([(75_312,)], [(25_334,)])


@pytest.mark.agency
def test_published_zeros_are_counted_as_the_files_print_them(files: Ledger) -> None:
    zeros = dict(
        files.rows(
            "select r.file_name, count(*) filter (where is_published_zero) from core.cbp__monthly_encounters "
            "join meta.releases r using (release_id) where r.layout = 'csv' group by all"
        )
    )
    assert zeros["sbo-encounters-fy19-fy22.csv"] == 39
    assert zeros["nationwide-encounters-fy20-fy23-state.csv"] == 147


@pytest.mark.agency
def test_open_months_moved_between_releases_and_closed_ones_did_not(files: Ledger) -> None:
    """October 2023 fell with every release, from 309,221; files not here print 309,024 in the end."""
    october = files.rows(
        "select value from marts.measure_vintages where measure_id = 'cbp_nationwide' "
        "and month_start = date '2023-10-01' and not is_quoted order by published_on"
    )
    assert [v for (v,) in october] == [309_221, 309_137, 309_114, 309_065, 309_050]
    moved = files.rows(
        "select measure_id, month_start from marts.measure_vintages where not is_open_year and not is_quoted "
        "group by measure_id, month_start, family having count(distinct value) > 1"
    )
    assert moved == []


@pytest.mark.agency
def test_february_2021_of_the_workbook_was_restated_upward(files: Ledger) -> None:
    values = [
        v
        for (v,) in files.rows(
            "select value from marts.measure_vintages where measure_id = 'usbp_southwest' "
            "and month_start = date '2021-02-01' and not is_quoted order by published_on"
        )
    ]
    assert (values[0], values[-1]) == (96_974, 97_643)


def test_two_official_series_disagree_and_neither_answers_for_the_other(carried: Ledger) -> None:
    """January 2000: 185,979 by CBP, 175,380 by OHSS, whose book does not reach back that far."""
    assert carried.january("usbp_southwest", 2000)["value"] == 185_979
    printed = carried.rows(
        "select printed_value, publisher_code from meta.published_figures "
        "where measure_id = 'ohss_usbp_southwest' and month_start = date '2000-01-01'"
    )
    assert printed == [(175_380, "ohss")]


@pytest.mark.agency
def test_two_official_series_stand_side_by_side_within_66_events(files: Ledger) -> None:
    apart = files.rows(
        """
        select count(*), max(abs(cbp.value - ohss.value))
        from marts.monthly_yoy as cbp join marts.monthly_yoy as ohss using (month_start)
        where cbp.measure_id = 'usbp_southwest' and ohss.measure_id = 'ohss_usbp_southwest'
            and cbp.finality = 'final' and ohss.value is not null and cbp.value is not null
        """
    )
    assert apart[0][0] > 80
    assert apart[0][1] <= 66


@pytest.mark.agency
def test_a_sample_of_an_area_file_answers_no_measure(files: Ledger) -> None:
    assert files.value("select count(*) from marts.measure_vintages where family = 'cbp_nationwide_aor'") == 0


@pytest.mark.agency
def test_every_line_of_every_csv_is_in_raw_with_its_number(files: Ledger, agency: Path) -> None:
    for path in sorted((agency / "cbp").glob("*encounters-fy*.csv")):
        with path.open(encoding="utf-8", newline="") as stream:
            printed = [row[-1] for row in csv.reader(stream)]
        release_id, table = files.rows(
            "select r.release_id, f.raw_table from meta.releases r join meta.families f using (family) where r.sha256 = ?",
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )[0]
        raw = files.rows(
            f"select line_no, encounters_label from {table} where release_id = ? order by line_no", release_id
        )
        assert raw == list(enumerate(printed[1:], 2)), path.name


@pytest.mark.parametrize(
    ("measure", "release", "value", "text"),
    [
        ("usbp_southwest", "usbp_southwest_workbook", 75_312, "FY2021TD\tJAN\t"),
        ("ohss_usbp_southwest", "ohss_monthly", 75_320, "!"),
        ("cbp_southwest", "cbp_sbo", 78_414, "2021,"),
        ("usbp_southwest", "quoted", 75_198, ",75198,exact,"),
    ],
)
def test_rows_cells_and_lines_of_every_layout_add_up_to_the_figure(
    files: Ledger, measure: str, release: str, value: int, text: str
) -> None:
    files.warehouse.ensure("meta.publication")
    con = files.warehouse.con
    vintages = [
        row[0]
        for row in files.rows(
            "select release_id from marts.measure_vintages where measure_id = ? and month_start = '2021-01-01' "
            "and starts_with(release_id, ?) order by vintage_no",
            measure,
            release,
        )
    ]
    found = provenance.figure(con, measure, dt.date(2021, 1, 1), release_id=vintages[0])
    lines = provenance.source_lines(con, files.archive, found)
    assert found.value == sum(line.encounters for line in lines) == value
    assert all(text in line.text for line in lines)
