"""A real browser over a built site: Debian's Chromium, driven headless, pages from a file server on loopback.

Belongs here: fixtures. Without chromium or the libraries the tests are skipped and say so; where CI is set they fail
instead, so that a machine that should run them cannot pass without.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from installation import Home

from warehouse.paths import Home as Paths
from warehouse.site import build_site, vendor

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,900",
)


def absent(reason: str) -> None:
    """Skip, or fail where CI must run these tests."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def libraries() -> Path:
    """The cache of browser libraries, filled; kept between runs."""
    cache = Paths.from_environment().vendor
    try:
        for package in vendor.locked().values():
            vendor.tarball(package, cache)
    except vendor.VendorError as error:
        absent(str(error))
    return cache


@pytest.fixture(scope="session")
def site(small_home: Home, libraries: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site as `border site` writes it."""
    out = tmp_path_factory.mktemp("browser") / "site"
    build_site(small_home.published, out, libraries, data_docs=small_home.root / "data_docs")
    return out


@pytest.fixture(scope="session")
def axe(libraries: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The accessibility checker's script."""
    [script] = vendor.vendor(["axe-core"], tmp_path_factory.mktemp("axe"), libraries)
    return script.read_text("utf-8")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Address of a folder on a plain file server, on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Address of the site on a file server."""
    with served(site) as found:
        yield found


class Browser:
    """One browser window; `open` waits until every visible chart is drawn."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def view(self, width: int = 1280, *, dark: bool = False, media: str = "screen") -> None:
        """Set the width, the colour scheme and the medium of the pages opened next."""
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": [scheme]})

    def open(self, address: str) -> None:
        self.driver.get("about:blank")
        self.driver.get(address)
        self.drawn(address)

    def drawn(self, what: str) -> None:
        """Wait until every visible chart is drawn."""
        self.wait(
            "return !document.querySelector('figure.chart') || !window.vegaEmbed "
            "|| document.documentElement.dataset.charts === 'drawn'",
            f"charts of {what}",
        )

    def settled(self, what: str) -> None:
        """Wait until what a change of width or scheme set going is done."""
        self.driver.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 20)))"
        )
        self.drawn(what)

    def wait(self, script: str, what: str, seconds: float = 60) -> Any:
        """The script's first true value."""
        from selenium.common.exceptions import TimeoutException
        from selenium.webdriver.support.ui import WebDriverWait

        try:
            return WebDriverWait(self.driver, seconds, 0.05).until(lambda d: d.execute_script(script))
        except TimeoutException:
            raise AssertionError(f"waited {seconds} s in vain for {what}") from None

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> list[Any]:
        return list(self.driver.find_elements("css selector", selector))

    def complaints(self) -> list[str]:
        """What the console has printed as an error since the last call."""
        return [e["message"] for e in self.driver.get_log("browser") if e["level"] in ("SEVERE", "WARNING")]

    def requests(self) -> list[str]:
        """Addresses asked for since the last call."""
        found = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return found


@pytest.fixture(scope="session")
def _driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if not (CHROMIUM and DRIVER):
        absent(
            "chromium and chromedriver are not installed (Debian: apt-get install chromium chromium-driver)"
        )
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for option in (*OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    driver.set_script_timeout(120)
    yield driver
    driver.quit()


@pytest.fixture
def browser(_driver: Any) -> Browser:
    found = Browser(_driver)
    found.view()
    _driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    found.complaints()
    found.requests()
    return found


#: Marks that a chart must hold: bars, lines, points or steps that have a shape.
_MARKS = """
return [...document.querySelectorAll('figure.chart')].filter(f => f.querySelector('.canvas').clientWidth).map(f => [
  f.id,
  [...f.querySelectorAll('svg .mark-rect path, svg .mark-line path, svg .mark-symbol path')]
    .filter(p => (p.getAttribute('d') || '').length > 12 && p.getBoundingClientRect().width > 0).length,
])
"""
#: Each figure's text, whether its card has a definition, and the releases or sources it names that are described.
_FIGURES = """
const store = JSON.parse(document.getElementById('cards').textContent);
return [...document.querySelectorAll('.fig')].map(f => {
  const card = store.cards[f.dataset.card] || {};
  const named = [...(card.r || []).filter(r => store.releases[r]), ...(card.o || [])];
  return [f.textContent, !!(card.d || store.measures[card.m]), named.length];
})
"""
_AXE = """
const [rules, done] = arguments;
const only = rules || ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
axe.run(document, {runOnly: only, resultTypes: ['violations'], preload: false})
  .then(r => done({passes: r.passes.length, violations: r.violations.map(v => [v.id, v.nodes[0].html, v.nodes.length])}),
        error => done({error: String(error)}));
"""


@dataclass
class Visit:
    """What one page showed: complaints of the console, requests, marks by chart, figures, width on a phone; and what the
    accessibility checker passed and found, by how it was looked at: light, dark, phone."""

    page: str
    complaints: list[str]
    requests: list[str]
    marks: list[tuple[str, int]]
    figures: list[tuple[str, bool, int]]
    width: int
    passes: dict[str, int]
    violations: dict[str, list[str]]


def marks(browser: Browser) -> dict[str, int]:
    """Marks of each chart that has a place on the page, by the chart's id."""
    return dict(browser.run(_MARKS))


def checked(browser: Browser, page: str, rules: list[str] | None = None) -> tuple[int, list[str]]:
    """How much the accessibility checker, loaded before, passes on the page as it is shown now, and what it finds."""
    found = browser.driver.execute_async_script(_AXE, rules)
    assert "error" not in found, found
    return found["passes"], [
        f"{page}: {rule}: {html[:160]} ({number})" for rule, html, number in found["violations"]
    ]


@pytest.fixture(scope="session")
def tour(_driver: Any, site: Path, address: str, axe: str) -> list[Visit]:
    """Every page opened once, looked at in light, in dark and on a phone; a measure's page stands for all measures
    before the accessibility checker."""
    browser = Browser(_driver)
    browser.view()
    browser.requests(), browser.complaints()
    visits = []
    for file in sorted(site.rglob("*.html")):
        page = str(file.relative_to(site))
        if page.startswith("checks/"):
            continue
        is_checked = not page.startswith("measures/") or page == "measures/usbp_southwest.html"
        browser.view()
        browser.open(address + page)
        browser.run("document.querySelectorAll('details').forEach(d => { d.open = true })")
        browser.drawn(page)
        drawn, figures = list(marks(browser).items()), [tuple(f) for f in browser.run(_FIGURES)]
        passes: dict[str, int] = {}
        violations: dict[str, list[str]] = {}
        if is_checked:
            browser.run(axe)
        for look, width, dark, rules in (
            ("light", 1280, False, None),
            ("dark", 1280, True, ["color-contrast"]),
            ("phone", 390, False, None),
        ):
            if not is_checked and look != "phone":
                continue
            browser.view(width, dark=dark)
            browser.settled(page)
            if is_checked:
                passes[look], violations[look] = checked(browser, page, rules)
        phone = browser.run("return document.documentElement.scrollWidth")
        visits.append(
            Visit(page, browser.complaints(), browser.requests(), drawn, figures, phone, passes, violations)
        )
    return visits
