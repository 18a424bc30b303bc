"""How we behave towards publishers: name, patience, pauses, retries.

Belongs here: every number that decides how often and how long a publisher is asked. Does not belong here:
what is asked for.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from warehouse.acquire.errors import AcquireError

CONTACT_VARIABLE = "BORDER_CONTACT"


@dataclass(frozen=True)
class Conduct:
    """Times in seconds, rates in bytes a second.

    A transfer slower than `least_rate` on average after `grace` counts as timed out. `attempts` bounds the
    tries that bring nothing further; an interrupted download that moved on by `progress_bytes` may go on, up
    to `attempts_with_progress` in all. A Retry-After longer than `retry_after_max` is not waited for. `sleep`
    and `monotonic` are parameters so that tests neither wait nor guess.
    """

    user_agent: str = "border-ledger"
    connect_timeout: float = 15.0
    read_timeout: float = 60.0
    grace: float = 30.0
    least_rate: float = 2_000.0
    attempts: int = 4
    attempts_with_progress: int = 40
    progress_bytes: int = 1_000_000
    first_wait: float = 2.0
    longest_wait: float = 60.0
    retry_after_max: float = 180.0
    pause: float = 1.0
    curl: str | None = None
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Conduct:
        """The default conduct, with our name and contact, and curl as second client where it is installed."""
        return cls(user_agent=user_agent(environment), curl=shutil.which("curl"))


def user_agent(environment: Mapping[str, str] = os.environ) -> str:
    """`border-ledger/VERSION (+CONTACT)`; the contact, a mail or web address, comes from BORDER_CONTACT.

    AcquireError when the contact could not be sent in a header as it stands.
    """
    try:
        name = f"border-ledger/{version('border-ledger')}"
    except PackageNotFoundError:
        name = "border-ledger"
    contact = environment.get(CONTACT_VARIABLE, "").strip()
    if not contact:
        return name
    if not contact.isascii() or not contact.isprintable() or set(contact) & set("()\\"):
        raise AcquireError(
            f"{CONTACT_VARIABLE}={contact!r}: a header cannot carry this; use a plain mail or web address"
        )
    return f"{name} (+{contact})"
