"""Changes of access: who did what to whom, and what is open about it."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.histories import SOURCES, archive_of, attacks, event, frame

import te_audit_frames as taf
from te_audit_frames.checks.access import is_access_change
from te_audit_frames.schema import to_arrow

ADA, BEN = "Ada (ada@example.com)", "Ben (ben@example.com)"


def things(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"type": kind, "name": name} for kind, name in pairs]


def person(name: str) -> tuple[str, str]:
    return ("userDisplayName", name)


def role(name: str) -> tuple[str, str]:
    return ("roleName", name)


def ada(text: str, *resources: tuple[str, str], minute: float = 0, **more: object) -> dict[str, object]:
    return event(minute, text, user=ADA, resources=things(*resources)) | more


BEN_ACTS = event(-9, "User login.", "8", user=BEN)


@pytest.mark.parametrize(
    ("text", "action", "thing"),
    [
        ("Role assigned.", "assign", "role"),
        ("Role updated.", "update", "role"),
        ("User added.", "create", "user"),
        ("User removed.", "delete", "user"),
        ("API token created.", "create", "api_token"),
        ("API token updated.", "update", "api_token"),
        ("User invited.", "invite", "user"),
    ],
)
def test_changes_of_access_are_found(text, action, thing):
    found = taf.find_access_changes(frame(event(0, text)))
    assert found[["uid", "user", "action", "object", "outcome"]].values.tolist() == [
        ["7", "Ada", action, thing, "success"]
    ]


@pytest.mark.parametrize("text", ["User login.", "User logout.", "Test deleted.", "Account group settings updated."])
def test_other_events_are_not(text):
    assert len(taf.find_access_changes(frame(event(0, text)))) == 0


@pytest.mark.parametrize("name", ["Ben", "ben@example.com", BEN])
def test_a_target_is_found_by_any_of_its_names(name):
    found = taf.find_access_changes(frame(BEN_ACTS, ada("Role assigned.", person(name), role("Admin"))))
    row = found.iloc[0]
    assert (list(row["targets"]), list(row["roles"]), row["target_uid"]) == ([name], ["Admin"], "8")
    assert (row["to_self"], row["ambiguous"], row["note"]) == (False, False, "")


def test_a_role_given_to_oneself_is_said():
    found = taf.find_access_changes(frame(ada("Role assigned.", person("Ada"), role("Admin"))))
    assert found[["to_self", "target_uid"]].values.tolist() == [[True, "7"]]


def test_two_people_of_one_name_are_ambiguous():
    twin = event(-8, "User login.", "9", user="Ben (b2@example.com)")
    row = taf.find_access_changes(frame(BEN_ACTS, twin, ada("Role assigned.", person("Ben")))).iloc[0]
    assert (row["ambiguous"], row["note"]) == (True, "several people have this name")
    assert pd.isna(row["target_uid"])
    row = taf.find_access_changes(frame(BEN_ACTS, twin, ada("Role assigned.", person("b2@example.com")))).iloc[0]
    assert (row["ambiguous"], row["target_uid"]) == (False, "9")


@pytest.mark.parametrize(
    ("resources", "note"),
    [
        ((person("Ben"), person("Cem"), role("Admin"), role("Viewer")), "several people and several roles"),
        ((person("Ben"), person("Cem"), role("Admin")), "several people are named"),
        ((person("Ben"), role("Admin"), role("Viewer")), ""),
    ],
)
def test_several_resources_are_ambiguous(resources, note):
    row = taf.find_access_changes(frame(BEN_ACTS, ada("Role assigned.", *resources))).iloc[0]
    assert row["note"].startswith(note)
    assert row["ambiguous"] == bool(note)


def test_equal_events_of_one_moment_are_one_ambiguous_change():
    found = taf.find_access_changes(frame(ada("Role assigned.", person("Ben")), ada("Role assigned.", person("Cem"))))
    assert found[["events", "ambiguous"]].values.tolist() == [[2, True]]
    assert found["note"][0].startswith("several equal events at one moment")


def test_the_only_resource_stands_for_what_the_event_is_about():
    found = taf.find_access_changes(
        frame(
            ada("User created.", ("thing", "Eve")),
            ada("Role created.", ("thing", "Owner"), minute=1),
            ada("API token created.", ("thing", "ci"), minute=2),
        )
    )
    assert found["targets"].map(list).tolist() == [["Eve"], [], []]
    assert found["roles"].map(list).tolist() == [[], ["Owner"], []]
    assert found["others"].map(list).tolist() == [[], [], ["ci"]]


def test_before_tells_what_is_routine():
    past = frame(*(ada("Role assigned.", minute=-7 * 1440 - at) for at in range(4)))
    now = frame(ada("Role assigned."), ada("User added.", minute=1))
    assert taf.find_access_changes(now, history=past)["before"].tolist() == [4, 0]
    assert taf.find_access_changes(now)["before"].isna().all()


def test_failures_are_kept_and_said():
    assert taf.find_access_changes(frame(event(0, "Failed to assign role")))["outcome"].tolist() == ["failure"]


def test_nothing_and_what_nobody_knows():
    some = taf.find_access_changes(frame(event(0, "Role assigned.")))
    none = taf.find_access_changes(frame())
    assert len(none) == 0
    assert none.dtypes.equals(some.dtypes)
    assert taf.assessed(taf.find_access_changes(frame(event(0, "Flux capacitor")))).not_assessed


DRAWN = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["7", "8", None]),
        st.sampled_from([ADA, BEN, "7", None]),
        st.sampled_from(["1", None]),
        st.sampled_from(["Shops", None]),
        st.sampled_from(["Role assigned.", "Failed to assign role", "User added.", "Assigned", "User login."]),
        st.sampled_from([None, [], things(person("Ben")), things(person("Ada"), role("Admin")), things(role("Admin"))]),
    ),
    max_size=20,
)


def drawn_frame(drawn):
    return frame(
        *(
            event(at, text, uid, user=user, aid=aid, account_group_name=group, resources=some)
            for at, uid, user, aid, group, text, some in drawn
        )
    )


@pytest.mark.full
@given(DRAWN)
@settings(max_examples=examples(100, brief=4))
def test_rows_and_their_evidence_divide_the_events(drawn):
    events = drawn_frame(drawn)
    found = taf.find_access_changes(events)
    classes = taf.classify_events(events)
    concerned = classes["object"].isin(["role", "user"]) & (classes["action"] != "login")
    assert found["events"].sum() == concerned.sum()
    for _, row in found.iterrows():
        behind = taf.evidence(events, row)
        assert len(behind) == row["events"]
        assert set(behind["event"]) == set(row["event_texts"])
        assert set(behind["date"]) == {row["first_event"]} == {row["last_event"]}


@pytest.mark.full
@given(DRAWN)
@settings(max_examples=examples(40, brief=3))
def test_every_library_gives_the_same(drawn):
    events = drawn_frame(drawn)
    expected = taf.find_access_changes(events)
    for make in SOURCES.values():
        found = taf.find_access_changes(make(to_arrow(events)))
        pd.testing.assert_frame_equal(found, expected)
        assert found.attrs == expected.attrs


@pytest.mark.full
def test_an_archive_gives_the_same():
    events = frame(BEN_ACTS, ada("Role assigned.", person("Ben")))
    with archive_of(events) as archive:
        pd.testing.assert_frame_equal(taf.find_access_changes(archive), taf.find_access_changes(events))


@pytest.mark.few(count=2)
@pytest.mark.parametrize(
    "name",
    [
        "persistence.iam-backdoor-role", "persistence.iam-backdoor-user", "persistence.iam-create-admin-user",
        "persistence.iam-create-backdoor-role", "persistence.iam-create-user-login-profile",
        "privilege-escalation.iam-update-user-login-profile",
    ],
)  # fmt: skip
def test_recorded_attacks_on_access_are_found(name):
    assert len(taf.find_access_changes(attacks()[f"aws.{name}"])) >= 1


GROUP_ACTIONS = "create delete assign revoke restore enable disable"
ACTIONS = f"{GROUP_ACTIONS} update invite approve reject rename"
EVERYDAY = "login logout view export share run verify impersonate unclassified"


@pytest.mark.parametrize(
    ("names", "changes", "others"),
    [
        ("user service_account invitation role permission api_token credential mfa sso allowlist", ACTIONS, EVERYDAY),
        ("account_group group", GROUP_ACTIONS, f"update rename {EVERYDAY}"),
        ("test agent dashboard unclassified", "", f"{ACTIONS} {EVERYDAY}"),
    ],
    ids=["access", "groups", "others"],
)
def test_which_actions_on_which_objects_change_access(names, changes, others):
    for name in names.split():
        assert {action for action in changes.split() if not is_access_change(action, name, "success")} == set()
        assert {action for action in others.split() if is_access_change(action, name, "success")} == set()
