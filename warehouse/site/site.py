"""The site under construction: what every page shares, and a page that collects its tables, charts and figures.

Belongs here: the folder being written, the environment of the templates, links between pages. Does not belong here:
the content of any page (`pages/`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from warehouse.site import wording
from warehouse.site.charts import Chart, Spec
from warehouse.site.provenance import Cards, as_script, release_line, release_link, status_mark
from warehouse.site.reading import Published, Row
from warehouse.site.tables import Column, DataTable, write_csv

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Entry:
    """One entry of the navigation."""

    path: str
    title: str


@dataclass
class Site:
    """Everything pages share; pages are written under `folder`."""

    published: Published
    folder: Path
    measures: dict[str, Row] = field(init=False)
    releases: dict[str, Row] = field(init=False)
    publication: Row = field(init=False)
    navigation: list[Entry] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    has_data_docs: bool = False
    files: dict[str, Any] = field(default_factory=dict)
    _environment: jinja2.Environment = field(init=False)

    def __post_init__(self) -> None:
        self.measures = {row["measure_id"]: row for row in self.published.rows("measures")}
        self.releases = {row["release_id"]: row for row in self.published.rows("releases")}
        self.publication = self.published.select("select * from meta.publication")[0]
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "count": wording.count,
            "unbroken": lambda text: text.replace(" %", f"{wording.NBSP}%"),
            "signed": wording.signed,
            "percent": wording.percent,
            "share": wording.share,
            "month": wording.month,
            "day": wording.day,
            "code_name": wording.name_of,
            "status": status_mark,
            "reason": wording.reason,
            "script": as_script,
        }
        self._environment.globals |= {
            "trust_words": wording.TRUST_WORDS,
            "status_words": wording.STATUS_WORDS,
            "release_line": release_line,
        }

    @property
    def answered(self) -> list[Row]:
        """Measures that have a value."""
        return [m for m in self.measures.values() if m["months"]]

    def page(self, path: str, template: str, title: str, description: str) -> Page:
        return Page(self, path, template, title, description)

    def render(self, page: Page, context: dict[str, Any]) -> str:
        return self._environment.get_template(page.template).render(
            page=page, site=self, root=page.root, cards=page.cards, release=page.release, **context
        )


@dataclass
class Page:
    """One page: its place, its title, and the figures, tables and charts on it."""

    site: Site
    path: str
    template: str
    title: str
    description: str
    cards: Cards = field(init=False)
    charts: list[Chart] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cards = Cards(self.site.measures, self.site.releases)

    @property
    def root(self) -> str:
        """Relative path from this page to the site's folder."""
        return "../" * self.path.count("/")

    @property
    def slug(self) -> str:
        return self.path.removesuffix(".html").replace("/", "-")

    def release(self, release_id: str | None, text: str | None = None) -> Markup:
        return release_link(self.root, release_id, text)

    def table(
        self,
        id: str,
        caption: str,
        columns: Sequence[Column],
        rows: list[Row],
        *,
        csv_rows: list[Row] | None = None,
        csv: bool = True,
        **options: Any,
    ) -> DataTable:
        """A table of the page; `csv_rows` are its rows in full, for the file beside it."""
        name = None
        kept = csv_rows if csv_rows is not None else rows
        if csv and rows:
            name = f"{self.slug}-{id}.csv"
            write_csv(
                self.site.folder / "csv" / name,
                kept,
                self.site.measures,
                self.site.releases,
                self.site.publication["version"],
            )
        has_figures = any("measure_id" in row or "definition" in row for row in kept[:1])
        return DataTable(id, caption, columns, rows, self.cards, self.root, name, has_figures, **options)

    def chart(self, id: str, spec: Spec, note: str = "") -> Chart:
        """A chart of the page; its specification is also a file under `charts/`."""
        file = self.site.folder / "charts" / f"{self.slug}-{id}.vl.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(spec, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")
        chart = Chart(id, spec, spec["description"], note)
        self.charts.append(chart)
        return chart

    def chart_file(self, chart: Chart) -> str:
        return f"{self.root}charts/{self.slug}-{chart.id}.vl.json"

    def write(self, **context: Any) -> None:
        target = self.site.folder / self.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self.site.render(self, context), "utf-8", newline="\n")
