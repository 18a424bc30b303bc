"""Claims as data: quotes, the figures printed in them, and the definitions each is tested under.

Belongs here: reading claims/*.yml and laying them out as rows to join. Does not belong here: the value of a
reading, or the verdict.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, FormatChecker

from transforms.claim_language import (
    Hedge,
    PrintedFigure,
    PrintedFigureError,
    bounds,
    describe,
    parse,
)

CLAIMS = Path(__file__).parent.parent / "claims"
#: The register of sentences for the correction feed lies beside the claims and is none.
PRINTED_SENTENCES = "printed_sentences.yml"

Row = dict[str, Any]


class ClaimError(Exception):
    """A claim breaks its schema or contradicts itself; the message names file, field and value."""


@dataclass(frozen=True)
class Definition:
    """One way to read an assertion: either a measure and month, or counts of one programme as of a day.

    `stand_in_figure_id` names a published figure that is read while no release holds the measure's month.
    """

    id: str
    label: str
    bearing: str
    note: str
    measure_id: str | None = None
    month_start: date | None = None
    comparison_month: date | None = None
    reading: str | None = None
    comparison_reading: str | None = None
    stand_in_figure_id: str | None = None
    programme: str | None = None
    as_of: date | None = None
    numerator: tuple[tuple[str, int], ...] = ()
    denominator: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Assertion:
    """One printed figure of a claim, and what it says about the value of each definition."""

    id: str
    words: str
    printed: PrintedFigure
    operation: str
    definitions: tuple[Definition, ...]


@dataclass(frozen=True)
class Claim:
    """One quoted claim; `file` is the name of the file it was read from."""

    id: str
    number: int
    file: str
    is_in_scope: bool
    quote: str
    byline: str
    outlet: str | None
    speaker: str | None
    published_printed: str
    published_earliest: date
    published_latest: date
    period_words: str | None
    month_start: date | None
    comparison_words: str | None
    comparison_month: date | None
    period_rule: str
    assertions: tuple[Assertion, ...]
    caveats: tuple[str, ...]
    out_of_scope_reason: str | None
    partial_evidence: tuple[tuple[str, str], ...]


def load(folder: Path = CLAIMS) -> tuple[Claim, ...]:
    """Every claim of the folder by number; ClaimError on the first that breaks claim.schema.json."""
    schema = json.loads((CLAIMS / "claim.schema.json").read_text("utf-8"))
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    files = [path for path in sorted(folder.glob("*.yml")) if path.name != PRINTED_SENTENCES]
    claims = [_claim(path, validator) for path in files]
    seen: dict[str | int, str] = {}
    for claim in claims:
        for name in (claim.id, claim.number):
            if name in seen:
                raise ClaimError(f"{claim.file}: {name!r} is also in {seen[name]}; give each claim its own")
            seen[name] = claim.file
    return tuple(sorted(claims, key=lambda claim: claim.number))


def claim_rows(claims: Iterable[Claim]) -> list[Row]:
    """One row a claim: claim_id, claim_number, quote, byline, article dates, period and rule, caveats."""
    return [
        {
            "claim_id": c.id,
            "claim_number": c.number,
            "claim_file": c.file,
            "is_in_scope": c.is_in_scope,
            "quote": c.quote,
            "byline": c.byline,
            "outlet": c.outlet,
            "speaker": c.speaker,
            "article_published": c.published_printed,
            "article_published_earliest": c.published_earliest,
            "article_published_latest": c.published_latest,
            "period_words": c.period_words,
            "month_start": c.month_start,
            "comparison_words": c.comparison_words,
            "comparison_month": c.comparison_month,
            "period_rule": c.period_rule,
            "caveats": list(c.caveats),
            "out_of_scope_reason": c.out_of_scope_reason,
        }
        for c in claims
    ]


def assertion_rows(claims: Iterable[Claim]) -> list[Row]:
    """One row a printed figure: claim_id, assertion_id, words, operation, and the bounds it allows."""
    rows = []
    for claim in claims:
        for assertion_no, assertion in enumerate(claim.assertions, 1):
            printed, allowed = assertion.printed, bounds(assertion.printed)
            rows.append(
                {
                    "claim_id": claim.id,
                    "assertion_id": assertion.id,
                    "assertion_no": assertion_no,
                    "words": assertion.words,
                    "operation": assertion.operation,
                    "printed_number": float(printed.number),
                    "hedge": printed.hedge,
                    "printed_unit": printed.unit,
                    "lower_bound": float(allowed.lower),
                    "is_lower_closed": allowed.lower_closed,
                    "upper_bound": None if allowed.upper is None else float(allowed.upper),
                    "is_upper_closed": allowed.upper_closed,
                    "allowed": describe(printed),
                }
            )
    return rows


def definition_rows(claims: Iterable[Claim]) -> list[Row]:
    """One row an assertion × definition: basis `measure` (measure_id, month_start, …) or `mpp` (as_of, …)."""
    return [
        {
            "claim_id": claim.id,
            "assertion_id": assertion.id,
            "definition_id": d.id,
            "definition_no": n,
            "definition_label": d.label,
            "bearing": d.bearing,
            "basis": "mpp" if d.measure_id is None else "measure",
            "measure_id": d.measure_id,
            "month_start": d.month_start,
            "comparison_month": d.comparison_month,
            "vintage_choice": d.reading,
            "comparison_vintage_choice": d.comparison_reading,
            "stand_in_figure_id": d.stand_in_figure_id,
            "programme": d.programme,
            "as_of": d.as_of,
            "note": d.note,
        }
        for claim in claims
        for assertion in claim.assertions
        for n, d in enumerate(assertion.definitions, 1)
    ]


def term_rows(claims: Iterable[Claim]) -> list[Row]:
    """One row a count in a definition of basis `mpp`: part (numerator, denominator), measure_code, sign."""
    return [
        {
            "claim_id": claim.id,
            "assertion_id": assertion.id,
            "definition_id": d.id,
            "part": part,
            "measure_code": code,
            "sign": sign,
        }
        for claim in claims
        for assertion in claim.assertions
        for d in assertion.definitions
        for part, terms in (("numerator", d.numerator), ("denominator", d.denominator))
        for code, sign in terms
    ]


def evidence_rows(claims: Iterable[Claim]) -> list[Row]:
    """One row a published figure that bears on a claim out of scope: claim_id, figure_id, note."""
    return [
        {"claim_id": claim.id, "figure_id": figure_id, "note": note}
        for claim in claims
        for figure_id, note in claim.partial_evidence
    ]


def _claim(path: Path, validator: Draft202012Validator) -> Claim:
    try:
        entry = _plain(yaml.safe_load(path.read_text("utf-8")))
    except yaml.YAMLError as problem:
        raise ClaimError(f"{path.name}: not YAML: {' '.join(str(problem).split())}") from None
    for error in validator.iter_errors(entry):
        field = ".".join(str(part) for part in error.absolute_path) or "claim"
        raise ClaimError(f"{path.name}: {field}: {error.message}; see claim.schema.json")
    quote = " ".join(entry["quote"].split())
    article, period = entry["article"], entry["period"]
    for words in (period["words"], period["comparison_words"], *(a["words"] for a in entry["assertions"])):
        if words is not None and words not in quote:
            raise ClaimError(f"{path.name}: “{words}” is not in the quote; copy the words from it")
    return Claim(
        id=entry["id"],
        number=entry["number"],
        file=path.name,
        is_in_scope=entry["scope"] == "in_scope",
        quote=quote,
        byline=article["byline"],
        outlet=article["outlet"],
        speaker=entry["speaker"],
        published_printed=article["published"]["printed"],
        published_earliest=date.fromisoformat(article["published"]["earliest"]),
        published_latest=date.fromisoformat(article["published"]["latest"]),
        period_words=period["words"],
        month_start=_date(period["month"]),
        comparison_words=period["comparison_words"],
        comparison_month=_date(period["comparison_month"]),
        period_rule=" ".join(period["rule"].split()),
        assertions=tuple(_assertion(path, assertion) for assertion in entry["assertions"]),
        caveats=tuple(" ".join(caveat.split()) for caveat in entry["caveats"]),
        out_of_scope_reason=entry.get("out_of_scope_reason"),
        partial_evidence=tuple((e["figure_id"], e["note"]) for e in entry.get("partial_evidence", ())),
    )


def _assertion(path: Path, entry: Row) -> Assertion:
    stated: tuple[Decimal, Hedge, str] = (
        Decimal(str(entry["printed"]["number"])),
        entry["printed"]["hedge"],
        entry["printed"]["unit"],
    )
    try:
        printed = parse(entry["words"])
    except PrintedFigureError as error:
        raise ClaimError(f"{path.name}: {entry['id']}: {error}") from None
    if stated[2] == "year":
        printed = replace(printed, unit="year")
    if (printed.number, printed.hedge, printed.unit) != stated:
        raise ClaimError(
            f"{path.name}: {entry['id']}: “{entry['words']}” reads {printed.hedge} {printed.number} "
            f"{printed.unit}, printed says {stated[1]} {stated[0]} {stated[2]}; correct one of them"
        )
    definitions = tuple(_definition(definition) for definition in entry["definitions"])
    ids = [definition.id for definition in definitions]
    if repeated := {name for name in ids if ids.count(name) > 1}:
        raise ClaimError(f"{path.name}: {entry['id']}: definition {min(repeated)} is there twice; keep one")
    return Assertion(entry["id"], entry["words"], printed, entry["operation"], definitions)


def _definition(entry: Row) -> Definition:
    measure, mpp = entry.get("measure", {}), entry.get("mpp", {})
    return Definition(
        id=entry["id"],
        label=entry["label"],
        bearing=entry["bearing"],
        note=entry["note"],
        measure_id=measure.get("id"),
        month_start=_date(measure.get("month")),
        comparison_month=_date(measure.get("comparison_month")),
        reading=measure.get("reading"),
        comparison_reading=measure.get("comparison_reading"),
        stand_in_figure_id=measure.get("stand_in_figure"),
        programme=mpp.get("programme"),
        as_of=_date(mpp.get("as_of")),
        numerator=_terms(mpp.get("numerator")),
        denominator=_terms(mpp.get("denominator")),
    )


def _terms(entry: dict[str, list[str]] | None) -> tuple[tuple[str, int], ...]:
    if entry is None:
        return ()
    return tuple((code, sign) for sign, codes in ((1, entry["plus"]), (-1, entry["minus"])) for code in codes)


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _plain(value: Any) -> Any:
    """YAML dates as ISO text, so that the schema sees what the file says."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value
