"""The site in a real browser: charts, figures, provenance, SQL, accessibility, folder and phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import CHROMIUM, Visit, marks
from installation import Home

Tour = list[Visit]
pytestmark = [pytest.mark.timeout(900), pytest.mark.xdist_group("browser")]


def published(small_home: Home, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(small_home.published), read_only=True) as con:
        return con.execute(sql).fetchall()


def test_chromium_runs(browser: Any) -> None:
    assert CHROMIUM
    assert browser.run("return 6 * 7") == 42


def test_no_page_complains_or_asks_another_host(tour: Tour, address: str) -> None:
    own = (address, "about:blank", "data:", "blob:" + address)
    assert len(tour) > 30
    assert [(v.page, line) for v in tour for line in v.complaints] == []
    assert [(v.page, url) for v in tour for url in v.requests if not url.startswith(own)] == []


def test_every_chart_of_every_page_is_drawn_with_marks(tour: Tour) -> None:
    found = [(v.page, chart, number) for v in tour for chart, number in v.marks]
    assert [(page, chart) for page, chart, number in found if not number] == []
    assert len(found) > 40


def test_every_figure_of_every_page_has_a_card_with_its_definition_and_source(tour: Tour) -> None:
    found = [(v.page, *figure) for v in tour for figure in v.figures]
    assert [(page, text) for page, text, is_defined, named in found if not (is_defined and named)] == []
    assert len(found) > 500


def test_no_page_is_wider_than_a_phone(tour: Tour) -> None:
    assert [(v.page, v.width) for v in tour if v.width > 390] == []


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_every_page_passes_the_accessibility_checker(tour: Tour, look: str) -> None:
    """All rules in light and on a phone; in dark the contrast of colours, which is all that differs there."""
    assert [line for v in tour for line in v.violations.get(look, [])] == []
    passed = [v.passes[look] for v in tour if v.passes]
    assert len(passed) > 20
    assert min(passed) >= (1 if look == "dark" else 10)


def test_each_january_has_its_sentence_and_its_definitions_drawn(
    browser: Any, address: str, small_home: Home
) -> None:
    rows = published(
        small_home,
        "select january, value from marts.january_yoy where measure_id = 'usbp_southwest' and value is not null",
    )
    for january, value in rows:
        browser.open(f"{address}index.html#january-{january}")
        shown = browser.run(
            "return [...document.querySelectorAll('section.january')].filter(s => s.offsetHeight)"
            ".map(s => [s.id, s.querySelector('.big').textContent])"
        )
        assert shown == [[f"january-{january}", f"{value:,}"]]
        assert browser.find(".years a[aria-current]")[0].text == str(january)
    browser.open(f"{address}index.html#january-2023")
    assert marks(browser)["chart-january-2023"] > 2


def test_figures_in_the_tables_are_the_warehouses(
    browser: Any, site: Path, address: str, small_home: Home
) -> None:
    for page in (f"measures/{p.name}" for p in sorted((site / "measures").glob("*.html"))):
        browser.open(address + page)
        shown = browser.run(
            "return [...document.querySelectorAll('#januaries tbody tr')]"
            ".map(r => [r.cells[0].innerText.trim(), r.cells[1].innerText.trim(), r.cells[4].innerText.trim()])"
        )
        expected = published(
            small_home,
            "select january, value, pct_change from marts.january_yoy "
            f"where measure_id = '{Path(page).stem}' order by january desc",
        )
        assert shown == [
            [
                str(january),
                "–" if value is None else f"{value:,}",
                "–"
                if change is None
                else f"{change:+,.1f}\N{NO-BREAK SPACE}%".replace("-", "\N{MINUS SIGN}"),
            ]
            for january, value, change in expected
        ], page


CARD = "const c = document.getElementById('card'); return c.hidden ? '' : c.innerText"


def test_a_figure_shows_definition_release_and_status_by_pointer_keyboard_and_touch(
    browser: Any, address: str, small_home: Home
) -> None:
    from selenium.webdriver import ActionChains, Keys

    [(release, definition)] = published(
        small_home,
        "select y.release_id, m.definition from marts.january_yoy y join meta.measures m using (measure_id) "
        "where y.measure_id = 'usbp_southwest' and y.january = 2024",
    )
    browser.open(address + "measures/usbp_southwest.html#january-2024")
    figure = browser.find("#january-2024 .change .fig")[0]
    assert browser.run(CARD) == ""

    ActionChains(browser.driver).move_to_element(figure).perform()
    text = browser.wait(CARD, "the card on hover")
    for part in (definition, release, "across a break", "Title 42 expulsions end"):
        assert part in text
    ActionChains(browser.driver).send_keys(Keys.ESCAPE).perform()
    assert browser.run(CARD) == ""

    table = browser.find("#januaries tbody .fig")
    browser.run("arguments[0].focus()", table[0])
    first = browser.wait(CARD, "the card on focus")
    assert browser.run("return document.activeElement.getAttribute('aria-describedby')") == "card"
    ActionChains(browser.driver).send_keys(Keys.ARROW_DOWN).perform()
    assert browser.wait(CARD, "the card of the next row") != first
    ActionChains(browser.driver).send_keys(Keys.ARROW_RIGHT).perform()
    assert "a year before" in browser.run(CARD)
    stops = browser.run(
        "return [...document.querySelectorAll('#januaries .fig')].filter(f => f.tabIndex === 0).length"
    )
    assert stops == 1
    ActionChains(browser.driver).send_keys(Keys.ESCAPE).perform()

    browser.view(390)
    browser.open(address + "measures/usbp_southwest.html#january-2024")
    big = browser.find("#january-2024 .big .fig")[0]
    point = browser.run(
        "arguments[0].scrollIntoView({block: 'center'}); const r = arguments[0].getBoundingClientRect();"
        "return {x: r.x + r.width / 2, y: r.y + r.height / 2}",
        big,
    )
    for kind, points in (("touchStart", [point]), ("touchEnd", [])):
        browser.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    text = browser.wait(CARD, "the card on touch")
    assert release in text
    box = browser.run(
        "const r = document.getElementById('card').getBoundingClientRect(); return [r.left, r.right]"
    )
    assert 0 <= box[0] < box[1] <= 390


def test_a_table_sorts_by_value_and_back(browser: Any, address: str) -> None:
    browser.open(address + "measures/usbp_southwest.html")
    read = "return [...document.querySelectorAll('#januaries tbody tr')].map(r => r.cells[1].dataset.sort)"
    original = browser.run(read)
    heading = browser.find("#januaries thead th:nth-child(2) button")[0]
    orders = []
    for state in ("ascending", "descending", None):
        browser.run("arguments[0].click()", heading)
        assert browser.run("return arguments[0].parentElement.getAttribute('aria-sort')", heading) == state
        orders.append(browser.run(read))
    numbers = [[float(v) for v in order if v] for order in orders]
    assert numbers[0] == sorted(numbers[0])
    assert numbers[1] == sorted(numbers[1], reverse=True)
    assert orders[2] == original


ROWS = """
if (document.getElementById('result').hidden) return null;
return [...document.querySelectorAll('#rows tbody tr')].map(r => [...r.cells].map(c => c.textContent))
"""


def ask(browser: Any, sql: str) -> list[list[str]] | str:
    """Rows of a query typed into the SQL page, or its message."""
    browser.run(
        "document.getElementById('query').value = arguments[0]; document.getElementById('run').click()", sql
    )
    browser.wait("return !document.getElementById('run').disabled", f"an answer to {sql}", 120)
    if browser.run("return document.getElementById('problem').hidden"):
        rows: list[list[str]] = browser.run(ROWS)
        return rows
    message: str = browser.run("return document.getElementById('problem').textContent")
    return message


def test_example_queries_answer_in_the_browser_as_on_the_published_file(
    browser: Any, address: str, small_home: Home
) -> None:
    browser.open(address + "sql.html")
    examples = browser.find("button.example")
    assert len(examples) > 8
    for example in examples:
        browser.run("arguments[0].click()", example)
        browser.wait("return !document.getElementById('run').disabled", example.text, 120)
        assert browser.run("return document.getElementById('problem').textContent") == ""
        sql = browser.run("return document.getElementById('query').value")
        expected = [
            ["null" if v is None else str(v) for v in row]
            for row in published(small_home, f"select columns(*)::varchar from ({sql})")
        ]
        assert browser.run(ROWS) == expected[:500], sql


def test_the_sql_page_says_clearly_what_its_engine_lacks(browser: Any, address: str) -> None:
    browser.open(address + "sql.html")
    assert ask(browser, "select count(*) from marts.january_yoy where january = 2022") != "0"
    for sql, words in (
        ("select * from raw.cbp_sbo", "raw tables are not in the browser's copy"),
        ("select * from read_parquet('x.parquet')", "carries no extensions"),
        ("select * from marts.nothing", "nothing"),
        ("drop table marts.january_yoy", "read-only"),
    ):
        message = ask(browser, sql)
        assert isinstance(message, str)
        assert words in message
    assert [u for u in browser.requests() if not u.startswith((address, "blob:", "data:", "about:"))] == []


def test_pages_work_from_a_folder_and_the_sql_page_says_what_to_do(browser: Any, site: Path) -> None:
    for page in ("index.html", "measures/usbp_southwest.html", "groups/citizenship.html", "revisions.html"):
        browser.open((site / page).as_uri())
        drawn = marks(browser)
        assert drawn, page
        assert all(drawn.values()), page
    browser.open((site / "sql.html").as_uri())
    assert "http.server" in browser.find("#from-folder")[0].text
    assert browser.run("return document.getElementById('run').disabled")
    assert browser.complaints() == []


def test_without_scripts_one_january_the_newest_figure_and_the_tables_are_there(
    browser: Any, address: str, small_home: Home
) -> None:
    values = dict(
        published(
            small_home,
            "select january, value from marts.january_yoy where measure_id = 'usbp_southwest' and value is not null",
        )
    )
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.driver.get(address + "index.html")
        [shown] = [s for s in browser.find("section.january") if s.is_displayed()]
        january = int(shown.get_attribute("id").removeprefix("january-"))
        assert shown.find_element("css selector", ".big").text == f"{values[january]:,}"
        [newest] = browser.find(".newer")
        assert f"January {max(values)}, {values[max(values)]:,} events" in newest.text
        assert browser.find("#januaries tbody tr")[0].is_displayed()
        assert any(link.is_displayed() for link in browser.find("a[download]"))
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_on_paper_the_navigation_gives_way_to_the_content(browser: Any, address: str) -> None:
    browser.view(media="print")
    browser.open(address + "index.html#january-2024")
    assert not browser.find("nav.main")[0].is_displayed()
    assert browser.find("#january-2024 .headline")[0].is_displayed()
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
