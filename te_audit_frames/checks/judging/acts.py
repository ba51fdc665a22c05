"""Judging what was done: runs of deletions, changes of access, and changes of monitoring."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd

from te_audit_frames.checks.access import find_access_changes, is_access_change
from te_audit_frames.checks.assessed import assessed
from te_audit_frames.checks.judging.findings import compared, deed, make_finding, minutes, past, some_of
from te_audit_frames.checks.judging.rarity import UNKNOWN, Rarity
from te_audit_frames.checks.judging.review_context import Found, ReviewContext
from te_audit_frames.checks.judging.severity import ALARMING, MANY, RULES, Check, by_chance, raised
from te_audit_frames.checks.monitoring import REPORTING, SILENCES, change_of, find_monitoring_changes
from te_audit_frames.checks.runs import find_runs
from te_audit_frames.checks.text.reading import FAILURE, UNCLASSIFIED
from te_audit_frames.safe_text import number_of

_ACCESS: Mapping[tuple[str, str], str] = {
    ("create", "api_token"): "T1098.001 Account Manipulation: Additional Cloud Credentials",
    ("create", "credential"): "T1098.001 Account Manipulation: Additional Cloud Credentials",
    ("assign", "role"): "T1098.003 Account Manipulation: Additional Cloud Roles",
    ("assign", "permission"): "T1098.003 Account Manipulation: Additional Cloud Roles",
    ("create", "user"): "T1136.003 Create Account: Cloud Account",
    ("create", "service_account"): "T1136.003 Create Account: Cloud Account",
    ("invite", "user"): "T1136.003 Create Account: Cloud Account",
    ("delete", "user"): "T1531 Account Access Removal",
    ("disable", "user"): "T1531 Account Access Removal",
}
_DID = {"silenced": "silenced alerts by"}


def judge_runs(context: ReviewContext) -> Found:
    """Judge runs of deletions: the largest of each person and week."""
    rows = find_runs(context.events, vocabulary=context.vocabulary)
    record = context.with_baseline(assessed(rows))
    done = context.done[(context.done["action"] == "delete") & (context.done["outcome"] != FAILURE)]
    totals = done.groupby(["person", "week"], as_index=False)["events"].sum()
    person, week = context.weeks.person_of(rows), context.week_of(rows)
    groups: dict[tuple[int, int], list[dict[Any, Any]]] = defaultdict(list)
    for number, when, row in zip(person.tolist(), week.tolist(), rows.to_dict("records"), strict=True):
        groups[number, when].append(row)
    found = []
    for (number, when), some in sorted(groups.items(), key=itemgetter(0)):
        row = some[0]  # the largest
        rarity = context.rarity_of_acts(number, when, totals[totals["events"] >= row["events"]])
        severity = by_chance(rarity.chance, to_medium=row["events"] >= MANY)
        if np.isnan(rarity.chance) and row["events"] >= ALARMING:
            severity = "low"
        lasted = max(round(row["duration"].total_seconds() / 60), 1)
        more = f", and {number_of(len(some) - 1, 'smaller run')} in the same week" if len(some) > 1 else ""
        why = (
            f"{number_of(row['events'], 'deletion')} in {minutes(lasted)}{more}; "
            f"{compared(rarity, 'so many in a week')}"
        )
        found.append(make_finding("find_runs", severity, row, why, rarity.chance, groups=row["account_groups"]))
    return found, record


def judge_access(context: ReviewContext) -> Found:
    """Judge changes of access: those of a person, kind and week together."""
    rows = find_access_changes(context.events, vocabulary=context.vocabulary)
    record = context.with_baseline(assessed(rows))
    together = rows.assign(account_group=rows["account_group_name"].fillna(rows["aid"]))
    found = []
    for row, rarity in _by_kind(context, together, ["action", "object"], "find_access_changes"):
        severity = by_chance(rarity.chance)
        if row["to_self"]:
            severity = raised(severity)
        what = deed(past(row["action"]), row["object"], row["events"])
        if named := [*row["targets"], *row["roles"], *row["others"]]:
            what += f" ({some_of(named)})"
        if row["to_self"]:
            what += f" {'to' if row['action'] == 'assign' else 'of'} the person's own account"
        why = f"{what}; {compared(rarity, 'this')}"
        technique = _ACCESS.get((row["action"], row["object"]), RULES["find_access_changes"].technique)
        found.append(
            make_finding(
                "find_access_changes",
                severity,
                row,
                why,
                rarity.chance,
                technique=technique,
                groups=row["account_group"],
            )
        )
    return found, record


def judge_monitoring(context: ReviewContext) -> Found:
    """Judge changes of monitoring: those of a person, kind and week together."""
    rows = find_monitoring_changes(context.events, vocabulary=context.vocabulary)
    record = context.with_baseline(assessed(rows))
    found = []
    for row, rarity in _by_kind(context, rows, ["object", "change"], "find_monitoring_changes"):
        is_new = rarity.own == rarity.others == 0
        severity = by_chance(rarity.chance, to_medium=is_new or row["object"] in REPORTING | SILENCES)
        what = deed(_DID.get(row["change"], row["change"]), row["object"], row["events"], things=len(row["names"]))
        if len(row["names"]):
            what += f" ({some_of(row['names'])})"
        why = f"{what}; {compared(rarity, 'this')}"
        found.append(
            make_finding("find_monitoring_changes", severity, row, why, rarity.chance, groups=row["account_groups"])
        )
    return found, record


def _by_kind(
    context: ReviewContext, rows: pd.DataFrame, names: list[str], check: Check
) -> Iterable[tuple[dict[Any, Any], Rarity]]:
    """Join the rows of one person, kind and week, and return how rare that kind is among all kinds of the check."""
    if not len(rows):
        return []
    rows = rows.assign(person=context.weeks.person_of(rows), week=context.week_of(rows))
    groups: dict[tuple[Any, ...], list[dict[Any, Any]]] = defaultdict(list)
    # Plain rows, because pandas copies the record in `attrs` with every row that it takes.
    for row in rows.to_dict("records"):
        groups[row["person"], row["week"], *(str(row[name]) for name in names)].append(row)
    joined = [_join(groups[key]) for key in sorted(groups)]
    classes, done = _number_kinds(context, check)
    kind = np.array([classes[str(row["event_texts"][0])] for row in joined], dtype="int64")
    who, when = (np.array([row[name] for row in joined], dtype="int64") for name in ("person", "week"))
    if not context.knows_history:
        return [(row, UNKNOWN) for row in joined]
    return zip(joined, context.weeks.rarity_among(who, when, kind, done), strict=True)


def _join(some: list[dict[Any, Any]]) -> dict[Any, Any]:
    """Return one row for several of a person, kind and week."""
    row = dict(some[0])
    row["last_event"], row["events"] = max(one["last_event"] for one in some), sum(one["events"] for one in some)
    for name in ("event_texts", "targets", "roles", "others", "names", "account_groups"):
        if name in row:
            row[name] = list(dict.fromkeys(value for one in some for value in one[name]))
    if "account_group" in row:
        known = (one["account_group"] for one in some)
        row["account_group"] = list(dict.fromkeys(str(group) for group in known if not pd.isna(group)))
        row["to_self"] = any(one["to_self"] for one in some)
        del row["aid"], row["account_group_name"]
    return row


def _number_kinds(context: ReviewContext, check: Check) -> tuple[dict[str, int], pd.DataFrame]:
    """Return the kind of each event text that a check is about, and in which weeks each person did each kind."""
    kinds = context.kinds
    is_relevant = [_is_about(check, *pair) for pair in zip(kinds["action"], kinds["object"], strict=True)]
    # The type of the resource decides the object of texts that name none. The baseline has no resources, so these texts
    # are one kind for each action.
    is_open = (kinds["object"] == UNCLASSIFIED) & (kinds["action"] != UNCLASSIFIED)
    kinds = kinds[np.array(is_relevant, dtype="bool") | is_open.to_numpy()]
    codes, _ = pd.MultiIndex.from_frame(kinds[["action", "object"]]).factorize()
    numbered = kinds[["event"]].assign(kind=codes.astype("int64"))
    done = context.weeks.texts.merge(numbered, on="event")
    return dict(zip(kinds["event"].astype("str"), codes.tolist(), strict=True)), done


def _is_about(check: Check, action: str, name: str) -> bool:
    if check == "find_access_changes":
        return is_access_change(action, name, "")
    return bool(change_of(action, name))
