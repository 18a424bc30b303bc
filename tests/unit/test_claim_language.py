"""Each hedge word allows the values its rule says, at the edges, in Python and in SQL alike."""

from __future__ import annotations

import math
from decimal import Decimal

import duckdb
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms import claim_language
from transforms.claim_language import HEDGES, PrintedFigure, PrintedFigureError, holds, parse, sql_predicate

CONNECTION = duckdb.connect()


@pytest.mark.parametrize(
    ("phrase", "true_of", "false_of"),
    [
        # nearly: at or below, and no further than the last significant digit's rounding (160: 155) …
        ("nearly 160 percent", (157.9, 157.5, 155, 160), (148, 153.4, 154.99, 160.01, 160.5, 114.3, -56.2)),
        # … nor than five in a hundred, where the number is round
        ("almost 100", (95, 99, 100), (94.9, 60, 101)),
        ("just under 2,000", (1_900, 1_999), (1_899, 2_001)),
        ("nearly 3", (2.5, 3), (2.49, 3.01)),
        ("just over 2,000", (2_000, 2_100), (1_999, 2_101)),
        # bounds say one side only
        ("more than 75,000", (75_198, 75_312, 75_316, 75_000.5, 147_877), (75_000, 74_999, 12_787)),
        ("over 75,000", (75_001,), (75_000,)),
        ("more than 71,000", (71_036,), (71_000,)),
        ("at least 75,000", (75_000, 75_001), (74_999,)),
        ("less than one percent", (0.9023, 0, 0.999), (1, 1.53, 1.92, 11.87, -0.1)),
        ("fewer than 5", (4,), (5,)),
        ("up to 50", (50, 0), (50.1, -1)),
        ("no more than 30", (30,), (31,)),
        # about: five in a hundred either way, or half the last printed digit if that is more
        ("roughly 25,600", (25_000, 26_432, 24_320, 26_880), (71_036, 29_148, 24_319, 26_881)),
        ("about 100", (95, 105), (94, 106)),
        ("about 3", (2.5, 3.5), (2.49, 3.51)),
        # no hedge: rounds to the number at its last printed digit, trailing zeros included
        ("64,499 expulsions", (64_499, 64_498.5), (68_173, 64_500, 64_499.5)),
        ("75,000", (75_000,), (75_198, 74_999)),
        ("38%", (38.2, 37.5), (38.5, 37.4)),
        ("1.5 percent", (1.53, 1.45), (1.55, 1.449)),
        ("1.7 million", (1_650_000, 1_749_999), (1_750_000, 1_649_999)),
        ("exactly 29,205", (29_205,), (29_206,)),
    ],
)
def test_what_each_hedge_allows_at_its_edges(
    phrase: str, true_of: tuple[float, ...], false_of: tuple[float, ...]
) -> None:
    printed = parse(phrase)
    assert [value for value in true_of if not holds(printed, value)] == []
    assert [value for value in false_of if holds(printed, value)] == []


@pytest.mark.parametrize(
    ("phrase", "number", "hedge", "unit", "place"),
    [
        ("one percent", 1, "exact", "percent", 1),
        ("less than one percent of foreign nationals", 1, "less_than", "percent", 1),
        ("nearly 160 percent", 160, "nearly", "percent", 1),
        ("More than 75,000 border crossers", 75_000, "more_than", "number", 1),
        ("the more than 71,000 asylum cases", 71_000, "more_than", "number", 1),
        ("about 100", 100, "about", "number", 1),
        ("the roughly 25,600 foreign nationals", 25_600, "about", "number", 1),
        ("about 25 foreign nationals", 25, "about", "number", 1),
        ("twenty-five thousand", 25_000, "exact", "number", 1_000),
        ("one hundred and twenty", 120, "exact", "number", 1),
        ("two hundred", 200, "exact", "number", 100),
        ("one million two hundred thousand", 1_200_000, "exact", "number", 1_000),
        ("zero", 0, "exact", "number", 1),
        ("1.70 percent", Decimal("1.70"), "exact", "percent", Decimal("0.01")),
        ("1.7 million", 1_700_000, "exact", "number", 100_000),
        ("no more than 30", 30, "at_most", "number", 1),
    ],
)
def test_a_phrase_is_read_with_its_hedge_unit_and_place(
    phrase: str, number: Decimal, hedge: str, unit: str, place: Decimal
) -> None:
    printed = parse(phrase)
    assert (printed.number, printed.hedge, printed.unit, printed.place) == (number, hedge, unit, place)


@pytest.mark.parametrize(
    ("phrase", "message"),
    [
        ("many", "holds 0 figures"),
        ("25 to 30", "holds 2 figures"),
        ("7,50", "grouped wrongly"),
        ("twenty thirty", "not a number in words"),
        ("thousand million", "not a number in words"),
        ("ten hundred", "not a number in words"),
    ],
)
def test_what_is_not_one_figure_is_refused_on_one_line(phrase: str, message: str) -> None:
    with pytest.raises(PrintedFigureError, match=message) as refused:
        parse(phrase)
    assert "\n" not in str(refused.value)


def test_a_number_inside_a_word_is_no_figure() -> None:
    with pytest.raises(PrintedFigureError, match="holds 0 figures"):
        parse("FY2021 someone")


@pytest.mark.parametrize("hedge_word", sorted(claim_language.HEDGE_WORDS))
def test_every_hedge_word_is_read_as_its_hedge(hedge_word: str) -> None:
    assert parse(f"{hedge_word.upper()}  4,200").hedge == claim_language.HEDGE_WORDS[hedge_word]


def test_every_hedge_has_a_word_that_is_read_as_it() -> None:
    assert set(claim_language.HEDGE_WORDS.values()) == set(HEDGES)


