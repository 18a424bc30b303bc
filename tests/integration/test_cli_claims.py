"""The commands over claims and figures, on a published file made of the carried series alone."""

from __future__ import annotations

import csv
import datetime as dt
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from installation import ROOT, Home, Ledger, one_line
from jsonschema import Draft202012Validator
from test_claim_ledger import build
from typer.testing import CliRunner

from orchestration import claim_steps
from orchestration.cli import app
from transforms.table_macros import table_macros
from warehouse import macros, provenance, publish
from warehouse.archive import Archive
from warehouse.paths import Home as Folders

PUBLISHED_AT = dt.datetime(2026, 1, 1)


@pytest.fixture(scope="module")
def folders(carried: Ledger) -> Folders:
    """A home whose published file holds the claims, judged on the carried series."""
    build(carried.warehouse, "marts.claim_readings", "marts.january_yoy", "marts.revisions")
    macros.create(carried.warehouse.con, table_macros())
    claim_steps.judge_claims(carried.warehouse)
    claim_steps.log_sentence_changes(carried.warehouse)
    found = Folders(carried.archive.root.parent)
    publish.publish(carried.warehouse, found.published_file, code="test", now=PUBLISHED_AT)
    return found


@pytest.fixture
def border(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("BORDER_HOME", str(folders.root))

    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, list(arguments))
        assert result.exit_code == code, result.output
        return result.output if code == 0 else result.stderr

    return run


def data(output: str) -> Any:
    return json.loads(output)


# Claims


def test_the_list_answers_all_five_claims(border: Any) -> None:
    listed = data(border("claims", "--json"))
    assert [(c["claim_number"], c["verdict"]) for c in listed] == [
        (1, "supported_on_some_definitions"),
        (2, "supported_on_some_definitions"),
        (3, "denominator_sensitive"),
        (4, "supported_on_some_definitions"),
        (5, "out_of_scope"),
    ]
    shown = border("claims").replace("\u00a0", " ")
    for figure in (
        "+157.9 %",
        "+157.5 %",
        "+114.3 %",
        "+153.4 %",
        "−56.2 %",
        "−61.4 %",
        "0.90 %",
        "1.53 %",
        "1.92 %",
    ):
        assert figure in shown
    for figure in (
        "11.87 %",
        "75,316 events",
        "12,787 events",
        "71,036 cases",
        "26,432 cases",
        "25,000 cases",
    ):
        assert figure in shown


@pytest.mark.parametrize("name", ["1", "apprehensions-nearly-160-percent"])
def test_one_claim_is_shown_from_the_quote_to_the_commands_that_lead_further(border: Any, name: str) -> None:
    shown = border("claim", name)
    for text in (
        "“In January, border apprehensions increased nearly 160 percent compared to the same time last year.”",
        "John Binder, outlet not recorded, 1–2 March 2021; the article's own words.",
        "A month named without a year in an article is the last such month before the article",
        "allows: from 155 to 160",
        "+62,529 is Title 42 and −16,418 is not",
        "2020-03-20 Title 42 expulsions begin (title_42_start)",
        "no release holds the month; a published figure stands in: usbp-nationwide-2021-01-cbp-aor-aggregate",
        "reference/published_figures.csv:109: 75,528 events (exact), cbp, undated",
        "re-encoded from sbo-encounters-fy19-fy22.csv",
        "border explain usbp_southwest 2021-01",
    ):
        assert text in shown


def test_a_named_line_of_a_published_figure_is_that_figure(border: Any) -> None:
    for number in "12345":
        for figure in data(border("claim", number, "--json"))["figures"]:
            lines = (ROOT / figure["file"]).read_text("utf-8").splitlines()
            row = next(csv.DictReader([lines[0], lines[figure["line_no"] - 1]]))
            assert (row["figure_id"], float(row["value"])) == (figure["figure_id"], figure["printed_value"])
            assert row["source"] == figure["source"]


def test_a_claim_out_of_scope_shows_why_and_its_partial_evidence(border: Any) -> None:
    shown = border("claim", "5")
    assert "Neither CBP's encounter files nor the immigration-court records" in shown
    assert "from 23.75 to 26.25" in shown
    assert shown.count("people per day") == 5


def test_an_unknown_claim_is_one_line_that_names_the_known_ones(border: Any) -> None:
    refused = border("claim", "9", code=2)
    assert one_line(refused.replace("\n(", " ("))
    assert "1 (apprehensions-nearly-160-percent)" in refused


