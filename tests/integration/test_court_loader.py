"""The loader's rules L1 to L9, L14, L20: bytes to raw text, each row accounted for."""

from __future__ import annotations

import os
import shutil
import tracemalloc
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pytest

from warehouse.court import packing, records, registry
from warehouse.court.container import CourtSourceError, open_release, parse_counts, prefetch, stream
from warehouse.court.load import LoadReport, load_release

CASE = [c.name for c in registry.tables()["a_tblcase"].columns]
Load = Callable[..., tuple[duckdb.DuckDBPyConnection, LoadReport]]
CUSTODY = ["IDNCUSTODY", "IDNCASE", "CUSTODY", "DATDETAINED", "DATRELEASED"]


def case_row(**values: str) -> list[str]:
    base = {
        "IDNCASE": "7375924",
        "ALIEN_CITY": "BROOKLYN",
        "ALIEN_STATE": "NY",
        "ALIEN_ZIPCODE": "11209",
        "NAT": "EG",
        "LANG": "AR",
        "CUSTODY": "N",
        "SITE_TYPE": "M",
        "E_28_DATE": "2024-09-12 00:00:00.000",
        "CASE_TYPE": "RMV",
        "UPDATE_SITE": "NYC",
        "LATEST_HEARING": "2014-12-02 00:00:00.000",
        "LATEST_TIME": "1000",
        "C_BIRTHDATE": "4/1974",
        "LPR": "0",
        "CASEPRIORITY_CODE": "N/A",
    }
    return [(base | values).get(name, "") for name in CASE]


def member(header: Sequence[str], rows: Sequence[Sequence[str] | bytes], row_end: bytes = b"\r\n") -> bytes:
    lines = ["\t".join(header).encode()]
    lines += [r if isinstance(r, bytes) else "\t".join(r).encode() for r in rows]
    return row_end.join(lines) + row_end


@pytest.fixture
def load(tmp_path: Path) -> Load:
    made = iter(range(1000))

    def _load(
        members: dict[str, bytes], method: int = 9, *, by_hand: bool = False
    ) -> tuple[duckdb.DuckDBPyConnection, LoadReport]:
        home = tmp_path / f"load{next(made)}"
        home.mkdir()
        with packing.ZipWriter(home / "release.zip") as z:
            for name, body in members.items():
                z.add(name, [body], method)
        con = duckdb.connect(str(home / "warehouse.duckdb"))
        return con, load_release(con, home / "release.zip", "eoir-000000000001", by_hand=by_hand)

    return _load


def column(con: duckdb.DuckDBPyConnection, name: str, table: str = "eoir__a_tblcase") -> list[str | None]:
    return [r[0] for r in con.execute(f'select "{name}" from raw.{table} order by record_no').fetchall()]


def test_L01_a_member_is_streamed_and_not_kept(tmp_path: Path) -> None:
    """24 MB that do not pack: after reading them, next to nothing of them is held."""
    path = tmp_path / "release.zip"
    with packing.ZipWriter(path) as z:
        z.add("x/A_TblCase.csv", (os.urandom(1 << 20) for _ in range(24)), 9)
    (member,) = open_release(path).members.values()
    tracemalloc.start()
    try:
        assert sum(len(block) for block in stream(member)) == 24 << 20
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2 << 20


@pytest.mark.parametrize("method", [0, 8, 9])
def test_L01_members_of_each_zip_method_stream_and_their_crc_is_checked(tmp_path: Path, method: int) -> None:
    body = member(CASE, [case_row(IDNCASE=str(i)) for i in range(2000)])
    path = tmp_path / "r.zip"
    with packing.ZipWriter(path) as z:
        z.add("x/A_TblCase.csv", [body], method)
    only = open_release(path).members["a_tblcase"]
    assert b"".join(stream(only)) == body
    assert b"".join(prefetch(only)) == body
    damaged = bytearray(path.read_bytes())
    damaged[60 + (len(damaged) - 400) // 2] ^= 0x55
    path.write_bytes(damaged)
    with pytest.raises(CourtSourceError, match="A_TblCase"):
        list(stream(open_release(path).members["a_tblcase"]))


def test_L01_zipfile_agrees_with_our_writer_and_reader(tmp_path: Path) -> None:
    path = tmp_path / "r.zip"
    with packing.ZipWriter(path) as z:
        z.add("A_TblCase.csv", [b"abc", b"def"], 8)
    with zipfile.ZipFile(path) as archive:
        assert archive.read("A_TblCase.csv") == b"abcdef"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("A_TblCase.csv", b"xyz" * 1000)
    assert b"".join(stream(open_release(path).members["a_tblcase"])) == b"xyz" * 1000


def test_L01_a_cut_off_archive_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "r.zip"
    with packing.ZipWriter(path) as z:
        z.add("A_TblCase.csv", [member(CASE, [case_row()])], 9)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CourtSourceError, match=r"r\.zip.*fetch the release again"):
        open_release(path)


