"""When publishers are asked. The register of sources says when each is due; a schedule only looks often enough.

Belongs here: schedules. Does not belong here: how often a publisher may be asked (`warehouse.acquire`).
"""

import datetime as dt
import os

import dagster as dg

from orchestration.acquire_assets import due, fetch_job, run_request
from orchestration.automation import schedule_status
from orchestration.resources import Ledger

#: Office hours of Washington, every hour: a release is there within the hour, and a publisher that was down is asked
#: again when the register says so. Most ticks find nothing due and ask nobody.
PUBLICATION_CRON = os.environ.get("BORDER_PUBLICATION_CRON", "23 12-22 * * *")
EOIR_CRON = os.environ.get("BORDER_EOIR_CRON", "41 11 * * *")


@dg.schedule(
    name="publication_days",
    job=fetch_job,
    cron_schedule=PUBLICATION_CRON,
    execution_timezone="UTC",
    default_status=schedule_status(),
    description="Landing pages around their publication days: daily until the month is there, weekly afterwards.",
)
def publication_days(ledger: Ledger) -> dg.RunRequest | dg.SkipReason:
    return _ask({"landing_page"}, ledger)


@dg.schedule(
    name="eoir_daily",
    job=fetch_job,
    cron_schedule=EOIR_CRON,
    execution_timezone="UTC",
    default_status=schedule_status(),
    description="The court file, replaced in place: its headers are compared every day, its 5 GB fetched when they differ.",
)
def eoir_daily(ledger: Ledger) -> dg.RunRequest | dg.SkipReason:
    return _ask({"fixed_file"}, ledger)


def _ask(kinds: set[str], ledger: Ledger) -> dg.RunRequest | dg.SkipReason:
    # The present, not the tick's time: a daemon that was down asks once for today, not for every tick it missed.
    ready, later = due(kinds, ledger, dt.datetime.now(dt.UTC))
    if ready:
        return run_request(ready)
    return dg.SkipReason(
        f"nothing is due before {later:%Y-%m-%d %H:%M} UTC" if later else "no source of this kind"
    )


schedules = [publication_days, eoir_daily]
