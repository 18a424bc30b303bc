"""meta.fetch_log: the journal of fetches as a table of the warehouse.

Belongs here: appending to a connection somebody else opened. Does not belong here: opening one, or changing a
row once written.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from warehouse import contracts
from warehouse.acquire.errors import AcquireError
from warehouse.acquire.results import FetchResult

TABLE = "meta.fetch_log"


def append_fetch_log(connection: duckdb.DuckDBPyConnection, results: Iterable[FetchResult]) -> int:
    """Append the answers the table does not have yet, creating it from its contract; the number appended.

    Rows are never changed or removed: an answer already logged (same fetch_id) is left alone, so the whole
    journal can be handed over each time. AcquireError when the table's columns are not those of the contract.
    """
    contract = contracts.table(TABLE)
    names = [column.name for column in contract.columns]
    connection.execute("create schema if not exists meta")
    actual = [
        name
        for (name,) in connection.execute(
            "select column_name from information_schema.columns"
            " where table_schema = 'meta' and table_name = 'fetch_log' order by ordinal_position"
        ).fetchall()
    ]
    if not actual:
        connection.execute(contract.ddl())
        for comment in contract.comments():
            connection.execute(comment)
    elif actual != names:
        raise AcquireError(
            f"{TABLE} has the columns {', '.join(actual)}; the contract says {', '.join(names)};"
            " rename the old table and append again"
        )
    logged = {fetch_id for (fetch_id,) in connection.execute(f"select fetch_id from {TABLE}").fetchall()}
    rows = [_row(result) for result in results if result.fetch_id not in logged]
    if rows:
        places = ", ".join("?" for _ in names)
        connection.executemany(
            f"insert into {TABLE} ({', '.join(names)}) values ({places})",
            [[row[name] for name in names] for row in rows],
        )
    return len(rows)


def _row(result: FetchResult) -> dict[str, object]:
    return {
        "fetch_id": result.fetch_id,
        "source_id": result.source_id,
        "family": result.family,
        "fetch_state": result.state.value,
        "fetch_reason": result.reason.value if result.reason else None,
        "fetch_message": result.message,
        "is_permanent": result.is_permanent,
        "byte_change": result.byte_change.value if result.byte_change else None,
        "known_as": result.known_as,
        "replaced_sha256": result.previous_sha256,
        "requested_url": result.url,
        "final_url": result.final_url,
        "file_name": result.file_name,
        "body_sha256": result.sha256,
        "body_bytes": result.bytes,
        "etag": result.etag,
        "last_modified": result.last_modified,
        "published_hint": result.published_hint,
        "promised_through": result.data_through,
        "http_status": result.http_status,
        "http_client": result.client,
        "requests": result.requests,
        "started_at": result.started_at.replace(tzinfo=None),
        "checked_at": result.checked_at.replace(tzinfo=None),
        "next_due_at": result.next_due_at.replace(tzinfo=None),
    }
