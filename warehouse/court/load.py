"""Loading one court release: every member into `raw`, every record accounted for.

Belongs here: the two roads from bytes to Parquet, the ledger, the quarantine, resuming. Does not belong here:
typed tables (`core`), what a row means. Raw text is kept as Parquet beside the database, one folder for each
release and table, and read through the views `raw.eoir__<table>`.
"""

from __future__ import annotations

import ctypes
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from warehouse import contracts
from warehouse.court import records, registry
from warehouse.court.container import CourtSourceError, Member, Release, open_release, prefetch
from warehouse.court.registry import Layout

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Unpacked bytes parsed at a time; at most `_AHEAD` pieces wait for one of `_READERS` threads.
_PIECE = 16 << 20
_AHEAD = 6
#: Bytes the CSV reader takes at once: what the processor's cache holds.
_PARSED = 2 << 20
_ROW_GROUP = 122_880
#: Rows looked at to see whether a column's values repeat.
_SAMPLE = 4096
_READERS = 2
_HAND_BATCH = 20_000

_META = ("meta.eoir_tables", "meta.eoir_quarantine", "meta.eoir_repair_log")


@dataclass(frozen=True)
class Progress:
    """How far a load has come, in unpacked bytes. `rate` is bytes a second, `seconds_left` None at first."""

    table: str
    done: int
    total: int
    rate: float
    seconds_left: float | None


@dataclass(frozen=True)
class TableReport:
    """One table's account: `records == loaded + quarantined`, and both equal what Count.txt states.

    `reconciliation` is `equal`, `differs`, `not_stated` (Count.txt lacks the table) or `no_count_file`.
    """

    table: str
    is_lookup: bool
    bytes: int
    records: int
    loaded: int
    repaired: int
    quarantined: int
    stated_rows: int | None
    reconciliation: str
    cp1252_rows: int
    nul_bytes: int
    notes: tuple[str, ...]
    renamed_columns: dict[str, str]
    added_columns: tuple[str, ...]
    removed_columns: tuple[str, ...]


@dataclass(frozen=True)
class LoadReport:
    """What a load found. `resumed` tables were complete from an earlier run and were not read again."""

    release_id: str
    source: Path
    tables: tuple[TableReport, ...]
    resumed: tuple[str, ...]
    missing_tables: tuple[str, ...]
    stated_only: tuple[str, ...]
    ignored_files: tuple[str, ...]
    seconds: float

    @property
    def is_reconciled(self) -> bool:
        """True where every stated count equals the records read."""
        return not self.stated_only and all(t.reconciliation != "differs" for t in self.tables)

    @property
    def rows(self) -> int:
        return sum(t.loaded for t in self.tables)

    def problems(self) -> list[str]:
        """One line for each thing a person should look at."""
        found = [
            f"{t.table}: {t.records:,} records, {t.stated_rows:,} stated in Count.txt"
            for t in self.tables
            if t.reconciliation == "differs"
        ]
        found += [f"{t}: stated in Count.txt, absent from the release" for t in self.stated_only]
        found += [f"{t}: main table absent" for t in self.missing_tables]
        for t in self.tables:
            if t.quarantined:
                found.append(f"{t.table}: {t.quarantined:,} records quarantined")
            if t.added_columns:
                found.append(f"{t.table}: unknown columns {', '.join(t.added_columns)} loaded as text")
            if t.removed_columns and not t.is_lookup:
                found.append(f"{t.table}: columns {', '.join(t.removed_columns)} absent")
            found += [f"{t.table}: {note}" for note in t.notes]
        return found


@dataclass
class _Pending:
    """A table whose records are read and whose pieces may still be on their way to Parquet."""

    member: Member
    layout: Layout
    tally: records.Tally
    folder: Path
    jobs: list[Future[None]] = field(default_factory=list)
    repaired: list[tuple[int, int, bytes, records.Loaded]] = field(default_factory=list)
    quarantined: list[records.Quarantined] = field(default_factory=list)
    bytes_read: int = 0


