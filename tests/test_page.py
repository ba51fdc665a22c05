"""A page: its repr and its cursor."""

from datetime import UTC, datetime

import pytest
from support.decoding import EVENT
from support.rawserver import page as body_of

from te_audit_frames.client.decode import decode_page
from te_audit_frames.client.page import check_errors, not_the_contract
from te_audit_frames.errors import InvalidArgument


def test_the_repr_says_how_many_events_of_which_range_and_whether_there_is_more():
    range_ = {"startDate": "2026-01-01T00:00:00Z", "endDate": "2026-01-02T00:00:00Z"}
    page = decode_page(body_of(EVENT, EVENT, following="?cursor=a", **range_), name="1")
    assert repr(page) == "<Page, 2 events, 2026-01-01T00:00:00Z to 2026-01-02T00:00:00Z, a next page>"
    assert (page.start, page.end) == (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    assert repr(decode_page(body_of(), name="1")) == "<Page, 0 events, no next page>"


@pytest.mark.parametrize(
    ("href", "cursor"), [("?cursor=a%2Bb", "a+b"), ("/v7/x?max=5&cursor=c", "c"), ("/v7/pages/2", None)]
)
def test_the_cursor_is_taken_from_the_next_link(href, cursor):
    assert decode_page(body_of(following=href), name="1").next_cursor == cursor


def test_the_error_of_a_broken_page_quotes_its_beginning_and_names_the_page():
    error = not_the_contract("saved\n.json", "it is not JSON", b"<html>\x1b[2J" + b"x" * 10_000)
    assert str(error).startswith("page saved\\n.json is not an answer of /audit-user-events: it is not JSON.")
    assert str(error).isprintable()
    assert len(str(error)) < 500
    assert error.event is None


@pytest.mark.parametrize("errors", ["ignore", "", None])
def test_errors_is_one_of_two_words(errors):
    with pytest.raises(InvalidArgument, match=r'neither "raise" nor "coerce"'):
        check_errors(errors)
