"""The schema registry of the court release: its tables, their columns, former names and code sets.

Belongs here: what a table and a column are called, what kind of value a column holds, which names mean the
same column, and the code lists published with the release. Does not belong here: reading bytes, or judging
a row (`repair`). The lists are data files in `data/`; `data/manifest.csv` names the source of each.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data"

#: Columns EOIR renamed outright; suffix renames (`_Remove`, `_TO_BE_REMOVED`) are handled by rule.
ALIASES = {"gender": "Sex", "straliengender": "strAlienSex"}

_DROPPED_SUFFIX = re.compile(r"_(?:to_be_removed|remove|removed)$", re.IGNORECASE)

#: (column, code list) pairs used to judge where a shifted row belongs. Keys are lower-case column names.
CODE_LISTS = {
    "alien_state": "state",
    "updated_state": "state",
    "nat": "nationality",
    "strnat": "nationality",
    "lang": "language",
    "strlang": "language",
    "custody": "custody",
    "strcustody": "custody",
    "case_type": "case_type",
    "strcasetype": "case_type",
    "sex": "sex",
    "appl_code": "application",
    "appl_dec": "application_decision",
    "casepriority_code": "case_priority",
    "schedule_type": "schedule",
    "adj_rsn": "adjournment",
    "strbiadecision": "bia_decision",
    "strbiadecisiontype": "bia_decision_type",
    "strappealtype": "appeal_type",
    "strfiledby": "filed_by",
    "strfilingparty": "filing_party",
    "filing_party": "filing_party",
}
_PLACE_COLUMNS = {
    "base_city_code",
    "prev_hearing_base",
    "transfer_to",
    "update_site",
    "basecitycode",
    "hearing_loc_code",
    "prev_hearing_loc",
    "scheduled_hear_loc",
}
_CLOCK = re.compile(r"(?:^|_)time(?:_|$)|_time_(?:start|stop)$", re.IGNORECASE)

#: A value seen in this share of a column's filled cells counts as one of its codes; below it, as a stray.
_CODE_SHARE = 2e-5


@dataclass(frozen=True)
class ColumnSpec:
    """One column of a release table.

    `kind` is id, guid, datetime, flag, clock, count, month, money, code, short, zip or text; `codes`
    holds the known values of a code column (upper case, trimmed) and is empty where no list is known.
    """

    name: str
    kind: str
    codes: frozenset[str] = frozenset()
    null_share: float = 1.0


@dataclass(frozen=True)
class TableSpec:
    """One table of the release; `columns` in the order of the mid-2025 file, never used to place a value."""

    name: str
    columns: tuple[ColumnSpec, ...]
    is_lookup: bool

    @property
    def slug(self) -> str:
        """The table's name in the `raw` schema: `eoir__` and the lower-case file name."""
        return slug(self.name)

    @property
    def primary_key(self) -> str | None:
        """The first column where it is a number or a GUID; pro bono screening has none."""
        if not self.columns:
            return None
        first = self.columns[0]
        return first.name if first.kind in ("id", "guid") else None


@dataclass(frozen=True)
class Layout:
    """A file's header matched against the registry.

    `columns` has one entry for each header field, in file order, under its registered name. `renamed` maps a
    printed name to the registered one where they differ beyond letter case; `added` are printed names the
    registry does not know, `removed` registered names the file lacks.
    """

    table: str
    columns: tuple[ColumnSpec, ...]
    renamed: dict[str, str] = field(default_factory=dict)
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        return [c.name for c in self.columns]

    @property
    def leading_ids(self) -> int:
        """How many columns at the left are identifiers: the least a record must have to be one."""
        n = 0
        while n < len(self.columns) and self.columns[n].kind in ("id", "guid"):
            n += 1
        return n


def slug(table: str) -> str:
    """`A_TblCase` -> `eoir__a_tblcase`; characters outside [a-z0-9_] become `_`."""
    return "eoir__" + re.sub(r"[^a-z0-9_]+", "_", table.lower())


