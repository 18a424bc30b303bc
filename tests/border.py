"""`border` over carried series of a test's own: `python border.py FOLDER …` in place of `border …`.

A file and not `python -c`: PySpark, where it is installed, ends a process whose main module has no file.
"""

import sys
from pathlib import Path

import orchestration.cli as cli

if __name__ == "__main__":
    cli.REFERENCE = Path(sys.argv.pop(1))
    cli.app()
