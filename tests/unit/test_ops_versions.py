"""Published versions: which are kept, which counts, and what a damaged one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from warehouse import versions
from warehouse.versions import Published


def version(number: int, day: str) -> Published:
    return Published(number, f"{number:012x}", f"{day}T12:00:00", "code", 1, "2024-01-01")


def kept(all_of_them: list[Published], current: Published, last: int) -> list[int]:
    gone = {p.number for p in versions.surplus(all_of_them, current, last)}
    return [p.number for p in all_of_them if p.number not in gone]


def test_the_last_versions_and_the_last_of_each_month_are_kept() -> None:
    days = ["2026-01-03", "2026-01-31", "2026-02-10", "2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"]
    known = [version(n, day) for n, day in enumerate(days, 1)]
    assert kept(known, known[-1], last=2) == [2, 3, 6, 7]


def test_the_current_version_is_kept_whatever_its_age() -> None:
    known = [version(n, "2026-01-01") for n in range(1, 9)]
    assert 1 in kept(known, known[0], last=2)


def test_a_clock_set_back_does_not_make_a_new_version_old() -> None:
    known = [version(1, "2026-05-01"), version(2, "2026-05-02"), version(3, "2020-01-01")]
    assert 3 in kept(known, known[2], last=1)


def test_numbers_go_on_after_a_version_was_removed(tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    (tmp_path / "current.json").write_bytes(version(7, "2026-01-01").to_json())
    assert versions.next_number(tmp_path) == 8


@pytest.mark.parametrize("text", ["", "{", "[]", '{"number": 1}', "null"])
def test_an_unreadable_pointer_is_no_version(tmp_path: Path, text: str) -> None:
    (tmp_path / "current.json").write_text(text)
    assert versions.current(tmp_path) is None


def test_a_changed_a_missing_and_a_foreign_file_are_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    versions.seal(tmp_path)
    assert versions.damaged(tmp_path) == []
    (tmp_path / "a").write_text("changed")
    (tmp_path / "b").unlink()
    (tmp_path / "c").write_text("c")
    found = "\n".join(versions.damaged(tmp_path))
    assert f"{tmp_path / 'a'}: changed" in found
    assert f"{tmp_path / 'b'}: missing" in found
    assert f"{tmp_path / 'c'}: not part" in found
