"""What the commands share: console, one-line errors, the published file, rows, JSON, months and days as typed.

Belongs here: how a command speaks and stops. Does not belong here: any command, or any rule about data.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Annotated, Any, NoReturn

import duckdb
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from warehouse.paths import Home

OK, FAILED, USAGE = 0, 1, 2

#: How readers open the published file: no way out to files or the network, and no way to change that.
READ_ONLY = {"enable_external_access": "false", "lock_configuration": "true"}

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
MeasureArgument = Annotated[str, typer.Argument(help="Measure; `border measures` lists them.")]
MonthArgument = Annotated[str, typer.Argument(help="Month, as 2021-01.")]
AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="YYYY-MM-DD", help="As it was public by the end of this day.")
]


def _write_any_text() -> None:
    """Whatever the locale: figures and dashes must not stop a command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")


def as_typed(argument: str) -> str:
    """The argument's own characters, where the locale kept Python from reading them."""
    return os.fsencode(argument).decode("utf-8", "replace")


def open_console(stderr: bool = False) -> Console:
    _write_any_text()
    width = None if sys.stdout.isatty() else 140
    return Console(stderr=stderr, highlight=False, width=width, soft_wrap=False)


def stop(message: str, code: int) -> NoReturn:
    """Print one line to the error stream and end with the code."""
    open_console(stderr=True).print(Text(message), soft_wrap=True)
    raise typer.Exit(code)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """A user's mistake is one line and exit code 2, never a stack trace."""
    from warehouse.archive import ArchiveError
    from warehouse.engine import EngineError
    from warehouse.lake import LakeError
    from warehouse.provenance import ProvenanceError
    from warehouse.writer import BuildBusy

    try:
        yield
    except (ArchiveError, BuildBusy, EngineError, LakeError, ProvenanceError) as error:
        stop(str(error), USAGE)
    except duckdb.CatalogException as error:
        stop(
            f"{str(error).splitlines()[0]} The published file was made by an older version; run `border build`.",
            USAGE,
        )
    except duckdb.IOException as error:
        stop(
            f"{str(error).splitlines()[0]}. Close the program that holds the file, or check the disk.", USAGE
        )
    except PermissionError as error:
        stop(f"{error.filename}: not writable; set BORDER_HOME to a folder that is", USAGE)


def open_published() -> duckdb.DuckDBPyConnection:
    """The published warehouse, read-only and with no way out to files or the network."""
    file = Home.from_environment().published_file
    if not file.exists():
        stop(f"{file}: nothing has been published yet; run `border build`", USAGE)
    return duckdb.connect(str(file), read_only=True, config=READ_ONLY)


def rows_of(
    con: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any] | None = None
) -> list[dict[str, Any]]:
    """Rows by column name; a name that a query gives twice is numbered, so that no column is lost."""
    cursor = con.execute(sql, parameters)
    names: list[str] = []
    for name, *_ in cursor.description or []:
        free = (f"{name}_{n}" for n in count(2) if f"{name}_{n}" not in names)
        names.append(next(free) if name in names else name)
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def print_json(value: Any) -> None:
    _write_any_text()
    sys.stdout.write(json.dumps(value, indent=2, default=str, ensure_ascii=False) + "\n")


def plain_table(*headings: str, right: Iterable[str] = (), wrap: Iterable[str] = ()) -> Table:
    """A table without lines; `right` are headings of numbers, `wrap` those whose cells may take several lines."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(
            heading,
            justify="right" if heading in tuple(right) else "left",
            no_wrap=heading not in tuple(wrap),
            overflow="fold",
        )
    return table


def month_of(text: str) -> dt.date:
    """The first day of a month given as 2021-01 or by any of its days."""
    try:
        return dt.date.fromisoformat(text if len(text) > 7 else f"{text}-01").replace(day=1)
    except ValueError:
        stop(f"{text!r} is not a month; give it as 2021-01", USAGE)


def day_of(text: str | None) -> dt.date | None:
    """A day given as 2021-02-11."""
    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError:
        stop(f"{text!r} is not a day; give it as 2021-02-11", USAGE)
