"""Court releases written by hand: a few cases with known courses, in files shaped like EOIR's."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from orchestration import court, steps
from orchestration.ingest import ingest
from transforms.models import models
from warehouse.archive import Archive, Release
from warehouse.court import registry, storage
from warehouse.paths import Home
from warehouse.writer import Warehouse

NOW = dt.datetime(2026, 8, 20)
COURT_MARTS = tuple(sorted(name for name in models() if name.startswith(("marts.court_", "marts.mpp_"))))
DECISIONS = ("idnCourtDecision", "strCaseType", "strDecCode", "strDecDescription", "strDecType")
Row = Mapping[str, str]


@dataclass
class CourtRelease:
    """Rows of a release, by table; `write` packs them with a Count.txt that is right unless `stated` says otherwise."""

    tables: dict[str, list[Row]] = field(default_factory=dict)
    stated: dict[str, int] = field(default_factory=dict)
    _next: int = 0

    def add(self, table: str, **values: str) -> None:
        self.tables.setdefault(table, []).append(values)

    def case(
        self,
        number: int,
        notice: str | None,
        *proceedings: Row,
        identifier: str | None = None,
        applications: Sequence[Row] = (),
        **values: str,
    ) -> None:
        """A case with its proceedings in order (one by default), its identifier and its applications.

        A proceeding is completed where it has COMP_DATE.
        """
        about = {"CASE_TYPE": "RMV", "NAT": "HO", "CUSTODY": "N", **values}
        self.add("A_TblCase", IDNCASE=str(number), **about)
        for given in proceedings or ({},):
            self._next += 1
            self.add(
                "B_TblProceeding",
                **{
                    "IDNPROCEEDING": str(self._next),
                    "IDNCASE": str(number),
                    "OSC_DATE": _moment(notice),
                    "BASE_CITY_CODE": "ELP",
                    "HEARING_LOC_CODE": "ELP",
                    **about,
                    **{k: _moment(v) if k.endswith("_DATE") else v for k, v in given.items()},
                },
            )
        for application in applications:
            self._next += 1
            self.add(
                "tbl_Court_Appln",
                **{
                    "IDNPROCEEDINGAPPLN": str(self._next),
                    "IDNPROCEEDING": self.tables["B_TblProceeding"][-1]["IDNPROCEEDING"],
                    "IDNCASE": str(number),
                    "APPL_CODE": "ASYL",
                    **{k: _moment(v) if k.endswith("_DATE") else v for k, v in application.items()},
                },
            )
        if identifier:
            self._next += 1
            self.add(
                "A_TblCaseIdentifier", IDNCASEID=str(self._next), IDNCASE=str(number), CASE_ID=identifier
            )

    def write(self, path: Path, published: str, **members: bytes) -> Path:
        """The zip, EOIR's folder name and all; `published` is 2026-08-03."""
        folder = f"EOIR Case Data {published[:4]}-{published[5:7]}{published[8:]}/EOIR Case Data/"
        counts = ["TableName\tContent"]
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
            for table in dict.fromkeys([*_ALWAYS, *self.tables]):
                rows = self.tables.get(table, [])
                header = [c.name for c in registry.tables()[table.lower()].columns]
                lines = ["\t".join(header), *("\t".join(r.get(c, "") for c in header) for r in rows)]
                bundle.writestr(_dated(f"{folder}{table}.csv"), "".join(f"{line}\r\n" for line in lines))
                counts.append(f"{table}\t{self.stated.get(table, len(rows))} rows copied.")
            bundle.writestr(_dated(f"{folder}Count.txt"), "".join(f"{line}\r\n" for line in counts))
            for name, body in members.items():
                bundle.writestr(_dated(f"{folder}{name.replace('__', '.')}"), body)
        return path


_ALWAYS = (
    *("A_TblCase", "B_TblProceeding", "tbl_schedule", "tbl_Court_Appln", "A_TblCaseIdentifier"),
    *("B_TblProceedCharges", "D_TblAssociatedBond", "tbl_RepsAssigned"),
)


def _moment(day: str | None) -> str:
    return f"{day} 00:00:00.000" if day else ""


def _dated(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, (2026, 8, 3, 0, 0, 0))


class CourtHome:
    """An installation with court releases, built by the steps of a build but without Dagster."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root)
        self.archive = Archive(self.home.archive)

    def ingest(self, path: Path, trust: str | None = None) -> Release:
        (outcome,) = ingest([path], self.archive, trust=trust, now=NOW)
        assert outcome.release is not None, outcome.message
        return outcome.release

    def load(self) -> None:
        """Every court release of the archive to typed tables and findings."""
        court.read_all(self.home, self.archive)

    @contextmanager
    def court(self) -> Iterator[Warehouse]:
        with court.open_for(self.home, self.archive) as file:
            assert file is not None
            yield file

    @contextmanager
    def warehouse(self) -> Iterator[Warehouse]:
        """The main build file, the reviewed data and the releases in it."""
        with Warehouse(self.home.build_file) as warehouse:
            steps.load_reviewed(warehouse)
            steps.load_releases(warehouse, self.archive)
            yield warehouse

    def build(self, warehouse: Warehouse, *marts: str) -> None:
        """The court marts, in the order they read each other."""
        for model in steps.in_build_order(
            [models()[name] for name in marts or COURT_MARTS if name != storage.CASES]
        ):
            steps.build_model(warehouse, model.name)
