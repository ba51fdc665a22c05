"""Failed log-ins: guessed, sprayed and stuffed passwords, and whether somebody got in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from os import PathLike
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from te_audit_frames.arguments import check_whole_number
from te_audit_frames.checks.assessed import Assessed, attach_assessed
from te_audit_frames.checks.selection import Selection, select
from te_audit_frames.checks.sliding_windows import (
    Numbers,
    count_different_within,
    count_within,
    join_windows,
    search,
)
from te_audit_frames.checks.tallies import (
    BY,
    Groups,
    check_by,
    check_duration,
    code,
    count_different,
    micros,
    micros_of,
    number_by,
    tally,
)
from te_audit_frames.checks.text.reading import FAILURE, SUCCESS

_MIN_FAILURES = {"user": 20, "ip_address": 15}  # Panther's for a user, Elastic's for a source
_SPRAY_USERS = 5  # Elastic calls it spraying from here on
_STUFFING = {"users": 15, "events": 25, "each": 2}  # Elastic's
_DISTRIBUTED_FAILURES = 10  # Elastic's, from five addresses


def find_failed_logins(
    events: Any,
    *,
    by: Literal["user", "ip_address"] = "user",
    within: str | timedelta = "1h",
    min_failures: int | None = None,
    min_before_success: int = 5,
    min_users: int = 10,
    min_addresses: int = 5,
    vocabulary: str | PathLike[str] | None = None,
) -> pd.DataFrame:
    """Find attacks on passwords: many failed log-ins of a user or from an address, and whether somebody got in.

    Failed log-ins are counted in every window of the length `within`. A window that reaches a threshold becomes
    a row; windows that overlap become one. Somebody who mistypes a password twice and then gets in is not found.

    Parameters
    ----------
    events : frame of any supported library, or Archive
        Events in pandas, Polars, PyArrow, DuckDB, Dask or PySpark. `date`, `event` and `uid` or `user` are required,
        and `ip_address` if ``by="ip_address"``.
    by : {"user", "ip_address"}
        What failures are counted by. ``"user"`` finds guessing at one account, from one address or from many.
        ``"ip_address"`` finds one address that tries many accounts.
    within : str or timedelta
        The length of a window, and the longest time from the last failure to a success that counts.
    min_failures : int, optional
        The failures in a window that are a finding by themselves: by default 20 of a user, 15 from an address.
    min_before_success : int
        With ``by="user"``: the failures in a window that are a finding if the same user then logs in, from any
        address.
    min_users : int
        With ``by="ip_address"``: the different users in a window that are a finding.
    min_addresses : int
        With ``by="user"``: the different addresses in a window that are a finding, if there are 10 failures too.
    vocabulary : path, optional
        Your own table of classes; see `classify_events`.

    Returns
    -------
    pandas.DataFrame
        One row per series of failures. Series after which somebody got in come first, then the largest:

        - `uid` and `user`, or `ip_address` (str);
        - `pattern` (str): ``"brute force"``; ``"distributed"`` for one user from at least `min_addresses`;
          ``"spraying"`` for one address that tries 5 users or more; ``"stuffing"`` for one that tries 15 users or more,
          at least 25 times, at most twice each;
        - `first_event`, `last_event` (``datetime64[us, UTC]``), `events` (int64) and `event_texts` (list of str):
          the failures, as `evidence` returns them;
        - `users` or `ip_addresses` (int64): how many different ones the failures have; for an address also
          `most_per_user` (int64), the most failures of one user;
        - `success` (``datetime64[us, UTC]``), `success_ip_address` and, for an address, `success_uid` and
          `success_user` (str): the first successful log-in of one of these users, from any address; null if there was
          none. For a user, it follows `min_before_success` failures; for an address, one failure of the same user.

        `assessed` says what was examined.

    Raises
    ------
    InvalidArgument
        An argument is wrong, or `events` is neither a frame nor an archive.
    NotAnAuditFrame
        A needed column is missing.

    Notes
    -----
    *Thresholds.* The 20 failures of a user in 60 minutes are Panther's, which called 5 too few. If a success follows, 5
    are enough here, since failures that lead to a success are what analysts want to see. 15 failures from an address in
    an hour, 10 failures from 5 addresses, and the lines between spraying and stuffing are Elastic's; 10 users from one
    address are Splunk's.

    *What it cannot see.* Attempts that are slower than the thresholds. Failures at the identity provider: with single
    sign-on they are in its log, not in this one. Failures that lack the user, or the address, by which they
    would be counted; `assessed` says how many there are. An office behind one address can look like spraying on a
    Monday morning.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> failures = [f'{{"date": "2026-03-02T09:00:{n:02}Z", "event": "Login failed.", "uid": "7"}}' for n in range(6)]
    >>> success = '{"date": "2026-03-02T09:05:00Z", "event": "User login.", "uid": "7"}'
    >>> events = taf.read_pages([f'{{"auditEvents": [{", ".join([*failures, success])}]}}'.encode()])
    >>> taf.find_failed_logins(events)[["uid", "pattern", "events", "success"]]
      uid      pattern  events                   success
    0   7  brute force       6 2026-03-02 09:05:00+00:00
    """
    rule = _Rule(
        check_by(by, list(_MIN_FAILURES)),
        micros_of(check_duration("within", within)),
        _MIN_FAILURES[by] if min_failures is None else min_failures,
        min_before_success,
        min_users,
        min_addresses,
    )
    selection = select(
        events,
        ["event", *(["ip_address"] if by == "ip_address" else [])],
        optional=[] if by == "ip_address" else ["ip_address"],
        keep=lambda action, _, outcome: action == "login" and outcome in (FAILURE, SUCCESS),
        with_object=False,
        vocabulary=vocabulary,
    )
    rows = selection.rows
    known = selection.people[["uid", "user"]].notna().any(axis=1).to_numpy()[rows["person"]]
    failed = (rows["outcome"] == FAILURE).to_numpy()
    counted = failed & (known if by == "user" else rows["ip_address"].notna().to_numpy())
    failures = replace(selection, rows=rows[counted].reset_index(drop=True))
    successes = rows[~failed & known].reset_index(drop=True)
    result = _find(failures, successes, rule)
    return attach_assessed(result, _assessed(selection, int(failed.sum()), int(counted.sum()), by))


@dataclass(frozen=True)
class _Rule:
    by: str
    length: int  # of a window, in microseconds
    min_failures: int
    min_before_success: int
    min_users: int
    min_addresses: int

    def __post_init__(self) -> None:
        for name in ("min_failures", "min_before_success", "min_users", "min_addresses"):
            check_whole_number(name, getattr(self, name), 1)


def _find(failures: Selection, successes: pd.DataFrame, rule: _Rule) -> pd.DataFrame:
    number, keys = number_by(failures, rule.by)
    order = np.argsort(number, kind="stable")
    rows, number = failures.rows.iloc[order].reset_index(drop=True), number[order]
    moments = micros(rows["date"])
    log_ins = _LogIns(successes)
    owners, moment = _flags(rows, number, rule, log_ins)
    owner, start, end = join_windows(owners, moment, rule.length)
    first = search(number, moments, owner, start)
    behind = search(number, moments, owner, end, side="right")
    count = len(owner)
    groups = np.repeat(np.arange(count), behind - first)
    rows = rows.iloc[_ranges(first, behind)].reset_index(drop=True)

    result = tally(rows, groups, count)
    person = rows["person"].to_numpy()
    if rule.by == "user":
        result["ip_addresses"] = count_different(code(rows["ip_address"]), groups, count)
        distributed = (result["ip_addresses"] >= rule.min_addresses).to_numpy()
        pattern = np.where(distributed, "distributed", "brute force")
        enough = np.minimum(first + rule.min_before_success, behind) - 1
        found = log_ins.first(owner, moments[enough], micros(result["last_event"]) + rule.length)
    else:
        pairs, each = np.unique(groups * len(failures.people) + person, return_counts=True)
        of = pairs // max(len(failures.people), 1)
        result["users"] = np.bincount(of, minlength=count).astype("int64")
        most = np.zeros(count, dtype="int64")
        np.maximum.at(most, of, each)
        result["most_per_user"] = most
        pattern = _pattern(result)
        found = _first_of_several(
            log_ins, groups, person, micros(rows["date"]), micros(result["last_event"]) + rule.length
        )
    result.insert(0, "pattern", pd.Series(pattern, dtype="str"))
    result = pd.concat([keys.iloc[owner].reset_index(drop=True), result], axis=1)
    result = result.join(log_ins.describe(found, failures.people, with_user=rule.by != "user"))
    result["none"] = result["success"].isna()
    result = result.sort_values(
        ["none", "events", "first_event", *BY[rule.by]],
        ascending=[True, False, *[True] * (1 + len(BY[rule.by]))],
        ignore_index=True,
    )
    return result.drop(columns="none")


def _flags(rows: pd.DataFrame, number: Groups, rule: _Rule, log_ins: _LogIns) -> tuple[Groups, Numbers]:
    """Return who or what each window that reaches a threshold is about, and the moment at which it ends, sorted."""
    length, moments = rule.length, micros(rows["date"])
    failures = count_within(number, moments, length)
    reached = failures >= rule.min_failures
    if rule.by == "ip_address":
        reached |= count_different_within(number, moments, rows["person"].to_numpy(), length) >= rule.min_users
        return number[reached], moments[reached]
    addresses = count_different_within(number, moments, code(rows["ip_address"]), length)
    reached |= (addresses >= rule.min_addresses) & (failures >= _DISTRIBUTED_FAILURES)
    before = search(number, moments, log_ins.people, log_ins.moments, side="right")
    before -= search(number, moments, log_ins.people, log_ins.moments - length)
    got_in = before >= rule.min_before_success
    owners = np.concatenate([number[reached], log_ins.people[got_in]])
    moment = np.concatenate([moments[reached], log_ins.moments[got_in]])
    order = np.lexsort((moment, owners))
    return owners[order], moment[order]


class _LogIns:
    """Successful log-ins, sorted by person, then by date."""

    def __init__(self, successes: pd.DataFrame) -> None:
        self._rows = successes.iloc[np.argsort(successes["person"], kind="stable")].reset_index(drop=True)
        self.people: Groups = self._rows["person"].to_numpy()
        self.moments = micros(self._rows["date"])

    def first(self, people: Groups, since: Numbers, until: Numbers) -> Numbers:
        """Return the position of each person's first log-in from `since` to `until`, -1 if there is none."""
        found = search(self.people, self.moments, people, since)
        there = found < search(self.people, self.moments, people, until, side="right")
        return np.where(there, found, -1)

    def describe(self, found: Numbers, people: pd.DataFrame, *, with_user: bool) -> pd.DataFrame:
        """Return the log-ins at some positions as columns, null at -1."""
        rows = self._rows.take(found[found >= 0]).set_index(np.flatnonzero(found >= 0)).reindex(range(len(found)))
        columns: dict[str, pd.Series] = {"success": rows["date"].astype("datetime64[us, UTC]")}
        if with_user:
            names = people.take(self.people[found[found >= 0]]).set_index(np.flatnonzero(found >= 0))
            names = names.reindex(range(len(found)))
            columns |= {"success_uid": names["uid"].astype("str"), "success_user": names["user"].astype("str")}
        return pd.DataFrame(columns | {"success_ip_address": rows["ip_address"].astype("str")})


