"""A copy of the published versions elsewhere, after each publication.

Belongs here: when copies are made. Does not belong here: how (`warehouse.versions.copy_to`).
"""

import os

import dagster as dg

from orchestration.assets import OWNERS
from orchestration.resources import Ledger
from warehouse import versions

#: Where versions are copied to. It may carry a key, so it is never written or logged.
TARGET_VARIABLE = "BORDER_PUBLISH_URL"


@dg.asset(
    key=dg.AssetKey(["published", "copy"]),
    deps=[dg.AssetKey(["published", "warehouse"])],
    group_name="published",
    kinds={"fsspec"},
    owners=OWNERS,
    retry_policy=dg.RetryPolicy(max_retries=3, delay=60, backoff=dg.Backoff.EXPONENTIAL),
    description="The current version at `$BORDER_PUBLISH_URL`, any fsspec address; nothing where it is not set.",
)
def published_copy(ledger: Ledger) -> dg.MaterializeResult:
    target = os.environ.get(TARGET_VARIABLE)
    if not target:
        return dg.MaterializeResult(metadata={"copied": f"{TARGET_VARIABLE} is not set"})
    record = versions.copy_to(ledger.home.published, target)
    return dg.MaterializeResult(metadata={"copied": record.folder})
