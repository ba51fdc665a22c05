"""Encodings, and the memory of them: nobody can see it but by the time that it saves."""

from __future__ import annotations

import gc
import multiprocessing
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.frames import TEXTS, Row, rows, table

import te_audit_frames as taf
from te_audit_frames.analysis import encoding
from te_audit_frames.analysis.encoding import Encoding, encode
from te_audit_frames.schema import to_events

TEXT_COLUMNS = ["aid", "account_group_name", "event", "uid", "user", "ip_address"]
QUESTIONS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "user": taf.summarize_by_user,
    "account group": taf.summarize_by_account_group,
    "event": taf.summarize_by_event_type,
    "two columns": lambda events: taf.summarize(events, by=["ip_address", "user"], top=2),
    "days": lambda events: taf.activity(events, by="event"),
}
CHANGES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "a column is assigned": lambda events: events.__setitem__("user", events["user"].str.upper()),
    "an event is changed": lambda events: events.__setitem__(
        "event", events["event"].where(events.index != 0, "Changed.")
    ),
    "loc": lambda events: events.loc.__setitem__((events.index < 3, "uid"), "42"),
    "iloc": lambda events: events.iloc.__setitem__((0, events.columns.get_loc("aid")), None),
    "at": lambda events: events.at.__setitem__((0, "ip_address"), "::1"),
    "a column is deleted": lambda events: events.__delitem__("ip_address"),
    "nulls are filled": lambda events: events.fillna({"uid": "nobody", "user": "Nobody"}, inplace=True),
    "texts are replaced": lambda events: events.replace({"event": {"x": "y"}}, inplace=True),
}


def unencoded(events: pd.DataFrame) -> pd.DataFrame:
    """Return a frame of the same events with no column that was encoded before."""
    return pickle.loads(pickle.dumps(events))


def frame(size: int = 1_000) -> pd.DataFrame:
    day = pd.Timestamp("2026-03-01", tz="UTC")
    people = [
        {"date": day + pd.Timedelta(number, "h"), "uid": str(number), "user": f"User {number}"} for number in range(50)
    ]
    return to_events(table(people).take(pa.array(np.arange(size) % 50)).combine_chunks())


def remembered_columns(events: pd.DataFrame) -> set[str]:
    arrays = {name: id(events[name].array.__arrow_array__()) for name in TEXT_COLUMNS if name in events}
    return {name for name, key in arrays.items() if key in encoding._remembered}


@given(chunks=st.lists(st.lists(st.none() | st.sampled_from([*TEXTS, "X", "x "]), max_size=5), max_size=4))
def test_codes_stand_for_their_values(chunks: list[list[str | None]]) -> None:
    values = pa.chunked_array(chunks, pa.large_string())
    encoded = encode(values)
    for each in (encoded, encoded.in_order()):
        assert each.codes.type == pa.int32()
        codes, known = each.codes.to_pylist(), each.values.to_pylist()
        assert [None if code is None else known[code] for code in codes] == values.to_pylist()
        assert len(set(known)) == len(known)
    assert encoded.in_order().values.to_pylist() == sorted(known)
    assert encode(values) is encoded


def test_pandas_keeps_the_array_of_a_text_column_until_it_is_changed() -> None:
    events = frame()
    array = events["user"].array.__arrow_array__()
    same = [events.copy(), events.assign(new=1), events[["user", "event"]], events[events["date"].notna()]]
    for each in [*same, events.rename(columns={"event": "what"})]:
        assert each["user"].array.__arrow_array__() is array, "otherwise encodings are never found again"
    events.loc[0, "user"] = "Somebody else"
    assert events["user"].array.__arrow_array__() is not array, "otherwise encodings could be out of date"
    assert array[0].as_py() == "User 0"


@pytest.mark.full
@given(drawn=rows(), names=st.lists(st.sampled_from(sorted(QUESTIONS)), min_size=1, max_size=6))
@settings(max_examples=examples(40), deadline=None)
def test_questions_in_a_row_get_the_answers_of_single_questions(drawn: list[Row], names: list[str]) -> None:
    events = to_events(table(drawn))
    for name in names:
        pd.testing.assert_frame_equal(QUESTIONS[name](events), QUESTIONS[name](unencoded(events)))


