"""Changes: events of one person and kind as one row, with the resources that they name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.checks.baseline import read_baseline
from te_audit_frames.checks.people import find_people
from te_audit_frames.checks.selection import Selection
from te_audit_frames.checks.tallies import Groups, micros

RESOURCES = ["aid", "account_group_name", "resources"]
"""Columns that tell what was changed, and where."""

WITHOUT_CLASSES = "no event has a text that the vocabulary knows"


def chain(rows: pd.DataFrame, keys: Sequence[str], gap: int) -> tuple[npt.NDArray[np.int64], Groups, int]:
    """Put events with equal keys into one group as long as each follows the one before within `gap` microseconds.

    Parameters
    ----------
    rows : pandas.DataFrame
        Events in ascending `date`.
    keys : sequence of str
        The columns that the events of a group have in common; nulls equal nulls.
    gap : int
        The longest time between two events of a group; 0 for events of one moment.

    Returns
    -------
    tuple
        The positions of the rows, sorted by group; the group of each; and how many groups there are.
    """
    number = rows.groupby(list(keys), dropna=False, sort=False).ngroup().to_numpy(dtype="int64")
    order = np.argsort(number, kind="stable")
    moments = micros(rows["date"])[order]
    starts = np.ones(len(order), dtype="bool")
    starts[1:] = (np.diff(number[order]) != 0) | (np.diff(moments) > gap)
    groups = np.cumsum(starts) - 1
    return order, groups.astype("int64"), int(starts.sum())


def list_resources(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per resource of the events: `place` (the position of its event), `type` and `name`."""
    lists = pa.array(rows["resources"])
    lists = lists.combine_chunks() if isinstance(lists, pa.ChunkedArray) else lists
    things = pc.list_flatten(lists)
    return pd.DataFrame(
        {
            "place": pc.list_parent_indices(lists).to_numpy().astype("int64"),
            "type": pd.array(pc.struct_field(things, "type"), dtype="str"),
            "name": pd.array(pc.struct_field(things, "name"), dtype="str"),
        }
    )


def count_before(selection: Selection, history: Any, rows: pd.DataFrame, groups: Groups, count: int) -> pd.Series:
    """Count, for each group, the person's earlier events with one of its texts; null without a history (Int64)."""
    if history is None or selection.first_event is None:
        return pd.Series(pd.array([None] * count, dtype="Int64"))
    past = read_baseline(history, parts=["texts"])
    start = pd.Timestamp(selection.first_event)
    monday = (start - pd.Timedelta(days=start.weekday())).floor("D")
    # The week of the first event is left out, because some of it may belong to the events themselves.
    old = past.texts[past.texts["week"] < monday]
    old = old.assign(person=find_people(past.people, selection.people)[old["person"].to_numpy(dtype="int64")])
    totals = old.groupby(["person", "event"], dropna=False, as_index=False)["events"].sum()
    kinds = rows[["person", "event"]].assign(group=groups).drop_duplicates()
    found = kinds.merge(totals, on=["person", "event"], how="left")
    return found.groupby("group")["events"].sum().reindex(range(count), fill_value=0).astype("Int64")


def missing_classes(selection: Selection) -> str:
    """Return why a check that needs classes cannot assess these events; empty if it can."""
    return WITHOUT_CLASSES if selection.events and selection.unclassified == selection.events else ""
