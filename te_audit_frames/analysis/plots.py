"""Plots of summaries and activity. Each draws on Axes and returns them without showing them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import dates
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from te_audit_frames.analysis.activity import Moments, count_activity, find_covered, hours_of_week
from te_audit_frames.analysis.archived import load_columns
from te_audit_frames.analysis.dimensions import Dimension
from te_audit_frames.analysis.freq import Freq, list_edges
from te_audit_frames.analysis.grouping import OTHER
from te_audit_frames.analysis.labels import draw_literally, list_labels
from te_audit_frames.analysis.summaries import count_groups
from te_audit_frames.arguments import check_whole_number
from te_audit_frames.periods import parse_zone
from te_audit_frames.safe_text import drawable

# The palette of Okabe and Ito for colour-blind readers, without black, and without yellow, which is faint on paper.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
OTHER_COLOUR = "#999999"

UNITS = {"h": "hour", "D": "day", "W": "week", "MS": "month"}
NOUNS = {"user": "user", "account_group": "account group", "event": "event type", "ip_address": "IP address"}


def plot_activity(
    events: Any,
    *,
    freq: Freq = "D",
    by: str | Sequence[str] | None = None,
    tz: str | tzinfo = "UTC",
    top: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw events per period of time as bars, stacked by `by`.

    The counts are those of `activity`. The bar of a period is hatched if the data does not cover the whole period.

    Parameters
    ----------
    events : frame of any supported library, or Archive
        See `activity`.
    freq, by, tz
        See `activity`.
    top : int, optional
        How many groups of `by` to show, six by default. The others are combined as ``"(other)"``.
    ax : matplotlib.axes.Axes, optional
        The Axes to draw on; by default, those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The plot. Save it with ``ax.figure.savefig("activity.png")``.

    Raises
    ------
    InvalidArgument, NotAnAuditFrame
        See `activity`.

    Examples
    --------
    >>> import pandas as pd
    >>> import te_audit_frames as taf
    >>> events = pd.DataFrame({"date": pd.to_datetime(["2026-03-02T08:00Z"]), "event": ["User login."]})
    >>> taf.plot_activity(events, by="event", tz="Europe/Berlin").get_ylabel()
    'events per day'
    """
    counts, dimensions, covered = count_activity(
        events, freq=freq, by=by, tz=tz, top=len(COLOURS) if top is None else top
    )
    ax = ax or _new_axes(height=4.4)
    title = f"Events per {UNITS[freq]}" + (f" by {_noun(dimensions)}" if by else "")
    if not counts["events"].any():
        return _draw_nothing(ax, title, covered, tz)

    groups = counts[counts["period"] == counts["period"].iloc[0]]
    periods = counts.iloc[:: len(groups)]
    edges = list_edges(periods["period"], freq)
    heights = counts["events"].to_numpy().reshape(len(periods), len(groups)).T
    names = list_labels(groups, dimensions) if by else ["events"]
    colours = _colours(names)
    complete = periods["complete"].to_numpy()
    _stack(ax, _date_numbers(edges), heights, colours, complete)
    _title(ax, title, covered, tz)
    _axis_of_time(ax, edges)
    _axis_of_counts(ax.yaxis, f"events per {UNITS[freq]}")
    ax.set_ylim(0, heights.sum(axis=0).max() * 1.05)
    keys = [Patch(color=colour, label=name) for name, colour in zip(names, colours, strict=True)] if by else []
    if not complete.all():
        keys.append(Patch(**_unfinished(OTHER_COLOUR), label=f"{UNITS[freq]} not covered in full"))
    _legend(ax, keys)
    return ax