def load_release(
    con: DuckDBPyConnection,
    source: Path | str | list[Path],
    release_id: str,
    *,
    store: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    by_hand: bool = False,
) -> LoadReport:
    """Read every member of a court release into `raw` and account for every record.

    `source` is the zip as published, a folder of members or a list of member files. Raw text goes to
    `store`/<release_id>/<table>/*.parquet (default: the folder `court` beside the database file) and is read
    through `raw.eoir__<table>`: `release_id`, `record_no` (1 is the first after the header), the file's
    columns under their registered names, all VARCHAR, and `surplus_fields`. NULL is an empty field, '' a lone
    NUL, blanks stay blanks.

    A table is committed as a whole: a run that was killed goes on with the first table it had not committed.
    `by_hand` sends every record down the careful road. Raises CourtSourceError for a damaged or foreign
    source; a count that differs from Count.txt is reported, not raised.
    """
    started = time.monotonic()
    release = open_release(source)
    home = store or _beside(con)
    _prepare(con)
    loader = _Loader(con, release, release_id, home, progress, by_hand)
    resumed = loader.run()
    refresh_raw_views(con)
    reports = tuple(_reports(con, release_id))
    present = set(release.members)
    return LoadReport(
        release_id=release_id,
        source=release.source,
        tables=reports,
        resumed=resumed,
        missing_tables=tuple(t for t in registry.main_tables() if t.lower() not in present),
        stated_only=tuple(sorted(set(release.stated or {}) - present)),
        ignored_files=release.ignored,
        seconds=time.monotonic() - started,
    )


