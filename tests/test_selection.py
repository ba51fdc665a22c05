"""What checks read: only the needed columns and rows, the same from every library and from an archive."""

from __future__ import annotations

import copy
from datetime import timedelta

import duckdb
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.engines import on_cluster
from support.examples import examples
from support.frames import LIBRARIES
from support.histories import START, archive_of, drawn_rows, event, everywhere, frame, table

import te_audit_frames as taf
from te_audit_frames.checks import in_archive
from te_audit_frames.checks.selection import Selection, select
from te_audit_frames.schema import to_events


def deletions(action: str, name: str, outcome: str) -> bool:
    return action == "delete" and name == "test"


def counts(found: Selection) -> tuple[object, ...]:
    return (
        found.events, found.undated, found.first_event, found.last_event, found.unclassified, found.unclassified_texts,
        found.absent,
    )  # fmt: skip


def assert_same(one: Selection, other: Selection) -> None:
    pd.testing.assert_frame_equal(one.rows, other.rows)
    pd.testing.assert_frame_equal(one.people, other.people)
    assert counts(one) == counts(other)


@pytest.mark.full
@given(drawn_rows(), st.sampled_from(sorted(LIBRARIES)), st.sampled_from([None, deletions]), st.booleans())
@settings(max_examples=examples(100, brief=5))
def test_every_library_gives_the_same(drawn, library, keep, bounded):
    bounds = {"start": START + timedelta(minutes=10), "end": START + timedelta(minutes=50)} if bounded else {}
    arguments = {"optional": ["ip_address", "resources"], "keep": keep, **bounds}
    expected = select(to_events(table(drawn)), ["event"], **arguments)
    assert_same(select(LIBRARIES[library](table(drawn)), ["event"], **arguments), expected)


@pytest.mark.full
@given(drawn_rows(), st.randoms(use_true_random=False))
@settings(max_examples=examples(100, brief=5))
def test_the_order_of_the_input_does_not_matter(drawn, random):
    shuffled = copy.copy(drawn)
    random.shuffle(shuffled)
    columns = ["event", "ip_address", "aid", "account_group_name"]
    assert_same(select(to_events(table(drawn)), columns), select(to_events(table(shuffled)), columns))


@given(drawn_rows())
@settings(max_examples=examples(100, brief=5))
def test_rows_are_those_that_classify_events_finds(drawn):
    events = to_events(table(drawn))
    classified = taf.classify_events(events)
    dated = classified[classified["date"].notna()]
    found = select(events, ["event", "aid"], keep=deletions)
    expected = dated[(dated["action"] == "delete") & (dated["object"] == "test")]
    columns = ["date", "event", "aid", "uid", "user", "action", "object", "outcome"]
    assert sorted(map(str, found.rows[columns].values.tolist())) == sorted(map(str, expected[columns].values.tolist()))
    assert found.rows["date"].is_monotonic_increasing
    assert found.events == len(dated)
    assert found.undated == len(events) - len(dated)
    assert found.unclassified == (dated["action"] == "unclassified").sum()


@given(drawn_rows())
@settings(max_examples=examples(100, brief=5))
def test_people_are_uids_with_their_newest_names(drawn):
    events = to_events(table(drawn))
    found = select(events, ["event"])
    summary = taf.summarize_by_user(events[events["date"].notna()])
    people = found.people.sort_values(["uid", "user"], ignore_index=True)
    expected = summary[["uid", "user", "events"]].sort_values(["uid", "user"], ignore_index=True)
    pd.testing.assert_frame_equal(people, expected)
    named = found.people.iloc[found.rows["person"]].reset_index(drop=True)
    pd.testing.assert_series_equal(named["uid"], found.rows["uid"])
    without = found.rows["uid"].isna()
    pd.testing.assert_series_equal(named["user"][without], found.rows["user"][without])


@pytest.mark.full
@pytest.mark.parametrize("keep", [None, deletions])
def test_an_archive_gives_the_same_in_many_chunks(monkeypatch, keep):
    rows = [event(90 * n, "Test deleted." if n % 3 else "Login failed.", uid=str(n % 4)) for n in range(200)]
    events = frame(*rows, event(0, "Test deleted.", date=None))
    monkeypatch.setattr(in_archive, "_CHUNK", 20)
    with archive_of(events) as archive:
        assert_same(select(archive, ["event"], keep=keep), select(events, ["event"], keep=keep))
        bounds = {"start": "2026-03-03T05:00:00Z", "end": "2026-03-06"}
        found, expected = (select(source, ["event"], keep=keep, **bounds) for source in (archive, events))
        pd.testing.assert_frame_equal(found.rows, expected.rows)
        assert found.events == expected.events == len(taf.between(events, **bounds))


@pytest.mark.full
@pytest.mark.parametrize("engine", ["dask", "spark"])
def test_dask_and_spark_give_the_same(engine, request, tmp_path):
    rows = [event(90 * n, "Deleted" if n % 3 else "Login failed.", uid=str(n % 4)) for n in range(40)]
    rows += [event(0, "Test deleted.", date=None), event(3, None), event(4, "Flux", uid=None)]
    events = frame(*(row | {"resources": [{"type": "testName", "name": "shop"}]} for row in rows))
    expected = select(events, ["event"], optional=["resources"], keep=deletions)
    assert len(expected.rows) == 26
    source = on_cluster(engine, request.getfixturevalue(engine), events, tmp_path)
    assert_same(select(source, ["event"], optional=["resources"], keep=deletions), expected)


