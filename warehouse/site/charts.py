"""Vega-Lite specifications from rows of the warehouse.

Belongs here: marks, scales, shading of breaks, tooltips. Does not belong here: colours (the page's theme gives them,
light or dark) and the computation of any value.

Every mark's tooltip carries definition, release and status. A chart is described in words for those who do not see it
and always stands beside its table.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from warehouse.site import wording
from warehouse.site.reading import Row

Spec = dict[str, Any]
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
TITLE_42 = "Title 42 expulsions"
REST = "Title 8"
#: Outcomes of court cases from the bottom of the stack: column of the rows, name.
OUTCOMES = (
    ("relief_pct", "Relief"),
    ("protection_pct", "Protection only"),
    ("removal_pct", "Removal ordered"),
    ("other_closure_pct", "Other closure"),
    ("still_pending_pct", "Still pending"),
)


@dataclass(frozen=True)
class Chart:
    """A chart on a page: its specification, what it shows in words, and the note under it."""

    id: str
    spec: Spec
    description: str
    note: str = ""


def _base(height: int, description: str) -> Spec:
    return {
        "$schema": SCHEMA,
        "description": description,
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
    }


def _label_expression(definition: str) -> list[Spec]:
    return [{"calculate": repr_js(definition), "as": "definition"}]


def repr_js(text: str) -> str:
    """A string literal of Vega's expression language."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_TOOLTIP = [
    {"field": "month", "title": "Month"},
    {"field": "shown", "title": "Value"},
    {"field": "status", "title": "Comparison"},
    {"field": "finality", "title": "Status"},
    {"field": "release", "title": "Release"},
    {"field": "definition", "title": "Definition"},
]


def january_bars(rows: list[Row], definition: str, bands: Sequence[Row]) -> Spec:
    """One bar per January, the Title 42 part apart, the years in which an authority was added shaded."""
    values = []
    for row in rows:
        if row["value"] is None:
            continue
        about = {
            "january": row["january"],
            "month": f"January {row['january']}",
            "status": wording.STATUS_WORDS.get(row["status"], row["status"]),
            "finality": row["finality"] or "",
            "release": row["release_id"],
            "total": wording.count(row["value"]),
        }
        parts = [(REST, row["value"], 0)]
        if row.get("title_42_value"):
            parts = [
                (REST, row["value"] - row["title_42_value"], 0),
                (TITLE_42, row["title_42_value"], 1),
            ]
        for part, value, order in parts:
            shown = wording.count(value)
            if len(parts) > 1:
                shown = f"{shown} {part} of {about['total']}"
            values.append({**about, "part": part, "value": value, "order": order, "shown": shown})
    has_parts = any(v["part"] == TITLE_42 for v in values)
    shaded = [
        {"january": row["january"], "label": band["label"]}
        for row in rows
        for band in bands
        if row["value"] is not None and band["starts_on"] <= row["month_start"] <= band["ends_on"]
    ]
    x = {
        "field": "january",
        "type": "ordinal",
        "axis": {"title": None, "labelAngle": 0, "labelOverlap": "greedy"},
        "scale": {"paddingInner": 0.22, "paddingOuter": 0.1},
    }
    bars: Spec = {
        "data": {"values": values},
        "transform": _label_expression(definition),
        "mark": {"type": "bar"},
        "encoding": {
            "x": x,
            "y": {
                "field": "value",
                "type": "quantitative",
                "stack": "zero",
                "axis": {"title": "events", "format": ",d", "tickCount": 5},
            },
            "order": {"field": "order"},
            "opacity": {
                "condition": {"test": "datum.finality == 'provisional'", "value": 0.55},
                "value": 1,
            },
            "tooltip": _TOOLTIP,
        },
    }
    if has_parts:
        bars["encoding"]["color"] = {
            "field": "part",
            "type": "nominal",
            "scale": {"domain": [REST, TITLE_42]},
            "legend": {"title": None, "orient": "top", "direction": "horizontal", "columns": 2},
        }
    layers: list[Spec] = []
    if shaded:
        layers.append(
            {
                "data": {"values": shaded},
                "mark": {"type": "rect", "style": "band"},
                "encoding": {"x": x, "tooltip": [{"field": "label", "title": "Break"}]},
            }
        )
    layers.append(bars)
    first, last = values[0]["january"], values[-1]["january"]
    description = f"Bars, one a January, {first} to {last}. " + _extremes(
        [(f"January {row['january']}", row["value"]) for row in rows if row["value"] is not None]
    )
    if shaded:
        description += (
            f" Shaded: {shaded[0]['label']}, Januaries {shaded[0]['january']} to {shaded[-1]['january']}."
        )
    return {**_base(280, description), "layer": layers}


