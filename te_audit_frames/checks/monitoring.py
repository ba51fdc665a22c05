"""Monitoring: alert rules, tests and notifications that were deleted, disabled or silenced."""

from __future__ import annotations

from datetime import timedelta
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd

from te_audit_frames.checks.assessed import Assessed, attach_assessed
from te_audit_frames.checks.changes import RESOURCES, chain, count_before, list_resources, missing_classes
from te_audit_frames.checks.selection import select
from te_audit_frames.checks.tallies import check_duration, list_different, micros_of, tally

_WATCHING = {
    "agent", "alert", "alert_rule", "check", "detector", "device", "endpoint_agent", "endpoint_test",
    "escalation_policy", "integration", "monitor", "notification", "probe", "sensor", "test", "transaction_script",
    "webhook",
}  # fmt: skip
REPORTING = {
    "alert",
    "alert_rule",
    "detector",
    "escalation_policy",
    "integration",
    "monitor",
    "notification",
    "webhook",
}
"""Objects that say what is wrong; the others measure."""
SILENCES = {"suppression_window"}

_CHANGES = {
    **dict.fromkeys(["delete", "archive"], "deleted"),
    **dict.fromkeys(["disable", "stop"], "disabled"),
    "revoke": "removed",
}


def change_of(action: str, name: str) -> str:
    """Return how an event weakens or changes monitoring, such as "deleted"; empty if it does not."""
    if name in SILENCES and action in ("create", "update", "enable", "start", "assign"):
        return "silenced"
    if name in _WATCHING and action in _CHANGES:
        return _CHANGES[action]
    return "changed" if name in REPORTING and action == "update" else ""


def find_monitoring_changes(
    events: Any,
    *,
    history: Any = None,
    gap: str | timedelta = "10min",
    vocabulary: str | PathLike[str] | None = None,
) -> pd.DataFrame:
    """Find changes that weaken monitoring: alert rules, tests and notifications deleted, disabled or silenced.

    Parameters
    ----------
    events : frame of any supported library, or Archive
        Events in pandas, Polars, PyArrow, DuckDB, Dask or PySpark. `date`, `event`, and `uid` or `user` are required.
    history : frame of any supported library, or Archive, optional
        What happened before. It shows what is routine for a person. Only whole weeks before the first of `events`
        count.
    gap : str or timedelta
        The longest time between two events of a row.
    vocabulary : path, optional
        Your own table of classes; see `classify_events`.

    Returns
    -------
    pandas.DataFrame
        One row per person, `object`, `change` and series of events, each at most `gap` after the one before; the
        oldest first:

        - `uid`, `user` (str);
        - `object` (str), such as ``"alert_rule"``, and `change` (str): ``"deleted"``, ``"disabled"`` (stopped too),
          ``"removed"`` (from something), ``"silenced"`` (a suppression window was created, edited or switched on) or
          ``"changed"`` (what raises alarms, such as an alert rule, was edited, which may have made it weaker);
        - `first_event`, `last_event` (``datetime64[us, UTC]``), `events` (int64) and `event_texts` (list of str):
          what `evidence` needs;
        - `outcome` (str): ``"success"``, ``"failure"``, ``"unknown"``, or ``"mixed"``;
        - `names` (list of str), the resources, and `account_groups` (list of str), where;
        - `before` (Int64), how many events with these texts the person has in `history`; null without a history.

        `assessed` says what was examined, and which texts the vocabulary does not know.

    Raises
    ------
    InvalidArgument
        An argument is wrong, or `events` or `history` is neither a frame nor an archive.
    NotAnAuditFrame
        A needed column is missing.

    Notes
    -----
    *Threshold.* None: every change is a row, since one is enough to blind an alert. Editing and removing rules is
    everyday work, so look first at rows whose `before` is small, and at rows with several `names`. MITRE ATT&CK calls
    this technique impairing defences.

    *What it cannot see.* What an edit changed: the log names the rule, not its new threshold. Tests that still run
    but watch the wrong thing. Texts that the vocabulary does not know.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> page = b'''{"auditEvents": [
    ...     {"date": "2026-03-02T09:00:00Z", "event": "Alert rule disabled.", "uid": "7", "user": "Ada",
    ...      "resources": [{"type": "alertRuleName", "name": "Checkout is slow"}]},
    ...     {"date": "2026-03-02T09:01:00Z", "event": "Test created.", "uid": "7", "user": "Ada"}]}'''
    >>> found = taf.find_monitoring_changes(taf.read_pages([page]))
    >>> found[["user", "object", "change", "names"]]
      user      object    change                 names
    0  Ada  alert_rule  disabled  ['Checkout is slow']
    """
    longest = micros_of(check_duration("gap", gap))
    selection = select(
        events,
        ["event"],
        optional=RESOURCES,
        keep=lambda action, name, outcome: bool(change_of(action, name)),
        vocabulary=vocabulary,
    )
    rows = selection.rows
    # One text has one action, so the texts of a row match no event of another row.
    changes = [change_of(*pair) for pair in zip(rows["action"], rows["object"], strict=True)]
    rows = rows.assign(change=pd.array(changes, dtype="str"))
    order, groups, count = chain(rows, ["person", "object", "change"], longest)
    rows = rows.iloc[order].reset_index(drop=True)
    first = np.searchsorted(groups, np.arange(count))
    outcomes = rows["outcome"].groupby(groups).agg(lambda some: some.iloc[0] if some.nunique() == 1 else "mixed")
    named = list_resources(rows)
    result = pd.concat(
        [
            selection.people.iloc[rows["person"].iloc[first]][["uid", "user"]].reset_index(drop=True),
            rows[["object", "change"]].iloc[first].reset_index(drop=True),
            tally(rows, groups, count),
        ],
        axis=1,
    ).assign(
        outcome=outcomes.astype("str"),
        names=list_different(named["name"], groups[named["place"]], count, nulls=False),
        account_groups=list_different(rows["account_group_name"].fillna(rows["aid"]), groups, count, nulls=False),
        before=count_before(selection, history, rows, groups, count),
    )
    result = result.sort_values(["first_event", "uid", "user", "object", "change"], ignore_index=True)
    record = Assessed.of("find_monitoring_changes", selection, not_assessed=missing_classes(selection))
    return attach_assessed(result, record)
