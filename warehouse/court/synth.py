"""A generated court release: shaped like EOIR's, with every planted defect named in a truth file.

Belongs here: synthetic rows, defects, Count.txt. Does not belong here: reading them back. Everything built from
such a release is of trust `synthetic`; its outcomes are drawn from the distributions in `data/` and say nothing
about the world. Ratios, null shares and value shares are those of the published releases (`data/manifest.csv`);
the spread of dates, courts, nationalities and languages is assumed.

The same arguments and the same DuckDB version give the same bytes.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from warehouse.court import registry, repair
from warehouse.court.packing import Packed, ZipWriter, pack
from warehouse.court.registry import ColumnSpec

_BLOCK = 100_000
_FIRST_CASE = 2_047_228
_AS_OF = date(2026, 8, 1)
_NUL_SHARE = 0.02

#: Thresholds t1, t2, …: a parent has one child for each threshold its draw lies below.
_PER_CASE = {
    "A_TblCaseIdentifier": (0.17, 0.033),
    "tbl_CustodyHistory": (0.717, 0.0745),
    "tbl_JuvenileHistory": (0.15, 0.087),
    "tbl_Lead_Rider": (0.2075,),
    "tbl_RepsAssigned": (0.9, 0.6, 0.3, 0.15, 0.1245),
    "tbl_CasePriorityHistory": (0.01177,),
    "tbl_EOIR_Attorney": (0.0322,),
}
_PER_PROCEEDING = {
    "B_TblProceedCharges": (0.73, 0.25, 0.12, 0.04),
    "tbl_schedule": (1.0, 0.75, 0.5, 0.3, 0.17, 0.0976),
    "tbl_Court_Appln": (0.38, 0.3, 0.16, 0.08, 0.0531),
    "tbl_Court_Motions": (0.27, 0.15, 0.07, 0.028),
    "D_TblAssociatedBond": (0.082, 0.0157),
    "tblAppeal": (0.064, 0.0279),
    "tblAppeal2": (0.0748,),
    "tblAppealFedCourts": (0.01097,),
    "tblThreeMbrReferrals": (0.00508,),
    "tblProBono": (0.00405,),
}
_PROCEEDINGS = (0.98937, 0.23, 0.065, 0.0226)

#: Defects in parts per million rows: (table or * for the tables of `_TEXT_COLUMNS`, kind) -> rate.
_RATES: dict[tuple[str, str], float] = {
    ("A_TblCase", "extra_tab"): 8.0,
    ("A_TblCase", "several_tabs"): 0.16,
    ("A_TblCase", "bare_cr"): 1.5,
    ("A_TblCase", "bare_lf"): 0.5,
    ("A_TblCase", "cp1252"): 13.0,
    ("A_TblCase", "utf8"): 20.0,
    ("A_TblCase", "lone_quote"): 5.0,
    ("A_TblCase", "nul_in_text"): 1.0,
    ("A_TblCase", "control_bytes"): 2.0,
    ("A_TblCase", "date_in_code"): 1.0,
    ("A_TblCase", "junk_code"): 10.0,
    ("A_TblCase", "duplicate_row"): 1.0,
    ("A_TblCase", "lf_row_end"): 0.5,
    ("A_TblCase", "missing_tab"): 0.3,
    ("B_TblProceeding", "extra_tab"): 4.3,
    ("B_TblProceeding", "bare_cr"): 1.5,
    ("B_TblProceeding", "missing_case"): 0.12,
    ("B_TblProceeding", "non_numeric_key"): 0.06,
    ("B_TblProceeding", "orphan"): 16.4,
    ("B_TblProceeding", "missing_tab"): 0.2,
    ("B_TblProceedCharges", "trailing_tab"): 2.0,
    ("B_TblProceedCharges", "escape_byte"): 2.0,
    ("B_TblProceedCharges", "orphan"): 647.0,
    ("B_TblProceedCharges", "duplicate_row"): 100.0,
    ("D_TblAssociatedBond", "extra_tab"): 4.3,
    ("D_TblAssociatedBond", "bare_cr"): 8.7,
    ("D_TblAssociatedBond", "orphan"): 66.0,
    ("tbl_Court_Appln", "extra_tab"): 0.9,
    ("tbl_Court_Appln", "bare_cr"): 0.4,
    ("tbl_Court_Appln", "orphan"): 21.0,
    ("tbl_Court_Motions", "surplus_field"): 7000.0,
    ("tbl_Court_Motions", "short_row"): 50.0,
    ("tbl_RepsAssigned", "orphan"): 140.0,
    ("tbl_schedule", "missing_key"): 0.1,
    ("tbl_schedule", "noise_line"): 0.02,
}

#: Where a text defect lands.
_TEXT_COLUMNS = {
    "A_TblCase": ("ALIEN_CITY",),
    "B_TblProceeding": ("IJ_CODE", "HEARING_LOC_CODE", "NAT"),
    "B_TblProceedCharges": ("CHG_STATUS",),
    "D_TblAssociatedBond": ("BASE_CITY_NAME", "HEARING_LOC_CODE"),
    "tbl_Court_Appln": ("APPL_CODE",),
    "tbl_Court_Motions": ("IJ_CODE",),
}


@dataclass(frozen=True)
class Planted:
    """One defect. `outcomes` are the ends it may come to; `values` is the row as it was before.

    Outcomes: `loaded` (in raw as it stands), `repaired` (in raw as `values`, in the repair log) and
    `quarantined`. `record_no` counts records from 1 after the header.
    """

    table: str
    record_no: int
    kind: str
    outcomes: tuple[str, ...]
    column: str | None = None
    values: list[str] | None = None


@dataclass
class Truth:
    """What a generated release holds: `records` and `nul_cells` by table, and each planted defect."""

    cases: int
    seed: int
    defects: float
    records: dict[str, int] = field(default_factory=dict)
    nul_cells: dict[str, int] = field(default_factory=dict)
    planted: list[Planted] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """One JSON object a line: the totals first, then a line for each planted defect."""
        totals = {k: v for k, v in asdict(self).items() if k != "planted"}
        with path.open("w", encoding="utf-8") as f:
            for entry in (totals, *(asdict(p) for p in self.planted)):
                f.write(json.dumps(entry, ensure_ascii=True) + "\n")


def read_truth(path: Path) -> Truth:
    """The truth file written beside a generated release."""
    with path.open(encoding="utf-8") as f:
        truth = Truth(**json.loads(f.readline()))
        for line in f:
            entry = json.loads(line)
            truth.planted.append(Planted(**(entry | {"outcomes": tuple(entry["outcomes"])})))
    return truth


def truth_path(release: Path) -> Path:
    """`release.zip` -> `release.truth.jsonl`."""
    return release.with_suffix(".truth.jsonl")


def write_release(
    path: Path,
    cases: int,
    seed: int,
    *,
    defects: float = 1.0,
    method: int = 9,
    row_end: bytes = b"\r\n",
    count_txt: str = "right",
    without: Sequence[str] = (),
    progress: Callable[[str, int, int], None] | None = None,
    processes: int = 2,
) -> Truth:
    """Write an EOIR-shaped zip of `cases` cases and its truth file beside it.

    `defects` multiplies the published defect rates; above 0 every kind occurs at least once, 0 plants none.
    `count_txt` is `right`, `wrong` (one table one row off) or `absent`; `without` names members to leave out.
    `progress` is called with a member's name, members done, members in all. Raises ValueError for a case
    count below 1.
    """
    if cases < 1:
        raise ValueError(f"cases is {cases}; a release has at least 1")
    names = [*registry.main_tables(), *(t.name for t in registry.tables().values() if t.is_lookup)]
    names = [n for n in names if n not in set(without)]
    big_first = sorted(names, key=lambda n: -_weight(n))
    truth = Truth(cases, seed, defects)
    scratch = Path(tempfile.mkdtemp(prefix="court-synth-", dir=path.parent))
    jobs = [_Job(n, cases, seed, defects, method, row_end, str(scratch)) for n in big_first]
    try:
        made: dict[str, _Made] = {}
        if processes > 1 and cases > 5_000:
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(processes, mp_context=context) as pool:
                for done, one in enumerate(pool.map(_make, jobs), start=1):
                    made[one.table] = one
                    if progress:
                        progress(one.table, done, len(jobs))
        else:
            for done, job in enumerate(jobs, start=1):
                made[job.table] = _make(job)
                if progress:
                    progress(job.table, done, len(jobs))
        folder = f"EOIR Case Data {_AS_OF:%Y-%m%d}/EOIR Case Data"
        with ZipWriter(path) as archive:
            for name in names:
                one = made[name]
                lookup = registry.tables()[name.lower()].is_lookup
                inner = f"{folder}/{'Lookup/' if lookup else ''}{name}.csv"
                archive.add_packed(inner, scratch / f"{name}.packed", one.packed)
                truth.records[name] = one.records
                if one.nul_cells:
                    truth.nul_cells[name] = one.nul_cells
                truth.planted += one.planted
            if count_txt != "absent":
                off_by = 1 if count_txt == "wrong" else 0
                lines = ["TableName\tContent"]
                for i, name in enumerate(sorted(names)):
                    lines.append(f"{name}\t{made[name].records + (off_by if i == 0 else 0)} rows copied.")
                archive.add(f"{folder}/Count.txt", ["\r\n".join([*lines, ""]).encode()], 8)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    truth.write(truth_path(path))
    return truth


@dataclass(frozen=True)
class _Job:
    table: str
    cases: int
    seed: int
    defects: float
    method: int
    row_end: bytes
    scratch: str


@dataclass(frozen=True)
class _Made:
    table: str
    packed: Packed
    records: int
    nul_cells: int
    planted: list[Planted]


def _weight(table: str) -> float:
    spec = registry.tables()[table.lower()]
    if spec.is_lookup:
        return 0.0
    per = _PER_CASE.get(table) or _PER_PROCEEDING.get(table) or (1.3,)
    return sum(per) * len(spec.columns)


def _make(job: _Job) -> _Made:
    """One member, packed into a scratch file; runs in a process of its own."""
    writer = _Member(job)
    with (Path(job.scratch) / f"{job.table}.packed").open("wb") as f:
        packed = pack(writer.content(), f, job.method)
    return _Made(job.table, packed, writer.records, writer.nul_cells, writer.planted)


class _Member:
    """The bytes of one member, defects included, and the account of them."""

    def __init__(self, job: _Job) -> None:
        self._job = job
        self._spec = registry.tables()[job.table.lower()]
        self._names = header(job.table)
        self.records = 0
        self.nul_cells = 0
        self.planted: list[Planted] = []

    def content(self) -> Iterator[bytes]:
        header = "\t".join(self._names).encode() + self._job.row_end
        yield header
        if self._spec.is_lookup:
            rows = _lookup_rows(self._spec.name, [c.name for c in self._spec.columns])
            self.records = len(rows)
            body = b"".join("\t".join(r).encode() + self._job.row_end for r in rows)
            self.nul_cells = body.count(b"\x00")
            yield body
            return
        con = duckdb.connect()
        con.execute("set threads = 1")
        con.execute("set enable_progress_bar = false")
        total = _rows_in(con, self._job)
        chosen = _choose(self._job, total)
        source = 0
        for first in range(0, self._job.cases, _BLOCK):
            last = min(first + _BLOCK, self._job.cases)
            reader = con.execute(_lines_sql(self._job, first, last)).to_arrow_reader(20_000)
            for batch in reader:
                lines = batch.column(0)
                count = len(lines)
                offsets, data = lines.buffers()[1], lines.buffers()[2]
                if not count:
                    continue
                ends = memoryview(offsets).cast("i")
                body = bytes(memoryview(data)[ends[lines.offset] : ends[lines.offset + count]])
                here = [n for n in chosen if source < n <= source + count] if chosen else []
                if here:
                    body = self._with_defects(body, {n - source - 1: chosen.pop(n) for n in here})
                else:
                    self.records += count
                self.nul_cells += body.count(b"\x00")
                source += count
                yield body
        con.close()

    def _with_defects(self, body: bytes, here: dict[int, str]) -> bytes:
        end = self._job.row_end
        out: list[bytes] = []
        for i, line in enumerate(body.split(end)[:-1]):
            self.records += 1
            kind = here.get(i)
            out += [line + end] if kind is None else self._damage(line, kind)
        return b"".join(out)

    def _damage(self, line: bytes, kind: str) -> list[bytes]:
        job, number = self._job, self.records
        rng = random.Random(f"{job.seed}/{job.table}/{number}/{kind}")
        fields = line.decode("utf-8").split("\t")
        before = list(fields)
        spots = [self._names.index(c) for c in _TEXT_COLUMNS.get(job.table, ()) if c in self._names]
        filled = [i for i in spots if fields[i].strip("\x00 ")]
        at = rng.choice(filled) if filled else (spots[0] if spots else len(fields) - 1)
        loaded, either = ("loaded",), ("repaired", "quarantined")
        outcomes: tuple[str, ...] = loaded
        end = job.row_end
        if kind == "extra_tab":
            is_text = registry.layout(job.table, self._names).columns[at].kind == "text"
            if rng.random() < 0.7:
                fields[at] += "\t"
            elif is_text:
                fields[at] += "\tX"
                before[at] = fields[at]
            else:
                fields[at] = fields[at][:1] + "\t" + fields[at][1:]
            outcomes = either
        elif kind == "several_tabs":
            for i in rng.sample(range(1, len(fields)), rng.randint(2, 5)):
                fields[i] += "\t"
            outcomes = either
        elif kind == "trailing_tab":
            fields[-1] += "\t" * rng.randint(1, 2)
            outcomes = ("repaired",)
        elif kind == "surplus_field":
            fields.append("2007-03-08 20:01:00.000")
            if rng.random() < 0.1:
                fields.append("A.2.a")
            outcomes = ("repaired",)
        elif kind == "short_row":
            del fields[rng.randint(12, len(fields) - 1) :]
            outcomes = either
        elif kind == "missing_tab":
            i = rng.randint(1, max(1, len(fields) - 4))
            fields[i : i + 2] = [fields[i].strip("\x00") + "X" + fields[i + 1].strip("\x00")]
            outcomes = either
        elif kind == "noise_line":
            fields = ["Warning: conversion truncated"]
            outcomes = ("quarantined",)
        elif kind == "missing_case":
            fields[self._index("IDNCASE")] = ""
        elif kind == "missing_key":
            fields[0] = ""
        elif kind == "non_numeric_key":
            fields[0] = "FC"
        elif kind == "orphan":
            fields[self._index("IDNCASE")] = str(900_000_000 + number)
        elif kind == "date_in_code":
            fields[self._index("Sex")] = "2025-02-27 10:43:03.530"
        elif kind == "junk_code":
            fields[self._index(rng.choice(["CASE_TYPE", "NAT"]))] = rng.choice(["nul", "??", "und", "<A>"])
        elif kind in ("duplicate_row", "lf_row_end", "cp1252"):
            pass
        else:
            fields[at] = _TEXT_DEFECTS[kind](fields[at].strip("\x00") or "CITY")
        raw = "\t".join(fields).encode("utf-8")
        if kind == "cp1252":
            fields[at] = "CAÑON “D’ORO”"
            raw = "\t".join(fields).encode("cp1252")
        values = fields if outcomes == loaded else before
        column = (
            None if kind in ("duplicate_row", "lf_row_end") else self._names[min(at, len(self._names) - 1)]
        )
        self._note(number, kind, outcomes, column, values)
        if kind == "lf_row_end" and end == b"\r\n":
            return [raw + b"\n"]
        if kind == "duplicate_row":
            self.records += 1
            self._note(self.records, "duplicate_of_previous", loaded, None, values)
            return [raw + end, raw + end]
        return [raw + end]

    def _note(
        self, number: int, kind: str, outcomes: tuple[str, ...], column: str | None, values: list[str]
    ) -> None:
        self.planted.append(Planted(self._job.table, number, kind, outcomes, column, values))

    def _index(self, column: str) -> int:
        return [n.lower() for n in self._names].index(column.lower())


_TEXT_DEFECTS: dict[str, Callable[[str], str]] = {
    "bare_cr": lambda v: v[:1] + "\r" + v[1:],
    "bare_lf": lambda v: v[:1] + "\n" + v[1:],
    "utf8": lambda v: v + " PEÑASCO",
    "lone_quote": lambda v: '"' + v,
    "nul_in_text": lambda v: v[:1] + "\x00" + v[1:],
    "control_bytes": lambda v: "\x01" + v + "\x06\x07",
    "escape_byte": lambda v: "\x1b",
}


def _choose(job: _Job, total: int) -> dict[int, str]:
    """Which rows of the undamaged table get which defect."""
    chosen: dict[int, str] = {}
    if job.defects <= 0 or total < 50:
        return chosen
    for (table, kind), ppm in _RATES.items():
        if table != job.table or (kind == "lf_row_end" and job.row_end != b"\r\n"):
            continue
        if kind in ("bare_lf",) and job.row_end == b"\n":
            continue
        wanted = min(max(1, round(ppm * job.defects * total / 1e6)), total // 40)
        rng = random.Random(f"{job.seed}/{table}/{kind}")
        while wanted > 0:
            row = rng.randint(1, total)
            if row not in chosen:
                chosen[row] = kind
                wanted -= 1
    return dict(sorted(chosen.items()))


def header(table: str) -> list[str]:
    """Column names as a release of mid-2026 prints them."""
    spec = registry.tables()[table.lower()]
    if spec.is_lookup:
        return [c.name for c in spec.columns]
    printed = [r["column"] for r in registry.rows("columns.csv") if r["table"] == table]
    if table == "D_TblAssociatedBond":
        return [p for p in printed if not p.endswith("_TO_BE_REMOVED")]
    if table == "tbl_Court_Motions":
        gone = {"REJ", "IJ_NAME", "WU_MSG", "DECISION_RENDERED", "DATE_TO_BIA_UPDATE", "E_28_RECPTFLAG"}
        gone |= {"SCHEDULED_HEAR_LOC", "BLNDELETED"}
        return [p + "_Remove" if p in gone else p for p in printed]
    return printed


class _Sql:
    """Expressions over one table's row key; every draw has a salt of its own."""

    def __init__(self, seed: int, table: str, key: str) -> None:
        self._base = (seed % 100_000) * 4096 + 97 * (1 + sorted(registry.tables()).index(table.lower()))
        self._key = key

    def draw(self, salt: int) -> str:
        """A number in [0, 1)."""
        # hash(key + constant), not hash(key, salt): DuckDB combines arguments by xor, which correlates draws
        constant = ((self._base * 131 + salt) % (1 << 27)) << 35
        return f"(hash({self._key} + {constant}) / 18446744073709551616.0)"

    def pick(self, draw: str, values: Sequence[str], power: float = 1.0) -> str:
        """One of `values`; a power above 1 favours the first."""
        listed = ", ".join(_text(v) for v in values)
        spread = draw if power == 1.0 else f"pow({draw}, {power})"
        return f"[{listed}][1 + cast(floor({spread} * {len(values)}) as integer)]"

    def weighted(self, draw: str, shares: dict[str, float]) -> str:
        """One of the keys of `shares`, as often as its share says."""
        total = sum(shares.values())
        edge, whens = 0.0, []
        for value, share in sorted(shares.items(), key=lambda kv: -kv[1])[:12]:
            edge += share / total
            whens.append(f"when {draw} < {edge:.9f} then {_text(value)}")
        return f"case {' '.join(whens)} else {_text(max(shares, key=lambda v: shares[v]))} end"

    def children(self, salt: int, thresholds: Sequence[float]) -> str:
        draw = self.draw(salt)
        return " + ".join(f"cast({draw} < {t} as integer)" for t in thresholds)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _day(expression: str) -> str:
    return f"(cast({expression} as varchar) || ' 00:00:00.000')"


