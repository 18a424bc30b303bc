"""The same select for Spark: a model or an audit query carried over from its one DuckDB source.

Belongs here: what sqlglot translates, and the few meanings it does not carry (each rewrite says which). Does not belong
here: running anything (`warehouse.spark`), or which idioms a model may use (the linter in tests/unit/test_sql_style.py).

Known to differ, because no published value looks so: a date written with `(BC)`, a sign, as `epoch` or `infinity`, and a
number in hexadecimal or binary are read by DuckDB and NULL on Spark; `upper` differs for letters outside Windows-1252
whose capital is two letters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

#: White space as DuckDB's patterns know it; Java's `\s` has the vertical tab as well.
_SPACE = r"\t\n\f\r "
#: A number as DuckDB casts it from text: sign, digits parted by single underscores, point, exponent.
_NUMBER = rf"^[{_SPACE}]*[-+]?(?=\.?[0-9])([0-9]+(_[0-9]+)*)?(\.[0-9]*)?([eE][-+]?[0-9]+)?[{_SPACE}]*\z"
#: A date as DuckDB casts it: year, month and day parted by one sign, then anything but a digit.
_DATE = rf"^[{_SPACE}]*([0-9]{{1,7}})([-/ \\])([0-9]{{1,2}})\2([0-9]{{1,2}})(?![0-9])(?! ?\(BC\))[\s\S]*"
_DATE_CAST = """
case when a rlike :date then
    try_cast(concat(case when a rlike :long_year then '' else '000' end, regexp_replace(a, :date, '$1-$3-$4')) as date)
end
"""
_INTEGER_CAST = "case when a rlike :number then try_cast(round(try_cast(replace(a, '_', '') as decimal(38, 10))) as int) end"
_DECIMAL_CAST = "case when a rlike :number then try_cast(replace(a, '_', '') as decimal(1, 0)) end"


class DoesNotTravel(ValueError):
    """A select has no equal on Spark; the message says which part and why."""


def spark_sql(sql: str) -> str:
    """The select in Spark's SQL, with the rows DuckDB would give. Raises DoesNotTravel."""
    try:
        tree = sqlglot.parse_one(sql, read="duckdb").transform(_carried)
        return tree.sql("spark", unsupported_level=ErrorLevel.RAISE)
    except SqlglotError as error:
        raise DoesNotTravel(" ".join(str(error).split())) from error


def _carried(node: exp.Expression) -> exp.Expression:
    for kind, rewrite in _REWRITES:
        if isinstance(node, kind):
            return rewrite(node)
    return node


def _decimal_literal(node: exp.Expression) -> exp.Expression:
    """`100.0 * a / b` is a double here; there a decimal with few places."""
    if node.is_string or "." not in node.name or isinstance(node.parent, exp.Cast):
        return node
    return exp.cast(exp.Literal.string(node.name), exp.DataType.Type.DOUBLE)


def _text_to_value(node: exp.Expression) -> exp.Expression:
    """`try_cast` of text: DuckDB takes more ways to write a date or a number than Spark, and fewer of others."""
    target = node.args["to"]
    if target.is_type(exp.DataType.Type.DATE):
        return _filled(_DATE_CAST, node.this, date=_DATE, long_year=rf"^[{_SPACE}]*[0-9]{{5}}")
    if target.is_type(exp.DataType.Type.INT):  # rounds; there a fraction is refused
        return _filled(_INTEGER_CAST, node.this, number=_NUMBER)
    if target.is_type(exp.DataType.Type.DECIMAL):
        cast = _filled(_DECIMAL_CAST, node.this, number=_NUMBER)
        cast.find(exp.TryCast).set("to", target.copy())  # type: ignore[union-attr]
        return cast
    return node


def _pattern(node: exp.Expression) -> exp.Expression:
    """Java's `$` also stands before a closing line break, and its `\\s` includes the vertical tab."""
    pattern = node.args["expression"]
    if not (isinstance(pattern, exp.Literal) and pattern.is_string):
        raise SqlglotError(f"{node.sql('duckdb')}: a pattern that is not a constant cannot be carried over")
    return _with(node, expression=_text(_as_java(pattern.name)))


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


def _upper(node: exp.Expression) -> exp.Expression:
    """The capital of ß is one letter here and two there."""
    return _with(node, this=exp.func("replace", node.this, _text("ß"), _text("ẞ")))


_REWRITES: tuple[tuple[type[exp.Expression], Callable[[exp.Expression], exp.Expression]], ...] = (
    (exp.Literal, _decimal_literal),
    (exp.TryCast, _text_to_value),
    (exp.RegexpLike, _pattern),
    (exp.RegexpReplace, _pattern),
    (exp.RegexpExtract, _pattern),
    (exp.Upper, _upper),
)


def _with(node: exp.Expression, **changed: Any) -> exp.Expression:
    copy = node.copy()
    for name, value in changed.items():
        copy.set(name, value)
    return copy


def _filled(template: str, text: exp.Expression, **patterns: str) -> exp.Expression:
    """A template in Spark's SQL with `a` and its patterns put in."""
    tree = sqlglot.parse_one(template, read="spark")
    tree = exp.replace_placeholders(tree, **{name: _text(pattern) for name, pattern in patterns.items()})
    return tree.transform(lambda n: text.copy() if isinstance(n, exp.Column) and n.name == "a" else n)


def _text(value: str) -> exp.Literal:
    return exp.Literal.string(value)
