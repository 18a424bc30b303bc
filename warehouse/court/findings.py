"""What is odd about the content of a loaded release: keys, orphans, casts, codes, conflicts.

Belongs here: counting by key and content, with the thresholds known from published releases. Does not belong
here: removing or changing a row; a finding is a report. Counts that agree can hide errors that cancel, so
these checks look at keys and values, not at totals.
"""

from __future__ import annotations

from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from warehouse import contracts
from warehouse.court import registry

_FINDINGS = "meta.eoir_findings"

#: (core table, court table, key) of the tables with a key of their own.
KEYS = (
    ("core.eoir__cases", "A_TblCase", "case_id"),
    ("core.eoir__proceedings", "B_TblProceeding", "proceeding_id"),
    ("core.eoir__charges", "B_TblProceedCharges", "charge_id"),
    ("core.eoir__applications", "tbl_Court_Appln", "application_id"),
    ("core.eoir__hearings", "tbl_schedule", "hearing_id"),
    ("core.eoir__bonds", "D_TblAssociatedBond", "bond_id"),
    ("core.eoir__motions", "tbl_Court_Motions", "motion_id"),
    ("core.eoir__appeals", "tblAppeal", "appeal_id"),
    ("core.eoir__representatives", "tbl_RepsAssigned", "representation_id"),
    ("core.eoir__custody", "tbl_CustodyHistory", "custody_id"),
    ("core.eoir__juvenile", "tbl_JuvenileHistory", "juvenile_history_id"),
    ("core.eoir__riders", "tbl_Lead_Rider", "rider_id"),
    ("core.eoir__case_identifiers", "A_TblCaseIdentifier", "identifier_id"),
)

#: Orphans per million rows seen in the release of February 2026, doubled: above it something else is wrong.
_ORPHANS = (
    ("core.eoir__proceedings", "B_TblProceeding", "case_id", "core.eoir__cases", 33.0),
    ("core.eoir__charges", "B_TblProceedCharges", "proceeding_id", "core.eoir__proceedings", 1300.0),
    ("core.eoir__representatives", "tbl_RepsAssigned", "case_id", "core.eoir__cases", 280.0),
    ("core.eoir__applications", "tbl_Court_Appln", "case_id", "core.eoir__cases", 42.0),
    ("core.eoir__bonds", "D_TblAssociatedBond", "case_id", "core.eoir__cases", 132.0),
)

#: Text that is expected to be a number or a date and was not: (court table, raw column, core table, column).
_CASTS = (
    ("A_TblCase", "LATEST_HEARING", "core.eoir__cases", "latest_hearing_on"),
    ("A_TblCase", "DATE_OF_ENTRY", "core.eoir__cases", "entered_on"),
    ("A_TblCase", "C_BIRTHDATE", "core.eoir__cases", "birth_month"),
    ("A_TblCase", "LPR", "core.eoir__cases", "is_lawful_permanent_resident"),
    ("B_TblProceeding", "OSC_DATE", "core.eoir__proceedings", "notice_on"),
    ("B_TblProceeding", "COMP_DATE", "core.eoir__proceedings", "completed_on"),
    ("B_TblProceeding", "IDNCASE", "core.eoir__proceedings", "case_id"),
    ("tbl_schedule", "ADJ_DATE", "core.eoir__hearings", "hearing_on"),
    ("tbl_Court_Appln", "APPL_RECD_DATE", "core.eoir__applications", "received_on"),
)

#: Cells the typed layer changed by removing padding or control bytes.
_STRIPPED = (
    ("A_TblCase", "LANG"),
    ("A_TblCase", "ALIEN_CITY"),
    ("B_TblProceedCharges", "CHARGE"),
    ("B_TblProceedCharges", "CHG_STATUS"),
)


@dataclass(frozen=True)
class Finding:
    """One check of one table; `state` is ok, warning or failed."""

    table: str
    check: str
    observed: int
    threshold: int | None
    state: str
    detail: str


