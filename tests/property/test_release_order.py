"""What the marts say depends on what was published and when, not on the order of lines, files or ingestion."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from agency_files import (
    AOR,
    COUNT,
    HISTORY,
    SBO,
    STATE,
    Line,
    aor,
    as_csv,
    as_workbook,
    history,
    sbo,
    state,
    workbook_lines,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from installation import Ledger

few = settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

#: Columns of the marts that name a release, and so differ between two files of equal figures.
IDENTITY = ("release_id", "prior_release_id", "published_on")
MARTS = ("marts.monthly_yoy", "marts.january_yoy", "marts.january_yoy_by_dimension")

FILES: dict[str, tuple[Sequence[str], list[Line]]] = {
    "sbo": (SBO, sbo("2021-10", "2023-02")),
    "state": (STATE, state("2021-10", "2023-02")),
    "aor": (AOR, aor("2021-10", "2023-02")),
    "history": (HISTORY, history("2018-10", "2020-09")),
}


def fresh(ledger: Ledger) -> Ledger:
    ledger.restart(Path(tempfile.mkdtemp()))
    return ledger


def figures(ledger: Ledger, leaving_out: Sequence[str] = ()) -> dict[str, list[tuple[Any, ...]]]:
    """Every mart, sorted."""
    left = f"exclude ({', '.join(leaving_out)})" if leaving_out else ""
    found = {}
    for name in MARTS:
        here = left if name != "marts.january_yoy_by_dimension" else left.replace(", published_on", "")
        found[name] = ledger.rows(f"select * {here} from {name} order by all")
    return found


def of_files(ledger: Ledger, *files: bytes) -> dict[str, list[tuple[Any, ...]]]:
    fresh(ledger)
    for position, data in enumerate(files):
        ledger.added(f"{position}.csv", data, "2023-03")
    ledger.load()
    assert ledger.lost() == []
    return figures(ledger, IDENTITY)


@few
@given(family=st.sampled_from(sorted(FILES)), seed=st.integers(0, 2**32))
def test_permuting_lines_changes_no_figure(ledger: Ledger, family: str, seed: int) -> None:
    header, lines = FILES[family]
    shuffled = random.Random(seed).sample(lines, len(lines))
    assert shuffled != lines
    expected = of_files(ledger, as_csv(header, lines))
    assert expected["marts.monthly_yoy"]
    assert of_files(ledger, as_csv(header, shuffled)) == expected


@few
@given(
    family=st.sampled_from(["aor", "sbo", "state"]),
    chosen=st.sets(st.integers(0, 16), min_size=1, max_size=16),
)
def test_splitting_the_months_of_a_file_into_two_files_changes_no_figure(
    ledger: Ledger, family: str, chosen: set[int]
) -> None:
    header, lines = FILES[family]
    months = list(dict.fromkeys((line["Fiscal Year"], line["Month (abbv)"]) for line in lines))
    first = {months[n] for n in chosen}
    one = [line for line in lines if (line["Fiscal Year"], line["Month (abbv)"]) in first]
    other = [line for line in lines if (line["Fiscal Year"], line["Month (abbv)"]) not in first]
    expected = of_files(ledger, as_csv(header, lines))
    assert of_files(ledger, as_csv(header, one), as_csv(header, other)) == expected


def restated(lines: list[Line], by: int) -> list[Line]:
    """The lines with every count of an open year moved."""
    return [
        line | {COUNT: str(int(line[COUNT]) + by)} if "FYTD" in line["Fiscal Year"] else line
        for line in lines
    ]


#: Releases as the publishers made them: rolling windows, restatements, two of one day, three families of one month.
RELEASES = (
    ("history.csv", as_csv(HISTORY, history("2018-10", "2020-09")), "2020-10"),
    ("workbook.xlsx", as_workbook(workbook_lines("2018-10", "2021-02", parts=2)), "2021-03-15"),
    ("sbo-old.csv", as_csv(SBO, sbo("2019-10", "2022-09")), "2022-10"),
    ("sbo-jan.csv", as_csv(SBO, sbo("2020-10", "2023-01")), "2023-02-20"),
    ("sbo-feb.csv", as_csv(SBO, restated(sbo("2020-10", "2023-02"), -3)), "2023-03-20"),
    ("state-feb.csv", as_csv(STATE, state("2020-10", "2023-02")), "2023-03-20"),
    ("aor-feb.csv", as_csv(AOR, aor("2020-10", "2023-02")), "2023-03-20"),
)


@pytest.fixture(scope="module")
def in_order(_reviewed: Ledger) -> dict[str, list[tuple[Any, ...]]]:
    fresh(_reviewed)
    for release in RELEASES:
        _reviewed.added(*release)
    _reviewed.load()
    return figures(_reviewed)


@few
@given(
    order=st.permutations(range(len(RELEASES))),
    loads=st.lists(st.booleans(), min_size=len(RELEASES), max_size=len(RELEASES)),
)
def test_ingesting_releases_in_any_order_and_in_any_portions_gives_the_same_marts(
    in_order: dict[str, list[tuple[Any, ...]]], ledger: Ledger, order: list[int], loads: list[bool]
) -> None:
    fresh(ledger)
    for position, load_now in zip(order, loads, strict=True):
        ledger.added(*RELEASES[position])
        if load_now:
            ledger.load(marts=False)
    ledger.load()
    assert ledger.lost() == []
    assert figures(ledger) == in_order


def test_the_order_of_files_in_the_archive_is_no_part_of_a_release(ledger: Ledger) -> None:
    """Two releases of one day: the same one answers whichever came first."""
    lines = sbo("2021-10", "2023-02")
    one, other = as_csv(SBO, lines), as_csv(SBO, restated(lines, 5))
    answers = set()
    for files in ((one, other), (other, one)):
        fresh(ledger)
        for position, data in enumerate(files):
            ledger.added(f"{position}.csv", data, "2023-03")
            ledger.load()
        answers.add(ledger.january("usbp_southwest", 2023)["release_id"])
    assert len(answers) == 1
