"""Claims 3 and 4 with court releases loaded: a real one is read and its gap stated, a made-up one decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from court_files import CourtHome, CourtRelease
from test_claim_ledger import READINGS, build
from typer.testing import CliRunner

from orchestration import claim_steps
from orchestration.cli_claims import commands
from warehouse.court import synth
from warehouse.writer import Warehouse

PUBLISHED_VERDICTS = {3: "denominator_sensitive", 4: "supported_on_some_definitions"}
DAY = "2021-01-31"


def programme(cases: int, *, relief: int, removed: int, in_absentia: int, moved: int = 0) -> CourtRelease:
    """Flagged cases of the first programme as of January 2021; the rest is pending, `moved` of them inland."""
    r = CourtRelease()
    for number in range(1, cases + 1):
        at = {"HEARING_LOC_CODE": "MPB"}
        if number <= relief:
            course: list[dict[str, str]] = [{**at, "COMP_DATE": "2020-05-01", "DEC_CODE": "R"}]
        elif number <= relief + removed:
            absent = "Y" if number <= relief + in_absentia else "N"
            course = [{**at, "COMP_DATE": "2020-06-01", "DEC_CODE": "X", "ABSENTIA": absent}]
        elif number <= relief + removed + moved:
            course = [{**at, "COMP_DATE": "2020-07-01", "OTHER_COMP": "T"}, {"HEARING_LOC_CODE": "NYC"}]
        else:
            course = [at]
        r.case(number, "2019-09-02", *course, identifier="MP")
    return r


@contextmanager
def judged(root: Path, *sources: Path, published: dict[str, float] | None = None) -> Iterator[Warehouse]:
    """The claims half of a warehouse with these court releases; `published` puts other counts in place of TRAC's."""
    home = CourtHome(root)
    for source in sources:
        home.ingest(source)
    if sources:
        home.load()
    with home.warehouse() as warehouse:
        for code, value in (published or {}).items():
            warehouse.con.execute(
                "update meta.mpp_figures set printed_value = ? where measure_code = ? and as_of = ? "
                "and programme = 'mpp1' and nationality is null and hearing_location is null",
                [value, code, DAY],
            )
        build(warehouse, READINGS, "marts.monthly_yoy")
        claim_steps.judge_claims(warehouse)
        yield warehouse


def verdicts(warehouse: Warehouse) -> dict[int, str]:
    rows = warehouse.con.execute(
        "select claim_number, verdict from marts.claims where claim_number in (3, 4)"
    )
    return dict(rows.fetchall())


def ask(warehouse: Warehouse, what: str, where: str) -> list[tuple[Any, ...]]:
    return warehouse.con.execute(
        f"select {what} from {READINGS} where claim_number in (3, 4) and {where} order by all"
    ).fetchall()


def summary(warehouse: Warehouse, number: int) -> str:
    row = warehouse.con.execute(
        "select summary from marts.claims where claim_number = ?", [number]
    ).fetchone()
    assert row
    return str(row[0])


def test_without_court_records_published_counts_are_read_and_nothing_is_said(tmp_path: Path) -> None:
    with judged(tmp_path) as warehouse:
        assert verdicts(warehouse) == PUBLISHED_VERDICTS
        assert ask(warehouse, "distinct basis, is_counted", "true") == [("mpp", True)]
        assert "release" not in summary(warehouse, 3)


def test_made_up_records_decide_nothing_and_the_claim_says_why(tmp_path: Path) -> None:
    made = tmp_path / "made.zip"
    programme(40, relief=20, removed=10, in_absentia=2).write(made, "2026-08-03", SYNTHETIC__txt=b"")
    with judged(tmp_path / "home", made) as warehouse:
        assert verdicts(warehouse) == PUBLISHED_VERDICTS
        court = ask(warehouse, "distinct is_counted, is_synthetic, trust", "basis = 'court'")
        assert court == [(False, True, "synthetic")]
        ((reading,),) = ask(
            warehouse,
            "reading",
            "basis = 'court' and definition_id = 'of_all_assigned' and list_contains(reasons, 'cases counted by union')",
        )
        assert reading == 50.0
        why = "the court records loaded are made up and are no evidence, so published counts are read"
        published = ask(
            warehouse, "distinct definition_id", f"basis = 'mpp' and list_contains(reasons, '{why}')"
        )
        assert ("of_all_assigned",) in published
        assert ("active_department",) not in published  # no release could answer it
        for number in (3, 4):
            assert "SYNTHETIC and no evidence" in summary(warehouse, number)


def test_the_generators_releases_decide_nothing(tmp_path: Path) -> None:
    synth.write_release(tmp_path / "made.zip", 1500, 3, processes=1)
    with judged(tmp_path / "home", tmp_path / "made.zip") as warehouse:
        assert verdicts(warehouse) == PUBLISHED_VERDICTS
        assert ask(warehouse, "distinct is_synthetic", "basis = 'court'") == [(True,)]


def test_a_real_release_far_from_the_published_counts_is_shown_with_its_gap_and_not_counted(
    tmp_path: Path,
) -> None:
    source = programme(10, relief=1, removed=4, in_absentia=3).write(tmp_path / "part.zip", "2026-08-03")
    with judged(tmp_path / "home", source) as warehouse:
        assert verdicts(warehouse) == PUBLISHED_VERDICTS
        court = ask(warehouse, "distinct is_counted, is_synthetic, trust", "basis = 'court'")
        assert court == [(False, False, "mirrored")]
        ((reasons,),) = ask(
            warehouse,
            "reasons",
            "basis = 'court' and assertion_id = 'cases' and list_contains(reasons, 'cases counted by union')",
        )
        assert (
            reasons[1]
            == "further from the published counts than the tolerance, so it is shown and not counted"
        )
        assert reasons[2] == "published total_cases 71036, here 10: -99.99 % (tolerance 2 %)"
        assert "further from the published ones" in summary(warehouse, 3)