def _first_of_several(log_ins: _LogIns, groups: Groups, person: Groups, moments: Numbers, until: Numbers) -> Numbers:
    """Return the first log-in of each group's people after their own first failure in it, -1 if there is none."""
    order = np.lexsort((moments, person, groups))
    begins = np.ones(len(order), dtype="bool")
    begins[1:] = (np.diff(groups[order]) != 0) | (np.diff(person[order]) != 0)
    first = order[begins]
    found = log_ins.first(person[first], moments[first], until[groups[first]])
    group, found = groups[first][found >= 0], found[found >= 0]
    earliest = np.lexsort((found, log_ins.moments[found], group))
    of, at = np.unique(group[earliest], return_index=True)
    result = np.full(len(until), -1, dtype="int64")
    result[of] = found[earliest][at]
    return result


def _pattern(result: pd.DataFrame) -> npt.NDArray[Any]:
    stuffing = (
        (result["users"] >= _STUFFING["users"])
        & (result["events"] >= _STUFFING["events"])
        & (result["most_per_user"] <= _STUFFING["each"])
    )
    spraying = result["users"] >= _SPRAY_USERS
    return np.where(stuffing, "stuffing", np.where(spraying, "spraying", "brute force"))


def _ranges(first: Numbers, behind: Numbers) -> Numbers:
    """Return all positions from each `first` up to its `behind`, not including it."""
    lengths = behind - first
    shift: Numbers = np.repeat(first - (np.cumsum(lengths) - lengths), lengths)
    return np.arange(len(shift)) + shift


def _assessed(selection: Selection, failed: int, counted: int, key: str) -> Assessed:
    notes, reason = [], ""
    lacking = "name no user" if key == "user" else "have no address"
    if counted < failed:
        notes.append(f"failed log-ins that {lacking}, and are not counted: {failed - counted:,}")
    if not len(selection.rows):
        reason = "no event is known to be a log-in, neither failed nor successful"
    elif failed and not counted:
        reason = f"all {failed:,} failed log-ins {lacking}"
    return Assessed.of("find_failed_logins", selection, not_assessed=reason, notes=tuple(notes))
