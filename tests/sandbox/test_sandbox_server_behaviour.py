"""Every way that the practice server can be: each option does what its description says, seen over HTTP."""

import inspect
import json
import socket
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import get_type_hints
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
import requests

from te_audit_frames.sandbox import Organisation, Sandbox
from te_audit_frames.sandbox.server_behaviour import Behaviour, Options

NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
LOG = Organisation(events=300, seed=1, end=NOW, days=10)
PATH = "/v7/audit-user-events"
ALL = {"useAllPermittedAids": "true"}
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def multiset(events):
    return Counter(json.dumps(event, sort_keys=True) for event in events)


def serve(events=LOG, **options):
    return Sandbox(events, **{"now": NOW, "rate_limit": None, "page_size": 40} | options)


def get(api, path=PATH, **parameters):
    return requests.get(api.url + path, params=parameters, headers={"Authorization": f"Bearer {api.token}"}, timeout=10)


def pages(api, *, change=None, **parameters):
    """Follow the links; `change` may edit the parameters of each."""
    answer = get(api, **parameters)
    while True:
        assert answer.status_code == 200, answer.text
        page = answer.json()
        yield page
        link = page["_links"].get("next")
        if not link:
            return
        query = {name: values[0] for name, values in parse_qs(urlsplit(urljoin(api.url, link["href"])).query).items()}
        answer = get(api, **(change(query) if change else query))


def rows(found):
    return [event for page in found for event in page["auditEvents"]]


def everything(api):
    return api.truth(NOW - 20 * DAY, NOW + DAY, all_account_groups=True)


# ---- ranges ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("keeps", "start", "end"), [("newest", 3, 0), ("oldest", 10, 7)])
@pytest.mark.parametrize("asked", [{"window": "10d"}, {"startDate": iso(NOW - 10 * DAY), "endDate": iso(NOW)}])
def test_longest_range_answers_a_part_and_says_which(keeps, start, end, asked):
    with serve(longest_range=3 * DAY, longest_range_keeps=keeps) as api:
        found = list(pages(api, **asked, **ALL))
        truth = api.truth(NOW - start * DAY, NOW - end * DAY + SECOND, all_account_groups=True)
    assert {(page["startDate"], page["endDate"]) for page in found} == {(iso(NOW - start * DAY), iso(NOW - end * DAY))}
    assert multiset(rows(found)) == multiset(truth)
    assert 0 < len(truth) < 300


def test_widest_range_is_the_widest_that_is_not_a_400():
    with serve(widest_range=DAY) as api:
        statuses = [get(api, window=window).status_code for window in ("86400s", "86401s")]
        refused = get(api, startDate=iso(NOW - DAY - SECOND), endDate=iso(NOW))
    assert statuses == [200, 400]
    assert refused.json()["errors"][0]["field"] == "startDate"


def test_retention_moves_the_start_and_removes_what_is_older():
    clock = [NOW]
    with serve(now=lambda: clock[0], retention=5 * DAY) as api:
        page = get(api, window="10d", **ALL).json()
        before = len(everything(api))
        assert len(rows(pages(api, **ALL))) == before
        clock[0] = NOW + DAY
        assert 0 < len(rows(pages(api, **ALL))) == len(everything(api)) < before < 300
    assert page["startDate"] == iso(NOW - 5 * DAY - timedelta(seconds=1))


def test_stated_range_can_be_missing_or_the_example_that_no_row_fits():
    with serve(stated_range="none") as api:
        silent = list(pages(api, window="10d", **ALL))
    with serve(stated_range="example") as api:
        example = list(pages(api, window="10d", **ALL))
    assert not any("startDate" in page or "endDate" in page for page in silent)
    assert {page["startDate"] for page in example} == {"2022-07-17T22:00:54Z"}
    assert multiset(rows(example)) == multiset(rows(silent)) == multiset(everything(api))


@pytest.mark.parametrize(
    ("stated", "end"),
    [("end of day", "2026-03-01T23:59:59Z"), ("in 3 days", iso(NOW + 3 * DAY)), ("9999", "9999-12-31T23:59:59Z")],
)
def test_stated_end_is_far_ahead_unless_an_end_was_asked_for(stated, end):
    with serve(stated_end=stated) as api:
        found = list(pages(api, window="10d", **ALL))
        asked = get(api, startDate=iso(NOW - DAY), endDate=iso(NOW))
    assert {page["endDate"] for page in found} == {end}
    assert {page["startDate"] for page in found} == {iso(NOW - 10 * DAY)}
    assert len(rows(found)) == 300
    assert asked.json()["endDate"] == iso(NOW)
    assert parsedate_to_datetime(asked.headers["Date"]) == NOW


