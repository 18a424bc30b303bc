"""The claims half of a build: reviewed claims as rows, verdicts from readings, and what releases did to sentences.

Belongs here: joining the rules of `transforms` (verdict, printed precision, correction feed) with the warehouse's
tables. Does not belong here: the value of a reading (transforms/marts/claim_readings.sql), Dagster, the screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pyarrow as pa

from transforms import claim_summary, claims, correction_feed, measures, printed_sentences, published_figures
from transforms.claim_verdict import Reading, parts, verdict
from transforms.correction_feed import Change, PrintedSentence, Vintage
from warehouse import contracts
from warehouse.writer import Warehouse

Row = dict[str, Any]


@cache
def reviewed_rows() -> dict[str, list[Row]]:
    """Rows of the reviewed tables of claims and sentences, by table."""
    ledger = claims.load()
    known = measures.measures()
    return {
        "meta.claims": claims.claim_rows(ledger),
        "meta.claim_assertions": claims.assertion_rows(ledger),
        "meta.claim_definitions": claims.definition_rows(ledger),
        "meta.claim_terms": claims.term_rows(ledger),
        "meta.claim_evidence": claims.evidence_rows(ledger),
        "meta.mpp_figures": _mpp_figures(),
        "meta.printed_sentences": printed_sentences.sentence_rows(printed_sentences.load(known)),
    }


def _mpp_figures() -> list[Row]:
    return [
        {
            **row,
            "line_no": line_no,
            "printed_value": float(row["value"]),
            "tolerance": None if row["tolerance"] is None else float(row["tolerance"]),
            "hedge_label": row["hedge"],
            "publisher_code": row["publisher"],
            "published_precision": row["published_on_precision"],
            "figure_label": row["label"],
        }
        for line_no, row in enumerate(published_figures.mpp_figures(), 2)
    ]


def judge_claims(warehouse: Warehouse) -> int:
    """Write marts.claims from marts.claim_readings by the rule of `transforms.claim_verdict`; returns the claims."""
    found = _rows(
        warehouse,
        "select * from marts.claim_readings order by claim_number, assertion_no, definition_no, vintage_no",
    )
    ledger = _rows(warehouse, "select * from meta.claims order by claim_number")
    words = {
        (r["claim_id"], r["assertion_id"]): r for r in _rows(warehouse, "select * from meta.claim_assertions")
    }
    evidence = dict(
        warehouse.con.execute(
            "select claim_id, count(*) from meta.claim_evidence group by claim_id"
        ).fetchall()
    )
    rows = []
    for claim in ledger:
        readings = [r for r in found if r["claim_id"] == claim["claim_id"]]
        counted = [_reading(r) for r in readings if r["is_counted"]]
        held = [outcome for part in parts(counted) for outcome in part.holds.values()]
        in_scope = claim["is_in_scope"]
        rows.append(
            {
                **claim,
                "verdict": verdict(counted, is_in_scope=in_scope),
                "verdict_when_printed": verdict(_when_printed(readings), is_in_scope=in_scope),
                "definitions_holding": held.count(True),
                "definitions_failing": held.count(False),
                "definitions_missing": held.count(None),
                "summary": claim_summary.out_of_scope(
                    claim["out_of_scope_reason"], evidence.get(claim["claim_id"], 0)
                )
                if not in_scope
                else claim_summary.in_scope(parts(counted), _figures(readings), words, claim["claim_id"])
                + claim_summary.of_courts(readings),
            }
        )
    return _replace(warehouse, "marts.claims", rows)


def _reading(row: Row) -> Reading:
    return Reading(
        row["assertion_id"],
        row["definition_id"],
        row["holds"],
        row["operation"],
        row["bearing"],
        row["is_synthetic"],
    )


def _when_printed(readings: list[Row]) -> list[Reading]:
    """One reading a definition, as public when the article appeared; missing where none was."""
    answers: dict[tuple[str, str], Row] = {}
    for row in readings:
        key = row["assertion_id"], row["definition_id"]
        if row["is_answer_when_printed"] or key not in answers:
            answers[key] = row if row["is_answer_when_printed"] else {**row, "holds": None}
    return [_reading(row) for row in answers.values()]


def _figures(readings: list[Row]) -> Mapping[tuple[str, str], Row]:
    return {(r["assertion_id"], r["definition_id"]): r for r in readings if r["is_counted"]}


def log_sentence_changes(warehouse: Warehouse) -> int:
    """Write marts.sentence_changes from marts.measure_vintages; returns the changes."""
    changes: list[Change] = []
    for sentence in _sentences(warehouse):
        vintages = [
            Vintage(*row)
            for row in warehouse.con.execute(
                "select release_id, published_on, value, is_quoted from marts.measure_vintages "
                "where measure_id = ? and month_start = ? and trust <> 'synthetic' order by vintage_no",
                [sentence.measure_id, sentence.month_start],
            ).fetchall()
        ]
        changes += correction_feed.changes_since_printed(sentence, vintages)
    return _replace(warehouse, "marts.sentence_changes", correction_feed.log_rows(changes))


def _sentences(warehouse: Warehouse) -> list[PrintedSentence]:
    return sentences_of(_rows(warehouse, "select * from meta.printed_sentences order by sentence_id"))


def sentences_of(rows: list[Row]) -> list[PrintedSentence]:
    """Sentences from rows of meta.printed_sentences."""
    return [
        correction_feed.sentence(
            row["sentence_id"],
            row["sentence_text"],
            row["words"],
            measure_id=row["measure_id"],
            month_start=row["month_start"],
            printed_on=row["printed_on"],
            url=row["url"],
            source=row["sentence_source"],
        )
        for row in rows
    ]


def changes_of(sentences: list[Row], changes: list[Row]) -> list[Change]:
    """Changes from rows of meta.printed_sentences and marts.sentence_changes, as the feed is rendered from them."""
    known = {s.sentence_id: s for s in sentences_of(sentences)}
    return [
        Change(
            known[row["sentence_id"]],
            row["old_value"],
            row["new_value"],
            row["old_release_id"],
            row["new_release_id"],
            row["published_on"],
        )
        for row in changes
    ]


def _rows(warehouse: Warehouse, sql: str) -> list[Row]:
    cursor = warehouse.con.execute(sql)
    names = [d[0] for d in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


_ARROW = {
    "VARCHAR": pa.string(),
    "VARCHAR[]": pa.list_(pa.string()),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "DATE": pa.date32(),
}


def _replace(warehouse: Warehouse, table: str, rows: list[Row]) -> int:
    """Make a contracted table from rows in Python."""
    schema = pa.schema([(c.name, _ARROW[c.type]) for c in contracts.table(table).columns])
    plain = [{name: row.get(name) for name in schema.names} for row in rows]
    warehouse.con.register("rows_in_python", pa.Table.from_pylist(plain, schema))
    try:
        return warehouse.replace(table, "select * from rows_in_python")
    finally:
        warehouse.con.unregister("rows_in_python")
