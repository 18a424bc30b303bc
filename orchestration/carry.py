"""Writes the reference series the project carries: agency figures, re-encoded compactly, with their origin's hash.

One carried file per agency file, so that releases, windows and restatements stay what they were. Codes are the
project's own and corrections are applied; dimensions that the carried measures do not need are added up. Belongs
here: what is carried and how. Does not belong here: reading carried files (they are a family of their own).
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from orchestration import steps
from orchestration.ingest import ingest
from transforms.families import CARRIED_HEADER
from warehouse.archive import Archive
from warehouse.writer import Warehouse


@dataclass(frozen=True)
class Carried:
    """What is kept of a family: the core table and the dimensions that are not added up."""

    table: str
    keep: tuple[str, ...]


CARRIED = {
    "cbp_sbo": Carried(
        "core.cbp__monthly_encounters",
        ("component", "region", "demographic", "citizenship", "title", "encounter_type"),
    ),
    "cbp_nationwide_state": Carried("core.cbp__monthly_encounters", ("region", "demographic", "title")),
    "usbp_southwest_workbook": Carried(
        "core.cbp__monthly_encounters", ("component", "region", "sector", "title")
    ),
    "usbp_monthly_history": Carried("core.usbp__monthly_encounters", ("sector",)),
}


def carry(data: Path, reference: Path) -> Iterator[str]:
    """Re-encode the agency files under `data` into `reference/series`, and write `reference/manifest.yml`.

    Yields one line a series. A file's months that are not complete are left out.
    """
    with TemporaryDirectory() as scratch:
        archive = Archive(Path(scratch) / "archive")
        list(ingest([data], archive, now=dt.datetime.max))
        with Warehouse(None) as warehouse:
            steps.load_reviewed(warehouse)
            releases = steps.load_releases(warehouse, archive)
            for release in releases:
                steps.load_raw(warehouse, archive, release)
            for table in steps.CORE_TABLES:
                steps.load_core(warehouse, archive, table)
            steps.build_model(warehouse, "core.release_months")
            series = reference / "series"
            series.mkdir(parents=True, exist_ok=True)
            manifest: list[dict[str, Any]] = []
            for release in releases:
                carried = CARRIED.get(release.family)
                if carried is None:
                    continue
                rows = _rows(warehouse, carried, release.release_id)
                if not rows:
                    continue
                text = io.StringIO()
                writer = csv.writer(text, lineterminator="\n")
                writer.writerow(CARRIED_HEADER)
                writer.writerows(rows)
                data_bytes = text.getvalue().encode()
                name = f"{release.family}_{release.data_from[:7]}_{release.data_through[:7]}.csv"
                (series / name).write_bytes(data_bytes)
                manifest.append(
                    {
                        "file": f"series/{name}",
                        "sha256": hashlib.sha256(data_bytes).hexdigest(),
                        "family": release.family,
                        "lines": len(rows) + 1,
                        "encounters": sum(int(row[-1]) for row in rows),
                        "added_up_over": [d for d in _PUBLISHED[release.family] if d not in carried.keep],
                        "origin_file_name": release.file_name,
                        "origin_sha256": release.sha256,
                        "origin": release.origin,
                        "published_on": dt.date.fromisoformat(release.published_on),
                        "published_precision": release.published_precision,
                        "published_basis": release.published_basis,
                    }
                )
                yield f"{name}: {len(rows):,} rows from {release.file_name}"
            header = (
                "# Written by `border carry`: what each carried series re-encodes. Do not edit by hand.\n"
            )
            body = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=120)
            (reference / "manifest.yml").write_text(header + body, "utf-8")


_PUBLISHED = {
    "cbp_sbo": ("component", "demographic", "citizenship", "title", "encounter_type"),
    "cbp_nationwide_state": ("region", "state", "demographic", "citizenship", "title"),
    "usbp_southwest_workbook": ("sector", "demographic", "citizenship"),
    "usbp_monthly_history": ("sector",),
}


def _rows(warehouse: Warehouse, carried: Carried, release_id: str) -> list[tuple[Any, ...]]:
    """Carried lines of one release, sorted; a dimension that is added up is `all`."""
    dimensions = (
        "component",
        "region",
        "sector",
        "state",
        "demographic",
        "citizenship",
        "title",
        "encounter_type",
    )
    columns = ", ".join(f"{d}_code" if d in carried.keep else f"'all' as {d}_code" for d in dimensions)
    return warehouse.con.execute(
        f"select strftime(month_start, '%Y-%m'), "
        f"cells.fiscal_year || case when cells.is_open_year then ' (FYTD)' else '' end, "
        f"{columns}, sum(cells.encounters) from {carried.table} cells "
        "join core.release_months months using (release_id, month_start) "
        "where release_id = ? and months.is_complete_month group by all order by all",
        [release_id],
    ).fetchall()