def rows(name: str) -> list[dict[str, str]]:
    """The rows of one data file beside this module."""
    with (DATA / name).open(encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


@cache
def codes(domain: str) -> dict[str, str]:
    """Code to description of one list in `data/codes.csv`; the first description of a repeated code wins."""
    found: dict[str, str] = {}
    for row in rows("codes.csv"):
        if row["domain"] == domain:
            found.setdefault(row["code"], row["description"])
    if not found:
        raise KeyError(f"data/codes.csv has no list named {domain}")
    return found


@cache
def tables() -> dict[str, TableSpec]:
    """Every registered table by lower-case name: the 19 main tables and the lookups."""
    shares: dict[tuple[str, str], set[str]] = {}
    for row in rows("value_shares.csv"):
        if float(row["share"]) >= _CODE_SHARE and "\\" not in row["value"]:
            shares.setdefault((row["table"], _bare(row["column"]).lower()), set()).add(row["value"].upper())
    main: dict[str, list[ColumnSpec]] = {}
    for row in rows("columns.csv"):
        seen = shares.get((row["table"], _bare(row["column"]).lower()))
        share = float(row["null_pct"]) / 100
        spec = _column(row["table"], row["column"], row["kind"], seen, share)
        main.setdefault(row["table"], []).append(spec)
    known = {name.lower(): TableSpec(name, tuple(cols), is_lookup=False) for name, cols in main.items()}
    for row in rows("lookups.csv"):
        cols = [ColumnSpec(name, _lookup_kind(name)) for name in row["columns"].split()]
        known[row["table"].lower()] = TableSpec(row["table"], tuple(cols), is_lookup=True)
    return known


@cache
def main_tables() -> tuple[str, ...]:
    """The names of the 19 main tables, as EOIR spells them."""
    return tuple(t.name for t in tables().values() if not t.is_lookup)


def layout(table: str, header: Sequence[str]) -> Layout:
    """Match a header to the registry by name, ignoring case; position is never used.

    Blank header fields become `unnamed_<position>` and repeated names get the suffix `_2`, `_3`, …: both are
    reported as added columns and load as text.
    """
    spec = tables().get(table.lower())
    known = {c.name.lower(): c for c in spec.columns} if spec else {}
    taken: set[str] = set()
    found: list[ColumnSpec] = []
    renamed: dict[str, str] = {}
    added: list[str] = []
    for position, printed in enumerate(header, start=1):
        text = _legible(printed)
        bare = _bare(text)
        column = known.get(ALIASES.get(bare.lower(), bare).lower())
        if column and column.name.lower() not in taken:
            if text.lower() != column.name.lower():
                renamed[text] = column.name
        else:
            name = _unused(text or f"unnamed_{position}", taken | {c.lower() for c in known})
            added.append(name)
            column = ColumnSpec(name, "text")
        taken.add(column.name.lower())
        found.append(column)
    removed = [c.name for c in (spec.columns if spec else ()) if c.name.lower() not in taken]
    return Layout(spec.name if spec else table, tuple(found), renamed, tuple(added), tuple(removed))


def mpp_locations() -> frozenset[str]:
    """Hearing location codes of the Migrant Protection Protocols; the test location `MPP` is not one."""
    return frozenset(r["code"] for r in rows("hearing_locations.csv") if r["is_mpp"] == "1")


def _bare(name: str) -> str:
    return _DROPPED_SUFFIX.sub("", name)


def _legible(name: str) -> str:
    return "".join(ch for ch in name if ch.isprintable()).strip().strip('"')


def _unused(name: str, taken: Iterable[str]) -> str:
    lowered = set(taken)
    candidate, n = name, 1
    while candidate.lower() in lowered:
        n += 1
        candidate = f"{name}_{n}"
    return candidate


def _lookup_kind(name: str) -> str:
    lower = name.lower()
    if lower in ("datcreatedon", "datmodifiedon", "datholiday"):
        return "datetime"
    if lower.startswith("bln"):
        return "flag"
    if (lower.startswith("idn") and lower not in ("idnrepl",)) or lower == "id":
        return "id"
    return "text"


_SHORT = {
    *("ij_code", "prev_ij_code", "atty_nbr", "c_asy_type", "deported_1", "deported_2", "absentia"),
    *("rec_type", "transfer_status", "zbond_mrg_flag", "correctional_fac", "inmate_housing", "case_id"),
    *(
        "adj_msg",
        "notice_code",
        "detention_facility_type",
        "stay_grant",
        "strdjscenario",
        "strprobono",
        "ins_ta",
    ),
    *("caseid", "strcorfacility"),
}
_COUNTS = {
    "generation",
    "sub_generation",
    "adj_elap_days",
    "release_month",
    "release_year",
    "trans_nbr",
}


def _column(table: str, printed: str, kind: str, seen: set[str] | None, null_share: float) -> ColumnSpec:
    name = _bare(printed)
    lower = name.lower()
    known: frozenset[str] = frozenset()
    if lower.endswith("eoirattorneyid"):
        kind = "guid"
    elif lower == "c_birthdate":
        kind = "month"
    elif lower.startswith("bln"):
        kind = "flag"
    elif lower in CODE_LISTS and (table, lower) != ("tblProBono", "strnat"):
        kind = "code"
        known = frozenset(code.strip().upper() for code in codes(CODE_LISTS[lower]))
        known |= frozenset(v.strip() for v in seen or ())
    elif lower in _PLACE_COLUMNS:
        kind, known = "code", _places()
    elif kind == "text" and lower.endswith("zipcode"):
        kind = "zip"
    elif kind == "text" and (_CLOCK.search(lower) or lower == "latest_time"):
        kind = "clock"
    elif lower in _COUNTS:
        kind = "count"
    elif lower in ("initial_bond", "new_bond"):
        kind = "money"
    elif lower in _SHORT:
        kind = "short"
    elif kind == "text" and seen and len(seen) >= 2 and max(map(len, seen)) <= 12:
        kind, known = "code", frozenset(v.strip() for v in seen)
    return ColumnSpec(name, kind, known, null_share)


@cache
def _places() -> frozenset[str]:
    listed = [r["code"] for f in ("hearing_locations.csv", "base_cities.csv") for r in rows(f)]
    return frozenset(code.strip().upper() for code in listed)
