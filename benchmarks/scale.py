"""Court records typed and made into marts by DuckDB and by Spark: time, processor, bytes, memory; what 15 years would take.

    python benchmarks/scale.py --cases 10000 100000 1000000 --scratch /tmp/scale --json figures.json
    python benchmarks/scale.py --extrapolate figures.json

For each size one made-up release is written and read into raw once; then, in a process of its own, each engine types it
(16 core tables and the cases) and makes the court marts. Read and written are the bytes that pass through system calls,
of Python and of the JVM; shuffled is what Spark counts. The session's start is a figure of its own.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from orchestration import court, steps
from orchestration.ingest import ingest_court_zip
from transforms.spark import spark_sql
from warehouse.archive import Archive
from warehouse.court import storage, synth
from warehouse.engine import IN_PLACE, Engine
from warehouse.paths import Home
from warehouse.spark import Spark
from warehouse.writer import Warehouse

NOW = dt.datetime(2026, 8, 2)
ENGINES = ("duckdb", "spark")
MARTS = ("marts.court_", "marts.mpp_")
#: What the growth is extrapolated to.
PUBLISHED_CASES, MONTHS = 12_660_000, 15 * 12


def prepare(cases: int, folder: Path) -> Home:
    """A home with one release read into raw."""
    home = Home(folder / "raw")
    archive = Archive(home.archive)
    zipped = folder / "release.zip"
    synth.write_release(zipped, cases, 1, method=8)
    ingest_court_zip(zipped, archive, published="2026-08-01", now=NOW, move=True)
    with court.open_for(home, archive) as file:
        for release in court.court_releases(archive):
            court.load(file, archive, release, storage.raw_folder(home.court_build_file))
    return home


def measure(name: str, home: Home) -> dict[str, Any]:
    """Type the release and make its marts on one engine, in this process."""
    archive = Archive(home.archive)
    spark = Spark(home.spark, spark_sql)
    started = time.monotonic()
    jvm = spark.session.sparkContext._gateway.proc.pid if name == "spark" else None
    engine: Engine = spark if name == "spark" else IN_PLACE
    found: dict[str, Any] = {"start_seconds": time.monotonic() - started}
    before = _passed(jvm)
    with _clocked(found, "core"), court.open_for(home, archive) as file:
        court.build_core(file, archive, engine)
    with _clocked(found, "marts"), Warehouse(home.build_file) as warehouse:
        steps.load_reviewed(warehouse)
        steps.load_releases(warehouse, archive)
        for model in steps.plain_models():
            if model.name.startswith(MARTS):
                steps.build_model(warehouse, model.name, engine)
    passed = _passed(jvm)
    found |= {key: passed[key] - before[key] for key in passed}
    found["peak_mb"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + _jvm_peak_kb(jvm)) / 1e3
    found["court_file_mb"] = home.court_build_file.stat().st_size / 1e6
    if name == "spark":
        executors = spark.session.sparkContext._jsc.sc().statusStore().executorList(False)
        found["shuffled"] = sum(executors.apply(i).totalShuffleWrite() for i in range(executors.size()))
        found["parquet_mb"] = _mb(home.spark)
        spark.stop()
    return found


@contextmanager
def _clocked(found: dict[str, Any], what: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    found[f"{what}_seconds"] = time.monotonic() - started


def _passed(jvm: int | None) -> dict[str, float]:
    """Processor seconds, and bytes through reads and writes, of this process and of the JVM."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    total = {"cpu_seconds": own.ru_utime + own.ru_stime, "read": 0.0, "written": 0.0}
    for process in ("self", *([str(jvm)] if jvm else [])):
        counted = dict(line.split(": ") for line in Path(f"/proc/{process}/io").read_text().splitlines())
        total["read"] += int(counted["rchar"])
        total["written"] += int(counted["wchar"])
    if jvm:
        fields = Path(f"/proc/{jvm}/stat").read_text().rpartition(")")[2].split()
        total["cpu_seconds"] += (int(fields[11]) + int(fields[12])) / 100
    return total


def _jvm_peak_kb(jvm: int | None) -> int:
    if jvm is None:
        return 0
    line = next(x for x in Path(f"/proc/{jvm}/status").read_text().splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1])


def _mb(folder: Path) -> float:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6


