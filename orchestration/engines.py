"""The engines by name, one of each in a process.

Belongs here: which engine an installation asks for. Does not belong here: how one evaluates a model (`warehouse.engine`,
`warehouse.spark`).
"""

from __future__ import annotations

import os

from transforms.spark import spark_sql
from warehouse.engine import IN_PLACE, Engine, EngineError
from warehouse.paths import Home
from warehouse.spark import Spark

NAMES = (IN_PLACE.name, Spark.name)
_running: dict[str, Spark] = {}
"""Spark by the folder of its mirror; a session takes seconds to start."""


def engine(name: str, home: Home) -> Engine:
    """The engine called `name`, or `$BORDER_ENGINE`, or DuckDB. `$BORDER_SPARK_MASTER` is any `spark.master`.

    Raises EngineError for a name that is none.
    """
    chosen = name or os.environ.get("BORDER_ENGINE") or IN_PLACE.name
    if chosen == IN_PLACE.name:
        return IN_PLACE
    if chosen != Spark.name:
        raise EngineError(f"{chosen}: no such engine; name one of {', '.join(NAMES)}")
    folder = home.spark
    if str(folder) not in _running:
        _running[str(folder)] = Spark(folder, spark_sql, os.environ.get("BORDER_SPARK_MASTER") or "local[*]")
    return _running[str(folder)]


def stop() -> None:
    """End what runs beside this process."""
    while _running:
        _running.popitem()[1].stop()
