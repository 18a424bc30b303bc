"""Documentation that is generated must be what the generator writes today."""

from __future__ import annotations

from orchestration.docs import dictionary
from warehouse.paths import PROJECT


def test_the_data_dictionary_is_what_the_contracts_say() -> None:
    written = (PROJECT / "docs" / "data_dictionary.md").read_text("utf-8")
    assert written == dictionary(), "run `make docs` and commit docs/data_dictionary.md"
