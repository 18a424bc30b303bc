"""`border fetch`: from the publisher's page to the archive, with every answer on screen and nothing lost between."""

from __future__ import annotations

import datetime as dt
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from agency_files import SBO, as_csv, sbo
from publisher_server import CAPTCHA, PublisherServer, Reply, page
from typer.testing import CliRunner

from orchestration import fetch as fetching
from orchestration.cli import app
from orchestration.fetch import FetchReport, acquire_state, fetch, held_by_family
from warehouse.acquire import AcquireError, FetchState, Source, load_sources
from warehouse.acquire.sources import SOURCES_FILE
from warehouse.archive import Archive
from warehouse.paths import Home
from warehouse.writer import BuildLock, Warehouse

NAME = "sbo-encounters-fy22-fy25-nov.csv"
FILE = f"/sites/default/files/2024-12/{NAME}"
NOW = dt.datetime(2024, 12, 20, 12, tzinfo=dt.UTC)


@pytest.fixture
def server() -> Iterator[PublisherServer]:
    with PublisherServer() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def source(server: PublisherServer) -> Source:
    registered = load_sources()["cbp_sbo"]
    address = server.url(urlsplit(registered.landing_page or "").path)
    return replace(registered, landing_page=address, hosts=(server.host,), bytes_min=100)


def offer(server: PublisherServer, source: Source, data: bytes | Reply, path: str = FILE) -> None:
    server.answer(urlsplit(source.landing_page or "").path, page(path))
    reply = data if isinstance(data, Reply) else Reply(data, content_type="text/csv", etag='"1"')
    server.answer(path, reply)


def asked(home: Home, source: Source, now: dt.datetime = NOW, force: bool = True) -> FetchReport:
    sources = {source.id: source, "drop_folder": replace(load_sources()["drop_folder"], settle_seconds=0)}
    return fetch(home, lambda: now, sources=sources, force=force)


def put_down(home: Home, name: str, data: bytes) -> None:
    file = home.inbox / "drop" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def in_an_hour() -> dt.datetime:
    """When a file written now has been quiet for long enough."""
    return dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)


def month_file(last: str = "2024-11") -> bytes:
    return as_csv(SBO, sbo("2021-10", last), newline="\r\n")


def test_a_fetched_file_is_archived_as_official_with_its_address(
    server: PublisherServer, home: Home, source: Source
) -> None:
    offer(server, source, month_file())
    report = asked(home, source)
    assert [a.state for a in report.answers] == [FetchState.FETCHED]
    (release,) = Archive(home.archive).releases()
    assert (release.trust, release.origin, release.file_name) == ("official", server.url(FILE), NAME)
    assert (release.published_on, release.published_precision) == (
        "2024-12-20",
        "month",
    )  # never after the day it was fetched
    assert "Last-Modified" in release.published_basis
    assert not report.has_trouble
    assert not list((home.inbox / "arrivals").glob("*/*"))


def test_what_is_archived_is_not_fetched_again(server: PublisherServer, home: Home, source: Source) -> None:
    offer(server, source, month_file())
    asked(home, source)
    again = asked(home, source, NOW + dt.timedelta(days=8))
    assert [a.state for a in again.answers] == [FetchState.UNCHANGED]
    assert len(Archive(home.archive).releases()) == 1


def test_a_lost_journal_costs_one_comparison_and_no_second_release(
    server: PublisherServer, home: Home, source: Source
) -> None:
    offer(server, source, month_file())
    asked(home, source)
    fetching.journal_of(home).unlink()
    again = asked(home, source)
    assert [a.state for a in again.answers] == [FetchState.UNCHANGED]
    assert len(Archive(home.archive).releases()) == 1


def test_a_silently_replaced_file_is_a_release_of_its_own(
    server: PublisherServer, home: Home, source: Source
) -> None:
    offer(server, source, month_file())
    asked(home, source)
    changed = month_file().replace(b",Mexico,", b",Other,", 1)
    offer(server, source, Reply(changed, content_type="text/csv", etag='"2"'))
    report = asked(home, source, NOW + dt.timedelta(days=8))
    assert "replaced the bytes" in report.answers[0].message
    assert len(Archive(home.archive).releases()) == 2


def test_a_kill_between_inbox_and_archive_loses_nothing(
    server: PublisherServer, home: Home, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(server, source, month_file())

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fetching, "archive_arrivals", killed)
        with pytest.raises(KeyboardInterrupt):
            asked(home, source)
    assert Archive(home.archive).releases() == []
    report = asked(home, source, force=False)
    assert report.answers == []
    assert [o.status for o in report.archived] == ["added"]
    assert len(Archive(home.archive).releases()) == 1


def test_a_file_the_archive_refuses_stays_in_the_inbox_and_says_why(home: Home, source: Source) -> None:
    put_down(home, "notes.csv", b"a,b\n1,2\n")
    report = asked(home, source, in_an_hour(), force=False)
    (line,) = report.waiting
    assert "notes.csv: waits in the inbox" in line
    assert report.has_trouble
    assert len(list((home.inbox / "arrivals").rglob("notes.csv"))) == 1


def test_a_dropped_file_is_mirrored_and_dated_by_its_name(home: Home, source: Source) -> None:
    put_down(home, NAME, month_file())
    asked(home, source, in_an_hour(), force=False)
    (release,) = Archive(home.archive).releases()
    assert (release.trust, release.published_on) == ("mirrored", "2024-12-31")
    assert held_by_family(Archive(home.archive))["cbp_sbo"].data_through == dt.date(2024, 11, 1)


def court_zip(note: str = "Readme.txt") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as bundle:
        for member, body in (("A_TblCase.csv", "IDNCASE\tNAT\r\n1\tMX\r\n"), (note, "")):
            bundle.writestr(f"EOIR Case Data 2024-1203/EOIR Case Data/{member}", body)
    return packed.getvalue()


