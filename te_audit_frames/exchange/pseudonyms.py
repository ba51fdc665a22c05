"""Pseudonyms in place of names: events and people that can be handed to others."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pandas as pd

from te_audit_frames.directory_receipts import directory_receipt
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.exchange.keyed import Keyed
from te_audit_frames.exchange.pseudonym_addresses import parse_network
from te_audit_frames.exchange.pseudonym_columns import (
    MEMBERSHIP_COLUMNS,
    Columns,
    in_order_of_pseudonyms,
    without_order_of_names,
)
from te_audit_frames.exchange.pseudonym_receipts import pseudonymize_directory_receipt, pseudonymize_receipt
from te_audit_frames.frames import dates_of, require_frame
from te_audit_frames.receipts import attach_receipt, stored_receipt
from te_audit_frames.schema import COLUMNS, DIRECTORY_KEY
from te_audit_frames.users import USERS_SCHEMA


def pseudonymize(
    events: pd.DataFrame, *, key: bytes | str, keep: Iterable[str] = (), network: str = "/24"
) -> pd.DataFrame:
    """Return events, or people, with pseudonyms in place of names.

    With one key, the same person has the same pseudonym in every file and month, so that summaries, checks and reviews
    of the result give the same numbers. Without the key, no pseudonym can be computed or reversed.

    Parameters
    ----------
    events : pandas.DataFrame
        Events, or people from `fetch_users` or `Archive.users`. Of an archive, pass a part: ``archive.load(...)``.
    key : bytes or str
        The secret, at least 32 bytes long. Text is stripped of white space at both ends and encoded as UTF-8; bytes are
        used as they are. Make a key with ``secrets.token_hex(32)``, and keep it apart from the result.
    keep : iterable of str
        Columns to leave as they are. A column that you added must be named here, or dropped before. For people,
        ``"aid"`` and ``"account_group_name"`` leave these fields of `memberships` as they are.
    network : str
        How many leading bits of an IPv4 address make a network, such as ``"/24"``; twice as many make an IPv6 network.
        Addresses of one network get pseudonyms of one /48 network.

    Returns
    -------
    pandas.DataFrame
        A new frame with the same columns and dtypes, and a new index. Null and empty text are unchanged. Events keep
        their order, except that neighbours of the same moment are sorted by pseudonym, since they may have been sorted
        by name. People, their account groups and roles are in the order of their pseudonyms. Of `attrs` only the
        receipt remains, without names. The columns become:

        - `uid`, `aid`, `account_group_name`: such as ``uid-k3j5…``, 80 bits of HMAC-SHA256;
        - `user`: separate pseudonyms for the name and the e-mail address, ``user-… (mail-…@pseudonym.invalid)``;
        - `event`: e-mail addresses, URLs, host names and words that are not in the vocabulary of event texts are
          replaced, as are quoted and capitalised words that may be names. Words from the column `user` count as names
          in more places;
        - `ip_address`: an IPv6 address in ``fd00::/8`` with 40 keyed bits of the network and 80 of the address. Text
          that is not an address becomes other text;
        - `resources`: every name is replaced, and in types the words outside the vocabulary;
        - `extra`: one pseudonym for the whole value, as JSON;
        - for people: `uid`, `name`, `email`, and in `memberships` the account groups and roles.

        Dates and flags are unchanged.

    Raises
    ------
    InvalidArgument
        The key is too short, or one byte repeated; `keep` is not a list, or names a column that does not exist; the
        frame has further columns, or one column twice; `network` is not ``"/1"`` to ``"/32"``; or the receipt is
        damaged.
    NotAnAuditFrame
        The column `date` of events is missing, or a column has another type than in a fetched frame.

    Notes
    -----
    *What can be linked.* Each kind of text has its own key, and the same text has the same pseudonym only within its
    kind. People are one kind, wherever they are named: `user`, the `name` and `email` of the directory, and resources
    with ``user``, ``member``, ``owner`` or ``email`` in their type. Account groups are one kind, also in resources with
    ``accountGroup`` in their type. Roles are one kind, also in resources with ``role`` in their type. All other
    resources are one kind. Texts are compared exactly: ``Jane@x.com`` and ``jane@x.com`` have two pseudonyms.

    *What is not hidden.* When something happened, what kind of event it was, how often, and who acted with whom.
    Whoever knows that Ada deleted a test last Monday at nine finds her pseudonym, and with it all that she did. The
    length of an address list, whether an address is a block, and which addresses share a network can be seen. A name
    that is also a word of the vocabulary stays in an event text if it is in lower case, as in "test of grant removed",
    or if it begins the text and is not known as a name, as in "Trace updated a test".

    The order of events can be seen too. If you sorted events by name, sort them by `date` first.

    *What is lost.* A block of addresses no longer contains other addresses. If a mapping for ``tz=`` has account groups
    as keys, replace them with their pseudonyms from `pseudonym_table`. With 10,000 networks, the chance that two of
    them become one is 1 in 22,000.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> page = b'''{"auditEvents": [
    ...     {"date": "2026-03-02T09:00:00Z", "event": "User bob@example.com added.", "uid": "7",
    ...      "user": "Ada (ada@example.com)", "ipAddress": "203.0.113.9"}]}'''
    >>> key = "for an example only, never for real"
    >>> safe = taf.pseudonymize(taf.read_pages([page]), key=key)
    >>> print(*safe[["uid", "user", "event", "ip_address"]].iloc[0], sep=chr(10))
    uid-...
    user-... (mail-...@pseudonym.invalid)
    User x-... added.
    fd...
    """
    keyed = Keyed(key)
    del key  # so that a traceback that shows local variables does not show it here
    return _pseudonymize(events, keyed, keep=keep, network=network)[0]


def pseudonym_table(events: pd.DataFrame, *, key: bytes | str, network: str = "/24") -> pd.DataFrame:
    """Return the names of events, or of people, with their pseudonyms.

    Whoever has this table can reverse `pseudonymize`. Keep it as secret as the key, and apart from the result.

    Parameters
    ----------
    events : pandas.DataFrame
        The original events, or the original people.
    key, network
        The same values as for `pseudonymize`.

    Returns
    -------
    pandas.DataFrame
        One row per field and distinct value, sorted by both: `field`, `original` and `pseudonym` (str). Unchanged texts
        have no row. The field `resources` has names of resources, `resource_type` their types, and `role` the roles of
        people.

    Raises
    ------
    InvalidArgument, NotAnAuditFrame
        See `pseudonymize`. Columns that you added are ignored, and raise no error.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> page = b'{"auditEvents": [{"date": "2026-03-02T09:00:00Z", "event": "User login.", "uid": "7", "user": "Ada"}]}'
    >>> table = taf.pseudonym_table(taf.read_pages([page]), key="for an example only, never for real")
    >>> table[["field", "original"]]
      field original
    0   uid        7
    1  user      Ada
    """
    require_frame(events, "events")
    known = USERS_SCHEMA.names if _is_people(events) else COLUMNS
    known_columns = events.loc[:, [name in known for name in events.columns]]
    _, found = _pseudonymize(known_columns, Keyed(key), keep=(), network=network)
    parts = [pd.DataFrame({"field": field, "original": old, "pseudonym": new}) for field, old, new in found]
    columns = ["field", "original", "pseudonym"]
    table = pd.concat([pd.DataFrame(columns=columns, dtype="str"), *parts])[columns].astype("str")
    table = table[table["original"] != table["pseudonym"]].drop_duplicates()
    return table.sort_values(columns, ignore_index=True)


def _pseudonymize(
    events: pd.DataFrame, keyed: Keyed, *, keep: Iterable[str], network: str
) -> tuple[pd.DataFrame, list[tuple[str, list[str], list[str]]]]:
    """Return the frame without names, and the names with their pseudonyms."""
    require_frame(events, "events")
    bits = parse_network(network)
    is_people = _is_people(events)
    kept = _check_columns(events, keep, USERS_SCHEMA.names if is_people else COLUMNS)
    if not is_people:
        dates_of(events)  # raises an error if `date` holds no dates, and so could hold anything
    columns = Columns(events, keyed, bits, kept)
    arrays = {name: events[name].array if name in kept else columns.rename(name) for name in events.columns}
    result = pd.DataFrame(arrays, columns=pd.Index(list(events.columns)))
    renamed = [name for name in result.columns if name not in kept]
    result = in_order_of_pseudonyms(result, renamed) if is_people else without_order_of_names(result, renamed)
    if not is_people:
        if (receipt := stored_receipt(events)) is not None:
            attach_receipt(result, pseudonymize_receipt(receipt, keyed, keep=kept))
    elif DIRECTORY_KEY in events.attrs:
        of_people = pseudonymize_directory_receipt(directory_receipt(events), keyed, keep=kept)
        result.attrs[DIRECTORY_KEY] = of_people.to_dict()
    return result, columns.found


def _is_people(frame: Any) -> bool:
    """Return whether a frame is of people; frames of events have other columns."""
    columns = set(getattr(frame, "columns", ()))
    return not columns & {"date", "event"} and bool(columns & (set(USERS_SCHEMA.names) - set(COLUMNS)))


def _check_columns(events: pd.DataFrame, keep: Iterable[str], known: Collection[str]) -> frozenset[str]:
    if isinstance(keep, str):
        raise InvalidArgument(f"keep: takes a list of columns. For example keep=[{keep!r}].")
    try:
        kept = list(keep)
        found = frozenset(kept)
    except TypeError:
        raise InvalidArgument('keep: takes a list of the names of columns. For example keep=["user"].') from None
    if not events.columns.is_unique:
        twice = list(dict.fromkeys(events.columns[events.columns.duplicated()]))
        raise InvalidArgument(f"events: column {', '.join(map(repr, twice))} is there twice. Keep one of them.")
    inner = MEMBERSHIP_COLUMNS if "memberships" in events.columns and "memberships" in known else ()
    if absent := [name for name in kept if name not in events.columns and name not in inner]:
        raise InvalidArgument(
            f"keep: {absent[0]!r} is not a column of the frame, which has {', '.join(map(repr, events.columns))}"
        )
    if further := [name for name in events.columns if name not in known and name not in kept]:
        raise InvalidArgument(
            f"events: column {', '.join(map(repr, further))} may hold names. Drop it with "
            f"events.drop(columns={further}), or leave it in clear with keep={[*kept, *further]}."
        )
    return found
