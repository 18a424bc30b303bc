"""EOIR's zip: change by header, ranged resume, checksums, and archives that would do harm."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import inflate64
import pytest
from publisher_server import Installation, PublisherServer, Reply, StoredZip, zip_bytes

from warehouse.acquire import AcquireError, ByteChange, FetchState, Reason, waiting

TAG, OTHER_TAG = '"e7c249785323dd1:0"', '"e8d350896434ee2:0"'
JUNE, JULY = "Mon, 03 Jun 2024 14:22:09 GMT", "Tue, 02 Jul 2024 14:00:00 GMT"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    with PublisherServer() as server:
        yield Installation(server, tmp_path)


def zipped(content: object, **more: object) -> Reply:
    defaults = {
        "content_type": "application/x-zip-compressed",
        "etag": TAG,
        "last_modified": JUNE,
        "ranges": True,
    }
    return Reply(content, **{**defaults, **more})  # type: ignore[arg-type]


def serve(here: Installation, *replies: Reply) -> None:
    # the request path stays percent-encoded, as the publisher's address is
    here.server.answer(here.path_of(here.eoir), *replies)


SMALL = zip_bytes({"EOIR Case Data/A_TblCase.csv": b"IDNCASE\tNAT\r\n" * 500})


def test_the_zip_is_fetched_under_its_own_name(here: Installation) -> None:
    serve(here, zipped(SMALL))
    [result] = here.check(here.eoir)
    assert (result.state, result.byte_change) == (FetchState.FETCHED, ByteChange.NEW)
    assert (result.file_name, result.published_hint) == ("EOIR Case Data.zip", "2024-06-03")
    assert waiting(here.inbox)[0].file.read_bytes() == SMALL


@pytest.mark.parametrize(
    "variant",
    [
        {"etag": "e7c249785323dd1:0"},
        {"etag": 'W/"e7c249785323dd1:0"'},
        {"etag": None},
        {"etag": '"another-node:0"'},
    ],
)
def test_a_head_request_tells_the_same_file_however_the_etag_is_written(
    here: Installation, variant: dict[str, str | None]
) -> None:
    serve(here, zipped(SMALL), zipped(SMALL, **variant))
    here.check(here.eoir)
    [result] = here.check(here.eoir, force=True)
    assert result.state is FetchState.UNCHANGED
    assert here.server.seen[-1].method == "HEAD"


def test_a_replaced_zip_is_fetched_and_known_to_be_replaced_by_design(here: Installation) -> None:
    newer = zip_bytes({"A_TblCase.csv": b"x" * 900})
    serve(here, zipped(SMALL), zipped(newer, etag=OTHER_TAG, last_modified=JULY))
    [first] = here.check(here.eoir)
    here.now = here.now.replace(month=7, day=5)
    [second] = here.check(here.eoir)
    assert (second.state, second.byte_change) == (FetchState.FETCHED, ByteChange.REPLACED_IN_PLACE)
    assert second.previous_sha256 == first.sha256


def test_a_zip_not_replaced_by_its_day_is_not_published_yet(here: Installation) -> None:
    serve(here, zipped(SMALL))
    here.check(here.eoir)
    here.now = here.now.replace(month=7, day=5)
    [result] = here.check(here.eoir)
    assert (result.state, result.reason) == (FetchState.NOT_PUBLISHED_YET, Reason.NOT_REPLACED_YET)
    here.later(days=1)
    [next_day] = here.check(here.eoir)
    assert next_day.state is FetchState.NOT_PUBLISHED_YET
    assert [seen.method for seen in here.server.seen] == ["GET", "HEAD", "HEAD"]


@pytest.mark.parametrize("status", [405, 501])
def test_a_server_without_head_is_asked_by_condition(here: Installation, status: int) -> None:
    serve(here, zipped(SMALL, head_status=status))
    here.check(here.eoir)
    [result] = here.check(here.eoir, force=True)
    assert result.state is FetchState.UNCHANGED
    assert [seen.method for seen in here.server.seen] == ["GET", "HEAD", "GET"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_refused_head_request_is_asked_through_curl(here: Installation) -> None:
    serve(here, zipped(SMALL), Reply(status=403), zipped(SMALL))
    here.check(here.eoir)
    [result] = here.check(here.eoir, force=True, conduct=replace(here.conduct, curl=shutil.which("curl")))
    assert result.state is FetchState.UNCHANGED
    assert [seen.method for seen in here.server.seen] == ["GET", "HEAD", "HEAD"]


def test_an_address_that_is_gone_is_broken_and_says_where_to_look(here: Installation) -> None:
    [result] = here.check(here.eoir)
    assert (result.state, result.reason) == (FetchState.CHANGED_OR_BROKEN, Reason.FILE_WITHDRAWN)
    assert "change url in sources.yml" in result.message


def test_a_download_interrupted_three_times_goes_on_where_it_stopped(here: Installation) -> None:
    content = StoredZip("B_TblProceeding.csv", 6_000_000)
    cut = zipped(content, cut_after=1_700_000)
    serve(here, cut, cut, cut, zipped(content))
    [result] = here.check(here.eoir)
    assert result.state is FetchState.FETCHED
    starts = [seen.headers.get("range") for seen in here.server.seen]
    assert starts[0] is None
    assert all(start is not None for start in starts[1:])
    assert len(starts) == 4
    assert {seen.headers.get("if-range") for seen in here.server.seen[1:]} == {TAG}
    assert waiting(here.inbox)[0].file.stat().st_size == content.size


def test_a_download_goes_on_in_another_process(here: Installation) -> None:
    content = StoredZip("B_TblProceeding.csv", 6_000_000)
    once = replace(here.conduct, attempts=1, progress_bytes=10_000_000)
    serve(here, zipped(content, cut_after=4_000_000), zipped(content))
    [first] = here.check(here.eoir, conduct=once)
    assert (first.state, first.reason, first.is_permanent) == (
        FetchState.CHANGED_OR_BROKEN,
        Reason.TRUNCATED,
        False,
    )
    here.later(hours=1)
    [second] = here.check(here.eoir, conduct=once)
    assert second.state is FetchState.FETCHED
    assert int((here.server.seen[-1].headers["range"]).removeprefix("bytes=").rstrip("-")) > 1_000_000


def test_a_fetch_killed_in_the_middle_loses_nothing_and_goes_on(here: Installation) -> None:
    content = StoredZip("B_TblProceeding.csv", 6_000_000)
    here.server.answer("/case.zip", zipped(content, stall_after=3_000_000), zipped(content))
    command = [sys.executable, "-c", FETCH, here.server.host, str(here.inbox)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        for _ in range(1500):
            parts = list((here.inbox / "partial").glob("*/body.part"))
            if (parts and parts[0].stat().st_size > 2_000_000) or here.server.stopping.wait(0.02):
                break
        process.kill()
    assert waiting(here.inbox) == []
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    [arrival] = waiting(here.inbox)
    assert arrival.file.read_bytes() == b"".join(content.chunks(0))
    assert here.server.seen[-1].headers["range"] > "bytes=1"


def test_parts_nobody_came_back_for_are_removed_after_two_weeks(here: Installation) -> None:
    serve(here, zipped(SMALL))
    old, young = here.inbox / "partial" / "old", here.inbox / "partial" / "young"
    for folder, days in ((old, 15), (young, 13)):
        folder.mkdir(parents=True)
        at = here.now.timestamp() - days * 86_400
        os.utime(folder, (at, at))
    here.check(here.eoir)
    assert (old.exists(), young.exists()) == (False, True)


def test_a_file_replaced_between_two_parts_is_begun_again(here: Installation) -> None:
    old, new = StoredZip("B.csv", 3_000_000, seed=1), StoredZip("B.csv", 3_000_000, seed=2)
    serve(here, zipped(old, cut_after=2_000_000), zipped(new, etag=OTHER_TAG, last_modified=JULY))
    [result] = here.check(here.eoir)
    assert result.state is FetchState.FETCHED
    assert result.etag == OTHER_TAG
    assert waiting(here.inbox)[0].file.read_bytes() == b"".join(new.chunks(0))


def test_parts_that_do_not_belong_together_are_found_by_checksum_and_fetched_whole(
    here: Installation,
) -> None:
    old, new = StoredZip("B.csv", 3_000_000, seed=1), StoredZip("B.csv", 3_000_000, seed=2)
    serve(here, zipped(old, cut_after=2_000_000), zipped(new))  # the same ETag for other bytes
    [result] = here.check(here.eoir)
    assert result.state is FetchState.FETCHED
    assert waiting(here.inbox)[0].file.read_bytes() == b"".join(new.chunks(0))
    assert [seen.headers.get("range") is None for seen in here.server.seen] == [True, False, True]


def test_without_ranges_an_interrupted_download_is_begun_again(here: Installation) -> None:
    content = StoredZip("B.csv", 3_000_000)
    serve(here, zipped(content, ranges=False, cut_after=2_000_000), zipped(content, ranges=False))
    [result] = here.check(here.eoir)
    assert result.state is FetchState.FETCHED


def test_without_a_strong_validator_parts_are_never_joined(here: Installation) -> None:
    content = StoredZip("B.csv", 3_000_000)
    weak = {"etag": 'W/"1"', "last_modified": None}
    serve(here, zipped(content, cut_after=2_000_000, **weak), zipped(content, **weak))
    [result] = here.check(here.eoir)
    assert result.state is FetchState.FETCHED
    assert [seen.headers.get("range") for seen in here.server.seen] == [None, None]


def test_an_answer_with_the_wrong_range_is_not_joined(here: Installation) -> None:
    content = StoredZip("B.csv", 3_000_000)
    wrong = Reply(b"x" * 10, status=206, etag=TAG, headers={"Content-Range": f"bytes 5-14/{content.size}"})
    serve(here, zipped(content, cut_after=2_000_000), wrong, zipped(content))
    [result] = here.check(here.eoir)
    assert result.state is FetchState.FETCHED


def test_an_endless_trickle_of_interruptions_is_given_up(here: Installation) -> None:
    content = StoredZip("B.csv", 9_000_000)
    serve(here, zipped(content, cut_after=300_000))
    [result] = here.check(here.eoir, conduct=replace(here.conduct, attempts_with_progress=6))
    assert (result.reason, len(here.server.seen)) == (Reason.TRUNCATED, 6)


def test_a_disk_without_room_is_one_line_before_anything_is_written(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1_000))
    serve(here, zipped(SMALL))
    with pytest.raises(AcquireError, match="make room or set BORDER_HOME"):
        here.check(here.eoir)
    assert waiting(here.inbox) == []


# --- archives


def deflate64_zip(name: str, data: bytes, crc: int | None = None) -> bytes:
    deflater = inflate64.Deflater()
    packed = deflater.deflate(data) + deflater.flush()
    encoded = name.encode()
    common = (
        21,
        0,
        9,
        0,
        0x21,
        zlib.crc32(data) if crc is None else crc,
        len(packed),
        len(data),
        len(encoded),
        0,
    )
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", *common) + encoded + packed
    directory = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 21, *common, 0, 0, 0, 0, 0) + encoded
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), len(local), 0)
    return local + directory + end


def test_a_member_packed_with_deflate64_passes_its_checksum(here: Installation) -> None:
    serve(here, zipped(deflate64_zip("B_TblProceeding.csv", b"IDNPROCEEDING\tCOMP_DATE\r\n" * 60_000)))
    [result] = here.check(here.eoir)
    assert result.state is FetchState.FETCHED


def flipped_bit() -> bytes:
    data = bytearray(zip_bytes({"A_TblCase.csv": b"IDNCASE\r\n" * 300}, zipfile.ZIP_STORED))
    data[200] ^= 1
    return bytes(data)


def lying_size() -> bytes:
    """The directory declares 100 bytes; the member unpacks to 5,000,000."""
    data = bytearray(zip_bytes({"a.csv": bytes(5_000_000)}))
    at = data.rfind(b"PK\x01\x02")
    struct.pack_into("<L", data, at + 24, 100)
    return bytes(data)


def named(name: str) -> bytes:
    return zip_bytes({name: b"x" * 400})


def symlink() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("Count.txt")
        link.create_system = 3
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd" + " " * 400)
    return buffer.getvalue()


def overlapping() -> bytes:
    """Two directory entries for the same packed bytes: the quoted kind of bomb."""
    data = bytearray(zip_bytes({"a.csv": b"1" * 900, "b.csv": b"2" * 900}))
    second = data.rfind(b"PK\x01\x02")
    struct.pack_into("<L", data, second + 42, 0)
    return bytes(data)


def encrypted() -> bytes:
    data = bytearray(named("a.csv"))
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def many_members() -> bytes:
    data = bytearray(named("a.csv"))
    struct.pack_into("<L", data, data.rfind(b"PK\x05\x06") + 12, 900_000_000)
    return bytes(data)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(lambda: zip_bytes({"bomb.csv": bytes(60_000_000)}), Reason.UNSAFE_ARCHIVE, id="bomb"),
        pytest.param(lying_size, Reason.UNSAFE_ARCHIVE, id="longer than declared"),
        pytest.param(overlapping, Reason.UNSAFE_ARCHIVE, id="overlapping members"),
        pytest.param(many_members, Reason.UNSAFE_ARCHIVE, id="huge directory"),
        pytest.param(lambda: named("../../etc/cron.d/x"), Reason.UNSAFE_ARCHIVE, id="path traversal"),
        pytest.param(
            lambda: named("a\\..\\..\\x.csv"), Reason.UNSAFE_ARCHIVE, id="traversal with backslashes"
        ),
        pytest.param(lambda: named("/etc/passwd"), Reason.UNSAFE_ARCHIVE, id="absolute path"),
        pytest.param(lambda: named("C:/x.csv"), Reason.UNSAFE_ARCHIVE, id="drive letter"),
        pytest.param(symlink, Reason.UNSAFE_ARCHIVE, id="symbolic link"),
        pytest.param(encrypted, Reason.UNSAFE_ARCHIVE, id="encrypted"),
        pytest.param(
            lambda: zip_bytes({"a.csv": b"x" * 900}, zipfile.ZIP_BZIP2),
            Reason.UNSAFE_ARCHIVE,
            id="other method",
        ),
        pytest.param(flipped_bit, Reason.CORRUPT_ARCHIVE, id="flipped bit"),
        pytest.param(
            lambda: deflate64_zip("B.csv", b"x" * 900, crc=7), Reason.CORRUPT_ARCHIVE, id="deflate64 crc"
        ),
        pytest.param(lambda: SMALL[:-30], Reason.TRUNCATED, id="end missing"),
    ],
)
def test_an_unsound_zip_never_arrives(here: Installation, make: Callable[[], bytes], reason: Reason) -> None:
    serve(here, zipped(make()))
    [result] = here.check(replace(here.eoir, bytes_min=1))
    assert (result.state, result.reason) == (FetchState.CHANGED_OR_BROKEN, reason)
    assert result.is_permanent
    assert waiting(here.inbox) == []
    assert not any(path.is_file() for path in (here.inbox / "partial").rglob("*"))


def test_an_unsound_zip_is_not_downloaded_again_until_it_changes(here: Installation) -> None:
    serve(
        here, zipped(flipped_bit()), zipped(flipped_bit()), zipped(SMALL, etag=OTHER_TAG, last_modified=JULY)
    )
    here.check(here.eoir)
    here.later(days=1)
    [again] = here.check(here.eoir)
    assert (again.state, again.reason) == (FetchState.CHANGED_OR_BROKEN, Reason.CORRUPT_ARCHIVE)
    assert [seen.method for seen in here.server.seen] == ["GET", "HEAD"]
    here.later(days=1)
    [mended] = here.check(here.eoir)
    assert mended.state is FetchState.FETCHED


def test_a_zip_that_would_fill_the_disk_is_refused(here: Installation) -> None:
    serve(here, zipped(SMALL))
    [result] = here.check(replace(here.eoir, unpacked_bytes_max=1000))
    assert result.reason is Reason.UNSAFE_ARCHIVE


# --- the real size

FETCH = """
import json, re, sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from warehouse.acquire import AcquireState, Conduct, check_sources, load_sources
host, inbox = sys.argv[1], Path(sys.argv[2])
source = replace(load_sources()["eoir_foia"], url=f"http://{host}/case.zip", hosts=(host,), bytes_min=1)
conduct = Conduct(sleep=lambda seconds: None)
state = AcquireState(inbox / "journal.jsonl")
[result] = check_sources([source], state, inbox, lambda: datetime.now(UTC), conduct=conduct)
# not getrusage: its maximum counts the parent before exec
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
got = {"state": result.state, "message": result.message, "sha256": result.sha256, "peak": peak * 1024}
print(json.dumps(got))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_two_gigabytes_interrupted_three_times_arrive_whole_in_bounded_memory(here: Installation) -> None:
    content = StoredZip("B_TblProceeding.csv", 2_000_000_000)
    cut = zipped(content, cut_after=600_000_000)
    here.server.answer("/case.zip", cut, cut, cut, zipped(content))
    run = subprocess.run(
        [sys.executable, "-c", FETCH, here.server.host, str(here.inbox)],
        capture_output=True,
        text=True,
        timeout=500,
        check=True,
    )
    got = json.loads(run.stdout)
    assert got["state"] == "fetched", got["message"]
    assert len(here.server.seen) == 4
    assert got["peak"] < 150_000_000, f"{got['peak']:,} bytes at most in memory"
    [arrival] = waiting(here.inbox)
    assert (arrival.note.sha256, arrival.note.bytes) == (got["sha256"], content.size)
    with arrival.file.open("rb") as file:
        assert all(file.read(len(chunk)) == chunk for chunk in content.chunks(0))
    arrival.remove()
