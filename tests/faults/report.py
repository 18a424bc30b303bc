"""Runs every fault drill thoroughly and writes docs/reliability.md from what they found.

    python -m tests.faults.report            about ten minutes; --quick tries fewer moments and writes nothing

Belongs here: the page. Does not belong here: the drills. Every number on the page is counted by a drill.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1])]

from drills import Drill, Outcome, scenes  # noqa: E402
from installation import ROOT, SMALL_SERIES, Home  # noqa: E402

PAGE = ROOT / "docs" / "reliability.md"
HEAD = """\
# Reliability

What happens when something goes wrong, tried and counted. Written by `make reliability`
(`python -m tests.faults.report`) from the drills in `tests/faults/drills.py`; every push runs the same drills at fewer
moments. Not edited by hand.

*Lost* counts releases, figures or lines that were there before the fault and not after it, or that the next run could
not bring in. *Half published* counts times a reader got no version, a mix of two, or files that do not belong together.

| fault | what was tried | times | lost | half published |
|---|---|---:|---:|---:|
"""
SAID = """
## What a person is told

The last line of each drill, without paths of the machine it ran on.

| fault | on the screen |
|---|---|
"""
ELSEWHERE = """
## Tried in the suite beside these

- Faults of publishers (403, 404, 500 then success, slow drip, truncation, redirects, wrong type, bombs, traversal, a
  large download interrupted three times): `tests/faults/test_acquire_*.py`, [acquisition.md](acquisition.md).
- kill -9 of a run worker, of the daemon and of the webserver, in a deployment with PostgreSQL:
  `tests/faults/test_ops_deployment.py`.
- Reader processes asking while versions are published: `tests/integration/test_ops_readers.py`,
  `benchmarks/readers.py`.
"""


def page(results: list[tuple[Drill, Outcome]], scratch: Path) -> str:
    """The page for what the drills returned."""
    rows = "".join(
        f"| {d.fault} | {d.tried} | {o.times or o.notes[0]} | {o.lost} | {o.half_published} |\n"
        for d, o in results
    )
    told = "".join(f"| {d.fault} | {_plain(o.said, scratch)} |\n" for d, o in results if o.said)
    total = sum(o.times for _, o in results)
    lost = sum(o.lost for _, o in results)
    half = sum(o.half_published for _, o in results)
    sum_line = f"\n{total} trials: {lost or 'nothing'} lost, {half or 'nothing'} half published.\n"
    return HEAD + rows + sum_line + SAID + told + ELSEWHERE


def _plain(said: str, scratch: Path) -> str:
    text = " ".join(said.split()).replace(str(scratch), "…").replace(str(ROOT), "…")
    text = re.sub(r"…[/\w.-]*?/(home|published|archive|work|disk)\b", r"\1", text)
    text = re.sub(r"process \d+", "process N", text).replace("|", "\\|")
    text = re.sub(r"\.(building|part)-\w+(\.duckdb)?", r".\1-…", text)
    text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
    text = re.sub(r"\b[0-9a-f]{12,64}\b", lambda m: m[0][:6] + "…", text)
    return text if len(text) <= 300 else text[:300] + " …"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="fewer moments; prints the page and writes nothing"
    )
    quick = parser.parse_args().quick
    results = []
    with tempfile.TemporaryDirectory(prefix="drills-") as name:
        scratch = Path(name)
        reference = scratch / "reference"
        (reference / "series").mkdir(parents=True)
        for series in SMALL_SERIES:
            (reference / "series" / series).write_bytes((ROOT / "reference" / "series" / series).read_bytes())
        base = Home(scratch / "base", reference)
        done = base.border("build")
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            return 2
        for one, scene in scenes(scratch / "drills", not quick, base):
            outcome = one.run(scene)
            results.append((one, outcome))
            print(
                f"{one.name}: {outcome.times} times, {outcome.lost} lost, {outcome.half_published} half published",
                *outcome.notes[:3],
                sep="; ",
                file=sys.stderr,
            )
        text = page(results, scratch)
    if quick:
        print(text)
    else:
        PAGE.write_text(text, "utf-8")
    return int(any(o.lost or o.half_published for _, o in results))


if __name__ == "__main__":
    raise SystemExit(main())
