"""Readers while versions are published: no error, no mix, no step back. `benchmarks/readers.py` is the large one."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from installation import ROOT


@pytest.fixture(scope="module")
def readers() -> ModuleType:
    spec = importlib.util.spec_from_file_location("readers", ROOT / "benchmarks" / "readers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["readers"] = module  # the reader processes import it by this name
    sys.path.insert(0, str(ROOT / "benchmarks"))
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_every_answer_is_one_whole_version(readers: ModuleType, tmp_path: Path) -> None:
    found = readers.load(tmp_path, readers=4, count=8)
    assert (found.errors, found.mixes, found.backwards) == (0, 0, 0), found
    assert found.answers > 8
    assert found.versions_seen > 1
