"""The Client: what it takes, what it refuses before anything is sent, and the API's one call as it is."""

import inspect
import math
import sys
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from support.rawserver import TOKEN, RawServer, VirtualClock, client_of, page, whole

import te_audit_frames as taf
from te_audit_frames.errors import AuthenticationError, BadRequest, DecodeError, InvalidArgument, NotFound
from te_audit_frames.sandbox import Sandbox

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("TE_TOKEN", "TE_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def api():
    with RawServer([whole(page())]) as server:
        yield server


# ---- the policy --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *[("workers", wrong) for wrong in (0, -1, 65, 1.0, 2.5, "8", True, None)],
        *[("timeout", wrong) for wrong in (0, -1, math.nan, math.inf, "60", True, None)],
        *[("deadline", wrong) for wrong in (0, -1, math.nan, math.inf, "60", None)],
        *[("retries", wrong) for wrong in (-1, 1_001, 1.5, "3", False, None)],
        *[("reserve", wrong) for wrong in (-0.1, 0.96, 1, math.nan, "0.5", None)],
        *[("page_size", wrong) for wrong in (0, -1, 100_001, 1.5, "500", True)],
        *[("max_page_bytes", wrong) for wrong in (0, -1, 2**30 + 1, 1e6, "64 MiB", True, None)],
    ],
)
def test_a_policy_out_of_its_range_is_named_with_the_range(name, wrong):
    kind = "number" if name in ("timeout", "deadline", "reserve") else "whole number"
    with pytest.raises(InvalidArgument, match=rf"^{name}: .* is not a {kind} from [\d.,]+ to [\d.,]+"):
        taf.Client(**{"token": TOKEN, name: wrong})


@pytest.mark.parametrize(
    "policy",
    [
        *[{"workers": 1}, {"workers": 64}, {"timeout": 0.5}, {"retries": 0}, {"reserve": 0.95}, {"page_size": 1}],
        *[{"max_page_bytes": 1_000}, {"max_page_bytes": 2**30}],
    ],
    ids=str,
)
def test_a_policy_within_its_range_is_taken(policy, api):
    assert client_of(api, **policy).fetch_events(window="1h").empty


def test_there_are_no_positional_arguments():
    with pytest.raises(TypeError):
        taf.Client(TOKEN)


def test_token_and_address_come_from_the_environment(api, monkeypatch):
    monkeypatch.setenv("TE_TOKEN", f" {TOKEN}\n")
    monkeypatch.setenv("TE_BASE_URL", f"{api.url}/v7/")
    taf.fetch_events(start="2026-01-01", end="2026-01-02")
    assert [(request.path, request.authorization) for request in api.requests] == [
        ("/v7/audit-user-events", f"Bearer {TOKEN}")
    ]


def test_arguments_go_before_the_environment(api, monkeypatch):
    monkeypatch.setenv("TE_TOKEN", "practice-other")
    monkeypatch.setenv("TE_BASE_URL", "https://elsewhere.example")
    taf.Client(token=TOKEN, base_url=api.url).fetch_events(window="1h")
    assert api.requests[0].authorization == f"Bearer {TOKEN}"


def test_an_empty_address_in_the_environment_is_none(monkeypatch):
    monkeypatch.setenv("TE_BASE_URL", "")
    assert "https://api.thousandeyes.com" in repr(taf.Client(token=TOKEN))


def test_the_repr_says_where_and_not_who(api):
    assert repr(client_of(api, workers=3)) == f"Client(base_url='{api.url}', workers=3)"


# ---- what is wrong is said before anything is sent ---------------------------------------------------------------

