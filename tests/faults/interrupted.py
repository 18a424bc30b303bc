"""Runs one step of the project and ends it, or denies it the disk, at its n-th change of the file system.

    python interrupted.py STEP kill N  FOLDER    ends the process as a crash would, before the n-th change
    python interrupted.py STEP full N  FOLDER    the n-th change and all after it fail as on a full disk
    python interrupted.py STEP count 0 FOLDER    prints how many changes there are

Python's audit events are the clock: every open for writing, rename, new folder and removal is announced before it
happens. DuckDB's own writes are not; `RLIMIT_FSIZE` and a small file system stand for those (drills). Belongs here:
the steps and the interruption. Does not belong here: any judgement of what is left.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {"os.rename", "os.mkdir", "os.truncate", "os.link", "os.symlink"}
_REMOVALS = {"os.remove", "os.rmdir", "shutil.rmtree"}


class Interruption:
    """Counts the changes below `folder` once it is armed, and acts at number `at`."""

    def __init__(self, folder: Path, action: str, at: int) -> None:
        self.folder = str(folder)
        self.action = action
        self.at = at
        self.seen = 0
        self.armed = False
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.armed or not self._is_change(event, arguments):
            return
        self.seen += 1
        if self.action == "kill" and self.seen == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.action == "full" and self.seen >= self.at and event not in _REMOVALS:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(arguments[0]))

    def _is_change(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "open":
            path, mode, flags = arguments
            writes = any(c in (mode or "") for c in "wax+") or (not mode and bool((flags or 0) & _WRITING))
            return writes and str(path).startswith(self.folder)
        return event in _CHANGES | _REMOVALS and str(arguments[0]).startswith(self.folder)


def publish(folder: Path) -> Callable[[], None]:
    """Publish the edition after the last one."""
    from editions import answer_of, write_edition

    from warehouse import publish as publication
    from warehouse.writer import Warehouse

    published = folder / "published" / "warehouse.duckdb"
    edition = (answer_of(published)[0] if published.exists() else 0) + 1
    warehouse = Warehouse(folder / "build.duckdb")
    write_edition(warehouse, edition)

    def run() -> None:
        from editions import FIRST

        try:
            publication.publish(warehouse, published, code="c0de", now=FIRST, keep=3)
        except publication.NotPublishable as error:
            print(error)

    return run


def archive(folder: Path) -> Callable[[], None]:
    """Take the agency files that wait below `folder/files` into the archive."""
    import datetime as dt

    from orchestration.ingest import ingest
    from warehouse.archive import Archive

    def run() -> None:
        try:
            list(ingest([folder / "files"], Archive(folder / "archive"), now=dt.datetime(2026, 1, 1)))
        except OSError as error:
            print(f"{error.filename}: {error.strerror}")

    return run


STEPS = {"publish": publish, "archive": archive}


def main() -> None:
    step, action, at, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]).resolve()
    run = STEPS[step](folder)
    interruption = Interruption(folder, action, at)
    interruption.armed = True
    run()
    interruption.armed = False
    if action == "count":
        print(interruption.seen)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main()
