"""Generated documentation: the data dictionary, the README's picture and the answers of the cookbook.

    python -m orchestration.docs              writes docs/data_dictionary.md, docs/january.svg, answers in docs/cookbook.md
    python -m orchestration.docs --cookbook   the answers only
    python -m orchestration.docs --check      writes nothing; fails and says what is stale

The dictionary is made from the contracts; picture and answers from a published warehouse of the carried series alone,
answers marked SYNTHETIC from court releases made up on the way.

Belongs here: rendering what is defined elsewhere. Does not belong here: any definition or figure.
"""

from __future__ import annotations

import sys
import tempfile
from html import escape
from pathlib import Path

import duckdb

from orchestration import court_example
from orchestration.lineage import column_lineage
from warehouse import contracts, cookbook
from warehouse.paths import PROJECT, Home

_SCHEMAS = {
    "marts": "What analysts read.",
    "core": "Facts and dimensions, typed and coded, append-only by release.",
    "raw": "Files as printed, every value verbatim as text.",
    "meta": "The warehouse describing itself.",
}


def dictionary() -> str:
    """The data dictionary as Markdown: every table with its grain, every column with meaning, unit and origin."""
    out = [
        "# Data dictionary",
        "",
        "Generated from `warehouse/contracts` by `make docs`. The same text is in the database: `COMMENT ON` every table",
        "and column, `meta.tables`, and `meta.columns` with the columns each one is made from.",
    ]
    for schema, about in _SCHEMAS.items():
        out += ["", f"## {schema}", "", about]
        for table in sorted(contracts.tables().values(), key=lambda t: t.name):
            if table.schema != schema:
                continue
            lineage = column_lineage(table.name)
            out += [
                "",
                f"### {table.name}",
                "",
                f"{table.title}. {table.description}",
                "",
                f"Grain: {table.grain}.",
            ]
            if table.key:
                out[-1] += f" Key: {', '.join(f'`{k}`' for k in table.key)}."
            out += ["", "| column | type | meaning | made from |", "|---|---|---|---|"]
            for column in table.columns:
                made_from = ", ".join(f"`{t}.{c}`" for t, c in lineage.get(column.name, [])[:6])
                kind = column.type + (", may be NULL" if column.nullable else "")
                meaning = column.comment.replace("|", "\\|")
                out.append(f"| `{column.name}` | {kind} | {meaning} | {made_from} |")
    return "\n".join(out) + "\n"


