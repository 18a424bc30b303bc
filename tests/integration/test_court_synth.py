"""The generated release: deterministic, shaped like the published one, every planted defect accounted for."""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb
import pytest

from warehouse.court import registry, repair, synth
from warehouse.court.container import open_release, stream
from warehouse.court.load import LoadReport, load_release


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def loaded(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[duckdb.DuckDBPyConnection, LoadReport, synth.Truth]:
    home = tmp_path_factory.mktemp("synth")
    truth = synth.write_release(home / "r.zip", 1500, seed=11, defects=300)
    con = duckdb.connect(str(home / "w.duckdb"))
    return con, load_release(con, home / "r.zip", "eoir-synthetic"), truth


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        synth.write_release(tmp_path / f"{name}.zip", 300, seed=seed)
    assert sha(tmp_path / "a.zip") == sha(tmp_path / "b.zip")
    assert sha(tmp_path / "a.truth.jsonl") == sha(tmp_path / "b.truth.jsonl")
    assert sha(tmp_path / "a.zip") != sha(tmp_path / "c.zip")


def test_it_holds_all_tables_and_states_its_counts(tmp_path: Path) -> None:
    truth = synth.write_release(tmp_path / "r.zip", 200, seed=1, defects=0)
    release = open_release(tmp_path / "r.zip")
    assert len(release.members) == 97
    assert release.stated == {t.lower(): n for t, n in truth.records.items()}
    assert truth.planted == []
    assert str(release.published) == "2026-08-01"


@pytest.mark.parametrize("method", [8, 9])
def test_members_use_the_method_asked_for(tmp_path: Path, method: int) -> None:
    synth.write_release(tmp_path / "r.zip", 50, seed=1, method=method, row_end=b"\n")
    members = open_release(tmp_path / "r.zip").members
    assert {m.info.compress_type for m in members.values() if m.info} == {method}
    assert b"\r" not in b"".join(stream(members["tbl_schedule"]))


def test_the_truth_file_reads_back(tmp_path: Path) -> None:
    truth = synth.write_release(tmp_path / "r.zip", 300, seed=1)
    assert synth.read_truth(synth.truth_path(tmp_path / "r.zip")) == truth


def test_every_record_is_loaded_or_quarantined_and_counts_agree(
    loaded: tuple[duckdb.DuckDBPyConnection, LoadReport, synth.Truth],
) -> None:
    _, report, truth = loaded
    assert report.is_reconciled
    assert {t.table: t.records for t in report.tables} == truth.records
    assert {t.table: t.nul_bytes for t in report.tables if t.nul_bytes} == truth.nul_cells


def test_every_planted_defect_comes_to_one_of_its_ends_with_the_right_values(
    loaded: tuple[duckdb.DuckDBPyConnection, LoadReport, synth.Truth],
) -> None:
    con, _, truth = loaded
    assert len({p.kind for p in truth.planted}) >= 24
    wrong = []
    for p in truth.planted:
        slug = registry.slug(p.table)
        where = "where court_table = ? and record_no = ?"
        kept = con.execute(f"select 1 from meta.eoir_quarantine {where}", [p.table, p.record_no]).fetchone()
        fixed = con.execute(f"select 1 from meta.eoir_repair_log {where}", [p.table, p.record_no]).fetchone()
        row = con.execute(
            f"select * exclude(release_id, record_no, surplus_fields) from raw.{slug} where record_no = ?",
            [p.record_no],
        ).fetchone()
        end = "quarantined" if kept else ("repaired" if fixed else "loaded")
        if end not in p.outcomes or (row is None) != (end == "quarantined"):
            wrong.append((p, end))
        elif row is not None and p.kind not in ("missing_tab", "short_row"):
            printed = [c[0] for c in con.execute(f"describe raw.{slug}").fetchall()][2:-1]
            layout = registry.layout(p.table, synth.header(p.table)).names
            expected = {n: repair.clean(v) for n, v in zip(layout, p.values or [], strict=True)}
            got = {n: repair.clean(v) for n, v in zip(printed, row, strict=True) if n in expected}
            if got != expected:
                wrong.append((p, {n: (got[n], expected[n]) for n in got if got[n] != expected[n]}))
    assert not wrong, wrong[:3]


def test_most_rows_with_a_tab_inside_a_value_are_repaired(
    loaded: tuple[duckdb.DuckDBPyConnection, LoadReport, synth.Truth],
) -> None:
    con, _, truth = loaded
    planted = [p for p in truth.planted if p.kind == "extra_tab" and p.table == "A_TblCase"]
    rows = con.execute(
        "select record_no from meta.eoir_repair_log where court_table = 'A_TblCase'"
    ).fetchall()
    repaired = {r[0] for r in rows}
    assert sum(p.record_no in repaired for p in planted) >= 0.9 * len(planted)
