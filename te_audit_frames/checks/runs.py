"""Runs: many events of one kind in one go, such as a mass deletion."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.arguments import check_whole_number
from te_audit_frames.checks.assessed import Assessed, attach_assessed
from te_audit_frames.checks.selection import Selection, select
from te_audit_frames.checks.tallies import (
    BY,
    By,
    Groups,
    check_by,
    check_duration,
    code,
    count_different,
    list_different,
    micros,
    micros_of,
    number_by,
    tally,
)
from te_audit_frames.checks.text.loading import load_vocabulary
from te_audit_frames.checks.text.reading import FAILURE
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.schema import require_columns


def find_runs(
    events: Any,
    *,
    action: str | Sequence[str] = "delete",
    gap: str | timedelta = "10min",
    min_size: int = 5,
    by: By = "user",
    vocabulary: str | PathLike[str] | None = None,
) -> pd.DataFrame:
    """Find runs: many events of one kind in one go, such as a mass deletion.

    A run is a series of events of one user, each at most `gap` after the one before. It is found if it has at least
    `min_size` events. It may touch several account groups. Events that report a failure do not belong to it.

    Parameters
    ----------
    events : frame of any supported library, or Archive
        Events in pandas, Polars, PyArrow, DuckDB, Dask or PySpark. `date`, `event`, `uid` or `user`, and the columns of
        `by` are required.
    action : str or list of str
        What was done, in the words of `classify_events`: ``"delete"``, ``"create"``, ``"update"``, ``"disable"``, …
        Events of several actions can make one run together.
    gap : str or timedelta
        The longest time between two events of a run.
    min_size : int
        The fewest events of a run, at least 1.
    by : {"user", "ip_address", "account_group"}
        What the events of a run have in common.
    vocabulary : path, optional
        Your own table of classes; see `classify_events`.

    Returns
    -------
    pandas.DataFrame
        One row per run, the largest first:

        - `uid` and `user`, or the columns of `by` (str);
        - `first_event`, `last_event` (``datetime64[us, UTC]``), `events` (int64) and `event_texts` (list of str):
          what `evidence` needs;
        - `duration` (``timedelta64[us]``) from the first to the last event, and `pace` (float64), the events per
          minute, null if the run took less than a second;
        - `resources` (Int64), how many different resources the events name, counted in each account group; null if
          the events have no column `resources`;
        - `objects` (list of str), what kinds of objects, by `classify_events`;
        - `users` and `ip_addresses` (int64), how many different ones there are; the one that `by` names is left out;
        - `account_groups` (list of str), the names of those touched, or their `aid` if they have no name.

        `assessed` says what was examined.

    Raises
    ------
    InvalidArgument
        An argument is wrong, or `events` is neither a frame nor an archive.
    NotAnAuditFrame
        A needed column is missing.

    Notes
    -----
    *Threshold.* Elastic's detection rules count the deletion of three to five different objects within nine minutes.
    Here it is five events, and any pace of at least one in ten minutes counts as one go.

    *What it cannot see.* Deletions that are spread out, one an hour. Which of several people used a shared account.
    Texts that the vocabulary does not know: `assessed` lists them. A migration that somebody was asked to make looks
    like an attack.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> page = b'''{"auditEvents": [
    ...     {"date": "2026-03-02T09:00:00Z", "event": "Test deleted.", "uid": "7", "user": "Ada"},
    ...     {"date": "2026-03-02T09:01:00Z", "event": "Report deleted.", "uid": "7", "user": "Ada"},
    ...     {"date": "2026-03-02T09:30:00Z", "event": "Test deleted.", "uid": "7", "user": "Ada"}]}'''
    >>> runs = taf.find_runs(taf.read_pages([page]), min_size=2)
    >>> runs[["user", "events", "pace", "objects"]]
      user  events  pace             objects
    0  Ada       2   1.0  ['report' 'test']
    """
    actions = _check_actions(action, vocabulary)
    longest = micros_of(check_duration("gap", gap))
    check_whole_number("min_size", min_size, 1)
    key = check_by(by, list(BY))
    needed = {"user": [], "ip_address": ["ip_address"], "account_group": []}[key]
    optional = ["ip_address", "aid", "account_group_name", "resources"]
    selection = select(
        events,
        ["event", *needed],
        optional=[name for name in optional if name not in needed],
        keep=lambda action, _, outcome: action in actions and outcome != FAILURE,
        vocabulary=vocabulary,
    )
    if key == "account_group" and {"aid", "account_group_name"} <= set(selection.absent):
        require_columns([], ["aid", "account_group_name"])
    number, keys = number_by(selection, key)
    order, groups, count = _runs(number, micros(selection.rows["date"]), longest, min_size)
    rows = selection.rows.iloc[order]
    result = _describe(rows, groups, count, selection)
    owners = np.zeros(count, dtype="int64")
    owners[groups] = number[order]
    named = keys.iloc[owners].reset_index(drop=True)
    result = result.drop(columns=[{"user": "users", "ip_address": "ip_addresses"}.get(key, "account_groups")])
    result = pd.concat([named, result], axis=1)
    result = result.sort_values(
        ["events", "first_event", *BY[key]], ascending=[False, *[True] * (1 + len(BY[key]))], ignore_index=True
    )
    return attach_assessed(result, _assessed(selection, actions))


def _check_actions(action: str | Sequence[str], vocabulary: str | PathLike[str] | None) -> frozenset[str]:
    if not isinstance(action, str | Sequence):
        raise InvalidArgument(f'action: {action!r} is not an action. For example action="delete".')
    actions = [action] if isinstance(action, str) else list(action)
    known = load_vocabulary(vocabulary).actions
    for name in actions:
        if name not in known:
            raise InvalidArgument(f"action: {name!r} is not one of {', '.join(map(repr, known))}")
    if not actions:
        raise InvalidArgument('action: it names no action. For example action="delete".')
    return frozenset(actions)


def _runs(
    number: Groups, moments: npt.NDArray[np.int64], longest: int, min_size: int
) -> tuple[npt.NDArray[np.int64], Groups, int]:
    """Return the positions of the events that belong to runs, the run of each, and how many runs there are."""
    order = np.argsort(number, kind="stable")  # the events are in ascending order, and so are those of each number
    number, moments = number[order], moments[order]
    starts = np.ones(len(order), dtype="bool")
    starts[1:] = (np.diff(number) != 0) | (np.diff(moments) > longest)
    run = np.cumsum(starts) - 1
    large = np.bincount(run)[run] >= min_size if len(run) else np.array([], dtype="bool")
    different, groups = np.unique(run[large], return_inverse=True)
    return order[large], groups.astype("int64"), len(different)


def _describe(rows: pd.DataFrame, groups: Groups, count: int, selection: Selection) -> pd.DataFrame:
    result = tally(rows, groups, count)
    result["duration"] = result["last_event"] - result["first_event"]
    minutes = result["duration"].to_numpy().astype("int64") / 60e6
    result["pace"] = (result["events"] - 1) / np.where(minutes >= 1 / 60, minutes, np.nan)
    if "resources" in selection.absent:
        result["resources"] = pd.array([None] * count, dtype="Int64")
    else:
        result["resources"] = pd.array(_count_resources(rows, groups, count), dtype="Int64")
    result["objects"] = list_different(rows["object"], groups, count)
    result["users"] = count_different(rows["person"].to_numpy(), groups, count)
    result["ip_addresses"] = count_different(code(rows["ip_address"]), groups, count)
    touched = rows["account_group_name"].fillna(rows["aid"])
    result["account_groups"] = list_different(touched, groups, count, nulls=False)
    return result


def _count_resources(rows: pd.DataFrame, groups: Groups, count: int) -> npt.NDArray[np.int64]:
    lists = pa.array(rows["resources"])
    lists = lists.combine_chunks() if isinstance(lists, pa.ChunkedArray) else lists
    events = pc.list_parent_indices(lists).to_numpy().astype("int64")
    things = pc.list_flatten(lists)
    places = code(rows["aid"].fillna(rows["account_group_name"]))[events] + 1
    codes = places
    for part in ("type", "name"):
        texts = pd.Series(pd.array(pc.struct_field(things, part), dtype="str"))
        numbers = code(texts) + 1
        codes = pd.factorize(codes * (int(numbers.max(initial=0)) + 1) + numbers)[0].astype("int64")
    return count_different(codes, groups[events], count)


def _assessed(selection: Selection, actions: frozenset[str]) -> Assessed:
    reason = ""
    if selection.events and selection.unclassified == selection.events:
        reason = "no event has a text that the vocabulary knows"
    notes = [f"what was looked for: {', '.join(sorted(actions))}"]
    return Assessed.of("find_runs", selection, not_assessed=reason, notes=tuple(notes))
