"""Pictures of a report: SVG that depends on nothing but the numbers.

They are written by templates, and not by matplotlib, for three reasons: matplotlib places text by the fonts that are
installed, so that another computer would give other bytes; its colours cannot follow a dark page; and its text would
shrink with the page on a telephone, while here each picture has a narrow form of its own. Text stays text.
Nothing depends on hue alone: bars differ by length, hours by lightness, and periods not covered in full are hatched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from te_audit_frames.analysis.freq import Freq
from te_audit_frames.report.blocks import Picture
from te_audit_frames.report.rendering import render_picture
from te_audit_frames.safe_text import cut_to_width, drawable, number_of, width

_WIDE, _NARROW = 960, 400
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SHADES = 6


def draw_periods(found: pd.DataFrame, freq: Freq, zone: str) -> Picture:
    """Draw the result of `activity` as one bar per period, hatched if the period is not covered in full."""
    heights, whole = found["events"].tolist(), found["complete"].tolist()
    most = max(heights)
    peak = found["period"].iloc[heights.index(most)]
    unit = {"h": "hour", "D": "day", "W": "week", "MS": "month"}[freq]
    alt = (
        f"Bars: events per {unit}, {number_of(len(found), unit)} from {found['period'].iloc[0]:%Y-%m-%d} on, "
        f"{number_of(sum(heights), 'event')}; the highest is {most:,}, in the {unit} of {peak:%Y-%m-%d}. "
        "The table below has the numbers."
    )
    sizes = ((_WIDE, 260), (_NARROW, 220))
    pictures = [_periods(found["period"], heights, whole, freq=freq, zone=zone, size=size) for size in sizes]
    return Picture(alt, pictures[0], pictures[1], sizes)


def _periods(
    periods: pd.Series, heights: Sequence[int], whole: Sequence[bool], *, freq: Freq, zone: str, size: tuple[int, int]
) -> str:
    across, down = size
    ticks = nice_ticks(max(heights))
    top, bottom, right = 14, down - 40, across - 8
    left = 14 + 7.5 * len(f"{ticks[-1]:,}")
    step = (right - left) / len(heights)
    gap = min(step * 0.18, 6)
    bars: dict[bool, list[str]] = {True: [], False: []}
    for at, (height, is_whole) in enumerate(zip(heights, whole, strict=True)):
        if height:
            high = (bottom - top) * height / ticks[-1]
            x = left + at * step + gap / 2
            bars[is_whole].append(f"M{_n(x)} {_n(bottom)}v{_n(-high)}h{_n(step - gap)}v{_n(high)}z")
    labels, free = [], 0.0
    for at, text in _time_labels(periods, freq, most=8 if across == _WIDE else 4):
        half = 4 * len(text)  # about half its width: no label may leave the picture or meet the previous one
        x = min(max(left + at * step + step / 2, half), across - half)
        if x - half >= free:
            labels.append({"x": _n(x), "text": text})
            free = x + half + 4
    lines = [
        {"y": _n(bottom - (bottom - top) * tick / ticks[-1]), "text": f"{tick:,}", "is_base": tick == 0}
        for tick in ticks
    ]
    return render_picture(
        "periods.svg",
        width=across,
        height=down,
        left=_n(left),
        right=right,
        bottom=bottom,
        lines=lines,
        labels=labels,
        whole="".join(bars[True]),
        partial="".join(bars[False]),
        axis=f"time in {zone}" if freq == "h" else "",
        middle=_n((left + right) / 2),
    )


def nice_ticks(most: int) -> list[int]:
    """Return about four round numbers from 0 to at least `most`.

    Examples
    --------
    >>> from te_audit_frames.report.pictures import nice_ticks
    >>> nice_ticks(255), nice_ticks(3)
    ([0, 100, 200, 300], [0, 1, 2, 3])
    """
    rough = max(most / 4, 1)
    power = 10 ** math.floor(math.log10(rough))
    step = max(int(next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)), 1)
    return [step * number for number in range(math.ceil(max(most, 1) / step) + 1)]


def _time_labels(periods: pd.Series, freq: Freq, *, most: int) -> list[tuple[int, str]]:
    """Return which periods have a label on the time axis, and their labels. A label names the year if it is new."""
    every = math.ceil(len(periods) / most)
    first = every // 2 if every > 1 else 0
    if freq == "D" and every > 2:  # Mondays
        every, first = 7 * math.ceil(every / 7), int((7 - periods.iloc[0].day_of_week) % 7)
    labels, year = [], None
    for at in range(first, len(periods), every):
        period = periods.iloc[at]
        day = f"{period.day} {_MONTHS[period.month - 1]}"
        if freq == "h":
            text = f"{day} {period:%H:%M}"
        elif freq == "MS":
            text = f"{_MONTHS[period.month - 1]} {period.year}"
        else:
            text = day if period.year == year else f"{day} {period.year}"
            year = period.year
        labels.append((at, text))
    return labels


def draw_heatmap(week: pd.DataFrame, zone: str) -> Picture:
    """Draw events per weekday and hour; the more events, the stronger the shade."""
    most = int(week.to_numpy().max())
    day, hour = week.stack().idxmax()  # type: ignore[misc]
    alt = (
        f"Squares for every weekday and hour, by the clock of {zone}; a stronger shade means more events. "
        f"The strongest is {day} from {hour:02}:00 with {most:,}. The table below has the numbers."
    )
    sizes = ((_WIDE, 306), (_NARROW, 172))
    pictures = [_heatmap(week, most, size) for size in sizes]
    return Picture(alt, pictures[0], pictures[1], sizes)


def _heatmap(week: pd.DataFrame, most: int, size: tuple[int, int]) -> str:
    across, down = size
    is_wide = across == _WIDE
    left, top = (48, 8) if is_wide else (38, 6)
    wide, high = (across - left - 8) / 24, (down - (60 if is_wide else 22) - top) / 7
    cells: dict[int, list[str]] = {shade: [] for shade in range(_SHADES + 1)}
    for row, day in enumerate(week.to_numpy().tolist()):
        for column, count in enumerate(day):
            # Shades follow the square root: otherwise, beside a few busy hours, a quiet night would look empty.
            shade = math.ceil(_SHADES * math.sqrt(count / most))
            place = f"M{_n(left + column * wide)} {_n(top + row * high)}"
            cells[shade].append(f"{place}h{_n(wide - 2)}v{_n(high - 2)}h{_n(2 - wide)}z")
    bounds = [math.floor(most * (shade / _SHADES) ** 2) for shade in range(_SHADES + 1)]
    keys = [
        {"shade": shade, "text": text}
        for shade in range(_SHADES + 1)
        if (text := _range(bounds, shade)) and (cells[shade] or not shade)
    ]
    key_wide = 110 if is_wide else 61
    hours = range(0, 24, 3 if is_wide else 6)
    return render_picture(
        "heatmap.svg",
        width=across,
        height=down,
        shades=[(shade, "".join(paths)) for shade, paths in cells.items() if paths],
        days=[
            {"x": left - 8, "y": _n(top + (row + 0.5) * high + 3.5), "text": str(day)[: 3 if is_wide else 2]}
            for row, day in enumerate(week.index)
        ],
        hours=[{"x": _n(left + hour * wide), "text": f"{hour:02}:00"} for hour in hours],
        hours_y=_n(top + 7 * high + 14),
        keys=[{**key, "x": left + place * key_wide} for place, key in enumerate(keys)] if is_wide else [],
        key_y=down - 14,
    )


def _range(bounds: Sequence[int], shade: int) -> str:
    """Return which counts a shade stands for."""
    if not shade:
        return "none"
    low, high = bounds[shade - 1] + 1, bounds[shade]
    return "" if low > high else f"{low:,}" if low == high else f"{low:,}–{high:,}"


@dataclass(frozen=True)
class _Bar:
    name: str
    text: str
    length: str
    y: str


def draw_bars(names: Sequence[str], numbers: Sequence[int], title: str) -> Picture:
    """Draw one horizontal bar per name, in the given order. Long names are cut."""
    shown = [cut_to_width(drawable(name), 36) for name in names]
    alt = (
        f"{title}, bars: "
        + ", ".join(f"{name} {number:,}" for name, number in list(zip(shown, numbers, strict=True))[:3])
    ) + (f" and {len(shown) - 3} more. " if len(shown) > 3 else ". ")
    sizes = ((_WIDE, 8 + 26 * len(shown)), (_NARROW, 8 + 40 * len(shown)))
    # Letters of other scripts are wider than Latin ones, in fonts that cannot be known here.
    label = max(60.0, *(8.0 * width(name) + 3.0 * sum(letter > "\u024f" for letter in name) for name in shown)) + 12
    wide = _bars(shown, numbers, sizes[0], left=label, above=False)
    return Picture(
        f"{alt}The table below has the numbers.", wide, _bars(shown, numbers, sizes[1], left=2, above=True), sizes
    )


def _bars(names: Sequence[str], numbers: Sequence[int], size: tuple[int, int], *, left: float, above: bool) -> str:
    most = max([*numbers, 1])
    room = size[0] - left - 14 - 7.6 * len(f"{most:,}")
    step, offset = (40, 20) if above else (26, 4)
    bars = [
        _Bar(name, f"{number:,}", _n(max(room * number / most, 1.5)), _n(4 + at * step + offset))
        for at, (name, number) in enumerate(zip(names, numbers, strict=True))
    ]
    return render_picture("bars.svg", width=size[0], height=size[1], bars=bars, left=_n(left), above=above)


def _n(number: float) -> str:
    """Write a coordinate with one decimal at most."""
    return f"{number:.1f}".removesuffix(".0")
