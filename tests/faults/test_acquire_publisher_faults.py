"""Blocked, broken and slow publishers: which answer is which, what is retried, what a person is told."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from publisher_server import (
    CAPTCHA,
    NO_LENGTH,
    Installation,
    PublisherServer,
    Reply,
    csv_reply,
    page,
    zip_bytes,
)

from warehouse.acquire import AcquireError, FetchState, Reason, check_sources, waiting
from warehouse.acquire.inbox import sole_use

MAY = "/sites/default/files/2024-06/sbo-encounters-fy21-fy24-may.csv"
FORBIDDEN = Reply(b"<html><title>Access Denied</title>", status=403)
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    with PublisherServer() as server:
        installation = Installation(server, tmp_path)
        server.answer(installation.path_of(installation.sbo), page(MAY))
        yield installation


def refuses(here: Installation, *replies: Reply) -> tuple[FetchState, Reason | None]:
    """State and reason when the linked file answers with `replies`; nothing may have arrived."""
    here.server.answer(MAY, *replies)
    [result] = here.check(here.sbo)
    assert waiting(here.inbox) == []
    assert "\n" not in result.message
    return result.state, result.reason


def test_403_on_the_page_is_blocked_and_names_the_file_and_the_folder(here: Installation) -> None:
    here.server.answer(here.path_of(here.sbo), FORBIDDEN)
    [result] = here.check(here.sbo)
    assert (result.state, result.reason) == (FetchState.BLOCKED, Reason.REFUSED_BY_PUBLISHER)
    assert f"save the file named like {here.sbo.example}" in result.message
    assert str(here.inbox / "drop") in result.message
    assert "curl is not installed" in result.message
    assert not result.is_permanent


def test_a_refusal_is_not_retried(here: Installation) -> None:
    here.server.answer(here.path_of(here.sbo), FORBIDDEN)
    here.check(here.sbo)
    assert len(here.server.seen) == 1
    assert here.waits.asked == []


def test_a_captcha_page_for_the_landing_page_is_blocked(here: Installation) -> None:
    here.server.answer(here.path_of(here.sbo), CAPTCHA)
    [result] = here.check(here.sbo)
    assert (result.state, result.reason) == (FetchState.BLOCKED, Reason.CAPTCHA_PAGE)


def test_a_challenge_header_is_blocked(here: Installation) -> None:
    challenge = Reply(b"<html>", status=202, headers={"x-amzn-waf-action": "challenge"})
    assert refuses(here, challenge) == (FetchState.BLOCKED, Reason.CAPTCHA_PAGE)


@pytest.mark.parametrize("content_type", ["text/html", "text/csv"])
def test_a_captcha_page_for_the_file_is_blocked(here: Installation, content_type: str) -> None:
    masked = replace(CAPTCHA, content_type=content_type)
    assert refuses(here, masked) == (FetchState.BLOCKED, Reason.CAPTCHA_PAGE)


def test_a_page_that_mentions_a_captcha_but_has_the_links_is_not_blocked(here: Installation) -> None:
    plain = page(MAY)
    assert isinstance(plain.content, bytes)
    here.server.answer(
        here.path_of(here.sbo),
        replace(plain, content=plain.content.replace(b"<main", b"<script>captcha</script><main")),
    )
    here.server.answer(MAY, csv_reply(here.sbo))
    assert [result.state for result in here.check(here.sbo)] == [FetchState.FETCHED]


@needs_curl
def test_curl_is_tried_when_httpx_is_refused_and_passes_the_same_checks(here: Installation) -> None:
    curled = replace(here.conduct, curl=shutil.which("curl"))
    here.server.answer(here.path_of(here.sbo), FORBIDDEN, page(MAY))
    here.server.answer(MAY, csv_reply(here.sbo, etag='"a1"'))
    [result] = here.check(here.sbo, conduct=curled)
    assert (result.state, result.client) == (FetchState.FETCHED, "curl")
    assert waiting(here.inbox)[0].note.etag == '"a1"'
    assert {seen.headers["user-agent"] for seen in here.server.seen} == {here.conduct.user_agent}


@needs_curl
def test_curl_refused_too_is_blocked_with_two_requests(here: Installation) -> None:
    here.server.answer(here.path_of(here.sbo), FORBIDDEN)
    [result] = here.check(here.sbo, conduct=replace(here.conduct, curl=shutil.which("curl")))
    assert result.state is FetchState.BLOCKED
    assert "curl was refused too" in result.message
    assert len(here.server.seen) == 2


@needs_curl
def test_a_file_cut_off_through_curl_is_truncated(here: Installation) -> None:
    curled = replace(here.conduct, curl=shutil.which("curl"))
    here.server.answer(here.path_of(here.sbo), FORBIDDEN, page(MAY))
    here.server.answer(MAY, csv_reply(here.sbo, cut_after=100))
    [result] = here.check(here.sbo, conduct=curled)
    assert (result.state, result.reason) == (FetchState.CHANGED_OR_BROKEN, Reason.TRUNCATED)


def test_500_then_success_is_fetched_after_one_wait(here: Installation) -> None:
    here.server.answer(MAY, Reply(status=500), csv_reply(here.sbo))
    [result] = here.check(here.sbo)
    assert result.state is FetchState.FETCHED
    assert here.waits.asked.count(here.conduct.first_wait) == 1


def test_500_for_ever_ends_after_the_allowed_tries_and_is_asked_again_in_an_hour(here: Installation) -> None:
    assert refuses(here, Reply(status=500)) == (FetchState.CHANGED_OR_BROKEN, Reason.SERVER_ERROR)
    assert len(here.server.requests(MAY)) == here.conduct.attempts
    here.later(minutes=59)
    assert here.check(here.sbo) == []
    here.later(minutes=1)
    assert len(here.check(here.sbo)) == 1


def test_429_waits_as_long_as_the_publisher_asks(here: Installation) -> None:
    busy = Reply(status=429, headers={"Retry-After": "37"})
    here.server.answer(MAY, busy, csv_reply(here.sbo))
    [result] = here.check(here.sbo)
    assert result.state is FetchState.FETCHED
    assert 37 in here.waits.asked


def test_429_with_a_long_wait_is_blocked_until_then(here: Installation) -> None:
    busy = Reply(status=429, headers={"Retry-After": "7200"})
    here.server.answer(MAY, busy)
    [result] = here.check(here.sbo)
    assert (result.state, result.reason) == (FetchState.BLOCKED, Reason.TOO_MANY_REQUESTS)
    assert (result.next_due_at - here.now).total_seconds() == 7200
    assert len(here.server.requests(MAY)) == 1


def test_a_slow_drip_is_timed_out(here: Installation) -> None:
    impatient = replace(here.conduct, grace=0.1, least_rate=10_000, attempts=2)
    here.server.answer(MAY, csv_reply(here.sbo, drip=0.02))
    [result] = here.check(here.sbo, conduct=impatient)
    assert (result.state, result.reason) == (FetchState.CHANGED_OR_BROKEN, Reason.TIMED_OUT)
    assert not result.is_permanent
    assert waiting(here.inbox) == []


def test_silence_in_the_middle_is_timed_out(here: Installation) -> None:
    impatient = replace(here.conduct, read_timeout=0.2, attempts=1)
    here.server.answer(MAY, csv_reply(here.sbo, stall_after=50))
    [result] = here.check(here.sbo, conduct=impatient)
    assert result.reason is Reason.TIMED_OUT


def test_nobody_listening_is_unreachable_and_transient(here: Installation) -> None:
    nowhere = replace(here.sbo, landing_page="http://127.0.0.1:1/", hosts=("127.0.0.1:1",))
    [result] = here.check(nowhere)
    assert (result.state, result.reason) == (FetchState.CHANGED_OR_BROKEN, Reason.UNREACHABLE)
    assert not result.is_permanent


def test_a_body_cut_off_by_the_connection_is_truncated(here: Installation) -> None:
    assert refuses(here, csv_reply(here.sbo, cut_after=120)) == (
        FetchState.CHANGED_OR_BROKEN,
        Reason.TRUNCATED,
    )


def test_a_declared_length_above_the_body_is_truncated(here: Installation) -> None:
    reply = csv_reply(here.sbo, declared_length=5000)
    assert refuses(here, reply) == (FetchState.CHANGED_OR_BROKEN, Reason.TRUNCATED)


def test_a_declared_length_inside_a_line_is_truncated(here: Installation) -> None:
    reply = csv_reply(here.sbo, declared_length=300)
    assert refuses(here, reply) == (FetchState.CHANGED_OR_BROKEN, Reason.TRUNCATED)


def test_html_in_place_of_csv_is_broken(here: Installation) -> None:
    html = Reply(b"<!DOCTYPE html><html><title>We moved</title></html>" + b" " * 500)
    assert refuses(here, html) == (FetchState.CHANGED_OR_BROKEN, Reason.HTML_IN_PLACE_OF_DATA)


def test_html_labelled_as_csv_is_broken_all_the_same(here: Installation) -> None:
    html = Reply(b"\r\n<html><title>We moved</title></html>" + b" " * 500, content_type="text/csv")
    assert refuses(here, html) == (FetchState.CHANGED_OR_BROKEN, Reason.HTML_IN_PLACE_OF_DATA)


@pytest.mark.parametrize(
    "body", [b"%PDF-1.7 " + b"x" * 500, zip_bytes({"a": b"b" * 900}), b'{"error": true}\n' * 50, bytes(500)]
)
def test_another_type_than_csv_is_refused(here: Installation, body: bytes) -> None:
    reply = Reply(body, content_type="text/csv")
    assert refuses(here, reply) == (FetchState.CHANGED_OR_BROKEN, Reason.WRONG_TYPE)


def test_a_compressed_answer_nobody_asked_for_is_refused(here: Installation) -> None:
    reply = csv_reply(here.sbo, headers={"Content-Encoding": "gzip"})
    assert refuses(here, reply) == (FetchState.CHANGED_OR_BROKEN, Reason.WRONG_TYPE)


def test_a_file_above_the_limit_is_refused_before_it_is_read(here: Installation) -> None:
    small = replace(here.sbo, bytes_max=200)
    here.server.answer(MAY, csv_reply(here.sbo))
    [result] = here.check(small)
    assert result.reason is Reason.TOO_LARGE
    assert list((here.inbox / "partial").rglob("body.part")) == []


def test_a_file_of_unknown_length_is_cut_off_at_the_limit(here: Installation) -> None:
    here.server.answer(MAY, csv_reply(here.sbo, declared_length=NO_LENGTH))
    [result] = here.check(replace(here.sbo, bytes_max=200))
    assert result.reason is Reason.TOO_LARGE
    assert list((here.inbox / "partial").rglob("body.part")) == []


def test_a_file_of_unknown_length_is_taken_when_it_is_whole(here: Installation) -> None:
    here.server.answer(MAY, csv_reply(here.sbo, declared_length=NO_LENGTH))
    assert [result.state for result in here.check(here.sbo)] == [FetchState.FETCHED]


def test_a_file_of_unknown_length_that_ends_inside_a_line_is_truncated(here: Installation) -> None:
    reply = csv_reply(here.sbo, declared_length=NO_LENGTH, cut_after=300)
    assert refuses(here, reply) == (FetchState.CHANGED_OR_BROKEN, Reason.TRUNCATED)


def test_a_file_below_the_limit_is_refused(here: Installation) -> None:
    here.server.answer(MAY, csv_reply(here.sbo))
    [result] = here.check(replace(here.sbo, bytes_min=1_000_000))
    assert result.reason is Reason.TOO_SMALL


def test_a_header_without_rows_is_refused(here: Installation) -> None:
    assert refuses(here, csv_reply(here.sbo, rows=0)) == (FetchState.CHANGED_OR_BROKEN, Reason.TOO_SMALL)


def test_a_redirect_on_the_same_host_is_followed(here: Installation) -> None:
    there = "/moved/sbo.csv"
    here.server.answer(MAY, Reply(status=302, headers={"Location": there}))
    here.server.answer(there, csv_reply(here.sbo))
    [result] = here.check(here.sbo)
    assert result.state is FetchState.FETCHED
    assert (result.url, result.final_url) == (here.server.url(MAY), here.server.url(there))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1.example.org", "user:word@127.0.0.1"])
def test_a_redirect_to_a_foreign_host_is_never_requested(here: Installation, host: str) -> None:
    there = "/elsewhere.csv"
    here.server.answer(there, csv_reply(here.sbo))
    away = Reply(status=301, headers={"Location": here.server.url(there, host=host)})
    assert refuses(here, away) == (FetchState.CHANGED_OR_BROKEN, Reason.FOREIGN_HOST)
    assert here.server.requests(there) == []


def test_a_link_to_a_foreign_host_is_never_requested(here: Installation) -> None:
    here.server.answer(here.path_of(here.sbo), page(here.server.url(MAY, host="localhost")))
    here.server.answer(MAY, csv_reply(here.sbo))
    [result] = here.check(here.sbo)
    assert result.reason is Reason.FOREIGN_HOST
    assert here.server.requests(MAY) == []


def test_redirects_without_end_are_given_up(here: Installation) -> None:
    around = Reply(status=302, headers={"Location": MAY})
    assert refuses(here, around) == (FetchState.CHANGED_OR_BROKEN, Reason.TOO_MANY_REDIRECTS)


def test_an_unexpected_status_is_broken(here: Installation) -> None:
    assert refuses(here, Reply(status=418)) == (FetchState.CHANGED_OR_BROKEN, Reason.UNEXPECTED_STATUS)


def test_the_file_blocked_today_is_fetched_once_it_is_let_through(here: Installation) -> None:
    here.server.answer(MAY, FORBIDDEN, csv_reply(here.sbo))
    [first] = here.check(here.sbo)
    here.later(days=1)
    [second] = here.check(here.sbo)
    assert (first.state, second.state) == (FetchState.BLOCKED, FetchState.FETCHED)


def test_a_second_fetch_at_the_same_time_is_refused_with_one_line(here: Installation) -> None:
    with sole_use(here.inbox), pytest.raises(AcquireError, match="another fetch is running"):
        here.check(here.sbo)


def test_a_clock_without_a_zone_is_refused(here: Installation) -> None:
    with pytest.raises(AcquireError, match="without a zone"):
        check_sources([here.sbo], here.journal(), here.inbox, lambda: here.now.replace(tzinfo=None))


def test_an_inbox_that_cannot_be_written_is_one_line(here: Installation, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(AcquireError, match="make the folder writable"):
        check_sources([here.sbo], here.journal(), blocked / "inbox", lambda: here.now)
