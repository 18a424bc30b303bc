"""The archive keeps bytes once and whole, and says when a file was public and how we know."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from warehouse import archive as archives
from warehouse.archive import TRUST, Archive, ArchiveError, Release, known_files, publication, sha256_of

RELEASE = Release(
    release_id="cbp_sbo-0123456789ab",
    source="CBP Southwest Land Border Encounters",
    family="cbp_sbo",
    layout="csv",
    file_name="sbo.csv",
    sha256="0123456789ab" + "0" * 52,
    bytes=10,
    published_on="2024-02-29",
    published_precision="month",
    published_basis="given by hand",
    data_from="2022-10-01",
    data_through="2024-01-01",
    retrieved_at="2025-03-01T00:00:00",
    origin="supplied by a person",
    origin_sha256=None,
    trust="mirrored",
    lines_in_file=10,
    encounters_in_file=100,
)
JANUARY = dt.date(2024, 1, 1)


def test_bytes_are_kept_once_by_their_hash(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    sha256 = archive.store(b"figures")
    assert sha256 == sha256_of(b"figures") == archive.store(b"figures")
    assert archive.read(sha256) == b"figures"
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == [sha256]


def test_a_write_that_fails_leaves_no_part_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archives.os, "fsync", full_disk)
    archive = Archive(tmp_path)
    with pytest.raises(OSError, match="No space left"):
        archive.store(b"figures")
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
    assert not archive.has(sha256_of(b"figures"))


def test_archived_bytes_that_changed_or_went_are_named_with_the_next_step(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    sha256 = archive.store(b"figures")
    archive.blob(sha256).write_bytes(b"figurez")
    with pytest.raises(ArchiveError, match="no longer have their sha256; ingest the original file again"):
        archive.read(sha256)
    archive.blob(sha256).unlink()
    with pytest.raises(
        ArchiveError, match=f"missing from the archive; ingest the file with sha256 {sha256} again"
    ):
        archive.read(sha256)


def test_a_release_is_recorded_once_and_never_changed(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    assert archive.record(RELEASE)
    assert not archive.record(replace(RELEASE, published_on="2024-05-31"))
    assert archive.releases() == [RELEASE]


def test_releases_come_oldest_first(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for release_id, published_on in (
        ("cbp_sbo-a", "2024-03-31"),
        ("cbp_sbo-c", "2023-01-31"),
        ("cbp_sbo-b", "2024-03-31"),
    ):
        archive.record(replace(RELEASE, release_id=release_id, published_on=published_on))
    assert [r.release_id for r in archive.releases()] == ["cbp_sbo-c", "cbp_sbo-a", "cbp_sbo-b"]


def test_an_empty_archive_has_no_releases(tmp_path: Path) -> None:
    assert Archive(tmp_path / "absent").releases() == []


# ------------------------------------------------------------------------------------- when a file was public


@pytest.mark.parametrize(
    ("path", "on", "precision"),
    [
        ("2024-03/sbo.csv", "2024-03-31", "month"),
        ("mirror/2024-02/csv/sbo.csv", "2024-02-29", "month"),
        ("2023-01/2024-03/sbo.csv", "2024-03-31", "month"),
        ("2024_0309_sbo.csv", "2024-03-09", "day"),
        ("2024-03-09_sbo.csv", "2024-03-09", "day"),
        ("20240309 sbo.csv", "2024-03-09", "day"),
        ("sbo-encounters-fy21-fy24-jan.csv", "2024-02-29", "month"),
        ("SBO-Encounters-FY21-FY24-JAN.csv", "2024-02-29", "month"),
    ],
)
def test_the_path_tells_when_a_file_was_public(path: str, on: str, precision: str) -> None:
    found = publication(path, "0" * 64, JANUARY)
    assert (found.published_on.isoformat(), found.precision) == (on, precision)
    assert found.basis
    assert found.trust == "mirrored"


@pytest.mark.parametrize(
    ("name", "through", "published"),
    [
        ("sbo-encounters-fy19-fy22.csv", dt.date(2022, 9, 1), "2022-10-31"),
        ("sbo-encounters-fy22-fy25-nov.csv", dt.date(2024, 11, 1), "2024-12-31"),
        ("sbo-encounters-fy21-fy24-dec.csv", dt.date(2023, 12, 1), "2024-01-31"),
        ("nationwide-encounters-fy21-fy24-oct-state.csv", dt.date(2023, 10, 1), "2023-11-30"),
    ],
)
def test_a_cut_off_in_the_name_counts_in_fiscal_years(name: str, through: dt.date, published: str) -> None:
    assert publication(name, "0" * 64, through).published_on.isoformat() == published


def test_a_cut_off_that_the_lines_do_not_reach_is_refused() -> None:
    with pytest.raises(
        ArchiveError, match="says data through January 2024, the last month in the file is December 2023"
    ):
        publication("sbo-encounters-fy21-fy24-jan.csv", "0" * 64, dt.date(2023, 12, 1))


def test_a_date_given_by_hand_comes_first() -> None:
    found = publication("2024-03/sbo-encounters-fy21-fy24-jan.csv", "0" * 64, JANUARY, published="2024-02-20")
    assert (found.published_on, found.precision, found.basis) == (
        dt.date(2024, 2, 20),
        "day",
        "given by hand",
    )


@pytest.mark.parametrize(
    "path", ["sbo.csv", "99999999_sbo.csv", "2024-13/sbo.csv", "march/sbo.csv", "2024/03/sbo.csv"]
)
def test_a_path_that_tells_nothing_is_an_error_that_says_how_to_give_the_date(path: str) -> None:
    with pytest.raises(
        ArchiveError,
        match="give --published YYYY-MM or YYYY-MM-DD, or put the file in a folder",
    ):
        publication(path, "0" * 64, JANUARY)


def test_known_files_say_all_that_dates_them() -> None:
    for sha256, entry in known_files().items():
        assert len(sha256) == 64
        if entry["role"] == "release":
            assert entry["published_precision"] in ("day", "month")
            assert entry["trust"] in TRUST
            assert entry["published_basis"]
            assert publication("x.csv", sha256, JANUARY).published_on == entry["published_on"]


def test_a_large_file_is_copied_or_taken_over_and_kept_once(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive")
    source = tmp_path / "release.zip"
    source.write_bytes(b"figures")
    sha256 = archive.store_file(source)
    assert (sha256, archive.read(sha256), source.read_bytes()) == (
        sha256_of(b"figures"),
        b"figures",
        b"figures",
    )
    assert archive.store_file(source, move=True) == sha256
    assert not source.exists()
    source.write_bytes(b"other figures")
    moved = archive.store_file(source, move=True)
    assert archive.read(moved) == b"other figures"
    held = [p.name for p in archive.root.rglob("*") if p.is_file()]
    assert sorted(held) == sorted([sha256, moved])


def test_a_copy_that_fails_leaves_no_part_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archives.os, "fsync", full_disk)
    (tmp_path / "release.zip").write_bytes(b"figures")
    archive = Archive(tmp_path / "archive")
    with pytest.raises(OSError, match="No space left"):
        archive.store_file(tmp_path / "release.zip")
    assert [p for p in archive.root.rglob("*") if p.is_file()] == []