@pytest.mark.parametrize(
    "name", ["../A_TblCase.csv", "/etc/A_TblCase.csv", "C:\\x\\A_TblCase.csv", "a/../../A_TblCase.csv"]
)
def test_L01_a_member_that_leads_outside_the_archive_is_refused(tmp_path: Path, name: str) -> None:
    with packing.ZipWriter(tmp_path / "r.zip") as z:
        z.add(name, [b"x"], 9)
    with pytest.raises(CourtSourceError, match="outside the archive"):
        open_release(tmp_path / "r.zip")


def test_L02_members_are_found_by_base_name_in_any_folder_and_case(tmp_path: Path) -> None:
    with packing.ZipWriter(tmp_path / "EOIR Case Data.zip") as z:
        z.add("EOIR Case Data 2026-0803/deep/er/a_tblCASE.CSV", [member(CASE, [case_row()])], 9)
        z.add("__MACOSX/deep/._a_tblCASE.CSV", [b"fork"], 8)
        z.add("Readme.docx", [b"..."], 8)
    release = open_release(tmp_path / "EOIR Case Data.zip")
    assert [m.table for m in release.members.values()] == ["A_TblCase"]
    assert str(release.published) == "2026-08-03"
    assert len(release.ignored) == 2


def test_L02_a_folder_or_single_members_do_as_well(tmp_path: Path) -> None:
    folder = tmp_path / "unpacked" / "Lookup"
    folder.mkdir(parents=True)
    (folder / "tbl_custodyhistory.csv").write_bytes(member(CUSTODY, [["1", "2", "D", "", ""]]))
    for source in (
        tmp_path / "unpacked",
        folder / "tbl_custodyhistory.csv",
        [folder / "tbl_custodyhistory.csv"],
    ):
        con = duckdb.connect()
        report = load_release(con, source, "eoir-000000000001", store=tmp_path / "store")
        assert report.rows == 1
        assert column(con, "CUSTODY", "eoir__tbl_custodyhistory") == ["D"]
        shutil.rmtree(tmp_path / "store")


def test_L02_two_different_members_for_one_table_are_refused(tmp_path: Path) -> None:
    with packing.ZipWriter(tmp_path / "r.zip") as z:
        z.add("a/A_TblCase.csv", [b"1"], 9)
        z.add("b/A_TblCase.csv", [b"2"], 9)
    with pytest.raises(CourtSourceError, match="both claim A_TblCase"):
        open_release(tmp_path / "r.zip")


@pytest.mark.parametrize("row_end", [b"\r\n", b"\n"])
def test_L02_both_row_ends_give_the_same_rows(load: Load, row_end: bytes) -> None:
    con, report = load(
        {"A_TblCase.csv": member(CASE, [case_row(IDNCASE="1"), case_row(IDNCASE="2")], row_end)}
    )
    assert column(con, "IDNCASE") == ["1", "2"]
    assert column(con, "CASEPRIORITY_CODE") == ["N/A", "N/A"]
    assert report.tables[0].quarantined == 0


@pytest.mark.parametrize("row_end", [b"\r\n", b"\n"])
def test_L03_a_bare_cr_is_data(load: Load, row_end: bytes) -> None:
    rows = [case_row(ALIEN_CITY="LAKE\rWORTH"), case_row(CASEPRIORITY_CODE="\r"), case_row(IDNCASE="3")]
    con, report = load({"A_TblCase.csv": member(CASE, rows, row_end)})
    assert column(con, "ALIEN_CITY") == ["LAKE\rWORTH", "BROOKLYN", "BROOKLYN"]
    assert column(con, "CASEPRIORITY_CODE")[1] == "\r"
    assert report.tables[0].records == 3


