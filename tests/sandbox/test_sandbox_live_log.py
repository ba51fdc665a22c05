"""A log that changes: pages, arrivals and removals, without a server."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from te_audit_frames.sandbox.dates import iso
from te_audit_frames.sandbox.event_log import GivenEvents
from te_audit_frames.sandbox.live_log import LiveLog
from te_audit_frames.sandbox.server_behaviour import Behaviour

NOW = 1_000


def live(count, *, newest_first=True, **behaviour):
    events = [{"date": iso(second), "aid": "12"[second % 2], "n": second} for second in range(count)]
    return LiveLog(GivenEvents(events, now=NOW), Behaviour(**behaviour), newest_first=newest_first, seed=0)


def walk(log, size):
    mark, sent = 0, []
    while mark is not None:
        page = log.page(None, NOW + 1, None, mark, size, now=NOW)
        sent += [json.loads(text).get("n") for text in log.render(page.positions)]
        mark = page.next_mark
    return sent


@given(
    st.integers(0, 40),
    st.integers(1, 9),
    st.booleans(),
    st.sampled_from([{}, {"cursors": "row"}, {"grouped": True}, {"disorder": timedelta(seconds=5), "cursors": "row"}]),
)
def test_pages_are_the_whole_log_once(count, size, newest_first, behaviour):
    sent = walk(live(count, newest_first=newest_first, **behaviour), size)
    assert sorted(sent) == list(range(count))
    if not set(behaviour) & {"grouped", "disorder"}:
        assert sent == sorted(sent, reverse=newest_first)


def test_arrivals_are_added_and_the_oldest_removed_as_they_are_due():
    log = live(10, arrivals=0.5, removals=1, most_arrivals=2)
    lengths = []
    for _ in range(8):
        log.advance(NOW)
        lengths.append(len(log))
    assert lengths == [9, 9, 8, 8, 7, 6, 5, 4]


@pytest.mark.parametrize("seconds", [-30, 30])
def test_a_misplaced_event_is_known_with_its_distance(seconds):
    log = live(20, misplaced=1, misplaced_by=timedelta(seconds=seconds))
    texts, ahead = log.displaced()
    assert (len(texts), ahead.tolist()) == (1, [seconds])
    assert sorted(walk(log, 7)) == list(range(20))


def test_retention_hides_the_old():
    log = live(20, retention=timedelta(seconds=NOW - 15))
    assert sorted(walk(log, 7)) == list(range(15, 20))