_MPP = ("MPB", "MPL", "ENP", "SYP", "CIX", "OPP")
_COURTS = (
    *(
        "NYC",
        "MIA",
        "SFR",
        "LOS",
        "HOU",
        "NEW",
        "CHI",
        "SNA",
        "ELP",
        "BAL",
        "ATL",
        "BOS",
        "DAL",
        "WAS",
        "ORL",
    ),
    *(
        "SND",
        "PHO",
        "DEN",
        "SEA",
        "MEM",
        "NOL",
        "CLE",
        "DET",
        "LVG",
        "CHL",
        "PHI",
        "HAR",
        "KRO",
        "SAJ",
        "POO",
    ),
)


def _cases_sql(job: _Job, first: int, last: int) -> str:
    """Attributes of cases `first` to `last`: the columns that more than one table shares."""
    s = _Sql(job.seed, "A_TblCase", "id")
    nat = ["MX", "GT", "HO", "ES", "VE", "CU", "NU", "CO", "EC", "BR", "CH", "HA", "IN", "PE", "DR"]
    nat += sorted(set(registry.codes("nationality")) - set(nat) - {"<A>", "??"})
    lang = ["SP", "ENG", "MAN", "POR", "CRE", "PUN", "RUS", "ARA", "FRE"]
    lang += sorted(set(registry.codes("language")) - set(lang))[:120]
    types = {"RMV": 0.8559, "DEP": 0.0912, "EXC": 0.0171, "CFR": 0.0168, "DDC": 0.0106, "WHO": 0.0034}
    types |= {"RFR": 0.0029, "AOC": 0.0016, "REC": 0.0002, "CSR": 0.0001}
    return f"""
        select id, {_FIRST_CASE} + id as idncase,
            mpp,
            case when mpp = 1 then date '2019-02-01' + cast(floor(pow({s.draw(1)}, 0.7) * 720) as integer)
                 when mpp = 2 then date '2021-12-06' + cast(floor({s.draw(1)} * 200) as integer)
                 else date '{_AS_OF}' - cast(3 + floor(pow({s.draw(1)}, 2.2) * 11000) as integer) end as osc,
            case when mpp > 0 then {s.pick(s.draw(2), ["HO", "GT", "CU", "ES", "EC", "VE", "NU"], 1.6)}
                 else {s.pick(s.draw(2), nat, 4.0)} end as nat,
            case when mpp > 0 then 'SP' when {s.draw(3)} < 0.7 then
                 (case when {s.draw(3)} < 0.1 then 'SP ' else 'SP' end)
                 else {s.pick(s.draw(4), lang, 3.0)} end as lang,
            case when mpp > 0 then 'RMV' else {s.weighted(s.draw(5), types)} end as case_type,
            {s.weighted(s.draw(6), {"N": 0.66, "D": 0.23, "R": 0.11})} as custody,
            {s.pick(s.draw(7), _COURTS, 1.8)} as base,
            {s.pick(s.draw(8), _MPP, 1.5)} as mpp_loc,
            {s.children(9, _PROCEEDINGS)} as proceedings,
            cast(floor(120 + pow({s.draw(10)}, 1.7) * 3000) as integer) as days_open,
            {s.draw(11)} as outcome,
            {s.draw(12)} as absence
        from (select range as id, case when {_Sql(job.seed, "A_TblCase", "range").draw(13)} < 0.0056 then 1
                   when {_Sql(job.seed, "A_TblCase", "range").draw(13)} < 0.0060 then 2 else 0 end as mpp
              from range({first}, {last}))
    """


