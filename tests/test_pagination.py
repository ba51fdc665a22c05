"""Following next links: every form, to the end, and never in a circle or elsewhere."""

import itertools
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from support.rawserver import TOKEN, RawServer, client_of, page, whole

import te_audit_frames as taf
from te_audit_frames.client import next_links
from te_audit_frames.errors import PaginationError

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


@pytest.mark.parametrize(
    ("following", "requests"),
    [
        (["?cursor=a", "?cursor=a"], 2),
        (["?cursor=a", "?cursor=b", "?cursor=a"], 3),
        (["?cursor=a&page=1", "?cursor=b", "?page=2&cursor=a"], 3),
        ([f"{PATH}?page=2", f"{PATH}?page=2"], 2),
    ],
    ids=["A, A", "A, B, A", "in other words", "no cursor"],
)
def test_a_circle_is_an_error(following, requests):
    with RawServer(links(*following)) as api:
        with pytest.raises(PaginationError, match=rf"^page {requests}: .*already read.*circle") as caught:
            client_of(api, workers=1).fetch_events(**DAY)
        assert len(api.requests) == requests
    partial, missing = caught.value.partial, caught.value.missing
    assert set(partial["uid"]) == {str(number) for number in range(requests - 1)}
    if requests > 2:
        # What came 15 minutes before the latest second received is vouched for.
        assert missing[0].end < WHOLE_DAY[0].end


def test_a_page_whose_next_link_is_itself_is_an_error():
    def script(request):
        return whole(page(event(0), following=f"{PATH}?{urlencode(request.query)}"))

    with RawServer(script) as api:
        with pytest.raises(PaginationError, match="circle"):
            client_of(api, workers=1).fetch_events(**DAY)
        assert len(api.requests) == 1


@pytest.mark.parametrize(
    "elsewhere",
    [
        "{other}" + PATH + "?cursor=a",
        "//127.0.0.1:{port}" + PATH + "?cursor=a",
        "https://127.0.0.1:{port}" + PATH,
        "http://me:{token}@127.0.0.1:{port}" + PATH,
        "http://127.0.0.1:{own}@127.0.0.1:{port}" + PATH,
        "/v6/audit-user-events?cursor=a",
        "/v7/../admin",
        "http://[::1",
    ],
)
@pytest.mark.parametrize("workers", [1, 8])
def test_no_request_leaves_for_elsewhere(elsewhere, workers):
    with RawServer([whole(page())]) as other, RawServer(lambda request: answer) as api:
        link = elsewhere.format(other=other.url, port=other.port, own=api.port, token=TOKEN)
        answer = whole(page(event(0), following=link))
        with pytest.raises(PaginationError, match=r"next link leads to .*Nothing was sent there") as caught:
            client_of(api, workers=workers).fetch_events(**DAY)
        assert (other.accepted, len(api.requests)) == (0, 1)
    assert TOKEN not in str(caught.value)
    assert caught.value.missing == WHOLE_DAY


def test_an_empty_page_with_a_next_link_goes_on():
    bodies = [page(following="?cursor=a"), page(following="?cursor=b"), page(event(1), following="?cursor=c")]
    bodies += [page(following="?cursor=d"), page(event(2))]
    with RawServer([whole(body) for body in bodies]) as api:
        events = client_of(api, workers=1).fetch_events(**DAY)
        assert len(api.requests) == 5
    assert set(events["uid"]) == {"1", "2"}


@pytest.mark.parametrize("workers", [1, 8])
def test_empty_pages_without_end_are_an_error(workers, monkeypatch):
    monkeypatch.setattr(next_links, "MAX_EMPTY_PAGES", 7)
    numbers = itertools.count()
    with RawServer(lambda request: whole(page(following=f"?cursor={next(numbers)}"))) as api:
        with pytest.raises(PaginationError, match=r"7 empty pages in a row.*shorter period") as caught:
            client_of(api, workers=workers).fetch_events(**DAY)
        assert len(api.requests) == 7
    assert caught.value.missing == WHOLE_DAY


def test_empty_pages_between_others_may_be_many(monkeypatch):
    monkeypatch.setattr(next_links, "MAX_EMPTY_PAGES", 3)
    bodies = [page(*([event(n // 3)] if n % 3 == 0 else []), following=f"?cursor={n}") for n in range(12)]
    with RawServer([whole(body) for body in [*bodies, page()]]) as api:
        assert len(client_of(api, workers=1).fetch_events(**DAY)) == 4


@pytest.mark.parametrize("limit", [1, 5])
def test_a_page_is_asked_for_with_max_only_when_told(limit):
    with RawServer([whole(page())]) as api:
        client_of(api).fetch_events(**DAY)
        client_of(api, page_size=limit).fetch_events(**DAY)
        assert [request.query.get("max") for request in api.requests] == [None, str(limit)]
