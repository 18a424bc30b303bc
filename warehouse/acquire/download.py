"""Bring one body to disk: streamed, hashed on the way, bounded, resumed after interruptions.

Belongs here: ranges, retries, length and rate, the part file. Does not belong here: what the bytes mean
(content) or where they go afterwards (inbox).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import tenacity

from warehouse.acquire.clients import Answer
from warehouse.acquire.conduct import Conduct
from warehouse.acquire.errors import AcquireError, BlockedFault, PermanentFault, Reason, TransientFault
from warehouse.acquire.exchange import Exchange, first_bytes, looks_blocked, normal_etag

_PART, _NOTE = "body.part", "transfer.json"
_HASH_CHUNK = 1 << 20
_DISK_RESERVE = 200_000_000
_STALE_AFTER = 14 * 86_400
# below this a fresh download costs less than trusting a part left by another process
_RESUME_FROM = 1_000_000
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")

_T = TypeVar("_T")


@dataclass(frozen=True)
class Download:
    """A complete, fsynced body in `part`; `was_resumed` when more than one answer made it up."""

    part: Path
    sha256: str
    bytes: int
    final_url: str
    etag: str | None
    last_modified: str | None
    http_status: int
    client: str
    was_resumed: bool


@dataclass(frozen=True)
class NotModified:
    """The publisher still serves the bytes the condition named."""

    final_url: str
    client: str


def with_retries(conduct: Conduct, action: Callable[[], _T], stalled: Callable[[], int] | None = None) -> _T:
    """Run `action` again after transient faults, as often as conduct allows, waiting as the publisher asks.

    `stalled` counts the tries that brought nothing further; without it every try counts.
    """

    def stop(state: tenacity.RetryCallState) -> bool:
        idle = stalled() if stalled else state.attempt_number
        return idle >= conduct.attempts or state.attempt_number >= conduct.attempts_with_progress

    def wait(state: tenacity.RetryCallState) -> float:
        fault = state.outcome.exception() if state.outcome else None
        if isinstance(fault, TransientFault) and fault.retry_after is not None:
            return fault.retry_after
        return float(min(conduct.first_wait * 2 ** (state.attempt_number - 1), conduct.longest_wait))

    def can_help(fault: BaseException) -> bool:
        return isinstance(fault, TransientFault) and (fault.retry_after or 0) <= conduct.retry_after_max

    retrying = tenacity.Retrying(
        stop=stop, wait=wait, retry=tenacity.retry_if_exception(can_help), sleep=conduct.sleep, reraise=True
    )
    return retrying(action)


def through_any_client(exchange: Exchange, action: Callable[[], _T]) -> _T:
    """Run `action`; when the publisher refuses this client, once more through the other one."""
    try:
        return action()
    except BlockedFault:
        if not exchange.change_client():
            raise
        return action()


def fetch_page(exchange: Exchange, url: str, size_max: int = 8_000_000) -> tuple[str, str]:
    """A landing page as text, and the address it came from."""

    def once() -> tuple[str, str]:
        with exchange.ask("GET", url, {"accept": "text/html"}) as answer:
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise PermanentFault(
                    Reason.WRONG_TYPE, f"{url} came compressed though plain text was asked for"
                )
            body = bytearray()
            for chunk in timed(exchange.conduct, answer):
                body += chunk
                if len(body) > size_max:
                    raise PermanentFault(Reason.TOO_LARGE, f"{url} is a page of more than {size_max:,} bytes")
            charset = re.search(r"charset=[\"']?([\w-]+)", answer.headers.get("content-type", ""))
            try:
                return body.decode(charset[1] if charset else "utf-8", "replace"), answer.url
            except LookupError:
                return body.decode("utf-8", "replace"), answer.url

    return through_any_client(exchange, lambda: with_retries(exchange.conduct, once))


def timed(conduct: Conduct, answer: Answer) -> Iterator[bytes]:
    """The chunks of the body; TransientFault once the average rate stays below the least allowed one."""
    begun, received = conduct.monotonic(), 0
    for chunk in answer.body:
        received += len(chunk)
        yield chunk
        elapsed = conduct.monotonic() - begun
        if elapsed > conduct.grace and received < elapsed * conduct.least_rate:
            raise TransientFault(Reason.TIMED_OUT, f"only {received:,} bytes came in {elapsed:.0f} s")


class Transfer:
    """One body on its way into `folder`; a part left there by an interrupted process is taken up again."""

    def __init__(
        self, exchange: Exchange, url: str, folder: Path, condition: Mapping[str, str], seen_etag: str | None
    ) -> None:
        self.exchange = exchange
        self.url = url
        self.part = folder / _PART
        self.note = folder / _NOTE
        self.stalled = 0
        self.was_resumed = False
        self._condition = condition
        self._seen_etag = normal_etag(seen_etag)
        self._validator: str | None = None
        self._total: int | None = None
        self._begin_again()
        folder.mkdir(parents=True, exist_ok=True)
        self._take_up()

    def run(self) -> Download | NotModified:
        """All tries; leaves the part in place when they end in a transient fault, removes it otherwise."""
        try:
            return with_retries(self.exchange.conduct, self._once, lambda: self.stalled)
        except (PermanentFault, BlockedFault):
            self.discard()
            raise

    def discard(self) -> None:
        """Forget the part, so that the next try starts from the first byte."""
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)
        self._validator = self._total = None
        self._begin_again()

    def _begin_again(self) -> None:
        self._hash = hashlib.sha256()
        self._size = 0

    def _take_up(self) -> None:
        try:
            note = json.loads(self.note.read_text("utf-8"))
            size = self.part.stat().st_size
        except (OSError, ValueError):
            self.discard()
            return
        if note.get("url") != self.url or not note.get("validator") or size < _RESUME_FROM:
            self.discard()
            return
        total = note.get("total")
        # of a part that is all there the last byte is asked for again: only the publisher can say it is still
        # valid
        usable = min(size, total - 1) if isinstance(total, int) else size
        with self.part.open("rb") as part:
            while chunk := part.read(min(_HASH_CHUNK, usable - self._size)):
                self._hash.update(chunk)
                self._size += len(chunk)
        self._validator, self._total = note["validator"], total
        self.was_resumed = True

    def _once(self) -> Download | NotModified:
        before = self._size
        try:
            return self._ask()
        except TransientFault:
            moved = self._size - before
            # a part nobody can continue from is no progress
            if self._validator is None or moved < self.exchange.conduct.progress_bytes:
                self.stalled += 1
            else:
                self.stalled = 0
            raise

    def _ask(self) -> Download | NotModified:
        if self._size and self._validator:
            headers = {"range": f"bytes={self._size}-", "if-range": self._validator}
        else:
            self._begin_again()
            headers = dict(self._condition)
        with self.exchange.ask("GET", self.url, headers) as answer:
            if answer.status == 304:
                return NotModified(answer.url, answer.client)
            if answer.status in {206, 416} and "range" not in headers:
                raise PermanentFault(
                    Reason.UNEXPECTED_STATUS,
                    f"{answer.url} answered {answer.status} though the whole file was asked for",
                    http_status=answer.status,
                )
            if answer.status == 416:
                start = self._size
                self.discard()
                raise TransientFault(Reason.TRUNCATED, f"{self.url} has no byte {start:,}", http_status=416)
            if answer.status == 206:
                self._check_range(answer)
                self.was_resumed = True
            else:
                etag = normal_etag(answer.headers.get("etag"))
                if self._condition and etag is not None and etag == self._seen_etag:
                    return NotModified(answer.url, answer.client)
                self._start(answer)
            self._receive(answer)
            return Download(
                part=self.part,
                sha256=self._hash.hexdigest(),
                bytes=self._size,
                final_url=answer.url,
                etag=answer.headers.get("etag"),
                last_modified=answer.headers.get("last-modified"),
                http_status=answer.status,
                client=answer.client,
                was_resumed=self.was_resumed,
            )

    def _check_range(self, answer: Answer) -> None:
        match = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
        if not match or int(match[1]) != self._size or int(match[3]) != (self._total or int(match[3])):
            said = answer.headers.get("content-range")
            self.discard()
            raise TransientFault(Reason.TRUNCATED, f"{self.url}: asked to go on, got the range {said!r}")
        self._total = int(match[3])

    def _start(self, answer: Answer) -> None:
        headers, source = answer.headers, self.exchange.source
        if headers.get("content-encoding", "identity") != "identity":
            raise PermanentFault(
                Reason.WRONG_TYPE,
                f"{self.url} came as {headers['content-encoding']}, though plain bytes were asked for",
            )
        declared = headers.get("content-length", "")
        self._total = int(declared) if declared.isdigit() else None
        if self._total is not None and self._total > source.bytes_max:
            raise _too_large(self.url, self._total, source.bytes_max)
        if headers.get("content-type", "").lower().startswith("text/html"):
            raise html_fault(self.url, first_bytes(answer))
        self._begin_again()
        self.was_resumed = False
        etag = headers.get("etag", "")
        # only a strong validator may join two parts
        self._validator = etag if etag.startswith('"') else headers.get("last-modified")
        note = {"url": self.url, "validator": self._validator, "total": self._total}
        self.part.write_bytes(b"")
        self.note.write_text(json.dumps(note), "utf-8")

    def _receive(self, answer: Answer) -> None:
        limit = self.exchange.source.bytes_max
        free = shutil.disk_usage(self.part.parent).free
        wanted = (self._total or 0) - self._size
        if wanted > free - _DISK_RESERVE:
            raise AcquireError(
                f"{self.part.parent}: {wanted:,} bytes to come, {free:,} free;"
                " make room or set BORDER_HOME to a larger disk"
            )
        with self.part.open("r+b") as part:
            part.truncate(self._size)
            part.seek(self._size)
            try:
                for chunk in timed(self.exchange.conduct, answer):
                    if self._size + len(chunk) > limit:
                        raise _too_large(self.url, self._size + len(chunk), limit)
                    part.write(chunk)
                    self._hash.update(chunk)
                    self._size += len(chunk)
            except OSError as error:
                raise AcquireError(
                    f"{self.part}: {error.strerror}; make room or mend the folder, then fetch again"
                ) from None
            part.flush()
            os.fsync(part.fileno())
        if self._total is not None and self._size != self._total:
            raise TransientFault(
                Reason.TRUNCATED, f"{self.url}: {self._size:,} of {self._total:,} bytes came"
            )


def html_fault(url: str, body: bytes) -> BlockedFault | PermanentFault:
    """The fault for a web page where a data file should be: blocked when it asks for a human, else broken."""
    if reason := looks_blocked(body):
        return BlockedFault(reason, f"{url} answered with a page that keeps programs out", http_status=200)
    title = re.search(rb"<title[^>]*>([^<]{1,120})", body, re.IGNORECASE)
    named = f" titled {' '.join(title[1].decode('utf-8', 'replace').split())!r}" if title else ""
    return PermanentFault(
        Reason.HTML_IN_PLACE_OF_DATA, f"{url} is a web page{named}, not a data file", http_status=200
    )


def _too_large(url: str, size: int, limit: int) -> PermanentFault:
    return PermanentFault(
        Reason.TOO_LARGE,
        f"{url}: {size:,} bytes or more, the most expected is {limit:,};"
        " raise bytes.max in sources.yml if it has grown",
    )


def remove_stale_parts(folder: Path, now: datetime) -> None:
    """Delete the parts below `folder` that nothing was added to for two weeks: their address is gone."""
    if not folder.is_dir():
        return
    for part_folder in folder.iterdir():
        touched = max(path.lstat().st_mtime for path in (part_folder, *part_folder.glob("*")))
        if now.timestamp() - touched > _STALE_AFTER:
            remove_parts(part_folder)


def remove_parts(folder: Path) -> None:
    """Delete what transfers left in `folder`."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