def _proceedings_sql(job: _Job, first: int, last: int) -> str:
    """One row per proceeding; all but a case's last end in a transfer or change of venue."""
    return f"""
        select *, id * 8 + k + 1 as pkey, k = proceedings - 1 as is_last,
            osc + cast(floor(days_open * (k + 1) / proceedings) as integer) as ends_on,
            case when mpp > 0 and k = 0 then mpp_loc else base end as loc
        from (select *, unnest(range(proceedings)) as k from ({_cases_sql(job, first, last)}))
    """


def _rows_sql(job: _Job, first: int, last: int) -> str:
    """One row per row of the table, with `row_key` unique within it."""
    table = job.table
    if table == "A_TblCase":
        return f"select *, id as row_key from ({_cases_sql(job, first, last)})"
    if table == "B_TblProceeding":
        return f"select *, pkey as row_key from ({_proceedings_sql(job, first, last)})"
    if table in _PER_CASE:
        parent, key = _cases_sql(job, first, last), "id"
        thresholds = _PER_CASE[table]
    else:
        parent, key = _proceedings_sql(job, first, last), "pkey"
        thresholds = _PER_PROCEEDING[table]
    n = _Sql(job.seed, table, key).children(1, thresholds)
    extra = " + cast(mpp > 0 as integer)" if table == "A_TblCaseIdentifier" else ""
    return f"""
        select *, {key} * 8 + n as row_key
        from (select *, unnest(range({n}{extra})) as n from ({parent}))
    """


