"""`border site`: the static site over the published warehouse.

Belongs here: the command's arguments and messages. Does not belong here: pages (`warehouse.site`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from orchestration.screen import USAGE, AsJson, one_line_errors, open_console, print_json, stop
from warehouse.paths import PROJECT, Home

commands = typer.Typer()


@commands.command()
def site(
    out: Annotated[Path, typer.Option(help="Folder to write; an earlier site in it is replaced.")] = PROJECT
    / "site",
    as_json: AsJson = False,
) -> None:
    """Write the static site of the published warehouse: pages, charts, downloads, SQL in the browser."""
    from warehouse.site import SiteError, build_site
    from warehouse.site.vendor import VendorError

    home = Home.from_environment()
    with one_line_errors():
        try:
            report = build_site(home.published_file, out.resolve(), home.vendor, data_docs=home.data_docs)
        except (SiteError, VendorError) as error:
            stop(str(error), USAGE)
    if as_json:
        print_json({**vars(report), "folder": str(report.folder)})
        return
    console = open_console()
    for notice in report.notices:
        console.print(Text(notice), soft_wrap=True)
    console.print(
        Text(
            f"{report.pages} pages, {report.bytes / 1e6:.0f} MB, in {report.seconds:.0f} s: "
            f"{report.folder / 'index.html'}"
        ),
        soft_wrap=True,
    )
