"""Read a publisher's landing page: which links are releases, and what their names and folders say.

Belongs here: HTML to links, links to months. Does not belong here: requesting the page or the files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from warehouse.acquire.sources import Source

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
# /2024-06/ since 2024, /2022-Oct/ before
_FOLDER = re.compile(r"/(?P<year>20\d\d)-(?P<month>\d\d|[A-Za-z]{3,9})/")
# 2024_1108_ohss… and 24-1011_ohss…
_DATED_NAME = re.compile(r"^(?P<year>(?:20)?\d\d)[_-](?P<month>\d\d)(?P<day>\d\d)[_-]")


@dataclass(frozen=True)
class ReleaseLink:
    """A link to a file of a source; `data_through` is the last month its name promises, by its first day."""

    url: str
    file_name: str
    data_through: date | None
    published_hint: str | None


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.base: str | None = None
        self.hrefs: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if not href:
            return
        if tag == "base" and self.base is None:
            self.base = href.strip()
        elif tag in {"a", "area"}:
            self.hrefs.append(href.strip())


def links(html: str, page_url: str) -> list[str]:
    """Absolute http(s) addresses of all links in page order, each once, without fragments."""
    parser = _Anchors()
    parser.feed(html)
    parser.close()
    base = urljoin(page_url, parser.base) if parser.base else page_url
    found: dict[str, None] = {}
    for href in parser.hrefs:
        try:
            url = urldefrag(urljoin(base, href)).url
            scheme = urlsplit(url).scheme
        except ValueError:  # an address like http://[broken
            continue
        if scheme in {"http", "https"}:
            found.setdefault(url)
    return list(found)


def release_links(html: str, page_url: str, source: Source) -> list[ReleaseLink]:
    """The links of the page that are files of `source`, oldest data first."""
    found = []
    for url in links(html, page_url):
        name = file_name_of(url)
        if match := source.names_file(name):
            found.append(ReleaseLink(url, name, data_through(match), published_hint(url)))
    return sorted(
        found, key=lambda link: (link.data_through or date.min, link.published_hint or "", link.url)
    )


def file_name_of(url: str) -> str:
    """Last part of the address's path, percent-decoded."""
    return unquote(urlsplit(url).path).rsplit("/", 1)[-1]


def data_through(match: re.Match[str]) -> date | None:
    """The last month a file name promises: fiscal year and month, or calendar month and year.

    A fiscal-year name without a month is the closed year, so September.
    """
    groups = match.groupdict()
    month = month_number(groups.get("month"))
    if groups.get("fy_to"):
        if groups.get("month") and month is None:
            return None
        fiscal_year, month = 2000 + int(groups["fy_to"]), month or 9
        return date(fiscal_year - 1 if month >= 10 else fiscal_year, month, 1)
    if groups.get("year") and month:
        return date(int(groups["year"]), month, 1)
    return None


def month_number(label: str | None) -> int | None:
    """1 to 12 for a month's English name, its abbreviation or its number; None for anything else."""
    if not label:
        return None
    if label.isdigit():
        return int(label) if 1 <= int(label) <= 12 else None
    return _MONTHS.get(label[:3].lower())


def published_hint(url: str) -> str | None:
    """When the file was put up, as far as its address says: `YYYY-MM-DD`, `YYYY-MM` or None."""
    if match := _DATED_NAME.match(file_name_of(url)):
        try:
            year = int(match["year"]) % 100 + 2000
            return date(year, int(match["month"]), int(match["day"])).isoformat()
        except ValueError:
            pass
    for match in reversed(list(_FOLDER.finditer(unquote(urlsplit(url).path)))):
        if month := month_number(match["month"]):
            return f"{match['year']}-{month:02d}"
    return None
