"""Fixtures that several kinds of test share."""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from installation import ROOT, SMALL_SERIES, Home, Ledger, in_memory

from transforms import families
from transforms.models import model
from warehouse import contracts
from warehouse.writer import Warehouse

CELL = (
    "component_code",
    "region_code",
    "sector_code",
    "state_code",
    "demographic_code",
    "citizenship_code",
    "title_code",
    "encounter_type_code",
)
_EMPTY = {
    "VARCHAR": "",
    "VARCHAR[]": [],
    "INTEGER[]": [],
    "BOOLEAN": False,
    "DATE": dt.date(2000, 1, 1),
    "TIMESTAMP": dt.datetime(2026, 1, 1),
}


class Releases:
    """A warehouse in memory that starts at core: put releases in, build the models over them, ask.

    A cell is the codes that differ from `all`, e.g. `{("component_code", "usbp"): 5}`.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.con = warehouse.con
        self._put: set[str] = set()
        described = families.families().values()
        self.put_all("meta.families", [{"family": f.name, "publisher_code": f.publisher} for f in described])
        self.put_all(
            "meta.complete_months",
            [
                {"family": f.name, "column_name": column, "required_code": code}
                for f in described
                for column, codes in f.complete_month.items()
                for code in codes
            ],
        )
        self.put_all(
            "meta.publisher_rounding",
            [
                {"publisher_code": publisher, "rounded_to": rounded_to}
                for publisher, rounded_to in (("cbp", 1), ("usbp", 1), ("ohss", 10))
            ],
        )
        self._put.clear()

    def forget(self) -> None:
        """Take out every row that was put since the start; the models hold what they held until they are built again."""
        for table in self._put:
            self.con.execute(f"delete from {table}")
        self._put.clear()

    def put(self, table: str, **values: Any) -> None:
        """Insert one row; a column not given is NULL where it may be, else empty."""
        self.put_all(table, [values])

    def put_all(self, table: str, rows: list[dict[str, Any]]) -> None:
        columns = contracts.table(table).columns
        if unknown := {name for row in rows for name in row} - {c.name for c in columns}:
            raise AssertionError(f"{table} has no {unknown}")
        self._put.add(table)
        self.warehouse.append(
            table,
            [
                tuple(row.get(c.name, None if c.nullable else _EMPTY.get(c.type, 0)) for c in columns)
                for row in rows
            ],
        )

    def release(
        self,
        release_id: str,
        published_on: str,
        months: Mapping[str, Mapping[tuple[str, ...], int]],
        *,
        family: str = "cbp_sbo",
        open_from: str = "9999-01-01",
        **manifest: Any,
    ) -> None:
        """Put a release with `{month: {(component, title, demographic): encounters}}`; from `open_from` years are open."""
        starts = sorted(dt.date.fromisoformat(m) for m in months)
        self.put(
            "meta.releases",
            release_id=release_id,
            family=family,
            published_on=dt.date.fromisoformat(published_on),
            **{
                "published_precision": "day",
                "trust": "mirrored",
                "layout": "csv",
                "file_name": f"{release_id}.csv",
                "sha256": release_id,
                "data_from": starts[0],
                "data_through": starts[-1],
                **manifest,
            },
        )
        table, publisher = {
            "usbp_monthly_history": ("core.usbp__monthly_encounters", "usbp"),
            "ohss_monthly": ("core.ohss__monthly_encounters", "ohss"),
        }.get(family, ("core.cbp__monthly_encounters", "cbp"))
        rows = []
        for month, cells in months.items():
            start = dt.date.fromisoformat(month)
            rows += [
                {
                    "release_id": release_id,
                    "family": family,
                    "publisher_code": publisher,
                    "month_start": start,
                    "fiscal_year": start.year + (start.month >= 10),
                    "is_open_year": start >= dt.date.fromisoformat(open_from),
                    "encounters": encounters,
                    **dict.fromkeys(CELL, "all"),
                    **dict(zip(("component_code", "title_code", "demographic_code"), codes, strict=False)),
                }
                for codes, encounters in cells.items()
            ]
        self.put_all(table, rows)

    def measure(self, measure_id: str, *families: str, **where: Any) -> None:
        self.put("meta.measures", measure_id=measure_id, title=measure_id, unit="events", **where)
        for rank, family in enumerate(families, 1):
            self.put("meta.measure_families", measure_id=measure_id, family=family, family_rank=rank)

    def build(self, *tables: str) -> Releases:
        """Build the models the named tables need, in order, and the tables themselves."""
        done: list[str] = []

        def visit(table: str) -> None:
            if table in done:
                return
            done.append(table)
            if table in _GIVEN or table.startswith("meta."):
                self.warehouse.ensure(table)
                return
            for read in model(table).reads:
                visit(read)
            self.warehouse.replace(table, model(table).sql)

        for table in tables:
            visit(table)
        return self

    def rows(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        return self.con.execute(sql, parameters).fetchall()


_GIVEN = ("core.cbp__monthly_encounters", "core.usbp__monthly_encounters", "core.ohss__monthly_encounters")


@pytest.fixture
def releases() -> Iterator[Releases]:
    with in_memory() as warehouse:
        yield Releases(warehouse)


@pytest.fixture(scope="module")
def shared_releases() -> Iterator[Releases]:
    """For many examples on one warehouse; each begins with `forget`."""
    with in_memory() as warehouse:
        yield Releases(warehouse)


@pytest.fixture(scope="session")
def _reviewed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """The reviewed data in a warehouse, read once for all tests of a process."""
    found = Ledger(tmp_path_factory.mktemp("reviewed"))
    yield found
    found.close()


@pytest.fixture
def ledger(_reviewed: Ledger, tmp_path: Path) -> Ledger:
    """An empty archive and a warehouse that holds no release yet."""
    _reviewed.restart(tmp_path)
    return _reviewed


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A warehouse of the series the project carries, as `border build` without any agency file makes it."""
    found = Ledger(tmp_path_factory.mktemp("carried"))
    for path in sorted((ROOT / "reference" / "series").glob("*.csv")):
        found.added(path.name, path.read_bytes())
    found.load()
    yield found
    found.close()


