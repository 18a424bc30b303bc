"""What stands behind a figure on a page: its definition, release and status, shown beside it on request.

Belongs here: collecting the provenance of every figure of one page and rendering the figure as a control that shows
it on hover, focus and touch. Does not belong here: the look (`assets/site.css`) and the behaviour (`assets/site.js`).
"""

from __future__ import annotations

import json
import re
from typing import Any

from markupsafe import Markup, escape

from warehouse.site import wording
from warehouse.site.reading import Row


def as_script(value: Any) -> Markup:
    """A value as JSON that may stand inside a script element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


class Cards:
    """The provenance of every figure of a page; equal cards are kept once."""

    def __init__(self, measures: dict[str, Row], releases: dict[str, Row]) -> None:
        self._measures, self._releases = measures, releases
        self._cards: dict[str, int] = {}
        self._reasons: dict[str, int] = {}

    def figure(self, text: str, row: Row, what: str, *, side: str = "value") -> Markup:
        """`text` as a control that shows where it comes from.

        `row` has measure_id and month_start or a `label`, and what is known of release_id, status, finality, reasons.
        `side` says which of the row's releases it comes from: value, prior (the month a year before), change (both), first
        (the first release of the month) or old (the release before);
        a and b are two sources compared, residual is their difference.
        """
        if not text:
            return Markup('<span class="none" aria-label="no value">–</span>')
        prefix = {"prior": "prior_", "first": "first_", "old": "old_"}.get(side, "")
        suffix = f"_{side}" if side in ("a", "b") else ""
        releases = [row.get(f"{prefix}release_id{suffix}")]
        if side == "change":
            releases = [row.get("release_id"), row.get("prior_release_id")]
        if side == "residual":
            releases = [row.get("release_id_a"), row.get("release_id_b")]
        month = row.get("month_start")
        if side == "prior" and month:
            month = month.replace(year=month.year - 1)
        card = {
            "w": what,
            "m": row.get("measure_id"),
            "d": row.get("definition"),
            "p": row.get("label") or wording.month(month),
            "r": [r for r in dict.fromkeys(releases) if r],
            "o": row.get(f"sources{suffix}") or [],
            "s": row.get("status") if side == "change" else None,
            "f": row.get("finality") if side == "value" else None,
            "y": [self._reason(reason) for reason in row.get("reasons") or []] if side == "change" else [],
        }
        if side == "prior":
            card["f"] = row.get("prior_finality")
        kept = json.dumps({k: v for k, v in card.items() if v}, ensure_ascii=False, default=str)
        number = self._cards.setdefault(kept, len(self._cards))
        return Markup('<button type="button" class="fig" data-card="{}">{}</button>').format(number, text)

    def _reason(self, text: str) -> int:
        return self._reasons.setdefault(wording.reason(text), len(self._reasons))

    def script(self) -> Markup:
        """The page's cards with the measures and releases they name, for `site.js`."""
        cards = [json.loads(card) for card in self._cards]
        measures = sorted({c["m"] for c in cards if c.get("m")})
        releases = sorted({r for c in cards for r in c.get("r", ())})
        return as_script(
            {
                "cards": cards,
                "reasons": list(self._reasons),
                "measures": {
                    m: [
                        self._measures[m]["title"],
                        self._measures[m]["definition"],
                        self._measures[m]["unit"],
                    ]
                    for m in measures
                    if m in self._measures
                },
                "releases": {r: release_line(self._releases[r]) for r in releases if r in self._releases},
            }
        )


def release_line(release: Row) -> str:
    """`source, published 2022-12 (month known), a copy of the publisher's file`."""
    published = wording.day(release["published_on"], release["published_precision"])
    return f"{release['source']}, published {published}, {wording.TRUST_WORDS.get(release['trust'], release['trust'])}"


def source_line(figure: Row) -> str:
    """Who printed a figure, when and where."""
    return f"{_printed_by(figure)}: {figure['source']}"


def source_links(figure: Row) -> Markup:
    """The same with its addresses as links."""
    return Markup("{}: {}").format(_printed_by(figure), linked(figure["source"]))


def _printed_by(figure: Row) -> str:
    published = wording.day(figure["published_on"], figure["published_precision"] or "day")
    when = f"published {published}" if figure["published_on"] else "publication date not known"
    return f"{figure['publisher_code'].upper()}, {when}"


_ADDRESS = re.compile(r"https?://[^\s;]+")
_SHOWN_ADDRESS = 64


def linked(text: str) -> Markup:
    """Text with its web addresses as links, each shown without its scheme and cut where it is long."""
    done, at = Markup(""), 0
    for match in _ADDRESS.finditer(text):
        shown = re.sub(r"^https?://(www\.)?", "", match.group()).rstrip("/")
        if len(shown) > _SHOWN_ADDRESS:
            shown = shown[:_SHOWN_ADDRESS] + "…"
        link = Markup('<a class="outside" href="{}" rel="noreferrer">{}</a>').format(match.group(), shown)
        done, at = done + text[at : match.start()] + link, match.end()
    return done + text[at:]


def release_link(root: str, release_id: str | None, text: str | None = None) -> Markup:
    """A link to the release's row, or a dash."""
    if not release_id:
        return Markup('<span class="none">–</span>')
    shown = text or release_id
    return Markup('<a class="release" href="{}releases.html#{}">{}</a>').format(root, release_id, shown)


def status_mark(status: str | None) -> Markup:
    """A status in words, with a mark that does not depend on colour."""
    if not status:
        return Markup("")
    return Markup('<span class="status s-{}">{}</span>').format(
        status, escape(wording.STATUS_WORDS.get(status, status.replace("_", " ")))
    )
