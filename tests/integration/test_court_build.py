"""Court releases through `border`: ingest, build, publish, print; in processes of its own, as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from court_files import CourtRelease
from installation import Home

from warehouse.archive import Archive


def published_rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as con:
        return con.execute(sql).fetchall()


@pytest.fixture
def made_up(tmp_path: Path) -> Path:
    r = CourtRelease()
    for number in range(1, 31):
        r.case(
            number,
            f"20{19 + number % 4}-01-0{1 + number % 9}",
            {"COMP_DATE": "2022-05-05", "DEC_CODE": "X"},
            identifier="MP",
        )
    return r.write(tmp_path / "made.zip", "2026-08-03", SYNTHETIC__txt=b"")


@pytest.mark.slow
def test_a_made_up_release_from_zip_to_published_marts(home: Home, made_up: Path, tmp_path: Path) -> None:
    refused = home.border("ingest", str(made_up), "--trust", "official")
    assert refused.returncode == 1
    assert "it is synthetic and cannot be official" in refused.stdout
    assert home.border("ingest", str(made_up)).returncode == 0
    built = home.border("build")
    assert built.returncode == 0, built.stderr
    court_file = home.root / "published" / "court.duckdb"
    assert published_rows(court_file, "select trust, is_synthetic from meta.eoir_releases") == [
        ("synthetic", True)
    ]
    assert published_rows(court_file, "select count(*) from core.eoir__mpp_cases") == [(30,)]
    # readers may have an older DuckDB than the build
    version = "select tags['storage_version'] from duckdb_databases() where database_name = 'court'"
    assert published_rows(court_file, version) == [("v1.0.0+",)]
    assert published_rows(
        home.published, "select distinct is_synthetic from marts.court_january_yoy where value > 0"
    ) == [(True,)]
    assert published_rows(home.published, "select verdict from marts.claims where claim_number = 3") == [
        ("denominator_sensitive",)
    ]
    # the series the project carries end in 2024; a made-up release of 2026 does not move the warehouse's own date
    assert str(published_rows(home.published, "select data_through from meta.publication")[0][0]) < "2026"

    shown = home.border("court")
    assert shown.returncode == 0, shown.stderr
    assert "SYNTHETIC  Immigration courts, January 2026 against January 2025" in shown.stdout
    assert "SYNTHETIC  How cases end" in shown.stdout
    for share in ("0.90 %", "1.53 %", "1.92 %", "11.87 %"):
        assert share in shown.stdout
    assert "SYNTHETIC" in home.border("status").stdout
    assert "SYNTHETIC: some rows are made up" in home.border("sql", "select * from marts.mpp_outcomes").stdout
    by = home.border("court", "--january", "--year", "2021", "--by", "nationality")
    assert "HO" in by.stdout
    assert home.border("court", "--by", "judge").returncode == 2
    found = json.loads(home.border("court", "--mpp", "--json").stdout)
    assert {row["counted_in"] for row in found["mpp_denominator_fan"] if not row["is_synthetic"]} == {
        "published"
    }

    (release,) = (r for r in Archive(home.root / "archive").releases() if r.family == "eoir_foia")
    bad = CourtRelease(stated={"A_TblCase": 3})
    bad.case(1, "2021-01-05")
    assert home.border("ingest", str(bad.write(tmp_path / "bad.zip", "2026-08-03"))).returncode == 0
    before = home.published.read_bytes(), court_file.read_bytes()
    stopped = home.border("build")
    assert stopped.returncode == 1
    assert "A_TblCase: stated_rows: 1 records read, 3 stated in Count.txt" in stopped.stderr
    assert "Not published" in stopped.stderr
    assert (home.published.read_bytes(), court_file.read_bytes()) == before

    for one in Archive(home.root / "archive").releases():
        if one.family == "eoir_foia":
            assert home.border("set-aside", one.release_id, "--because", "only a try").returncode == 0
    assert Archive(home.root / "archive").set_aside_because(release.release_id) == "only a try"
    assert home.border("build").returncode == 0
    assert published_rows(court_file, "select count(*) from core.eoir__cases") == [(0,)]
    assert published_rows(home.published, "select distinct counted_in from marts.mpp_outcomes") == [
        ("published",)
    ]
    assert "No court release is loaded" in home.border("court").stdout
