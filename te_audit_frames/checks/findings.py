"""Findings: the rows of every check, each with a severity and one sentence that says why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd

from te_audit_frames.checks.access import find_access_changes, is_access_change
from te_audit_frames.checks.accounts import find_dormant_users
from te_audit_frames.checks.addresses import find_new_addresses
from te_audit_frames.checks.assessed import Assessed, assessed
from te_audit_frames.checks.baseline import Baseline, find_people
from te_audit_frames.checks.hours import find_off_hours
from te_audit_frames.checks.logins import find_failed_logins
from te_audit_frames.checks.monitoring import REPORTING, SILENCES, change_of, find_monitoring_changes
from te_audit_frames.checks.networks import network_of
from te_audit_frames.checks.rarity import UNKNOWN, Rarity, Weeks, week_of_date
from te_audit_frames.checks.reading import FAILURE, SUCCESS, UNCLASSIFIED
from te_audit_frames.checks.runs import find_runs
from te_audit_frames.checks.selection import Selection, select
from te_audit_frames.checks.severity import ALARMING, MANY, RARE, RULES, Check, Severity, by_chance, raised
from te_audit_frames.checks.vocabulary import classify_events
from te_audit_frames.checks.zones import Zones

FEW_WEEKS = 8
"""Active weeks below which a person is compared with the others rather than with themselves, and is counted so."""


@dataclass(frozen=True)
class Finding:
    """One answer worth a look.

    Attributes
    ----------
    check : str
        The function that found it.
    severity : str
        As the rules of its check give it, or one step more.
    row : dict
        What `evidence` needs to return the events.
    why : str
        One sentence.
    chance : float
        How likely the person is to do something as rare in an active week; NaN if there is no baseline.
    """

    check: Check
    severity: Severity
    row: Mapping[str, Any]
    why: str
    chance: float = float("nan")
    technique: str = ""
    account_groups: tuple[str, ...] = ()
    person: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def who(self) -> tuple[str | None, str | None]:
        """The `uid` and the `user` of the person whom it is about, None if there is none."""
        uid, user = ((self.person or self.row).get(name) for name in ("uid", "user"))
        return (None if pd.isna(uid) else str(uid), None if pd.isna(user) else str(user))

    @property
    def first_event(self) -> pd.Timestamp:
        """The date of the first event; NaT if it is about somebody who did nothing."""
        return pd.Timestamp(self.row["first_event"])

    @property
    def last_event(self) -> pd.Timestamp:
        """The date of the last event; NaT if it is about somebody who did nothing."""
        return pd.Timestamp(self.row["last_event"])


@dataclass(frozen=True, eq=False)
class Context:
    """What all checks of one review share."""

    events: Any
    past: Baseline
    now: Baseline
    weeks: Weeks
    selection: Selection
    users: pd.DataFrame | None
    tz: Zones
    vocabulary: str | PathLike[str] | None
    has_history: bool

    @cached_property
    def kinds(self) -> pd.DataFrame:
        """One row per different event text, with its classes."""
        texts = pd.DataFrame({"event": pd.unique(self.weeks.texts["event"])}, dtype="str")
        kinds: pd.DataFrame = classify_events(texts, vocabulary=self.vocabulary).drop(columns="rule")
        return kinds

    @cached_property
    def done(self) -> pd.DataFrame:
        """What each person did in each week, with its classes."""
        done: pd.DataFrame = self.weeks.texts.merge(self.kinds, on="event", how="left")
        return done

    @cached_property
    def groups(self) -> pd.Series:
        """The name of the account group of each event of the period, or its `aid`."""
        rows = self.selection.rows
        return rows["account_group_name"].fillna(rows["aid"])

    def week_of(self, rows: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Return the week of each row's first event, as `Weeks` numbers those under review."""
        return np.asarray(2 * week_of_date(rows["first_event"]) + 1)

    def about(self, record: Assessed, reason: str = "") -> Assessed:
        """Complete a record with the baseline that rarity was judged by."""
        acting = np.unique(self.selection.rows["person"].to_numpy(dtype="int64"))
        first = self.weeks.active_before(2 * 10**9)
        own = np.bincount(self.past_weeks["person"], minlength=len(first)) if len(self.past_weeks) else 0 * first
        without = int((own[acting] < FEW_WEEKS).sum())
        if not reason and not self.has_history:
            reason = "no history was given"
        elif not reason and not self.weeks.is_assessed:
            reason = "the history is shorter than 28 days"
        notes = list(record.notes)
        if not reason and without:
            notes.append(
                f"{without:,} people have fewer than {FEW_WEEKS} active weeks of history; everybody's weeks stand in"
            )
        if reason and record.concerned:
            notes.append("what was found is listed, but not whether it is unusual for its person")
        return replace(
            record,
            not_assessed=record.not_assessed or reason,
            baseline_days=self.weeks.span or 0.0,
            without_baseline=without,
            notes=tuple(notes),
        )

    @cached_property
    def past_weeks(self) -> pd.DataFrame:
        """The active weeks of the history."""
        return self.weeks.active_in_history()