def plot_heatmap(events: Any, *, tz: str | tzinfo = "UTC", ax: Axes | None = None) -> Axes:
    """Draw the number of events per weekday and hour of the day, by the clock of a time zone.

    Parameters
    ----------
    events : frame of any supported library, or Archive
        See `activity`.
    tz : str or datetime.tzinfo
        The time zone of weekdays and hours.
    ax : matplotlib.axes.Axes, optional
        The Axes to draw on; by default, those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The plot, with Monday at the top and hours from left to right.

    Raises
    ------
    InvalidArgument, NotAnAuditFrame
        See `activity`.

    Examples
    --------
    >>> import pandas as pd
    >>> import te_audit_frames as taf
    >>> events = pd.DataFrame({"date": pd.to_datetime(["2026-03-02T08:00Z"])})
    >>> taf.plot_heatmap(events, tz="Europe/Berlin").get_xlabel()
    'hour of the day, Europe/Berlin'
    """
    hourly, _, covered = count_activity(events, freq="h", tz=tz)
    ax = ax or _new_axes(height=3.6)
    title = "Events by weekday and hour"
    if not hourly["events"].any():
        return _draw_nothing(ax, title, covered, tz)
    week = hours_of_week(hourly)
    mesh = ax.pcolormesh(week, cmap="cividis", vmin=0, vmax=week.to_numpy().max(), edgecolors="white", lw=0.5)
    ax.invert_yaxis()
    ax.set_yticks(np.arange(7) + 0.5, week.index)
    ax.set_xticks(np.arange(0, 25, 3), [f"{hour:02}" for hour in range(0, 25, 3)])
    ax.set_xlabel(f"hour of the day, {hourly['period'].dt.tz}")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    bar = ax.figure.colorbar(mesh, ax=ax)
    bar.outline.set_visible(False)
    _axis_of_counts(bar.ax.yaxis, "events")
    _title(ax, title, covered, tz)
    return ax


def plot_top(events: Any, *, by: str | Sequence[str] = "user", top: int = 10, ax: Axes | None = None) -> Axes:
    """Draw the groups with the most events as horizontal bars.

    Parameters
    ----------
    events : frame of any supported library, or Archive
        See `summarize`.
    by : str or list of str
        What to group by; see `summarize`.
    top : int
        How many bars to draw. The label of the axis gives the sum of all others.
    ax : matplotlib.axes.Axes, optional
        The Axes to draw on; by default, those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The plot, with the largest group at the top. Dates in the title are in UTC.

    Raises
    ------
    InvalidArgument, NotAnAuditFrame
        See `summarize`.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> events = taf.read_pages([b'{"auditEvents": [{"uid": "7", "user": "Ada"}]}'])
    >>> [label.get_text() for label in taf.plot_top(events).get_yticklabels()]
    ['Ada']
    """
    check_whole_number("top", top, 1)
    events = load_columns(events, by, count_others=True)
    summary, dimensions = count_groups(events, by=by, top=top)
    ax = ax or _new_axes(height=1.4 + 0.3 * min(top, len(summary)))
    title = "Most events by " + _noun(dimensions)
    covered = find_covered(events, (summary["first_event"].min(), summary["last_event"].max()))
    if summary.empty:
        return _draw_nothing(ax, title, covered, "UTC")
    largest, others = summary.head(top), summary.tail(-top)
    names = list_labels(largest, dimensions)
    bars = ax.barh(range(len(largest)), largest["events"], color=COLOURS[0], height=0.75)
    shares = [f" {count:,} ({share:.0%})" for count, share in zip(largest["events"], largest["share"], strict=True)]
    ax.bar_label(bars, shares, fontsize="small")
    ax.set_yticks(range(len(largest)), names)
    draw_literally(ax.get_yticklabels())
    ax.invert_yaxis()
    ax.margins(x=0.15)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right"]].set_visible(False)
    rest = "".join(f"; all others together {row.events:,} ({row.share:.0%})" for row in others.itertuples())
    _axis_of_counts(ax.xaxis, f"events{rest}")
    _title(ax, title, covered, "UTC")
    return ax


def _new_axes(height: float) -> Axes:
    # A notebook only shows figures that pyplot knows, but pyplot warns if a loop draws many of them. rc_context cannot
    # be used to silence it: it would also undo what the first figure of a notebook sets up for the later ones.
    most = mpl.rcParams["figure.max_open_warning"]
    mpl.rcParams["figure.max_open_warning"] = 0
    try:
        _, ax = plt.subplots(figsize=(10, height), layout="constrained")
    finally:
        mpl.rcParams["figure.max_open_warning"] = most
    return ax


