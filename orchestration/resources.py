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

_kept: dict[Path, Warehouse | None] = {}
"""Build files kept open in this process, each with its connection once a step has opened it."""


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
        file = self.home.build_file
        with BuildLock(self.home.build_lock, wait=PATIENCE):
            if file not in _kept:
                with Warehouse(file) as warehouse:
                    yield warehouse
                return
            kept = _kept[file] = _kept[file] or Warehouse(file)
            try:
                yield kept
            except BaseException:
                # What failed may have left the connection unusable: the next step gets another.
                _kept[file] = None
                kept.con.close()
                raise

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Inside, the steps of this process share one connection; opening and closing cost more than most steps."""
        file = self.home.build_file
        with BuildLock(self.home.build_lock):
            _kept[file] = None
            try:
                yield
            finally:
                if kept := _kept.pop(file):
                    kept.con.close()

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC).replace(tzinfo=None)
