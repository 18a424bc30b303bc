"""The register of printed sentences that are watched for corrections.

Belongs here: reading claims/printed_sentences.yml. Does not belong here: what a release does to a sentence
(`transforms.correction_feed`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, FormatChecker

from transforms import correction_feed
from transforms.claim_language import PrintedFigureError, describe
from transforms.claims import CLAIMS, PRINTED_SENTENCES
from transforms.correction_feed import PrintedSentence


class PrintedSentenceError(Exception):
    """An entry of the register breaks its schema; the message names file, entry, field and value."""


def load(
    measures: Collection[str] | None = None, path: Path = CLAIMS / PRINTED_SENTENCES
) -> tuple[PrintedSentence, ...]:
    """Every registered sentence, in the order of the file; `measures` are the ids a sentence may name."""
    schema = json.loads((CLAIMS / "printed_sentence.schema.json").read_text("utf-8"))
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    try:
        entries = yaml.safe_load(path.read_text("utf-8")) or []
    except yaml.YAMLError as problem:
        raise PrintedSentenceError(f"{path.name}: not YAML: {' '.join(str(problem).split())}") from None
    if not isinstance(entries, list):
        raise PrintedSentenceError(f"{path.name}: expected a list of sentences; start each with `- id:`")
    sentences: list[PrintedSentence] = []
    for number, entry in enumerate(entries, 1):
        where = f"{path.name}: sentence {number}"
        entry = _plain(entry)
        for error in validator.iter_errors(entry):
            field = ".".join(str(part) for part in error.absolute_path) or "entry"
            raise PrintedSentenceError(f"{where}: {field}: {error.message}; see printed_sentence.schema.json")
        if entry["id"] in {s.sentence_id for s in sentences}:
            raise PrintedSentenceError(f"{where}: id {entry['id']!r} is there twice; give each its own")
        if measures is not None and entry["measure"] not in measures:
            raise PrintedSentenceError(
                f"{where}: measure {entry['measure']!r} is none of transforms/measures.yml; name one of them"
            )
        try:
            sentences.append(
                correction_feed.sentence(
                    entry["id"],
                    " ".join(entry["text"].split()),
                    entry["words"],
                    measure_id=entry["measure"],
                    month_start=date.fromisoformat(entry["month"]),
                    printed_on=date.fromisoformat(entry["printed_on"]),
                    url=entry["url"],
                    source=entry["source"],
                )
            )
        except PrintedFigureError as problem:
            raise PrintedSentenceError(f"{where}: words: {problem}") from None
    return tuple(sentences)


def sentence_rows(sentences: Iterable[PrintedSentence]) -> list[dict[str, Any]]:
    """One row a sentence: sentence_id, sentence_text, words, measure_id, month_start, printed_on, source."""
    return [
        {
            "sentence_id": s.sentence_id,
            "sentence_text": s.text,
            "words": s.printed.text,
            "measure_id": s.measure_id,
            "month_start": s.month_start,
            "printed_on": s.printed_on,
            "sentence_source": s.source,
            "url": s.url,
            "allowed": describe(s.printed),
        }
        for s in sentences
    ]


def _plain(entry: Any) -> Any:
    """YAML dates as ISO text, so that the schema sees what the file says."""
    if not isinstance(entry, dict):
        return entry
    return {key: value.isoformat() if isinstance(value, date) else value for key, value in entry.items()}