def _rows_in(con: duckdb.DuckDBPyConnection, job: _Job) -> int:
    row = con.execute(f"select count(*) from ({_rows_sql(job, 0, job.cases)})").fetchone()
    return int(row[0]) if row else 0


def _lines_sql(job: _Job, first: int, last: int) -> str:
    spec = registry.tables()[job.table.lower()]
    by_name = {c.name.lower(): c for c in spec.columns}
    printed = header(job.table)
    sql = _Sql(job.seed, job.table, "row_key")
    shares = _shares().get(job.table, {})
    linked = _linked(job.table, sql)
    columns = []
    for salt, name in enumerate(printed, start=20):
        column = by_name[name.lower().removesuffix("_remove").removesuffix("_to_be_removed")]
        if column.name.lower() in linked:
            columns.append(linked[column.name.lower()])
        else:
            columns.append(_cell(sql, salt, column, shares.get(column.name.lower())))
    end = "chr(13) || chr(10)" if job.row_end == b"\r\n" else "chr(10)"
    lines = " || chr(9) || ".join(f"coalesce({c}, '')" for c in columns)
    return f"select {lines} || {end} as line from ({_rows_sql(job, first, last)}) order by row_key"


def _shares() -> dict[str, dict[str, dict[str, float]]]:
    found: dict[str, dict[str, dict[str, float]]] = {}
    for row in registry.rows("value_shares.csv"):
        if "\\" not in row["value"]:
            column = row["column"].lower().removesuffix("_to_be_removed")
            found.setdefault(row["table"], {}).setdefault(column, {})[row["value"]] = float(row["share"])
    return found


