"""Two sources of one month: residual, what rounding allows, and whether the rest is explained."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from expectations import reviewed
from transforms import families, measures

JAN = "2019-01-01"


def figure(
    releases: Any, figure_id: str, measure_id: str, value: float, tolerance: float | None, **row: Any
) -> None:
    releases.put(
        "meta.published_figures",
        figure_id=figure_id,
        measure_id=measure_id,
        month_start=dt.date(2019, 1, 1),
        printed_value=value,
        tolerance=tolerance,
        publisher_code="cbp",
        **{"role": "reconcile", **row},
    )


def pairs(releases: Any) -> list[tuple[Any, ...]]:
    releases.build("marts.reconciliation")
    return releases.rows(
        "select source_a, source_b, residual, tolerance, explanation from marts.reconciliation order by all"
    )


def put_ohss(releases: Any, encounters: int) -> None:
    releases.measure("ohss", "ohss_monthly", component_code="usbp")
    releases.put("meta.measure_readings", measure_id="ohss", reading_id="usbp", reading_no=1)
    releases.release(
        "book", "2024-11-08", {JAN: {("usbp",): encounters}}, family="ohss_monthly", layout="ohss_book"
    )


def put_cbp(releases: Any, encounters: int, **manifest: Any) -> None:
    releases.measure("usbp", "cbp_sbo", "cbp_nationwide_aor", component_code="usbp")
    releases.release("sbo", "2022-10-31", {JAN: {("usbp",): encounters, ("ofo",): 1}}, **manifest)


@pytest.mark.parametrize(
    ("exact", "explanation"),
    [(47979, "within_tolerance"), (47975, "within_tolerance"), (47974, "unexplained")],
)
def test_a_figure_rounded_to_ten_may_be_five_off(releases: Any, exact: int, explanation: str) -> None:
    put_cbp(releases, exact)
    put_ohss(releases, 47980)
    assert pairs(releases) == [("ohss_monthly", "cbp_sbo", 47980 - exact, 5.0, explanation)]


def test_two_exact_sources_of_one_measure_must_agree(releases: Any) -> None:
    put_cbp(releases, 100)
    aor = {("usbp", "all"): 101, ("ofo",): 1}
    releases.release("aor", "2022-11-30", {JAN: aor}, family="cbp_nationwide_aor")
    releases.con.execute("delete from meta.complete_months where column_name = 'region_code'")
    assert pairs(releases) == [("cbp_sbo", "cbp_nationwide_aor", -1, 0.0, "unexplained")]


def test_a_month_printed_while_its_year_was_open_explains_the_residual(releases: Any) -> None:
    put_cbp(releases, 100, open_from="2018-10-01")
    figure(releases, "page", "usbp", 97.0, 0.0)
    assert pairs(releases) == [("cbp_sbo", "page", 3, 0.0, "open_year")]


def test_a_figure_printed_before_the_year_closed_is_of_an_open_year(releases: Any) -> None:
    put_cbp(releases, 100)
    figure(releases, "before", "usbp", 97.0, 0.0, published_on=dt.date(2019, 9, 30))
    figure(releases, "after", "usbp", 97.0, 0.0, published_on=dt.date(2019, 10, 1))
    assert pairs(releases) == [
        ("cbp_sbo", "after", 3, 0.0, "unexplained"),
        ("cbp_sbo", "before", 3, 0.0, "open_year"),
    ]


def test_a_figure_without_a_bound_is_neither_within_nor_beyond(releases: Any) -> None:
    put_cbp(releases, 100)
    figure(releases, "about", "usbp", 90.0, None)
    assert pairs(releases) == [("cbp_sbo", "about", 10, None, "imprecise")]
    assert releases.rows("select is_within_tolerance from marts.reconciliation") == [(None,)]


@pytest.mark.parametrize(("ohss", "explanation"), [(110, "known"), (120, "unexplained")])
def test_a_reviewed_reason_holds_up_to_its_bound(releases: Any, ohss: int, explanation: str) -> None:
    put_cbp(releases, 100)
    put_ohss(releases, ohss)
    releases.put(
        "meta.known_residuals",
        residual_id="r",
        measure_id="ohss",
        month_from=dt.date(2018, 10, 1),
        month_through=dt.date(2019, 9, 1),
        largest_residual=12,
        reason="methods differ",
    )
    assert [row[4] for row in pairs(releases)] == [explanation]
    assert releases.rows("select reason from marts.reconciliation") == [
        ("methods differ" if explanation == "known" else None,)
    ]


def test_a_published_figure_of_another_publisher_meets_the_files_of_the_same_population(
    releases: Any,
) -> None:
    put_cbp(releases, 100)
    put_ohss(releases, 100)
    figure(releases, "khsm", "ohss", 100.0, 5.0)
    assert ("khsm", "cbp_sbo", 0, 5.0, "within_tolerance") in pairs(releases)
    assert ("ohss_monthly", "khsm", 0, 10.0, "within_tolerance") in pairs(releases)


def test_every_publisher_of_a_family_says_how_it_rounds() -> None:
    stated = {row["publisher_code"]: row for row in reviewed.tables()["publisher_rounding"]}
    assert set(stated) == {f.publisher for f in families.families().values()}
    assert all(int(row["rounded_to"] or 0) >= 1 and row["documented_in"] for row in stated.values())


def test_reviewed_residuals_name_a_measure_a_span_and_a_reason() -> None:
    entries = reviewed.tables()["known_residuals"]
    assert len({e["residual_id"] for e in entries}) == len(entries)
    for entry in entries:
        assert entry["measure_id"] in measures.measures(), entry["residual_id"]
        first = dt.date.fromisoformat(str(entry["month_from"]))
        last = dt.date.fromisoformat(str(entry["month_through"]))
        assert first.day == last.day == 1, entry["residual_id"]
        assert first <= last, entry["residual_id"]
        assert int(entry["largest_residual"] or 0) > 0, entry["residual_id"]
        assert entry["reason"], entry["residual_id"]
        assert entry["documented_in"], entry["residual_id"]


def test_a_measure_of_a_publisher_that_rounds_is_one_printed_cell() -> None:
    """One rounding counts only while nothing is added up: every dimension OHSS splits must be fixed."""
    for measure in measures.measures().values():
        if "ohss_monthly" in measure.families:
            assert set(measure.where) >= {
                "component_code",
                "region_code",
                "sector_code",
                "demographic_code",
                "citizenship_code",
                "encounter_type_code",
            }, measure.measure_id
