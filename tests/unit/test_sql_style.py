"""The style of the SQL models, and a linter of what does not travel from DuckDB to Spark.

Every rule is applied to every model under `transforms/`, and every rule has an example here that it refuses.
What a syntax tree cannot show stays outside: whether a window's order is total on the data, and whether a
number rounds on its way into an integer. The equality test on the other engine is for those.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.tokens import TokenType

from expectations.runner import ExpectNoRows, Suite
from expectations.suites import court_suites, suites
from transforms.spark import DoesNotTravel, spark_sql

ROOT = Path(__file__).parents[2]
MODELS = sorted(p for p in (ROOT / "transforms").rglob("*.sql") if p.parent.name != "macros")

# A stage reads the stage before it, its own, and what the warehouse says of itself.
MAY_READ = {
    "raw": {"raw", "meta"},
    "core": {"raw", "core", "meta"},
    "marts": {"core", "marts", "meta"},
    "meta": {"raw", "core", "marts", "meta"},
}


# Style: header, case, one select, named columns, qualified tables


def style_offences(sql: str, schema: str) -> list[str]:
    """What in the text of a model of `schema` breaks the house style."""
    header = "\n".join(_header(sql))
    found = [
        f"the header lacks a line `-- {word}: …`"
        for word in ("grain", "purpose")
        if not re.search(rf"^-- {word}: \S", header, re.MULTILINE)
    ]
    found += [f"write {text} in lower case" for text in _upper_case(sql)]
    statements = [statement for statement in sqlglot.parse(sql, read="duckdb") if statement is not None]
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        return [*found, "a model is exactly one select"]
    query = statements[0]
    if schema in {"core", "marts"}:
        found += [f"name the columns in place of {star}" for star in _stars(query)]
    own_names = {cte.alias for cte in query.find_all(exp.CTE)}
    for table in query.find_all(exp.Table):
        if isinstance(table.this, exp.Func):
            if not isinstance(table.this, exp.Unnest | exp.Explode):
                found.append(f"a model reads tables, not {table.this.sql('duckdb')}")
        elif not table.db:
            if table.name not in own_names:
                found.append(f"write {table.name} as schema.table")
        elif table.db not in MAY_READ[schema]:
            found.append(f"{schema} may not read {table.db}.{table.name}")
    return list(dict.fromkeys(found))


def _header(sql: str) -> Iterator[str]:
    for line in sql.splitlines():
        if not line.startswith("--"):
            return
        yield line


def _upper_case(sql: str) -> Iterator[str]:
    quoted = {TokenType.STRING, TokenType.IDENTIFIER}
    for token in sqlglot.tokenize(sql, read="duckdb"):
        text = sql[token.start : token.end + 1]
        if token.token_type not in quoted and text != text.lower():
            yield text


def _stars(query: exp.Expression) -> Iterator[str]:
    for star in query.find_all(exp.Star):
        holder = star.parent.parent if isinstance(star.parent, exp.Column) else star.parent
        if not isinstance(holder, exp.Count):
            yield star.parent.sql("duckdb") if isinstance(star.parent, exp.Column) else "*"


# What does not travel to Spark


class Rule(NamedTuple):
    """`refuses` looks at one node of the tree; `advice` says what to write instead."""

    refuses: Callable[[exp.Expression], bool]
    advice: str


def _is_star(node: exp.Expression) -> bool:
    return isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count)


def _function(*names: str) -> Callable[[exp.Expression], bool]:
    """A call of one of the functions, however sqlglot files it: by class, or as a name it does not know."""
    classes = tuple(cls for name in names if (cls := exp.FUNCTION_BY_NAME.get(name.upper())) is not None)

    def refuses(node: exp.Expression) -> bool:
        if isinstance(node, exp.Anonymous):
            return node.name.lower() in names
        return bool(classes) and type(node) in classes

    return refuses


def _may_divide_by_zero(node: exp.Expression) -> bool:
    if not isinstance(node, exp.Div | exp.IntDiv | exp.Mod):
        return False
    divisor = node.expression.unnest()
    while isinstance(divisor, exp.Cast):
        divisor = divisor.this.unnest()
    is_nonzero = divisor.is_number and float(divisor.name) != 0
    return not (is_nonzero or isinstance(divisor, exp.Nullif))


def _inside(node: exp.Expression, *classes: type[exp.Expression]) -> bool:
    parent = node.parent
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    return isinstance(parent, classes)


def _adds_interval_untyped(node: exp.Expression) -> bool:
    return (
        isinstance(node, exp.Add | exp.Sub)
        and any(isinstance(side.unnest(), exp.Interval) for side in (node.this, node.expression))
        and not _inside(node, exp.Cast, exp.Predicate)
    )


def _needs_order(node: exp.Expression) -> bool:
    if not isinstance(node, exp.Window) or node.args.get("order") or node.args.get("alias"):
        return False
    function = node.this.this if isinstance(node.this, exp.IgnoreNulls | exp.RespectNulls) else node.this
    ordered = exp.RowNumber | exp.Rank | exp.DenseRank | exp.PercentRank | exp.CumeDist | exp.Ntile
    return isinstance(function, ordered | exp.Lag | exp.Lead | exp.FirstValue | exp.LastValue | exp.NthValue)


def _limits_without_order(node: exp.Expression) -> bool:
    return isinstance(node, exp.Limit | exp.Offset) and not node.parent.args.get("order")


def _part_is_not_days(node: exp.Expression) -> bool:
    return isinstance(node, exp.DateDiff) and str(node.args.get("unit") or "day").strip("'").lower() != "day"


def _replaces_once(node: exp.Expression) -> bool:
    flags = node.args.get("modifiers") if isinstance(node, exp.RegexpReplace) else None
    return isinstance(node, exp.RegexpReplace) and (flags is None or "g" not in flags.name)


def _counts_from_the_end(node: exp.Expression) -> bool:
    return isinstance(node, exp.Bracket) and any(isinstance(index, exp.Neg) for index in node.expressions)


def _casts_unguarded(node: exp.Expression) -> bool:
    """Each engine has ways of its own to write a number (`1e3.`, `-`, `1_000`): what is cast must be digits."""
    if not isinstance(node, exp.TryCast) or node.to.is_type(exp.DataType.Type.DATE):
        return False
    if isinstance(node.this, exp.RegexpExtract):
        return False
    guard = node.parent.this if isinstance(node.parent, exp.If) else None
    return not (isinstance(guard, exp.RegexpLike) and guard.this == node.this)


# Functions that sqlglot passes through by name and that mean the same in both engines.
SAME_IN_BOTH = {"printf", "date_part"}

RULES: dict[str, Rule] = {
    "qualify with a star": Rule(
        lambda n: isinstance(n, exp.Qualify) and any(map(_is_star, n.parent.expressions)),
        "name the columns: the rewrite adds its own column to the star",
    ),
    "star replace": Rule(
        lambda n: isinstance(n, exp.Star) and bool(n.args.get("replace")),
        "name the columns and write the expression",
    ),
    "columns()": Rule(lambda n: isinstance(n, exp.Columns), "name the columns"),
    "asof join": Rule(
        lambda n: isinstance(n, exp.Join) and "ASOF" in f"{n.method} {n.kind}".upper(),
        "join on the range and keep the first by row_number",
    ),
    "positional join": Rule(
        lambda n: isinstance(n, exp.Join) and "POSITIONAL" in f"{n.method} {n.kind}".upper(), "join on a key"
    ),
    "pivot": Rule(lambda n: isinstance(n, exp.Pivot), "write sum(x) filter (where …) for each column"),
    "union by name": Rule(
        lambda n: isinstance(n, exp.SetOperation) and bool(n.args.get("by_name")),
        "list the columns in one order",
    ),
    "list slice": Rule(lambda n: isinstance(n, exp.Slice), "use list_filter"),
    "index from the end": Rule(_counts_from_the_end, "sort the other way and take [1]"),
    "ordered list": Rule(
        lambda n: isinstance(n, exp.ArrayAgg) and n.find(exp.Order) is not None,
        "write list_sort(list(x)): the order is dropped",
    ),
    "len()": Rule(
        lambda n: isinstance(n, exp.Length) and n.meta["end"] - n.meta["start"] < len("length") - 1,
        "use array_length for a list and length for text",
    ),
    "quantile": Rule(
        _function("quantile", "quantile_cont", "quantile_disc", "percentile_cont", "percentile_disc"),
        "use median, or rank the rows",
    ),
    "hash()": Rule(_function("hash"), "use md5 or sha256: every engine hashes its own way"),
    "log()": Rule(lambda n: isinstance(n, exp.Log), "use ln or log10: log has another base there"),
    "date plus interval": Rule(
        _adds_interval_untyped, "cast the sum to date: it is a timestamp here and a date there"
    ),
    "date_trunc": Rule(
        lambda n: isinstance(n, exp.DateTrunc | exp.TimestampTrunc) and not _inside(n, exp.Cast),
        "cast it to date: it is a date here and a timestamp there",
    ),
    "date_diff in other parts than days": Rule(
        _part_is_not_days, "count from year * 12 + month: one engine counts boundaries, the other whole parts"
    ),
    "division by what may be zero": Rule(
        _may_divide_by_zero, "divide by nullif(x, 0): an error there, inf here"
    ),
    "first regexp_replace": Rule(
        _replaces_once, "give the option 'g': the other engine replaces every match"
    ),
    "pattern of its own": Rule(
        lambda n: isinstance(n, exp.Glob | exp.SimilarTo | exp.RegexpFullMatch), "use regexp_matches or like"
    ),
    "distinct on": Rule(
        lambda n: isinstance(n, exp.Distinct) and bool(n.args.get("on")),
        "keep one row by row_number and qualify",
    ),
    "order without an order by": Rule(_needs_order, "give the window an order by that leaves no ties"),
    "limit without an order by": Rule(_limits_without_order, "order the rows by a key first"),
    "any of the rows": Rule(
        lambda n: isinstance(n, exp.First | exp.Last | exp.AnyValue | exp.Mode),
        "use min or max: which row is chance",
    ),
    "sample": Rule(lambda n: isinstance(n, exp.TableSample), "a model is the same on every run"),
    "clock or chance": Rule(
        lambda n: (
            isinstance(n, exp.CurrentDate | exp.CurrentTimestamp | exp.CurrentTime | exp.Rand | exp.Uuid)
            or _function("now", "today", "get_current_timestamp", "setseed", "gen_random_uuid")(n)
        ),
        "a model reads no clock and throws no dice",
    ),
    "row position": Rule(
        lambda n: (
            isinstance(n, exp.PositionalColumn) or (isinstance(n, exp.Column) and n.name.lower() == "rowid")
        ),
        "name the column",
    ),
    "map or row value": Rule(
        lambda n: isinstance(n, exp.Map | exp.ToMap | exp.VarMap) or _function("row")(n), "use columns"
    ),
    "any of a subquery": Rule(lambda n: isinstance(n, exp.Any), "use in or exists"),
    "series as a table": Rule(
        lambda n: (
            isinstance(n, exp.GenerateSeries | exp.GenerateDateArray) and _inside(n, exp.Table, exp.From)
        ),
        "write unnest(generate_series(…)) in a select",
    ),
    "unnest inside an expression": Rule(
        lambda n: (
            isinstance(n, exp.Explode | exp.Unnest)
            and not _inside(n, exp.Alias, exp.Select, exp.From, exp.Table)
        ),
        "unnest in a select of its own and use its column",
    ),
    "date_add": Rule(
        lambda n: isinstance(n, exp.DateAdd | exp.DateSub), "write cast(day + interval … as date)"
    ),
    "interval of a column": Rule(
        lambda n: isinstance(n, exp.Interval) and not isinstance(n.this, exp.Literal),
        "give it a number; a count of months from a column goes into make_date",
    ),
    "pattern that is no constant": Rule(
        lambda n: (
            isinstance(n, exp.RegexpLike | exp.RegexpReplace | exp.RegexpExtract)
            and not n.args["expression"].is_string
        ),
        "write the pattern as text: it is rewritten for the other engine",
    ),
    "number from any text": Rule(
        _casts_unguarded, "write case when regexp_matches(x, '^[0-9]+$') then try_cast(x as …) end"
    ),
    "unknown function": Rule(
        lambda n: isinstance(n, exp.Anonymous) and n.name.lower() not in SAME_IN_BOTH,
        "no translation is known; use another, or add it to SAME_IN_BOTH with a test on both engines",
    ),
}


def travel_offences(sql: str) -> dict[str, str]:
    """What in a select cannot be carried to Spark: rule → the fragment and what to write instead."""
    query = sqlglot.parse_one(sql, read="duckdb")
    found = {}
    for node in query.walk():
        for name, rule in RULES.items():
            if name not in found and rule.refuses(node):
                found[name] = f"line {_line(node)}: {node.sql('duckdb')[:80]}: {rule.advice}"
    try:
        spark_sql(sql)
    except DoesNotTravel as error:
        found["no translation"] = str(error)
    return found


def _line(node: exp.Expression) -> int:
    """The first line of the text that a node was read from, as far as sqlglot keeps it; else its parent's."""
    lines = [part.meta["line"] for part in node.walk() if "line" in part.meta]
    if lines:
        return min(lines)
    return _line(node.parent) if node.parent else 1