def monthly_line(rows: list[Row], definition: str, bands: Sequence[Row], rules: Sequence[Row]) -> Spec:
    """Every month as a line that stops where a month is missing, with breaks shaded and ruled."""
    known = [row for row in rows if row["value"] is not None]
    start, end = known[0]["month_start"], known[-1]["month_start"]
    by_month = {row["month_start"]: row for row in known}
    values: list[dict[str, Any]] = []
    for month in _months(start, end):
        row = by_month.get(month)
        if row is None:
            values.append({"month_start": month.isoformat(), "value": None, "is_marked": False})
            continue
        beside = [_months_after(month, -1), _months_after(month, 1)]
        values.append(
            {
                "month_start": month.isoformat(),
                "month": wording.month(month),
                "value": row["value"],
                "shown": wording.count(row["value"]),
                "status": wording.STATUS_WORDS.get(row["status"], row["status"]),
                "finality": row["finality"] or "",
                "release": row["release_id"],
                # A month with no neighbour has no line; it would not be seen without its circle.
                "is_marked": row["finality"] == "provisional" or not any(m in by_month for m in beside),
            }
        )
    x = {
        "field": "month_start",
        "type": "temporal",
        "axis": {
            "title": None,
            "format": "%Y",
            "labelOverlap": True,
            "tickCount": {"interval": "year", "step": 1},
        },
        "scale": {"domain": [start.isoformat(), end.isoformat()]},
    }
    y = {
        "field": "value",
        "type": "quantitative",
        "axis": {"title": "events", "format": ",d", "tickCount": 5},
    }
    layers: list[Spec] = []
    shaded = [b for b in bands if b["starts_on"] <= end and b["ends_on"] >= start]
    if shaded:
        layers.append(
            {
                "data": {"values": [_dated(b, ("starts_on", "ends_on"), (start, end)) for b in shaded]},
                "mark": {"type": "rect", "style": "band"},
                "encoding": {
                    "x": {"field": "starts_on", "type": "temporal"},
                    "x2": {"field": "ends_on"},
                    "tooltip": [{"field": "label", "title": "Break"}],
                },
            }
        )
    ruled = [r for r in rules if start < r["break_on"] < end]
    if ruled:
        layers.append(
            {
                "data": {"values": [{**r, "break_on": r["break_on"].isoformat()} for r in ruled]},
                "mark": {"type": "rule", "style": "break"},
                "encoding": {
                    "x": {"field": "break_on", "type": "temporal"},
                    "tooltip": [{"field": "title", "title": "Break"}, {"field": "break_on", "title": "From"}],
                },
            }
        )
    encoding = {"x": x, "y": y}
    layers += [
        {
            "data": {"values": values},
            "mark": {"type": "line", "strokeWidth": 1.6, "invalid": "break-paths-show-path-domains"},
            "encoding": encoding,
        },
        {
            "data": {"values": [v for v in values if v["value"] is not None]},
            "transform": _label_expression(definition),
            "mark": {"type": "point", "size": 26, "strokeWidth": 1.2, "filled": False},
            "encoding": {
                **encoding,
                "opacity": {"condition": {"test": "datum.is_marked", "value": 1}, "value": 0},
                "tooltip": _TOOLTIP,
            },
        },
    ]
    description = f"Line, one point a month, {wording.month(start)} to {wording.month(end)}. " + _extremes(
        [(wording.month(row["month_start"]), row["value"]) for row in known]
    )
    if shaded:
        description += f" Shaded: {', '.join(b['label'] for b in shaded)}."
    return {**_base(260, description), "layer": layers}


