"""Histories of the practice organisation: scattered events, and people with habits."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from te_audit_frames.sandbox.history import history_with_habits, scattered_history
from te_audit_frames.sandbox.staff import AUTOMATION

FIRST, DAY = 1_700_000_000, 86_400


def with_habits(events=1_500, days=60, *, seed=0, with_incidents=False):
    stop = FIRST + days * DAY
    rng = np.random.default_rng(seed)
    return history_with_habits(rng, events, seed=seed, days=days, first=FIRST, stop=stop, with_incidents=with_incidents)


def rows(events):
    """Count equal events, apart from the addresses of the automation, which an incident changes."""
    columns = (getattr(events, name).tolist() for name in ("date", "who", "group", "kind", "where"))
    return Counter((*row, where * (row[1] != AUTOMATION)) for *row, where in zip(*columns, strict=True))


@given(st.integers(0, 600))
def test_a_scattered_history_has_so_many_events_and_more_people_for_more(events):
    history = scattered_history(np.random.default_rng(0), events, FIRST, FIRST + 30 * DAY)
    assert len(history.events) == events
    assert history.staff.headcount == 24 + events // 400
    assert history.cast is None
    assert not list(history.kinds)


@pytest.mark.full
def test_the_staff_of_a_large_log_is_200_people_at_most():
    assert scattered_history(np.random.default_rng(0), 100_000, FIRST, FIRST + 30 * DAY).staff.headcount == 200


def test_incidents_are_added_to_the_same_routine():
    plain, eventful = with_habits(), with_habits(with_incidents=True)
    assert len(plain.events) == 1_500
    before, after = rows(plain.events), rows(eventful.events)
    assert not before - after
    assert (after - before).total() == len(eventful.events) - 1_500 > 0
    assert plain.cast == eventful.cast
    assert plain.joined == eventful.joined
    assert (plain.plots, plain.new_addresses, plain.granted_at) == ([], [], {})
    assert set(eventful.granted_at) == {eventful.cast.climber}
    assert eventful.plots


@pytest.mark.parametrize(("events", "days"), [(1_499, 60), (1_500, 59), (0, 0), (10, 400)])
def test_a_history_that_is_too_short_or_too_sparse_is_refused_with_one_that_is_not(events, days):
    with pytest.raises(ValueError, match=f"events={events}, days={days}: habits need 60 or more days") as caught:
        with_habits(events, days)
    days, events = map(int, re.search(r"write days=(\d+), events=(\d+)", str(caught.value)).groups())
    assert days >= 60
    assert events >= 25 * days
