"""Models on Spark, over a Parquet mirror of the warehouse, and their rows handed back as Parquet.

    <folder>/marts/january_yoy/part-….parquet
    <folder>/core/cbp__monthly_encounters/release_id=…/part-….parquet

Belongs here: the session, the mirror, running and registering tables. Does not belong here: how a select is carried over
(`transforms.spark`, handed in), or what is expected of a table. DuckDB's file stays the one truth: before a table is read
on Spark its mirror is compared with it, and written anew where they differ. Drivers, executors and DuckDB must reach the
folder under one path. PySpark is imported when a session is first needed.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlglot
from duckdb import DuckDBPyConnection
from sqlglot import exp

from warehouse import contracts
from warehouse.engine import EngineError, ReadAs, as_is, of_releases

_LOGGING = Path(__file__).with_name("spark_log4j2.properties")
#: What the models rely on; everything else is the installation's (spark-defaults.conf in SPARK_CONF_DIR).
_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
}
#: For a session on this machine that nobody has configured.
_LOCAL_SETTINGS = {
    "spark.driver.memory": "3g",
    "spark.sql.shuffle.partitions": str(2 * (os.cpu_count() or 1)),
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile=file:{_LOGGING}",
}
_CASES = "marts.court_cases"
_COURT_RAW = "raw.eoir__"
#: DuckDB types that Parquet or Spark has under another name.
_STORED_AS = {"JSON": "VARCHAR", "HUGEINT": "DECIMAL(38,0)"}


class Spark:
    """Evaluates models on Spark; `master` is any `spark.master`, `translate` a select in DuckDB's SQL to one in Spark's."""

    name = "spark"

    def __init__(self, folder: Path, translate: Callable[[str], str], master: str = "local[*]") -> None:
        self.folder = folder.absolute()
        self.translate = translate
        self._master = master
        self._registered: dict[str, Any] = {}
        """Tables as they were registered: schema, state of their rows, and releases looked at."""

    @cached_property
    def session(self) -> Any:
        """The session. Raises EngineError where PySpark or Java is absent."""
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
        try:
            from pyspark.errors import PySparkRuntimeError
            from pyspark.logger import PySparkLogger
            from pyspark.sql import SparkSession
        except ImportError:
            raise EngineError("PySpark is absent; install it: pip install 'border-ledger[spark]'") from None
        PySparkLogger.getLogger("SQLQueryContextLogger").disabled = True  # errors are told once, by us
        builder = SparkSession.builder.master(self._master).appName("border-ledger")
        settings = _SETTINGS
        if self._master.startswith("local") and "SPARK_CONF_DIR" not in os.environ:
            settings = {**settings, **_LOCAL_SETTINGS, "spark.sql.warehouse.dir": self.folder.as_uri()}
        for name, value in settings.items():
            builder = builder.config(name, value)
        try:
            session = builder.getOrCreate()
        except (PySparkRuntimeError, FileNotFoundError, RuntimeError) as error:
            raise EngineError(
                f"Spark does not start: {_first_line(error)}; it needs Java 17 or 21 (JAVA_HOME)"
            ) from None
        for schema in ("raw", "core", "marts", "meta"):
            session.sql(f"create database if not exists {schema}")
        return session

    def stop(self) -> None:
        """End the session, where there is one."""
        if "session" in self.__dict__:
            self.__dict__.pop("session").stop()

    def select(
        self,
        con: DuckDBPyConnection,
        table: str,
        sql: str,
        *,
        release_ids: Sequence[str] | None = None,
        read_as: ReadAs = as_is,
    ) -> str:
        """Evaluate a model on Spark, register its Parquet as `table`, and return the select that reads it from `con`.

        Raises EngineError, one line, where Spark refuses or fails.
        """
        for name in tables_in(sql):
            self._mirror(con, name, release_ids, read_as)
        try:
            rows = _as_contracted(self.session.sql(self.translate(of_releases(sql, release_ids))), table)
            paths = self._write(rows, table, release_ids)
        except Exception as error:  # py4j and Spark raise many kinds
            raise EngineError(f"{table} on Spark: {_first_line(error)}") from None
        schema = [(f.name, f.dataType.simpleString()) for f in rows.schema.fields]
        self._register(table, schema)
        self._registered.pop(table, None)
        if not paths:
            nothing = ", ".join(f'cast(null as {kind}) as "{name}"' for name, kind in _as_duckdb(schema))
            return f"select {nothing} where false"
        names = ", ".join(f'"{name}"' for name in rows.columns)
        return f"select {names} from {_parquet(table, paths)}"

    @contextmanager
    def validated(self, con: DuckDBPyConnection, tables: Iterable[str]) -> Iterator[Spark]:
        for name in tables:
            self._mirror(con, name, None, as_is)
        try:
            yield self
        finally:
            self.session.catalog.clearCache()  # GX keeps what it audits in memory

    def forget(self, table: str) -> None:
        self.session.sql(f"drop table if exists {table}")
        self._registered.pop(table, None)
        shutil.rmtree(self._folder(table), ignore_errors=True)

    # The mirror

    def _mirror(
        self, con: DuckDBPyConnection, table: str, release_ids: Sequence[str] | None, read_as: ReadAs
    ) -> None:
        """Register `table` on Spark with the rows it has in `con`; of these releases, where it is loaded by release."""
        if table.startswith(_COURT_RAW):
            self._register_court_raw(con, table, release_ids)
            return
        source = read_as(f"select * from {table}")
        columns = [(r[0], r[1]) for r in con.execute(f"describe {source}").fetchall()]
        folder = self._folder(table)
        stored = ", ".join(
            f'cast("{name}" as {_STORED_AS[kind]}) as "{name}"' if kind in _STORED_AS else f'"{name}"'
            for name, kind in columns
        )
        schema = _as_spark([(name, _STORED_AS.get(kind, kind)) for name, kind in columns])
        by_release = _is_by_release(table)
        current = _states(
            con, of_releases(source, release_ids) if by_release else source, columns, by_release
        )
        registered = schema, current, None if release_ids is None else tuple(release_ids)
        if self._registered.get(table) == registered:
            return
        if by_release:
            mirrored = self._mirrored_states(con, table, columns, release_ids)
            stale = [r for r in mirrored.keys() | current.keys() if mirrored.get(r) != current.get(r)]
            for release_id in stale:
                shutil.rmtree(folder / f"release_id={release_id}", ignore_errors=True)
            if changed := [r for r in stale if r in current]:
                folder.mkdir(parents=True, exist_ok=True)
                con.execute(
                    f"copy (select {stored} from ({of_releases(source, changed)})) to {_text(folder)} "
                    "(format parquet, partition_by (release_id), overwrite_or_ignore)"
                )
        elif current != self._mirrored_states(con, table, columns, None):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            part = _text(folder / "part.parquet")
            con.execute(f"copy (select {stored} from ({source})) to {part} (format parquet)")
        self._register(table, schema)
        self._registered[table] = registered

    def _mirrored_states(
        self,
        con: DuckDBPyConnection,
        table: str,
        columns: list[tuple[str, str]],
        release_ids: Sequence[str] | None,
    ) -> dict[str, tuple[Any, ...]]:
        by_release = _is_by_release(table)
        paths = self._paths(table, release_ids if by_release else None)
        if not paths:
            return {}
        found = {r[0] for r in con.execute(f"describe select * from {_parquet(table, paths)}").fetchall()}
        if found != {name for name, _ in columns}:
            return dict.fromkeys((p.parent.name.removeprefix("release_id=") for p in map(Path, paths)), ())
        typed = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind in columns)
        return _states(con, f"select {typed} from {_parquet(table, paths)}", columns, by_release)

    def _register_court_raw(
        self, con: DuckDBPyConnection, table: str, release_ids: Sequence[str] | None
    ) -> None:
        """The raw text of court releases is Parquet already; a release without a column has it NULL."""
        columns = _as_spark([(r[0], r[1]) for r in con.execute(f"describe {table}").fetchall()])
        folders = [
            row[0]
            for row in con.execute(
                of_releases("select raw_folder, release_id from meta.eoir_tables", release_ids)
            ).fetchall()
            if Path(row[0]).name == table.split(".")[1]
        ]
        parts = [
            _typed(columns, {name.lower() for name in self.session.read.parquet(folder).columns})
            + f" from parquet.`{folder}`"
            for folder in folders
        ]
        rows = " union all ".join(parts) or f"{_typed(columns, set())} where false"
        self.session.sql(f"create or replace view {table} as {rows}")

    # Parquet

    def _folder(self, table: str) -> Path:
        return self.folder.joinpath(*table.split("."))

    def _paths(self, table: str, release_ids: Sequence[str] | None) -> list[str]:
        folder = self._folder(table)
        if not _is_by_release(table):
            return sorted(str(p) for p in folder.glob("*.parquet"))
        parts = (
            [folder / f"release_id={r}" for r in release_ids]
            if release_ids is not None
            else folder.glob("release_id=*")
        )
        return sorted(str(p) for part in parts for p in part.glob("*.parquet"))

    def _write(self, rows: Any, table: str, release_ids: Sequence[str] | None) -> list[str]:
        """Write a result in place of what was there, and return its files."""
        folder = self._folder(table)
        if _is_by_release(table):
            for part in [f"release_id={r}" for r in release_ids] if release_ids is not None else [""]:
                shutil.rmtree(folder / part, ignore_errors=True)
            rows.write.mode("append").partitionBy("release_id").parquet(str(folder))
        else:
            unfinished = folder.with_name(f".{folder.name}.part")
            rows.write.mode("overwrite").parquet(str(unfinished))
            shutil.rmtree(folder, ignore_errors=True)
            unfinished.rename(folder)
        return self._paths(table, release_ids)

    def _register(self, table: str, schema: list[tuple[str, str]]) -> None:
        """Make the folder's files a table of the session's catalog, described as its contract describes it."""
        folder = self._folder(table)
        known = contracts.tables().get(table)
        told = {c.name: c.comment for c in known.columns} if known else {}
        columns = ", ".join(f"`{name}` {kind} comment {_quoted(told.get(name, ''))}" for name, kind in schema)
        folder.mkdir(parents=True, exist_ok=True)
        self.session.sql(f"drop table if exists {table}")
        parted = "partitioned by (release_id)" if _is_by_release(table) else ""
        self.session.sql(
            f"create table {table} ({columns}) using parquet {parted} location '{folder.as_uri()}' "
            f"comment {_quoted(known.comment if known else '')}"
        )
        if parted:
            self.session.sql(f"alter table {table} recover partitions")


def tables_in(sql: str) -> list[str]:
    """Tables a select reads, as `schema.table`."""
    tree = sqlglot.parse_one(sql, read="duckdb")
    return sorted({f"{t.db}.{t.name}" for t in tree.find_all(exp.Table) if t.db})


def _as_contracted(rows: Any, table: str) -> Any:
    """The columns in the types of the table's contract; as they are where they are others, which the writer refuses."""
    known = contracts.tables().get(table)
    if known is None or {c.name for c in known.columns} != set(rows.columns):
        return rows
    return rows.selectExpr(
        *(
            f"cast(`{name}` as {kind}) as `{name}`"
            for name, kind in _as_spark([(c.name, c.type) for c in known.columns])
        )
    )


