"""The steps of a build whose facts are shared: what others brought is taken in, what was read here is pushed.

The build file stays private and whole: beside the releases of its own archive it holds a copy of the facts other
installations pushed, so every step after core runs as it does alone. Belongs here: which releases a build is made of,
when facts may be pushed, and which build is published. Does not belong here: the lake itself (`warehouse.lake`).
"""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections.abc import Iterable
from typing import Any

from expectations.suites import suites
from orchestration import claim_steps, court_ingest, steps
from orchestration.audit import audit, observed
from orchestration.resources import Ledger
from transforms import families
from transforms.table_macros import table_macros
from warehouse import contracts, lake, publish
from warehouse.archive import Release
from warehouse.court import storage
from warehouse.lake import ALIAS, Lake
from warehouse.paths import Home
from warehouse.writer import Warehouse

#: Beside the core tables: what is known of a release's lines.
ACCOUNTS = ("meta.row_ledger", "meta.quarantine")
FACTS = (*steps.CORE_TABLES, *ACCOUNTS)
SHARED = (*FACTS, lake.ARRIVALS, lake.LOADS)
ROUNDS = 20  # how often a build is made again because another was published meanwhile


class NotShareable(Exception):
    """Facts failed their audit and stay here; one line per finding."""


def published_tables() -> list[str]:
    """Tables that are published whole: all but raw text, facts by release, and the court file."""
    return [
        name
        for name in contracts.tables()
        if not name.startswith("raw.")
        and name not in (*SHARED, "meta.published_files")
        and not storage.is_court_table(name)
    ]


def installation(home: Home) -> str:
    """The random number by which the lake knows this installation."""
    path = home.root / "installation"
    home.root.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        mine = path.with_name(f".installation-{os.getpid()}")
        mine.write_text(uuid.uuid4().hex + "\n", "utf-8")
        try:
            os.link(mine, path)
        except FileExistsError:
            pass  # another process was first
        finally:
            mine.unlink()
    return path.read_text("utf-8").strip()


def arrive(warehouse: Warehouse, ledger: Ledger) -> list[Release]:
    """Write meta.releases from the archive and the lake, and take in facts that others pushed; the archive's releases."""
    target = ledger.lake
    if target is None:
        return steps.load_releases(warehouse, ledger.archive)
    me = installation(ledger.home)
    target.prepare(warehouse.con, SHARED)

    def take() -> list[Release]:
        with warehouse.transaction():
            own = {r.release_id for r in ledger.archive.releases()}
            held = [
                a
                for a in lake.arrivals(warehouse.con)
                if a["release_id"] in own
                or a["arrived_from"] != me  # else set aside here: it leaves the lake
            ]
            found = steps.load_releases(warehouse, ledger.archive, held)
            _pull(warehouse, own)
        return found

    return target.retried(warehouse.con, take)


def _pull(warehouse: Warehouse, own: set[str]) -> None:
    """Copy facts the build lacks or holds by other code; those of its own archive only where this code made them."""
    con = warehouse.con
    wanted: dict[str, list[tuple[str, str]]] = {}
    for table, release_id, fingerprint in con.execute(
        f"select l.table_name, l.release_id, l.fingerprint from {ALIAS}.{lake.LOADS} as l "
        "inner join meta.arrivals as a using (release_id) "
        "anti join meta.loads as here using (table_name, release_id, fingerprint) order by all"
    ).fetchall():
        if release_id not in own or fingerprint == steps.code_of(table):
            wanted.setdefault(table, []).append((release_id, fingerprint))
    for table, found in wanted.items():
        listed = ", ".join(f"'{release_id}'" for release_id, _ in found)
        ids = [release_id for release_id, _ in found]
        warehouse.replace_releases(
            table, ids, f"select * from {ALIAS}.{table} where release_id in ({listed})"
        )
        for account in ACCOUNTS:
            con.execute(f"delete from {account} where release_id in ({listed})")
            con.execute(
                f"insert into {account} select * from {ALIAS}.{account} where release_id in ({listed})"
            )
        for release_id, fingerprint in found:
            steps.mark_loaded(warehouse, table, release_id, fingerprint)


def table_of(release: Release) -> str | None:
    """The core table of a release; None for court records."""
    if release.family == court_ingest.FAMILY:
        return None
    publisher = families.families()[release.family].publisher
    return next(table for table, code in steps.PUBLISHER_OF.items() if code == publisher)


def is_known(warehouse: Warehouse, release: Release) -> bool:
    """Whether the build holds a release as this code would load it, read here or by another installation."""
    table = table_of(release)
    return table is not None and steps.is_loaded(warehouse, table, release.release_id, steps.code_of(table))


def read_missing(warehouse: Warehouse, ledger: Ledger, table: str) -> None:
    """Read into raw what the archive holds for a core table and neither this build nor the lake has by this code."""
    if ledger.lake:
        for release in ledger.archive.releases():
            if table_of(release) == table and not is_known(warehouse, release):
                steps.load_raw(warehouse, ledger.archive, release)