def test_date_error_moves_the_header_alone():
    with serve(date_error=-3 * DAY) as api:
        answer = get(api, window="1d")
    assert parsedate_to_datetime(answer.headers["Date"]) == NOW - 3 * DAY
    assert answer.json()["endDate"] == iso(NOW)


# ---- change ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("cursors", ["offset", "row"])
def test_arrivals_shift_pages_by_offset_alone(order, cursors):
    with serve(arrivals=3, arrival_delay=3 * SECOND, order=order, cursors=cursors, most_arrivals=20) as api:
        before = multiset(everything(api))
        found = multiset(rows(pages(api, startDate=iso(NOW - 20 * DAY), endDate=iso(NOW + DAY), **ALL)))
        after = multiset(everything(api))
    assert after.total() == before.total() + 20
    assert before < after
    is_shifted = order == "newest" and cursors == "offset"
    assert (found <= after) != is_shifted
    assert is_shifted or before <= found


def test_arrivals_are_dated_within_their_delay_and_stand_by_date_or_by_arrival():
    first = {"date": iso(NOW - SECOND), "aid": "1", "event": "first"}
    seen = set()
    for stand in ("by date", "by arrival"):
        with serve([first], arrivals=30, arrival_delay=9 * SECOND, arrivals_stand=stand, cursors="row") as api:
            dates = [event["date"] for event in rows([get(api, window="1d", max="100").json()])]
        assert len(dates) == 31
        assert iso(NOW - 9 * SECOND) <= min(dates) <= max(dates) <= iso(NOW)
        assert (dates == sorted(dates, reverse=True)) == (stand == "by date")
        seen.update(dates)
    assert len(seen) == 10


def test_a_fraction_of_an_arrival_comes_every_so_many_requests():
    with serve(arrivals=0.5) as api:
        counts = []
        for _ in range(4):
            get(api)
            counts.append(len(everything(api)))
    assert counts == [300, 301, 301, 302]


def test_removals_take_the_oldest_and_shift_pages_oldest_first():
    with serve(removals=2, order="oldest") as api:
        before = everything(api)
        found = rows(pages(api, **ALL))
        after = everything(api)
    assert multiset(after) < multiset(before)
    assert sorted(event["date"] for event in after) == sorted(event["date"] for event in before)[-len(after) :]
    assert multiset(after) - multiset(found), "nothing was lost, so nothing shifted"


# ---- order -----------------------------------------------------------------------------------------------------------


def seconds(found):
    return [int(datetime.fromisoformat(event["date"]).timestamp()) for event in rows(found)]


@pytest.mark.parametrize("cursors", ["offset", "row"])
@pytest.mark.parametrize("by", [timedelta(minutes=10), timedelta(hours=-48)])
def test_misplaced_events_stand_so_far_from_their_date(by, cursors):
    with serve(misplaced=1, misplaced_by=by, cursors=cursors) as api:
        found = list(pages(api, **ALL))
        again = list(pages(api, **ALL))
    dates = seconds(found)
    assert multiset(rows(found)) == multiset(everything(api))
    assert rows(found) == rows(again)
    (odd,) = (set(range(300)) - set(longest_descent(dates))) or {None}
    place = dates[odd] - by.total_seconds()
    assert all(dates[k] >= place for k in range(odd))
    assert all(dates[k] <= place for k in range(odd + 1, 300))


def test_displaced_events_are_known_with_their_distance():
    with serve(misplaced=2, misplaced_by=timedelta(hours=-2)) as api, serve() as plain:
        odd = api.displaced()
        assert plain.displaced() == []
        assert multiset(event for event, _ in odd) < multiset(everything(api))
    assert [ahead for _, ahead in odd] == [-7_200, -7_200]


def longest_descent(dates):
    """Return the indices of one longest run of dates that never ascends."""
    best = [[k] for k in range(len(dates))]
    for k in range(len(dates)):
        for before in range(k):
            if dates[before] >= dates[k] and len(best[before]) + 1 > len(best[k]):
                best[k] = [*best[before], k]
    return max(best, key=len)


def test_disorder_is_bounded_and_the_same_each_time():
    with serve(disorder=timedelta(hours=3)) as api:
        dates, again = seconds(pages(api, **ALL)), seconds(pages(api, **ALL))
        assert multiset(rows(pages(api, **ALL))) == multiset(everything(api))
    assert dates == again
    back = [later - earlier for earlier, later in pairwise(dates) if later > earlier]
    assert len(back) > 10
    assert max(back) <= 6 * 3_600
    with serve(disorder=timedelta.max) as api:
        assert max(later - earlier for earlier, later in pairwise(seconds(pages(api, **ALL)))) > 86_400


