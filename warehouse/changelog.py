"""What changed from one published version to the next, with changes of data kept apart from changes of code.

A figure whose releases differ moved because of data; a figure that moved on the same releases moved because of code
(models, parsers or reviewed lists). Belongs here: comparing two versions, and the list of all comparisons. Does not
belong here: comparing two releases of a publisher (marts.revisions does).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb

from warehouse.versions import Published

CHANGELOG = "CHANGELOG.json"
FIGURES = "marts.january_yoy"
#: Moved figures that are listed; the count beside them is always whole.
LISTED = 500


def changes_since(con: duckdb.DuckDBPyConnection, previous: Path) -> dict[str, Any]:
    """Compare the open build with the published file at `previous`.

    `{"data": {releases_added, releases_removed, figures_moved, figures_moved_count}, "code": {tables_added,
    tables_removed, columns_added, columns_removed, figures_moved, figures_moved_count}}`
    """
    build = _all(con, "select current_database()")[0][0]
    quoted = str(previous).replace("'", "''")
    con.execute(f"attach '{quoted}' as previous (read_only)")
    try:
        before, now = _columns(con, "previous"), _columns(con, build)
        added, removed = _releases(con, build, before)
        moved = _figures(con, build, before, now)
        return {
            "data": {"releases_added": added, "releases_removed": removed, **_listed(moved, "data")},
            "code": {**_schema(before, now), **_listed(moved, "code")},
        }
    finally:
        con.execute("detach previous")


def entries_of(folder: Path | None) -> list[dict[str, Any]]:
    """The entries of a version's changelog, newest first; empty where there is none to read."""
    if folder is None:
        return []
    try:
        found: Any = json.loads((folder / CHANGELOG).read_bytes())
        return list(found["entries"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return []


def write_changelog(
    folder: Path,
    record: Published,
    previous: Published | None,
    changes: dict[str, Any] | None,
    earlier: list[dict[str, Any]],
) -> None:
    """Write CHANGELOG.json: this version's entry before the earlier ones.

    A version published again adds no entry, since equal inputs make equal versions.
    """
    entries = earlier
    if previous is None or previous.version != record.version or not earlier:
        entry: dict[str, Any] = {
            "version": record.version,
            "number": record.number,
            "published_at": record.published_at,
            "previous_version": previous.version if previous else None,
        }
        if changes is None:
            entry["note"] = "first version here: nothing to compare with"
        else:
            changes["code"] = {
                "changed": previous is None or previous.code_version != record.code_version,
                "from": previous.code_version if previous else None,
                "to": record.code_version,
                **changes["code"],
            }
            entry.update(changes)
        entries = [entry, *earlier]
    text = json.dumps({"entries": entries}, indent=1, default=str, ensure_ascii=False)
    (folder / CHANGELOG).write_text(text + "\n", "utf-8")


def _all(con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return con.execute(sql).fetchall()


Columns = dict[str, dict[str, str]]


def _columns(con: duckdb.DuckDBPyConnection, database: str) -> Columns:
    found: Columns = {}
    for table, column, kind in con.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
        "where database_name = ? and schema_name in ('core', 'marts', 'meta') and not internal",
        [database],
    ).fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def _schema(before: Columns, now: Columns) -> dict[str, list[str]]:
    shared = set(before) & set(now)
    old = {f"{t}.{c} {k}" for t in shared for c, k in before[t].items()}
    new = {f"{t}.{c} {k}" for t in shared for c, k in now[t].items()}
    return {
        "tables_added": sorted(set(now) - set(before)),
        "tables_removed": sorted(set(before) - set(now)),
        "columns_added": sorted(new - old),
        "columns_removed": sorted(old - new),
    }


def _releases(
    con: duckdb.DuckDBPyConnection, build: str, before: Columns
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    if "meta.releases" not in before:
        return [], []
    names = ("release_id", "family", "file_name", "published_on", "data_through", "trust")
    listed = ", ".join(names)
    sql = (
        "select {listed} from {a}.meta.releases "
        "where release_id not in (select release_id from {b}.meta.releases) order by all"
    )
    return tuple(  # type: ignore[return-value]
        [dict(zip(names, row, strict=True)) for row in _all(con, sql.format(listed=listed, a=a, b=b))]
        for a, b in ((f'"{build}"', "previous"), ("previous", f'"{build}"'))
    )


_FIGURE_COLUMNS = {
    "measure_id",
    "january",
    "value",
    "prior",
    "pct_change",
    "status",
    "release_id",
    "prior_release_id",
}


def _figures(
    con: duckdb.DuckDBPyConnection, build: str, before: Columns, now: Columns
) -> list[dict[str, Any]]:
    """Rows of marts.january_yoy that differ, each with its cause."""
    if any(_FIGURE_COLUMNS - set(columns.get(FIGURES, ())) for columns in (before, now)):
        return []
    cursor = con.execute(
        f"""
        select
            coalesce(new.measure_id, old.measure_id) as measure_id,
            coalesce(new.january, old.january) as january,
            old.value as value_before, new.value as value,
            old.prior as prior_before, new.prior as prior,
            old.pct_change as pct_change_before, new.pct_change as pct_change,
            old.status as status_before, new.status as status,
            old.release_id as release_id_before, new.release_id as release_id,
            case
                when coalesce(new.measure_id, old.measure_id) not in (select measure_id from previous.meta.measures)
                    or coalesce(new.measure_id, old.measure_id) not in (select measure_id from "{build}".meta.measures)
                    then 'code'
                when (old.release_id, old.prior_release_id) is distinct from (new.release_id, new.prior_release_id)
                    then 'data'
                else 'code'
            end as cause
        from "{build}".{FIGURES} as new
        full join previous.{FIGURES} as old on new.measure_id = old.measure_id and new.january = old.january
        where (new.value, new.prior, new.pct_change, new.status)
            is distinct from (old.value, old.prior, old.pct_change, old.status)
        order by all
        """
    )
    names = [d[0] for d in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _listed(moved: list[dict[str, Any]], cause: str) -> dict[str, Any]:
    mine = [{k: v for k, v in figure.items() if k != "cause"} for figure in moved if figure["cause"] == cause]
    return {"figures_moved_count": len(mine), "figures_moved": mine[:LISTED]}
