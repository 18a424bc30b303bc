"""The published set: warehouse, Parquet, data package, catalog, checksums and changelog agree with each other."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest
from editions import answer_of, answer_of_parquet, publish_edition, put, write_edition

from warehouse import contracts, export_set, publish, versions
from warehouse.writer import Warehouse


@pytest.fixture
def published(tmp_path: Path) -> Path:
    publish_edition(tmp_path / "build.duckdb", tmp_path / "published", 3)
    return tmp_path / "published"


def folder_of(published: Path) -> Path:
    folder = versions.current_folder(published)
    assert folder is not None
    return folder


def entry(published: Path) -> dict[str, Any]:
    newest: dict[str, Any] = json.loads((folder_of(published) / "CHANGELOG.json").read_text())["entries"][0]
    return newest


def test_the_file_readers_open_is_the_one_in_the_version_folder(published: Path) -> None:
    assert (published / "warehouse.duckdb").read_bytes() == (
        folder_of(published) / "warehouse.duckdb"
    ).read_bytes()
    record = versions.current(published)
    assert record is not None
    assert (3, record.version) == answer_of(published / "warehouse.duckdb")
    assert answer_of_parquet(folder_of(published)) == 3


def test_sha256sum_agrees_with_the_checksums(published: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "sha256sums.txt"],
        cwd=folder_of(published),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_row_of_every_table_is_in_parquet(published: Path) -> None:
    folder = folder_of(published)
    with duckdb.connect(str(published / "warehouse.duckdb"), read_only=True) as con:
        tables = [
            f"{s}.{t}"
            for s, t in con.execute("select schema_name, table_name from duckdb_tables()").fetchall()
            if s in export_set.MIRRORED_SCHEMAS and f"{s}.{t}" not in export_set.INTERNAL
        ]
        assert len(tables) >= 6
        for table in tables:
            stem = folder / "parquet" / table.replace(".", "/")
            files = f"{stem}/*/*.parquet" if stem.is_dir() else f"{stem}.parquet"
            names = ", ".join(f'"{c.name}"' for c in contracts.table(table).columns)
            mirror = f"read_parquet('{files}', hive_partitioning = {str(stem.is_dir()).lower()})"
            missing = f"select {names} from {table} except all select {names} from {mirror}"
            assert con.execute(missing).fetchall() == [], table
            counted = con.execute(f"select count(*) from read_parquet('{files}')").fetchone()
            assert counted == con.execute(f"select count(*) from {table}").fetchone(), table


def test_the_data_package_describes_the_files_beside_it(published: Path) -> None:
    folder = folder_of(published)
    package = json.loads((folder / "datapackage.json").read_text())
    on_disk = {p.relative_to(folder).as_posix() for p in folder.rglob("*.parquet")}
    listed = [[r["path"]] if isinstance(r["path"], str) else r["path"] for r in package["resources"]]
    assert {path for paths in listed for path in paths} == on_disk
    names = [r["name"] for r in package["resources"]]
    assert len(set(names)) == len(names)
    sums = dict(
        reversed(line.split("  ", 1)) for line in (folder / "sha256sums.txt").read_text().splitlines()
    )
    for resource in package["resources"]:
        fields = {f["name"] for f in resource["schema"]["fields"]}
        assert set(resource["schema"]["primaryKey"]) <= fields
        assert all(f["description"] for f in resource["schema"]["fields"])
        if isinstance(resource["path"], str):
            assert resource["hash"] == f"sha256:{sums[resource['path']]}"
            assert resource["bytes"] == (folder / resource["path"]).stat().st_size


def test_every_type_a_contract_uses_has_a_frictionless_type() -> None:
    kinds = {c.type for t in contracts.tables().values() for c in t.columns}
    assert {export_set.field_type(kind) for kind in kinds} <= {
        "string", "boolean", "date", "datetime", "number", "integer", "array", "object",
    }  # fmt: skip
    with pytest.raises(ValueError, match="GEOMETRY"):
        export_set.field_type("GEOMETRY")


# The catalog, over http


@pytest.fixture
def over_http(published: Path) -> Iterator[str]:
    class Ranged(SimpleHTTPRequestHandler):
        """Static files with byte ranges, as any object store serves them."""

        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            file = Path(self.translate_path(self.path))
            if not wanted or not file.is_file():
                super().do_GET()
                return
            first, last = wanted.removeprefix("bytes=").split("-")
            data = file.read_bytes()
            part = data[int(first) : int(last) + 1 if last else None]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(part)))
            self.send_header("Accept-Ranges", "bytes")
            self.end_headers()
            self.wfile.write(part)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Ranged, directory=str(published)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/{versions.FOLDER}/{folder_of(published).name}"
    server.shutdown()
    server.server_close()
    thread.join(10)


QUERIES = (
    ("select count(*) from ledger.meta.releases", 3),
    ("select max(value)::bigint from ledger.marts.january_yoy('{base}/')", 3),
    ("select count(distinct release_id) from ledger.core.cbp__monthly_encounters('{base}/')", 3),
    ("select count(*) from ledger.meta.published_files where table_name = 'core.cbp__monthly_encounters'", 3),
)


def test_the_catalog_answers_beside_its_parquet(published: Path) -> None:
    base = str(folder_of(published))
    with duckdb.connect() as con:
        con.execute(f"attach '{base}/catalog.duckdb' as ledger (read_only)")
        for sql, expected in QUERIES:
            assert con.execute(sql.format(base=base)).fetchone() == (expected,), sql


def test_the_catalog_answers_over_http(over_http: str) -> None:
    package = pytest.importorskip("duckdb_extension_httpfs", reason="the httpfs extension is not installed")
    extension = next(Path(package.__file__).parent.rglob("httpfs.duckdb_extension"))
    with duckdb.connect() as con:
        con.execute(f"load '{extension}'")
        con.execute(f"attach '{over_http}/catalog.duckdb' as ledger (read_only)")
        for sql, expected in QUERIES:
            assert con.execute(sql.format(base=over_http)).fetchone() == (expected,), sql


def test_the_catalog_is_small(published: Path) -> None:
    folder = folder_of(published)
    with duckdb.connect(str(folder / "catalog.duckdb"), read_only=True) as con:
        schemas = {
            row[0] for row in con.execute("select distinct schema_name from duckdb_tables()").fetchall()
        }
    assert schemas == {"meta"}


# The changelog


def test_a_first_version_says_that_there_is_nothing_before_it(tmp_path: Path) -> None:
    publish_edition(tmp_path / "build.duckdb", tmp_path / "published", 1)
    assert entry(tmp_path / "published")["note"]


def test_new_releases_and_the_figures_they_moved_are_changes_of_data(published: Path, tmp_path: Path) -> None:
    publish_edition(tmp_path / "build.duckdb", published, 4)
    newest = entry(published)
    assert [r["release_id"] for r in newest["data"]["releases_added"]] == [f"cbp_sbo-{4:012x}"]
    assert newest["data"]["figures_moved_count"] == 40
    moved = newest["data"]["figures_moved"][0]
    assert (moved["value_before"], moved["value"]) == (3, 4)
    assert newest["code"] == {
        "changed": False, "from": "c0de", "to": "c0de", "tables_added": [], "tables_removed": [], "columns_added": [],
        "columns_removed": [], "figures_moved_count": 0, "figures_moved": [],
    }  # fmt: skip


def test_figures_that_move_on_the_same_releases_are_changes_of_code(published: Path, tmp_path: Path) -> None:
    with Warehouse(tmp_path / "build.duckdb") as warehouse:
        warehouse.con.execute(
            "update marts.january_yoy set value = value + 1 where measure_id = 'measure_07'"
        )
        put(warehouse, "meta.measures", {"measure_id": "new_measure"})
        figure = {"january": 2024, "value": 9, "release_id": "cbp_sbo-000000000003"}
        put(warehouse, "marts.january_yoy", {"measure_id": "new_measure", **figure})
        publish.publish(warehouse, published / "warehouse.duckdb", code="0ther", now=_now())
    newest = entry(published)
    assert newest["code"]["changed"]
    assert [f["measure_id"] for f in newest["code"]["figures_moved"]] == ["measure_07", "new_measure"]
    assert newest["data"]["figures_moved_count"] == 0
    assert newest["data"]["releases_added"] == []


def test_publishing_the_same_again_adds_no_entry(published: Path, tmp_path: Path) -> None:
    publish_edition(tmp_path / "build.duckdb", published, 3)
    entries = json.loads((folder_of(published) / "CHANGELOG.json").read_text())["entries"]
    assert len(entries) == 1
    assert entries[0]["note"]
    assert folder_of(published).name.startswith("000002-")


def test_a_version_of_before_the_changelog_is_compared_all_the_same(tmp_path: Path) -> None:
    """An installation that has only the file readers open, from before versions were kept."""
    publish_edition(tmp_path / "build.duckdb", tmp_path / "published", 1)
    for path in (
        (tmp_path / "published" / "current.json"),
        *(tmp_path / "published" / "versions").rglob("*"),
    ):
        if path.is_file():
            path.unlink()
    publish_edition(tmp_path / "build.duckdb", tmp_path / "published", 2)
    assert entry(tmp_path / "published")["data"]["figures_moved_count"] == 40


def test_an_older_schema_is_compared_as_far_as_it_goes(published: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(folder_of(published) / "warehouse.duckdb")) as con:
        con.execute("alter table marts.january_yoy drop column prior_release_id")
        con.execute("drop table meta.measures")
    publish_edition(tmp_path / "build.duckdb", published, 4)
    newest = entry(published)
    assert "meta.measures" in newest["code"]["tables_added"]
    assert any(c.startswith("marts.january_yoy.prior_release_id") for c in newest["code"]["columns_added"])
    assert newest["data"]["figures_moved"] == []


# Where it stops


def test_old_versions_are_removed_and_the_kept_ones_are_whole(tmp_path: Path) -> None:
    for edition in range(1, 6):
        publish_edition(tmp_path / "build.duckdb", tmp_path / "published", edition, keep=3)
    left = versions.published_versions(tmp_path / "published")
    assert [p.number for p in left] == [3, 4, 5]
    for p in left:
        assert versions.damaged(tmp_path / "published" / "versions" / p.folder) == []


def test_a_path_with_a_quote_is_a_path(tmp_path: Path) -> None:
    odd = tmp_path / "reader's desk"
    odd.mkdir()
    publish_edition(odd / "build.duckdb", odd / "published", 1)
    publish_edition(odd / "build.duckdb", odd / "published", 2)
    assert answer_of(odd / "published" / "warehouse.duckdb")[0] == 2


def test_an_undocumented_table_is_not_published(published: Path, tmp_path: Path) -> None:
    with Warehouse(tmp_path / "build.duckdb") as warehouse:
        write_edition(warehouse, 4)
        warehouse.con.execute("create table marts.stray as select 1 as a")
        with pytest.raises(publish.NotPublishable, match=r"marts\.stray"):
            publish.publish(warehouse, published / "warehouse.duckdb", code="c", now=_now())
    assert answer_of(published / "warehouse.duckdb")[0] == 3


def _now() -> dt.datetime:
    return dt.datetime(2026, 2, 1, 12)


# Text for spreadsheets


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("http://x","y")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1",
        "\ufeff=1", "\u200b=1", "＝1+1", "|cmd", "%0A=1",
    ],
)  # fmt: skip
def test_a_formula_is_neutralised(text: str) -> None:
    assert export_set.neutralise(text) == f"'{text}"


@pytest.mark.parametrize(
    "value", ["Del Rio", "-5", "+1.5", "1e-3", "-12,345", "-3.4%", "", 7, -7, 1.5, None, "a=b"]
)
def test_anything_else_is_left_alone(value: Any) -> None:
    assert export_set.neutralise(value) == value
