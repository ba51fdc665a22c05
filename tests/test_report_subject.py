"""The subject of a report: how many events, from when, of which archive, and whether a review is of them."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pandas as pd
import pytest
from support.frames import with_receipt
from support.histories import SOURCES, START, archive_of, event, frame
from support.report_pages import EVENTS, PERIOD, RUNS, reviewed, subject

import te_audit_frames as taf
from te_audit_frames.schema import to_arrow


def test_an_equal_frame_may_have_the_review_and_the_accessor_writes_the_same(tmp_path):
    digests = {
        taf.write_report(EVENTS.copy(), tmp_path / "a.html", review=reviewed(), sections=["findings"]),
        taf.AuditAccessor(EVENTS).write_report(tmp_path / "b.html", review=reviewed(), sections=["findings"]),
    }
    assert len(digests) == 1


CHANGES = {
    "a value": lambda events: events.__setitem__("uid", "9"),
    "a cell": lambda events: events.loc.__setitem__((3, "event"), "Test deleted."),
    "resources": lambda events: events.__setitem__("resources", events["resources"].iloc[::-1].array),
    "fewer rows": lambda events: events.drop(index=range(20), inplace=True),
    "fewer columns": lambda events: events.pop("user"),
    "a cell in Polars": lambda events: events.__setitem__((3, "event"), "Test deleted."),
}


@pytest.mark.filterwarnings("ignore:The inplace keyword")
@pytest.mark.parametrize(
    "change", [pytest.param(name, marks=[] if name == "a cell" else pytest.mark.full) for name in CHANGES]
)
def test_a_review_is_refused_if_its_events_were_changed_in_place(change, tmp_path):
    events = SOURCES["polars"](to_arrow(EVENTS)) if "Polars" in change else EVENTS.copy()
    review = taf.review(events, checks=RUNS)
    taf.write_report(events, tmp_path / "report.html", review=review, sections=["findings"])
    CHANGES[change](events)
    with pytest.raises(taf.InvalidArgument, match="they have changed since"):
        taf.write_report(events, tmp_path / "report.html", review=review)


@pytest.mark.full
def test_a_review_is_refused_if_its_archive_has_grown(tmp_path):
    with archive_of(EVENTS.iloc[:20]) as archive, archive_of(EVENTS) as grown:
        review = taf.review(archive, checks=RUNS)
        taf.write_report(archive, tmp_path / "report.html", review=review, sections=["findings"])
        shutil.copytree(grown.location, archive.location, dirs_exist_ok=True)
        with pytest.raises(taf.InvalidArgument, match=f"it has read 20 events .* about {len(EVENTS)} events"):
            taf.write_report(taf.Archive(archive.location), tmp_path / "report.html", review=review)


@pytest.mark.few(count=2)
@pytest.mark.parametrize("library", SOURCES)
def test_every_library_has_the_same_extent(library):
    shown = subject(SOURCES[library](to_arrow(frame(event(5, "x"), event(0, "y"), {"event": "z"}))))
    assert (shown.rows, shown.undated, shown.first, shown.last) == (3, 1, START, START.replace(minute=5))
    assert shown.bounds == (START, START.replace(minute=5))
    assert shown.receipt is None
    assert shown.is_dated
    assert shown.dated_types["events"].tolist() == [1, 1]
    assert shown.groups("event")[0]["events"].tolist() == [1, 1, 1]


def test_without_dates_there_are_no_bounds():
    for events in (EVENTS.iloc[:0], frame({"event": "x"})):
        shown = subject(events)
        assert not shown.is_dated
        assert not shown.is_drawn
        assert shown.bounds is None
        assert pd.isna(shown.first)


def test_the_bounds_are_those_of_the_receipt_and_then_of_the_review_and_then_of_the_events():
    stated = with_receipt(EVENTS.copy(), source="api", resolved=PERIOD)
    start, end = (datetime.fromisoformat(PERIOD[name]) for name in ("start", "end"))
    assert subject(stated).bounds == (start, end)
    assert subject(EVENTS, review=reviewed()).bounds == tuple(reviewed().period)
    assert subject(EVENTS).bounds == (EVENTS["date"].min(), EVENTS["date"].max())


def test_an_odd_date_is_outside_the_bounds_and_not_drawn():
    odd = event(0, "x", date=datetime(1970, 1, 1, tzinfo=UTC))
    events = frame(odd, *(event(1440 * number, "x") for number in range(40)))
    shown = subject(events)
    assert shown.first.year == 1970
    assert shown.bounds[0] == datetime(2026, 3, 2, tzinfo=UTC)
    assert len(shown.drawn_events) == 40
    assert shown.is_drawn
    assert not subject(frame(odd)).is_drawn
    polars = subject(SOURCES["polars"](to_arrow(events)))
    assert polars.drawn_events.collect()["date"].to_list() == shown.drawn_events["date"].tolist()


def test_groups_without_a_name_are_not_named():
    shown = subject(frame(event(0, "x"), event(1, "x", None, user=None), event(2, "x", None, user="Eve")))
    groups, _ = shown.groups("user")
    assert shown.named("user").tolist() == groups[["uid", "user"]].notna().any(axis=1).tolist()
    assert shown.named("user").sum() == 2
    assert shown.groups("user")[0] is groups


def test_an_archive_is_compared_with_events_but_not_with_itself():
    with archive_of(frame(event(0, "x"), event(1, "y"))) as archive:
        itself = subject(archive)
        again = subject(taf.Archive(archive.location), archive=archive)
        part = subject(archive.load().iloc[:1], archive=archive)
    assert itself.comparison is again.comparison is None
    assert itself.coverage is not None
    assert part.comparison is not None
    assert part.comparison.foreign == 0
    assert (itself.rows, part.rows) == (2, 1)


@pytest.mark.parametrize(
    ("events", "options", "error", "message"),
    [
        (EVENTS, {"archive": "te-audit/"}, taf.InvalidArgument, r"str is not an archive; give taf\.Archive"),
        (EVENTS, {"archive": EVENTS}, taf.InvalidArgument, "DataFrame is not an archive"),
        (EVENTS[["event"]], {}, taf.NotAnAuditFrame, "no column 'date'"),
        (EVENTS.rename(columns=str.upper), {}, taf.NotAnAuditFrame, "has none of the columns"),
        (EVENTS.iloc[1:], {"review": reviewed}, taf.InvalidArgument, "they have changed since: it has read 91 events"),
        (EVENTS.iloc[::-1], {"review": reviewed}, taf.InvalidArgument, "review: it is of other events, or they have"),
    ],
)
def test_what_does_not_belong_together_is_refused(events, options, error, message):
    with pytest.raises(error, match=message):
        subject(events, **{name: value() if value is reviewed else value for name, value in options.items()})


def test_columns_of_ones_own_do_not_make_other_events():
    assert subject(EVENTS.assign(team="Shops"), review=reviewed()).review is reviewed()
