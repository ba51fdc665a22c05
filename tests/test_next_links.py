"""Next links: circles, endless empty pages, and changed parameters."""

import itertools
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from support.checked import (
    EVERYTHING,
    LOG,
    PERIOD,
    WORKERS,
    fetch,
    practice,
)
from support.linked_pages import ONE_DAY, PATH, WHOLE_DAY, linked_pages, numbered
from support.rawserver import TOKEN, RawServer, page, whole
from support.rawserver import client_of as raw_client_of

import te_audit_frames as taf
from te_audit_frames.client import next_links
from te_audit_frames.client.decode import decode_page
from te_audit_frames.client.fetch_checks import FetchChecks
from te_audit_frames.client.next_links import NextLinks
from te_audit_frames.client.query import Query
from te_audit_frames.client.urls import Origin
from te_audit_frames.errors import PaginationError


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
    with RawServer(linked_pages(*following)) as api:
        with pytest.raises(PaginationError, match=rf"^page {requests}: .*already read.*circle") as caught:
            raw_client_of(api, workers=1).fetch_events(**ONE_DAY)
        assert len(api.requests) == requests
    partial, missing = caught.value.partial, caught.value.missing
    assert set(partial["uid"]) == {str(number) for number in range(requests - 1)}
    if requests > 2:
        # What came 15 minutes before the latest second received is vouched for.
        assert missing[0].end < WHOLE_DAY[0].end


def test_a_page_whose_next_link_is_itself_is_an_error():
    def script(request):
        return whole(page(numbered(0), following=f"{PATH}?{urlencode(request.query)}"))

    with RawServer(script) as api:
        with pytest.raises(PaginationError, match="circle"):
            raw_client_of(api, workers=1).fetch_events(**ONE_DAY)
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
        answer = whole(page(numbered(0), following=link))
        with pytest.raises(PaginationError, match=r"next link leads to .*Nothing was sent there") as caught:
            raw_client_of(api, workers=workers).fetch_events(**ONE_DAY)
        assert (other.accepted, len(api.requests)) == (0, 1)
    assert TOKEN not in str(caught.value)
    assert caught.value.missing == WHOLE_DAY


def test_an_empty_page_with_a_next_link_goes_on():
    bodies = [page(following="?cursor=a"), page(following="?cursor=b"), page(numbered(1), following="?cursor=c")]
    bodies += [page(following="?cursor=d"), page(numbered(2))]
    with RawServer([whole(body) for body in bodies]) as api:
        events = raw_client_of(api, workers=1).fetch_events(**ONE_DAY)
        assert len(api.requests) == 5
    assert set(events["uid"]) == {"1", "2"}


@pytest.mark.parametrize("workers", [1, 8])
def test_empty_pages_without_end_are_an_error(workers, monkeypatch):
    monkeypatch.setattr(next_links, "MAX_EMPTY_PAGES", 7)
    numbers = itertools.count()
    with RawServer(lambda request: whole(page(following=f"?cursor={next(numbers)}"))) as api:
        with pytest.raises(PaginationError, match=r"7 empty pages in a row.*shorter period") as caught:
            raw_client_of(api, workers=workers).fetch_events(**ONE_DAY)
        assert len(api.requests) == 7
    assert caught.value.missing == WHOLE_DAY