def audit_release(con: DuckDBPyConnection, release_id: str) -> list[Finding]:
    """Count what is odd in a release's core tables and store it in `meta.eoir_findings`.

    Checks: repeated, missing and non-numeric primary keys; orphans; failed casts; stripped cells; unknown
    decision codes; ambiguous lookup codes; conflicting case types; hearing locations named after the
    Protocols that are not on the list. Rows are never removed.
    """
    found = [
        *_keys(con, release_id),
        *_orphans(con, release_id),
        *_casts(con, release_id),
        *_stripped(con, release_id),
        *_decisions(con, release_id),
        *_lookups(con, release_id),
        *_locations(con, release_id),
    ]
    contract = contracts.table(_FINDINGS)
    con.execute("begin")
    try:
        con.execute(contract.ddl().replace("create table", "create table if not exists", 1))
        for comment in contract.comments():
            con.execute(comment)
        con.execute(f"delete from {_FINDINGS} where release_id = ?", [release_id])
        if found:
            con.executemany(
                f"insert into {_FINDINGS} values (?, ?, ?, ?, ?, ?, ?)",
                [(release_id, f.table, f.check, f.observed, f.threshold, f.state, f.detail) for f in found],
            )
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise
    return found


def _row(con: DuckDBPyConnection, sql: str, parameters: list[object]) -> tuple[int, ...]:
    row = con.execute(sql, parameters).fetchone()
    return tuple(int(v or 0) for v in row) if row else ()


def _state(observed: int, threshold: int | None) -> str:
    return "ok" if observed == 0 or (threshold is not None and observed <= threshold) else "warning"


def _keys(con: DuckDBPyConnection, release_id: str) -> list[Finding]:
    found = []
    for core, table, key in KEYS:
        rows, typed, distinct = _row(
            con,
            f"select count(*), count({key}), count(distinct {key}) from {core} where release_id = ?",
            [release_id],
        )
        repeated = typed - distinct
        found.append(
            Finding(table, "repeated_key", repeated, 0, _state(repeated, 0), f"{repeated:,} repeats of {key}")
        )
        without = rows - typed
        blank = 0
        if without:
            spec = registry.tables()[table.lower()]
            printed = f'"{spec.primary_key}"'
            (blank,) = _row(
                con,
                f"select count(*) from raw.{spec.slug} where release_id = ? "
                f"and coalesce(trim({printed}), '') = ''",
                [release_id],
            )
        found.append(Finding(table, "missing_key", blank, 0, _state(blank, 0), f"{blank:,} rows lack {key}"))
        other = without - blank
        found.append(
            Finding(
                table, "key_is_no_number", other, 1, _state(other, 1), f"{other:,} rows whose {key} is text"
            )
        )
    return found


def _orphans(con: DuckDBPyConnection, release_id: str) -> list[Finding]:
    found = []
    for core, table, key, parent, ppm in _ORPHANS:
        rows, orphans, without = _row(
            con,
            f"""
            select count(*), count(*) filter (c.{key} is not null and p.{key} is null),
                count(*) filter (c.{key} is null)
            from {core} as c
            left join (select distinct {key} from {parent} where release_id = ?) as p on c.{key} = p.{key}
            where c.release_id = ?
            """,
            [release_id, release_id],
        )
        allowed = max(2, round(ppm * rows / 1e6))
        detail = f"{orphans:,} of {rows:,} rows point to no {key} of {parent}"
        found.append(Finding(table, "orphan", orphans, allowed, _state(orphans, allowed), detail))
        found.append(
            Finding(table, f"missing_{key}", without, 2, _state(without, 2), f"{without:,} rows lack {key}")
        )
    return found


