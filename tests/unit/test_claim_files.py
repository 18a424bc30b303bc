"""Claims say what was printed, resolve its dates by a stated rule, and give the readings known of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from transforms import claims, published_figures
from transforms.claim_language import holds
from transforms.claim_verdict import Reading, verdict
from transforms.claims import Claim, ClaimError

LEDGER = {claim.number: claim for claim in claims.load()}

QUOTES = {
    1: "In January, border apprehensions increased nearly 160 percent compared to the same time last year.",
    2: "More than 75,000 border crossers were apprehended last month, which is the highest number of border "
    "crossers in the month of January since 2006.",
    3: "of the more than 71,000 asylum cases under the program, less than one percent of foreign nationals "
    "were found to have a legitimate asylum claim",
    4: "the roughly 25,600 foreign nationals enrolled in the Remain in Mexico program",
    5: "At two ports of entry, about 25 foreign nationals are being released daily, and at another port of "
    "entry, about 100",
}

# Final January values of measures, as the warehouse computes them from agency files.
JANUARIES = {
    "usbp_southwest": {
        **dict(zip(range(2000, 2007), (185979, 125090, 79793, 86925, 92521, 93020, 101195), strict=True)),
        **dict(zip(range(2007, 2014), (71934, 59028, 44502, 34784, 23926, 25714, 26921), strict=True)),
        **dict(zip(range(2014, 2021), (28668, 21514, 23758, 31576, 25975, 47979, 29205), strict=True)),
        2021: 75316,
    },
    "cbp_southwest": {2020: 36585, 2021: 78414},
    "usbp_nationwide": {2020: 29803, 2021: 75528},
    "usbp_southwest_title_8": {2019: 47979, 2020: 29205, 2021: 12787},
    "cbp_southwest_title_8": {2020: 36585, 2021: 14110},
}
FIRST_PUBLISHED = {"usbp_southwest": {2021: 75198}}
MPP = {
    (r["programme"], r["as_of"], r["measure_code"]): float(r["value"])
    for r in published_figures.mpp_figures()
    if r["as_of"] and not r["nationality"] and not r["hearing_location"]
}


def value_of(
    operation: str, definition: claims.Definition, januaries: dict[str, dict[int, int]]
) -> float | None:
    """The reading of one definition from the figures above; None where they do not hold it."""
    if definition.programme:

        def total(terms: tuple[tuple[str, int], ...]) -> float:
            return sum(sign * MPP[definition.programme, definition.as_of, code] for code, sign in terms)

        top = total(definition.numerator)
        return 100 * top / total(definition.denominator) if operation == "share" else top
    assert definition.measure_id
    assert definition.month_start
    series = januaries[definition.measure_id]
    source = FIRST_PUBLISHED[definition.measure_id] if definition.reading == "first_published" else series
    now = source.get(definition.month_start.year) if definition.month_start.month == 1 else None
    if now is None or operation == "level":
        return now
    if operation == "yoy_pct":
        assert definition.comparison_month
        prior = series[definition.comparison_month.year]
        return 100 * (now - prior) / prior
    return max(year for year, n in series.items() if year < definition.month_start.year and n >= now)


def readings(
    claim: Claim, januaries: dict[str, dict[int, int]] = JANUARIES
) -> dict[tuple[str, str], Reading]:
    found = {}
    for assertion in claim.assertions:
        for d in assertion.definitions:
            value = value_of(assertion.operation, d, januaries)
            held = None if value is None else holds(assertion.printed, value)
            found[assertion.id, d.id] = Reading(assertion.id, d.id, held, assertion.operation, d.bearing)  # type: ignore[arg-type]
    return found


def values(number: int) -> dict[tuple[str, str], float | None]:
    return {
        (a.id, d.id): value_of(a.operation, d, JANUARIES)
        for a in LEDGER[number].assertions
        for d in a.definitions
    }


@pytest.mark.parametrize("number", sorted(QUOTES))
def test_the_quote_is_verbatim(number: int) -> None:
    assert LEDGER[number].quote == QUOTES[number]


def test_the_five_claims_are_all_and_share_one_article_of_uncertain_day() -> None:
    assert set(LEDGER) == {1, 2, 3, 4, 5}
    assert {(c.byline, c.outlet, c.published_earliest, c.published_latest) for c in LEDGER.values()} == {
        ("John Binder", None, date(2021, 3, 1), date(2021, 3, 2))
    }


def test_last_month_in_a_march_article_is_january_because_the_sentence_names_it() -> None:
    claim = LEDGER[2]
    assert (claim.period_words, claim.month_start) == ("last month", date(2021, 1, 1))
    assert "the month of January" in claim.quote
    assert "February" in claim.period_rule


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (
            1,
            {
                ("increase", "usbp_southwest"): "157.9",
                ("increase", "usbp_southwest_first_published"): "157.5",
                ("increase", "cbp_southwest"): "114.3",
                ("increase", "usbp_nationwide"): "153.4",
                ("increase", "usbp_southwest_title_8"): "-56.2",
                ("increase", "cbp_southwest_title_8"): "-61.4",
                ("increase", "usbp_southwest_against_2019"): "57.0",
            },
        ),
        (
            2,
            {
                ("level", "usbp_southwest"): "75316.0",
                ("level", "usbp_southwest_first_published"): "75198.0",
                ("level", "usbp_southwest_title_8"): "12787.0",
                ("level", "usbp_southwest_february"): None,
                ("highest_since", "usbp_southwest"): "2006.0",
                ("highest_since", "usbp_southwest_first_published"): "2006.0",
                ("highest_since", "usbp_southwest_title_8"): "2020.0",
            },
        ),
        (
            4,
            {
                ("enrolled", "active_cohort"): "26432.0",
                ("enrolled", "active_department"): "25000.0",
                ("enrolled", "pending"): "29148.0",
                ("enrolled", "ever_enrolled"): "71036.0",
            },
        ),
    ],
)
def test_the_readings_are_those_known_to_the_digit(
    number: int, expected: dict[tuple[str, str], str | None]
) -> None:
    assert {k: None if v is None else f"{v:.1f}" for k, v in values(number).items()} == expected


def test_the_four_denominators_side_by_side() -> None:
    shares = {key[1]: f"{value:.2f}" for key, value in values(3).items() if key[0] == "share"}
    assert shares == {
        "of_all_assigned": "0.90",
        "of_completed": "1.53",
        "of_relief_and_removal": "1.92",
        "of_relief_and_removal_present": "11.87",
    }
    assert values(3)["cases", "cases_assigned"] == 71036


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, "supported_on_some_definitions"),
        (2, "supported_on_some_definitions"),
        (3, "denominator_sensitive"),
        (4, "supported_on_some_definitions"),
        (5, "out_of_scope"),
    ],
)
def test_the_verdicts(number: int, expected: str) -> None:
    claim = LEDGER[number]
    assert verdict(readings(claim).values(), is_in_scope=claim.is_in_scope) == expected


@pytest.mark.parametrize("measure", sorted(JANUARIES))
def test_changing_one_measure_changes_exactly_the_readings_that_use_it(measure: str) -> None:
    other = {**JANUARIES, measure: {year: 3 * n for year, n in JANUARIES[measure].items()}}
    other[measure][2021] += 1
    for claim in LEDGER.values():
        for assertion in claim.assertions:
            for d in assertion.definitions:
                before = value_of(assertion.operation, d, JANUARIES)
                after = value_of(assertion.operation, d, other)
                if d.measure_id != measure:
                    assert before == after
                elif before is not None and d.reading == "latest" and assertion.operation != "highest_since":
                    assert before != after


def test_title_42_share_in_the_caveat_is_that_of_the_series() -> None:
    total, title_8 = JANUARIES["usbp_southwest"][2021], JANUARIES["usbp_southwest_title_8"][2021]
    share = round(100 * (total - title_8) / total)
    assert any(caveat.startswith(f"{share} percent") for caveat in LEDGER[1].caveats)


def test_counts_named_by_definitions_are_published_counts() -> None:
    for row in claims.term_rows(LEDGER.values()):
        definition = next(
            d
            for d in claims.definition_rows(LEDGER.values())
            if (d["claim_id"], d["definition_id"]) == (row["claim_id"], row["definition_id"])
        )
        assert (definition["programme"], definition["as_of"], row["measure_code"]) in MPP


def test_partial_evidence_names_published_figures() -> None:
    known = {row["figure_id"] for row in published_figures.figures() + published_figures.mpp_figures()}
    evidence = claims.evidence_rows(LEDGER.values())
    assert {row["claim_id"] for row in evidence} == {LEDGER[5].id}
    assert {row["figure_id"] for row in evidence} <= known


def test_rows_join_on_claim_assertion_and_definition() -> None:
    ledger = list(LEDGER.values())
    assertions = {(r["claim_id"], r["assertion_id"]) for r in claims.assertion_rows(ledger)}
    definitions = [
        (r["claim_id"], r["assertion_id"], r["definition_id"]) for r in claims.definition_rows(ledger)
    ]
    assert len(definitions) == len(set(definitions))
    assert {d[:2] for d in definitions} <= assertions
    assert {a[0] for a in assertions} == {r["claim_id"] for r in claims.claim_rows(ledger)}
    terms = {(r["claim_id"], r["assertion_id"], r["definition_id"]) for r in claims.term_rows(ledger)}
    assert terms == {
        (r["claim_id"], r["assertion_id"], r["definition_id"])
        for r in claims.definition_rows(ledger)
        if r["basis"] == "mpp"
    }


def test_bounds_in_rows_give_the_same_answer_as_the_predicate() -> None:
    rows = {(r["claim_id"], r["assertion_id"]): r for r in claims.assertion_rows(LEDGER.values())}
    for claim in LEDGER.values():
        for assertion in claim.assertions:
            row = rows[claim.id, assertion.id]
            edges = [row["lower_bound"], row["upper_bound"] or 10 * row["lower_bound"]]
            for value in [edge + nudge for edge in edges for nudge in (-0.01, 0.0, 0.01)]:
                assert in_bounds(row, value) is holds(assertion.printed, value), (assertion.words, value)


def in_bounds(row: dict[str, Any], value: float) -> bool:
    low = value >= row["lower_bound"] if row["is_lower_closed"] else value > row["lower_bound"]
    if row["upper_bound"] is None:
        return low
    return low and (value <= row["upper_bound"] if row["is_upper_closed"] else value < row["upper_bound"])


def folder_with(tmp_path: Path, file: str, old: str, new: str) -> Path:
    for path in claims.CLAIMS.glob("*.yml"):
        text = path.read_text("utf-8")
        if path.name == file:
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / path.name).write_text(text, "utf-8")
    return tmp_path


FIRST = "1-apprehensions-nearly-160-percent.yml"


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (FIRST, "hedge: nearly", "hedge: about", r"increase: “nearly 160 percent” reads nearly 160 percent"),
        (FIRST, "number: 160", "number: 150", r"printed says nearly 150 percent; correct one of them"),
        (FIRST, "words: nearly 160 percent", "words: almost 160 percent", r"is not in the quote"),
        (FIRST, "operation: yoy_pct", "operation: growth", r"assertions.0.operation: 'growth'"),
        (FIRST, "id: cbp_southwest\n", "id: usbp_southwest\n", r"definition usbp_southwest is there twice"),
        (FIRST, "number: 1\n", "number: 2\n", r"2-highest.*: 2 is also in 1-apprehensions"),
        (FIRST, "month: 2021-01-01\n", "month: 2021-01-31\n", r"period.month: '2021-01-31'"),
        (FIRST, "quote:", "quote: [", r"not YAML"),
        (
            "5-daily-releases-at-ports.yml",
            "partial_evidence:",
            "evidence:",
            r"'evidence' was unexpected|'partial_evidence' is a required",
        ),
    ],
)
def test_a_claim_that_contradicts_itself_is_refused_by_file_and_field(
    tmp_path: Path, file: str, old: str, new: str, message: str
) -> None:
    folder = folder_with(tmp_path, file, old, new)
    with pytest.raises(ClaimError, match=message) as refused:
        claims.load(folder)
    assert "\n" not in str(refused.value)


def test_numbers_in_rows_are_plain() -> None:
    for row in claims.assertion_rows(LEDGER.values()):
        assert not [name for name, cell in row.items() if isinstance(cell, Decimal)]
