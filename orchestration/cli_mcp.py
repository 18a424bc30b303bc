"""The command that serves the published warehouse to programs: `mcp`."""

from __future__ import annotations

import typer

from orchestration.screen import USAGE, stop
from warehouse.paths import Home

commands = typer.Typer()


@commands.command()
def mcp() -> None:
    """Serve the published warehouse to programs that speak the Model Context Protocol, over standard input and output."""
    home = Home.from_environment()
    if not home.published_file.exists():
        stop(f"{home.published_file}: nothing has been published yet; run `border build`", USAGE)
    from orchestration.mcp_server import server

    server(home).run()
