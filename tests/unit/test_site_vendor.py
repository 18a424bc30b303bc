"""Browser libraries come from a registry once, are checked by hash, and a failure says what to do."""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
import io
import os
import shutil
import tarfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from warehouse.site import vendor

CONTENT = b"window.chart = 1;\n" * 100


def tarball(content: bytes = CONTENT) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("package/build/chart.js")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def integrity(data: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


class Served(SimpleHTTPRequestHandler):
    requests: list[str]

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        self.requests.append(self.path)
        super().do_GET()


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A registry on loopback that holds one scoped package, locked as such; returns the paths asked for."""
    data = tarball()
    folder = tmp_path / "registry" / "@lib" / "chart" / "-"
    folder.mkdir(parents=True)
    (folder / "chart-1.2.3.tgz").write_bytes(data)
    package = vendor.Package(
        "@lib/chart", "1.2.3", integrity(data), "MIT", {"build/chart.js": "chart.js"}, "charts"
    )
    monkeypatch.setattr(vendor, "locked", lambda: {"@lib/chart": package})
    requests: list[str] = []
    handler = functools.partial(
        type("Handler", (Served,), {"requests": requests}), directory=str(tmp_path / "registry")
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", f"http://127.0.0.1:{server.server_port}/")
    yield requests
    server.shutdown()
    server.server_close()


def test_a_package_is_fetched_once_and_then_read_from_the_cache(registry: list[str], tmp_path: Path) -> None:
    for site in ("first", "second"):
        written = vendor.vendor(["@lib/chart"], tmp_path / site, tmp_path / "cache")
        assert [p.read_bytes() for p in written] == [CONTENT]
    assert registry == ["/@lib/chart/-/chart-1.2.3.tgz"]


def test_a_destination_in_gz_is_compressed(
    registry: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = vendor.locked()["@lib/chart"]
    packed = vendor.Package(**{**package.__dict__, "files": {"build/chart.js": "chart.js.gz"}})
    monkeypatch.setattr(vendor, "locked", lambda: {"@lib/chart": packed})
    [written] = vendor.vendor(["@lib/chart"], tmp_path / "site", tmp_path / "cache")
    assert gzip.decompress(written.read_bytes()) == CONTENT
    assert written.stat().st_size < len(CONTENT)


def test_a_file_that_is_not_the_locked_one_is_refused_and_not_kept(
    registry: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = vendor.locked()["@lib/chart"]
    other = vendor.Package(**{**package.__dict__, "integrity": integrity(b"another file")})
    monkeypatch.setattr(vendor, "locked", lambda: {"@lib/chart": other})
    with pytest.raises(vendor.VendorError, match=r"@lib/chart 1\.2\.3: the registry's file has .* refused"):
        vendor.vendor(["@lib/chart"], tmp_path / "site", tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_damaged_copy_in_the_cache_is_fetched_again(registry: list[str], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    kept = cache / "lib-chart-1.2.3.tgz"
    kept.write_bytes(b"cut off")
    vendor.vendor(["@lib/chart"], tmp_path / "site", cache)
    assert len(registry) == 1
    assert integrity(kept.read_bytes()) == vendor.locked()["@lib/chart"].integrity


def test_a_package_put_into_the_cache_by_hand_needs_no_registry(
    registry: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    served = tmp_path / "registry" / "@lib" / "chart" / "-" / "chart-1.2.3.tgz"
    shutil.copy(served, cache / "lib-chart-1.2.3.tgz")
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "http://127.0.0.1:9/")
    vendor.vendor(["@lib/chart"], tmp_path / "site", cache)
    assert registry == []


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://127.0.0.1:9/", "cannot be reached"),
        ("{loopback}missing/", "answered 404"),
    ],
)
def test_an_unreachable_registry_is_one_line_that_says_what_to_do(
    registry: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, words: str
) -> None:
    loopback = os.environ["NPM_CONFIG_REGISTRY"]
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", address.format(loopback=loopback))
    with pytest.raises(vendor.VendorError, match=words) as caught:
        vendor.vendor(["@lib/chart"], tmp_path / "site", tmp_path / "cache")
    message = str(caught.value)
    assert "\n" not in message
    assert "lib-chart-1.2.3.tgz" in message
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_registry_is_read_from_an_npmrc_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NPM_CONFIG_REGISTRY", raising=False)
    monkeypatch.delenv("npm_config_registry", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".npmrc").write_text("# mirror\nfund=false\nregistry=http://127.0.0.1:4873/npm/\n", "utf-8")
    assert vendor.registry(tmp_path) == "http://127.0.0.1:4873/npm/"


def test_the_lock_names_no_host_and_pins_every_package_by_hash() -> None:
    text = vendor.LOCK.read_text("utf-8")
    assert "://" not in text
    assert "registry" not in text
    packages = vendor.locked()
    assert {"vega", "vega-lite", "vega-embed", "@duckdb/duckdb-wasm", "axe-core"} <= set(packages)
    for package in packages.values():
        assert len(base64.b64decode(package.integrity.removeprefix("sha512-"), validate=True)) == 64
        assert package.files
