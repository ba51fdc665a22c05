"""Addresses: networks from which a person acted for the first time."""

from __future__ import annotations

import ipaddress
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from te_audit_frames.arguments import check_whole_number
from te_audit_frames.checks.assessed import Assessed, attach_assessed
from te_audit_frames.checks.baseline import Baseline, read_baseline
from te_audit_frames.checks.history_counts import QUARTER
from te_audit_frames.checks.networks import V4, V6, to_networks
from te_audit_frames.checks.people import find_people
from te_audit_frames.checks.selection import Selection, select
from te_audit_frames.checks.tallies import list_different, tally
from te_audit_frames.checks.vocabulary import failed_log_ins
from te_audit_frames.safe_text import number_of

MIN_DAYS = 10
"""On how many days a person must have acted before a network counts as new, rather than as one of the first."""


def find_new_addresses(
    events: Any, *, history: Any = None, v4: int = V4, v6: int = V6, min_days: int = MIN_DAYS
) -> pd.DataFrame:
    """Find the networks from which a person acted for the first time.

    A network is new if the person never acted from it in `history`. A failed log-in there does not count, since anybody
    can fail to log in. Without a history, nothing is new and nothing is assessed.

    Parameters
    ----------
    events : frame of any supported library, or Archive
        Events in pandas, Polars, PyArrow, DuckDB, Dask or PySpark. `date`, `event`, `ip_address`, and `uid` or `user`
        are used; without `ip_address`, nothing is assessed.
    history : frame of any supported library, or Archive, optional
        What happened before. It may overlap with `events`: only what is older than the first of `events` is used.
    v4, v6 : int
        How many leading bits of an IPv4 and an IPv6 address make a network. Addresses within one network count as
        the same place.
    min_days : int
        On how many UTC days of the history a person must have acted.

    Returns
    -------
    pandas.DataFrame
        One row per person and new network, the oldest first:

        - `uid`, `user`, `network` (str);
        - `first_event`, `last_event` (``datetime64[us, UTC]``), `events` (int64) and `event_texts` (list of str):
          what `evidence` needs;
        - `ip_addresses` (list of str), the addresses as the log has them;
        - `known_networks` (int64), from how many networks the person acted before;
        - `others` (list of str), the names of other people who act from this network, in `history` or `events`;
        - `new_to_all` (bool), whether nobody acted from it before.

        `assessed` says how many people have too little history, and how many events have no readable address.

    Raises
    ------
    InvalidArgument
        An argument is wrong, or `events` or `history` is neither a frame nor an archive.
    NotAnAuditFrame
        A needed column is missing.

    Notes
    -----
    *Threshold.* Elastic's rules for new values look back 5 to 10 days, and their users call them extremely noisy. Here
    the whole history counts, with at least ten active days, and networks are compared instead of addresses. A block of
    addresses is new only if it shares no address with a network that the person used.

    *What it cannot see.* Somebody else in a network that the person uses, such as the same office or VPN. Home
    connections and telephones change their network often: `others` and `known_networks` help to judge these rows.
    Events without an address, such as those of the vendor's own operations, are left out.

    Examples
    --------
    >>> import pandas as pd
    >>> import te_audit_frames as taf
    >>> days = pd.date_range("2026-01-05T09:00Z", periods=20, freq="D")
    >>> ada = {"event": "User login.", "uid": "7", "user": "Ada"}
    >>> history = pd.DataFrame({"date": days, "ip_address": "203.0.113.9", **ada})
    >>> now = pd.DataFrame({"date": pd.to_datetime(["2026-02-02T09:00Z"]), "ip_address": "198.51.100.7", **ada})
    >>> found = taf.find_new_addresses(now, history=history)
    >>> found[["user", "network", "known_networks", "new_to_all"]]
      user          network  known_networks  new_to_all
    0  Ada  198.51.100.0/24               1        True
    """
    check_whole_number("v4", v4, 1, 32)
    check_whole_number("v6", v6, 1, 128)
    check_whole_number("min_days", min_days, 1)
    selection = select(events, ["event"], optional=["ip_address"])
    past = read_baseline(history, parts=["moments", "networks"], v4=v4, v6=v6)
    before, days = _before(past, selection)
    known = before.assign(person=find_people(past.people, selection.people)[before["person"].to_numpy(dtype="int64")])
    known = known[known["person"] >= 0]
    enough = _days_of(selection, past, days) >= min_days
    # For people without any known network, every network would be new.
    enough &= np.isin(np.arange(len(enough)), known["person"])
    rows = selection.rows.assign(network=to_networks(selection.rows["ip_address"], v4=v4, v6=v6))
    is_named = selection.people[["uid", "user"]].notna().any(axis=1).to_numpy()
    placed = rows[rows["network"].notna() & is_named[rows["person"]]]
    uses = placed.groupby(["person", "network"], as_index=False).size()
    new = _is_new(uses, known, v4, v6) & enough[uses["person"]]
    uses = uses[new].reset_index(drop=True).drop(columns="size")
    number = placed.merge(uses.assign(number=range(len(uses))), on=["person", "network"], how="left")["number"]
    chosen = number.notna().to_numpy()
    rows, groups = placed[chosen], number[chosen].to_numpy(dtype="int64")
    result = pd.concat(
        [
            selection.people.loc[uses["person"], ["uid", "user"]].reset_index(drop=True),
            uses[["network"]].astype("str"),
            tally(rows, groups, len(uses)),
        ],
        axis=1,
    ).assign(
        ip_addresses=list_different(rows["ip_address"], groups, len(uses), nulls=False),
        known_networks=known.groupby("person").size().reindex(uses["person"], fill_value=0).to_numpy(dtype="int64"),
        others=_others(uses, _acts(placed), selection, past, before),
        new_to_all=~uses["network"].isin(before["network"]).to_numpy(),
    )
    result = result.sort_values(["first_event", "uid", "user", "network"], ignore_index=True)
    return attach_assessed(result, _assessed(selection, past, rows=placed, enough=enough, no_history=history is None))


