"""The OHSS book and flat file, taken apart: what a layout may do and what must happen to every cell."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import pytest
import xlsxwriter

from transforms.ohss import looks_like_book, looks_like_flat, read_book, read_flat
from transforms.parsed import ParsedFile, RefusedFile

NAVIGATION = ["Return to Table of Contents.", None, '* Please click on the "plus" sign']
HEADER = ["Fiscal Year", "Month", "Total", "Single Adults1"]
BODY = [
    HEADER,
    [2014, "Total", 300, 110],
    [None, "October", 120, 50],
    [None, "November", 180, 60],
]


def book(sheets: Mapping[str, list[list[object]]], merge: Callable[..., None] = lambda _: None) -> bytes:
    """A workbook of the given rows; `merge` may touch the first sheet before it is closed."""
    stream = io.BytesIO()
    workbook = xlsxwriter.Workbook(stream, {"in_memory": True})
    for number, (name, rows) in enumerate(sheets.items()):
        sheet = workbook.add_worksheet(name)
        for row, values in enumerate(rows):
            for column, value in enumerate(values):
                if value is not None:
                    sheet.write(row, column, value)
        if number == 0:
            merge(sheet)
    workbook.close()
    return stream.getvalue()


def parsed(rows: list[list[object]], merge: Callable[..., None] = lambda _: None) -> ParsedFile:
    return read_book(book({"Sheet": rows}, merge), "book.xlsx")


def reasons(file: ParsedFile) -> list[str]:
    return [reject.reason for reject in file.rejects]


def accounts_for_every_cell(file: ParsedFile) -> bool:
    return file.lines == file.rows + len(file.rejects) + sum(file.ignored.values())


@pytest.mark.parametrize("titles", [0, 1, 2, 5])
def test_header_row_is_found_by_its_cells_not_by_its_number(titles: int) -> None:
    file = parsed([*([["A title"]] * titles), *BODY])
    assert file.columns["encounters_label"] == ["300", "110", "120", "50", "180", "60"]
    assert file.columns["row_no"][0] == titles + 2
    assert file.ignored["title"] == titles


def test_table_may_begin_in_another_column() -> None:
    file = parsed([[None, *row] for row in BODY])
    assert file.columns["column_no"][:2] == [4, 5]
    assert not file.rejects


def test_fiscal_year_is_carried_down_from_the_total_row() -> None:
    file = parsed([*BODY, ["2015 YTD", "Total", 7, 8], [None, "October", 9, 10]])
    assert file.columns["fiscal_year_label"] == ["2014"] * 6 + ["2015 YTD"] * 4
    assert file.columns["month_label"][4:] == ["November", "November", "Total", "Total", "October", "October"]


def test_months_below_a_total_row_without_its_year_do_not_join_the_year_before() -> None:
    file = parsed([*BODY, [None, "Total", 7, 8], [None, "October", 9, 10]])
    assert file.rows == 6
    assert reasons(file) == [
        f"Sheet, row {row}, column {column}: no fiscal year on the Total row above"
        for row in (5, 6)
        for column in (3, 4)
    ]
    assert [reject.original for reject in file.rejects] == [b"7", b"8", b"9", b"10"]


def test_text_where_the_year_belongs_is_no_year() -> None:
    file = parsed([HEADER, ["Preliminary", "Total", 7, 8]])
    assert file.rows == 0
    assert [reject.original for reject in file.rejects] == [b"7", b"8"]


def test_upper_header_is_carried_across_up_to_the_next_one() -> None:
    file = parsed(
        [
            NAVIGATION,
            ["Title"],
            [None, None, None, "USBP", None, "OFO"],
            ["Fiscal Year", "Month", "Total CBP", "Total USBP", "Tucson, AZ", "Total OFO"],
            [2014, "Total", 1, 2, 3, 4],
        ]
    )
    assert file.columns["group_label"] == [None, "USBP", "USBP", "OFO"]
    assert file.columns["column_label"] == ["Total CBP", "Total USBP", "Tucson, AZ", "Total OFO"]
    assert file.ignored == {"navigation": 2, "title": 1, "header": 8, "label": 2}


def test_upper_header_ends_where_its_merged_cells_end() -> None:
    rows: list[list[object]] = [
        [None, None, "USBP"],
        ["Fiscal Year", "Month", "Total", "Tucson, AZ", "Unknown"],
        [2014, "Total", 1, 2, 3],
    ]
    file = parsed(rows, lambda sheet: sheet.merge_range(0, 2, 0, 3, "USBP"))
    assert file.columns["group_label"] == ["USBP", "USBP", None]


def test_two_levels_of_upper_headers_are_joined() -> None:
    file = parsed(
        [
            [None, None, "USBP", None, "OFO"],
            [None, None, "Adults", "Children", "Adults"],
            ["Fiscal Year", "Month", "Total", "Total", "Total"],
            [2014, "Total", 1, 2, 3],
        ]
    )
    assert file.columns["group_label"] == ["USBP / Adults", "USBP / Children", "OFO / Adults"]


def test_header_merged_downwards_keeps_its_own_label() -> None:
    rows: list[list[object]] = [
        ["Fiscal Year", "Month", "Total", "USBP", None],
        [None, None, None, "Total", "Tucson, AZ"],
        [2014, "Total", 1, 2, 3],
    ]

    def merge(sheet: xlsxwriter.worksheet.Worksheet) -> None:
        for column, text in enumerate(["Fiscal Year", "Month", "Total"]):
            sheet.merge_range(0, column, 1, column, text)
        sheet.merge_range(0, 3, 0, 4, "USBP")

    file = parsed(rows, merge)
    assert file.columns["group_label"] == [None, "USBP", "USBP"]
    assert file.columns["column_label"] == ["Total", "Total", "Tucson, AZ"]
    assert file.ignored == {"header": 6, "label": 2}


def test_footnote_digits_stay_on_the_label() -> None:
    assert set(parsed(BODY).columns["column_label"]) == {"Total", "Single Adults1"}


def test_x_and_na_are_kept_and_counted_as_nothing() -> None:
    file = parsed([HEADER, [2014, "Total", "X", "NA"], [None, "October", 10, 20]])
    assert file.columns["encounters_label"] == ["X", "NA", "10", "20"]
    assert file.encounters == 30
    assert not file.rejects


def test_figures_rounded_to_ten_are_kept_as_printed_and_parts_need_not_add_up() -> None:
    file = parsed([HEADER, [2014, "Total", 23760, 20], [None, "October", 23770, 40]])
    assert file.columns["encounters_label"] == ["23760", "20", "23770", "40"]
    assert file.encounters == 23760 + 20 + 23770 + 40


@pytest.mark.parametrize("value", [12.5, "12,345", "n/a", "-", True, -10])
def test_cell_that_is_no_count_is_rejected_with_its_text(value: object) -> None:
    file = parsed([HEADER, [2014, "Total", value, 20]])
    assert file.rows == 1
    assert [reject.original for reject in file.rejects] == [str(value).encode()]
    assert reasons(file) == ["Sheet, row 2, column 3: neither a whole number, X nor NA"]
    assert file.encounters == 20


def test_excel_error_value_is_reported_although_it_reads_as_a_blank() -> None:
    file = parsed(
        [HEADER, [2014, "Total", 10, 20]], lambda sheet: sheet.write_formula(1, 2, "=NA()", None, "#N/A")
    )
    assert file.rows == 1
    assert reasons(file) == ["Sheet, row 2, column 3: blank inside the table (or an Excel error value)"]
    assert accounts_for_every_cell(file)


def test_figure_without_a_header_above_is_rejected() -> None:
    file = parsed([HEADER, [2014, "Total", 10, 20, 30]])
    assert reasons(file) == ["Sheet, row 2, column 5: no header above"]


def test_notes_and_sources_below_the_table_are_ignored_with_their_reason() -> None:
    notes = [
        ["X Not applicable."],
        ["NA Not available."],
        ["1Noncitizens at least 18 years of age."],
        ["Notes: To protect privacy, cells are rounded to the nearest ten."],
    ]
    file = parsed([*BODY, *notes, ["Source: Persist Dataset."]])
    assert (file.ignored["note"], file.ignored["source"]) == (4, 1)
    assert not file.rejects


def test_anything_else_below_the_table_is_rejected_not_taken_for_a_note() -> None:
    file = parsed([*BODY, ["Grand total"], [None, None, 480]])
    assert [reject.original for reject in file.rejects] == [b"Grand total", b"480"]
    assert accounts_for_every_cell(file)


def test_cells_are_numbered_through_the_file_with_rejects_in_place() -> None:
    data = book({"One": [HEADER, [2014, "Total", 1, "?"]], "Two": [HEADER, [2014, "Total", 3, 4]]})
    file = read_book(data, "book.xlsx")
    assert file.columns["line_no"] == [1, 3, 4]
    assert file.columns["table_label"] == ["One", "Two", "Two"]
    assert [reject.line_no for reject in file.rejects] == [2]


def test_table_of_contents_is_navigation_though_it_holds_years() -> None:
    contents: list[list[object]] = [
        ["Table of Contents"],
        ["Category", "Table", "Starting Date"],
        ["CBP", "SWB", 2014],
    ]
    file = read_book(book({"TOC": contents, "Sheet": BODY}), "book.xlsx")
    assert file.ignored["navigation"] == 7
    assert file.rows == 6


def test_sheet_with_figures_but_no_header_refuses_the_book_and_names_the_cell() -> None:
    data = book({"Sheet": BODY, "New layout": [["Year", "Month"], [2014, "Total", 5]]})
    with pytest.raises(RefusedFile, match=r"book\.xlsx: sheet 'New layout', cell A2: '2014'") as refused:
        read_book(data, "book.xlsx")
    assert "\n" not in str(refused.value)


def test_second_table_in_a_sheet_refuses_the_book() -> None:
    with pytest.raises(RefusedFile, match=r"sheet 'Sheet' holds a second table at A5"):
        parsed([*BODY, *BODY])


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 cut short", b"Calendar Year,Fiscal Year,Month,a:b\n"])
def test_what_is_no_workbook_is_not_a_book(data: bytes) -> None:
    assert not looks_like_book(data)
    with pytest.raises(RefusedFile, match="not a workbook"):
        read_book(data, "book.xlsx")


def test_workbook_without_the_header_is_not_a_book() -> None:
    data = book({"USBP": [["FY", "Month", "Sector", "Count"]]})
    assert not looks_like_book(data)
    assert looks_like_book(book({"Cover": [["Read me"]], "Sheet": BODY}))
    with pytest.raises(RefusedFile, match="no sheet holds a table"):
        read_book(data, "book.xlsx")


FLAT = (
    b"Calendar Year,Fiscal Year,Month,Repatriations:Total,Southwest Border Book-outs/USBP:Total\r\n"
    b"2013,2014,0,X,479370\r\n"
    b"2013,2014,10,10,35310\r\n"
    b"2014,2014,1,20,28670\r\n"
)


def test_flat_header_is_split_into_table_and_column() -> None:
    assert looks_like_flat(FLAT)
    file = read_flat(FLAT, "flat.csv")
    assert file.columns["table_label"][:2] == ["Repatriations", "Southwest Border Book-outs/USBP"]
    assert file.columns["column_label"] == ["Total"] * 6
    assert file.columns["month_label"] == ["0", "0", "10", "10", "1", "1"]
    assert file.columns["fiscal_year_label"] == ["2014"] * 6
    assert (file.columns["row_no"][-1], file.columns["column_no"][-1]) == (4, 5)
    assert file.encounters == 479370 + 10 + 35310 + 20 + 28670
    assert file.ignored == {"header": 5, "label": 9}
    assert accounts_for_every_cell(file)


def test_flat_line_whose_calendar_year_contradicts_it_is_rejected() -> None:
    file = read_flat(FLAT.replace(b"2013,2014,10", b"2014,2014,10"), "flat.csv")
    assert reasons(file)[0] == (
        "Repatriations, row 3, column 4: line 3: calendar year 2014 does not fit month 10 of 2014"
    )
    assert len(file.rejects) == 2
    assert accounts_for_every_cell(file)


def test_flat_line_with_another_number_of_fields_is_rejected_cell_by_cell() -> None:
    file = read_flat(FLAT + b"2014,2014,2,30\r\n", "flat.csv")
    assert reasons(file) == ["line 5 has 4 fields, the header 5"] * 4
    assert accounts_for_every_cell(file)


def test_flat_file_without_figures_is_refused() -> None:
    with pytest.raises(RefusedFile, match="no figure below the header"):
        read_flat(FLAT.splitlines()[0], "flat.csv")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Fiscal Year,Month,Total\n",
        b"Calendar Year,Fiscal Year,Month\n",
        b"Calendar Year,Fiscal Year,Month,Total\n",
        b"Calendar Year,Fiscal Year,Month,\xff:Total\n",
    ],
)
def test_csv_with_another_header_is_refused(data: bytes) -> None:
    assert not looks_like_flat(data)
    with pytest.raises(RefusedFile, match=r"flat\.csv: line 1 does not read"):
        read_flat(data, "flat.csv")


def test_flat_file_in_another_encoding_is_refused_with_its_line() -> None:
    with pytest.raises(RefusedFile, match=r"flat\.csv: line 3: byte 0xff is not UTF-8"):
        read_flat(FLAT.replace(b"2013,2014,10,10", b"2013,2014,10,\xff"), "flat.csv")