WRONG = [
    ({"window": "7 days"}, r'^window: .*"7d"'),
    ({"window": ""}, "^window: "),
    ({"window": 7}, "^window: .*int"),
    ({"window": "7d", "start": "2026-01-01"}, r"^window and start exclude each other"),
    ({"window": "7d", "end": "2026-01-01"}, r"^window and end exclude each other"),
    ({"end": "2026-01-01"}, r"^end: needs a start"),
    ({"start": "2026-01-02", "end": "2026-01-01"}, r"^end: .* is not after start"),
    ({"start": "2026-01-01", "end": "2026-01-01"}, r"^end: .* is not after start"),
    ({"start": datetime(2026, 1, 1)}, r"^start: .* has no time zone.*ZoneInfo"),
    ({"start": "2026-01-01", "end": "2026-02-01T00:00:00"}, r"^end: .* has no time zone"),
    ({"start": pd.Timestamp("2026-01-01")}, r"^start: .* has no time zone"),
    ({"start": np.datetime64("2026-01-01")}, r"^start: "),
    ({"start": "soon"}, r'^start: .*"2026-01-01T12:00:00Z"'),
    ({"start": date.min}, r"^start: .* the ends of the calendar"),
    ({"aid": ""}, r"^aid: .* is empty"),
    ({"aid": "  "}, r"^aid: .* is empty"),
    ({"aid": 1.5}, r"^aid: "),
    ({"aid": ["1"]}, r"^aid: "),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG, ids=lambda value: str(value) if isinstance(value, dict) else "")
@pytest.mark.parametrize("verb", ["fetch_events", "iter_batches", "get_page"])
def test_a_wrong_argument_is_refused_before_any_request(verb, wrong, message, api):
    with pytest.raises(InvalidArgument, match=message) as caught:
        getattr(client_of(api), verb)(**wrong)
    assert isinstance(caught.value, ValueError)
    assert api.accepted == 0


@pytest.mark.parametrize("verb", ["fetch_events", "iter_batches"])
@pytest.mark.parametrize("errors", ["ignore", "", None])
def test_errors_is_one_of_two_words(verb, errors, api):
    with pytest.raises(InvalidArgument, match=r"^errors: "):
        getattr(client_of(api), verb)(window="1h", errors=errors)
    assert api.accepted == 0


def test_nothing_is_sent_before_the_first_batch_is_asked_for(api):
    batches = client_of(api).iter_batches(start="2026-01-01", end="2026-01-02")
    assert api.accepted == 0
    assert list(batches) == []
    assert len(api.requests) == 1


def test_the_receipt_says_that_nothing_was_asked_for_only_where_that_is_so(api):
    for asked in ({}, {"window": "7d"}, {"start": "2026-01-01"}, {"start": "2026-01-01", "end": "2026-01-02"}):
        notes = taf.receipt(client_of(api).fetch_events(**asked)).notes
        assert any("the last 7 days were taken" in note for note in notes) == (not asked)


@pytest.mark.parametrize(
    ("asked", "requested"),
    [
        ({}, {"window": "7d", "default": True}),
        ({"window": timedelta(hours=1)}, {"window": "3600s"}),
        ({"start": date(2026, 1, 1)}, {"start": "2026-01-01T00:00:00Z"}),
        (
            {"start": "2026-01-01T01:00+01:00", "end": "2026-01-02"},
            {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"},
        ),
    ],
    ids=str,
)
def test_the_receipt_holds_what_was_asked_for_and_by_which_versions(asked, requested, api):
    said = taf.receipt(client_of(api).fetch_events(**asked))
    assert said.requested == {"window": None, "start": None, "end": None, "default": False} | requested
    assert said.versions.keys() == {"te-audit-frames", "pandas", "pyarrow", "requests"}


def test_events_are_counted_by_account_group_over_all_pages():
    event = {"date": "2026-01-01T00:00:00Z", "aid": "7"}
    with RawServer(
        [
            whole(page(event, event, following="?cursor=b")),
            whole(page(event | {"uid": "1"}, event | {"aid": None})),
        ]
    ) as api:
        frame = client_of(api).fetch_events(start="2026-01-01", end="2026-01-02", aid="7")
    assert taf.receipt(frame).account_groups == {"": 1, "7": 3}


# ---- what goes out -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"start": "2026-01-01", "end": "2026-01-02"}, ("2025-12-31T23:59:59Z", "2026-01-02T00:00:00Z")),
        (
            {"start": "2026-01-01T01:00:00+01:00", "end": "2026-01-01T00:00:00.000001Z"},
            ("2025-12-31T23:59:59Z", "2026-01-01T00:00:01Z"),
        ),
        (
            {"start": "2026-01-01T00:00:00.999999Z", "end": date(2026, 1, 2)},
            ("2025-12-31T23:59:59Z", "2026-01-02T00:00:00Z"),
        ),
    ],
)
def test_dates_go_out_in_whole_seconds_one_second_early(asked, sent, api):
    client_of(api).fetch_events(**asked)
    assert [(request.query["startDate"], request.query["endDate"]) for request in api.requests] == [sent]


