"""The site as files: links resolve, figures equal the warehouse, CSVs carry provenance, a build replaces whole."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import dagster as dg
import duckdb
import pyarrow.parquet as pq
import pytest
from court_rows import UNPRINTED, court_release
from installation import Home

from orchestration.assets import published_site
from orchestration.resources import Ledger
from warehouse import cookbook
from warehouse.site import SiteError, build_site, vendor
from warehouse.site.pages.january import opening
from warehouse.site.pages.take_away import COOKBOOK
from warehouse.site.reading import Published, Row


def without_libraries(names: list[str], into: Path, cache_folder: Path) -> list[Path]:
    """Stands in for the libraries, which no test here runs: empty files of the same names."""
    written = []
    for name in names:
        for destination in vendor.locked()[name].files.values():
            target = into / destination
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
            written.append(target)
    return written


@pytest.fixture(scope="module")
def site(small_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site") / "site"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vendor, "vendor", without_libraries)
        build_site(small_home.published, out, out.parent / "vendor", data_docs=small_home.root / "data_docs")
    return out


@pytest.fixture(scope="module")
def published(small_home: Home) -> Iterator[Published]:
    with Published(small_home.published) as opened:
        yield opened


class Parsed(HTMLParser):
    """Ids and addresses of a page, its links to other hosts apart, and the cells of its tables by the id around them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.outside: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._table: str | None = None
        self._cell: list[str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if tag == "div" and found.get("class") == "table":
            self._table = str(found["id"])
            self.tables[self._table] = []
        if tag == "tr" and self._table:
            self.tables[self._table].append([])
        if tag in ("td", "th") and self._table:
            self._cell = []
        if tag == "a" and found.get("class") == "outside":
            self.outside.append(str(found.pop("href")))
        for name in ("href", "src"):
            if found.get(name):
                self.addresses.append(str(found[name]))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None and self._table:
            self.tables[self._table][-1].append(" ".join("".join(self._cell).split()))
            self._cell = None
        if tag == "table":
            self._table = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)


def pages(site: Path) -> list[Path]:
    """Pages of the site itself, not the validation pages carried along."""
    return [p for p in sorted(site.rglob("*.html")) if p.relative_to(site).parts[0] != "checks"]


def number(text: str) -> float | None:
    """The number a cell prints; None for a dash."""
    plain = text.replace(",", "").replace("−", "-").replace("%", "").strip()
    return None if plain in ("–", "") else float(plain)


def test_every_link_leads_to_a_file_of_the_site_and_an_anchor_in_it(site: Path) -> None:
    parsed = {page: Parsed(page.read_text("utf-8")) for page in sorted(site.rglob("*.html"))}
    broken = []
    for page, content in parsed.items():
        for address in content.addresses:
            path, anchor = urldefrag(address)
            target = (page.parent / unquote(path)).resolve() if path else page
            if "://" in address or not target.is_file():
                broken.append(f"{page.relative_to(site)}: {address}")
            elif anchor and not anchor.startswith("measure=") and unquote(anchor) not in parsed[target].ids:
                broken.append(f"{page.relative_to(site)}: {address} has no such anchor")
    assert broken == []


def test_links_to_other_hosts_are_the_addresses_of_sources(site: Path, published: Published) -> None:
    known = " ".join(
        str(row["source"])
        for row in published.select(
            "select source from meta.published_figures union all select source from meta.mpp_figures "
            "union all select origin from meta.releases"
        )
    )
    outside = {address for page in pages(site) for address in Parsed(page.read_text("utf-8")).outside}
    assert len(outside) > 10
    assert [a for a in outside if not a.startswith("https://") and not a.startswith("http://")] == []
    assert [a for a in outside if a not in known] == []


def test_no_id_is_given_twice_on_a_page(site: Path) -> None:
    for page in pages(site):
        ids = Parsed(page.read_text("utf-8")).ids
        assert {i for i in ids if ids.count(i) > 1} == set(), page.name


def test_pages_and_assets_name_no_other_host_to_load_from(site: Path) -> None:
    loads = re.compile(r"""(?:src=|url\(|@import|<link[^>]+href=)["'( ]*(?:https?:)?//""")
    for file in [*pages(site), *(site / "assets").iterdir()]:
        assert not loads.search(file.read_text("utf-8")), file.name


