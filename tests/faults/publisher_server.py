"""A loopback server that imitates the publishers' pages and their faults.

Belongs here: serving scripted answers on 127.0.0.1, whole, slow, cut off, ranged or wrong, and bodies shaped
like the publishers' files. Does not belong here: any assertion.
"""

from __future__ import annotations

import io
import random
import struct
import sys
import threading
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from warehouse.acquire import AcquireState, Conduct, FetchResult, Source, check_sources, load_sources

_CHUNK = 1 << 18
NO_LENGTH = -1


class Content(Protocol):
    """Bytes that need not all be in memory."""

    size: int

    def chunks(self, start: int) -> Iterator[bytes]: ...


@dataclass
class Whole:
    """Bytes held in memory."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def chunks(self, start: int) -> Iterator[bytes]:
        for at in range(start, len(self.data), _CHUNK):
            yield self.data[at : at + _CHUNK]


class StoredZip:
    """A sound zip with one stored member of `member_size` bytes, generated on demand from `seed`."""

    def __init__(self, name: str, member_size: int, seed: int = 1) -> None:
        self._block = random.Random(seed).randbytes(_CHUNK)
        self._member_size = member_size
        crc = 0
        for chunk in self._member():
            crc = zlib.crc32(chunk, crc)
        encoded = name.encode()
        common = (20, 0, 0, 0, 0x21, crc, member_size, member_size, len(encoded), 0)
        self._head = struct.pack("<4s5H3L2H", b"PK\x03\x04", *common) + encoded
        directory = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, *common, 0, 0, 0, 0, 0) + encoded
        at = len(self._head) + member_size
        self._tail = directory + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), at, 0)
        self.size = at + len(self._tail)

    def _member(self) -> Iterator[bytes]:
        for number, at in enumerate(range(0, self._member_size, _CHUNK)):
            yield (number.to_bytes(8, "big") + self._block[8:])[: self._member_size - at]

    def chunks(self, start: int) -> Iterator[bytes]:
        at = 0
        if start < len(self._head):
            yield self._head[start:]
        at = len(self._head)
        first = max(0, (start - at) // _CHUNK)
        for number in range(first, -(-self._member_size // _CHUNK)):
            block_at = at + number * _CHUNK
            block = number.to_bytes(8, "big") + self._block[8:]
            block = block[: self._member_size - number * _CHUNK]
            yield block[max(0, start - block_at) :]
        yield self._tail[max(0, start - at - self._member_size) :]


@dataclass(frozen=True)
class Reply:
    """One answer; the last fields are its faults.

    `cut_after` closes the connection after so many bytes of the body, `declared_length` lies about its size
    (`NO_LENGTH` leaves it out, so that only the end of the connection ends the body),
    `stall_after` goes silent until the server stops, `drip` sends a byte every so many seconds.
    """

    content: Content | bytes = b""
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    etag: str | None = None
    last_modified: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = False
    head_status: int | None = None
    cut_after: int | None = None
    declared_length: int | None = None
    stall_after: int | None = None
    drip: float | None = None

    @property
    def body(self) -> Content:
        return Whole(self.content) if isinstance(self.content, bytes) else self.content


@dataclass(frozen=True)
class Seen:
    """A request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no error of the server's, and no test shall read its trace."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class PublisherServer:
    """Serves `replies[path]`, a list used up in order whose last answer repeats; 404 for any other path."""

    def __init__(self) -> None:
        self.replies: dict[str, list[Reply]] = {}
        self.seen: list[Seen] = []
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> PublisherServer:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self._server.server_port}{path}"

    def answer(self, path: str, *replies: Reply) -> None:
        self.replies[path] = list(replies)

    def next_reply(self, seen: Seen) -> Reply:
        with self._lock:
            self.seen.append(seen)
            script = self.replies.get(seen.path, [Reply(b"<h1>Not Found</h1>", status=404)])
            return script.pop(0) if len(script) > 1 else script[0]

    def requests(self, path: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.path == path]


