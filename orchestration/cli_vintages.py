"""Commands over what was published when: `revisions`.

Belongs here: what these commands print. Does not belong here: which release answers (`core.release_preference`).
"""

from __future__ import annotations

import typer
from rich.text import Text

from orchestration.screen import (
    USAGE,
    AsJson,
    MeasureArgument,
    MonthArgument,
    month_of,
    one_line_errors,
    open_console,
    open_published,
    plain_table,
    print_json,
    rows_of,
    stop,
)
from warehouse.provenance import published

commands = typer.Typer()


@commands.command()
def revisions(measure: MeasureArgument, month: MonthArgument, as_json: AsJson = False) -> None:
    """Show every value a figure had: first published, every later one, today's answer, and the drift."""
    start = month_of(month)
    with one_line_errors(), open_published() as con:
        known = rows_of(con, "select title, unit from meta.measures where measure_id = ?", [measure])
        if not known:
            listed = rows_of(con, "select measure_id from meta.measures order by measure_id")
            stop(
                f"{measure}: no such measure; one of {', '.join(r['measure_id'] for r in listed)}",
                USAGE,
            )
        rows = rows_of(
            con,
            "select * from marts.revisions where measure_id = ? and month_start = ? order by vintage_no",
            [measure, start],
        )
    if not rows:
        stop(
            f"{measure} {start:%Y-%m}: no release holds it; `border january --measure {measure}` shows the months there are",
            USAGE,
        )
    if as_json:
        print_json(rows)
        return
    console = open_console()
    console.print(Text(f"{known[0]['title']}, {start:%B %Y}", style="bold"))
    table = plain_table(
        "vintage", "published", "value", "change", "since first", "year", "release", "trust", "",
        right=("vintage", "value", "change", "since first"),
    )  # fmt: skip
    for r in rows:
        table.add_row(
            str(r["vintage_no"]), published(r), f"{r['value']:,}", _signed(r["change_from_previous"]),
            _signed(r["drift_since_first"]) if r["vintage_no"] > 1 else "",
            "open" if r["is_open_year"] else "closed", r["release_id"], r["trust"],
            "the answer today" if r["is_answer"] else "", style="bold" if r["is_answer"] else None,
        )  # fmt: skip
    console.print(table)
    first, answer = rows[0], next(r for r in rows if r["is_answer"])
    console.print(
        Text(
            f"First published {first['value']:,} ({published(first)}), today {answer['value']:,} ({published(answer)}): "
            f"{_signed(answer['total_drift']) or 'no drift'} over {len(rows)} release{'s' if len(rows) > 1 else ''}."
        ),
        soft_wrap=True,
    )
    if len({r["family"] for r in rows}) > 1:
        console.print(
            Text(
                "A value of another family or page is a further source, not a restatement of the one before."
            ),
            soft_wrap=True,
        )


def _signed(value: int | None) -> str:
    """A change with its sign; nothing where there is none."""
    return "" if not value else f"{value:+,}".replace("-", "−")
