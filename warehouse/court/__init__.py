"""Court records (EOIR): the monthly release from the published zip to typed tables, without loss.

Belongs here: reading (`container`, `records`, `repair`, `registry`, `load`), typing (`core`), checking
(`findings`), comparing releases (`changes`) and generating test releases (`synth`, `packing`). Does not belong
here: Dagster, what a figure means (`transforms`).
"""

from warehouse.court.changes import TableChange, diff_releases
from warehouse.court.container import CourtSourceError, open_release
from warehouse.court.core import CORE_TABLES, CoreReport, build_core
from warehouse.court.findings import Finding, audit_release
from warehouse.court.load import LoadReport, Progress, TableReport, load_release, refresh_raw_views

__all__ = [
    "CORE_TABLES",
    "CoreReport",
    "CourtSourceError",
    "Finding",
    "LoadReport",
    "Progress",
    "TableChange",
    "TableReport",
    "audit_release",
    "build_core",
    "diff_releases",
    "load_release",
    "open_release",
    "refresh_raw_views",
]