def _handler(publisher: PublisherServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20

        def do_GET(self) -> None:
            self._serve()

        def do_HEAD(self) -> None:
            self._serve()

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _serve(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen = Seen(self.command, urlsplit(self.path).path, headers)
            reply = publisher.next_reply(seen)
            try:
                self._send(reply, seen)
            except OSError:  # the client went away, which some faults are about
                self.close_connection = True

        def _send(self, reply: Reply, seen: Seen) -> None:
            status, start, size = reply.status, 0, reply.body.size
            if seen.method == "HEAD" and reply.head_status:
                status = reply.head_status
            if status == 200 and _is_unmodified(reply, seen.headers):
                status = 304
            wanted = seen.headers.get("range", "")
            if status == 200 and reply.ranges and wanted.startswith("bytes="):
                condition = seen.headers.get("if-range")
                if condition in {None, reply.etag, reply.last_modified}:
                    start = int(wanted.removeprefix("bytes=").split("-")[0])
                    status = 206 if start < size else 416
            self.send_response(status)
            if reply.etag:
                self.send_header("ETag", reply.etag)
            if reply.last_modified:
                self.send_header("Last-Modified", reply.last_modified)
            if status == 206:
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", reply.content_type)
            length = size - start if status in {200, 206} or status >= 400 else 0
            if reply.declared_length != NO_LENGTH:
                self.send_header("Content-Length", str(reply.declared_length or length))
            self.end_headers()
            if seen.method != "HEAD" and length:
                self._send_body(reply, start)

        def _send_body(self, reply: Reply, start: int) -> None:
            left = {reply.cut_after, reply.stall_after, reply.body.size} - {None}
            budget = min(value for value in left if value is not None)
            for chunk in reply.body.chunks(start):
                piece = chunk[:budget]
                if reply.drip:
                    for byte in piece:
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                        if publisher.stopping.wait(reply.drip):
                            return
                else:
                    self.wfile.write(piece)
                budget -= len(piece)
                if budget <= 0 and len(piece) < reply.body.size - start:
                    break
            self.wfile.flush()
            if reply.stall_after is not None:
                publisher.stopping.wait(10)
            if reply.cut_after is not None or reply.stall_after is not None or reply.declared_length:
                self.close_connection = True

    return Handler


def _is_unmodified(reply: Reply, headers: dict[str, str]) -> bool:
    if "if-none-match" in headers:
        return reply.etag is not None and headers["if-none-match"] == reply.etag
    return reply.last_modified is not None and headers.get("if-modified-since") == reply.last_modified


# --- bodies


def page(*hrefs: str, title: str = "Southwest Land Border Encounters") -> Reply:
    """A landing page in the shape of cbp.gov's, with links of other kinds around the wanted ones."""
    items = "\n".join(
        f'<li><span class="file"><a href="{href}" type="text/csv">Download</a></span></li>' for href in hrefs
    )
    html = (
        f"<!DOCTYPE html><html lang=en><head><title>{title} | CBP</title></head><body>"
        '<a href="#main">Skip</a><a href="/newsroom/stats">Stats and Summaries</a>'
        '<a href="/sites/default/files/2024-02/data-dictionary.pdf">Data dictionary</a>'
        f'<main id=main><ul>{items}</ul></main><a href="mailto:web@cbp.example">Contact</a></body></html>'
    )
    return Reply(html.encode())


CAPTCHA = Reply(
    b"<!DOCTYPE html><html><head><title>Verify</title></head><body>"
    b'<div id="captcha-container">Please complete the CAPTCHA.</div></body></html>'
)


def csv_reply(
    source: Source, rows: int = 40, *, header: tuple[str, ...] | None = None, count: int = 7, **more: object
) -> Reply:
    """A CSV with the source's header, CRLF and `rows` rows; `count` makes the bytes differ."""
    names = header or source.header
    lines = [",".join(names)] + [
        ",".join(["x"] * (len(names) - 1) + [str(count + row)]) for row in range(rows)
    ]
    body = "".join(f"{line}\r\n" for line in lines).encode()
    return replace(Reply(body, content_type="text/csv"), **more)  # type: ignore[arg-type]


def zip_bytes(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


# --- one installation against the server


class Waits:
    """A sleep that only writes down how long it was asked to wait."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)


class Installation:
    """An inbox, a journal and a clock that stands still, with sources that point at the loopback server."""

    def __init__(self, server: PublisherServer, folder: Path, curl: str | None = None) -> None:
        self.server = server
        self.inbox = folder / "inbox"
        self.now = datetime(2024, 6, 20, 12, tzinfo=UTC)
        self.archive: dict[str, object] = {}
        self.waits = Waits()
        self.conduct = Conduct(
            user_agent="border-ledger/test (+mailto:desk@example.org)",
            read_timeout=5,
            connect_timeout=5,
            progress_bytes=1,
            curl=curl,
            sleep=self.waits,
        )
        registered = load_sources()
        self.sbo = self._here(registered["cbp_sbo"])
        self.state_file = self._here(registered["cbp_nationwide_state"])
        self.aor_file = self._here(registered["cbp_nationwide_aor"])
        self.ohss = self._here(registered["ohss_monthly"])
        self.eoir = self._here(registered["eoir_foia"])
        self.drop = registered["drop_folder"]

    def _here(self, source: Source) -> Source:
        def local(url: str | None) -> str | None:
            return self.server.url(urlsplit(url).path) if url else None

        return replace(
            source,
            landing_page=local(source.landing_page),
            url=local(source.url),
            hosts=(self.server.host,),
            bytes_min=100,
        )

    def path_of(self, source: Source) -> str:
        return urlsplit(source.url or source.landing_page or "").path

    def check(self, *sources: Source, **options: object) -> list[FetchResult]:
        """One check by a fresh process: the journal is read again."""
        options = {"conduct": self.conduct, **options}
        return check_sources(sources, self.journal(), self.inbox, lambda: self.now, **options)  # type: ignore[arg-type]

    def journal(self) -> AcquireState:
        return AcquireState(self.inbox / "journal.jsonl", self.archive.get)  # type: ignore[arg-type]

    def later(self, **delta: float) -> None:
        self.now += timedelta(**delta)
