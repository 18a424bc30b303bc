"""Two court releases side by side: what was added, what changed, what vanished.

Belongs here: comparing raw text by primary key and row hash. Does not belong here: deciding why a record
vanished. EOIR has removed records before (68,282 relief applications in one release), so deletions are counted
by key, listed, and raise an alert above 0.1 % or where a decided relief application is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from warehouse import contracts
from warehouse.court import registry

_CHANGES = "meta.eoir_release_changes"
_VANISHED = "meta.eoir_vanished_records"
_ALERT_SHARE = 0.001
_CONTROL = "'[\\x00-\\x1F\\x7F]+', ' ', 'g'"


@dataclass(frozen=True)
class TableChange:
    """One table between two releases, in keys. `deleted_decided` counts relief applications with a decision."""

    table: str
    added: int
    changed: int
    deleted: int
    unchanged: int
    deleted_share: float | None
    deleted_decided: int | None
    is_alert: bool


def diff_releases(con: DuckDBPyConnection, old: str, new: str) -> list[TableChange]:
    """Compare every main table both releases hold; fills the change log and the vanished records.

    A key is the printed primary key, trimmed; rows under one key are compared as a set, column by column under
    registered names, columns only one release has left out. Rows without a key are compared by content alone.
    """
    _prepare(con, old, new)
    held = con.execute(
        """
        select o.court_table, o.header_columns, n.header_columns from meta.eoir_tables as o
        inner join meta.eoir_tables as n on lower(o.court_table) = lower(n.court_table)
        where o.release_id = ? and n.release_id = ? and not o.is_lookup order by lower(o.court_table)
        """,
        [old, new],
    ).fetchall()
    changes = []
    for table, old_columns, new_columns in held:
        known = {c.lower() for c in new_columns}
        shared = [c for c in old_columns if c.lower() in known]
        if shared:
            changes.append(_compare(con, table, shared, old, new))
    return changes


def _prepare(con: DuckDBPyConnection, old: str, new: str) -> None:
    for table in (_CHANGES, _VANISHED):
        con.execute(f"create schema if not exists {table.split('.')[0]}")
        contract = contracts.table(table)
        con.execute(contract.ddl().replace("create table", "create table if not exists", 1))
        for comment in contract.comments():
            con.execute(comment)
        con.execute(f"delete from {table} where old_release_id = ? and new_release_id = ?", [old, new])


def _compare(con: DuckDBPyConnection, table: str, shared: Sequence[str], old: str, new: str) -> TableChange:
    spec = registry.tables().get(table.lower())
    key = spec.primary_key if spec else None
    view = f"raw.{registry.slug(table)}"
    quoted = [f'"{c}"' for c in shared]
    content = f"hash(struct_pack({', '.join(f'{c} := {c}' for c in quoted)}))"
    if key and key.lower() in {c.lower() for c in shared}:
        key_text = f"nullif(trim(regexp_replace(\"{key}\", {_CONTROL})), '')"
    else:
        key_text = "cast(null as varchar)"
    decided = "trim(coalesce(\"APPL_DEC\", '')) != ''" if table.lower() == "tbl_court_appln" else "null"

    def side(release: str) -> str:
        return f"""
            select coalesce(key_text, 'row ' || cast(content as varchar)) as key_text,
                cast(sum(content % 1000000007) as bigint) as content, count(*) as records,
                min(record_no) as record_no, bool_or(was_decided) as was_decided
            from (
                select {key_text} as key_text, {content} as content, record_no,
                    cast({decided} as boolean) as was_decided
                from {view} where release_id = {_text(release)}
            )
            group by all
        """.replace("group by all", "group by 1")

    con.execute(
        f"""
        create or replace temp table court_pair as
        select coalesce(o.key_text, n.key_text) as key_text, o.records as old_records, o.record_no,
            o.was_decided,
            case when o.key_text is null then 'added' when n.key_text is null then 'deleted'
                when o.content = n.content and o.records = n.records then 'unchanged' else 'changed' end as kind
        from ({side(old)}) as o full outer join ({side(new)}) as n on o.key_text = n.key_text
        """
    )
    counts = dict(con.execute("select kind, count(*) from court_pair group by kind").fetchall())
    added, changed = counts.get("added", 0), counts.get("changed", 0)
    deleted, unchanged = counts.get("deleted", 0), counts.get("unchanged", 0)
    before = changed + deleted + unchanged
    share = deleted / before if before else None
    gone: int | None = None
    if table.lower() == "tbl_court_appln":
        row = con.execute("select count(*) from court_pair where kind = 'deleted' and was_decided").fetchone()
        gone = int(row[0]) if row else 0
    is_alert = bool((share or 0) > _ALERT_SHARE or gone)
    con.execute("begin")
    try:
        con.execute(
            f"insert into {_CHANGES} values ({', '.join('?' * 10)})",
            [old, new, table, added, changed, deleted, unchanged, share, gone, is_alert],
        )
        con.execute(
            f"insert into {_VANISHED} select ?, ?, ?, key_text, record_no, old_records, was_decided "
            "from court_pair where kind = 'deleted' order by record_no",
            [old, new, table],
        )
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise
    finally:
        con.execute("drop table if exists court_pair")
    return TableChange(table, added, changed, deleted, unchanged, share, gone, is_alert)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
