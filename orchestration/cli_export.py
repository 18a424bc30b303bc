"""The command that takes a table or an answer out of the warehouse: `export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from orchestration.screen import (
    USAGE,
    AsJson,
    one_line_errors,
    open_console,
    open_published,
    print_json,
    stop,
)

commands = typer.Typer()


@commands.command()
def export(
    table: Annotated[
        str | None,
        typer.Argument(help="Table as schema.table, e.g. marts.january_yoy; meta.tables lists all."),
    ] = None,
    query: Annotated[
        str | None, typer.Option(help="A select over the published warehouse, instead of a table.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE.{csv,parquet,xlsx}", help="File to write.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a table or a query to CSV, Parquet or XLSX, with definition, release, status and caveats, and a README."""
    from warehouse.export import ExportError
    from warehouse.export import export as write

    if (table is None) == (query is None):
        stop("name one table, or give --query; e.g. border export marts.january_yoy --to january.xlsx", USAGE)
    if to is None:
        stop("--to FILE is needed; its ending chooses csv, parquet or xlsx", USAGE)
    with one_line_errors(), open_published() as con:
        try:
            done = write(con, to.expanduser(), table=table, query=query, overwrite=overwrite)
        except ExportError as error:
            stop(str(error), USAGE)
    if as_json:
        print_json(vars(done))
        return
    beside = f"{done.about}" if done.about else "the sheet README"
    open_console().print(
        Text(f"{done.file}: {done.rows:,} rows, {len(done.columns)} columns; {beside} says what they are."),
        soft_wrap=True,
    )
