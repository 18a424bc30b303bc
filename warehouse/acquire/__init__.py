"""Acquisition: bring publishers' files into the inbox, and say plainly when there is nothing to bring.

Belongs here: the register of sources, requests, checks of what came, the journal of fetches. Does not belong
here: the archive, any reading of rows, and the schedule (the caller's clock is passed in).

    state = AcquireState(inbox / "journal.jsonl", known)
    for result in check_sources(load_sources(), state, inbox, lambda: datetime.now(UTC)):
        print(result.line)
    for arrival in waiting(inbox):
        ...  # archive arrival.file, then arrival.remove()
"""

from __future__ import annotations

from warehouse.acquire.check import check_sources
from warehouse.acquire.conduct import Conduct
from warehouse.acquire.content import HeaderCheck, expected_header
from warehouse.acquire.errors import AcquireError, InboxBusy, Reason
from warehouse.acquire.fetch_log import append_fetch_log
from warehouse.acquire.inbox import Arrival, ArrivalNote, waiting
from warehouse.acquire.results import ByteChange, FetchResult, FetchState
from warehouse.acquire.sources import Cadence, Source, load_sources
from warehouse.acquire.state import AcquireState, Known, KnownFile, nothing_known

__all__ = [
    "AcquireError",
    "AcquireState",
    "Arrival",
    "ArrivalNote",
    "ByteChange",
    "Cadence",
    "Conduct",
    "FetchResult",
    "FetchState",
    "HeaderCheck",
    "InboxBusy",
    "Known",
    "KnownFile",
    "Reason",
    "Source",
    "append_fetch_log",
    "check_sources",
    "expected_header",
    "load_sources",
    "nothing_known",
    "waiting",
]