def test_absent_columns_are_nulls_and_named():
    events = frame(event(0, "Test deleted."))[["date", "event", "user"]]
    found = select(events, ["event"], optional=["ip_address", "resources"])
    assert found.absent == ("ip_address", "resources", "uid")
    assert found.rows[["ip_address", "resources", "uid"]].isna().all(axis=None)
    assert (
        found.rows.dtypes.astype(str).to_dict()
        == select(frame(event(0, "x")), ["event"], optional=["ip_address", "resources"])
        .rows.dtypes.astype(str)
        .to_dict()
    )
    assert found.people["user"].tolist() == ["Ada"]


@pytest.mark.parametrize("make", [lambda events: events, pl.from_pandas, duckdb.from_df])
@pytest.mark.parametrize("lacking", ["date", "event", "ip_address"])
def test_needed_columns_are_missed_by_name(make, lacking):
    events = frame(event(0, "Test deleted.")).drop(columns=[lacking, "resources"])
    with pytest.raises(taf.NotAnAuditFrame, match=f"no column '{lacking}'"):
        select(make(events), ["ip_address"], keep=deletions)


def test_somebody_must_be_named():
    with pytest.raises(taf.NotAnAuditFrame, match="no column 'uid', 'user'"):
        select(frame(event(0, "Test deleted."))[["date", "event"]], ["event"])
    assert select(frame(event(0, "x"))[["date", "event"]], ["event"], people=False).people.empty


def test_input_is_not_changed_and_no_columns_are_lost():
    events = frame(event(5, "Test deleted."), event(0, "Test deleted."))
    before = copy.deepcopy(events)
    select(events, ["event"], keep=deletions)
    pd.testing.assert_frame_equal(events, before)
    assert events.attrs == before.attrs


@pytest.mark.parametrize("broken", [7, "events.parquet", [1], None])
def test_what_is_no_frame_is_refused(broken):
    with pytest.raises(taf.InvalidArgument, match=r"^events: "):
        select(broken, ["event"])


def test_a_table_of_ones_own_decides(tmp_path):
    own = tmp_path / "words.toml"
    own.write_text('[texts]\n"Flux capacitor" = { action = "delete", object = "test" }\n')
    events = frame(event(0, "Flux capacitor"))
    assert select(events, ["event"], keep=deletions).unclassified_texts == ("Flux capacitor",)
    found = select(events, ["event"], keep=deletions, vocabulary=own)
    assert (len(found.rows), found.unclassified) == (1, 0)


def test_first_and_last_event_are_those_read():
    events = frame(event(0, "x"), event(7, "y"), event(3, "z", date=None))
    with everywhere(events) as sources:
        for source in sources.values():
            found = select(source, ["event"])
            assert (found.first_event, found.last_event) == (START, START + timedelta(minutes=7))
            assert found.undated == 1
    nothing = select(events.iloc[:0], ["event"])
    assert (nothing.first_event, nothing.last_event, nothing.events) == (None, None, 0)


def test_texts_outside_the_period_are_not_counted():
    events = frame(event(0, "Test deleted."), event(30, "Flux capacitor"))
    with everywhere(events) as sources:
        for source in sources.values():
            found = select(source, ["event"], keep=deletions, end=START + timedelta(minutes=10))
            assert (found.events, found.unclassified, found.unclassified_texts) == (1, 0, ())


def test_unclassified_texts_are_listed_by_how_often_they_occur():
    events = frame(event(0, "Flux"), event(1, "Warp"), event(2, "Warp"))
    with everywhere(events) as sources:
        for source in sources.values():
            found = select(source, ["event"], keep=deletions)
            assert (found.unclassified, found.unclassified_texts) == (3, ("Warp", "Flux"))


KNOWN = ("find_runs", "find_failed_logins", "find_sessions", "find_access_changes", "find_monitoring_changes")


ZAPS = frame(*(event(minute, "Zap") for minute in range(6)))


@pytest.fixture
def own(tmp_path):
    """Return the path of a vocabulary that knows "Zap"."""
    path = tmp_path / "own.toml"
    path.write_text('[texts]\n"Zap" = { action = "delete", object = "alert_rule", outcome = "success" }\n')
    return path


def test_every_check_reads_texts_by_the_vocabulary_that_is_given(own):
    for check in (*KNOWN, "classify_actors"):
        counts = [
            taf.assessed(getattr(taf, check)(ZAPS, vocabulary=vocabulary)).unclassified for vocabulary in (None, own)
        ]
        assert counts == [6, 0], check
    (run,) = taf.find_runs(ZAPS, vocabulary=own).to_dict("records")
    assert len(taf.evidence(ZAPS, run, vocabulary=own)) == 6


@pytest.mark.full
def test_a_review_reads_texts_by_the_vocabulary_that_is_given(own):
    review = taf.review(ZAPS, history=frame(event(-5 * 1_440, "Zap")), vocabulary=own)
    assert review.assessed["unclassified"].tolist() == [0] * len(review.assessed)
    assert {"find_runs", "find_monitoring_changes"} <= set(review.findings["check"])
    number = review.findings.index[review.findings["check"] == "find_runs"][0]
    assert len(review.evidence(int(number))) == 6