# The models


@pytest.mark.parametrize("path", MODELS, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_model_keeps_the_style_and_travels(path: Path) -> None:
    where = path.relative_to(ROOT)
    assert len(where.parts) == 3, f"{where}: a model is transforms/<schema>/<table>.sql"
    assert path.parent.name in MAY_READ, f"{where}: no such schema"
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+|__[a-z0-9]+)*", path.stem), f"{where}: not a table's name"
    sql = path.read_text(encoding="utf-8")
    found = style_offences(sql, path.parent.name)
    if not found:
        found = [f"{rule}: {what}" for rule, what in travel_offences(sql).items()]
    assert not found, "\n".join(f"{where}: {offence}" for offence in found)


AUDIT_QUERIES = [
    (suite, query)
    for suite in [*suites().values(), *court_suites().values()]
    for query in suite.declared
    if isinstance(query, ExpectNoRows)
]


@pytest.mark.parametrize(
    ("suite", "query"), AUDIT_QUERIES, ids=[f"{suite.name}.{query.name}" for suite, query in AUDIT_QUERIES]
)
def test_a_query_of_an_audit_travels(suite: Suite, query: ExpectNoRows) -> None:
    found = [
        f"{rule}: {what}" for rule, what in travel_offences(query.sql.replace("{table}", suite.table)).items()
    ]
    assert not found, "\n".join(found)


