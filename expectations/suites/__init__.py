"""The suites: what every table of raw, core and marts must look like, one suite a table.

Belongs here: which tables have a suite, and what else a suite reads. Does not belong here: running one
(`expectations.runner`) and what a failure stops (`orchestration`).

Importing this package costs nothing: Great Expectations is imported on the first run.
"""

from __future__ import annotations

import re
from functools import cache

from expectations.runner import Suite
from expectations.suites import core, court, marts, raw


@cache
def suites() -> dict[str, Suite]:
    """Every suite by the table it is about, `schema.table`, in the order the tables are built.

    Each holds on a warehouse with any part of the families: an expectation about a family whose releases are
    absent has nothing to fail on.
    """
    return {
        suite.table: suite for suite in (*raw.suites(), *core.suites(), *marts.suites(), *court.mart_suites())
    }


@cache
def court_suites() -> dict[str, Suite]:
    """Every suite of a typed table of the court file, by that table; they hold without a release as well."""
    return {suite.table: suite for suite in court.suites()}


def tables_read(suite: Suite) -> frozenset[str]:
    """The tables a suite reads, its own among them: all must be built before it runs."""
    sql = " ".join(one.sql or "" for one in suite.declared)
    return frozenset(re.findall(r"\b(?:raw|core|marts|meta)\.[a-z_0-9]+\b", sql)) | {suite.table}
