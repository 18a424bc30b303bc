"""The table macros: what was public on a day, one comparison for mart and macro, and that they travel with the file."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from transforms import table_macros
from warehouse import macros
from warehouse.writer import Warehouse

JANUARY = "2021-01-01"
FOLDER = Path(table_macros.__file__).parent / "macros"


def built(releases: Any) -> Any:
    """USBP in January 2020 and 2021: a page, then a workbook of the month, then a file of the closed year."""
    releases.measure(
        "usbp", "cbp_sbo", "cbp_nationwide_aor", component_code="usbp", title_42_measure_id="t42"
    )
    releases.measure("t42", "cbp_sbo", component_code="usbp", title_code="title_42")
    both = {("usbp", "title_8"): 0, ("ofo",): 1}
    releases.release(
        "early",
        "2020-10-31",
        {"2020-01-01": {**both, ("usbp", "title_8"): 200}},
        published_precision="month",
    )
    releases.put(
        "meta.releases",
        release_id="page",
        family="quoted",
        trust="quoted",
        published_on=dt.date(2021, 2, 10),
        published_precision="day",
    )
    releases.put(
        "meta.published_figures",
        figure_id="f",
        release_id="page",
        measure_id="usbp",
        month_start=dt.date(2021, 1, 1),
        printed_value=490.0,
        role="quoted",
        publisher_code="cbp",
        published_on=dt.date(2021, 2, 10),
        published_precision="day",
    )
    releases.release(
        "workbook",
        "2021-03-31",
        {JANUARY: {**both, ("usbp", "title_8"): 100, ("usbp", "title_42"): 398}},
        published_precision="month",
        open_from="2020-10-01",
    )
    releases.release(
        "final",
        "2022-10-31",
        {JANUARY: {**both, ("usbp", "title_8"): 100, ("usbp", "title_42"): 400}},
    )
    releases.put(
        "meta.measure_breaks",
        measure_id="usbp",
        break_id="title_42_start",
        title="Title 42 begins",
        axis="month",
        break_on=dt.date(2020, 3, 20),
        effect="break",
    )
    releases.build("marts.january_yoy", "marts.revisions")
    macros.create(releases.con, table_macros.table_macros())
    return releases


@pytest.mark.parametrize(
    ("day", "answer"),
    [
        ("2021-02-09", None),
        ("2021-02-10", (490, "page")),
        ("2021-03-30", (490, "page")),
        ("2021-03-31", (498, "workbook")),
        ("2022-10-30", (498, "workbook")),
        ("2022-10-31", (500, "final")),
    ],
)
def test_as_of_gives_what_was_public_by_the_end_of_the_day(
    releases: Any, day: str, answer: tuple[int, str] | None
) -> None:
    rows = built(releases).rows(
        f"select value, release_id from as_of('{day}') where measure_id = 'usbp' and month_start = '{JANUARY}'"
    )
    assert rows == ([answer] if answer else [])


def test_as_of_takes_a_date_as_well_as_text(releases: Any) -> None:
    con = built(releases).con
    assert (
        con.execute("from as_of(date '2021-02-11')").fetchall()
        == con.execute("from as_of(?)", ["2021-02-11"]).fetchall()
    )


def test_latest_is_as_of_a_day_by_which_everything_was_public(releases: Any) -> None:
    rows = built(releases).rows
    assert rows("from latest() order by all") == rows("from as_of('2022-10-31') order by all") != []


def test_the_cells_as_of_a_day_come_from_one_release_a_month_and_family(releases: Any) -> None:
    rows = built(releases).rows
    assert rows(
        "select release_id, sum(encounters) from encounters_as_of('2021-12-31') "
        f"where month_start = '{JANUARY}' group by all"
    ) == [("workbook", 499)]
    assert rows("select count(distinct release_id) from encounters_as_of('2020-10-30')") == [(0,)]


def test_yoy_withholds_the_percentage_across_a_break_and_gives_the_decomposition(releases: Any) -> None:
    yoy, change_title_42, change_title_8, release_id, prior_release_id = built(releases).rows(
        "select yoy, change_title_42, change_title_8, release_id, prior_release_id from yoy('usbp', '2021-01')"
    )[0]
    assert yoy == {
        "value": 500,
        "prior": 200,
        "change": 300,
        "pct_change": None,
        "status": "break",
        "reasons": ["2020-03-20 Title 42 begins (title_42_start)"],
    }
    assert (change_title_42, change_title_8, release_id, prior_release_id) == (400, -100, "final", "early")
    assert releases.rows("select yoy.pct_change from yoy('usbp', '2021-01', allow_break := true)") == [
        (150.0,)
    ]


def test_yoy_as_of_a_day_uses_what_was_public_then(releases: Any) -> None:
    rows = built(releases).rows
    assert rows(
        "select yoy.value, yoy.prior, yoy.pct_change, yoy.status, release_id "
        "from yoy_as_of('usbp', '2021-01', '2021-02-11', allow_break := true)"
    ) == [(490, 200, 145.0, "break", "page")]
    assert rows("select yoy.value, yoy.status from yoy_as_of('usbp', '2021-01', '2021-02-09')") == [
        (None, "missing")
    ]


@pytest.mark.parametrize(
    "month", ["'2021-01'", "'2021-01-31'", "date '2021-01-15'", "timestamp '2021-01-01'"]
)
def test_a_month_may_be_written_in_several_ways(releases: Any, month: str) -> None:
    assert built(releases).rows(f"select month_start, yoy.value from yoy('usbp', {month})") == [
        (dt.date(2021, 1, 1), 500)
    ]


def test_yoy_is_one_row_even_where_nothing_is_known(releases: Any) -> None:
    rows = built(releases).rows("select yoy from yoy('usbp', '1950-01')")
    assert [row[0]["status"] for row in rows] == ["missing"]
    assert rows[0][0]["reasons"] == ["no release publishes this month"]


def test_an_unknown_measure_is_an_error_that_says_what_to_do(releases: Any) -> None:
    with pytest.raises(duckdb.Error, match="unknown measure usbp_southwets; choose one of"):
        built(releases).rows("from yoy('usbp_southwets', '2021-01')")


def test_the_mart_is_the_macro_of_a_day_by_which_everything_was_public(releases: Any) -> None:
    rows = built(releases).rows
    columns = ", ".join(r[0] for r in rows("select column_name from (describe marts.monthly_yoy)"))
    mart = rows(f"select {columns} from marts.monthly_yoy order by all")
    assert mart == rows(f"select {columns} from monthly_yoy_as_of('2022-10-31') order by all") != []


def test_months_not_public_by_the_day_are_not_in_its_table(releases: Any) -> None:
    rows = built(releases).rows
    assert rows("select distinct month_start from monthly_yoy_as_of('2020-12-31')") == [
        (dt.date(2020, 1, 1),)
    ]


def test_revisions_come_in_order_of_publication(releases: Any) -> None:
    assert built(releases).rows("select value, drift_since_first from revisions('usbp', '2021-01')") == [
        (490, 0),
        (498, 8),
        (500, 10),
    ]


CALLS = {
    "as_of": "as_of('2021-12-31')",
    "encounters_as_of": "encounters_as_of('2021-12-31')",
    "latest": "latest()",
    "monthly_yoy_as_of": "monthly_yoy_as_of('2021-12-31')",
    "revisions": "revisions('usbp', '2021-01')",
    "yoy": "yoy('usbp', '2021-01')",
    "yoy_as_of": "yoy_as_of('usbp', '2021-01', '2021-12-31')",
}


def test_every_macro_survives_a_rebuild_a_reopening_and_the_copy_readers_open(
    releases: Any, tmp_path: Path
) -> None:
    assert sorted(CALLS) == sorted(m.name for m in table_macros.table_macros())
    build, published = tmp_path / "build.duckdb", tmp_path / "published.duckdb"
    memory = built(releases).con
    name = memory.execute("select current_database()").fetchall()[0][0]
    expected = {m: memory.execute(f"from {call} order by all").fetchall() for m, call in CALLS.items()}
    memory.execute(f"attach '{build}' as build")
    memory.execute(f"copy from database {name} to build")
    memory.execute("detach build")
    with Warehouse(build) as warehouse:
        rows = warehouse.con.execute("select * from marts.measure_vintages").to_arrow_table()
        warehouse.con.register("same_rows", rows)
        warehouse.replace("marts.measure_vintages", "select * from same_rows")
        warehouse.con.unregister("same_rows")
        macros.create(warehouse.con, table_macros.table_macros())
    with Warehouse(build) as warehouse:
        warehouse.con.execute(f"attach '{published}' as published")
        warehouse.con.execute("copy from database build to published")
    with duckdb.connect(str(published), read_only=True) as reader:
        assert {
            m: reader.execute(f"from {call} order by all").fetchall() for m, call in CALLS.items()
        } == expected
        described = dict(
            reader.execute(
                "select function_name, comment from duckdb_functions() where function_type = 'table_macro' "
                "and schema_name = 'main' and not internal"
            ).fetchall()
        )
    assert described == {m.name: m.comment for m in table_macros.table_macros()}
    with duckdb.connect() as other:
        other.execute(f"attach '{published}' as ledger (read_only)")
        other.execute("use ledger")
        assert other.execute(f"from {CALLS['yoy']} order by all").fetchall() == expected["yoy"]


def test_a_macro_no_longer_wanted_is_dropped(releases: Any) -> None:
    con = built(releases).con
    kept = [m for m in table_macros.table_macros() if m.name in ("as_of", "latest")]
    assert macros.create(con, kept) == ["as_of", "latest"] == macros.existing(con)


def test_a_macro_that_cannot_be_bound_leaves_the_others_as_they_were(releases: Any) -> None:
    con = built(releases).con
    good = table_macros.table_macros()[0]
    broken = table_macros.TableMacro("broken", "broken()", "x", {}, "select a from marts.nowhere", ())
    with pytest.raises(duckdb.Error, match="nowhere"):
        macros.create(con, [good, broken])
    assert macros.existing(con) == sorted(CALLS)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.sql")), ids=lambda path: path.stem)
def test_a_macro_names_its_tables_in_full_and_its_columns(path: Path) -> None:
    tree = sqlglot.parse_one(path.read_text("utf-8"), read="duckdb")
    own = {cte.alias for cte in tree.find_all(exp.CTE)}
    macros_known = {p.stem for p in FOLDER.glob("*.sql")}
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Anonymous):
            assert table.this.name in macros_known, table.sql("duckdb")
        else:
            assert table.db in {"core", "marts", "meta"} or table.name in own, table.sql("duckdb")
    assert not [s for s in tree.find_all(exp.Star) if not isinstance(s.parent, exp.Count)]


def test_the_comparison_is_written_once() -> None:
    """A percentage of a change is computed in the mart alone; the macro for a day is made from it."""
    for path in FOLDER.glob("*.sql"):
        assert "100.0 *" not in path.read_text("utf-8"), path.name
    composed = {m.name: m for m in table_macros.table_macros()}["monthly_yoy_as_of"]
    assert "published_on <= CAST(day AS DATE)" in composed.select


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-- purpose: x\nselect 1 as a", "-- macro: m"),
        ("-- macro: other()\n-- purpose: x\nselect 1 as a", "found other"),
        ("-- macro: m(day)\n-- purpose: x\nselect 1 as a", "takes \\['day'\\]"),
        ("-- macro: m()\n-- purpose: x\ncreate table t (a int)", "expected one select"),
        (
            "-- macro: m()\n-- purpose: x\n-- model: marts.monthly_yoy, y\n"
            "with nothing as (select 1 as a) select a from nothing",
            "no CTE nothing",
        ),
    ],
)
def test_a_malformed_macro_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "m.sql"
    path.write_text(text, "utf-8")
    with pytest.raises(table_macros.MacroError, match=message):
        table_macros._read(path, set())
