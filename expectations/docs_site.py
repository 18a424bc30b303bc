"""Data Docs: the validation results as a folder of plain pages, readable offline, on a phone and on paper.

Belongs here: laying results out for a reader. Does not belong here: running a suite (`expectations.runner`)
and deciding where the folder lies (`orchestration`).

Great Expectations' own Data Docs take their styles and icons from other hosts; without a network they are
unstyled and a failure looks like a pass. These pages are rendered from the same results and load nothing.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jinja2

from expectations.runner import ExpectationResult, Status, SuiteResult

MARKS: dict[Status, str] = {"passed": "✓", "failed": "✕", "warned": "!", "noted": "i"}
WORDS: dict[Status, str] = {"passed": "Passed", "failed": "Failed", "warned": "Warning", "noted": "Note"}
_ORDER: tuple[Status, ...] = ("failed", "warned", "noted", "passed")
_TEMPLATES = Path(__file__).parent / "templates"


def build_data_docs(results: Iterable[SuiteResult | Mapping[str, Any]], folder: Path | str) -> Path:
    """Write `index.html`, `suites/<suite>.html` and `results.json`; return the path of the index.

    `results` are suite results or their stored records (`SuiteResult.to_record`). The same results give the
    same bytes. Pages of suites that are not among them are removed. Nothing is linked outside the folder.

    Raises ValueError for no results at all, which would read as a clean bill, and for two results of a suite.
    """
    suites = [one if isinstance(one, SuiteResult) else SuiteResult.from_record(one) for one in results]
    names = [suite.suite for suite in suites]
    if not suites:
        raise ValueError("no validation results: run the suites, then build the Data Docs")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two results of suite {', '.join(repeated)}: pass the newest of each")

    folder = Path(folder)
    pages = folder / "suites"
    pages.mkdir(parents=True, exist_ok=True)
    for stale in set(pages.glob("*.html")) - {pages / f"{name}.html" for name in names}:
        stale.unlink()
    suites.sort(key=lambda suite: (_ORDER.index(suite_status(suite)), suite.suite))
    environment = _environment()
    for suite in suites:
        _write(
            pages / f"{suite.suite}.html", environment.get_template("suite.html").render(_suite_page(suite))
        )
    records = json.dumps([suite.to_record() for suite in suites], ensure_ascii=False, indent=1)
    _write(folder / "results.json", records + "\n")
    index = folder / "index.html"
    _write(index, environment.get_template("index.html").render(_index_page(suites)))
    return index


def suite_status(suite: SuiteResult) -> Status:
    """The worst status of a suite's expectations; `failed` where its table could not be read."""
    if not suite.success:
        return "failed"
    return next(status for status in _ORDER if suite.with_status(status))


def _suite_page(suite: SuiteResult) -> dict[str, Any]:
    expectations = _anchored(suite)
    findings = [(one, anchor) for one, anchor in expectations if not one.success]
    findings.sort(key=lambda found: _ORDER.index(found[0].status))
    return {"root": "../", "suite": suite, "expectations": expectations, "findings": findings}


def _index_page(suites: list[SuiteResult]) -> dict[str, Any]:
    attention = [
        (suite, one, anchor) for suite in suites for one, anchor in _anchored(suite) if not one.success
    ]
    attention.sort(key=lambda found: _ORDER.index(found[1].status))
    failed = [suite for suite in suites if not suite.success]
    total = sum(len(suite.results) for suite in suites)
    first, last = (pick(_moment(suite.validated_at) for suite in suites) for pick in (min, max))
    return {
        "root": "",
        "suites": suites,
        "attention": attention,
        "total": total,
        "held": total - len(attention),
        "period": f"{last} UTC" if first == last else f"from {first} to {last} UTC",
        "verdict": _verdict(suites, failed),
        "verdict_word": WORDS["failed"] if failed else WORDS["passed"],
    }


def _verdict(suites: list[SuiteResult], failed: list[SuiteResult]) -> str:
    if failed:
        return f"{len(failed)} of {len(suites)} suite{'' if len(suites) == 1 else 's'} failed"
    warnings = sum(len(suite.with_status("warned")) for suite in suites)
    if warnings:
        return f"No suite failed; {warnings} warning{'' if warnings == 1 else 's'} to judge"
    return "Every suite passed"


def _anchored(suite: SuiteResult) -> list[tuple[ExpectationResult, str]]:
    return [(one, f"expectation-{number}") for number, one in enumerate(suite.results, start=1)]


def sample_columns(one: ExpectationResult) -> list[str]:
    """The columns of a sample, those the expectation is about first: a phone shows only the first few."""
    about = (one.column or "").split(", ")
    return sorted(one.sample[0], key=lambda name: about.index(name) if name in about else len(about))


def sample_caption(one: ExpectationResult) -> str:
    shown, noun = len(one.sample), "row" if one.sql or len(one.sample[0]) > 1 else "value"
    total = shown if one.unexpected_count is None else one.unexpected_count
    if total > shown:
        return f"The first {shown} of {total:,} unexpected {noun}s"
    return f"The unexpected {noun}" if total == 1 else f"All {total} unexpected {noun}s"


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = "{:,}".format
    environment.filters["moment"] = _moment
    environment.filters["unbroken"] = lambda text: text.replace(" %", "\N{NO-BREAK SPACE}%")
    environment.globals |= {
        "marks": MARKS,
        "words": WORDS,
        "suite_status": suite_status,
        "sample_columns": sample_columns,
        "sample_caption": sample_caption,
        "style": jinja2.utils.markupsafe.Markup((_TEMPLATES / "style.css").read_text(encoding="utf-8")),
    }
    return environment


def _moment(iso: str) -> str:
    return dt.datetime.fromisoformat(iso).astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