@pytest.fixture(scope="session")
def agency() -> Path:
    """The folder of real agency files, from BORDER_AGENCY_DATA; the test is skipped, and says so, without it."""
    configured = os.environ.get("BORDER_AGENCY_DATA")
    if not configured:
        pytest.skip("BORDER_AGENCY_DATA is not set: no real agency files to read")
    folder = Path(configured)
    if not (folder / "cbp").is_dir():
        pytest.skip(f"BORDER_AGENCY_DATA: {folder} has no folder cbp")
    return folder


def _built_once(tmp_path_factory: pytest.TempPathFactory, name: str, series: Iterable[str]) -> Home:
    """A home that `border build` has published from some of the carried series, built once for all workers."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    root, reference = shared / f"{name}-home", shared / f"{name}-reference"
    with (shared / f"{name}-home.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "ready").exists():
            (reference / "series").mkdir(parents=True, exist_ok=True)
            for file_name in series:
                shutil.copy(ROOT / "reference" / "series" / file_name, reference / "series")
            started = time.monotonic()
            done = Home(root, reference).border("build")
            assert done.returncode == 0, done.stderr
            (root / "ready").write_text(f"built in {time.monotonic() - started:.1f} s\n")
    return Home(root, reference)


@pytest.fixture(scope="session")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A published home of two carried series; copy it before changing it."""
    return _built_once(tmp_path_factory, "small", SMALL_SERIES)


@pytest.fixture(scope="session")
def carried_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A published home of every carried series, as `make january` leaves it; for reading only."""
    series = sorted(p.name for p in (ROOT / "reference" / "series").glob("*.csv"))
    return _built_once(tmp_path_factory, "carried", series)


@pytest.fixture
def home(small_home: Home, tmp_path: Path) -> Home:
    """A copy of the small published home, this test's own."""
    root, reference = tmp_path / "home", tmp_path / "reference"
    shutil.copytree(small_home.root, root)
    shutil.copytree(small_home.reference, reference)
    return Home(root, reference)


@pytest.fixture
def fingerprint() -> Callable[[Path], dict[str, bytes]]:
    """Every file below a folder with its bytes, to show that nothing was touched."""

    def read(folder: Path) -> dict[str, bytes]:
        return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

    return read
