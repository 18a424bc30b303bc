"""The steps of a build, as plain functions over an open warehouse; the Dagster assets call these.

Belongs here: reviewed data → meta, archive → raw, raw → core with its ledger and quarantine, models → tables.
Does not belong here: Dagster, the command line.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pyarrow as pa

import transforms
from expectations import reviewed
from expectations.suites import suites
from orchestration import claim_steps, court, court_ingest
from transforms import breaks, families, measures, published_figures
from transforms.models import Model, model, models
from transforms.table_macros import table_macros
from warehouse import archive as archives
from warehouse import contracts, macros, publish
from warehouse.archive import Archive, Release
from warehouse.court import storage
from warehouse.engine import IN_PLACE, Engine
from warehouse.paths import PROJECT, REFERENCE
from warehouse.writer import Warehouse

#: Core tables of encounters and the model that conforms their lines.
CORE_TABLES = {
    "core.cbp__monthly_encounters": "core.cbp__conformed_lines",
    "core.usbp__monthly_encounters": "core.usbp__conformed_lines",
    "core.ohss__monthly_encounters": "core.ohss__conformed_lines",
}
PUBLISHER_OF = {
    "core.cbp__monthly_encounters": "cbp",
    "core.usbp__monthly_encounters": "usbp",
    "core.ohss__monthly_encounters": "ohss",
}
#: In meta.loads, in place of a release: the state of all court records a mart was made from.
COURT_STATE = "court records"
#: Models made with the reviewed data, before any release is read.
REVIEWED_MODELS = ("meta.measure_breaks",)
BATCH_LINES = 400_000  # lines conformed at once; about 0.5 GB at the peak
RAW_TABLES = (*dict.fromkeys(f.raw_table for f in families.families().values()), "raw.carried_series")


def load_reviewed(warehouse: Warehouse) -> None:
    """Write families, code map and corrections from the project's files into meta."""
    described = families.families().values()
    with warehouse.transaction():
        _replace_rows(
            warehouse,
            "meta.families",
            [
                {
                    "family": f.name,
                    "title": f.title,
                    "publisher_code": f.publisher,
                    "raw_table": f.raw_table,
                    "parts_are_summed": f.parts_are_summed,
                }
                for f in described
            ],
        )
        _replace_rows(
            warehouse,
            "meta.complete_months",
            [
                {"family": f.name, "column_name": column, "required_code": code}
                for f in described
                for column, codes in f.complete_month.items()
                for code in codes
            ],
        )
        _replace_rows(
            warehouse,
            "meta.code_map",
            [dict(zip(("domain", "label", "code", "note"), row, strict=True)) for row in reviewed.code_map()],
        )
        _replace_rows(warehouse, "meta.corrections", reviewed.corrections())
        for stem, rows in reviewed.tables().items():
            _replace_rows(warehouse, f"meta.{stem}", rows)
        _load_measures(warehouse)
        events = _breaks()
        _replace_rows(warehouse, "meta.breaks", breaks.event_rows(events))
        _replace_rows(warehouse, "meta.break_touches", breaks.touch_rows(events, list(measures.measures())))
        _replace_rows(warehouse, "meta.published_figures", _published_figures())
        for table, rows in claim_steps.reviewed_rows().items():
            _replace_rows(warehouse, table, rows)
        for name in REVIEWED_MODELS:
            build_model(warehouse, name)


def _load_measures(warehouse: Warehouse) -> None:
    known = measures.measures().values()
    _replace_rows(
        warehouse,
        "meta.measures",
        [
            {
                "measure_id": m.measure_id,
                "title": m.title,
                "definition": m.definition,
                "unit": m.unit,
                "filter_sql": m.filter_sql,
                **m.where,
                "applicable_from": m.applicable[0] if m.applicable else None,
                "applicable_through": m.applicable[1] if m.applicable else None,
                "title_42_measure_id": m.title_42_measure,
                "caveats": list(m.caveats),
            }
            for m in known
        ],
    )
    _replace_rows(
        warehouse,
        "meta.measure_families",
        [
            {"measure_id": m.measure_id, "family": family, "family_rank": rank}
            for m in known
            for rank, family in enumerate(m.families, 1)
        ],
    )
    _replace_rows(
        warehouse,
        "meta.measure_readings",
        [
            {"measure_id": m.measure_id, "reading_id": reading, "reading_no": position}
            for m in known
            for position, reading in enumerate(m.readings, 1)
        ],
    )


