"""Files to take away: the warehouse itself, each table as CSV and Parquet, and the copy the SQL page opens.

Belongs here: writing the files. Does not belong here: the page that lists them (`pages.take_away`).
"""

from __future__ import annotations

import gzip
import shutil
import tempfile
from pathlib import Path

import duckdb

from warehouse.site.reading import Row
from warehouse.site.site import Site
from warehouse.site.tables import write_csv

#: Tables that say nothing to a reader of a spreadsheet: long JSON records and bytes.
_NO_CSV = ("meta.check_records",)
#: The storage version the browser's engine opens.
_STORAGE = "v1.0.0"


def write_downloads(site: Site) -> list[Row]:
    """Write CSV and Parquet of every table of marts, core and meta, and the database; returns what was written."""
    published, folder = site.published, site.folder / "data"
    folder.mkdir(exist_ok=True)
    shutil.copyfile(published.file, folder / "warehouse.duckdb")
    described = {row["table_name"]: row for row in published.select("select * from meta.tables")}
    written: list[Row] = []
    with duckdb.connect() as con:
        con.execute(f"attach {_quoted(published.file)} as published (read_only)")
        con.execute("use published")
        for table in published.tables("marts", "core", "meta"):
            about = described.get(table, {"title": table, "grain": "", "description": ""})
            rows = _count(con, table)
            if not rows:
                continue
            name = table.replace(".", "__")
            parquet = folder / f"{name}.parquet"
            metadata = {
                "title": about["title"],
                "grain": about["grain"],
                "warehouse_version": site.publication["version"],
            }
            pairs = ", ".join(f"{key}: {_quoted(value)}" for key, value in metadata.items())
            con.execute(
                f"copy (select * from {table}) to {_quoted(parquet)} "
                f"(format parquet, compression zstd, kv_metadata {{{pairs}}})"
            )
            entry: Row = {**about, "table_name": table, "rows": rows, "parquet": parquet, "csv": None}
            if table.split(".")[0] in ("marts", "meta") and table not in _NO_CSV:
                entry["csv"] = folder / f"{name}.csv"
                found = published.select(f"select * from {table} order by all")
                write_csv(entry["csv"], found, site.measures, site.releases, site.publication["version"])
            written.append(entry)
    return written


def write_browser_copy(site: Site) -> tuple[Path, list[str]]:
    """The database the SQL page opens: all but raw, compressed; returns it and the table macros it holds."""
    target = site.folder / "data" / "browser.duckdb.gz"
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=site.folder.parent) as scratch:
        whole, slim = Path(scratch) / "whole.duckdb", Path(scratch) / "slim.duckdb"
        shutil.copyfile(site.published.file, whole)
        with duckdb.connect(str(whole)) as con:
            for table in site.published.tables("raw"):
                con.execute(f"drop table {table}")
            con.execute("drop table if exists meta.check_records")
            con.execute(f"attach {_quoted(slim)} as slim (storage_version '{_STORAGE}')")
            con.execute("copy from database whole to slim")
            macros = [
                name
                for (name,) in con.execute(
                    "select distinct function_name from duckdb_functions() where not internal and database_name = 'whole' "
                    "and function_type in ('macro', 'table_macro') order by all"
                ).fetchall()
            ]
            con.execute("detach slim")
        with slim.open("rb") as source, gzip.GzipFile(target, "wb", compresslevel=6, mtime=0) as out:
            shutil.copyfileobj(source, out, 1 << 20)
    return target, macros


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    row = con.execute(f"select count(*) from {table}").fetchone()
    return int(row[0]) if row else 0


def _quoted(text: object) -> str:
    return "'" + str(text).replace("'", "''") + "'"
