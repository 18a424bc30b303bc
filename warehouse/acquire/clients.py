"""The two HTTP clients, httpx and the curl program, behind one narrow door.

Belongs here: one request without redirects or retries, and the translation of a client's failures into
faults. Does not belong here: judging an answer (exchange) or keeping its bytes (download).
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import IO, Protocol

import httpx

from warehouse.acquire.conduct import Conduct
from warehouse.acquire.errors import PermanentFault, Reason, TransientFault

_CHUNK = 1 << 16
_HEADERS_MAX = 1 << 18

# curl's exit codes, https://curl.se/libcurl/c/libcurl-errors.html
_CURL_PARTIAL = {18}
_CURL_TIMED_OUT = {28}
_CURL_PERMANENT = {1, 3, 58, 60, 66, 77}


@dataclass
class Answer:
    """A publisher's answer: header names in lower case, the body as it comes, not decoded."""

    status: int
    headers: Mapping[str, str]
    url: str
    body: Iterator[bytes]
    client: str


class Client(Protocol):
    """One request, no redirects followed, no retries; raises TransientFault or PermanentFault."""

    name: str

    def request(
        self, method: str, url: str, headers: Mapping[str, str]
    ) -> AbstractContextManager[Answer]: ...

    def close(self) -> None: ...


class HttpxClient:
    name = "httpx"

    def __init__(self, conduct: Conduct) -> None:
        self._client = httpx.Client(
            follow_redirects=False,
            timeout=httpx.Timeout(conduct.read_timeout, connect=conduct.connect_timeout),
            headers={"user-agent": conduct.user_agent, "accept": "*/*", "accept-encoding": "identity"},
        )

    @contextmanager
    def request(self, method: str, url: str, headers: Mapping[str, str]) -> Iterator[Answer]:
        with _faults_of_httpx():
            request = self._client.build_request(method, url, headers=dict(headers))
            response = self._client.send(request, stream=True)
        try:
            plain = {name.lower(): value for name, value in response.headers.items()}
            yield Answer(response.status_code, plain, url, self._body(response), self.name)
        finally:
            response.close()

    def _body(self, response: httpx.Response) -> Iterator[bytes]:
        # no chunk size: httpx would hold bytes back until it is reached, and a slow drip would go unseen
        with _faults_of_httpx(in_body=True):
            yield from response.iter_raw()

    def close(self) -> None:
        self._client.close()


@contextmanager
def _faults_of_httpx(*, in_body: bool = False) -> Iterator[None]:
    try:
        yield
    except httpx.TimeoutException as error:
        raise TransientFault(Reason.TIMED_OUT, f"no answer in time ({type(error).__name__})") from None
    except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError) as error:
        raise PermanentFault(
            Reason.UNREACHABLE, f"the address cannot be requested: {_one_line(error)}"
        ) from None
    except httpx.TransportError as error:
        reason = Reason.TRUNCATED if in_body else Reason.UNREACHABLE
        what = "the connection broke off" if in_body else "no connection"
        raise TransientFault(reason, f"{what}: {_one_line(error)}") from None


class CurlClient:
    """The curl program: its handshake differs from httpx's and some publishers let only it pass."""

    name = "curl"

    def __init__(self, conduct: Conduct) -> None:
        if conduct.curl is None:
            raise ValueError("curl is not installed")
        self._program = conduct.curl
        self._conduct = conduct

    @contextmanager
    def request(self, method: str, url: str, headers: Mapping[str, str]) -> Iterator[Answer]:
        conduct = self._conduct
        command = [self._program, "--disable", "--silent", "--show-error", "--globoff"]
        command += ["--head"] if method == "HEAD" else ["--include", "--suppress-connect-headers"]
        command += ["--proto", "=http,https", "--max-redirs", "0", "--no-buffer"]
        command += ["--connect-timeout", f"{conduct.connect_timeout:.3f}"]
        command += ["--speed-time", f"{max(1, round(conduct.read_timeout))}", "--speed-limit", "1"]
        command += ["--user-agent", conduct.user_agent]
        for name, value in headers.items():
            command += ["--header", f"{name}: {value}"]
        command += ["--url", url]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            try:
                status, plain = self._head(process, process.stdout)
                yield Answer(status, plain, url, self._body(process, process.stdout, method), self.name)
            finally:
                if process.poll() is None:
                    process.kill()
                process.stdout.close()
                process.stderr.close()

    def _head(self, process: subprocess.Popen[bytes], stream: IO[bytes]) -> tuple[int, dict[str, str]]:
        while True:
            lines = []
            size = 0
            while (line := stream.readline(_HEADERS_MAX)) not in {b"", b"\r\n", b"\n"}:
                size += len(line)
                if size > _HEADERS_MAX:
                    raise PermanentFault(Reason.UNEXPECTED_STATUS, "the answer's headers have no end")
                lines.append(line.decode("latin-1").rstrip("\r\n"))
            if not lines:
                self._raise_for_exit(process, in_body=False)
                raise TransientFault(Reason.UNREACHABLE, "no connection: curl ended without an answer")
            parts = lines[0].split()
            status = int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0
            if 100 <= status < 200:  # an interim answer comes before the real one
                continue
            headers: dict[str, str] = {}
            for header in lines[1:]:
                name, _, value = header.partition(":")
                headers[name.strip().lower()] = value.strip()
            return status, headers

    def _body(self, process: subprocess.Popen[bytes], stream: IO[bytes], method: str) -> Iterator[bytes]:
        read = getattr(stream, "read1", stream.read)
        while chunk := read(_CHUNK):
            if method != "HEAD":
                yield chunk
        self._raise_for_exit(process, in_body=True)

    def _raise_for_exit(self, process: subprocess.Popen[bytes], *, in_body: bool) -> None:
        assert process.stderr is not None
        said = _one_line(process.stderr.read(2000).decode("utf-8", "replace"))
        code = process.wait()
        if code == 0:
            return
        if code in _CURL_TIMED_OUT:
            raise TransientFault(Reason.TIMED_OUT, f"no answer in time ({said})")
        if code in _CURL_PERMANENT:
            raise PermanentFault(Reason.UNREACHABLE, f"the address cannot be requested: {said}")
        if code in _CURL_PARTIAL or in_body:
            raise TransientFault(Reason.TRUNCATED, f"the connection broke off: {said}")
        raise TransientFault(Reason.UNREACHABLE, f"no connection: {said}")

    def close(self) -> None:
        pass


def _one_line(text: object) -> str:
    return " ".join(str(text).split())[:300]
