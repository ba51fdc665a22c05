"""Following next links: in every form, with the cursor as sent, up to the last page."""

from datetime import UTC, datetime

import pytest
from support.checked import EVERYTHING, LOG, PERIOD, fetch, practice
from support.rawserver import RawServer, client_of, page, whole

import te_audit_frames as taf

PATH = "/v7/audit-user-events"
DAY = {"start": "2026-01-01", "end": "2026-01-02", "all_account_groups": False}
WHOLE_DAY = [taf.Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))]


def event(number):
    return {"date": f"2026-01-01T{23 - number:02}:00:00Z", "uid": str(number)}


def links(*following):
    """Pages of one event each, each with its next link; the last has none."""
    bodies = [page(event(number), following=link) for number, link in enumerate([*following, None])]
    return [whole(body) for body in bodies]


@pytest.mark.parametrize(
    "form",
    [
        lambda url, cursor: f"{PATH}?cursor={cursor}",
        lambda url, cursor: f"?cursor={cursor}",
        lambda url, cursor: f"{url}{PATH}?cursor={cursor}",
        lambda url, cursor: f"{url.replace('http:', 'HTTP:')}{PATH}?cursor={cursor}#here",
        lambda url, cursor: f"audit-user-events?aid=7&max=500&cursor={cursor}",
        lambda url, cursor: f"{PATH}?page={cursor}",
        lambda url, cursor: f"{PATH}/pages/{cursor}",
    ],
    ids=["path", "query", "absolute", "upper case", "relative", "no cursor", "in the path"],
)
def test_a_next_link_in_any_form_is_followed(form):
    with RawServer(lambda request: answers[len(api.requests) - 1]) as api:
        answers = links(form(api.url, "a"), form(api.url, "b"))
        events = client_of(api, workers=1).fetch_events(**DAY)
        assert len(api.requests) == 3
    assert set(events["uid"]) == {"0", "1", "2"}


def test_a_cursor_arrives_as_it_was_sent():
    odd = "a%2Bb%2Fc%3D%3D%26x"
    with RawServer(links(f"?cursor={odd}")) as api:
        client_of(api, workers=1).fetch_events(**DAY)
        assert api.requests[1].query == {"cursor": "a+b/c==&x"}


@pytest.mark.parametrize("limit", [1, 5])
def test_max_is_sent_only_with_a_page_size(limit):
    with RawServer([whole(page())]) as api:
        client_of(api).fetch_events(**DAY)
        client_of(api, page_size=limit).fetch_events(**DAY)
        assert [request.query.get("max") for request in api.requests] == [None, str(limit)]


@pytest.mark.parametrize("workers", [1, 8])
def test_a_repeated_next_has_one_meaning_or_is_an_error(workers):
    with practice(LOG, repeated_next=True) as api:
        try:
            events, _, _ = fetch(api, workers=workers, **PERIOD, **EVERYTHING)
        except taf.FetchError as error:
            assert error.missing
        else:
            assert len(events) == 400