def test_empty_pages_between_others_may_be_many(monkeypatch):
    monkeypatch.setattr(next_links, "MAX_EMPTY_PAGES", 3)
    bodies = [page(*([numbered(n // 3)] if n % 3 == 0 else []), following=f"?cursor={n}") for n in range(12)]
    with RawServer([whole(body) for body in [*bodies, page()]]) as api:
        assert len(raw_client_of(api, workers=1).fetch_events(**ONE_DAY)) == 4


@pytest.mark.few
@WORKERS
@pytest.mark.parametrize("changed", ["scope", "window", "dates"])
@pytest.mark.parametrize("question", [PERIOD, {"window": "60d"}])
def test_changed_parameters_are_put_back(workers, changed, question):
    with practice(LOG, changed_links=changed) as api:
        events, _, _ = fetch(api, workers=workers, **question, **EVERYTHING)
    assert len(events) == 400


@pytest.mark.parametrize(
    ("changed", "shown"),
    [("scope", ("useAllPermittedAids", "true", "false")), ("dates", ("startDate", "2026-01-30", "2025-12-31"))],
)
def test_a_server_that_refuses_them_is_an_error_that_shows_both(changed, shown):
    with practice(LOG, changed_links=changed, put_back="refused") as api, pytest.raises(taf.PaginationError) as caught:
        fetch(api, workers=1, **PERIOD, **EVERYTHING)
    assert all(text in str(caught.value) for text in shown)
    assert caught.value.missing


class Forgetful(RawServer):
    """A server of two account groups. A link lacks one parameter, and the server has a default for that."""

    def __init__(self, lost):
        self.lost = lost
        super().__init__(self.answer)

    def answer(self, request):
        query = {"startDate": "2025-12-01T00:00:00Z", "useAllPermittedAids": "false"} | request.query
        groups = ["1", "2"] if query["useAllPermittedAids"] == "true" else [query.get("aid", "1")]
        found = [
            numbered(number) | {"aid": str(1 + number % 2)}
            for number in range(12)
            if str(1 + number % 2) in groups and numbered(number)["date"] >= query["startDate"]
        ]
        offset = int(query.get("cursor", "0"))
        kept = {name: value for name, value in request.query.items() if name != self.lost} | {"cursor": offset + 2}
        return whole(
            page(*found[offset : offset + 2], following=f"?{urlencode(kept)}" if found[offset + 2 :] else None)
        )


@WORKERS
@pytest.mark.parametrize(
    ("lost", "scope"),
    [("useAllPermittedAids", {}), ("aid", {"aid": "2"}), ("startDate", {"aid": "2"}), ("endDate", {"aid": "2"})],
)
def test_parameters_that_links_lack_are_put_back(lost, scope, workers):
    with Forgetful(lost) as api:
        events = raw_client_of(api, workers=workers).fetch_events(start="2026-01-01", end="2026-01-02", **scope)
    assert len(events) == (6 if scope else 12)
    assert any("put back" in note for note in taf.receipt(events).notes)


@WORKERS
def test_a_cursor_that_forgets_the_query_is_an_error_that_says_so(workers):
    def answer(request):
        start = request.query.get("startDate", "2025-12-20T00:00:00Z")
        offset = int(request.query.get("cursor", "0"))
        following = f"?cursor={offset + 2}" if offset < 8 else None
        events = [numbered(number) for number in range(offset, offset + 2)]
        return whole(page(*events, following=following, startDate=start, endDate="2026-01-02T00:00:00Z"))

    with RawServer(answer) as api, pytest.raises(PaginationError, match="lost the query") as caught:
        raw_client_of(api, workers=workers).fetch_events(**ONE_DAY)
    assert caught.value.missing


# ---- one link at a time --------------------------------------------------------------------------------------------

ORIGIN = Origin("https://api.example.com")
RANGE = Query.of_range({"aid": "7"}, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
DATES = "startDate=2026-01-01T00:00:00Z&endDate=2026-01-02T00:00:00Z"


def follow(query, href, checks=None):
    """Return the query of the address that a link leads to, after its parameters were checked."""
    links = NextLinks(ORIGIN, query, checks or FetchChecks())
    following = links.after(decode_page(page(following=href), name="1"), ORIGIN.url(query.parameters), name="1")
    return {name: values[0] for name, values in parse_qs(urlsplit(following).query).items()}, links


@pytest.mark.parametrize(
    ("carried", "is_changed"),
    [
        (f"aid=7&{DATES}", False),
        ("", False),
        ("max=5", False),
        (f"aid=7&{DATES.replace('00Z', '00.000%2B00:00')}", False),  # the same instants in other words
        (DATES, True),  # without the account group, it may mean the API's default
        ("aid=7", True),
        (f"aid=8&{DATES}", True),
        (f"aid=7&{DATES.replace('01-01', '01-02')}", True),
        ("useAllPermittedAids=true", True),
        (f"aid=7&{DATES}&useAllPermittedAids=false", False),
        ("window=1d", True),
    ],
)
def test_a_link_that_changes_the_query_gets_its_parameters_back(carried, is_changed):
    checks = FetchChecks()
    parameters, links = follow(RANGE, f"?cursor=c&{carried}", checks)
    assert parameters.pop("cursor") == "c"
    if is_changed:
        assert parameters.items() <= RANGE.parameters.items()
        assert links.changed
        assert checks.notes
    else:
        assert parameters == {name: values[0] for name, values in parse_qs(carried).items()}
        assert (links.changed, checks.notes) == (None, [])


def test_once_a_window_is_resolved_its_dates_replace_it_in_links():
    links = NextLinks(ORIGIN, Query({"window": "1d"}), FetchChecks())
    url = links.resolve(RANGE.start, RANGE.end)
    assert "window" not in url
    assert links.has_fixed_range(url)
    following = links.after(decode_page(page(following="?cursor=c&window=2d"), name="1"), url, name="1")
    assert links.has_fixed_range(following)
    assert "window" not in following


def test_the_last_page_has_no_link():
    assert NextLinks(ORIGIN, RANGE, FetchChecks()).after(decode_page(page(), name="1"), PATH, name="1") is None