def share(warehouse: Warehouse, ledger: Ledger, wanted: Iterable[Release]) -> list[str]:
    """Carry releases from raw through core and their audits to the lake, where there is one; returns those pushed.

    Raises NotShareable, and pushes none, while a table they are in has a failed expectation.
    """
    if not ledger.lake or not (chosen := [r for r in wanted if table_of(r)]):
        return []
    tables = {table for r in chosen if (table := table_of(r))}
    for table in sorted(tables):
        steps.load_core(warehouse, ledger.archive, table)
    failed = []
    for table in sorted({steps.raw_table_of(r) for r in chosen} | tables):
        result = audit(warehouse, suites()[table], ledger.now())
        failed += [f"{table}: {r.because} Found: {observed(r)}" for r in result.with_status("failed")]
    if failed:
        raise NotShareable("\n".join(failed))
    return push(warehouse, ledger, chosen)


def push(warehouse: Warehouse, ledger: Ledger, chosen: Iterable[Release]) -> list[str]:
    """Push what this code loaded here and the lake lacks or holds by other code; one transaction a release."""
    target = ledger.lake
    if target is None:
        return []
    con, me = warehouse.con, installation(ledger.home)
    held = target.retried(
        con,
        lambda: set(
            con.execute(f"select table_name, release_id, fingerprint from {ALIAS}.{lake.LOADS}").fetchall()
        ),
    )
    pushed = []
    for release in chosen:
        table = table_of(release)
        if not table or not is_known(warehouse, release):
            continue
        loads = {table: steps.code_of(table)}
        if (table, release.release_id, loads[table]) in held:
            continue
        rows = {
            name: f"select * from {name} where release_id = '{release.release_id}'"
            for name in (table, *ACCOUNTS)
        }
        arrival = {**vars(release), "arrived_from": me, "arrived_at": ledger.now()}

        def work(
            arrival: dict[str, Any] = arrival, rows: dict[str, str] = rows, loads: dict[str, str] = loads
        ) -> bool:
            return lake.push(con, arrival, rows, loads)

        if target.transact(con, release.release_id, work):
            pushed.append(release.release_id)
    return pushed


def publish_build(warehouse: Warehouse, ledger: Ledger, now: dt.datetime) -> str:
    """Publish the build, to the lake first where there is one; returns the version. Raises NotPublishable."""
    if target := ledger.lake:
        for _ in range(ROUNDS):
            publish.gate(warehouse, [suite.table for suite in suites().values()])
            push(warehouse, ledger, ledger.archive.releases())
            if _publish_in(target, warehouse, ledger, now):
                break
            arrive(warehouse, ledger)
            make_again(warehouse, now)
        else:
            raise publish.NotPublishable(
                f"{target.shown}: others published {ROUNDS} times meanwhile; build again"
            )
    with ledger.publishing():
        return steps.publish_build(warehouse, ledger.home.published_file, now)


def _publish_in(target: Lake, warehouse: Warehouse, ledger: Ledger, now: dt.datetime) -> bool:
    """Publish in the lake; False where what it holds has releases this build lacks, or lacks some of its own.

    A release another installation pushed meanwhile, and has not published yet, is no obstacle: it publishes after us.
    """
    con, me, code = warehouse.con, installation(ledger.home), steps.code_version()
    own = {r.release_id for r in ledger.archive.releases()}
    version = publish.version_of(warehouse, code)
    publish.record_publication(warehouse, version, now)
    mine = _releases(warehouse, "meta.releases")
    shared = {r for r in mine if not r.startswith(f"{court_ingest.FAMILY}-")}

    def work() -> bool:
        arrived = dict(
            con.execute(f"select release_id, arrived_from from {ALIAS}.{lake.ARRIVALS}").fetchall()
        )
        leaving = {r for r, origin in arrived.items() if origin == me and r not in own}
        if "meta.publication" in lake.columns_held(con):
            published = _releases(warehouse, f"{ALIAS}.meta.releases")
            row = con.execute(f"select version from {ALIAS}.meta.publication").fetchone()
            theirs = publish.version_in(con, f"{ALIAS}.meta.releases", code)
            if (
                row
                and row[0] == theirs
                and mine <= published
                and not leaving
                and published <= {*arrived, *mine}
            ):
                return True  # as much or more is published, by the same code
            if (published & set(arrived)) - leaving - mine:
                return False
        if not shared <= set(arrived):
            return False
        for release_id in leaving:
            lake.remove(con, release_id, FACTS)
        lake.publish(con, published_tables(), table_macros())
        return True

    target.prepare(con, SHARED)
    return target.transact(con, lake.PUBLICATION, work)


def _releases(warehouse: Warehouse, table: str) -> set[str]:
    found = warehouse.con.execute(f"select release_id from {table} where trust <> 'quoted'").fetchall()
    return {row[0] for row in found}


def make_again(warehouse: Warehouse, now: dt.datetime) -> None:
    """Everything after core, and every audit, once more: others' facts came in after the steps before this one ran."""
    for model in steps.plain_models():
        steps.build_model(warehouse, model.name)
    claim_steps.judge_claims(warehouse)
    claim_steps.log_sentence_changes(warehouse)
    for suite in suites().values():
        audit(warehouse, suite, now)
