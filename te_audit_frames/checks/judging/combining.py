"""Findings together: severities that other findings raise, and one ranked row per person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from te_audit_frames.checks.judging.findings import Finding
from te_audit_frames.checks.judging.severity import (
    POINTS,
    RULES,
    SAME_ACT_HOURS,
    SAYS_WHAT,
    SEVERITIES,
    TOGETHER_HOURS,
    Severity,
    raised,
)

_TEXTS = pd.ArrowDtype(pa.list_(pa.large_string()))
_RANK = {name: place for place, name in enumerate(SEVERITIES)}
_TOGETHER = pd.Timedelta(hours=TOGETHER_HOURS)
_SAME_ACT = pd.Timedelta(hours=SAME_ACT_HOURS)


def raise_together(findings: Sequence[Finding]) -> list[Finding]:
    """Raise by one step the strongest of a person's findings that lie within a day of each other.

    Findings of one check do not raise one another, nor do two findings about what was done if they share an event text.
    Findings of severity info neither raise nor are raised. Two findings about what was done make a high one only within
    two hours.
    """
    result = list(findings)
    by_person: dict[tuple[str | None, str | None], list[int]] = defaultdict(list)
    for at, finding in enumerate(findings):
        if finding.severity != "info" and finding.who != (None, None) and not pd.isna(finding.first_event):
            by_person[finding.who].append(at)
    for theirs in by_person.values():
        for group in _episodes(findings, theirs):
            strongest = min(group, key=lambda at: (_RANK[findings[at].severity], _order(findings[at])))
            others = [at for at in group if _is_another_sign(findings[at], findings[strongest])]
            if findings[strongest].severity == "medium":
                others = [at for at in others if _makes_high(findings[at], findings[strongest])]
            if others:
                result[strongest] = _with_others(findings[strongest], [findings[at] for at in others])
    return result


def _episodes(findings: Sequence[Finding], theirs: list[int]) -> list[list[int]]:
    """Group the findings of one person that lie no further apart than a day."""
    groups: list[list[int]] = []
    end = pd.Timestamp.min.tz_localize("UTC")
    for at in sorted(theirs, key=lambda at: (findings[at].first_event, findings[at].last_event, findings[at].check)):
        if not groups or findings[at].first_event - end > _TOGETHER:
            groups.append([])
            end = findings[at].last_event
        groups[-1].append(at)
        end = max(end, findings[at].last_event)
    return groups


def _is_another_sign(one: Finding, other: Finding) -> bool:
    if one.check == other.check:
        return False
    same = {one.check, other.check} <= SAYS_WHAT and set(_texts(one)) & set(_texts(other))
    return not same and _apart(one, other) <= _TOGETHER


def _makes_high(one: Finding, other: Finding) -> bool:
    return not {one.check, other.check} <= SAYS_WHAT or _apart(one, other) <= _SAME_ACT


def _apart(one: Finding, other: Finding) -> pd.Timedelta:
    gap = max(one.first_event, other.first_event) - min(one.last_event, other.last_event)
    return max(gap, pd.Timedelta(0))


def _with_others(finding: Finding, others: Sequence[Finding]) -> Finding:
    names = list(dict.fromkeys(_SIGNS[other.check] for other in others))
    why = f"{finding.why.removesuffix('.')}; within a day also {' and '.join(names)}."
    return replace(finding, severity=raised(finding.severity), why=why)


_SIGNS = {
    "find_runs": "a run of deletions",
    "find_failed_logins": "failed log-ins",
    "find_off_hours": "an unusual hour",
    "find_new_addresses": "a new network",
    "find_access_changes": "an unusual change of access",
    "find_monitoring_changes": "an unusual change of monitoring",
    "find_dormant_users": "a return after a long silence, or an account that is in no directory",
}


def _texts(finding: Finding) -> list[str]:
    return [str(text) for text in finding.row["event_texts"]]


def _order(finding: Finding) -> tuple[Any, ...]:
    """Return the key by which findings of one severity are sorted.

    Names come last, so that findings of pseudonymized events have the same numbers as those of the originals, unless
    two findings agree in every time and number.
    """
    chance = 1.0 if np.isnan(finding.chance) else finding.chance
    row = finding.row
    nameless = (
        round(chance, 12),
        str(finding.first_event),
        finding.check,
        str(finding.last_event),
        -int(row["events"]),
    )
    measured = [str(row[name]) for name in sorted(row) if isinstance(row[name], _NAMELESS)]
    return (*nameless, len(finding.account_groups), measured, str(finding.who), str(row.get("object")))


# Times, numbers and booleans: what pseudonyms do not change.
_NAMELESS = (datetime, int, float, np.number, np.bool_, type(pd.NaT))


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """Sort findings: the most severe first, then the least likely, then the earliest; names break the last ties."""
    return sorted(findings, key=lambda finding: (_RANK[finding.severity], _order(finding)))


def findings_frame(findings: Sequence[Finding], start: int = 0) -> pd.DataFrame:
    """Return one row per finding, numbered from `start` on."""
    columns = {
        "severity": pd.Series([finding.severity for finding in findings], dtype="str"),
        "check": pd.Series([finding.check for finding in findings], dtype="str"),
        "uid": pd.Series([finding.who[0] for finding in findings], dtype="str"),
        "user": pd.Series([finding.who[1] for finding in findings], dtype="str"),
        "account_groups": pd.Series([list(finding.account_groups) for finding in findings], dtype=_TEXTS),
        "first_event": _dates([finding.first_event for finding in findings]),
        "last_event": _dates([finding.last_event for finding in findings]),
        "events": pd.Series([int(finding.row["events"]) for finding in findings], dtype="int64"),
        "event_texts": pd.Series([list(finding.row["event_texts"]) for finding in findings], dtype=_TEXTS),
        "why": pd.Series([finding.why for finding in findings], dtype="str"),
        "technique": pd.Series([finding.technique for finding in findings], dtype="str"),
        "chance": pd.Series([finding.chance for finding in findings], dtype="float64"),
    }
    frame = pd.DataFrame(columns)
    frame.index = pd.RangeIndex(start, start + len(frame))
    return frame


def _dates(dates: Sequence[pd.Timestamp]) -> pd.Series:
    return pd.Series(pd.to_datetime(list(dates), utc=True)).astype("datetime64[us, UTC]")


def rank_people(findings: Sequence[Finding]) -> pd.DataFrame:
    """Return one row per person who has a finding above info, the highest score first.

    The strongest finding of each check adds its points, so that signs of several kinds add up. Ties are broken by the
    chances of the findings, multiplied: the lowest product comes first.
    """
    people: dict[tuple[str | None, str | None], list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.who != (None, None):
            people[finding.who].append(finding)
    rows = [_person(theirs) for theirs in people.values() if any(one.severity != "info" for one in theirs)]
    rows.sort(key=_rank)
    frame = pd.DataFrame(rows, columns=list(_PEOPLE)).astype({name: kind for name, kind in _PEOPLE.items() if kind})
    for name in ("first_event", "last_event"):
        frame[name] = _dates(frame[name].tolist())
    frame["checks"] = pd.Series([row["checks"] for row in rows], dtype=_TEXTS)
    return frame.drop(columns="rarest")


_PEOPLE: dict[str, str] = {
    "uid": "str", "user": "str", "score": "int64", "severity": "str", "findings": "int64",
    "high": "int64", "medium": "int64", "low": "int64", "info": "int64",
    "checks": "", "first_event": "", "last_event": "", "why": "str", "rarest": "float64",
}  # fmt: skip


def _rank(row: Mapping[str, Any]) -> tuple[Any, ...]:
    times = str(row["first_event"]), str(row["last_event"])
    counts = [-row[name] for name in ("findings", *SEVERITIES)]
    return -row["score"], round(row["rarest"], 12), counts, times, row["checks"], str(row["uid"]), str(row["user"])


def _person(theirs: list[Finding]) -> dict[str, Any]:
    theirs = in_order(theirs)
    best: dict[str, Severity] = {}
    for finding in theirs:
        best.setdefault(finding.check, finding.severity)
    counts: dict[str, int] = {name: sum(finding.severity == name for finding in theirs) for name in SEVERITIES}
    dated = [finding for finding in theirs if not pd.isna(finding.first_event)]
    return {
        "uid": theirs[0].who[0],
        "user": theirs[0].who[1],
        "score": sum(POINTS[severity] for severity in best.values()),
        "severity": theirs[0].severity,
        "findings": len(theirs),
        **counts,
        "checks": [check for check in RULES if best.get(check, "info") != "info"],
        "first_event": min((finding.first_event for finding in dated), default=pd.NaT),
        "last_event": max((finding.last_event for finding in dated), default=pd.NaT),
        "why": theirs[0].why,
        "rarest": float(np.prod([_order(finding)[0] for finding in theirs if finding.severity != "info"])),
    }
