"""Access: roles given and taken, people added and removed, tokens created, and the like."""

from __future__ import annotations

from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from te_audit_frames.checks.assessed import Assessed, attach_assessed
from te_audit_frames.checks.changes import RESOURCES, chain, count_before, list_resources, missing_classes
from te_audit_frames.checks.selection import select
from te_audit_frames.checks.tallies import Groups, list_different, tally

_PEOPLE = {"user", "service_account", "invitation"}
_ACCESS = {"role", "permission", "api_token", "credential", "mfa", "sso", "account_group", "group", "allowlist"}
_EVERYDAY = {"login", "logout", "view", "export", "share", "run", "verify", "impersonate", "unclassified"}


def is_access_change(action: str, name: str, outcome: str) -> bool:
    """Return whether an event with these classes changes who may do what."""
    if name in ("account_group", "group"):
        return action in ("create", "delete", "assign", "revoke", "restore", "enable", "disable")
    return name in _PEOPLE | _ACCESS and action not in _EVERYDAY


def find_access_changes(
    events: Any, *, history: Any = None, vocabulary: str | PathLike[str] | None = None
) -> pd.DataFrame:
    """Find changes of access: roles given and taken, people added and removed, tokens created, and the like.

    Parameters
    ----------
    events : frame of any supported library, or Archive
        Events in pandas, Polars, PyArrow, DuckDB, Dask or PySpark. `date`, `event`, and `uid` or `user` are required;
        `resources` says who and what was changed.
    history : frame of any supported library, or Archive, optional
        What happened before. It shows what is routine for a person. Only whole weeks before the first of `events`
        count.
    vocabulary : path, optional
        Your own table of classes; see `classify_events`.

    Returns
    -------
    pandas.DataFrame
        One row per change, the oldest first. Events with the same person, account group, text, object and moment are
        one change.

        - `uid`, `user`, `aid`, `account_group_name` (str), who did it and where;
        - `action`, `object`, `outcome` (str), as in `classify_events`: the object is a user, an invitation, a service
          account, a role, a permission, an API token, a credential, an account group or group, an allowlist,
          multi-factor authentication or single sign-on;
        - `first_event`, `last_event` (``datetime64[us, UTC]``; the same moment), `events` (int64) and `event_texts`
          (list of str): what `evidence` needs;
        - `targets` (list of str), the people whose access was changed, and `roles` (list of str), as `resources` name
          them, and `others` (list of str), the names of all other resources;
        - `target_uid` (str), the `uid` of the only target, if exactly one person of `events` has this name or e-mail;
        - `to_self` (bool), whether people changed their own access;
        - `ambiguous` (bool), whether the event leaves open who got what, and `note` (str), why;
        - `before` (Int64), how many events with this text the person has in `history`; null without a history.

        `assessed` says what was examined, and which texts the vocabulary does not know.

    Raises
    ------
    InvalidArgument
        An argument is wrong, or `events` or `history` is neither a frame nor an archive.
    NotAnAuditFrame
        A needed column is missing.

    Notes
    -----
    *Threshold.* None: every change is a row. Access changes every week, so look first at people who changed their own
    access, at failures, and at rows whose `before` is 0. MITRE ATT&CK calls this technique account manipulation.

    *What it cannot see.* Roles that an identity provider assigns, which may not be logged as such; what a role
    permits; the owner of a token, whom the log does not name. A target is a name, and names are not unique.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> page = b'''{"auditEvents": [
    ...     {"date": "2026-03-02T09:00:00Z", "event": "Role assigned.", "uid": "7", "user": "Ada (ada@example.com)",
    ...      "resources": [{"type": "userDisplayName", "name": "Ada"}, {"type": "roleName", "name": "Admin"}]}]}'''
    >>> found = taf.find_access_changes(taf.read_pages([page]))
    >>> found[["action", "targets", "roles", "to_self"]]
       action  targets      roles  to_self
    0  assign  ['Ada']  ['Admin']     True
    """
    selection = select(events, ["event"], optional=RESOURCES, keep=is_access_change, vocabulary=vocabulary)
    place = selection.rows["aid"].fillna(selection.rows["account_group_name"])
    rows = selection.rows.assign(place=place)
    order, groups, count = chain(rows, ["person", "aid", "place", "event", "object", "date"], 0)
    rows = rows.iloc[order].reset_index(drop=True)
    first = np.searchsorted(groups, np.arange(count))
    heads = rows.iloc[first].reset_index(drop=True)
    named = list_resources(rows).assign(group=lambda some: groups[some["place"]])
    named["kind"] = _kinds(named, rows)
    result = pd.concat(
        [
            selection.people.iloc[heads["person"]][["uid", "user"]].reset_index(drop=True),
            heads[["aid", "account_group_name", "action", "object", "outcome"]],
            tally(rows, groups, count),
        ],
        axis=1,
    )
    for column, kind in (("targets", "person"), ("roles", "role"), ("others", "other")):
        some = named[named["kind"] == kind]
        result[column] = list_different(some["name"], some["group"].to_numpy(), count, nulls=False)
    result = result.assign(**_resolve(named, selection.people, heads["person"].to_numpy(), groups, count))
    result["before"] = count_before(selection, history, rows, groups, count)
    result = result.sort_values(
        ["first_event", "uid", "user", "aid", "account_group_name", "object"], ignore_index=True, kind="stable"
    )
    record = Assessed.of("find_access_changes", selection, not_assessed=missing_classes(selection))
    return attach_assessed(result, record)


