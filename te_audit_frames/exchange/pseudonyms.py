"""Pseudonyms in place of names: events and people that can be handed to others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.directory_receipts import directory_receipt
from te_audit_frames.errors import InvalidArgument, NotAnAuditFrame
from te_audit_frames.exchange.keyed import Keyed, Kind
from te_audit_frames.exchange.pseudonym_addresses import parse_network, pseudonymize_address
from te_audit_frames.exchange.pseudonym_receipts import pseudonymize_directory_receipt, pseudonymize_receipt
from te_audit_frames.exchange.pseudonym_texts import pseudonymize_text, pseudonymize_type
from te_audit_frames.frames import dates_of, require_frame
from te_audit_frames.receipts import attach_receipt, stored_receipt
from te_audit_frames.schema import COLUMNS, DIRECTORY_KEY, RESOURCES, SOURCES, as_text
from te_audit_frames.users import MEMBERSHIPS, USERS_SCHEMA

_TEXT = pa.large_string()
_Rename = Callable[[str], str]


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
    return _Work(events, key=key, keep=keep, network=network).frame()


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
    work = _Work(events[[name for name in events.columns if name in known]], key=key, keep=(), network=network)
    work.frame()
    parts = [pd.DataFrame({"field": field, "original": old, "pseudonym": new}) for field, old, new in work.found]
    columns = ["field", "original", "pseudonym"]
    table = pd.concat([pd.DataFrame(columns=columns, dtype="str"), *parts])[columns].astype("str")
    table = table[table["original"] != table["pseudonym"]].drop_duplicates()
    return table.sort_values(columns, ignore_index=True)


class _Work:
    """One frame, and the pseudonyms of what is in it."""

    def __init__(self, events: pd.DataFrame, *, key: bytes | str, keep: Iterable[str], network: str) -> None:
        self._keyed = Keyed(key)
        del key  # so that a traceback that shows local variables does not show it here
        require_frame(events, "events")
        self._bits = parse_network(network)
        self._is_people = _is_people(events)
        self._keep = _check_columns(events, keep, USERS_SCHEMA.names if self._is_people else COLUMNS)
        self._events = events
        self.found: list[tuple[str, list[str], list[str]]] = []
        """Field, originals and pseudonyms, of each column that was renamed."""

    def frame(self) -> pd.DataFrame:
        columns: dict[str, Any] = {}
        if not self._is_people:
            dates_of(self._events)  # raises an error if `date` is not one, and could hold anything
        for name in self._events.columns:
            columns[name] = self._events[name].array if name in self._keep else self._column(name)
        result = pd.DataFrame(columns, columns=pd.Index(list(self._events.columns)))
        if self._is_people:
            if DIRECTORY_KEY in self._events.attrs:
                receipt = pseudonymize_directory_receipt(directory_receipt(self._events), self._keyed, keep=self._keep)
                result.attrs[DIRECTORY_KEY] = receipt.to_dict()
            return result
        result = _without_order_of_names(result, [name for name in result.columns if name not in self._keep])
        receipt_of_events = stored_receipt(self._events)
        if receipt_of_events is not None:
            attach_receipt(result, pseudonymize_receipt(receipt_of_events, self._keyed, keep=self._keep))
        return result

    def _column(self, name: str) -> Any:
        keyed = self._keyed
        renames: dict[str, _Rename] = {
            "uid": lambda text: keyed.name("uid", text),
            "user": keyed.person,
            "name": keyed.called,
            "email": keyed.mail,
            "aid": lambda text: keyed.name("aid", text),
            "account_group_name": lambda text: keyed.name("account group", text),
            "event": lambda text: pseudonymize_text(text, keyed),
            "ip_address": lambda text: pseudonymize_address(text, keyed, self._bits),
            "extra": lambda text: f'{{"pseudonym": "{keyed.name("extra", text)}"}}' if text else text,
        }
        if name in renames:
            return pd.array(self._renamed(name, self._array(name, _TEXT), renames[name]), dtype="str")
        if name == "resources":
            return self._resources()
        if name == "memberships":
            return self._memberships()
        if self._is_people:
            self._array(name, USERS_SCHEMA.field(name).type)  # raises an error if it may hold text
        return self._events[name].array

    def _array(self, name: str, kind: pa.DataType) -> pa.Array:
        series = self._events[name]
        try:
            array = pa.array(series, type=kind, from_pandas=True)
        except (pa.ArrowException, TypeError, ValueError):
            # The cause may quote a value, which a message about names must not.
            raise NotAnAuditFrame(
                f"column {name!r} of dtype {series.dtype} cannot be read as {kind}. {SOURCES}", missing=[name]
            ) from None
        return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array

    def _renamed(self, field: str, texts: pa.Array, rename: _Rename) -> pa.Array:
        """Rename each different text once."""
        encoded = texts.dictionary_encode()
        old = encoded.dictionary.to_pylist()
        new = [rename(text) for text in old]
        self.found.append((field, old, new))
        return pa.array(new, _TEXT).take(encoded.indices)

    def _resources(self) -> pd.arrays.ArrowExtensionArray:
        keyed = self._keyed
        lists = self._array("resources", RESOURCES)
        things = pc.list_flatten(lists)
        types, names = (pc.struct_field(things, name) for name in ("type", "name"))
        kinds = types.dictionary_encode()
        different = [_kind_of(text) for text in kinds.dictionary.to_pylist()]
        number = kinds.indices.fill_null(len(different)).to_numpy(zero_copy_only=False)
        renamed = pa.nulls(len(things), _TEXT)
        for kind in dict.fromkeys([*different, "resource"]):
            chosen = pa.array(np.array([each == kind for each in [*different, "resource"]])[number])
            some = self._renamed("resources", names.filter(chosen), _rename_of(kind, keyed))
            renamed = pc.replace_with_mask(renamed, chosen, some)
        types = self._renamed("resource_type", types, lambda text: pseudonymize_type(text, keyed))
        structs = pa.StructArray.from_arrays([types, renamed], ["type", "name"], mask=things.is_null())
        return _lists_like(lists, structs, RESOURCES)

    def _memberships(self) -> pd.arrays.ArrowExtensionArray:
        keyed = self._keyed
        lists = self._array("memberships", MEMBERSHIPS)
        groups = pc.list_flatten(lists)
        roles = pc.struct_field(groups, "roles")
        names = self._renamed("role", pc.list_flatten(roles), _rename_of("role", keyed))
        parts = [
            self._renamed("aid", pc.struct_field(groups, "aid"), lambda text: keyed.name("aid", text)),
            self._renamed(
                "account_group_name",
                pc.struct_field(groups, "account_group_name"),
                lambda text: keyed.name("account group", text),
            ),
            _list_array(roles, names, roles.type),
        ]
        structs = pa.StructArray.from_arrays(parts, fields=list(MEMBERSHIPS.value_type), mask=groups.is_null())
        return _lists_like(lists, structs, MEMBERSHIPS)


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


def _kind_of(type_: str) -> Kind:
    """Return what a resource of this type is. Roles come first, as in `find_access_changes`: ``userRoleName``."""
    folded = type_.lower().replace("_", "").replace(" ", "")
    if "role" in folded:
        return "role"
    if "user" in folded or "member" in folded:
        return "person"
    return "account group" if "accountgroup" in folded else "resource"


def _rename_of(kind: Kind, keyed: Keyed) -> _Rename:
    return keyed.person if kind == "person" else lambda text: keyed.name(kind, text)


def _lists_like(lists: pa.Array, values: pa.Array, kind: pa.DataType) -> pd.arrays.ArrowExtensionArray:
    return pd.arrays.ArrowExtensionArray(pa.chunked_array([_list_array(lists, values, kind)]))


def _list_array(lists: pa.Array, values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return the flattened values in lists of the same lengths and nulls."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype("int32"))
    return pa.ListArray.from_arrays(offsets, values, type=kind, mask=lists.is_null())


def _without_order_of_names(events: pd.DataFrame, renamed: list[str]) -> pd.DataFrame:
    """Sort events of the same moment by their pseudonyms. Fetched events are sorted by their names there."""
    moments = events["date"].astype("int64").to_numpy()
    same = np.flatnonzero(moments[1:] == moments[:-1])
    if not len(same):
        return events
    rows = np.union1d(same, same + 1)
    group: npt.NDArray[np.int64] = np.cumsum(np.diff(moments[rows], prepend=moments[rows[0]]) != 0)
    # Two runs of the same moment that are not neighbours are two groups.
    group += np.cumsum(np.diff(rows, prepend=rows[0]) > 1)
    keys = {"group": pa.array(group)}
    for name in renamed:
        if name == "resources":
            lists = pa.array(events[name].iloc[rows], RESOURCES, from_pandas=True)
            keys[name] = as_text(lists if isinstance(lists, pa.ChunkedArray) else pa.chunked_array([lists]))
        elif name != "date":
            keys[name] = pa.array(events[name].iloc[rows], _TEXT, from_pandas=True)
    order = pc.sort_indices(pa.table(keys), [(name, "ascending") for name in keys]).to_numpy()
    places = np.arange(len(events))
    places[rows] = rows[order]
    return events.take(places).reset_index(drop=True)