def picture(published: Path) -> str:
    """The README's picture as SVG: Januaries of USBP southwest, Title 42 set apart, and January 2021 by definition."""
    with duckdb.connect(str(published), read_only=True) as con:
        bars = con.execute(
            "select january, value, coalesce(title_42_value, 0), status from marts.january_yoy "
            "where measure_id = 'usbp_southwest' and value is not null and family <> 'quoted' order by january"
        ).fetchall()
        readings = con.execute(
            "select measure_title, pct_change from marts.january_yoy where january = 2021 and measure_id in "
            "('usbp_southwest', 'cbp_southwest', 'cbp_nationwide', 'usbp_southwest_title_8', 'cbp_southwest_title_8') "
            "order by pct_change desc"
        ).fetchall()
    width, height, left, top, floor = 960, 400, 56, 64, 330
    top_value = max(b[1] for b in bars)
    scale = (floor - top) / top_value
    step = (620 - left) / len(bars)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="t d" '
        'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" font-size="12">',
        '<title id="t">Border Patrol southwest border encounters each January, and January 2021 by definition</title>',
        '<desc id="d">'
        + escape("; ".join(f"January {y}: {v:,}" for y, v, _, _ in bars))
        + ". "
        + escape("; ".join(f"{t}: {p:+.1f} percent" for t, p in readings))
        + "</desc>",
        "<style>.ink{fill:#1b1f24}.soft{fill:#57606a}.line{stroke:#d0d7de}.t8{fill:#0b5394}.t42{fill:#c77700}"
        "@media(prefers-color-scheme:dark){.ink{fill:#e6edf3}.soft{fill:#9198a1}.line{stroke:#3d444d}"
        ".t8{fill:#5aa2e6}.t42{fill:#f0a840}}</style>",
        f'<text class="ink" x="{left}" y="24" font-size="16" font-weight="600">'
        "Border Patrol, southwest border, each January</text>",
        f'<rect class="t8" x="{left}" y="36" width="10" height="10"/>'
        f'<text class="soft" x="{left + 16}" y="45">Title 8</text>'
        f'<rect class="t42" x="{left + 80}" y="36" width="10" height="10"/>'
        f'<text class="soft" x="{left + 96}" y="45">Title 42 (March 2020 to May 2023)</text>',
    ]
    for mark in range(0, top_value, 50_000):
        y = floor - mark * scale
        out.append(f'<line class="line" x1="{left}" x2="620" y1="{y:.1f}" y2="{y:.1f}"/>')
        out.append(
            f'<text class="soft" x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{mark // 1000}k</text>'
        )
    for position, (year, value, title_42, _) in enumerate(bars):
        x, wide = left + position * step + step * 0.12, step * 0.76
        eight = (value - title_42) * scale
        out.append(
            f'<rect class="t8" x="{x:.1f}" y="{floor - eight:.1f}" width="{wide:.1f}" height="{eight:.1f}"/>'
        )
        if title_42:
            y = floor - value * scale
            out.append(
                f'<rect class="t42" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{title_42 * scale:.1f}"/>'
            )
        if year == 2021:
            right, y = x + wide, floor - value * scale - 8
            out.append(
                f'<text class="ink" x="{right:.1f}" y="{y:.1f}" text-anchor="end" font-weight="600">{value:,}</text>'
            )
        if year % 5 == 0 or year == 2021:
            x_text = x + wide / 2 + (6 if year == 2021 else -6 if year == 2020 else 0)
            out.append(
                f'<text class="soft" x="{x_text:.1f}" y="{floor + 18}" text-anchor="middle">'
                f"{year if year % 5 == 0 and year != 2020 else f'’{year % 100}'}</text>"
            )
    base = 664
    out.append(
        f'<text class="ink" x="{base}" y="24" font-size="16" font-weight="600">January 2021, by definition</text>'
    )
    out.append(f'<text class="soft" x="{base}" y="45">change from January 2020, percent</text>')
    zero, unit = base + 90, 110 / max(p for _, p in readings)
    for position, (title, pct) in enumerate(readings):
        y = 72 + position * 54
        x, wide = (zero, pct * unit) if pct >= 0 else (zero + pct * unit, -pct * unit)
        out.append(f'<text class="soft" x="{base}" y="{y}">{escape(title.replace(" border", ""))}</text>')
        out.append(f'<rect class="t8" x="{x:.1f}" y="{y + 7}" width="{wide:.1f}" height="18"/>')
        at, anchor = (x + wide + 6, "start") if pct >= 0 else (zero + 6, "start")
        sign = f"{pct:+.1f} %".replace("-", "−")
        out.append(
            f'<text class="ink" x="{at:.1f}" y="{y + 21}" text-anchor="{anchor}" font-weight="600">{sign}</text>'
        )
    out.append(f'<line class="line" x1="{zero}" x2="{zero}" y1="66" y2="{floor}"/>')
    out.append(
        f'<text class="soft" x="{left}" y="{height - 30}">Encounters are events, not people. Comparisons with January 2020 '
        "cross a break: Title 42 did not exist then.</text>"
        f'<text class="soft" x="{left}" y="{height - 12}">Source: USBP monthly history, CBP workbook of March 2021 and '
        "southwest files, newest release of each month; marts.january_yoy.</text>"
    )
    return "\n".join([*out, "</svg>", ""])


def made_up(folder: Path) -> duckdb.DuckDBPyConnection:
    """The made-up court releases that answer the SYNTHETIC parts of the cookbook, built into `folder`."""
    return duckdb.connect(
        str(court_example.build(folder)), read_only=True, config={"enable_external_access": "false"}
    )


def generated(only_cookbook: bool = False) -> dict[Path, str]:
    """Every generated page by its path. Raises SystemExit, with one line, where the warehouse is not the carried one."""
    docs, published = PROJECT / "docs", Home.from_environment().published_file
    if not published.exists():
        sys.exit(
            f"{published}: nothing has been published yet; set BORDER_HOME to an empty folder and `border build`"
        )
    with duckdb.connect(str(published), read_only=True) as con:
        others = con.execute(
            "select release_id from meta.releases where layout not in ('carried', 'quoted') order by all limit 1"
        ).fetchone()
        if others:
            sys.exit(
                f"{published}: holds {others[0]}, an agency file; docs are made from the carried series: "
                "set BORDER_HOME to an empty folder and `border build`"
            )
        with tempfile.TemporaryDirectory() as folder, made_up(Path(folder)) as courts:
            text = (docs / "cookbook.md").read_text("utf-8")
            pages = {docs / "cookbook.md": cookbook.rewritten(text, con, courts)}
    if not only_cookbook:
        pages[docs / "data_dictionary.md"] = dictionary()
        pages[docs / "january.svg"] = picture(published)
    return pages


def main(arguments: list[str]) -> None:
    if unknown := set(arguments) - {"--cookbook", "--check"}:
        sys.exit(f"{' '.join(sorted(unknown))}: not an option; --cookbook and --check are")
    try:
        pages = generated("--cookbook" in arguments)
    except cookbook.CookbookError as error:
        sys.exit(str(error))
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text("utf-8") != text]
    if "--check" in arguments:
        if stale:
            sys.exit("stale: " + ", ".join(p.name for p in stale) + "; run `make docs`")
        return
    for path in stale:
        path.write_text(pages[path], "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