def _kinds(named: pd.DataFrame, rows: pd.DataFrame) -> pd.Series:
    """Return whether each resource is a person, a role or another thing, by its type, else by its event's object."""
    kind = pd.Series("other", index=named.index, dtype="str")
    types = named["type"].fillna("").str.lower()
    kind[types.str.contains("user|member", regex=True)] = "person"
    kind[types.str.contains("role", regex=False)] = "role"
    things = rows["object"].iloc[named["place"]].reset_index(drop=True)
    alone = named.groupby("place")["place"].transform("size") == 1
    kind[(kind == "other") & alone & things.isin(_PEOPLE)] = "person"
    kind[(kind == "other") & alone & (things == "role")] = "role"
    return kind


def _resolve(
    named: pd.DataFrame, people: pd.DataFrame, actors: npt.NDArray[np.int64], groups: Groups, count: int
) -> dict[str, Any]:
    """Find the person behind the name of each target."""
    targets = named.loc[named["kind"] == "person", ["group", "name"]].dropna().drop_duplicates()
    roles = named[named["kind"] == "role"].groupby("group")["name"].nunique().reindex(range(count), fill_value=0)
    found = targets.merge(_names(people), on="name", how="left").drop_duplicates(["group", "name", "person"])
    several = targets.groupby("group").size().reindex(range(count), fill_value=0).to_numpy()
    matches = found.groupby("group")["person"].nunique().reindex(range(count), fill_value=0).to_numpy()
    person = found.groupby("group")["person"].first().reindex(range(count)).to_numpy(dtype="float64")
    sure = (several == 1) & (matches == 1)
    number = np.where(sure, person, -1).astype("int64")
    same_name = (several == 1) & (matches > 1)
    events = np.bincount(groups, minlength=count)
    notes = np.full(count, "", dtype="object")
    notes[(several > 1) & (roles.to_numpy() > 1)] = "several people and several roles: it is unclear who got which"
    notes[(several > 1) & (roles.to_numpy() <= 1)] = "several people are named"
    notes[(events > 1) & (several > 1)] = "several equal events at one moment: it is unclear which is whose"
    notes[same_name] = "several people have this name"
    uids = pd.array([*people["uid"], None], dtype="str").take(number)
    return {
        "target_uid": uids,
        "to_self": sure & (number == actors),
        "ambiguous": notes != "",
        "note": pd.array(notes, dtype="str"),
    }


def _names(people: pd.DataFrame) -> pd.DataFrame:
    """Return the names by which a resource may call each person: the whole `user`, and the name and e-mail in it."""
    users = people["user"]
    parts = users.str.extract(r"^(?P<name>.*?)\s*\((?P<email>[^()]*@[^()]*)\)\s*$")
    names = pd.concat([users, parts["name"], parts["email"]]).rename("name").dropna()
    different: pd.DataFrame = names.rename_axis("person").reset_index().drop_duplicates()
    return different
