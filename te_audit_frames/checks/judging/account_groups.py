"""Account groups of findings: where the events behind them happened."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from te_audit_frames.checks.judging.findings import Finding
from te_audit_frames.checks.selection import Selection
from te_audit_frames.checks.tallies import micros


def name_account_groups(findings: list[Finding], selection: Selection) -> list[Finding]:
    """Name the account groups of findings whose check does not."""
    if {"aid", "account_group_name"} <= set(selection.absent):
        return findings
    rows = selection.rows
    rows = rows.assign(group=rows["account_group_name"].fillna(rows["aid"]))
    moments = micros(rows["date"])
    result = []
    for finding in findings:
        if finding.account_groups or pd.isna(finding.first_event):
            result.append(finding)
            continue
        low = np.searchsorted(moments, _micros(finding.first_event))
        high = np.searchsorted(moments, _micros(finding.last_event), side="right")
        some = rows.iloc[low:high]
        some = some[some["event"].isin([str(text) for text in finding.row["event_texts"]])]
        for name in ("uid", "ip_address"):
            if name in finding.row and name in some and pd.notna(finding.row[name]):
                some = some[some[name] == finding.row[name]]
        result.append(replace(finding, account_groups=tuple(sorted(some["group"].dropna().unique()))))
    return result


def _micros(date: pd.Timestamp) -> int:
    # `.value` would be nanoseconds, whatever the unit is.
    return int(micros(pd.Series([date]))[0])