@cache
def _breaks() -> tuple[breaks.Break, ...]:
    return breaks.load()


@cache
def _published_figures() -> list[dict[str, Any]]:
    return [
        {
            **row,
            "line_no": line_no,
            "release_id": _quoted_release_id(row) if row["role"] == "quoted" else None,
            "printed_value": float(row["value"]),
            "tolerance": None if row["tolerance"] is None else float(row["tolerance"]),
            "publisher_code": row["publisher"],
            "published_precision": row["published_on_precision"],
        }
        for line_no, row in enumerate(published_figures.figures(), 2)
    ]


def _quoted_release_id(row: dict[str, Any]) -> str:
    """One release for all figures one source printed on one day."""
    return archives.release_id(
        "quoted", hashlib.sha256(f"{row['source']}|{row['published_on']}".encode()).hexdigest()
    )


def load_releases(
    warehouse: Warehouse,
    archive: Archive,
    arrivals: Sequence[Mapping[str, Any]] = (),
    without: Collection[str] = (),
) -> list[Release]:
    """Write meta.releases from the archive's manifests and the lake's arrivals; returns the archive's, oldest first.

    Rows of releases that are in neither leave raw and core. The archive's `without` are left for another time.
    """
    releases = [r for r in archive.releases() if r.release_id not in without]
    own = {r.release_id for r in releases}
    known = [*map(vars, releases), *(dict(a) for a in arrivals if a["release_id"] not in own)]
    originals = {r["sha256"] for r in known}
    with warehouse.transaction():
        _replace_rows(warehouse, "meta.arrivals", [dict(a) for a in arrivals])
        _replace_rows(
            warehouse,
            "meta.releases",
            [{**r, "is_superseded": r["origin_sha256"] in originals} for r in known] + _quoted_releases(),
        )
        for table in (*RAW_TABLES, *CORE_TABLES, "meta.row_ledger", "meta.quarantine", "meta.loads"):
            warehouse.ensure(table)
            warehouse.con.execute(
                f"delete from {table} where release_id not in (select release_id from meta.releases) "
                f"and release_id <> '{COURT_STATE}'"
            )
    return releases


_PUBLISHERS = {"cbp": "US Customs and Border Protection", "dhs": "the Department of Homeland Security"}


def _publisher(code: str) -> str:
    return _PUBLISHERS.get(code, code.upper())


def _quoted_releases() -> list[dict[str, Any]]:
    """Pages and articles that printed figures, as releases of trust `quoted`; their file is the project's own list."""
    listed = REFERENCE / "published_figures.csv"
    data = listed.read_bytes()
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in _published_figures():
        if row["release_id"] and row["month_start"] and row["measure_id"]:
            grouped.setdefault(row["release_id"], []).append(row)
    return [
        {
            "release_id": release_id,
            "source": f"Single figure of {_publisher(rows[0]['publisher_code'])}, quoted from a page",
            "family": "quoted",
            "layout": "quoted",
            "file_name": listed.name,
            "sha256": hashlib.sha256(data).hexdigest(),
            "bytes": len(data),
            "published_on": rows[0]["published_on"],
            "published_precision": rows[0]["published_precision"],
            "published_basis": rows[0]["note"] or "date of the page",
            "data_from": min(r["month_start"] for r in rows),
            "data_through": max(r["month_start"] for r in rows),
            "retrieved_at": rows[0]["published_on"],
            "origin": rows[0]["source"],
            "trust": "quoted",
            "lines_in_file": len(rows),
            "encounters_in_file": int(sum(r["printed_value"] for r in rows)),
            "is_superseded": False,
        }
        for release_id, rows in sorted(grouped.items())
    ]


def raw_table_of(release: Release) -> str:
    """The raw table a release is read into."""
    if release.family == court_ingest.FAMILY:
        return court.RAW
    return (
        "raw.carried_series" if release.layout == "carried" else families.families()[release.family].raw_table
    )


def is_raw_loaded(warehouse: Warehouse, release: Release) -> bool:
    """Whether raw holds the release as the present code would read it."""
    return is_loaded(warehouse, raw_table_of(release), release.release_id, _fingerprint("raw"))


