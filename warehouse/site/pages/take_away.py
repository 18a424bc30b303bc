"""What a reader takes away: downloads, how to cite, and SQL in the browser.

Belongs here: these three pages. Does not belong here: writing the files (`warehouse.site.downloads`).
"""

from __future__ import annotations

from pathlib import Path

from warehouse.site import downloads, wording
from warehouse.site.pages.january import FRONT
from warehouse.site.site import Site

_EXAMPLES = Path(__file__).parent.parent / "examples"


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
    engine = site.folder / "vendor" / "duckdb-eh.wasm.gz"
    page = site.page(
        "sql.html", "sql.html", "SQL, Border Ledger", "Query the published warehouse in the browser."
    )
    page.write(
        examples=[_example(path) for path in sorted(_EXAMPLES.glob("*.sql"))],
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


def _example(path: Path) -> dict[str, str]:
    """An example: its first line is a comment that asks the question."""
    first, _, rest = path.read_text("utf-8").partition("\n")
    return {"id": path.stem, "question": first.removeprefix("--").strip(), "sql": rest.strip()}


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1_000_000:,.1f} MB" if size >= 100_000 else f"{max(size / 1000, 0.1):,.1f} kB"