def test_every_layer_has_models_to_look_at() -> None:
    assert {path.parent.name for path in MODELS} >= {"core", "marts"}


# The linter itself

GOOD = """\
-- grain: sector × month
-- purpose: each month beside the same month of the year before
with months as (
  select sector_code, month_start, sum(encounters) as encounters
  from core.cbp__monthly_encounters
  group by sector_code, month_start
)
select
  now_.sector_code,
  now_.month_start,
  now_.encounters,
  now_.encounters - prior.encounters as change,
  100.0 * (now_.encounters - prior.encounters) / nullif(prior.encounters, 0) as pct_change,
  rank() over (partition by now_.sector_code order by now_.encounters desc) as rank_since_2000,
  count(*) over (partition by now_.sector_code) as months,
  'USBP' as "Component"
from months as now_
left join months as prior
  on prior.sector_code = now_.sector_code and prior.month_start = now_.month_start - interval 1 year
"""


def test_a_good_model_passes() -> None:
    assert style_offences(GOOD, "marts") == []
    assert travel_offences(GOOD) == {}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("-- grain: sector × month\n", "", "the header lacks a line `-- grain: …`"),
        ("-- purpose: each", "-- each", "the header lacks a line `-- purpose: …`"),
        (
            "-- grain: sector × month\n",
            "\n-- grain: sector × month\n",
            "the header lacks a line `-- grain: …`",
        ),
        ("left join", "LEFT join", "write LEFT in lower case"),
        ("nullif(", "NULLIF(", "write NULLIF in lower case"),
        ("now_.encounters,", "now_.*,", "name the columns in place of now_.*"),
        ("select sector_code, month_start,", "select *,", "name the columns in place of *"),
        (
            "core.cbp__monthly_encounters",
            "cbp__monthly_encounters",
            "write cbp__monthly_encounters as schema.table",
        ),
        (
            "core.cbp__monthly_encounters",
            "raw.cbp_sbo",
            "marts may not read raw.cbp_sbo",
        ),
        ("core.cbp__monthly_encounters", "read_csv('a.csv')", "a model reads tables, not READ_CSV('a.csv')"),
        ("core.cbp__monthly_encounters", "'a.parquet'", "write a.parquet as schema.table"),
        ("interval 1 year\n", "interval 1 year;\nselect 1 as one\n", "a model is exactly one select"),
    ],
)
def test_a_breach_of_style_is_found(before: str, after: str, expected: str) -> None:
    assert before in GOOD
    assert expected in style_offences(GOOD.replace(before, after, 1), "marts")


