"""Rows of court marts put straight into a published warehouse, for tests of what is shown of them.

Belongs here: a release of few rows with known figures. Does not belong here: releases as files (`court_files`).
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb


def put(con: duckdb.DuckDBPyConnection, table: str, **row: Any) -> None:
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    con.execute(f"insert into {table} ({names}) values ({marks})", list(row.values()))


#: The newest release stops printing one nationality.
UNPRINTED = (
    "delete from marts.january_yoy_by_dimension "
    "where dimension = 'citizenship' and dimension_code = 'honduras' and january = 2024"
)


def court_release(published: Path, release_id: str, trust: str) -> None:
    """Put what a court release makes of two Januaries and of forty cases followed for two months into the marts."""
    about = {"release_id": release_id, "trust": trust, "is_synthetic": trust == "synthetic"}
    groups = (
        ("all", "all", None, 1),
        ("nationality", "HO", "HONDURAS", 0.75),
        ("nationality", "GT", "GUATEMALA", 0.25),
        ("base_city", "ELP", "IMMIGRATION COURT", 1),
    )
    with duckdb.connect(str(published)) as con:
        con.execute(
            "insert into meta.releases select * replace (? as release_id, 'eoir_foia' as family, ? as trust) "
            "from meta.releases where layout <> 'quoted' limit 1",
            [release_id, trust],
        )
        for january, value, prior, status in ((2022, 400, 300, "ok"), (2023, 500, 400, "provisional")):
            for dimension, code, label, part in groups:
                put(
                    con,
                    "marts.court_january_yoy",
                    **about,
                    published_on=dt.date(2023, 5, 1),
                    measure_code="new_cases",
                    measure_title="New cases",
                    unit="cases",
                    dimension=dimension,
                    dimension_code=code,
                    dimension_label=label,
                    january=january,
                    month_start=dt.date(january, 1, 1),
                    value=value * part,
                    prior=prior * part,
                    change=(value - prior) * part,
                    pct_change=100 * (value - prior) / prior,
                    status=status,
                    reasons=["a reason (some_break)"],
                )
        for month, at_risk, relief, removal in ((0, 40, 0.0, 0.1), (1, 36, 0.05, 0.3), (2, 10, 0.1, 0.5)):
            incidences = {"relief": relief, "protection": 0.0, "removal": removal, "other_closure": 0.125}
            for outcome, incidence in incidences.items():
                put(
                    con,
                    "marts.court_outcomes_by_month",
                    **about,
                    population="removal_cases",
                    cohort="all",
                    outcome_group_code=outcome,
                    months_since_notice=month,
                    at_risk_cases=at_risk,
                    outcome_cases=1,
                    cumulative_incidence=incidence,
                    share_of_all=0.01,
                    share_of_completed=0.5,
                )
