"""The three ways publishers hand out files: a page of links, a file replaced in place, a person's drop.

Belongs here: the order of steps of each kind, and what the source as a whole says when no file came. Does not
belong here: fetching and judging one file (visit).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from warehouse.acquire.content import check_content
from warehouse.acquire.download import fetch_page, remove_parts, through_any_client, with_retries
from warehouse.acquire.drop import copy_when_settled, dropped, put_away, source_of_file
from warehouse.acquire.errors import (
    BlockedFault,
    FetchFault,
    NotThereFault,
    PermanentFault,
    Reason,
    TransientFault,
)
from warehouse.acquire.exchange import looks_blocked, normal_date, normal_etag
from warehouse.acquire.inbox import safe_file_name
from warehouse.acquire.landing import (
    ReleaseLink,
    data_through,
    file_name_of,
    links,
    published_hint,
    release_links,
)
from warehouse.acquire.results import ByteChange, FetchResult, FetchState
from warehouse.acquire.sources import Source
from warehouse.acquire.visit import Body, Visit, facts_of_body

_LINKS_MAX = 100

# Landing pages read within one check, by address: two sources may share a page.
Pages = dict[str, tuple[str, str]]


def landing_page(visit: Visit, pages: Pages) -> list[FetchResult]:
    """Read the page, fetch every linked file that is new or has changed, oldest data first."""
    found = _links_on_page(visit, pages)
    answers: list[FetchResult] = []
    for link in found:
        answer = _linked_file(visit, link)
        if answer is None:
            continue
        answers.append(answer)
        if answer.state is FetchState.BLOCKED or (answer.reason and not answer.is_permanent):
            break  # the next request would meet the same wall
    if all(answer.reason is None for answer in answers):
        answers += _page_as_a_whole(visit, found[-1], is_only_answer=not answers)
    return answers


def _links_on_page(visit: Visit, pages: Pages) -> list[ReleaseLink]:
    source = visit.source
    address = source.landing_page or ""
    try:
        html, page_url = pages.get(address) or fetch_page(visit.exchange, address)
    except NotThereFault as fault:
        raise PermanentFault(
            Reason.PAGE_GONE,
            f"{fault.detail}; find the page's new address and change landing_page in sources.yml",
            http_status=fault.http_status,
        ) from None
    found = release_links(html, page_url, source)
    if not found:
        if reason := looks_blocked(html.encode()):
            raise BlockedFault(
                reason, f"{page_url} answered with a page that keeps programs out", http_status=200
            )
        raise PermanentFault(
            Reason.NO_LINK_ON_PAGE,
            f"{page_url} has {len(links(html, page_url))} links, none to a file like {source.example};"
            " look at the page and change link_pattern in sources.yml",
            http_status=200,
        )
    if len(found) > _LINKS_MAX:
        raise PermanentFault(
            Reason.TOO_MANY_LINKS,
            f"{page_url} links to {len(found)} files like {source.example}; look at the page",
            http_status=200,
        )
    pages[address] = html, page_url
    return found


def _linked_file(visit: Visit, link: ReleaseLink) -> FetchResult | None:
    try:
        return visit.fetch(link.url, link.file_name, link.published_hint, link.data_through)
    except NotThereFault as fault:
        if visit.state.known(link.url, visit.inbox):
            gone = PermanentFault(
                Reason.FILE_WITHDRAWN,
                f"{fault.detail}; the file was there before and stays in the archive",
                http_status=fault.http_status,
            )
            return visit.failed(gone, link.url)
        return visit.answer(
            FetchState.NOT_PUBLISHED_YET,
            f"the page links to {link.file_name}, which is not there yet ({fault.http_status})",
            reason=Reason.FILE_NOT_THERE_YET,
            http_status=fault.http_status,
            **_facts_of_link(link),
        )
    except FetchFault as fault:
        return visit.failed(fault, link.url)


def _page_as_a_whole(visit: Visit, newest: ReleaseLink, *, is_only_answer: bool) -> list[FetchResult]:
    """What the page says once its files brought no failure: a month is missing, or nothing is new."""
    cadence = visit.source.cadence
    expected = cadence.expected_month(visit.now())
    if expected and newest.data_through and newest.data_through < expected:
        message = (
            f"the newest file on the page is {newest.file_name}, data through {newest.data_through:%B %Y};"
            f" {expected:%B %Y} is expected from day {cadence.from_day} of the month"
        )
        reason = Reason.RELEASE_NOT_ON_PAGE
        return [visit.answer(FetchState.NOT_PUBLISHED_YET, message, reason=reason, **_facts_of_link(newest))]
    if is_only_answer:
        message = f"the newest file on the page is {newest.file_name}, which is held"
        return [visit.answer(FetchState.UNCHANGED, message, **_facts_of_link(newest))]
    return []


def _facts_of_link(link: ReleaseLink) -> dict[str, Any]:
    return vars(link)


def fixed_file(visit: Visit) -> list[FetchResult]:
    """Compare the headers with those of the body held, and fetch the file when they differ."""
    url = visit.source.url or ""
    seen = visit.state.last_body(url)
    try:
        if seen and visit.is_remembered(seen):
            headers = _head(visit, url)
            if headers is not None and same_validators(seen, headers):
                return [_still(visit, seen)]
        answer = visit.fetch(url, file_name_of(url), None, None)
    except NotThereFault as fault:
        raise PermanentFault(
            Reason.FILE_WITHDRAWN,
            f"{fault.detail}; look at {visit.source.landing_page} for the file's new address"
            " and change url in sources.yml",
            http_status=fault.http_status,
        ) from None
    if answer is None:
        assert seen is not None  # only a body seen before makes a request conditional
        answer = _still(visit, seen)
    return [answer]


def _head(visit: Visit, url: str) -> Mapping[str, str] | None:
    """The file's headers, or None where the server does not answer HEAD."""

    def once() -> Mapping[str, str]:
        with visit.exchange.ask("HEAD", url) as answer:
            return dict(answer.headers)

    try:
        return through_any_client(visit.exchange, lambda: with_retries(visit.exchange.conduct, once))
    except PermanentFault as fault:
        if fault.http_status in {405, 501}:
            return None
        raise


