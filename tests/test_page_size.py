"""The largest pages: right whatever a server makes of `max`, and a first sync of two years without a deadline."""

from datetime import UTC, datetime, timedelta

import pytest
from support.rawserver import RawServer, VirtualClock, page, whole
from support.rawserver import client_of as client_in_virtual_time

import te_audit_frames as taf
from te_audit_frames.client.page_size import LARGEST_PAGE
from te_audit_frames.sandbox import Sandbox

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PERIOD = {"start": NOW - timedelta(days=10), "end": NOW - timedelta(days=1)}


def server(events=3_000, *, days=8, **options):
    return Sandbox(events, now=NOW, days=days, **{"rate_limit": None, "page_size": 100} | options)


def client_of(api, **options):
    return taf.Client(token=api.token, base_url=api.url, progress=False, **options)


def sizes_asked(api):
    return [request.query.get("max") for request in api.requests if request.path.endswith("/audit-user-events")]


def truth(api, **period):
    return len(api.truth(period["start"], period["end"], all_account_groups=True))


@pytest.mark.full
@pytest.mark.filterwarnings("ignore:the server's clock")
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("handles", ["honoured", "ignored", "refused", "total"])
def test_every_event_comes_whatever_a_server_makes_of_max(handles, workers):
    with server(max_parameter=handles) as api, client_of(api, workers=workers) as client:
        plain = client.fetch_events(**PERIOD)
        requests = len(sizes_asked(api))
        largest = client.fetch_events(**PERIOD, page_size="largest")
        asked = sizes_asked(api)[requests:]
        assert len(largest) == len(plain) == truth(api, **PERIOD) > 2 * LARGEST_PAGE
        assert taf.receipt(largest).complete
        if handles == "honoured":
            assert len(asked) * 4 < requests
        if handles in ("refused", "total") and workers == 1:
            assert asked.count("1000") == 1
            assert len(asked) == requests + 1
        before = len(sizes_asked(api))
        assert len(client.fetch_events(**PERIOD, page_size="largest")) == len(plain)
        remembers = handles in ("refused", "total")
        assert set(sizes_asked(api)[before:]) == ({None} if remembers else {"1000"})


@pytest.mark.filterwarnings("ignore:the server's clock")
def test_an_error_for_another_reason_is_raised_and_not_blamed_on_the_size():
    with server(100, widest_range=timedelta(days=2)) as api, client_of(api, page_size="largest") as client:
        with pytest.raises(taf.BadRequest, match="wider than is answered"):
            client.fetch_events(**PERIOD)
        assert sizes_asked(api) == ["1000", None]
        client.fetch_events(start=NOW - timedelta(days=1), end=NOW - timedelta(hours=1))
        assert set(sizes_asked(api)[2:]) == {"1000"}


def test_a_page_by_hand_comes_without_max_from_a_server_that_refuses_it():
    with server(300, max_parameter="refused") as api, client_of(api, page_size="largest") as client:
        first, second = (client.get_page(window="9d", all_account_groups=True) for _ in range(2))
        assert len(first.events) == len(second.events) == 100
        assert sizes_asked(api) == ["1000", None, None]


@pytest.mark.parametrize("status", [403, 404, 422, 500])
def test_a_page_by_hand_comes_without_max_from_a_server_that_fails_on_it(status):
    def answer(request):
        if "max" in request.query:
            return whole({}, status=status)
        return whole({"auditEvents": [{"event": "Test updated."}]})

    with RawServer(answer) as api:
        client = client_in_virtual_time(api)
        assert len(client.get_page(window="9d", page_size="largest").events) == 1
        asked = len(api.requests)
        assert len(client.get_page(window="9d", page_size="largest").events) == 1
        assert len(api.requests) == asked + 1  # the client remembers


