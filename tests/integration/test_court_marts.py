"""Court marts over hand-made releases whose every figure is known, and over made-up ones that must add up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from court_files import COURT_MARTS, CourtHome, CourtRelease

from orchestration import steps
from warehouse.archive import Release
from warehouse.court import storage, synth
from warehouse.writer import Warehouse

MADE_UP = "made-up records: they say nothing about the world"


def known_release() -> CourtRelease:
    """Cases of the Protocols and others, each with a course that the tests below name."""
    r = CourtRelease()
    at = {"BASE_CITY_CODE": "ELP", "HEARING_LOC_CODE": "MPB"}
    # 1: flagged only; relief in January 2020, applied for and granted
    r.case(
        1,
        "2019-03-05",
        {"COMP_DATE": "2020-01-10", "DEC_CODE": "R"},
        identifier="MP",
        applications=[{"APPL_RECD_DATE": "2019-06-01", "APPL_DEC": "G"}],
    )
    # 2: at a location only; ordered removed in absentia in January 2021
    r.case(2, "2019-05-20", {**at, "COMP_DATE": "2021-01-20", "DEC_CODE": "X", "ABSENTIA": "Y"})
    # 3: both; moved inland in February 2021 and pending since
    r.case(
        3,
        "2020-01-15",
        {**at, "COMP_DATE": "2021-02-10", "OTHER_COMP": "T"},
        {"BASE_CITY_CODE": "NYC", "HEARING_LOC_CODE": "NYC"},
        identifier="RM",
    )
    # 4: flagged; terminated in December 2019, opened again and removed in March 2021
    r.case(
        4,
        "2019-07-01",
        {"COMP_DATE": "2019-12-05", "DEC_CODE": "T"},
        {"COMP_DATE": "2021-03-01", "DEC_CODE": "X"},
        identifier="MP",
    )
    # 5: removal ordered, withholding granted in January 2021
    r.case(5, "2019-08-01", {"COMP_DATE": "2021-01-05", "DEC_CODE": "E"}, identifier="MP")
    # 6: credible fear, at a location: no removal case
    r.case(
        6,
        "2019-04-01",
        {**at, "CASE_TYPE": "CFR", "COMP_DATE": "2019-06-01", "DEC_CODE": "A"},
        CASE_TYPE="CFR",
    )
    # 7: second programme, pending; asked for relief
    r.case(7, "2022-01-10", at, identifier="MP", applications=[{"APPL_RECD_DATE": "2022-01-20"}])
    # 8 to 10: not of the Protocols; two notices of January 2021, one of January 2020; Mexico, detained
    r.case(8, "2021-01-04", {"BASE_CITY_CODE": "NYC"}, NAT="MX", CUSTODY="D")
    r.case(9, "2021-01-31", {"BASE_CITY_CODE": "NYC", "COMP_DATE": "2026-01-31", "DEC_CODE": "X"}, NAT="MX")
    r.case(
        10,
        "2020-01-02",
        {"BASE_CITY_CODE": "NYC", "COMP_DATE": "2020-06-30", "DEC_CODE": "G"},
        NAT="MX",
        CASE_TYPE="AOC",
    )
    # 11: a case without a proceeding has no date and is in no January
    r.add("A_TblCase", IDNCASE="11", CASE_TYPE="RMV", NAT="GT")
    return r


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CourtHome, Release, Warehouse]]:
    root = tmp_path_factory.mktemp("real")
    home = CourtHome(root)
    release = home.ingest(known_release().write(root / "release.zip", "2026-08-03"))
    home.load()
    with home.warehouse() as warehouse:
        home.build(warehouse)
        yield home, release, warehouse


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CourtHome, Warehouse]]:
    root = tmp_path_factory.mktemp("made_up")
    home = CourtHome(root)
    synth.write_release(root / "made.zip", 1500, 4, processes=1)
    home.ingest(root / "made.zip")
    home.load()
    with home.warehouse() as warehouse:
        home.build(warehouse)
        yield home, warehouse


def ask(warehouse: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    return warehouse.con.execute(sql).fetchall()


# --------------------------------------------------------------------------------------------------------- cases


def test_a_case_stands_where_its_last_completion_left_it(real: tuple[CourtHome, Release, Warehouse]) -> None:
    with duckdb.connect(str(real[0].home.court_build_file), read_only=True) as con:
        found = con.execute(
            "select case_id, outcome_group_code, completed_on, first_base_city_code, last_base_city_code, proceedings "
            f"from {storage.CASES} order by case_id"
        ).fetchall()
    assert [row[:3] for row in found] == [
        (1, "relief", dt.date(2020, 1, 10)),
        (2, "removal", dt.date(2021, 1, 20)),
        (3, "pending", None),
        (4, "removal", dt.date(2021, 3, 1)),
        (5, "protection", dt.date(2021, 1, 5)),
        (6, "other_closure", dt.date(2019, 6, 1)),
        (7, "pending", None),
        (8, "pending", None),
        (9, "removal", dt.date(2026, 1, 31)),
        (10, "relief", dt.date(2020, 6, 30)),
        (11, "pending", None),
    ]
    assert found[2][3:] == ("ELP", "NYC", 2)
    assert found[10][3:] == (None, None, 0)


# ------------------------------------------------------------------------------------------------------ Januaries


@pytest.mark.parametrize(
    ("measure", "dimension", "code", "january", "expected"),
    [
        ("new_cases", "all", "all", 2021, (2, 2)),
        ("new_cases", "nationality", "MX", 2021, (2, 1)),
        ("new_cases", "base_city", "ELP", 2020, (1, 0)),
        ("new_cases", "custody", "D", 2021, (1, 0)),
        ("completions", "all", "all", 2021, (2, 1)),
        ("removal_orders", "all", "all", 2021, (1, 0)),
        ("removal_orders_in_absentia", "all", "all", 2021, (1, 0)),
        ("relief_granted", "all", "all", 2020, (1, 0)),
        ("relief_granted", "case_type", "AOC", 2020, None),  # granted, but no removal case
        ("relief_or_protection", "all", "all", 2021, (1, 1)),
        ("application_granted", "all", "all", 2020, (1, 0)),
        ("applications_granted", "all", "all", 2020, (1, 0)),
        ("applications_filed", "all", "all", 2022, (1, 0)),
        ("pending", "all", "all", 2019, (0, 0)),
        # 1, 3, 4 (opened again), 2, 5 and 10; 1 is completed that month
        ("pending", "all", "all", 2020, (5, 0)),
        # 3, 4, 8, 9; 2 and 5 are completed that month
        ("pending", "all", "all", 2021, (4, 5)),
        ("pending", "all", "all", 2026, (3, 4)),
        ("pending", "base_city", "NYC", 2021, (3, 2)),
        ("removal_orders", "all", "all", 2026, (1, 0)),
    ],
)
def test_a_january_counts_what_happened_in_it(
    real: tuple[CourtHome, Release, Warehouse],
    measure: str,
    dimension: str,
    code: str,
    january: int,
    expected: tuple[int, int] | None,
) -> None:
    found = ask(
        real[2],
        f"select value, prior from marts.court_january_yoy where measure_code = '{measure}' and january = {january} "
        f"and dimension = '{dimension}' and dimension_code = '{code}'",
    )
    assert found == ([expected] if expected else [])


def test_a_january_has_a_status_and_says_why(real: tuple[CourtHome, Release, Warehouse]) -> None:
    found = {
        january: (status, reasons, pct)
        for january, status, reasons, pct in ask(
            real[2],
            "select january, status, reasons, pct_change from marts.court_january_yoy "
            "where measure_code = 'new_cases' and dimension = 'all'",
        )
    }
    assert min(found) == 2000
    assert max(found) == 2026
    assert found[2026][0] == "provisional"
    assert "fiscal year still open when published" in found[2026][1]
    assert found[2021][0] == "ok"
    assert found[2021][2] == 0.0
    assert any("mpp_suspension" in reason for reason in found[2021][1])
    assert found[2022][2] == -50.0
    none_before = "none in the January before, so no percentage"
    assert [none_before in found[january][1] for january in (2019, 2020, 2021)] == [True, True, False]


def test_a_break_that_touches_court_records_is_the_status(real: tuple[CourtHome, Release, Warehouse]) -> None:
    _, _, warehouse = real
    before = ask(warehouse, "select break_id, effect from meta.breaks")
    warehouse.con.execute("update meta.breaks set effect = 'break' where break_id = 'mpp_suspension'")
    try:
        steps.build_model(warehouse, "marts.court_january_yoy")
        found = dict(
            ask(
                warehouse,
                "select january, status from marts.court_january_yoy where measure_code = 'new_cases' "
                "and dimension = 'all' and january between 2020 and 2023",
            )
        )
    finally:
        warehouse.con.execute("update meta.breaks set effect = 'note' where break_id = 'mpp_suspension'")
        steps.build_model(warehouse, "marts.court_january_yoy")
    assert ask(warehouse, "select break_id, effect from meta.breaks") == before
    # the month a break falls in is on both sides of it
    assert found == {2020: "ok", 2021: "break", 2022: "break", 2023: "ok"}


def test_groups_add_up_to_all_courts(made_up: tuple[CourtHome, Warehouse]) -> None:
    wrong = ask(
        made_up[1],
        """
        select measure_code, january, sum(value) filter (where dimension = 'all') as whole, dimension_sums
        from (
            select measure_code, january, dimension, value,
                list(distinct dimension) over (partition by measure_code, january) as dimensions,
                sum(value) over (partition by measure_code, january, dimension) as dimension_sums
            from marts.court_january_yoy
        ) group by measure_code, january, dimension_sums
        having count(distinct dimension_sums) > 1
        """,
    )
    assert wrong == []
    sums = ask(
        made_up[1],
        "select measure_code, january, dimension, sum(value) from marts.court_january_yoy group by all",
    )
    whole = {(m, j): v for m, j, d, v in sums if d == "all"}
    parts = {(m, j, d): v for m, j, d, v in sums if d != "all"}
    assert len({d for _, _, d in parts}) == 4
    for (measure, january), value in whole.items():
        for dimension in ("base_city", "nationality", "case_type", "custody"):
            assert parts.get((measure, january, dimension), 0) == value, (measure, january, dimension)


def test_flows_and_pending_are_what_a_plain_count_finds(made_up: tuple[CourtHome, Warehouse]) -> None:
    home, warehouse = made_up
    with duckdb.connect(str(home.home.court_build_file), read_only=True) as con:
        for january in (2015, 2020, 2024, 2026):
            start, end = dt.date(january, 1, 1), dt.date(january, 1, 31)
            counted = con.execute(
                f"""
                select count(*) filter (where notice_on between $1 and $2),
                    count(*) filter (where completed_on between $1 and $2),
                    count(*) filter (where outcome_code = 'removal' and completed_on between $1 and $2),
                    count(*) filter (where notice_on <= $2 and not coalesce(completed_on <= $2, false))
                from {storage.CASES}
                """,
                [start, end],
            ).fetchone()
            found = dict(
                ask(
                    warehouse,
                    "select measure_code, value from marts.court_january_yoy where dimension = 'all' "
                    f"and january = {january}",
                )
            )
            assert counted == tuple(
                found[m] for m in ("new_cases", "completions", "removal_orders", "pending")
            )


# ---------------------------------------------------------------------------------------------------- the Protocols


def outcomes(warehouse: Warehouse, as_of: str, counted_by: str, programme: str = "mpp1") -> dict[str, Any]:
    cursor = warehouse.con.execute(
        "select * from marts.mpp_outcomes where as_of = ? and counted_by = ? and programme = ? and release_id is not null",
        [as_of, counted_by, programme],
    )
    row = cursor.fetchone()
    assert row
    return dict(zip([d[0] for d in cursor.description or []], row, strict=True))


def test_flag_location_and_union_stand_side_by_side(real: tuple[CourtHome, Release, Warehouse]) -> None:
    found = {rule: outcomes(real[2], "2021-01-31", rule) for rule in ("flag", "location", "union")}
    assert {rule: row["assigned_cases"] for rule, row in found.items()} == {
        "flag": 4,
        "location": 2,
        "union": 5,
    }
    union = found["union"]
    counts = ("completed", "pending", "pending_at_mpp_court", "relief", "relief_or_protection", "application_granted",
              "removal_order", "removal_in_absentia", "terminated", "applicant")  # fmt: skip
    assert {c: union[f"{c}_cases"] for c in counts} == {
        "completed": 4,
        "pending": 1,
        "pending_at_mpp_court": 1,
        "relief": 1,
        "relief_or_protection": 2,
        "application_granted": 1,
        "removal_order": 1,
        "removal_in_absentia": 1,
        "terminated": 1,
        "applicant": 1,
    }
    assert (union["trust"], union["is_synthetic"], union["reasons"]) == ("mirrored", False, [])


def test_a_day_is_rebuilt_from_what_had_happened_by_then(real: tuple[CourtHome, Release, Warehouse]) -> None:
    at = {
        day: outcomes(real[2], day, "union")
        for day in ("2019-11-30", "2019-12-31", "2021-02-28", "2021-03-31")
    }
    assert {day: row["terminated_cases"] for day, row in at.items()} == {
        "2019-11-30": 0,
        "2019-12-31": 1,
        "2021-02-28": 1,
        "2021-03-31": 0,  # case 4, opened again and removed
    }
    assert at["2021-03-31"]["removal_order_cases"] == 2
    # case 3, moved inland: still pending, no longer at a programme court
    moved = at["2021-02-28"]
    assert (moved["pending_cases"], moved["pending_at_mpp_court_cases"]) == (1, 0)
    assert outcomes(real[2], "2022-01-31", "flag", "mpp2")["assigned_cases"] == 1


def test_the_fan_of_the_published_totals(real: tuple[CourtHome, Release, Warehouse]) -> None:
    found = ask(
        real[2],
        "select denominator_code, printf('%.2f', share_pct) from marts.mpp_denominator_fan "
        "where counted_in = 'published' and programme = 'mpp1' and as_of = date '2021-01-31' "
        "and numerator_code = 'relief_granted' and share_pct is not null",
    )
    assert dict(found) == {
        "assigned": "0.90",
        "completed": "1.53",
        "decided": "1.92",
        "decided_in_presence": "11.87",
    }


def test_the_fan_of_a_release_marks_its_trust_and_what_it_cannot_say(
    real: tuple[CourtHome, Release, Warehouse],
) -> None:
    _, release, warehouse = real
    found = {
        (n, d): (share, trust, reasons)
        for n, d, share, trust, reasons in ask(
            warehouse,
            "select numerator_code, denominator_code, share_pct, trust, reasons from marts.mpp_denominator_fan "
            f"where counted_in = '{release.release_id}' and programme = 'mpp1' and counted_by = 'union' "
            "and as_of = date '2021-01-31'",
        )
    }
    assert len(found) == 15
    shares = {key: share for key, (share, _, _) in found.items()}
    assert shares["relief_granted", "assigned"] == 20.0
    assert shares["relief_granted", "completed"] == 25.0
    assert shares["relief_granted", "decided"] == 50.0
    assert shares["relief_granted", "decided_in_presence"] == 100.0
    assert shares["relief_or_protection", "decided"] == pytest.approx(200 / 3)
    assert shares["application_granted", "applications"] == 100.0
    assert shares["application_granted", "decided"] is None
    assert "need not be among" in found["application_granted", "decided"][2][0]
    assert {trust for _, trust, _ in found.values()} == {"mirrored"}


# ------------------------------------------------------------------------------------------------------- made up


def test_whatever_stands_on_made_up_records_says_so(made_up: tuple[CourtHome, Warehouse]) -> None:
    _, warehouse = made_up
    for table in COURT_MARTS:
        if table in (storage.CASES, "marts.court_release_changes", "marts.court_vanished_records"):
            continue
        published = "and counted_in <> 'published'" if table.startswith("marts.mpp_") else ""
        rows = ask(
            warehouse,
            f"select count(*), count(*) filter (where is_synthetic and trust = 'synthetic') from {table} "
            f"where true {published}",
        )
        assert rows[0][0] == rows[0][1] > 0, table
    for table in ("marts.court_january_yoy", "marts.mpp_outcomes", "marts.mpp_denominator_fan"):
        assert ask(
            warehouse,
            f"select count(*) from {table} where is_synthetic and not list_contains(reasons, '{MADE_UP}')",
        ) == [(0,)]


def test_without_court_records_the_published_part_stands(tmp_path: Path) -> None:
    home = CourtHome(tmp_path)
    with home.warehouse() as warehouse:
        home.build(warehouse)
        assert ask(warehouse, "select distinct counted_in from marts.mpp_denominator_fan") == [("published",)]
        for table in (
            "court_january_yoy",
            "court_outcomes_by_month",
            "court_vanished_records",
            "court_release_changes",
        ):
            assert ask(warehouse, f"select count(*) from marts.{table}") == [(0,)]
    assert not home.home.court_build_file.exists()


def test_a_mart_is_not_made_again_while_nothing_it_reads_has_changed(tmp_path: Path) -> None:
    home = CourtHome(tmp_path)
    home.ingest(known_release().write(tmp_path / "release.zip", "2026-08-03"))
    home.load()
    built = "select build_no from meta.builds where table_name = 'marts.mpp_outcomes'"
    with home.warehouse() as warehouse:
        home.build(warehouse)
        first = ask(warehouse, built)
        home.build(warehouse)
        assert ask(warehouse, built) == first
        warehouse.con.execute("delete from meta.mpp_figures where figure_id = 'mpp1-total-cases-2021-01-31'")
        home.build(warehouse)
        assert ask(warehouse, built) != first
