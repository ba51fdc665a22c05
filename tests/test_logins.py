"""Failed log-ins: windows that reach a threshold, who got in, and nobody who merely mistypes."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.histories import START, drawn_rows, event, everywhere, frame, table

import te_audit_frames as taf
from te_audit_frames.schema import to_events

SPRAYER = "198.51.100.7"


def failures(count, *, start=0, pace=1, **more):
    return [event(start + n * pace, "Login failed.", **more) for n in range(count)]


def spray(users, each, **more):
    return [
        event(user / 10 + n * 20, "Login failed.", str(100 + user), ip_address=SPRAYER, **more)
        for user in range(users)
        for n in range(each)
    ]


def test_whoever_mistypes_twice_and_gets_in_is_not_found():
    events = frame(*failures(2), event(3, "User login."))
    for by in ("user", "ip_address"):
        found = taf.find_failed_logins(events, by=by)
        assert found.empty
        assert taf.assessed(found).concerned == 3


def test_twenty_failures_in_an_hour_are_found_and_nineteen_are_not():
    found = taf.find_failed_logins(frame(*failures(20, pace=3)))
    assert found[["user", "pattern", "events", "ip_addresses"]].values.tolist() == [["Ada", "brute force", 20, 1]]
    assert found["success"].isna().all()
    assert taf.find_failed_logins(frame(*failures(19, pace=3))).empty
    assert taf.find_failed_logins(frame(*failures(20, pace=3.2))).empty
    assert len(taf.find_failed_logins(frame(*failures(20, pace=3.2)), within="61min")) == 1


@pytest.mark.full
@pytest.mark.parametrize("address", ["203.0.113.9", "192.0.2.1", None])
def test_five_failures_and_a_success_from_any_address_are_found(address):
    success = event(30, "User Login (SSO)", ip_address=address)
    found = taf.find_failed_logins(frame(*failures(5), success))
    assert found["success"].tolist() == [pd.Timestamp(START + timedelta(minutes=30))]
    assert found["success_ip_address"].fillna("-").tolist() == [address or "-"]
    assert found["events"].tolist() == [5]
    assert taf.find_failed_logins(frame(*failures(4), success)).empty
    assert taf.find_failed_logins(frame(*failures(5), success | {"uid": "8"})).empty
    assert taf.find_failed_logins(frame(*failures(5, start=31), success)).empty
    late = success | {"date": START + timedelta(minutes=61)}
    assert taf.find_failed_logins(frame(*failures(5), late)).empty


def test_the_success_counts_only_after_enough_failures():
    rows = [event(1.5, "User login."), *failures(6), event(40, "User login."), event(50, "User login.")]
    found = taf.find_failed_logins(frame(*rows))
    assert found["success"].tolist() == [pd.Timestamp(START + timedelta(minutes=40))]


def test_failures_at_both_ends_of_the_time_before_a_success_count():
    rows = [*failures(4), event(60, "Login failed."), event(60, "User login.")]
    found = taf.find_failed_logins(frame(*rows))
    assert found["events"].tolist() == [5]
    assert found["success"].tolist() == [pd.Timestamp(START + timedelta(minutes=60))]


def test_few_failures_from_many_addresses_are_found():
    rows = [event(n, "Login failed.", ip_address=f"192.0.2.{n % 5}") for n in range(10)]
    found = taf.find_failed_logins(frame(*rows))
    assert found[["pattern", "events", "ip_addresses"]].values.tolist() == [["distributed", 10, 5]]
    assert taf.find_failed_logins(frame(*rows), min_addresses=6).empty
    assert taf.find_failed_logins(frame(*rows[:9])).empty


def test_spraying_is_found_by_address_and_not_by_user():
    rows = [*spray(8, 2), event(50, "User login.", "103", ip_address="192.0.2.1")]
    assert taf.find_failed_logins(frame(*rows)).empty
    found = taf.find_failed_logins(frame(*rows), by="ip_address")
    assert found[["ip_address", "pattern", "events", "users", "most_per_user"]].values.tolist() == [
        [SPRAYER, "spraying", 16, 8, 2]
    ]
    assert found[["success_uid", "success_user", "success_ip_address"]].values.tolist() == [["103", "103", "192.0.2.1"]]


def test_one_attempt_at_each_of_ten_users_is_spraying():
    assert taf.find_failed_logins(frame(*spray(10, 1)), by="ip_address")["pattern"].tolist() == ["spraying"]
    assert taf.find_failed_logins(frame(*spray(9, 1)), by="ip_address").empty


def test_stuffing_has_many_users_and_few_attempts_each():
    patterns = [
        taf.find_failed_logins(frame(*rows), by="ip_address")["pattern"].tolist()
        for rows in (spray(15, 2), spray(14, 2), spray(15, 1) + spray(9, 1), spray(15, 3), failures(15))
    ]
    assert patterns == [["stuffing"], ["spraying"], ["spraying"], ["spraying"], ["brute force"]]


def test_the_first_of_several_successes_is_shown():
    rows = [
        *spray(10, 1),
        event(9, "User login.", "105"),
        event(8, "User login.", "104"),
        event(0.05, "User login.", "109"),
    ]
    found = taf.find_failed_logins(frame(*rows), by="ip_address")
    assert found["success_uid"].tolist() == ["104"]  # 109 logged in before the failure of that name


def test_the_first_failure_at_each_address_counts_for_a_success_though_it_is_of_the_same_person():
    rows = [*failures(25, ip_address="192.0.2.9"), *failures(25, start=500, ip_address="203.0.113.9")]
    found = taf.find_failed_logins(frame(*rows, event(500.5, "User login.")), by="ip_address")
    assert found[["ip_address", "success"]].values.tolist() == [
        ["203.0.113.9", pd.Timestamp(START) + pd.Timedelta(minutes=500.5)],
        ["192.0.2.9", pd.NaT],
    ]


def test_separate_attacks_are_separate_rows_and_the_one_that_got_in_comes_first():
    rows = [*failures(40), *failures(5, start=300), event(306, "User login."), *failures(25, start=1_000)]
    found = taf.find_failed_logins(frame(*rows))
    assert found["events"].tolist() == [5, 40, 25]
    assert found["success"].notna().tolist() == [True, False, False]


def slow_flags(rows, key, within, limits):
    """Find the windows that reach a threshold one event at a time, by user."""
    failed, succeeded = (rows[rows["outcome"] == outcome] for outcome in ("failure", "success"))
    flags = []
    for _, some in failed.groupby(key, dropna=False):
        for date in some["date"]:
            window = some[(some["date"] >= date - within) & (some["date"] <= date)]
            addresses = window["ip_address"].nunique()
            if len(window) >= limits["min_failures"] or (addresses >= limits["min_addresses"] and len(window) >= 10):
                flags.append((some[key].iloc[0], date))
        for date in succeeded.loc[succeeded[key] == some[key].iloc[0], "date"]:
            window = some[(some["date"] >= date - within) & (some["date"] <= date)]
            if len(window) >= limits["min_before_success"]:
                flags.append((some[key].iloc[0], date))
    return flags


@pytest.mark.full
@given(drawn_rows(max_size=60), st.integers(2, 12), st.integers(1, 3), st.integers(1, 3), st.integers(3, 40))
@settings(max_examples=examples(100, brief=5))
def test_what_is_found_is_what_is_found_one_event_at_a_time(drawn, min_failures, min_addresses, before, minutes):
    limits = {"min_failures": min_failures, "min_addresses": min_addresses, "min_before_success": before}
    within = timedelta(minutes=minutes)
    events = to_events(table([row | {"uid": row["uid"] or "9"} for row in drawn]))
    found = taf.find_failed_logins(events, within=within, **limits)
    rows = taf.classify_events(events[events["date"].notna()])
    rows = rows[rows["action"] == "login"]
    flagged = set()
    for uid, date in slow_flags(rows, "uid", within, limits):
        window = (rows["uid"] == uid) & (rows["date"] >= date - within) & (rows["date"] <= date)
        flagged |= set(rows.index[window & (rows["outcome"] == "failure")])
    behind = [taf.evidence(events, row) for _, row in found.iterrows()]
    assert [len(one) for one in behind] == found["events"].tolist()
    indices = [index for one in behind for index in one.index]
    assert len(indices) == len(set(indices))
    # Windows that overlap are joined, so that a row may have failures between two windows, and no others.
    assert flagged <= set(indices)
    for one in behind:
        assert {*one.index[one["date"] == one["date"].min()], *one.index[one["date"] == one["date"].max()]} <= flagged


@given(drawn_rows(max_size=60), st.integers(2, 6), st.integers(1, 3))
@settings(max_examples=examples(100, brief=5))
def test_evidence_by_address_is_exact(drawn, min_failures, min_users):
    events = to_events(table(drawn))
    found = taf.find_failed_logins(events, by="ip_address", min_failures=min_failures, min_users=min_users)
    for _, row in found.iterrows():
        behind = taf.evidence(events, row)
        assert len(behind) == row["events"]
        people = behind["uid"].fillna("name " + behind["user"].fillna("")).value_counts()
        assert (row["users"], row["most_per_user"]) == (len(people), people.max())
        if pd.notna(row["success"]):
            assert row["first_event"] <= row["success"] <= row["last_event"] + timedelta(hours=1)


@pytest.mark.full
def test_every_library_and_an_archive_give_the_same():
    events = frame(*spray(10, 2), *failures(25, start=500), event(530, "User login."), event(5, "Test created."))
    with everywhere(events) as sources:
        for by in ("user", "ip_address"):
            expected = taf.find_failed_logins(events, by=by)
            assert len(expected) == 1 + (by == "ip_address")
            for source in sources.values():
                found = taf.find_failed_logins(source, by=by)
                pd.testing.assert_frame_equal(found, expected)
                assert taf.assessed(found) == taf.assessed(expected)


def test_the_order_of_the_input_does_not_matter():
    events = frame(*spray(10, 2), *failures(25), event(25, "User login."), event(25, "User login.", ip_address="::1"))
    shuffled = events.sample(frac=1, random_state=0)
    for by in ("user", "ip_address"):
        found, expected = (taf.find_failed_logins(some, by=by) for some in (shuffled, events))
        pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize("by", ["user", "ip_address"])
def test_nothing_looks_like_something(by):
    something = taf.find_failed_logins(frame(*failures(25)), by=by)
    nothing = taf.find_failed_logins(frame(*failures(1)).iloc[:0], by=by)
    assert (len(something), len(nothing)) == (1, 0)
    assert nothing.dtypes.astype(str).to_dict() == something.dtypes.astype(str).to_dict()


def test_failures_of_nobody_and_from_nowhere_are_counted_as_left_out():
    events = frame(*failures(25, uid=None, user=None), *failures(25, start=100, ip_address=None))
    by_user, by_address = (taf.find_failed_logins(events, by=by) for by in ("user", "ip_address"))
    assert by_user["uid"].tolist() == ["7"]
    assert taf.assessed(by_user).notes == ("failed log-ins that name no user, and are not counted: 25",)
    assert by_address["ip_address"].tolist() == ["203.0.113.9"]
    assert taf.assessed(by_address).notes == ("failed log-ins that have no address, and are not counted: 25",)


def test_without_addresses_users_are_still_assessed():
    events = frame(*failures(20)).drop(columns="ip_address")
    found = taf.find_failed_logins(events)
    assert found["ip_addresses"].tolist() == [0]
    assert taf.assessed(found).absent == ("ip_address",)
    with pytest.raises(taf.NotAnAuditFrame, match="no column 'ip_address'"):
        taf.find_failed_logins(events, by="ip_address")


def test_a_log_without_log_ins_is_not_assessed():
    record = taf.assessed(taf.find_failed_logins(frame(event(0, "Flux capacitor"), event(1, "Test created."))))
    assert record.not_assessed == "no event is known to be a log-in, neither failed nor successful"
    assert record.unclassified_texts == ("Flux capacitor",)
    assert taf.assessed(taf.find_failed_logins(frame(event(0, "User login.")))).not_assessed == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"by": "account_group"}, "by: 'account_group' is not one of 'user', 'ip_address'"),
        ({"by": ["user"]}, r"by: \['user'\] is not one of"),
        ({"within": "an hour"}, "within: 'an hour' is not a duration"),
        ({"min_failures": 0}, "min_failures: 0 is not a whole number"),
        ({"min_before_success": 2.5}, "min_before_success: 2.5 is not a whole number"),
        ({"min_users": -1}, "min_users: -1 is not a whole number"),
        ({"min_addresses": True}, "min_addresses: True is not a whole number"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(taf.InvalidArgument, match=f"^{message}"):
        taf.find_failed_logins(frame(event(0, "Login failed.")), **arguments)