def test_every_january_on_the_pages_is_the_warehouses(site: Path, published: Published) -> None:
    compared = 0
    for page in [site / "index.html", *sorted((site / "measures").glob("*.html"))]:
        measure = "usbp_southwest" if page.name == "index.html" else page.stem
        shown = Parsed(page.read_text("utf-8")).tables["januaries"][1:]
        expected = published.select(
            "select january, value, prior, change, pct_change, release_id from marts.january_yoy "
            "where measure_id = $measure order by january desc",
            measure=measure,
        )
        assert len(shown) == len(expected)
        for cells, row in zip(shown, expected, strict=True):
            assert cells[0] == str(row["january"])
            assert [number(c) for c in cells[1:4]] == [row["value"], row["prior"], row["change"]]
            rounded = None if row["pct_change"] is None else round(row["pct_change"] + 0.0, 1)
            assert number(cells[4]) == pytest.approx(rounded, abs=0.051) if rounded is not None else True
            assert cells[-1] in (row["release_id"], "–")
            compared += 1
    assert compared > 50


def test_the_definitions_stand_side_by_side_for_every_january(site: Path, published: Published) -> None:
    tables = Parsed((site / "index.html").read_text("utf-8")).tables
    shown = {row[0]: [number(c) for c in row[1:3]] for row in tables["readings-2023"][1:]}
    for reading, value, prior in published.con.execute(
        "select y.measure_title, y.value, y.prior from meta.measure_readings r "
        "join marts.january_yoy y on y.measure_id = r.reading_id "
        "where r.measure_id = 'usbp_southwest' and y.january = 2023 and y.value is not null"
    ).fetchall():
        assert shown[reading] == [value, prior]
    assert len(shown) > 3


def test_every_figure_of_a_csv_carries_definition_release_and_status(site: Path) -> None:
    seen = 0
    for file in [*sorted((site / "csv").glob("*.csv")), *sorted((site / "data").glob("marts__*_yoy.csv"))]:
        with file.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        if "definition" not in rows[0]:
            continue
        for row in rows:
            assert row["definition"], file.name
            assert row["unit"], file.name
            if row.get("value"):
                assert row.get("release_source") or row.get("sources"), file.name
                assert row.get("status") or row.get("finality"), file.name
                seen += 1
    assert seen > 1000


