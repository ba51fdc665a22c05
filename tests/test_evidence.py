"""The events behind a row: exact for every question, in every library; and what each question examined."""

from __future__ import annotations

from datetime import timedelta

import narwhals as nw
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.engines import on_cluster
from support.examples import examples
from support.frames import with_receipt
from support.histories import ADDRESSES, SOURCES, START, archive_of, drawn_rows, event, everywhere, frame, table
from support.questions import QUESTIONS

import te_audit_frames as taf
from te_audit_frames.checks.networks import network_of
from te_audit_frames.schema import ARROW_SCHEMA, to_arrow, to_events


def as_arrow(found) -> pa.Table:
    """Collect a frame of any library in the types of events."""
    collected = (
        to_arrow(found) if isinstance(found, pd.DataFrame) else nw.from_native(found).lazy().collect().to_arrow()
    )
    return pa.table({name: collected[name].cast(ARROW_SCHEMA.field(name).type) for name in ARROW_SCHEMA.names})


def multiset(found) -> list[str]:
    return sorted(map(str, as_arrow(found).to_pylist()))


@given(drawn_rows(), st.sampled_from(sorted(QUESTIONS)), st.sampled_from(sorted(SOURCES)))
@settings(max_examples=examples(100, brief=5))
def test_evidence_has_as_many_events_as_its_row(drawn, question, library):
    events = SOURCES[library](table(drawn))
    for row in QUESTIONS[question](events).itertuples():
        behind = as_arrow(taf.evidence(events, row))
        assert len(behind) == row.events
        dates = behind["date"].to_pandas()
        assert (dates.min(), dates.max()) == (row.first_event, row.last_event)
        assert sorted({str(text) for text in behind["event"].to_pylist()}) == sorted(map(str, row.event_texts))


ROWS = st.fixed_dictionaries(
    {
        "first_event": st.integers(0, 30).map(lambda minute: pd.Timestamp(START + timedelta(minutes=minute))),
        "last_event": st.integers(31, 90).map(lambda minute: pd.Timestamp(START + timedelta(minutes=minute))),
        "event_texts": st.lists(st.sampled_from(["Test deleted.", "Login failed.", "Deleted", None]), max_size=4),
    },
    optional={
        "uid": st.sampled_from(["7", "8", None]),
        "user": st.sampled_from(["Ada", "7", None]),
        "ip_address": st.sampled_from(ADDRESSES),
        "network": st.sampled_from(["203.0.113.0/24", "198.51.100.0/24", "2001:db8::/48", None]),
        "aid": st.sampled_from(["1", None]),
        "account_group_name": st.sampled_from(["Shops", None]),
        "object": st.sampled_from(["test", "alert_rule", "unclassified"]),
    },
)


def matches(event, kind, row):
    """Say in plain Python whether an event is evidence of a row."""
    if event["date"] is None or not row["first_event"] <= event["date"] <= row["last_event"]:
        return False
    if event["event"] not in row["event_texts"]:
        return False
    for key, label in (("uid", "user"), ("aid", "account_group_name")):
        if key in row and event[key] != row[key]:
            return False
        if label in row and row.get(key) is None and event[label] != row[label]:
            return False
    if "ip_address" in row and event["ip_address"] != row["ip_address"]:
        return False
    if "network" in row and network_of(event["ip_address"] or "") != row["network"]:
        return False
    return "object" not in row or kind == row["object"]


@given(drawn_rows(max_size=60), ROWS, st.sampled_from(sorted(SOURCES)))
def test_evidence_is_what_matches_in_every_library(drawn, row, library):
    kinds = taf.classify_events(to_events(table(drawn)))["object"]
    expected = [each for each, kind in zip(drawn, kinds, strict=True) if matches(each, kind, row)]
    found = taf.evidence(SOURCES[library](table(drawn)), row)
    assert multiset(found) == multiset(to_events(table(expected)))


@pytest.mark.parametrize("library", sorted(SOURCES))
def test_events_of_one_text_are_told_apart_by_their_object(library):
    things = [{"type": kind, "name": "shop"} for kind in ("testName", "alertRuleName")]
    rows = [event(n, "Deleted", resources=[things[n % 2]]) for n in range(5)]
    row = {"first_event": rows[0]["date"], "last_event": rows[-1]["date"], "event_texts": ["Deleted"]}
    events = SOURCES[library](table(rows))
    kinds = ("test", "alert_rule", "label")
    counts = {kind: len(as_arrow(taf.evidence(events, row | {"object": kind}))) for kind in kinds}
    assert counts == {"test": 3, "alert_rule": 2, "label": 0}


