"""Ask every source that is due for new files and journal what came of it.

Belongs here: which sources are asked, in which order, and what stops them all. Does not belong here: the
steps of a source (publishers).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from warehouse.acquire.conduct import Conduct
from warehouse.acquire.content import HeaderCheck, expected_header
from warehouse.acquire.download import remove_stale_parts
from warehouse.acquire.errors import AcquireError, FetchFault
from warehouse.acquire.inbox import sole_use
from warehouse.acquire.publishers import Pages, drop_files, fixed_file, landing_page
from warehouse.acquire.results import FetchResult
from warehouse.acquire.sources import Source
from warehouse.acquire.state import AcquireState
from warehouse.acquire.visit import Visit

Clock = Callable[[], datetime]


def check_sources(
    sources: Mapping[str, Source] | Iterable[Source],
    state: AcquireState,
    inbox: Path,
    clock: Clock,
    *,
    force: bool = False,
    header_check: HeaderCheck = expected_header,
    conduct: Conduct | None = None,
) -> list[FetchResult]:
    """Ask the sources that are due at `clock()`, all of them with `force`, and journal the answers.

    Files that pass every check wait below `inbox` (see warehouse.acquire.inbox). A source's failure is its
    answer and keeps no other from being asked. A source that is not due, and a drop folder without files,
    give no answer. `clock` returns aware times; `header_check` judges the column names of CSV files.

    AcquireError when this machine stands in the way: inbox in use or not writable, disk full, clock without a
    zone.
    """
    everything = list(sources.values()) if isinstance(sources, Mapping) else list(sources)
    publishers = [source for source in everything if not source.is_drop_folder]
    behaviour = conduct or Conduct.from_environment()

    def now() -> datetime:
        moment = clock()
        if moment.tzinfo is None:
            raise AcquireError("the clock gives times without a zone; pass one like datetime.now(UTC)")
        return moment.astimezone(UTC)

    answers: list[FetchResult] = []
    pages: Pages = {}
    with sole_use(inbox):
        remove_stale_parts(inbox / "partial", now())
        for source in everything:
            due_at = state.due_at(source.id)
            if due_at and due_at > now() and not force and not source.is_drop_folder:
                continue
            visit = Visit(source, state, inbox, now, header_check, behaviour)
            try:
                found = _answers(visit, pages, publishers)
            except OSError as error:
                raise AcquireError(
                    f"{error.filename or inbox}: {error.strerror}; mend this, then fetch again"
                ) from None
            finally:
                visit.exchange.close()
            state.record(found)
            answers += found
    return answers


def _answers(visit: Visit, pages: Pages, publishers: Sequence[Source]) -> list[FetchResult]:
    """The answers of one source, all due again when the earliest of them is."""
    source = visit.source
    try:
        if source.is_drop_folder:
            found = drop_files(visit, publishers)
        elif source.kind == "fixed_file":
            found = fixed_file(visit)
        else:
            found = landing_page(visit, pages)
    except FetchFault as fault:
        found = [visit.failed(fault, source.url or source.landing_page)]
    due_at = min((answer.next_due_at for answer in found), default=None)
    return [replace(answer, next_due_at=due_at) for answer in found] if due_at else []