@pytest.mark.parametrize(
    ("window", "sent"), [("45", "46s"), ("7d", "604801s"), (timedelta(hours=1), "3601s"), (None, "604801s")]
)
def test_a_window_goes_out_a_second_longer(window, sent, api):
    client_of(api).fetch_events(window=window)
    assert [request.query["window"] for request in api.requests if "window" in request.query] == [sent]


def test_a_start_without_an_end_goes_out_a_second_early_and_open(api):
    client_of(api).fetch_events(start="2026-01-01", all_account_groups=False)
    assert api.requests[0].query == {"startDate": "2025-12-31T23:59:59Z"}


EVERY = {"useAllPermittedAids": "true"}


@pytest.mark.parametrize(
    ("scope", "sent", "name"),
    [
        ({}, EVERY, "every account group of the token"),
        ({"all_account_groups": None}, EVERY, "every account group of the token"),
        ({"all_account_groups": True}, EVERY, "every account group of the token"),
        ({"all_account_groups": False}, {}, "the token's login account group"),
        ({"aid": "12"}, {"aid": "12"}, "account group 12"),
        ({"aid": 12, "all_account_groups": False}, {"aid": "12"}, "account group 12"),
        ({"aid": " 12 "}, {"aid": "12"}, "account group 12"),
    ],
    ids=str,
)
def test_every_account_group_is_asked_for_unless_one_is_named(scope, sent, name, api):
    client = client_of(api)
    question = {"start": "2026-01-01", "end": "2026-01-02", **scope}
    frames = [client.fetch_events(**question), taf.fetch_events(**question, client=client)]
    batches = client.iter_batches(**question)
    assert list(batches) == []
    for request in api.requests:
        assert {name: request.query[name] for name in request.query if not name.endswith("Date")} == sent
    for receipt in [*map(taf.receipt, frames), batches.receipt]:
        assert receipt.scope == {"aid": sent.get("aid"), "all_account_groups": "useAllPermittedAids" in sent}
        assert receipt.scope_name == name
        assert f"  {name}\n" in repr(receipt)


@pytest.mark.parametrize("fetch", [taf.Client.fetch_events, taf.Client.iter_batches])
@pytest.mark.parametrize(
    ("scope", "message"),
    [
        ({"aid": "7", "all_account_groups": True}, "^aid and all_account_groups=True exclude each other"),
        ({"all_account_groups": "yes"}, "^all_account_groups: 'yes' is not True, False or None"),
    ],
    ids=str,
)
def test_a_scope_that_contradicts_itself_is_refused(fetch, scope, message, api):
    with pytest.raises(InvalidArgument, match=message):
        fetch(client_of(api), **scope)
    assert api.accepted == 0


@pytest.mark.parametrize(
    ("scope", "is_advised"), [({}, True), ({"all_account_groups": False}, False), ({"aid": "7"}, False)], ids=str
)
def test_a_403_names_the_narrower_scopes_and_nothing_is_narrowed(scope, is_advised):
    with RawServer([whole({}, status=403)]) as api, pytest.raises(taf.PermissionDenied) as caught:
        client_of(api).fetch_events(start="2026-01-01", end="2026-01-02", **scope)
    assert ("Use all_account_groups=False" in str(caught.value) and "aid=" in str(caught.value)) == is_advised
    assert len(api.requests) == 1