def load_raw(warehouse: Warehouse, archive: Archive, release: Release) -> int:
    """Read one release's file from the archive into its raw table, verbatim; returns the rows.

    Lines the parser sets aside go to meta.quarantine with their bytes, and to meta.row_ledger with their number.
    """
    table = (
        "raw.carried_series" if release.layout == "carried" else families.families()[release.family].raw_table
    )
    fingerprint = _fingerprint("raw")
    if is_loaded(warehouse, table, release.release_id, fingerprint):
        return 0
    data = archive.read(release.sha256)
    recognised = families.Recognised(release.family, release.layout, table)
    parsed = families.read(data, release.file_name, recognised, reviewed.vocabulary())
    lines = pa.table({name: pa.array(values, _arrow_type(name)) for name, values in parsed.columns.items()})
    warehouse.con.register("parsed_lines", lines)
    columns = ", ".join(f'"{name}"' for name in parsed.columns)
    try:
        with warehouse.transaction():
            warehouse.replace_releases(
                table,
                [release.release_id],
                f"select '{release.release_id}' as release_id, {columns} from parsed_lines",
            )
            _replace_stage(warehouse, release.release_id, "parse")
            warehouse.append(
                "meta.row_ledger",
                [
                    (release.release_id, "parse", "ignored", reason, n, 0)
                    for reason, n in parsed.ignored.items()
                    if n
                ]
                + (
                    [
                        (
                            release.release_id,
                            "parse",
                            "quarantined",
                            "not one line of the table",
                            len(parsed.rejects),
                            0,
                        )
                    ]
                    if parsed.rejects
                    else []
                ),
            )
            warehouse.append(
                "meta.quarantine",
                [(release.release_id, r.line_no, "parse", r.reason, r.original) for r in parsed.rejects],
            )
            mark_loaded(warehouse, table, release.release_id, fingerprint)
    finally:
        warehouse.con.unregister("parsed_lines")
    return parsed.rows


def load_core(
    warehouse: Warehouse, archive: Archive, table: str, engine: Engine = IN_PLACE
) -> dict[str, int]:
    """Conform and load the releases a core table lacks; returns rows by release_id.

    Per release, in one transaction: core rows, quarantined lines with their bytes, and the ledger.
    """
    fingerprint = _fingerprint(CORE_TABLES[table])
    warehouse.ensure(table)
    pending = [
        (release_id, lines)
        for release_id, lines, raw_table in warehouse.con.execute(
            "select r.release_id, r.lines_in_file, "
            "case when r.layout = 'carried' then 'raw.carried_series' else f.raw_table end "
            "from meta.releases r join meta.families f using (family) where f.publisher_code = ? order by r.release_id",
            [PUBLISHER_OF[table]],
        ).fetchall()
        # One whose lines are not in raw yet would be loaded as empty, and stay so.
        if is_loaded(warehouse, raw_table, release_id, _fingerprint("raw"))
        and not is_loaded(warehouse, table, release_id, fingerprint)
    ]
    if not pending:
        return {}
    for raw_table in RAW_TABLES:
        warehouse.ensure(raw_table)
    for batch in _batches(pending):
        with warehouse.transaction():
            _load_core_batch(warehouse, archive, table, batch, fingerprint, engine)
    counted = (
        f"select release_id, count(*) from {table} where release_id in (select unnest(?)) group by release_id"
    )
    return dict(warehouse.con.execute(counted, [[release_id for release_id, _ in pending]]).fetchall())


def _batches(pending: list[tuple[str, int]]) -> Iterator[list[str]]:
    """Releases in groups of about BATCH_LINES lines, so that memory does not grow with their number."""
    batch: list[str] = []
    lines = 0
    for release_id, lines_in_file in pending:
        if batch and lines + lines_in_file > BATCH_LINES:
            yield batch
            batch, lines = [], 0
        batch.append(release_id)
        lines += lines_in_file
    if batch:
        yield batch


def _load_core_batch(
    warehouse: Warehouse, archive: Archive, table: str, batch: list[str], fingerprint: str, engine: Engine
) -> None:
    conformed = CORE_TABLES[table]
    warehouse.con.execute(f"drop table if exists {conformed}")
    lines = engine.select(warehouse.con, conformed, model(conformed).sql, release_ids=batch)
    warehouse.con.execute(f"create table {conformed} as {lines}")
    rows = engine.select(warehouse.con, table, model(table).sql, release_ids=batch)
    warehouse.replace_releases(table, batch, rows)
    for release_id in batch:
        _replace_stage(warehouse, release_id, "conform")
        mark_loaded(warehouse, table, release_id, fingerprint)
    warehouse.con.execute(_LEDGER.format(conformed=conformed))
    rejected: dict[str, dict[int, str]] = {}
    for release_id, line_no, reason in warehouse.con.execute(
        f"select release_id, line_no, reject_reason from {conformed} where reject_reason is not null order by all"
    ).fetchall():
        rejected.setdefault(release_id, {})[line_no] = reason
    for release_id, reasons in rejected.items():
        originals = _originals(warehouse, archive, release_id, list(reasons))
        warehouse.append(
            "meta.quarantine",
            [
                (release_id, line_no, "conform", reason, originals[line_no])
                for line_no, reason in reasons.items()
            ],
        )
    warehouse.con.execute(f"drop table {conformed}")
    engine.forget(conformed)


