"""A printed sentence is corrected when a release moves its figure out of what the words allow, not before."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms import correction_feed, measures, printed_sentences, published_figures
from transforms.claim_language import PrintedFigureError, holds
from transforms.correction_feed import Change, PrintedSentence, Vintage, changes_since_printed, would_change

JANUARY_2021 = correction_feed.sentence(
    "more-than-75000-january-2021",
    "More than 75,000 border crossers were apprehended last month.",
    "More than 75,000",
    measure_id="usbp_southwest",
    month_start=date(2021, 1, 1),
    printed_on=date(2021, 3, 2),
)
EXPULSIONS = correction_feed.sentence(
    "expulsions-january-2023",
    "There were 64,499 expulsions in January.",
    "64,499 expulsions",
    measure_id="cbp_southwest_title_42",
    month_start=date(2023, 1, 1),
    printed_on=date(2023, 2, 10),
    url="https://example.org/january",
)


def figure(figure_id: str) -> Decimal:
    value = next(row["value"] for row in published_figures.figures() if row["figure_id"] == figure_id)
    assert isinstance(value, Decimal)
    return value


def change(sentence: PrintedSentence, old: float, new: float, release: str = "cbp_sbo-new") -> Change:
    return Change(sentence, old, new, "cbp_sbo-old", release, date(2023, 11, 30))


def test_more_than_75000_survives_both_restatements_of_january_2021() -> None:
    first = figure("usbp-southwest-2021-01-cbp-2021-02-10")
    march = figure("usbp-southwest-2021-01-cbp-2021-03")
    final = figure("usbp-southwest-2021-01-cbp-fy2021-final")
    assert (first, final) == (75198, 75316)
    assert would_change(JANUARY_2021, first, march) == "inside_precision"
    assert would_change(JANUARY_2021, first, final) == "inside_precision"


def test_an_exact_count_of_expulsions_does_not_survive_its_restatement() -> None:
    printed = figure("cbp-southwest-title-42-2023-01-cbp-2023-02-10")
    final = figure("cbp-southwest-title-42-2023-01-cbp-2023-11-file")
    assert (printed, final) == (64499, 68173)
    assert would_change(EXPULSIONS, printed, final) == "correction_needed"


@pytest.mark.parametrize(
    ("old", "new", "outcome"),
    [
        (75_198, 75_198, "unchanged"),
        (74_000, 74_000, "unchanged"),
        (75_198, 75_001, "inside_precision"),
        (75_198, 75_000, "correction_needed"),
        (74_000, 75_198, "inside_precision"),
        (74_000, 74_100, "correction_needed"),
    ],
)
def test_the_outcome_depends_on_the_new_value(old: int, new: int, outcome: str) -> None:
    assert would_change(JANUARY_2021, old, new) == outcome


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_correction_is_never_asked_for_while_the_words_hold(old: int, new: int) -> None:
    for sentence in (JANUARY_2021, EXPULSIONS):
        outcome = would_change(sentence, old, new)
        assert (outcome == "unchanged") is (old == new)
        if old != new:
            assert (outcome == "inside_precision") is holds(sentence.printed, new)


def test_the_feed_holds_corrections_only_and_the_log_every_change() -> None:
    changes = [
        change(JANUARY_2021, 75_198, 75_316),
        change(EXPULSIONS, 64_499, 68_173),
        change(EXPULSIONS, 64_499, 64_499),
    ]
    feed = correction_feed.render(changes, title="Corrections")
    assert [item["id"] for item in feed["items"]] == ["expulsions-january-2023:cbp_sbo-new"]
    assert [row["consequence"] for row in correction_feed.log_rows(changes)] == [
        "inside_precision",
        "correction_needed",
    ]


def test_the_feed_is_json_feed_1_1() -> None:
    feed = correction_feed.render(
        [change(EXPULSIONS, 64_499, 68_173)],
        title="Corrections",
        home_page_url="https://example.org/",
        feed_url="https://example.org/feed.json",
    )
    read = json.loads(json.dumps(feed))
    assert read["version"] == "https://jsonfeed.org/version/1.1"
    assert read["title"] == "Corrections"
    assert (read["home_page_url"], read["feed_url"]) == (
        "https://example.org/",
        "https://example.org/feed.json",
    )
    item = read["items"][0]
    assert item["date_published"] == "2023-11-30T00:00:00Z"
    assert item["external_url"] == "https://example.org/january"
    assert item["_border_ledger"]["new_value"] == 68_173
    assert item["content_text"] == (
        "“There were 64,499 expulsions in January.” (printed 2023-02-10). "
        "cbp_southwest_title_42 for 2023-01 was 64,499 and is 68,173; "
        "the printed words “64,499” mean 64,499 as rounded in print and do not allow it."
    )


def test_items_are_newest_first_and_one_release_corrects_a_sentence_once() -> None:
    older = change(EXPULSIONS, 64_499, 66_000, "cbp_sbo-1")
    newer = Change(EXPULSIONS, 66_000, 68_173, "cbp_sbo-1", "cbp_sbo-2", date(2023, 12, 31))
    feed = correction_feed.render([older, newer, older], title="Corrections")
    assert [item["_border_ledger"]["new_release_id"] for item in feed["items"]] == ["cbp_sbo-2", "cbp_sbo-1"]


def test_words_that_are_not_in_the_sentence_are_refused() -> None:
    with pytest.raises(PrintedFigureError, match="is not in the sentence"):
        correction_feed.sentence(
            "x",
            "More than 75,000 were apprehended.",
            "nearly 75,000",
            measure_id="usbp_southwest",
            month_start=date(2021, 1, 1),
            printed_on=date(2021, 3, 2),
        )


PAGE, FILE, LATER = (
    Vintage("page", date(2023, 2, 10), 64_499, True),
    Vintage("file", date(2023, 11, 30), 68_173, False),
    Vintage("later", date(2023, 12, 31), 68_173, False),
)


def steps_of(*vintages: Vintage) -> list[tuple[float | None, float, str]]:
    return [(c.old_value, c.new_value, c.outcome) for c in changes_since_printed(EXPULSIONS, vintages)]


def test_changes_are_those_after_the_sentence_was_printed() -> None:
    before = Vintage("before", date(2023, 1, 31), 60_000, False)
    assert steps_of(PAGE, FILE, LATER) == [(64_499, 68_173, "correction_needed")]
    assert steps_of(before) == []
    assert steps_of(Vintage("before", date(2023, 2, 9), 60_000, True), PAGE) == []


def test_a_page_never_displaces_a_file() -> None:
    quoted = Vintage("quoted later", date(2024, 1, 31), 64_499, True)
    assert steps_of(PAGE, FILE, quoted, LATER) == [(64_499, 68_173, "correction_needed")]


def test_a_value_first_published_after_the_sentence_is_held_against_its_words() -> None:
    assert steps_of(FILE) == [(None, 68_173, "correction_needed")]
    assert steps_of(Vintage("file", date(2023, 11, 30), 64_499, False)) == [
        (None, 64_499, "inside_precision")
    ]
    change_of = changes_since_printed(EXPULSIONS, [FILE])[0]
    assert "was not published when the sentence was printed and is 68,173" in correction_feed.explain(
        change_of
    )


def register(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "printed_sentences.yml"
    path.write_text(text, "utf-8")
    return path


ENTRY = """
- id: a
  text: More than 75,000 were met.
  words: More than 75,000
  measure: usbp_southwest
  month: 2021-01-01
  printed_on: 2021-03-02
  source: An article without an address.
  url: null
