"""Cumulative incidence in SQL against the textbook in Python, and against a truth that the naive ratio misses."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transforms.models import model
from warehouse import contracts

GROUPS = ("relief", "protection", "removal", "other_closure")
THROUGH = dt.date(2026, 7, 1)  # last whole month of the release
Course = tuple[int, int, str]  # months from the notice to THROUGH, months to the end, how it ends


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    for schema in ("meta", "marts"):
        made.execute(f"create schema {schema}")
    for table in ("meta.releases", "marts.court_cases"):
        made.execute(contracts.table(table).ddl().replace(" not null", ""))
    made.execute(
        "insert into meta.releases (release_id, family, trust, data_through) values ('r', 'eoir_foia', 'synthetic', ?)",
        [THROUGH],
    )
    return made


def month_before(months: int) -> dt.date:
    index = THROUGH.year * 12 + THROUGH.month - 1 - months
    return dt.date(index // 12, index % 12 + 1, 1)


def incidence(
    con: duckdb.DuckDBPyConnection, courses: Iterable[Course]
) -> dict[tuple[str, int], tuple[float, ...]]:
    """What the model makes of removal cases with these courses: incidence, share of all, share of completed."""
    rows = []
    for number, (followed, ends, outcome) in enumerate(courses):
        notice = month_before(followed).replace(day=1 + number % 28)
        is_seen = ends <= followed
        completed = month_before(followed - ends).replace(day=28) if is_seen else None
        rows.append(("r", number, "RMV", notice, completed, outcome if is_seen else "pending"))
    con.execute("delete from marts.court_cases")
    con.executemany(
        "insert into marts.court_cases (release_id, case_id, case_type_code, notice_on, completed_on, outcome_group_code) "
        "values (?, ?, ?, ?, ?, ?)",
        rows,
    )
    return {
        (outcome, months): found
        for outcome, months, *found in con.execute(
            "select outcome_group_code, months_since_notice, cumulative_incidence, share_of_all, share_of_completed, "
            f"at_risk_cases from ({model('marts.court_outcomes_by_month').sql}) "
            "where population = 'removal_cases' and cohort = 'all'"
        ).fetchall()
    }


def aalen_johansen(courses: list[Course]) -> dict[tuple[str, int], tuple[float, int]]:
    """The estimator as it is written in the textbook: one pass over the months, products and sums."""
    seen = [(ends, outcome) if ends <= followed else (followed, None) for followed, ends, outcome in courses]
    pending = 1.0
    total = dict.fromkeys(GROUPS, 0.0)
    result = {}
    for month in range(max(m for m, _ in seen) + 1):
        at_risk = sum(m >= month for m, _ in seen)
        ended = Counter(outcome for m, outcome in seen if m == month and outcome)
        for outcome in GROUPS:
            total[outcome] += pending * ended[outcome] / at_risk
            result[outcome, month] = (total[outcome], at_risk)
        pending *= 1 - sum(ended.values()) / at_risk
    return result


courses = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 45), st.sampled_from(GROUPS)), min_size=1, max_size=60
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(courses)
def test_the_model_is_the_textbook_estimator(con: duckdb.DuckDBPyConnection, found: list[Course]) -> None:
    expected, got = aalen_johansen(found), incidence(con, found)
    assert got.keys() == expected.keys()
    for key, (value, at_risk) in expected.items():
        assert got[key][0] == pytest.approx(value, abs=1e-12), key
        assert got[key][3] == at_risk


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(courses)
def test_outcomes_add_up_and_never_fall(con: duckdb.DuckDBPyConnection, found: list[Course]) -> None:
    got = incidence(con, found)
    for outcome in GROUPS:
        path = [got[key][0] for key in sorted(k for k in got if k[0] == outcome)]
        assert all(later >= earlier - 1e-12 for earlier, later in pairwise(path))
    for month in {m for _, m in got}:
        assert sum(got[o, month][0] for o in GROUPS) <= 1 + 1e-9
        assert sum(got[o, month][1] for o in GROUPS) <= sum(got[o, month][0] for o in GROUPS) + 1e-9


def test_without_pending_cases_incidence_and_naive_ratio_agree(con: duckdb.DuckDBPyConnection) -> None:
    rng = random.Random(1)
    found = [(60, rng.randint(0, 60), rng.choice(GROUPS)) for _ in range(300)]
    for value, of_all, *_ in incidence(con, found).values():
        assert value == pytest.approx(of_all, abs=1e-12)


def test_it_recovers_a_truth_that_the_naive_ratios_miss(con: duckdb.DuckDBPyConnection) -> None:
    """Removal comes fast, relief slowly: of every 100 cases 40 end in relief, but years after the 60 removals."""
    rng = random.Random(7)
    found: list[Course] = []
    for _ in range(6000):
        is_relief = rng.random() < 0.4
        ends = rng.randint(30, 90) if is_relief else rng.randint(0, 20)
        found.append((rng.randint(0, 100), ends, "relief" if is_relief else "removal"))
    got = incidence(con, found)
    relief, of_all, of_completed, _ = got["relief", 90]
    assert relief == pytest.approx(0.4, abs=0.03)
    assert got["removal", 90][0] == pytest.approx(0.6, abs=0.03)
    assert of_all < 0.4 - 0.1
    assert of_completed < 0.4 - 0.1


def test_what_happens_after_the_last_whole_month_is_not_seen(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("delete from marts.court_cases")
    con.execute(
        "insert into marts.court_cases (release_id, case_id, case_type_code, notice_on, completed_on, outcome_group_code) "
        "values ('r', 1, 'RMV', '2026-01-15', '2026-08-02', 'removal'), ('r', 2, 'RMV', '2026-08-01', null, 'pending'), "
        "('r', 3, 'CFR', '2026-01-15', '2026-02-02', 'removal'), ('r', 4, 'RMV', '2026-03-01', '2026-02-01', 'relief'), "
        "('r', 5, 'RMV', null, null, 'pending')"
    )
    rows = con.execute(
        "select months_since_notice, outcome_group_code, outcome_cases, at_risk_cases "
        f"from ({model('marts.court_outcomes_by_month').sql}) where cohort = 'all' and outcome_cases > 0"
    ).fetchall()
    assert rows == [(0, "relief", 1, 2)]  # completed before its notice: month 0


def test_cohorts_and_programmes_are_followed_apart(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("delete from marts.court_cases")
    con.execute(
        "insert into marts.court_cases (release_id, case_id, case_type_code, notice_on, completed_on, outcome_group_code, "
        "mpp_programme_code) values ('r', 1, 'RMV', '2019-05-01', '2019-08-01', 'removal', 'MPP1'), "
        "('r', 2, 'RMV', '2020-05-01', '2020-06-01', 'relief', null), ('r', 3, 'RMV', '2022-05-01', null, 'pending', 'MPP2')"
    )
    rows = con.execute(
        f"select distinct population, cohort from ({model('marts.court_outcomes_by_month').sql}) order by all"
    ).fetchall()
    assert rows == [
        ("mpp1", "2019"), ("mpp1", "all"), ("mpp2", "2022"), ("mpp2", "all"),
        ("removal_cases", "2019"), ("removal_cases", "2020"), ("removal_cases", "2022"), ("removal_cases", "all"),
    ]  # fmt: skip
