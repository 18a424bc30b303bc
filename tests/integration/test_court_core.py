"""The typed court tables: rules L10, L11, L13 and L15 to L21."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pytest

from warehouse import contracts
from warehouse.court import (
    CORE_TABLES,
    audit_release,
    build_core,
    diff_releases,
    load_release,
    packing,
    registry,
    synth,
)

RELEASE = "eoir-000000000001"
PROCEEDING = [c.name for c in registry.tables()["b_tblproceeding"].columns]
CASE = [c.name for c in registry.tables()["a_tblcase"].columns]
DECISIONS = ["idnCourtDecision", "strCaseType", "strDecCode", "strDecDescription", "strDecType"]
APPLICATION = ["IDNPROCEEDINGAPPLN", "IDNPROCEEDING", "IDNCASE", "APPL_CODE", "APPL_RECD_DATE", "APPL_DEC"]
SCHEDULE = ["IDNSCHEDULE", "IDNPROCEEDING", "IDNCASE", "HEARING_LOC_CODE", "ADJ_DATE"]

Build = Callable[..., duckdb.DuckDBPyConnection]


def rows_of(header: Sequence[str], *rows: dict[str, str]) -> bytes:
    lines = ["\t".join(header)] + ["\t".join(r.get(c, "") for c in header) for r in rows]
    return "".join(line + "\r\n" for line in lines).encode()


def case(number: int, **values: str) -> dict[str, str]:
    return {"IDNCASE": str(number), "CASE_TYPE": "RMV", "NAT": "MX", "LANG": "SP"} | values


def proceeding(number: int, of: int, **values: str) -> dict[str, str]:
    return {"IDNPROCEEDING": str(number), "IDNCASE": str(of), "CASE_TYPE": "RMV"} | values


@pytest.fixture
def build(tmp_path: Path) -> Build:
    con = duckdb.connect(str(tmp_path / "warehouse.duckdb"))

    def _build(release_id: str = RELEASE, **members: bytes) -> duckdb.DuckDBPyConnection:
        path = tmp_path / f"{release_id}.zip"
        with packing.ZipWriter(path) as z:
            for name, body in members.items():
                z.add(f"{name}.csv", [body], 9)
        load_release(con, path, release_id)
        build_core(con, release_id)
        return con

    return _build


def finding(con: duckdb.DuckDBPyConnection, table: str, check: str) -> tuple[int, str]:
    audit_release(con, RELEASE)
    row = con.execute(
        "select observed_count, finding_state from meta.eoir_findings where court_table = ? and check_name = ?",
        [table, check],
    ).fetchone()
    assert row, f"{table} has no check {check}"
    return row


def test_every_core_table_is_as_its_contract_says_even_where_the_release_lacks_its_file(build: Build) -> None:
    con = build(A_TblCase=rows_of(CASE, case(1)))
    for name in CORE_TABLES:
        built = [(r[0], r[1]) for r in con.execute(f"describe {name}").fetchall()]
        assert built == [(c.name, c.type) for c in contracts.table(name).columns]
        schema, table = name.split(".")
        comment = con.execute(
            "select comment from duckdb_tables() where schema_name = ? and table_name = ?", [schema, table]
        ).fetchone()
        assert comment == (contracts.table(name).comment,)


def test_L10_errors_that_cancel_in_the_count_are_seen_by_key(build: Build) -> None:
    con = build(
        A_TblCase=rows_of(CASE, case(1), case(2), case(2)),  # 3 lost, 2 doubled: the count still says three
        B_TblProceeding=rows_of(PROCEEDING, proceeding(1, 1), proceeding(2, 2), proceeding(3, 3)),
    )
    assert finding(con, "A_TblCase", "repeated_key") == (1, "warning")
    assert finding(con, "B_TblProceeding", "orphan")[0] == 1


def test_L11_padding_and_control_bytes_go_in_core_and_stay_in_raw(build: Build) -> None:
    charges = ["IDNPRCDCHG", "IDNCASE", "IDNPROCEEDING", "CHARGE", "CHG_STATUS"]
    body = rows_of(
        charges,
        {"IDNPRCDCHG": "1", "CHARGE": "212a06Ai  ", "CHG_STATUS": "\x1b"},
        {"IDNPRCDCHG": "2", "CHARGE": "212a02Ai  I", "CHG_STATUS": "s"},
    )
    con = build(B_TblProceedCharges=body)
    got = con.execute(
        "select charge_code, charge_status_code from core.eoir__charges order by record_no"
    ).fetchall()
    assert got == [("212a06Ai", None), ("212a02Ai  I", "S")]
    assert con.execute("select charge from raw.eoir__b_tblproceedcharges order by record_no").fetchall()[
        0
    ] == ("212a06Ai  ",)
    assert finding(con, "B_TblProceedCharges", "stripped_charge")[0] == 1
    assert finding(con, "B_TblProceedCharges", "stripped_chg_status")[0] == 1


def test_L12_not_available_and_zero_reach_core_as_values(build: Build) -> None:
    identifiers = ["IDNCASEID", "IDNCASE", "CASE_ID"]
    con = build(
        A_TblCase=rows_of(CASE, case(1, CASEPRIORITY_CODE="N/A"), case(2, CASEPRIORITY_CODE="\x00")),
        A_TblCaseIdentifier=rows_of(identifiers, {"IDNCASEID": "1", "IDNCASE": "1", "CASE_ID": "NA"}),
    )
    assert con.execute("select case_priority_code from core.eoir__cases order by record_no").fetchall() == [
        ("N/A",),
        (None,),
    ]
    assert con.execute("select identifier_code from core.eoir__case_identifiers").fetchall() == [("NA",)]


def test_L13_birth_month_keeps_its_precision_and_bad_dates_their_text(build: Build) -> None:
    con = build(
        A_TblCase=rows_of(
            CASE,
            case(1, C_BIRTHDATE="4/1974", DATE_OF_ENTRY="1900-01-01 00:00:00.000"),
            case(2, C_BIRTHDATE="1974-04-09 00:00:00.000", LATEST_HEARING="2925-05-01 00:00:00.000"),
            case(3, C_BIRTHDATE="13/1974", LATEST_HEARING="soon"),
            case(4, LPR="2024-09-09 00:00:00.000"),
        )
    )
    got = con.execute(
        "select cast(birth_month as varchar), birth_precision, birth_label, has_implausible_date, latest_hearing_on is null "
        "from core.eoir__cases order by record_no"
    ).fetchall()
    assert got[0] == ("1974-04-01", "month", "4/1974", True, True)
    assert got[1] == ("1974-04-01", "day", "1974-04-09 00:00:00.000", True, False)
    assert got[2] == (None, None, "13/1974", False, True)
    assert con.execute("select latest_hearing from raw.eoir__a_tblcase where record_no = 3").fetchone() == (
        "soon",
    )
    assert finding(con, "A_TblCase", "failed_cast_latest_hearing_on")[0] == 1
    assert finding(con, "A_TblCase", "failed_cast_birth_month")[0] == 1
    assert finding(con, "A_TblCase", "failed_cast_is_lawful_permanent_resident")[0] == 1


def test_L15_a_decision_is_named_by_case_type_code_and_kind(build: Build) -> None:
    lookup = rows_of(
        DECISIONS,
        {"strCaseType": "RMV", "strDecCode": "X", "strDecDescription": "Remove", "strDecType": "C"},
        {"strCaseType": "RMV", "strDecCode": "X", "strDecDescription": "ZERO BOND", "strDecType": "O"},
        {"strCaseType": "RMV", "strDecCode": "X", "strDecDescription": "second listing", "strDecType": "C"},
    )
    con = build(
        tblLookupCourtDecision=lookup,
        B_TblProceeding=rows_of(
            PROCEEDING,
            proceeding(1, 1, DEC_CODE="X", COMP_DATE="2020-01-02 00:00:00.000", ABSENTIA="Y"),
            proceeding(2, 2, OTHER_COMP="X", COMP_DATE="2020-01-02 00:00:00.000", ABSENTIA="y "),
            proceeding(3, 3, DEC_CODE="%", COMP_DATE="2020-01-02 00:00:00.000", ABSENTIA="1"),
            proceeding(4, 4, CASE_TYPE="CFR", DEC_CODE="V", COMP_DATE="2020-01-02 00:00:00.000"),
            proceeding(5, 5),
        ),
    )
    got = con.execute(
        "select decision_label, other_completion_label, outcome_code, is_in_absentia "
        "from core.eoir__proceedings order by record_no"
    ).fetchall()
    assert got[0] == ("Remove", None, "removal", True)
    assert got[1][:3] == (None, "ZERO BOND", "other_completion")
    assert got[2] == ("UNKNOWN(%)", None, "unknown", False)
    assert got[3][0] == "Vacate - DHS Decision and Credible Fear"  # from the bundled list
    assert got[4][2] == "pending"
    assert finding(con, "B_TblProceeding", "unknown_decision_code")[0] == 1


def test_L15_relief_is_not_removal_and_withholding_is_neither(build: Build) -> None:
    con = build(A_TblCase=rows_of(CASE, case(1)))
    got = dict(
        con.execute(
            "select listed_code, outcome_code from core.eoir__court_decisions "
            "where case_type_code = 'RMV' and decision_kind_code = 'C'"
        ).fetchall()
    )
    assert {c: got[c] for c in "XREZHVTUWC"} == {
        "X": "removal",
        "R": "relief",
        "C": "relief",
        "E": "removal_withheld",
        "Z": "removal_withheld",
        "H": "removal_withheld",
        "V": "voluntary_departure",
        "T": "termination",
        "U": "termination",
        "W": "withdrawn",
    }


def test_L16_a_code_listed_twice_keeps_its_first_record_and_says_so(build: Build) -> None:
    header = ["idnHloc", "HEARING_LOC_CODE", "HEARING_LOC_NAME"]
    con = build(
        tblLookupHloc=rows_of(
            header,
            {"HEARING_LOC_CODE": "IAD", "HEARING_LOC_NAME": "FIRST"},
            {"HEARING_LOC_CODE": "IAD ", "HEARING_LOC_NAME": "SECOND"},
            {"HEARING_LOC_CODE": "NEW", "HEARING_LOC_NAME": "MPP COURT SOMEWHERE"},
            {"HEARING_LOC_CODE": "MPP", "HEARING_LOC_NAME": "TEST HEARING LOC - ECAS MPP"},
        )
    )
    got = con.execute(
        "select code_label, listings from core.eoir__codes where listed_code = 'IAD'"
    ).fetchall()
    assert got == [("FIRST", 2)]
    assert finding(con, "hearing_location", "code_listed_twice")[0] == 1
    assert finding(con, "tblLookupHloc", "unlisted_mpp_location") == (1, "warning")


def test_L17_the_last_completed_proceeding_is_chosen_by_a_total_order(build: Build) -> None:
    day = "2020-01-02 00:00:00.000"
    con = build(
        B_TblProceeding=rows_of(
            PROCEEDING,
            proceeding(7, 1, COMP_DATE=day),
            proceeding(9, 1, COMP_DATE=day),
            proceeding(8, 1, COMP_DATE=day),
            proceeding(10, 1),
            proceeding(11, 2),
            {"IDNPROCEEDING": "12", "COMP_DATE": day},
        )
    )
    got = con.execute("select proceeding_id from core.eoir__proceedings where is_last_completed").fetchall()
    assert got == [(9,)]


def test_L17_building_twice_gives_the_same_rows(build: Build, tmp_path: Path) -> None:
    synth.write_release(tmp_path / "s.zip", 300, seed=3, defects=50)
    con = duckdb.connect(str(tmp_path / "s.duckdb"))
    load_release(con, tmp_path / "s.zip", RELEASE)

    def digest() -> str:
        rows = [con.execute(f"select * from {t} order by all").fetchall() for t in CORE_TABLES]
        return hashlib.sha256(repr(rows).encode()).hexdigest()

    build_core(con, RELEASE)
    first = digest()
    build_core(con, RELEASE)
    assert digest() == first


def test_L18_odd_keys_and_orphans_are_reported_and_kept(build: Build) -> None:
    con = build(
        A_TblCase=rows_of(CASE, case(1)),
        B_TblProceeding=rows_of(
            PROCEEDING,
            proceeding(1, 1),
            proceeding(2, 99),
            {"IDNPROCEEDING": "FC", "IDNCASE": "1"},
            {"IDNCASE": "1"},
            {"IDNPROCEEDING": "5"},
        ),
    )
    assert con.execute("select count(*) from core.eoir__proceedings").fetchone() == (5,)
    assert finding(con, "B_TblProceeding", "key_is_no_number")[0] == 1
    assert finding(con, "B_TblProceeding", "missing_key")[0] == 1
    assert finding(con, "B_TblProceeding", "orphan")[0] == 1
    assert finding(con, "B_TblProceeding", "missing_case_id")[0] == 1


def test_L19_the_diff_lists_added_changed_and_vanished_records(build: Build) -> None:
    old = [
        {"IDNPROCEEDINGAPPLN": str(i), "IDNCASE": "1", "APPL_CODE": "ASYL", "APPL_DEC": "D" if i < 3 else ""}
        for i in range(1, 9)
    ]
    new = [dict(r) for r in old if r["IDNPROCEEDINGAPPLN"] not in ("1", "8")]
    new[0]["APPL_DEC"] = "G"
    new.append({"IDNPROCEEDINGAPPLN": "100", "IDNCASE": "2"})
    build("eoir-old", tbl_Court_Appln=rows_of(APPLICATION, *old), A_TblCase=rows_of(CASE, case(1), case(2)))
    con = build(
        "eoir-new", A_TblCase=rows_of(CASE, case(2), case(1)), tbl_Court_Appln=rows_of(APPLICATION, *new)
    )
    changes = {c.table: c for c in diff_releases(con, "eoir-old", "eoir-new")}
    got = changes["tbl_Court_Appln"]
    assert (got.added, got.changed, got.deleted, got.unchanged, got.deleted_decided) == (1, 1, 2, 5, 1)
    assert got.is_alert
    assert not changes["A_TblCase"].is_alert  # another order of rows is no change
    assert changes["A_TblCase"].unchanged == 2
    gone = con.execute("select key_text, was_decided from meta.eoir_vanished_records order by 1").fetchall()
    assert gone == [("1", True), ("8", False)]
    diff_releases(con, "eoir-old", "eoir-new")
    assert con.execute("select count(*) from meta.eoir_vanished_records").fetchone() == (2,)


def test_L19_two_releases_stand_side_by_side(build: Build) -> None:
    build("eoir-old", A_TblCase=rows_of(CASE, case(1)))
    con = build("eoir-new", A_TblCase=rows_of([*CASE, "NEWCOL"], case(1, NEWCOL="x"), case(2)))
    assert con.execute(
        "select release_id, count(*) from core.eoir__cases group by 1 order by 1"
    ).fetchall() == [
        ("eoir-new", 2),
        ("eoir-old", 1),
    ]
    assert con.execute(
        "select release_id, newcol from raw.eoir__a_tblcase order by 1, record_no"
    ).fetchall() == [
        ("eoir-new", "x"),
        ("eoir-new", None),
        ("eoir-old", None),
    ]


_CHILD = """
import sys, duckdb
from pathlib import Path
from warehouse.court import build_core, load_release
home = Path(sys.argv[1])
con = duckdb.connect(str(home / "w.duckdb"))
load_release(con, home / "r.zip", "eoir-1")
print("loaded", flush=True)
"""


def test_L20_a_killed_load_goes_on_and_ends_with_the_same_rows(tmp_path: Path) -> None:
    synth.write_release(tmp_path / "r.zip", 12_000, seed=4, defects=20)
    root = Path(__file__).parents[2]
    env = os.environ | {"PYTHONPATH": str(root)}
    child = subprocess.Popen([sys.executable, "-c", _CHILD, str(tmp_path)], env=env)
    store = tmp_path / "court" / "eoir-1"
    deadline = time.monotonic() + 60
    while child.poll() is None and time.monotonic() < deadline:
        if store.exists() and len([p for p in store.iterdir() if p.suffix != ".partial"]) >= 2:
            break
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    con = duckdb.connect(str(tmp_path / "w.duckdb"))
    report = load_release(con, tmp_path / "r.zip", "eoir-1")
    whole = duckdb.connect(str(tmp_path / "whole.duckdb"))
    other = load_release(whole, tmp_path / "r.zip", "eoir-1", store=tmp_path / "whole")
    assert report.tables == other.tables
    assert report.is_reconciled
    assert not list((tmp_path / "court").rglob("*.partial"))
    for name in ("a_tblcase", "b_tblproceeding", "tbl_schedule"):
        select = f"select * from raw.eoir__{name} order by record_no"
        assert con.execute(select).fetchall() == whole.execute(select).fetchall()


def test_L21_text_that_could_name_a_person_stays_out_of_core() -> None:
    kept_back = {
        "alien_city",
        "alien_zipcode",
        "updated_zipcode",
        "updated_city",
        "detention_location",
        "dco_location",
    }
    for name in CORE_TABLES:
        assert not kept_back & {c.name for c in contracts.table(name).columns}


def test_mpp_signs_stand_apart_and_a_transfer_leaves_a_case_pending(build: Build) -> None:
    identifiers = ["IDNCASEID", "IDNCASE", "CASE_ID"]
    notice = {"OSC_DATE": "2019-07-01 00:00:00.000"}
    con = build(
        A_TblCase=rows_of(CASE, *(case(n) for n in (1, 2, 3, 4)), case(5, CASE_TYPE="CFR")),
        A_TblCaseIdentifier=rows_of(
            identifiers,
            {"IDNCASEID": "1", "IDNCASE": "1", "CASE_ID": "MP"},
            {"IDNCASEID": "2", "IDNCASE": "2", "CASE_ID": "RM "},
            {"IDNCASEID": "3", "IDNCASE": "5", "CASE_ID": "MP"},
        ),
        B_TblProceeding=rows_of(
            PROCEEDING,
            proceeding(
                1,
                1,
                **notice,
                DEC_CODE="X",
                COMP_DATE="2020-01-02 00:00:00.000",
                ABSENTIA="Y",
                HEARING_LOC_CODE="MPB",
            ),
            proceeding(2, 2, **notice, OTHER_COMP="C", COMP_DATE="2020-02-02 00:00:00.000"),
            proceeding(3, 3, OSC_DATE="2022-01-05 00:00:00.000"),
            proceeding(4, 4, **notice, HEARING_LOC_CODE="MPP"),
        ),
        tbl_schedule=rows_of(
            SCHEDULE,
            {
                "IDNSCHEDULE": "1",
                "IDNCASE": "3",
                "HEARING_LOC_CODE": "SYP",
                "ADJ_DATE": "2022-03-01 00:00:00.000",
            },
            {
                "IDNSCHEDULE": "2",
                "IDNCASE": "3",
                "HEARING_LOC_CODE": "OPP",
                "ADJ_DATE": "2022-02-01 00:00:00.000",
            },
        ),
    )
    got = con.execute(
        "select case_id, is_flagged_mp, is_flagged_rm, is_ever_at_mpp_location, first_mpp_location_code, "
        "mpp_programme_code, outcome_code, is_in_absentia, is_removal_case from core.eoir__mpp_cases order by case_id"
    ).fetchall()
    assert got == [
        (1, True, False, True, "MPB", "MPP1", "removal", True, True),
        (2, False, True, False, None, "MPP1", "pending", False, True),
        (3, False, False, True, "OPP", "MPP2", "pending", False, True),
        (5, True, False, False, None, "outside", "pending", False, False),
    ]


def test_an_identifier_is_digits_and_never_rounded_into_one(build: Build) -> None:
    con = build(
        A_TblCase=rows_of(
            CASE, *({"IDNCASE": t, "CASE_TYPE": "RMV"} for t in ("12.7", "1e3", " 45 ", "67\r"))
        )
    )
    assert con.execute("select case_id from core.eoir__cases order by record_no").fetchall() == [
        (None,),
        (None,),
        (45,),
        (67,),
    ]
    assert finding(con, "A_TblCase", "key_is_no_number") == (2, "warning")
