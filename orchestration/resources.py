"""Resources the assets share: the installation's folders, the one writable warehouse, and the lake, where there is one."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from orchestration import engines
from warehouse.archive import Archive
from warehouse.engine import Engine
from warehouse.lake import Lake
from warehouse.paths import Home
from warehouse.writer import BuildBusy, BuildLock, Warehouse

PATIENCE = 1800.0  # seconds a step waits for a build somebody runs by hand
#: How many builds of this installation may run at once where they share a lake; the limit of the pool, too.
WORKERS = "BORDER_LAKE_WORKERS"

_kept: dict[Path, Warehouse | None] = {}
"""Build files kept open in this process, each with its connection once a step has opened it."""

_taken: dict[Path, tuple[int, BuildLock]] = {}
"""The worker this process is, by installation, with the lock that says so until the process ends."""


_begun: set[Path] = set()
"""Build files a step of this process has opened."""


def workers() -> int:
    """How many builds of this installation may run at once: one, without a lake."""
    return int(os.environ.get(WORKERS) or 1) if Lake.from_environment() else 1


class Ledger(dg.ConfigurableResource):
    """The archive, the build file and the published file of one installation.

    `root` is empty for `$BORDER_HOME` or the checkout's `data/`; `engine` names what evaluates models and audits,
    `duckdb` or `spark`, and is empty for `$BORDER_ENGINE` or DuckDB. The target comes from `$BORDER_TARGET` alone, as it
    may hold a password and Dagster keeps what resources are configured with.
    """

    root: str = ""
    engine: str = ""

    @property
    def home(self) -> Home:
        home = Home(Path(self.root)) if self.root else Home.from_environment()
        worker, _ = _taken.get(home.root, (1, None))
        return Home(home.root, worker)

    @property
    def archive(self) -> Archive:
        return Archive(self.home.archive)

    @property
    def lake(self) -> Lake | None:
        """The lake builds are shared in; None where the published file is all there is."""
        return Lake.from_environment()

    @property
    def evaluator(self) -> Engine:
        return engines.engine(self.engine, self.home)

    @contextmanager
    def open(self) -> Iterator[Warehouse]:
        """The build file, open for writing; one step at a time (pool `duckdb`), after any build by hand.

        With a lake as many steps at once as there are workers: a process takes a free worker's file and stays with it.
        """
        self._take_worker()
        file = self.home.build_file
        with BuildLock(self.home.build_lock, wait=PATIENCE):
            if file not in _kept:
                with Warehouse(file) as warehouse:
                    self._begin(file, warehouse)
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
        self._take_worker(wait=0.0)
        file = self.home.build_file
        with BuildLock(self.home.build_lock):
            _kept[file] = None
            try:
                yield
            finally:
                if kept := _kept.pop(file):
                    kept.con.close()

    def _begin(self, file: Path, warehouse: Warehouse) -> None:
        if file not in _begun and workers() > 1:
            from orchestration import sharing

            sharing.begin(warehouse, self)
        _begun.add(file)

    @contextmanager
    def publishing(self) -> Iterator[None]:
        """One worker at a time replaces the published files."""
        with BuildLock(self.home.root / "work" / "publish.lock", wait=PATIENCE):
            yield

    def _take_worker(self, wait: float = PATIENCE) -> None:
        many, root = workers(), self.home.root
        if many < 2 or root in _taken:
            return
        deadline = time.monotonic() + wait
        while True:
            for worker in range(1, many + 1):
                lock = BuildLock(Home(root, worker).build_lock)
                try:
                    lock.__enter__()
                except BuildBusy:
                    continue
                _taken[root] = worker, lock
                return
            if time.monotonic() > deadline:
                raise BuildBusy(f"{root}: all {many} workers are building; wait, or raise {WORKERS}")

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC).replace(tzinfo=None)
