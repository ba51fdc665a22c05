"""Summaries: the counts, the labels and the order, against plain Python, in every library."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from itertools import combinations
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.frames import LIBRARIES, START, Row, rows, table

import te_audit_frames as taf

DIMENSIONS = {
    "user": ("uid", "user", "users"),
    "account_group": ("aid", "account_group_name", "account_groups"),
    "event": ("event", None, "event_types"),
    "ip_address": ("ip_address", None, "ip_addresses"),
}
BYS = [list(some) for size in (1, 1, 2, 4) for some in combinations(DIMENSIONS, size)]


def identify(row: Row, name: str) -> tuple[str | None, ...]:
    key, label, _ = DIMENSIONS[name]
    return (row[key],) if label is None else (row[key], row[label] if row[key] is None else None)


def in_order(group: tuple[str | None, ...]) -> tuple[tuple[bool, str], ...]:
    return tuple((part is None, part or "") for part in group)


def latest_name(drawn: list[Row], key: str, label: str, value: str) -> str | None:
    uses = [row for row in drawn if row[key] == value and row[label] is not None]
    return max(((row["date"] is not None, row["date"], row[label]) for row in uses), default=(0, 0, None))[-1]


def naive(drawn: list[Row], by: list[str], top: int | None) -> list[Row]:
    """Summarize events in plain Python, one by one."""
    groups = defaultdict(list)
    for row in drawn:
        groups[sum((identify(row, name) for name in by), ())].append(row)
    ranked = sorted(groups.items(), key=lambda group: (-len(group[1]), in_order(group[0])))
    if top is not None and len(ranked) > top:
        rest = [row for _, members in ranked[top:] for row in members]
        ranked = [*ranked[:top], (None, rest)]
    summary = []
    for group, members in ranked:
        result: Row = {}
        for name in by:
            key, label, _ = DIMENSIONS[name]
            uid = members[0][key]
            result[key] = "(other)" if group is None else uid
            if label and group is None:
                result[label] = "(other)"
            elif label:
                result[label] = members[0][label] if uid is None else latest_name(drawn, key, label, uid)
        result["events"] = len(members)
        result["share"] = len(members) / len(drawn)
        for name, (*_, counted_as) in DIMENSIONS.items():
            if name not in by:
                known = {identify(row, name) for row in members}
                result[counted_as] = len({one for one in known if any(part is not None for part in one)})
        dates = [row["date"] for row in members if row["date"] is not None]
        result["first_event"], result["last_event"] = min(dates, default=None), max(dates, default=None)
        summary.append(result)
    return summary


def plain(summary: pd.DataFrame) -> list[Row]:
    return [
        {name: None if pd.isna(value) else value for name, value in row.items()} for row in summary.to_dict("records")
    ]


@given(drawn=rows(), by=st.sampled_from(BYS), top=st.none() | st.integers(1, 4))
@settings(max_examples=examples(60), deadline=None)
def test_it_counts_like_plain_python(drawn: list[Row], by: list[str], top: int | None) -> None:
    summary = taf.summarize(table(drawn), by=by, top=top)

    assert plain(summary) == naive(drawn, by, top)
    assert summary["events"].sum() == len(drawn)


@pytest.mark.full
@pytest.mark.few
@pytest.mark.parametrize("library", LIBRARIES)
@given(drawn=rows(), by=st.sampled_from(BYS), top=st.none() | st.integers(1, 4))
@settings(max_examples=examples(10), deadline=None)
def test_every_library_gives_the_same(library: str, drawn: list[Row], by: list[str], top: int | None) -> None:
    events = table(drawn)

    summary = taf.summarize(LIBRARIES[library](events), by=by, top=top)

    pd.testing.assert_frame_equal(summary, taf.summarize(LIBRARIES["pandas"](events), by=by, top=top))


@pytest.mark.few
@pytest.mark.parametrize("library", LIBRARIES)
def test_an_empty_frame_has_the_same_columns_and_types(library: str) -> None:
    drawn = [dict.fromkeys(("uid", "user", "event"), "x") | {"date": START}]

    empty = taf.summarize_by_user(LIBRARIES[library](table([])), top=2)

    assert len(empty) == 0
    assert empty.dtypes.to_dict() == taf.summarize_by_user(table(drawn)).dtypes.to_dict()


def test_the_columns_have_the_documented_order_and_types() -> None:
    summary = taf.summarize_by_user(table([{"date": START, "uid": "7", "user": "Ada"}]))

    assert summary.dtypes.astype(str).to_dict() == {
        "uid": "str",
        "user": "str",
        "events": "int64",
        "share": "float64",
        "account_groups": "int64",
        "event_types": "int64",
        "ip_addresses": "int64",
        "first_event": "datetime64[us, UTC]",
        "last_event": "datetime64[us, UTC]",
    }


def test_the_shortcuts_are_summarize() -> None:
    events = table([{"date": START, "uid": "7", "aid": "1", "event": "User login."}] * 2)

    for shortcut, by in (
        (taf.summarize_by_user, "user"),
        (taf.summarize_by_account_group, "account_group"),
        (taf.summarize_by_event_type, "event"),
    ):
        pd.testing.assert_frame_equal(shortcut(events, top=1), taf.summarize(events, by=[by], top=1))


def test_a_name_is_not_confused_with_the_uid_of_another_user() -> None:
    summary = taf.summarize_by_user(table([{"uid": "x", "user": "Ada"}, {"uid": None, "user": "x"}]))

    assert plain(summary[["uid", "user"]]) == [{"uid": "x", "user": "Ada"}, {"uid": None, "user": "x"}]


def test_an_event_called_other_is_not_the_combined_rest() -> None:
    events = table([{"event": name} for name in ["(other)"] * 3 + ["a"] * 2 + ["b", "c"]])

    summary = taf.summarize_by_event_type(events, top=1)

    assert summary[["event", "events"]].to_numpy().tolist() == [["(other)", 3], ["(other)", 4]]


SPELLINGS = {"uid": "user", "aid": "account_group", "account_group_name": "account_group", "event_type": "event"}


@pytest.mark.parametrize(("spelling", "name"), [*SPELLINGS.items(), ("ip", "ip_address")])
def test_obvious_spellings_mean_the_four_names(spelling: str, name: str) -> None:
    events = table([{"date": START, "uid": "7", "user": "Ada", "aid": "1", "event": "a", "ip_address": "::1"}] * 2)

    pd.testing.assert_frame_equal(taf.summarize(events, by=spelling), taf.summarize(events, by=name))


def test_a_column_of_the_frame_comes_before_a_spelling_but_not_before_a_name() -> None:
    events = LIBRARIES["pandas"](table([{"event": "a"}])).assign(event_type="mine", user="Ada", account_group="mine")

    assert taf.summarize(events, by="event_type")["event_type"].tolist() == ["mine"]
    assert list(taf.summarize(events, by="account_group").columns[:2]) == ["aid", "account_group_name"]


def with_columns(library: str, drawn: list[Row], **columns: pa.Array) -> Any:
    events = table(drawn).select(["date", "event", "uid", "user"])
    for name, column in columns.items():
        events = events.append_column(name, column)
    if library.startswith("pandas"):
        return events.to_pandas(types_mapper=pd.ArrowDtype if library == "pandas arrow" else None)
    return LIBRARIES[library](events)


OWN = {
    "text": (pa.array(["b", "a", None, "b"]), {"a": 1, "b": 2, None: 1}),
    "dictionary": (pa.array(["b", "a", None, "b"]).dictionary_encode(), {"a": 1, "b": 2, None: 1}),
    "integer": (pa.array([10, 9, None, 10], pa.int16()), {"9": 1, "10": 2, None: 1}),
    "boolean": (pa.array([True, False, None, True]), {"False": 1, "True": 2, None: 1}),
    "float": (pa.array([2.5, 10.0, None, 2.5]), {"2.5": 2, "10": 1, None: 1}),
    "day": (pa.array([date(2026, 3, 2), date(2026, 3, 1), None, date(2026, 3, 2)]), {"2026-03-01": 1, "2026-03-02": 2}),
    "moment": (
        pa.array([START, START + timedelta(days=1), None, START], pa.timestamp("us", "UTC")),
        {"2026-03-01T00:00:00+00:00": 2, "2026-03-02T00:00:00+00:00": 1},
    ),
}


@pytest.mark.full
@pytest.mark.few
@pytest.mark.parametrize("library", ["pandas", "pandas arrow", "pyarrow", "polars", "polars lazy", "duckdb"])
@pytest.mark.parametrize("kind", OWN)
@pytest.mark.parametrize("top", [None, 1])
def test_any_column_can_be_counted_by(library: str, kind: str, top: int | None) -> None:
    column, expected = OWN[kind]
    if library == "pandas" and kind in ("integer", "boolean"):
        # Without help, pandas makes floats or objects of these.
        library = "pandas arrow"
    rows = [{"date": START, "event": "a", "uid": str(number)} for number in range(4)]

    summary = taf.summarize(with_columns(library, rows, first=column), by="first", top=top)

    assert summary["first"].dtype == "str"
    assert summary.columns.tolist() == [*("first", "events", "share", "users", "event_types"), *summary.columns[5:]]
    counts = {
        None if pd.isna(key) else key: events for key, events in zip(summary["first"], summary["events"], strict=True)
    }
    largest = max(expected, key=expected.__getitem__)
    if top:
        assert counts == {largest: 2, "(other)": 2}
    else:
        assert counts == {None: 1} | expected
        assert summary["first"].tolist()[-1:] != [largest]
        assert pd.isna(summary["first"].iloc[-1]), "null is not behind keys of the same count"
    assert taf.activity(with_columns(library, rows, first=column), by="first", top=top)["events"].sum() == 4


def test_numbers_are_ordered_as_numbers() -> None:
    events = with_columns("pyarrow", [{"event": "a"}] * 3, hour=pa.array([10, 9, 23]))

    assert taf.summarize(events, by="hour")["hour"].tolist() == ["9", "10", "23"]


def test_a_column_and_a_name_can_be_combined() -> None:
    events = with_columns("pandas", [{"uid": "7", "user": "Ada"}] * 3, network=pa.array(["x", "y", "x"]))

    summary = taf.summarize(events, by=["network", "user"])

    assert summary[["network", "uid", "user", "events"]].to_numpy().tolist() == [
        ["x", "7", "Ada", 2],
        ["y", "7", "Ada", 1],
    ]


@pytest.mark.parametrize("name", ["events", "share", "period", "complete", "users"])
def test_a_column_whose_name_the_result_needs_is_refused_with_advice(name: str) -> None:
    events = with_columns("pandas", [{"event": "a"}], **{name: pa.array(["x"])})

    with pytest.raises(taf.InvalidArgument, match=f"by: .*{name}.*rename"):
        taf.summarize(events, by=name)


@pytest.mark.parametrize("library", ["pandas", "pyarrow", "polars", "duckdb"])
def test_a_column_of_lists_is_refused_with_advice(library: str) -> None:
    with pytest.raises(taf.InvalidArgument, match=r"by: column 'resources' holds .*explode_resources"):
        taf.summarize(LIBRARIES[library](table([{"event": "a"}])), by="resources")


@pytest.mark.parametrize("library", ["pandas", "pyarrow", "polars", "duckdb"])
def test_only_needed_columns_are_required_and_only_present_ones_are_counted(library: str) -> None:
    drawn = [{"date": START, "event": "a", "uid": "7", "user": "Ada", "aid": "1", "ip_address": "::1"}]
    whole, part = table(drawn), table(drawn).select(["date", "event", "aid"])

    summary = taf.summarize_by_event_type(LIBRARIES[library](part))

    assert summary.columns.tolist() == ["event", "events", "share", "account_groups", "first_event", "last_event"]
    expected = taf.summarize_by_event_type(whole).drop(columns=["users", "ip_addresses"])
    pd.testing.assert_frame_equal(summary, expected)


@pytest.mark.parametrize(("kept", "key"), [("uid", "uid"), ("user", "user")])
def test_one_of_the_columns_of_a_user_is_enough(kept: str, key: str) -> None:
    events = table([{"date": START, "uid": "7", "user": "Ada"}] * 2).select(["date", kept])

    assert taf.summarize_by_user(events)[[key, "events"]].to_numpy().tolist() == [["7" if key == "uid" else "Ada", 2]]


def test_a_missing_column_is_named() -> None:
    with pytest.raises(taf.NotAnAuditFrame, match="'ip_address'") as caught:
        taf.summarize(table([]).drop_columns(["ip_address", "extra", "resources"]), by="ip_address")

    assert caught.value.missing == ["ip_address"]


@pytest.mark.parametrize("library", ["polars", "polars lazy", "duckdb"])
def test_a_foreign_frame_of_any_library_is_refused(library: str) -> None:
    with pytest.raises(taf.NotAnAuditFrame, match="'uid'"):
        taf.summarize_by_user(LIBRARIES[library](pa.table({"price": [1]})))


@pytest.mark.parametrize("library", ["pandas", "polars", "duckdb"])
def test_dates_that_are_not_timestamps_are_refused(library: str) -> None:
    events = table([{"event": "a"}])
    numbers = events.set_column(0, "date", pa.array([1.5]))
    frame = numbers.to_pandas() if library == "pandas" else LIBRARIES[library](numbers)

    with pytest.raises(taf.NotAnAuditFrame, match="'date'"):
        taf.summarize_by_user(frame)


@pytest.mark.parametrize("library", ["pandas", "pyarrow", "polars", "duckdb"])
def test_dates_without_a_zone_are_refused(library: str) -> None:
    events = table([{"date": START, "event": "a"}])
    naive = events.set_column(0, "date", events["date"].cast(pa.timestamp("us")))
    frame = naive.to_pandas() if library == "pandas" else LIBRARIES[library](naive)

    with pytest.raises(taf.NotAnAuditFrame, match="without a time zone"):
        taf.summarize_by_user(frame)


@pytest.mark.parametrize("library", ["pandas", "polars", "duckdb", "pyarrow"])
def test_an_integer_aid_becomes_its_digits(library: str) -> None:
    events = table([{"aid": "1234"}, {"aid": None}])
    numbers = events.set_column(1, "aid", pa.array([1234, None], pa.int64()))
    frame = numbers.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get) if library == "pandas" else numbers
    if library in ("polars", "duckdb"):
        frame = LIBRARIES[library](numbers)

    pd.testing.assert_frame_equal(taf.summarize_by_account_group(frame), taf.summarize_by_account_group(events))


@pytest.mark.parametrize("events", [[{"uid": "7"}], None, pd.Series(["a"])])
def test_what_is_no_frame_is_refused_by_name(events: object) -> None:
    with pytest.raises(taf.InvalidArgument, match=r"events: a .*Polars"):
        taf.summarize_by_user(events)


@pytest.mark.parametrize("by", ["event-type", "", [], ["user", "user"], ["user", "uid"], ["user", None], None, 3])
def test_a_wrong_by_is_refused(by: object) -> None:
    with pytest.raises(taf.InvalidArgument, match=r'by: .*"user"'):
        taf.summarize(table([]), by=by)  # type: ignore[arg-type]


@pytest.mark.parametrize("top", [0, -1, 2.5, "10", True])
def test_a_wrong_top_is_refused(top: object) -> None:
    with pytest.raises(taf.InvalidArgument, match=r"top: .*top=10"):
        taf.summarize_by_user(table([]), top=top)  # type: ignore[arg-type]


def test_the_given_frame_is_not_changed() -> None:
    events = LIBRARIES["pandas"](table([{"date": START, "uid": "7"}, {"date": None, "uid": None}]))
    before = events.copy(deep=True)

    taf.summarize_by_user(events, top=1)

    pd.testing.assert_frame_equal(events, before)
