"""The published warehouse for programs: a Model Context Protocol server with six read-only tools.

The guard of the marts holds here too. Every answer, and every figure in it, must say its status, the reasons and the
release; a percentage that crosses a break is withheld unless asked for, and the parts of the change stand beside it.
Belongs here: the shape of answers. Does not belong here: any figure or rule (the marts have them).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import duckdb
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import BaseModel, ConfigDict, Field

from orchestration.screen import READ_ONLY, rows_of
from warehouse import provenance
from warehouse.archive import Archive, ArchiveError
from warehouse.paths import Home

Status = Literal["ok", "provisional", "break", "not_applicable", "missing"]
#: From the mildest to the one that decides when figures of several statuses are answered together.
STATUSES: tuple[Status, ...] = ("ok", "provisional", "break", "not_applicable", "missing")

INSTRUCTIONS = (
    "Monthly CBP encounters at US borders and printed claims about them, each figure with definition, release and status. "
    "Encounters are events, not people. Quote a change only together with its status: 'break' means that what is counted "
    "changed between the two months, and its percentage is withheld unless allow_break is true; 'provisional' may still "
    "move; 'missing' and 'not_applicable' are not zero. Name the definition and the release of every figure you repeat, "
    "and look at the other readings before calling a claim true or false."
)


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Release(_Shape):
    """The file, or the printed figure, a value was read from."""

    release_id: str
    source: str
    file_name: str
    published_on: dt.date
    published_precision: Literal["day", "month"]
    trust: str = Field(description="official, mirrored, quoted (a printed figure) or synthetic")
    origin: str
    sha256: str


class Answer(_Shape):
    """What every answer says of itself before any figure."""

    status: Status = Field(description="Status of the figure asked for; where several were, the gravest")
    reasons: list[str] = Field(description="Everything that stands behind that status, each once")
    release: list[Release] = Field(description="Every release a figure of the answer was read from")
    warehouse_version: str
    data_through: dt.date


class Comparison(_Shape):
    """A measure's month against the same month a year before."""

    measure_id: str
    title: str
    definition: str
    unit: str
    caveats: list[str]
    month_start: dt.date
    value: int | None
    prior: int | None = Field(description="The same month a year before")
    change: int | None
    pct_change: float | None = Field(
        description="NULL where the comparison crosses a break, unless asked for"
    )
    status: Status
    reasons: list[str]
    finality: Literal["final", "provisional"] | None
    release_id: str | None
    prior_release_id: str | None
    change_title_42: int | None = Field(description="Part of the change that is Title 42 expulsions")
    change_title_8: int | None = Field(description="Part of the change that is not Title 42")
    title_42_share_pct: float | None
    rank_since_2000: int | None
    ranked_years: int | None = Field(description="Years that took part in the rank")
    highest_since: int | None = Field(description="Latest earlier year at least as high; NULL where none was")
    value_2019: int | None
    median_prior_five: float | None


class Measure(_Shape):
    """What can be asked, with the newest month that has a value."""

    measure_id: str
    title: str
    definition: str
    unit: str
    filter_sql: str
    caveats: list[str]
    readings: list[str] = Field(description="Measures a reader could mean by the same words")
    first_month: dt.date | None
    newest_month: dt.date | None
    value: int | None = Field(description="Value of the newest month")
    status: Status
    reasons: list[str]
    release_id: str | None


class Measures(Answer):
    measures: list[Measure]


class January(Answer):
    january: Comparison
    readings: list[Comparison] = Field(description="The same January under the measure's other readings")


class YearOverYear(Answer):
    comparison: Comparison


class AsOf(Answer):
    day: dt.date
    then: Comparison = Field(description="As it was public by the end of the day")
    today: Comparison = Field(description="As the warehouse answers now")
    drift: int | None = Field(description="Value today less value then")


class Reading(_Shape):
    """A printed figure read under one definition, from the newest releases."""

    words: str
    allowed: str = Field(description="Values the printed words allow")
    definition: str
    bearing: Literal["test", "context"]
    value: int | None
    prior: int | None
    numerator: int | None
    denominator: int | None
    reading: float | None
    reading_unit: str
    holds: bool | None
    status: Status
    reasons: list[str]
    release_id: str | None
    figure_ids: list[str]


