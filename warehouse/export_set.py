"""The files beside the published warehouse: Parquet, a data package and a small catalog; and text safe for spreadsheets.

    parquet/marts/january_yoy.parquet                    one file a table
    parquet/core/cbp__monthly_encounters/release_id=…/   one folder a release, where a table is loaded by release
    datapackage.json                                     Frictionless Data Package, fields from the contracts
    catalog.duckdb                                       metadata to ATTACH over http; macros that read the Parquet

Belongs here: how a table leaves the warehouse. Does not belong here: where the files go (versions).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from warehouse import contracts
from warehouse.contracts import Table

MIRRORED_SCHEMAS = ("marts", "core", "meta")
#: Book-keeping of the build, of no use to a reader.
INTERNAL = ("meta.builds", "meta.loads", "meta.check_records")
CATALOG = "catalog.duckdb"
PACKAGE = "datapackage.json"
PARQUET = "parquet"
FILES_TABLE = "meta.published_files"


@dataclass(frozen=True)
class Mirrored:
    """A table and its Parquet files, as paths below the version's folder."""

    table: Table
    files: tuple[str, ...]
    rows: int
    is_partitioned: bool


def write_set(con: duckdb.DuckDBPyConnection, folder: Path, *, version: str, created: str) -> list[Mirrored]:
    """Write Parquet, data package and catalog of the open warehouse into `folder`."""
    mirrored = mirror(con, folder)
    (folder / PACKAGE).write_text(
        json.dumps(data_package(mirrored, folder, version=version, created=created), indent=1) + "\n", "utf-8"
    )
    write_catalog(con, folder, mirrored)
    return mirrored


def mirror(con: duckdb.DuckDBPyConnection, folder: Path) -> list[Mirrored]:
    """Write every mart, core and meta table as Parquet, tables loaded by release in one folder a release."""
    present = {
        f"{schema}.{table}"
        for schema, table in con.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = current_database()"
        ).fetchall()
    }
    found = []
    for name, table in sorted(contracts.tables().items()):
        if name not in present or table.schema not in MIRRORED_SCHEMAS or name in INTERNAL:
            continue
        rows = _count(con, name)
        stem = f"{PARQUET}/{name.replace('.', '/')}"
        partitioned = _is_loaded_by_release(table) and rows > 0
        (folder / stem).parent.mkdir(parents=True, exist_ok=True)
        if partitioned:
            con.execute(
                f"copy {name} to {_quoted(folder / stem)} "
                "(format parquet, compression zstd, partition_by (release_id), filename_pattern 'part_{i}')"
            )
            files = [p.relative_to(folder).as_posix() for p in sorted((folder / stem).rglob("*.parquet"))]
        else:
            order = ", ".join(f'"{k}"' for k in table.key)
            select = f"select * from {name}" + (f" order by {order}" if order else "")
            con.execute(
                f"copy ({select}) to {_quoted(folder / (stem + '.parquet'))} (format parquet, compression zstd)"
            )
            files = [f"{stem}.parquet"]
        found.append(Mirrored(table, tuple(files), rows, partitioned))
    return found


def _is_loaded_by_release(table: Table) -> bool:
    """Facts of one publisher in their own vintage: reading a few releases then touches only their files."""
    return table.schema == "core" and "__" in table.name and table.key[:1] == ("release_id",)


_FRICTIONLESS = {
    "VARCHAR": "string",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "datetime",
    "DOUBLE": "number",
    "FLOAT": "number",
    "BLOB": "string",
    "JSON": "object",
    "MAP": "object",
    "STRUCT": "object",
}


def field_type(duckdb_type: str) -> str:
    """The Frictionless type of a DuckDB type."""
    if duckdb_type.endswith("[]"):
        return "array"
    plain = duckdb_type.split("(")[0].upper()
    if plain in _FRICTIONLESS:
        return _FRICTIONLESS[plain]
    if plain == "DECIMAL":
        return "number"
    if re.fullmatch(r"U?(TINY|SMALL|BIG|HUGE)?INT|INTEGER|UINTEGER", plain):
        return "integer"
    raise ValueError(f"{duckdb_type}: no Frictionless type is known for it; add it to export_set.field_type")


