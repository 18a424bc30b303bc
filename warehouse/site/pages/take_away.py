"""What a reader takes away: downloads, how to cite, and SQL in the browser.

Belongs here: these three pages. Does not belong here: writing the files (`warehouse.site.downloads`).
"""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path

from warehouse import cookbook
from warehouse.paths import PROJECT
from warehouse.site import downloads, wording
from warehouse.site.pages.january import FRONT
from warehouse.site.site import Site

#: Where the questions of the SQL page are written and answered; each is run by the tests.
COOKBOOK = PROJECT / "docs" / "cookbook.md"


def write_downloads(site: Site) -> None:
    """The files and the page that lists them."""
    files = downloads.write_downloads(site)
    page = site.page(
        "downloads.html",
        "downloads.html",
        "Downloads, Border Ledger",
        "The warehouse, and each of its tables as CSV and Parquet.",
    )
    for entry in files:
        for kind in ("csv", "parquet"):
            entry[f"{kind}_size"] = _size(entry[kind]) if entry[kind] else None
    order = ("marts", "core", "meta")
    page.write(
        schemas=[(s, [f for f in files if f["table_name"].startswith(s + ".")]) for s in order],
        database_size=_size(site.folder / "data" / "warehouse.duckdb"),
        file_name=site.published.file.name,
    )


def write_cite(site: Site) -> None:
    """How to cite a figure, with one as an example."""
    rows = site.published.rows("january", measure=FRONT)
    known = [row for row in rows if row["value"] is not None and row["finality"] == "final"]
    page = site.page(
        "cite.html",
        "cite.html",
        "How to cite, Border Ledger",
        "A figure is cited with measure, month and release.",
    )
    example = known[-1] if known else None
    page.write(
        example=example,
        example_release=site.releases.get(example["release_id"]) if example else None,
        example_month=wording.month(example["month_start"]) if example else "",
        front=FRONT,
    )


def write_sql(site: Site) -> None:
    """SQL in the browser over a copy of the published file."""
    copy, macros = downloads.write_browser_copy(site)
    parts = questions(site)
    engine = site.folder / "vendor" / "duckdb-eh.wasm.gz"
    page = site.page(
        "sql.html", "sql.html", "SQL, Border Ledger", "Query the published warehouse in the browser."
    )
    page.write(
        parts=parts,
        examples=[example for _, examples in parts for example in examples],
        made_up=[r["release_id"] for r in site.releases.values() if r["trust"] == "synthetic"],
        macros=macros,
        copy_size=_size(copy),
        engine_size=_size(engine) if engine.exists() else "",
        tables=[
            {"name": name, "columns": [c["column_name"] for c in columns]}
            for name, columns in _columns(site).items()
            if not name.startswith("raw.")
        ],
    )


def _columns(site: Site) -> dict[str, list[dict[str, str]]]:
    held: dict[str, list[dict[str, str]]] = {
        name: [] for name in site.published.tables("marts", "core", "meta")
    }
    for row in site.published.rows("dictionary"):
        if row["table_name"] in held:
            held[row["table_name"]].append(row)
    return {
        name: held[name]
        for name in sorted(held, key=lambda n: (("marts", "core", "meta").index(n.split(".")[0]), n))
    }


def questions(site: Site) -> list[tuple[str, list[dict[str, str]]]]:
    """Questions of the cookbook that the browser's copy can answer, by part.

    The copy holds no raw lines. Questions about court records are asked where a court release is loaded; whether it is
    made up shows with the answer.
    """
    has_courts = site.published.has("marts.court_january_yoy")
    recipes = cookbook.recipes(COOKBOOK.read_text("utf-8")) if COOKBOOK.exists() else []
    if not recipes:
        site.notices.append(f"sql.html: without questions to start from, as {COOKBOOK} is not here.")
    chosen = [r for r in recipes if not re.search(r"\braw\.", r.sql) and (has_courts or not r.is_made_up)]
    return [
        ("Courts, from a release" if cookbook.MADE_UP in part else part, [_example(r) for r in found])
        for part, found in groupby(chosen, key=lambda r: r.part)
    ]


def _example(recipe: cookbook.Recipe) -> dict[str, str]:
    question = recipe.question.removeprefix(f"{cookbook.MADE_UP}: ")
    return {
        "id": re.sub(r"\W+", "-", question.lower()).strip("-"),
        "question": question,
        "words": re.sub(r"[`*]", "", recipe.words),
        "sql": recipe.sql,
    }


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1_000_000:,.1f} MB" if size >= 100_000 else f"{max(size / 1000, 0.1):,.1f} kB"