def run(cases: int, scratch: Path) -> list[dict[str, Any]]:
    folder = scratch / str(cases)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    raw = prepare(cases, folder)
    held = {
        "cases": cases,
        "zip_mb": _mb(raw.archive),
        "raw_mb": _mb(storage.raw_folder(raw.court_build_file)),
    }
    rows = []
    for name in ENGINES:
        home = folder / name
        shutil.copytree(raw.root, home, copy_function=_link)
        shutil.copy2(raw.court_build_file, home / "work" / storage.FILE_NAME)
        printed = subprocess.run(
            [sys.executable, __file__, "--measure", name, "--home", str(home)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        rows.append({**held, "engine": name, **json.loads(printed.splitlines()[-1])})
        shutil.rmtree(home)
    shutil.rmtree(folder)
    return rows


def _link(source: str, target: str) -> None:
    if not Path(source).name.startswith(storage.FILE_NAME):
        Path(target).hardlink_to(source)


def printed(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| cases | engine | start s | core s | marts s | CPU s | ratio | read MB | shuffled MB | written MB | peak MB |",
        "|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    seconds = {(r["cases"], r["engine"]): r["core_seconds"] + r["marts_seconds"] for r in rows}
    for r in rows:
        ratio = seconds[r["cases"], r["engine"]] / seconds[r["cases"], "duckdb"]
        lines.append(
            f"| {r['cases']:,} | {r['engine']} | {r['start_seconds']:.1f} | {r['core_seconds']:.1f} "
            f"| {r['marts_seconds']:.1f} | {r['cpu_seconds']:.0f} | {ratio:.1f} | {r['read'] / 1e6:,.0f} "
            f"| {r.get('shuffled', 0) / 1e6:,.0f} | {r['written'] / 1e6:,.0f} | {r['peak_mb']:,.0f} |"
        )
    return "\n".join(lines)


def extrapolated(rows: list[dict[str, Any]]) -> str:
    """What a case, one published release and 15 years of them take: constant and slope of the two largest sizes."""
    lines = ["| | a case | and once | a published release | 180 releases |", "|---|---:|---:|---:|---:|"]

    def line(what: str, engine: str, figure: str, *, in_bytes: float = 0.0) -> None:
        low, high = sorted((r for r in rows if r["engine"] == engine), key=lambda r: r["cases"])[-2:]
        slope = (high[figure] - low[figure]) / (high["cases"] - low["cases"])
        constant = max(high[figure] - slope * high["cases"], 0.0)
        one = constant + slope * PUBLISHED_CASES
        if in_bytes:
            each = f"{slope * in_bytes:,.0f} B | {constant * in_bytes / 1e6:,.0f} MB"
            lines.append(
                f"| {what} | {each} | {one * in_bytes / 1e9:,.1f} GB | {one * in_bytes * MONTHS / 1e12:,.2f} TB |"
            )
        else:
            lines.append(
                f"| {what} | {slope * 1e6:,.0f} µs | {constant:,.0f} s | {one:,.0f} s | {one * MONTHS / 3600:,.1f} h |"
            )

    for engine in ENGINES:
        line(f"core, {engine}", engine, "core_seconds")
        line(f"marts, {engine}", engine, "marts_seconds")
        line(f"processor, {engine}", engine, "cpu_seconds")
        line(f"read, {engine}", engine, "read", in_bytes=1)
        line(f"written, {engine}", engine, "written", in_bytes=1)
    line("shuffled, spark", "spark", "shuffled", in_bytes=1)
    line("zip", "duckdb", "zip_mb", in_bytes=1e6)
    line("raw text as Parquet", "duckdb", "raw_mb", in_bytes=1e6)
    line("court file", "duckdb", "court_file_mb", in_bytes=1e6)
    line("core as Parquet", "spark", "parquet_mb", in_bytes=1e6)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--scratch", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--extrapolate", type=Path)
    parser.add_argument("--measure", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure, Home(given.home))))
        return
    if given.extrapolate:
        print(extrapolated(json.loads(given.extrapolate.read_text("utf-8"))))
        return
    rows = [row for cases in given.cases for row in run(cases, given.scratch)]
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    print(printed(rows))
    if len(given.cases) > 1:
        print("\n" + extrapolated(rows))


if __name__ == "__main__":
    main()
