"""People with habits: sessions, leave, duties, timetables. Without the option, nothing changes."""

import hashlib
import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples

from te_audit_frames.sandbox import Organisation, Sandbox, names

END = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
WEEK = timedelta(days=7)
ZONES = {mailbox: office.zone for office in names.OFFICES for _, mailbox in office.users()}

seeds = st.integers(0, 2**32)
ends = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))


def everything(log):
    return json.loads(f"[{','.join(log.render(np.arange(len(log))))}]")


def when(event):
    return datetime.fromisoformat(event["date"])


def by_uid(events):
    found = defaultdict(list)
    for event in events:
        found[event["uid"]].append(event)
    return found


@pytest.fixture(scope="module")
def year():
    return Organisation(events=24_000, seed=3, end=END, days=365, habits=True)


@pytest.fixture(scope="module")
def events(year):
    return everything(year)


# The same bytes as before there were habits. If a new release of numpy draws other numbers, write the new digest here.
@pytest.mark.parametrize(
    ("arguments", "digest"),
    [
        ({"events": 2_000, "seed": 0, "days": 90}, "e85f056126e73f9ab7acc92b9413f8861617b8e049dba642b00b0e5fd7cd0f2d"),
        (
            {"events": 500, "seed": 123_456, "days": 10},
            "5bfd6fe58c7af88a65bfb8d0040a42856a6bbd4c85be3639e8867c9d8b07f4ff",
        ),
    ],
)
def test_without_habits_the_events_of_a_seed_stay_as_they_were(arguments, digest):
    log = Organisation(**arguments, end=END)
    rendered = "\n".join(log.render(np.arange(len(log))))
    assert hashlib.sha256(rendered.encode()).hexdigest() == digest
    assert (log.incidents, log.leave) == ((), ())
    assert Sandbox(**arguments, now=END).truth(log.start, log.end, all_account_groups=True) == everything(log)


@settings(max_examples=examples(40), deadline=None)
@given(seeds, ends, st.integers(60, 400), st.integers(0, 3_000))
@pytest.mark.full
def test_has_exactly_so_many_events_in_order(seed, end, days, more):
    log = Organisation(events=25 * days + more, seed=seed, end=end, days=days, habits=True)
    assert len(log) == 25 * days + more
    assert (np.diff(log.dates) >= 0).all()
    assert log.start.timestamp() + 3_600 <= log.dates[0]
    assert log.dates[-1] < log.end.timestamp()


@settings(max_examples=examples(20), deadline=None)
@given(seeds, ends, st.sampled_from([60, 200]), st.booleans())
@pytest.mark.full
def test_every_logout_ends_a_session_and_all_work_is_inside_one(seed, end, days, incidents):
    log = Organisation(events=30 * days, seed=seed, end=end, days=days, habits=True, incidents=incidents)
    (automation,) = {event["uid"] for event in everything(log) if "Automation" in event["user"]}
    last_login = {}
    for event in everything(log):
        place = event["uid"], event["ipAddress"]
        if event["event"] == "Login successful.":
            last_login[place] = when(event)
        elif event["event"] == "Logout.":
            assert when(event) - last_login.pop(place) < timedelta(hours=4)
        elif event["event"] != "Login failed." and event["uid"] != automation:
            assert when(event) - last_login[place] < timedelta(hours=4)


@settings(max_examples=examples(20), deadline=None)
@given(seeds, ends, st.sampled_from([90, 365]))
def test_nobody_on_leave_has_an_event(seed, end, days):
    log = Organisation(events=30 * days, seed=seed, end=end, days=days, habits=True)
    events = by_uid(everything(log))
    for absence in log.leave:
        assert absence.end - absence.start >= WEEK - timedelta(hours=1)
        assert log.start < absence.start < absence.end <= log.end
        assert not [event for event in events[absence.uid] if absence.start <= when(event) < absence.end]
    assert len(log.leave) > len(events) / 4


def test_leave_interrupts_the_work_of_a_year(year, events):
    mine = by_uid(events)
    before_and_after = [
        any(when(event) < absence.start for event in mine[absence.uid])
        and any(when(event) >= absence.end for event in mine[absence.uid])
        for absence in year.leave
    ]
    assert sum(before_and_after) > 0.8 * len(before_and_after)


