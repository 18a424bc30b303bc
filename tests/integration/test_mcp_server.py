"""The server for programs, asked by the SDK's own client: in the same process, and over standard input and output."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import duckdb
import pytest
from installation import ROOT, Home
from mcp import Client, StdioServerParameters

from orchestration.mcp_server import server
from warehouse import paths

TOOLS = ["as_of", "claims", "explain", "january", "list_measures", "yoy"]
GUARD = {"status", "reasons", "release"}

Ask = Callable[..., dict[str, Any]]


def run(root: Any, talk: Callable[[Client], Coroutine[Any, Any, Any]]) -> Any:
    async def main() -> Any:
        async with Client(server(paths.Home(root))) as client:
            return await talk(client)

    return anyio.run(main)


@pytest.fixture(scope="module")
def ask(carried_home: Home) -> Ask:
    def call(tool: str, **arguments: Any) -> dict[str, Any]:
        result = run(carried_home.root, lambda client: client.call_tool(tool, arguments))
        assert not result.is_error, result.content
        return result.structured_content

    return call


@pytest.fixture(scope="module")
def refused(carried_home: Home) -> Callable[..., str]:
    def call(tool: str, **arguments: Any) -> str:
        result = run(carried_home.root, lambda client: client.call_tool(tool, arguments))
        assert result.is_error, result.structured_content
        return result.content[0].text

    return call


def schemas(root: Any) -> dict[str, Any]:
    return {tool.name: tool for tool in run(root, lambda client: client.list_tools()).tools}


def figures(value: Any) -> list[dict[str, Any]]:
    """Every object of an answer that holds a value, wherever it stands."""
    if isinstance(value, list):
        return [f for item in value for f in figures(item)]
    if not isinstance(value, dict):
        return []
    return ([value] if "value" in value else []) + [f for item in value.values() for f in figures(item)]


def test_every_answer_must_say_status_reasons_and_release(carried_home: Home) -> None:
    found = schemas(carried_home.root)
    assert sorted(found) == TOOLS
    for tool in found.values():
        assert set(tool.output_schema["required"]) >= GUARD, tool.name
        assert tool.output_schema["additionalProperties"] is False
        for name, shape in tool.output_schema["$defs"].items():
            if "value" in shape["properties"]:
                assert {"status", "reasons", "release_id"} <= set(shape["required"]), f"{tool.name}: {name}"


def test_every_tool_says_that_it_only_reads(carried_home: Home) -> None:
    for tool in schemas(carried_home.root).values():
        assert tool.annotations.read_only_hint
        assert not tool.annotations.destructive_hint
        assert len(tool.description) > 40


def test_every_figure_of_every_answer_names_a_release_the_answer_describes(ask: Ask) -> None:
    answers = [
        ask("list_measures"),
        ask("january", year=2021),
        ask("yoy", measure="cbp_southwest", month="2022-01"),
        ask("as_of", measure="usbp_southwest", month="2021-01", day="2021-02-11"),
        ask("claims"),
    ]
    for answer in answers:
        described = {r["release_id"] for r in answer["release"]}
        found = figures(answer)
        assert found
        for figure in found:
            assert figure["release_id"] is None or figure["release_id"] in described
            assert figure["value"] is None or figure["release_id"] or figure.get("figure_ids")
            assert figure["reasons"] or figure["status"] in ("ok", "provisional")


def test_january_2021_and_its_readings(ask: Ask) -> None:
    answer = ask("january", year=2021)
    asked = answer["january"]
    assert (asked["value"], asked["prior"], asked["change"]) == (75316, 29205, 46111)
    assert (answer["status"], asked["status"], asked["highest_since"]) == ("break", "break", 2006)
    assert (asked["change_title_42"], asked["change_title_8"]) == (62529, -16418)
    assert any("Title 42" in reason for reason in answer["reasons"])
    readings = {r["measure_id"]: r for r in answer["readings"]}
    assert readings["usbp_southwest_title_8"]["value"] == 12787
    assert readings["usbp_southwest_title_42"]["status"] == "not_applicable"
    assert readings["usbp_southwest_title_42"]["prior"] is None


def test_a_percentage_across_a_break_is_given_only_when_asked_for(ask: Ask) -> None:
    for tool, arguments in (("yoy", {"month": "2021-01"}), ("january", {"year": 2021})):
        withheld = ask(tool, measure="usbp_southwest", **arguments)
        given = ask(tool, measure="usbp_southwest", allow_break=True, **arguments)
        key = "comparison" if tool == "yoy" else "january"
        assert withheld[key]["pct_change"] is None
        assert given[key]["pct_change"] == pytest.approx(157.8873)
        assert given["status"] == "break"
    assert ask("yoy", measure="usbp_southwest", month="2022-01")["comparison"]["pct_change"] == pytest.approx(
        96.3421
    )


def test_as_of_answers_from_what_was_public_by_the_day(ask: Ask) -> None:
    answer = ask("as_of", measure="usbp_southwest", month="2021-01", day="2021-02-11", allow_break=True)
    then, today = answer["then"], answer["today"]
    assert (then["value"], then["finality"], today["value"], answer["drift"]) == (
        75198,
        "provisional",
        75316,
        118,
    )
    assert then["pct_change"] == pytest.approx(157.4833)
    before = ask("as_of", measure="usbp_southwest", month="2021-01", day="2021-02-09")
    assert (before["status"], before["then"]["value"], before["drift"]) == ("missing", None, None)
    assert before["then"]["reasons"]


def test_claims_keep_their_words_and_their_readings(ask: Ask) -> None:
    answer = ask("claims", claim_id="apprehensions-nearly-160-percent")
    (claim,) = answer["claims"]
    assert claim["quote"].startswith("In January, border apprehensions increased nearly 160 percent")
    assert claim["verdict"] == "supported_on_some_definitions"
    tested = [r["holds"] for r in claim["readings"] if r["bearing"] == "test"]
    assert (tested.count(True), tested.count(False)) == (2, 4)
    assert ask("claims", claim_id="1")["claims"] == answer["claims"]
    assert [c["claim_number"] for c in ask("claims")["claims"]] == [1, 2, 3, 4, 5]


def test_a_claim_no_source_can_answer_says_so(ask: Ask) -> None:
    answer = ask("claims", claim_id="5")
    assert (answer["status"], answer["release"]) == ("not_applicable", [])
    assert answer["reasons"]


def test_explain_names_the_lines_and_the_query_that_give_the_value(ask: Ask, carried_home: Home) -> None:
    answer = ask("explain", measure="usbp_southwest", month="2021-01", lines=100)
    assert answer["line_count"] == len(answer["lines"])
    assert sum(line["encounters"] for line in answer["lines"]) == answer["value"] == 75316
    with duckdb.connect(str(carried_home.published), read_only=True) as con:
        assert con.execute(answer["query"]).fetchall() == [(75316,)]
    (release,) = answer["release"]
    assert release["sha256"].startswith(release["release_id"].rpartition("-")[2])


def test_explain_follows_an_older_value(ask: Ask) -> None:
    answer = ask("explain", measure="usbp_southwest", month="2021-01", day="2021-04-01", lines=0)
    assert (answer["value"], answer["finality"], answer["is_answer"]) == (75312, "provisional", False)
    assert answer["lines"] == []


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("yoy", {"measure": "usbp", "month": "2021-01"}, "one of cbp_nationwide"),
        ("yoy", {"measure": "usbp_southwest", "month": "January"}, "give it as 2021-01"),
        ("yoy", {"measure": "usbp_southwest' or true --", "month": "2021-01"}, "no such measure"),
        ("january", {"year": 20211}, "give it as 2021"),
        ("january", {"measure": "ohss_usbp_southwest"}, "no release answers it"),
        ("as_of", {"measure": "usbp_southwest", "month": "2021-01", "day": "2021"}, "give it as 2021-02-11"),
        ("claims", {"claim_id": "6"}, "one of apprehensions-nearly-160-percent"),
        ("explain", {"measure": "usbp_nationwide", "month": "2021-01"}, "no release holds it"),
        ("explain", {"measure": "usbp_southwest", "month": "2021-01", "lines": 101}, "0 to 100"),
        (
            "explain",
            {"measure": "usbp_southwest", "month": "2021-01", "day": "2021"},
            "give it as 2021-02-11",
        ),
    ],
)
def test_a_question_it_cannot_answer_says_what_there_is(
    refused: Callable[..., str], tool: str, arguments: dict[str, Any], says: str
) -> None:
    message = refused(tool, **arguments)
    assert says in message
    assert "\n" not in message


def test_a_month_no_release_holds_is_missing_and_not_zero(ask: Ask) -> None:
    answer = ask("yoy", measure="usbp_southwest", month="1990-01")
    assert (answer["status"], answer["comparison"]["value"]) == ("missing", None)
    assert answer["reasons"] == ["no release publishes this month"]


def test_nothing_published_is_said_in_a_line(tmp_path: Any) -> None:
    result = run(tmp_path, lambda client: client.call_tool("list_measures", {}))
    assert result.is_error
    assert "border build" in result.content[0].text


def test_asking_leaves_the_published_file_as_it_was(carried_home: Home, ask: Ask) -> None:
    before = carried_home.published.stat()
    ask("january")
    after = carried_home.published.stat()
    assert (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)


def test_over_standard_input_and_output(carried_home: Home) -> None:
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "orchestration.cli", "mcp"],
        env={**os.environ, "BORDER_HOME": str(carried_home.root), "PYTHONPATH": str(ROOT)},
    )

    async def talk() -> Any:
        async with Client(command, read_timeout_seconds=60) as client:
            tools = await client.list_tools()
            answer = await client.call_tool("january", {"year": 2021})
            return client.instructions, [t.name for t in tools.tools], answer.structured_content

    instructions, names, answer = anyio.run(talk)
    assert "events, not people" in instructions
    assert sorted(names) == TOOLS
    assert answer["january"]["value"] == 75316


def test_the_command_stops_in_one_line_where_nothing_is_published(home: Home) -> None:
    home.published.unlink()
    done = home.border("mcp")
    assert done.returncode == 2
    assert "border build" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
