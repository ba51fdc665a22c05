"""Judging attacks on passwords: who got in, and from where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from te_audit_frames.checks.assessed import assessed
from te_audit_frames.checks.evidence import evidence
from te_audit_frames.checks.judging.findings import make_finding, moment
from te_audit_frames.checks.judging.review_context import Found, ReviewContext
from te_audit_frames.checks.judging.severity import RARE, Severity
from te_audit_frames.checks.logins import find_failed_logins
from te_audit_frames.checks.networks import to_networks
from te_audit_frames.checks.people import find_people
from te_audit_frames.checks.selection import select
from te_audit_frames.checks.text.reading import FAILURE, SUCCESS
from te_audit_frames.safe_text import number_of

_PASSWORDS: Mapping[str, str] = {
    "brute force": "T1110.001 Brute Force: Password Guessing",
    "distributed": "T1110.001 Brute Force: Password Guessing",
    "spraying": "T1110.003 Brute Force: Password Spraying",
    "stuffing": "T1110.004 Brute Force: Credential Stuffing",
}


def judge_logins(context: ReviewContext) -> Found:
    """Judge attacks on passwords by who got in, and from where."""
    by_user = find_failed_logins(context.events, vocabulary=context.vocabulary)
    record = assessed(by_user)
    if not record.concerned:
        return [], record
    log_ins = _LogIns.of(context)
    failed = context.done[(context.done["action"] == "login") & (context.done["outcome"] == FAILURE)]
    totals = failed.groupby(["person", "week"], as_index=False)["events"].sum()
    found = []
    person, week = context.weeks.person_of(by_user), context.week_of(by_user)
    for at, row in enumerate(row for _, row in by_user.iterrows()):
        rarity = context.rarity_of_acts(int(person[at]), int(week[at]), totals[totals["events"] >= row["events"]])
        severity, how, got_in = log_ins.judge(int(person[at]), row)
        if severity == "low" and rarity.chance >= RARE:
            severity = "info"
        attack = _reaching_to(got_in, row, context)
        sources = f" from {row['ip_addresses']:,} addresses" if row["ip_addresses"] > 1 else ""
        why = f"{number_of(row['events'], 'failed log-in')}{sources} ({row['pattern']}); {how}"
        technique = _PASSWORDS[row["pattern"]]
        found.append(make_finding("find_failed_logins", severity, attack, why, rarity.chance, technique=technique))
    if "ip_address" not in record.absent:
        by_address = find_failed_logins(context.events, by="ip_address", vocabulary=context.vocabulary)
        for _, row in by_address[by_address["users"] > 1].iterrows():
            severity, how, got_in = log_ins.judge_source(row)
            attack = _reaching_to(got_in, row, context)
            why = (
                f"{number_of(row['events'], 'failed log-in')} of {row['users']:,} users from {row['ip_address']} "
                f"({row['pattern']}); {how}"
            )
            technique = _PASSWORDS[row["pattern"]]
            finding = make_finding("find_failed_logins", severity, attack, why, float("nan"), technique=technique)
            who = None if got_in is None else {"uid": got_in["uid"], "user": got_in["user"]}
            found.append(replace(finding, person=who))
    return found, record


def _reaching_to(got_in: pd.Series | None, row: pd.Series, context: ReviewContext) -> pd.Series:
    """Extend a series of failures to the log-in that followed, if there was one, so that both are the evidence."""
    if got_in is None:
        return row
    attack = row.copy()
    attack["last_event"] = max(row["last_event"], got_in["date"])
    attack["event_texts"] = sorted({*row["event_texts"], got_in["event"]})
    attack["events"] = len(evidence(context.events, attack))
    return attack


@dataclass(frozen=True, eq=False)
class _LogIns:
    """Who logged in from where, and which networks each person used before."""

    rows: pd.DataFrame
    failed: pd.DataFrame
    known: set[tuple[int, str]]
    has_known: set[int]
    people: pd.DataFrame

    @classmethod
    def of(cls, context: ReviewContext) -> _LogIns:
        selection = select(
            context.events,
            ["event"],
            optional=["ip_address"],
            keep=lambda action, _, outcome: action == "login" and outcome in (SUCCESS, FAILURE),
            with_object=False,
            vocabulary=context.vocabulary,
        )
        rows = selection.rows
        rows = rows.assign(network=to_networks(rows["ip_address"]))
        person = find_people(context.past.people, context.now.people)[context.past.networks["person"].to_numpy("int64")]
        known = {
            (int(who), str(network)) for who, network in zip(person, context.past.networks["network"], strict=True)
        }
        is_success = (rows["outcome"] == SUCCESS).to_numpy()
        return cls(rows[is_success], rows[~is_success], known, {who for who, _ in known}, selection.people)

    def judge(self, person: int, row: pd.Series) -> tuple[Severity, str, pd.Series | None]:
        """Return the severity, the reason, and the log-in by which somebody got into the account, if any."""
        until = row["last_event"] + pd.Timedelta(days=1)
        tried = self.failed[(self.failed["person"] == person) & self.failed["date"].between(row["first_event"], until)]
        after = self.rows[(self.rows["person"] == person) & self.rows["date"].between(row["first_event"], until)]
        after = after[after["network"].isin(tried["network"].dropna())]
        strange = after[[(person, network) not in self.known for network in after["network"]]]
        if len(strange) and person in self.has_known:
            first = strange.iloc[0]
            return (
                "high",
                f"then a log-in from {first['ip_address']} at {moment(first['date'])}, a network never used before",
                first,
            )
        if len(strange):
            first = strange.iloc[0]
            return (
                "medium",
                f"then a log-in from {first['ip_address']} at {moment(first['date'])}; earlier networks are not known",
                first,
            )
        if pd.notna(row["success"]):
            how = f"then a log-in at {moment(row['success'])} from elsewhere, or from a network used before"
            return "low", how, None
        return "low", "nobody got in", None

    def judge_source(self, row: pd.Series) -> tuple[Severity, str, pd.Series | None]:
        """Return the severity, the reason, and the log-in by which somebody got in from this address, if any."""
        until = row["last_event"] + pd.Timedelta(days=1)
        after = self.rows[
            (self.rows["ip_address"] == row["ip_address"]) & self.rows["date"].between(row["first_event"], until)
        ]
        strange = [
            (int(who), network) not in self.known
            for who, network in zip(after["person"], after["network"], strict=True)
        ]
        if any(strange):
            first = after[np.array(strange)].iloc[0]
            who = self.people.iloc[int(first["person"])]
            known = int(first["person"]) in self.has_known
            text = f"then {who['user'] or who['uid']} logged in from there at {moment(first['date'])}"
            named = pd.concat([first.drop(["uid", "user"], errors="ignore"), who[["uid", "user"]]])
            return ("high" if known else "medium"), text, named
        text = "people who had used it before logged in from there" if len(after) else "nobody got in from there"
        return "low", text, None
