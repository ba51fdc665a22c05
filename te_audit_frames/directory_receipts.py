"""The receipt of a directory: what was asked for, what was refused, and when the roles were read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import pandas as pd

from te_audit_frames.errors import InvalidArgument
from te_audit_frames.safe_text import aligned, number_of
from te_audit_frames.schema import DIRECTORY_KEY


@dataclass(frozen=True)
class DirectoryReceipt:
    """The receipt of a fetch of people or account groups: what was requested, and what the API refused.

    Attributes
    ----------
    source : str
        ``"api"`` for a fetch, ``"archive"`` for a snapshot.
    fetched_at : str
        When the people or account groups were listed, in UTC and ISO 8601.
    users : int or None
        How many people were listed. None for a list of account groups.
    only_in_groups : int
        How many of them are in an account group, but not in the list of users.
    account_groups : int or None
        How many account groups the token may see. None if they were not listed.
    account_groups_read : int
        The number of these whose members and roles were read.
    roles_asked_at : str or None
        When memberships and roles were last requested. None if they never were.
    refused : list of str
        The paths below ``/v7/`` that the API answered with 403. Values that depend on them are null in the frame.
    requests, retries, throttled : int
        The number of requests, how many of them repeated a failed one, and how many were answered with 429.
    waited_seconds : float
        How long workers waited for the rate limit in total, in seconds.
    versions : dict
        The versions of this package and of the libraries that it used.
    notes : list of str
        Anything else that a reader should know, in sentences.
    rows : int or None
        The number of rows of the frame that the receipt was read from. It is not stored.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=1_000, seed=0, refused=("roles",)) as api:
    ...     users = taf.Client(token=api.token, base_url=api.url).fetch_users()
    >>> receipt = taf.directory_receipt(users)
    >>> receipt.complete, receipt.refused
    (False, ['roles'])
    """

    source: str
    fetched_at: str
    users: int | None = None
    only_in_groups: int = 0
    account_groups: int | None = None
    account_groups_read: int = 0
    roles_asked_at: str | None = None
    refused: list[str] = field(default_factory=list)
    requests: int = 0
    retries: int = 0
    throttled: int = 0
    waited_seconds: float = 0.0
    versions: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    rows: int | None = None

    @property
    def complete(self) -> bool:
        """Whether everything was asked for, and nothing was refused."""
        return not self.refused and (self.users is None or self.roles_asked_at is not None)

    def to_dict(self) -> dict[str, Any]:
        """Return the receipt in plain JSON types, as `attrs` and Parquet footers hold it."""
        plain = asdict(self)
        del plain["rows"]
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any], *, rows: int | None = None) -> DirectoryReceipt:
        """Return the receipt that `to_dict` wrote. Fields that a later version added are ignored."""
        known = {entry.name for entry in fields(cls)}
        return cls(**{**{key: value for key, value in plain.items() if key in known}, "rows": rows})

    def lines(self) -> list[tuple[str, str]]:
        """Return (name, value) pairs for display."""
        lines = [("complete", "yes" if self.complete else "no"), ("source", self.source)]
        if self.users is not None:
            lines.append(("people", f"{self.users:,}"))
        if self.rows is not None and self.users not in (None, self.rows):
            lines.append(("rows now", f"{self.rows:,}: the frame is no longer what was fetched"))
        if self.account_groups is not None:
            read = f", members read in {self.account_groups_read:,}" if self.users is not None else ""
            lines.append(("account groups", f"{self.account_groups:,}{read}"))
        if self.refused:
            lines.append(("refused (403)", ", ".join(self.refused)))
        if self.requests:
            lines.append(
                (
                    "requests",
                    f"{self.requests:,}, of these {number_of(self.retries, 'retry', 'retries')} and "
                    f"{self.throttled:,} throttled",
                )
            )
        if self.waited_seconds:
            lines.append(("waited", f"{self.waited_seconds:.1f} s for the rate limit"))
        lines.append(("fetched at", self.fetched_at))
        if self.users is not None:
            lines.append(("roles asked at", self.roles_asked_at or "never"))
        return lines + [("note", note) for note in self.notes]

    def __repr__(self) -> str:
        return aligned("DirectoryReceipt", self.lines())


def directory_receipt(frame: pd.DataFrame) -> DirectoryReceipt:
    """Return the receipt of a frame of people or of account groups.

    Parameters
    ----------
    frame : pandas.DataFrame
        People or account groups from `fetch_users`, `fetch_account_groups` or `Archive.users`. It may be filtered.

    Returns
    -------
    DirectoryReceipt
        Its `rows` is the current length of `frame`.

    Raises
    ------
    InvalidArgument
        The frame has no receipt of a directory, or a damaged one.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=10, seed=0) as api:
    ...     groups = taf.Client(token=api.token, base_url=api.url).fetch_account_groups()
    >>> taf.directory_receipt(groups).account_groups
    4
    """
    plain = frame.attrs.get(DIRECTORY_KEY)
    if plain is None:
        raise InvalidArgument(
            "frame: it carries no receipt of a directory. fetch_users(), fetch_account_groups() and Archive.users() "
            "give one; pandas drops it when it concatenates or builds frames. receipt() reads the receipt of events."
        )
    if fault := fault_of(plain):
        raise InvalidArgument(
            f"frame: the receipt in frame.attrs[{DIRECTORY_KEY!r}] is damaged: {fault}. Fetch or load it again."
        )
    return DirectoryReceipt.from_dict(plain, rows=len(frame))


_TYPES: dict[str, tuple[type, ...]] = {
    "source": (str,),
    "fetched_at": (str,),
    "users": (int, type(None)),
    "only_in_groups": (int,),
    "account_groups": (int, type(None)),
    "account_groups_read": (int,),
    "roles_asked_at": (str, type(None)),
    "refused": (list,),
    "requests": (int,),
    "retries": (int,),
    "throttled": (int,),
    "waited_seconds": (float, int),
    "versions": (dict,),
    "notes": (list,),
}
_TEXTS = ("refused", "notes")


def fault_of(plain: object) -> str | None:
    """Return what is wrong with a stored receipt, or None if `DirectoryReceipt.from_dict` can read it.

    Parameters
    ----------
    plain : object
        The receipt in `attrs` or in the metadata of a file. It may be anything: users and other tools write there too.

    Examples
    --------
    >>> from te_audit_frames.directory_receipts import fault_of
    >>> fault_of({"source": "api"})
    'fetched_at is missing'
    """
    if not isinstance(plain, Mapping):
        return "it is not an object"
    for name in ("source", "fetched_at"):
        if name not in plain:
            return f"{name} is missing"
    for name, kinds in _TYPES.items():
        value = plain.get(name)
        if name in plain and (not isinstance(value, kinds) or isinstance(value, bool)):
            return f"{name} is of type {type(value).__name__}"
        if name in _TEXTS and isinstance(value, list) and not all(isinstance(part, str) for part in value):
            return f"{name} does not hold texts"
    return None