class _Loader:
    def __init__(
        self,
        con: DuckDBPyConnection,
        release: Release,
        release_id: str,
        home: Path,
        progress: Callable[[Progress], None] | None,
        by_hand: bool,
    ) -> None:
        self._con = con
        self._release = release
        self._release_id = release_id
        self._home = home / release_id
        self._progress = progress
        self._by_hand = by_hand
        self._started = time.monotonic()
        self._done = 0
        self._skipped = 0
        self._pool = ThreadPoolExecutor(_READERS, thread_name_prefix="court-read")
        self._waiting: deque[_Pending] = deque()
        self._unfinished: deque[Future[None]] = deque()

    def run(self) -> tuple[str, ...]:
        self._home.mkdir(parents=True, exist_ok=True)
        complete = {
            table.lower(): fingerprint
            for table, fingerprint in self._con.execute(
                "select court_table, member_fingerprint from meta.eoir_tables where release_id = ?",
                [self._release_id],
            ).fetchall()
        }
        resumed = []
        try:
            for key, member in self._release.members.items():
                if complete.get(key) == member.fingerprint and self._folder(member).is_dir():
                    resumed.append(member.table)
                    self._skipped += member.size
                    self._done += member.size
                    continue
                self._read(member)
                self._settle(wait=False)
            self._settle(wait=True)
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)
        return tuple(resumed)

    def _folder(self, member: Member) -> Path:
        return self._home / registry.slug(member.table)

    def _read(self, member: Member) -> None:
        folder = self._folder(member).with_suffix(".partial")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        chunks = prefetch(member)
        try:
            scanner = records.Scanner(chunks, f"{member.source}: {member.path}", by_hand=self._by_hand)
            layout = registry.layout(member.table, scanner.header)
            known = registry.tables().get(member.table.lower())
            if known and scanner.header and not known.is_lookup and len(layout.added) == len(layout.columns):
                raise CourtSourceError(
                    f"{member.source}: {member.path} line 1 is no header of {known.name}; add one"
                )
            table = _Pending(member, layout, scanner.tally, folder)
            self._consume(scanner, table)
        finally:
            chunks.close()  # type: ignore[attr-defined]
        self._waiting.append(table)
        self._done += member.size
        self._tell(member.table, 0)

    def _consume(self, scanner: records.Scanner, table: _Pending) -> None:
        piece = _Piece(table, self._release_id)
        by_hand: list[records.Loaded] = []
        batches = 0
        told = 0
        for block in scanner.blocks():
            if not scanner.header:
                raise CourtSourceError(
                    f"{table.member.source}: {table.member.path} line 1 is blank; no header"
                )
            for odd in block.odd:
                outcome = records.read_by_hand(odd, table.layout)
                if isinstance(outcome, records.Quarantined):
                    table.quarantined.append(outcome)
                    continue
                by_hand.append(outcome)
                if outcome.reading:
                    table.repaired.append((odd.record_no, odd.offset, odd.raw, outcome))
            piece.append(block)
            if piece.size >= _PIECE:
                self._submit(piece, table)
                piece = _Piece(table, self._release_id)
            if len(by_hand) >= _HAND_BATCH:
                batches += 1
                _write_by_hand(table, by_hand, batches, self._release_id)
                by_hand = []
            if scanner.tally.bytes - told >= 16 << 20:
                told = scanner.tally.bytes
                self._tell(table.member.table, told)
        if piece.records or not batches:
            self._submit(piece, table)
        if by_hand:
            _write_by_hand(table, by_hand, batches + 1, self._release_id)

    def _submit(self, piece: _Piece, table: _Pending) -> None:
        if piece.records == len(piece.by_hand):
            return
        job = self._pool.submit(piece.to_parquet, len(table.jobs) + 1)
        table.jobs.append(job)
        self._unfinished.append(job)
        while len(self._unfinished) > _AHEAD:
            self._unfinished.popleft().result()

    def _settle(self, *, wait: bool) -> None:
        """Commit the tables at the front of the queue whose pieces are all written."""
        while self._waiting and (wait or all(job.done() for job in self._waiting[0].jobs)):
            table = self._waiting.popleft()
            for job in table.jobs:
                job.result()
            self._commit(table)
            _return_memory()

    def _commit(self, table: _Pending) -> None:
        folder = self._folder(table.member)
        shutil.rmtree(folder, ignore_errors=True)
        if not any(table.folder.iterdir()):
            _write_by_hand(table, [], 0, self._release_id)
        table.folder.rename(folder)
        name = table.layout.table
        quarantined, repaired = len(table.quarantined), len(table.repaired)
        tally = table.tally
        stated = (
            None if self._release.stated is None else self._release.stated.get(table.member.table.lower())
        )
        if stated is not None:
            reconciliation = "equal" if stated == tally.records else "differs"
        else:
            reconciliation = "no_count_file" if self._release.stated is None else "not_stated"
        spec = registry.tables().get(name.lower())
        con = self._con
        con.execute("begin")
        try:
            for meta in _META:
                con.execute(
                    f"delete from {meta} where release_id = ? and lower(court_table) = lower(?)",
                    [self._release_id, name],
                )
            con.execute(
                f"insert into meta.eoir_tables values ({', '.join('?' * 23)})",
                [
                    self._release_id,
                    name,
                    table.member.path,
                    table.member.fingerprint,
                    bool(spec and spec.is_lookup),
                    tally.bytes,
                    tally.records,
                    tally.records - quarantined,
                    repaired,
                    quarantined,
                    stated,
                    reconciliation,
                    tally.cp1252_rows,
                    tally.nul_bytes,
                    tally.blank_lines,
                    tally.lf_ended_rows,
                    tally.row_end,
                    _notes(tally, table.member.size),
                    table.layout.names,
                    table.layout.renamed,
                    list(table.layout.added),
                    list(table.layout.removed),
                    str(folder),
                ],
            )
            _insert(
                con,
                "meta.eoir_quarantine",
                [
                    (self._release_id, name, q.record_no, q.offset, q.reason, q.detail, q.raw)
                    for q in table.quarantined
                ],
                _QUARANTINE_SCHEMA,
            )
            _insert(
                con,
                "meta.eoir_repair_log",
                [
                    (
                        self._release_id,
                        name,
                        number,
                        offset,
                        loaded.reading.method if loaded.reading else "",
                        loaded.reading.detail if loaded.reading else "",
                        raw,
                        loaded.values,
                        loaded.surplus,
                    )
                    for number, offset, raw, loaded in table.repaired
                ],
                _REPAIR_SCHEMA,
            )
            con.execute("commit")
        except BaseException:
            con.execute("rollback")
            raise

    def _tell(self, table: str, within: int) -> None:
        if not self._progress:
            return
        done = self._done + within
        seconds = max(time.monotonic() - self._started, 1e-3)
        rate = (done - self._skipped) / seconds
        left = (self._release.size - done) / rate if rate > 0 else None
        self._progress(Progress(table, done, self._release.size, rate, left))