def test_L03_an_lf_in_a_crlf_file_is_data_unless_it_parts_two_whole_rows(load: Load) -> None:
    inside = case_row(ALIEN_CITY="LAKE\nWORTH")
    pair = "\t".join(case_row(IDNCASE="2")).encode() + b"\n" + "\t".join(case_row(IDNCASE="3")).encode()
    con, report = load({"A_TblCase.csv": member(CASE, [inside, pair, case_row(IDNCASE="4")])})
    assert column(con, "IDNCASE") == ["7375924", "2", "3", "4"]
    assert column(con, "ALIEN_CITY")[0] == "LAKE\nWORTH"
    assert any("LF" in note for note in report.tables[0].notes)


def test_L03_the_last_record_needs_no_row_end(load: Load) -> None:
    con, report = load({"A_TblCase.csv": member(CASE, [case_row(IDNCASE="1"), case_row(IDNCASE="2")])[:-2]})
    assert column(con, "IDNCASE") == ["1", "2"]
    assert "last record has no row end" in report.tables[0].notes


def test_L04_quotes_and_backslashes_mean_nothing(load: Load) -> None:
    cities = ['"LAKE', 'WORTH"', '""', "'", 'a\\"b', "\\N", '"a" b']
    con, _ = load({"A_TblCase.csv": member(CASE, [case_row(ALIEN_CITY=c) for c in cities])})
    assert column(con, "ALIEN_CITY") == cities


def test_L05_a_row_is_utf8_or_else_cp1252_and_never_dropped(load: Load) -> None:
    rows = [
        "\t".join(case_row(ALIEN_CITY="PEÑASCO")).encode("utf-8"),
        "\t".join(case_row(ALIEN_CITY="PEÑASCO")).encode("cp1252"),
        "\t".join(case_row(ALIEN_CITY="CITY")).encode().replace(b"CITY", b"\x93Q\x94\x81"),
    ]
    con, report = load({"A_TblCase.csv": member(CASE, rows)})
    assert column(con, "ALIEN_CITY") == ["PEÑASCO", "PEÑASCO", "“Q”\x81"]
    assert report.tables[0].cp1252_rows == 2


def test_L06_lone_nul_empty_and_blank_stay_apart(load: Load) -> None:
    cities = ["\x00", "", " ", "  ", "A\x00B", "\x00\x00", "X "]
    rows = [
        case_row(ALIEN_CITY=c, ALIEN_STATE="\x00", ALIEN_ZIPCODE="\x00", CASEPRIORITY_CODE="\x00")
        for c in cities
    ]
    con, _ = load({"A_TblCase.csv": member(CASE, rows)})
    assert column(con, "ALIEN_CITY") == ["", None, " ", "  ", "A\x00B", "\x00\x00", "X "]
    for name in ("ALIEN_STATE", "ALIEN_ZIPCODE", "CASEPRIORITY_CODE"):
        assert set(column(con, name)) == {""}


def test_L07_the_published_malformed_row_is_repaired(load: Load) -> None:
    broken = "\t".join(case_row()).encode().replace(b"BROOKLYN\tNY", b"BROOKLYN\t\tNY")
    con, report = load({"A_TblCase.csv": member(CASE, [broken])})
    got = con.execute(
        "select alien_city, alien_state, alien_zipcode, nat, casepriority_code from raw.eoir__a_tblcase"
    )
    assert got.fetchall() == [("BROOKLYN", "NY", "11209", "EG", "N/A")]
    log = con.execute(
        "select repair_method, detail, original, repaired_values[2] from meta.eoir_repair_log"
    ).fetchall()
    assert log == [("tab_in_value", "tab inside ALIEN_CITY", broken, "BROOKLYN")]
    assert report.tables[0].repaired == 1


def test_L07_several_tabs_in_one_value_and_in_two_values(load: Load) -> None:
    one = case_row(ALIEN_CITY="SAN\tJOSE\t\tDEL CABO")
    two = case_row(ALIEN_CITY="SAN\tJOSE", DETENTION_LOCATION="COUNTY\t", DCO_LOCATION="")
    con, _ = load({"A_TblCase.csv": member(CASE, [one, two])})
    assert column(con, "ALIEN_CITY") == ["SAN\tJOSE\tDEL CABO", "SAN\tJOSE"]
    assert column(con, "CASEPRIORITY_CODE") == ["N/A", "N/A"]


def test_L07_two_equally_good_repairs_are_not_guessed_at(load: Load) -> None:
    broken = case_row(DETENTION_LOCATION="BERGEN COUNTY\t160 SOUTH RIVER ST", DCO_LOCATION="HACKENSACK")
    con, report = load({"A_TblCase.csv": member(CASE, [broken])})
    assert column(con, "IDNCASE") == []
    assert con.execute("select reason, original from meta.eoir_quarantine").fetchall() == [
        ("ambiguous", "\t".join(broken).encode())
    ]
    assert report.tables[0].records == report.tables[0].quarantined == 1


