"""What can go wrong on the way in, sorted by what to do about it.

Belongs here: the faults a fetch can end in and the closed list of reasons. Does not belong here: deciding
which answer of a publisher is which fault (exchange, content) or what is recorded about it (results).
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a fetch did not bring a file; a closed list, so that alerts and tests can rely on it."""

    RELEASE_NOT_ON_PAGE = "release_not_on_page"
    NOT_REPLACED_YET = "not_replaced_yet"
    FILE_NOT_THERE_YET = "file_not_there_yet"
    STILL_BEING_WRITTEN = "still_being_written"
    REFUSED_BY_PUBLISHER = "refused_by_publisher"
    CAPTCHA_PAGE = "captcha_page"
    TOO_MANY_REQUESTS = "too_many_requests"
    PAGE_GONE = "page_gone"
    FILE_WITHDRAWN = "file_withdrawn"
    NO_LINK_ON_PAGE = "no_link_on_page"
    TOO_MANY_LINKS = "too_many_links"
    FOREIGN_HOST = "foreign_host"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    UNEXPECTED_STATUS = "unexpected_status"
    UNREACHABLE = "unreachable"
    SERVER_ERROR = "server_error"
    TIMED_OUT = "timed_out"
    TRUNCATED = "truncated"
    TOO_LARGE = "too_large"
    TOO_SMALL = "too_small"
    HTML_IN_PLACE_OF_DATA = "html_in_place_of_data"
    WRONG_TYPE = "wrong_type"
    COLUMNS_CHANGED = "columns_changed"
    UNSAFE_ARCHIVE = "unsafe_archive"
    CORRUPT_ARCHIVE = "corrupt_archive"
    NOT_A_REGULAR_FILE = "not_a_regular_file"


class AcquireError(Exception):
    """Something on this machine or in its settings stops acquisition; one line that says what to do."""


class InboxBusy(AcquireError):
    """Another fetch holds the inbox; trying again later helps."""


class FetchFault(Exception):
    """A publisher's answer that is not the file. `detail` is one line for a person."""

    def __init__(self, reason: Reason, detail: str, *, http_status: int | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.http_status = http_status


class TransientFault(FetchFault):
    """Asking again can help. `retry_after` is the publisher's own wish in seconds."""

    def __init__(
        self,
        reason: Reason,
        detail: str,
        *,
        http_status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(reason, detail, http_status=http_status)
        self.retry_after = retry_after


class BlockedFault(FetchFault):
    """The publisher refuses this client; another client or a person may get through."""


class NotThereFault(FetchFault):
    """404 or 410: whether that is early or broken depends on what was there before."""


class PermanentFault(FetchFault):
    """Asking again for the same bytes cannot help."""
