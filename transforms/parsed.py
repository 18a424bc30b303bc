"""What a parser hands over: a file taken apart, with every line accounted for.

Belongs here: the shape shared by all parsers and the error for a file that is not what it says. Does not
belong here: reading any particular family.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


class RefusedFile(Exception):
    """The file as a whole is not what its family promises; nothing of it is loaded.

    The message is one line: file, line, value, what was expected and what to do.
    """


class UnknownFile(RefusedFile):
    """The file claims to be of no family at all: nothing in its header is an agency's."""


@dataclass(frozen=True)
class Reject:
    """One line that cannot be taken, with its original bytes."""

    line_no: int
    original: bytes
    reason: str


@dataclass
class ParsedFile:
    """A source file as text columns.

    `columns` holds the raw table's columns (all but release_id) by name, equally long, in file order;
    `line_no` counts from 1. `lines` is every line (or cell) of the file, so that
    `lines == len(columns["line_no"]) + len(rejects) + sum(ignored.values())`. `encounters` is the plain sum of
    the printed counts, taken independently of any typing done later.
    """

    columns: dict[str, list[int] | list[str] | list[str | None]]
    lines: int
    encounters: int
    rejects: list[Reject] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        return len(self.columns["line_no"])