def test_L07_trailing_empty_fields_are_dropped_and_logged(load: Load) -> None:
    con, _ = load(
        {"A_TblCase.csv": member(CASE, [[*case_row(), ""], [*case_row(CASEPRIORITY_CODE=""), "", ""]])}
    )
    assert column(con, "CASEPRIORITY_CODE") == ["N/A", None]
    assert con.execute("select distinct repair_method from meta.eoir_repair_log").fetchall() == [
        ("trailing_empty_dropped",)
    ]


def test_L07_an_inner_tab_is_not_mistaken_for_a_trailing_one(load: Load) -> None:
    con, _ = load({"A_TblCase.csv": member(CASE, [case_row(ALIEN_CITY="BROOKLYN\t", CASEPRIORITY_CODE="")])})
    assert column(con, "NAT") == ["EG"]
    assert column(con, "C_BIRTHDATE") == ["4/1974"]


def test_L07_fields_beyond_the_header_are_kept_beside_the_row(load: Load) -> None:
    con, _ = load({"A_TblCase.csv": member(CASE, [[*case_row(), "2007-03-08 20:01:00.000", "A.2.a"]])})
    assert column(con, "surplus_fields") == ["2007-03-08 20:01:00.000\tA.2.a"]
    assert column(con, "CASEPRIORITY_CODE") == ["N/A"]


def test_L07_a_tab_inside_a_date_or_a_code_is_taken_out(load: Load) -> None:
    one = case_row(LATEST_HEARING="2014-12-\t02 00:00:00.000")
    two = case_row(CASE_TYPE="R\tMV")
    con, report = load({"A_TblCase.csv": member(CASE, [one, two])})
    assert column(con, "LATEST_HEARING") == ["2014-12-02 00:00:00.000"] * 2
    assert column(con, "CASE_TYPE") == ["RMV", "RMV"]
    assert report.tables[0].repaired == 2


def test_L07_columns_without_a_name_in_nearly_every_row_are_columns(load: Load) -> None:
    rows = [[*case_row(IDNCASE=str(i)), "", "x" if i == 3 else ""] for i in range(1, 41)]
    rows[10] = rows[10][:-2]
    con, report = load({"A_TblCase.csv": member(CASE, rows)})
    table = report.tables[0]
    assert (table.records, table.quarantined, table.repaired) == (40, 0, 1)
    assert table.added_columns == ("unnamed_40", "unnamed_41")
    assert [v for v in column(con, "unnamed_41") if v] == ["x"]


def test_L08_a_row_that_stops_early_is_padded_only_when_its_anchors_hold(load: Load) -> None:
    whole, shifted, cut = case_row()[:20], case_row(), case_row()[:3]
    del shifted[1]
    con, report = load({"A_TblCase.csv": member(CASE, [whole, shifted, cut[:1]])})
    assert column(con, "LATEST_TIME") == ["1000"]
    assert column(con, "LPR") == [None]
    reasons = con.execute("select record_no, reason from meta.eoir_quarantine order by 1").fetchall()
    assert reasons == [(2, "anchors_contradict"), (3, "too_few_fields")]
    assert (report.tables[0].repaired, report.tables[0].quarantined) == (1, 2)


def test_L09_quarantine_keeps_bytes_and_offset_and_the_ledger_closes(load: Load) -> None:
    bad = b"\x93only one field\x81"
    body = member(CASE, [case_row(IDNCASE="1"), bad, case_row(IDNCASE="3")])
    con, report = load(
        {"A_TblCase.csv": body, "Count.txt": b"TableName\tContent\r\nA_TblCase\t3 rows copied.\r\n"}
    )
    number, offset, original = con.execute(
        "select record_no, byte_offset, original from meta.eoir_quarantine"
    ).fetchone()
    assert (number, original) == (2, bad)
    assert body[offset : offset + len(bad)] == bad
    table = report.tables[0]
    assert table.records == table.loaded + table.quarantined == table.stated_rows == 3
    assert report.is_reconciled
    assert con.execute("select record_no from raw.eoir__a_tblcase order by 1").fetchall() == [(1,), (3,)]