class Claim(_Shape):
    claim_id: str
    claim_number: int
    quote: str
    byline: str
    article_published: str
    verdict: str
    verdict_when_printed: str = Field(description="By what was public when the article appeared")
    summary: str
    caveats: list[str]
    status: Status
    reasons: list[str]
    release_ids: list[str]
    readings: list[Reading]


class Claims(Answer):
    claims: list[Claim]


class Line(_Shape):
    line_no: int
    encounters: int
    text: str = Field(description="The line as it stands in the file")


class Explanation(Answer):
    measure_id: str
    definition: str
    month_start: dt.date
    value: int
    unit: str
    finality: Literal["final", "provisional"]
    vintage_no: int
    vintages: int
    is_answer: bool = Field(description="Whether this is the value the warehouse answers with today")
    query: str = Field(description="SQL that gives the value on the published file")
    citation: str
    line_count: int
    line_nos: str
    lines: list[Line] = Field(description="The largest of the source lines")


class Reader:
    """Answers from one published file; the file is opened for each answer, so that a newly published one is seen."""

    def __init__(self, home: Home) -> None:
        self._home = home

    @contextmanager
    def _open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        file = self._home.published_file
        if not file.exists():
            raise ToolError(f"{file}: nothing has been published yet; run `border build`")
        with duckdb.connect(str(file), read_only=True, config=READ_ONLY) as con:
            yield con

    def list_measures(self) -> Measures:
        """List what can be asked: every measure with its definition, its caveats and its newest month."""
        with self._open() as con:
            rows = rows_of(
                con,
                """
                select measures.measure_id, measures.title, measures.definition, measures.unit, measures.filter_sql,
                    measures.caveats,
                    list_sort(list(distinct readings.reading_id) filter (where readings.reading_id is not null)) as readings
                from meta.measures as measures
                left join meta.measure_readings as readings on measures.measure_id = readings.measure_id
                group by all
                order by measures.measure_id
                """,
            )
            newest = {
                r["measure_id"]: r
                for r in rows_of(
                    con,
                    """
                    select measure_id, min(month_start) as first_month, max(month_start) as newest_month,
                        max_by(value, month_start) as value, max_by(status, month_start) as status,
                        max_by(reasons, month_start) as reasons, max_by(release_id, month_start) as release_id
                    from marts.monthly_yoy where value is not null group by measure_id
                    """,
                )
            }
            nothing = {
                **dict.fromkeys(("first_month", "newest_month", "value", "release_id")),
                "status": "missing",
                "reasons": ["no release answers this measure"],
            }
            found = [
                Measure(
                    **{**row, "readings": row["readings"] or [], **newest.get(row["measure_id"], nothing)}
                )
                for row in rows
            ]
            return Measures(**_about(con, found), measures=found)

    def january(
        self, measure: str = "usbp_southwest", year: int | None = None, allow_break: bool = False
    ) -> January:
        """Compare January with the January before, beside the other readings of the same words.

        measure: a measure_id of list_measures. year: calendar year, the newest with a value by default.
        allow_break: also give percentages that cross a break.
        """
        with self._open() as con:
            self._known(con, measure)
            years = [
                r["january"]
                for r in rows_of(
                    con,
                    "select january from marts.january_yoy where measure_id = ? and value is not null order by all",
                    [measure],
                )
            ]
            if year is None and not years:
                raise ToolError(
                    f"{measure}: no release answers it; list_measures shows those that have values"
                )
            start = dt.date(_year(year if year is not None else years[-1]), 1, 1)
            readings = [
                r["reading_id"]
                for r in rows_of(
                    con,
                    "select reading_id from meta.measure_readings where measure_id = ? order by reading_no",
                    [measure],
                )
            ]
            asked, *others = (
                _comparison(con, m, start, "marts.monthly_yoy", allow_break) for m in [measure, *readings]
            )
            return January(**_about(con, [asked], beside=others), january=asked, readings=others)

    def yoy(self, measure: str, month: str, allow_break: bool = False) -> YearOverYear:
        """Compare a month with the same month a year before, from the newest releases.

        measure: a measure_id of list_measures. month: as 2021-01. allow_break: also give a percentage that crosses a break.
        """
        with self._open() as con:
            self._known(con, measure)
            found = _comparison(con, measure, _month(month), "marts.monthly_yoy", allow_break)
            return YearOverYear(**_about(con, [found]), comparison=found)

    def as_of(self, measure: str, month: str, day: str, allow_break: bool = False) -> AsOf:
        """The same comparison as it was public by the end of a day, and as it is today.

        measure: a measure_id of list_measures. month: as 2021-01. day: as 2021-02-11. allow_break: also give a percentage
        that crosses a break.
        """
        with self._open() as con:
            self._known(con, measure)
            start, on = _month(month), _day(day)
            then = _comparison(con, measure, start, f"monthly_yoy_as_of(date '{on}')", allow_break)
            today = _comparison(con, measure, start, "marts.monthly_yoy", allow_break)
            drift = None if then.value is None or today.value is None else today.value - then.value
            return AsOf(**_about(con, [then], beside=[today]), day=on, then=then, today=today, drift=drift)

    def claims(self, claim_id: str | None = None) -> Claims:
        """Printed claims word for word, their verdicts, and what they read under each definition.

        claim_id: one claim only, by its claim_id or its number.
        """
        with self._open() as con:
            rows = rows_of(
                con,
                "select * exclude (month_start, definitions_holding, definitions_failing, definitions_missing) "
                "from marts.claims where ? is null or claim_id = ? or claim_number::varchar = ? order by claim_number",
                [claim_id] * 3,
            )
            if not rows:
                known = rows_of(con, "select claim_id from marts.claims order by claim_number")
                raise ToolError(
                    f"{claim_id}: no such claim; one of {', '.join(r['claim_id'] for r in known)}"
                )
            readings = rows_of(
                con,
                """
                select readings.claim_id, assertions.words, assertions.allowed, readings.definition_label as definition,
                    readings.bearing, readings.value, readings.prior, readings.numerator, readings.denominator,
                    readings.reading, readings.reading_unit, readings.holds, readings.status, readings.reasons,
                    readings.release_id, readings.prior_release_id, readings.figure_ids
                from marts.claim_readings as readings
                inner join meta.claim_assertions as assertions using (claim_id, assertion_id)
                where readings.is_counted
                order by readings.claim_number, readings.assertion_no, readings.definition_no
                """,
            )
            found = [_claim(row, [r for r in readings if r["claim_id"] == row["claim_id"]]) for row in rows]
            return Claims(**_about(con, found), claims=found)

    def explain(
        self, measure: str, month: str, release_id: str | None = None, day: str | None = None, lines: int = 5
    ) -> Explanation:
        """Follow a figure down to its release, its SQL and the source lines that add up to it.

        measure: a measure_id of list_measures. month: as 2021-01. release_id: the value of that release, not today's; a
        prefix will do. day: the value that was public by the end of this day. lines: source lines to show, 0 to 100.
        status and reasons are those of the month's comparison: today, on that day, or on the day of that release.
        """
        if not 0 <= lines <= 100:
            raise ToolError(f"lines: {lines} is not from 0 to 100; line_nos lists them all")
        with self._open() as con:
            start = _month(month)
            try:
                found = provenance.figure(
                    con, measure, start, release_id=release_id, as_of=None if day is None else _day(day)
                )
                listed = provenance.source_lines(con, Archive(self._home.archive), found) if lines else []
            except (provenance.ProvenanceError, ArchiveError) as error:
                raise ToolError(str(error)) from None
            public_by = _day(day) if day else found.release["published_on"] if release_id else None
            table = f"monthly_yoy_as_of(date '{public_by}')" if public_by else "marts.monthly_yoy"
            comparison = _comparison(con, measure, start, table, False)
            about = _about(con, [comparison], only=[str(found.release["release_id"])])
            listed.sort(key=lambda line: (-line.encounters, line.line_no))
            return Explanation(
                **about,
                measure_id=found.measure_id,
                definition=found.definition,
                month_start=found.month_start,
                value=found.value,
                unit=found.unit,
                finality="provisional" if found.is_open_year else "final",
                vintage_no=found.vintage_no,
                vintages=found.vintages,
                is_answer=found.is_answer,
                query=found.query,
                citation=found.citation,
                line_count=len(found.line_nos),
                line_nos=provenance.ranges(found.line_nos),
                lines=[Line(**vars(line)) for line in listed[:lines]],
            )

    @staticmethod
    def _known(con: duckdb.DuckDBPyConnection, measure: str) -> None:
        known = [r["measure_id"] for r in rows_of(con, "select measure_id from meta.measures order by all")]
        if measure not in known:
            raise ToolError(f"{measure}: no such measure; one of {', '.join(known)}")


