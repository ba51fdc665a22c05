"""Evidence: the events behind a row of a check's result."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from os import PathLike
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from te_audit_frames.analysis.archived import is_archive
from te_audit_frames.analysis.group_columns import as_lazy
from te_audit_frames.analysis.grouping import collect
from te_audit_frames.arguments import check_whole_number
from te_audit_frames.checks.in_archive import read_in_chunks
from te_audit_frames.checks.in_engine import as_text, is_any_of, utc_dates
from te_audit_frames.checks.in_memory import read_column
from te_audit_frames.checks.networks import V4, V6, to_networks
from te_audit_frames.checks.vocabulary import CLASSES, classify_events
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.frames import where
from te_audit_frames.receipts import stored_receipt
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS, require_columns, to_events

_KEYS = ("uid", "user", "ip_address", "network", "aid", "account_group_name")
_NAMES = {"uid": "user", "aid": "account_group_name"}  # a key, and the name that stands in if it is null
_MOMENT = timedelta(microseconds=1)
_NEVER = (datetime(2000, 1, 2, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC))  # ends before it begins


def evidence(
    events: Any,
    row: Any,
    *,
    vocabulary: str | PathLike[str] | None = None,
    v4: int = V4,
    v6: int = V6,
) -> Any:
    """Return the events behind a row of a check's result.

    These are the events from the row's `first_event` to its `last_event` that have one of its `event_texts`, and that
    match each of its columns `uid`, `ip_address`, `network`, `aid` and `object`. Names change, so `user` is matched
    only if the row has no `uid`, and `account_group_name` only if it has no `aid`. Nulls match nulls.

    Parameters
    ----------
    events : frame of any supported library, or Archive
        The events that the check was given.
    row : pandas.Series, mapping, named tuple, or pandas.DataFrame of one row
        A row of the result, such as ``result.iloc[0]``.
    vocabulary : path, optional
        The table that the check was given. Only rows with an `object` need it.
    v4, v6 : int
        How many leading bits make a network, as given to the check. Only rows with a `network` need them.

    Returns
    -------
    DataFrame
        The events with all their columns, in the library of `events`; pandas from an archive, which is read a few
        days at a time. A pandas frame keeps its receipt, with a note of the filter.

    Raises
    ------
    InvalidArgument
        `row` is not a row of a check's result, or `events` is neither a frame nor an archive.
    NotAnAuditFrame
        A column that the row names is missing.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> page = b'''{"auditEvents": [
    ...     {"date": "2026-03-02T09:00:00Z", "event": "Test deleted.", "uid": "7", "user": "Ada"},
    ...     {"date": "2026-03-02T09:01:00Z", "event": "Test deleted.", "uid": "7", "user": "Ada"},
    ...     {"date": "2026-03-02T09:02:00Z", "event": "Test created.", "uid": "7", "user": "Ada"}]}'''
    >>> events = taf.read_pages([page])
    >>> runs = taf.find_runs(events, min_size=2)
    >>> taf.evidence(events, runs.iloc[0])["event"].tolist()
    ['Test deleted.', 'Test deleted.']
    """
    check_whole_number("v4", v4, 1, 32)
    check_whole_number("v6", v6, 1, 128)
    wanted = _Wanted.of(row, vocabulary, v4, v6)
    if is_archive(events):
        bounds = (wanted.first, wanted.last + _MOMENT)
        chunks = [chunk.loc[wanted.mask(chunk)] for chunk in read_in_chunks(events, COLUMNS, bounds)]
        return pd.concat(chunks, ignore_index=True) if chunks else to_events(ARROW_SCHEMA.empty_table())
    if isinstance(events, pd.DataFrame):
        mask = wanted.mask(events)
        if stored_receipt(events) is None:
            return events.loc[mask]
        return where(events, mask, label="the evidence of a finding")
    return wanted.query(events)


class _Wanted:
    """What a row asks for."""

    def __init__(
        self,
        first: datetime,
        last: datetime,
        texts: list[str | None],
        keys: dict[str, str | None],
        *,
        vocabulary: str | PathLike[str] | None,
        bits: tuple[int, int],
    ) -> None:
        self.first, self.last, self._texts = first, last, texts
        self._object = keys.pop("object", "")
        self._by_network = "network" in keys
        self._network = keys.pop("network", None)
        self._keys = keys
        self._vocabulary = vocabulary
        self._v4, self._v6 = bits

    @classmethod
    def of(cls, row: Any, vocabulary: str | PathLike[str] | None, v4: int, v6: int) -> _Wanted:
        plain = _plain_row(row)
        missing = [name for name in ("first_event", "last_event", "event_texts") if name not in plain]
        if missing:
            raise InvalidArgument(
                f"row: it has no {', '.join(map(repr, missing))}. Pass a row of what a find_* function returned, such "
                "as result.iloc[0]."
            )
        if pd.isna(plain["first_event"]) and pd.isna(plain["last_event"]):
            first, last = _NEVER  # a row about somebody who did nothing
        else:
            first, last = (_moment(plain[name], name) for name in ("first_event", "last_event"))
        texts = [None if pd.isna(text) else str(text) for text in plain["event_texts"]]
        keys = {name: _text(plain[name]) for name in (*_KEYS, "object") if name in plain}
        for key, name in _NAMES.items():
            if keys.get(key) is not None:
                keys.pop(name, None)
        return cls(first, last, texts, keys, vocabulary=vocabulary, bits=(v4, v6))

    @property
    def _needed(self) -> list[str]:
        needed = [*self._keys, *(["ip_address"] if self._by_network else [])]
        # A null may also mean that the events never had the column.
        return ["date", "event", *(name for name in needed if self._keys.get(name, "") is not None)]

    def mask(self, events: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Return which rows of a pandas frame match."""
        require_columns(events.columns, self._needed)
        # Columns are read as the checks read them, so that dates and numbers of other types are found again.
        dates, texts = _as_read(events, "date"), [np.nan if text is None else text for text in self._texts]
        found = (dates >= self.first) & (dates <= self.last) & _as_read(events, "event").isin(texts)
        for name, value in self._keys.items():
            if name in events:
                found &= _as_read(events, name).isna() if value is None else _as_read(events, name) == value
        mask = np.array(found, dtype="bool")
        rest = np.flatnonzero(mask)
        if self._by_network and "ip_address" in events:
            networks = to_networks(events["ip_address"].iloc[rest].astype("str"), v4=self._v4, v6=self._v6)
            mask[rest] = (networks.isna() if self._network is None else networks == self._network).to_numpy(
                dtype="bool"
            )
            rest = np.flatnonzero(mask)
        if self._object:
            names = ["event", *(["resources"] if "resources" in events else [])]
            objects = classify_events(events[names].iloc[rest], vocabulary=self._vocabulary)["object"]
            mask[rest] = (objects == self._object).to_numpy(dtype="bool")
        return mask

    def query(self, events: Any) -> Any:
        """Return the matching events in their own library."""
        lazy = as_lazy(events)
        with warnings.catch_warnings():
            # narwhals warns that its support of Dask will move to another package, which is not released yet.
            warnings.filterwarnings("ignore", "Dask support is moving", FutureWarning)
            frame = nw.from_native(events)
        kinds = lazy.collect_schema()
        require_columns(kinds.names(), self._needed)
        utc = utc_dates(lazy)
        mask = (utc >= nw.lit(self.first)) & (utc <= nw.lit(self.last)) & is_any_of("event", self._texts)
        for name, value in self._keys.items():
            if name in kinds:
                text = as_text(name, kinds[name])
                mask &= text.is_null() if value is None else text == nw.lit(value)
        found = frame.filter(mask)
        if self._by_network and "ip_address" in kinds:
            different = collect(found.lazy().select(as_text("ip_address", kinds["ip_address"])).unique())["ip_address"]
            networks = to_networks(different.astype("str"), v4=self._v4, v6=self._v6)
            same = networks.isna() if self._network is None else networks == self._network
            addresses = [None if pd.isna(address) else str(address) for address in different[same]]
            found = found.filter(is_any_of("ip_address", addresses))
        if self._object:
            own = [name for name in CLASSES if name in kinds]
            if own:
                raise InvalidArgument(
                    f"events: they have columns {own} of their own. Pass the events that were checked."
                )
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Dask support is moving", FutureWarning)
                found = nw.from_native(classify_events(found.to_native(), vocabulary=self._vocabulary))
            found = found.filter(nw.col("object") == nw.lit(self._object)).drop(*CLASSES)
        return found.to_native()


def _as_read(events: pd.DataFrame, name: str) -> pd.Series:
    return to_events(pa.table({name: read_column(events[name], name)}))[name]


def _plain_row(row: Any) -> Mapping[str, Any]:
    if isinstance(row, pd.DataFrame) and len(row) == 1:
        row = row.iloc[0]
    if isinstance(row, pd.Series):
        return {str(name): value for name, value in row.items()}
    if isinstance(row, tuple) and hasattr(row, "_asdict"):
        return dict(row._asdict())
    if isinstance(row, Mapping):
        return row
    raise InvalidArgument(
        f"row: {type(row).__name__} is not one row of a result. Pass a row of what a find_* function returned, such as "
        "result.iloc[0]."
    )


def _moment(value: Any, name: str) -> datetime:
    moment = pd.Timestamp(value)
    if pd.isna(moment) or moment.tzinfo is None:
        raise InvalidArgument(f"row: its {name} is {value!r}, not a moment with a time zone.")
    return moment.tz_convert("UTC").to_pydatetime()


def _text(value: Any) -> str | None:
    return None if pd.isna(value) else str(value)
