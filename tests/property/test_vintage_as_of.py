"""What was public on a day, over random sets of releases: as_of of the last day is latest, and never looks ahead."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms import table_macros
from warehouse import macros

MONTHS = ("2023-12-01", "2024-01-01", "2024-02-01")
FAMILIES = ("cbp_sbo", "usbp_southwest_workbook")
TRUST = ("official", "mirrored")


@dataclass(frozen=True)
class Published:
    """A release of the test; `values` by month, all of component usbp."""

    name: str
    family: str
    on: dt.date
    precision: str
    trust: str
    values: dict[str, int]
    is_superseded: bool

    @property
    def is_quoted(self) -> bool:
        return self.trust == "quoted"

    def preference(self) -> tuple[Any, ...]:
        """The rule as people state it, and the tie-breaks; smaller answers."""
        return (
            self.is_quoted,
            -self.on.toordinal(),
            self.precision,
            ("official", "mirrored", "quoted", "synthetic").index(self.trust),
            99 if self.is_quoted else FAMILIES.index(self.family),
            "" if self.is_quoted else _descending(max(self.values)),
            self.name,
        )


def _descending(text: str) -> tuple[int, ...]:
    return tuple(-ord(character) for character in text)


@st.composite
def publications(draw: st.DrawFn) -> list[Published]:
    found = []
    for number in range(draw(st.integers(2, 6))):
        quoted = draw(st.sampled_from((False, False, True)))
        months = draw(st.lists(st.sampled_from(MONTHS), min_size=1, max_size=1 if quoted else 3, unique=True))
        found.append(
            Published(
                name=f"release-{number}",
                family="quoted" if quoted else draw(st.sampled_from(FAMILIES)),
                on=dt.date(2024, 3, 1) + dt.timedelta(days=draw(st.integers(0, 2))),
                precision=draw(st.sampled_from(("day", "month"))),
                trust="quoted" if quoted else draw(st.sampled_from(TRUST)),
                values={month: draw(st.integers(0, 9)) for month in months},
                is_superseded=not quoted and draw(st.integers(0, 4)) == 0,
            )
        )
    return found


EVERYTHING = ("marts.monthly_yoy", "marts.revisions")


@pytest.fixture(scope="module")
def shared(shared_releases: Any) -> Any:
    """One warehouse for every example, with its macros; `load` fills it anew."""
    shared_releases.con.execute("delete from meta.complete_months")
    shared_releases.build(*EVERYTHING)
    macros.create(shared_releases.con, table_macros.table_macros())
    return shared_releases


def load(releases: Any, published: list[Published], *tables: str) -> None:
    """Put the releases in place of those of the example before, and build the tables over them."""
    releases.forget()
    releases.measure("usbp", *FAMILIES, component_code="usbp")
    for p in published:
        if p.is_quoted:
            ((month, value),) = p.values.items()
            releases.put(
                "meta.releases",
                release_id=p.name,
                family="quoted",
                trust="quoted",
                published_on=p.on,
                published_precision=p.precision,
            )
            releases.put(
                "meta.published_figures",
                figure_id=p.name,
                release_id=p.name,
                measure_id="usbp",
                month_start=dt.date.fromisoformat(month),
                printed_value=float(value),
                role="quoted",
                publisher_code="cbp",
                published_on=p.on,
                published_precision=p.precision,
            )
        else:
            releases.release(
                p.name,
                p.on.isoformat(),
                {month: {("usbp",): value} for month, value in p.values.items()},
                family=p.family,
                published_precision=p.precision,
                trust=p.trust,
                is_superseded=p.is_superseded,
            )
    releases.build(*tables)


def expected(published: list[Published], day: dt.date) -> list[tuple[dt.date, int, str]]:
    """The answer of every month among what was public by the day, chosen one by one in Python."""
    chosen: dict[str, Published] = {}
    for p in sorted(published, key=Published.preference, reverse=True):
        if p.on <= day and not p.is_superseded:
            chosen.update(dict.fromkeys(p.values, p))
    return sorted((dt.date.fromisoformat(m), p.values[m], p.name) for m, p in chosen.items())


@settings(max_examples=120, deadline=None)
@given(published=publications(), offset=st.integers(-1, 3))
def test_as_of_a_day_is_the_stated_rule_over_what_was_public_by_then(
    shared: Any, published: list[Published], offset: int
) -> None:
    load(shared, published, "marts.measure_vintages")
    day = dt.date(2024, 3, 1) + dt.timedelta(days=offset)
    found = shared.rows("select month_start, value, release_id from as_of(?) order by month_start", [day])
    assert found == expected(published, day)
    latest = shared.rows("from latest() order by all")
    assert shared.rows("from as_of(?) order by all", [max(p.on for p in published)]) == latest
    assert shared.rows("from as_of(current_date) order by all") == latest


@settings(max_examples=10, deadline=None)
@given(published=publications())
def test_the_comparison_of_a_day_by_which_all_was_public_is_the_mart(
    shared: Any, published: list[Published]
) -> None:
    load(shared, published, *EVERYTHING)
    columns = "measure_id, month_start, value, pct_change, status, reasons, release_id, prior_release_id"
    assert shared.rows(
        f"select {columns} from monthly_yoy_as_of(?) order by all", [max(p.on for p in published)]
    ) == shared.rows(f"select {columns} from marts.monthly_yoy order by all")


@settings(max_examples=10, deadline=None)
@given(published=publications(), offset=st.integers(0, 2))
def test_what_is_published_later_changes_no_earlier_day(
    shared: Any, published: list[Published], offset: int
) -> None:
    day = dt.date(2024, 3, 1) + dt.timedelta(days=offset)
    known_then = [p for p in published if p.on <= day]
    answers = []
    for shown in (known_then, published):
        load(shared, shown, *EVERYTHING)
        answers.append(
            [
                shared.rows(f"select {columns} from {macro}('{day}') order by all")
                for macro, columns in (
                    ("as_of", "month_start, value, release_id, finality, vintage_no"),
                    ("encounters_as_of", "release_id, month_start, component_code, encounters"),
                    ("monthly_yoy_as_of", "month_start, value, prior, status, reasons, release_id"),
                )
            ]
        )
    assert answers[0] == answers[1]


@pytest.mark.parametrize("day", ["2024-02-29"])
def test_before_the_first_publication_nothing_was_public(shared: Any, day: str) -> None:
    first = Published("a", "cbp_sbo", dt.date(2024, 3, 1), "day", "official", {MONTHS[0]: 1}, False)
    load(shared, [first], *EVERYTHING)
    assert shared.rows(f"from as_of('{day}')") == []
    assert shared.rows(f"from encounters_as_of('{day}')") == []
    assert shared.rows(f"from monthly_yoy_as_of('{day}')") == []