Found = tuple[list[Finding], Assessed]


def check_runs(context: Context) -> Found:
    """Judge runs of deletions: the largest of each person and week."""
    rows = find_runs(context.events, vocabulary=context.vocabulary)
    record = context.about(assessed(rows))
    done = context.done[(context.done["action"] == "delete") & (context.done["outcome"] != FAILURE)]
    totals = done.groupby(["person", "week"], as_index=False)["events"].sum()
    person, week = context.weeks.person_of(rows), context.week_of(rows)
    rows = rows.assign(person=person, week=week)
    found = []
    for _, some in rows.groupby(["person", "week"], sort=True):
        row = some.iloc[0]  # the largest
        rarity = context.weeks.rarity(row["person"], row["week"], totals[totals["events"] >= row["events"]])
        severity = by_chance(rarity.chance, to_medium=row["events"] >= MANY)
        if np.isnan(rarity.chance) and row["events"] >= ALARMING:
            severity = "low"
        minutes = max(round(row["duration"].total_seconds() / 60), 1)
        more = f", and {len(some) - 1:,} smaller runs in the same week" if len(some) > 1 else ""
        why = f"Deleted {row['events']:,} in {_minutes(minutes)}{more}; {_compared(rarity, 'so many in a week')}"
        found.append(_finding("find_runs", severity, row, why, rarity.chance, groups=row["account_groups"]))
    return found, record


def check_access(context: Context) -> Found:
    """Judge changes of access: those of a person, kind and week together."""
    rows = find_access_changes(context.events, vocabulary=context.vocabulary)
    record = context.about(assessed(rows))
    together = rows.assign(account_group=rows["account_group_name"].fillna(rows["aid"]))
    found = []
    for row, rarity in _by_kind(context, together, ["action", "object"], "find_access_changes"):
        severity = by_chance(rarity.chance)
        if row["to_self"]:
            severity = raised(severity)
        what = f"{_capital(row['action'])}: {row['object'].replace('_', ' ')}, {_times(row['events'])}"
        if named := [*row["targets"], *row["roles"], *row["others"]]:
            what += f" ({_some(named)})"
        if row["to_self"]:
            what += ", one's own account"
        why = f"{what}; {_compared(rarity, 'this')}"
        technique = _ACCESS.get((row["action"], row["object"]), RULES["find_access_changes"].technique)
        found.append(
            _finding("find_access_changes", severity, row, why, rarity.chance, technique, groups=row["account_group"])
        )
    return found, record


def check_monitoring(context: Context) -> Found:
    """Judge changes of monitoring: those of a person, kind and week together."""
    rows = find_monitoring_changes(context.events, vocabulary=context.vocabulary)
    record = context.about(assessed(rows))
    found = []
    for row, rarity in _by_kind(context, rows, ["object", "change"], "find_monitoring_changes"):
        is_new = rarity.own == rarity.others == 0
        severity = by_chance(rarity.chance, to_medium=is_new or row["object"] in REPORTING | SILENCES)
        what = f"{_capital(row['object'].replace('_', ' '))} {row['change']}, {_times(row['events'])}"
        if len(row["names"]):
            what += f" ({_some(row['names'])})"
        why = f"{what}; {_compared(rarity, 'this')}"
        found.append(
            _finding("find_monitoring_changes", severity, row, why, rarity.chance, groups=row["account_groups"])
        )
    return found, record


