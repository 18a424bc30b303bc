"""Great Expectations on DuckDB, in place, and on Spark: the datasource, its execution engine, and opening and closing both.

Belongs here: everything GX needs to be told about DuckDB. Does not belong here: what is expected of a table
(the suites) and what becomes of a result (`expectations.runner`).

Importing this module imports Great Expectations, which takes seconds: import it inside the function that
validates.

GX reads a result after the connection it ran on was handed back. A DuckDB cursor is empty by then, and nearly
every expectation dies of "list index out of range". So the execution engine here keeps one connection for as
long as its datasource lives. Nothing of GX is patched.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, cast

import duckdb
import sqlalchemy
from duckdb_sqlalchemy import ConnectionWrapper

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations as gx
from great_expectations.data_context import EphemeralDataContext
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.datasource.fluent import SparkDatasource, SQLDatasource
from great_expectations.datasource.fluent.interfaces import Batch
from great_expectations.datasource.fluent.spark_datasource import DataFrameAsset
from great_expectations.datasource.fluent.sql_datasource import TableAsset
from great_expectations.execution_engine import SqlAlchemyExecutionEngine

from warehouse.spark import Spark

DATASOURCE_NAME = "warehouse"
SPARK_NAME = "spark"


class OpenTransactionError(RuntimeError):
    """The connection to validate holds a transaction that has not been committed."""


class UnreadableDatabaseError(RuntimeError):
    """The database to validate cannot be opened."""


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):
    """Runs GX's metrics on one kept connection, so that a result outlives the `with` it was asked in."""

    @contextmanager
    def get_connection(self) -> Generator[sqlalchemy.Connection, None, None]:
        if self._connection is None or self._connection.closed:
            self._connection = self.engine.connect()
        yield self._connection

    def close(self) -> None:
        """Close the kept connection and every pooled one, so that the file can be opened for writing."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._inspector = None
        super().close()


class DuckDBDatasource(SQLDatasource):
    """A fluent datasource, registered with GX as `context.data_sources.add_or_update_duckdb(name, …)`.

    Takes what GX's SQL datasource takes. `duckdb:////path/file.duckdb` with
    `kwargs={"connect_args": {"read_only": True}}` reads a file; `engine_kwargs(connection)` reads through a
    connection that is already open.
    """

    type: Literal["duckdb"] = "duckdb"  # type: ignore[assignment]
    schema_name: str | None = None

    @property
    def schema_(self) -> str | None:
        """The schema of the datasource's tables; None leaves it to the connection."""
        return self.schema_name

    @property
    def execution_engine_type(self) -> type[SqlAlchemyExecutionEngine]:
        return DuckDBExecutionEngine

    def get_execution_engine(self) -> SqlAlchemyExecutionEngine:
        """One execution engine on the datasource's own SQLAlchemy engine, where GX would make two of each."""
        if self._execution_engine is None:
            self._execution_engine = self._execution_engine_type()(
                engine=self.get_engine(), create_temp_table=self.create_temp_table
            )
        return cast(SqlAlchemyExecutionEngine, self._execution_engine)

    def dispose(self) -> None:
        """Close every connection GX holds through this datasource. It reconnects if it is used again."""
        if self._execution_engine is not None:
            self._execution_engine.close()
            self._execution_engine = None
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None


