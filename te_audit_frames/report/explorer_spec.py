"""The layout of an explorer, as the specification that the widget draws."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

TABLE = "events"
WEEK = "week_days"
TOP = 10
"""How many values of each facet are shown."""
WIDTH = 840
_TITLES = {"event_type": "Event types", "person": "People", "account_group": "Account groups", "address": "Addresses"}
_WIDTHS = {"time": 175, "event_type": 140, "person": 160, "account_group": 115, "address": 110, "resources": 140}
_COLOUR, _FADED = "#3b6ea8", "#b9c4d0"


def make_spec(facets: Mapping[str, int], *, dated: bool, resources: bool, zone: str) -> dict[str, Any]:
    """Return the specification.

    Parameters
    ----------
    facets : mapping of str to int
        The facets to show as bars, and how many values each has.
    dated : bool
        Whether any event has a date.
    resources : bool
        Whether the table of rows has the column `resources`.
    zone : str
        The time zone of the hours of the week.
    """
    views = [*(["time", "week"] if dated else []), *facets]
    bars = [_bars(facet, min(TOP, count)) for facet, count in facets.items()]
    rows: list[dict[str, Any]] = [*([_time()] if dated else [])]
    rows += [{"hconcat": bars[at : at + 2]} for at in range(0, len(bars), 2)]
    rows += [*([_week(zone)] if dated else []), _rows(facets, dated=dated, resources=resources)]
    params: dict[str, Any] = {f"by_{view}": {"select": "intersect"} for view in views}
    return {
        "params": params | {"all": {"select": "crossfilter", "include": [f"$by_{view}" for view in views]}},
        "vconcat": rows,
    }


def _data() -> dict[str, Any]:
    return {"from": TABLE, "filterBy": "$all"}


def _time() -> dict[str, Any]:
    return {
        "plot": [
            {
                "mark": "rectY",
                "data": _data(),
                "x": {"bin": "time"},
                "y": {"count": None},
                "fill": _COLOUR,
                "inset": 0.5,
            },
            {"select": "intervalX", "as": "$by_time"},
        ],
        "xDomain": "Fixed",
        "xLabel": "time (UTC)",
        "yLabel": "events",
        "yTickFormat": "s",
        "width": WIDTH,
        "height": 140,
        "marginLeft": 60,
    }


def _bars(facet: str, bars: int) -> dict[str, Any]:
    return {
        "plot": [
            {
                "mark": "barX",
                "data": _data(),
                "x": {"count": None},
                "y": facet,
                "fill": _COLOUR,
                "sort": {"y": "-x", "limit": bars},
            },
            {"select": "toggleY", "as": f"$by_{facet}"},
            {"select": "highlight", "by": f"$by_{facet}", "fill": _FADED},
        ],
        "xLabel": "events",
        "yLabel": _TITLES[facet],
        "yLabelAnchor": "top",
        "yLabelArrow": "none",
        "xTickFormat": "s",
        "xTicks": 4,
        "marginLeft": 236,
        "marginTop": 30,
        "width": WIDTH // 2,
        "height": 60 + 16 * bars,
        "name": facet,
    }


def _week(zone: str) -> dict[str, Any]:
    return {
        "plot": [
            {
                "mark": "rect",
                "data": _data(),
                "x1": {"sql": "hour_of_day - 0.5"},
                "x2": {"sql": "hour_of_day + 0.5"},
                "y1": {"sql": "day_of_week - 0.5"},
                "y2": {"sql": "day_of_week + 0.5"},
                "fill": {"count": None},
                "inset": 0.5,
            },
            {"select": "intervalXY", "as": "$by_week", "xfield": "hour_of_day", "yfield": "day_of_week"},
            {
                "mark": "text",
                "data": {"from": WEEK},
                "x": "start",
                "y": "middle",
                "text": "name",
                "textAnchor": "end",
                "dx": -6,
            },
        ],
        "xDomain": [0, 24],
        "yDomain": [7, 0],
        "xLabel": f"hour of the week ({zone})",
        "yAxis": None,
        "xTicks": 24,
        "colorScheme": "blues",
        "width": WIDTH,
        "height": 170,
        "marginLeft": 60,
    }


def _rows(facets: Collection[str], *, dated: bool, resources: bool) -> dict[str, Any]:
    columns = [*(["time"] if dated else []), *facets, *(["resources"] if resources else [])]
    widths = {column: _WIDTHS[column] for column in columns}
    return {"input": "table", **_data(), "columns": columns, "width": widths, "height": 260}
