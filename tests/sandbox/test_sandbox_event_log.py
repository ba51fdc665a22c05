"""Logs: selection by time and account group, and pages of a selection."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from te_audit_frames.sandbox.dates import iso
from te_audit_frames.sandbox.event_log import GivenEvents

EVENTS = st.lists(st.tuples(st.integers(0, 50), st.sampled_from("12")), max_size=30)


def log(events):
    return GivenEvents([{"date": iso(second), "aid": aid, "n": n} for n, (second, aid) in enumerate(events)], now=100)


@given(EVENTS, st.integers(0, 50), st.integers(0, 50), st.sampled_from([None, "1"]))
def test_a_selection_is_what_a_filter_finds(events, first, stop, aid):
    if aid is not None and not any(group == aid for _, group in events):
        events = [*events, (0, aid)]
    given_log = log(events)
    found = given_log.select(first, stop, aid)
    texts = given_log.render(found.page(0, 1_000, newest_first=False))
    wanted = [n for n, (second, group) in enumerate(events) if first <= second < stop and aid in (None, group)]
    assert sorted(json.loads(text)["n"] for text in texts) == wanted
    assert len(found) == len(wanted)


@given(EVENTS, st.integers(1, 7), st.booleans())
def test_pages_of_a_selection_are_the_whole_once(events, size, newest_first):
    found = log(events).select(None, 100, None)
    pages = [found.page(offset, size, newest_first=newest_first) for offset in range(0, len(found), size)]
    positions = np.concatenate([*pages, np.array([], dtype=np.int64)]).tolist()
    assert positions == sorted(range(len(events)), reverse=newest_first)


def test_the_first_account_group_is_the_login_group_and_has_the_first_name_seen():
    given_log = GivenEvents(
        [{"aid": 7, "accountGroupName": "old"}, {"aid": "7", "accountGroupName": "new"}, {"aid": "8"}], now=100
    )
    assert (given_log.login_aid, given_log.aids) == ("7", ("7", "8"))
    assert given_log.group_names == ("old", "Account Group 8")


@pytest.mark.parametrize("event", [None, 5, "text", [], {"date": 5}, {"date": "never"}, {"event": "\ud83d"}])
def test_any_json_value_is_served_as_it_is(event):
    given_log = GivenEvents([event], now=100)
    assert json.loads(given_log.render(np.array([0]))[0]) == event
    assert given_log.dates.tolist() == [99]