def _is_by_release(table: str) -> bool:
    """Whether a table is loaded release by release, and so lies in one folder a release."""
    if table.startswith("raw.") or table == _CASES or table.endswith("__conformed_lines"):
        return True
    known = contracts.tables().get(table)
    return known is not None and known.schema == "core" and "__" in table and known.key[:1] == ("release_id",)


def _states(
    con: DuckDBPyConnection, select: str, columns: list[tuple[str, str]], by_release: bool
) -> dict[str, tuple[Any, ...]]:
    """Rows and a sum of their hashes, by release or for all: equal for equal rows in any order."""
    names = ", ".join(f'"{name}"' for name, _ in sorted(columns))
    key = "release_id" if by_release else "''"
    return {
        row[0]: row[1:]
        for row in con.execute(
            f"select {key}, count(*), sum(hash({names})) from ({select}) group by 1"
        ).fetchall()
    }


def _as_spark(columns: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, exp.DataType.build(kind, dialect="duckdb").sql("spark")) for name, kind in columns]


def _typed(columns: list[tuple[str, str]], present: set[str]) -> str:
    """Select these columns, those not present as NULL."""
    listed = (
        f"cast({f'`{n}`' if n.lower() in present else 'null'} as {kind}) as `{n}`" for n, kind in columns
    )
    return f"select {', '.join(listed)}"


def _as_duckdb(columns: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, exp.DataType.build(kind, dialect="spark").sql("duckdb")) for name, kind in columns]


def _parquet(table: str, paths: Sequence[str]) -> str:
    listed = ", ".join(_text(p) for p in paths)
    parted = (
        ", hive_partitioning = true, hive_types = {'release_id': varchar}" if _is_by_release(table) else ""
    )
    return f"read_parquet([{listed}], union_by_name = true{parted})"


def _text(value: Path | str) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def _quoted(text: str) -> str:
    """A text in Spark's SQL, where a backslash escapes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
