"""Counts of a history: chunks add up to the same as one reading, whatever integers each chunk encodes its texts as."""

from __future__ import annotations

import narwhals as nw
import pandas as pd
import pytest
from support.histories import event, frame

import te_audit_frames as taf
from te_audit_frames.analysis.grouping import Grouper
from te_audit_frames.checks.baseline import read_baseline
from te_audit_frames.checks.history_counts import PARTS, HistoryCounts
from te_audit_frames.schema import COLUMNS, to_arrow


def counts(*parts):
    return HistoryCounts(tuple(parts or PARTS), 24, 48)


def encoded(events, names):
    """Return a chunk with its texts as integers, and the texts behind them."""
    table, values = to_arrow(events).select(names), {}
    for name in set(names) - {"date"}:
        texts = table[name].combine_chunks().dictionary_encode()
        table = table.set_column(table.column_names.index(name), name, texts.indices)
        values[name] = texts.dictionary
    return Grouper(nw.from_native(table).lazy(), []), values


def test_chunks_add_up_to_one_reading():
    events = frame(
        event(0, "Test created.", uid="7", user="Ada", ip_address="203.0.113.9"),
        event(1, "User login.", uid="8", user="Ben", ip_address="198.51.100.7"),
        event(2, "User login.", uid="7", user="Ada L.", ip_address="203.0.113.77"),
        event(20, "Test created.", uid=None, user="Ben", ip_address=None),
    )
    expected = read_baseline(events)
    adding = counts()
    for rows in (slice(2, 4), slice(0, 2)):  # "Ada" is another integer in each chunk
        adding.add(*encoded(events.iloc[rows], adding.columns(COLUMNS)))
    total = adding.total(COLUMNS)
    pd.testing.assert_frame_equal(total.people, expected.people)
    for part in PARTS:
        pd.testing.assert_frame_equal(total.parts[part], getattr(expected, part))
    assert total.absent == ()


def test_the_sum_of_no_chunks_equals_a_history_without_events():
    total, expected = counts().total(COLUMNS), read_baseline(frame())
    pd.testing.assert_frame_equal(total.people, expected.people)
    for part in PARTS:
        pd.testing.assert_frame_equal(total.parts[part], getattr(expected, part))


def test_a_week_is_the_one_from_monday():
    events = frame(event(0, "Test created."), event(6 * 1440, "Test created."), event(7 * 1440, "Test created."))
    texts = read_baseline(events).texts
    assert texts["week"].dt.strftime("%F").tolist() == ["2026-03-02", "2026-03-09"]
    assert texts["events"].tolist() == [2, 1]


def test_failed_log_ins_make_no_network_known():
    events = frame(
        event(0, "Login failed.", ip_address="203.0.113.9"),
        event(1, "User login.", ip_address="198.51.100.7"),
    )
    assert read_baseline(events).networks["network"].tolist() == ["198.51.100.0/24"]


@pytest.mark.parametrize(
    ("parts", "read"),
    [
        (["moments"], ["date", "uid", "user"]),
        (["networks"], ["date", "uid", "user", "ip_address", "event"]),
        (["groups"], ["date", "uid", "user", "aid", "account_group_name"]),
    ],
)
def test_only_the_columns_of_the_parts_are_read(parts, read):
    assert counts(*parts).columns(COLUMNS) == read


@pytest.mark.parametrize(
    ("present", "absent"), [(["date"], ["uid", "user"]), (["uid"], ["date"]), (["date", "uid"], ["event"])]
)
def test_columns_that_every_count_needs_are_required(present, absent):
    with pytest.raises(taf.NotAnAuditFrame) as error:
        counts().columns(present)
    assert list(error.value.missing) == absent
