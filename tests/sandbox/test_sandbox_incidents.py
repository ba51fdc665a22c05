"""Incidents of the practice organisation: the truth about them is exact, and each is what its kind says."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from thousandeyes_sdk.administrative import UserEventsApi
from thousandeyes_sdk.core import ApiClient, Configuration

import te_audit_frames as taf
from te_audit_frames.sandbox import Organisation, Sandbox, names

NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
KINDS = {
    "break-in after a spray",
    "alert rule silenced",
    "mass deletion",
    "role granted to oneself",
    "dormant account returns",
    "token from a new network",
    "automation from a new address",
}
ZONES = {mailbox: office.zone for office in names.OFFICES for _, mailbox in office.users()}

seeds = st.integers(0, 2**32)
ends = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))
lengths = st.sampled_from([60, 61, 90, 365])


def organisation(seed, end, days, **options):
    return Organisation(events=max(25 * days, 2_000), seed=seed, end=end, days=days, **{"incidents": True} | options)


def everything(log):
    return json.loads(f"[{','.join(log.render(np.arange(len(log))))}]")


def when(event):
    return datetime.fromisoformat(event["date"])


def texts(events):
    return Counter(json.dumps(event, sort_keys=True) for event in events)


def by_kind(log):
    found = {incident.kind: incident for incident in log.incidents}
    assert len(found) == len(log.incidents)
    return found


def local(event):
    """Return the local time of an event at the office of its person."""
    return when(event).astimezone(ZoneInfo(ZONES[event["user"].split("(")[1].rstrip(")")]))


def named(event, type_):
    return [resource["name"] for resource in event.get("resources", ()) if resource["type"] == type_]


@pytest.mark.full
@settings(max_examples=examples(40), deadline=None)
@given(seeds, ends, lengths)
def test_the_truth_is_exact(seed, end, days):
    log = organisation(seed, end, days)
    events = everything(log)
    assert set(by_kind(log)) == KINDS
    assert list(log.incidents) == sorted(log.incidents, key=lambda incident: incident.start)
    told = [event for incident in log.incidents for event in incident.events]
    assert not texts(told) - texts(events)
    for incident in log.incidents:
        dates = [when(event) for event in incident.events]
        assert dates == sorted(dates)
        assert (incident.start, incident.end) == (dates[0], dates[-1] + timedelta(seconds=1))
        assert log.end - timedelta(days=21) < incident.start < incident.end <= log.end
        assert set(incident.account_groups) == {event["aid"] for event in incident.events}
        assert (incident.uid, incident.user) in {(event["uid"], event["user"]) for event in incident.events}
        assert texts(incident.events) == texts(found_by_filter(events, incident))


def found_by_filter(events, incident):
    """Find an incident's events without its list of them."""
    address = incident.events[0]["ipAddress"]
    inside = [event for event in events if incident.start <= when(event) < incident.end]
    if incident.kind in {"break-in after a spray", "token from a new network", "automation from a new address"}:
        return [event for event in events if event["ipAddress"] == address]
    if incident.kind == "role granted to oneself":
        granted = [event for event in events if named(event, "roleName") == ["Organization Admin"]]
        return [event for event in granted if event["event"] == "Role assigned." and event["uid"] == incident.uid]
    return [event for event in inside if event["uid"] == incident.uid]


@settings(max_examples=examples(40), deadline=None)
@given(seeds, ends, lengths)
def test_a_break_in_follows_a_spray_from_its_address(seed, end, days):
    log = organisation(seed, end, days)
    incident = by_kind(log)["break-in after a spray"]
    failed = [event for event in incident.events if event["event"] == "Login failed."]
    inside = incident.events[len(failed) :]
    assert list(incident.events[: len(failed)]) == failed
    assert len({event["uid"] for event in failed}) >= 15
    assert set(Counter(event["uid"] for event in failed).values()) == {2}
    assert timedelta(minutes=5) < when(failed[-1]) - when(failed[0]) < timedelta(hours=1)
    assert timedelta(0) < when(inside[0]) - when(failed[-1]) < timedelta(minutes=5)
    assert inside[0]["event"] == "Login successful."
    assert {event["uid"] for event in inside} == {incident.uid} <= {event["uid"] for event in failed}
    assert len({event["ipAddress"] for event in incident.events}) == 1