def check_hours(context: Context) -> Found:
    """Judge weeks outside people's own hours."""
    history = context.past if context.has_history else None
    rows = find_off_hours(context.events, history=history, tz=context.tz)
    found = []
    for _, row in rows.iterrows():
        moment = row["first_event"].tz_convert(row["tz"])
        chance = min(0.2 / row["ratio"], RARE)  # at a ratio of 8 it is found in 2 to 3 of 100 weeks
        why = (
            f"Acted on {moment:%A at %H:%M} ({row['tz']}), {_times(row['events'])}; usual hours are "
            f"{row['usual_hours']}, and on {row['days_alike']:,} of {row['active_days']:,} active days was it so"
        )
        found.append(_finding("find_off_hours", "low", row, why, chance))
    return found, assessed(rows)


def check_addresses(context: Context) -> Found:
    """Judge networks that are new for their person, unless only failed log-ins came from there."""
    history = context.past if context.has_history else None
    rows = find_new_addresses(context.events, history=history)
    record = assessed(rows)
    failed = set(context.kinds.loc[(context.kinds["action"] == "login") & (context.kinds["outcome"] == FAILURE), "event"])
    all_networks = context.weeks.networks
    later = all_networks[all_networks.duplicated(["person"])]  # everybody's first network is no change
    later = later[~later.duplicated(["person", "network"])]
    found = []
    person, week = context.weeks.person_of(rows), context.week_of(rows)
    left = 0
    for at, row in enumerate(row for _, row in rows.iterrows()):
        if row["known_networks"] == 0 or set(row["event_texts"]) <= failed:
            left += 1
            continue
        rarity = context.weeks.rarity(int(person[at]), int(week[at]), later)
        alone = row["new_to_all"] and not len(row["others"])
        shared = "" if alone else ", from which others act too" if len(row["others"]) else ", which others used before"
        why = (
            f"First acted from {row['network']}{shared}, {_times(row['events'])}; "
            f"{row['known_networks']:,} networks were known, and {_compared(rarity, 'a new network')}"
        )
        severity = by_chance(rarity.chance, to_medium=alone)
        found.append(_finding("find_new_addresses", severity, row, why, rarity.chance))
    if left:
        note = f"{left:,} new networks were left out: only failed log-ins came from there, or no address was known before"
        record = replace(record, notes=(*record.notes, note))
    return found, record


def check_logins(context: Context) -> Found:
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
        rarity = context.weeks.rarity(int(person[at]), int(week[at]), totals[totals["events"] >= row["events"]])
        severity, how = log_ins.judge(int(person[at]), row)
        if severity == "low" and rarity.chance >= RARE:
            severity = "info"
        sources = f" from {row['ip_addresses']:,} addresses" if row["ip_addresses"] > 1 else ""
        why = f"{row['events']:,} failed log-ins{sources} ({row['pattern']}); {how}"
        technique = _PASSWORDS[row["pattern"]]
        found.append(_finding("find_failed_logins", severity, row, why, rarity.chance, technique))
    if "ip_address" not in record.absent:
        by_address = find_failed_logins(context.events, by="ip_address", vocabulary=context.vocabulary)
        for _, row in by_address[by_address["users"] > 1].iterrows():
            severity, how, who = log_ins.judge_source(row)
            why = (
                f"{row['events']:,} failed log-ins of {row['users']:,} users from {row['ip_address']} "
                f"({row['pattern']}); {how}"
            )
            technique = _PASSWORDS[row["pattern"]]
            finding = _finding("find_failed_logins", severity, row, why, float("nan"), technique)
            found.append(replace(finding, person=who))
    return found, record


