"""One installation for a test: an archive with a warehouse in memory, or a home driven through `border`.

Belongs here: the classes the fixtures hand out. Does not belong here: building files (`agency_files`).
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from orchestration import steps
from orchestration.ingest import Outcome, ingest_bytes
from transforms.models import models
from warehouse.archive import Archive, Release
from warehouse.writer import Warehouse

ROOT = Path(__file__).parents[1]
NOW = dt.datetime(2025, 3, 1)
WANTED = ("marts.january_yoy", "marts.january_yoy_by_dimension")

#: Carried series of the small published home: the southwest workbook with its open year, and the newest southwest file.
SMALL_SERIES = ("usbp_southwest_workbook_2012-10_2021-02.csv", "cbp_sbo_2021-10_2024-11.csv")


@cache
def models_of_encounters() -> tuple[str, ...]:
    """The models behind the January comparison, in the order they are built."""
    special = {*steps.CORE_TABLES, *steps.CORE_TABLES.values(), *steps.REVIEWED_MODELS}
    found: dict[str, set[str]] = {}
    waiting = list(WANTED)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = {t for t in models()[name].reads if t in models()} - special
            waiting += found[name]
    return tuple(TopologicalSorter(found).static_order())


def in_memory() -> Warehouse:
    """A warehouse in memory, on one thread: over a few hundred rows a second one costs more than it helps."""
    warehouse = Warehouse(None)
    warehouse.con.execute("set threads = 1")
    return warehouse


class Ledger:
    """An archive under `root` and a warehouse in memory, loaded through the steps of a build."""

    def __init__(self, root: Path) -> None:
        self.archive = Archive(root / "archive")
        self.warehouse = in_memory()
        steps.load_reviewed(self.warehouse)

    def close(self) -> None:
        self.warehouse.con.close()

    def add(self, name: str, data: bytes, published: str | None = None, **options: Any) -> Outcome:
        """Ingest one file."""
        return ingest_bytes(data, name, self.archive, published=published, now=NOW, **options)

    def added(self, name: str, data: bytes, published: str | None = None) -> str:
        """Ingest one file that must be accepted; returns its release_id."""
        outcome = self.add(name, data, published)
        assert outcome.release is not None, outcome.message
        return outcome.release.release_id

    def load(self, *, marts: bool = True) -> list[Release]:
        """Everything in the archive → raw and core, and the marts of the January comparison."""
        releases = steps.load_releases(self.warehouse, self.archive)
        for release in releases:
            steps.load_raw(self.warehouse, self.archive, release)
        for table in steps.CORE_TABLES:
            steps.load_core(self.warehouse, self.archive, table)
        for name in models_of_encounters() if marts else ():
            steps.build_model(self.warehouse, name)
        return releases

    def restart(self, root: Path) -> None:
        """Forget every release: another archive, the same warehouse with its reviewed data."""
        self.archive = Archive(root / "archive")
        for table in (
            *steps.RAW_TABLES,
            *steps.CORE_TABLES,
            *models_of_encounters(),
            "meta.releases",
            "meta.loads",
            "meta.row_ledger",
            "meta.quarantine",
        ):
            self.warehouse.con.execute(f"drop table if exists {table}")

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.warehouse.con.execute(sql, list(parameters) or None).fetchall()

    def value(self, sql: str, *parameters: Any) -> Any:
        """The one value of a one-row query; None when there is no row."""
        found = self.rows(sql, *parameters)
        assert len(found) <= 1, found
        return found[0][0] if found else None

    def january(self, measure: str, year: int) -> dict[str, Any]:
        """One row of marts.january_yoy by column."""
        cursor = self.warehouse.con.execute(
            "select * from marts.january_yoy where measure_id = ? and january = ?", [measure, year]
        )
        names = [d[0] for d in cursor.description or []]
        found = cursor.fetchall()
        assert len(found) == 1, f"{measure} January {year}: {len(found)} rows"
        return dict(zip(names, found[0], strict=True))

    def lost(self) -> list[tuple[Any, ...]]:
        """Releases whose lines or encounters the ledger does not account for; empty when conservation holds."""
        return self.rows(
            "select r.release_id, r.lines_in_file, sum(l.lines), r.encounters_in_file, sum(l.encounters) "
            "from meta.releases r left join meta.row_ledger l using (release_id) where r.layout <> 'quoted' "
            "group by all having r.lines_in_file is distinct from sum(l.lines) "
            "or r.encounters_in_file is distinct from sum(l.encounters)"
        )


class Home:
    """One installation with few carried series, driven through `border` in processes of its own."""

    def __init__(self, root: Path, reference: Path) -> None:
        self.root = root
        self.reference = reference

    @property
    def published(self) -> Path:
        return self.root / "published" / "warehouse.duckdb"

    @property
    def build_file(self) -> Path:
        return self.root / "work" / "warehouse.duckdb"

    def carry(self, name: str) -> None:
        """Let the next build find one more of the series the project carries."""
        shutil.copy(ROOT / "reference" / "series" / name, self.reference / "series")

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(ROOT / "tests" / "border.py"), str(self.reference), *arguments]

    def environment(self, **changes: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k not in ("DAGSTER_HOME", "COLUMNS")}
        return kept | {"BORDER_HOME": str(self.root), "PYTHONPATH": str(ROOT)} | changes

    def border(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run `border …` to its end."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment(**changes),
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=300,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `border …` and return at once."""
        return subprocess.Popen(
            self.command(*arguments),
            env=self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )


def one_line(text: str) -> bool:
    """Whether a message is one line for a person: no trace, no line break."""
    return bool(text) and "\n" not in text.strip() and "Traceback" not in text
