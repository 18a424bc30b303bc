"""Resources the assets share: the installation's folders and the one writable warehouse."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from warehouse.archive import Archive
from warehouse.paths import Home
from warehouse.writer import BuildLock, Warehouse

PATIENCE = 1800.0  # seconds a step waits for a build somebody runs by hand


class Ledger(dg.ConfigurableResource):
    """The archive, the build file and the published file of one installation.

    `root` is empty for `$BORDER_HOME` or the checkout's `data/`.
    """

    root: str = ""

    @property
    def home(self) -> Home:
        return Home(Path(self.root)) if self.root else Home.from_environment()

    @property
    def archive(self) -> Archive:
        return Archive(self.home.archive)

    @contextmanager
    def open(self) -> Iterator[Warehouse]:
        """The build file, open for writing; one step at a time (pool `duckdb`), after any build by hand."""
        with BuildLock(self.home.build_lock, wait=PATIENCE), Warehouse(self.home.build_file) as warehouse:
            yield warehouse

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC).replace(tzinfo=None)