#: What a reader of ClaimReview needs: https://schema.org/ClaimReview
CLAIM_REVIEW = {
    "type": "object",
    "required": [
        "@context",
        "@type",
        "author",
        "datePublished",
        "claimReviewed",
        "itemReviewed",
        "reviewRating",
    ],
    "properties": {
        "@context": {"const": "https://schema.org"},
        "@type": {"const": "ClaimReview"},
        "author": {"$ref": "#/$defs/party"},
        "datePublished": {"$ref": "#/$defs/date"},
        "claimReviewed": {"type": "string", "minLength": 20},
        "url": {"type": "string", "format": "uri"},
        "citation": {"type": "array", "minItems": 1, "items": {"type": "string"}},
        "itemReviewed": {
            "type": "object",
            "required": ["@type", "author", "datePublished", "appearance"],
            "properties": {
                "@type": {"const": "Claim"},
                "author": {"$ref": "#/$defs/party"},
                "datePublished": {"$ref": "#/$defs/date"},
                "appearance": {"type": "object", "required": ["@type", "author", "datePublished"]},
            },
        },
        "reviewRating": {
            "type": "object",
            "required": ["@type", "alternateName", "ratingExplanation"],
            "properties": {"@type": {"const": "Rating"}, "alternateName": {"type": "string"}},
            "additionalProperties": {"type": "string"},
        },
    },
    "$defs": {
        "date": {"type": "string", "pattern": r"^\d{4}(-\d{2}(-\d{2})?)?$"},
        "party": {
            "type": "object",
            "required": ["@type", "name"],
            "properties": {
                "@type": {"enum": ["Organization", "Person"]},
                "name": {"type": "string", "minLength": 2},
            },
        },
    },
}


@pytest.mark.parametrize("number", "12345")
def test_a_claim_review_is_json_ld_with_the_verdict_in_words(border: Any, number: str) -> None:
    review = data(border("claim", number, "--claim-review"))
    Draft202012Validator(CLAIM_REVIEW).validate(review)
    claim = data(border("claim", number, "--json"))["claim"]
    assert review["claimReviewed"] == claim["quote"]
    assert review["reviewRating"]["ratingExplanation"] == claim["summary"]
    assert "ratingValue" not in review["reviewRating"]
    assert review["itemReviewed"]["datePublished"] == "2021-03"
    assert review["datePublished"] == "2026-01-01"


def test_every_figure_of_a_claim_review_is_cited_with_a_query_that_gives_it(
    border: Any, folders: Folders
) -> None:
    cited = [c for c in data(border("claim", "1", "--claim-review"))["citation"] if "; select " in c]
    assert len(cited) >= 6
    with duckdb.connect(str(folders.published_file), read_only=True) as con:
        for line in cited:
            printed = line.split(": ")[2].split(" events;")[0]
            value = con.execute(line.split("; ")[-1]).fetchone()
            assert value is not None
            assert f"{value[0]:,}" == printed


# From the figure down


@pytest.mark.parametrize(
    ("measure", "month", "value"),
    [
        ("usbp_southwest", "2021-01", 75_316),
        ("usbp_southwest", "2000-01", 185_979),
        ("usbp_southwest_title_8", "2021-01", 12_787),
        ("cbp_southwest", "2021-01", 78_414),
        ("cbp_nationwide", "2023-01", 209_151),
        ("usbp_nationwide", "2020-01", 29_803),
        ("usbp_southwest_tucson", "2021-01", 10_751),
    ],
)
def test_adding_up_the_named_lines_by_hand_gives_the_figure(
    border: Any, measure: str, month: str, value: int
) -> None:
    explained = data(border("explain", measure, month, "--json"))
    # Ten lines of plain Python over the archived bytes.
    total = 0
    with Path(explained["file"]).open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if number in explained["line_nos"]:
                total += int(line.rstrip().split(",")[-1])
    assert total == explained["value"] == value
    assert sum(line["encounters"] for line in explained["lines"]) == value


def test_every_answer_of_every_measure_is_the_sum_of_its_lines(folders: Folders) -> None:
    """A January a decade and measure; the lines of each are added up from the bytes."""
    archive = Archive(folders.archive)
    with duckdb.connect(str(folders.published_file), read_only=True) as con:
        asked = con.execute(
            "select measure_id, month_start from marts.measure_vintages where latest_rank = 1 and month(month_start) = 1 "
            "and not is_quoted qualify row_number() over "
            "(partition by measure_id, year(month_start) // 5 order by month_start) = 1"
        ).fetchall()
        assert len(asked) > 60
        for measure, month in asked:
            found = provenance.figure(con, measure, month)
            assert (
                sum(line.encounters for line in provenance.source_lines(con, archive, found)) == found.value
            )