def readings(rows: list[Row]) -> Spec:
    """The same comparison under each definition: change in percent, one bar a definition."""
    values = [
        {
            "reading": row["measure_title"],
            "pct_change": row["pct_change"],
            "text": wording.percent(row["pct_change"]),
            "status": wording.STATUS_WORDS.get(row["status"], row["status"]),
            "month": wording.month(row["month_start"]),
            "shown": f"{wording.count(row['value'])} against {wording.count(row['prior'])}",
            "release": row["release_id"],
            "definition": row["definition"],
            "finality": row["finality"] or "",
        }
        for row in rows
        if row["pct_change"] is not None
    ]
    order = [v["reading"] for v in values]
    span = max(abs(v["pct_change"]) for v in values) or 1
    low = min(0.0, *(v["pct_change"] for v in values))
    high = max(0.0, *(v["pct_change"] for v in values))
    pad = span * 0.42
    shared: Spec = {
        "y": {
            "field": "reading",
            "type": "nominal",
            "sort": order,
            "axis": None,
            "scale": {"type": "band", "paddingInner": 0.52},
        },
        "x": {
            "field": "pct_change",
            "type": "quantitative",
            "axis": {"title": "change from the January before, percent", "tickCount": 5, "grid": True},
            "scale": {
                "domain": [low - (pad if low < 0 else 0), high + (pad if high > 0 else 0)],
                "nice": False,
            },
        },
        "tooltip": _TOOLTIP,
    }
    description = "Bars, one a definition: " + "; ".join(f"{v['reading']} {v['text']}" for v in values) + "."
    return {
        **_base(46 * len(values), description),
        "data": {"values": values},
        "layer": [
            {"mark": {"type": "bar"}, "encoding": {**shared, "opacity": _broken()}},
            {
                "mark": {"type": "text", "align": "left", "dx": 5, "style": "value"},
                "transform": [{"filter": "datum.pct_change >= 0"}],
                "encoding": {**shared, "text": {"field": "text"}},
            },
            {
                "mark": {"type": "text", "align": "right", "dx": -5, "style": "value"},
                "transform": [{"filter": "datum.pct_change < 0"}],
                "encoding": {**shared, "text": {"field": "text"}},
            },
            _names("reading", shared["y"]),
            {
                "mark": {"type": "tick", "style": "zero", "thickness": 1.5},
                "encoding": {"y": shared["y"], "x": {"datum": 0, "type": "quantitative"}},
            },
        ],
    }


def _broken() -> Spec:
    return {"condition": {"test": "datum.status == 'across a break'", "value": 0.55}, "value": 1}


def claim(rows: list[Row], assertion: Row) -> Spec:
    """One claim's readings as points on the scale of its words, with the values the words allow shaded."""
    values = [
        {
            "reading": row["definition_label"],
            "x": row["reading"],
            "text": row["reading_text"],
            "status": wording.STATUS_WORDS.get(row["status"], row["status"]),
            "month": wording.month(row["month_start"]) or (f"as of {row['as_of']}" if row["as_of"] else ""),
            "shown": row["reading_text"],
            "release": row["release_id"] or "; ".join(row["figure_ids"] or []),
            "definition": row["definition_note"] or row["definition_label"],
            "finality": "the words " + row["_holds_word"],
            "holds": bool(row["holds"]),
            "is_context": row["bearing"] != "test",
        }
        for row in rows
    ]
    points = [v["x"] for v in values]
    bounds = [b for b in (assertion["lower_bound"], assertion["upper_bound"]) if b is not None]
    low, high = min(points + bounds), max(points + bounds)
    if assertion["operation"] not in ("highest_since",) and low > 0:
        low = 0
    pad = (high - low) * 0.16 or 1
    domain = [low - (pad if low < 0 or assertion["operation"] == "highest_since" else 0), high + pad]
    band = {
        "from": domain[0] if assertion["lower_bound"] is None else assertion["lower_bound"],
        "to": domain[1] if assertion["upper_bound"] is None else assertion["upper_bound"],
        "allowed": f"“{assertion['words']}”: {assertion['allowed']}",
    }
    unit = {"yoy_pct": "percent", "share": "percent", "highest_since": "year"}.get(assertion["operation"], "")
    x_scale = {"domain": domain, "nice": False, "zero": False}
    number = "d" if assertion["operation"] == "highest_since" else ",~f"
    shared: Spec = {
        "y": {
            "field": "reading",
            "type": "nominal",
            "sort": [v["reading"] for v in values],
            "axis": None,
            "scale": {"type": "band", "paddingInner": 0.52},
        },
        "x": {
            "field": "x",
            "type": "quantitative",
            "scale": x_scale,
            "axis": {"title": unit or None, "tickCount": 5, "format": number, "grid": True},
        },
        "tooltip": _TOOLTIP,
    }
    description = (
        f"Points, one a definition, for “{assertion['words']}” ({assertion['allowed']}): "
        + "; ".join(f"{v['reading']} {v['text']}, {v['finality']}" for v in values)
        + "."
    )
    return {
        **_base(46 * len(values), description),
        "data": {"values": values},
        "layer": [
            {
                "data": {"values": [band]},
                "mark": {"type": "rect", "style": "band"},
                "encoding": {
                    "x": {"field": "from", "type": "quantitative", "scale": x_scale},
                    "x2": {"field": "to"},
                    "tooltip": [{"field": "allowed", "title": "Allowed"}],
                },
            },
            {
                "mark": {"type": "point", "size": 110, "strokeWidth": 2, "filled": True, "opacity": 1},
                "encoding": {
                    **shared,
                    "shape": {
                        "condition": [
                            {"test": "datum.is_context", "value": "diamond"},
                            {"test": "datum.holds", "value": "circle"},
                        ],
                        "value": "cross",
                    },
                },
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 10, "style": "value"},
                "encoding": {**shared, "text": {"field": "text"}},
            },
            _names("reading", shared["y"]),
        ],
    }


