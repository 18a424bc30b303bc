"""What the command line says of the lake: which target a build goes to, and where it went.

Belongs here: options and words. Does not belong here: the lake (`warehouse.lake`) and its steps (`sharing`).
"""

from __future__ import annotations

import os

from orchestration.screen import USAGE, stop
from warehouse.lake import DATA_PATH, TARGET, Lake, LakeError
from warehouse.paths import Home


def choose(target: str | None, data_path: str | None) -> None:
    """Make the target of the command line that of every step; without one the environment's stays."""
    for name, value in ((TARGET, target), (DATA_PATH, data_path)):
        if value is not None:
            os.environ[name] = value
    try:
        Lake.from_environment()
    except (LakeError, OSError) as error:
        stop(str(error), USAGE)


def places(home: Home) -> str:
    """Where a build was published, without passwords."""
    lake = Lake.from_environment()
    return f"{home.published_file} and {lake.shown}" if lake else str(home.published_file)