def test_downloads_hold_the_rows_of_the_warehouse(site: Path, published: Published) -> None:
    listed = sorted((site / "data").glob("*.parquet"))
    assert {"marts__january_yoy", "meta__releases", "core__monthly_totals"} <= {p.stem for p in listed}
    for file in listed:
        [row] = published.select(f"select count(*) as n from {file.stem.replace('__', '.', 1)}")
        assert pq.read_metadata(file).num_rows == row["n"], file.name
    with (site / "data" / "marts__january_yoy.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    expected = published.select("select measure_id, january, value from marts.january_yoy order by all")
    assert [(r["measure_id"], r["january"], r["value"]) for r in rows] == [
        (e["measure_id"], str(e["january"]), "" if e["value"] is None else str(e["value"])) for e in expected
    ]
    with duckdb.connect(str(site / "data" / "warehouse.duckdb"), read_only=True) as copy:
        assert copy.execute("select version from meta.publication").fetchone() is not None


def asked(site: Path) -> dict[str, str]:
    """Questions of the SQL page with their SQL."""
    text = (site / "sql.html").read_text("utf-8")
    [found] = re.findall(r'<script type="application/json" id="examples">(.*?)</script>', text, re.S)
    return {e["question"]: e["sql"] for e in json.loads(found)}


def test_the_sql_page_asks_what_the_cookbook_asks_and_the_copy_can_answer(site: Path) -> None:
    recipes = cookbook.recipes(COOKBOOK.read_text("utf-8"))
    found = asked(site)
    assert found == {r.question: r.sql for r in recipes if "raw." not in r.sql and not r.is_made_up}
    assert len(found) > 40


def test_the_sql_page_asks_about_court_records_where_a_release_is_loaded(
    courts: Callable[[str], Path],
) -> None:
    found = asked(courts("mirrored"))
    recipes = [r for r in cookbook.recipes(COOKBOOK.read_text("utf-8")) if r.is_made_up]
    assert recipes
    for recipe in recipes:
        assert found[recipe.question.removeprefix("SYNTHETIC: ")] == recipe.sql
    assert "SYNTHETIC:" not in " ".join(found)


def test_the_validation_pages_are_carried_along(site: Path) -> None:
    assert (site / "checks" / "index.html").exists()
    addresses = Parsed((site / "quality.html").read_text("utf-8")).addresses
    assert "checks/index.html" in addresses
    assert "checks/suites/marts_january_yoy.html" in addresses


def test_a_folder_that_is_not_a_site_is_never_replaced(small_home: Home, tmp_path: Path) -> None:
    precious = tmp_path / "letters" / "one.txt"
    precious.parent.mkdir()
    precious.write_text("kept", "utf-8")
    with pytest.raises(SiteError, match="not empty and not a site"):
        build_site(small_home.published, precious.parent, tmp_path / "vendor")
    assert precious.read_text("utf-8") == "kept"


def test_a_build_that_fails_leaves_the_earlier_site(
    small_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendor, "vendor", without_libraries)
    out = tmp_path / "site"
    build_site(small_home.published, out, tmp_path / "vendor")
    before = (out / "index.html").read_bytes()

    def refuse(names: list[str], into: Path, cache_folder: Path) -> list[Path]:
        raise vendor.VendorError("no registry")

    monkeypatch.setattr(vendor, "vendor", refuse)
    with pytest.raises(vendor.VendorError):
        build_site(small_home.published, out, tmp_path / "vendor")
    assert (out / "index.html").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["site"]


def test_a_second_build_replaces_the_first_and_leaves_nothing_behind(
    small_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendor, "vendor", without_libraries)
    out = tmp_path / "site"
    build_site(small_home.published, out, tmp_path / "vendor")
    (out / "gone.html").write_text("of an earlier version", "utf-8")
    report = build_site(small_home.published, out, tmp_path / "vendor")
    assert not (out / "gone.html").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["site"]
    assert report.pages == len(list(out.rglob("*.html")))
    assert report.files == sum(p.is_file() for p in out.rglob("*"))


def test_the_asset_writes_the_same_site_and_names_its_version(
    home: Home, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendor, "vendor", without_libraries)
    done = dg.materialize([published_site], resources={"ledger": Ledger(root=str(home.root))})
    [event] = done.asset_materializations_for_node("published__site")
    [row] = published.select("select version from meta.publication")
    assert event.metadata["version"].value == row["version"]
    assert (home.root / "site" / "index.html").exists()
    assert Path(str(event.metadata["data_docs"].value)).is_file()


def test_the_asset_fails_in_one_line_and_is_not_tried_again(
    tmp_path: Path,
) -> None:
    done = dg.materialize(
        [published_site], resources={"ledger": Ledger(root=str(tmp_path))}, raise_on_error=False
    )
    assert not done.success
    [failure] = [e for e in done.all_events if e.is_step_failure]
    error = failure.step_failure_data.error
    assert error is not None
    assert "run `border build`" in error.message
    assert not any(e.is_step_up_for_retry for e in done.all_events)


def test_what_is_synthetic_is_marked_across_the_page(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendor, "vendor", without_libraries)
    with duckdb.connect(str(home.published)) as con:
        [(claim,)] = con.execute(
            "select distinct claim_id from marts.claim_readings where operation = 'share'"
        ).fetchall()
        con.execute(
            "update marts.claim_readings set is_synthetic = true "
            "where operation = 'share' and definition_no = 4"
        )
        con.execute(
            "update meta.releases set trust = 'synthetic' where layout = 'workbook' or family = 'cbp_sbo'"
        )
    build_site(home.published, tmp_path / "site", tmp_path / "vendor")
    courts = (tmp_path / "site" / "courts.html").read_text("utf-8")
    marked = re.findall(r'<section aria-labelledby="[\w-]+" class="synthetic">.*?</section>', courts, re.S)
    assert len(re.findall(r'class="synthetic"', courts)) == 2
    assert len(marked) == 1
    assert "SYNTHETIC. Bars" in marked[0]
    assert "They say nothing about the world" in marked[0]
    page = (tmp_path / "site" / "claims" / f"{claim}.html").read_text("utf-8")
    assert '<div class="synthetic"><p class="stamp">SYNTHETIC</p>' in page
    untouched = (tmp_path / "site" / "claims" / "apprehensions-nearly-160-percent.html").read_text("utf-8")
    assert '<div class="synthetic">' not in untouched


def test_a_warehouse_that_cannot_answer_the_front_measure_says_what_to_run(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendor, "vendor", without_libraries)
    with duckdb.connect(str(home.published)) as con:
        for table in ("marts.monthly_yoy", "marts.january_yoy", "marts.measure_vintages", "marts.claims"):
            con.execute(f"delete from {table}")
    report = build_site(home.published, tmp_path / "site", tmp_path / "vendor")
    assert "border build --data" in (tmp_path / "site" / "index.html").read_text("utf-8")
    assert any("marts.claims" in notice for notice in report.notices)
    assert not (tmp_path / "site" / "claims.html").exists()


def test_without_a_published_warehouse_the_message_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="run `border build`"):
        build_site(tmp_path / "none.duckdb", tmp_path / "site", tmp_path / "vendor")


