"""What a sync needs of a client: its page size, one method, and the stream of batches that it returns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal, Protocol

import pyarrow as pa

from te_audit_frames.periods import Period
from te_audit_frames.receipts import Receipt


class BatchStream(Protocol):
    """The batches of one fetch, as `Client.iter_batches` returns them."""

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches."""

    def to_table(self) -> pa.Table:
        """Return all batches as one table, whatever their order."""

    @property
    def receipt(self) -> Receipt:
        """The receipt of the batches so far."""

    @property
    def missing(self) -> Sequence[Period]:
        """The periods that further batches may still add to."""


class BatchSource(Protocol):
    """What a sync uses of a `Client`."""

    @property
    def page_size(self) -> int | Literal["largest"] | None:
        """Events per page. None if the API decides."""

    def iter_batches(
        self,
        *,
        window: str | None = ...,
        start: datetime | None = ...,
        end: datetime | None = ...,
        all_account_groups: bool | None = ...,
        errors: Literal["raise", "coerce"] = ...,
        page_size: int | Literal["largest"] | None = ...,
        deadline_per_page: bool = ...,
    ) -> BatchStream:
        """Fetch a period, batch by batch."""
