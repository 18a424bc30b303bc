"""Where things lie on disk.

Belongs here: the folders of one installation. `BORDER_HOME` moves all of them. Does not belong here: what is
in them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

#: The checkout the packages are installed from; it carries the reference series and the claims.
PROJECT = Path(__file__).resolve().parent.parent
REFERENCE = PROJECT / "reference"


@dataclass(frozen=True)
class Home:
    """Folders of one installation under `root`."""

    root: Path
    worker: int = 1
    """Builds that run at once, as they may with a lake, each have a build file of their own."""

    @classmethod
    def from_environment(cls) -> Home:
        """`$BORDER_HOME`, or `data/` in the checkout."""
        configured = os.environ.get("BORDER_HOME")
        return cls(Path(configured).expanduser().resolve() if configured else PROJECT / "data")

    @property
    def archive(self) -> Path:
        return self.root / "archive"

    @property
    def work(self) -> Path:
        """What a build writes and nobody else reads."""
        return self.root / "work" / self._of_worker

    @property
    def _of_worker(self) -> str:
        return f"worker-{self.worker}" if self.worker > 1 else ""

    @property
    def build_file(self) -> Path:
        """The private file a build writes; readers never open it."""
        return self.work / "warehouse.duckdb"

    @property
    def court_build_file(self) -> Path:
        """Court records as built, by whichever worker; their raw text lies in the folder `court` beside it."""
        return self.root / "work" / "court.duckdb"

    @property
    def spark(self) -> Path:
        """Tables as Parquet, where Spark reads and writes them; `$BORDER_SPARK_DATA` moves them to where its workers are."""
        configured = os.environ.get("BORDER_SPARK_DATA")
        return (
            Path(configured).expanduser().resolve() / self._of_worker if configured else self.work / "spark"
        )

    @property
    def build_lock(self) -> Path:
        return self.work / "build.lock"

    @property
    def published(self) -> Path:
        return self.root / "published"

    @property
    def published_file(self) -> Path:
        """The file readers open; replaced whole by each publish."""
        return self.published / "warehouse.duckdb"

    @property
    def published_court_file(self) -> Path:
        """Court records as readers open them; replaced whole, and only when they changed."""
        return self.published / "court.duckdb"

    @property
    def data_docs(self) -> Path:
        return self.root / "data_docs"

    @property
    def site(self) -> Path:
        """The static site, where the asset writes it."""
        return self.root / "site"

    @property
    def vendor(self) -> Path:
        """Browser libraries of the site, as fetched."""
        return self.root / "vendor"

    @property
    def dagster(self) -> Path:
        return self.root / "dagster"

    @property
    def inbox(self) -> Path:
        """Fetched or dropped files wait here to be ingested."""
        return self.root / "inbox"
