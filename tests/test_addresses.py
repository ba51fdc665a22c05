"""New addresses: a network is new to a person only against a history, and whole blocks are compared with care."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.histories import ADDRESSES, SOURCES, START, archive_of, event, frame

import te_audit_frames as taf
from te_audit_frames.checks.networks import to_networks
from te_audit_frames.schema import to_arrow

DAY = 1440


def past(*addresses: str | None, uid: str = "7", days: int = 12) -> list[dict[str, object]]:
    """Write a log-in a day from each address, before the start."""
    return [event(-DAY * day, "User login.", uid, ip_address=ip) for day in range(1, days + 1) for ip in addresses]


HOME = past("203.0.113.9")


def find(*addresses: str | None, history: list[dict[str, object]], **more: int) -> pd.DataFrame:
    events = frame(*(event(at, "User login.", ip_address=ip) for at, ip in enumerate(addresses)))
    return taf.find_new_addresses(events, history=frame(*history), **more)


def test_a_network_is_new_if_the_person_was_never_there():
    found = find("203.0.113.77", "198.51.100.1", "198.51.100.2", history=HOME)
    assert found[["uid", "user", "network", "events", "known_networks", "new_to_all"]].values.tolist() == [
        ["7", "Ada", "198.51.100.0/24", 2, 1, True]
    ]
    assert found["ip_addresses"].map(list).tolist() == [["198.51.100.1", "198.51.100.2"]]


@pytest.mark.full
def test_the_prefix_decides_what_is_one_network():
    assert len(find("203.0.113.77", history=HOME, v4=32)) == 1
    assert len(find("203.0.200.1", history=HOME, v4=16)) == 0
    six = past("2001:db8:1:2::3")
    assert len(find("2001:db8:1:9::9", history=six)) == 0
    assert len(find("2001:db8:1:9::9", history=six, v6=64)) == 1


def test_an_address_written_as_ipv6_is_the_same():
    assert len(find("::ffff:203.0.113.5", history=HOME)) == 0


@pytest.mark.full
@pytest.mark.few(count=3)
@pytest.mark.parametrize(
    ("now", "before", "count"),
    [
        ("203.0.112.0/20", "203.0.113.9", 0),  # the block holds a network that is known
        ("203.0.113.9", "203.0.112.0/20", 0),
        ("203.0.64.0/20", "203.0.113.9", 1),
        ("10.0.0.0/8", "2001:db8::/32", 1),
        ("10.128.0.0/9", "10.0.0.0/8", 0),
    ],
)
def test_blocks_are_new_only_if_they_share_no_address(now, before, count):
    assert len(find(now, history=past(before))) == count


def test_another_persons_block_excuses_nobody():
    found = find("203.0.113.9", history=[*past("198.51.100.1"), *past("203.0.112.0/20", uid="8")])
    assert found["network"].tolist() == ["203.0.113.0/24"]


def test_who_else_uses_the_network_is_named():
    events = frame(
        event(0, "User login.", ip_address="198.51.100.1"),
        event(5, "User login.", "9", user="Cem", ip_address="198.51.100.9"),
    )
    history = frame(*HOME, *past("198.51.100.7", uid="8"))
    found = taf.find_new_addresses(events, history=history)
    assert found["uid"].tolist() == ["7"]  # Cem has no history
    assert found["others"].map(list).tolist() == [["Ben", "Cem"]]
    assert not found["new_to_all"][0]


@pytest.mark.full
def test_without_a_history_nothing_is_new():
    events = frame(event(0, "User login."))
    for history, reason in ((None, "no history was given"), (frame(), "nobody")):
        found = taf.find_new_addresses(events, history=history)
        assert len(found) == 0
        assert taf.assessed(found).not_assessed.startswith(reason)
    few = taf.find_new_addresses(events, history=frame(*past("198.51.100.1", days=9)))
    assert (len(few), taf.assessed(few).without_baseline) == (0, 1)
    assert len(taf.find_new_addresses(events, history=frame(*past("198.51.100.1", days=9)), min_days=9)) == 1


def test_a_history_that_overlaps_is_cut():
    late = [event(at, "User login.", ip_address="198.51.100.1") for at in range(0, 20 * DAY, DAY)]
    found = taf.find_new_addresses(frame(late[0]), history=frame(*HOME, *late))
    assert found["network"].tolist() == ["198.51.100.0/24"]


def test_rubbish_and_nulls_are_counted_not_found():
    found = find("unknown", None, "198.51.100.1", history=HOME)
    assert len(found) == 1
    assert "2 events have no address that can be read, or name nobody" in taf.assessed(found).notes


def test_without_the_column_nothing_is_assessed():
    events = frame(event(0, "User login.")).drop(columns="ip_address")
    found = taf.find_new_addresses(events, history=frame(*HOME))
    assert (len(found), taf.assessed(found).absent) == (0, ("ip_address",))
    assert "ip_address" in taf.assessed(found).not_assessed


def test_nothing_gives_no_rows_of_the_same_types():
    some = find("198.51.100.1", history=HOME)
    none = taf.find_new_addresses(frame(), history=frame(*HOME))
    assert none.dtypes.equals(some.dtypes)
    assert len(none) == 0 < len(some)


ROW = st.tuples(
    st.integers(0, 3 * DAY),
    st.sampled_from(["7", "8", None]),
    st.sampled_from(["Ada", "7"]),
    st.sampled_from(ADDRESSES),
)
ROWS = st.lists(ROW, max_size=25)
FULL = [*past("203.0.113.1"), *past("2001:db8::5", uid="8"), *({**row, "uid": None} for row in past("198.51.100.0/25"))]


def drawn_frame(drawn):
    rows = (event(at, "User login.", uid, user=user, ip_address=ip) for at, uid, user, ip in drawn)
    return frame(*rows)


@pytest.mark.full
@given(ROWS)
@settings(max_examples=examples(100, brief=4))
def test_new_networks_are_those_found_one_event_at_a_time(drawn):
    events, history = drawn_frame(drawn), frame(*FULL)
    found = taf.find_new_addresses(events, history=history)

    def pairs(some):
        networks = to_networks(some["ip_address"])
        names = [
            ("uid", uid) if pd.notna(uid) else ("user", user)
            for uid, user in zip(some["uid"], some["user"], strict=True)
        ]
        return {(name, network) for name, network in zip(names, networks, strict=True) if pd.notna(network)}

    known = pairs(history)
    expected = {pair for pair in pairs(events) - known if pair[0] in {name for name, _ in known}}
    keys = [
        ("uid", uid) if pd.notna(uid) else ("user", user) for uid, user in zip(found["uid"], found["user"], strict=True)
    ]
    assert set(zip(keys, found["network"], strict=True)) == expected
    assert len(found) == len(expected)
    for _, row in found.iterrows():
        behind = taf.evidence(events, row)
        assert len(behind) == row["events"]
        assert behind["date"].agg(["min", "max"]).tolist() == [row["first_event"], row["last_event"]]
        assert set(behind["ip_address"]) == set(row["ip_addresses"])


@pytest.mark.full
@given(ROWS)
@settings(max_examples=examples(40, brief=3))
def test_every_library_gives_the_same(drawn):
    events, history = drawn_frame(drawn), frame(*FULL)
    expected = taf.find_new_addresses(events, history=history)
    for make in SOURCES.values():
        found = taf.find_new_addresses(make(to_arrow(events)), history=make(to_arrow(history)))
        pd.testing.assert_frame_equal(found, expected)
        assert found.attrs == expected.attrs


@pytest.mark.full
def test_an_archive_gives_the_same():
    events, history = frame(event(0, "User login.", ip_address="198.51.100.1")), frame(*HOME)
    with archive_of(events) as now, archive_of(history) as before:
        found = taf.find_new_addresses(now, history=before)
        pd.testing.assert_frame_equal(found, taf.find_new_addresses(events, history=history))
        assert len(taf.evidence(now, found.iloc[0])) == 1
    assert START - timedelta(days=1) == history["date"].max()


@pytest.mark.parametrize(("name", "value"), [("v4", 0), ("v6", 129), ("min_days", 0)])
def test_arguments_out_of_bounds_are_refused(name, value):
    with pytest.raises(taf.InvalidArgument, match=name):
        find("198.51.100.1", history=HOME, **{name: value})
