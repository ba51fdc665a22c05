"""Classes of events (action, object, outcome), from the words of their texts."""

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

from te_audit_frames.checks.text.event_text import read
from te_audit_frames.checks.text.loading import load_vocabulary
from te_audit_frames.checks.text.reading import FAILURE, UNCLASSIFIED, Reading
from te_audit_frames.checks.text.words import Tables
from te_audit_frames.errors import InvalidArgument, NotAnAuditFrame
from te_audit_frames.receipts import attach_receipt, stored_receipt
from te_audit_frames.schema import SOURCES, require_columns

CLASSES = ("action", "object", "outcome", "rule")
"""The columns that `classify_events` adds."""

_NOTE = "of the events are unclassified"
_KEY = "te_audit_frames: key"  # a temporary column, to look up the classes by


def classify_events(events: Any, *, vocabulary: str | PathLike[str] | None = None) -> Any:
    """Return the events with their action, object and outcome, as their texts state them.

    The API sends a text, such as "Test deleted.", and no list of its texts is public. The words of each text are looked
    up in a table. A text that no rule knows is `unclassified`; nothing is guessed. A text of more than 1,000 characters
    is no sentence: it is `unclassified` too, unless the section ``[texts]`` of a table of your own has it.

    Parameters
    ----------
    events : DataFrame
        Events with at least the column `event`: a pandas or Polars frame, a PyArrow table, a DuckDB relation, a Dask or
        PySpark frame. If there is a column `resources`, and the text of an event does not name its object, the type of
        the event's only resource is used.
    vocabulary : path, optional
        A TOML table of your own, which wins over the built-in one. Its sections are ``[texts]`` (whole texts),
        ``[actions]`` and ``[nouns]`` (verbs and nouns of each action), ``[objects]`` (phrases for each object, and
        ``literal``, a list of objects whose only phrase is their name), ``[past]`` (irregular past forms) and
        ``[resource_types]``.

    Returns
    -------
    DataFrame
        The same events in the same library, with four columns of text. Columns that have these names are replaced. Of
        a lazy frame, only the distinct texts are read. The columns are:

        - `action`: create, update, delete, enable, disable, login, logout, assign, revoke, invite, share, export, view,
          approve, verify, reject, request, restore, archive, run, start, stop, cancel, send, impersonate, or
          ``"unclassified"``;
        - `object`: such as test, alert_rule, user, role, account_group, api_token, report, dashboard, agent, label, or
          ``"unclassified"``, which is possible even if the action is known;
        - `outcome`: ``"success"``, ``"failure"``, or ``"unknown"`` if the text does not say;
        - `rule`: the form of the text and the words that decided.

        A pandas frame keeps its receipt, and a note in it counts the unclassified events. Frames of other libraries
        have no receipt; count them by `action`.

    Raises
    ------
    InvalidArgument
        Your table has a mistake, and the message names its line. Or `events` is not a frame, or its receipt is
        damaged.
    NotAnAuditFrame
        There is no column `event`.

    Notes
    -----
    No list of ThousandEyes' own texts is public, so the table was tested with texts of other products. On the last five
    groups of texts, before it was extended for them, it classified 73 to 81 %. Of these, 87 to 94 % were right in the
    judgement of the table's authors. Of texts made up as ThousandEyes might phrase them, it classified 88 %, and 97 %
    of these were right. Look through the texts of your own events before you rely on their classes: the command
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
    """Return the distinct values, with null at the end, and the index of each row's value among them."""
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
    """Write the number of unclassified events into the receipt. The note of an earlier call is replaced."""
    receipt = stored_receipt(events)
    if receipt is None:
        return events
    notes = [note for note in receipt.notes if _NOTE not in note]
    if unclassified:
        notes.append(f"{unclassified:,} {_NOTE}: no rule of the vocabulary knows their texts")
    return attach_receipt(events, replace(receipt, notes=notes))


def failed_log_ins(texts: Iterable[str | None], vocabulary: str | PathLike[str] | None = None) -> list[str]:
    """Return those of some event texts that report a failed log-in.

    Examples
    --------
    >>> from te_audit_frames.checks.vocabulary import failed_log_ins
    >>> failed_log_ins(["Login failed.", "User login.", None])
    ['Login failed.']
    """
    tables = load_vocabulary(vocabulary)
    known = {text: read(text, tables) for text in texts if text is not None}
    return [text for text, reading in known.items() if (reading.action, reading.outcome) == ("login", FAILURE)]


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
        # narwhals warns everyone who uses Dask, but the package that it recommends has not been released.
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
        # One key for both: the type of the only resource, a NUL, which no text of the API holds, and the event.
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
    # Empty lists become null first: some engines raise an error for the first element of an empty list.
    only = nw.when(lists.list.len() == 1).then(lists)
    return only.list.get(0).struct.field("type").cast(nw.String)


def _look_up(frame: Any, key: nw.Expr, readings: Mapping[str, Reading]) -> Any:
    """Add the classes by the key. The engine replaces texts instead of joining, so that no row moves."""
    keyed = frame.with_columns(key.alias(_KEY))
    old = list(readings)
    columns = []
    for name in CLASSES:
        new = [getattr(readings[value], name) for value in old]
        column = nw.col(_KEY).replace_strict(old, new, default=UNCLASSIFIED, return_dtype=nw.String) if old else None
        columns.append((nw.lit(UNCLASSIFIED) if column is None else column).alias(name))
    return keyed.with_columns(*columns).drop(_KEY)


def _classify_dask(events: Any, tables: Tables) -> Any:
    """Classify each partition with pandas, because Dask has no lists of structs."""

    def classify(part: pd.DataFrame) -> pd.DataFrame:
        return _classify_pandas(part, tables)

    return events.map_partitions(classify, meta=classify(events._meta))