def check_accounts(context: Context) -> Found:
    """Judge returns after a long silence, and, with a directory, unused accounts and people who are not in it."""
    users = context.users
    if users is None:
        users = _everybody(context.now.people)
    history = context.past if context.has_history else None
    rows = find_dormant_users(users, context.events, history=history)
    record = assessed(rows)
    if context.users is None:
        rows = rows[rows["status"] == "returned"]
        record = replace(record, notes=("no directory was given: only returns were looked for",))
    if not context.has_history:
        record = replace(record, not_assessed="no history was given" if context.users is None else "")
    record = replace(record, baseline_days=context.weeks.span or 0.0)
    returns = context.weeks.returns(180)
    found = []
    person, week = context.weeks.person_of(rows), context.week_of(rows.fillna({"first_event": pd.Timestamp(0, tz="UTC")}))
    for at, row in enumerate(row for _, row in rows.iterrows()):
        rarity, admin = UNKNOWN, "admin " if pd.notna(row["is_admin"]) and row["is_admin"] else ""
        if row["status"] == "returned":
            rarity = context.weeks.rarity(int(person[at]), int(week[at]), returns)
            severity = by_chance(rarity.chance)
            severity = "low" if severity == "info" else severity
            why = f"Back after {row['silent_days']:,} days without an event; {_compared(rarity, 'such a return')}"
        elif row["status"] == "not in directory":
            severity, why = "medium", f"Acted, {_times(row['events'])}, but is not in the directory"
        else:
            since = "never logged in" if pd.isna(row["silent_days"]) else f"unused for {row['silent_days']:,} days"
            severity, why = ("low" if admin else "info"), f"The {admin}account was {since}"
        found.append(_finding("find_dormant_users", severity, row, why, rarity.chance))
    return found, record


CHECKERS: Mapping[Check, Callable[[Context], Found]] = {
    "find_runs": check_runs,
    "find_failed_logins": check_logins,
    "find_off_hours": check_hours,
    "find_new_addresses": check_addresses,
    "find_access_changes": check_access,
    "find_monitoring_changes": check_monitoring,
    "find_dormant_users": check_accounts,
}

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
_PASSWORDS: Mapping[str, str] = {
    "brute force": "T1110.001 Brute Force: Password Guessing",
    "distributed": "T1110.001 Brute Force: Password Guessing",
    "spraying": "T1110.003 Brute Force: Password Spraying",
    "stuffing": "T1110.004 Brute Force: Credential Stuffing",
}


def _by_kind(
    context: Context, rows: pd.DataFrame, names: list[str], check: Check
) -> Iterable[tuple[pd.Series, Rarity]]:
    """Join the rows of one person, kind and week, and say how rare that kind is among those of the check."""
    if not len(rows):
        return []
    person, week = context.weeks.person_of(rows), context.week_of(rows)
    rows = rows.assign(person=person, week=week)
    joined = []
    for _, some in rows.groupby(["person", "week", *names], sort=True, dropna=False):
        row = some.iloc[0].copy()
        row["last_event"], row["events"] = some["last_event"].max(), some["events"].sum()
        for name in ("event_texts", "targets", "roles", "others", "names", "account_groups"):
            if name in row:
                row[name] = list(dict.fromkeys(value for values in some[name] for value in values))
        if "account_group" in row:
            row["account_group"] = [str(group) for group in some["account_group"].dropna().unique()]
            row["to_self"] = bool(some["to_self"].any())
            row = row.drop(["aid", "account_group_name"])
        joined.append(row)
    classes, done = _number_kinds(context, check)
    kind = np.array([classes[str(row["event_texts"][0])] for row in joined], dtype="int64")
    who, when = (np.array([row[name] for row in joined], dtype="int64") for name in ("person", "week"))
    return zip(joined, context.weeks.rarity_among(who, when, kind, done), strict=True)


def _number_kinds(context: Context, check: Check) -> tuple[dict[str, int], pd.DataFrame]:
    """Number the kinds that a check is about, and say in which weeks each person did them."""
    kinds = context.kinds
    is_relevant = [_is_about(check, *pair) for pair in zip(kinds["action"], kinds["object"], strict=True)]
    # Texts without an object of their own take the type of the resource; the baseline has no resources, so that they
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


def _everybody(people: pd.DataFrame) -> pd.DataFrame:
    """Make a directory of the people of the events, of whom nothing else is known."""
    never = pd.array([pd.NaT] * len(people), dtype="datetime64[us, UTC]")
    return pd.DataFrame(
        {"uid": people["uid"], "name": people["user"], "email": pd.array([None] * len(people), dtype="str")}
    ).assign(registered=never, last_login=never, fetched_at=never)


