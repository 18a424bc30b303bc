"""What the repository ships: the lock, the version, the packages, and no agency file among the tracked."""

from __future__ import annotations

import hashlib
import importlib
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")

PIN = re.compile(
    r"(?P<name>[a-z0-9-]+)==(?P<version>[0-9a-z.]+)(?: ; (?P<marker>[^\\]+))?(?: --hash=sha256:[0-9a-f]{64})+"
)


def pins(lock: str) -> list[re.Match[str]]:
    """The requirements of a lock, one match each; ValueError at one that is not an exact pin with hashes."""
    requirements = lock.replace(" \\\n", " ").splitlines()
    matches = []
    for requirement in requirements:
        match = PIN.fullmatch(re.sub(r"\s+", " ", requirement).strip())
        if match is None:
            raise ValueError(f"not an exact pin with sha256 hashes: {requirement[:80]}")
        matches.append(match)
    return matches


def canonical(requirement: str) -> str:
    """`Duckdb_SQLAlchemy[x]>=1` → `duckdb-sqlalchemy`, the way an index writes it."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None, requirement
    return re.sub(r"[-_.]+", "-", name.group()).lower()


def tracked_files() -> list[Path]:
    """Every file in git's index that exists on disk; skips visibly outside a git checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: nothing says which files are tracked")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    files = [ROOT / os.fsdecode(name) for name in listing.split(b"\0") if name]
    assert files, "git tracks no file"
    return [path for path in files if path.is_file()]


# The lock


def test_lock_pins_every_package_with_hashes() -> None:
    assert len(pins(LOCK)) > len(PYPROJECT["project"]["dependencies"])


def test_lock_names_no_index_no_folder_and_no_address() -> None:
    offending = [
        line
        for line in LOCK.splitlines()
        if re.search(r"://|--index|--extra-index|--find-links|\bfile:|@ ", line)
    ]
    assert not offending


@pytest.mark.parametrize(
    "line",
    [
        "duckdb==1.5.5",
        "duckdb>=1.5 --hash=sha256:" + "0" * 64,
        "duckdb==1.5.5 --hash=md5:" + "0" * 32,
        "--index-url https://index.example/simple",
        "--find-links /opt/wheels",
        "duckdb @ https://index.example/duckdb.whl --hash=sha256:" + "0" * 64,
    ],
)
def test_a_line_that_is_no_pin_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="not an exact pin"):
        pins(line)


def test_lock_holds_every_declared_dependency() -> None:
    project = PYPROJECT["project"]
    declared = [
        *project["dependencies"],
        *project["optional-dependencies"]["dev"],
        *PYPROJECT["build-system"]["requires"],
    ]
    locked = {pin["name"] for pin in pins(LOCK)}
    assert {canonical(requirement) for requirement in declared} <= locked


def test_lock_agrees_with_exact_pins() -> None:
    locked = {(pin["name"], pin["version"]) for pin in pins(LOCK)}
    requirements = [
        requirement.partition(";")[0].strip() for requirement in PYPROJECT["project"]["dependencies"]
    ]
    exact = [requirement.split("==") for requirement in requirements if "==" in requirement]
    assert exact
    assert {(canonical(name), version) for name, version in exact} <= locked


def test_dependencies_are_sorted() -> None:
    project = PYPROJECT["project"]
    for requirements in (project["dependencies"], project["optional-dependencies"]["dev"]):
        names = [canonical(requirement) for requirement in requirements]
        assert names == sorted(names)


# Version and packages


def test_citation_has_the_version_of_the_package() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["version"]) == PYPROJECT["project"]["version"]
    assert citation["license"] == PYPROJECT["project"]["license"]


def package_folders() -> list[str]:
    """Every folder of code under the four packages, as a dotted name."""
    tops = [pattern.rstrip("*") for pattern in PYPROJECT["tool"]["setuptools"]["packages"]["find"]["include"]]
    folders = {path.parent for top in tops for path in (ROOT / top).rglob("*.py")}
    return sorted(".".join(folder.relative_to(ROOT).parts) for folder in folders)


@pytest.mark.parametrize("package", package_folders())
def test_package_is_importable_and_says_what_belongs_in_it(package: str) -> None:
    initial = ROOT / Path(*package.split(".")) / "__init__.py"
    assert initial.is_file(), f"{package} has modules but no __init__.py, so an installed copy would lack it"
    module = importlib.import_module(package)
    assert module.__doc__, f"{package}/__init__.py says nothing of what belongs in it"


# What git tracks


def test_no_agency_file_is_tracked() -> None:
    """The repository re-encodes figures; it never carries a publisher's file byte for byte."""
    folder = os.environ.get("BORDER_AGENCY_DATA")
    if not folder:
        pytest.skip("BORDER_AGENCY_DATA names no folder of agency files to compare with")
    agency = {
        _sha256(path): path for path in Path(folder).rglob("*") if path.is_file() and path.stat().st_size
    }
    assert agency, f"BORDER_AGENCY_DATA={folder} holds no file"
    copies = [
        f"{path.relative_to(ROOT)} is {agency[digest]}"
        for path in tracked_files()
        if (digest := _sha256(path)) in agency
    ]
    assert not copies, "\n".join(copies)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


MACHINE_PATH = re.compile(
    rb"(?:file://|(?<![\w.$}/~-]))/(?:root|work|home/\w+|Users/\w+|opt/(?:wheels|pypi))/"
)


def test_no_tracked_file_names_a_path_of_one_machine() -> None:
    this_file = Path(__file__).resolve()
    found = [
        f"{path.relative_to(ROOT)}: {match.group().decode()}"
        for path in tracked_files()
        if path != this_file and (match := MACHINE_PATH.search(path.read_bytes()))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text", [b"see /work/data", b"'/root/.cache/'", b"file:///opt/wheels/x.whl", b"=/home/ann/x"]
)
def test_a_machine_path_is_recognised(text: bytes) -> None:
    assert MACHINE_PATH.search(text)


@pytest.mark.parametrize(
    "text", [b"data/work/warehouse.duckdb", b"$BORDER_HOME/work/", b"framework/", b"/workspace.yaml"]
)
def test_a_path_of_the_project_is_not_a_machine_path(text: bytes) -> None:
    assert not MACHINE_PATH.search(text)


def test_large_files_are_deliberate() -> None:
    """A warehouse, an archive or a build product committed by accident shows here first."""
    limit = 5_000_000
    large = [str(path.relative_to(ROOT)) for path in tracked_files() if path.stat().st_size > limit]
    assert not large, f"over {limit:,} bytes: {large}"
