"""The ledger on the carried data alone: five claims, every digit, and which cell depends on which definition."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from installation import Ledger

from orchestration import claim_steps, steps
from transforms import claims
from transforms.claim_language import holds
from transforms.claim_verdict import Reading, verdict
from transforms.models import model
from warehouse.court import storage
from warehouse.writer import Warehouse

READINGS = "marts.claim_readings"


def build(warehouse: Warehouse, *tables: str) -> None:
    """Build the models the named tables need, each once, then the tables themselves."""
    done = {*steps.CORE_TABLES, *steps.REVIEWED_MODELS, *storage.TABLES}

    def visit(table: str) -> None:
        if table in done or table.startswith(("raw.", "meta.")):
            return
        done.add(table)
        for read in model(table).reads:
            visit(read)
        steps.build_model(warehouse, table)

    for table in tables:
        visit(table)


@pytest.fixture(scope="module")
def judged(carried: Ledger) -> Warehouse:
    """The claims half of the warehouse a fresh checkout builds, from the series the project carries and nothing else."""
    build(carried.warehouse, READINGS, "marts.monthly_yoy")
    claim_steps.judge_claims(carried.warehouse)
    claim_steps.log_sentence_changes(carried.warehouse)
    return carried.warehouse


def ask(warehouse: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    return warehouse.con.execute(sql).fetchall()


def counted(warehouse: Warehouse, number: int) -> dict[tuple[str, str], tuple[str, bool | None]]:
    """Reading to the digits DOMAIN prints and whether the words hold, by assertion and definition."""
    return {
        (assertion, definition): (shown, held)
        for assertion, definition, shown, held in ask(
            warehouse,
            f"""
            select assertion_id, definition_id,
                printf(case operation when 'yoy_pct' then '%+.1f' when 'share' then '%.2f' else '%.0f' end, reading),
                holds
            from {READINGS} where claim_number = {number} and is_counted
            """,
        )
    }


YES, NO = True, False


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (
            1,
            {
                ("increase", "usbp_southwest"): ("+157.9", YES),
                ("increase", "usbp_southwest_first_published"): ("+157.5", YES),
                ("increase", "cbp_southwest"): ("+114.3", NO),
                ("increase", "usbp_nationwide"): ("+153.4", NO),
                ("increase", "usbp_southwest_title_8"): ("-56.2", NO),
                ("increase", "cbp_southwest_title_8"): ("-61.4", NO),
                ("increase", "usbp_southwest_against_2019"): ("+57.0", NO),
            },
        ),
        (
            2,
            {
                ("level", "usbp_southwest"): ("75316", YES),
                ("level", "usbp_southwest_first_published"): ("75198", YES),
                ("level", "usbp_southwest_title_8"): ("12787", NO),
                ("level", "usbp_southwest_february"): ("97643", YES),
                ("highest_since", "usbp_southwest"): ("2006", YES),
                ("highest_since", "usbp_southwest_first_published"): ("2006", YES),
                ("highest_since", "usbp_southwest_title_8"): ("2020", NO),
            },
        ),
        (
            3,
            {
                ("cases", "cases_assigned"): ("71036", YES),
                ("share", "of_all_assigned"): ("0.90", YES),
                ("share", "of_completed"): ("1.53", NO),
                ("share", "of_relief_and_removal"): ("1.92", NO),
                ("share", "of_relief_and_removal_present"): ("11.87", NO),
            },
        ),
        (
            4,
            {
                ("enrolled", "active_cohort"): ("26432", YES),
                ("enrolled", "active_department"): ("25000", YES),
                ("enrolled", "pending"): ("29148", NO),
                ("enrolled", "ever_enrolled"): ("71036", NO),
            },
        ),
        (5, {}),
    ],
)
def test_the_carried_data_give_every_reading_to_the_digit(
    judged: Warehouse, number: int, expected: dict[tuple[str, str], tuple[str, bool]]
) -> None:
    assert counted(judged, number) == expected


def test_the_five_verdicts_today_and_from_what_was_public_when_printed(judged: Warehouse) -> None:
    found = ask(
        judged, "select claim_number, verdict, verdict_when_printed from marts.claims order by claim_number"
    )
    assert found == [
        (1, "supported_on_some_definitions", "supported_on_some_definitions"),
        (2, "supported_on_some_definitions", "supported_on_some_definitions"),
        (3, "denominator_sensitive", "data_missing"),
        (4, "supported_on_some_definitions", "supported_on_some_definitions"),
        (5, "out_of_scope", "out_of_scope"),
    ]


def test_the_evidence_behind_each_share_is_the_published_count(judged: Warehouse) -> None:
    found = ask(
        judged,
        f"select definition_id, numerator, denominator, figure_ids from {READINGS} "
        "where claim_number = 3 and operation = 'share' order by definition_no",
    )
    assert [row[:3] for row in found] == [
        ("of_all_assigned", 641, 71036),
        ("of_completed", 641, 41888),
        ("of_relief_and_removal", 641, 641 + 32659),
        ("of_relief_and_removal_present", 641, 641 + 32659 - 27898),
    ]
    listed = {figure for row in found for figure in row[3]}
    published = {row[0] for row in ask(judged, "select figure_id from meta.mpp_figures")}
    assert listed
    assert listed <= published


def test_every_release_of_a_month_gives_a_reading_of_its_own(judged: Warehouse) -> None:
    found = ask(
        judged,
        f"select value, round(reading, 1), release_id like 'quoted-%', is_counted from {READINGS} "
        "where claim_number = 1 and definition_id = 'usbp_southwest' order by vintage_no",
    )
    assert found == [
        (75198, 157.5, True, False),
        (75312, 157.9, True, False),
        (75312, 157.9, False, False),
        (75316, 157.9, False, True),
    ]


def test_what_a_reader_could_have_computed_when_the_article_appeared(judged: Warehouse) -> None:
    found = ask(
        judged,
        f"select definition_id, value, prior, published_on from {READINGS} "
        "where claim_number = 1 and is_answer_when_printed and bearing = 'test' order by definition_no",
    )
    february = dt.date(2021, 2, 10)
    assert found == [
        ("usbp_southwest", 75198, 29205, february),
        ("usbp_southwest_first_published", 75198, 29205, february),
        ("cbp_southwest", 78323, 36585, february),
    ]


def test_an_undated_aggregate_stands_in_and_names_itself(judged: Warehouse) -> None:
    figure = "usbp-nationwide-2021-01-cbp-aor-aggregate"
    found = ask(
        judged,
        f"select value, prior, release_id, published_on, figure_ids, trust, reasons from {READINGS} "
        "where definition_id = 'usbp_nationwide'",
    )
    assert len(found) == 1
    assert found[0][:6] == (75528, 29803, None, None, [figure], "quoted")
    assert f"no release holds the month; a published figure stands in: {figure}" in found[0][6]
    unanswered = ask(
        judged,
        "select value, status from marts.monthly_yoy where measure_id = 'usbp_nationwide' and month_start = '2021-01-01'",
    )
    assert unanswered == [(None, "missing")]


def test_a_comparison_across_the_start_of_title_42_says_so(judged: Warehouse) -> None:
    found = ask(
        judged,
        f"select distinct status from {READINGS} where operation in ('yoy_pct', 'highest_since')",
    )
    assert found == [("break",)]


def test_the_claims_percentages_are_those_of_the_comparison_mart(judged: Warehouse) -> None:
    pairs = ask(
        judged,
        f"""
        select r.definition_id, round(r.reading, 4), y.pct_change, r.status, y.status, r.release_id, y.release_id,
            r.prior_release_id, y.prior_release_id
        from {READINGS} r join marts.monthly_yoy y using (measure_id, month_start)
        where r.operation = 'yoy_pct' and r.is_counted and r.release_id = y.release_id
            and r.comparison_month = date '2020-01-01'
        """,
    )
    assert {row[0] for row in pairs} == {
        "usbp_southwest",
        "cbp_southwest",
        "usbp_southwest_title_8",
        "cbp_southwest_title_8",
    }
    for name, *sides in pairs:
        assert sides[0::2] == sides[1::2], name


def test_verdicts_are_those_of_the_rule_over_the_readings(judged: Warehouse) -> None:
    for claim_id, in_scope, found in ask(
        judged, "select claim_id, is_in_scope, verdict from marts.claims join meta.claims using (claim_id)"
    ):
        rows = ask(
            judged,
            f"select assertion_id, definition_id, holds, operation, bearing, is_synthetic from {READINGS} "
            f"where claim_id = '{claim_id}' and is_counted",
        )
        assert verdict([Reading(*row) for row in rows], is_in_scope=in_scope) == found


def test_sql_and_python_agree_on_what_the_words_allow(judged: Warehouse) -> None:
    printed = {(c.id, a.id): a.printed for c in claims.load() for a in c.assertions}
    rows = ask(
        judged, f"select claim_id, assertion_id, reading, holds from {READINGS} where reading is not null"
    )
    assert len(rows) > 40
    for claim_id, assertion_id, reading, held in rows:
        assert holds(printed[claim_id, assertion_id], reading) is held, (assertion_id, reading)


# What depends on what. Every change is rolled back, since the warehouse is shared.


class Undo(Exception):
    """Rolls the transaction of a test back."""


@pytest.fixture
def changed(judged: Warehouse) -> Iterator[Warehouse]:
    try:
        with judged.transaction():
            yield judged
            raise Undo
    except Undo:
        pass


def cells(warehouse: Warehouse) -> dict[tuple[str, str, str], list[tuple[Any, ...]]]:
    """Every reading of every definition, by claim, assertion and definition."""
    found: dict[tuple[str, str, str], list[tuple[Any, ...]]] = {}
    for row in ask(
        warehouse,
        "select claim_id, assertion_id, definition_id, vintage_no, value, prior, numerator, denominator, reading, holds, "
        f"status from {READINGS} order by all",
    ):
        found.setdefault(row[:3], []).append(row[3:])
    return found


def verdicts(warehouse: Warehouse) -> dict[int, str]:
    return dict(ask(warehouse, "select claim_number, verdict from marts.claims"))


def read_again(warehouse: Warehouse, *tables: str) -> None:
    build(warehouse, *tables, READINGS)
    claim_steps.judge_claims(warehouse)


def test_flipping_one_definition_flips_exactly_its_own_cells(changed: Warehouse) -> None:
    before, said = cells(changed), verdicts(changed)
    changed.con.execute("create temp table as_reviewed as from meta.claim_definitions")
    for (flipped,) in ask(
        changed,
        "select distinct definition_id from meta.claim_definitions where basis = 'measure' order by all",
    ):
        changed.con.execute(
            "update meta.claim_definitions set measure_id = case when measure_id = 'ofo_southwest' then 'usbp_southwest' "
            "else 'ofo_southwest' end where definition_id = ?",
            [flipped],
        )
        steps.build_model(changed, READINGS)
        after = cells(changed)
        assert {key for key in before if before[key] != after[key]} == {
            key for key in before if key[2] == flipped
        }, flipped
        claim_steps.judge_claims(changed)
        for number, now in verdicts(changed).items():
            if now != said[number]:
                assert flipped in {
                    row[0]
                    for row in ask(
                        changed,
                        f"select definition_id from {READINGS} where claim_number = {number} and bearing = 'test'",
                    )
                }
        changed.con.execute("delete from meta.claim_definitions")
        changed.con.execute("insert into meta.claim_definitions from as_reviewed")


def test_flipping_a_measure_flips_the_readings_of_that_measure_and_no_other(changed: Warehouse) -> None:
    before = cells(changed)
    using = {
        key
        for key in before
        if (key[2], "cbp_southwest")
        in ask(changed, "select definition_id, measure_id from meta.claim_definitions")
    }
    changed.con.execute("update meta.measures set title_code = 'title_8' where measure_id = 'cbp_southwest'")
    read_again(changed, "marts.measure_vintages")
    after = cells(changed)
    assert using
    assert {key for key in before if before[key] != after[key]} == using
    assert counted(changed, 1)["increase", "cbp_southwest"] == ("-61.4", NO)


def test_when_every_definition_that_held_fails_the_claim_is_contradicted(changed: Warehouse) -> None:
    changed.con.execute(
        "update meta.claim_definitions set measure_id = 'usbp_southwest_title_8', vintage_choice = 'latest' "
        "where definition_id in ('usbp_southwest', 'usbp_southwest_first_published')"
    )
    steps.build_model(changed, READINGS)
    claim_steps.judge_claims(changed)
    assert verdicts(changed)[1] == verdicts(changed)[2] == "contradicted"
    assert verdicts(changed)[3] == "denominator_sensitive"


def test_without_the_figures_a_claim_is_data_missing_not_contradicted(changed: Warehouse) -> None:
    changed.con.execute(
        "delete from meta.mpp_figures where measure_code in ('total_cases', 'relief_granted')"
    )
    steps.build_model(changed, READINGS)
    claim_steps.judge_claims(changed)
    assert verdicts(changed)[3] == "data_missing"
    assert verdicts(changed)[4] == "supported_on_some_definitions"
    missing = ask(
        changed,
        f"select distinct reading, holds, status, reasons[1] from {READINGS} where claim_number = 3",
    )
    assert missing == [(None, None, "missing", "no published figure gives this count as of the day")]


def test_highest_since_is_unknown_where_a_year_in_between_is(changed: Warehouse) -> None:
    changed.con.execute(
        "delete from marts.measure_vintages where measure_id = 'usbp_southwest' and month_start = '2009-01-01'"
    )
    steps.build_model(changed, READINGS)
    assert counted(changed, 2)["highest_since", "usbp_southwest"] == (None, None)
    assert counted(changed, 2)["highest_since", "usbp_southwest_title_8"] == ("2020", NO)


def test_a_year_nobody_reached_is_a_no_and_not_missing(changed: Warehouse) -> None:
    changed.con.execute(
        "update marts.measure_vintages set value = 1 where measure_id = 'usbp_southwest' "
        "and month(month_start) = 1 and year(month_start) < 2021"
    )
    steps.build_model(changed, READINGS)
    assert counted(changed, 2)["highest_since", "usbp_southwest"] == (None, NO)


def test_a_synthetic_release_never_decides(changed: Warehouse) -> None:
    changed.con.execute("update marts.measure_vintages set trust = 'synthetic'")
    steps.build_model(changed, READINGS)
    claim_steps.judge_claims(changed)
    assert verdicts(changed)[1] == verdicts(changed)[2] == "data_missing"


# Sentences


def test_the_two_registered_sentences_are_logged_and_one_needs_a_correction(judged: Warehouse) -> None:
    found = ask(
        judged,
        "select sentence_id, old_value, new_value, consequence from marts.sentence_changes "
        "order by sentence_id, published_on",
    )
    assert found == [
        ("64499-expulsions-january-2023", 64499, 68173, "correction_needed"),
        ("more-than-75000-january-2021", 75198, 75312, "inside_precision"),
        ("more-than-75000-january-2021", 75312, 75316, "inside_precision"),
    ]


def test_registered_sentences_were_printed_where_a_published_figure_says(judged: Warehouse) -> None:
    assert ask(
        judged,
        "select printed_on, printed_value from meta.printed_sentences s join meta.published_figures f "
        "on f.source = s.url and f.measure_id = s.measure_id and f.month_start = s.month_start",
    ) == [(dt.date(2023, 2, 10), 64499.0)]
