"""Comparison of periods: exact tails, unequal lengths, periods that the data do not cover, and every library."""

from __future__ import annotations

import math
import tempfile
from datetime import timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.frames import with_receipt
from support.histories import START, drawn_rows, event, everywhere, frame, table

import te_audit_frames as taf
from te_audit_frames.periods import Period
from te_audit_frames.sandbox import Sandbox
from te_audit_frames.schema import to_events

WEEK = timedelta(days=7)
BEFORE, NOW = (START, START + WEEK), (START + WEEK, START + 2 * WEEK)


def covered(events, start=START, end=START + 2 * WEEK, **stated):
    resolved = {"start": start.isoformat(), "end": end.isoformat()}
    return with_receipt(events, source="api", resolved=resolved, **stated)


def test_rates_are_compared_over_unequal_lengths():
    events = frame(
        *(event(n, "Test created.") for n in range(2)), *(event(2_880 + n, "Test created.") for n in range(8))
    )
    found = taf.compare(
        events, before=(START, START + timedelta(days=2)), now=(START + timedelta(days=2), START + timedelta(days=10)),
        by="event",
    ).iloc[0]  # fmt: skip
    assert found[["before", "now", "before_per_day", "now_per_day", "ratio", "change", "p_value"]].tolist() == [
        2, 8, 1.0, 1.0, 1.0, "same", 1.0
    ]  # fmt: skip


def test_what_is_new_and_gone_more_and_fewer():
    rows = [event(0, "Gone.")] + [event(n, "Fewer.") for n in range(9)] + [event(1, "More."), event(1, "Same.")]
    later = [event(10_080, "New.")] + [event(10_080 + n, "More.") for n in range(20)]
    later += [event(10_081, "Fewer."), event(10_081, "Same.")]
    found = taf.compare(frame(*rows, *later), before=BEFORE, now=NOW, by="event")
    assert found["event"].tolist() == ["More.", "Fewer.", "Same.", "Gone.", "New."]
    assert found["change"].tolist() == ["more", "fewer", "same", "gone", "new"]
    assert found["ratio"].tolist() == [20.0, pytest.approx(1 / 9), 1.0, 0.0, math.inf]
    assert found["p_value"].tolist()[:2] == [pytest.approx(44 / 2**21), pytest.approx(22 / 1024)]
    assert found["p_adjusted"].tolist() == [pytest.approx(5 * 44 / 2**21), pytest.approx(4 * 22 / 1024), 1.0, 1.0, 1.0]


@given(drawn_rows(), st.sampled_from(["user", "event", ["account_group", "ip_address"]]), st.integers(5, 60))
@settings(max_examples=examples(100, brief=4))
def test_counts_are_those_of_the_periods(drawn, by, minute):
    events = to_events(table(drawn))
    middle, end = START + timedelta(minutes=minute), START + timedelta(minutes=80)
    found = taf.compare(events, before=(START, middle), now=(middle, end), by=by)
    columns = [name for name in found if name in events]
    keys = [name for name in columns if name not in ("user", "account_group_name")]
    for name, start, stop in (("before", START, middle), ("now", middle, end)):
        inside = events[(events["date"] >= start) & (events["date"] < stop)]
        expected = taf.summarize(inside, by=by)
        got = found[found[name] > 0]
        assert sorted(map(str, got[[*keys, name]].values.tolist())) == sorted(
            map(str, expected[[*keys, "events"]].values.tolist())
        )
    assert found["p_value"].is_monotonic_increasing
    assert (found["p_adjusted"] >= found["p_value"]).all()


@pytest.mark.full
def test_every_library_and_an_archive_give_the_same():
    rows = [event(n * 300, "Test created.", str(7 + n % 3), aid=str(n % 2), ip_address=None) for n in range(60)]
    events = frame(*rows, event(0, "Test created.", date=None))
    with everywhere(events) as sources:
        for by in ("user", ["account_group", "ip_address"]):
            expected = taf.compare(events, before=BEFORE, now=NOW, by=by)
            assert len(expected) in (2, 3)
            for source in sources.values():
                found = taf.compare(source, before=BEFORE, now=NOW, by=by, incomplete="allow")
                pd.testing.assert_frame_equal(found, expected)


def test_any_column_serves_but_those_of_the_result():
    events = frame(event(0, "x")).assign(team="A", now="B")
    assert taf.compare(events, before=BEFORE, now=NOW, by="team")["team"].tolist() == ["A"]
    with pytest.raises(taf.InvalidArgument, match=r"^by: the result has a column 'now' of its own"):
        taf.compare(events, before=BEFORE, now=NOW, by="now")


