"""Parameters of a request: what is read, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from te_audit_frames.sandbox.cursors import Cursor, write_cursor
from te_audit_frames.sandbox.event_log import GivenEvents
from te_audit_frames.sandbox.parameters import EventQuery, Refusal, parse_query, read_parameters
from te_audit_frames.sandbox.server_behaviour import Behaviour

NOW = 1_000_000
LOG = GivenEvents([{"aid": "1"}, {"aid": "2"}], now=NOW)


def read(query, *, behaviour=None, sliding=False):
    parameters = parse_query(query)
    return read_parameters(parameters, LOG, behaviour or Behaviour(), now=NOW, page_size=50, sliding=sliding)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", EventQuery("1", None, NOW, 0, 50)),
        ("window=1m&aid=2", EventQuery("2", NOW - 60, NOW, 0, 50)),
        ("window=60&max=7", EventQuery("1", NOW - 60, NOW, 0, 7)),
        ("useAllPermittedAids=true&startDate=1970-01-01T00:00:00Z", EventQuery(None, 0, NOW, 0, 50)),
    ],
)
def test_a_query_is_read_by_the_published_rules(query, expected):
    assert read(query) == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("max=0", "max"),
        ("max=10001", "max"),
        ("aid=", "aid"),
        ("window=1y", "window"),
        ("window=1d&endDate=1970-01-01T00:00:00Z", "window"),
        ("endDate=1970-01-01T00:00:00Z", "endDate"),
        ("startDate=yesterday", "startDate"),
        ("startDate=1970-01-02T00:00:00Z&endDate=1970-01-01T00:00:00Z", "startDate"),
        ("useAllPermittedAids=yes", "useAllPermittedAids"),
        ("cursor=made-up", "cursor"),
        ("max=1&max=1", "max"),
    ],
)
def test_a_wrong_parameter_is_named(query, field):
    with pytest.raises(Refusal) as caught:
        read(query)
    assert (int(caught.value.status), caught.value.field) == (400, field)


def test_an_account_group_of_others_is_forbidden():
    with pytest.raises(Refusal) as caught:
        read("aid=3")
    assert int(caught.value.status) == 403


@given(st.integers(0, 100), st.integers(1, 100))
def test_a_cursor_brings_its_own_query(mark, size):
    cursor = Cursor(mark, "2", 10, 20, size)
    query = f"cursor={write_cursor(cursor)}".replace("+", "%2B")
    assert read(query) == EventQuery("2", 10, 20, mark, size)