def _cell(sql: _Sql, salt: int, column: ColumnSpec, shares: dict[str, float] | None) -> str:
    """A column no other table depends on: blank as often as published, else a value of its kind."""
    draw, second = sql.draw(salt), sql.draw(salt + 200)
    blank = column.null_share
    value = _value(sql, second, column, shares)
    if blank <= 0:
        return value
    if column.kind in ("id", "guid", "datetime", "flag", "money"):
        return f"case when {draw} < {blank:.6f} then '' else {value} end"
    return (
        f"case when {draw} < {blank * (1 - _NUL_SHARE):.6f} then '' when {draw} < {blank:.6f} then chr(0) "
        f"else {value} end"
    )


_CLOCKS = ("0830", "0900", "0930", "1000", "1030", "1300", "1330", "1430", "830", "900")
_CITIES = (
    "BROOKLYN",
    "MIAMI",
    "LOS ANGELES",
    "HOUSTON",
    "CHICAGO",
    "NEWARK",
    "EL PASO",
    "LAKE WORTH",
    "SALINAS",
)
_JUDGES = (
    "JDP",
    "SC2",
    "MB",
    "RSH",
    "SBC",
    "DL",
    "PAM",
    "AAK",
    "AAS",
    "AAT",
    "CAL",
    "NSF",
    "KMT",
    "VJS",
    "JK2",
)


