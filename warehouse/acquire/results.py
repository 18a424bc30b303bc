"""What a check of a source found: the record that goes to the journal, the screen and meta.fetch_log.

Belongs here: the states, the kinds of bytes and the record itself. Does not belong here: how they come about.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from warehouse.acquire.errors import Reason


class FetchState(StrEnum):
    """The answer to "is there a new release?". The three ways of not having one are kept apart."""

    FETCHED = "fetched"
    UNCHANGED = "unchanged"
    NOT_PUBLISHED_YET = "not_published_yet"
    BLOCKED = "blocked"
    CHANGED_OR_BROKEN = "changed_or_broken"


class ByteChange(StrEnum):
    """How the bytes received relate to the bytes already held."""

    NEW = "new"
    SAME_BYTES = "same_bytes"
    SAME_BYTES_NEW_NAME = "same_bytes_new_name"
    REPLACED_IN_PLACE = "replaced_in_place"
    SILENTLY_REPLACED = "silently_replaced"


@dataclass(frozen=True)
class FetchResult:
    """One answer for one file, or for a source as a whole when no file was received.

    `path` is where a fetched file waits in the inbox, or where a refused one is kept to be looked at.
    `is_permanent` marks a failure that the same bytes would repeat; `next_due_at` is when to ask again.
    Times are UTC; `data_through` is the first day of the last month the file name promises.
    """

    fetch_id: str
    source_id: str
    state: FetchState
    message: str
    started_at: datetime
    checked_at: datetime
    next_due_at: datetime
    family: str | None = None
    reason: Reason | None = None
    is_permanent: bool = False
    byte_change: ByteChange | None = None
    known_as: str | None = None
    previous_sha256: str | None = None
    url: str | None = None
    final_url: str | None = None
    file_name: str | None = None
    path: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    published_hint: str | None = None
    data_through: date | None = None
    http_status: int | None = None
    client: str | None = None
    requests: int = 0

    @property
    def line(self) -> str:
        """The result as one line for a screen or an alert."""
        return f"{self.source_id}: {self.state.value.replace('_', ' ')}: {self.message}"

    def to_json(self) -> str:
        """One JSON line; dates and times in ISO 8601."""
        return json.dumps(asdict(self), default=_iso, ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> FetchResult:
        """The record of a `to_json` line; ValueError when it is not one."""
        raw: Any = json.loads(text)
        if not isinstance(raw, dict):
            raise ValueError("not a fetch record")
        known = {field.name for field in fields(cls)}
        values = {key: value for key, value in raw.items() if key in known}
        try:
            for key in ("started_at", "checked_at", "next_due_at"):
                values[key] = datetime.fromisoformat(values[key])
            if values.get("data_through"):
                values["data_through"] = date.fromisoformat(values["data_through"])
            values["state"] = FetchState(values["state"])
            values["reason"] = Reason(values["reason"]) if values.get("reason") else None
            values["byte_change"] = ByteChange(values["byte_change"]) if values.get("byte_change") else None
            return cls(**values)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a fetch record: {error}") from None


def _iso(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not part of a fetch record")
