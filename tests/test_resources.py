"""Resources: one row each, with the columns of the event, from any frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.frames import TEXTS

import te_audit_frames as taf
from te_audit_frames.schema import ARROW_SCHEMA, to_events

RESOURCE = st.fixed_dictionaries({"type": st.none() | st.sampled_from(TEXTS), "name": st.none() | st.text()})
TOUCHED = st.lists(st.none() | st.lists(RESOURCE, max_size=3), max_size=12)


def events_that(touched: list[list[dict[str, Any]] | None]) -> pd.DataFrame:
    rows = [{"event": str(number), "resources": resources} for number, resources in enumerate(touched)]
    return to_events(pa.Table.from_pylist(rows, ARROW_SCHEMA))


@given(touched=TOUCHED, kept=st.lists(st.booleans(), min_size=12, max_size=12))
@settings(max_examples=examples(60), deadline=None)
def test_there_is_one_row_for_each_resource(touched: list[Any], kept: list[bool]) -> None:
    events = events_that(touched)
    events = pd.concat([events, events])[np.array(kept[: len(touched)] * 2, dtype=bool)]

    rows = taf.explode_resources(events)

    expected = [
        [str(number), resource["type"], resource["name"]]
        for _ in range(2)
        for number, resources in enumerate(touched)
        if kept[number]
        for resource in resources or []
    ]
    shown = rows[["event", "resource_type", "resource_name"]].astype(object)
    assert shown.where(shown.notna(), None).to_numpy().tolist() == expected
    expected = events["resources"].astype(object).explode().dropna()
    assert rows.index.tolist() == expected.index.tolist()


def test_the_two_new_columns_replace_resources_in_place() -> None:
    rows = taf.explode_resources(events_that([]))

    assert list(rows.columns) == [
        *("date", "aid", "account_group_name", "event", "uid", "user", "ip_address"),
        *("resource_type", "resource_name", "extra"),
    ]
    assert rows["resource_type"].dtype == rows["resource_name"].dtype == "str"


def test_lists_of_dicts_are_accepted() -> None:
    events = events_that([[{"type": "testName", "name": "Shop"}], None, []])

    rows = taf.explode_resources(events.astype({"resources": object}))

    pd.testing.assert_frame_equal(rows, taf.explode_resources(events))


def test_a_frame_without_resources_is_refused() -> None:
    with pytest.raises(taf.NotAnAuditFrame, match="'resources'"):
        taf.explode_resources(pd.DataFrame({"event": ["a"]}))


def test_resources_that_are_not_lists_are_refused() -> None:
    with pytest.raises(taf.NotAnAuditFrame, match="'resources' cannot be read"):
        taf.explode_resources(pd.DataFrame({"resources": ["Shop"]}))
