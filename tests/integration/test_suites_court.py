"""Suites of court records: they hold on releases that add up, made-up ones too, and each fails on the error it is for."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from court_files import CourtHome, CourtRelease

from expectations.runner import SuiteResult, run_suite
from expectations.suites import court, court_suites, suites
from orchestration.court import audit_typed
from warehouse.court import synth
from warehouse.writer import Warehouse

MARTS = tuple(suite.table for suite in court.mart_suites())


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> CourtHome:
    """A made-up release and one by hand, typed and audited, with their marts."""
    root = tmp_path_factory.mktemp("court")
    found = CourtHome(root)
    synth.write_release(root / "made.zip", 2000, 11, processes=1)
    found.ingest(root / "made.zip")
    r = CourtRelease()
    at = {"BASE_CITY_CODE": "ELP", "HEARING_LOC_CODE": "MPB"}
    r.case(1, "2019-03-05", {**at, "COMP_DATE": "2020-01-10", "DEC_CODE": "R"}, identifier="MP")
    r.case(2, "2019-05-20", {**at, "COMP_DATE": "2021-01-20", "DEC_CODE": "X", "ABSENTIA": "Y"})
    r.case(3, "2020-01-15", {**at}, identifier="RM")
    found.ingest(r.write(root / "by_hand.zip", "2026-08-03"), trust="official")
    found.load()
    with found.warehouse() as warehouse:
        found.build(warehouse)
    return found


def failures(result: SuiteResult) -> list[str]:
    return [r.name for r in result.results if not r.success]


def test_no_suite_of_a_typed_table_fails_on_releases_that_add_up(loaded: CourtHome) -> None:
    with loaded.court() as file:
        found = {table: run_suite(suite, file.con) for table, suite in court_suites().items()}
    assert {table: result.summary for table, result in found.items() if not result.success} == {}
    # The generator draws an appeal's two dates, and a decision and its case type, one without the other.
    assert {table: failures(result) for table, result in found.items() if failures(result)} == {
        "core.eoir__appeals": ["appeals_board_decision_on_before_filed_on"],
        "core.eoir__proceedings": ["proceedings_with_unknown_decision"],
    }
    assert all(result.rows is not None for result in found.values())
    assert sum(result.rows or 0 for result in found.values()) > 400


def test_every_suite_of_a_court_mart_passes(loaded: CourtHome) -> None:
    with loaded.warehouse() as warehouse:
        found = {table: run_suite(suites()[table], warehouse.con) for table in MARTS}
    assert {table: failures(result) for table, result in found.items() if failures(result)} == {}
    assert all((result.rows or 0) > 0 for result in found.values())


def test_what_has_not_changed_is_not_audited_again(
    loaded: CourtHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = court_suites()["core.eoir__mpp_cases"]
    now = dt.datetime(2026, 8, 20)
    with loaded.warehouse() as warehouse, loaded.court() as file:
        first = audit_typed(warehouse, file, loaded.archive, suite, now)
        monkeypatch.setattr("orchestration.audit.run_suite", None)
        assert audit_typed(warehouse, file, loaded.archive, suite, now).to_record() == first.to_record()
        assert warehouse.con.execute(
            "select distinct outcome from meta.checks where table_name = 'core.eoir__mpp_cases'"
        ).fetchall() == [("passed",)]


def test_a_release_typed_after_an_audit_is_audited(tmp_path: Path) -> None:
    """It was in the archive before, so only its typing tells that there is something new to look at."""
    home = CourtHome(tmp_path)
    r = CourtRelease()
    r.case(1, "2019-03-05")
    home.ingest(r.write(tmp_path / "one.zip", "2026-08-03"))
    suite, now = court_suites()["core.eoir__cases"], dt.datetime(2026, 8, 20)
    with home.warehouse() as warehouse:
        with home.court() as file:
            assert audit_typed(warehouse, file, home.archive, suite, now).rows == 0
        home.load()
        with home.court() as file:
            assert audit_typed(warehouse, file, home.archive, suite, now).rows == 1


@pytest.mark.parametrize(
    ("table", "change", "expected"),
    [
        (
            "core.eoir__charges",
            "delete from {t} where record_no = 1",
            "typed_rows_are_the_records_loaded",
        ),
        (
            "core.eoir__cases",
            "update {t} set case_id = null where record_no % 3 = 0",
            "cases_without_case",
        ),
        (
            "core.eoir__hearings",
            "update {t} set has_implausible_date = true where record_no % 5 = 0",
            "hearings_with_implausible_date",
        ),
        (
            "core.eoir__proceedings",
            "update {t} set is_last_completed = true, case_id = 7 where completed_on is not null",
            "cases_with_two_last_completions",
        ),
        (
            "core.eoir__proceedings",
            "update {t} set completed_on = null where is_last_completed",
            "last_completion_without_date",
        ),
        (
            "core.eoir__proceedings",
            "update {t} set decision_label = null",
            "codes_without_a_name",
        ),
        (
            "core.eoir__proceedings",
            "update {t} set decision_label = 'UNKNOWN(' || decision_code || ')'",
            "proceedings_with_unknown_decision",
        ),
        (
            "core.eoir__proceedings",
            "update {t} set completed_on = notice_on - 1 where completed_on is not null",
            "proceedings_completed_on_before_notice_on",
        ),
        (
            "core.eoir__proceedings",
            "update {t} set is_in_absentia = true",
            "absent_without_completion",
        ),
        ("core.eoir__bonds", "update {t} set new_bond_usd = -1", "bonds_beyond_a_million"),
        (
            "core.eoir__custody",
            "update {t} set detained_on = date '2020-01-02', released_on = date '2020-01-01'",
            "custody_released_on_before_detained_on",
        ),
        (
            "core.eoir__appeals",
            "update {t} set filed_on = date '2020-01-02', board_decision_on = date '2020-01-01'",
            "appeals_board_decision_on_before_filed_on",
        ),
        (
            "core.eoir__mpp_cases",
            "update {t} set case_id = 1",
            "expect_compound_columns_to_be_unique(release_id, case_id)",
        ),
        (
            "core.eoir__mpp_cases",
            "update {t} set is_flagged_mp = false, is_flagged_rm = false, is_ever_at_mpp_location = false",
            "cases_without_any_sign",
        ),
        ("core.eoir__mpp_cases", "update {t} set completed_on = null", "completed_without_outcome"),
        ("marts.court_january_yoy", "update {t} set value = -1", "expect_column_values_to_be_between(value)"),
        (
            "marts.court_january_yoy",
            "update {t} set status = 'fine'",
            "expect_column_values_to_be_in_set(status)",
        ),
        ("marts.court_january_yoy", "update {t} set change = change + 1", "change_is_not_the_difference"),
        ("marts.court_january_yoy", "update {t} set prior = prior + 1", "prior_is_another_value"),
        (
            "marts.court_january_yoy",
            "update {t} set value = value + 1 where dimension = 'all'",
            "groups_do_not_add_up",
        ),
        (
            "marts.court_january_yoy",
            "update {t} set value = value + 1000 where measure_code = 'removal_orders_in_absentia'",
            "part_larger_than_the_whole",
        ),
        (
            "marts.mpp_outcomes",
            "update {t} set as_of = date '2021-01-31'",
            "expect_compound_columns_to_be_unique(counted_in, programme, counted_by, as_of)",
        ),
        (
            "marts.mpp_outcomes",
            "update {t} set relief_cases = relief_or_protection_cases + 1",
            "counted_outcomes_beyond_the_whole",
        ),
        (
            "marts.mpp_outcomes",
            "update {t} set completed_cases = assigned_cases + 1",
            "printed_outcomes_beyond_the_whole",
        ),
        (
            "marts.mpp_outcomes",
            "update {t} set assigned_cases = assigned_cases + 1 where counted_by = 'flag'",
            "union_smaller_than_a_sign",
        ),
        (
            "marts.mpp_denominator_fan",
            "update {t} set share_pct = 101",
            "expect_column_values_to_be_between(share_pct)",
        ),
        (
            "marts.mpp_denominator_fan",
            "update {t} set share_pct = share_pct / 2",
            "share_is_not_the_quotient",
        ),
        (
            "marts.mpp_denominator_fan",
            "update {t} set denominator = 10 * denominator where denominator_code = 'completed'",
            "denominators_out_of_order",
        ),
        (
            "marts.court_outcomes_by_month",
            "update {t} set cumulative_incidence = 1.5",
            "expect_column_values_to_be_between(cumulative_incidence)",
        ),
        (
            "marts.court_outcomes_by_month",
            "update {t} set cumulative_incidence = 1.0 / (1 + months_since_notice)",
            "incidence_that_falls",
        ),
        (
            "marts.court_outcomes_by_month",
            "update {t} set cumulative_incidence = 0.9",
            "incidences_beyond_one",
        ),
    ],
)
def test_an_error_fails_the_expectation_it_is_for(
    loaded: CourtHome, table: str, change: str, expected: str
) -> None:
    suite = (court_suites() | suites())[table]
    opened = loaded.court() if table in court_suites() else loaded.warehouse()
    with opened as warehouse, Warehouse(None) as copy:
        for name in {table, "meta.eoir_tables", "meta.eoir_releases"}:
            if warehouse.exists(name):
                copy.con.execute(f"create schema if not exists {name.split('.')[0]}")
                copy.con.register("held", warehouse.con.execute(f"select * from {name}").to_arrow_table())
                copy.con.execute(f"create table {name} as select * from held")
        copy.con.execute(change.format(t=table))
        assert expected in failures(run_suite(suite, copy.con))
    assert expected in {one.name for one in suite.declared}