_LEDGER = """
insert into meta.row_ledger by name
with numbered as (
    select
        release_id, encounters, ignore_reason, reject_reason, is_repeat,
        row_number() over (
            partition by release_id, month_start, component_code, region_code, sector_code, state_code, demographic_code,
            citizenship_code, title_code, encounter_type_code, is_repeat, ignore_reason is null, reject_reason is null
            order by line_no
        ) as part_no
    from {conformed}
),

disposed as (
    select
        release_id, encounters,
        case
            when reject_reason is not null then 'quarantined'
            when ignore_reason is not null then 'ignored'
            when is_repeat or part_no > 1 then 'merged'
            else 'loaded'
        end as disposition,
        case
            when reject_reason is not null then 'cannot be conformed'
            when ignore_reason is not null then ignore_reason
            when is_repeat then 'repeats a figure printed elsewhere in the file'
            when part_no > 1 then 'further part of a cell, added up'
            else 'first line of a row'
        end as reason
    from numbered
)

select
    release_id, 'conform' as stage, disposition, reason, count(*) as lines,
    cast(coalesce(sum(encounters), 0) as bigint) as encounters
from disposed
group by all
"""


def in_build_order(chosen: list[Model]) -> list[Model]:
    """Models sorted so that each comes after those it reads; ties by name."""
    by_name = {m.name: m for m in chosen}
    sorter = TopologicalSorter(
        {m.name: [t for t in m.reads if t in by_name] for m in sorted(chosen, key=lambda m: m.name)}
    )
    return [by_name[name] for name in sorter.static_order()]


def plain_models() -> list[Model]:
    """Models built whole, in build order: not the working tables, not those loaded release by release."""
    special = {*CORE_TABLES, *CORE_TABLES.values(), *REVIEWED_MODELS}
    special |= {name for name in models() if storage.is_court_table(name)}  # made release by release (court)
    return in_build_order([m for m in models().values() if m.name not in special])


def build_model(warehouse: Warehouse, name: str, engine: Engine = IN_PLACE) -> int:
    """Make one table from its SQL model; returns its rows.

    A model over court records is not run again while neither they nor anything else it reads has changed.
    """
    chosen = model(name)
    if not any(storage.is_court_table(t) for t in chosen.reads):
        return warehouse.replace(name, engine.select(warehouse.con, name, chosen.sql))
    with storage.readable(warehouse.con, _court_file_beside(warehouse)) as records:
        fingerprint = _state_of_reads(warehouse, chosen, records.state)
        if not is_loaded(warehouse, name, COURT_STATE, fingerprint):
            warehouse.replace(name, engine.select(warehouse.con, name, chosen.sql, read_as=records.sql))
            mark_loaded(warehouse, name, COURT_STATE, fingerprint)
    row = warehouse.con.execute(f"select count(*) from {name}").fetchone()
    return row[0] if row else 0


def _court_file_beside(warehouse: Warehouse) -> Path | None:
    row = warehouse.con.execute(
        "select path from duckdb_databases() where database_name = current_database()"
    ).fetchone()
    if not row or not row[0]:
        return None
    folder = Path(row[0]).parent  # all workers of an installation share the court file
    return (folder.parent if folder.name.startswith("worker-") else folder) / storage.FILE_NAME


def _state_of_reads(warehouse: Warehouse, chosen: Model, records: list[tuple[Any, ...]]) -> str:
    """Hash of a model over court records and of everything it reads."""
    found: list[Any] = [chosen.sql, records]
    for table in chosen.reads:
        if not storage.is_court_table(table):
            found += warehouse.con.execute(
                f"select count(*), bit_xor(hash(rows)) from (select t as rows from {table} as t)"
            ).fetchall()
    return hashlib.sha256(repr(found).encode()).hexdigest()[:16]