def _value(sql: _Sql, draw: str, column: ColumnSpec, shares: dict[str, float] | None) -> str:
    kind, lower = column.kind, column.name.lower()
    if kind == "datetime":
        day = f"osc + cast(floor({draw} * 1800) as integer)"
        if lower in ("datcreatedon", "datmodifiedon", "address_changedon", "input_date", "update_date"):
            moment = f"lpad(cast(cast(floor({draw} * 1e6) as integer) % 1000 as varchar), 3, '0')"
            return f"(cast({day} as varchar) || ' 12:50:34.' || {moment})"
        return _day(day)
    if kind == "id":
        return f"cast(1 + cast(floor({draw} * 9000000) as bigint) as varchar)"
    if kind == "guid":
        hex8 = f"upper(lpad(to_hex(cast(floor({draw} * 4294967295) as bigint)), 8, '0'))"
        return f"({hex8} || '-3690-E211-AC6D-F4CE46838609')"
    if kind == "flag":
        return f"case when {draw} < 0.9 then '0' else '1' end"
    if kind == "month":
        return (
            f"(cast(1 + cast(floor({draw} * 12) as integer) as varchar) || '/' || "
            f"cast(1950 + cast(floor({draw} * 1000) as integer) % 60 as varchar))"
        )
    if kind == "clock":
        return sql.pick(draw, _CLOCKS, 1.5)
    if kind == "zip":
        return f"lpad(cast(cast(floor({draw} * 99999) as integer) as varchar), 5, '0')"
    if kind == "money":
        return sql.pick(draw, ("1500.0", "5000.0", "10000.0", "0.0", "25000.0"))
    if shares:
        return sql.weighted(draw, shares)
    if lower in ("ij_code", "prev_ij_code"):
        return sql.pick(draw, _JUDGES, 1.3)
    if kind == "count":
        return sql.pick(draw, ("99", "98", "97", "96", "95"), 3.0)
    if lower in registry.CODE_LISTS and registry.CODE_LISTS[lower] in (
        "state",
        "bia_decision",
        "application",
    ):
        listed = sorted(set(registry.codes(registry.CODE_LISTS[lower])) - {"<A>"})
        return sql.pick(draw, listed, 2.0)
    if kind == "code" and column.codes:
        return sql.pick(draw, sorted(column.codes)[:40], 2.0)
    if kind == "short":
        return sql.pick(draw, ("A", "E", "I", "J1", "N", "S", "Y"), 1.5)
    return sql.pick(draw, _CITIES, 1.2)


