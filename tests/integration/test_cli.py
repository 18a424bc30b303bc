"""The command line: help, JSON, exit codes, one-line errors, any locale, and no way from a query to files."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from agency_files import SBO, as_csv, sbo
from installation import Home, one_line
from typer.testing import CliRunner, Result

from orchestration.cli import app

COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
PRINTS_DATA = {
    "january": ["january"],
    "january of another measure": ["january", "--measure", "usbp_southwest_del_rio"],
    "january of a year": ["january", "--year", "2023"],
    "measures": ["measures"],
    "status": ["status"],
    "sql": ["sql", "select measure_id, january, value from marts.january_yoy"],
    "claims": ["claims"],
}

Border = Callable[..., Result]


@pytest.fixture
def border(small_home: Home, monkeypatch: pytest.MonkeyPatch) -> Border:
    """`border …` in this process, on the small published home."""
    monkeypatch.setenv("BORDER_HOME", str(small_home.root))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    return run


# -------------------------------------------------------------------------------------------------------- help


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(command: str) -> None:
    done = CliRunner().invoke(app, [command, "--help"])
    assert done.exit_code == 0
    text = " ".join(done.output.split())
    assert f"{command} [OPTIONS]" in text
    assert len(text) > 200
    assert CliRunner().invoke(app, [command, "-h"]).output == done.output


def test_border_alone_lists_its_commands() -> None:
    done = CliRunner().invoke(app, [])
    for command in COMMANDS:
        assert command in done.output


# ------------------------------------------------------------------------------------------------------ output


@pytest.mark.parametrize("what", PRINTS_DATA)
def test_what_prints_data_prints_json_too(border: Border, what: str) -> None:
    plain = border(*PRINTS_DATA[what])
    assert plain.exit_code == 0, plain.output
    assert plain.output.strip()
    done = border(*PRINTS_DATA[what], "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)


def test_january_prints_the_figure_with_definition_release_and_status(border: Border) -> None:
    done = border("january", "--year", "2023")
    text = " ".join(done.output.split())
    assert "129,513" in text
    assert "147,877" in text
    assert "−12.4 %" in text
    assert "Border Patrol encounters between ports of entry on the southwest border" in text
    assert "cbp_sbo-" in text
    assert "published 2024-12" in text
    assert "(ok, final)" in text
    assert "Encounters are events" in text


def test_january_as_json_holds_the_same_figures(border: Border) -> None:
    found = json.loads(border("january", "--year", "2023", "--json").stdout)
    row = found["january"]
    assert (row["value"], row["prior"], round(row["pct_change"], 1)) == (129_513, 147_877, -12.4)
    assert row["release_id"] in [r["release_id"] for r in found["releases"]]


def test_sql_prints_every_row_it_was_asked_for(border: Border) -> None:
    done = border("sql", "select i from range(300) t(i)")
    assert "200 of 300 rows shown" in done.output
    assert len(json.loads(border("sql", "select i from range(300) t(i)", "--json").stdout)) == 300


@pytest.mark.parametrize("name", ["x", "release_id", "x_2"])
def test_sql_loses_no_column_of_a_repeated_name(border: Border, name: str) -> None:
    done = border("sql", f'select 1 as {name}, 2 as {name}, 3 as {name}, 4 as "{name}_2"', "--json")
    (row,) = json.loads(done.stdout)
    assert sorted(row.values()) == [1, 2, 3, 4]


def test_status_accounts_for_every_line(border: Border) -> None:
    found = json.loads(border("status", "--json").stdout)
    assert len(found["releases"]) == 2
    for release in found["releases"]:
        accounted = sum(release[k] for k in ("loaded", "merged", "quarantined", "ignored"))
        assert accounted == release["lines_in_file"]
    assert {c["outcome"] for c in found["checks"]} <= {"passed", "warned", "noted"}


# ---------------------------------------------------------------------------------------- mistakes and exit codes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["january", "--measure", "nonsense"], "nonsense: no such measure; one of "),
        (["january", "--year", "1066"], "no January 1066; there are "),
        (["sql", "selec 1"], "syntax error"),
        (["sql", "select * from marts.nothing"], "marts.nothing"),
        (
            ["ingest", "/nowhere", "--trust", "blind"],
            "--trust 'blind' is none of official, mirrored, synthetic",
        ),
    ],
    ids=["measure", "year", "syntax", "table", "trust"],
)
def test_a_mistake_of_the_user_is_exit_code_2_and_says_what_to_do(
    border: Border, arguments: list[str], message: str
) -> None:
    done = border(*arguments)
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())
    assert "Traceback" not in done.output
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    "arguments", [["unknown"], ["january", "--unknown"], ["sql"], ["january", "--year", "x"]]
)
def test_wrong_usage_is_exit_code_2(border: Border, arguments: list[str]) -> None:
    assert border(*arguments).exit_code == 2


@pytest.mark.parametrize(
    "arguments", [["january"], ["measures"], ["status"], ["sql", "select 1"], ["publish"]]
)
def test_a_home_without_a_publication_is_exit_code_2_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("BORDER_HOME", str(tmp_path))
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert one_line(done.output)
    assert "run `border build`" in done.output


def test_ingest_exits_1_when_a_file_is_refused_and_0_when_none_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BORDER_HOME", str(tmp_path / "home"))
    folder = tmp_path / "2024-02"
    folder.mkdir()
    (folder / "a.csv").write_bytes(as_csv(SBO, sbo("2022-10", "2024-01")))
    good = CliRunner().invoke(app, ["ingest", str(folder), "--json"])
    assert (good.exit_code, [o["status"] for o in json.loads(good.stdout)]) == (0, ["added"])
    (folder / "b.csv").write_bytes(as_csv(SBO, sbo("2022-10", "2024-01"))[:-10])
    mixed = CliRunner().invoke(app, ["ingest", str(folder)])
    assert mixed.exit_code == 1
    assert "truncated" in " ".join(mixed.output.split())
    by_hand = CliRunner().invoke(app, ["ingest", str(tmp_path / "absent.csv")])
    assert by_hand.exit_code == 1
    assert "no such file or folder" in " ".join(by_hand.output.split())


def test_an_undated_file_can_be_dated_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BORDER_HOME", str(tmp_path / "home"))
    file = tmp_path / "encounters.csv"
    file.write_bytes(as_csv(SBO, sbo("2022-10", "2024-01")))
    refused = CliRunner().invoke(app, ["ingest", str(file)])
    assert refused.exit_code == 1
    assert "--published YYYY-MM" in " ".join(refused.output.split())
    dated = CliRunner().invoke(app, ["ingest", str(file), "--published", "2024-02-16"])
    assert dated.exit_code == 0
    assert "published 2024-02-16" in dated.output


def test_another_build_is_exit_code_2_and_names_the_process(home: Home, tmp_path: Path) -> None:
    from warehouse.writer import BuildLock

    file = tmp_path / "a.csv"
    file.write_bytes(as_csv(SBO, sbo("2022-10", "2024-01")))
    with BuildLock(home.root / "work" / "build.lock"):
        done = home.border("ingest", str(file), "--published", "2024-02")
    assert done.returncode == 2
    assert f"process {os.getpid()} is building; wait for it to end" in done.stderr
    assert one_line(done.stderr)


# ------------------------------------------------------------------------------------------------- any locale


LOCALES: dict[str, dict[str, str]] = {
    "C": {"LC_ALL": "C", "LANG": "C"},
    "POSIX without coercion": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "ascii": {"PYTHONIOENCODING": "ascii:strict"},
}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["january"],
        ["january", "--json"],
        ["sql", "select '−12 % – é' as x", "--json"],
        ["claims"],
    ],
    ids=["help", "january", "january json", "sql json", "claims"],
)
def test_commands_work_in_any_locale(small_home: Home, locale: str, arguments: list[str]) -> None:
    changes = LOCALES[locale]
    done = small_home.border(*arguments, **changes)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "Traceback" not in done.stderr
    if "--json" in arguments:
        assert json.loads(done.stdout)


def test_a_reader_that_stops_reading_gets_no_stack_trace(small_home: Home) -> None:
    with subprocess.Popen(
        small_home.command("sql", "select range as i from range(9000)", "--limit", "9000"),
        env=small_home.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
        process.wait(timeout=120)
    assert "Traceback" not in errors


# -------------------------------------------------------------------------------------- what a query cannot reach


FORBIDDEN = {
    "read csv": "select * from read_csv('/etc/passwd')",
    "read text": "select * from read_text('/etc/passwd')",
    "read blob": "select * from read_blob('/etc/hostname')",
    "a file as a table": "select * from '/etc/passwd'",
    "list files": "select * from glob('/etc/*')",
    "attach a file": "attach '/tmp/other.duckdb' as other",
    "copy to a file": "copy (select 1) to '{folder}/out.csv'",
    "export": "export database '{folder}/out'",
    "settings": "set enable_external_access = true",
    "unlock": "set lock_configuration = false",
    "create table": "create table marts.mine as select 1",
    "insert": "insert into meta.measures select * from meta.measures",
    "update": "update meta.releases set trust = 'official'",
    "delete": "delete from marts.january_yoy",
    "drop": "drop table marts.january_yoy",
    "second statement": "select 1; drop table marts.january_yoy",
    "install": "install httpfs",
    "network": "select * from read_csv('https://example.org/a.csv')",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_query_reaches_no_file_no_network_and_changes_nothing(
    border: Border, small_home: Home, tmp_path: Path, what: str
) -> None:
    before = small_home.published.read_bytes()
    done = border("sql", FORBIDDEN[what].format(folder=tmp_path))
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output
    assert "root:" not in done.output
    assert small_home.published.read_bytes() == before
    assert list(tmp_path.iterdir()) == []


def test_json_of_a_query_keeps_types(border: Border) -> None:
    done = border(
        "sql", "select 1 as n, 1.5 as x, null as nothing, true as yes, date '2021-01-01' as day", "--json"
    )
    (row,) = json.loads(done.stdout)
    expected: dict[str, Any] = {"n": 1, "x": "1.5", "nothing": None, "yes": True, "day": "2021-01-01"}
    assert row == expected


def test_an_engine_that_is_none_is_exit_code_2_and_names_those_there_are(small_home: Home) -> None:
    built = small_home.border("build", "--engine", "sparkle")
    assert (built.returncode, built.stdout) == (2, "")
    assert built.stderr.strip().splitlines()[-1] == "sparkle: no such engine; name one of duckdb, spark"
