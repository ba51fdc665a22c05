"""Runs: gap-connected, as long as they can be, large enough; and the same from every library."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.histories import START, attacks, drawn_rows, event, everywhere, frame, history, table

import te_audit_frames as taf
from te_audit_frames.schema import to_events

BY = {"user": ["uid", "user"], "ip_address": ["ip_address"], "account_group": ["aid", "account_group_name"]}


def identify(events: pd.DataFrame, by: str) -> pd.Series:
    """Say in plain Python what each event is about."""
    key, label = (BY[by] * 2)[:2]
    return pd.Series(
        [
            ("key", k) if pd.notna(k) else ("label", label) if pd.notna(label) else ("nothing",)
            for k, label in zip(events[key], events[label], strict=True)
        ],
        index=events.index,
        dtype="object",
    )


def slow_runs(events: pd.DataFrame, *, gap: timedelta, min_size: int, by: str) -> list[tuple[object, ...]]:
    """Find runs one event at a time."""
    classified = taf.classify_events(events)
    of_kind = (classified["action"] == "delete") & (classified["outcome"] != "failure") & classified["date"].notna()
    rows = classified[of_kind].sort_values("date", kind="stable")
    open_runs: dict[object, list[pd.Timestamp]] = {}
    closed = []
    for date, who in zip(rows["date"], identify(rows, by), strict=True):
        run = open_runs.get(who)
        if run and date - run[-1] <= gap:
            run.append(date)
        else:
            closed += [(who, run)] if run else []
            open_runs[who] = [date]
    found = [(who, run) for who, run in [*closed, *open_runs.items()] if len(run) >= min_size]
    return sorted(((str(who), run[0], run[-1], len(run)) for who, run in found), key=str)


@given(drawn_rows(), st.integers(1, 30), st.integers(1, 4), st.sampled_from(sorted(BY)))
@settings(max_examples=examples(100, brief=5))
def test_runs_are_those_found_one_event_at_a_time(drawn, minutes, min_size, by):
    events = to_events(table(drawn))
    gap = timedelta(minutes=minutes)
    found = taf.find_runs(events, gap=gap, min_size=min_size, by=by)
    rows = zip(identify(found, by), found["first_event"], found["last_event"], found["events"], strict=True)
    got = sorted(((str(who), first, last, int(n)) for who, first, last, n in rows), key=str)
    assert got == slow_runs(events, gap=gap, min_size=min_size, by=by)


@given(drawn_rows(), st.sampled_from(sorted(BY)))
@settings(max_examples=examples(100, brief=5))
def test_figures_are_those_of_the_evidence(drawn, by):
    events = to_events(table(drawn))
    found = taf.find_runs(events, min_size=2, by=by)
    for _, row in found.iterrows():
        behind = taf.classify_events(taf.evidence(events, row))
        assert len(behind) == row["events"]
        assert set(behind["action"]) == {"delete"}
        assert behind["date"].agg(["min", "max"]).tolist() == [row["first_event"], row["last_event"]]
        assert row["duration"] == row["last_event"] - row["first_event"]
        assert list(row["objects"]) == sorted(set(behind["object"]))
        groups = behind["account_group_name"].fillna(behind["aid"]).dropna()
        if by != "account_group":
            assert list(row["account_groups"]) == sorted(set(groups))
        if by != "ip_address":
            assert row["ip_addresses"] == behind["ip_address"].nunique()
        places = behind["aid"].fillna(behind["account_group_name"]).fillna("?")
        things = {
            (place, thing["type"], thing["name"])
            for place, things in zip(places, behind["resources"], strict=True)
            for thing in (things if isinstance(things, list) else [])
        }
        assert row["resources"] == len(things)
        if row["duration"] >= timedelta(seconds=1):
            assert row["pace"] == pytest.approx((row["events"] - 1) / (row["duration"] / timedelta(minutes=1)))
        else:
            assert pd.isna(row["pace"])


def test_a_run_crosses_account_groups_and_leaves_out_failures_and_others():
    rows = [event(n, "Test deleted.", aid=str(n % 3), account_group_name=f"Group {n % 3}") for n in range(6)]
    rows += [event(2.5, "Test deletion failed."), event(3.5, "Test created."), event(3.6, "Test deleted.", uid="8")]
    found = taf.find_runs(frame(*rows))
    assert found[["uid", "user", "events", "ip_addresses"]].values.tolist() == [["7", "Ada", 6, 1]]
    assert found["account_groups"].tolist() == [["Group 0", "Group 1", "Group 2"]]
    assert found["event_texts"].tolist() == [["Test deleted."]]
    assert found["pace"].tolist() == [1.0]


def test_the_gap_itself_still_belongs_to_a_run():
    rows = [event(10 * n, "Test deleted.") for n in range(5)]
    assert taf.find_runs(frame(*rows))["events"].tolist() == [5]
    rows[-1]["date"] += timedelta(microseconds=1)
    assert taf.find_runs(frame(*rows)).empty
    assert taf.find_runs(frame(*rows), min_size=4)["events"].tolist() == [4]


def test_several_actions_make_one_run():
    rows = [event(n, "Test deleted." if n % 2 else "Test created.") for n in range(6)]
    assert taf.find_runs(frame(*rows)).empty
    found = taf.find_runs(frame(*rows), action=["delete", "create"])
    assert found["event_texts"].tolist() == [["Test created.", "Test deleted."]]


def test_the_largest_comes_first_and_the_newest_name_is_shown():
    rows = [event(n, "Test deleted.", uid="8") for n in range(5)] + [event(n, "Test deleted.") for n in range(7)]
    rows.append(event(500, "User login.", user="Ada Lovelace"))
    found = taf.find_runs(frame(*rows))
    assert found["user"].tolist() == ["Ada Lovelace", "Ben"]


@pytest.mark.full
def test_every_library_and_an_archive_give_the_same():
    rows = [event(n, "Test deleted.", resources=[{"type": "testName", "name": str(n % 4)}]) for n in range(9)]
    rows += [event(n, "Deleted", uid=None, user=None, ip_address=None) for n in range(2_000, 2_006)]
    events = frame(*rows)
    with everywhere(events) as sources:
        for by in BY:
            expected = taf.find_runs(events, by=by)
            assert len(expected) == 2
            for source in sources.values():
                found = taf.find_runs(source, by=by)
                pd.testing.assert_frame_equal(found, expected)
                assert taf.assessed(found) == taf.assessed(expected)


def test_nothing_looks_like_something():
    something = taf.find_runs(frame(*(event(n, "Test deleted.") for n in range(6))))
    nothing = taf.find_runs(frame(event(0, "Test deleted.")).iloc[:0])
    assert nothing.empty
    assert nothing.dtypes.astype(str).to_dict() == something.dtypes.astype(str).to_dict()


def test_columns_that_are_absent_are_counted_as_unknown():
    events = frame(*(event(n, "Test deleted.") for n in range(6)))[["date", "event", "user"]]
    found = taf.find_runs(events)
    assert found["resources"].isna().all()
    assert found["account_groups"].tolist() == [[]]
    assert found["uid"].isna().all()
    assert taf.assessed(found).absent == ("ip_address", "aid", "account_group_name", "resources", "uid")
    with pytest.raises(taf.NotAnAuditFrame, match="no column 'ip_address'"):
        taf.find_runs(events, by="ip_address")
    with pytest.raises(taf.NotAnAuditFrame, match="no column 'aid', 'account_group_name'"):
        taf.find_runs(events, by="account_group")


def test_unclassified_events_are_said_not_to_be_assessed():
    record = taf.assessed(taf.find_runs(frame(event(0, "Flux capacitor"), event(1, "Flux capacitor"), event(2, None))))
    assert record.not_assessed == "no event has a text that the vocabulary knows"
    assert (record.unclassified, record.unclassified_texts) == (3, ("Flux capacitor",))
    known = taf.assessed(taf.find_runs(frame(event(0, "Flux capacitor"), event(1, "Test created."))))
    assert (known.not_assessed, known.unclassified, known.events, known.concerned) == ("", 1, 2, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"action": "deleted"}, "action: 'deleted' is not one of 'create'"),
        ({"action": []}, "action: it names no action"),
        ({"gap": "soon"}, "gap: 'soon' is not a duration"),
        ({"gap": "5"}, "gap: '5' is not a duration"),
        ({"gap": "0min"}, "gap: '0min' is not a duration"),
        ({"gap": "NaT"}, "gap: 'NaT' is not a duration"),
        ({"gap": 10}, "gap: 10 is not a duration"),
        ({"min_size": 0}, "min_size: 0 is not a whole number"),
        ({"by": "uid"}, "by: 'uid' is not one of 'user'"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(taf.InvalidArgument, match=f"^{message}"):
        taf.find_runs(frame(event(0, "Test deleted.")), **arguments)


def test_the_order_of_the_input_does_not_matter():
    rows = [event(n // 3, "Test deleted.", uid=str(n % 2 + 7), ip_address=f"203.0.113.{n}") for n in range(40)]
    events = frame(*rows)
    shuffled = events.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(taf.find_runs(shuffled), taf.find_runs(events))


@pytest.mark.few(count=1)
@pytest.mark.parametrize("name", ["timesketch", "detection-rules"])
def test_real_histories_have_few_runs_and_all_have_their_evidence(name):
    events = history(name)
    found = taf.find_runs(events, min_size=50)
    assert 0 < len(found) < 100
    for row in found.head(10).itertuples():
        assert len(taf.evidence(events, row)) == row.events


def test_recorded_attacks_that_delete_one_thing_are_no_run_and_mass_deletions_are():
    deletions = pd.concat([events for name, events in attacks().items() if "delete" in name]).assign(
        uid="victim", date=pd.Timestamp(START)
    )
    classified = taf.classify_events(deletions)
    size = int(((classified["action"] == "delete") & (classified["outcome"] != "failure")).sum())
    assert size >= 2
    assert taf.find_runs(deletions, min_size=size)["events"].tolist() == [size]
    assert taf.find_runs(deletions, min_size=size + 1).empty