def test_complete_is_what_the_receipt_proves():
    rows = [event(n, "x") for n in range(3)]
    assert taf.compare(covered(frame(*rows)), before=BEFORE, now=NOW, by="event")["complete"].tolist() == [True]
    assert taf.compare(frame(*rows), before=BEFORE, now=NOW, by="event")["complete"].tolist() == [False]


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (covered(frame(event(0, "x")), end=START + WEEK * 1.5), "they cover .* and not all of"),
        (covered(frame(event(0, "x")), start=START + timedelta(seconds=1)), "they cover .* and not all of"),
        (covered(frame(event(0, "x")), fetched_at=(START + WEEK).isoformat()), "they cover .* and not all of"),
        (covered(frame(event(0, "x")), complete=False), "their receipt says that they are not complete"),
        (covered(frame(event(0, "x"), event(1, "x"))).iloc[:1], "the receipt counts 2 events and the frame has 1"),
    ],
)
def test_periods_that_are_not_covered_are_refused(events, message):
    with pytest.raises(taf.InvalidArgument, match=f'^events: .*{message}.*incomplete="allow"'):
        taf.compare(events, before=BEFORE, now=NOW, by="event")
    found = taf.compare(events, before=BEFORE, now=NOW, by="event", incomplete="allow")
    assert found["complete"].tolist() == [False]


def test_an_archive_that_was_not_read_so_far_is_refused():
    message = r'^events: the archive has not read any of .*incomplete="allow"'
    with everywhere(frame(event(0, "x"))) as sources, pytest.raises(taf.InvalidArgument, match=message):
        taf.compare(sources["archive"], before=BEFORE, now=NOW, by="event")


@pytest.mark.parametrize("days", [35, pytest.param(None, id="two years", marks=pytest.mark.full)])
def test_an_archive_that_was_synced_is_proven(days):
    with Sandbox(events=500, seed=0, days=30) as api, tempfile.TemporaryDirectory() as folder:
        archive = taf.Archive(folder)
        start = days and pd.Timestamp.now(tz="UTC") - pd.Timedelta(days=days)
        archive.sync(taf.Client(token=api.token, base_url=api.url), start=start, settle=0)
        last = archive.load()["date"].max().normalize()
        before, now = ((last - pd.Timedelta(days=n), last - pd.Timedelta(days=n - 7)) for n in (14, 7))
        found = taf.compare(archive, before=before, now=now, by="event")
        assert found["complete"].all()
        assert found["now"].sum() == len(archive.load(start=now[0], end=now[1])) > 0
        with pytest.raises(taf.InvalidArgument, match=r"^events: "):
            taf.compare(archive, before=now, now=(last, last + pd.Timedelta(days=7)), by="event")


def test_a_cut_by_between_is_compared_within_its_period():
    rows = [event(n * 1_000, "x") for n in range(20)]
    part = taf.between(covered(frame(*rows)), start=START, end=START + WEEK)
    day = timedelta(days=1)
    found = taf.compare(part, before=(START, START + day), now=(START + day, START + 3 * day), by="event")
    assert found[["before", "now", "complete"]].values.tolist() == [[2, 3, True]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"before": NOW, "now": BEFORE}, "now: .* does not start after before"),
        ({"now": (START + WEEK - timedelta(microseconds=1), START + 2 * WEEK)}, "now: .* does not start after"),
        ({"before": "7d"}, "before: '7d' is not a period"),
        ({"now": (START + WEEK, None)}, "now: .* is not a period"),
        ({"now": ("2026-03-10", "2026-03-10")}, "now: end: .* is not after start"),
        ({"now": ("soon", "later")}, "now: start: 'soon'"),
        ({"incomplete": "ignore"}, "incomplete: 'ignore' is neither"),
        ({"by": "colour"}, "by: 'colour' is neither"),
        ({"tz": "Mars/Olympus"}, "tz: "),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(taf.InvalidArgument, match=f"^{message}"):
        taf.compare(frame(event(0, "x")), **({"before": BEFORE, "now": NOW, "by": "event"} | arguments))


def test_a_zone_and_a_period_are_taken():
    events = frame(event(-540, "x"), event(0, "x"))  # 2026-03-01 at 23:00 in UTC, and 2026-03-02 at 08:00
    days = {"before": ("2026-03-01", "2026-03-02"), "now": ("2026-03-02", "2026-03-03")}
    assert taf.compare(events, **days, by="event")["before"].tolist() == [1]
    assert taf.compare(events, **days, by="event", tz="Europe/Berlin")["before"].tolist() == [0]
    days = {name: Period(*(pd.Timestamp(day, tz="UTC").to_pydatetime() for day in pair)) for name, pair in days.items()}
    assert taf.compare(events, **days, by="event")["before"].tolist() == [1]


def test_nothing_looks_like_something():
    something = taf.compare(frame(event(0, "x")), before=BEFORE, now=NOW, by="user")
    nothing = taf.compare(frame(event(0, "x")).iloc[:0], before=BEFORE, now=NOW, by="user")
    assert (len(something), len(nothing)) == (1, 0)
    assert nothing.dtypes.astype(str).to_dict() == something.dtypes.astype(str).to_dict()
