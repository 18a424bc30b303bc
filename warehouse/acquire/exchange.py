"""Judge a publisher's answer: follow redirects to allowed hosts, tell blocked from gone from broken.

Belongs here: hosts, redirects, status codes, pages that ask for a human, pauses between requests, the change
from httpx to curl. Does not belong here: retries and the keeping of bytes (download), or what a body holds
(content).
"""

from __future__ import annotations

import email.utils
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import urljoin, urlsplit

from warehouse.acquire.clients import Answer, Client, CurlClient, HttpxClient
from warehouse.acquire.conduct import Conduct
from warehouse.acquire.errors import BlockedFault, NotThereFault, PermanentFault, Reason, TransientFault
from warehouse.acquire.sources import Source

_REDIRECTS = {301, 302, 303, 307, 308}
_REDIRECTS_MAX = 5
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Text of pages that stand in for the one asked for, compared in lower case: Akamai, Imperva, Cloudflare,
# PerimeterX, DataDome and the generic form.
_BLOCK_MARKS = (
    b"captcha",
    b"access denied",
    b"_incapsula_resource",
    b"request unsuccessful. incapsula",
    b"pardon our interruption",
    b"cf-chl-",
    b"checking your browser",
    b"verify you are human",
    b"verify you are a human",
    b"are you a robot",
)


class Exchange:
    """All requests of one source within one check; counts them and remembers which client gets through."""

    def __init__(self, source: Source, conduct: Conduct, now: Callable[[], datetime]) -> None:
        self.source = source
        self.conduct = conduct
        self.requests = 0
        self._now = now
        self._client: Client = HttpxClient(conduct)

    @property
    def client(self) -> str:
        return self._client.name

    def close(self) -> None:
        self._client.close()

    def change_client(self) -> bool:
        """Go on with curl; False when that is what is in use already, or is not installed."""
        if self.conduct.curl is None or isinstance(self._client, CurlClient):
            return False
        self._client.close()
        self._client = CurlClient(self.conduct)
        return True

    @contextmanager
    def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> Iterator[Answer]:
        """The answer to one request after redirects: 200, 206, 304 or 416; anything else is a fault."""
        for _ in range(_REDIRECTS_MAX + 1):
            refuse_foreign(url, self.source)
            if self.requests:
                self.conduct.sleep(self.conduct.pause)
            self.requests += 1
            with self._client.request(method, url, headers or {}) as answer:
                if answer.status in _REDIRECTS and "location" in answer.headers:
                    url = urljoin(url, answer.headers["location"])
                    continue
                self._judge(method, answer)
                yield answer
                return
        raise PermanentFault(
            Reason.TOO_MANY_REDIRECTS, f"{url} is the end of more than {_REDIRECTS_MAX} redirects"
        )

    def _judge(self, method: str, answer: Answer) -> None:
        status, headers = answer.status, answer.headers
        where = f"{answer.url} answered {status}"
        if "cf-mitigated" in headers or headers.get("x-amzn-waf-action") in {"challenge", "captcha"}:
            raise BlockedFault(
                Reason.CAPTCHA_PAGE, f"{where} with a challenge for a human", http_status=status
            )
        if status in {200, 206, 304, 416}:
            return
        if status in {404, 410}:
            raise NotThereFault(Reason.PAGE_GONE, where, http_status=status)
        if status in {401, 403, 451}:
            reason = Reason.REFUSED_BY_PUBLISHER
            if method != "HEAD" and looks_blocked(first_bytes(answer)) == Reason.CAPTCHA_PAGE:
                reason = Reason.CAPTCHA_PAGE
            raise BlockedFault(reason, where, http_status=status)
        if status in {408, 429} or (status >= 500 and status != 501):
            reason = Reason.TOO_MANY_REQUESTS if status == 429 else Reason.SERVER_ERROR
            raise TransientFault(
                reason,
                where,
                http_status=status,
                retry_after=retry_after(headers.get("retry-after"), self._now()),
            )
        raise PermanentFault(Reason.UNEXPECTED_STATUS, where, http_status=status)


def refuse_foreign(url: str, source: Source) -> None:
    """PermanentFault unless `url` is on one of the source's hosts, without credentials and no less secure."""
    own = urlsplit(source.url or source.landing_page or "").scheme
    allowed = {_endpoint(f"{own}://{host}") for host in source.hosts}
    try:
        parts, endpoint = urlsplit(url), _endpoint(url)
    except ValueError:
        raise PermanentFault(Reason.FOREIGN_HOST, f"{url!r} is not an address; not requested") from None
    if parts.scheme not in {own, "https"} or "@" in parts.netloc or endpoint not in allowed:
        raise PermanentFault(
            Reason.FOREIGN_HOST,
            f"{url} is not on {', '.join(source.hosts)}; not requested."
            " If the publisher moved, change hosts in sources.yml",
        )


def _endpoint(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)


def first_bytes(answer: Answer, size: int = 65_536) -> bytes:
    """Up to about `size` bytes of a body that is not going to be kept; a break in it ends it."""
    held = b""
    try:
        for chunk in answer.body:
            held += chunk
            if len(held) >= size:
                break
    except TransientFault:
        pass
    return held[:size]


def looks_blocked(body: bytes) -> Reason | None:
    """CAPTCHA_PAGE or REFUSED_BY_PUBLISHER when the page stands in for another one, else None."""
    text = body[:65_536].lower()
    if not any(mark in text for mark in _BLOCK_MARKS):
        return None
    return Reason.REFUSED_BY_PUBLISHER if b"access denied" in text else Reason.CAPTCHA_PAGE


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds of a Retry-After header, given as a number or as a date; None when absent or unreadable."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value.strip())
    try:
        then = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    if then.tzinfo is None:
        return None
    return max(0.0, (then - now).total_seconds())


def normal_etag(value: str | None) -> str | None:
    """An ETag without weakness mark and quotes, which servers and proxies add and drop; None when empty."""
    if value is None:
        return None
    text = value.strip()
    if text[:2] in {"W/", "w/"}:
        text = text[2:]
    return text.strip().strip('"') or None


def normal_date(value: str | None) -> datetime | None:
    """A Last-Modified header as a time; None when absent or unreadable."""
    if not value:
        return None
    try:
        return email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