@pytest.mark.full
@settings(max_examples=examples(40), deadline=None)
@given(seeds, ends, lengths)
def test_the_leaver_silences_an_alert_rule_and_deletes_at_night_and_is_not_seen_again(seed, end, days):
    log = organisation(seed, end, days)
    silenced, deletion = (by_kind(log)[kind] for kind in ("alert rule silenced", "mass deletion"))
    assert [event["event"] for event in silenced.events] == ["Login successful.", "Alert rule disabled."]
    deleted = [event for event in deletion.events if event["event"] in {"Test deleted.", "Report deleted."}]
    assert len(deleted) >= 40
    assert [event["event"] for event in deletion.events if event not in deleted] == ["Logout."]
    assert when(deleted[-1]) - when(deleted[0]) < timedelta(minutes=15)
    assert silenced.uid == deletion.uid
    assert timedelta(0) < deletion.start - silenced.end < timedelta(minutes=30)
    assert all(local(event).hour < 5 for event in (*silenced.events, *deletion.events))
    others = [event for event in everything(log) if event["uid"] == deletion.uid and event["event"] != "Login failed."]
    assert max(map(when, others)) < deletion.end
    at_night = [event for event in others if when(event) < silenced.start and local(event).hour < 5]
    assert not at_night
    (leaver,) = [person for person in log.people(int(end.timestamp())) if person.uid == deletion.uid]
    assert leaver.last_login == int(silenced.start.timestamp())
    assert "Account Admin" in {role.name for roles in leaver.roles.values() for role in roles}


@settings(max_examples=examples(40), deadline=None)
@given(seeds, ends, lengths)
@pytest.mark.full
def test_a_role_is_granted_to_oneself_and_the_directory_has_it_from_then_on(seed, end, days):
    log = organisation(seed, end, days)
    incident = by_kind(log)["role granted to oneself"]
    (event,) = incident.events
    assert named(event, "userDisplayName") == [event["user"].rpartition(" (")[0]]
    others = [each for each in everything(log) if each["event"] == "Role assigned." and each != event]
    assert all(named(each, "userDisplayName")[0] not in each["user"] for each in others)
    at = int(incident.start.timestamp())
    roles = {
        moment: [role.name for person in log.people(moment) if person.uid == incident.uid for role in person.everywhere]
        for moment in (at - 1, at)
    }
    assert roles == {at - 1: [], at: ["Organization Admin"]}


@settings(max_examples=examples(40), deadline=None)
@given(seeds, ends, lengths)
@pytest.mark.full
def test_a_dormant_account_returns_after_half_a_year_and_the_directory_says_so(seed, end, days):
    log = organisation(seed, end, days)
    incident = by_kind(log)["dormant account returns"]
    at = int(incident.start.timestamp())
    before, after = (
        next(person for person in log.people(moment) if person.uid == incident.uid) for moment in (at - 1, at)
    )
    assert before.registered < before.last_login < at - 180 * 86_400
    assert after.last_login == at
    earlier = [event for event in everything(log) if event["uid"] == incident.uid and when(event) < incident.start]
    assert all(when(event) < incident.start - timedelta(days=180) for event in earlier)
    logins = [when(event).timestamp() for event in earlier if event["event"] == "Login successful."]
    assert not logins or max(logins) == before.last_login


@settings(max_examples=examples(40), deadline=None)
@given(seeds, ends, lengths)
@pytest.mark.full
def test_a_token_and_the_automation_come_from_networks_that_nobody_used(seed, end, days):
    log = organisation(seed, end, days)
    found = by_kind(log)
    token, moved = found["token from a new network"], found["automation from a new address"]
    assert "API token created." in [event["event"] for event in token.events]
    assert {event["uid"] for event in token.events} == {token.uid}
    addresses = [{event["ipAddress"] for event in found[kind].events} for kind in KINDS if "new" in kind]
    assert all(len(each) == 1 for each in addresses)
    automation = [event for event in everything(log) if event["uid"] == moved.uid]
    usual = {event["ipAddress"] for event in automation if not moved.start <= when(event) < moved.end}
    assert len(usual) == 1
    assert not usual & {event["ipAddress"] for event in moved.events}
    assert timedelta(0) < moved.end - moved.start < timedelta(days=1)


