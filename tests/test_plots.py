"""Plots: their texts and their bars, and that no text from outside can harm them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from support.frames import LIBRARIES, START, Row, table, with_receipt

import te_audit_frames as taf

HOSTILE = [
    r"$\foo$",
    "$x_1$ & %s {0}",
    "bell\a and\nnew line\x00\x1b[31m",
    "<script>alert(1)</script>",
    "名前 이름 اسم नाम ชื่อ \U0001f600 \U00020000",
    "\u202eesrever\u200b",
    "_leading underscore",
    "long " * 400,
    "",
    " \x7f\x85\x80",
]


@pytest.fixture(autouse=True)
def _headless() -> Iterator[None]:
    with mpl.rc_context():
        plt.switch_backend("agg")
        yield
        plt.close("all")


def events_of(drawn: list[Row], **receipt: Any) -> pd.DataFrame:
    events = LIBRARIES["pandas"](table(drawn))
    return with_receipt(events, **receipt) if receipt else events


def busy(days: int = 10, kinds: int = 3) -> list[Row]:
    """Draw `kinds` types of event, each day, the first one most often."""
    return [
        {"date": START + timedelta(days=day, hours=kind), "event": f"Event {kind:02}.", "uid": str(kind)}
        for day in range(days)
        for kind in range(kinds)
        for _ in range(kinds - kind)
    ]


def draw(ax: Axes, *formats: str) -> None:
    for kind in formats or ("png",):
        ax.figure.savefig(BytesIO(), format=kind, dpi=40)


def legend(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()] if ax.get_legend() else []


def bars(ax: Axes) -> float:
    """Add up the heights of all bars, plain and hatched."""
    total = 0.0
    for band in ax.patches:
        stairs = band.get_data()
        total += pd.Series(stairs.values - stairs.baseline).sum()
    return total


@pytest.mark.full
@pytest.mark.few
@pytest.mark.parametrize("freq", ["h", "D", "W", "MS"])
@pytest.mark.parametrize("by", [None, "event", ["user", "event"]])
def test_the_bars_add_up_to_all_events(freq: str, by: Any) -> None:
    drawn = busy()

    ax = taf.plot_activity(table(drawn), freq=freq, by=by, tz="Asia/Kathmandu")

    assert bars(ax) == len(drawn)
    draw(ax)


def test_title_and_axes_say_what_when_and_in_which_zone() -> None:
    ax = taf.plot_activity(table(busy(days=3)), by="event", tz="America/New_York")

    assert ax.get_title(loc="left") == ("Events per day by event type\n2026-02-28 to 2026-03-02 (America/New_York)")
    assert ax.get_ylabel() == "events per day"
    assert ax.get_xlabel() == "time in America/New_York"
    assert legend(ax) == ["Event 00.", "Event 01.", "Event 02.", "day not covered in full"]


PLOTS = {
    **{
        f"activity {freq}": lambda frame, freq=freq: taf.plot_activity(frame, freq=freq)
        for freq in ("h", "D", "W", "MS")
    },
    "activity by event": lambda frame: taf.plot_activity(frame, by="event", freq="MS", top=1),
    "heatmap": taf.plot_heatmap,
    "top": taf.plot_top,
}


@pytest.mark.full
@pytest.mark.few(count=1)
@pytest.mark.parametrize(
    ("receipt", "days"),
    [
        ({}, "2026-03-04 to 2026-03-17"),
        ({"resolved": {"start": "2026-02-26T00:00:00Z", "end": "2026-03-20T00:00:00Z"}}, "2026-02-26 to 2026-03-19"),
        ({"resolved": {"start": "2026-02-26T08:00:00Z", "end": "2026-03-20T08:00:00Z"}}, "2026-02-26 to 2026-03-20"),
        ({"resolved": {"start": "2026-03-10T00:00:00Z", "end": "2026-03-11T00:00:00Z"}}, "2026-03-04 to 2026-03-17"),
        (
            {
                "resolved": {"start": "2026-02-26T00:00:00Z", "end": "2027-01-01T00:00:00Z"},
                "fetched_at": "2026-03-19T09:00:00Z",
            },
            "2026-02-26 to 2026-03-19",
        ),
    ],
    ids=["no receipt", "whole days", "parts of days", "events outside", "end not reached"],
)
def test_all_plots_of_a_frame_name_the_period_that_its_counts_cover(receipt: Any, days: str) -> None:
    events = events_of([{"date": datetime(2026, 3, day, 12, tzinfo=UTC), "event": "x"} for day in (4, 17)], **receipt)
    for drawn in (events, events[:0]):
        titles = {name: plot(drawn).get_title(loc="left").partition("\n")[2] for name, plot in PLOTS.items()}
        expected = f"{days} (UTC)" if len(drawn) else titles["heatmap"]
        assert titles == dict.fromkeys(PLOTS, expected)


@pytest.mark.full
@pytest.mark.few(count=3)
@pytest.mark.parametrize("name", PLOTS)
def test_a_frame_cut_by_plain_pandas_names_the_period_of_its_events(name: str) -> None:
    resolved = {"start": "2026-02-26T00:00:00Z", "end": "2026-03-20T00:00:00Z"}
    drawn = [{"date": datetime(2026, 3, day, 12, tzinfo=UTC), "event": "x"} for day in (4, 10, 17)]
    events = events_of(drawn, resolved=resolved, events=len(drawn))

    whole, cut = (PLOTS[name](frame).get_title(loc="left") for frame in (events, events[events["date"] < "2026-03-11"]))

    assert whole.endswith("\n2026-02-26 to 2026-03-19 (UTC)")
    assert cut.endswith("\n2026-03-04 to 2026-03-10 (UTC)")


def test_a_title_names_days_of_the_plots_zone() -> None:
    resolved = {"start": "2026-03-01T00:00:00Z", "end": "2026-03-31T20:00:00Z"}
    events = events_of(busy(days=3), resolved=resolved)
    for plot in (taf.plot_heatmap, taf.plot_activity):
        assert plot(events, tz="Asia/Tokyo").get_title(loc="left").endswith("\n2026-03-01 to 2026-04-01 (Asia/Tokyo)")
        title = plot(events, tz="America/New_York").get_title(loc="left")
        assert title.endswith("\n2026-02-28 to 2026-03-31 (America/New_York)")


def test_bars_end_where_days_end_in_the_zone() -> None:
    ax = taf.plot_activity(
        table([{"date": datetime(2026, 3, day, 12, tzinfo=UTC)} for day in (28, 30)]), tz="Europe/Berlin"
    )

    edges = ax.patches[0].get_data().edges

    assert [round((after - before) * 24) for before, after in pairwise(edges)] == [24, 23, 24]


def test_an_incomplete_period_is_hatched_and_named_in_the_legend() -> None:
    resolved = {"start": "2026-03-01T00:00:00Z", "end": "2026-03-03T12:00:00Z"}

    ax = taf.plot_activity(events_of(busy(days=3, kinds=1), resolved=resolved))

    plain, hatched = ax.patches
    assert not plain.get_hatch()
    assert pd.Series(plain.get_data().values).fillna(-1).to_list() == [1, 1, -1]
    assert hatched.get_hatch()
    assert pd.Series(hatched.get_data().values).fillna(-1).to_list() == [-1, -1, 1]
    assert legend(ax) == ["day not covered in full"]


def test_without_incomplete_periods_there_is_no_legend() -> None:
    resolved = {"start": "2026-03-01T00:00:00Z", "end": "2026-03-04T00:00:00Z"}

    ax = taf.plot_activity(events_of(busy(days=3, kinds=1), resolved=resolved))

    assert ax.get_legend() is None


@pytest.mark.full
def test_twenty_event_types_make_a_short_legend() -> None:
    ax = taf.plot_activity(table(busy(days=2, kinds=20)), by="event")

    assert legend(ax) == [*(f"Event {kind:02}." for kind in range(6)), "(other)", "day not covered in full"]
    draw(ax)
    top = ax.get_legend().get_window_extent().transformed(ax.transData.inverted())
    assert top.y0 > max(pd.Series(band.get_data().values).max() for band in ax.patches)


def test_as_many_groups_as_top_have_colours_of_their_own() -> None:
    ax = taf.plot_activity(table(busy(days=2, kinds=12)), by="event", top=10)

    colours = [to_hex(patch.get_facecolor()) for patch in ax.get_legend().get_patches()]
    assert len(set(colours[:11])) == 11


@pytest.mark.parametrize("plot", [taf.plot_activity, taf.plot_heatmap, taf.plot_top])
def test_given_axes_are_used_and_no_figure_is_made(plot: Any) -> None:
    figure, ax = plt.subplots()

    assert plot(table(busy()), ax=ax) is ax
    assert plt.get_fignums() == [figure.number]


# By itself, matplotlib warns at the 21st figure.
@pytest.mark.parametrize("limit", [2, pytest.param(20, marks=pytest.mark.full)])
@pytest.mark.parametrize("plot", [taf.plot_activity, taf.plot_heatmap, taf.plot_top])
def test_many_figures_cause_no_warning(plot: Any, limit: int) -> None:
    with mpl.rc_context({"figure.max_open_warning": limit}):
        axes = [plot(table(busy(days=1))) for _ in range(limit + 1)]

    assert len({ax.figure.number for ax in axes}) == limit + 1


@pytest.mark.full
@pytest.mark.few
@pytest.mark.parametrize("plot", [taf.plot_activity, taf.plot_heatmap, taf.plot_top])
@pytest.mark.parametrize("library", LIBRARIES)
def test_an_empty_frame_of_any_library_says_so(plot: Any, library: str) -> None:
    ax = plot(LIBRARIES[library](table([])))

    assert [text.get_text() for text in ax.texts] == ["no events"]
    draw(ax)


@pytest.mark.parametrize("plot", [taf.plot_activity, taf.plot_heatmap])
def test_a_covered_period_without_events_is_named(plot: Any) -> None:
    resolved = {"start": "2026-03-01T00:00:00Z", "end": "2026-03-03T00:00:00Z"}

    ax = plot(events_of([], resolved=resolved))

    assert [text.get_text() for text in ax.texts] == ["no events"]
    assert ax.get_title(loc="left").endswith("\n2026-03-01 to 2026-03-02 (UTC)")


@pytest.mark.few(count=1)
@pytest.mark.parametrize("plot", [taf.plot_activity, taf.plot_top])
@pytest.mark.full
def test_hostile_names_are_drawn_as_text_in_every_format(plot: Any) -> None:
    drawn = [{"date": START, "uid": str(number), "user": name} for number, name in enumerate(HOSTILE)]

    ax = plot(table([*drawn, {"date": START}]), by="user", top=20)

    draw(ax, "png", "svg", "pdf")
    texts = ax.get_legend().get_texts() if plot is taf.plot_activity else ax.get_yticklabels()
    shown = [text.get_text() for text in texts][: len(HOSTILE) + 1]
    assert not any(text.get_parse_math() for text in texts)
    assert shown[:4] == [r"$\foo$", "$x_1$ & %s {0}", "bell and new line[31m", "<script>alert(1)</script>"]
    assert shown[5:] == ["esrever", "_leading underscore", shown[7], "(blank) [8]", "(blank) [9]", "(none)"]
    assert len(shown[7]) <= 40
    assert shown[7].endswith("…")


def test_two_users_with_the_same_name_have_different_labels() -> None:
    ax = taf.plot_top(table([{"date": START, "uid": uid, "user": "Ada"} for uid in ("7", "8")]))

    assert [label.get_text() for label in ax.get_yticklabels()] == ["Ada [7]", "Ada [8]"]


def test_names_that_are_equal_once_shortened_have_different_labels() -> None:
    ax = taf.plot_top(table([{"date": START, "event": "long " * 20 + end} for end in ("ago", "since")]), by="event")

    first, second = (label.get_text() for label in ax.get_yticklabels())
    assert second == f"{first} #2"


@pytest.mark.parametrize("plot", [taf.plot_activity, taf.plot_top])
def test_no_name_is_drawn_by_latex(plot: Any) -> None:
    with mpl.rc_context({"text.usetex": True}):
        ax = plot(table([{"date": START, "user": r"\input{/etc/passwd}"}]), by="user")

    names = [*ax.get_yticklabels(), *(ax.get_legend().get_texts() if ax.get_legend() else [])]
    assert [name.get_usetex() for name in names if name.get_text().startswith("\\input")] == [False]


@pytest.mark.full
def test_wide_names_do_not_shrink_the_bars() -> None:
    ax = taf.plot_activity(table([{"date": START, "event": name * 40} for name in "Wa名"]), by="event")

    draw(ax)
    assert ax.get_window_extent().width > 0.9 * ax.figure.bbox.width


def test_the_largest_are_on_top_and_the_label_sums_up_the_others() -> None:
    ax = taf.plot_top(table(busy(days=1, kinds=4)), by="event", top=2)

    assert [bar.get_width() for bar in ax.patches] == [4, 3]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Event 00.", "Event 01."]
    assert ax.yaxis_inverted()
    assert ax.get_xlabel() == "events; all others together 3 (30%)"
    assert ax.get_title(loc="left") == "Most events by event type\n2026-03-01 (UTC)"


def test_an_event_called_other_keeps_its_bar() -> None:
    ax = taf.plot_top(table([{"date": START, "event": "(other)"}] * 2), by="event")

    assert [bar.get_width() for bar in ax.patches] == [2]
    assert ax.get_xlabel() == "events"


@pytest.mark.parametrize("top", [0, -1, None, 2.5, True])
def test_a_wrong_top_is_refused(top: Any) -> None:
    with pytest.raises(taf.InvalidArgument, match=r"top: .*top=10"):
        taf.plot_top(table([]), top=top)


def test_the_heatmap_is_a_week_of_hours_from_monday() -> None:
    drawn = [{"date": datetime(2026, 3, 1, 23, 30, tzinfo=UTC)}] * 3

    ax = taf.plot_heatmap(table(drawn), tz="Europe/Berlin")

    week = ax.collections[0].get_array().reshape(7, 24)
    assert week[0, 0] == week.sum() == 3
    assert ax.get_yticklabels()[0].get_text() == "Monday"
    assert ax.yaxis_inverted()
    assert ax.get_title(loc="left") == "Events by weekday and hour\n2026-03-02 (Europe/Berlin)"


def test_the_axis_of_counts_has_whole_numbers_from_zero() -> None:
    ax = taf.plot_activity(table(busy(days=2, kinds=1)))
    ax.figure.canvas.draw()

    ticks = ax.get_yticks()
    assert ax.get_ylim()[0] == 0
    assert all(tick == int(tick) for tick in ticks)


@pytest.mark.full
def test_nothing_is_loaded_before_it_is_drawn() -> None:
    code = "import sys, te_audit_frames as taf; assert 'matplotlib' not in sys.modules; taf.plot_top; print('ok')"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("ok\n", "")