def _casts(con: DuckDBPyConnection, release_id: str) -> list[Finding]:
    found = []
    for table, printed, core, column in _CASTS:
        spec = registry.tables()[table.lower()]
        (filled,) = _row(
            con,
            f"select count(*) from raw.{spec.slug} where release_id = ? and "
            f"regexp_matches(\"{printed}\", '[^\\x00-\\x1F\\x7F\\p{{Zs}}]')",  # more than padding
            [release_id],
        )
        (typed,) = _row(con, f"select count({column}) from {core} where release_id = ?", [release_id])
        failed = filled - typed
        allowed = max(10, filled // 100_000)
        detail = f"{failed:,} of {filled:,} values of {printed} are no {column}; their text stays in raw"
        found.append(
            Finding(table, f"failed_cast_{column}", failed, allowed, _state(failed, allowed), detail)
        )
    return found


def _stripped(con: DuckDBPyConnection, release_id: str) -> list[Finding]:
    found = []
    for table, printed in _STRIPPED:
        spec = registry.tables()[table.lower()]
        changed, control = _row(
            con,
            f"""
            select
                count(*) filter (
                    "{printed}" != trim(regexp_replace("{printed}", '[\\x00-\\x1F\\x7F]+', ' ', 'g'))
                ),
                count(*) filter (regexp_matches("{printed}", '[\\x00-\\x1F\\x7F]'))
            from raw.{spec.slug} where release_id = ?
            """,
            [release_id],
        )
        detail = (
            f"{changed:,} cells of {printed} lost padding or control bytes, {control:,} of them control bytes"
        )
        found.append(Finding(table, f"stripped_{printed.lower()}", changed, None, "ok", detail))
    return found


def _decisions(con: DuckDBPyConnection, release_id: str) -> list[Finding]:
    found = []
    for code, label in (
        ("decision_code", "decision_label"),
        ("other_completion_code", "other_completion_label"),
    ):
        filled, unknown = _row(
            con,
            f"select count({code}), count(*) filter (starts_with({label}, 'UNKNOWN(')) "
            "from core.eoir__proceedings where release_id = ?",
            [release_id],
        )
        allowed = filled // 200
        detail = f"{unknown:,} of {filled:,} codes have no entry under (case type, code, kind)"
        found.append(
            Finding("B_TblProceeding", f"unknown_{code}", unknown, allowed, _state(unknown, allowed), detail)
        )
    (conflicts,) = _row(
        con,
        """
        select count(*) from (
            select case_id from core.eoir__proceedings
            where release_id = ? and case_id is not null and case_type_code is not null
            group by case_id having count(distinct case_type_code) > 1
        )
        """,
        [release_id],
    )
    found.append(
        Finding(
            "B_TblProceeding",
            "conflicting_case_types",
            conflicts,
            None,
            "ok",
            f"{conflicts:,} cases whose proceedings name different case types",
        )
    )
    return found


def _lookups(con: DuckDBPyConnection, release_id: str) -> list[Finding]:
    rows = con.execute(
        """
        select code_list, count(*), list(listed_code order by listed_code)[:5]
        from core.eoir__codes where release_id = ? and listings > 1 group by code_list order by code_list
        """,
        [release_id],
    ).fetchall()
    return [
        Finding(
            name,
            "code_listed_twice",
            count,
            None,
            "warning",
            f"{count:,} codes listed more than once, first record used: {', '.join(examples)}",
        )
        for name, count, examples in rows
    ]


def _locations(con: DuckDBPyConnection, release_id: str) -> list[Finding]:
    rows = con.execute(
        """
        select c.listed_code, c.code_label from core.eoir__codes as c
        left join meta.eoir_bundled_locations as l on c.listed_code = l.listed_code
        where c.release_id = ? and c.code_list = 'hearing_location'
            and regexp_matches(upper(c.code_label), '\\bMPP\\b|MIGRANT PROT')
            and not coalesce(l.is_mpp or l.is_test, false)
        order by c.listed_code
        """,
        [release_id],
    ).fetchall()
    named = ", ".join(f"{code} ({label})" for code, label in rows)
    return [
        Finding(
            "tblLookupHloc",
            "unlisted_mpp_location",
            len(rows),
            0,
            _state(len(rows), 0),
            f"named after the Protocols but not on the list: {named or 'none'}",
        )
    ]