def test_a_figure_is_explained_by_release_file_origin_query_and_lines(border: Any) -> None:
    shown = border("explain", "usbp_southwest", "2021-01", "--lines", "2")
    for text in (
        "January 2021: 75,316 events (final)",
        "vintage 4 of 4, the answer today",
        "component_code = 'usbp' and region_code = 'southwest'",
        "re-encoded from sbo-encounters-fy19-fy22.csv, sha256 eedf60aad15ef7b274350df76037dc0540807c0199",
        "transforms/core/cbp__monthly_encounters.sql",
        "Lines     26 of 2,265: 1169–1194",
        "2021-01,2021,usbp,southwest,all,all,family_unit,el_salvador,title_42,expulsions,380",
        "2 of 26 shown",
    ):
        assert text in shown
    assert "They add up to 75,316." in border("explain", "usbp_southwest", "2021-01", "--all")
    assert "from core.cbp__conformed_lines" in border("explain", "usbp_southwest", "2021-01", "--sql")


@pytest.mark.parametrize(
    ("option", "value", "release"),
    [
        (("--as-of", "2021-02-11"), 75_198, "quoted-"),
        (("--as-of", "2021-03-31"), 75_312, "usbp_southwest_workbook-"),
        (("--release", "usbp_southwest_workbook"), 75_312, "usbp_southwest_workbook-"),
        ((), 75_316, "cbp_sbo-"),
    ],
)
def test_an_older_value_is_explained_from_its_own_release(
    border: Any, option: tuple[str, ...], value: int, release: str
) -> None:
    explained = data(border("explain", "usbp_southwest", "2021-01", "--json", *option))
    assert explained["value"] == value
    assert explained["release"]["release_id"].startswith(release)


def test_a_quoted_figure_is_its_line_of_the_carried_list_and_the_page(border: Any) -> None:
    explained = data(border("explain", "usbp_southwest", "2021-01", "--as-of", "2021-02-11", "--json"))
    lines = (ROOT / explained["file"]).read_text("utf-8").splitlines()
    assert [line["text"] for line in explained["lines"]] == [lines[explained["line_nos"][0] - 1]]
    assert ",75198," in explained["lines"][0]["text"]
    assert "https://clarion.causeaction.com/" in explained["citation"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("usbp_moon", "2021-01"), "usbp_moon: no such measure; one of cbp_nationwide"),
        (("usbp_southwest", "2021-13"), "'2021-13' is not a month; give it as 2021-01"),
        (("usbp_southwest", "1950-01"), "usbp_southwest 1950-01: no release holds it"),
        (("usbp_nationwide", "2021-01"), "75,528 (reference/published_figures.csv:109)"),
        (("usbp_southwest", "2021-01", "--as-of", "2021-01-31"), "nothing was public by 2021-01-31"),
        (("usbp_southwest", "2021-01", "--as-of", "yesterday"), "'yesterday' is not a day"),
        (("usbp_southwest", "2021-01", "--release", "ohss"), "no release ohss… gives it; these do: cbp_sbo-"),
    ],
)
def test_what_cannot_be_explained_is_one_line_with_the_next_step(
    border: Any, arguments: tuple[str, ...], message: str
) -> None:
    refused = border("explain", *arguments, code=2)
    assert message in refused
    assert one_line(refused)


def test_bytes_that_left_the_archive_are_asked_for(border: Any, folders: Folders, tmp_path: Path) -> None:
    explained = data(border("explain", "usbp_southwest", "2021-01", "--json"))
    blob = Path(explained["file"])
    blob.rename(tmp_path / "kept")
    try:
        assert "missing from the archive; ingest the file" in border(
            "explain", "usbp_southwest", "2021-01", code=2
        )
    finally:
        (tmp_path / "kept").rename(blob)


def test_line_numbers_are_compact() -> None:
    assert provenance.ranges([9, 2, 3, 4, 4]) == "2–4, 9"
    assert provenance.ranges([]) == ""


# Corrections


def test_the_feed_corrects_one_sentence_and_leaves_the_other(border: Any, tmp_path: Path) -> None:
    target = tmp_path / "site" / "feed.json"
    said = border("feed", "--output", str(target), "--feed-url", "https://example.org/feed.json")
    assert (
        "1 correction over 2 sentences; 2 changes inside the printed precision are only logged."
        in said.replace("\n", " ")
    )
    feed = data(target.read_text("utf-8"))
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["feed_url"] == "https://example.org/feed.json"
    assert [item["_border_ledger"]["sentence_id"] for item in feed["items"]] == [
        "64499-expulsions-january-2023"
    ]
    assert feed["items"][0]["_border_ledger"]["new_value"] == 68_173
    assert data(border("feed", "--json"))["items"] == feed["items"]


