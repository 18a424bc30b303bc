"""What is remembered between checks: every answer so far, and which bytes are held.

The journal is one JSON line an answer, appended and fsynced; it is the original of meta.fetch_log and can be
written while a build holds the warehouse. Does not belong here: deciding what to fetch.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from warehouse.acquire.inbox import arrival_folder
from warehouse.acquire.results import FetchResult, FetchState

_ACCEPTED = {FetchState.FETCHED, FetchState.UNCHANGED}


@dataclass(frozen=True)
class KnownFile:
    """Bytes already held, with the address or name they were held under."""

    sha256: str
    url: str | None = None
    file_name: str | None = None

    @property
    def called(self) -> str:
        return self.url or self.file_name or self.sha256[:12]


# Given a sha256 in hex or an address: the file held with these bytes, or last held from this address.
Known = Callable[[str], KnownFile | None]


def nothing_known(key: str) -> KnownFile | None:
    """The `known` callback of an empty archive."""
    return None


class AcquireState:
    """The journal at `journal`, together with the archive's own knowledge of bytes and addresses."""

    def __init__(self, journal: Path, known: Known = nothing_known) -> None:
        self.journal = journal
        self._archive = known
        self._last_check: dict[str, list[FetchResult]] = {}
        self._bodies: dict[str, FetchResult] = {}
        self._accepted: dict[str, FetchResult] = {}
        self.results: list[FetchResult] = []
        for result in _read(journal):
            self._remember(result)

    def record(self, results: list[FetchResult]) -> None:
        """Append to the journal and remember."""
        if not results:
            return
        self.journal.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{result.to_json()}\n" for result in results)
        with self.journal.open("a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # a line cut off by a crash stays behind as a line of its own
                    text = f"\n{text}"
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        for result in results:
            self._remember(result)

    def _remember(self, result: FetchResult) -> None:
        self.results.append(result)
        check = self._last_check.get(result.source_id)
        if check and check[0].started_at == result.started_at:
            check.append(result)
        else:
            self._last_check[result.source_id] = [result]
        if result.sha256 and result.url:
            self._bodies[result.url] = result
            if result.state in _ACCEPTED:
                self._accepted[result.url] = result
                self._accepted.setdefault(result.sha256, result)

    def last_check(self, source_id: str) -> list[FetchResult]:
        """The answers of the latest check of a source; empty when it was never checked."""
        return list(self._last_check.get(source_id, ()))

    def due_at(self, source_id: str) -> datetime | None:
        """When the source is to be asked again; None when it was never checked."""
        return min((result.next_due_at for result in self.last_check(source_id)), default=None)

    def last_body(self, url: str) -> FetchResult | None:
        """The latest answer that brought a whole body from `url`, accepted or refused."""
        return self._bodies.get(url)

    def known(self, key: str, inbox: Path) -> KnownFile | None:
        """The file held for a sha256 or an address: in the archive, or waiting for it in the inbox."""
        result = self._accepted.get(key)
        if result and result.sha256:
            is_held = (
                self._archive(result.sha256)
                or arrival_folder(inbox, result.source_id, result.sha256).exists()
            )
            if is_held:
                return KnownFile(result.sha256, result.url, result.file_name)
        return self._archive(key)


def _read(journal: Path) -> list[FetchResult]:
    try:
        lines = journal.read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    results = []
    for line in lines:
        try:
            results.append(FetchResult.from_json(line))
        except ValueError:
            continue  # cut off by a crash: the answer is asked for again, the bytes are told by their hash
    return results
