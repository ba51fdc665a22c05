"""Sessions: every event in one, split where the log says so, and nothing guessed."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.histories import START, drawn_rows, event, everywhere, frame, table

import te_audit_frames as taf
from te_audit_frames.checks.sessions import _NEVER, _Seconds
from te_audit_frames.schema import to_events


def at(minute):
    return pd.Timestamp(START + timedelta(minutes=minute))


def ends(events, **arguments):
    """Return when each session began and ended, by minutes, with its log-in, its log-out and what ended it."""
    found = taf.find_sessions(events, **arguments)
    columns = found[["first_event", "last_event", "login", "logout", "ended_by"]]
    return [
        (*(None if pd.isna(date) else (date - at(0)) / timedelta(minutes=1) for date in dates), reason)
        for *dates, reason in columns.itertuples(index=False)
    ]


def test_a_session_goes_from_log_in_to_log_out():
    rows = [event(0, "User login."), event(5, "Test created.", ip_address="192.0.2.1"), event(9, "User logout.")]
    found = taf.find_sessions(frame(*rows, event(20, "Test deleted.", account_group_name="Labs")))
    assert found[["events", "created", "updated", "deleted"]].values.tolist() == [[3, 1, 0, 0], [1, 0, 0, 1]]
    assert found["ip_addresses"].tolist() == [["192.0.2.1", "203.0.113.9"], ["203.0.113.9"]]
    assert found["account_groups"].tolist() == [["Shops"], ["Labs"]]
    assert found["duration"].tolist() == [timedelta(minutes=9), timedelta(0)]
    assert found["login"].tolist()[0] == at(0)
    assert found["logout"].tolist()[0] == at(9)
    assert found[["login", "logout"]].isna().values.tolist() == [[False, False], [True, True]]


@pytest.mark.few(count=4)
@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(0, "User login."), (60, "Test created.")], [(0, 60, 0, None, "open")]),
        ([(0, "User login."), (60, "User login.")], [(0, 0, 0, None, "login"), (60, 60, 60, None, "open")]),
        ([(0, "Test created."), (480, "Test created.")], [(0, 480, None, None, "open")]),
        (
            [(0, "Test created."), (481, "Test created.")],
            [(0, 0, None, None, "silence"), (481, 481, None, None, "open")],
        ),
        ([(0, "User login."), (481, "User login.")], [(0, 0, 0, None, "silence"), (481, 481, 481, None, "open")]),
        ([(0, "User logout."), (1, "Test created.")], [(0, 0, None, 0, "logout"), (1, 1, None, None, "open")]),
        ([(0, "User login."), (1, "Login failed."), (2, "Test created.")], [(0, 2, 0, None, "open")]),
        ([(0, "Login failed.")], []),
        # One second with both: the open session was logged out of, and another begun.
        (
            [(0, "User login."), (5, "User logout."), (5, "User login."), (6, "Test created.")],
            [(0, 0, 0, 5, "logout"), (5, 6, 5, None, "open")],
        ),
        # One second with both, and no session open: a session of its own.
        (
            [(5, "User login."), (5, "User logout."), (6, "Test created.")],
            [(5, 5, 5, 5, "logout"), (6, 6, None, None, "open")],
        ),
        (
            [(0, "User logout."), (5, "User login."), (5, "User logout."), (6, "User login."), (6, "User logout.")],
            [(0, 0, None, 0, "logout"), (5, 5, 5, 5, "logout"), (6, 6, 6, 6, "logout")],
        ),
    ],
)
def test_where_sessions_begin_and_end(rows, expected):
    events = frame(*(event(minute, text) for minute, text in rows))
    assert ends(events) == expected
    assert ends(events.iloc[::-1]) == expected


def test_a_session_that_is_silent_to_the_end_of_the_events_is_over():
    rows = [event(0, "User login."), event(481, "Test created.", "8")]
    assert [end[-1] for end in ends(frame(*rows))] == ["silence", "open"]
    assert [end[-1] for end in ends(frame(*rows), idle="481min")] == ["open", "open"]
    failed = [event(0, "User login."), event(481, "Login failed.", "8")]
    assert [end[-1] for end in ends(frame(*failed))] == ["silence"]


@given(drawn_rows(minutes=60), st.integers(1, 30))
@settings(max_examples=examples(100, brief=5))
def test_every_event_is_in_one_session_and_the_evidence_is_exact(drawn, idle):
    events = to_events(table(drawn))
    found = taf.find_sessions(events, idle=timedelta(minutes=idle))
    classified = taf.classify_events(events)
    counted = classified[
        classified["date"].notna()
        & ~((classified["action"] == "login") & (classified["outcome"] == "failure"))
        & classified[["uid", "user"]].notna().any(axis=1)
    ]
    indices = []
    for _, row in found.iterrows():
        behind = taf.evidence(events, row)
        assert len(behind) == row["events"]
        assert behind["date"].agg(["min", "max"]).tolist() == [row["first_event"], row["last_event"]]
        actions = classified.loc[behind.index, "action"]
        assert row["created"] == (actions == "create").sum()
        assert pd.notna(row["login"]) == ((actions == "login") & (behind["date"] == row["first_event"])).any()
        assert not ((actions == "login") & (behind["date"] > row["first_event"])).any()
        assert (row["ended_by"] == "logout") == pd.notna(row["logout"])
        dates = behind["date"].sort_values()
        assert (dates.diff().dropna() <= timedelta(minutes=idle)).all()
        indices += list(behind.index)
    assert sorted(indices) == sorted(counted.index)


def one_by_one(seconds, longest):
    """Split moments as the class does, but one after the other."""
    begins, ends, logged_out = [], [], []
    is_open, before = False, None
    for person, moment, logs_in, logs_out in seconds:
        follows = before is not None and before[0] == person and moment - before[1] <= longest
        goes_on, before = is_open and follows, (person, moment)
        begins.append(logs_in or not goes_on)
        ends.append(logs_out and not (logs_in and goes_on))
        logged_out.append(moment if logs_in and logs_out and goes_on else _NEVER)
        is_open = not ends[-1]
    return begins, ends, logged_out


@given(st.lists(st.tuples(st.sampled_from([0, 0, 0, 1]), st.integers(1, 4), st.booleans(), st.booleans()), max_size=12))
@settings(max_examples=examples(500, brief=40))
def test_moments_are_split_as_if_they_were_read_one_by_one(drawn):
    person, moment = (np.cumsum([row[at] for row in drawn], dtype="int64") for at in (0, 1))
    logs_in, logs_out = (np.array([row[at] for row in drawn], dtype="bool") for at in (2, 3))
    split = _Seconds(person, moment, logs_in, logs_out).split(3)
    expected = one_by_one(zip(*(part.tolist() for part in (person, moment, logs_in, logs_out)), strict=True), 3)
    for found, wanted in zip(split, expected, strict=True):
        assert found.tolist() == wanted


@pytest.mark.full
def test_every_library_and_an_archive_give_the_same():
    rows = [
        event(n, ["User login.", "Test created.", "User logout.", "Deleted"][n % 4], str(7 + n // 10))
        for n in range(30)
    ]
    events = frame(*rows, event(2_000, "Login failed."))
    expected = taf.find_sessions(events)
    assert len(expected) > 6
    with everywhere(events) as sources:
        for source in sources.values():
            found = taf.find_sessions(source)
            pd.testing.assert_frame_equal(found, expected)
            assert taf.assessed(found) == taf.assessed(expected)


def test_nothing_looks_like_something():
    something = taf.find_sessions(frame(event(0, "User login.")))
    nothing = taf.find_sessions(frame(event(0, "User login.")).iloc[:0])
    assert (len(something), len(nothing)) == (1, 0)
    assert nothing.dtypes.astype(str).to_dict() == something.dtypes.astype(str).to_dict()


def test_what_was_not_assessed_is_said():
    events = frame(event(0, "Flux capacitor"), event(1, "Test created.", None, user=None))
    found = taf.find_sessions(events[["date", "event", "user"]])
    record = taf.assessed(found)
    assert record.notes == (
        "events that name no user, and belong to no session: 1",
        "no event is known to be a log-in or a log-out: silence alone tells sessions apart",
    )
    assert (record.people, record.unclassified, record.absent) == (
        1, 1, ("ip_address", "aid", "account_group_name", "uid")
    )  # fmt: skip
    assert found[["user", "events"]].values.tolist() == [["Ada", 1]]


def test_a_duration_that_is_none_is_refused():
    with pytest.raises(taf.InvalidArgument, match=r"^idle: '8' is not a duration"):
        taf.find_sessions(frame(event(0, "User login.")), idle="8")
