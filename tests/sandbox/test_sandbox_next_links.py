"""Next links: they repeat the question, or change it on purpose."""

from urllib.parse import parse_qsl

import pytest

from te_audit_frames.sandbox.cursors import Cursor, read_cursor
from te_audit_frames.sandbox.next_links import next_query
from te_audit_frames.sandbox.parameters import EventQuery
from te_audit_frames.sandbox.server_behaviour import Behaviour

QUERY = EventQuery("2", 0, 1_000, 0, 50)


def link(parameters, *, query=QUERY, sliding=False, **behaviour):
    text = next_query(parameters, query, 50, Behaviour(**behaviour), login_aid="1", sliding=sliding, now=1_000)
    values = dict(parse_qsl(text))
    assert read_cursor(values.pop("cursor")) == Cursor(50, query.aid, query.start, query.end, query.size)
    return values


def test_a_link_repeats_the_question_with_its_dates():
    assert link({"aid": "2", "max": "50", "window": "1000s"}) == {
        "aid": "2",
        "max": "50",
        "useAllPermittedAids": "false",
        "startDate": "1970-01-01T00:00:00Z",
        "endDate": "1970-01-01T00:16:40Z",
    }


def test_a_sliding_link_repeats_the_window():
    assert link({"window": "1000s"}, sliding=True) == {"useAllPermittedAids": "false", "window": "1000s"}


def test_a_bare_link_has_only_its_cursor():
    assert link({"aid": "2", "window": "1000s"}, bare_links=True) == {}


@pytest.mark.parametrize(
    ("changed", "values"),
    [
        ("scope", {"aid": "1", "startDate": "1970-01-01T00:00:00Z", "endDate": "1970-01-01T00:16:40Z"}),
        ("dates", {"aid": "2", "startDate": "1970-01-01T00:08:20Z", "endDate": "1970-01-01T00:16:40Z"}),
        ("window", {"aid": "2", "window": "500s"}),
    ],
)
def test_a_changed_link_asks_for_less(changed, values):
    assert link({"aid": "2"}, changed_links=changed) == {"useAllPermittedAids": "false", **values}
