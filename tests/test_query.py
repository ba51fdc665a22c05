"""A query: the parameters that a range of time becomes, and whether it names its own end."""

from datetime import UTC, datetime

from te_audit_frames.client.query import Query

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)


def test_a_range_becomes_the_two_dates_beside_the_scope():
    scope = {"aid": "7"}
    query = Query.of_range(scope, START, END)
    assert query.parameters == {"aid": "7", "startDate": "2026-01-01T00:00:00Z", "endDate": "2026-01-02T00:00:00Z"}
    assert (query.start, query.end, query.is_absolute) == (START, END, True)
    assert scope == {"aid": "7"}


def test_a_window_or_an_open_end_is_not_absolute():
    assert not Query({"window": "7d"}).is_absolute
    assert not Query({"startDate": "2026-01-01T00:00:00Z"}, START).is_absolute
