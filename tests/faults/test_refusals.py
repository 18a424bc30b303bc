"""A file that is not what it says is refused in one line, and nothing anywhere is touched."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from agency_files import (
    SBO,
    STATE,
    as_csv,
    as_workbook,
    sbo,
    state,
    workbook_lines,
)
from installation import NOW, Home, Ledger, one_line

from orchestration import ingest as way_in
from orchestration.ingest import Outcome, ingest
from transforms.families import families

LINES = sbo("2022-10", "2024-01")
WHOLE = as_csv(SBO, LINES)
NAME = "sbo-encounters-fy23-fy24-jan.csv"
CUT_AT_A_LINE_END = as_csv(SBO, [line for line in LINES if line["Fiscal Year"] == "2023"])


def swapped(one: str, other: str) -> bytes:
    return as_csv(SBO, [line | {one: line[other], other: line[one]} for line in LINES])


REFUSED: dict[str, tuple[str, bytes, tuple[str, ...]]] = {
    "html": (
        NAME,
        b"<!doctype html>\n<html><body>403 Forbidden</body></html>",
        ("line 1", "web page", "CSV header"),
    ),
    "empty": (NAME, b"", ("line 1", "empty", "header line")),
    "cut within a line": (NAME, WHOLE[:-20], ("truncated", "whole last line", "download it again")),
    "cut at a line end": (
        NAME,
        CUT_AT_A_LINE_END,
        ("data through January 2024", "September 2023", "not whole"),
    ),
    "utf-16": (NAME, WHOLE.decode().encode("utf-16"), ("line 1", "UTF-16", "expected UTF-8")),
    "cp1252": (NAME, WHOLE.replace(b"Mexico", b"M\xe9xico", 1), ("line 2", "0xe9", "expected UTF-8")),
    "unknown header": (NAME, b"a,b,c\n1,2,3\n", ("line 1", "'a,b,c'", "expected one of cbp_sbo")),
    "swapped columns": (
        NAME,
        swapped("Component", "Demographic"),
        ("line 2", "column 'Component' holds 'Single Adults'", "expected Office of Field Operations"),
    ),
    "a column short": (
        NAME,
        as_csv([h for h in SBO if h != "Component"], LINES),
        ("line 1", "column 4 is 'Demographic'", "expected 'Component'"),
    ),
    "pdf": (
        "encounters.pdf",
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
        ("line 1", "found a PDF", "expected CSV or xlsx"),
    ),
    "damaged xlsx": (
        "book.xlsx",
        as_workbook(workbook_lines("2019-10", "2021-02"))[:3000],
        ("not a readable workbook", "expected xlsx", "Download it again"),
    ),
    "another xlsx": (
        "book.xlsx",
        as_workbook([{"A": "1"}], header=("A",)),
        ("no sheet has the header FY, Month", "expected the CBP southwest workbook"),
    ),
    "undated": (
        "encounters.csv",
        WHOLE,
        ("nobody knows when", "--published YYYY-MM", "folder named YYYY-MM"),
    ),
    "no lines": (NAME, as_csv(SBO, []), ("line 2", "no data line", "expected figures")),
    "binary": (NAME, bytes(range(1, 256)) * 40, ("line 2", "byte 0x80", "expected UTF-8")),
    "one endless line": (NAME, b"x" * 300_000, ("line 1", "belongs to no known family")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_one_line_that_names_file_value_and_expectation(case: str, ledger: Ledger) -> None:
    name, data, found = REFUSED[case]
    outcome = ledger.add(f"/inbox/{name}", data)
    assert outcome.status in ("refused", "unknown")
    assert outcome.release is None
    assert one_line(outcome.message)
    assert outcome.message.startswith(f"{name}: ")
    for part in found:
        assert part in outcome.message
    assert not ledger.archive.root.exists()


def test_a_refused_file_does_not_stop_the_others(ledger: Ledger, tmp_path: Path) -> None:
    folder = tmp_path / "2024-02"
    folder.mkdir()
    (folder / "a.csv").write_bytes(WHOLE[:-20])
    (folder / "b.csv").write_bytes(WHOLE)
    (folder / "notes.md").write_text("not an agency file")
    outcomes = {Path(o.file).name: o.status for o in ingest([folder], ledger.archive, now=NOW)}
    assert outcomes == {"a.csv": "refused", "b.csv": "added", "notes.md": "skipped"}


@pytest.mark.parametrize("name", ["a.csv", "a.zip"])
def test_a_file_that_cannot_be_read_does_not_stop_the_others(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = tmp_path / "2024-02"
    folder.mkdir()
    for each in (name, "b.csv"):
        (folder / each).write_bytes(WHOLE)
    real_open = io.open

    def locked(file: object, *arguments: object, **options: object) -> object:
        if str(file).endswith(name):
            raise PermissionError(13, "Permission denied", str(file))
        return real_open(file, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr("io.open", locked)
    monkeypatch.setattr("builtins.open", locked)
    first, second = ingest([folder], ledger.archive, now=NOW)
    assert first.status == "refused"
    assert one_line(first.message)
    assert "cannot be read (Permission denied)" in first.message
    assert second.status == "added"


def test_a_link_out_of_the_folder_and_a_dead_one_are_told(ledger: Ledger, tmp_path: Path) -> None:
    store, folder = tmp_path / "store", tmp_path / "2024-02"
    for each in (store / "more", folder):
        each.mkdir(parents=True)
    (store / "out.csv").write_bytes(WHOLE)
    (folder / "here.csv").write_bytes(WHOLE)
    for name, target in {
        "out.csv": store / "out.csv", "more": store / "more", "within.csv": folder / "here.csv",
        "back": folder, "dead.csv": folder / "gone.csv", "dead.zip": folder / "gone.zip",
    }.items():  # fmt: skip
        (folder / name).symlink_to(target)
    outcomes = {Path(o.file).name: o for o in ingest([folder], ledger.archive, now=NOW)}
    assert {name: o.status for name, o in outcomes.items()} == {
        "here.csv": "added", "within.csv": "known",
        "out.csv": "refused", "more": "refused", "dead.csv": "refused", "dead.zip": "refused",
    }  # fmt: skip
    for name in ("out.csv", "more"):
        assert one_line(outcomes[name].message)
        assert f"a link out of the folder, not followed; name {store / name} itself" in outcomes[name].message
    for name in ("dead.csv", "dead.zip"):
        assert "cannot be read (No such file or directory)" in outcomes[name].message


def test_a_dead_link_in_an_unpacked_court_release_is_told_by_its_name(ledger: Ledger, tmp_path: Path) -> None:
    table = tmp_path / "A_TblCase.csv"
    table.symlink_to(tmp_path / "gone.csv")
    (outcome,) = ingest([tmp_path], ledger.archive, published="2026-01", now=NOW)
    assert outcome.status == "refused"
    assert outcome.message.startswith(f"{table}: cannot be read (No such file or directory)")


def test_a_folder_that_cannot_be_listed_is_told(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "2024-02"
    (folder / "locked").mkdir(parents=True)
    (folder / "b.csv").write_bytes(WHOLE)
    listed = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr("os.scandir", scandir)
    first, second = ingest([folder], ledger.archive, now=NOW)
    assert (first.status, second.status) == ("refused", "added")
    assert one_line(first.message)
    assert "locked: cannot be read (Permission denied)" in first.message


def test_a_path_that_is_not_there_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    (outcome,) = ingest([tmp_path / "absent.csv"], ledger.archive, now=NOW)
    assert (outcome.status, one_line(outcome.message)) == ("refused", True)
    assert "no such file or folder" in outcome.message


@pytest.mark.parametrize("published", ["yesterday", "2024-13", "2024-02-30", "24-02"])
def test_a_date_given_by_hand_must_be_one(ledger: Ledger, published: str) -> None:
    outcome = ledger.add("a.csv", WHOLE, published)
    assert outcome.status == "refused"
    assert f"--published {published!r} is not a date; expected YYYY-MM" in outcome.message


# --------------------------------------------------------------------------------------------------------- zips


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as bundle:
        for name, data in members.items():
            bundle.writestr(name, data)
    return stream.getvalue()


def ingested(ledger: Ledger, folder: Path, data: bytes) -> list[Outcome]:
    path = folder / "bundle.zip"
    path.write_bytes(data)
    return list(ingest([path], ledger.archive, published="2024-02", now=NOW))


def test_members_of_a_zip_are_files_like_others(ledger: Ledger, tmp_path: Path) -> None:
    outcomes = ingested(
        ledger,
        tmp_path,
        zipped({"a/sbo.csv": WHOLE, "state.csv": as_csv(STATE, state("2022-10", "2024-01")), "r.md": b"x"}),
    )
    assert [o.status for o in outcomes] == ["added", "added", "skipped"]


@pytest.mark.parametrize(
    "name", ["../../escaped.csv", "/tmp/escaped.csv", "..\\..\\escaped.csv", "C:\\escaped.csv"]
)
def test_a_member_that_points_out_of_the_zip_writes_nothing_outside_the_archive(
    ledger: Ledger, tmp_path: Path, name: str
) -> None:
    inner = tmp_path / "deep" / "er"
    inner.mkdir(parents=True)
    (outcome,) = ingested(ledger, inner, zipped({name: WHOLE}))
    assert outcome.release is not None
    assert outcome.release.file_name.endswith("escaped.csv")
    outside = [p for p in tmp_path.rglob("*") if p.is_file() and ledger.archive.root not in p.parents]
    assert outside == [inner / "bundle.zip"]
    assert not Path("/tmp/escaped.csv").exists()


def test_a_member_larger_than_any_agency_table_is_refused_unread(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(way_in, "MEMBER_LIMIT", 1_000_000)
    (outcome,) = ingested(ledger, tmp_path, zipped({"bomb.csv": b"0" * 5_000_000}))
    assert outcome.status == "refused"
    assert "bomb.csv: 5,000,000 bytes unpacked is over the limit" in outcome.message
    assert not ledger.archive.root.exists()


def test_a_member_that_lies_about_its_size_is_stopped_at_the_limit(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(way_in, "MEMBER_LIMIT", 1_000_000)
    data = bytearray(zipped({"bomb.csv": b"0" * 5_000_000}))
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<I", 900_000)
    (outcome,) = ingested(ledger, tmp_path, bytes(data))
    assert outcome.status == "refused"
    assert one_line(outcome.message)
    assert not ledger.archive.root.exists()


def test_a_workbook_that_unpacks_beyond_the_limit_is_refused_unread(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transforms.families.UNPACKED_LIMIT", 1_000_000)
    data = zipped({"[Content_Types].xml": b"<a/>", "xl/worksheets/sheet1.xml": b"0" * 5_000_000})
    outcome = ledger.add("bomb.xlsx", data, "2024-02")
    assert outcome.status == "refused"
    assert "bomb.xlsx: unpacks to 5,000,004 bytes" in outcome.message


def damaged(data: bytes) -> bytes:
    """The zip with bytes of its first member's packed data changed."""
    found = bytearray(data)
    for at in range(120, 160):
        found[at] ^= 0xFF
    return bytes(found)


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04 and nothing else",
        zipped({"a.csv": WHOLE})[:-30],
        damaged(zipped({"a.csv": WHOLE}, zipfile.ZIP_DEFLATED)),
        damaged(zipped({"a.csv": WHOLE}, zipfile.ZIP_LZMA)),
        damaged(zipped({"a.csv": WHOLE}, zipfile.ZIP_BZIP2)),
        damaged(zipped({"a.csv": WHOLE}, zipfile.ZIP_STORED)),
    ],
    ids=["no zip", "cut", "damaged deflate", "damaged lzma", "damaged bzip2", "damaged stored"],
)
def test_a_damaged_zip_is_refused_in_one_line(ledger: Ledger, tmp_path: Path, data: bytes) -> None:
    (outcome,) = ingested(ledger, tmp_path, data)
    assert outcome.status == "refused"
    assert one_line(outcome.message)
    assert "download it again" in outcome.message
    assert not ledger.archive.root.exists()