def _still(visit: Visit, seen: FetchResult) -> FetchResult:
    """The answer when the publisher still serves the body of `seen`."""
    if seen.is_permanent:
        return visit.still_refused(seen)
    facts = {**facts_of_body(seen), "byte_change": ByteChange.SAME_BYTES}
    modified = normal_date(seen.last_modified)
    expected = visit.source.cadence.expected_month(visit.now())
    if visit.source.replaced_in_place and modified and expected and modified.date() < expected:
        message = (
            f"{seen.file_name} is still the one of {modified:%Y-%m-%d}, which is held; the file of"
            f" {expected:%B %Y} is expected by day {visit.source.cadence.from_day} of the month"
        )
        return visit.answer(FetchState.NOT_PUBLISHED_YET, message, reason=Reason.NOT_REPLACED_YET, **facts)
    return visit.answer(FetchState.UNCHANGED, f"{seen.file_name} is unchanged", **facts)


def same_validators(seen: FetchResult, headers: Mapping[str, str]) -> bool:
    """Whether the headers are those of the body seen: same ETag, or same Last-Modified and length.

    Compared without quotes and weakness marks: servers behind one address add and drop them.
    """
    etag = normal_etag(headers.get("etag"))
    if etag is not None and etag == normal_etag(seen.etag):
        return True
    modified = normal_date(headers.get("last-modified"))
    return (
        modified is not None
        and modified == normal_date(seen.last_modified)
        and headers.get("content-length") == str(seen.bytes)
    )


def drop_files(visit: Visit, publishers: Sequence[Source]) -> list[FetchResult]:
    """Take every settled file of the drop folder; refused ones are put away with the reason on screen."""
    answers = []
    for path in dropped(visit.inbox):
        try:
            answers.append(_dropped_file(visit, path, publishers))
        except TransientFault as fault:
            due_at = visit.now() + timedelta(seconds=visit.source.settle_seconds)
            state, facts = FetchState.NOT_PUBLISHED_YET, {"reason": fault.reason, "file_name": path.name}
            answers.append(visit.answer(state, fault.detail, next_due_at=due_at, **facts))
        except FetchFault as fault:
            away = put_away(path, visit.inbox, "refused", visit.now())
            answers.append(
                visit.answer(
                    FetchState.CHANGED_OR_BROKEN,
                    f"{fault.detail}; put away as {away}",
                    reason=fault.reason,
                    is_permanent=True,
                    file_name=path.name,
                    path=str(away),
                )
            )
    return answers


def _dropped_file(visit: Visit, path: Path, publishers: Sequence[Source]) -> FetchResult:
    source = visit.source
    file_format = path.suffix.lower().removeprefix(".")
    folder = visit.inbox / "partial" / "drop"
    try:
        copy = copy_when_settled(path, source, folder, visit.now())
        if file_format not in source.formats:
            raise PermanentFault(
                Reason.WRONG_TYPE,
                f"{path.name} is none of {', '.join(source.formats)}; drop the file as published",
            )
        owner = source_of_file(path.name, publishers)
        match = owner.names_file(path.name) if owner else None
        body = Body(
            part=copy.part,
            sha256=copy.sha256,
            bytes=copy.bytes,
            url=f"drop:{path.name}",
            file_name=safe_file_name(path.name),
            origin="drop",
            published_hint=published_hint(f"drop:/{path.name}"),
            data_through=data_through(match) if match else None,
        )
        # without an owner the family shows when the file is ingested, and its header is judged then
        rules = replace(source, id=owner.id, family=owner.family, header=owner.header) if owner else source
        check_content(copy.part, path.name, file_format, rules, visit.header_check if owner else any_header)
        answer = visit.keep(body, owner or source)
    except BlockedFault:
        raise PermanentFault(
            Reason.HTML_IN_PLACE_OF_DATA,
            f"{path.name} is the page with which the publisher keeps programs out, not the file",
        ) from None
    finally:
        remove_parts(folder)
    put_away(path, visit.inbox, "done", visit.now())
    return answer


def any_header(source: Source, header: list[str]) -> str | None:
    """The header check that finds nothing to say."""
    return None
