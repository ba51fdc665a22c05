"""Histories and events that lack what a check needs: nothing is called new, and nothing "nothing found"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import polars as pl
import pytest

import te_audit_frames as taf

DAYS = pd.date_range("2026-01-05T09:00Z", periods=100, freq="D", unit="us")
ADA = {"uid": "7", "user": "Ada", "ip_address": "203.0.113.9"}
HISTORY = pd.DataFrame({"date": DAYS, "event": "Alert rule updated.", **ADA})
EVENTS = pd.DataFrame(
    {
        "date": pd.date_range("2026-04-20T09:00Z", periods=12, freq="min", unit="us"),
        "event": ["Alert rule deleted."] * 6 + ["Login failed."] * 6,
        **ADA | {"ip_address": "198.51.100.7"},
    }
)
WITH_TEXTS: list[Callable[..., Any]] = [taf.review, taf.find_monitoring_changes, taf.find_access_changes]


@pytest.mark.parametrize("check", WITH_TEXTS)
def test_a_history_without_event_texts_is_refused_by_its_name(check: Callable[..., Any]) -> None:
    with pytest.raises(taf.NotAnAuditFrame, match=r"^history: .*'event'"):
        check(EVENTS, history=HISTORY.drop(columns="event"))


@pytest.mark.full
def test_acts_are_not_compared_with_a_history_that_the_vocabulary_does_not_know() -> None:
    known = taf.review(EVENTS, history=HISTORY)
    assert set(known.findings["severity"]) & {"medium", "high"}
    review = taf.review(EVENTS, history=HISTORY.assign(event="Zorg."))
    status = review.assessed.set_index("check")
    for check in ("find_runs", "find_access_changes", "find_monitoring_changes"):
        assert status.loc[check, "status"] == "not assessed", check
    acts = review.findings[review.findings["check"].isin(["find_runs", "find_monitoring_changes"])]
    assert set(acts["severity"]) <= {"low", "info"}


@pytest.mark.few(count=1)
@pytest.mark.parametrize(
    "history", [HISTORY.drop(columns="ip_address"), HISTORY.assign(ip_address=None)], ids=["absent", "null"]
)
@pytest.mark.full
def test_without_known_networks_none_is_new(history: pd.DataFrame) -> None:
    assert len(taf.find_new_addresses(EVENTS, history=HISTORY)) == 1
    found = taf.find_new_addresses(EVENTS, history=history)
    assert len(found) == 0
    assert "enough history" in taf.assessed(found).not_assessed
    status = taf.review(EVENTS, history=history, checks=["find_new_addresses"]).assessed.set_index("check")["status"]
    assert status["find_new_addresses"] == "not assessed"


def test_failed_log_ins_that_cannot_be_counted_are_not_nothing() -> None:
    found = taf.find_failed_logins(EVENTS.assign(ip_address=None), by="ip_address", min_failures=2)
    assert taf.assessed(found).not_assessed == "all 6 failed log-ins have no address"
    found = taf.find_failed_logins(EVENTS.assign(uid=None, user=None), min_failures=2)
    assert taf.assessed(found).not_assessed == "all 6 failed log-ins name no user"


@pytest.mark.full
def test_events_without_dates_are_not_assessed() -> None:
    undated = EVENTS.assign(date=pd.Series(pd.NaT, index=EVENTS.index, dtype="datetime64[us, UTC]"))
    assert taf.assessed(taf.find_runs(undated)).not_assessed == "no event has a date"
    assert set(taf.review(undated, history=HISTORY).assessed["status"]) == {"not assessed"}


@pytest.mark.parametrize(
    "change",
    [
        lambda events: events.assign(uid=events["uid"].astype("float64")),
        lambda events: events.assign(date=events["date"].astype("str")),
        lambda events: events.assign(uid=events["uid"].astype("int64"), event=events["event"].astype("category")),
    ],
    ids=["float uid", "text dates", "integer uid and categories"],
)
def test_evidence_reads_columns_as_the_checks_do(change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    events = change(EVENTS)
    changes = taf.find_monitoring_changes(events)
    assert changes["events"].tolist() == [6]
    assert len(taf.evidence(events, changes.iloc[0])) == 6


@pytest.mark.parametrize(
    ("call", "culprit"),
    [
        (lambda: taf.review(EVENTS, checks=5), "checks"),  # type: ignore[arg-type]
        (lambda: taf.review(EVENTS, dispositions=5), "dispositions"),  # type: ignore[arg-type]
        (lambda: taf.review(EVENTS, dispositions="a\0b"), "dispositions"),
        (lambda: taf.find_runs(EVENTS, vocabulary="a\0b"), "vocabulary"),
        (lambda: taf.find_runs(EVENTS, action=5), "action"),  # type: ignore[arg-type]
        (lambda: taf.explode_memberships([1]), "users"),  # type: ignore[arg-type]
        (lambda: taf.find_off_hours(EVENTS, history=[1]), "history"),
        (lambda: taf.evidence(EVENTS, taf.find_monitoring_changes(EVENTS).iloc[0], v4=99), "v4"),
    ],
)
def test_wrong_arguments_are_named(call: Callable[[], Any], culprit: str) -> None:
    with pytest.raises(taf.InvalidArgument, match=rf"^{culprit}: "):
        call()


def test_a_file_that_begins_with_a_byte_order_mark_is_read(tmp_path: Any) -> None:
    path = tmp_path / "words.toml"
    path.write_text('[actions]\ndelete = ["zorg"]\n', encoding="utf-8-sig")
    assert taf.classify_events(EVENTS.assign(event="Test zorged."), vocabulary=path)["action"].iloc[0] == "delete"


def test_a_path_is_no_frame_and_the_message_names_what_reads_it() -> None:
    with pytest.raises(taf.InvalidArgument, match=r"^events: 'events\.parquet' is a path.*read_parquet\(\)"):
        taf.find_runs("events.parquet")


def test_a_missing_column_is_named_once() -> None:
    with pytest.raises(taf.NotAnAuditFrame, match=r"no column 'event'\."):
        taf.find_runs(EVENTS.drop(columns="event"))


@pytest.mark.full
@pytest.mark.parametrize("library", [pd.DataFrame, pl.from_pandas], ids=["pandas", "Polars"])
def test_failed_log_ins_make_no_network_known(library: Callable[[pd.DataFrame], Any]) -> None:
    week = pd.Timedelta(days=7)
    spray = {"event": "Login failed.", **ADA, "ip_address": "198.51.100.7"}
    history = pd.concat([HISTORY, pd.DataFrame({**spray, "date": DAYS[-20:]})])
    break_in = pd.DataFrame({**spray, "date": DAYS[-1] + week + pd.to_timedelta(range(30), unit="min")})
    break_in.loc[29, "event"] = "User login."
    found = taf.find_new_addresses(library(break_in), history=library(history))
    assert found["network"].tolist() == ["198.51.100.0/24"]
    review = taf.review(break_in, history=library(history))
    assert ("high", "find_failed_logins") in review.findings[["severity", "check"]].itertuples(index=False, name=None)


@pytest.mark.full
def test_failed_log_ins_at_night_are_not_the_hours_of_their_victim() -> None:
    days = pd.date_range("2026-01-05T09:00Z", periods=100, freq="B", unit="us").repeat(2)
    history = pd.DataFrame({"date": days, "event": "Test updated.", **ADA})
    night = pd.DataFrame(
        {"date": pd.to_datetime(["2026-05-27T02:00Z"] * 2).as_unit("us"), "event": "Login failed.", **ADA}
    )
    review = taf.review(night, history=history, checks=["find_off_hours"])
    assert len(review.findings) == 0
    assert "1 series of events was left out" in review.assessed["notes"].iloc[0][-1]
    acts = taf.review(night.assign(event="Test updated."), history=history, checks=["find_off_hours"])
    assert acts.findings["severity"].tolist() == ["low"]