def test_an_encrypted_member_is_refused_in_one_line(ledger: Ledger, tmp_path: Path) -> None:
    data = bytearray(zipped({"a.csv": WHOLE}))
    data[6] |= 1  # the flag of encryption, in the member's own header
    at = data.index(b"PK\x01\x02") + 8
    data[at] |= 1
    (outcome,) = ingested(ledger, tmp_path, bytes(data))
    assert outcome.status == "refused"
    assert one_line(outcome.message)
    assert "encrypted" in outcome.message


# -------------------------------------------------------------------------------------------- the command line


@pytest.mark.parametrize("case", ["html", "cut at a line end", "swapped columns", "undated", "damaged xlsx"])
def test_border_ingest_of_a_refused_file_touches_nothing_and_exits_1(
    case: str, home: Home, tmp_path: Path, fingerprint: Callable[[Path], dict[str, bytes]]
) -> None:
    name, data, found = REFUSED[case]
    file = tmp_path / name
    file.write_bytes(data)
    before = fingerprint(home.root)
    done = home.border("ingest", str(file))
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if line.startswith("refused")]
    assert len(lines) == 1
    for part in (name, *found):
        assert part in lines[0]
    assert "Traceback" not in done.stderr
    assert fingerprint(home.root) == before


def test_every_column_of_every_family_is_told_from_its_neighbours() -> None:
    """A column whose values no rule describes could be swapped unseen."""
    for family in families().values():
        for column in family.columns:
            assert column.domain or column.pattern, f"{family.name}.{column.name}"