"""


def test_the_register_reads_as_sentences_with_their_precision() -> None:
    known = {s.sentence_id: s for s in printed_sentences.load(measures.measures())}
    assert known["more-than-75000-january-2021"].printed == JANUARY_2021.printed
    assert known["64499-expulsions-january-2023"].printed.number == 64_499
    for row in printed_sentences.sentence_rows(known.values()):
        assert row["words"] in row["sentence_text"]


def test_a_registered_entry_is_a_sentence(tmp_path: Path) -> None:
    assert [s.sentence_id for s in printed_sentences.load(path=register(tmp_path, ENTRY))] == ["a"]
    assert printed_sentences.load(path=register(tmp_path, "")) == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2021-01-01", "2021-01-31", "sentence 1: month: '2021-01-31' does not match"),
        ("words: More", "words: Fewer", "sentence 1: words: a: “Fewer than 75,000” is not in the sentence"),
        ("words: More than 75,000", "words: were met", "sentence 1: words: “were met” holds 0 figures"),
        ("usbp_southwest", "usbp_moon", "measure 'usbp_moon' is none of transforms/measures.yml"),
        ("url: null", "link: null", "sentence 1: entry: .*'link' was unexpected"),
        ("- id: a", "- id: [", "not YAML"),
        (ENTRY, "id: a", "expected a list"),
        (ENTRY, ENTRY + ENTRY, "sentence 2: id 'a' is there twice"),
    ],
)
def test_a_register_that_breaks_its_schema_is_refused_by_entry_and_field(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = register(tmp_path, ENTRY.replace(old, new, 1))
    with pytest.raises(printed_sentences.PrintedSentenceError, match=message) as refused:
        printed_sentences.load(measures.measures(), path)
    assert "\n" not in str(refused.value)
