"""One table or query out of the published warehouse, as CSV, Parquet or XLSX, with what a reader must know beside it.

Every row gets the definition and caveats of its measure, the release it was read from, and its finality, where the
columns for that are there (`measure_id`, `release_id`, `prior_release_id`, `is_open_year`). A README says what the file
is, what each column means and how to cite it: a second sheet of a workbook, else a file beside it. Rows are streamed.
Belongs here: one file for one reader. Does not belong here: the files of a published version (`export_set`).
"""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xlsxwriter

from warehouse import contracts
from warehouse.export_set import neutralise

FORMATS = ("csv", "parquet", "xlsx")
BATCH = 20_000
#: Limits of an XLSX sheet: rows with the heading, characters of a cell, integers a cell holds exactly.
SHEET_ROWS, CELL_CHARACTERS, EXACT_INTEGER = 1_048_576, 32_767, 2**53
LICENCE = (
    "Figures of US agencies are works of the US government and in the public domain in the United States "
    "(17 U.S.C. 105). Definitions, statuses, verdicts and code of Border Ledger: MIT licence."
)
CAVEAT = (
    "Encounters are events, not people. Quote a change only together with its status, and name the release."
)
NOTE_ON_TEXT = (
    "A text that a spreadsheet would run as a formula has an apostrophe in front; in Parquet it is as it was."
)


class ExportError(Exception):
    """The table, query or file name cannot be exported; one line that says what to do."""


@dataclass(frozen=True)
class Exported:
    """What was written: `about` is the README beside the file, None where it is a sheet of the workbook."""

    file: Path
    about: Path | None
    rows: int
    columns: tuple[str, ...]


@dataclass(frozen=True)
class _Lookup:
    """Columns added for each row by the value of one of its columns; `columns` maps names there to names here."""

    on: str
    table: str
    key: str
    columns: dict[str, str]
    meaning: dict[str, str]


_RELEASE = {
    "source": "Title of the publication the {} was read from.",
    "published_on": "Day the release of the {} was public; where only the month is known, the month's last day.",
    "published_precision": "Whether that day is known to the day or to the month.",
    "trust": "Whether the release of the {} is official, mirrored, quoted (a printed figure) or synthetic.",
}


def _release(prefix: str, side: str) -> _Lookup:
    names = {name: f"{prefix}release_{name}" for name in _RELEASE}
    return _Lookup(
        on=f"{prefix}release_id",
        table="meta.releases",
        key="release_id",
        columns=names,
        meaning={names[name]: text.format(side) for name, text in _RELEASE.items()},
    )


_LOOKUPS = (
    _Lookup(
        on="measure_id",
        table="meta.measures",
        key="measure_id",
        columns={"definition": "definition", "unit": "unit", "caveats": "caveats"},
        meaning={
            "definition": "What the measure counts, in a sentence.",
            "unit": "What a value counts.",
            "caveats": "What a reader must know before quoting the figure.",
        },
    ),
    _release("", "value"),
    _release("prior_", "value a year before"),
)
_FINALITY = "final, or provisional while the publisher marks the fiscal year open."
_VERSION = "Identity of the published warehouse the row was read from."


def export(
    con: duckdb.DuckDBPyConnection,
    target: Path,
    *,
    table: str | None = None,
    query: str | None = None,
    overwrite: bool = False,
) -> Exported:
    """Write one table (`schema.table`, ordered by its key) or one query to `target`, its README with it.

    The format is the file's ending. Both files appear whole or not at all. Raises ExportError.
    """
    kind = target.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise ExportError(f"{target}: end the name in one of {', '.join('.' + f for f in FORMATS)}")
    if not target.parent.is_dir():
        raise ExportError(f"{target.parent}: no such folder; make it first")
    about = None if kind == "xlsx" else target.with_name(f"{target.name}.README.txt")
    for path in (target, about):
        if path is not None and path.exists() and not overwrite:
            raise ExportError(f"{path}: exists already; name another or give --overwrite")
    statement = _select_all(con, table) if table else _one_select(con, query or "")
    try:
        # A connection of its own: any other statement on it would end the stream without a word.
        reader = con.cursor().execute(statement).to_arrow_reader(BATCH)
    except duckdb.Error as error:
        raise ExportError(f"the query cannot be run: {str(error).splitlines()[0]}") from None
    rows = _Rows(con, reader, _scalar(con, "select version from meta.publication"))
    readme = _Readme(con, table, query, rows)
    part = target.with_name(f".{target.name}.part")
    write = {"csv": _write_csv, "parquet": _write_parquet, "xlsx": _write_xlsx}[kind]
    try:
        write(part, rows, readme)
        if table and str(rows.count) != (expected := _scalar(con, f"select count(*) from {table}")):
            raise ExportError(f"{table}: {rows.count:,} of {int(expected):,} rows came; try again")
        if about is not None:
            about_part = about.with_name(f".{about.name}.part")
            about_part.write_text("\n".join(readme.lines()) + "\n", "utf-8")
            about_part.replace(about)
        part.replace(target)
    except duckdb.Error as error:
        raise ExportError(f"the query stopped: {str(error).splitlines()[0]}") from None
    finally:
        part.unlink(missing_ok=True)
    return Exported(target, about, rows.count, tuple(rows.schema.names))