def test_the_feed_lies_beside_the_published_file_by_default(border: Any, folders: Folders) -> None:
    border("feed")
    assert data((folders.published / "feed.json").read_text("utf-8"))["items"]


# What was published when


@pytest.mark.parametrize(
    ("day", "value", "change", "release"),
    [
        ("2021-02-11", 75_198, "157.5", "quoted-"),
        ("2021-03-31", 75_312, "157.9", "usbp_southwest_workbook-"),
        ("2026-01-01", 75_316, "157.9", "cbp_sbo-"),
    ],
)
def test_january_as_it_was_public_on_a_day(
    border: Any, day: str, value: int, change: str, release: str
) -> None:
    found = data(border("january", "--as-of", day, "--year", "2021", "--json"))
    assert found["as_of"] == day
    assert (found["january"]["value"], f"{found['january']['pct_change']:.1f}") == (value, change)
    assert found["january"]["release_id"].startswith(release)


def test_as_of_a_day_that_knows_every_release_is_today(border: Any) -> None:
    today, then = (data(border("january", *option, "--json")) for option in ((), ("--as-of", "2099-01-01")))
    assert today["series"] == then["series"]
    assert today["readings"] == then["readings"]
    assert today["readings"]


def test_before_the_first_release_there_is_nothing(border: Any) -> None:
    refused = border("january", "--as-of", "1999-12-31", code=1)
    assert "no release answers it that was public by 1999-12-31" in refused
    assert "'soon' is not a day" in border("january", "--as-of", "soon", code=2)


def test_every_value_a_figure_had_is_listed_with_its_drift(border: Any) -> None:
    rows = data(border("revisions", "usbp_southwest", "2021-01", "--json"))
    assert [(r["value"], r["drift_since_first"], r["is_answer"]) for r in rows] == [
        (75_198, 0, False),
        (75_312, 114, False),
        (75_312, 114, False),
        (75_316, 118, True),
    ]
    shown = border("revisions", "cbp_nationwide", "2023-10")
    assert "First published 309,221 (2023-11), today 309,050 (2024-03): −171 over 5 releases." in shown
    assert "another family" not in shown
    assert "another family" in border("revisions", "usbp_southwest", "2021-01")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("usbp_moon", "2021-01"), "usbp_moon: no such measure; one of cbp_nationwide"),
        (("usbp_southwest_title_42", "2019-01"), "usbp_southwest_title_42 2019-01: no release holds it"),
        (("usbp_southwest", "January"), "'January' is not a month; give it as 2021-01"),
    ],
)
def test_what_has_no_revisions_is_one_line(border: Any, arguments: tuple[str, ...], message: str) -> None:
    refused = border("revisions", *arguments, code=2)
    assert message in refused
    assert one_line(refused)


def test_a_file_published_without_the_macros_asks_for_a_build(
    border: Any, folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = Folders(tmp_path)
    older.published.mkdir()
    older.published_file.write_bytes(folders.published_file.read_bytes())
    with duckdb.connect(str(older.published_file)) as con:
        for name in macros.existing(con):
            con.execute(f'drop macro table main."{name}"')
    monkeypatch.setenv("BORDER_HOME", str(older.root))
    refused = border("january", "--as-of", "2021-02-11", code=2)
    assert "made by an older version; run `border build`" in refused
    assert one_line(refused)


# Through the command itself


def test_a_fresh_installation_with_few_files_says_what_is_missing(small_home: Home) -> None:
    """Without the history nobody can say since when, and without nationwide files the other readings are missing."""
    done = small_home.border("claims", "--json")
    assert done.returncode == 0, done.stderr
    listed = {c["claim_number"]: c for c in json.loads(done.stdout)}
    readings = {r["definition_id"]: r for r in listed[1]["readings"]}
    assert readings["usbp_southwest"]["value"] == 75_312
    assert readings["usbp_southwest_title_8"]["holds"] is None
    ranks = [r for r in listed[2]["readings"] if r["operation"] == "highest_since"]
    assert {r["holds"] for r in ranks} == {None}
    assert listed[2]["verdict"] == "data_missing"
    assert small_home.border("claim", "2").returncode == 0
