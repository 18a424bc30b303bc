"""What the README shows is what a fresh checkout prints."""

from __future__ import annotations

import re

from installation import ROOT, Home

README = (ROOT / "README.md").read_text("utf-8")


def test_the_first_query_prints_what_the_readme_shows(carried_home: Home) -> None:
    shown = re.search(r'border sql "(?P<query>[^"]+)"\n```\n```\n(?P<printed>.+?)```', README, re.DOTALL)
    assert shown is not None
    done = carried_home.border("sql", shown["query"])
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [
        line.split() for line in shown["printed"].splitlines()
    ]