def _before(past: Baseline, selection: Selection) -> tuple[pd.DataFrame, pd.Series]:
    """Return the networks seen before the first event, and on how many days each person acted before it."""
    start = pd.Timestamp.max.tz_localize("UTC") if selection.first_event is None else selection.first_event
    moments = past.moments[past.moments["quarter"] < int(start.timestamp() // QUARTER)]
    days = moments.assign(day=moments["quarter"] // 96)[["person", "day"]].drop_duplicates()
    return past.networks[past.networks["first"] < start], days.groupby("person").size()


def _days_of(selection: Selection, past: Baseline, days: pd.Series) -> npt.NDArray[np.int64]:
    """Return on how many days of the history each person of the events acted."""
    place = find_people(selection.people, past.people)
    counts = days.reindex(range(len(past.people)), fill_value=0).to_numpy(dtype="int64")
    return np.append(counts, 0)[place]  # people without history have the position -1: the 0 at the end


def _is_new(uses: pd.DataFrame, known: pd.DataFrame, v4: int, v6: int) -> npt.NDArray[np.bool_]:
    pairs = pd.MultiIndex.from_frame(known[["person", "network"]])
    new = ~pd.MultiIndex.from_frame(uses[["person", "network"]]).isin(pairs)
    # Blocks wider than a network are rare; only people who have one need their networks compared in pairs.
    wide = [network for network in {*uses["network"], *known["network"]} if _is_wide(network, v4, v6)]
    who = {*uses["person"][uses["network"].isin(wide)], *known["person"][known["network"].isin(wide)]}
    open_ = np.flatnonzero(new & uses["person"].isin(who).to_numpy())
    left = uses.iloc[open_].assign(place=open_).merge(known, on="person", suffixes=("", "_known"))
    left = left[left["network"].isin(wide) | left["network_known"].isin(wide)]
    shared = [_overlap(*pair) for pair in zip(left["network"], left["network_known"], strict=True)]
    new[left["place"].to_numpy(dtype="int64")[np.array(shared, dtype="bool")]] = False
    return np.asarray(new)


def _is_wide(network: str, v4: int, v6: int) -> bool:
    found = ipaddress.ip_network(network)
    return found.prefixlen < (v4 if found.version == 4 else v6)


def _overlap(one: str, other: str) -> bool:
    left, right = ipaddress.ip_network(one), ipaddress.ip_network(other)
    return left.version == right.version and left.overlaps(right)


def _acts(placed: pd.DataFrame) -> pd.DataFrame:
    """Leave out failed log-ins: they need not be by the person whom they name."""
    return placed[~placed["event"].isin(failed_log_ins(placed["event"].dropna().unique()))]


def _others(
    uses: pd.DataFrame, placed: pd.DataFrame, selection: Selection, past: Baseline, before: pd.DataFrame
) -> pd.Series:
    """List the names of the other people of each network."""
    old = find_people(past.people, selection.people)
    # People who are only in the history are numbered after those of the events.
    place = np.where(old >= 0, old, len(selection.people) + np.arange(len(old)))
    names = pd.concat([frame["user"].fillna(frame["uid"]) for frame in (selection.people, past.people)])
    users = pd.concat(
        [
            placed[["person", "network"]],
            before[["network"]].assign(person=place[before["person"].to_numpy(dtype="int64")]),
        ]
    ).drop_duplicates()
    pairs = uses.assign(number=range(len(uses))).merge(users, on="network", suffixes=("_of", ""))
    pairs = pairs[pairs["person"] != pairs["person_of"]]
    found = names.iloc[pairs["person"].to_numpy(dtype="int64")]
    return list_different(found, pairs["number"].to_numpy(dtype="int64"), len(uses), nulls=False)


def _assessed(
    selection: Selection, past: Baseline, *, rows: pd.DataFrame, enough: npt.NDArray[np.bool_], no_history: bool
) -> Assessed:
    acting = np.unique(rows["person"])
    without = int((~enough[acting]).sum())
    notes = []
    unplaced = selection.events - len(rows)
    if unplaced:
        has, names = ("has", "names") if unplaced == 1 else ("have", "name")
        notes.append(f"{number_of(unplaced, 'event')} {has} no address that can be read, or {names} nobody")
    reason = ""
    if "ip_address" in selection.absent:
        reason = "the events have no column 'ip_address'"
    elif no_history:
        reason = "no history was given"
    elif selection.events and without == len(acting):
        reason = "nobody who acted from a readable address has enough history"
    span = None
    if not no_history and len(past.moments) and selection.first_event is not None:
        span = max(selection.first_event.timestamp() / 86_400 - past.moments["quarter"].min() / 96, 0.0)
    return Assessed.of(
        "find_new_addresses",
        selection,
        concerned=len(rows),
        baseline_days=span,
        without_baseline=without,
        not_assessed=reason,
        notes=tuple(notes),
    )
