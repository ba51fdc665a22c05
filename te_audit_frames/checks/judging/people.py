"""Judging when and from where people acted, and accounts that are silent, return, or are in no directory."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from te_audit_frames.checks.accounts import find_dormant_users
from te_audit_frames.checks.addresses import find_new_addresses
from te_audit_frames.checks.assessed import assessed
from te_audit_frames.checks.hours import find_off_hours
from te_audit_frames.checks.judging.findings import compared, make_finding, times
from te_audit_frames.checks.judging.rarity import UNKNOWN
from te_audit_frames.checks.judging.review_context import Found, ReviewContext
from te_audit_frames.checks.judging.severity import RARE, by_chance
from te_audit_frames.safe_text import number_of


def judge_hours(context: ReviewContext) -> Found:
    """Judge what people did outside their own hours, unless it is only failed log-ins."""
    history = context.past if context.has_history else None
    rows = find_off_hours(context.events, history=history, tz=context.tz)
    record, found, left = assessed(rows), [], 0
    for _, row in rows.iterrows():
        if set(row["event_texts"]) <= context.failed_log_ins:
            left += 1
            continue
        moment = row["first_event"].tz_convert(row["tz"])
        chance = min(0.2 / row["ratio"], RARE)  # of 100 weeks, 2 to 3 reach a ratio of 7, and 2 reach 10
        why = (
            f"Acted on {moment:%A at %H:%M} ({row['tz']}), {times(row['events'])}; the usual hours are "
            f"{row['usual_hours']}, and {row['days_alike']:,} of "
            f"{number_of(row['active_days'], 'earlier active day')} had an event at such an hour"
        )
        found.append(make_finding("find_off_hours", "low", row, why, chance))
    if left:
        were = "was" if left == 1 else "were"
        note = f"{left:,} series of events {were} left out: only failed log-ins, which need not be by the person"
        record = replace(record, notes=(*record.notes, note))
    return found, record


def judge_addresses(context: ReviewContext) -> Found:
    """Judge networks that are new for their person, unless only failed log-ins came from there."""
    history = context.past if context.has_history else None
    rows = find_new_addresses(context.events, history=history)
    record = assessed(rows)
    first_uses = context.weeks.networks.drop_duplicates(["person", "network"])
    later = first_uses[first_uses.duplicated("person")]  # everybody's first network is no change
    found = []
    person, week = context.weeks.person_of(rows), context.week_of(rows)
    left = 0
    for at, row in enumerate(row for _, row in rows.iterrows()):
        if set(row["event_texts"]) <= context.failed_log_ins:
            left += 1
            continue
        rarity = context.weeks.rarity(int(person[at]), int(week[at]), later)
        alone = not len(row["others"])
        shared = "" if alone else ", from which others act too"
        why = (
            f"First acted from {row['network']}{shared}, {times(row['events'])}; "
            f"{number_of(row['known_networks'], 'network')} "
            f"{'was' if row['known_networks'] == 1 else 'were'} known, and {compared(rarity, 'a new network')}"
        )
        severity = by_chance(rarity.chance, to_medium=alone)
        found.append(make_finding("find_new_addresses", severity, row, why, rarity.chance))
    if left:
        note = (
            f"{number_of(left, 'new network')} {'was' if left == 1 else 'were'} left out: only failed "
            "log-ins came from there"
        )
        record = replace(record, notes=(*record.notes, note))
    return found, record


def judge_accounts(context: ReviewContext) -> Found:
    """Judge returns after a long silence, and, with a directory, unused accounts and people who are not in it."""
    users = context.users
    if users is None:
        users = _everybody(context.now.people)
    history = context.past if context.has_history else None
    rows = find_dormant_users(users, context.events, history=history)
    record = assessed(rows)
    if context.users is None:
        rows = rows[rows["status"] == "returned"]
        record = replace(record, in_part="no directory was given: only returns were looked for", notes=())
        if not context.has_history:
            record = replace(record, not_assessed=record.not_assessed or "no history was given")
    record = replace(record, baseline_days=context.weeks.span or 0.0)
    returns = context.weeks.returns(180)
    found = []
    person, week = (
        context.weeks.person_of(rows),
        context.week_of(rows.fillna({"first_event": pd.Timestamp(0, tz="UTC")})),
    )
    for at, row in enumerate(row for _, row in rows.iterrows()):
        rarity, admin = UNKNOWN, "admin " if pd.notna(row["is_admin"]) and row["is_admin"] else ""
        if row["status"] == "returned":
            rarity = context.weeks.rarity(int(person[at]), int(week[at]), returns)
            severity = by_chance(rarity.chance)
            severity = "low" if severity == "info" else severity
            why = (
                f"Back after {number_of(row['silent_days'], 'day')} without an event; "
                f"{compared(rarity, 'such a return')}"
            )
        elif row["status"] == "not in directory":
            severity = "info" if record.in_part else "medium"  # the directory does not fit the events
            why = f"Acted ({times(row['events'])}) but is not in the directory"
        else:
            since = (
                "never logged in"
                if pd.isna(row["silent_days"])
                else f"unused for {number_of(row['silent_days'], 'day')}"
            )
            severity, why = ("low" if admin else "info"), f"The {admin}account was {since}"
        found.append(make_finding("find_dormant_users", severity, row, why, rarity.chance))
    return found, record


def _everybody(people: pd.DataFrame) -> pd.DataFrame:
    """Make a directory of the people of the events, of whom nothing else is known."""
    never = pd.array([pd.NaT] * len(people), dtype="datetime64[us, UTC]")
    return pd.DataFrame(
        {"uid": people["uid"], "name": people["user"], "email": pd.array([None] * len(people), dtype="str")}
    ).assign(registered=never, last_login=never, fetched_at=never)
