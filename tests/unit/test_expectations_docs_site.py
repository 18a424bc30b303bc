"""The pages a reader opens offline: complete, safe, without another host, and legible in both themes."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from expectations import docs_site
from expectations.docs_site import build_data_docs
from expectations.runner import ExpectationResult, SuiteResult

VOID = {"meta", "link", "br", "img", "input", "hr"}


def expectation(number: int, **changes: object) -> ExpectationResult:
    fields: dict[str, object] = {
        "suite": "cbp_encounters",
        "table": "core.cbp_encounters",
        "name": f"expectation_{number}",
        "type": "expect_column_values_to_not_be_null",
        "title": f"column_{number} values must never be null.",
        "because": f"reason {number}",
        "severity": "critical",
        "success": True,
        "column": f"column_{number}",
        "observed": "0 of 24,500 rows",
        "unexpected_count": 0,
    }
    return ExpectationResult(**{**fields, **changes})  # type: ignore[arg-type]


def suite(name: str, *results: ExpectationResult, rows: int | None = 24_500) -> SuiteResult:
    return SuiteResult(name, f"core.{name}", "", "2021-02-10T09:30:00+00:00", 0.2, rows, list(results))


FAILED = expectation(
    2,
    success=False,
    unexpected_count=12_345,
    observed="12,345 of 24,500 rows (50.39 %)",
    sample=[{"line_no": "17", "column_2": None}, {"line_no": "18", "column_2": "<script>alert(1)</script>"}],
)
WARNED = expectation(3, success=False, severity="warning", observed="990", unexpected_count=None)
BROKEN = expectation(
    4,
    success=False,
    error='Binder Error: no "nope"',
    observed=None,
    unexpected_count=None,
    sql="select <nope>",
)
RESULTS = [
    suite("sound", expectation(1)),
    suite("cbp_encounters", expectation(1), FAILED, WARNED, BROKEN),
    suite("judged", expectation(1), WARNED),
    suite("absent", expectation(9, success=False, error="no such table"), rows=None),
]


class Page(HTMLParser):
    """Ids, links, visible text, and whether every element is closed in order."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tables = self.captions = 0
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        assert self._open == []
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self._open.append(tag)
        given = dict(attrs)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [value for name, value in attrs if name in ("href", "src") and value]
        self.tables += tag == "table"
        self.captions += tag == "caption"

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.words.append(data)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return build_data_docs(RESULTS, tmp_path / "docs").parent


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def test_every_suite_has_its_page_and_its_row_with_its_result_in_words(site: Path) -> None:
    assert {page.stem for page in pages(site)} == {"index", *(one.suite for one in RESULTS)}
    text = Page(site / "index.html").text
    for row in ("Failed cbp_encounters", "Failed absent", "Warning judged", "Passed sound"):
        assert row in re.sub(r"[✓✕!i] ", "", text)
    assert "2 of 4 suites failed" in text


def test_every_failing_expectation_is_told_with_its_reason_observation_and_rows(site: Path) -> None:
    text = Page(site / "suites" / "cbp_encounters.html").text.replace("\N{NO-BREAK SPACE}", " ")
    for one in (FAILED, WARNED, BROKEN):
        assert text.count(one.title) == 2  # the finding and the full table
        assert one.because in text
    assert "12,345 of 24,500 rows (50.39 %)" in text
    assert "The first 2 of 12,345 unexpected rows" in text
    assert "column_2 line_no null 17" in text  # the column it is about comes first
    assert BROKEN.error is not None
    assert BROKEN.error in text
    index = Page(site / "index.html").text
    assert FAILED.title in index
    assert BROKEN.error in index


def test_a_suite_whose_table_could_not_be_read_is_not_a_pass(site: Path) -> None:
    assert "The table of absent could not be read." in Page(site / "index.html").text
    assert "The table could not be read." in Page(site / "suites" / "absent.html").text


def test_values_from_the_data_never_become_markup(site: Path) -> None:
    page = (site / "suites" / "cbp_encounters.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert html.escape("<script>alert(1)</script>") in page


def test_nothing_is_loaded_from_or_linked_to_another_host(site: Path) -> None:
    for path in pages(site):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(?:https?:)?//[\w.-]+\.\w|@import|url\(", text), path


def test_every_link_leads_to_a_page_and_an_anchor_that_exist(site: Path) -> None:
    links = [(path, link) for path in pages(site) for link in Page(path).links]
    assert len(links) > 10
    for path, link in links:
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.is_file(), (path, link)
        if anchor:
            assert Page(target).ids.count(anchor) == 1, (path, link)


def test_every_table_has_a_caption(site: Path) -> None:
    for page in map(Page, pages(site)):
        assert page.tables == page.captions > 0


def test_stored_records_give_the_same_bytes_as_the_results(site: Path, tmp_path: Path) -> None:
    records = json.loads((site / "results.json").read_text(encoding="utf-8"))
    again = build_data_docs(records, tmp_path / "again").parent
    for path in site.rglob("*.*"):
        assert path.read_bytes() == (again / path.relative_to(site)).read_bytes()


def test_the_page_of_a_suite_that_is_no_more_goes(site: Path) -> None:
    build_data_docs(RESULTS[:1], site)
    assert {page.name for page in pages(site)} == {"index.html", "sound.html"}
    assert "Every suite passed" in Page(site / "index.html").text


def test_warnings_alone_fail_nothing_and_are_counted_on_top(tmp_path: Path) -> None:
    text = Page(build_data_docs(RESULTS[2:3], tmp_path)).text
    assert "No suite failed; 1 warning to judge" in text


def test_no_results_are_no_clean_bill(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="run the suites"):
        build_data_docs([], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_two_results_of_one_suite_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two results of suite sound"):
        build_data_docs([RESULTS[0], RESULTS[0]], tmp_path)


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa_on_page_and_panel(theme: int) -> None:
    css = (Path(docs_site.__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", css.split(":root")[theme + 1]))
    assert len(colours) == 10
    for ground in ("page", "panel"):
        for name in colours.keys() - {"page", "panel", "line"}:
            light, dark = sorted((_luminance(colours[name]), _luminance(colours[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (name, ground)
