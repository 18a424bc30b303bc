"""Pages over a made-up court release, in a real browser: drawn, accessible, and marked wherever its rows appear."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import checked, marks, served
from court_rows import court_release
from installation import Home

from warehouse.site import build_site

pytestmark = [pytest.mark.timeout(900), pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def courts(small_home: Home, libraries: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a site whose warehouse holds one made-up court release."""
    folder = tmp_path_factory.mktemp("made-up")
    shutil.copy(small_home.published, folder / "warehouse.duckdb")
    court_release(folder / "warehouse.duckdb", "eoir_foia-000000000001", "synthetic")
    build_site(folder / "warehouse.duckdb", folder / "site", libraries)
    with served(folder / "site") as address:
        yield address


def test_the_courts_page_is_drawn_and_passes_the_accessibility_checker(
    browser: Any, courts: str, axe: str
) -> None:
    browser.open(courts + "courts.html")
    browser.run("document.querySelectorAll('details').forEach(d => { d.open = true })")
    browser.drawn("courts.html")
    drawn = marks(browser)
    assert {"chart-synthetic-january-new_cases", "chart-synthetic-outcomes-removal-cases"} <= set(drawn)
    assert all(drawn.values())
    written = browser.run(
        "return [...document.querySelectorAll('.synthetic figure.chart')]"
        ".map(f => [...f.querySelectorAll('svg text')].some(t => t.textContent === 'SYNTHETIC'))"
    )
    assert len(written) == 2
    assert all(written)
    browser.run(axe)
    assert checked(browser, "courts.html")[1] == []
    browser.view(390, dark=True)
    browser.settled("courts.html")
    assert checked(browser, "courts.html")[1] == []
    assert browser.run("return document.documentElement.scrollWidth") <= 390
    assert browser.complaints() == []


@pytest.mark.parametrize(
    ("sql", "is_marked"),
    [
        ("select measure_code, trust from marts.court_january_yoy", True),
        ("select count(*) as n from marts.court_january_yoy", True),
        ("select january, value, status from marts.january_yoy", False),
    ],
)
def test_a_query_over_made_up_rows_says_so(browser: Any, courts: str, sql: str, is_marked: bool) -> None:
    browser.open(courts + "sql.html")
    browser.run(
        "document.getElementById('query').value = arguments[0]; document.getElementById('run').click()", sql
    )
    browser.wait("return !document.getElementById('run').disabled", sql, 120)
    assert browser.run("return document.getElementById('problem').textContent") == ""
    [stamp] = browser.find("#made-up")
    assert stamp.is_displayed() == is_marked
