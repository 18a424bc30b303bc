"""Alerts: what failed, the figure, and what to do, appended to a file and posted to a webhook.

Each alert is one line of `alerts/alerts.jsonl` and, until the webhook has taken it, a file in `alerts/pending/`. The
same alert is not repeated within a week. Belongs here: alerts and their delivery. Does not belong here: deciding that
something is wrong (sensors).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from warehouse.paths import Home
from warehouse.versions import write_whole

#: Address to post to. It is a secret: it comes from the environment only and is never written or logged.
WEBHOOK_VARIABLE = "BORDER_ALERT_WEBHOOK"
REPEAT_AFTER = dt.timedelta(days=7)
PENDING_MAX = 200


@dataclass(frozen=True)
class Alert:
    """One thing a person has to look at. `is_permanent` says that trying again by itself cannot help."""

    kind: str
    subject: str
    check: str | None
    found: str
    next_step: str
    is_permanent: bool
    run_id: str | None = None

    @property
    def text(self) -> str:
        """The alert as one line."""
        name = f"{self.subject}, check {self.check}" if self.check else self.subject
        again = "trying again cannot help" if self.is_permanent else "it is tried again"
        return " ".join(f"{self.kind}: {name}: {self.found}. {self.next_step} ({again})".split())

    @property
    def fingerprint(self) -> str:
        """Equal for alerts that say the same."""
        said = json.dumps([self.kind, self.subject, self.check, self.found])
        return hashlib.sha256(said.encode()).hexdigest()[:16]


class Alerts:
    """The alerts of one installation; `post` sends one body to the webhook and raises httpx.HTTPError."""

    def __init__(
        self,
        home: Home,
        webhook: str | None = None,
        post: Callable[[str, Mapping[str, Any]], None] | None = None,
    ) -> None:
        self.folder = home.root / "alerts"
        self.log = self.folder / "alerts.jsonl"
        self.pending = self.folder / "pending"
        self._webhook = webhook
        self._post = post or post_json

    @classmethod
    def from_environment(cls, home: Home, environment: Mapping[str, str] = os.environ) -> Alerts:
        return cls(home, environment.get(WEBHOOK_VARIABLE) or None)

    def raise_alert(self, alert: Alert, now: dt.datetime) -> bool:
        """Record an alert and queue it for the webhook; False when it was raised within the last week."""
        since = now - REPEAT_AFTER
        if any(seen >= since for seen in self._raised(alert.fingerprint)):
            return False
        record = {
            "at": now.isoformat(timespec="seconds"),
            "fingerprint": alert.fingerprint,
            "text": alert.text,
            **asdict(alert),
        }
        line = json.dumps(record, ensure_ascii=False)
        self.pending.mkdir(parents=True, exist_ok=True)
        if self._webhook:  # queued first: a kill in between repeats an alert rather than losing it
            write_whole(self.pending / f"{now:%Y%m%dT%H%M%S}-{alert.fingerprint}.json", line.encode())
        with self.log.open("a", encoding="utf-8") as log:
            log.write(line + "\n")
            log.flush()
            os.fsync(log.fileno())
        return True

    def _raised(self, fingerprint: str) -> list[dt.datetime]:
        try:
            lines = self.log.read_text("utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        found = []
        for line in lines:
            if fingerprint in line:
                try:
                    found.append(dt.datetime.fromisoformat(json.loads(line)["at"]))
                except (ValueError, KeyError, TypeError):
                    continue  # a line cut off by a crash
        return found

    def deliver(self) -> list[str]:
        """Post what is queued, oldest first; one line for each that could not be delivered.

        A webhook that is down is tried again with the next delivery; one that refuses an alert (4xx) does not get
        it again, and the alert stays in `alerts/refused/`.
        """
        if not self._webhook:
            return []
        trouble = []
        for path in sorted(self.pending.glob("*.json"))[:PENDING_MAX]:
            record = json.loads(path.read_text("utf-8"))
            try:
                self._post(self._webhook, record)
            except httpx.HTTPStatusError as error:
                status = error.response.status_code
                if 400 <= status < 500 and status not in (408, 425, 429):
                    refused = self.folder / "refused"
                    refused.mkdir(exist_ok=True)
                    path.replace(refused / path.name)
                    trouble.append(
                        f"{self._where()} refused an alert ({status}); it is kept in {refused / path.name}. "
                        f"Correct {WEBHOOK_VARIABLE}"
                    )
                    continue
                trouble.append(f"{self._where()} answered {status}; tried again with the next delivery")
                break
            except httpx.HTTPError as error:
                trouble.append(f"{self._where()}: {type(error).__name__}; tried again with the next delivery")
                break
            except httpx.InvalidURL:
                trouble.append(f"{WEBHOOK_VARIABLE} is no address; correct it")
                break
            path.unlink()
        return trouble

    def _where(self) -> str:
        """The webhook's host, all of it that may be shown."""
        return f"webhook at {urlsplit(self._webhook or '').hostname or '?'}"


def post_json(url: str, record: Mapping[str, Any]) -> None:
    """Post `{"text": …}` with the alert's fields beside it, as chat webhooks take it."""
    with httpx.Client(timeout=10.0, follow_redirects=False) as client:
        client.post(url, json=dict(record)).raise_for_status()


# What is said


def check_alert(asset: str, check: str, found: str, *, blocking: bool, run_id: str | None = None) -> Alert:
    """An asset check that did not pass."""
    step = (
        "Readers keep the version they have. Compare the figure with the publisher's file; then correct the code map, "
        "a correction or the expectation, and run `border build`"
        if blocking
        else "Published all the same; look at the figure before quoting it"
    )
    return Alert(
        "check failed" if blocking else "check warns",
        asset,
        check,
        found,
        step,
        is_permanent=True,
        run_id=run_id,
    )


def source_alert(source: str, found: str, next_step: str, *, is_permanent: bool) -> Alert:
    """A source that keeps us out, or that changed."""
    return Alert("source", source, None, found, next_step.rstrip("."), is_permanent)


def run_alert(
    job: str, step: str | None, error: str, *, is_permanent: bool, run_id: str | None = None
) -> Alert:
    """A run that failed for another reason than a check."""
    what = (
        "Readers keep the version they have. Mend what the line names, then run `border build`; `border doctor` looks at "
        "the whole installation"
    )
    return Alert(
        "run failed", f"{job}, step {step}" if step else job, None, error, what, is_permanent, run_id
    )
