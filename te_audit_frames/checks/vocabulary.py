"""What each event did, to what, and whether it worked, by the words of its text."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from os import PathLike
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.checks.clause import UNCLASSIFIED, Reading
from te_audit_frames.checks.event_text import read
from te_audit_frames.checks.loading import load_vocabulary
from te_audit_frames.checks.words import Tables
from te_audit_frames.errors import InvalidArgument, NotAnAuditFrame
from te_audit_frames.receipts import attach_receipt, stored_receipt
from te_audit_frames.schema import SOURCES, require_columns

CLASSES = ("action", "object", "outcome", "rule")
"""The columns that `classify_events` adds."""

_NOTE = "of the events are unclassified"
_KEY = "te_audit_frames: key"  # a column of its own, for as long as it takes to look the classes up


def classify_events(events: Any, *, vocabulary: str | PathLike[str] | None = None) -> Any:
    """Say what each event did, to what, and whether it worked.

    The API sends a text, such as "Test deleted.", and no list of its texts is public. The words of the text are looked
    up in a table; a text that no rule knows is `unclassified`, never guessed at.

    Parameters
    ----------
    events : DataFrame
        Events, at least their `event`: a pandas or Polars frame, a PyArrow table, a DuckDB relation, a Dask or PySpark
        frame. If `resources` is there, the type of an event's only resource stands in for an object that the text
        does not name.
    vocabulary : path, optional
        A TOML table of your own, which wins over the built-in one. Its sections are ``[texts]`` (whole texts),
        ``[actions]`` and ``[nouns]`` (verbs and nouns of each action), ``[objects]`` (phrases for each object, and
        ``literal`` for objects that are called what they are), ``[past]`` (irregular past forms) and
        ``[resource_types]``.

    Returns
    -------
    DataFrame
        The same events in the same library, lazy frames unread but for their different texts, with four columns of
        text, in place of columns of these names:

        - `action`: create, update, delete, enable, disable, login, logout, assign, revoke, invite, share, export, view,
          approve, verify, reject, request, restore, archive, run, start, stop, cancel, send, impersonate, or
          ``"unclassified"``;
        - `object`: such as test, alert_rule, user, role, account_group, api_token, report, dashboard, agent, label, or
          ``"unclassified"``, also if the action is known;
        - `outcome`: ``"success"``, ``"failure"``, or ``"unknown"`` if the text does not say;
        - `rule`: the form of the text and the words that decided.

        A pandas frame keeps its receipt, with a note of how many events are unclassified. Other libraries' frames
        carry none; count them by `action`.

    Raises
    ------
    InvalidArgument
        The table of your own has a mistake; the message names its line. Or `events` is no frame,
        or its receipt is damaged.
    NotAnAuditFrame
        There is no column `event`.

    Notes
    -----
    No list of ThousandEyes' own texts is public, so the table was tried on those of other products. At the first look
    at five batches of texts that it had not seen, it classified 72 to 83 % of them, and 84 to 97 % of these rightly, as
    the author of the table reads them. Of texts made up as ThousandEyes might phrase them, it classified 88 %, and 97 %
    of these rightly. So look through the texts of your own events before you rely on their classes; the command
    ``te-audit-frames vocabulary`` lists them.

    Examples
    --------
    >>> import pandas as pd
    >>> import te_audit_frames as taf
    >>> events = pd.DataFrame({"event": ["Login failed.", "User removed from role", "Flux capacitor"]})
    >>> taf.classify_events(events)[["action", "object", "outcome"]]
             action        object  outcome
    0         login          user  failure
    1        revoke          user  success
    2  unclassified  unclassified  unknown
    """
    tables = load_vocabulary(vocabulary)
    if isinstance(events, pd.DataFrame):
        return _classify_pandas(events, tables)
    return _classify_other(events, tables)


def _classify_pandas(events: pd.DataFrame, tables: Tables) -> pd.DataFrame:
    require_columns(events.columns, ["event"])
    texts, text_codes = _different(_array(events["event"], "event").cast(pa.large_string(), safe=False))
    kinds, kind_codes = _different(_only_types(events["resources"])) if "resources" in events else ([None], 0)
    # Every pair that occurs, as one number.
    codes, pairs = pd.factorize(text_codes * len(kinds) + kind_codes)
    readings = _read_all(((texts[pair // len(kinds)], kinds[pair % len(kinds)]) for pair in pairs), tables)
    columns = {}
    for name in CLASSES:
        classes = np.array([getattr(reading, name) for reading in readings], dtype="object")
        columns[name] = pd.array(classes.take(codes), dtype="str")
    classified = events.assign(**columns)
    return _noted(classified, int((classified["action"] == UNCLASSIFIED).sum()))


def _different(values: pa.Array) -> tuple[list[str | None], npt.NDArray[np.int64]]:
    """Return the different values, null at the end, and which of them each one is."""
    encoded = values.dictionary_encode()
    different = encoded.dictionary.to_pylist()
    codes = encoded.indices.fill_null(len(different)).to_numpy(zero_copy_only=False).astype("int64")
    return [*different, None], codes


def _array(column: pd.Series, name: str) -> pa.Array:
    try:
        array = pa.array(column, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise NotAnAuditFrame(f"column {name!r} cannot be read: {error}. {SOURCES}", missing=[name]) from None
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _noted(events: pd.DataFrame, unclassified: int) -> pd.DataFrame:
    """Write into the receipt how many events no rule knows, in place of what an earlier call wrote."""
    receipt = stored_receipt(events)
    if receipt is None:
        return events
    notes = [note for note in receipt.notes if _NOTE not in note]
    if unclassified:
        notes.append(f"{unclassified:,} {_NOTE}: no rule of the vocabulary knows their texts")
    return attach_receipt(events, replace(receipt, notes=notes))


def _read_all(pairs: Iterable[tuple[str | None, str | None]], tables: Tables) -> list[Reading]:
    known: dict[str, Reading] = {}
    readings = []
    for text, kind in pairs:
        if text is None:
            readings.append(Reading())
            continue
        if text not in known:
            known[text] = read(text, tables)
        reading = known[text]
        stand_in = tables.resource_types.get(kind or "")
        if reading.action != UNCLASSIFIED and reading.object == UNCLASSIFIED and stand_in is not None:
            reading = Reading(reading.action, stand_in, reading.outcome, f"{reading.rule} / resource {kind}")
        readings.append(reading)
    return readings


def _only_types(resources: pd.Series) -> pa.Array:
    """Return the type of each event's resource; null if it has none or several."""
    lists = _array(resources, "resources")
    if pa.types.is_null(lists.type):
        return pa.nulls(len(lists), pa.string())
    try:
        kinds = pc.struct_field(pc.list_flatten(lists), "type").cast(pa.string())
    except (pa.ArrowException, KeyError) as error:
        raise NotAnAuditFrame(
            f"column 'resources' does not hold lists of resources with 'type' and 'name': {error}. {SOURCES}",
            missing=["resources"],
        ) from None
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy().astype("int64")
    firsts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype("int64") if len(lengths) else lengths
    return kinds.take(pa.array(firsts, mask=lengths != 1))


