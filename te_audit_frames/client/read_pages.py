"""Saved pages: answers of the API in files or memory, read as events."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd
import pyarrow as pa

from te_audit_frames.client.batches import warn_coerced
from te_audit_frames.client.decode import decode_many, decode_page
from te_audit_frames.client.page import Errors, check_errors
from te_audit_frames.client.stats import FetchStats
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.file_errors import file_errors
from te_audit_frames.receipts import attach_receipt
from te_audit_frames.schema import CORES, in_order, to_events

_BYTES_AT_ONCE = 3 * 2**20

Source = str | os.PathLike[str] | bytes | BinaryIO


def read_pages(pages: Source | Iterable[Source], *, errors: Errors = "raise") -> pd.DataFrame:
    """Read saved answers of the API, as ``curl`` or the official command line (with ``--json``) wrote them.

    Parameters
    ----------
    pages : path, bytes, binary file, or an iterable of these
        Each one is a whole answer: JSON with `auditEvents`.
    errors : {"raise", "coerce"}
        What to do with a value that its column cannot hold; see `fetch_events`.

    Returns
    -------
    pandas.DataFrame
        The audit frame of every event in the pages, in ascending `date`. Its receipt is never complete, because no one
        can know whether these are all pages.

    Raises
    ------
    InvalidArgument
        An item of `pages` is neither a path, nor bytes, nor a binary file.
    MissingFile, FileError
        A file does not exist or cannot be read.
    DecodeError
        A page is not an answer of the API, or a value does not fit (with ``errors="raise"``).

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> page = b'{"auditEvents": [{"date": "2026-01-01T00:00:00Z", "event": "Login failed."}]}'
    >>> taf.read_pages([page])["event"].tolist()
    ['Login failed.']
    """
    check_errors(errors)
    sources: Iterable[Any] = [pages]
    if isinstance(pages, Iterable) and not isinstance(pages, (str, bytes)) and not hasattr(pages, "read"):
        sources = pages
    stats = FetchStats()
    batches: list[pa.RecordBatch] = []
    with ThreadPoolExecutor(CORES) as pool:  # the parser releases the interpreter's lock
        for group in pool.map(lambda pages: _decode(pages, errors), _groups(sources)):
            for batch, pages_read, coerced in group:
                stats.add(batch, pages=pages_read, coerced=coerced)
                batches.append(batch)
    receipt = stats.receipt(
        source="pages",
        requested={},
        period=None,
        scope={},
        complete=False,
        order="unknown",
        fetched_at=datetime.now(UTC),
        notes=["read from saved pages: it is not known whether these are all pages"],
    )
    if stats.coerced:
        warn_coerced(stats.coerced)
    return attach_receipt(to_events(in_order(batches)), receipt)


def _groups(sources: Iterable[Any]) -> Iterator[list[tuple[str, bytes]]]:
    """Yield groups of pages as (name, bytes), of a size at which the parser is fastest."""
    group: list[tuple[str, bytes]] = []
    for position, source in enumerate(sources):
        group.append(_read(source, position))
        if sum(len(raw) for _, raw in group) >= _BYTES_AT_ONCE:
            yield group
            group = []
    yield group


def _decode(pages: list[tuple[str, bytes]], errors: Errors) -> list[tuple[pa.RecordBatch, int, int]]:
    """Return batches, each with its number of pages and of coerced values; decode pages together if possible."""
    if not pages:
        return []
    if batch := decode_many([raw.strip() for _, raw in pages]):
        return [(batch, len(pages), 0)]
    decoded = [decode_page(raw, name=name, errors=errors) for name, raw in pages]
    return [(page.batch, 1, len(page.coerced)) for page in decoded]


def _read(source: object, position: int) -> tuple[str, bytes]:
    if isinstance(source, bytes):
        return str(position + 1), source
    if isinstance(source, (str, os.PathLike)):
        with file_errors(source):
            return str(source), Path(source).read_bytes()
    raw = source.read() if hasattr(source, "read") else None
    if isinstance(raw, bytes):
        return str(getattr(source, "name", position + 1)), raw
    raise InvalidArgument(
        f"pages: item {position} is a {type(source).__name__}; a page is a path, bytes, or a file opened in binary mode"
    )
