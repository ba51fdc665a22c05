"""Sliding windows: how many events lie within some length of time, counted for every event at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]


def count_within(groups: Numbers, moments: Numbers, length: int) -> Numbers:
    """Count, for each event, the events of its group in the window that ends with it.

    Parameters
    ----------
    groups, moments : numpy.ndarray of int64
        The group and the moment of each event, sorted by group, then by moment.
    length : int
        How long the window is; the moment that lies exactly `length` back belongs to it.

    Returns
    -------
    numpy.ndarray of int64
        The number of events from ``moment - length`` to ``moment``, both included.

    Examples
    --------
    >>> import numpy as np
    >>> from te_audit_frames.checks.sliding_windows import count_within
    >>> count_within(np.array([0, 0, 0, 1]), np.array([10, 20, 31, 31]), 10).tolist()
    [1, 2, 1, 1]
    """
    first = search(groups, moments, groups, moments - length, side="left")
    behind = search(groups, moments, groups, moments, side="right")
    return behind - first


def count_different_within(groups: Numbers, moments: Numbers, members: Numbers, length: int) -> Numbers:
    """Count, for each event, the different members of its group that have events in the window that ends with it.

    Parameters
    ----------
    groups, moments : numpy.ndarray of int64
        The group and the moment of each event, sorted by group, then by moment.
    members : numpy.ndarray of int64
        What each event has, such as its person; -1 is none.
    length : int
        How long the window is.

    Returns
    -------
    numpy.ndarray of int64
        The number of different members from ``moment - length`` to ``moment``, both included.

    Examples
    --------
    >>> import numpy as np
    >>> from te_audit_frames.checks.sliding_windows import count_different_within
    >>> count_different_within(np.array([0, 0, 0]), np.array([10, 20, 31]), np.array([5, 6, 6]), 10).tolist()
    [1, 2, 1]
    """
    # From each of its events on, a member counts for `length`. Spans of one member that touch are joined. The members
    # at a moment are the spans that have begun by then, minus those that ended before.
    order = np.lexsort((moments, members, groups))
    order = order[members[order] >= 0]
    group, member, moment = groups[order], members[order], moments[order]
    begins = np.ones(len(order), dtype="bool")
    begins[1:] = (np.diff(group) != 0) | (np.diff(member) != 0) | (np.diff(moment) > length)
    ends = np.append(begins[1:], True) if len(order) else begins
    started_group, started = _sorted(group[begins], moment[begins])
    ended_group, ended = _sorted(group[ends], moment[ends] + length)
    begun = search(started_group, started, groups, moments, side="right") - _before(started_group, groups)
    over = search(ended_group, ended, groups, moments, side="left") - _before(ended_group, groups)
    return begun - over


def join_windows(groups: Numbers, moments: Numbers, length: int) -> tuple[Numbers, Numbers, Numbers]:
    """Join the windows of each group that overlap or touch.

    Parameters
    ----------
    groups, moments : numpy.ndarray of int64
        The group of each window and the moment that ends it, sorted by group, then by moment.
    length : int
        How long each window is.

    Returns
    -------
    groups, starts, ends : numpy.ndarray of int64
        The joined windows in the same order: their group, first and last moment.

    Examples
    --------
    >>> import numpy as np
    >>> from te_audit_frames.checks.sliding_windows import join_windows
    >>> [part.tolist() for part in join_windows(np.array([0, 0, 0]), np.array([10, 15, 40]), 10)]
    [[0, 0], [0, 30], [15, 40]]
    """
    begins = np.ones(len(groups), dtype="bool")
    begins[1:] = (np.diff(groups) != 0) | (np.diff(moments) > length)
    ends = np.append(begins[1:], True) if len(groups) else begins
    return groups[begins], moments[begins] - length, moments[ends]


def search(groups: Numbers, moments: Numbers, asked: Numbers, at: Numbers, *, side: str = "left") -> Numbers:
    """Return where a moment of a group belongs among sorted ones, as `numpy.searchsorted` does for one group.

    Parameters
    ----------
    groups, moments : numpy.ndarray of int64
        Sorted by group, then by moment.
    asked, at : numpy.ndarray of int64
        The groups and moments to look for.
    side : {"left", "right"}
        Before or after those that are equal.

    Returns
    -------
    numpy.ndarray of int64
        Positions in `groups`.
    """
    # One number for both: the moments become ranks, so that a group and a rank always fit into 64 bits.
    ranked = np.sort(np.concatenate([moments, at]))
    width = len(ranked) + 1
    known = groups * width + np.searchsorted(ranked, moments)
    wanted = asked * width + np.searchsorted(ranked, at)
    return np.searchsorted(known, wanted, side="right" if side == "right" else "left").astype("int64")


def _before(sorted_groups: Numbers, groups: Numbers) -> Numbers:
    return np.searchsorted(sorted_groups, groups, side="left").astype("int64")


def _sorted(groups: Numbers, moments: Numbers) -> tuple[Numbers, Numbers]:
    order = np.lexsort((moments, groups))
    return groups[order], moments[order]
