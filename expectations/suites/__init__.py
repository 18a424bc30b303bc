"""The suites, one a table; each is one blocking check of its asset.

Belongs here: the registry. Does not belong here: how a suite is run (`expectations.runner`).
"""

from __future__ import annotations

from expectations.runner import Suite


def suites() -> dict[str, Suite]:
    """Every suite by the table it audits."""
    return {}