@pytest.fixture(scope="module")
def courts(small_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A site whose warehouse holds one court release of a given trust; built once for each."""
    built: dict[str, Path] = {}

    def build(trust: str) -> Path:
        if trust not in built:
            folder = tmp_path_factory.mktemp(trust)
            shutil.copy(small_home.published, folder / "warehouse.duckdb")
            court_release(folder / "warehouse.duckdb", f"eoir_foia-{trust[:6]}", trust)
            with duckdb.connect(str(folder / "warehouse.duckdb")) as con:
                con.execute(UNPRINTED)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(vendor, "vendor", without_libraries)
                build_site(folder / "warehouse.duckdb", folder / "site", folder / "vendor")
            built[trust] = folder / "site"
        return built[trust]

    return build


def test_without_a_court_release_each_section_says_what_is_missing_and_the_published_counts_stand(
    site: Path,
) -> None:
    page = (site / "courts.html").read_text("utf-8")
    for heading in ("januaries", "endings"):
        [section] = re.findall(rf'<section aria-labelledby="{heading}">.*?</section>', page, re.S)
        assert "No court release is loaded" in section
        assert "border ingest" in section
        assert "<table" not in section
    assert "11.87" in page
    assert len(Parsed(page).tables["counts"]) > 30
    assert "SYNTHETIC" not in page


def test_court_januaries_and_endings_are_the_releases(courts: Callable[[str], Path]) -> None:
    site = courts("mirrored")
    page = (site / "courts.html").read_text("utf-8")
    assert "No court release is loaded" not in page
    assert "SYNTHETIC" not in page
    tables = Parsed(page).tables
    assert tables["january"][1][:5] == ["New cases", "500", "400", "+100", "+25.0 %"]
    assert [row[0] for row in tables["by-nationality"][1:]] == ["Honduras", "Guatemala"]
    assert tables["by-base_city"][1][:3] == ["ELP", "ELP", "500"]
    assert "a reason" in page
    assert "(some_break)" not in page
    # Two of the three months have enough cases to be drawn; the CSV holds all, and what is left is still pending.
    spec = json.loads((site / "charts" / "courts-outcomes-removal-cases.vl.json").read_text("utf-8"))
    drawn = spec["layer"][0]["data"]["values"]
    assert {v["months"] for v in drawn} == {0, 1}
    for month in (0, 1):
        assert sum(v["share"] for v in drawn if v["months"] == month) == pytest.approx(100)
    assert [v["share"] for v in drawn if v["outcome"] == "Relief"] == pytest.approx([0, 5])
    with (site / "csv" / "courts-outcomes-removal-cases-table.csv").open(
        encoding="utf-8", newline=""
    ) as stream:
        rows = list(csv.DictReader(stream))
    assert [float(r["still_pending_pct"]) for r in rows] == pytest.approx([77.5, 52.5, 27.5])
    assert {r["release_source"] != "" for r in rows} == {True}


def test_made_up_court_records_say_so_across_every_chart_table_and_csv(courts: Callable[[str], Path]) -> None:
    site = courts("synthetic")
    page = (site / "courts.html").read_text("utf-8")
    for heading in ("januaries", "endings"):
        [section] = re.findall(
            rf'<section aria-labelledby="{heading}" class="synthetic">.*?</section>', page, re.S
        )
        assert "They say nothing about the world" in section
    captions = re.findall(r"<caption>(.*?)</caption>", page)
    assert sum(c.startswith("SYNTHETIC. ") for c in captions) >= 5
    specs = [json.loads(p.read_text("utf-8")) for p in (site / "charts").glob("courts-synthetic-*.vl.json")]
    assert len(specs) == 2
    for spec in specs:
        assert spec["description"].startswith("SYNTHETIC. ")
        assert any(layer["mark"].get("text") == "SYNTHETIC" for layer in spec["layer"])
    files = list((site / "csv").glob("courts-synthetic-*.csv"))
    assert len(files) >= 5
    for file in files:
        with file.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                assert row["notice"].startswith("SYNTHETIC")
                assert (row["is_synthetic"], row["trust"]) == ("True", "synthetic")
    # What is not read from them stays unmarked.
    assert "SYNTHETIC" not in (site / "charts" / "courts-fan.vl.json").read_text("utf-8")


def test_a_group_no_longer_printed_has_no_change_under_the_newest_january(
    courts: Callable[[str], Path], site: Path
) -> None:
    def rows(of: Path) -> dict[str, list[str]]:
        table = Parsed((of / "groups" / "citizenship.html").read_text("utf-8")).tables["usbp_southwest"]
        assert table[0][-4:-2] == ["2024", "2024, change %"]
        return {cells[0]: cells[1:] for cells in table[1:]}

    assert number(rows(site)["Honduras"][-3]) is not None
    gone = rows(courts("mirrored"))["Honduras"]
    assert gone[-4:] == ["–", "–", "missing", "–"]
    assert number(gone[-5]) is not None
    assert rows(courts("mirrored"))["Mexico"] == rows(site)["Mexico"]


def test_a_page_opens_with_the_newest_january_that_files_compare_under_two_definitions() -> None:
    def row(january: int, change: float | None, family: str) -> Row:
        return {"january": january, "pct_change": change, "family": family}

    known = [
        row(2022, 1.0, "cbp_sbo"),
        row(2023, 2.0, "cbp_sbo"),
        row(2024, 3.0, "cbp_sbo"),
        row(2026, 4.0, "quoted"),
    ]
    others = {
        2022: [row(2022, 9.0, "cbp_sbo")],
        2023: [row(2023, None, "cbp_sbo"), row(2023, 9.0, "cbp_sbo")],
        2024: [row(2024, 9.0, "quoted")],
        2026: [row(2026, 9.0, "cbp_sbo")],
    }
    assert opening(known, others) == 2023
    assert opening(known, {}) == 2026
    assert opening([], {}) is None


def test_a_newer_figure_is_named_above_the_january_a_page_opens_with(site: Path) -> None:
    page = (site / "index.html").read_text("utf-8")
    [opened] = re.findall(r'<section class="january opening" id="january-(\d+)"', page)
    [line] = re.findall(r'<p class="newer">.*?</p>', page, re.S)
    newest = max(int(y) for y in re.findall(r'id="january-(\d+)"', page))
    assert int(opened) < newest
    assert f'href="#january-{newest}"' in line
    assert "provisional" in line


def test_the_words_of_the_definitions_stand_beside_the_measures(site: Path) -> None:
    page = (site / "measures.html").read_text("utf-8")
    terms = re.findall(r"<div><dt>(.*?)</dt><dd>(.*?)</dd></div>", page)
    assert {"Encounter", "Fiscal year", "Release", "Title 8 / Title 42"} <= {term for term, _ in terms}
    assert [term for term, meaning in terms if len(meaning) < 20 or "**" in meaning or "`" in meaning] == []
    assert 'href="measures.html#words"' in (site / "index.html").read_text("utf-8")
