"""The result of a fetch: batches as they arrive, or all of them as one audit frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow as pa

from te_audit_frames.client.clock import Clock
from te_audit_frames.client.fetch import Fetch
from te_audit_frames.errors import FetchError, InvalidArgument, warn
from te_audit_frames.periods import Period, iso
from te_audit_frames.receipts import Receipt, attach_receipt
from te_audit_frames.safe_text import number_of
from te_audit_frames.schema import in_order, to_events


class Batches(Iterator[pa.RecordBatch]):
    """The batches of one fetch, as they arrive; returned by `Client.iter_batches`.

    Attributes
    ----------
    receipt : Receipt
        The query and what has arrived so far; complete after the last batch.
    missing : list of Period
        The periods whose events may be missing from the batches so far, in ascending order.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=1_000, seed=0, page_size=100) as api:
    ...     client = taf.Client(token=api.token, base_url=api.url)
    ...     batches = client.iter_batches(window="90d")
    ...     rows = [batch.num_rows for batch in batches]
    >>> sum(rows), batches.receipt.complete
    (1000, True)
    """

    def __init__(
        self,
        fetch: Fetch,
        requested: dict[str, Any],
        scope: dict[str, str],
        clock: Clock,
        *,
        max_fetch_bytes: int,
    ) -> None:
        self._fetch = fetch
        self._requested = requested
        self._scope = scope
        self._clock = clock
        self._max_fetch_bytes = max_fetch_bytes
        self._complete = False
        self._is_begun = False
        self._is_over = False
        self._stream = fetch.batches(restartable=False)

    def __next__(self) -> pa.RecordBatch:
        if self._is_over:  # it ended, failed, or became a frame
            raise StopIteration
        self._is_begun = True
        try:
            for batch in self._stream:
                if batch is not None and batch.num_rows:
                    return batch
        except (FetchError, KeyboardInterrupt) as error:
            self._is_over = True
            _attach(error, missing=self._fetch.missing())
            raise
        self._is_over = True
        self._finish()
        raise StopIteration

    def __repr__(self) -> str:
        if self._complete:
            state = "complete"
        elif self._is_over:
            state = "not complete"
        else:
            state = "under way" if self._is_begun else "not begun"
        period = self._fetch.period
        covered = f"{iso(period.start)} to {iso(period.end)}" if period else "period not resolved yet"
        return f"<Batches, {covered}: {number_of(self._fetch.stats.events, 'event')} so far, {state}>"

    def to_events(self) -> pd.DataFrame:
        """Return all events as one audit frame with its receipt.

        Raises
        ------
        InvalidArgument
            Some batches were already taken by iterating.
        FetchError
            The fetch could not be completed. `.partial` holds the events that arrived, and `.missing` the periods
            whose events may be missing from it.
        """
        return self._frame(self._collect())

    def to_table(self) -> pa.Table:
        """Return all events as one Arrow table, in ascending `date`. It raises as `to_events` does."""
        return in_order(self._collect())

    def _collect(self) -> list[pa.RecordBatch]:
        """Take all batches. Unlike iteration, this can drop them if they have to be read again."""
        if self._is_begun:
            raise InvalidArgument(
                "batches: some were already taken one by one, so the rest is not a whole frame; use fetch_events"
            )
        self._is_begun = self._is_over = True
        batches: list[pa.RecordBatch] = []
        size = 0
        stream = self._fetch.batches(restartable=True)
        try:
            for batch in stream:
                if batch is None:
                    batches.clear()
                    size = 0
                    continue
                batches.append(batch)
                size += batch.nbytes
                if size > self._max_fetch_bytes:
                    raise FetchError(
                        f"the events so far take more than the {self._max_fetch_bytes:,} bytes that a frame may have. "
                        "Use iter_batches, which holds one batch at a time, ask for a shorter period, or raise the "
                        "Client's max_fetch_bytes."
                    )
        except (FetchError, KeyboardInterrupt) as error:
            _attach(error, missing=self._fetch.missing(), partial=self._frame(batches))
            raise
        finally:
            stream.close()
        self._finish()
        return batches

    @property
    def receipt(self) -> Receipt:
        """The query and what has arrived so far; complete after the last batch."""
        aid, everywhere = self._scope.get("aid"), "useAllPermittedAids" in self._scope
        notes = []
        if self._requested["default"]:
            notes.append("neither window nor start was given, so the last 7 days were taken")
        return self._fetch.stats.receipt(
            source="api",
            requested=self._requested,
            period=self._fetch.period,
            scope={"aid": aid, "all_account_groups": everywhere},
            complete=self._complete,
            order=self._fetch.order,
            fetched_at=self._clock.now(),
            notes=notes + self._fetch.checks.notes,
            checked=self._fetch.checks.to_dict(),
        )

    @property
    def missing(self) -> list[Period]:
        """The periods whose events may be missing from the batches so far, in ascending order."""
        return self._fetch.missing()

    def _finish(self) -> None:
        self._complete = True
        if coerced := self._fetch.stats.coerced:
            warn_coerced(coerced)

    def _frame(self, batches: list[pa.RecordBatch]) -> pd.DataFrame:
        return attach_receipt(to_events(in_order(batches)), self.receipt)


def warn_coerced(coerced: int) -> None:
    """Warn that some values were kept in `extra`."""
    plural = "s" * (coerced != 1)
    warn(f"{coerced:,} value{plural} that no column can hold: the column is empty there, and `extra` has the value")


def _attach(error: BaseException, **what: object) -> None:
    for name, value in what.items():
        setattr(error, name, value)