# ---------------------------------------------------------------------------------------------------------- what


def _select_all(con: duckdb.DuckDBPyConnection, table: str) -> str:
    """Every column and row of a documented table, ordered by the columns that identify a row."""
    known = [str(r[0]) for r in con.execute("select table_name from meta.tables order by all").fetchall()]
    present = {
        f"{schema}.{name}"
        for schema, name in con.execute("select schema_name, table_name from duckdb_tables()").fetchall()
    }
    offered = [t for t in known if t in present]
    if table not in offered:
        near = [t for t in offered if table.split(".")[-1] in t] or [
            t for t in offered if t.startswith("marts.")
        ]
        raise ExportError(f"{table}: no such table; one of {', '.join(near)} (meta.tables lists all)")
    return f"select * from {table} order by {', '.join(contracts.table(table).key) or 'all'}"


def _one_select(con: duckdb.DuckDBPyConnection, query: str) -> str:
    try:
        statements = con.extract_statements(query)
    except duckdb.Error as error:
        raise ExportError(f"the query cannot be read: {str(error).splitlines()[0]}") from None
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise ExportError("--query takes one select; run other statements with a DuckDB client")
    return query


class _Rows:
    """The rows batch by batch, each with what is known of its measure and its releases."""

    def __init__(self, con: duckdb.DuckDBPyConnection, reader: pa.RecordBatchReader, version: str) -> None:
        given = reader.schema
        if twice := sorted({n for n in given.names if given.names.count(n) > 1}):
            raise ExportError(f"two columns are called {twice[0]}; name one of them otherwise with `as`")
        self._reader, self._version, self.count = reader, version, 0
        self._lookups: list[tuple[_Lookup, pa.Table, dict[str, str]]] = []
        fields = [pa.field(f.name, pa.int64() if _is_hugeint(f.type) else f.type) for f in given]
        self.added: dict[str, str] = {}
        for lookup in _LOOKUPS:
            wanted = {name: new for name, new in lookup.columns.items() if new not in given.names}
            if (
                lookup.on not in given.names
                or not pa.types.is_string(given.field(lookup.on).type)
                or not wanted
            ):
                continue
            known = con.sql(f"select * from {lookup.table}").to_arrow_table()
            self._lookups.append((lookup, known, wanted))
            fields += [pa.field(new, known.schema.field(name).type) for name, new in wanted.items()]
            self.added |= {new: lookup.meaning[new] for new in wanted.values()}
        self._has_finality = "is_open_year" in given.names and not {"finality", "status"} & set(given.names)
        if self._has_finality:
            fields.append(pa.field("finality", pa.string()))
            self.added["finality"] = _FINALITY
        if "warehouse_version" not in given.names:
            fields.append(pa.field("warehouse_version", pa.string()))
            self.added["warehouse_version"] = _VERSION
        self.schema = pa.schema(fields)

    def batches(self) -> Iterator[pa.RecordBatch]:
        for batch in self._reader:
            columns = [self._plain(batch, i) for i in range(batch.num_columns)]
            for lookup, known, wanted in self._lookups:
                place = pc.index_in(batch.column(lookup.on), value_set=known.column(lookup.key))
                columns += [known.column(name).combine_chunks().take(place) for name in wanted]
            if self._has_finality:
                columns.append(pc.if_else(batch.column("is_open_year"), "provisional", "final"))
            if "warehouse_version" in self.added:
                columns.append(pa.repeat(self._version, batch.num_rows))
            self.count += batch.num_rows
            yield pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _plain(self, batch: pa.RecordBatch, position: int) -> pa.Array:
        """A column with sums of whole numbers as whole numbers; DuckDB adds them up in 128 bits."""
        column, field = batch.column(position), self.schema.field(position)
        if column.type == field.type:
            return column
        try:
            return column.cast(field.type)
        except pa.ArrowInvalid:
            raise ExportError(
                f"{field.name}: a number is too large; cast it to double in the query"
            ) from None


