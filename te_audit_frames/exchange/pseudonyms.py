"""Pseudonyms in place of names: events and people that can be handed to others."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pandas as pd

from te_audit_frames.directory_receipts import directory_receipt
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.exchange.keyed import Keyed
from te_audit_frames.exchange.pseudonym_addresses import parse_network
from te_audit_frames.exchange.pseudonym_columns import Columns, without_order_of_names
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
        Events, or people from `fetch_users` or `Archive.users`. Of an archive, load a part: ``archive.load(...)``.
    key : bytes or str
        The secret, at least 32 bytes long; text counts as its UTF-8. Make one with ``secrets.token_hex(32)``, and keep
        it apart from the result.
    keep : iterable of str
        Columns that stay as they are. Columns of your own must be named here, or dropped before.
    network : str
        How many leading bits of an IPv4 address make a network, such as ``"/24"``; of an IPv6 address, it is twice as
        many. Addresses of one network get pseudonyms of one /48 network.

    Returns
    -------
    pandas.DataFrame
        A new frame with the same columns and dtypes, and a new index. Null and empty text stay what they are. Rows keep
        their order, except events of the same moment, which the log may have sorted by name. Of `attrs` only the
        receipt remains, without names. The columns become:

        - `uid`, `aid`, `account_group_name`: such as ``user-k3j5…``, 80 bits of HMAC-SHA256;
        - `user`: the same for the name and the e-mail address in it, each for itself:
          ``user-… (mail-…@pseudonym.invalid)``;
        - `event`: words that are not in the vocabulary of event texts are replaced, as are quoted and capitalised words
          that may be names;
        - `ip_address`: an IPv6 address in ``fd00::/8`` with 40 keyed bits of the network and 80 of the address. What is
          no address stays none;
        - `resources`: every name. Words of types that are not in the vocabulary are replaced;
        - `extra`: one pseudonym for the whole value, as JSON;
        - of people: `uid`, `name`, `email`, and in `memberships` the account groups and roles.

        Dates and flags stay.

    Raises
    ------
    InvalidArgument
        The key is too short; `keep` names a column that is not there; the frame has further columns, or one column
        twice; `network` is not such a number of bits; or the receipt is damaged.
    NotAnAuditFrame
        The column `date` is missing, or a column has another type than events have.

    Notes
    -----
    *What can be linked.* Each kind of text has a key of its own, and the same text has the same pseudonym only within
    its kind. People are one kind, wherever they are named: `user`, the `name` and `email` of the directory, and
    resources with ``user`` or ``member`` in their type. So are account groups and roles, in resources with
    ``accountGroup`` or ``role`` in their type. All other resources are one kind. Texts count as they were sent:
    ``Jane@x.com`` and ``jane@x.com`` are two, as in summaries, which tell people apart by `uid`.

    *What is not hidden.* When something happened, what kind of event it was, how often, and who acted with whom.
    Whoever knows that Ada deleted a test last Monday at nine finds her pseudonym, and with it all that she did. The
    length of an address list, whether an address is a block, and which addresses share a network can be seen. A name
    stays in an event text if it is a word of the vocabulary and is written small: "user grant removed".

    *What is lost.* A block of addresses no longer contains other addresses. Account groups as keys of ``tz=`` must be
    pseudonyms too; `pseudonym_table` has them. With 10,000 networks, the chance that two of them become one is 1 in
    22,000.

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
        As they were given to `pseudonymize`.

    Returns
    -------
    pandas.DataFrame
        One row per field and different value, sorted by both: `field`, `original` and `pseudonym` (str). Texts that
        stay as they are have no row. `resources` are names, `resource_type` their types, and `role` those of people.

    Raises
    ------
    InvalidArgument, NotAnAuditFrame
        See `pseudonymize`. Columns of your own are left out.

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
    known_columns = events[[name for name in events.columns if name in known]]
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
        dates_of(events)  # raises an error if `date` is not one, and could hold anything
    columns = Columns(events, keyed, bits)
    arrays = {name: events[name].array if name in kept else columns.rename(name) for name in events.columns}
    result = pd.DataFrame(arrays, columns=pd.Index(list(events.columns)))
    if not is_people:
        result = without_order_of_names(result, [name for name in result.columns if name not in kept])
        if (receipt := stored_receipt(events)) is not None:
            attach_receipt(result, pseudonymize_receipt(receipt, keyed, keep=kept))
    elif DIRECTORY_KEY in events.attrs:
        of_people = pseudonymize_directory_receipt(directory_receipt(events), keyed, keep=kept)
        result.attrs[DIRECTORY_KEY] = of_people.to_dict()
    return result, columns.found


def _is_people(frame: Any) -> bool:
    """Return whether a frame is of people; frames of events have no e-mail addresses."""
    columns = getattr(frame, "columns", ())
    return "email" in columns and "event" not in columns


def _check_columns(events: pd.DataFrame, keep: Iterable[str], known: Collection[str]) -> frozenset[str]:
    if isinstance(keep, str):
        raise InvalidArgument(f"keep: takes a list of columns. For example keep=[{keep!r}].")
    kept = list(keep)
    if not events.columns.is_unique:
        twice = list(events.columns[events.columns.duplicated()])
        raise InvalidArgument(f"events: column {', '.join(map(repr, twice))} is there twice. Keep one of them.")
    if absent := [name for name in kept if name not in events.columns]:
        raise InvalidArgument(
            f"keep: {absent[0]!r} is not a column of the frame, which has {', '.join(map(repr, events.columns))}"
        )
    if further := [name for name in events.columns if name not in known and name not in kept]:
        raise InvalidArgument(
            f"events: column {', '.join(map(repr, further))} may hold names. Drop it with "
            f"events.drop(columns={further}), or leave it in clear with keep={[*kept, *further]}."
        )
    return frozenset(kept)
