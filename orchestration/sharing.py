"""The steps of a build whose facts are shared: what others brought is taken in, what was read here is pushed.

The build file stays private and whole: beside the releases of its own archive it holds a copy of the facts other
installations pushed, so every step after core runs as it does alone. Belongs here: which releases a build is made of,
when facts may be pushed, and which build is published. Does not belong here: the lake itself (`warehouse.lake`).
"""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections.abc import Collection, Iterable

from expectations.suites import suites
from orchestration import claim_steps, court, court_ingest, steps
from orchestration.audit import audit, observed
from orchestration.resources import Ledger
from transforms import families
from transforms.table_macros import table_macros
from warehouse import contracts, lake, publish
from warehouse.archive import Release
from warehouse.court import storage
from warehouse.engine import Engine
from warehouse.lake import ALIAS, Lake
from warehouse.paths import Home
from warehouse.writer import Warehouse

#: Beside the core tables: what is known of a release's lines.
ACCOUNTS = ("meta.row_ledger", "meta.quarantine")
FACTS = (*steps.CORE_TABLES, *ACCOUNTS)
SHARED = (*FACTS, *storage.FACTS, lake.ARRIVALS, lake.LOADS)
ROUNDS = 20  # how often a build is made again because another was published meanwhile


class NotShareable(Exception):
    """Facts failed their audit and stay here; one line per finding."""