def _noun(dimensions: Sequence[Dimension]) -> str:
    return " and ".join(NOUNS.get(dimension.name) or drawable(dimension.name) for dimension in dimensions)


def _draw_nothing(ax: Axes, title: str, covered: Moments, tz: str | tzinfo) -> Axes:
    _title(ax, title, covered, tz)
    ax.set(xticks=[], yticks=[])
    ax.text(0.5, 0.5, "no events", transform=ax.transAxes, ha="center", va="center")
    return ax


def _title(ax: Axes, title: str, covered: Moments, tz: str | tzinfo) -> None:
    """Set the title, and below it the first and the last covered day in a time zone."""
    if not pd.isna(covered[0]):
        first, last = (moment.tz_convert(parse_zone(tz)) for moment in covered)
        days = dict.fromkeys(f"{moment:%Y-%m-%d}" for moment in (first, last))
        title = f"{title}\n{' to '.join(days)} ({first.tz})"
    draw_literally([ax.set_title(title, loc="left")])


def _colours(names: Sequence[str]) -> list[str]:
    """Return a colour for each name: grey for "(other)", otherwise the palette, or shades if it has too few colours."""
    apart = len(names) - (OTHER in names)
    if apart <= len(COLOURS):
        colours = list(COLOURS[:apart])
    else:
        colours = [mpl.colors.to_hex(shade) for shade in mpl.colormaps["cividis"](np.linspace(0, 1, apart))]
    return colours + [OTHER_COLOUR] * (OTHER in names)


def _stack(ax: Axes, edges: np.ndarray, heights: np.ndarray, colours: Sequence[str], complete: np.ndarray) -> None:
    """Stack the bars of all groups: plain if the period is complete, otherwise hatched."""
    tops = heights.cumsum(axis=0)
    for top, ground, colour in zip(tops, tops - heights, colours, strict=True):
        # NaN leaves a bar out.
        ax.stairs(np.where(complete, top, np.nan), edges, baseline=ground, fill=True, color=colour)
        ax.stairs(np.where(complete, np.nan, top), edges, baseline=ground, fill=True, **_unfinished(colour))


def _unfinished(colour: str) -> dict[str, Any]:
    return {"facecolor": colour, "alpha": 0.45, "hatch": "////", "edgecolor": "white", "linewidth": 0}


# The functions of matplotlib.dates have no type annotations, so mypy is told to accept the calls below.


def _date_numbers(edges: pd.DatetimeIndex) -> np.ndarray:
    return np.asarray(dates.date2num(edges.tz_convert(None).to_numpy()))  # type: ignore[no-untyped-call]


def _axis_of_time(ax: Axes, edges: pd.DatetimeIndex) -> None:
    locator = dates.AutoDateLocator(tz=edges.tz)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    formatter = dates.ConciseDateFormatter(locator, tz=edges.tz, show_offset=False)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_formatter(formatter)
    ax.set_xlim(*_date_numbers(edges[[0, -1]]))
    ax.set_xlabel(f"time in {edges.tz}")


def _axis_of_counts(axis: Axis, label: str) -> None:
    axis.set_major_locator(MaxNLocator(integer=True))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axis.set_label_text(label)


def _legend(ax: Axes, keys: Sequence[Patch]) -> None:
    """Draw the legend above the bars, in as many columns as fit, and make room for it."""
    ax.spines[["top", "right"]].set_visible(False)
    if not keys:
        return
    inches = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    widest = 0.6 + 0.065 * max(len(str(key.get_label())) for key in keys)
    columns = max(1, min(len(keys), int(inches.width / widest)))
    room = 0.2 * math.ceil(len(keys) / columns) / inches.height
    ax.set_ylim(top=ax.get_ylim()[1] / (1 - min(room, 0.6)))
    legend = ax.legend(handles=keys, loc="upper left", ncols=columns, fontsize="small", frameon=False, borderaxespad=0)
    draw_literally(legend.get_texts())
    legend.set_in_layout(False)  # wide names must not make the bars smaller