def test_a_closed_client_fetches_no_more(api):
    with client_of(api) as client:
        assert client.fetch_events(window="1h").empty
        before = api.accepted
    for fetch in (client.fetch_events, client.iter_batches, client.get_page):
        with pytest.raises(InvalidArgument, match=r"^client: it was closed"):
            fetch()
    assert api.accepted == before
    client.close()  # twice does no harm


# ---- the one call as it is ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({}, {}),
        ({"window": "12h"}, {"window": "12h"}),
        ({"window": timedelta(minutes=1)}, {"window": "60s"}),
        ({"start": "2026-01-01T00:00:00.5Z"}, {"startDate": "2026-01-01T00:00:00Z"}),
        (
            {"start": "2026-01-01", "end": "2026-01-02T00:00:00.5Z"},
            {"startDate": "2026-01-01T00:00:00Z", "endDate": "2026-01-02T00:00:01Z"},
        ),
        ({"cursor": "a+b/c=="}, {"cursor": "a+b/c=="}),
        (
            {"aid": "7", "all_account_groups": True, "window": "1d", "cursor": "x"},
            {"aid": "7", "useAllPermittedAids": "true", "window": "1d", "cursor": "x"},
        ),
    ],
    ids=str,
)
def test_get_page_sends_its_arguments_once(asked, sent, api):
    client_of(api).get_page(**asked)
    assert [request.query for request in api.requests] == [sent]


def test_get_page_sets_aside_what_does_not_fit_if_it_is_asked_to():
    with RawServer([whole(page({"date": "soon", "uid": "7"}))]) as api:
        with pytest.raises(DecodeError):
            client_of(api).get_page()
        got = client_of(api).get_page(errors="coerce")
        with pytest.raises(InvalidArgument, match="errors: 'ignore'"):
            client_of(api).get_page(errors="ignore")
    assert got.events["extra"].tolist() == ['{"date":"soon"}']
    assert got.coerced == (0,)


def test_get_page_takes_the_arguments_of_fetch_events_in_their_order():
    fetch, page = (list(inspect.signature(each).parameters) for each in (taf.Client.fetch_events, taf.Client.get_page))
    assert page == [*fetch, "cursor"]
    assert list(inspect.signature(taf.fetch_events).parameters) == [*fetch[1:], "client"]


@pytest.mark.parametrize("cursor", ["", " ", 7])
def test_an_empty_cursor_is_refused(cursor, api):
    with pytest.raises(InvalidArgument, match=r"^cursor: "):
        client_of(api).get_page(cursor=cursor)
    assert api.accepted == 0


def test_a_page_holds_the_answer_as_sent():
    with Sandbox(events=30, seed=1, now=NOW, page_size=20) as api:
        client = taf.Client(token=api.token, base_url=api.url, progress=False)
        one = client.get_page(window="12w", all_account_groups=True)
        two = client.get_page(all_account_groups=True, cursor=one.next_cursor)
        truth = api.truth(NOW - timedelta(weeks=12), NOW, all_account_groups=True)
    assert (one.start, one.end) == (NOW - timedelta(weeks=12), NOW)
    assert len(one.events) == 20
    assert one.events["date"].is_monotonic_decreasing  # in the order sent
    assert (len(two.events), two.next_cursor, two.next_href) == (len(truth) - 20, None, None)
    assert list(one.events.dtypes) == list(two.events.dtypes)
    assert b'"auditEvents"' in one.raw


def test_a_page_s_errors_are_those_of_a_fetch():
    with Sandbox(events=1, now=NOW) as api:
        with pytest.raises(AuthenticationError):
            taf.Client(token="practice-stale", base_url=api.url).get_page()
        with pytest.raises(BadRequest, match="cursor"):
            taf.Client(token=api.token, base_url=api.url).get_page(cursor="made-up")
    with RawServer([whole(page({"date": "soon"}))]) as api, pytest.raises(DecodeError, match=r"^page 1, event 0: "):
        client_of(api).get_page()
    with RawServer([whole(b"", 404)]) as api, pytest.raises(NotFound, match=r"^page 1: "):
        client_of(api).get_page()