@pytest.mark.parametrize(
    ("number", "step"), [("160", 10), ("75000", 1000), ("25600", 100), ("64499", 1), ("0", 1)]
)
def test_the_step_is_that_of_the_last_significant_digit(number: str, step: int) -> None:
    assert PrintedFigure(Decimal(number)).step == step


def test_decimals_printed_are_significant_zeros_included() -> None:
    assert parse("1.0 percent").step == Decimal("0.1")


def test_the_reason_names_value_limits_and_words() -> None:
    printed = parse("nearly 160 percent")
    assert claim_language.reason(printed, 157.88) == (
        "157.88 is from 155 to 160, which “nearly 160 percent” allows"
    )
    assert claim_language.reason(printed, 114.331) == (
        "114.33 is not from 155 to 160, which “nearly 160 percent” asks for"
    )
    assert "75,316 is above 75,000" in claim_language.reason(parse("more than 75,000"), 75_316)
    assert "68,173 is not 64,499 as rounded in print" in claim_language.reason(parse("64,499"), 68_173)


def test_years_are_shown_without_grouping() -> None:
    since = PrintedFigure(Decimal(2006), unit="year", text="since 2006")
    assert claim_language.reason(since, 2020) == "2020 is not 2006, which “since 2006” asks for"


@pytest.mark.parametrize(
    "bad", [{"number": Decimal(-1)}, {"number": Decimal("NaN")}, {"number": Decimal(1), "place": Decimal(0)}]
)
def test_a_figure_that_cannot_have_been_printed_is_refused(bad: dict[str, Decimal]) -> None:
    with pytest.raises(PrintedFigureError):
        PrintedFigure(**bad)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("hedge", HEDGES)
def test_no_figure_holds_for_what_is_not_finite(hedge: claim_language.Hedge, value: float) -> None:
    printed = PrintedFigure(Decimal(100), hedge)
    assert holds(printed, value) is False
    assert in_sql(printed, value) is False


def test_a_missing_value_is_neither_true_nor_false_in_sql() -> None:
    assert in_sql(parse("more than 75,000"), None) is None


def in_sql(printed: PrintedFigure, value: Decimal | float | None, column_type: str = "double") -> bool | None:
    predicate = sql_predicate(printed, "v")
    row = CONNECTION.execute(
        f"select {predicate} from (select cast(? as {column_type}) as v)", [value]
    ).fetchone()
    assert row is not None
    held: bool | None = row[0]
    return held


@st.composite
def printed_figures(draw: st.DrawFn) -> PrintedFigure:
    digits = draw(st.integers(0, 99_999))
    place = Decimal(1).scaleb(draw(st.integers(-3, 6)))
    return PrintedFigure(digits * place, draw(st.sampled_from(HEDGES)), place=place)


@st.composite
def figures_and_values(draw: st.DrawFn) -> tuple[PrintedFigure, float]:
    """A printed figure with a value anywhere, on one of its edges, or the next double beside an edge."""
    printed = draw(printed_figures())
    allowed = claim_language.bounds(printed)
    edges = [float(edge) for edge in (allowed.lower, allowed.upper, printed.number) if edge is not None]
    edge = draw(st.sampled_from(edges))
    value = draw(
        st.one_of(
            st.sampled_from([edge, math.nextafter(edge, math.inf), math.nextafter(edge, -math.inf)]),
            st.floats(-1e3, 2e11),
            st.floats(0.9, 1.1).map(lambda factor: float(printed.number) * factor),
        )
    )
    return printed, value


@settings(max_examples=400, deadline=None)
@given(figures_and_values())
def test_python_and_sql_give_the_same_answer(case: tuple[PrintedFigure, float]) -> None:
    printed, value = case
    assert in_sql(printed, value) is holds(printed, value)


@settings(max_examples=100, deadline=None)
@given(printed_figures(), st.integers(0, 10**9))
def test_python_and_sql_agree_on_counts_and_decimals(printed: PrintedFigure, count: int) -> None:
    assert in_sql(printed, count, "bigint") is holds(printed, count)
    share = Decimal(count).scaleb(-4)
    assert in_sql(printed, share, "decimal(15, 4)") is holds(printed, share)


@settings(max_examples=200, deadline=None)
@given(printed_figures())
def test_the_printed_number_itself_holds_unless_the_words_exclude_it(printed: PrintedFigure) -> None:
    assert holds(printed, printed.number) is (printed.hedge not in ("more_than", "less_than"))


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 10**9), st.floats(0, 2e9))
def test_more_than_and_at_most_divide_the_values_between_them(number: int, value: float) -> None:
    printed = Decimal(number)
    assert holds(PrintedFigure(printed, "more_than"), value) is not holds(
        PrintedFigure(printed, "at_most"), value
    )


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**12), st.sampled_from(["", "nearly ", "about ", "at least "]))
def test_a_count_printed_with_grouping_is_read_back(number: int, hedge: str) -> None:
    assert parse(f"{hedge}{number:,}").number == number


@pytest.mark.parametrize("hedge", HEDGES)
def test_the_predicate_reads_the_same_after_transpiling_to_spark(hedge: claim_language.Hedge) -> None:
    predicate = sql_predicate(PrintedFigure(Decimal("0.85"), hedge, place=Decimal("0.01")), "pct_change")
    spark = sqlglot.transpile(f"select {predicate}", read="duckdb", write="spark")[0]
    back = sqlglot.transpile(spark, read="spark", write="duckdb")[0]
    plain = sqlglot.transpile(f"select {predicate}", read="duckdb", write="duckdb")[0]
    assert back.replace("TRY_CAST", "CAST") == plain
