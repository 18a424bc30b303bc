"""Where a column comes from: lineage of the SQL models, down to raw tables and reviewed lists.

Belongs here: joining the models' own lineage with the contracts, for Dagster's metadata and meta.columns. Does
not belong here: parsing SQL (`transforms.models`).
"""

from __future__ import annotations

from functools import cache

from transforms.models import models
from warehouse import contracts
from warehouse.writer import Warehouse

#: Working tables that exist only while a core table is loaded.
CONFORMED = "__conformed_lines"


@cache
def _schemas() -> dict[str, dict[str, str]]:
    known = {t.name: {c.name: c.type for c in t.columns} for t in contracts.tables().values()}
    for name in models():
        if name.endswith(CONFORMED):
            extra = dict.fromkeys(
                ("line_no", "correction_id", "is_repeat", "ignore_reason", "reject_reason"), "VARCHAR"
            )
            known[name] = {**known[name.replace(CONFORMED, "__monthly_encounters")], **extra}
    return known


@cache
def column_lineage(name: str) -> dict[str, list[tuple[str, str]]]:
    """For each column of `schema.table` its `(table, column)` sources; working tables are looked through.

    Empty for a table no SQL model makes.
    """
    if name not in models():
        return {}
    result: dict[str, list[tuple[str, str]]] = {}
    for column, sources in models()[name].column_lineage(_schemas()).items():
        found: set[tuple[str, str]] = set()
        for table, source in sources:
            if table.endswith(CONFORMED):
                found.update(column_lineage(table).get(source, []))
            else:
                found.add((table, source))
        result[column] = sorted(found)
    return result


def load_dictionary(warehouse: Warehouse) -> int:
    """Write meta.tables and meta.columns from the contracts and the models' lineage; returns the columns."""
    rows = []
    for table in contracts.tables().values():
        lineage = column_lineage(table.name)
        for position, column in enumerate(table.columns, 1):
            upstream = [f"{t}.{c}" for t, c in lineage.get(column.name, [])]
            described = (column.description, column.unit, column.source, column.caveat)
            rows.append(
                (table.name, column.name, position, column.type, column.nullable, *described, upstream)
            )
    with warehouse.transaction():
        for name in ("meta.columns", "meta.tables"):
            warehouse.con.execute(f"drop table if exists {name}")
        warehouse.append("meta.columns", rows)
        warehouse.append(
            "meta.tables", [(t.name, t.title, t.grain, t.description) for t in contracts.tables().values()]
        )
    return len(rows)
