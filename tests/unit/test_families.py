"""Recognising a file by its content and taking it apart, every line accounted for."""

from __future__ import annotations

import csv

import pytest
from agency_files import (
    AOR,
    CHINA,
    COUNT,
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

from expectations import reviewed
from transforms.families import CARRIED_HEADER, families, months_of, read, recognise
from transforms.parsed import ParsedFile, RefusedFile, UnknownFile

MONTHS = {label: code for domain, label, code, _ in reviewed.code_map() if domain == "month"}


def parse(data: bytes, name: str = "file.csv") -> ParsedFile:
    return read(data, name, recognise(data, name), reviewed.vocabulary())


def refusal(data: bytes, name: str = "file.csv") -> str:
    with pytest.raises(RefusedFile) as caught:
        parse(data, name)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{name}: ")
    return message


def accounted(parsed: ParsedFile) -> int:
    return parsed.rows + len(parsed.rejects) + sum(parsed.ignored.values())


# --------------------------------------------------------------------------------------------- what a file is


@pytest.mark.parametrize(
    ("header", "lines", "family"),
    [
        (SBO, sbo("2023-10", "2023-10"), "cbp_sbo"),
        (STATE, state("2023-10", "2023-10"), "cbp_nationwide_state"),
        (AOR, aor("2023-10", "2023-10"), "cbp_nationwide_aor"),
        (HISTORY, history("2019-10", "2019-10"), "usbp_monthly_history"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_csv_is_recognised_by_its_header_whatever_it_is_called(
    header: tuple[str, ...], lines: list[Line], family: str
) -> None:
    assert recognise(as_csv(header, lines), "nationwide-encounters-eoir.txt").family == family


def test_the_headers_are_the_publishers() -> None:
    printed = {name: family.header for name, family in families().items() if family.columns}
    assert printed == {
        "cbp_sbo": SBO,
        "cbp_nationwide_state": STATE,
        "cbp_nationwide_aor": AOR,
        "usbp_southwest_workbook": WORKBOOK,
        "usbp_monthly_history": HISTORY,
    }


def test_the_workbook_is_recognised_below_its_title_rows() -> None:
    data = as_workbook(workbook_lines("2021-01", "2021-02"))
    assert recognise(data, "book.csv").family == "usbp_southwest_workbook"


def test_a_carried_series_needs_its_entry_in_the_manifest() -> None:
    data = ",".join(CARRIED_HEADER).encode() + b"\n"
    with pytest.raises(RefusedFile, match="does not list"):
        recognise(data, "series.csv")
    assert recognise(data, "series.csv", "cbp_sbo").layout == "carried"


def test_a_byte_order_mark_is_no_part_of_the_header() -> None:
    data = b"\xef\xbb\xbf" + as_csv(SBO, sbo("2023-10", "2023-10"))
    assert parse(data).rows == 4


def test_an_unrelated_table_claims_to_be_of_no_family() -> None:
    with pytest.raises(UnknownFile, match="'code,description' belongs to no known family"):
        recognise(b"code,description\nA,b\n", "lookup.csv")


# ----------------------------------------------------------------------------------------- lines taken apart


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_line_is_a_row_or_the_header(newline: str) -> None:
    parsed = parse(as_csv(SBO, sbo("2022-10", "2023-02"), newline))
    assert (parsed.rows, parsed.lines, parsed.ignored["header"]) == (40, 41, 1)
    assert parsed.encounters == sum(int(line[COUNT]) for line in sbo("2022-10", "2023-02"))


def test_values_stay_verbatim() -> None:
    lines = sbo("2023-10", "2023-10")
    lines[0][COUNT] = "9584.0"
    assert parse(as_csv(SBO, lines)).columns["encounters_label"][0] == "9584.0"


def test_a_quoted_comma_is_part_of_the_value() -> None:
    data = as_csv(STATE, state("2023-10", "2023-10"))
    assert f'"{CHINA}"'.encode() in data
    assert CHINA in parse(data).columns["citizenship_label"]


def test_a_count_with_a_decimal_point_is_added_up_as_a_whole_number() -> None:
    lines = sbo("2023-10", "2023-10")
    for line in lines:
        line[COUNT] = "12.0"
    assert parse(as_csv(SBO, lines)).encounters == 48


@pytest.mark.parametrize(
    "odd",
    [
        b"2024 (FYTD),FYTD,OCT,U.S. Border Patrol",
        b"2024 (FYTD),FYTD,OCT,U.S. Border Patrol,Single Adults,Mexico,Title 8,Apprehensions,1,2",
        b'2024 (FYTD),FYTD,OCT,"U.S. Border Patrol,Single Adults,Mexico,Title 8,Apprehensions,1',
        b'2024 (FYTD),FYTD,OCT,"U.S." Border Patrol,Single Adults,Mexico,Title 8,Apprehensions,1',
    ],
    ids=["short", "long", "open quote", "text after a quote"],
)
def test_an_odd_line_costs_itself_and_no_other(odd: bytes) -> None:
    whole = as_csv(SBO, sbo("2023-10", "2023-12")).splitlines(keepends=True)
    parsed = parse(b"".join([*whole[:3], odd + b"\n", *whole[3:]]))
    assert [(r.line_no, r.original) for r in parsed.rejects] == [(4, odd)]
    assert parsed.rows == 12
    assert accounted(parsed) == parsed.lines == 14


def test_a_stray_quote_swallows_no_line_of_a_long_file() -> None:
    """Read as one field, the rest of the file would pass the csv module's limit of 131,072 characters."""
    whole = as_csv(SBO, sbo("2005-10", "2023-09") * 2).splitlines(keepends=True)
    assert sum(map(len, whole)) > 131_072
    odd = whole[2].replace(b"U.S.", b'"U.S.')
    assert odd != whole[2]
    parsed = parse(b"".join([*whole[:2], odd, *whole[3:]]))
    assert [r.line_no for r in parsed.rejects] == [3]
    assert accounted(parsed) == parsed.lines == len(whole)


def test_blank_lines_are_ignored_with_their_reason() -> None:
    parsed = parse(as_csv(SBO, sbo("2023-10", "2023-10")) + b"\n\r\n")
    assert parsed.ignored == {"header": 1, "blank line": 2}
    assert accounted(parsed) == parsed.lines == 7


@pytest.mark.parametrize("printed", ["١٢", "1e3", "-5", "1,5", "9" * 30, ""], ids=repr)
def test_what_is_no_count_is_not_added_up(printed: str) -> None:
    lines = sbo("2023-10", "2023-10")
    lines[0][COUNT] = printed
    rest = sum(int(line[COUNT]) for line in lines[1:])
    assert parse(as_csv(SBO, lines)).encounters == rest


def test_workbook_numbers_read_as_they_are_printed() -> None:
    lines = workbook_lines("2021-01", "2021-02", parts=3)
    parsed = parse(as_workbook(lines), "book.xlsx")
    assert parsed.columns["encounters_label"] == [line["Count"] for line in lines]
    assert parsed.ignored == {"title": 6, "header": 1}
    assert accounted(parsed) == parsed.lines


def test_a_workbook_row_with_a_missing_cell_is_set_aside() -> None:
    lines = workbook_lines("2021-01", "2021-02")
    lines[4]["Sector"] = ""
    parsed = parse(as_workbook(lines), "book.xlsx")
    assert [r.line_no for r in parsed.rejects] == [12]
    assert accounted(parsed) == parsed.lines


def test_months_run_from_october_of_the_year_before() -> None:
    parsed = parse(as_csv(SBO, sbo("2020-10", "2021-09")))
    assert set(parsed.columns["fiscal_year_label"]) == {"2021"}
    assert months_of(parsed, MONTHS) == ("2020-10-01", "2021-09-01")


@pytest.mark.parametrize("printed", ["0000", "0012", "9999", "20240", "x"])
def test_a_year_that_is_none_moves_no_month(printed: str) -> None:
    lines = sbo("2023-10", "2023-12")
    lines[0]["Fiscal Year"] = printed
    assert months_of(parse(as_csv(SBO, lines)), MONTHS) == ("2023-10-01", "2023-12-01")


# ------------------------------------------------------------------------------------------------- refusals


def swapped(header: tuple[str, ...], lines: list[Line], one: str, other: str) -> bytes:
    return as_csv(header, [line | {one: line[other], other: line[one]} for line in lines])


@pytest.mark.parametrize(
    ("one", "other", "column", "value"),
    [
        ("Component", "Demographic", "Component", "Single Adults"),
        ("Title of Authority", "Encounter Type", "Title of Authority", "Apprehensions"),
        ("Citizenship Grouping", "Demographic", "Demographic", "Mexico"),
        ("Encounter Type", COUNT, "Encounter Type", "4384"),
        ("Fiscal Year", COUNT, "Fiscal Year", "4384"),
        ("Month (abbv)", "Month Grouping", "Month Grouping", "DEC"),
    ],
)
def test_values_under_another_header_are_refused_with_line_value_and_expectation(
    one: str, other: str, column: str, value: str
) -> None:
    lines = [line for line in sbo("2023-10", "2024-02") if line["Month (abbv)"] == "DEC"]
    message = refusal(swapped(SBO, lines, one, other))
    assert f"line 2: column '{column}' holds '{value}', expected " in message
    assert "4 of 4 lines disagree" in message


def test_year_and_count_of_the_history_do_not_pass_for_each_other() -> None:
    assert "column 'fy' holds" in refusal(swapped(HISTORY, history("2019-10", "2020-09"), "fy", "n"))


def test_workbook_columns_must_hold_what_they_say() -> None:
    lines = [
        line | {"Sector": line["Month"], "Month": line["Sector"]}
        for line in workbook_lines("2021-01", "2021-02")
    ]
    assert "line 8: column 'Month' holds 'BBT'" in refusal(as_workbook(lines), "book.xlsx")


def test_a_single_new_label_hides_no_other_line() -> None:
    lines = sbo("2023-10", "2024-02")
    lines[0]["Demographic"] = "Persons of a new kind"
    assert parse(as_csv(SBO, lines)).rows == len(lines)


def test_a_column_short_is_refused_by_name() -> None:
    header = tuple(h for h in SBO if h != "Title of Authority")
    message = refusal(as_csv(header, sbo("2023-10", "2023-10")))
    assert "line 1: column 7 is 'Encounter Type', expected 'Title of Authority' as in cbp_sbo" in message


def test_a_column_short_below_a_whole_header_is_refused() -> None:
    rows = list(csv.reader(as_csv(SBO, sbo("2023-10", "2023-10")).decode().splitlines()))
    data = "\n".join([",".join(rows[0]), *(",".join(row[:-1]) for row in rows[1:]), ""]).encode()
    assert "line 2: no data line that has 9 fields" in refusal(data)


def test_a_header_without_lines_is_refused() -> None:
    assert "line 2: no data line" in refusal(as_csv(SBO, []))


def test_a_cut_line_is_refused_with_its_text() -> None:
    data = as_csv(SBO, sbo("2023-10", "2023-10"))[:-9]
    assert "line 5: ends in " in refusal(data)
    assert "truncated" in refusal(data)


def test_a_line_cut_inside_its_line_end_is_refused() -> None:
    assert "truncated" in refusal(as_csv(SBO, sbo("2023-10", "2023-10"), "\r\n")[:-1])


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "line 1: the file is empty"),
        (b" \r\n\n", "line 1: the file is empty"),
        (b"<!DOCTYPE html><html>Access denied</html>", "line 1: found a web page ('<!DOCTYPE html>"),
        (b'\n<?xml version="1.0"?><html>', "line 1: found a web page"),
        ("Fiscal Year,Month".encode("utf-16"), "line 1: UTF-16 text, expected UTF-8"),
        (
            as_csv(SBO, sbo("2023-10", "2023-10")).replace(b"Mexico", b"M\xe9xico", 1),
            "line 2: byte 0xe9 is not UTF-8",
        ),
        (b"PK\x03\x04 no workbook at all", "not a readable workbook"),
        (as_workbook(workbook_lines("2021-01", "2021-02"))[:2000], "not a readable workbook"),
        (as_workbook([{"A": "1", "B": "2"}], header=("A", "B")), "no sheet has the header FY, Month"),
        (b"x" * 200_000, "belongs to no known family"),
    ],
    ids=[
        "empty",
        "blank",
        "html",
        "xml",
        "utf-16",
        "cp1252",
        "no zip",
        "cut xlsx",
        "other xlsx",
        "one long line",
    ],
)
def test_what_is_no_agency_file_is_refused_in_one_line(data: bytes, found: str) -> None:
    assert found in refusal(data)