def test_a_statement_that_is_no_select_is_found() -> None:
    header = "-- grain: a\n-- purpose: b\n"
    for statement in (
        "create table core.t as select 1 as a",
        "pivot core.t on a using sum(b)",
        "summarize core.t",
    ):
        assert "a model is exactly one select" in style_offences(header + statement, "core")


DOES_NOT_TRAVEL = [
    ("qualify with a star", "select * from core.t qualify row_number() over (order by a) = 1"),
    ("star replace", "select * replace (a + 1 as a) from core.t"),
    ("columns()", "select columns('n_.*') from core.t"),
    ("asof join", "select t.a from core.t asof join core.u on t.a >= u.a"),
    ("positional join", "select t.a from core.t positional join core.u"),
    ("pivot", "select a from core.t pivot (sum(b) for a in ('x', 'y'))"),
    ("pivot", "pivot core.t on a using sum(b)"),
    ("pivot", "unpivot core.t on a, b into name n value v"),
    ("union by name", "select a from core.t union all by name select a from core.u"),
    ("list slice", "select a[1:2] as firsts from core.t"),
    ("index from the end", "select a[-1] as last_one from core.t"),
    ("ordered list", "select list(a order by b) as values_ from core.t"),
    ("ordered list", "select array_agg(a order by b) as values_ from core.t"),
    ("len()", "select len(a) as n from core.t"),
    ("quantile", "select quantile_cont(a, 0.9) as q from core.t"),
    ("quantile", "select quantile_disc(a, 0.9) as q from core.t"),
    ("quantile", "select percentile_cont(0.9) within group (order by a) as q from core.t"),
    ("hash()", "select hash(a) as h from core.t"),
    ("log()", "select log(a) as magnitude from core.t"),
    ("date plus interval", "select month_start + interval 1 month as month_end from core.t"),
    ("date plus interval", "select (interval '1 month' + month_start) as month_end from core.t"),
    ("date_trunc", "select date_trunc('month', d) as month_start from core.t"),
    ("date_diff in other parts than days", "select date_diff('month', a, b) as months from core.t"),
    ("division by what may be zero", "select a / b as share from core.t"),
    ("division by what may be zero", "select a / (b + 1) as share from core.t"),
    ("division by what may be zero", "select a // b as whole from core.t"),
    ("division by what may be zero", "select a % b as rest from core.t"),
    ("division by what may be zero", "select a / 0 as share from core.t"),
    ("first regexp_replace", "select regexp_replace(a, '[0-9]', '') as bare from core.t"),
    ("pattern of its own", "select a from core.t where a glob 'x*'"),
    ("pattern of its own", "select a from core.t where a similar to 'x+'"),
    ("pattern of its own", "select a from core.t where regexp_full_match(a, 'x+')"),
    ("distinct on", "select distinct on (a) a, b from core.t order by a, b"),
    ("order without an order by", "select row_number() over (partition by a) as n from core.t"),
    ("order without an order by", "select lag(a) over (partition by b) as prior from core.t"),
    (
        "order without an order by",
        "select first_value(a ignore nulls) over (partition by b) as f from core.t",
    ),
    ("limit without an order by", "select a from core.t limit 3"),
    ("any of the rows", "select first(a) as a from core.t"),
    ("any of the rows", "select any_value(a) as a from core.t"),
    ("any of the rows", "select mode(a) as a from core.t"),
    ("sample", "select a from core.t using sample 10%"),
    ("clock or chance", "select current_date as d from core.t"),
    ("clock or chance", "select now() as t from core.t"),
    ("clock or chance", "select today() as d from core.t"),
    ("clock or chance", "select a from core.t order by random()"),
    ("clock or chance", "select uuid() as id from core.t"),
    ("row position", "select rowid as n from core.t"),
    ("row position", "select #1 as n from core.t"),
    ("map or row value", "select map {'a': 1} as m from core.t"),
    ("map or row value", "select row(a, b) as r from core.t"),
    ("any of a subquery", "select a from core.t where a = any(select b from core.u)"),
    ("series as a table", "select n from generate_series(1, 3) as s(n)"),
    ("series as a table", "select n from range(1, 3) as s(n)"),
    ("unnest inside an expression", "select cast(unnest(generate_series(1, n)) as integer) as i from core.t"),
    ("date_add", "select cast(date_add(d, interval 1 month) as date) as next_month from core.t"),
    ("interval of a column", "select cast(d + interval (n) month as date) as later from core.t"),
    ("pattern that is no constant", "select regexp_matches(a, b) as is_like from core.t"),
    ("number from any text", "select try_cast(a as integer) as n from core.t"),
    ("unknown function", "select strip_accents(a) as plain from core.t"),
    ("unknown function", "select list_aggregate(a, 'sum') as total from core.t"),
]