def shares(rows: list[Row]) -> Spec:
    """One numerator over several denominators: a bar a share, named by its denominator where all have one numerator."""
    has_one_numerator = len({row["definition_label"].partition(", ")[0] for row in rows}) == 1
    values = [
        {
            "share": row["definition_label"].partition(", ")[2]
            if has_one_numerator
            else row["definition_label"],
            "x": row["reading"],
            "text": f"{wording.share(row['reading'], 2)}  ({wording.count(row['numerator'])} of "
            f"{wording.count(row['denominator'])})",
            "month": f"as of {row['as_of']}",
            "shown": wording.share(row["reading"], 2),
            "status": "SYNTHETIC" if row["is_synthetic"] else "published counts",
            "finality": "",
            "release": row["release_id"] or "; ".join(row["figure_ids"] or []),
            "definition": row["definition_note"] or row["definition_label"],
        }
        for row in rows
    ]
    high = max(v["x"] for v in values)
    shared: Spec = {
        "y": {
            "field": "share",
            "type": "nominal",
            "sort": [v["share"] for v in values],
            "axis": None,
            "scale": {"type": "band", "paddingInner": 0.52},
        },
        "x": {
            "field": "x",
            "type": "quantitative",
            "axis": {"title": "percent", "tickCount": 5, "grid": True},
            # Room for the longest label beside the longest bar, at any width.
            "scale": {
                "domainMin": 0,
                "domainMax": {"expr": f"{high} * width / max(width - 165, 90)"},
                "nice": False,
            },
        },
        "tooltip": _TOOLTIP,
    }
    return {
        **_base(46 * len(values), "Bars: " + "; ".join(f"{v['share']} {v['shown']}" for v in values) + "."),
        "data": {"values": values},
        "layer": [
            {"mark": {"type": "bar"}, "encoding": shared},
            {
                "mark": {"type": "text", "align": "left", "dx": 5, "style": "value"},
                "encoding": {**shared, "text": {"field": "text"}},
            },
            _names("share", shared["y"]),
        ],
    }


def stamped(spec: Spec) -> Spec:
    """A layered chart with SYNTHETIC written across it, in its description and in every picture made of it."""
    stamp = {
        "data": {"values": [{}]},
        "mark": {
            "type": "text",
            "text": "SYNTHETIC",
            "style": "stamp",
            "angle": -12,
            "fontSize": {"expr": "min(width / 6.5, height / 2.4)"},
            "x": {"expr": "width / 2"},
            "y": {"expr": "height / 2"},
        },
    }
    return {
        **spec,
        "description": "SYNTHETIC. " + spec["description"],
        "layer": [*spec["layer"], stamp],
    }


