"""The same select for Spark: a model or an audit query carried over from its one DuckDB source.

Belongs here: what sqlglot translates, and the few meanings it does not carry (each rewrite says which). Does not belong
here: running anything (`warehouse.spark`), or which idioms a model may use (the linter in tests/unit/test_sql_style.py).

Known to differ, because nothing published looks so: dates before the year 1, `epoch` and `infinity` are read by DuckDB and
NULL on Spark; `upper` differs for letters outside Windows-1252 whose capital is two letters.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

#: White space as DuckDB's patterns know it; Java's `\s` has the vertical tab as well, and so have DuckDB's casts.
_SPACE = r"\t\n\f\r "
#: A date as DuckDB casts it: year, month and day parted by one sign, then anything but a digit.
_DATE = r"^\s*0*([0-9]{1,7})([-/ \\])([0-9]{1,2})\2([0-9]{1,2})(?![0-9])(?! ?\(BC\))[\s\S]*"
_LONG_YEAR = r"^\s*0*[1-9][0-9]{4}"
_DATE_CAST = """
case when a rlike :date then
    try_cast(concat(case when a rlike :long_year then '' else '000' end, regexp_replace(a, :date, '$1-$3-$4')) as date)
end
"""


class DoesNotTravel(ValueError):
    """A select has no equal on Spark; the message says which part and why."""


def spark_sql(sql: str) -> str:
    """The select in Spark's SQL, with the rows DuckDB would give. Raises DoesNotTravel."""
    try:
        tree = sqlglot.parse_one(sql, read="duckdb")
        for node in reversed(list(tree.walk())):  # what lies inside first
            _carry_over(node)
        return tree.sql("spark", unsupported_level=ErrorLevel.RAISE)
    except SqlglotError as error:
        raise DoesNotTravel(" ".join(str(error).split())) from error


def _carry_over(node: exp.Expr) -> None:
    for kind, rewrite in _REWRITES:
        if isinstance(node, kind):
            changed = rewrite(node)
            if changed is not node:
                node.replace(changed)


def _decimal_literal(node: exp.Expr) -> exp.Expr:
    """`100.0 * a / b` is a double here; there a decimal with few places."""
    if node.is_string or "." not in node.name or isinstance(node.parent, exp.Cast):
        return node
    return exp.cast(exp.Literal.string(node.name), exp.DataType.Type.DOUBLE)


def _date_from_text(node: exp.Expr) -> exp.Expr:
    """DuckDB takes more ways to write a date than Spark, and `2019` is none to it."""
    if not node.args["to"].is_type(exp.DataType.Type.DATE):
        return node
    cast = exp.replace_placeholders(
        sqlglot.parse_one(_DATE_CAST, read="spark"), date=_text(_DATE), long_year=_text(_LONG_YEAR)
    )
    for column in list(cast.find_all(exp.Column)):
        column.replace(node.this.copy())
    return cast


def _pattern(node: exp.Expr) -> exp.Expr:
    """Java's `$` also stands before a closing line break, and its `\\s` includes the vertical tab."""
    pattern = node.args["expression"]
    if not (isinstance(pattern, exp.Literal) and pattern.is_string):
        raise SqlglotError(f"{node.sql('duckdb')}: a pattern that is not a constant cannot be carried over")
    node.set("expression", _text(_as_java(pattern.name)))
    return node


def _as_java(pattern: str) -> str:
    written, in_class, position = "", False, 0
    while position < len(pattern):
        sign = pattern[position : position + 2] if pattern[position] == "\\" else pattern[position]
        if sign == "\\s":
            written += _SPACE if in_class else f"[{_SPACE}]"
        elif sign == "$" and not in_class:
            written += "\\z"
        elif sign == "." and not in_class:
            written += "[^\\n]"
        else:
            in_class = sign == "[" or (in_class and sign != "]")
            written += sign
        position += len(sign)
    return written


def _upper(node: exp.Expr) -> exp.Expr:
    """The capital of ß is one letter here and two there."""
    node.set("this", exp.func("replace", node.this, _text("ß"), _text("ẞ")))
    return node


def _trim(node: exp.Expr) -> exp.Expr:
    """Every kind of space separator is trimmed here, there the plain space alone."""
    if node.expression or node.args.get("position"):
        raise SqlglotError(
            f"{node.sql('duckdb')}: trim white space on both sides, nothing else is carried over"
        )
    return exp.RegexpReplace(this=node.this, expression=_text(r"^\p{Zs}+|\p{Zs}+\z"), replacement=_text(""))


_REWRITES: tuple[tuple[type[exp.Expr], Callable[[exp.Expr], exp.Expr]], ...] = (
    (exp.Literal, _decimal_literal),
    (exp.TryCast, _date_from_text),
    (exp.RegexpLike, _pattern),
    (exp.RegexpReplace, _pattern),
    (exp.RegexpExtract, _pattern),
    (exp.Trim, _trim),
    (exp.Upper, _upper),
)


def _text(value: str) -> exp.Literal:
    return exp.Literal.string(value)