def _replace_rows(warehouse: Warehouse, table: str, rows: list[dict[str, Any]]) -> None:
    """Make a small meta table from rows in Python."""
    contract = contracts.table(table)
    with warehouse.transaction():
        warehouse.con.execute(f"drop table if exists {table}")
        warehouse.ensure(table)
        warehouse.append(table, [tuple(row.get(c.name) for c in contract.columns) for row in rows])


def _replace_stage(warehouse: Warehouse, release_id: str, stage: str) -> None:
    for table in ("meta.row_ledger", "meta.quarantine"):
        warehouse.ensure(table)
        warehouse.con.execute(f"delete from {table} where release_id = ? and stage = ?", [release_id, stage])


def is_loaded(warehouse: Warehouse, table: str, release_id: str, fingerprint: str) -> bool:
    """Whether a table holds a release as the code of this fingerprint loads it."""
    warehouse.ensure("meta.loads")
    return bool(
        warehouse.con.execute(
            "select count(*) from meta.loads where table_name = ? and release_id = ? and fingerprint = ?",
            [table, release_id, fingerprint],
        ).fetchone()[0]  # type: ignore[index]
    ) and warehouse.exists(table)


def mark_loaded(warehouse: Warehouse, table: str, release_id: str, fingerprint: str) -> None:
    """Remember by what code a table holds a release."""
    warehouse.con.execute(
        "delete from meta.loads where table_name = ? and release_id = ?", [table, release_id]
    )
    warehouse.append("meta.loads", [(table, release_id, fingerprint)])


def _arrow_type(name: str) -> pa.DataType:
    return pa.int32() if name in ("line_no", "row_no", "column_no") else pa.string()


def _originals(
    warehouse: Warehouse, archive: Archive, release_id: str, line_nos: list[int]
) -> dict[int, bytes]:
    """The bytes of lines of a text file; of a workbook, which has no lines, the cells of the row joined by tabs."""
    row = warehouse.con.execute(
        "select r.sha256, r.layout, f.raw_table from meta.releases r join meta.families f using (family) "
        "where r.release_id = ?",
        [release_id],
    ).fetchone()
    assert row is not None
    sha256, layout, raw_table = row
    if layout in ("csv", "carried"):
        lines = archive.read(sha256).split(b"\n")
        return {line_no: lines[line_no - 1] for line_no in line_nos}
    found = warehouse.con.execute(
        f"select * exclude (release_id) from {raw_table} where release_id = ? and line_no in (select unnest(?))",
        [release_id, line_nos],
    ).fetchall()
    return {cells[0]: "\t".join("" if c is None else str(c) for c in cells[1:]).encode() for cells in found}


def code_of(core_table: str) -> str:
    """Hash of everything that decides how a release is loaded into a core table."""
    return _fingerprint(CORE_TABLES[core_table])


def raw_code_version() -> str:
    """Hash of the code that reads files into raw."""
    return _fingerprint("raw")


@cache
def _fingerprint(what: str) -> str:
    """Hash of everything that decides how a release is loaded: parser code for raw, models and reviewed data for core."""
    folder = Path(transforms.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        if path.name in ("families.py", "parsed.py", "ohss.py"):
            digest.update(path.read_bytes())
    digest.update((folder / "families.yml").read_bytes())
    if what != "raw":
        digest.update(model(what).sql.encode())
        digest.update(model(what.replace("conformed_lines", "monthly_encounters")).sql.encode())
        digest.update(json.dumps([reviewed.code_map(), reviewed.corrections(), reviewed.tables()]).encode())
    return digest.hexdigest()[:16]


def publish_build(warehouse: Warehouse, target: Path, now: dt.datetime) -> str:
    """Publish the open build at `target` if its last audit passed; returns the version. Raises NotPublishable."""
    publish.gate(warehouse, [suite.table for suite in suites().values()])
    macros.create(warehouse.con, table_macros())
    return publish.publish(warehouse, target, code=code_version(), now=now)


@cache
def code_version() -> str:
    """Hash of everything in the repository that decides a figure: models, parsers, reviewed data, contracts."""
    digest = hashlib.sha256()
    for package in ("transforms", "expectations", "warehouse", "claims", "reference"):
        for path in sorted((PROJECT / package).rglob("*")):
            decides = path.suffix in (".py", ".sql", ".yml", ".csv", ".json")
            if decides and not path.is_relative_to(PROJECT / "warehouse" / "site"):
                digest.update(str(path.relative_to(PROJECT)).encode() + path.read_bytes())
    return digest.hexdigest()