@pytest.mark.parametrize(("note", "trust"), [("Readme.txt", "mirrored"), ("SYNTHETIC.txt", "synthetic")])
def test_a_dropped_court_release_is_archived_and_dated_by_its_folder(
    home: Home, source: Source, note: str, trust: str
) -> None:
    sent = court_zip(note)
    put_down(home, "EOIR Case Data.zip", sent)
    report = asked(home, source, in_an_hour(), force=False)
    assert report.waiting == []
    (release,) = Archive(home.archive).releases()
    assert (release.family, release.trust, release.published_on) == ("eoir_foia", trust, "2024-12-03")
    assert Archive(home.archive).read(release.sha256) == sent
    assert not list((home.inbox / "arrivals").rglob("*.zip"))


def test_a_fetched_court_release_is_official_and_dated_by_last_modified(
    server: PublisherServer, home: Home
) -> None:
    registered = load_sources()["eoir_foia"]
    path = urlsplit(registered.url or "").path
    source = replace(registered, url=server.url(path), hosts=(server.host,), bytes_min=100)
    server.answer(
        path,
        Reply(
            court_zip(),
            content_type="application/zip",
            etag='"1"',
            last_modified="Thu, 05 Dec 2024 14:22:09 GMT",
        ),
    )
    report = asked(home, source)
    assert report.waiting == [], report.answers
    (release,) = Archive(home.archive).releases()
    assert (release.trust, release.published_on) == ("official", "2024-12-05")
    assert release.published_basis == "Last-Modified at the publisher"
    assert release.origin == source.url


def test_the_log_follows_the_journal_and_waits_for_no_build(
    server: PublisherServer, home: Home, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(server, source, month_file())
    asked(home, source)
    state = acquire_state(home, Archive(home.archive))
    with BuildLock(home.build_lock), monkeypatch.context() as patch:
        patch.setattr(BuildLock, "_held", {})  # as another process would see it
        note = fetching.log_answers(home, state)
    assert note is not None
    assert "the journal has everything" in note
    for _ in range(2):
        assert fetching.log_answers(home, state) is None
    with Warehouse(home.build_file) as warehouse:
        rows = warehouse.con.execute("select source_id, fetch_state from meta.fetch_log").fetchall()
    assert rows == [("cbp_sbo", "fetched")]


# On the screen


def shown(home: Home, server: PublisherServer, tmp_path: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and output of `border fetch` with every source on the loopback server."""
    register = yaml.safe_load(SOURCES_FILE.read_text("utf-8"))
    for entry in register.values():
        for key in ("landing_page", "url"):
            if key in entry:
                entry[key] = server.url(urlsplit(entry[key]).path)
                entry["hosts"] = [server.host]
                entry["bytes"]["min"] = 100
    (tmp_path / "sources.yml").write_text(yaml.safe_dump(register), "utf-8")
    done = CliRunner().invoke(
        app,
        ["fetch", *arguments],
        env={"BORDER_HOME": str(home.root), fetching.SOURCES_VARIABLE: str(tmp_path / "sources.yml")},
    )
    return done.exit_code, done.output


def landing(source_id: str) -> str:
    return urlsplit(load_sources()[source_id].landing_page or "").path


def test_each_answer_is_one_line_with_the_next_step(
    server: PublisherServer, home: Home, tmp_path: Path
) -> None:
    offer(server, load_sources()["cbp_sbo"], month_file("2021-12").replace(b"\r\n", b"\r\n"), FILE)
    server.answer(landing("cbp_sbo"), page("/sites/default/files/2022-01/sbo-encounters-fy22-fy22-dec.csv"))
    server.answer(
        "/sites/default/files/2022-01/sbo-encounters-fy22-fy22-dec.csv",
        Reply(month_file("2021-12"), content_type="text/csv"),
    )
    server.answer(landing("cbp_nationwide_state"), CAPTCHA)
    server.answer(landing("ohss_monthly"), Reply(b"gone", status=404))
    code, text = shown(home, server, tmp_path, "cbp_sbo", "cbp_nationwide_state", "ohss_monthly")
    lines = {
        line.split(": ")[0] + ": " + line.split(": ")[1]: line for line in text.splitlines() if ": " in line
    }
    assert code == 1
    assert "cbp_sbo: fetched" in lines
    assert "is expected from day 10" in lines["cbp_sbo: not published yet"]
    assert str(home.inbox / "drop") in lines["cbp_nationwide_state: blocked"]
    assert "landing_page in sources.yml" in lines["ohss_monthly: changed or broken"]
    assert "border build" in text
    assert "Traceback" not in text


def test_answers_as_json_carry_the_next_step(server: PublisherServer, home: Home, tmp_path: Path) -> None:
    server.answer(landing("cbp_sbo"), CAPTCHA)
    code, text = shown(home, server, tmp_path, "cbp_sbo", "--json")
    (answer,) = json.loads(text)["answers"]
    assert code == 1
    assert answer["state"] == "blocked"
    assert "drop folder" in answer["next_step"]


def test_a_source_nobody_knows_is_a_usage_error(server: PublisherServer, home: Home, tmp_path: Path) -> None:
    code, text = shown(home, server, tmp_path, "cpb_sbo")
    assert code == 2
    assert "cpb_sbo: no such source" in text


def test_a_register_that_breaks_its_schema_is_named(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sources.yml").write_text("cbp_sbo: {kind: landing_page}\n")
    monkeypatch.setenv(fetching.SOURCES_VARIABLE, str(tmp_path / "sources.yml"))
    with pytest.raises(AcquireError, match=r"sources\.yml: cbp_sbo"):
        fetching.registered_sources()
