"""A comparison meets exactly the breaks that lie between its two months and touch its measure."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest

from transforms import breaks
from transforms.breaks import BreakError

BREAKS = breaks.load()
BY_ID = {event.id: event for event in BREAKS}

MEASURES = [
    f"{stem}{title}"
    for stem in ("usbp_southwest", "ofo_southwest", "cbp_southwest", "cbp_nationwide")
    for title in ("", "_title_8", "_title_42")
] + [
    "usbp_nationwide",
    "usbp_nationwide_title_8",
    "ohss_usbp_southwest",
    "ohss_cbp_southwest",
    "usbp_southwest_tucson",
    "usbp_southwest_rio_grande_valley",
]


def ids(measure: str, prior: date, month: date, effect: str | None = None) -> set[str]:
    found = breaks.crossed(BREAKS, measure, prior, month)
    return {event.id for event in found if effect in (None, event.effect)}


def january(year: int) -> date:
    return date(year, 1, 1)


@pytest.mark.parametrize(
    ("year", "expected"),
    [
        (2020, set()),
        (2021, {"title_42_start", "usbp_encounters_definition"}),
        (2022, set()),
        (2023, set()),
        (2024, {"title_42_end"}),
        (2025, set()),
    ],
)
def test_border_patrol_januaries_break_where_title_42_starts_and_ends(year: int, expected: set[str]) -> None:
    assert ids("usbp_southwest", january(year - 1), january(year), "break") == expected


@pytest.mark.parametrize("measure", [m for m in MEASURES if "title_42" not in m])
def test_every_total_and_title_8_measure_breaks_between_january_2020_and_2021(measure: str) -> None:
    assert "title_42_start" in ids(measure, january(2020), january(2021), "break")


def test_the_change_of_definition_touches_totals_and_sectors_but_no_single_title() -> None:
    touched = {m for m in MEASURES if BY_ID["usbp_encounters_definition"].touches(m)}
    assert {"usbp_southwest", "usbp_southwest_tucson", "usbp_nationwide", "cbp_southwest"} <= touched
    assert not {m for m in touched if "title" in m}
    assert "ofo_southwest" not in touched


@pytest.mark.parametrize(
    ("prior", "month", "crosses"),
    [
        (date(2019, 2, 1), date(2020, 2, 1), False),  # both wholly before
        (date(2019, 3, 1), date(2020, 3, 1), True),  # before, mixed
        (date(2020, 3, 1), date(2021, 3, 1), True),  # mixed, after
        (date(2020, 4, 1), date(2021, 4, 1), False),  # both wholly after
        (date(2021, 3, 1), date(2020, 3, 1), True),  # in either order
    ],
)
def test_the_month_a_break_falls_in_is_on_both_sides(prior: date, month: date, crosses: bool) -> None:
    assert ("title_42_start" in ids("usbp_southwest", prior, month)) is crosses


def test_a_break_on_the_first_of_a_month_leaves_that_month_wholly_after() -> None:
    assert "usbp_encounters_definition" not in ids("usbp_southwest", date(2020, 3, 1), date(2021, 3, 1))
    assert "usbp_encounters_definition" in ids("usbp_southwest", date(2020, 2, 1), date(2020, 3, 1))


def test_the_sql_given_in_the_docstring_is_the_same_rule() -> None:
    months = [date(y, m, 1) for y in range(2018, 2026) for m in range(1, 13)]
    pairs = [(p, m) for p in months for m in months if p < m and (m.year - p.year) <= 1]
    con = duckdb.connect()
    con.execute("create table pairs (prior date, month_start date)")
    con.executemany("insert into pairs values (?, ?)", pairs)
    for event in BREAKS:
        rule = "prior < break_on and last_day(month_start) >= break_on"
        sql = f"select prior, month_start from pairs, (select cast(? as date) as break_on) where {rule}"
        found = set(con.execute(sql, [event.break_on]).fetchall())
        assert found == {pair for pair in pairs if event.lies_between(*pair)}, event.id


def test_labels_never_break_and_never_divide_months() -> None:
    labels = [event for event in BREAKS if event.kind == "label"]
    assert {event.effect for event in labels} == {"note"}
    assert "month" not in {event.axis for event in labels}


def test_programmes_are_notes_and_appointments_are_noted_at_ports_of_entry_only() -> None:
    assert {event.effect for event in BREAKS if event.kind == "programme"} == {"note"}
    assert "cbp_one_start" in ids("ofo_southwest_title_8", january(2022), january(2023))
    assert "cbp_one_start" not in ids("usbp_southwest", january(2022), january(2023))


def test_homeland_statistics_and_cbp_are_never_two_sides_of_one_comparison() -> None:
    event = BY_ID["publisher_ohss"]
    assert (event.axis, event.effect) == ("source", "break")
    assert event.touches("usbp_southwest")
    assert event.touches("ohss_usbp_southwest")


def test_the_authority_to_decompose_by_is_named_where_one_is_added_or_removed() -> None:
    authority = [event for event in BREAKS if event.kind == "authority"]
    assert [(e.added_authority, e.removed_authority) for e in authority] == [
        ("title_42", None),
        (None, "title_42"),
    ]


def test_every_break_cites_a_source_and_touches_something() -> None:
    for event in BREAKS:
        assert event.sources
        assert event.measures or event.dimensions, event.id


def test_every_measure_pattern_matches_a_measure() -> None:
    for event in BREAKS:
        for pattern in event.measures:
            stem = pattern.removesuffix("*")
            assert any(m.startswith(stem) if pattern != stem else m == stem for m in MEASURES), pattern


def test_rows_expand_patterns_to_an_equality_join() -> None:
    rows = breaks.touch_rows(BREAKS, MEASURES)
    joined = {
        r["break_id"] for r in rows if (r["touches"], r["code"]) == ("measure", "usbp_southwest_tucson")
    }
    assert joined == {event.id for event in BREAKS if event.touches("usbp_southwest_tucson")}
    assert not [r for r in rows if "*" in r["code"]]
    assert [r["break_id"] for r in breaks.event_rows(BREAKS)] == [event.id for event in BREAKS]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: authority", "kind: opinion", r"breaks.yml: title_42_start: kind: 'opinion' is not one of"),
        ("date: 2020-03-20", "date: soon", r"title_42_start: date: 'soon' is not a 'date'"),
        ("effect: break", "effect: ignore", r"title_42_start: effect: 'ignore'"),
        ("id: title_42_end", "id: title_42_start", r"title_42_start: id is used twice"),
        ("end: 2020-03-27", "end: 2020-03-01", r"title_42_start: end 2020-03-01 is before date 2020-03-20"),
    ],
)
def test_a_bad_break_is_refused_by_name(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (Path(breaks.__file__).parent / "breaks.yml").read_text("utf-8")
    assert old in text
    copy = tmp_path / "breaks.yml"
    copy.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(BreakError, match=message) as refused:
        breaks.load(copy)
    assert "\n" not in str(refused.value)
