"""A claim and its verdict as schema.org ClaimReview, for search engines and fact-check databases.

Belongs here: the JSON-LD of one claim. Does not belong here: the verdict, or where the document is put. There is
no numeric rating: a verdict says under which definitions the words hold, and that is not a scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from transforms.claim_summary import VERDICT_WORDS

AUTHOR = "Border Ledger"


def claim_review(
    claim: Mapping[str, Any], *, reviewed_on: date, sources: Sequence[str], url: str | None = None
) -> dict[str, Any]:
    """JSON-LD from a claim's columns of meta.claims and marts.claims; `sources` are citation lines and addresses."""
    printed_in = _when(claim["article_published_earliest"], claim["article_published_latest"])
    writer = {"@type": "Person", "name": claim["byline"]}
    article: dict[str, Any] = {"@type": "NewsArticle", "author": writer, "datePublished": printed_in}
    if claim["outlet"]:
        article["publisher"] = {"@type": "Organization", "name": claim["outlet"]}
    review: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "ClaimReview",
        "inLanguage": "en",
        "author": {"@type": "Organization", "name": AUTHOR},
        "datePublished": reviewed_on.isoformat(),
        "claimReviewed": claim["quote"],
        "itemReviewed": {
            "@type": "Claim",
            "author": {"@type": "Person", "name": claim["speaker"]} if claim["speaker"] else writer,
            "datePublished": printed_in,
            "appearance": article,
        },
        "reviewRating": {
            "@type": "Rating",
            "alternateName": VERDICT_WORDS[claim["verdict"]],
            "ratingExplanation": claim["summary"],
        },
        "citation": list(sources),
    }
    if url:
        review["url"] = url
    return review


def _when(earliest: date, latest: date) -> str:
    """The day, or the month or year that is all that is known of it."""
    if earliest == latest:
        return earliest.isoformat()
    return (
        f"{earliest:%Y-%m}"
        if (earliest.year, earliest.month) == (latest.year, latest.month)
        else f"{earliest:%Y}"
    )
