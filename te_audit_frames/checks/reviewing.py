"""Review: all checks over one period, with what was assessed and what could not be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from os import PathLike
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from te_audit_frames.checks.assessed import Assessed
from te_audit_frames.checks.baseline import read_baseline
from te_audit_frames.checks.dispositions import load_dispositions, split_reviewed
from te_audit_frames.checks.history_counts import Part
from te_audit_frames.checks.judging.account_groups import name_account_groups
from te_audit_frames.checks.judging.acts import judge_access, judge_monitoring, judge_runs
from te_audit_frames.checks.judging.combining import findings_frame, in_order, raise_together, rank_people
from te_audit_frames.checks.judging.findings import Finding
from te_audit_frames.checks.judging.logins import judge_logins
from te_audit_frames.checks.judging.people import judge_accounts, judge_addresses, judge_hours
from te_audit_frames.checks.judging.rarity import Weeks
from te_audit_frames.checks.judging.review_context import Found, ReviewContext
from te_audit_frames.checks.judging.severity import CHECKS, Check
from te_audit_frames.checks.review_history import list_missing, read_history
from te_audit_frames.checks.review_result import Extent, Review
from te_audit_frames.checks.selection import Selection, select
from te_audit_frames.checks.text.loading import load_vocabulary
from te_audit_frames.checks.zones import Clocks, Zones
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.periods import Instant, Period, to_instant
from te_audit_frames.receipts import stored_receipt
from te_audit_frames.safe_text import number_of

_MICROSECOND = timedelta(microseconds=1)
_LAST_MOMENT = datetime.max.replace(tzinfo=UTC)  # nothing can end after it
_JUDGES: Mapping[Check, Callable[[ReviewContext], Found]] = {
    "find_runs": judge_runs,
    "find_failed_logins": judge_logins,
    "find_off_hours": judge_hours,
    "find_new_addresses": judge_addresses,
    "find_access_changes": judge_access,
    "find_monitoring_changes": judge_monitoring,
    "find_dormant_users": judge_accounts,
}
_LISTS = pd.ArrowDtype(pa.list_(pa.large_string()))
_PARTS: list[Part] = ["moments", "networks", "texts"]
_NO_LOG_INS = 0.5  # of the people who acted


def review(
    events: Any,
    *,
    history: Any = None,
    users: pd.DataFrame | None = None,
    tz: Zones = "UTC",
    checks: Collection[Check] | None = None,
    dispositions: str | PathLike[str] | None = None,
    vocabulary: str | PathLike[str] | None = None,
    at: Instant | None = None,
) -> Review:
    """Review a period: run all checks, learn what is usual for each person, and rank what deserves a look.

    Parameters
    ----------
    events : frame of any supported library, or Archive
        The events of the period under review. The period is that of their receipt; without one, it runs from the first
        event to the last.
    history : frame of any supported library, or Archive, optional
        What happened before. Events of the period or later are left out, and the review says so. Without a history,
        most checks can only list what they found, and are "not assessed".
    users : pandas.DataFrame, optional
        The directory, from `Client.fetch_users` or `Archive.users`.
    tz : str, datetime.tzinfo, or mapping
        Where people live; see `find_off_hours`.
    checks : collection of str, optional
        Only these, such as ``["find_runs", "find_off_hours"]``.
    dispositions : path, optional
        A TOML file of what somebody has looked at: ``[[reviewed]]`` tables with `uid`, `user` or `ip_address`, `by`,
        `why`, `until`, and optionally `check` and `since`. Findings that match are in `Review.reviewed` until the day
        `until` is over.
    vocabulary : path, optional
        Your own table of classes; see `classify_events`.
    at : str, datetime, date or pandas.Timestamp, optional
        The day of the review, on which dispositions must not have expired. Today by default.

    Returns
    -------
    Review
        With `findings`, `people`, `assessed`, `reviewed` and `evidence`.

    Raises
    ------
    InvalidArgument
        An argument is wrong, a time zone does not exist, the directory is that of another organisation, or a file has a
        mistake.
    NotAnAuditFrame
        A needed column is missing.

    Notes
    -----
    *Chances.* Most checks ask how likely the person is to do something as rare in one of their active weeks. This is
    estimated from the person's own earlier weeks and everybody else's: a long history counts for itself, a newcomer is
    compared with the others. People are compared with people, and automation with automation, if the history has three
    of the kind. A chance below 5 % is a low finding, below 2 % a medium one. Two signs of one person within a day raise
    the stronger one by one step. The page "Review" has all rules.

    Examples
    --------
    >>> import pandas as pd
    >>> import te_audit_frames as taf
    >>> days = pd.date_range("2026-01-05T09:00Z", periods=100, freq="D", unit="us")
    >>> history = pd.DataFrame({"date": days.repeat(2), "event": "Test updated.", "uid": ["7", "8"] * 100})
    >>> night = pd.date_range("2026-04-20T02:00Z", periods=12, freq="min", unit="us")
    >>> events = pd.DataFrame({"date": night, "event": "Test deleted.", "uid": "7"})
    >>> found = taf.review(events, history=history)
    >>> found.findings[["severity", "uid", "events"]].head(1)
      severity uid  events
    0     high   7      12
    """
    chosen = _check_checks(checks)
    load_vocabulary(vocabulary)
    stated = load_dispositions(dispositions) if dispositions is not None else []
    today = datetime.now(UTC) if at is None else to_instant(at, argument="at")
    selection = select(events, ["event"], optional=["aid", "account_group_name", "ip_address"])
    Clocks.assign(tz, selection.people, _no_groups())
    missing = list_missing(events)
    period, notes = _period(events, selection, missing)
    start = None if period is None else period.start
    parts: list[Part] = [*_PARTS, "groups"] if isinstance(tz, Mapping) else _PARTS
    past, cut = read_history(history, start, parts, vocabulary)
    notes += cut
    span = None
    if history is not None:
        first = past.moments["quarter"].min() * 900 if len(past.moments) else np.nan
        span = 0.0 if start is None or np.isnan(first) else max((start.timestamp() - first) / 86_400, 0.0)
    now = read_baseline(events, parts=_PARTS, vocabulary=vocabulary, argument="events")
    context = ReviewContext(
        events, past, now, Weeks(past, now, span), selection, users, tz, vocabulary, has_history=history is not None
    )
    findings: list[Finding] = []
    records: list[Assessed] = []
    for check in chosen:
        found, record = _JUDGES[check](context)
        findings += found
        records.append(record)
    findings = raise_together(name_account_groups(findings, selection))
    findings, reviewed, back = split_reviewed(in_order(findings), stated, today.date())
    closed = findings_frame([finding for finding, _ in reviewed], len(findings)).assign(
        by=pd.array([why.by for _, why in reviewed], dtype="str"),
        reviewed_why=pd.array([why.why for _, why in reviewed], dtype="str"),
        until=pd.array([why.until.isoformat() for _, why in reviewed], dtype="str"),
    )
    notes += [*back, *_log_in_notes(context)]
    return Review(
        findings_frame(findings),
        rank_people(findings),
        _assessed_frame(records),
        closed,
        period,
        tuple(notes),
        _keep(events),
        [finding.row for finding in [*findings, *(finding for finding, _ in reviewed)]],
        vocabulary,
        extent=Extent(selection.events, selection.undated, selection.first_event, selection.last_event),
        missing=tuple(missing),
    )


def _keep(events: Any) -> Any:
    """Return the events, out of reach of later changes in place. The copies of pandas and Polars share memory."""
    if isinstance(events, pd.DataFrame):
        return events.copy(deep=False)
    return events.clone() if nw.dependencies.is_polars_dataframe(events) else events


def _check_checks(checks: Collection[Check] | None) -> list[Check]:
    if checks is None:
        return list(CHECKS)
    if isinstance(checks, str) or not isinstance(checks, Collection) or not len(checks):
        raise InvalidArgument('checks: give a list of checks, such as ["find_runs"].')
    for name in checks:
        if name not in CHECKS:
            raise InvalidArgument(f"checks: {name!r} is not one of {', '.join(CHECKS)}.")
    return [name for name in CHECKS if name in checks]


def _period(events: Any, selection: Selection, missing: Sequence[str]) -> tuple[Period | None, list[str]]:
    """Return the period under review, and where it is from."""
    stored = stored_receipt(events) if isinstance(events, pd.DataFrame) else None
    notes = [*missing]
    if stored is not None and stored.filters:
        notes.append("the events were filtered: what was left out was not reviewed")
    if selection.undated:
        has, were = ("has", "was") if selection.undated == 1 else ("have", "were")
        notes.append(f"{number_of(selection.undated, 'event')} {has} no date, and {were} not reviewed")
    is_cut = stored is not None and stored.events != len(events)
    if stored is not None and is_cut:
        notes.append(
            f"the receipt counts {number_of(stored.events, 'event')} and the frame has {len(events):,}, "
            "so plain pandas cut "
            "it: the period is taken from the first event to the last. between() cuts events and their period together"
        )
    elif stored is not None and (period := stored.period) is not None:
        return period, [f"the period is that of the receipt: {period}", *notes]
    if selection.first_event is None or selection.last_event is None:
        return None, ["there are no dated events: nothing was reviewed", *notes]
    last = min(selection.last_event, _LAST_MOMENT - _MICROSECOND)
    period = Period(min(selection.first_event, last), last + _MICROSECOND)
    if is_cut:
        return period, notes
    return period, ["no receipt states a period: it is taken from the first event to the last", *notes]


def _log_in_notes(context: ReviewContext) -> list[str]:
    """Return a note if log-ins seem to be missing, as with single sign-on at some identity providers."""
    done = context.done[context.done["week"] % 2 == 1]
    acting = set(done["person"])
    log_ins = set(done.loc[done["action"] == "login", "person"])
    if acting and len(acting - log_ins) > _NO_LOG_INS * len(acting):
        return [
            f"{len(acting - log_ins):,} of {number_of(len(acting), 'person', 'people')} acted without a log-in event: "
            "log-ins by single sign-on may be missing, and attacks on passwords with them"
        ]
    return []


def _assessed_frame(records: list[Assessed]) -> pd.DataFrame:
    def status(record: Assessed) -> str:
        if record.not_assessed:
            return "not assessed"
        is_partial = record.in_part or record.without_baseline or record.unclassified or record.absent
        return "in part" if is_partial else "assessed"

    rows = [
        {
            "check": record.check,
            "status": status(record),
            "reason": record.not_assessed or record.in_part,
            "events": record.events,
            "concerned": record.concerned,
            "people": record.people,
            "baseline_days": np.nan if record.baseline_days is None else record.baseline_days,
            "without_baseline": record.without_baseline,
            "unclassified": record.unclassified,
        }
        for record in records
    ]
    frame = pd.DataFrame(rows)
    for name in ("unclassified_texts", "absent", "notes"):
        frame[name] = pd.Series([list(getattr(record, name)) for record in records], dtype=_LISTS)
    return frame.astype({"check": "str", "status": "str", "reason": "str"})


def _no_groups() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "person": np.array([], dtype="int64"),
            "aid": pd.array([], dtype="str"),
            "account_group_name": pd.array([], dtype="str"),
            "events": np.array([], dtype="int64"),
        }
    )