class _Piece:
    """Consecutive clean rows, parsed and written as one Parquet file."""

    def __init__(self, table: _Pending, release_id: str) -> None:
        self.records = 0
        self.size = 0
        self.by_hand: list[int] = []
        self._base = 0
        self._rows: list[bytes] = []
        self._table = table
        self._release_id = release_id

    def append(self, block: records.Block) -> None:
        if not self.records:
            self._base = block.first_record - 1
        self._rows.append(block.clean)
        self.size += len(block.clean)
        self.records += block.records
        self.by_hand += [odd.record_no for odd in block.odd]

    def to_parquet(self, number: int) -> None:
        target = self._table.folder / f"part-{number:05}.parquet"
        body = b"".join(self._rows)
        self._rows.clear()
        numbers = np.arange(self._base + 1, self._base + 1 + self.records, dtype=np.int64)
        if self.by_hand:
            numbers = np.delete(numbers, np.asarray(self.by_hand) - self._base - 1)
        try:
            parsed = self._parse(body)
        except pa.ArrowInvalid:
            parsed = None
        if parsed is None or parsed.num_rows != len(numbers):
            self._by_python(target, body, numbers)
            return
        _store(target, list(parsed.columns), numbers, None, self._table.layout, self._release_id)

    def _parse(self, body: bytes) -> pa.Table:
        names = self._table.layout.names
        return csv.read_csv(
            pa.BufferReader(body),
            read_options=csv.ReadOptions(column_names=names, block_size=_PARSED, use_threads=False),
            parse_options=csv.ParseOptions(
                delimiter="\t",
                quote_char=records.QUOTE.decode(),
                double_quote=False,
                escape_char=False,
                newlines_in_values=False,
                ignore_empty_lines=False,
            ),
            convert_options=csv.ConvertOptions(
                check_utf8=False,  # the scanner has checked
                column_types={name: pa.string() for name in names},
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )

    def _by_python(self, target: Path, body: bytes, numbers: Iterable[int]) -> None:
        """Where the parser would not take the piece as it is: the same rows, split here."""
        rows = []
        for number, line in zip(numbers, body.split(b"\n")[:-1], strict=True):
            pieces = [p.decode("utf-8") for p in line.removesuffix(b"\r").split(b"\t")]
            empty = records.QUOTE.decode() * 2
            values = [None if p == "" else ("" if p == empty else p) for p in pieces]
            rows.append(records.Loaded(int(number), values, None, None))
        _write(target, rows, self._table.layout, self._release_id)


def _write_by_hand(table: _Pending, rows: Sequence[records.Loaded], batch: int, release_id: str) -> None:
    _write(table.folder / f"hand-{batch:05}.parquet", rows, table.layout, release_id)


def _write(target: Path, rows: Sequence[records.Loaded], layout: Layout, release_id: str) -> None:
    columns = [pa.array([r.values[i] for r in rows], pa.string()) for i in range(len(layout.columns))]
    numbers = np.array([r.record_no for r in rows], dtype=np.int64)
    surplus = pa.array([r.surplus for r in rows], pa.string())
    _store(target, columns, numbers, surplus, layout, release_id)


def _store(
    target: Path,
    columns: Sequence[pa.Array | pa.ChunkedArray],
    numbers: np.ndarray[tuple[int], np.dtype[np.int64]],
    surplus: pa.Array | None,
    layout: Layout,
    release_id: str,
) -> None:
    count = len(numbers)
    table = pa.Table.from_arrays(
        [
            pa.repeat(pa.scalar(release_id), count),
            pa.array(numbers),
            *columns,
            pa.nulls(count, pa.string()) if surplus is None else surplus,
        ],
        names=["release_id", "record_no", *layout.names, "surplus_fields"],
    )
    pq.write_table(
        table,
        target,
        compression="snappy",
        row_group_size=_ROW_GROUP,
        use_dictionary=["release_id", *_repetitive(table, layout)],
        write_statistics=["release_id", "record_no"],
    )


def _repetitive(table: pa.Table, layout: Layout) -> list[str]:
    """Columns whose first values repeat: a dictionary of identifiers costs time and makes the file larger."""
    head = table.slice(0, _SAMPLE)
    return [
        name
        for name in (*layout.names, "surplus_fields")
        if 2 * pc.count_distinct(head[name]).as_py() <= head.num_rows - head[name].null_count
    ]


_QUARANTINE_SCHEMA = pa.schema(
    [
        ("release_id", pa.string()),
        ("court_table", pa.string()),
        ("record_no", pa.int64()),
        ("byte_offset", pa.int64()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("original", pa.binary()),
    ]
)
_REPAIR_SCHEMA = pa.schema(
    [
        ("release_id", pa.string()),
        ("court_table", pa.string()),
        ("record_no", pa.int64()),
        ("byte_offset", pa.int64()),
        ("repair_method", pa.string()),
        ("detail", pa.string()),
        ("original", pa.binary()),
        ("repaired_values", pa.list_(pa.string())),
        ("surplus_fields", pa.string()),
    ]
)


def _insert(con: DuckDBPyConnection, table: str, rows: list[tuple[object, ...]], schema: pa.Schema) -> None:
    if not rows:
        return
    arrays = [pa.array(column, f.type) for column, f in zip(zip(*rows, strict=True), schema, strict=True)]
    batch = pa.Table.from_arrays(arrays, schema=schema)
    con.register("court_rows", batch)
    try:
        con.execute(f"insert into {table} by name select * from court_rows")
    finally:
        con.unregister("court_rows")


def _prepare(con: DuckDBPyConnection) -> None:
    for schema in ("raw", "core", "marts", "meta"):
        con.execute(f"create schema if not exists {schema}")
    present = {
        f"{schema}.{name}"
        for schema, name in con.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = current_database()"
        ).fetchall()
    }
    for table in _META:
        if table not in present:
            contract = contracts.table(table)
            for statement in (contract.ddl(), *contract.comments()):
                con.execute(statement)


def _beside(con: DuckDBPyConnection) -> Path:
    row = con.execute(
        "select path from duckdb_databases() where database_name = current_database()"
    ).fetchone()
    if not row or not row[0]:
        raise CourtSourceError("an in-memory database has no folder for raw text; pass store=<folder>")
    return Path(row[0]).parent / "court"


def refresh_raw_views(con: DuckDBPyConnection) -> None:
    """Point `raw.eoir__<table>` at the Parquet of every committed release.

    A column that one release lacks reads as NULL there. Tables of the registry that no release holds get an
    empty view, so that models over them always parse.
    """
    folders: dict[str, list[str]] = {}
    for table, folder in con.execute(
        "select court_table, raw_folder from meta.eoir_tables order by court_table, release_id"
    ).fetchall():
        folders.setdefault(registry.slug(table), []).append(folder)
    for name, held in folders.items():
        files = ", ".join(_text(f"{folder}/*.parquet") for folder in held)
        spec = registry.tables().get(name.removeprefix("eoir__"))
        missing = ""
        if spec:
            printed = con.execute(
                f"describe select * from read_parquet([{files}], union_by_name=true)"
            ).fetchall()
            have = {row[0].lower() for row in printed}
            missing = "".join(
                f", cast(null as varchar) as {_name(c.name)}"
                for c in spec.columns
                if c.name.lower() not in have
            )
        union = "true" if len(held) > 1 else "false"
        con.execute(
            f"create or replace view raw.{name} as "
            f"select *{missing} from read_parquet([{files}], union_by_name={union})"
        )
    for spec in registry.tables().values():
        if spec.slug not in folders:
            columns = ", ".join(f"cast(null as varchar) as {_name(c.name)}" for c in spec.columns)
            con.execute(
                f"create or replace view raw.{spec.slug} as select cast(null as varchar) as release_id, "
                f"cast(null as bigint) as record_no, {columns}, cast(null as varchar) as surplus_fields "
                "where false"
            )


_PLAIN = (
    *("table", "is_lookup", "bytes", "records", "loaded", "repaired", "quarantined", "stated_rows"),
    *("reconciliation", "cp1252_rows", "nul_bytes"),
)


def _reports(con: DuckDBPyConnection, release_id: str) -> Iterator[TableReport]:
    rows = con.execute(
        """
        select court_table, is_lookup, member_bytes, records_read, records_loaded, records_repaired,
               records_quarantined, stated_rows, reconciliation, cp1252_rows, nul_bytes, file_notes,
               renamed_columns, added_columns, removed_columns
        from meta.eoir_tables where release_id = ? order by is_lookup, lower(court_table)
        """,
        [release_id],
    ).fetchall()
    for row in rows:
        notes, renamed, added, removed = row[11:]
        yield TableReport(
            **dict(zip(_PLAIN, row[:11], strict=True)),
            notes=tuple(notes),
            renamed_columns=dict(renamed),
            added_columns=tuple(added),
            removed_columns=tuple(removed),
        )


def _notes(tally: records.Tally, size: int) -> list[str]:
    notes = []
    if not size:
        notes.append("member is empty: no header, no records")
    elif not tally.records:
        notes.append("header only: no records")
    if tally.has_bom:
        notes.append("file starts with a UTF-8 byte order mark")
    if tally.ends_without_row_end:
        notes.append("last record has no row end")
    if tally.lf_ended_rows:
        notes.append(f"rows that end in LF in a CRLF file: {tally.lf_ended_rows:,}")
    if tally.blank_lines:
        notes.append(f"blank lines ignored: {tally.blank_lines:,}")
    return notes


def _return_memory() -> None:
    """Hand freed memory back to the system; glibc keeps it in its arenas otherwise (1 GB and growing)."""
    pa.default_memory_pool().release_unused()
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):
        return


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _name(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'
