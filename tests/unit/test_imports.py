"""Which package may import which, read off the syntax tree of every module; nothing is imported here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]

MAY_IMPORT = {
    "transforms": {"transforms"},
    "warehouse": {"warehouse"},
    "expectations": {"expectations", "warehouse"},
    "orchestration": {"orchestration", "expectations", "transforms", "warehouse"},
}
OUR_PACKAGES = set(MAY_IMPORT)

# Great Expectations takes seconds to import and every Dagster command loads the definitions. One module
# subclasses its classes and so cannot defer the import; whoever needs that module imports it where it runs.
GX_MODULES = {"expectations.datasource", "expectations.rows_query"}

# Transforms are tables in, tables out: the same input gives the same output on any day, on any machine.
NETWORK_MODULES = {"ftplib", "http", "httpx", "requests", "socket", "urllib", "urllib3"}
CLOCK_MODULES = {"time"}
CLOCK_CALLS = {"now", "today", "utcnow"}


class Import(NamedTuple):
    module: str
    line: int
    deferred: bool  # inside a function, or for the type checker only: not run when the module is imported


def imports_of(tree: ast.AST, module: str, *, is_package: bool = False) -> Iterator[Import]:
    """Every module that the syntax tree of `module` imports, by absolute name, `importlib` calls included."""
    package = module if is_package else module.rpartition(".")[0]

    def walk(node: ast.AST, deferred: bool) -> Iterator[Import]:
        match node:
            case ast.Import(names=names):
                yield from (Import(alias.name, node.lineno, deferred) for alias in names)
            case ast.ImportFrom(module=source, names=names, level=level):
                base = package.split(".")[: len(package.split(".")) - (level - 1)] if level else []
                origin = ".".join([*base, *([source] if source else [])])
                yield Import(origin, node.lineno, deferred)
                yield from (Import(f"{origin}.{alias.name}", node.lineno, deferred) for alias in names)
            case ast.Call(args=[ast.Constant(value=str(name)), *_]) if _called(node) in {
                "import_module",
                "__import__",
            }:
                yield Import(name, node.lineno, deferred)
            case ast.If(test=test) if ast.unparse(test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
                for child in node.body:
                    yield from walk(child, True)
                for child in node.orelse:
                    yield from walk(child, deferred)
                return
        inside = deferred or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, inside)

    yield from walk(tree, False)


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def offences(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """What in the text of one of our modules breaks a rule of this file, as `line: what`."""
    tree = ast.parse(source)
    package = module.partition(".")[0]
    found = []
    for name, line, deferred in imports_of(tree, module, is_package=is_package):
        top = name.partition(".")[0]
        if top in OUR_PACKAGES - MAY_IMPORT[package]:
            found.append(f"{line}: {package} may not import {name}")
        if (top == "dagster" or top.startswith("dagster_")) and package != "orchestration":
            found.append(f"{line}: only orchestration imports dagster")
        is_gx = top == "great_expectations" or name in GX_MODULES
        if is_gx and not deferred and module not in GX_MODULES:
            found.append(f"{line}: import {name} inside the function that needs it")
        if package == "transforms" and top in NETWORK_MODULES | CLOCK_MODULES:
            found.append(f"{line}: transforms read no network and no clock, and {name} does")
    if package == "transforms":
        found += [
            f"{node.lineno}: transforms read no clock, and .{_called(node)}() does"
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and _called(node) in CLOCK_CALLS
        ]
    return list(dict.fromkeys(found))


def modules() -> list[Path]:
    return sorted(path for package in OUR_PACKAGES for path in (ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_module_keeps_the_import_directions(path: Path) -> None:
    found = offences(path.read_text(encoding="utf-8"), name_of(path), is_package=path.name == "__init__.py")
    assert not found, "\n".join(f"{path.relative_to(ROOT)}:{offence}" for offence in found)


def test_every_package_has_modules_to_look_at() -> None:
    assert {name_of(path).partition(".")[0] for path in modules()} == OUR_PACKAGES


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("transforms.cbp", "import warehouse"),
        ("transforms.cbp", "from orchestration import assets"),
        ("transforms.cbp", "def f():\n    from expectations.suites import core"),
        ("transforms.cbp", "import httpx"),
        ("transforms.cbp", "from datetime import date\nLAST = date.today()"),
        ("transforms.cbp", "import importlib\nimportlib.import_module('warehouse.writer')"),
        ("warehouse.writer", "from transforms.parsed import Parsed"),
        ("warehouse.writer", "import expectations.suites as suites"),
        ("warehouse.writer", "import dagster as dg"),
        ("warehouse.writer", "from dagster_postgres import PostgresRunStorage"),
        ("warehouse.writer", "import great_expectations as gx"),
        ("expectations.suites", "from orchestration.checks import blocking"),
        ("expectations.suites", "if True:\n    import great_expectations as gx"),
        ("expectations.suites", "class Suite:\n    import great_expectations as gx"),
        ("expectations.suites", "from expectations.datasource import connect"),
        ("expectations.suites", "from .datasource import connect"),
        ("expectations.suites", "from . import datasource"),
        ("expectations", "from .datasource import connect"),
        ("expectations.suites", "from .rows_query import UnexpectedRowsCounted"),
        ("orchestration.checks", "from great_expectations import ExpectationSuite"),
    ],
)
def test_a_forbidden_import_is_found(module: str, source: str) -> None:
    assert offences(source, module, is_package=module in OUR_PACKAGES)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("transforms.cbp", "import pandas as pd\nfrom transforms.parsed import Parsed\nfrom . import labels"),
        ("warehouse.writer", "from warehouse.contracts import tables\nimport duckdb"),
        ("expectations.suites", "from warehouse.contracts import tables"),
        ("expectations.suites", "def f():\n    import great_expectations as gx"),
        (
            "expectations.suites",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import great_expectations",
        ),
        ("expectations.datasource", "import great_expectations as gx"),
        (
            "orchestration.definitions",
            "import dagster as dg\nfrom warehouse import writer\nimport transforms.cbp",
        ),
    ],
)
def test_an_allowed_import_is_left_alone(module: str, source: str) -> None:
    assert offences(source, module) == []