def server(home: Home) -> MCPServer:
    """The server over the published file of `home`; `.run()` speaks over standard input and output."""
    reader = Reader(home)
    made: MCPServer = MCPServer(
        name="border-ledger", title="Border Ledger", instructions=INSTRUCTIONS, log_level="WARNING"
    )
    reads_only = ToolAnnotations(
        read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
    )
    for tool in (
        reader.list_measures,
        reader.january,
        reader.yoy,
        reader.as_of,
        reader.claims,
        reader.explain,
    ):
        made.add_tool(tool, annotations=reads_only, structured_output=True)
    return made


def _comparison(
    con: duckdb.DuckDBPyConnection, measure: str, start: dt.date, table: str, allow_break: bool
) -> Comparison:
    """One row of the comparison; a month the table does not hold is missing, not absent."""
    row = rows_of(
        con,
        f"""
        select measures.measure_id, measures.title, measures.definition, measures.unit, measures.caveats,
            ?::date as month_start, yoy.value, yoy.prior, yoy.change, yoy.pct_change,
            coalesce(yoy.status, 'missing') as status,
            coalesce(yoy.reasons, ['no release publishes this month']) as reasons,
            yoy.finality, yoy.release_id, yoy.prior_release_id, yoy.change_title_42, yoy.change_title_8,
            yoy.title_42_share_pct, yoy.rank_since_2000, yoy.ranked_years, yoy.highest_since, yoy.value_2019,
            yoy.median_prior_five
        from meta.measures as measures
        left join {table} as yoy on measures.measure_id = yoy.measure_id and yoy.month_start = ?::date
        where measures.measure_id = ?
        """,
        [start, start, measure],
    )[0]
    if row["status"] == "break" and not allow_break:
        row["pct_change"] = None
    return Comparison(**row)


