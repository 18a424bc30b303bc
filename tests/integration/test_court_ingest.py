"""Court releases on their way in: recognised by content, archived once, and made-up ones marked for good."""

from __future__ import annotations

import datetime as dt
import shutil
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.ingest import Outcome, ingest
from warehouse.archive import Archive, sha256_of
from warehouse.court import load_release, synth
from warehouse.writer import Warehouse

NOW = dt.datetime(2026, 8, 20)
CASES = b"IDNCASE\tNAT\r\n1\tMX\r\n"
PROCEEDINGS = b"IDNPROCEEDING\tIDNCASE\r\n7\t1\r\n"
COUNT = b"TableName\tContent\r\nA_TblCase\t1 rows copied.\r\nB_TblProceeding\t1 rows copied.\r\n"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


def release_zip(path: Path, folder: str = "EOIR Case Data 2026-0803/EOIR Case Data/", **extra: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr(f"{folder}a_tblcase.CSV", CASES)
        bundle.writestr(f"{folder}B_TblProceeding.csv", PROCEEDINGS)
        bundle.writestr(f"{folder}Count.txt", COUNT)
        for name, body in extra.items():
            bundle.writestr(f"{folder}{name.replace('__', '.')}", body)
    return path


def taken(archive: Archive, *paths: Path, **options: str | None) -> list[Outcome]:
    return list(ingest(list(paths), archive, now=NOW, **options))  # type: ignore[arg-type]


def test_a_zip_is_known_by_its_members_and_archived_once(archive: Archive, tmp_path: Path) -> None:
    source = release_zip(tmp_path / "any name.zip")
    (first,) = taken(archive, source)
    assert first.status == "added", first.message
    release = first.release
    assert release is not None
    assert (release.family, release.layout, release.trust) == ("eoir_foia", "eoir_zip", "mirrored")
    assert (release.published_on, release.published_basis) == (
        "2026-08-03",
        "date in the release's folder name",
    )
    assert (release.data_from, release.data_through) == (None, "2026-07-01")
    assert release.lines_in_file == 2
    assert release.sha256 == sha256_of(source.read_bytes())
    assert archive.read(release.sha256) == source.read_bytes()
    before = sorted(p for p in archive.root.rglob("*") if p.is_file())
    copied = Path(shutil.copy(source, tmp_path / "other name.zip"))
    assert [o.status for o in taken(archive, copied, source)] == ["known", "known"]
    assert sorted(p for p in archive.root.rglob("*") if p.is_file()) == before


def test_a_folder_of_members_is_one_release_and_other_files_stay_what_they_are(
    archive: Archive, tmp_path: Path
) -> None:
    folder = tmp_path / "drop"
    inner = folder / "EOIR Case Data 2026-0803" / "Lookup"
    inner.mkdir(parents=True)
    (inner.parent / "A_TblCase.csv").write_bytes(CASES)
    (inner.parent / "B_TBLPROCEEDING.CSV").write_bytes(PROCEEDINGS)
    (inner.parent / "count.TXT").write_bytes(COUNT)
    (inner / "tblLookupNationality.csv").write_bytes(b"NAT_CODE\tNAT_NAME\r\nMX\tMEXICO\r\n")
    (folder / "notes.csv").write_bytes(b"a,b\n1,2\n")
    court, notes = taken(archive, folder)
    assert (court.status, notes.status) == ("added", "skipped"), court.message
    assert court.release is not None
    assert court.release.published_on == "2026-08-03"
    assert taken(archive, folder)[0].status == "known"
    with Warehouse(tmp_path / "work" / "court.duckdb") as warehouse:
        report = load_release(warehouse.con, archive.blob(court.release.sha256), court.release.release_id)
        assert {t.table: t.records for t in report.tables} == {
            "A_TblCase": 1,
            "B_TblProceeding": 1,
            "tblLookupNationality": 1,
        }
        assert report.is_reconciled


def test_two_unpacked_releases_side_by_side_are_two_releases(archive: Archive, tmp_path: Path) -> None:
    for day, nat in (("0601", b"MX"), ("0701", b"GT")):
        folder = tmp_path / "drop" / f"EOIR Case Data 2026-{day}" / "EOIR Case Data"
        folder.mkdir(parents=True)
        (folder / "A_TblCase.csv").write_bytes(b"IDNCASE\tNAT\r\n1\t" + nat + b"\r\n")
        (folder.parent / "Count.txt").write_bytes(COUNT)
    found = taken(archive, tmp_path / "drop")
    assert [(o.status, o.release.published_on if o.release else None) for o in found] == [
        ("added", "2026-06-01"),
        ("added", "2026-07-01"),
    ]


def test_nobody_knows_when_it_was_published(archive: Archive, tmp_path: Path) -> None:
    source = release_zip(tmp_path / "release.zip", folder="")
    (refused,) = taken(archive, source)
    assert refused.status == "refused"
    assert "--published YYYY-MM-DD" in refused.message
    (month,) = taken(archive, source, published="2026-08")
    assert "is not a day" in month.message
    (day,) = taken(archive, source, published="2026-08-04")
    assert day.release is not None
    assert (day.release.published_on, day.release.published_basis) == ("2026-08-04", "given by hand")


@pytest.mark.parametrize(
    "mark",
    [
        {"SYNTHETIC__txt": b"made up"},
        {"readme__md": b"These records are SYNTHETIC."},
        {"x__truth__jsonl": b"{}"},
    ],
)
def test_a_release_that_says_it_is_made_up_can_be_nothing_else(
    archive: Archive, tmp_path: Path, mark: dict[str, bytes]
) -> None:
    source = release_zip(tmp_path / "release.zip", **mark)
    for claimed in ("official", "mirrored"):
        (refused,) = taken(archive, source, trust=claimed)
        assert refused.status == "refused"
        assert f"it is synthetic and cannot be {claimed}" in refused.message
    assert not archive.releases()
    (added,) = taken(archive, source)
    assert added.release is not None
    assert added.release.trust == "synthetic"
    assert "SYNTHETIC" in added.message


def test_a_truth_file_beside_the_zip_tells_too(archive: Archive, tmp_path: Path) -> None:
    source = release_zip(tmp_path / "release.zip")
    synth.truth_path(source).write_text("{}\n")
    assert [o.release.trust for o in taken(archive, source) if o.release] == ["synthetic"]


def test_a_release_without_a_mark_can_be_called_synthetic(archive: Archive, tmp_path: Path) -> None:
    (added,) = taken(archive, release_zip(tmp_path / "release.zip"), trust="synthetic")
    assert added.release is not None
    assert added.release.trust == "synthetic"


def test_the_generator_marks_its_zip_inside(archive: Archive, tmp_path: Path) -> None:
    synth.write_release(tmp_path / "made.zip", 5, 1, processes=1)
    synth.truth_path(tmp_path / "made.zip").unlink()
    (added,) = taken(archive, tmp_path / "made.zip")
    assert added.release is not None, added.message
    assert (added.release.trust, added.release.origin) == ("synthetic", "made by a generator")


def test_a_damaged_zip_and_a_lone_table_are_refused_in_one_line(archive: Archive, tmp_path: Path) -> None:
    source = release_zip(tmp_path / "release.zip")
    source.write_bytes(source.read_bytes()[:-30])
    (tmp_path / "A_TblCase.csv").write_bytes(CASES)
    damaged, lone = taken(archive, source, tmp_path / "A_TblCase.csv")
    assert (damaged.status, lone.status) == ("refused", "refused")
    assert "name its folder or zip" in lone.message
    assert "\n" not in damaged.message + lone.message
    assert not archive.releases()


def test_a_release_set_aside_stays_so(archive: Archive, tmp_path: Path) -> None:
    source = release_zip(tmp_path / "release.zip")
    (added,) = taken(archive, source)
    assert added.release is not None
    archive.set_aside(added.release.release_id, "wrong file", NOW)
    (again,) = taken(archive, source)
    assert (again.status, "wrong file" in again.message) == ("known", True)
    assert not archive.releases()


def test_only_a_court_release_can_be_synthetic(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "sbo.csv").write_text("a,b\n1,2\n")
    (refused,) = taken(archive, tmp_path / "sbo.csv", trust="synthetic")
    assert "only a court release" in refused.message


def test_border_synth_writes_a_release_that_ingest_takes(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BORDER_HOME", str(tmp_path / "home"))
    target = tmp_path / "made.zip"
    runner = CliRunner()
    written = runner.invoke(app, ["synth", "eoir", "--cases", "5", "--seed", "2", "--to", str(target)])
    assert written.exit_code == 0, written.output
    assert "SYNTHETIC" in written.output
    assert synth.read_truth(synth.truth_path(target)).seed == 2
    for wrong in (["--to", str(tmp_path / "made.csv")], ["--to", str(target), "--method", "7"]):
        assert runner.invoke(app, ["synth", "eoir", "--cases", "5", *wrong]).exit_code == 2
    taken_in = runner.invoke(app, ["ingest", str(target)])
    assert taken_in.exit_code == 0, taken_in.output
    assert "SYNTHETIC eoir_foia-" in taken_in.output
