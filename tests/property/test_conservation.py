"""Nothing is lost silently: whatever a file's text is turned into, every line and every encounter is accounted for.

BORDER_EXAMPLES sets how many examples a property is tried on; a long run by hand is `BORDER_EXAMPLES=2000`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from agency_files import (
    AOR,
    HISTORY,
    SBO,
    STATE,
    WORKBOOK,
    Line,
    aor,
    as_csv,
    as_workbook,
    history,
    sbo,
    state,
    workbook_lines,
)
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from installation import Ledger, one_line

bounded = settings(
    max_examples=int(os.environ.get("BORDER_EXAMPLES", "15")),
    deadline=None,
    derandomize="BORDER_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

CORE = "(select release_id, line_nos, encounters from core.cbp__monthly_encounters union all " \
    "select release_id, line_nos, encounters from core.usbp__monthly_encounters)"  # fmt: skip
FAMILIES: dict[str, tuple[Sequence[str], list[Line]]] = {
    "sbo": (SBO, sbo("2022-12", "2023-02")),
    "state": (STATE, state("2022-12", "2023-02")),
    "aor": (AOR, aor("2022-12", "2023-02")),
    "history": (HISTORY, history("2019-10", "2020-01", sectors=("Laredo", "Swanton", "Miami"))),
    "workbook": (WORKBOOK, workbook_lines("2020-12", "2021-02", parts=2)),
}
PRINTED = sorted(
    {value for _, lines in FAMILIES.values() for line in lines for value in (*line, *line.values())}
)

#: What a cell may be turned into: the text of another cell, a number in disguise, or anything at all.
values = (
    st.sampled_from(PRINTED)
    | st.sampled_from(
        ["", " ", "0", "0.0", "-1", "1e9", "007", "9" * 13, "9" * 400, "١٢", "²", "NaN", "NULL", "true"]
    )
    | st.sampled_from(
        [
            "Total",
            "all",
            "2023-13",
            "2023-01",
            "0000",
            "9999",
            "FY2021TD",
            "2024 (FYTD)",
            '"',
            "a\nb",
            "a\r\nb",
        ]
    )
    | st.integers(-(10**20), 10**20).map(str)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
)


def encoded(header: Sequence[str], lines: list[Line]) -> bytes:
    return as_workbook(lines) if header is WORKBOOK else as_csv(header, lines)


def fresh(ledger: Ledger) -> Ledger:
    ledger.restart(Path(tempfile.mkdtemp()))
    return ledger


def taken_or_refused(ledger: Ledger, data: bytes) -> str | None:
    """Ingest and load a file; its release_id, or None when it was refused with nothing touched."""
    outcome = ledger.add("file.csv", data, "2023-03")
    if outcome.release is None:
        assert outcome.status in ("refused", "unknown")
        assert one_line(outcome.message), outcome.message
        assert not ledger.archive.root.exists()
        return None
    ledger.load(marts=False)
    assert ledger.lost() == []
    release = outcome.release
    in_core = ledger.rows(f"select unnest(line_nos) from {CORE} where release_id = ?", release.release_id)
    in_quarantine = ledger.rows(
        "select line_no from meta.quarantine where release_id = ?", release.release_id
    )
    set_aside = ledger.value(
        "select coalesce(sum(lines), 0) from meta.row_ledger where disposition = 'ignored' and release_id = ?",
        release.release_id,
    )
    found = [line_no for (line_no,) in in_core + in_quarantine]
    assert len(found) == len(set(found))
    assert len(found) + set_aside == release.lines_in_file
    assert ledger.value(f"select coalesce(sum(encounters), 0) from {CORE}") == ledger.value(
        "select coalesce(sum(encounters), 0) from meta.row_ledger where stage = 'conform' "
        "and (disposition = 'loaded' or reason = 'further part of a cell, added up')"
    )
    return release.release_id


@pytest.mark.parametrize("family", FAMILIES)
def test_the_file_as_published_is_taken_whole(ledger: Ledger, family: str) -> None:
    header, lines = FAMILIES[family]
    assert taken_or_refused(fresh(ledger), encoded(header, lines))
    assert ledger.rows("select * from meta.quarantine") == []


@bounded
@given(
    family=st.sampled_from(sorted(FAMILIES)),
    at=st.integers(0, 10_000),
    column=st.integers(0, 11),
    value=values,
)
@example(family="sbo", at=3, column=8, value="9" * 30)
@example(family="sbo", at=3, column=0, value="0000")
@example(family="sbo", at=3, column=2, value="2023-13")
@example(family="history", at=3, column=3, value="12.0")
@example(family="state", at=3, column=8, value="²")
@example(family="workbook", at=3, column=5, value="x")
def test_a_changed_cell_is_loaded_quarantined_or_the_file_refused(
    ledger: Ledger, family: str, at: int, column: int, value: str
) -> None:
    header, lines = FAMILIES[family]
    row, name = at % len(lines), header[column % len(header)]
    changed = [*lines[:row], lines[row] | {name: value}, *lines[row + 1 :]]
    taken_or_refused(fresh(ledger), encoded(header, changed))


@bounded
@given(
    family=st.sampled_from(["aor", "history", "sbo", "state"]),
    at=st.integers(0, 100_000),
    byte=st.integers(0, 127),
)
@example(family="sbo", at=300, byte=ord('"'))
@example(family="sbo", at=300, byte=ord("\r"))
@example(family="state", at=300, byte=0)
@example(family="sbo", at=300, byte=0xE9)
def test_a_changed_byte_is_loaded_quarantined_or_the_file_refused(
    ledger: Ledger, family: str, at: int, byte: int
) -> None:
    header, lines = FAMILIES[family]
    data = bytearray(as_csv(header, lines, "\r\n" if family == "sbo" else "\n"))
    data[at % len(data)] = byte
    taken_or_refused(fresh(ledger), bytes(data))


@bounded
@given(family=st.sampled_from(["aor", "history", "sbo", "state"]), at=st.integers(1, 100_000))
def test_a_file_cut_within_a_line_is_never_taken(ledger: Ledger, family: str, at: int) -> None:
    header, lines = FAMILIES[family]
    whole = as_csv(header, lines)
    cut = whole[: at % len(whole)]
    taken = taken_or_refused(fresh(ledger), cut)
    assert taken is None or cut.endswith(b"\n")


@bounded
@given(
    repeated=st.lists(st.integers(0, 23), min_size=1, max_size=6),
    family=st.sampled_from(["sbo", "state", "workbook"]),
)
def test_lines_printed_twice_are_parts_of_the_workbook_and_quarantined_elsewhere(
    ledger: Ledger, repeated: list[int], family: str
) -> None:
    header, lines = FAMILIES[family]
    more = [*lines, *(lines[n % len(lines)] for n in repeated)]
    release_id = taken_or_refused(fresh(ledger), encoded(header, more))
    assert release_id
    quarantined = ledger.value("select count(*) from meta.quarantine")
    if family == "workbook":
        assert quarantined == 0
        assert ledger.value("select sum(encounters) from core.cbp__monthly_encounters") == sum(
            int(line["Count"]) for line in more
        )
    else:
        assert quarantined == len(repeated) + len({n % len(lines) for n in repeated})