@pytest.mark.parametrize(("kinds", "people"), [(("Alert rule",), 2), (("Role assigned", "User added"), 2)])
def test_the_same_two_people_change_rules_and_roles_every_week(events, kinds, people):
    changes = [event for event in events if event["event"].startswith(kinds)]
    assert len({event["uid"] for event in changes}) == people
    gaps = [when(later) - when(earlier) for earlier, later in pairwise(changes)]
    assert max(gaps) < 3 * WEEK
    weeks = {when(event).isocalendar()[:2] for event in changes}
    assert len(weeks) >= 48


def test_an_alert_rule_that_is_disabled_is_enabled_again(events):
    changes = [event for event in events if event["event"] in {"Alert rule disabled.", "Alert rule enabled."}]
    assert len(changes) >= 20
    for disabled, enabled in zip(changes[::2], changes[1::2], strict=True):
        assert disabled | {"event": enabled["event"], "date": enabled["date"]} == enabled
        assert when(enabled) - when(disabled) == timedelta(minutes=15)


def test_many_deletions_at_once_are_the_monthly_habit_of_two_people_by_day(events):
    many = {}
    for uid, mine in by_uid(events).items():
        zone = ZoneInfo(ZONES.get(mine[0]["user"].rpartition("(")[2].rstrip(")"), "UTC"))
        deleted = [when(event).astimezone(zone) for event in mine if event["event"] == "Test deleted."]
        days = Counter(date.date() for date in deleted)
        found = {day for day, count in days.items() if count >= 6}
        if found and "Automation" not in mine[0]["user"]:
            many[uid] = found
            assert {6 <= date.hour < 20 for date in deleted if date.date() in found} == {True}
    assert len(many) == 2
    assert all(len(found) >= 8 for found in many.values())
    assert {(day.day <= 7, day.weekday()) for found in many.values() for day in found} == {(True, 2)}


def test_automation_runs_at_fixed_times_from_its_address(events):
    runs = [event for event in events if "Automation" in event["user"]]
    assert len({event["ipAddress"] for event in runs}) == 1
    starts = [later for earlier, later in pairwise(runs) if when(later) - when(earlier) > timedelta(minutes=30)]
    assert {when(event).strftime("%M:%S") for event in starts} == {"10:00"}
    assert len({when(later) - when(earlier) for earlier, later in pairwise(starts)}) == 1


def test_people_keep_their_hours(events):
    """Each person's logins of the morning stay within two hours, on the clock of their office."""
    for mine in by_uid(events).values():
        mailbox = mine[0]["user"].rpartition("(")[2].rstrip(")")
        firsts = {}
        for event in mine:
            if event["event"] == "Login successful." and mailbox in ZONES:
                local = when(event).astimezone(ZoneInfo(ZONES[mailbox]))
                firsts.setdefault(local.date(), local.hour + local.minute / 60)
        if len(firsts) >= 30:
            low, high = np.quantile(list(firsts.values()), [0.1, 0.6])
            assert high - low < 2


def test_nobody_attacks(events):
    failed = [event for event in events if event["event"] == "Login failed."]
    known = {(event["uid"], event["ipAddress"]) for event in events if event["event"] == "Login successful."}
    assert 10 <= len(failed) < len(events) / 50
    assert {(event["uid"], event["ipAddress"]) for event in failed} <= known


def test_two_people_join_and_have_an_account_from_then_on(year, events):
    added = [event for event in events if event["event"] == "User added."]
    assert len(added) == 2
    for event in added:
        (name,) = [resource["name"] for resource in event["resources"]]
        at = int(when(event).timestamp())
        assert name not in {person.name for person in year.people(at - 1)}
        (joiner,) = [person for person in year.people(at) if person.name == name]
        assert (joiner.registered, joiner.last_login) == (at, None)
        first = min(when(each) for each in events if each["uid"] == joiner.uid)
        assert timedelta(0) < first - when(event) < timedelta(days=40)


def test_roles_are_assigned_to_people_of_the_directory_who_have_them(year, events):
    people = {person.name: person for person in year.people(int(END.timestamp()))}
    formerly = {event["user"].rpartition(" (")[0] or event["user"]: event["uid"] for event in events}
    by_id = {person.uid: person for person in people.values()}
    for event in events:
        if event["event"] == "Role assigned.":
            user, role = (resource["name"] for resource in event["resources"])
            person = people.get(user) or by_id[formerly[user]]
            assert role in {each.name for roles in person.roles.values() for each in roles}
