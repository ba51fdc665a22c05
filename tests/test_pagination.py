"""Following next links: in every form, with the cursor as sent, up to the last page."""

import pytest
from support.checked import EVERYTHING, LOG, PERIOD, fetch, practice
from support.linked_pages import ONE_DAY, PATH, linked_pages
from support.rawserver import RawServer, client_of, page, whole

import te_audit_frames as taf


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
        answers = linked_pages(form(api.url, "a"), form(api.url, "b"))
        events = client_of(api, workers=1).fetch_events(**ONE_DAY)
        assert len(api.requests) == 3
    assert set(events["uid"]) == {"0", "1", "2"}


def test_a_cursor_arrives_as_it_was_sent():
    odd = "a%2Bb%2Fc%3D%3D%26x"
    with RawServer(linked_pages(f"?cursor={odd}")) as api:
        client_of(api, workers=1).fetch_events(**ONE_DAY)
        assert api.requests[1].query == {"cursor": "a+b/c==&x"}


@pytest.mark.parametrize("limit", [1, 5])
def test_max_is_sent_only_with_a_page_size(limit):
    with RawServer([whole(page())]) as api:
        client_of(api).fetch_events(**ONE_DAY)
        client_of(api, page_size=limit).fetch_events(**ONE_DAY)
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
