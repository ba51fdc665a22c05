"""The review: what is found, what is not, and what is said about both."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.frames import with_receipt
from support.histories import SOURCES, archive_of, drawn_rows, frame, table
from support.reviews import HISTORY, MONDAY, WEEKS, at, found, status, working_days

import te_audit_frames as taf
from te_audit_frames.receipts import Receipt, attach_receipt
from te_audit_frames.schema import to_arrow, to_events


@pytest.mark.full
def test_a_usual_week_has_no_findings():
    review = taf.review(
        frame(*[at(day, 9, "Test updated.", uid) for day in range(5) for uid in "789"]), history=HISTORY
    )
    assert found(review) == []
    assert len(review.people) == 0


@pytest.mark.full
def test_the_first_alert_rule_that_anybody_deletes_is_a_medium_finding_with_its_evidence():
    events = frame(at(1, 9, "Test updated."), at(1, 10, "Alert rule deleted.", resources=None))
    review = taf.review(events, history=HISTORY)
    assert found(review) == [("medium", "find_monitoring_changes", "Ada")]
    assert review.evidence(0)["event"].tolist() == ["Alert rule deleted."]
    assert "0 of the person's 30 earlier active weeks" in review.findings["why"][0]
    assert review.findings["technique"][0].startswith("T1562")
    assert review.findings["account_groups"][0] == ["Shops"]


@pytest.mark.full
def test_a_finding_names_the_account_groups_of_its_events_even_if_its_check_does_not():
    failed = [at(1, 10 + hour / 60, "Login failed.", account_group_name="Bank") for hour in range(20)]
    elsewhere = [at(1, 10, "Login failed.", "8", account_group_name="Farm"), at(1, 12, "Test updated.")]
    review = taf.review(frame(*failed, *elsewhere), history=HISTORY, checks=["find_failed_logins"])
    assert review.findings[["user", "account_groups"]].values.tolist() == [["Ada", ["Bank"]]]


def test_who_only_failed_to_log_in_from_a_network_does_not_act_from_there():
    strange = {"ip_address": "198.51.100.1"}
    events = frame(at(1, 10, "Login failed.", "8", **strange), at(1, 11, "Test updated.", "7", **strange))
    found = taf.find_new_addresses(events, history=HISTORY)
    assert [(row.user, list(row.others)) for row in found.itertuples()] == [("Ben", ["Ada"]), ("Ada", [])]


@pytest.mark.full
def test_a_night_of_deletions_from_a_new_network_outranks_single_signs():
    night = [at(2, 2 + minute / 60, "Test deleted.", ip_address="198.51.100.9") for minute in range(15)]
    events = frame(*night, at(2, 10, "Alert rule updated.", "8"))
    review = taf.review(events, history=HISTORY)
    assert review.people["user"].tolist() == ["Ada", "Ben"]
    assert review.people["severity"].tolist() == ["high", "medium"]
    assert set(review.people["checks"][0]) >= {"find_runs", "find_off_hours", "find_new_addresses"}
    assert "within a day also" in review.findings["why"][0]


@pytest.mark.full
def test_two_weak_signs_within_a_day_are_a_medium_finding_and_two_days_apart_they_are_not():
    # A new network that others use is low, and so is an unusual hour.
    def review(day: float) -> list[str]:
        events = frame(at(1, 2, "Test updated."), at(day, 10, "Test updated.", ip_address="203.0.112.8"))
        shared = [at(day, 10, "Test updated.", "8", ip_address="203.0.112.8") for day in range(-90, 0)]
        return sorted(severity for severity, *_ in found(taf.review(events, history=frame(*working_days(), *shared))))

    assert review(1) == ["low", "medium"]
    assert review(4) == ["low", "low"]


@pytest.mark.full
def test_a_break_in_after_failed_log_ins_is_high_and_the_owner_who_returns_is_not():
    failures = [at(1, 3 + n / 60, "Login failed.", ip_address="198.51.100.9") for n in range(12)]
    stranger = at(1, 3.3, "User login.", ip_address="198.51.100.9")
    owner = at(1, 3.3, "User login.")
    only = ["find_failed_logins"]
    review = taf.review(frame(*failures, stranger), history=HISTORY, checks=only)
    assert found(review)[0][0] == "high"
    assert review.evidence(0)["event"].value_counts().to_dict() == {"Login failed.": 12, "User login.": 1}
    assert found(taf.review(frame(*failures, owner), history=HISTORY, checks=only)) == [
        ("low", "find_failed_logins", "Ada")
    ]


@pytest.mark.full
def test_a_spray_names_the_person_who_was_broken_into():
    failures = [at(1, 3 + n / 600, "Login failed.", str(n), ip_address="198.51.100.9") for n in range(20)]
    success = at(1, 3.5, "User login.", "8", ip_address="198.51.100.9")
    review = taf.review(frame(*failures, success), history=HISTORY, checks=["find_failed_logins"])
    assert found(review) == [("high", "find_failed_logins", "Ben")]
    behind = review.evidence(0)
    assert behind["event"].value_counts().to_dict() == {"Login failed.": 20, "User login.": 1}
    assert review.findings["events"][0] == 21
    assert review.findings["why"][0].startswith("20 failed log-ins of 20 users")
    assert review.findings["technique"][0].startswith("T1110.003")


@pytest.mark.full
def test_a_frame_cut_by_plain_pandas_is_reviewed_from_its_first_event_to_its_last():
    rows = frame(*working_days(), at(1, 10, "Alert rule deleted."))
    covered = {"start": rows["date"].min().isoformat(), "end": "2026-03-09T00:00:00+00:00"}
    whole = Receipt(
        source="api",
        requested={"window": None, "default": False, **covered},
        resolved=covered,
        scope={"aid": None, "all_account_groups": True},
        complete=True,
        events=len(rows),
        pages=1,
        requests=1,
        account_groups={"1": len(rows)},
        fetched_at="2026-03-09T00:00:00Z",
    )
    events = attach_receipt(rows, whole)
    late, early = (events[mask] for mask in (events["date"] >= MONDAY, events["date"] < MONDAY))
    review = taf.review(late, history=early)
    assert found(review) == [("medium", "find_monitoring_changes", "Ada")]
    assert review.period.start == late["date"].min()
    assert taf.review(events, history=early, checks=["find_runs"]).period.end == MONDAY + timedelta(days=7)
    assert any("plain pandas cut it" in note for note in review.notes)


@pytest.mark.full
def test_a_directory_of_another_organisation_is_refused():
    users = pd.DataFrame({"uid": ["99"], "name": ["Eve"], "email": ["eve@example.org"]})
    dates = dict.fromkeys(["registered", "last_login", "fetched_at"], pd.Timestamp(MONDAY))
    with pytest.raises(taf.InvalidArgument, match="another organisation"):
        taf.review(frame(at(1, 9, "Test updated.")), users=users.assign(**dates))


def test_the_period_is_that_of_the_receipt_or_of_the_events():
    bare = taf.review(frame(at(1, 9, "Test updated.")), history=HISTORY, checks=["find_runs"])
    assert bare.period.start == MONDAY + timedelta(days=1, hours=9)
    assert any("no receipt" in note for note in bare.notes)


@pytest.mark.full
def test_a_review_states_its_extent_what_is_missing_and_the_length_of_its_history():
    day = timedelta(days=1)
    resolved = {"start": MONDAY.isoformat(), "end": (MONDAY + 7 * day).isoformat()}
    events = frame(at(1, 9, "Test updated."), at(2, 9, "Test updated."), at(3, 9, "Test updated.") | {"date": None})
    events = with_receipt(events, source="api", resolved=resolved, complete=False)
    for history, days in ((frame(at(-10, 0, "x"), at(-4, 9, "x")), 10), (frame(at(8, 0, "x")), 0)):
        review = taf.review(events, history=history, checks=["find_runs"])
        assert review.assessed["baseline_days"].tolist() == [days]
        assert (review.extent.events, review.extent.undated) == (2, 1)
        assert (review.extent.first_event, review.extent.last_event) == (MONDAY + 1.375 * day, MONDAY + 2.375 * day)
        assert review.missing == ("the events are incomplete, by their receipt: what is missing was not reviewed",)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tz": "Europe/Atlantis"}, "Atlantis"),
        ({"checks": ["find_nothing"]}, "find_nothing"),
        ({"checks": "find_runs"}, "list of checks"),
        ({"checks": []}, "list of checks"),
        ({"history": 7}, "^history: a builtins.int"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(taf.InvalidArgument, match=message):
        taf.review(frame(at(1, 9, "Test updated.")), **arguments)


def test_a_vocabulary_with_a_mistake_is_refused_with_its_line(tmp_path):
    path = tmp_path / "words.toml"
    path.write_text('[actions]\ndelet = ["zap"]\n')
    with pytest.raises(taf.InvalidArgument, match="line 2"):
        taf.review(frame(at(1, 9, "Test updated.")), vocabulary=path)


@pytest.mark.full
def test_empty_frames_and_frames_of_unclassified_events_are_not_assessed():
    empty = taf.review(frame(), history=HISTORY)
    assert (len(empty.findings), len(empty.people), empty.period) == (0, 0, None)
    assert any("nothing was reviewed" in note for note in empty.notes)
    strange = taf.review(frame(at(1, 9, "Flux capacitor"), at(2, 9, "Flux capacitor")), history=HISTORY)
    needs_classes = ["find_runs", "find_access_changes", "find_monitoring_changes", "find_failed_logins"]
    assert {status(strange)[check] for check in needs_classes} == {"not assessed"}
    assert strange.assessed.set_index("check")["unclassified_texts"]["find_runs"] == ["Flux capacitor"]


@pytest.mark.full
def test_frames_without_addresses_and_of_one_person_are_reviewed():
    own = HISTORY[HISTORY["uid"] == "7"].drop(columns="ip_address")
    events = frame(at(1, 9, "Alert rule deleted.")).drop(columns="ip_address")
    review = taf.review(events, history=own)
    assert found(review) == [("medium", "find_monitoring_changes", "Ada")]
    assert status(review)["find_new_addresses"] == "not assessed"


@pytest.mark.full
def test_missing_log_ins_are_mentioned():
    def notes(text: str) -> tuple[str, ...]:
        return taf.review(frame(at(1, 9, text)), checks=["find_runs"]).notes

    assert any("single sign-on" in note for note in notes("Test updated."))
    assert not any("single sign-on" in note for note in notes("User login."))


@pytest.mark.full
def test_an_archive_gives_the_same_as_a_frame():
    events = frame(at(1, 9, "Alert rule deleted."), *[at(2, 2 + n / 60, "Test deleted.") for n in range(12)])
    expected = taf.review(events, history=HISTORY)
    with archive_of(HISTORY) as history, archive_of(events) as now:
        review = taf.review(now, history=history)
        pd.testing.assert_frame_equal(review.findings, expected.findings)
        assert len(review.evidence(0)) == expected.findings["events"][0]


# A review takes seconds, and tests above have one of each kind.
SLOW = settings(max_examples=5, suppress_health_check=[HealthCheck.too_slow], deadline=None)


@pytest.mark.full
@SLOW
@given(drawn_rows(), st.booleans(), st.randoms(use_true_random=False))
def test_evidence_has_the_events_of_each_finding_and_the_order_of_rows_does_not_matter(drawn, with_history, random):
    history = HISTORY if with_history else None
    review = taf.review(to_events(table(drawn)), history=history)
    for number, row in review.findings.iterrows():
        assert len(review.evidence(number)) == row["events"]
    again = list(drawn)
    random.shuffle(again)
    pd.testing.assert_frame_equal(taf.review(to_events(table(again)), history=history).findings, review.findings)


@pytest.mark.full
@SLOW
@given(drawn_rows(), st.sampled_from(sorted(SOURCES)))
def test_every_library_gives_the_same_review(drawn, library):
    expected = taf.review(to_events(table(drawn)), history=HISTORY)
    review = taf.review(SOURCES[library](table(drawn)), history=SOURCES[library](to_arrow(HISTORY)))
    pd.testing.assert_frame_equal(review.findings, expected.findings)
    pd.testing.assert_frame_equal(review.people, expected.people)


@pytest.mark.full
@SLOW
@given(st.integers(0, 2**32 - 1))
def test_a_quiet_copy_of_the_history_has_nothing_high(seed):
    rng = np.random.default_rng(seed)
    texts = ["Test updated.", "Test deleted.", "Alert rule updated.", "Role assigned.", "User login."]
    days = [day for day in range(-7 * WEEKS, 7) if day % 7 < 5]
    rows = [
        at(day, 9 + 8 * rng.random(), texts[rng.choice(5, p=[0.5, 0.1, 0.1, 0.1, 0.2])], str(uid))
        for day in days
        for uid in range(7, 10)
        for _ in range(3)
    ]
    events = frame(*rows)
    is_now = events["date"] >= MONDAY
    assert "high" not in set(taf.review(events[is_now], history=events[~is_now]).findings["severity"])