def _classify_other(events: Any, tables: Tables) -> Any:
    with warnings.catch_warnings():
        # Told to whoever uses narwhals with Dask; the package that it asks for has not been released.
        warnings.filterwarnings("ignore", "Dask support is moving", FutureWarning)
        try:
            frame = nw.from_native(events)
        except TypeError:
            raise InvalidArgument(
                f"events: a {type(events).__module__}.{type(events).__qualname__} cannot be classified. These can: "
                "pandas and Polars frames, PyArrow tables, DuckDB relations, Dask and PySpark frames."
            ) from None
        names = frame.collect_schema().names()
        require_columns(names, ["event"])
        if frame.implementation.is_dask():
            return _classify_dask(events, tables)
        lazy = frame.lazy()
        text = nw.col("event").cast(nw.String)
        kind = _only_type() if "resources" in names else nw.lit(None, dtype=nw.String)
        # One text for both, which no text of the API can be: the only resource's type, a NUL, the event.
        key = nw.concat_str(kind.fill_null(""), text.fill_null(""), separator="\0")
        different = lazy.select(key.alias(_KEY), text.is_null().alias("null")).unique().collect().to_pandas()
        keys = [str(value) for value in different[_KEY]]
        pairs = [
            (None if null else value.partition("\0")[2], value.partition("\0")[0])
            for value, null in zip(keys, different["null"], strict=True)
        ]
        readings = dict(zip(keys, _read_all(pairs, tables), strict=True))
        return _look_up(frame, key, readings).to_native()


def _only_type() -> nw.Expr:
    lists = nw.col("resources")
    # Empty lists become null first: some engines raise an error at the first element of none.
    only = nw.when(lists.list.len() == 1).then(lists)
    return only.list.get(0).struct.field("type").cast(nw.String)


def _look_up(frame: Any, key: nw.Expr, readings: Mapping[str, Reading]) -> Any:
    """Add the classes by the key; the engine replaces texts, so that nothing is joined and no row moves."""
    keyed = frame.with_columns(key.alias(_KEY))
    old = list(readings)
    columns = []
    for name in CLASSES:
        new = [getattr(readings[value], name) for value in old]
        column = nw.col(_KEY).replace_strict(old, new, default=UNCLASSIFIED, return_dtype=nw.String) if old else None
        columns.append((nw.lit(UNCLASSIFIED) if column is None else column).alias(name))
    return keyed.with_columns(*columns).drop(_KEY)


def _classify_dask(events: Any, tables: Tables) -> Any:
    """Classify each partition as pandas does, for Dask has no lists of structs of its own."""

    def classify(part: pd.DataFrame) -> pd.DataFrame:
        return _classify_pandas(part, tables)

    return events.map_partitions(classify, meta=classify(events._meta))