def engine_kwargs(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """SQLAlchemy engine arguments that read through an open connection.

    GX gets a cursor, a second session on the same database: its statements neither see nor end a transaction
    of the caller's, and what the caller has committed is visible at once. The cursor resolves names as the
    connection does (the database and schema last named by `use`).

    Raises OpenTransactionError where the connection is inside a transaction: the cursor would judge the state
    before it.
    """
    if _in_transaction(connection):
        raise OpenTransactionError(
            "the connection holds an open transaction, whose rows a check cannot see: commit, then validate"
        )
    return {
        "creator": _cursor_of(connection),
        "poolclass": sqlalchemy.pool.StaticPool,
        # no BEGIN: a failed statement must not abort those after it, and each sees what is committed by then
        "isolation_level": "AUTOCOMMIT",
        "pool_reset_on_return": None,
    }


def _in_transaction(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a transaction is open, which only its number tells: outside one, each statement has its own.

    (A second `begin` would tell too, and silently undo what the transaction has done.)
    """
    try:
        first, second = (connection.execute("select txid_current()").fetchall() for _ in range(2))
    except duckdb.TransactionException:  # open, and aborted by an earlier error
        return True
    return first == second


def _cursor_of(connection: duckdb.DuckDBPyConnection) -> Callable[[], ConnectionWrapper]:
    database, schema = connection.execute("select current_database(), current_schema()").fetchall()[0]

    def create() -> ConnectionWrapper:
        cursor = connection.cursor()
        cursor.execute(f"use {_quoted(database)}.{_quoted(schema)}")
        return ConnectionWrapper(cursor)

    return create


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


_context: EphemeralDataContext | None = None


def context() -> EphemeralDataContext:
    """The process's one GX context: in memory, without analytics, progress bars or files."""
    global _context
    if _context is None:
        _context = gx.get_context(mode="ephemeral")
        _context.enable_analytics(False)
        _context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return _context


@contextmanager
def readable(
    database: duckdb.DuckDBPyConnection | Path | str | Spark,
) -> Iterator[duckdb.DuckDBPyConnection | Spark]:
    """The connection or Spark itself, left open, or a read-only connection on a file, closed on the way out.

    Raises UnreadableDatabaseError where the file is absent, locked by another process, or open for writing in
    this one (pass that connection instead).
    """
    if not isinstance(database, Path | str):
        yield database
        return
    try:
        connection = duckdb.connect(str(database), read_only=True)
    except duckdb.ConnectionException as error:
        raise UnreadableDatabaseError(
            f"{database}: this process has it open for writing: validate through that connection"
        ) from error
    except duckdb.Error as error:
        raise UnreadableDatabaseError(f"{database}: {' '.join(str(error).split())}") from error
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def attached(source: duckdb.DuckDBPyConnection | Spark, table: str) -> Iterator[Callable[[], Batch]]:
    """What gives `schema.table` as a batch of the process's datasource, read through `source` inside the `with`.

    The datasource holds nothing afterwards: a file the caller closes can be opened for writing. It stays registered:
    GX writes its whole configuration out as YAML whenever one is added, changed or deleted.
    """
    if isinstance(source, Spark):
        with _on_spark(source, table) as take:
            yield take
        return
    schema, _, name = table.partition(".")
    datasource = _datasource()
    datasource.dispose()  # of what GX connected to while registering it
    datasource.schema_name = schema
    datasource.kwargs = engine_kwargs(source)
    datasource.assets = [TableAsset(name=table, table_name=name)]
    try:
        asset = datasource.get_asset(table)
        yield lambda: asset.get_batch(asset.build_batch_request())
    finally:
        datasource.dispose()
        datasource.kwargs, datasource.assets = {}, []


@contextmanager
def _on_spark(spark: Spark, table: str) -> Iterator[Callable[[], Batch]]:
    """GX's own Spark datasource, over a registered table as a data frame."""
    sources = context().data_sources
    if SPARK_NAME not in sources.all():
        sources.add_or_update_spark(SPARK_NAME)
    datasource = cast(SparkDatasource, sources.get(SPARK_NAME))
    asset = DataFrameAsset(name=table)
    asset._datasource = datasource
    datasource.assets = [asset]
    try:
        yield lambda: asset.get_batch(asset.build_batch_request({"dataframe": spark.session.table(table)}))
    finally:
        datasource.assets = []


def _datasource() -> DuckDBDatasource:
    sources = context().data_sources
    if DATASOURCE_NAME not in sources.all():
        # the URL only names the dialect: the engine connects through the creator in its arguments
        sources.add_or_update_duckdb(DATASOURCE_NAME, connection_string="duckdb:///:memory:")
    return cast(DuckDBDatasource, sources.get(DATASOURCE_NAME))
