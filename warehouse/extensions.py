"""DuckDB extensions from the Python packages that carry them; nothing is downloaded at run time.

Belongs here: loading one. Does not belong here: what it is used for.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection


class ExtensionMissing(Exception):
    """A DuckDB extension is not installed; the message says how to install it."""


def is_installed(name: str) -> bool:
    return find_spec(f"duckdb_extension_{name}") is not None


def load(con: DuckDBPyConnection, name: str) -> None:
    """Load the extension from its package `duckdb-extension-…`, or as DuckDB's own `install` left it.

    Raises ExtensionMissing where it is absent.
    """
    spec = find_spec(f"duckdb_extension_{name}")
    folders = [Path(f) for f in (spec.submodule_search_locations or [])] if spec else []
    found = next((file for folder in folders for file in folder.rglob(f"{name}.duckdb_extension")), None)
    try:
        con.execute("load " + ("'" + str(found).replace("'", "''") + "'" if found else name))
    except duckdb.Error as error:
        if found:
            raise ExtensionMissing(f"{found.name}: {str(error).splitlines()[0]}") from None
        raise ExtensionMissing(
            f"DuckDB's extension {name} is not installed: pip install 'border-ledger[lake]', or, where there is no such "
            f"package, `install {name}` in DuckDB"
        ) from None
