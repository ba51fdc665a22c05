"""The practice organisation: exact, repeatable, and lived-in."""

import ipaddress
import json
import unicodedata
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples

from te_audit_frames.sandbox import Organisation, Sandbox
from te_audit_frames.sandbox.event_log import GivenEvents

END = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)

ends = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))


def everything(log):
    return json.loads(f"[{','.join(log.render(np.arange(len(log))))}]")


def when(event):
    return datetime.fromisoformat(event["date"])


@pytest.fixture(scope="module")
def lived_in():
    return everything(Organisation(events=20_000, seed=3, end=END, days=90))


@settings(max_examples=examples(40), deadline=None)
@given(st.integers(0, 2_000), st.integers(0, 2**32), ends, st.integers(1, 400))
def test_has_exactly_so_many_events_in_ascending_order_within_its_days(events, seed, end, days):
    log = Organisation(events=events, seed=seed, end=end, days=days)
    dates = [when(event) for event in everything(log)]
    assert len(log) == len(dates) == events
    assert all(one <= other for one, other in pairwise(dates))
    assert all(log.start <= date < log.end <= end for date in dates)
    assert log.end - log.start == timedelta(days=days)
    assert end - log.end < timedelta(seconds=1)


@settings(max_examples=examples(15), deadline=None)
@given(st.integers(0, 500), st.integers(0, 1_000), ends, st.integers(1, 30))
def test_is_the_same_for_the_same_arguments(events, seed, end, days):
    arguments = {"events": events, "seed": seed, "end": end, "days": days}
    assert everything(Organisation(**arguments)) == everything(Organisation(**arguments))


def test_another_seed_is_another_organisation():
    one, other = (Organisation(events=100, seed=seed, end=END) for seed in (0, 1))
    assert everything(one) != everything(other)


def test_pages_render_as_the_whole_does():
    log = Organisation(events=300, seed=0, end=END)
    picked = np.array([299, 7, 7, 0])
    whole = log.render(np.arange(300))
    assert log.render(picked) == [whole[position] for position in picked]


def test_some_events_happen_twice_in_one_second(lived_in):
    times = Counter(json.dumps(event, sort_keys=True) for event in lived_in)
    assert 20 <= sum(count - 1 for count in times.values()) <= 400


def test_a_few_people_change_their_name_once_and_keep_their_uid(lived_in):
    names = {}
    for event in lived_in:
        said = names.setdefault(event["uid"], [])
        if not said or said[-1] != event["user"]:
            said.append(event["user"])
    changes = Counter(len(said) for said in names.values())
    assert set(changes) == {1, 2}
    assert 2 <= changes[2] <= len(names) // 5


def test_people_rest_at_the_weekend_and_the_automation_does_not(lived_in):
    automation = [event for event in lived_in if "Automation" in event["user"]]
    days = Counter(when(event).weekday() for event in lived_in if "Automation" not in event["user"])
    assert days[6] < days[2] * 0.6
    assert days[5] < days[2] * 0.6
    hours = Counter(when(event).hour for event in automation)
    assert len(hours) == 24
    assert max(hours.values()) < 2 * min(hours.values())


def test_people_work_by_day_in_their_own_zone(lived_in):
    def typical_hour(aid):
        hours = [when(e).hour for e in lived_in if e["aid"] == aid and "Automation" not in e["user"]]
        return Counter(hours).most_common(1)[0][0]

    assert 6 <= typical_hour("2071") <= 15  # Cairo and Athens
    assert typical_hour("3308") <= 10 or typical_hour("3308") >= 20  # Tokyo, India and Auckland


def test_one_rare_administrator_looks_after_the_people(lived_in):
    administration = ("User added.", "User removed.", "Role assigned.")
    admins = {event["uid"] for event in lived_in if event["event"] in administration}
    assert len(admins) == 1
    work = [event for event in lived_in if event["uid"] in admins and event["event"] != "Login failed."]
    assert 1 <= len(work) < len(lived_in) / 100


def test_failed_logins_come_in_bursts_from_odd_addresses(lived_in):
    odd = ("203.0.113.", "2001:db8:bad:")
    failed = [event for event in lived_in if event["ipAddress"].startswith(odd)]
    assert {event["event"] for event in failed} == {"Login failed."}
    attacks = Counter((event["uid"], event["ipAddress"]) for event in failed)
    assert len(failed) >= 200
    assert attacks.most_common(1)[0][1] >= 10


def test_events_name_all_that_the_published_document_shows(lived_in):
    assert 15 <= len({event["event"] for event in lived_in}) <= 30
    assert {"Login failed.", "Report created.", "Test deleted."} <= {event["event"] for event in lived_in}
    assert len({event["aid"] for event in lived_in}) == 4
    amounts = Counter(len(event.get("resources", ())) for event in lived_in)
    assert amounts[0] and amounts[1] and max(amounts) > 2
    assert all(event.get("resources", ["absent"]) for event in lived_in)
    bare = {event["user"] for event in lived_in if not event["user"].endswith(")")}
    assert 1 <= len(bare) <= 4


def test_addresses_are_plain_new_and_blocks_and_nobodys_in_earnest(lived_in):
    networks = {ipaddress.ip_network(event["ipAddress"]) for event in lived_in}
    assert {network.version for network in networks} == {4, 6}
    blocks = {network for network in networks if network.num_addresses > 1}
    assert blocks
    assert all(network.is_private for network in networks - blocks)


def test_names_come_in_many_scripts(lived_in):
    letters = {letter for event in lived_in for letter in event["user"] if letter.isalpha()}
    scripts = {unicodedata.name(letter).split()[0] for letter in letters}
    assert {"LATIN", "CJK", "ARABIC", "CYRILLIC", "GREEK", "DEVANAGARI"} <= scripts


@pytest.mark.parametrize(
    ("wrong", "culprit"), [({"events": -1}, "events"), ({"days": 0}, "days"), ({"end": datetime(2026, 1, 1)}, "end")]
)
def test_refuses_what_makes_no_log(wrong, culprit):
    with pytest.raises(ValueError, match=culprit):
        Organisation(**wrong)


def test_given_events_are_sorted_by_date_and_the_undated_stay_beside_their_neighbour():
    late = {"date": "2026-01-02T00:00:00Z", "aid": "7"}
    undated, wrong, no_object = {"aid": "7"}, {"date": "soon", "aid": "7"}, "not an event"
    early = {"date": "2026-01-01T00:00:00+02:00", "aid": 8, "odd": "\ud800"}
    log = GivenEvents([late, undated, wrong, early, no_object], now=0)
    assert everything(log) == [early, no_object, late, undated, wrong]
    assert log.aids == ("7", "8")
    assert log.dates.tolist()[2:] == [int(datetime(2026, 1, 2, tzinfo=UTC).timestamp())] * 3


def test_events_without_any_date_stand_just_before_now():
    with Sandbox([{"event": "Login failed."}], now=END) as api:
        assert api.truth(END - timedelta(seconds=1), END) == [{"event": "Login failed."}]