NEAR = {
    "total_cases": 101.0,  # 1 % more than the release
    "relief_granted": 10.0,
    "completed_or_closed": 51.0,
    "removal_orders": 39.0,
    "removal_orders_in_absentia": 30.0,
    "pending": 51.0,
    "pending_cohort": 41.0,
}


def near() -> CourtRelease:
    return programme(100, relief=10, removed=40, in_absentia=30, moved=10)


def test_a_real_release_near_the_published_counts_is_read_and_its_gap_stated(tmp_path: Path) -> None:
    source = near().write(tmp_path / "release.zip", "2026-08-03")
    with judged(tmp_path / "home", source, published=NEAR) as warehouse:
        counted = {
            definition: (basis, reading)
            for definition, basis, reading in ask(warehouse, "definition_id, basis, reading", "is_counted")
        }
        assert counted == {
            "cases_assigned": ("court", 100.0),
            "of_all_assigned": ("court", 10.0),
            "of_completed": ("court", 20.0),
            "of_relief_and_removal": ("court", 20.0),
            "of_relief_and_removal_present": ("court", 50.0),
            "active_cohort": ("court", 40.0),
            "pending": ("court", 50.0),
            "ever_enrolled": ("court", 100.0),
            "active_department": ("mpp", 25000.0),
        }
        ((release, trust, reasons),) = ask(
            warehouse, "release_id, trust, reasons", "is_counted and definition_id = 'cases_assigned'"
        )
        assert trust == "mirrored"
        assert reasons == [
            "cases counted by union",
            "published total_cases 101, here 100: -0.99 % (tolerance 2 %)",
        ]
        # every reading of claim 3 now fails its words, and of claim 4 only the department's statement holds
        assert verdicts(warehouse) == {3: "contradicted", 4: "supported_on_some_definitions"}
        assert f"read from court release {release}" in summary(warehouse, 3)
        rows = warehouse.con.execute(
            "select verdict_when_printed from marts.claims where claim_number = 3"
        ).fetchall()
        assert rows == [("data_missing",)]  # the release was not public when the article appeared


@pytest.mark.parametrize(
    ("code", "value", "stay_published"),
    [
        (
            "relief_granted",
            10.6,
            {"of_all_assigned", "of_completed", "of_relief_and_removal", "of_relief_and_removal_present"},
        ),
        ("removal_orders_in_absentia", 32.0, {"of_relief_and_removal_present"}),
        ("pending", 53.0, {"pending"}),
    ],
)
def test_a_count_beyond_its_tolerance_keeps_its_own_definitions_published(
    tmp_path: Path, code: str, value: float, stay_published: set[str]
) -> None:
    source = near().write(tmp_path / "release.zip", "2026-08-03")
    with judged(tmp_path / "home", source, published={**NEAR, code: value}) as warehouse:
        published = {row[0] for row in ask(warehouse, "definition_id", "is_counted and basis = 'mpp'")}
        assert published == stay_published | {"active_department"}


def test_a_total_beyond_its_tolerance_keeps_everything_published(tmp_path: Path) -> None:
    source = near().write(tmp_path / "release.zip", "2026-08-03")
    with judged(tmp_path / "home", source, published={**NEAR, "total_cases": 103.0}) as warehouse:
        assert ask(warehouse, "distinct basis", "is_counted") == [("mpp",)]


def test_the_newest_real_release_answers_whatever_made_up_ones_lie_beside_it(tmp_path: Path) -> None:
    old = near().write(tmp_path / "old.zip", "2026-07-02")
    new = programme(100, relief=10, removed=40, in_absentia=30, moved=9).write(
        tmp_path / "new.zip", "2026-08-03"
    )
    made = near().write(tmp_path / "made.zip", "2026-09-02", SYNTHETIC__txt=b"")
    with judged(tmp_path / "home", old, new, made, published=NEAR) as warehouse:
        assert ask(warehouse, "reading", "is_counted and definition_id = 'active_cohort'") == [(41.0,)]
        assert ask(warehouse, "count(distinct release_id)", "is_counted and basis = 'court'") == [(1,)]
        assert ask(warehouse, "count(*)", "is_counted and is_synthetic") == [(0,)]
        assert ask(warehouse, "count(*) > 0", "is_synthetic and basis = 'court'") == [(True,)]
        keys = ask(warehouse, "count(*), count(distinct (assertion_id, definition_id, vintage_no))", "true")
        assert keys[0][0] == keys[0][1]


def test_border_claim_prints_synthetic_over_made_up_readings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = programme(40, relief=20, removed=10, in_absentia=2).write(
        tmp_path / "made.zip", "2026-08-03", SYNTHETIC__txt=b""
    )
    with judged(tmp_path / "home", made) as warehouse:
        for table in ("meta.publication", "meta.eoir_releases", "meta.quarantine", "meta.row_ledger"):
            warehouse.ensure(table)
        warehouse.con.execute(
            "insert into meta.publication by name select 'v' as version, now()::timestamp as published_at, "
            "1 as releases, date '2024-01-01' as data_through"
        )
    target = tmp_path / "home" / "published" / "warehouse.duckdb"
    target.parent.mkdir(parents=True)
    (tmp_path / "home" / "work" / "warehouse.duckdb").rename(target)
    monkeypatch.setenv("BORDER_HOME", str(tmp_path / "home"))
    shown = CliRunner().invoke(commands, ["claim", "3"])
    assert shown.exit_code == 0, shown.output
    assert "SYNTHETIC: in made-up court releases, no evidence" in shown.output
    assert "depends on the denominator" in shown.output
