"""Baselines: sums that can be checked by hand, and the same from every library and from an archive in chunks."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from support.examples import examples
from support.histories import SOURCES, archive_of, drawn_rows, event, frame, table

import te_audit_frames as taf
from te_audit_frames.checks import in_archive
from te_audit_frames.checks.baseline import Baseline, read_baseline
from te_audit_frames.checks.history_counts import PARTS
from te_audit_frames.checks.networks import to_networks
from te_audit_frames.schema import to_events


def assert_same(one: Baseline, other: Baseline) -> None:
    for name in ("people", *PARTS):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name))


def who(events: pd.DataFrame) -> pd.Series:
    """Name each event's person in plain Python."""
    pairs = zip(events["uid"], events["user"], strict=True)
    return pd.Series(
        [f"uid {uid}" if pd.notna(uid) else f"user {user}" for uid, user in pairs], index=events.index, dtype="object"
    )


@pytest.mark.full
@given(drawn_rows(minutes=20_000))
@settings(max_examples=examples(40, brief=3))
def test_every_library_gives_the_same(drawn):
    events = to_events(table(drawn))
    expected = read_baseline(events)
    for make in SOURCES.values():
        assert_same(read_baseline(make(table(drawn))), expected)


@given(drawn_rows(minutes=20_000))
@settings(max_examples=examples(100, brief=4))
def test_counts_are_those_of_plain_pandas(drawn):
    events = to_events(table(drawn))
    baseline = read_baseline(events)
    dated = events[events["date"].notna()]
    names = who(baseline.people)
    assert names.is_unique
    assert dict(zip(names, baseline.people["events"], strict=True)) == who(dated).value_counts().to_dict()

    quarters = dated["date"].dt.floor("15min")
    expected = pd.DataFrame({"who": who(dated), "quarter": quarters}).value_counts()
    found = baseline.moments
    keys = zip(names.iloc[found["person"]], pd.to_datetime(found["quarter"] * 900, unit="s", utc=True), strict=True)
    assert dict(zip(keys, found["events"], strict=True)) == expected.to_dict()

    acts = dated[dated["event"] != "Login failed."]  # failed log-ins make no network known
    networks = pd.DataFrame({"who": who(acts), "network": to_networks(acts["ip_address"]), "date": acts["date"]})
    expected = networks.dropna().groupby(["who", "network"])["date"].agg(["min", "max", "size"])
    found = baseline.networks
    keys = zip(names.iloc[found["person"]], found["network"], strict=True)
    values = zip(found["first"], found["last"], found["events"], strict=True)
    wanted = zip(expected["min"], expected["max"], expected["size"], strict=True)
    assert dict(zip(keys, values, strict=True)) == dict(zip(expected.index, wanted, strict=True))

    days = pd.DataFrame({"who": who(dated), "day": dated["date"].dt.floor("D")}).drop_duplicates()
    assert dict(zip(names, baseline.active_days(), strict=True)) == days["who"].value_counts().to_dict()
    assert baseline.texts["events"].sum() == baseline.groups["events"].sum() == baseline.events == len(dated)
    assert (baseline.texts["week"].dt.day_of_week == 0).all()


@pytest.mark.full
def test_an_archive_is_added_up_over_many_chunks(monkeypatch):
    rows = [
        event(minute, "Test created.", uid=str(minute % 3), user=f"User {minute % 7}")
        for minute in range(0, 30_000, 91)
    ]
    events = frame(*rows)
    with archive_of(events) as archive:
        monkeypatch.setattr(in_archive, "_CHUNK", 50)
        assert len(list(in_archive.read_in_chunks(archive, ["date"], (None, None)))) > 3
        assert_same(read_baseline(archive), read_baseline(events))


def test_a_period_cuts_what_is_read():
    events = frame(event(0, "Test created."), event(60, "Test created."), event(120, "Test created."))
    assert read_baseline(events, start="2026-03-02T09:00Z", end="2026-03-02T10:00Z").events == 1


def test_parts_that_are_not_asked_for_are_empty_but_typed():
    baseline = read_baseline(frame(event(0, "Test created.")), parts=["moments"])
    whole = read_baseline(frame(event(0, "Test created.")))
    for name in PARTS[1:]:
        assert len(getattr(baseline, name)) == 0 < len(getattr(whole, name))
        assert getattr(baseline, name).dtypes.equals(getattr(whole, name).dtypes)


@pytest.mark.parametrize("nothing", [None, frame()])
def test_nothing_is_an_empty_baseline(nothing):
    baseline = read_baseline(nothing)
    assert (baseline.events, baseline.last_event, len(baseline.active_days())) == (0, None, 0)


def test_a_baseline_is_read_once():
    baseline = read_baseline(frame(event(0, "Test created.")))
    assert read_baseline(baseline) is baseline


def test_columns_that_are_not_there_are_named():
    events = frame(event(0, "Test created."))[["date", "user"]]
    baseline = read_baseline(events, parts=("moments", "networks", "groups"))
    assert baseline.absent == ("uid", "ip_address", "aid", "account_group_name")
    assert baseline.people["user"].tolist() == ["Ada"]
    with pytest.raises(taf.NotAnAuditFrame, match=r"^history: .*'event'"):
        read_baseline(events)
    with pytest.raises(taf.NotAnAuditFrame, match=r"^history: .*'uid'"):
        read_baseline(events[["date"]])