def outcomes(rows: list[Row], definition: str) -> Spec:
    """How cases end by months since the notice: stacked shares of outcomes, what is left still pending.

    `rows` hold months_since_notice and for each outcome its cumulative incidence in percent.
    """
    values, wide = [], []
    for row in rows:
        month = row["months_since_notice"]
        for order, (column, name) in enumerate(OUTCOMES):
            values.append({"months": month, "outcome": name, "share": row[column], "order": order})
        wide.append(
            {
                "months": month,
                "after": f"{month} months after the notice",
                **{name: wording.share(row[column]) for column, name in OUTCOMES},
                "cases": wording.count(row["at_risk_cases"]),
                "release": row["release_id"],
                "definition": definition,
            }
        )
    last = rows[-1]
    x: Spec = {
        "field": "months",
        "type": "quantitative",
        "scale": {"domain": [0, last["months_since_notice"]], "nice": False},
        "axis": {
            "title": "months since the notice",
            "values": list(range(0, last["months_since_notice"] + 1, 12)),
            "format": "d",
            "labelOverlap": "greedy",
        },
    }
    description = (
        f"Stacked areas, 0 to {last['months_since_notice']} months since the notice. At the end: "
        + "; ".join(f"{name} {wording.share(last[column])}" for column, name in OUTCOMES)
        + "."
    )
    return {
        **_base(320, description),
        "layer": [
            {
                "data": {"values": values},
                "mark": {"type": "area", "line": {"strokeWidth": 1.2}, "opacity": 0.9},
                "encoding": {
                    "x": x,
                    "y": {
                        "field": "share",
                        "type": "quantitative",
                        "stack": "zero",
                        "scale": {"domain": [0, 100]},
                        "axis": {"title": "percent of cases", "tickCount": 5},
                    },
                    "order": {"field": "order"},
                    "color": {
                        "field": "outcome",
                        "type": "nominal",
                        "scale": {"domain": [name for _, name in OUTCOMES], "range": "outcomes"},
                        "legend": {
                            "title": None,
                            "orient": "top",
                            "columns": {"expr": "width < 520 ? 2 : 5"},
                        },
                    },
                },
            },
            {
                "data": {"values": wide},
                "mark": {"type": "rule", "style": "pointer"},
                "params": [
                    {
                        "name": "pointed",
                        "select": {
                            "type": "point",
                            "fields": ["months"],
                            "nearest": True,
                            "on": "pointerover",
                            "clear": "pointerout",
                        },
                    }
                ],
                "encoding": {
                    "x": x,
                    "opacity": {"condition": {"param": "pointed", "empty": False, "value": 1}, "value": 0},
                    "tooltip": [
                        {"field": "after", "title": "When"},
                        *({"field": name, "title": name} for _, name in reversed(OUTCOMES)),
                        {"field": "cases", "title": "Cases followed"},
                        {"field": "release", "title": "Release"},
                        {"field": "definition", "title": "Definition"},
                    ],
                },
            },
        ],
    }


def month_bars(rows: list[Row], definition: str) -> Spec:
    """One bar a month of a published count."""
    values = [
        {
            "month_start": row["month_start"].isoformat(),
            "month": wording.month(row["month_start"]),
            "value": row["value"],
            "shown": wording.count(row["value"]),
            "status": "published count",
            "finality": "",
            "release": row["figure_id"],
        }
        for row in rows
    ]
    description = "Bars, one a month. " + _extremes([(v["month"], v["value"]) for v in values])
    return {
        **_base(180, description),
        "data": {"values": values},
        "transform": _label_expression(definition),
        "mark": {"type": "bar"},
        "encoding": {
            "x": {
                "field": "month",
                "type": "ordinal",
                "sort": None,
                "axis": {"title": None, "labelAngle": 0, "labelOverlap": "greedy"},
            },
            "y": {
                "field": "value",
                "type": "quantitative",
                "axis": {"title": "cases", "format": ",d", "tickCount": 4},
            },
            "tooltip": _TOOLTIP,
        },
    }


def _names(field: str, y: Spec) -> Spec:
    """The name of each bar or point above it, cut at the width of the chart."""
    return {
        "mark": {
            "type": "text",
            "align": "left",
            "baseline": "bottom",
            "style": "name",
            "yOffset": -14,
            "x": 0,
            "limit": {"expr": "width"},
        },
        "encoding": {"y": y, "text": {"field": field}, "tooltip": _TOOLTIP},
    }