@pytest.mark.parametrize("status", [400, 403, 404, 422, 500])
def test_a_fetch_goes_on_without_max_whatever_the_status_of_the_refusal(status):
    # Pages of two events, and three equal ones in one second: that second is asked for on a large page too.
    events = [{"date": "2026-01-01T12:00:00Z", "uid": "1"}] * 3

    def answer(request):
        if "max" in request.query:
            return whole({}, status=status)
        offset = int(request.query.get("cursor", "0"))
        following = f"?cursor={offset + 2}" if offset + 2 < len(events) else None
        return whole(page(*events[offset : offset + 2], following=following))

    with RawServer(answer) as api:
        client = client_in_virtual_time(api)
        for size in (None, "largest"):
            asked = len(api.requests)
            assert len(client.fetch_events(start="2026-01-01", end="2026-01-02", aid="1", page_size=size)) == 3
            assert any("max" in request.query for request in api.requests[asked:])


@pytest.mark.parametrize(("status", "is_named"), [(400, True), (403, True), (422, True), (401, False), (500, False)])
def test_the_error_names_a_page_size_that_the_api_may_have_refused(status, is_named):
    with RawServer(lambda _: whole({}, status=status)) as api:
        client = client_in_virtual_time(api)
        for size in (500, None):
            with pytest.raises(taf.ApiError) as caught:
                client.fetch_events(start="2026-01-01", end="2026-01-02", aid="1", page_size=size)
            assert ("without page_size" in str(caught.value)) == (is_named and size is not None)


@pytest.mark.parametrize("status", [401, 429])
def test_a_refusal_of_the_token_or_of_the_rate_is_not_blamed_on_the_size(status):
    with RawServer(lambda _: whole({}, status=status)) as api:
        client = client_in_virtual_time(api, deadline=100)
        with pytest.raises(taf.ApiError) as caught:
            client.fetch_events(start="2026-01-01", end="2026-01-02", aid="1", page_size="largest")
        assert caught.value.status == status
        assert all("max" in request.query for request in api.requests)


@pytest.mark.parametrize(
    ("given", "own", "asked"), [(None, None, "1000"), (None, 70, "70"), (50, 70, "50"), ("largest", 70, "1000")]
)
def test_a_sync_asks_for_the_largest_pages_unless_a_size_was_given(tmp_path, given, own, asked):
    with Sandbox(100, days=3) as api, client_of(api, page_size=own) as client:
        start = datetime.now(UTC) - timedelta(days=5)
        taf.Archive(tmp_path).sync(client, start=start, settle=0, page_size=given)
        assert set(sizes_asked(api)) == {asked}


@pytest.mark.parametrize("wrong", ["smallest", "500", 0, 100_001, 1.5, True])
def test_other_sizes_are_refused(wrong):
    with pytest.raises(taf.InvalidArgument, match="page_size"):
        taf.Client(token="practice").fetch_events(page_size=wrong)


class Slow(VirtualClock):
    """A clock on which each answer takes some seconds."""

    def __init__(self, seconds):
        super().__init__()
        self.each = seconds

    def now(self):
        self.seconds += self.each
        return datetime.now(UTC)


def test_a_sync_has_no_deadline_for_the_whole_and_a_fetch_has(tmp_path):
    with Sandbox(400, days=3, page_size=20, rate_limit=None) as api:
        start = datetime.now(UTC) - timedelta(days=4)
        with client_of(api, workers=1, deadline=100, clock=Slow(30), page_size=20) as client:
            report = taf.Archive(tmp_path).sync(client, start=start, settle=0)
            assert report.events_added == 400
            with pytest.raises(taf.FetchError, match="100 s that this fetch may take"):
                client.fetch_events(start=start)
        with client_of(api, workers=1, deadline=100, clock=Slow(101), page_size=20) as client:
            archive = taf.Archive(tmp_path / "slow")
            with pytest.raises(taf.FetchError, match="may take without a new page are over"):
                archive.sync(client, start=start, settle=0)


def test_a_page_that_is_repeated_forever_is_no_progress(tmp_path):
    start = datetime.now(UTC) - timedelta(days=4)
    with Sandbox(50, days=3, page_size=20, rate_limit=None, endless=True) as api:
        client = client_of(api, workers=1, deadline=600, clock=Slow(30), page_size=20)
        with pytest.raises(taf.FetchError, match="without a new page"):
            taf.Archive(tmp_path).sync(client, start=start, settle=0)
