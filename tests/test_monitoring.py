"""Changes of monitoring: what was deleted, disabled, silenced or edited, with exact evidence."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.histories import SOURCES, archive_of, attacks, event, frame

import te_audit_frames as taf
from te_audit_frames.checks.monitoring import change_of
from te_audit_frames.schema import to_arrow

DAY = 1440


def rule(name: str) -> list[dict[str, str]]:
    return [{"type": "alertRuleName", "name": name}]


@pytest.mark.parametrize(
    ("text", "thing", "change"),
    [
        ("Alert rule deleted.", "alert_rule", "deleted"),
        ("Alert rule disabled.", "alert_rule", "disabled"),
        ("Alert rule updated.", "alert_rule", "changed"),
        ("Test disabled.", "test", "disabled"),
        ("Test deleted.", "test", "deleted"),
        ("Notification disabled.", "notification", "disabled"),
        ("Integration deleted.", "integration", "deleted"),
        ("Suppression window created.", "suppression_window", "silenced"),
        ("Agent removed from test.", "agent", "removed"),
    ],
)
def test_what_blinds_is_found(text, thing, change):
    found = taf.find_monitoring_changes(frame(event(0, text)))
    assert found[["object", "change"]].values.tolist() == [[thing, change]]


@pytest.mark.parametrize(
    "text",
    ["Test created.", "Test updated.", "Alert rule enabled.", "Report deleted.", "User login.", "Flux capacitor"],
)
def test_other_changes_are_not(text):
    assert len(taf.find_monitoring_changes(frame(event(0, text)))) == 0


def test_what_is_done_in_one_go_is_one_row():
    events = frame(
        event(0, "Alert rule deleted.", resources=rule("slow")),
        event(8, "Alert rule deleted.", resources=rule("down"), account_group_name="Web", aid="2"),
        event(9, "Test deleted."),
        event(19, "Alert rule deleted.", resources=rule("late")),
        event(19, "Alert rule deletion failed."),
        event(5, "Alert rule deleted.", "8"),
    )
    found = taf.find_monitoring_changes(events)
    assert found[["uid", "object", "events"]].values.tolist() == [
        ["7", "alert_rule", 2], ["8", "alert_rule", 1], ["7", "test", 1], ["7", "alert_rule", 2]
    ]  # fmt: skip
    assert found["names"].map(list).tolist()[0] == ["down", "slow"]
    assert found["account_groups"].map(list).tolist()[0] == ["Shops", "Web"]
    assert found["outcome"].tolist() == ["success", "success", "success", "mixed"]
    assert len(taf.find_monitoring_changes(events, gap="11min")) == 3


@pytest.mark.parametrize(
    ("action", "names", "change"),
    [
        ("delete", "agent alert alert_rule check detector device endpoint_agent endpoint_test", "deleted"),
        ("stop", "escalation_policy integration monitor notification probe sensor test webhook", "disabled"),
        ("archive", "transaction_script", "deleted"),
        ("update", "alert alert_rule detector escalation_policy integration monitor notification webhook", "changed"),
        ("update", "agent check device probe sensor test", ""),
        ("start", "suppression_window", "silenced"),
        ("delete", "suppression_window dashboard", ""),
    ],
)
def test_each_object_has_its_change(action, names, change):
    assert {name: change_of(action, name) for name in names.split()} == dict.fromkeys(names.split(), change)


def test_nothing_and_what_nobody_knows():
    some = taf.find_monitoring_changes(frame(event(0, "Test deleted.")))
    none = taf.find_monitoring_changes(frame())
    assert len(none) == 0
    assert none.dtypes.equals(some.dtypes)
    unknown = taf.assessed(taf.find_monitoring_changes(frame(event(0, "Flux capacitor"))))
    assert (unknown.unclassified, unknown.not_assessed) == (1, "no event has a text that the vocabulary knows")


DRAWN = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.sampled_from(["7", "8", None]),
        st.sampled_from(
            ["Alert rule deleted.", "Alert rule archived.", "Alert rule disabled.", "Test deleted.", "Deleted"]
        ),
        st.sampled_from([None, rule("slow"), [{"type": "testName", "name": "shop"}]]),
    ),
    max_size=25,
)


def drawn_frame(drawn):
    return frame(*(event(at, text, uid, resources=things) for at, uid, text, things in drawn))


@given(DRAWN)
@settings(max_examples=examples(100, brief=4))
@pytest.mark.full
def test_rows_and_their_evidence_divide_the_events(drawn):
    events = drawn_frame(drawn)
    found = taf.find_monitoring_changes(events)
    classes = taf.classify_events(events)
    concerned = classes["object"].isin(["alert_rule", "test"])
    assert found["events"].sum() == concerned.sum()
    for _, row in found.iterrows():
        behind = taf.evidence(events, row)
        assert len(behind) == row["events"]
        assert behind["date"].agg(["min", "max"]).tolist() == [row["first_event"], row["last_event"]]


@pytest.mark.full
@given(DRAWN)
@settings(max_examples=examples(40, brief=3))
def test_every_library_gives_the_same(drawn):
    events = drawn_frame(drawn)
    expected = taf.find_monitoring_changes(events, history=events)
    for make in SOURCES.values():
        source = make(to_arrow(events))
        found = taf.find_monitoring_changes(source, history=source)
        pd.testing.assert_frame_equal(found, expected)
        assert found.attrs == expected.attrs


@pytest.mark.full
def test_an_archive_gives_the_same():
    events = frame(event(0, "Test deleted."), event(DAY, "Alert rule updated."))
    with archive_of(events) as archive:
        found = taf.find_monitoring_changes(archive)
        pd.testing.assert_frame_equal(found, taf.find_monitoring_changes(events))


@pytest.mark.few(count=2)
@pytest.mark.parametrize(
    "name", ["cloudtrail-delete", "cloudtrail-stop", "cloudtrail-event-selectors", "vpc-remove-flow-logs"]
)
def test_recorded_attacks_on_the_log_are_found(name):
    recorded = attacks()[f"aws.defense-evasion.{name}"]
    assert len(taf.find_monitoring_changes(recorded)) >= 1