# ---- around a fetch ----------------------------------------------------------------------------------------------


def test_the_bar_shows_pages_events_and_the_wait_and_only_on_request(capsys):
    limit = {"Limit": 5, "Remaining": 0, "Reset": 1_000_000_030}
    throttled = whole(
        b"",
        429,
        Date="Sun, 09 Sep 2001 01:46:40 GMT",
        **{f"X_Organization_Rate_Limit_{name}": value for name, value in limit.items()},
    )
    event = {"date": "2026-01-01T00:00:00Z"}
    for progress in (True, False, None):
        with RawServer([throttled, whole(page(event, event))]) as api:
            client_of(api, progress=progress).fetch_events(start="2026-01-01", end="2026-01-02")
        shown = capsys.readouterr()
        assert shown.out == ""
        if progress:
            assert "fetching: 0 events" in shown.err
            assert "2 events" in shown.err
            assert shown.err.endswith(", 1 page]\n")
            assert "rate limit: waiting 31 s until" in shown.err
        else:
            assert shown.err == ""


@pytest.mark.parametrize(("progress", "is_shown"), [(None, True), (False, False)])
def test_in_a_terminal_the_bar_shows_unless_progress_is_false(progress, is_shown, api, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    client_of(api, progress=progress).fetch_events(start="2026-01-01", end="2026-01-02")
    assert ("fetching" in capsys.readouterr().err) == is_shown


def test_a_fetch_that_fails_closes_its_bar(capsys):
    with RawServer([whole(b"", 401)]) as api, pytest.raises(AuthenticationError):
        client_of(api, progress=True).fetch_events()
    assert capsys.readouterr().err.endswith("\n")


def test_fetch_events_of_the_front_door_takes_a_client(api):
    events = taf.fetch_events(start="2026-01-01", end="2026-01-02", aid="5", client=client_of(api))
    assert taf.receipt(events).scope == {"aid": "5", "all_account_groups": False}


def test_fetch_events_of_the_front_door_passes_everything_on(api):
    taf.fetch_events(window="2d", all_account_groups=True, client=client_of(api))
    assert api.requests[0].query == {"window": "172801s", "useAllPermittedAids": "true"}
    with RawServer([whole(page({"date": "soon"}))]) as odd, pytest.warns(taf.AuditFramesWarning, match="^1 value that"):
        assert len(taf.fetch_events(start="2026-01-01", end="2026-01-02", errors="coerce", client=client_of(odd))) == 1


def test_one_client_paces_all_its_fetches_together():
    clock = VirtualClock()
    spent = whole(
        page(),
        Date="Thu, 01 Jan 2026 12:00:00 GMT",
        X_Organization_Rate_Limit_Limit=240,
        X_Organization_Rate_Limit_Remaining=0,
        X_Organization_Rate_Limit_Reset=int(datetime(2026, 1, 1, 12, 0, 40, tzinfo=UTC).timestamp()),
    )
    with RawServer([spent, whole(page())]) as api:
        one = client_of(api, clock=clock)
        for _ in range(2):
            one.fetch_events(start="2026-01-01", end="2026-01-02")
    assert 40 <= clock.seconds <= 41


@pytest.mark.parametrize("uids", [["7", "7"], ["7", "8"]])
def test_a_log_of_one_person_is_remarked_on(uids):
    events = [{"date": "2026-01-01T00:00:00Z", "uid": uid} for uid in uids]
    with RawServer([whole(page(*events))]) as api:
        frame = client_of(api).fetch_events(start="2026-01-01", end="2026-01-02")
    remarked = any("only one uid was seen" in note for note in taf.receipt(frame).notes)
    assert remarked == (len(set(uids)) == 1)
