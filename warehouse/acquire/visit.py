"""One check of one source: fetch a file by address, hold it to the checks, place it, and word the answer.

Belongs here: what becomes of a body and of a fault, whatever kind of source it came from. Does not belong
here: the steps of a kind of source (publishers), or how a request, a check or a rename is done.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256 as sha256_of
from pathlib import Path
from typing import Any

from warehouse.acquire.conduct import Conduct
from warehouse.acquire.content import HeaderCheck, check_content
from warehouse.acquire.download import Download, NotModified, Transfer, remove_parts, through_any_client
from warehouse.acquire.drop import drop_folder
from warehouse.acquire.errors import BlockedFault, FetchFault, Reason, TransientFault
from warehouse.acquire.exchange import Exchange, normal_date
from warehouse.acquire.inbox import ArrivalNote, arrival_folder, place, safe_file_name
from warehouse.acquire.results import ByteChange, FetchResult, FetchState
from warehouse.acquire.sources import Source
from warehouse.acquire.state import AcquireState, KnownFile

_AFTER_TRANSIENT = timedelta(hours=1)
_STILL_REFUSED = "still the bytes refused before: "
_HELD = {FetchState.FETCHED, FetchState.UNCHANGED}


@dataclass(frozen=True)
class Body:
    """A complete body on disk and where it came from; `origin` is `download` or `drop`."""

    part: Path
    sha256: str
    bytes: int
    url: str
    file_name: str
    origin: str
    final_url: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    http_status: int | None = None
    client: str | None = None
    published_hint: str | None = None
    data_through: date | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """The fields of a FetchResult that the body fills."""
        return {key: value for key, value in vars(self).items() if key not in {"part", "origin"}}


class _Refused(Exception):
    """A complete body that failed a check; `path` is where it is kept, if it is."""

    def __init__(self, body: Body, fault: FetchFault, path: Path | None) -> None:
        super().__init__(fault.detail)
        self.body = body
        self.fault = fault
        self.path = path


class Visit:
    """One check of one source; `now` gives aware UTC times."""

    def __init__(
        self,
        source: Source,
        state: AcquireState,
        inbox: Path,
        now: Callable[[], datetime],
        header_check: HeaderCheck,
        conduct: Conduct,
    ) -> None:
        self.source = source
        self.state = state
        self.inbox = inbox
        self.now = now
        self.header_check = header_check
        self.started_at = now()
        self.exchange = Exchange(source, conduct, now)

    # --- one file by address

    def is_remembered(self, seen: FetchResult) -> bool:
        """Whether the body of `seen` needs no second look: held, or refused for good."""
        if seen.reason is not None and seen.reason is not Reason.NOT_REPLACED_YET:
            return seen.is_permanent
        return bool(seen.sha256 and self.state.known(seen.sha256, self.inbox))

    def fetch(self, url: str, name: str, hint: str | None, through: date | None) -> FetchResult | None:
        """The answer for the file at `url`; None when it is the body accepted last time.

        Raises the fault when no whole body came.
        """
        seen = self.state.last_body(url)
        condition: dict[str, str] = {}
        if seen and self.is_remembered(seen):
            if seen.etag:
                condition["if-none-match"] = seen.etag
            if seen.last_modified:
                condition["if-modified-since"] = seen.last_modified
        seen_etag = seen.etag if seen else None
        try:
            body = through_any_client(
                self.exchange, lambda: self._download(url, name, hint, through, condition, seen_etag)
            )
        except _Refused as refused:
            return self.failed(refused.fault, url, refused.body, refused.path)
        if body is None:
            return self.still_refused(seen) if seen and seen.is_permanent else None
        return self.keep(body, self.source)

    def _download(
        self,
        url: str,
        name: str,
        hint: str | None,
        through: date | None,
        condition: Mapping[str, str],
        seen_etag: str | None,
    ) -> Body | None:
        folder = self.inbox / "partial" / sha256_of(f"{self.source.id} {url}".encode()).hexdigest()[:16]
        transfer = Transfer(self.exchange, url, folder, condition, seen_etag)
        while True:
            outcome = transfer.run()
            if isinstance(outcome, NotModified):
                remove_parts(folder)
                return None
            body = _body_of(outcome, url, safe_file_name(name), hint, through)
            try:
                check_content(body.part, url, self.source.formats[0], self.source, self.header_check)
                return body
            except BlockedFault:
                remove_parts(folder)
                raise
            except FetchFault as fault:
                if outcome.was_resumed:  # the parts may not belong together: once more from the first byte
                    transfer.discard()
                    continue
                kept = self._keep_refused(body, fault)
                remove_parts(folder)
                raise _Refused(body, fault, kept) from None

    # --- what becomes of a body

    def keep(self, body: Body, owner: Source) -> FetchResult:
        """Place a sound body in the inbox unless its bytes are held already, and say which it was.

        `owner` is the source the file belongs to; for a dropped file another one than the drop folder.
        """
        change, before = self._compare(body)
        facts = {**body.facts, "byte_change": change, "known_as": before.called if before else None}
        facts["family"] = owner.family
        if change in {ByteChange.SAME_BYTES, ByteChange.SAME_BYTES_NEW_NAME}:
            remove_parts(body.part.parent)
            message = f"{body.file_name} has the bytes held"
            if before and change is ByteChange.SAME_BYTES_NEW_NAME:
                message += f" as {before.called}: a new name for the same file"
            return self.answer(FetchState.UNCHANGED, message, **facts)
        previous = before.sha256 if before else None
        folder = arrival_folder(self.inbox, self.source.id, body.sha256)
        path = place(body.part, folder, self._note(body, owner, change, previous))
        remove_parts(body.part.parent)
        message = f"{body.file_name}, {body.bytes:,} bytes"
        if change is ByteChange.SILENTLY_REPLACED:
            message += f": the publisher replaced the bytes under this name (before {previous})"
        elif change is ByteChange.REPLACED_IN_PLACE:
            message += ", replaces the file before, as this publisher does"
        return self.answer(FetchState.FETCHED, message, path=str(path), previous_sha256=previous, **facts)

    def _compare(self, body: Body) -> tuple[ByteChange, KnownFile | None]:
        by_address = self.state.known(body.url, self.inbox)
        if by_bytes := self.state.known(body.sha256, self.inbox):
            is_same_name = (
                (by_address is not None and by_address.sha256 == body.sha256)
                or by_bytes.url == body.url
                or (body.origin == "drop" and by_bytes.file_name == body.file_name)
            )
            return (ByteChange.SAME_BYTES if is_same_name else ByteChange.SAME_BYTES_NEW_NAME), by_bytes
        if by_address is None:
            return ByteChange.NEW, None
        if self.source.replaced_in_place:
            return ByteChange.REPLACED_IN_PLACE, by_address
        return ByteChange.SILENTLY_REPLACED, by_address

    def _keep_refused(self, body: Body, fault: FetchFault) -> Path | None:
        """Set aside bytes that may be a genuine release in a new shape; None for anything else."""
        if fault.reason is not Reason.COLUMNS_CHANGED:
            return None
        folder = self.inbox / "refused" / self.source.id / body.sha256[:12]
        return place(body.part, folder, self._note(body, self.source, ByteChange.NEW, None))

    def _note(self, body: Body, owner: Source, change: ByteChange, previous: str | None) -> ArrivalNote:
        now = self.now()
        return ArrivalNote(
            source_id=self.source.id,
            family=owner.family,
            publisher=owner.publisher,
            title=owner.title,
            origin=body.origin,
            url=None if body.origin == "drop" else body.url,
            final_url=body.final_url,
            file_name=body.file_name,
            sha256=body.sha256,
            bytes=body.bytes,
            retrieved_at=now.isoformat(),
            etag=body.etag,
            last_modified=body.last_modified,
            published_hint=body.published_hint,
            data_through=body.data_through.isoformat() if body.data_through else None,
            byte_change=change.value,
            previous_sha256=previous,
            licence=owner.licence,
            citation=owner.citation.format(file_name=body.file_name, retrieved_on=now.date().isoformat()),
        )

    # --- answers

    def still_refused(self, seen: FetchResult) -> FetchResult:
        """The answer when the publisher still serves a body that was refused for good."""
        return self.answer(
            seen.state,
            _STILL_REFUSED + seen.message.removeprefix(_STILL_REFUSED),
            reason=seen.reason,
            is_permanent=True,
            path=seen.path,
            **facts_of_body(seen),
        )

    def failed(
        self, fault: FetchFault, url: str | None, body: Body | None = None, path: Path | None = None
    ) -> FetchResult:
        """The answer for a fault: blocked, or changed or broken; permanent unless asking again can help."""
        is_blocked = isinstance(fault, BlockedFault) or fault.reason is Reason.TOO_MANY_REQUESTS
        message, due_at = fault.detail, None
        if isinstance(fault, TransientFault):
            due_at = self.now() + max(timedelta(seconds=fault.retry_after or 0), _AFTER_TRANSIENT)
        if is_blocked:
            message += f"; {self._by_hand()}"
        elif due_at:
            message += f"; {self.exchange.requests} requests, asked again from {due_at:%Y-%m-%d %H:%M} UTC"
        if path:
            message += f"; kept as {path}: if the change is genuine, extend the family and ingest the file"
        facts = {"url": url, "http_status": fault.http_status, "client": self.exchange.client}
        return self.answer(
            FetchState.BLOCKED if is_blocked else FetchState.CHANGED_OR_BROKEN,
            message,
            reason=fault.reason,
            is_permanent=due_at is None and not is_blocked,
            next_due_at=due_at,
            path=str(path) if path else None,
            **(body.facts if body else facts),
        )

    def _by_hand(self) -> str:
        if self.exchange.client == "curl":
            curl = "curl was refused too"
        elif self.exchange.conduct.curl:
            curl = "not asked again through curl, which would be one more request"
        else:
            curl = "curl is not installed"
        return (
            f"{curl}: open {self.source.landing_page} in a browser, save the file named like"
            f" {self.source.example} and put it into {drop_folder(self.inbox)}"
        )

    def answer(
        self, state: FetchState, message: str, *, next_due_at: datetime | None = None, **facts: Any
    ) -> FetchResult:
        """A FetchResult of this visit; `facts` are further fields of it."""
        now = self.now()
        return FetchResult(
            fetch_id=uuid.uuid4().hex,
            source_id=self.source.id,
            state=state,
            message=" ".join(message.split()),
            started_at=self.started_at,
            checked_at=now,
            next_due_at=next_due_at or self.source.cadence.next_look(now, in_hand=state in _HELD),
            requests=self.exchange.requests,
            **{"family": self.source.family, **facts},
        )


def facts_of_body(seen: FetchResult) -> dict[str, Any]:
    """The fields that describe the body of an earlier answer."""
    names = ("url", "file_name", "sha256", "bytes", "etag", "last_modified", "published_hint", "data_through")
    return {name: getattr(seen, name) for name in names}


def _body_of(got: Download, url: str, name: str, hint: str | None, through: date | None) -> Body:
    modified = normal_date(got.last_modified)
    if hint is None and modified:
        hint = modified.date().isoformat()
    return Body(
        part=got.part,
        sha256=got.sha256,
        bytes=got.bytes,
        url=url,
        file_name=name,
        origin="download",
        final_url=got.final_url,
        etag=got.etag,
        last_modified=got.last_modified,
        http_status=got.http_status,
        client=got.client,
        published_hint=hint,
        data_through=through,
    )
