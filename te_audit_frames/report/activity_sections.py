"""Activity, hours of the week, and who, what and where: pictures, each with its numbers as a table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from te_audit_frames.analysis.activity import count_activity, hours_of_week
from te_audit_frames.analysis.dimensions import Dimension
from te_audit_frames.analysis.freq import Freq
from te_audit_frames.analysis.labels import list_labels
from te_audit_frames.report.blocks import (
    NOTHING,
    Block,
    Column,
    Heading,
    Paragraph,
    Section,
    Table,
    clean,
    cleaned,
    counts,
    moments,
    shares,
)
from te_audit_frames.report.days import describe_odd
from te_audit_frames.report.pictures import draw_bars, draw_heatmap, draw_periods
from te_audit_frames.report.subject import Subject
from te_audit_frames.safe_text import number_of

TOP = 15
"""How many people, types and places are shown; all others are one row."""

NO_EVENTS = "There are no events with a date."

_UNITS: dict[Freq, str] = {"h": "hour", "D": "day", "W": "week", "MS": "month"}
_FORMS: dict[Freq, str] = {"h": "%Y-%m-%d %H:%M%z", "D": "%Y-%m-%d", "W": "%Y-%m-%d", "MS": "%Y-%m"}


def choose_freq(days: float) -> Freq:
    """Return the unit of time for a picture that covers this many days: hour, day, week or month.

    Examples
    --------
    >>> from te_audit_frames.report.activity_sections import choose_freq
    >>> choose_freq(1), choose_freq(90), choose_freq(400), choose_freq(4000)
    ('h', 'D', 'W', 'MS')
    """
    for most, freq in ((3, "h"), (123, "D"), (1100, "W")):
        if days <= most:
            return freq  # type: ignore[return-value]
    return "MS"


def describe_activity(subject: Subject) -> Section:
    """Return the section that counts events per hour, day, week or month."""
    title = "Activity"
    bounds = subject.bounds
    if bounds is None or not subject.is_drawn:
        return Section("activity", title, _no_picture(subject))
    seen = [] if subject.drawn.events else [subject.first, subject.last]
    ends = pd.Series([*bounds, *seen], dtype="datetime64[us, UTC]")
    freq = choose_freq((ends.max() - ends.min()) / pd.Timedelta(days=1))
    found, _, _ = count_activity(subject.drawn_events, freq=freq, tz=subject.zone)
    if not found["events"].any():
        return Section("activity", title, [Paragraph(NO_EVENTS)])
    unit, total, partial = _UNITS[freq], int(found["events"].sum()), int((~found["complete"]).sum())
    peak = int(found["events"].to_numpy().argmax())
    labels = found["period"].dt.strftime(_FORMS[freq]).tolist()
    # The median, because one wild day would raise the mean and make every other day look quiet.
    text = (
        f"{number_of(total, 'event')} in {number_of(len(found), unit)}, {found['events'].median():,.0f} in the median "
        f"{unit}, and {found['events'].iloc[peak]:,} at most ({labels[peak]})."
    )
    if partial:
        text += f" Hatched: {number_of(partial, unit)} that the events do not cover in full."
    table = Table(
        "activity-table",
        f"Events per {unit} ({subject.zone})",
        [
            Column(unit.capitalize(), labels),
            Column("Events", counts(found["events"]), is_number=True),
            Column("Covered in full", ["yes" if whole else "no" for whole in found["complete"]]),
        ],
        folded="The numbers as a table",
    )
    picture = draw_periods(found, freq, str(subject.zone))
    return Section("activity", title, [Paragraph(text), *_left_out(subject), picture, table])


def describe_heatmap(subject: Subject) -> Section:
    """Return the section that counts events per weekday and hour."""
    title = "Hours of the week"
    if not subject.is_drawn:
        return Section("heatmap", title, _no_picture(subject))
    week = hours_of_week(count_activity(subject.drawn_events, freq="h", tz=subject.zone)[0])
    total = int(week.to_numpy().sum())
    office = int(week.iloc[:5, 8:18].to_numpy().sum())
    weekend = int(week.iloc[5:].to_numpy().sum())
    text = (
        f"By the clock of {subject.zone}: {office / total:.0%} of the events are from Monday to Friday between 08:00 "
        f"and 18:00, and {weekend / total:.0%} from the weekend."
    )
    table = Table(
        "heatmap-table",
        f"Events per hour and weekday ({subject.zone})",
        [
            Column("Hour", [f"{hour:02}:00" for hour in week.columns]),
            *(Column(day[:3], counts(week.loc[day]), is_number=True) for day in week.index),
        ],
        folded="The numbers as a table",
    )
    picture = draw_heatmap(week, str(subject.zone))
    return Section("heatmap", title, [Paragraph(text), *_left_out(subject), picture, table])


def _no_picture(subject: Subject) -> list[Block]:
    """Return the reason why there is no picture."""
    return _left_out(subject) or [Paragraph(NO_EVENTS)]


def _left_out(subject: Subject) -> list[Block]:
    """Say which events the picture of a section leaves out."""
    text = describe_odd(subject.drawn)
    return [Paragraph(f"Not in this picture: {text}.", is_note=True)] if text else []


def describe_who(subject: Subject) -> Section:
    """Return the section that counts events per person."""
    return Section("who", "Who", _ranking(subject, "user", "Person", "person", "people"))


def describe_what(subject: Subject) -> Section:
    """Return the section that counts events per type."""
    return Section("what", "What", _ranking(subject, "event", "Type of event", "type of event", "types of event"))


def describe_where(subject: Subject) -> Section:
    """Return the section that counts events per account group and address."""
    blocks: list[Block] = []
    if subject.has("aid", "account_group_name"):
        blocks += [Heading("Account groups")]
        blocks += _ranking(subject, "account_group", "Account group", "account group", "account groups")
    if subject.has("ip_address"):
        blocks += [Heading("Addresses")]
        blocks += _ranking(subject, "ip_address", "Address", "address", "addresses")
    return Section("where", "Where", blocks)


def _ranking(subject: Subject, by: str, title: str, one: str, several: str) -> list[Block]:
    """Return a sentence, a picture and a table of the groups with the most events."""
    found, dimension = subject.groups(by)
    if found.empty:
        return [Paragraph("There are no events.")]
    shown, others = found.head(TOP), found.iloc[TOP:]
    article = "an" if one[0] in "aeiou" else "a"
    named = subject.named(by)
    text = f"{number_of(int(named.sum()), one, several)}"
    text += f"; the first has {found.loc[named, 'share'].iloc[0]:.0%} of all events." if named.any() else "."
    if not named.all():
        nameless = int(found.loc[~named, "events"].sum())
        text += f" {number_of(nameless, 'event')} without {article} {one}: (none)."
    if len(others):
        text += f" The {TOP} largest are shown; all others together have {others['share'].sum():.1%}."
    labels = list_labels(shown, [dimension])
    picture = draw_bars(labels, shown["events"].tolist(), f"Events by {one}")
    return [
        Paragraph(text),
        picture,
        _ranking_table(subject, by, title, shown=shown, others=others, dimension=dimension),
    ]


def _ranking_table(
    subject: Subject, by: str, title: str, *, shown: pd.DataFrame, others: pd.DataFrame, dimension: Dimension
) -> Table:
    names = shown[dimension.label or dimension.key].fillna(shown[dimension.key])
    others_named = subject.named(by).iloc[TOP:]
    rest = f"All others ({int(others_named.sum()):,}{'' if others_named.all() else ' and (none)'})"

    def column(name: str, cells: Callable[[pd.Series], list[str]], source: str, sum_up: str = "") -> Column:
        more = cells(pd.Series([others[source].agg(sum_up) if sum_up else np.nan])) if len(others) else []
        return Column(name, [*cells(shown[source]), *more], is_number=True)

    columns = [
        Column(title, [clean(name) if pd.notna(name) else "(none)" for name in names] + [rest] * bool(len(others)))
    ]
    if dimension.label:
        keys = [*cleaned(shown[dimension.key]), *[NOTHING] * bool(len(others))]
        columns.append(Column(dimension.key, keys, is_narrow=max(map(len, keys)) <= _LONGEST_KEY))
    columns += [column("Events", counts, "events", "sum"), column("Share", shares, "share", "sum")]
    for source, heading in _COUNTED.items():
        if source in shown:
            columns.append(column(heading, counts, source))
    dates = [*shown["first_event"], *([others["first_event"].min()] if len(others) else [])]
    ends = [*shown["last_event"], *([others["last_event"].max()] if len(others) else [])]
    for heading, values in (("First event", dates), ("Last event", ends)):
        series = pd.Series(pd.to_datetime(values, utc=True))
        columns.append(Column(heading, moments(series, subject.zone), is_narrow=True))
    return Table(
        f"{by.replace('_', '-')}-table",
        f"Events by {title.lower()} (times in {subject.zone})",
        columns,
        folded="The numbers as a table",
    )


_LONGEST_KEY = 24
"""The longest id that stays on one line."""

_COUNTED = {
    "users": "People",
    "account_groups": "Groups",
    "event_types": "Types",
    "ip_addresses": "Addresses",
}
