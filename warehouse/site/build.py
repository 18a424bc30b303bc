"""Build the site from a published warehouse, whole, and put it in place in one step.

Belongs here: the order of pages, the libraries, the swap. Does not belong here: the content of pages.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from warehouse.site import vendor
from warehouse.site.pages import claims, courts, evidence, groups, january, revisions, take_away
from warehouse.site.reading import Published
from warehouse.site.site import Entry, Site

_ASSETS = Path(__file__).parent / "assets"
#: A file that marks a folder as a site this module wrote and may replace.
MARKER = "site.json"


class SiteError(Exception):
    """The site cannot be built; the message says what to do."""


@dataclass
class SiteReport:
    """What was written: `notices` name sections left out because the warehouse lacks their tables."""

    folder: Path
    version: str
    pages: int
    files: int
    bytes: int
    seconds: float
    notices: list[str] = field(default_factory=list)


#: Pages of the navigation, in order; a page without its tables is left out.
NAVIGATION = (
    Entry("index.html", "January"),
    Entry("measures.html", "Measures"),
    Entry("groups.html", "Who and where"),
    Entry("revisions.html", "Revisions"),
    Entry("claims.html", "Claims"),
    Entry("courts.html", "Courts"),
    Entry("quality.html", "Data quality"),
    Entry("dictionary.html", "Dictionary"),
    Entry("sql.html", "SQL"),
    Entry("downloads.html", "Downloads"),
    Entry("cite.html", "How to cite"),
)


def build_site(
    published: Path, out: Path, vendor_cache: Path, *, data_docs: Path | None = None
) -> SiteReport:
    """Write the site of the published warehouse file `published` to the folder `out`, replacing an earlier site.

    Libraries come from `vendor_cache`, or from an npm registry once. `data_docs` is a folder of validation pages to
    carry along. Raises SiteError and vendor.VendorError; an earlier site then stays as it was.
    """
    started = time.monotonic()
    if not published.exists():
        raise SiteError(f"{published}: nothing has been published yet; run `border build`")
    if out.exists() and any(out.iterdir()) and not (out / MARKER).exists():
        raise SiteError(f"{out}: not empty and not a site; name another folder or empty it")
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = out.parent / f".{out.name}-building"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        names = [p.name for p in vendor.locked().values() if p.used_by != "tests"]
        vendor.vendor(names, fresh / "vendor", vendor_cache)
        shutil.copytree(_ASSETS, fresh / "assets")
        with Published(published) as opened:
            site = Site(opened, fresh)
            if data_docs is not None and (data_docs / "index.html").exists():
                shutil.copytree(data_docs, fresh / "checks")
                site.has_data_docs = True
            _write_pages(site)
            version = site.publication["version"]
        report = _report(fresh, out, version, site.notices)
        report.seconds = round(time.monotonic() - started, 1)
        (fresh / MARKER).write_text(f'{{"warehouse_version": "{version}"}}\n', "utf-8")
        _swap(fresh, out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return report


def _write_pages(site: Site) -> None:
    site.navigation = list(NAVIGATION)
    for path, table in (("claims.html", "marts.claims"), ("courts.html", "meta.mpp_figures")):
        if not site.published.has(table):
            site.navigation = [entry for entry in site.navigation if entry.path != path]
            site.notices.append(f"{path}: left out, the warehouse holds no {table}.")
    january.write_front(site)
    january.write_measures(site)
    groups.write_groups(site)
    revisions.write_revisions(site)
    if site.published.has("marts.claims"):
        claims.write_claims(site)
    if site.published.has("meta.mpp_figures"):
        courts.write_courts(site)
    evidence.write_releases(site)
    evidence.write_quality(site)
    evidence.write_dictionary(site)
    take_away.write_sql(site)
    take_away.write_downloads(site)
    take_away.write_cite(site)


def _report(fresh: Path, out: Path, version: str, notices: list[str]) -> SiteReport:
    files = [p for p in fresh.rglob("*") if p.is_file()]
    return SiteReport(
        folder=out,
        version=version,
        pages=sum(p.suffix == ".html" for p in files),
        files=len(files) + 1,
        bytes=sum(p.stat().st_size for p in files),
        seconds=0.0,
        notices=notices,
    )


def _swap(fresh: Path, out: Path) -> None:
    """Put `fresh` in the place of `out`."""
    old = out.parent / f".{out.name}-old"
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    fresh.rename(out)
    shutil.rmtree(old, ignore_errors=True)