def test_reversed_pages_turn_each_page_alone():
    with serve() as api, serve(reversed_pages=True) as other:
        plain, turned = list(pages(api, **ALL)), list(pages(other, **ALL))
    assert [page["auditEvents"][::-1] for page in turned] == [page["auditEvents"] for page in plain]


@pytest.mark.parametrize("cursors", ["offset", "row"])
@pytest.mark.parametrize("bare", [False, True])
def test_grouped_sends_one_account_group_after_the_other(cursors, bare):
    with serve(grouped=True, cursors=cursors, bare_links=bare) as api:
        found = rows(pages(api, **ALL))
        assert multiset(found) == multiset(everything(api))
    groups = [event["aid"] for event in found]
    assert [aid for place, aid in enumerate(groups) if groups[place - 1] != aid] == list(dict.fromkeys(groups))
    assert len(set(groups)) == 4
    for aid in set(groups):
        dates = [event["date"] for event in found if event["aid"] == aid]
        assert dates == sorted(dates, reverse=True)


# ---- links -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cursors", ["offset", "row"])
def test_bare_links_hold_a_cursor_alone_and_lead_through_everything(cursors):
    with serve(bare_links=True, cursors=cursors) as api:
        found = list(pages(api, window="10d", max="33", **ALL))
    query = parse_qs(urlsplit(found[0]["_links"]["next"]["href"]).query)
    assert query.keys() == {"cursor"}
    assert [len(page["auditEvents"]) for page in found] == [33] * 9 + [3]
    assert multiset(rows(found)) == multiset(everything(api))


QUESTION = {"startDate": iso(NOW - 10 * DAY), "endDate": iso(NOW)} | ALL


@pytest.mark.parametrize("changed", ["scope", "window", "dates"])
def test_changed_links_lose_events_unless_the_parameters_are_put_back(changed):
    def put_back(query):
        return {name: query[name] for name in ("cursor", "max") if name in query} | QUESTION

    with serve(changed_links=changed) as api:
        followed = list(pages(api, **QUESTION))
        corrected = rows(pages(api, change=put_back, **QUESTION))
        truth = multiset(everything(api))
    assert multiset(rows(followed)) < truth
    assert multiset(corrected) == truth
    query = parse_qs(urlsplit(followed[0]["_links"]["next"]["href"]).query)
    changes = {
        "scope": {"aid": ["1234"], "useAllPermittedAids": ["false"]},
        "window": {"window": ["432000s"]},
        "dates": {"startDate": [iso(NOW - 5 * DAY)]},
    }
    assert changes[changed].items() <= query.items()
    assert ("startDate" in query) == (changed != "window")


def test_a_server_can_refuse_parameters_that_were_put_back():
    with serve(changed_links="scope", put_back="refused") as api:
        assert len(list(pages(api, **QUESTION))) > 1
        link = get(api, **QUESTION).json()["_links"]["next"]["href"]
        cursor = parse_qs(urlsplit(link).query)["cursor"][0]
        assert get(api, cursor=cursor, **QUESTION).status_code == 400


def test_a_repeated_next_is_null_the_second_time_and_only_where_there_is_a_next():
    with serve(repeated_next=True, page_size=200) as api:
        first = get(api, **ALL).text
        last = get(api, max="300", **ALL).text
    read = json.loads(first, object_pairs_hook=list)
    links = dict(read)["_links"]
    assert [name for name, _ in links] == ["self", "next", "next"]
    assert links[-1][1] is None
    assert links[1][1][0][0] == "href"
    assert '"next"' not in last


def test_an_endless_log_repeats_its_last_event():
    with serve(endless=True) as api:
        found = []
        for page in pages(api, **ALL):
            found.append(page)
            if len(found) == 12:
                break
    assert all(len(page["auditEvents"]) == 40 for page in found)
    assert len({page["_links"]["next"]["href"] for page in found}) == 12
    assert multiset(rows(found[:7])) < multiset(everything(api))
    assert multiset(rows(found[10:])).total() == 80
    assert len(multiset(rows(found[10:]))) == 1


# ---- the connection --------------------------------------------------------------------------------------------------


def exchange(api, *targets):
    """Send requests one behind the other on one connection; return all that comes back."""
    address = urlsplit(api.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        for target in targets:
            close = "Connection: close\r\n" * (target == targets[-1])
            head = (
                f"GET {target} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {api.token}\r\n{close}\r\n"
            )
            connection.sendall(head.encode())
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_interim_answers_come_first():
    with serve(interim=(102, 103)) as api:
        came = exchange(api, PATH)
    statuses = [line for line in came.split(b"\r\n") if line.startswith(b"HTTP/1.1")]
    assert statuses == [b"HTTP/1.1 102 Processing", b"HTTP/1.1 103 Early Hints", b"HTTP/1.1 200 OK"]


@pytest.mark.parametrize("status", [204, 304])
def test_a_stray_answer_stands_behind_an_answer_without_a_body(status):
    with serve(stray_answers=2, stray_status=status) as api:
        came = exchange(api, f"{PATH}?aid=1234&max=2", f"{PATH}?aid=2071&max=2")
    first, empty, stray = came.split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"200")
    assert empty.startswith(b"%d" % status)
    assert b"Content-Length" not in empty
    assert stray.startswith(b"200 OK")
    assert stray.partition(b"\r\n\r\n")[2] == first.partition(b"\r\n\r\n")[2]


