"""The register of sources: who publishes what, where, how often, and what a genuine file looks like.

Belongs here: reading and checking sources.yml, and the calendar of a source (what should be out by now, when
to look next). Does not belong here: any request, or what was fetched before.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from warehouse.acquire.errors import AcquireError

_HERE = Path(__file__).parent
SOURCES_FILE = _HERE / "sources.yml"


def add_months(month: date, months: int) -> date:
    """First day of the month `months` after (or before) the month of `month`."""
    index = month.year * 12 + month.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


@dataclass(frozen=True)
class Cadence:
    """When a source publishes; `release` is `monthly`, or `any` for a source without a calendar."""

    release: str
    from_day: int = 1
    lag_months: int = 0
    look_every_days: int = 1
    recheck_every_days: int = 1

    def expected_month(self, now: datetime) -> date | None:
        """The newest data month that should be out at `now`, or None without a calendar.

        Up to `from_day` the release of the month before is still the newest one expected.
        """
        if self.release != "monthly":
            return None
        today = now.astimezone(UTC).date()
        early = 1 if today.day < self.from_day else 0
        return add_months(today, -self.lag_months - early)

    def next_look(self, now: datetime, *, in_hand: bool) -> datetime:
        """When to ask again after an answer at `now`; `in_hand` says whether the expected release is held."""
        if self.release != "monthly":
            return now
        today = now.astimezone(UTC).date()
        if not in_hand:
            return _midnight(today + timedelta(days=self.look_every_days))
        opens = add_months(today, 0 if today.day < self.from_day else 1).replace(day=self.from_day)
        return _midnight(min(today + timedelta(days=self.recheck_every_days), opens))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), UTC)


@dataclass(frozen=True)
class Source:
    """One entry of sources.yml. `hosts` are the only hosts ever asked, redirects included."""

    id: str
    publisher: str
    title: str
    kind: str
    bytes_min: int
    bytes_max: int
    cadence: Cadence
    licence: str
    citation: str
    landing_page: str | None = None
    link_pattern: str | None = None
    url: str | None = None
    hosts: tuple[str, ...] = ()
    example: str | None = None
    family: str | None = None
    formats: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    unpacked_bytes_max: int = 500_000_000
    replaced_in_place: bool = False
    settle_seconds: int = 10

    @property
    def is_drop_folder(self) -> bool:
        return self.kind == "drop_folder"

    def names_file(self, file_name: str) -> re.Match[str] | None:
        """The match of `file_name` against the link pattern, ignoring case; None when it is another file."""
        if self.link_pattern is None:
            return None
        return re.fullmatch(self.link_pattern, file_name, re.IGNORECASE)


def load_sources(path: Path = SOURCES_FILE) -> dict[str, Source]:
    """Every source by id, checked against sources.schema.json.

    AcquireError names the file, the entry, the value and the rule it breaks.
    """
    try:
        entries = yaml.safe_load(path.read_text("utf-8"))
    except yaml.YAMLError as error:
        raise AcquireError(f"{path}: not readable as YAML ({' '.join(str(error).split())})") from None
    schema = json.loads((_HERE / "sources.schema.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    for problem in sorted(
        validator.iter_errors(entries), key=lambda e: [str(part) for part in e.absolute_path]
    ):
        where = ".".join(str(part) for part in problem.absolute_path) or "the whole file"
        best = jsonschema.exceptions.best_match([problem]) or problem
        raise AcquireError(f"{path.name}: {where}: {best.message.splitlines()[0]}; see sources.schema.json")
    return {name: _source(path, name, entry) for name, entry in entries.items()}


def _source(path: Path, name: str, entry: dict[str, Any]) -> Source:
    if entry["bytes"]["min"] > entry["bytes"]["max"]:
        raise AcquireError(f"{path.name}: {name}.bytes: min is above max; swap them")
    for key in ("link_pattern",):
        try:
            re.compile(entry.get(key, ""))
        except re.error as error:
            raise AcquireError(
                f"{path.name}: {name}.{key}: {entry[key]!r} is no regular expression: {error}"
            ) from None
    formats = tuple(entry.get("formats", ())) or ((entry["format"],) if "format" in entry else ())
    plain = {
        key: value
        for key, value in entry.items()
        if key not in {"bytes", "cadence", "format", "formats", "hosts", "header"}
    }
    return Source(
        id=name,
        bytes_min=entry["bytes"]["min"],
        bytes_max=entry["bytes"]["max"],
        cadence=Cadence(**entry["cadence"]),
        formats=formats,
        hosts=tuple(entry.get("hosts", ())),
        header=tuple(entry.get("header", ())),
        **plain,
    )