def _linked(table: str, sql: _Sql) -> dict[str, str]:
    """Columns that tie the tables together, by lower-case name."""
    key = "cast(row_key + 1 as varchar)"
    case_id = "cast(idncase as varchar)"
    first = registry.tables()[table.lower()].columns[0].name.lower()
    ids = {"idncase": case_id, "idnproceeding": "cast(pkey as varchar)"}
    shared = {"nat": "nat", "strnat": "nat", "lang": "lang", "strlang": "lang", "case_type": "case_type"}
    shared |= {"strcasetype": "case_type"}
    done = f"ends_on < date '{_AS_OF}' and is_last"
    if table == "A_TblCase":
        return {
            **shared,
            "idncase": case_id,
            "custody": "custody",
            "update_site": "base",
            "casepriority_code": sql.weighted(
                sql.draw(5), {"N/A": 0.972, "UC": 0.0155, "AWC/ATD": 0.0088, "CR": 0.0016, "RBC/D": 0.0014}
            ),
            "latest_hearing": f"case when {sql.draw(6)} < 0.17 then '' else "
            f"{_day('osc + least(days_open, 2000)')} end",
        }
    if table == "B_TblProceeding":
        decided = {
            "X": 0.4833,
            "R": 0.1079,
            "V": 0.0998,
            "T": 0.0994,
            "U": 0.0775,
            "W": 0.03,
            "E": 0.0194,
            "Z": 0.002,
        }
        deport = {"D": 0.75, "R": 0.1, "V": 0.1, "T": 0.05}
        mpp = {"X": 0.78, "T": 0.19, "R": 0.015, "W": 0.01, "U": 0.005}
        return {
            **ids,
            **shared,
            first: "cast(pkey as varchar)",
            "osc_date": _day("osc"),
            "base_city_code": "base",
            "hearing_loc_code": "loc",
            "custody": "custody",
            "dec_type": f"case when {done} then {sql.pick(sql.draw(4), ('O', 'W', 'O', 'W', '7', '6'))} else '' end",
            "dec_code": f"case when not ({done}) or outcome > 0.83 then '' "
            f"when mpp > 0 then {sql.weighted('(outcome / 0.83)', mpp)} "
            f"when case_type in ('DEP', 'EXC') then {sql.weighted('(outcome / 0.83)', deport)} "
            f"when case_type in ('CFR', 'RFR') then {sql.pick(sql.draw(7), ('A', 'V'))} "
            f"else {sql.weighted('(outcome / 0.83)', decided)} end",
            "other_comp": f"case when not is_last then (case when {sql.draw(8)} < 0.69 then 'C' else 'T' end) "
            f"when {done} and outcome > 0.83 then "
            f"{sql.weighted(sql.draw(9), {'A': 0.5, 'F': 0.36, 'Y': 0.09, 'X': 0.03, 'P': 0.02})} else '' end",
            "comp_date": f"case when ends_on < date '{_AS_OF}' then {_day('ends_on')} else '' end",
            "absentia": f"case when {done} and outcome < 0.40 and absence < case when mpp > 0 then 0.85 else 0.45 end "
            f"then 'Y' when ends_on < date '{_AS_OF}' then 'N' else '' end",
            "transfer_to": "case when not is_last then base else '' end",
        }
    if table == "A_TblCaseIdentifier":
        codes = sorted(r["code"] for r in registry.rows("case_identifiers.csv") if r["is_mpp"] == "0")
        return {
            "idncaseid": key,
            "idncase": case_id,
            "case_id": f"case when mpp > 0 and n = 0 and {sql.draw(3)} < 0.97 then "
            f"(case when {sql.draw(4)} < 0.98 then 'MP' else 'RM' end) else {sql.pick(sql.draw(5), codes, 2.0)} end",
        }
    if table == "B_TblProceedCharges":
        charges = ["212a06Ai", "237a01B", "212a07AiI", "241a01B", "237a02Aiii", "212a02Ai  I", "237a01A"]
        padding = f"case when {sql.draw(4)} < 0.25 then '   ' else '' end"
        return {**ids, first: key, "charge": f"({sql.pick(sql.draw(3), charges, 1.6)} || {padding})"}
    if table == "tbl_schedule":
        return {
            **ids,
            **shared,
            first: key,
            "osc_date": _day("osc"),
            "hearing_loc_code": "loc",
            "base_city_code": "base",
            "generation": "cast(99 - n as varchar)",
            "adj_date": _day("least(ends_on, osc + cast(30 + n * 90 as integer))"),
        }
    if table == "tbl_Court_Appln":
        forms = ["ASYL", "ASYW", "WCAT", "42B", "42A", "245", "VD", "I881", "212c"]
        return {
            **ids,
            first: key,
            "appl_code": sql.pick(sql.draw(3), forms, 2.0),
            "appl_recd_date": _day("osc + cast(20 + n * 10 as integer)"),
            "appl_dec": f"case when not ({done}) then '' else "
            f"{sql.weighted(sql.draw(4), {'D': 0.42, 'W': 0.2, 'G': 0.16, 'A': 0.12, 'O': 0.08, 'F': 0.02})} end",
        }
    if table == "tbl_Court_Motions":
        return {
            **ids,
            first: key,
            "osc_date": _day("osc"),
            "base_city_code": "base",
            "hearing_loc_code": "loc",
        }
    if table == "D_TblAssociatedBond":
        return {**ids, first: key, "base_city_code": "base", "hearing_loc_code": "loc", "rec_type": "'B'"}
    if table == "tbl_CustodyHistory":
        return {"idncase": case_id, first: key, "custody": "custody"}
    if table == "tbl_Lead_Rider":
        return {first: key, "idnleadcase": case_id, "idnridercase": "cast(idncase + 1 as varchar)"}
    if table == "tbl_RepsAssigned":
        return {
            first: key,
            "idncase": case_id,
            "parent_table": sql.pick(sql.draw(3), _PARENTS),
            "parent_idn": case_id,
        }
    if table in ("tblAppealFedCourts", "tblThreeMbrReferrals"):
        return {first: key, "lngappealid": "cast(pkey * 8 + 1 as varchar)"}
    if table == "tbl_EOIR_Attorney":
        return {}
    if table == "tblProBono":
        return {"case_type": "case_type", "strnat": "'MEXICO'", "strlang": "lang"}
    return {**ids, first: key} if table in _PER_PROCEEDING else {"idncase": case_id, first: key}