@pytest.mark.few(count=4)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_changed_events_get_new_answers(
    change: Callable[[pd.DataFrame], Any], question: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    events = frame().assign(event="x", aid="7", ip_address="::2")
    original = events.copy()
    before = question(original)
    question(events)
    change(events)
    if "ip_address" in events or "ip_address" not in before:
        pd.testing.assert_frame_equal(question(events), question(unencoded(events)))
    pd.testing.assert_frame_equal(question(original), before)


def test_a_column_is_encoded_once() -> None:
    events = frame()
    taf.summarize_by_event_type(events)
    known = remembered_columns(events)
    assert known == {"uid", "event", "aid", "ip_address"}
    entries = {key: entry[1] for key, entry in encoding._remembered.items()}
    for question in QUESTIONS.values():
        question(events.copy())
    assert all(encoding._remembered[key][1] is entry for key, entry in entries.items())


@pytest.mark.full
def test_dropped_frames_are_forgotten_and_their_memory_is_returned() -> None:
    gc.collect()
    before, held = len(encoding._remembered), pa.total_allocated_bytes()
    for _ in range(examples(5, brief=2)):
        events = frame(20_000)
        without = pa.total_allocated_bytes()
        for question in QUESTIONS.values():
            question(events)
        assert remembered_columns(events)
        assert pa.total_allocated_bytes() >= without + 20_000 * 4 * 4, "four columns are encoded"
        del events
        gc.collect()
        assert len(encoding._remembered) == before
        assert pa.total_allocated_bytes() <= held


def test_an_entry_whose_id_belongs_to_another_array_is_not_believed() -> None:
    values, other = (pa.chunked_array([[text]]) for text in ("a", "b"))
    encode(other)
    encoding._remembered[id(values)] = encoding._remembered[id(other)]  # as if `values` had taken the id of `other`
    assert encode(values).values.to_pylist() == ["a"]
    stale = encoding._remembered[id(other)][0]
    encoding._forget(id(values), stale)
    assert encode(values) is encoding._remembered[id(values)][1], "the entry of a living array stays"


@pytest.mark.full
def test_two_threads_at_once_get_the_same_answers() -> None:
    expected = {name: question(frame(20_000)) for name, question in QUESTIONS.items()}
    for _ in range(examples(5, brief=2)):
        events, start = frame(20_000), Barrier(4)

        def ask(names: list[str], events: pd.DataFrame = events, start: Barrier = start) -> list[pd.DataFrame]:
            start.wait(30)
            return [QUESTIONS[name](events) for name in names]

        orders = [sorted(QUESTIONS), sorted(QUESTIONS, reverse=True)] * 2
        with ThreadPoolExecutor(4) as pool:
            for names, answers in zip(orders, pool.map(ask, orders), strict=True):
                for name, answer in zip(names, answers, strict=True):
                    pd.testing.assert_frame_equal(answer, expected[name])


def _ask_in_child(events: pd.DataFrame, results: Any) -> None:
    answer = taf.summarize_by_user(events)
    events["user"] = events["user"].str.upper()
    results.send((answer, taf.summarize_by_user(events)["user"].tolist()))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_has_encodings_of_its_own() -> None:
    events = frame()
    expected = taf.summarize_by_user(events)
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_ask_in_child, args=(events, sender))
    child.start()
    assert receiver.poll(60), "the child hangs"
    answer, upper = receiver.recv()
    child.join(60)
    assert child.exitcode == 0
    pd.testing.assert_frame_equal(answer, expected)
    assert upper == expected["user"].str.upper().tolist()
    pd.testing.assert_frame_equal(taf.summarize_by_user(events), expected)


def test_values_without_chunks_are_encoded() -> None:
    empty = encode(pa.chunked_array([], pa.large_string()))
    assert isinstance(empty, Encoding)
    assert len(empty.codes) == len(empty.values) == len(empty.in_order().values) == 0