def small_bars(rows: list[Row], definition: str, bands: Sequence[Row], years: Sequence[int]) -> Spec:
    """A small chart of one group: a bar per January, years with no value left empty."""
    by_year = {row["january"]: row for row in rows if row["value"] is not None}
    values = [
        {
            "january": year,
            "value": row["value"],
            "shown": wording.count(row["value"]),
            "month": f"January {year}",
            "status": wording.STATUS_WORDS.get(row["status"], row["status"]),
            "finality": row["finality"] or "",
            "release": row["release_id"],
        }
        for year, row in sorted(by_year.items())
    ]
    x = {
        "field": "january",
        "type": "ordinal",
        "scale": {"domain": list(years), "paddingInner": 0.2},
        "axis": {"title": None, "labelAngle": 0, "labelOverlap": "greedy", "ticks": False, "labelPadding": 6},
    }
    shaded = [
        {"january": y, "label": b["label"]}
        for y in years
        for b in bands
        if b["starts_on"] <= dt.date(y, 1, 1) <= b["ends_on"]
    ]
    layers: list[Spec] = []
    if shaded:
        layers.append(
            {
                "data": {"values": shaded},
                "mark": {"type": "rect", "style": "band"},
                "encoding": {"x": x, "tooltip": [{"field": "label", "title": "Break"}]},
            }
        )
    layers.append(
        {
            "data": {"values": values},
            "transform": _label_expression(definition),
            "mark": {"type": "bar"},
            "encoding": {
                "x": x,
                "y": {
                    "field": "value",
                    "type": "quantitative",
                    "axis": {"title": None, "format": ",d", "tickCount": 3},
                },
                "opacity": {
                    "condition": {"test": "datum.finality == 'provisional'", "value": 0.55},
                    "value": 1,
                },
                "tooltip": _TOOLTIP,
            },
        }
    )
    description = f"Bars, one a January, {values[0]['january']} to {values[-1]['january']}. " + _extremes(
        [(v["month"], v["value"]) for v in values]
    )
    return {**_base(110, description), "layer": layers}


def fan(rows: list[Row], definition: str, height: int = 120, *, labelled: bool = False) -> Spec:
    """The values one month was given, by the day each was published; `labelled` writes each new value beside its point."""
    values = [
        {
            "published_on": row["published_on"].isoformat(),
            "value": row["value"],
            "month": wording.month(row["month_start"]),
            "shown": wording.count(row["value"]),
            "status": f"published {wording.day(row['published_on'], row['published_precision'])}",
            "finality": row["finality"],
            "release": row["release_id"],
            "label": wording.count(row["value"]) if i == 0 or row["value"] != rows[i - 1]["value"] else "",
        }
        for i, row in enumerate(rows)
    ]
    spread = [row["value"] for row in rows]
    description = f"Steps: {wording.month(rows[0]['month_start'])} as published, " + "; ".join(
        f"{v['shown']} ({row['published_on']})" for v, row in zip(values, rows, strict=True)
    )
    margin = max((max(spread) - min(spread)) * 0.25, 1)
    encoding = {
        "x": {
            "field": "published_on",
            "type": "temporal",
            "axis": {"title": None, "format": "%b %Y", "labelFlush": True, "values": _ends(rows)},
        },
        "y": {
            "field": "value",
            "type": "quantitative",
            "scale": {"zero": False, "domain": [min(spread) - margin, max(spread) + margin], "nice": False},
            "axis": {"title": None, "format": ",.0f", "tickCount": 3},
        },
    }
    labels: Spec = {
        "mark": {"type": "text", "align": "left", "dx": 7, "dy": 11, "style": "value"},
        "encoding": {**encoding, "text": {"field": "label"}},
    }
    return {
        **_base(height, description),
        "data": {"values": values},
        "transform": _label_expression(definition),
        "layer": [
            {"mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1.4}, "encoding": encoding},
            {
                "mark": {"type": "point", "filled": True, "size": 46},
                "encoding": {**encoding, "tooltip": _TOOLTIP},
            },
            *([labels] if labelled else []),
        ],
    }


def _ends(rows: list[Row]) -> list[Spec]:
    """First and last day of publication, as the dates of an axis."""
    days = dict.fromkeys((rows[0]["published_on"], rows[-1]["published_on"]))
    return [{"year": d.year, "month": d.month, "date": d.day} for d in days]


def _months_after(month: dt.date, number: int) -> dt.date:
    """First of the month some months later or earlier."""
    years, index = divmod(month.year * 12 + month.month - 1 + number, 12)
    return dt.date(years, index + 1, 1)


def _months(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    """Every first of a month from `first` to `last`."""
    while first <= last:
        yield first
        first = _months_after(first, 1)


def _dated(row: Row, names: tuple[str, str], limits: tuple[dt.date, dt.date]) -> Row:
    """A band with its ends inside the chart and as text."""
    start, end = (min(max(row[name], limits[0]), limits[1]) for name in names)
    return {**row, names[0]: start.isoformat(), names[1]: end.isoformat()}


def _extremes(points: list[tuple[str, float]]) -> str:
    low, high = min(points, key=lambda p: p[1]), max(points, key=lambda p: p[1])
    return f"Lowest {wording.count(low[1])} ({low[0]}), highest {wording.count(high[1])} ({high[0]})."
