"""The columns of events and of people, each with pseudonyms in place of its texts."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.errors import NotAnAuditFrame
from te_audit_frames.exchange.keyed import Keyed, Kind
from te_audit_frames.exchange.pseudonym_addresses import pseudonymize_address
from te_audit_frames.exchange.pseudonym_texts import pseudonymize_text, pseudonymize_type, words_of_users
from te_audit_frames.schema import RESOURCES, SOURCES, as_text
from te_audit_frames.users import MEMBERSHIPS, USERS_SCHEMA

_TEXT = pa.large_string()
_Rename = Callable[[str], str]

MEMBERSHIP_COLUMNS = ("aid", "account_group_name")
"""The columns of events that are fields of `memberships` in frames of people."""

_PEOPLE_SOURCES = "People come from fetch_users(), read_users() or Archive.users()."


class Columns:
    """The columns of one frame, and the pseudonyms of their values.

    Parameters
    ----------
    frame : pandas.DataFrame
        Events or people.
    keyed : Keyed
        The key.
    bits : int
        How many leading bits of an IPv4 address make a network.
    kept : collection of str
        The columns to leave as they are. Those in `MEMBERSHIP_COLUMNS` are also left in `memberships`.

    Attributes
    ----------
    found : list of tuple
        The field, the originals and the pseudonyms of each column that was renamed so far.
    """

    def __init__(self, frame: pd.DataFrame, keyed: Keyed, bits: int, kept: Collection[str]) -> None:
        self._events = frame
        self._keyed = keyed
        self._bits = bits
        self._kept = kept
        self.found: list[tuple[str, list[str], list[str]]] = []

    def rename(self, name: str) -> Any:
        """Return one column with pseudonyms, in the dtype that the column has in a fetched frame.

        Raises
        ------
        NotAnAuditFrame
            The column has another type than in a fetched frame, so it could hold anything.
        """
        keyed = self._keyed
        people = words_of_users(self._users()) if name == "event" else frozenset()
        renames: dict[str, _Rename] = {
            "uid": lambda text: keyed.name("uid", text),
            "user": keyed.person,
            "name": keyed.called,
            "email": keyed.mail,
            "aid": lambda text: keyed.name("aid", text),
            "account_group_name": lambda text: keyed.name("account group", text),
            "event": lambda text: pseudonymize_text(text, keyed, people),
            "ip_address": lambda text: pseudonymize_address(text, keyed, self._bits),
            "extra": lambda text: f'{{"pseudonym": "{keyed.name("extra", text)}"}}' if text else text,
        }
        if name in renames:
            return pd.array(self._renamed(name, self._array(name, _TEXT), renames[name]), dtype="str")
        if name == "resources":
            return self._resources()
        if name == "memberships":
            return self._memberships()
        if name != "date":
            self._array(name, USERS_SCHEMA.field(name).type)  # raises an error if it may hold text
        return self._events[name].array

    def _users(self) -> list[str]:
        """Return the distinct values of `user`, even if that column is kept."""
        if "user" not in self._events.columns:
            return []
        return [text for text in self._array("user", _TEXT).unique().to_pylist() if text]

    def _array(self, name: str, kind: pa.DataType) -> pa.Array:
        series = self._events[name]
        try:
            if kind == _TEXT and pd.api.types.is_integer_dtype(series.dtype):  # such as identifiers from a CSV file
                series = pd.Series(pa.array(series, from_pandas=True).cast(_TEXT), dtype="str")
            array = pa.array(series, type=kind, from_pandas=True)
        except (pa.ArrowException, TypeError, ValueError):
            # The cause is suppressed, because it may quote a name.
            advice = f' Convert it, for example with .astype({{"{name}": "str"}}).' if kind == _TEXT else ""
            sources = SOURCES if "date" in self._events.columns else _PEOPLE_SOURCES
            raise NotAnAuditFrame(
                f"column {name!r} of dtype {series.dtype} cannot be read as {kind}.{advice} {sources}", missing=[name]
            ) from None
        return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array

    def _renamed(self, field: str, texts: pa.Array, rename: _Rename) -> pa.Array:
        """Replace each distinct text once."""
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
        kinds: dict[str, Kind] = {"aid": "aid", "account_group_name": "account group"}
        parts = [
            texts if name in self._kept else self._renamed(name, texts, _rename_of(kind, keyed))
            for name, kind in kinds.items()
            for texts in [pc.struct_field(groups, name)]
        ]
        parts.append(_list_array(roles, names, roles.type))
        structs = pa.StructArray.from_arrays(parts, fields=list(MEMBERSHIPS.value_type), mask=groups.is_null())
        in_order = [_sorted_memberships(each) for each in _list_array(lists, structs, MEMBERSHIPS).to_pylist()]
        return pd.arrays.ArrowExtensionArray(pa.chunked_array([pa.array(in_order, MEMBERSHIPS)]))


def _sorted_memberships(groups: list[Any] | None) -> list[Any] | None:
    """Sort account groups and roles by pseudonym, because their fetched order is that of the originals."""
    if groups is None:
        return None
    for group in groups:
        if group is not None and group["roles"] is not None:
            group["roles"].sort(key=repr)
    return sorted(groups, key=repr)


def _kind_of(type_: str) -> Kind:
    """Return the kind of a resource of this type. Roles come first: ``userRoleName`` is a role."""
    folded = type_.lower().replace("_", "").replace(" ", "")
    if "role" in folded:
        return "role"
    if "user" in folded or "member" in folded:
        return "person"
    if "accountgroup" in folded:
        return "account group"
    return "person" if "owner" in folded or "email" in folded else "resource"


def _rename_of(kind: Kind, keyed: Keyed) -> _Rename:
    return keyed.person if kind == "person" else lambda text: keyed.name(kind, text)


def _lists_like(lists: pa.Array, values: pa.Array, kind: pa.DataType) -> pd.arrays.ArrowExtensionArray:
    return pd.arrays.ArrowExtensionArray(pa.chunked_array([_list_array(lists, values, kind)]))


def _list_array(lists: pa.Array, values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return flat values as lists with the lengths and nulls of `lists`."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype("int32"))
    return pa.ListArray.from_arrays(offsets, values, type=kind, mask=lists.is_null())


def without_order_of_names(events: pd.DataFrame, renamed: Collection[str]) -> pd.DataFrame:
    """Sort neighbouring events of the same moment by their pseudonyms.

    Fetched events of one moment are sorted by their original values. This order would reveal something about the names.

    Parameters
    ----------
    events : pandas.DataFrame
        Events with `date`.
    renamed : collection of str
        The columns with pseudonyms.

    Returns
    -------
    pandas.DataFrame
        The same rows.
    """
    moments = events["date"].astype("int64").to_numpy()
    same = np.flatnonzero(moments[1:] == moments[:-1])
    if not len(same):
        return events
    rows = np.union1d(same, same + 1)
    group: npt.NDArray[np.int64] = np.cumsum(np.diff(moments[rows], prepend=moments[rows[0]]) != 0)
    # Two runs of the same moment are two groups if they are not neighbours.
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


def in_order_of_pseudonyms(people: pd.DataFrame, renamed: Collection[str]) -> pd.DataFrame:
    """Sort people by their pseudonyms.

    Fetched people are sorted by their identifiers. This order would reveal something about who is who.

    Parameters
    ----------
    people : pandas.DataFrame
        People.
    renamed : collection of str
        The columns with pseudonyms.

    Returns
    -------
    pandas.DataFrame
        The same rows. They keep their order if no column has pseudonyms.
    """
    keys: dict[str, pa.Array] = {}
    for name in ("uid", "email", "name", "memberships"):
        if name == "memberships" and name in renamed:
            lists = pa.array(people[name], MEMBERSHIPS, from_pandas=True)
            keys[name] = pa.array([repr(each) for each in lists.to_pylist()], _TEXT)
        elif name in renamed:
            keys[name] = pa.array(people[name], _TEXT, from_pandas=True)
    if not keys:
        return people
    order = pc.sort_indices(pa.table(keys), [(name, "ascending") for name in keys]).to_numpy()
    return people.take(order).reset_index(drop=True)
