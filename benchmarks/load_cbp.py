"""Loading CBP files: time and peak memory against plain DuckDB over the same files, and growth with the releases.

    python benchmarks/load_cbp.py FOLDER_OF_AGENCY_FILES

Each case runs in a process of its own. `plain` reads the CSV files with DuckDB's read_csv into tables: no archive, no
codes, no checks. `ledger` is ingest, raw, core, row ledger and marts through the steps of `border build`, without
Dagster and Great Expectations; `border build` is the whole command. Releases for the growth table are a real state
file with one count changed per release, so that their bytes differ.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def plain(files: list[Path]) -> int:
    import duckdb

    con = duckdb.connect(str(Path(tempfile.mkdtemp()) / "plain.duckdb"))
    lines = 0
    for number, file in enumerate(files):
        con.execute(
            f"create table t{number} as select * from read_csv('{file}', all_varchar = true, header = true)"
        )
        row = con.execute(f"select count(*) from t{number}").fetchone()
        lines += row[0] if row else 0
    return lines


def ledger(files: list[Path]) -> int:
    from orchestration import steps
    from orchestration.ingest import ingest_bytes
    from warehouse.archive import Archive
    from warehouse.writer import Warehouse

    folder = Path(tempfile.mkdtemp())
    archive = Archive(folder / "archive")
    for number, file in enumerate(files):
        day = dt.date(2020, 1, 1) + dt.timedelta(days=number)
        outcome = ingest_bytes(
            file.read_bytes(), str(file), archive, published=day.isoformat(), now=dt.datetime(2026, 1, 1)
        )
        assert outcome.status == "added", outcome.message
    with Warehouse(folder / "warehouse.duckdb") as warehouse:
        steps.load_reviewed(warehouse)
        for release in steps.load_releases(warehouse, archive):
            steps.load_raw(warehouse, archive, release)
        for table in steps.CORE_TABLES:
            steps.load_core(warehouse, archive, table)
        for model in steps.plain_models():
            steps.build_model(warehouse, model.name)
        row = warehouse.con.execute(
            "select sum(lines) from meta.row_ledger where disposition <> 'ignored'"
        ).fetchone()
    return int(row[0]) if row else 0


def command(files: list[Path]) -> int:
    subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "build", "--data", str(files[0].parent)],
        env={**os.environ, "BORDER_HOME": tempfile.mkdtemp()},
        check=True,
        capture_output=True,
    )
    return 0


CASES = {"plain": plain, "ledger": ledger, "command": command}


def measured(case: str, files: list[Path]) -> dict[str, float]:
    """Run one case in a fresh process: seconds, lines and peak MB of the process or its largest child."""
    done = subprocess.run(
        [sys.executable, __file__, "--case", case, *map(str, files)],
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def run_case(case: str, files: list[Path]) -> None:
    started = time.perf_counter()
    lines = CASES[case](files)
    seconds = time.perf_counter() - started
    peak = (
        max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        / 1024
    )
    print(json.dumps({"seconds": round(seconds, 2), "lines": lines, "peak_mb": round(peak)}))


def variants(file: Path, count: int, folder: Path) -> list[Path]:
    """`count` copies of a CSV file whose first count differs, so that each is a release of its own."""
    header, first, rest = file.read_bytes().split(b"\r\n", 2)
    stem, _ = first.rsplit(b",", 1)
    made = []
    for number in range(count):
        path = folder / f"release-{number:03d}.csv"
        path.write_bytes(b"\r\n".join([header, stem + b"," + str(number).encode(), rest]))
        made.append(path)
    return made


def main() -> None:
    if sys.argv[1:2] == ["--case"]:
        run_case(sys.argv[2], [Path(p) for p in sys.argv[3:]])
        return
    data = Path(sys.argv[1])
    files = sorted(p for p in data.rglob("*encounters-fy*.csv") if "sample" not in p.name)
    print(f"{len(files)} CSV files, {sum(f.stat().st_size for f in files) / 1e6:.1f} MB\n")
    base, ours = measured("plain", files), measured("ledger", files)
    print("| case | seconds | lines | peak MB | ratio |\n|---|---|---|---|---|")
    print(f"| plain read_csv | {base['seconds']} | {base['lines']:,} | {base['peak_mb']} | 1 |")
    ratio = ours["seconds"] / base["seconds"]
    print(f"| ledger | {ours['seconds']} | {ours['lines']:,} | {ours['peak_mb']} | {ratio:.1f} |")
    whole = measured("command", files)
    print(f"| `border build --data`, whole folder | {whole['seconds']} | | {whole['peak_mb']} | |\n")
    state = next(f for f in files if "state" in f.name)
    print(
        "| releases | plain s | ledger s | ratio | ledger peak MB | ledger s per release |\n|---|---|---|---|---|---|"
    )
    for count in (1, 10, 100):
        with tempfile.TemporaryDirectory() as folder:
            made = variants(state, count, Path(folder))
            base, ours = measured("plain", made), measured("ledger", made)
        each, ratio = ours["seconds"] / count, ours["seconds"] / base["seconds"]
        print(
            f"| {count} | {base['seconds']} | {ours['seconds']} | {ratio:.1f} | {ours['peak_mb']} | {each:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
