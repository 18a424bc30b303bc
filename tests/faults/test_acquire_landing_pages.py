"""CBP's and OHSS's pages: what is new, what is not, and what is only a new name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from publisher_server import Installation, PublisherServer, Reply, csv_reply, page, zip_bytes

from warehouse.acquire import ByteChange, FetchState, KnownFile, Reason, waiting

MAY = "/sites/default/files/2024-06/sbo-encounters-fy21-fy24-may.csv"
JUNE = "/sites/default/files/2024-07/sbo-encounters-fy21-fy24-jun.csv"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    with PublisherServer() as server:
        yield Installation(server, tmp_path)


def test_a_new_release_on_the_page_waits_in_the_inbox_with_its_origin(here: Installation) -> None:
    body = csv_reply(here.sbo, etag='"a1"', last_modified="Mon, 17 Jun 2024 15:00:00 GMT")
    here.server.answer(here.path_of(here.sbo), page(MAY))
    here.server.answer(MAY, body)
    [result] = here.check(here.sbo)
    [arrival] = waiting(here.inbox)
    assert (result.state, result.byte_change) == (FetchState.FETCHED, ByteChange.NEW)
    assert arrival.file.read_bytes() == body.content
    assert arrival.file.name == "sbo-encounters-fy21-fy24-may.csv"
    note = arrival.note
    assert (note.family, note.published_hint, note.data_through) == ("cbp_sbo", "2024-06", "2024-05-01")
    assert (note.url, note.etag, note.last_modified) == (here.server.url(MAY), '"a1"', body.last_modified)
    assert note.sha256 == result.sha256
    assert note.retrieved_at == here.now.isoformat()


def test_the_same_release_is_asked_for_only_by_condition_and_is_unchanged(here: Installation) -> None:
    here.server.answer(here.path_of(here.sbo), page(MAY))
    here.server.answer(MAY, csv_reply(here.sbo, etag='"a1"'))
    here.check(here.sbo)
    [result] = here.check(here.sbo, force=True)
    assert result.state is FetchState.UNCHANGED
    assert here.server.requests(MAY)[-1].headers["if-none-match"] == '"a1"'
    assert len(waiting(here.inbox)) == 1


def test_a_fetched_file_gone_from_inbox_and_archive_is_fetched_again(here: Installation) -> None:
    here.server.answer(here.path_of(here.sbo), page(MAY))
    here.server.answer(MAY, csv_reply(here.sbo, etag='"a1"'))
    here.check(here.sbo)
    waiting(here.inbox)[0].remove()
    [result] = here.check(here.sbo, force=True)
    assert result.state is FetchState.FETCHED


def test_a_file_the_archive_took_is_not_fetched_again(here: Installation) -> None:
    here.server.answer(here.path_of(here.sbo), page(MAY))
    here.server.answer(MAY, csv_reply(here.sbo))
    [first] = here.check(here.sbo)
    here.archive[first.sha256 or ""] = KnownFile(first.sha256 or "", first.url)
    waiting(here.inbox)[0].remove()
    [again] = here.check(here.sbo, force=True)
    assert (again.state, again.byte_change) == (FetchState.UNCHANGED, ByteChange.SAME_BYTES)
    assert waiting(here.inbox) == []


def test_same_bytes_under_a_new_name_add_nothing_and_are_reported_as_such(here: Installation) -> None:
    here.server.answer(here.path_of(here.sbo), page(MAY), page(MAY, JUNE))
    here.server.answer(MAY, csv_reply(here.sbo, etag='"a1"'))
    here.server.answer(JUNE, csv_reply(here.sbo, etag='"b1"'))
    here.check(here.sbo)
    [result] = here.check(here.sbo, force=True)
    assert (result.state, result.byte_change) == (FetchState.UNCHANGED, ByteChange.SAME_BYTES_NEW_NAME)
    assert result.known_as == here.server.url(MAY)
    assert len(waiting(here.inbox)) == 1


def test_silently_replaced_bytes_under_the_same_name_are_fetched_and_named(here: Installation) -> None:
    here.server.answer(here.path_of(here.sbo), page(MAY))
    here.server.answer(MAY, csv_reply(here.sbo, etag='"a1"'), csv_reply(here.sbo, count=8, etag='"a2"'))
    [first] = here.check(here.sbo)
    [second] = here.check(here.sbo, force=True)
    assert (second.state, second.byte_change) == (FetchState.FETCHED, ByteChange.SILENTLY_REPLACED)
    assert second.previous_sha256 == first.sha256
    assert "replaced" in second.message
    assert len(waiting(here.inbox)) == 2


def test_a_month_the_page_does_not_show_yet_is_not_published_yet(here: Installation) -> None:
    here.server.answer(here.path_of(here.sbo), page(MAY))
    here.server.answer(MAY, csv_reply(here.sbo, etag='"a1"'))
    here.check(here.sbo)
    here.now = here.now.replace(month=7, day=12)
    [result] = here.check(here.sbo)
    assert (result.state, result.reason) == (FetchState.NOT_PUBLISHED_YET, Reason.RELEASE_NOT_ON_PAGE)
    assert "June 2024" in result.message
    assert (result.next_due_at.month, result.next_due_at.day) == (7, 13)


def test_a_linked_file_that_is_not_there_is_early_not_broken(here: Installation) -> None:
    here.server.answer(here.path_of(here.sbo), page(MAY))
    [result] = here.check(here.sbo)
    assert (result.state, result.reason) == (FetchState.NOT_PUBLISHED_YET, Reason.FILE_NOT_THERE_YET)
    assert result.http_status == 404


def test_a_held_file_that_is_gone_is_reported_as_withdrawn(here: Installation) -> None:
    here.server.answer(here.path_of(here.sbo), page(MAY))
    here.server.answer(MAY, csv_reply(here.sbo), Reply(status=404))
    here.check(here.sbo)
    [result] = here.check(here.sbo, force=True)
    assert (result.state, result.reason) == (FetchState.CHANGED_OR_BROKEN, Reason.FILE_WITHDRAWN)


def test_a_missing_landing_page_is_broken_and_says_what_to_change(here: Installation) -> None:
    [result] = here.check(here.sbo)
    assert (result.state, result.reason) == (FetchState.CHANGED_OR_BROKEN, Reason.PAGE_GONE)
    assert "landing_page in sources.yml" in result.message
    assert result.is_permanent


def test_a_page_without_a_matching_link_has_changed(here: Installation) -> None:
    here.server.answer(here.path_of(here.sbo), page("/sites/default/files/2024-06/border-counts.csv"))
    [result] = here.check(here.sbo)
    assert (result.state, result.reason) == (FetchState.CHANGED_OR_BROKEN, Reason.NO_LINK_ON_PAGE)
    assert f"none to a file like {here.sbo.example};" in result.message


def test_two_sources_on_one_page_ask_for_the_page_once(here: Installation) -> None:
    folder = "/sites/default/files/2024-06/nationwide-encounters-fy21-fy24-may"
    here.server.answer(here.path_of(here.aor_file), page(f"{folder}-aor.csv", f"{folder}-state.csv"))
    here.server.answer(f"{folder}-aor.csv", csv_reply(here.aor_file))
    here.server.answer(f"{folder}-state.csv", csv_reply(here.state_file))
    results = here.check(here.aor_file, here.state_file)
    assert [(r.source_id, r.state) for r in results] == [
        ("cbp_nationwide_aor", FetchState.FETCHED),
        ("cbp_nationwide_state", FetchState.FETCHED),
    ]
    assert len(here.server.requests(here.path_of(here.aor_file))) == 1


def test_older_files_on_the_page_are_fetched_too_oldest_first(here: Installation) -> None:
    closed = "/sites/default/files/assets/documents/2022-Oct/sbo-encounters-fy19-fy22.csv"
    here.server.answer(here.path_of(here.sbo), page(MAY, closed))
    here.server.answer(MAY, csv_reply(here.sbo))
    here.server.answer(closed, csv_reply(here.sbo, count=99))
    results = here.check(here.sbo)
    assert [r.published_hint for r in results] == ["2022-10", "2024-06"]


def test_an_ohss_workbook_is_taken_when_it_is_a_workbook(here: Installation) -> None:
    path = f"/sites/default/files/2024-11/{here.ohss.example}"
    book = zip_bytes({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>"})
    here.server.answer(here.path_of(here.ohss), page(path))
    here.server.answer(path, Reply(book, content_type="application/octet-stream"))
    results = here.check(here.ohss)
    assert results[0].state is FetchState.FETCHED
    assert (results[0].published_hint, str(results[0].data_through)) == ("2024-11-08", "2024-07-01")


def test_changed_columns_are_refused_kept_and_not_downloaded_again(here: Installation) -> None:
    header = (*here.sbo.header[:-1], "Encounters")
    here.server.answer(here.path_of(here.sbo), page(MAY))
    here.server.answer(MAY, csv_reply(here.sbo, header=header, etag='"a1"'))
    [first] = here.check(here.sbo)
    [again] = here.check(here.sbo, force=True)
    assert (first.state, first.reason) == (FetchState.CHANGED_OR_BROKEN, Reason.COLUMNS_CHANGED)
    assert "lacks Encounter Count; has new Encounters" in first.message
    assert first.path is not None
    assert Path(first.path).read_bytes().startswith(b"Fiscal Year")
    assert waiting(here.inbox) == []
    assert (again.state, again.reason) == (first.state, first.reason)
    assert here.server.requests(MAY)[-1].headers["if-none-match"] == '"a1"'


def test_the_header_check_is_the_callers(here: Installation) -> None:
    here.server.answer(here.path_of(here.sbo), page(MAY))
    here.server.answer(MAY, csv_reply(here.sbo))
    [result] = here.check(here.sbo, header_check=lambda source, names: f"has {len(names)} columns")
    assert result.reason is Reason.COLUMNS_CHANGED
    assert "has 9 columns" in result.message


def test_a_source_is_not_asked_before_it_is_due(here: Installation) -> None:
    here.server.answer(here.path_of(here.sbo), page(MAY))
    here.server.answer(MAY, csv_reply(here.sbo))
    here.check(here.sbo)
    asked = len(here.server.seen)
    here.later(days=6)
    assert here.check(here.sbo) == []
    assert len(here.server.seen) == asked
    here.later(days=1)
    assert len(here.check(here.sbo)) == 1


def test_a_permanent_failure_is_not_asked_again_before_the_next_due_date(here: Installation) -> None:
    here.check(here.sbo)
    here.later(hours=6)
    assert here.check(here.sbo) == []
    here.later(days=1)
    assert len(here.check(here.sbo)) == 1


def test_one_broken_source_keeps_no_other_from_being_asked(here: Installation) -> None:
    here.server.answer(here.path_of(here.sbo), page(MAY))
    here.server.answer(MAY, csv_reply(here.sbo))
    broken, sound = here.check(here.ohss, here.sbo)
    assert (broken.state, sound.state) == (FetchState.CHANGED_OR_BROKEN, FetchState.FETCHED)


def test_requests_carry_our_name_and_contact_and_are_paced(here: Installation) -> None:
    here.server.answer(here.path_of(here.sbo), page(MAY))
    here.server.answer(MAY, csv_reply(here.sbo))
    here.check(here.sbo)
    assert {seen.headers["user-agent"] for seen in here.server.seen} == {here.conduct.user_agent}
    assert here.waits.asked == [here.conduct.pause]


def test_every_answer_is_journaled_and_a_torn_line_is_survived(here: Installation) -> None:
    here.server.answer(here.path_of(here.sbo), page(MAY))
    here.server.answer(MAY, csv_reply(here.sbo))
    here.check(here.sbo)
    journal = here.inbox / "journal.jsonl"
    with journal.open("ab") as file:
        file.write(b'{"fetch_id": "cut')
    here.check(here.sbo, force=True)
    states = [result.state for result in here.journal().results]
    assert states == [FetchState.FETCHED, FetchState.UNCHANGED]
    assert json.loads(journal.read_text().splitlines()[-1])["state"] == "unchanged"


def test_names_from_outside_never_leave_the_inbox(here: Installation) -> None:
    source = replace(here.sbo, link_pattern=".*evil.*")
    path = "/files/..%2F..%2Fevil.csv"
    here.server.answer(here.path_of(source), page(path))
    here.server.answer(path, csv_reply(source))
    [result] = here.check(source)
    assert result.state is FetchState.FETCHED
    assert [arrival.file.name for arrival in waiting(here.inbox)] == ["evil.csv"]
