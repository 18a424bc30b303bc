"""Load test: reader processes ask in a loop while versions are published; every answer must be one whole version.

    python benchmarks/readers.py --readers 16 --versions 30

Prints answers, errors, mixes and latency. Exit code 1 where an answer was an error or no whole version.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests")]

from editions import answer_of, answer_of_parquet, publish_edition  # noqa: E402

from warehouse import versions  # noqa: E402


@dataclass(frozen=True)
class Load:
    """What the readers met. Latencies are of one question with a fresh connection, in milliseconds."""

    readers: int
    versions_published: int
    answers: int
    answers_of_parquet: int
    versions_seen: int
    errors: int
    mixes: int
    backwards: int
    median_ms: float
    p99_ms: float
    worst_ms: float
    publish_ms: float
    seconds: float
    first_error: str | None = None


def _read(published: str, stop: Any, results: Any, number: int) -> None:
    """One reader: asks until told to stop; every fourth reader asks the Parquet files of the current version."""
    folder = Path(published)
    latencies, seen, errors, mixes, backwards, last = [], set(), [], 0, 0, 0
    parquet = number % 4 == 3
    while not stop.is_set():
        started = time.perf_counter()
        try:
            if parquet:
                current = versions.current_folder(folder)
                assert current is not None
                edition = answer_of_parquet(current)
            else:
                edition, _ = answer_of(folder / versions.WAREHOUSE)
        except ValueError:
            mixes += 1
            continue
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}"[:200])
            continue
        latencies.append((time.perf_counter() - started) * 1000)
        backwards += edition < last
        last = edition
        seen.add(edition)
    results.put((parquet, latencies, seen, errors, mixes, backwards))


def load(folder: Path, readers: int, count: int) -> Load:
    """Publish `count` versions while `readers` processes ask."""
    build, published = folder / "build.duckdb", folder / "published"
    publish_edition(build, published, 1)
    context = multiprocessing.get_context("spawn")
    stop, results = context.Event(), context.Queue()
    started = time.monotonic()
    processes = [
        context.Process(target=_read, args=(str(published), stop, results, number))
        for number in range(readers)
    ]
    for process in processes:
        process.start()
    publish_ms = []
    for edition in range(2, count + 2):
        before = time.perf_counter()
        publish_edition(build, published, edition)
        publish_ms.append((time.perf_counter() - before) * 1000)
    stop.set()
    found = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join(60)
    latencies = sorted(ms for _, times, *_ in found for ms in times)
    errors = [line for _, _, _, lines, _, _ in found for line in lines]
    return Load(
        readers=readers,
        versions_published=count,
        answers=len(latencies),
        answers_of_parquet=sum(len(times) for parquet, times, *_ in found if parquet),
        versions_seen=len(set().union(*(seen for _, _, seen, *_ in found))),
        errors=len(errors),
        mixes=sum(mixes for *_, mixes, _ in found),
        backwards=sum(back for *_, back in found),
        median_ms=round(statistics.median(latencies), 1),
        p99_ms=round(latencies[int(len(latencies) * 0.99)], 1),
        worst_ms=round(latencies[-1], 1),
        publish_ms=round(statistics.median(publish_ms), 1),
        seconds=round(time.monotonic() - started, 1),
        first_error=errors[0] if errors else None,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readers", type=int, default=16)
    parser.add_argument("--versions", type=int, default=30)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = load(Path(folder), arguments.readers, arguments.versions)
    print(json.dumps(asdict(found), indent=2))
    return int(bool(found.errors or found.mixes or found.backwards))


if __name__ == "__main__":
    raise SystemExit(main())