_PARENTS = (
    "a_tblcase",
    "b_tblproceeding",
    "B_TblProceeding",
    "A_Tblcase",
    "tblappeal",
    "tblAppeal",
    "A_TblCase",
)


def _lookup_rows(table: str, columns: Sequence[str]) -> list[list[str]]:
    """Rows of a lookup table: the published codes where they are known, two made-up rows elsewhere."""
    moment = "2003-08-10 11:31:57.427"
    known = _lookup_codes(table)
    code_at, text_at = _LOOKUP_COLUMNS.get(table, ("strCode", "strDescription"))
    made = []
    entries = known or [{"code": "A", "text": "FIRST"}, {"code": "B", "text": "SECOND"}]
    for number, entry in enumerate(entries, start=1):
        row = []
        for column in columns:
            lower = column.lower()
            if lower in entry:
                row.append(entry[lower])
            elif lower == code_at.lower():
                row.append(entry["code"])
            elif lower == text_at.lower():
                row.append(entry["text"])
            elif lower in ("datcreatedon", "datholiday"):
                row.append(moment)
            elif lower == "datmodifiedon":
                row.append("")
            elif lower.startswith("bln"):
                row.append("1")
            elif lower.startswith("idn") or lower == "id":
                row.append(str(number))
            else:
                row.append("\x00" if (number + len(column)) % 3 == 0 else "")
        made.append(row)
    return made


_LOOKUP_COLUMNS = {
    "tblLookupHloc": ("HEARING_LOC_CODE", "HEARING_LOC_NAME"),
    "tblLookupBaseCity": ("BASE_CITY_CODE", "BASE_CITY_NAME"),
    "tblLookupNationality": ("NAT_CODE", "NAT_NAME"),
    "tblLookupCourtDecision": ("strDecCode", "strDecDescription"),
    "tblLookupCourtAppDecisions": ("strCourtApplnDecCode", "strCourtApplnDecDesc"),
    "tbllookupAppealType": ("strApplCode", "strApplDescription"),
    "tblAdjournmentcodes": ("strcode", "strDesciption"),
    "tbllookupCal_Type": ("strCalTypeCode", "strCalTypeDescription"),
    "tbllookupCharges": ("strCode", "strCodeDescription"),
    "tblLookupFiling_Method_Party": ("strFilingPartyCode", "strFilingPartyDesc"),
    "tblLookupMotionType": ("strMotionCode", "strMotionDesc"),
    "tblLookupState": ("state_code", "state_name"),
    "tblLookupJudge": ("JUDGE_CODE", "JUDGE_NAME"),
}
_LOOKUP_DOMAINS = {
    "tblAdjournmentcodes": "adjournment",
    "tbllookupAppealType": "appeal_type",
    "tblLookupCourtAppDecisions": "application_decision",
    "tblLookUp_Appln": "application",
    "tblLookupBIADecisionType": "bia_decision_type",
    "tblLookupBIADecision": "bia_decision",
    "tbllookupCal_Type": "calendar",
    "tblLookup_CasePriority": "case_priority",
    "tblLookupCaseType": "case_type",
    "tbllookupCharges": "charge",
    "tblLookupCustodyStatus": "custody",
    "tblDecCode": "dec_code",
    "tblLookupFiledBy": "filed_by",
    "tblLookupFiling_Method_Party": "filing_party",
    "tblLookup_Juvenile": "juvenile",
    "tblLanguage": "language",
    "tblLookupMotionType": "motion",
    "tblLookupNationality": "nationality",
    "tbllookupSchedule_Type": "schedule",
    "tblLookupSex": "sex",
    "tblLookupState": "state",
}


def _lookup_codes(table: str) -> list[dict[str, str]]:
    if table == "tblLookupCourtDecision":
        return [
            {
                "strcasetype": r["case_type"],
                "strdectype": r["dec_type"],
                "code": r["code"],
                "text": r["description"],
            }
            for r in registry.rows("court_decisions.csv")
        ]
    if table == "tblLookupHloc":
        listed = registry.rows("hearing_locations.csv")
        return [{"code": r["code"], "text": r["name"]} for r in listed]
    if table == "tblLookupBaseCity":
        listed = registry.rows("base_cities.csv")
        return [
            {"code": r["code"], "text": r["name"], "base_city": r["city"], "base_state": r["state"]}
            for r in listed
        ]
    if table == "tblLookUpCaseIdentifier":
        return [{"code": r["code"], "text": r["description"]} for r in registry.rows("case_identifiers.csv")]
    if table == "tblLookupJudge":
        return [{"code": j, "text": f"JUDGE {n}"} for n, j in enumerate((*_JUDGES, "JK2"), start=1)]
    domain = _LOOKUP_DOMAINS.get(table)
    if not domain:
        return []
    listed = [r for r in registry.rows("codes.csv") if r["domain"] == domain]
    return [{"code": r["code"], "text": r["description"].replace("\t", " ")} for r in listed]


def summary(truth: Truth) -> Counter[str]:
    """Planted defects by kind."""
    return Counter(p.kind for p in truth.planted)


def cleaned(values: Sequence[str]) -> list[str]:
    """A row's values as the typed layer sees them."""
    return [repair.clean(v) for v in values]