@pytest.mark.parametrize(("rule", "sql"), DOES_NOT_TRAVEL)
def test_an_idiom_that_does_not_travel_is_refused(rule: str, sql: str) -> None:
    assert rule in travel_offences(sql)


def test_an_offence_names_its_line() -> None:
    assert travel_offences("select\n  a,\n  any_value(b) as b\nfrom core.t")["any of the rows"].startswith(
        "line 3: "
    )


def test_every_rule_has_an_example() -> None:
    assert {rule for rule, _ in DOES_NOT_TRAVEL} == set(RULES)


@pytest.mark.parametrize(
    "sql",
    [
        "select a, b from core.t qualify row_number() over (partition by a order by b) = 1",
        "select count(*) as n, count(distinct a) as kinds from core.t group by all",
        "select sum(a) filter (where b = 'x') as x from core.t",
        "select cast(month_start + interval 1 month as date) as month_end from core.t",
        "select cast(date_trunc('month', d) as date) as month_start from core.t",
        "select date_diff('day', a, b) as days from core.t",
        "select a / 100.0 as share, 100.0 * a / nullif(b, 0) as pct, a % 12 as rest from core.t",
        "select a / cast(nullif(b, 0) as double) as share from core.t",
        "select list_sort(list(a)) as kinds, array_length(b) as n from core.t",
        "select list_filter([a, b], x -> x is not null) as reasons from core.t",
        "select string_agg(a, ', ' order by a) as kinds from core.t",
        "select median(a) as middle from core.t",
        "select lag(a) over (partition by b order by c) as prior from core.t",
        "select sum(a) over (partition by b) as total from core.t",
        "select a from core.t order by a limit 3",
        "select unnest(generate_series(date '2000-01-01', date '2020-01-01', interval 1 month)) as m",
        "select case when regexp_matches(a, '^[0-9]+$') then try_cast(a as bigint) end as n from core.t",
        "select try_cast(a as date) as d from core.t",
        "select length(name) as characters from core.t",
        "select md5(a) as h, max(b) as last_b, printf('%05d', c) as code from core.t",
        "select regexp_replace(a, '[0-9]', '', 'g') as bare, regexp_matches(a, '^x') as is_x from core.t",
        "select a from core.t union all select a from core.u",
    ],
)
def test_an_idiom_that_travels_is_left_alone(sql: str) -> None:
    assert travel_offences(sql) == {}