@pytest.mark.full
@settings(max_examples=examples(20), deadline=None)
@given(seeds, ends, lengths)
def test_apart_from_its_incidents_the_log_is_that_of_people_with_habits(seed, end, days):
    told, routine = organisation(seed, end, days), organisation(seed, end, days, incidents=False, habits=True)
    (moved,) = [incident for incident in told.incidents if incident.kind.startswith("automation")]
    added = [event for incident in told.incidents for event in incident.events if incident is not moved]
    assert len(told) == len(routine) + len(added)
    rest, usual = texts(everything(told)) - texts(added), texts(everything(routine))
    assert not texts(added) - texts(everything(told))
    changed = [(json.loads(event)["date"], json.loads(event)["uid"]) for event in (rest - usual).elements()]
    assert Counter(changed) == Counter((event["date"], event["uid"]) for event in moved.events)
    assert not routine.incidents
    assert routine.leave == told.leave


@settings(max_examples=examples(10), deadline=None)
@given(seeds, ends)
def test_incidents_are_the_same_for_the_same_seed_and_others_for_another(seed, end):
    one, same, other = (organisation(each, end, 60) for each in (seed, seed, seed + 1))
    assert everything(one) == everything(same)
    assert one.incidents == same.incidents
    assert one.incidents != other.incidents


def test_a_busy_year_has_one_incident_of_each_kind():
    log = Organisation(events=60_000, seed=5, end=NOW, days=365, incidents=True)
    assert set(by_kind(log)) == KINDS
    assert log.end - log.start == timedelta(days=365)


@pytest.fixture(scope="module")
def api():
    with Sandbox(events=2_500, seed=7, days=60, now=NOW, incidents=True, rate_limit=None) as api:
        yield api


def test_the_package_and_the_official_sdk_fetch_the_incidents(api):
    frame = taf.Client(token=api.token, base_url=api.url).fetch_events(window="60d")
    assert len(frame) == len(api.event_log)
    events_api = UserEventsApi(ApiClient(Configuration(host=f"{api.url}/v7", access_token=api.token)))
    read = list(events_api.get_user_events_paginated(window="60d", use_all_permitted_aids=True))
    assert len(read) == len(frame)
    for incident in api.incidents:
        is_inside = frame["date"].between(incident.start, incident.end, inclusive="left")
        mine = frame[is_inside & (frame["uid"] == incident.uid)]
        expected = [event for event in incident.events if event["uid"] == incident.uid]
        assert set(zip(mine["date"], mine["event"], strict=True)) >= {(when(e), e["event"]) for e in expected}
        theirs = Counter((event.var_date, event.event, event.uid) for event in read)
        assert not Counter((when(e), e["event"], e["uid"]) for e in incident.events) - theirs


def test_the_directory_agrees_with_the_log(api):
    users = taf.Client(token=api.token, base_url=api.url).fetch_users().set_index("uid")
    logins = {}
    for event in everything(api.event_log):
        assert event["uid"] in users.index
        if event["event"] == "Login successful.":
            logins[event["uid"]] = when(event)
    assert {uid: users.loc[uid, "last_login"] for uid in logins} == logins


def test_incidents_are_for_seeded_organisations():
    with pytest.raises(ValueError, match=r"incidents: only a seeded organisation"):
        Sandbox([], incidents=True)
    log = organisation(1, NOW, 60)
    assert Sandbox(log).incidents == log.incidents
    assert Sandbox(events=10).incidents == ()
    assert Sandbox([]).incidents == ()


@pytest.mark.parametrize(("events", "days"), [(1_499, 60), (10_000, 59), (0, 60)])
def test_habits_need_days_and_events(events, days):
    with pytest.raises(ValueError, match=rf"events={events}, days={days}: .* write days=60, events=(1500|10000)"):
        Organisation(events=events, days=days, incidents=True)