def test_the_first_answer_to_stray_is_about_another_account_group():
    with serve(stray_answers=1) as api:
        stray = exchange(api, f"{PATH}?aid=1234&max=2").partition(b"200 OK")[2].partition(b"\r\n\r\n")[2]
    assert {event["aid"] for event in json.loads(stray)["auditEvents"]} == {"4415"}


def test_mixed_up_answers_are_about_another_account_group():
    with serve(mixed_up=3) as api:
        groups = [{event["aid"] for event in get(api, aid="2071").json()["auditEvents"]} for _ in range(6)]
    assert groups == [{"2071"}, {"2071"}, {"4415"}] * 2


# ---- account groups, and options that are wrong ----------------------------------------------------------------------


def test_account_groups_are_listed_or_refused():
    with serve() as api:
        answer = get(api, path="/v7/account-groups")
        address = f"{api.url}/v7/account-groups"
    groups = answer.json()["accountGroups"]
    assert [group["aid"] for group in groups] == ["1234", "2071", "3308", "4415"]
    assert groups[0] == {
        "aid": "1234",
        "accountGroupName": "Network Operations",
        "isCurrentAccountGroup": True,
        "isDefaultAccountGroup": True,
        "organizationName": "Practice Organisation",
        "orgId": "1",
    }
    assert not groups[1]["isDefaultAccountGroup"]
    assert answer.json()["_links"] == {"self": {"href": address}}
    with serve([{"date": iso(NOW), "aid": 7, "accountGroupName": "Seven"}, {"aid": "8"}]) as api:
        groups = get(api, path="/v7/account-groups").json()["accountGroups"]
    assert [(group["aid"], group["accountGroupName"]) for group in groups] == [("7", "Seven"), ("8", "Account Group 8")]
    with serve(account_groups="refused") as api:
        assert get(api, path="/v7/account-groups").status_code == 403


@pytest.mark.parametrize(
    ("options", "culprit"),
    [
        ({"longest_range": timedelta(0)}, "longest_range"),
        ({"longest_range_keeps": "middle"}, "longest_range_keeps"),
        ({"widest_range": -DAY}, "widest_range"),
        ({"retention": timedelta(0)}, "retention"),
        ({"stated_range": "lies"}, "stated_range"),
        ({"stated_end": "soon"}, "stated_end"),
        ({"arrivals": -1}, "arrivals"),
        ({"most_arrivals": -1}, "most_arrivals"),
        ({"arrival_delay": -SECOND}, "arrival_delay"),
        ({"arrivals_stand": "anywhere"}, "arrivals_stand"),
        ({"removals": -0.5}, "removals"),
        ({"misplaced": -1}, "misplaced"),
        ({"disorder": -SECOND}, "disorder"),
        ({"cursors": "page"}, "cursors"),
        ({"changed_links": "all"}, "changed_links"),
        ({"put_back": "ignored"}, "put_back"),
        ({"interim": (404,)}, "interim"),
        ({"stray_answers": 0}, "stray_answers"),
        ({"stray_status": 205}, "stray_status"),
        ({"mixed_up": 0}, "mixed_up"),
        ({"account_groups": "hidden"}, "account_groups"),
        ({"bare_links": True, "changed_links": "dates"}, "bare_links"),
        ({"endless": True, "cursors": "row"}, "endless"),
        ({"sliding_links": True, "changed_links": "dates"}, "sliding_links"),
    ],
)
def test_an_option_out_of_its_range_is_named(options, culprit):
    with pytest.raises(ValueError, match=f"^{culprit}"):
        Sandbox(LOG, **options)


def test_an_option_that_does_not_exist_is_a_type_error():
    with pytest.raises(TypeError, match="long_range"):
        Sandbox(LOG, long_range=DAY)


def test_the_options_are_those_of_the_behaviour_and_all_documented():
    assert get_type_hints(Options) == get_type_hints(Behaviour)
    documented = inspect.getdoc(Sandbox).partition("Attributes\n")[0]
    assert [name for name in get_type_hints(Options) if f"\n{name} : " not in documented] == []