@dataclass(frozen=True, eq=False)
class _LogIns:
    """Who logged in from where, and which networks each person used before."""

    rows: pd.DataFrame
    failed: pd.DataFrame
    known: set[tuple[int, str]]
    has_known: set[int]
    people: pd.DataFrame

    @classmethod
    def of(cls, context: Context) -> _LogIns:
        selection = select(
            context.events,
            ["event"],
            optional=["ip_address"],
            keep=lambda action, _, outcome: action == "login" and outcome in (SUCCESS, FAILURE),
            with_object=False,
            vocabulary=context.vocabulary,
        )
        rows = selection.rows
        networks = [None if pd.isna(address) else network_of(str(address)) for address in rows["ip_address"]]
        rows = rows.assign(network=networks)
        person = find_people(context.past.people, context.now.people)[context.past.networks["person"].to_numpy("int64")]
        known = {(int(who), str(network)) for who, network in zip(person, context.past.networks["network"], strict=True)}
        is_success = (rows["outcome"] == SUCCESS).to_numpy()
        return cls(rows[is_success], rows[~is_success], known, {who for who, _ in known}, selection.people)

    def judge(self, person: int, row: pd.Series) -> tuple[Severity, str]:
        """Say whether somebody got in to an account, from where the failures came."""
        until = row["last_event"] + pd.Timedelta(days=1)
        tried = self.failed[(self.failed["person"] == person) & self.failed["date"].between(row["first_event"], until)]
        after = self.rows[(self.rows["person"] == person) & self.rows["date"].between(row["first_event"], until)]
        after = after[after["network"].isin(tried["network"].dropna())]
        strange = after[[(person, network) not in self.known for network in after["network"]]]
        if len(strange) and person in self.has_known:
            first = strange.iloc[0]
            return "high", f"then a log-in from {first['ip_address']} at {_moment(first['date'])}, a network never used before"
        if len(strange):
            first = strange.iloc[0]
            return "medium", f"then a log-in from {first['ip_address']} at {_moment(first['date'])}; earlier networks are not known"
        if pd.notna(row["success"]):
            return "low", f"then a log-in at {_moment(row['success'])} from elsewhere, or from a network used before"
        return "low", "nobody got in"

    def judge_source(self, row: pd.Series) -> tuple[Severity, str, dict[str, Any] | None]:
        """Say whether somebody got in from an address that had tried several accounts."""
        until = row["last_event"] + pd.Timedelta(days=1)
        after = self.rows[
            (self.rows["ip_address"] == row["ip_address"]) & self.rows["date"].between(row["first_event"], until)
        ]
        strange = [(int(who), network) not in self.known for who, network in zip(after["person"], after["network"], strict=True)]
        if any(strange):
            first = after[np.array(strange)].iloc[0]
            who = self.people.iloc[int(first["person"])]
            known = int(first["person"]) in self.has_known
            text = f"then {who['user'] or who['uid']} logged in from there at {_moment(first['date'])}"
            return ("high" if known else "medium"), text, {"uid": who["uid"], "user": who["user"]}
        text = "people who had used it before logged in from there" if len(after) else "nobody got in from there"
        return "low", text, None


def _finding(
    check: Check,
    severity: Severity,
    row: pd.Series,
    why: str,
    chance: float,
    technique: str = "",
    *,
    groups: Iterable[Any] = (),
) -> Finding:
    named = tuple(str(group) for group in groups)
    return Finding(
        check, severity, row.to_dict(), f"{why}.", float(chance), technique or RULES[check].technique, named
    )


def _compared(rarity: Rarity, what: str) -> str:
    """Say how the person's own weeks, and everybody else's, compare."""
    if np.isnan(rarity.chance):
        return "whether that is unusual is not assessed, since there is too little history"
    own = f"in {rarity.own:,} of {rarity.own_weeks:,} earlier active weeks" if rarity.own_weeks else "no earlier week"
    others = f"of others in {rarity.others:,} of {rarity.other_weeks:,}" if rarity.other_weeks else "of nobody else"
    return f"{what} happened {own}, {others}"


def _moment(date: datetime) -> str:
    return f"{date:%Y-%m-%d %H:%M} UTC"


def _times(events: int) -> str:
    return "1 event" if events == 1 else f"{events:,} events"


def _minutes(minutes: int) -> str:
    return "a minute" if minutes == 1 else f"{minutes:,} minutes"


def _some(names: Iterable[Any]) -> str:
    texts = [str(name) for name in names]
    return ", ".join(texts[:3]) + (f" and {len(texts) - 3:,} more" if len(texts) > 3 else "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