def _claim(row: dict[str, Any], readings: Sequence[dict[str, Any]]) -> Claim:
    releases = {r[side] for r in readings for side in ("release_id", "prior_release_id") if r[side]}
    status, reasons = _gravest(readings), _each_once(readings)
    if not readings:
        status, reasons = "not_applicable", ["no source the warehouse reads counts what the claim is about"]
    hidden = ("claim_id", "prior_release_id")
    return Claim(
        **row,
        status=status,
        reasons=reasons,
        release_ids=sorted(releases),
        readings=[Reading(**{k: v for k, v in r.items() if k not in hidden}) for r in readings],
    )


def _about(
    con: duckdb.DuckDBPyConnection,
    asked: Sequence[Comparison | Measure | Claim],
    *,
    beside: Sequence[Comparison] = (),
    only: list[str] | None = None,
) -> dict[str, Any]:
    """The fields every answer has: status and reasons of what was asked, releases of that and of what stands beside it.

    `only` names the releases where they are not all.
    """
    shown = [f.model_dump() for f in [*asked, *beside]]
    named = only or sorted(
        {
            release
            for f in shown
            for release in (*f.get("release_ids", []), f.get("release_id"), f.get("prior_release_id"))
            if release
        }
    )
    releases = rows_of(
        con,
        "select release_id, source, file_name, published_on, published_precision, trust, origin, sha256 "
        "from meta.releases where release_id in (select unnest(?::varchar[])) order by published_on, release_id",
        [named],
    )
    publication = rows_of(con, "select version, data_through from meta.publication")[0]
    return {
        "status": _gravest(shown[: len(asked)]),
        "reasons": _each_once(shown[: len(asked)]),
        "release": [Release(**r) for r in releases],
        "warehouse_version": publication["version"],
        "data_through": publication["data_through"],
    }


def _gravest(figures: Iterable[dict[str, Any]]) -> Status:
    return max((f["status"] for f in figures), key=STATUSES.index, default="ok")


def _each_once(figures: Iterable[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(reason for f in figures for reason in f["reasons"]))


def _month(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text if len(text) > 7 else f"{text}-01").replace(day=1)
    except ValueError:
        raise ToolError(f"{text!r} is not a month; give it as 2021-01") from None


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ToolError(f"{text!r} is not a day; give it as 2021-02-11") from None


def _year(number: int) -> int:
    if not 1900 <= number <= 2200:
        raise ToolError(f"{number} is not a year; give it as 2021")
    return number
