"""Copies of the published versions on other file systems: whole, in the same order, nothing sent twice."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import fsspec
import pytest
from editions import answer_of, publish_edition

from warehouse import versions


@pytest.fixture
def published(tmp_path: Path) -> Path:
    publish_edition(tmp_path / "build.duckdb", tmp_path / "published", 1)
    return tmp_path / "published"


def test_a_copy_on_a_local_target_is_the_whole_version(published: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    record = versions.copy_to(published, f"file://{target}")
    assert versions.current(target) == record == versions.current(published)
    folder = versions.current_folder(target)
    assert folder is not None
    assert versions.damaged(folder) == []
    assert answer_of(target / "warehouse.duckdb") == answer_of(published / "warehouse.duckdb")
    assert not list(target.rglob("*.next"))


def test_a_copy_in_memory_has_every_file_and_the_pointer(published: Path) -> None:
    url = f"memory://desk-{dt.datetime.now().timestamp()}"
    versions.copy_to(published, url)
    fs, root = fsspec.url_to_fs(url)
    folder = versions.current_folder(published)
    assert folder is not None
    wanted = {p.relative_to(published).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    wanted |= {n: (published / n).read_bytes() for n in ("warehouse.duckdb", "current.json")}
    assert {path.removeprefix(f"{root}/"): fs.cat_file(path) for path in fs.find(root)} == wanted


def test_what_the_target_holds_already_is_not_sent_again(published: Path, tmp_path: Path) -> None:
    url = f"file://{tmp_path / 'elsewhere'}"
    versions.copy_to(published, url)
    before = (tmp_path / "elsewhere" / "warehouse.duckdb").stat().st_ino
    versions.copy_to(published, url)
    assert (tmp_path / "elsewhere" / "warehouse.duckdb").stat().st_ino == before


def test_the_target_keeps_as_many_versions_as_the_policy_says(tmp_path: Path) -> None:
    for edition in range(1, 5):
        publish_edition(tmp_path / "build.duckdb", tmp_path / "published", edition, keep=10)
        versions.copy_to(tmp_path / "published", f"file://{tmp_path / 'elsewhere'}", last=2)
    assert [p.number for p in versions.published_versions(tmp_path / "elsewhere")] == [3, 4]


def test_a_failing_copy_leaves_the_target_and_hides_the_address(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"file://{tmp_path / 'elsewhere-s3cret'}"
    versions.copy_to(published, url)
    publish_edition(tmp_path / "build.duckdb", published, 2)

    def full(fs: object, path: Path, remote: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(versions, "_put", full)
    with pytest.raises(versions.TargetError, match="No space left on device") as raised:
        versions.copy_to(published, url)
    assert "s3cret" not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert answer_of(tmp_path / "elsewhere-s3cret" / "warehouse.duckdb")[0] == 1
