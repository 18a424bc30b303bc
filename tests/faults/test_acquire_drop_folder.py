"""The drop folder: a file a person saved is held to the same checks, whole or not taken, never lost."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from publisher_server import CAPTCHA, Installation, PublisherServer, csv_reply, zip_bytes

from warehouse.acquire import ByteChange, FetchResult, FetchState, KnownFile, Reason, waiting

NAME = "sbo-encounters-fy21-fy24-may.csv"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    with PublisherServer() as server:
        yield Installation(server, tmp_path)


def sbo_bytes(here: Installation, count: int = 7) -> bytes:
    content = csv_reply(here.sbo, count=count).content
    assert isinstance(content, bytes)
    return content


def dropped(here: Installation, name: str, data: bytes) -> Path:
    path = here.inbox / "drop" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def settled(here: Installation, *paths: Path) -> None:
    """Set the clock to well after the last write."""
    latest = max(path.lstat().st_ctime for path in paths)
    here.now = here.now.fromtimestamp(latest + 60, here.now.tzinfo)


def take(here: Installation) -> list[FetchResult]:
    sources = (here.sbo, here.state_file, here.aor_file, here.ohss, here.eoir)
    results = here.check(here.drop, *sources)
    return [result for result in results if result.source_id == "drop_folder"]


def test_an_empty_drop_folder_gives_no_answer_and_is_there_to_be_used(here: Installation) -> None:
    assert here.check(here.drop) == []
    assert (here.inbox / "drop").is_dir()


def test_a_dropped_file_arrives_under_its_family_and_goes_to_done(here: Installation) -> None:
    path = dropped(here, NAME, sbo_bytes(here))
    settled(here, path)
    [result] = take(here)
    [arrival] = waiting(here.inbox)
    assert (result.state, result.byte_change, result.family) == (
        FetchState.FETCHED,
        ByteChange.NEW,
        "cbp_sbo",
    )
    assert (arrival.note.origin, arrival.note.url, str(arrival.note.data_through)) == (
        "drop",
        None,
        "2024-05-01",
    )
    assert not path.exists()
    assert [p.name for p in (here.inbox / "drop" / "done").rglob("*.csv")] == [NAME]


def test_a_file_still_being_written_is_left_until_it_is_quiet(here: Installation) -> None:
    path = dropped(here, NAME, sbo_bytes(here)[:100])
    here.now = here.now.fromtimestamp(path.stat().st_ctime + 1, here.now.tzinfo)
    [early] = take(here)
    assert (early.state, early.reason) == (FetchState.NOT_PUBLISHED_YET, Reason.STILL_BEING_WRITTEN)
    path.write_bytes(sbo_bytes(here))
    settled(here, path)
    [late] = take(here)
    assert late.state is FetchState.FETCHED
    assert waiting(here.inbox)[0].file.read_bytes() == sbo_bytes(here)


def test_an_old_modification_time_does_not_hide_a_recent_write(here: Installation) -> None:
    path = dropped(here, NAME, sbo_bytes(here))
    os.utime(path, (1_000_000_000, 1_000_000_000))
    here.now = here.now.fromtimestamp(path.stat().st_ctime + 1, here.now.tzinfo)
    assert take(here)[0].reason is Reason.STILL_BEING_WRITTEN


def test_a_clock_set_back_is_named_and_nothing_is_lost(here: Installation) -> None:
    path = dropped(here, NAME, sbo_bytes(here))
    here.now = here.now.fromtimestamp(path.stat().st_ctime - 3_600, here.now.tzinfo)
    assert "3600 s ahead of the clock" in take(here)[0].message
    assert path.exists()


@pytest.mark.parametrize("name", [f"{NAME}.crdownload", f"{NAME}.part", f".{NAME}", f"{NAME}~"])
def test_unfinished_and_hidden_files_are_left_alone(here: Installation, name: str) -> None:
    path = dropped(here, name, sbo_bytes(here))
    settled(here, path)
    assert take(here) == []
    assert path.exists()


def test_the_same_bytes_dropped_under_another_name_add_nothing(here: Installation) -> None:
    here.archive[csv_sha(here)] = KnownFile(csv_sha(here), file_name=NAME)
    path = dropped(here, "copy of file.csv", sbo_bytes(here))
    settled(here, path)
    [result] = take(here)
    assert (result.state, result.byte_change) == (FetchState.UNCHANGED, ByteChange.SAME_BYTES_NEW_NAME)
    assert result.known_as == NAME
    assert waiting(here.inbox) == []
    assert not path.exists()


def test_other_bytes_under_a_name_dropped_before_are_reported_as_replaced(here: Installation) -> None:
    path = dropped(here, NAME, sbo_bytes(here))
    settled(here, path)
    [first] = take(here)
    path = dropped(here, NAME, sbo_bytes(here, count=8))
    settled(here, path)
    [second] = take(here)
    assert (second.state, second.byte_change) == (FetchState.FETCHED, ByteChange.SILENTLY_REPLACED)
    assert second.previous_sha256 == first.sha256
    assert len(list((here.inbox / "drop" / "done").rglob("*.csv"))) == 2


def csv_sha(here: Installation) -> str:
    return hashlib.sha256(sbo_bytes(here)).hexdigest()


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        (NAME, b"Fiscal Year,Other\r\n2024,1\r\n", Reason.COLUMNS_CHANGED),
        (NAME, b"<!DOCTYPE html><title>Data Portal</title>", Reason.HTML_IN_PLACE_OF_DATA),
        (NAME, CAPTCHA.content, Reason.HTML_IN_PLACE_OF_DATA),
        (NAME, b"", Reason.TOO_SMALL),
        ("page.html", b"<html></html>", Reason.WRONG_TYPE),
        ("case.zip", zip_bytes({"../x": b"x"}), Reason.UNSAFE_ARCHIVE),
        ("book.xlsx", zip_bytes({"a": b"x"}), Reason.WRONG_TYPE),
        ("report.pdf", b"%PDF-1.7\nhalf", Reason.TRUNCATED),
    ],
)
def test_a_file_that_is_not_what_it_says_is_put_away_with_the_reason(
    here: Installation, name: str, data: bytes, reason: Reason
) -> None:
    path = dropped(here, name, data)
    settled(here, path)
    [result] = take(here)
    assert (result.state, result.reason) == (FetchState.CHANGED_OR_BROKEN, reason)
    assert result.path is not None
    assert Path(result.path).read_bytes() == data
    assert result.path in result.message
    assert (path.exists(), waiting(here.inbox), take(here)) == (False, [], [])


def test_a_link_is_never_followed(here: Installation, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_bytes(sbo_bytes(here))
    link = here.inbox / "drop" / NAME
    link.parent.mkdir(parents=True)
    link.symlink_to(secret)
    settled(here, link)
    [result] = take(here)
    assert result.reason is Reason.NOT_A_REGULAR_FILE
    assert (secret.exists(), waiting(here.inbox)) == (True, [])


def test_a_pipe_does_not_hang_the_check(here: Installation) -> None:
    pipe = here.inbox / "drop" / "pipe.csv"
    pipe.parent.mkdir(parents=True)
    os.mkfifo(pipe)
    settled(here, pipe)
    assert take(here)[0].reason is Reason.NOT_A_REGULAR_FILE


def test_a_folder_is_put_away_whole(here: Installation) -> None:
    folder = here.inbox / "drop" / "june"
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(sbo_bytes(here))
    settled(here, folder)
    [result] = take(here)
    assert result.reason is Reason.NOT_A_REGULAR_FILE
    assert result.path is not None
    assert (Path(result.path) / NAME).exists()


def test_a_csv_no_source_is_named_for_is_taken_without_a_family(here: Installation) -> None:
    path = dropped(here, "counts.csv", b"a,b\r\n1,2\r\n")
    settled(here, path)
    [result] = take(here)
    assert (result.state, result.family) == (FetchState.FETCHED, None)


def test_a_crash_after_arrival_and_before_done_takes_nothing_twice(here: Installation) -> None:
    path = dropped(here, NAME, sbo_bytes(here))
    settled(here, path)
    take(here)
    path.write_bytes(sbo_bytes(here))  # as if it had not been put away
    settled(here, path)
    [again] = take(here)
    assert (again.state, again.byte_change) == (FetchState.UNCHANGED, ByteChange.SAME_BYTES)
    assert len(waiting(here.inbox)) == 1
