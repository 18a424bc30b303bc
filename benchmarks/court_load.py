"""Time and memory of a court release, from the zip to audited core tables, beside two plain readers.

    python benchmarks/court_load.py --cases 100000 1000000 --scratch /tmp/court

For each size a release is generated (synthetic, method 9, defects as published), then in a process of its own:
`ours` loads the zip, builds core and audits it; `duckdb` reads the already unpacked files with
`read_csv(ignore_errors=true)`, once into a file as DuckDB makes it and once (`duckdb-new`) into one of the storage
version the court file has; `pandas` reads one table. The planted defects are looked up one by one.
Prints a Markdown table and writes the same as JSON with --json.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import duckdb

from warehouse.court import (
    audit_release,
    build_core,
    load_release,
    open_release,
    registry,
    repair,
    storage,
    synth,
)
from warehouse.court.container import stream

RELEASE = "eoir-benchmark"


def ours(home: Path) -> dict[str, Any]:
    started = time.monotonic()
    with storage.open_court(home / storage.FILE_NAME) as court:
        court.con.execute("set enable_progress_bar = false")
        report = load_release(court.con, home / "release.zip", RELEASE)
        loaded = time.monotonic()
        build_core(court.con, RELEASE)
        built = time.monotonic()
        audit_release(court.con, RELEASE)
    ended = time.monotonic()
    return {
        "rows": report.rows,
        "load_seconds": loaded - started,
        "core_seconds": built - loaded,
        "audit_seconds": ended - built,
        "is_reconciled": report.is_reconciled,
        "disk_mb": sum(f.stat().st_size for f in home.rglob("*") if f.is_file() and f.name != "release.zip")
        / 1e6,
    }


def plain_duckdb(home: Path, storage_version: str | None = None) -> dict[str, Any]:
    (home / "plain.duckdb").unlink(missing_ok=True)
    config: dict[str, Any] = {"storage_compatibility_version": storage_version} if storage_version else {}
    con = duckdb.connect(str(home / "plain.duckdb"), config=config)
    con.execute("set enable_progress_bar = false")
    rows, failed = 0, []
    for path in sorted((home / "unpacked").glob("*.csv")):
        for strict in ("true", "false"):
            try:
                con.execute(
                    f"create or replace table \"{path.stem}\" as select * from read_csv('{path}', "
                    f"ignore_errors=true, delim='\t', quote='', header=true, strict_mode={strict})"
                )
                break
            except duckdb.Error:
                failed.append(f"{path.stem} (strict_mode={strict})")
                con.execute(f'drop table if exists "{path.stem}"')
        else:
            continue
        count = con.execute(f'select count(*) from "{path.stem}"').fetchone()
        rows += count[0] if count else 0
    con.close()
    return {"rows": rows, "failed": failed}


def one_table_pandas(home: Path) -> dict[str, Any]:
    import csv

    import pandas as pd

    path = home / "unpacked" / "B_TblProceeding.csv"
    frame = pd.read_csv(
        path, sep="\t", dtype=str, quoting=csv.QUOTE_NONE, on_bad_lines="skip", encoding_errors="replace"
    )
    return {"rows": len(frame), "mb": path.stat().st_size / 1e6}


def unpack(home: Path) -> float:
    """Write the members out as files; not timed. Returns megabytes."""
    folder = home / "unpacked"
    folder.mkdir(exist_ok=True)
    size = 0
    for member in open_release(home / "release.zip").members.values():
        with (folder / f"{member.table}.csv").open("wb") as f:
            for block in stream(member):
                size += f.write(block)
    return size / 1e6


def account(home: Path) -> dict[str, Any]:
    """Each planted defect by the end it came to; `wrong` are those that came to another than the truth allows."""
    truth = synth.read_truth(synth.truth_path(home / "release.zip"))
    con = duckdb.connect(str(home / storage.FILE_NAME), read_only=True)
    ends: Counter[str] = Counter()
    wrong = []
    quarantined = set(con.execute("select court_table, record_no from meta.eoir_quarantine").fetchall())
    repaired = set(con.execute("select court_table, record_no from meta.eoir_repair_log").fetchall())
    for table in sorted({p.table for p in truth.planted}):
        planted = [p for p in truth.planted if p.table == table]
        names = registry.layout(table, synth.header(table)).names
        listed = ", ".join(str(p.record_no) for p in planted)
        select = ", ".join(f'"{n}"' for n in names)
        rows = {
            r[0]: r[1:]
            for r in con.execute(
                f"select record_no, {select} from raw.{registry.slug(table)} where record_no in ({listed})"
            ).fetchall()
        }
        for p in planted:
            key = (p.table, p.record_no)
            end = "quarantined" if key in quarantined else "repaired" if key in repaired else "loaded"
            ends[f"{p.kind}: {end}"] += 1
            fits = end in p.outcomes and (p.record_no in rows) == (end != "quarantined")
            if fits and p.record_no in rows and p.kind not in ("missing_tab", "short_row") and p.values:
                got = [repair.clean(v) for v in rows[p.record_no]]
                fits = got == [repair.clean(v) for v in p.values]
            if not fits:
                wrong.append((p.table, p.record_no, p.kind, end))
    return {"planted": len(truth.planted), "ends": dict(sorted(ends.items())), "wrong": wrong}


STEPS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "ours": ours,
    "duckdb": plain_duckdb,
    "duckdb-new": lambda home: plain_duckdb(home, storage.BUILD_STORAGE),
    "pandas": one_table_pandas,
}


def measured(step: str, home: Path) -> dict[str, Any]:
    """Run one step in a process of its own: wall and CPU seconds and peak resident memory."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, __file__, "--step", step, "--scratch", str(home)],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds = time.monotonic() - started
    return {"seconds": seconds, **json.loads(done.stdout.splitlines()[-1])}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--no-pandas", action="store_true")
    parser.add_argument("--step", choices=STEPS)
    given = parser.parse_args()
    if given.step:
        result = STEPS[given.step](given.scratch)
        used = resource.getrusage(resource.RUSAGE_SELF)
        result |= {"cpu_seconds": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1e3}
        print(json.dumps(result))
        return
    results = []
    print(
        "| cases | rows | MB | ours s (load + core + audit) | rows/s | peak MB | DuckDB s | ratio | CPU ratio "
        "| DuckDB, same storage s | ratio | pandas s |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for cases in given.cases:
        home = given.scratch / f"cases-{cases}"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        synth.write_release(home / "release.zip", cases, given.seed)
        size = unpack(home)
        mine, plain, newer = measured("ours", home), measured("duckdb", home), measured("duckdb-new", home)
        frame = {} if given.no_pandas else measured("pandas", home)
        defects = account(home)
        results.append(
            {
                "cases": cases,
                "mb": size,
                "ours": mine,
                "duckdb": plain,
                "duckdb-new": newer,
                "pandas": frame,
                "defects": defects,
            }
        )
        steps = f"{mine['load_seconds']:.0f} + {mine['core_seconds']:.0f} + {mine['audit_seconds']:.0f}"
        print(
            f"| {cases:,} | {mine['rows']:,} | {size:,.0f} | {mine['seconds']:.0f} ({steps}) | "
            f"{mine['rows'] / mine['seconds']:,.0f} | {mine['peak_mb']:,.0f} | {plain['seconds']:.0f} | "
            f"{mine['seconds'] / plain['seconds']:.2f} | {mine['cpu_seconds'] / plain['cpu_seconds']:.2f} | "
            f"{newer['seconds']:.0f} | {mine['seconds'] / newer['seconds']:.2f} | "
            f"{frame.get('seconds', 0):.0f} |",
            flush=True,
        )
        print(
            f"  planted {defects['planted']}, wrong {len(defects['wrong'])}: {defects['wrong'][:3]}",
            file=sys.stderr,
        )
        print(
            f"  DuckDB lost {mine['rows'] - plain['rows']:,} rows; refused {plain['failed']}", file=sys.stderr
        )
        shutil.rmtree(home, ignore_errors=True)
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