def _is_hugeint(kind: pa.DataType) -> bool:
    return bool(pa.types.is_decimal(kind) and kind.precision == 38 and kind.scale == 0)


# -------------------------------------------------------------------------------------------------------- README


class _Readme:
    """What the file is, to be read after its rows have been written."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, table: str | None, query: str | None, rows: _Rows
    ) -> None:
        self._table, self._query, self._rows = table, query, rows
        self._con = con.cursor()

    def published_at(self) -> dt.datetime:
        """When the warehouse was published; equal exports of one version are equal files."""
        found: dt.datetime = self._con.execute("select published_at from meta.publication").fetchall()[0][0]
        return found

    def head(self) -> list[tuple[str, str]]:
        """Heading and text of everything but the columns."""
        version, published_at, releases, through = self._con.execute(
            "select version, published_at, releases, data_through from meta.publication"
        ).fetchall()[0]
        what = [("What", "The answer to a query over the published warehouse of Border Ledger.")]
        if self._table:
            title, grain, about = self._con.execute(
                "select title, grain, description from meta.tables where table_name = ?", [self._table]
            ).fetchall()[0]
            what = [("What", f"{title} ({self._table}). {about}"), ("Grain", f"{grain}.")]
        if self._query:
            what.append(("Query", self._query.strip()))
        source = self._table or " ".join((self._query or "").split())
        return [
            *what,
            ("Rows", f"{self._rows.count:,}"),
            ("Read this first", CAVEAT),
            ("Not stated", self._unstated()),
            ("Texts", NOTE_ON_TEXT),
            (
                "Version",
                f"{version}, published {published_at:%Y-%m-%d %H:%M} UTC, {releases} releases, data through {through:%B %Y}",
            ),
            ("Cite as", f"Border Ledger {version}, data through {through:%Y-%m}: {source}"),
            ("Licence", LICENCE),
        ]

    def _unstated(self) -> str:
        """What the rows cannot say because the query left its column out."""
        names = self._rows.schema.names
        missing = [
            what
            for column, what in (
                ("measure_id", "the measure and its definition"),
                ("release_id", "the release"),
                ("status", "the status of a comparison"),
            )
            if column not in names and not (column == "status" and "finality" in names)
        ]
        if not missing:
            return "nothing"
        return f"{', '.join(missing)}; the rows have no such column" + (
            "" if self._table else ", select it too"
        )

    def columns(self) -> list[tuple[str, str, str, str, str]]:
        """Name, type, meaning, unit and caveat of every column; a name means the same in every table."""
        documented = {
            name: (meaning, unit or "", caveat or "")
            for name, meaning, unit, caveat in self._con.execute(
                "select column_name, any_value(description), any_value(unit), any_value(caveat) from meta.columns group by 1"
            ).fetchall()
        }
        unknown = ("Computed by the query.", "", "")
        return [
            (
                field.name,
                _type_name(field.type),
                *(
                    (self._rows.added[field.name], "", "")
                    if field.name in self._rows.added
                    else documented.get(field.name, unknown)
                ),
            )
            for field in self._rows.schema
        ]

    def lines(self) -> Iterator[str]:
        for heading, text in self.head():
            yield f"{heading}: {text}"
        yield ""
        yield "Columns"
        for name, kind, meaning, unit, caveat in self.columns():
            extra = (f" Unit: {unit}." if unit else "") + (f" Caveat: {caveat}" if caveat else "")
            yield f"  {name} ({kind}): {meaning}{extra}"


def _type_name(kind: pa.DataType) -> str:
    """The type in a word a reader of the file knows."""
    for test, name in (
        (pa.types.is_integer, "whole number"),
        (pa.types.is_floating, "number"),
        (pa.types.is_decimal, "number"),
        (pa.types.is_boolean, "true or false"),
        (pa.types.is_date, "date"),
        (pa.types.is_timestamp, "time"),
        (pa.types.is_list, "list"),
    ):
        if test(kind):
            return name
    return "text"


# ------------------------------------------------------------------------------------------------------- formats


def _write_parquet(path: Path, rows: _Rows, readme: _Readme) -> None:
    with pq.ParquetWriter(path, rows.schema, compression="zstd") as writer:
        for batch in rows.batches():
            writer.write_batch(batch)
        writer.add_key_value_metadata({"border_ledger.readme": "\n".join(readme.lines())})


def _write_csv(path: Path, rows: _Rows, readme: _Readme) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream, lineterminator="\r\n")
        out.writerow([neutralise(name) for name in rows.schema.names])
        for batch in rows.batches():
            out.writerows([_csv_cell(v) for v in row] for row in _tuples(batch))


def _tuples(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _csv_cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, int | float | Decimal) else neutralise(_text(value))


def _text(value: Any) -> str:
    """A value that is no number as text; lists of plain values are joined by `; `."""
    if isinstance(value, list) and not any(isinstance(v, list | dict) for v in value):
        return "; ".join("" if v is None else _text(v) for v in value)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)


def _write_xlsx(path: Path, rows: _Rows, readme: _Readme) -> None:
    """A workbook with the sheets `data` and `README`, written row by row without keeping them."""
    made = readme.published_at()
    book = xlsxwriter.Workbook(
        str(path),
        {
            "constant_memory": True,
            "tmpdir": str(path.parent),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    book.set_properties({"title": "Border Ledger", "comments": CAVEAT, "created": made})
    bold = book.add_format({"bold": True})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    styles: dict[type[dt.date], Any] = {
        dt.date: book.add_format({"num_format": "yyyy-mm-dd"}),
        dt.datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
    }
    names = rows.schema.names
    data = book.add_worksheet("data")
    data.freeze_panes(1, 0)
    for column, field in enumerate(rows.schema):
        wide = 14 if _type_name(field.type) != "text" else 22
        data.set_column(column, column, max(wide, len(field.name) + 2))
        data.write_string(0, column, str(neutralise(field.name)), bold)
    line = 0
    try:
        for batch in rows.batches():
            for row in _tuples(batch):
                line += 1
                if line >= SHEET_ROWS:
                    raise ExportError(
                        f"more than {SHEET_ROWS - 1:,} rows do not fit a sheet; write .csv or .parquet"
                    )
                for column, value in enumerate(row):
                    if value is not None:
                        _write_cell(data, line, column, value, styles, names[column])
        data.autofilter(0, 0, line, len(names) - 1)
        _write_readme_sheet(book.add_worksheet("README"), readme, bold, wrapped)
    except BaseException:
        with suppress(Exception):
            book.close()  # removes its scratch files
        raise
    book.close()


def _write_cell(
    sheet: Any, line: int, column: int, value: Any, styles: dict[type[dt.date], Any], name: str
) -> None:
    if isinstance(value, bool):
        sheet.write_boolean(line, column, value)
    elif (
        isinstance(value, int | float | Decimal) and abs(float(value)) < EXACT_INTEGER
    ):  # not NaN, not infinite
        sheet.write_number(line, column, float(value) if isinstance(value, Decimal) else value)
    elif isinstance(value, dt.datetime):
        sheet.write_datetime(line, column, value.replace(tzinfo=None), styles[dt.datetime])
    elif isinstance(value, dt.date) and value.year >= 1900:
        sheet.write_datetime(line, column, value, styles[dt.date])
    else:
        text = str(neutralise(_text(value)))
        if len(text) > CELL_CHARACTERS:
            raise ExportError(
                f"{name}, row {line}: {len(text):,} characters do not fit a cell ({CELL_CHARACTERS:,}); "
                "write .csv or .parquet, or leave the column out"
            )
        sheet.write_string(line, column, text)


def _write_readme_sheet(sheet: Any, readme: _Readme, bold: Any, wrapped: Any) -> None:
    sheet.set_column(0, 0, 28)
    sheet.set_column(1, 1, 14)
    sheet.set_column(2, 2, 90)
    sheet.set_column(3, 4, 30)
    line = 0
    for heading, text in readme.head():
        sheet.write_string(line, 0, heading, bold)
        sheet.write_string(line, 2, str(neutralise(text))[:CELL_CHARACTERS], wrapped)
        line += 1
    line += 1
    for row in [("Column", "Type", "Meaning", "Unit", "Caveat"), *readme.columns()]:
        for column, text in enumerate(row):
            sheet.write_string(line, column, str(neutralise(text)), bold if row[0] == "Column" else wrapped)
        line += 1


def _scalar(con: duckdb.DuckDBPyConnection, sql: str) -> str:
    row = con.execute(sql).fetchone()
    return str(row[0]) if row else ""