def test_evidence_stays_in_its_library():
    events = frame(*(event(n, "Test deleted.") for n in range(6)))
    row = taf.find_runs(events).iloc[0]
    with everywhere(events) as sources:
        found = {name: taf.evidence(source, row) for name, source in sources.items()}
        kinds = {name: type(one) for name, one in found.items()}
        assert kinds == {name: type(source) for name, source in sources.items()} | {"archive": pd.DataFrame}
        assert len({tuple(multiset(one)) for one in found.values()}) == 1
    assert isinstance(found["polars lazy"], pl.LazyFrame)


@pytest.mark.full
@pytest.mark.parametrize("engine", ["dask", "spark"])
def test_dask_and_spark_have_the_same_evidence(engine, request, tmp_path):
    things = [{"type": "testName", "name": "shop"}]
    events = frame(*(event(n, "Deleted" if n % 2 else "Test deleted.", resources=things) for n in range(8)))
    source = on_cluster(engine, request.getfixturevalue(engine), events, tmp_path)
    row = taf.find_runs(source).iloc[0].to_dict() | {"object": "test", "network": "203.0.113.0/24"}
    found = taf.evidence(source, row)
    assert (len(found) if engine == "dask" else found.count()) == row["events"] == 8
    assert list(found.columns) == list(events.columns)


def test_evidence_from_an_archive_without_such_days_is_an_empty_audit_frame():
    row = {"first_event": START, "last_event": START, "event_texts": ["Test deleted."]}
    with archive_of(frame(event(100_000, "Test deleted."))) as archive:
        found = taf.evidence(archive, row)
    assert found.empty
    assert found.dtypes.to_dict() == to_events(ARROW_SCHEMA.empty_table()).dtypes.to_dict()


def test_evidence_keeps_the_receipt_and_the_input():
    events = with_receipt(frame(*(event(n, "Test deleted.") for n in range(6)), event(7, "User login.")))
    before = events.copy(deep=True)
    found = taf.evidence(events, taf.find_runs(events).iloc[0])
    assert taf.receipt(found).filters[0]["label"] == "the evidence of a finding"
    assert taf.receipt(found).events == len(found) == 6
    pd.testing.assert_frame_equal(events, before)
    assert events.attrs == before.attrs


def test_a_row_may_be_given_in_many_ways():
    events = frame(*(event(n, "Test deleted.") for n in range(6)))
    runs = taf.find_runs(events)
    rows = [runs.iloc[0], runs.head(1), next(runs.itertuples()), runs.iloc[0].to_dict(), next(runs.iterrows())[1]]
    assert [len(taf.evidence(events, row)) for row in rows] == [6] * 5


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (3, "row: int is not one row of a result"),
        (pd.DataFrame({"first_event": [1, 2]}), "row: DataFrame is not one row"),
        ({"uid": "7"}, "row: it has no 'first_event', 'last_event', 'event_texts'"),
        (
            {"first_event": pd.Timestamp("2026-01-01"), "last_event": pd.NaT, "event_texts": []},
            "row: its first_event is .* not a moment with a time zone",
        ),
    ],
)
def test_what_is_no_row_is_refused(row, message):
    with pytest.raises(taf.InvalidArgument, match=f"^{message}"):
        taf.evidence(frame(event(0, "Test deleted.")), row)


@pytest.mark.parametrize("library", sorted(SOURCES))
def test_a_column_that_the_row_names_must_be_there(library):
    row = {"first_event": START, "last_event": START, "event_texts": ["x"], "uid": "7"}
    events = table([event(0, "x")]).drop_columns(["uid"])
    source = to_events(events) if library == "pandas" else SOURCES[library](events)
    with pytest.raises(taf.NotAnAuditFrame, match="no column 'uid'"):
        taf.evidence(source, row)
    nobody = row | {"uid": None, "user": "Ada"}
    found = taf.evidence(source, nobody)
    assert len(found if isinstance(found, pd.DataFrame) else nw.from_native(found).lazy().collect()) == 1


@pytest.mark.parametrize("broken", [7, "events.parquet", None])
def test_what_is_no_frame_is_refused(broken):
    row = {"first_event": START, "last_event": START, "event_texts": ["x"]}
    with pytest.raises(taf.InvalidArgument, match=r"^events: "):
        taf.evidence(broken, row)


def test_a_network_is_matched_by_the_bits_that_were_given():
    events = frame(*(event(0, "x", ip_address=f"10.1.{n}.1") for n in range(3)))
    row = {"first_event": START, "last_event": START, "event_texts": ["x"], "network": "10.1.0.0/16"}
    assert len(taf.evidence(events, row)) == 0
    assert len(taf.evidence(events, row, v4=16)) == 3
    assert len(taf.evidence(events, row | {"network": "10.1.2.0/24"})) == 1