def published_tables() -> list[str]:
    """Tables that are published whole: all but raw text and facts by release."""
    return [
        name
        for name in contracts.tables()
        if not name.startswith("raw.") and name not in (*SHARED, "meta.published_files")
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


def begin(warehouse: Warehouse, ledger: Ledger) -> None:
    """Bring a worker's file up to what its installation and the lake know: the run before may have had another file."""
    steps.load_reviewed(warehouse)
    arrive(warehouse, ledger)


def arrive_for(warehouse: Warehouse, ledger: Ledger, wanted: Collection[str]) -> None:
    """`begin`, for reading some releases of the archive: others nobody has read yet must not fail the audits of these."""
    if ledger.lake:
        steps.load_reviewed(warehouse)
        pending = {
            r.release_id
            for r in ledger.archive.releases()
            if r.release_id not in wanted
            and not is_known(warehouse, r)
            and not steps.is_raw_loaded(warehouse, r)
        }
        arrive(warehouse, ledger, pending)


def arrive(warehouse: Warehouse, ledger: Ledger, without: Collection[str] = ()) -> list[Release]:
    """Write meta.releases from the archive and the lake, and take in facts that others pushed; the archive's releases."""
    target = ledger.lake
    if target is None:
        return _alone(warehouse, ledger)
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
            found = steps.load_releases(warehouse, ledger.archive, held, without)
            _pull(warehouse, own)
        return found

    found = target.retried(warehouse.con, take)
    _arrive_of_courts(warehouse, ledger, target)
    return found


def _alone(warehouse: Warehouse, ledger: Ledger) -> list[Release]:
    """Without a lake the archive is all there is, whatever came from a lake before."""
    warehouse.ensure("meta.arrivals")
    had = warehouse.con.execute("select count(*) from meta.arrivals").fetchone()
    if had and had[0]:
        with court.open_for(ledger.home, ledger.archive, []):
            pass
    return steps.load_releases(warehouse, ledger.archive)


def _arrive_of_courts(warehouse: Warehouse, ledger: Ledger, target: Lake) -> None:
    """The same for court records, whose facts lie in the court file; what was read here is never replaced."""
    own = {r.release_id for r in court.court_releases(ledger.archive)}
    cursor = warehouse.con.execute(
        "select * from meta.arrivals where family = ? order by published_on, release_id",
        [court_ingest.FAMILY],
    )
    names = [d[0] for d in cursor.description or []]
    arrivals = [
        a for row in cursor.fetchall() if (a := dict(zip(names, row, strict=True)))["release_id"] not in own
    ]
    with court.open_for(ledger.home, ledger.archive, arrivals) as file:
        if file is None or not arrivals:
            return

        def take() -> None:
            with file.transaction():
                for arrival in arrivals:
                    _pull_of_courts(file, arrival["release_id"])

        target.retried(file.con, take)


def _pull_of_courts(file: Warehouse, release_id: str) -> None:
    fingerprint = lake.marks(file.con, release_id).get(storage.CASES)
    if fingerprint is None or storage.is_marked(file, "core", release_id, fingerprint):
        return
    for table in storage.FACTS:
        column = lake.release_column(table)
        file.con.execute(f"delete from {table} where {column} = ?", [release_id])
        file.con.execute(f"insert into {table} select * from {ALIAS}.{table} where {column} = '{release_id}'")
    storage.mark(file, "core", release_id, fingerprint)


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
        steps.load_core(warehouse, ledger.archive, table, ledger.evaluator)
    failed = []
    for table in sorted({steps.raw_table_of(r) for r in chosen} | tables):
        result = audit(warehouse, suites()[table], ledger.now(), engine=ledger.evaluator)
        failed += [f"{table}: {r.because} Found: {observed(r)}" for r in result.with_status("failed")]
    if failed:
        raise NotShareable("\n".join(failed))
    return push(warehouse, ledger, chosen)


def push(warehouse: Warehouse, ledger: Ledger, chosen: Iterable[Release]) -> list[str]:
    """Push what this code loaded here and the lake lacks or holds by other code; one transaction a release."""
    target = ledger.lake
    if target is None:
        return []
    me, held = installation(ledger.home), _held(warehouse, target)
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
        if _push_one(target, warehouse, release, me, ledger.now(), rows, loads):
            pushed.append(release.release_id)
    return pushed


def _held(warehouse: Warehouse, target: Lake) -> set[tuple[str, str, str]]:
    """Table, release and code of everything in the lake."""
    con = warehouse.con
    sql = f"select table_name, release_id, fingerprint from {ALIAS}.{lake.LOADS}"
    return target.retried(con, lambda: set(con.execute(sql).fetchall()))


def _push_of_courts(ledger: Ledger, held: set[tuple[str, str, str]]) -> list[str]:
    target, me = ledger.lake, installation(ledger.home)
    fingerprint = f"{court.code_of_core()}/{court.code_of_raw()}"
    pushed = []
    with court.open_for(ledger.home, ledger.archive) as file:
        for release in court.court_releases(ledger.archive) if file and target else []:
            if (storage.CASES, release.release_id, fingerprint) in held:
                continue
            assert file is not None
            assert target is not None
            if not court.is_sound(file, release):
                raise publish.NotPublishable(
                    f"{release.release_id}: not read and audited; run `border build`"
                )
            rows = {
                table: f"select * from {table} where {lake.release_column(table)} = '{release.release_id}'"
                for table in storage.FACTS
            }
            if _push_one(target, file, release, me, ledger.now(), rows, {storage.CASES: fingerprint}):
                pushed.append(release.release_id)
    return pushed


def _push_one(
    target: Lake,
    warehouse: Warehouse,
    release: Release,
    me: str,
    now: dt.datetime,
    rows: dict[str, str],
    loads: dict[str, str],
) -> bool:
    arrival = {**vars(release), "arrived_from": me, "arrived_at": now}
    return target.transact(
        warehouse.con, release.release_id, lambda: lake.push(warehouse.con, arrival, rows, loads)
    )


def publish_build(warehouse: Warehouse, ledger: Ledger, now: dt.datetime) -> str:
    """Publish the build, to the lake first where there is one; returns the version. Raises NotPublishable."""
    if target := ledger.lake:
        for _ in range(ROUNDS):
            publish.gate(warehouse, [suite.table for suite in suites().values()])
            push(warehouse, ledger, ledger.archive.releases())
            _push_of_courts(ledger, _held(warehouse, target))
            if _publish_in(target, warehouse, ledger, now):
                break
            arrive(warehouse, ledger)
            make_again(warehouse, ledger.evaluator, now)
        else:
            raise publish.NotPublishable(
                f"{target.shown}: others published {ROUNDS} times meanwhile; build again"
            )
    with ledger.publishing():
        return steps.publish_build(warehouse, ledger.home.published_file, now)


def _publish_in(target: Lake, warehouse: Warehouse, ledger: Ledger, now: dt.datetime) -> bool:
    """Publish in the lake; False where it has published releases this build lacks, or lacks some of this build's.

    A release another installation pushed meanwhile, and has not published yet, is no obstacle: it publishes after us.
    """
    con, me, code = warehouse.con, installation(ledger.home), steps.code_version()
    own = {r.release_id for r in ledger.archive.releases()}
    publish.record_publication(warehouse, publish.version_of(warehouse, code), now)
    mine = _releases(warehouse, "meta.releases")

    def work(tables: dict[str, str]) -> bool:
        origins = dict(
            con.execute(f"select release_id, arrived_from from {ALIAS}.{lake.ARRIVALS}").fetchall()
        )
        arrived = set(origins)
        leaving = {r for r, origin in origins.items() if origin == me and r not in own}
        if "meta.publication" in lake.columns_held(con):
            published = _releases(warehouse, f"{ALIAS}.meta.releases")
            row = con.execute(f"select version from {ALIAS}.meta.publication").fetchone()
            is_by_this_code = row == (publish.version_in(con, f"{ALIAS}.meta.releases", code),)
            if is_by_this_code and mine <= published <= arrived - leaving:
                return True  # as much or more is published
            if (published & arrived) - leaving - mine:
                return False
        if not mine <= arrived:
            return False
        for release_id in leaving:
            lake.remove(con, release_id, (*FACTS, *storage.FACTS))
        lake.publish(con, tables, table_macros())
        return True

    target.prepare(con, SHARED)
    with storage.readable(con, ledger.home.court_build_file) as records:
        tables = {
            name: f"select * from {records.sql(name)}"
            if name in storage.OF_THE_LIST or warehouse.exists(name)
            else ""
            for name in published_tables()
        }
        return target.transact(con, lake.PUBLICATION, lambda: work(tables))


def _releases(warehouse: Warehouse, table: str) -> set[str]:
    found = warehouse.con.execute(f"select release_id from {table} where trust <> 'quoted'").fetchall()
    return {row[0] for row in found}


def make_again(warehouse: Warehouse, engine: Engine, now: dt.datetime) -> None:
    """Everything after core, and every audit, once more: others' facts came in after the steps before this one ran."""
    for model in steps.plain_models():
        steps.build_model(warehouse, model.name, engine)
    claim_steps.judge_claims(warehouse)
    claim_steps.log_sentence_changes(warehouse)
    for suite in suites().values():
        audit(warehouse, suite, now, engine=engine)