def data_package(mirrored: Iterable[Mirrored], folder: Path, *, version: str, created: str) -> dict[str, Any]:
    """The Data Package descriptor of the Parquet files; `created` is UTC, ISO 8601."""
    resources = []
    for m in mirrored:
        resource: dict[str, Any] = {
            "name": m.table.name.replace(".", "-").replace("__", "-").replace("_", "-"),
            "title": m.table.title,
            "description": f"{m.table.name}. Grain: {m.table.grain}. {m.table.description.strip()}",
            "path": list(m.files) if m.is_partitioned else m.files[0],
            "format": "parquet",
            "mediatype": "application/vnd.apache.parquet",
            "bytes": sum((folder / f).stat().st_size for f in m.files),
            "schema": {
                "fields": [
                    {
                        "name": c.name,
                        "type": field_type(c.type),
                        "description": c.comment,
                        **({"unit": c.unit} if c.unit else {}),
                        "constraints": {"required": not c.nullable},
                    }
                    for c in m.table.columns
                ],
                "primaryKey": list(m.table.key),
            },
        }
        if not m.is_partitioned:
            resource["hash"] = f"sha256:{_sha256(folder / m.files[0])}"
        resources.append(resource)
    return {
        "profile": "data-package",
        "name": "border-ledger",
        "title": "Border Ledger",
        "description": "Monthly encounters at the border of the United States and immigration-court records, every figure "
        "with its definition, release and status. Columns named release_id in folders release_id=… are partition values.",
        "version": version,
        "created": f"{created}Z",
        "resources": resources,
    }


def write_catalog(con: duckdb.DuckDBPyConnection, folder: Path, mirrored: Sequence[Mirrored]) -> None:
    """Write a small DuckDB file with every meta table and, for each mart and core table, a macro over its Parquet.

    attach 'https://…/versions/<folder>/catalog.duckdb' as ledger (read_only);
    select * from ledger.marts.january_yoy('https://…/versions/<folder>/');
    """
    con.execute(f"attach {_quoted(folder / CATALOG)} as catalog")
    try:
        con.begin()  # one write to the disk instead of one a statement
        _fill_catalog(con, folder, mirrored)
        con.commit()
    except BaseException:
        with contextlib.suppress(duckdb.Error):
            con.rollback()
        raise
    finally:
        con.execute("detach catalog")


def _fill_catalog(con: duckdb.DuckDBPyConnection, folder: Path, mirrored: Sequence[Mirrored]) -> None:
    for schema in MIRRORED_SCHEMAS:
        con.execute(f"create schema if not exists catalog.{schema}")
    for m in mirrored:
        if m.table.schema == "meta":
            target = f"catalog.{m.table.name}"
            con.execute(m.table.ddl(target))
            con.execute(f"insert into {target} by name select * from {m.table.name}")
            for comment in m.table.comments(target):
                con.execute(comment)
        else:
            paths = ", ".join(f"base || '{file}'" for file in m.files)
            con.execute(
                f"create macro catalog.{m.table.name}(base) as table "
                f"select * from read_parquet([{paths}], hive_partitioning = {str(m.is_partitioned).lower()})"
            )
    files = contracts.table(FILES_TABLE)
    con.execute(files.ddl(f"catalog.{FILES_TABLE}"))
    for comment in files.comments(f"catalog.{FILES_TABLE}"):
        con.execute(comment)
    con.executemany(
        f"insert into catalog.{FILES_TABLE} values (?, ?, ?, ?)",
        [
            (m.table.name, file, (folder / file).stat().st_size, _sha256(folder / file))
            for m in mirrored
            for file in m.files
        ],
    )


# ------------------------------------------------------------------------------------------- text for spreadsheets

_FORMULA = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "|",
    "%",
    "＝",
    "＋",
    "－",
    "＠",
)  # as spreadsheets read a cell
_NUMBER = re.compile(r"[+-]?\d[\d,]*(\.\d+)?([eE][+-]?\d+)?%?")


def neutralise(value: Any) -> Any:
    """A text a spreadsheet would run as a formula, with an apostrophe in front; anything else unchanged.

    A publisher's label is text from outside: `=HYPERLINK(…)` in a CSV runs when a reader opens the file.
    Numbers, also as text, stay numbers.
    """
    if not isinstance(value, str) or _NUMBER.fullmatch(value):
        return value
    visible = value.lstrip(" \u00a0\ufeff\u200b\u200e\u200f")
    return f"'{value}" if visible.startswith(_FORMULA) else value


def _count(con: duckdb.DuckDBPyConnection, name: str) -> int:
    row = con.execute(f"select count(*) from {name}").fetchone()
    return int(row[0]) if row else 0


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
