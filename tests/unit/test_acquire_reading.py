"""What names, folders, pages, headers and calendars say, before any request."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml

from warehouse.acquire import (
    AcquireError,
    Cadence,
    FetchResult,
    FetchState,
    Reason,
    expected_header,
    load_sources,
)
from warehouse.acquire.conduct import user_agent
from warehouse.acquire.errors import PermanentFault
from warehouse.acquire.exchange import normal_etag, refuse_foreign, retry_after
from warehouse.acquire.inbox import safe_file_name
from warehouse.acquire.landing import data_through, links, published_hint, release_links
from warehouse.acquire.sources import SOURCES_FILE

SOURCES = load_sources()
CBP = "https://www.cbp.gov"


@pytest.mark.parametrize(
    ("source_id", "name", "month"),
    [
        ("cbp_sbo", "sbo-encounters-fy22-fy25-nov.csv", date(2024, 11, 1)),
        ("cbp_sbo", "sbo-encounters-fy21-fy24-sep.csv", date(2024, 9, 1)),
        ("cbp_sbo", "sbo-encounters-fy19-fy22.csv", date(2022, 9, 1)),
        ("cbp_sbo", "SBO-Encounters-FY23-FY26-Apr_0.csv", date(2026, 4, 1)),
        ("cbp_nationwide_state", "nationwide-encounters-fy21-fy24-oct-state.csv", date(2023, 10, 1)),
        ("cbp_nationwide_aor", "nationwide-encounters-fy23-fy26-aug-aor_0.csv", date(2026, 8, 1)),
        (
            "ohss_monthly",
            "24-1011_ohss_immigration-enforcement-and-legal-processes-tables-june-2024_2.xlsx",
            date(2024, 6, 1),
        ),
    ],
)
def test_a_file_name_says_how_far_its_data_reach(source_id: str, name: str, month: date) -> None:
    match = SOURCES[source_id].names_file(name)
    assert match is not None
    assert data_through(match) == month


@pytest.mark.parametrize("source_id", [name for name, source in SOURCES.items() if source.link_pattern])
def test_the_example_of_a_source_is_its_own_and_no_other_sources_file(source_id: str) -> None:
    example = SOURCES[source_id].example or ""
    assert [name for name, source in SOURCES.items() if source.names_file(example)] == [source_id]


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/sites/default/files/2024-06/sbo.csv", "2024-06"),
        ("/sites/default/files/assets/documents/2022-Oct/sbo.csv", "2022-10"),
        ("/sites/default/files/2024-11/2024_1108_ohss_tables.xlsx", "2024-11-08"),
        ("/sites/default/files/2024-10/24-1011_ohss_tables.xlsx", "2024-10-11"),
        ("/sites/default/files/2024-13/sbo.csv", None),
        ("/files/sbo.csv", None),
    ],
)
def test_the_address_says_when_a_file_was_put_up(path: str, hint: str | None) -> None:
    assert published_hint(CBP + path) == hint


def test_links_are_found_through_a_parser_not_by_text() -> None:
    html = """
      <base href="https://www.cbp.gov/document/stats/">
      <!-- <a href="/commented.csv"> --> <script>"<a href='/script.csv'>"</script>
      <A HREF = '/sites/a&amp;b.csv#top'>one</A><a href=relative.csv>two</a>
      <a href="/sites/a&amp;b.csv">again</a>
      <a href="mailto:x@y"> <a href="http://[broken"> <a> <area href="//www.cbp.gov/area.csv">
    """
    assert links(html, "https://www.cbp.gov/x") == [
        "https://www.cbp.gov/sites/a&b.csv",
        "https://www.cbp.gov/document/stats/relative.csv",
        "https://www.cbp.gov/area.csv",
    ]


def test_releases_on_a_page_come_oldest_data_first_and_without_other_files() -> None:
    html = "".join(
        f'<a href="/sites/default/files/{path}">'
        for path in (
            "2024-06/sbo-encounters-fy21-fy24-may.csv",
            "2024-06/nationwide-encounters-fy21-fy24-may-aor.csv",
            "2023-11/sbo-encounters-fy20-fy23.csv",
            "2024-06/sbo-encounters-fy21-fy24-may.csv.html",
        )
    )
    found = release_links(html, CBP, SOURCES["cbp_sbo"])
    assert [link.data_through for link in found] == [date(2023, 9, 1), date(2024, 5, 1)]


CBP_CADENCE = Cadence("monthly", from_day=10, lag_months=1, look_every_days=1, recheck_every_days=7)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ((2024, 6, 9), (2024, 4, 1)),
        ((2024, 6, 10), (2024, 5, 1)),
        ((2024, 1, 5), (2023, 11, 1)),
        ((2024, 1, 31), (2023, 12, 1)),
    ],
)
def test_from_its_day_on_a_source_owes_the_next_month(
    now: tuple[int, int, int], expected: tuple[int, int, int]
) -> None:
    assert CBP_CADENCE.expected_month(datetime(*now, 12, tzinfo=UTC)) == date(*expected)


@pytest.mark.parametrize(
    ("now", "in_hand", "due"),
    [
        ((2024, 6, 12), False, (2024, 6, 13)),
        ((2024, 6, 12), True, (2024, 6, 19)),
        ((2024, 6, 6), True, (2024, 6, 10)),
        ((2024, 12, 28), True, (2025, 1, 4)),
    ],
)
def test_a_source_is_due_daily_until_in_hand_then_weekly_and_on_its_day(
    now: tuple[int, int, int], in_hand: bool, due: tuple[int, int, int]
) -> None:
    assert CBP_CADENCE.next_look(datetime(*now, 12, tzinfo=UTC), in_hand=in_hand) == datetime(
        *due, tzinfo=UTC
    )


def test_a_source_without_a_calendar_is_always_due() -> None:
    now = datetime(2024, 6, 12, 12, tzinfo=UTC)
    assert SOURCES["drop_folder"].cadence.next_look(now, in_hand=True) == now


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"licence": None}, "cbp_sbo"),
        ({"landing_page": "http://www.cbp.gov/"}, "landing_page"),
        ({"bytes": {"min": 9, "max": 3}}, "min is above max"),
        ({"link_pattern": "("}, "no regular expression"),
        ({"cadence": {"release": "monthly"}}, "cadence"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_entry_in_sources_is_named(tmp_path: Path, change: dict[str, object], said: str) -> None:
    entries = yaml.safe_load(SOURCES_FILE.read_text("utf-8"))
    entries["cbp_sbo"] |= change
    entries["cbp_sbo"] = {key: value for key, value in entries["cbp_sbo"].items() if value is not None}
    path = tmp_path / "sources.yml"
    path.write_text(yaml.safe_dump(entries), "utf-8")
    with pytest.raises(AcquireError, match=said) as caught:
        load_sources(path)
    assert "\n" not in str(caught.value)


def test_every_source_says_whose_it_is_and_how_to_cite_it() -> None:
    for source in SOURCES.values():
        assert source.publisher
        assert source.licence
        assert source.citation.format(file_name="a.csv", retrieved_on="2024-06-01")


@pytest.mark.agency
@pytest.mark.parametrize(
    "name",
    [
        "sbo-encounters-fy22-fy25-nov.csv",
        "nationwide-encounters-fy21-fy24-dec-state.csv",
        "nationwide-encounters-fy20-fy23-aor.sample.csv",
    ],
)
def test_the_registered_headers_are_those_of_the_published_files(name: str) -> None:
    folder = os.environ.get("BORDER_AGENCY_DATA")
    if not folder:
        pytest.skip("BORDER_AGENCY_DATA is not set")
    header = (Path(folder) / "cbp" / name).read_text("utf-8-sig").splitlines()[0].split(",")
    owner = next(s for s in SOURCES.values() if s.names_file(name.replace(".sample", "")))
    assert expected_header(owner, header) is None


def test_a_header_in_another_order_is_named() -> None:
    source = SOURCES["cbp_sbo"]
    swapped = [source.header[1], source.header[0], *source.header[2:]]
    assert "another order" in (expected_header(source, swapped) or "")


@pytest.mark.parametrize("text", ['"e7:0"', 'W/"e7:0"', "e7:0", ' w/"e7:0" '])
def test_an_etag_is_compared_without_its_dress(text: str) -> None:
    assert normal_etag(text) == "e7:0"


def test_retry_after_is_read_as_seconds_and_as_a_date() -> None:
    now = datetime(2024, 6, 3, 14, 0, tzinfo=UTC)
    assert retry_after("120", now) == 120
    assert retry_after("Mon, 03 Jun 2024 14:05:00 GMT", now) == 300
    assert retry_after("Mon, 03 Jun 2024 13:00:00 GMT", now) == 0
    assert retry_after("soon", now) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://www.cbp.gov/a.csv",
        "https://www.cbp.gov.example.org/a.csv",
        "https://www.cbp.gov:8443/a.csv",
        "https://u:p@www.cbp.gov/a.csv",
        "https://www.cbp.gov:port/a.csv",
        "file:///etc/passwd",
        "https://169.254.169.254/",
    ],
)
def test_only_the_registered_hosts_over_https_are_asked(url: str) -> None:
    with pytest.raises(PermanentFault) as caught:
        refuse_foreign(url, SOURCES["cbp_sbo"])
    assert caught.value.reason is Reason.FOREIGN_HOST


def test_a_registered_host_is_asked_whatever_its_case() -> None:
    refuse_foreign("https://WWW.CBP.gov/a.csv", SOURCES["cbp_sbo"])


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("EOIR Case Data.zip", "EOIR Case Data.zip"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\x.csv", "x.csv"),
        (".hidden.csv", "hidden.csv"),
        ("a\x00b\n.csv", "ab.csv"),
        ("..", "file"),
        ("x" * 300 + ".csv", "x" * 176 + ".csv"),
    ],
)
def test_a_file_name_from_outside_is_made_safe(name: str, safe: str) -> None:
    assert safe_file_name(name) == safe


def test_the_user_agent_names_the_contact_of_the_environment() -> None:
    assert user_agent({"BORDER_CONTACT": "desk@example.org"}).endswith(" (+desk@example.org)")
    assert "(" not in user_agent({})


def test_a_contact_that_would_split_a_header_is_refused() -> None:
    with pytest.raises(AcquireError, match="BORDER_CONTACT"):
        user_agent({"BORDER_CONTACT": "a\r\nX: b"})


def test_a_result_survives_the_journal() -> None:
    now = datetime(2024, 6, 3, 14, 0, tzinfo=UTC)
    result = FetchResult(
        fetch_id="a",
        source_id="cbp_sbo",
        state=FetchState.BLOCKED,
        message="ü",
        started_at=now,
        checked_at=now,
        next_due_at=now,
        reason=Reason.CAPTCHA_PAGE,
        data_through=date(2024, 5, 1),
    )
    assert FetchResult.from_json(result.to_json()) == result


def test_every_reason_is_explained_in_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "acquisition.md").read_text("utf-8")
    assert [reason.value for reason in Reason if f"`{reason.value}`" not in text] == []
    assert [state.value for state in FetchState if f"`{state.value}`" not in text] == []
