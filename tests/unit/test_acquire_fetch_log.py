"""meta.fetch_log: append-only, documented, and equal to the journal."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest

from warehouse import contracts
from warehouse.acquire import AcquireError, ByteChange, FetchResult, FetchState, Reason, append_fetch_log

NOW = datetime(2024, 6, 20, 12, tzinfo=UTC)


def answer(fetch_id: str, state: FetchState, **more: object) -> FetchResult:
    times = {
        "started_at": NOW,
        "checked_at": NOW + timedelta(seconds=2),
        "next_due_at": NOW + timedelta(days=1),
    }
    return FetchResult(fetch_id, "cbp_sbo", state, "said so", **{**times, **more})  # type: ignore[arg-type]


FETCHED = answer(
    "a",
    FetchState.FETCHED,
    family="cbp_sbo",
    byte_change=ByteChange.NEW,
    sha256="ab" * 32,
    bytes=150_207,
    data_through=date(2024, 5, 1),
)
BLOCKED = answer("b", FetchState.BLOCKED, reason=Reason.CAPTCHA_PAGE, http_status=403)


def test_answers_are_appended_with_their_state_and_reason_kept_apart() -> None:
    connection = duckdb.connect()
    assert append_fetch_log(connection, [FETCHED, BLOCKED]) == 2
    rows = connection.execute(
        "select fetch_id, fetch_state, fetch_reason, body_bytes, promised_through, checked_at"
        " from meta.fetch_log order by fetch_id"
    ).fetchall()
    at = datetime(2024, 6, 20, 12, 0, 2)
    assert rows == [
        ("a", "fetched", None, 150_207, date(2024, 5, 1), at),
        ("b", "blocked", "captcha_page", None, None, at),
    ]


def test_handing_over_the_whole_journal_again_appends_only_what_is_new() -> None:
    connection = duckdb.connect()
    append_fetch_log(connection, [FETCHED])
    before = connection.execute("select * from meta.fetch_log").fetchall()
    changed = answer("a", FetchState.BLOCKED)
    assert append_fetch_log(connection, [changed, BLOCKED]) == 1
    assert connection.execute("select * from meta.fetch_log where fetch_id = 'a'").fetchall() == before


def test_an_empty_journal_still_makes_the_documented_table() -> None:
    connection = duckdb.connect()
    assert append_fetch_log(connection, []) == 0
    comments = connection.execute(
        "select column_name, comment from duckdb_columns() where schema_name = 'meta' and table_name = 'fetch_log'"
    ).fetchall()
    documented = {column.name: column.comment for column in contracts.table("meta.fetch_log").columns}
    assert dict(comments) == documented


def test_a_table_of_another_shape_is_not_written_to() -> None:
    connection = duckdb.connect()
    connection.execute("create schema meta; create table meta.fetch_log (fetch_id varchar)")
    with pytest.raises(AcquireError, match="the contract says"):
        append_fetch_log(connection, [FETCHED])