def test_L09_one_row_off_is_not_reconciled(load: Load) -> None:
    _, report = load(
        {"A_TblCase.csv": member(CASE, [case_row()]), "COUNT.TXT": b"A_TblCase\t2 rows copied.\n"}
    )
    assert not report.is_reconciled
    assert "A_TblCase: 1 records, 2 stated in Count.txt" in report.problems()


def test_L09_count_txt_may_lack_or_add_tables_or_be_absent(load: Load) -> None:
    body = member(CASE, [case_row()])
    _, without = load({"A_TblCase.csv": body})
    assert without.tables[0].reconciliation == "no_count_file"
    assert without.is_reconciled
    _, other = load({"A_TblCase.csv": body, "Count.txt": b"tblAppeal\t5 rows copied."})
    assert other.tables[0].reconciliation == "not_stated"
    assert not other.is_reconciled


def test_L09_count_txt_is_read_in_every_encoding() -> None:
    text = "TableName\tContent\r\nA_TblCase\t7,390,042 rows copied.\r\nnoise\r\n"
    for raw in (text.encode(), text.encode("utf-16"), b"\xef\xbb\xbf" + text.encode()):
        assert parse_counts(raw) == {"a_tblcase": 7390042}


def test_L12_literal_not_available_and_zero_are_values(load: Load) -> None:
    values = ["N/A", "NA", "0", "00", "NULL", "null", "None", "nan", "-"]
    con, _ = load({"A_TblCase.csv": member(CASE, [case_row(ALIEN_CITY=v) for v in values])})
    assert column(con, "ALIEN_CITY") == values


def test_L14_columns_are_placed_by_name_and_differences_reported(load: Load) -> None:
    header = ["DATRELEASED", "idncase", "Custody", "DATDETAINED_Remove", "NEWCOL", "", "NEWCOL"]
    con, report = load({"tbl_CustodyHistory.csv": member(header, [["", "7", "D", "", "x", "y", "z"]])})
    got = con.execute(
        'select idncase, custody, newcol, unnamed_6, "NEWCOL_2" from raw.eoir__tbl_custodyhistory'
    )
    assert got.fetchall() == [("7", "D", "x", "y", "z")]
    table = report.tables[0]
    assert table.renamed_columns == {"DATDETAINED_Remove": "DATDETAINED"}
    assert table.added_columns == ("NEWCOL", "unnamed_6", "NEWCOL_2")
    assert table.removed_columns == ("IDNCUSTODY",)


def test_L14_gender_is_sex(load: Load) -> None:
    header = ["GENDER" if n == "Sex" else n for n in CASE]
    con, report = load({"A_TblCase.csv": member(header, [case_row(Sex="F")])})
    assert column(con, "Sex") == ["F"]
    assert report.tables[0].renamed_columns == {"GENDER": "Sex"}


def test_L14_a_file_without_its_header_is_refused(load: Load) -> None:
    with pytest.raises(CourtSourceError, match="line 1 is no header of A_TblCase"):
        load({"A_TblCase.csv": member(case_row(), [case_row()])})


def test_L20_a_finished_table_is_not_read_again(load: Load, tmp_path: Path) -> None:
    con, _ = load(
        {
            "A_TblCase.csv": member(CASE, [case_row()]),
            "tblAppeal2.csv": b"idnAppeal\tidncase\tidnProceeding\r\n",
        }
    )
    again = load_release(con, next(tmp_path.glob("*/release.zip")), "eoir-000000000001")
    assert sorted(again.resumed) == ["A_TblCase", "tblAppeal2"]
    assert again.rows == 1


def test_byte_order_mark_empty_and_header_only_members_are_noted(load: Load) -> None:
    con, report = load(
        {
            "A_TblCase.csv": b"\xef\xbb\xbf" + member(CASE, [case_row()]),
            "tblAppeal2.csv": b"",
            "tbl_CustodyHistory.csv": member(CUSTODY, []),
        }
    )
    notes = {t.table: t.notes for t in report.tables}
    assert notes["A_TblCase"] == ("file starts with a UTF-8 byte order mark",)
    assert notes["tblAppeal2"] == ("member is empty: no header, no records",)
    assert notes["tbl_CustodyHistory"] == ("header only: no records",)
    assert column(con, "IDNCASE") == ["7375924"]
    assert con.execute("select count(*) from raw.eoir__tblappeal2").fetchone() == (0,)


def test_every_byte_decodes_to_one_character() -> None:
    for byte in range(256):
        text, _ = records.decode(b"a" + bytes([byte]) + b"\xff")
        assert len(text) == 3
