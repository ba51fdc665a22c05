"""Dormant accounts: silence by the directory and by the events together, and people who are in only one of them."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.histories import SOURCES, START, archive_of, event, frame

import te_audit_frames as taf
from te_audit_frames.schema import to_arrow

DAY = 1440
NOW = pd.Timestamp(START)


def user(uid: str, *, login: float | None = 0, registered: float | None = 900, **more: object) -> dict[str, object]:
    """Write a person of the directory, with days before the start."""

    def ago(days: float | None) -> pd.Timestamp:
        return pd.NaT if days is None else NOW - pd.Timedelta(days=days)

    name = {"7": "Ada", "8": "Ben"}.get(uid, "Cem")
    row = {"uid": uid, "name": name, "email": f"{name.lower()}@example.com", "is_admin": False}
    return row | {"registered": ago(registered), "last_login": ago(login), "fetched_at": NOW} | more


def directory(*users: dict[str, object]) -> pd.DataFrame:
    table = pd.DataFrame(list(users), columns=list(user("7")))
    instants = dict.fromkeys(["registered", "last_login", "fetched_at"], "datetime64[us, UTC]")
    return table.astype(instants | {"uid": "str", "name": "str", "email": "str", "is_admin": "boolean"})


ADA = event(-5, "User login.")


def statuses(users: pd.DataFrame, *rows: dict[str, object], **more: object) -> list[tuple[str, str]]:
    found = taf.find_dormant_users(users, frame(ADA, *rows), **more)
    return list(zip(found["uid"], found["status"], strict=True))


@pytest.mark.few(count=3)
@pytest.mark.parametrize(
    ("who", "status"),
    [
        (user("8", login=91), ["dormant"]),
        (user("8", login=90), ["dormant"]),
        (user("8", login=89), []),
        (user("8", login=None), ["never logged in"]),
        (user("8", login=None, registered=89), []),
        (user("8", login=None, registered=None), ["never logged in"]),
    ],
)
def test_who_does_not_log_in_is_found(who, status):
    assert statuses(directory(user("7"), who)) == [("8", name) for name in status]


def test_whoever_acted_comes_before_those_who_did_not():
    users = directory(user("7"), user("6", login=None), user("4", login=100), user("8", login=100))
    rows = [event(-1, "User login.", "8"), event(-3, "User login.", "5")]
    assert statuses(users, *rows, history=frame(event(-300 * DAY, "Test created.", "8"))) == [
        ("5", "not in directory"),
        ("8", "returned"),
        ("4", "dormant"),
        ("6", "never logged in"),
    ]


def test_events_count_as_use():
    users = directory(user("7"), user("8", login=200))
    assert statuses(users, event(-80 * DAY, "Test created.", "8")) == []
    assert statuses(users, event(-95 * DAY, "Test created.", "8")) == [("8", "dormant")]
    assert statuses(users, history=frame(event(-80 * DAY, "Test created.", "8"))) == []
    assert statuses(users, days=201) == []


def test_silence_is_counted_in_whole_days():
    found = taf.find_dormant_users(directory(user("7"), user("8", login=100.7)), frame(ADA))
    assert found["silent_days"].tolist() == [100]
    assert found["user"].tolist() == ["Ben (ben@example.com)"]
    assert found["events"].tolist() == [0]
    assert len(taf.evidence(frame(ADA), found.iloc[0])) == 0


def test_a_return_is_what_follows_a_long_silence():
    users = directory(user("7"), user("8"))
    rows = [event(at * DAY, "Test created.", "8") for at in (-400, -399, -200, -199, -10)]
    found = taf.find_dormant_users(users, frame(ADA, *rows))
    assert found["silent_days"].tolist() == [199, 189]
    assert found["events"].tolist() == [2, 1]
    assert statuses(users, *rows, returned_days=200) == []


@pytest.mark.full
def test_a_history_shows_a_silence_that_ends_early_in_the_events():
    users, back = directory(user("7"), user("8")), event(-1 * DAY, "Test created.", "8")
    assert statuses(users, back) == []
    assert statuses(users, back, history=frame(event(-300 * DAY, "Test created.", "8"))) == [("8", "returned")]
    assert statuses(users, back, history=frame(event(-100 * DAY, "Test created.", "8"))) == []


@pytest.mark.parametrize(("minute", "status"), [(14, []), (15, [("8", "returned")])])
def test_a_history_dates_the_last_act_at_the_end_of_its_quarter_of_an_hour(minute, status):
    users, back = directory(user("7"), user("8")), event(-1 * DAY + minute, "Test created.", "8")
    history = frame(event(-91 * DAY, "Test created.", "8"))
    assert statuses(users, back, history=history, returned_days=90) == status


def test_who_acts_but_is_not_in_the_directory_is_found():
    found = taf.find_dormant_users(
        directory(user("7")), frame(ADA, event(0, "Test deleted.", "9"), event(3, "x", None))
    )
    assert found[["uid", "status", "events"]].values.tolist() == [["9", "not in directory", 1]]
    assert any("1 event has no uid" in note for note in taf.assessed(found).notes)


def test_admins_come_first():
    users = directory(user("7"), user("8", login=500), user("9", login=100, is_admin=True), user("10", is_admin=pd.NA))
    assert [uid for uid, _ in statuses(users)] == ["9", "8"]


def test_the_directory_of_another_organisation_is_refused():
    with pytest.raises(taf.InvalidArgument, match="another organisation"):
        taf.find_dormant_users(directory(user("1"), user("2")), frame(ADA))
    with pytest.raises(taf.InvalidArgument, match="directory is empty"):
        taf.find_dormant_users(directory(), frame(ADA))
    assert len(taf.find_dormant_users(directory(user("1")), frame())) == 0


@pytest.mark.parametrize(
    ("users", "culprit"),
    [
        ([1], "list"),
        (frame(ADA), "'name'"),
        (directory(user("7")).astype({"last_login": "object"}).assign(last_login="soon"), "'last_login'"),
    ],
)
def test_what_is_no_directory_is_refused(users, culprit):
    with pytest.raises(taf.InvalidArgument, match=culprit):
        taf.find_dormant_users(users, frame(ADA))


@pytest.mark.parametrize(("name", "value"), [("days", 0), ("days", 3651), ("returned_days", 0.5)])
def test_arguments_out_of_bounds_are_refused(name, value):
    with pytest.raises(taf.InvalidArgument, match=name):
        statuses(directory(user("7")), **{name: value})


def test_roles_may_be_unknown():
    users = directory(user("7"), user("8", login=100, is_admin=pd.NA))
    found = taf.find_dormant_users(users, frame(ADA))
    assert found["is_admin"].isna().tolist() == [True]
    assert any("admins" in note for note in taf.assessed(found).notes)
    assert taf.find_dormant_users(users.drop(columns="is_admin"), frame(ADA))["is_admin"].isna().all()


ROWS = st.lists(st.tuples(st.integers(-600, 0), st.sampled_from(["7", "8", "9", None])), max_size=20)
USERS = directory(user("7"), user("8", login=120), user("10", login=None), user("11", login=300, is_admin=True))


def drawn_frame(drawn):
    return frame(ADA, *(event(at * DAY, "Test created.", uid) for at, uid in drawn))


@pytest.mark.full
@given(ROWS)
@settings(max_examples=examples(100, brief=4))
def test_rows_and_their_evidence_agree(drawn):
    events = drawn_frame(drawn)
    found = taf.find_dormant_users(USERS, events)
    for _, row in found.iterrows():
        behind = taf.evidence(events, row)
        assert len(behind) == row["events"]
        if row["events"]:
            assert behind["date"].agg(["min", "max"]).tolist() == [row["first_event"], row["last_event"]]
    dates = {uid: sorted(some) for uid, some in events.groupby("uid")["date"]}
    gaps = [
        (uid, later)
        for uid, some in dates.items()
        for earlier, later in pairwise(some)
        if later - earlier >= pd.Timedelta(days=180)
    ]
    returned = found[found["status"] == "returned"]
    assert sorted(zip(returned["uid"], returned["first_event"], strict=True)) == sorted(gaps)


@pytest.mark.full
@given(ROWS)
@settings(max_examples=examples(40, brief=3))
def test_every_library_gives_the_same(drawn):
    events = drawn_frame(drawn)
    expected = taf.find_dormant_users(USERS, events)
    for make in SOURCES.values():
        found = taf.find_dormant_users(USERS, make(to_arrow(events)))
        pd.testing.assert_frame_equal(found, expected)
        assert found.attrs == expected.attrs


@pytest.mark.full
def test_an_archive_gives_the_same():
    events = drawn_frame([(-300, "8"), (-3, "8"), (-2, "9")])
    expected = taf.find_dormant_users(USERS, events)
    with archive_of(events) as archive:
        found = taf.find_dormant_users(USERS, archive)
        pd.testing.assert_frame_equal(found, expected)
        for _, row in found.iterrows():
            assert len(taf.evidence(archive, row)) == row["events"]


def test_nothing_has_the_same_types():
    some = taf.find_dormant_users(USERS, frame(ADA))
    none = taf.find_dormant_users(directory(user("7")), frame(ADA))
    assert len(none) == 0 < len(some)
    assert none.dtypes.equals(some.dtypes)


def test_an_old_directory_does_not_accuse_who_came_after_it():
    users = directory(user("7"))
    new, gone = event(5 * DAY, "Test created.", "9"), event(5 * DAY, "Test created.", "8")
    history = frame(event(-40 * DAY, "Test created.", "8"))
    found = taf.find_dormant_users(users, frame(event(3 * DAY, "x"), gone, new), history=history)
    assert found.loc[found["status"] == "not in directory", "uid"].tolist() == ["8"]
    record = taf.assessed(found)
    assert any("fetched 3 days before the first event" in note for note in record.notes)
    assert any("1 person was first seen after" in note for note in record.notes)
    assert "1 of 2 people of the events is not in the directory" in record.notes
    assert record.in_part == ""


def test_newcomers_do_not_make_a_directory_look_like_that_of_another_organisation():
    users = directory(user("7"), user("6"))
    history = frame(event(-40 * DAY, "Test created.", "8"))
    newcomers = [event(5 * DAY, "Test created.", str(uid)) for uid in range(10, 20)]
    events = frame(event(-DAY, "x"), event(-DAY, "x", "6"), event(5 * DAY, "Test created.", "8"), *newcomers)
    record = taf.assessed(taf.find_dormant_users(users, events, history=history))
    assert any("10 people were first seen after" in note for note in record.notes)
    assert "1 of 3 people of the events is not in the directory" in record.notes
    assert record.in_part == ""


@pytest.mark.few(count=1)
@pytest.mark.parametrize("unknown", [2, 4])
def test_people_outside_the_directory_are_findings_only_if_it_fits_the_events(unknown):
    events = frame(*[event(-at, "Test created.", str(at)) for at in range(6)])
    users = directory(*[user(str(at)) for at in range(unknown, 6)])
    review = taf.review(events, users=users, checks=["find_dormant_users"])
    fits = unknown == 2
    assert set(review.findings["severity"]) == {"medium" if fits else "info"}
    assert review.assessed["status"].tolist() == ["assessed" if fits else "in part"]
    text = f"{unknown} of 6 people of the events are not in the directory"
    assert text in str(review.assessed["notes" if fits else "reason"][0])


def test_what_a_directory_does_not_know_is_noted():
    undated = directory(user("7")).assign(fetched_at=pd.Series([pd.NaT], dtype="datetime64[us, UTC]"))
    notes = taf.assessed(taf.find_dormant_users(undated, frame(ADA))).notes
    assert any("does not say when it was fetched" in note for note in notes)
    notes = taf.assessed(taf.find_dormant_users(directory(user("7", login=-30)), frame(ADA))).notes
    assert "1 person has a last log-in after the directory was fetched, and cannot be dormant" in notes


@pytest.mark.full
def test_a_review_without_a_directory_is_in_part_and_without_events_is_not_assessed():
    def status(*rows, **more):
        return taf.review(frame(*rows), checks=["find_dormant_users"], **more).assessed["status"][0]

    history = frame(*[event(-day * DAY, "x") for day in range(1, 100)])
    assert status(ADA, history=history) == "in part"
    assert status(ADA) == "not assessed"
    assert status(ADA, users=directory(user("7"))) == "assessed"
    assert status(users=directory(user("7"))) == "not assessed"
