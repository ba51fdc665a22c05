"""The reader of a sync: it fetches days in order while the server sends events in order, and otherwise in pieces."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from te_audit_frames.errors import BadRequest, PaginationError
from te_audit_frames.periods import SECOND, Period
from te_audit_frames.receipts import Receipt
from te_audit_frames.storage.day_buffer import DayBuffer
from te_audit_frames.storage.day_file import ONE_DAY, midnight
from te_audit_frames.storage.scope import ScopeObserver
from te_audit_frames.storage.sync_days import SyncDays
from te_audit_frames.storage.sync_plan import join_days
from te_audit_frames.storage.sync_report import SyncReport
from te_audit_frames.storage.sync_source import BatchSource

_MOST_DAYS_AGAIN = 3
"""The most days of one stream that are read again because an event arrived after its day seemed complete.

With more, the sync stops relying on the order of events.
"""

_IDLE, _IDLE_OUT_OF_ORDER = 20, 3
"""How many batches in a row may complete no day before the sync stops relying on the order of events.

The first number is for events without a date, the second for events that are out of order.
"""

_FEW_PAGES, _MANY_PAGES = 100, 400
"""If a piece has at most the first number of pages, the next piece has twice the days.

If it has more than the second number, the next piece has half the days.
"""


class SyncReader:
    """Reads the days of a period from the server, and hands on each day that is complete.

    Parameters
    ----------
    source : BatchSource
        The client that fetches events.
    query : dict
        The arguments of every fetch, apart from its period.
    days : SyncDays
        Takes the days that are complete.
    observer : ScopeObserver
        Sees every batch.
    report : SyncReport
        Receives the costs of each fetch.
    end : datetime
        The end of the sync.
    """

    def __init__(
        self,
        source: BatchSource,
        query: dict[str, Any],
        days: SyncDays,
        observer: ScopeObserver,
        report: SyncReport,
        *,
        end: datetime,
    ) -> None:
        self._source = source
        self._query = query
        self._days = days
        self._observer = observer
        self._report = report
        self._end = end

    def read(self, period: Period, unrecorded: Collection[date]) -> None:
        """Read a period, and hand on each day once the day is read to its end.

        Parameters
        ----------
        period : Period
            From midnight to midnight, or to the end of the sync.
        unrecorded : collection of date
            Days that have a file but no record, because an earlier sync failed while reading them.
        """
        if any(period.start <= midnight(day) < period.end for day in unrecorded):
            # An earlier sync failed in these days, perhaps because it relied on the order of their events.
            self._fetch_in_pieces(period)
            return
        try:
            again = self._fetch_in_order(period)
        except BadRequest:
            # The widest range that the API allows is not known. So the range is halved, and the newer half is read
            # first.
            days = max((period.end - period.start) / 2 // ONE_DAY, 1)
            middle = midnight(period.start.date() + days * ONE_DAY)
            if not period.start < middle < period.end:
                raise
            self.read(Period(middle, period.end), unrecorded)
            self.read(Period(period.start, middle), unrecorded)
        else:
            for each in join_days(again, self._end):
                self._fetch_in_pieces(each)

    def _fetch_in_order(self, period: Period) -> Collection[date]:
        """Fetch a period and keep each day once no later page can add to it. Return the days that must be read again.

        If the events prove to be out of order, these are all days of the period. If events without a date keep days
        from becoming complete, these days are included.
        """
        stream = self._source.iter_batches(start=period.start, end=period.end, **self._query)
        buffer = DayBuffer(period)
        again: set[date] = set()
        idle, is_whole = 0, False
        try:
            for batch in stream:
                self._observer.add_fetched(batch)
                late = buffer.add(batch)
                self._days.forget(late)
                again |= late
                idle = 0 if self._days.add(buffer.take_complete(stream.missing)) else idle + 1
                is_out_of_order = idle >= _IDLE_OUT_OF_ORDER and stream.receipt.order == "none"
                if is_out_of_order or len(again) > _MOST_DAYS_AGAIN:
                    self._days.forget(buffer.days)
                    return buffer.days
                if idle >= _IDLE and buffer.has_undated:
                    self._days.add_undated(buffer.undated())
                    return again | set(buffer.waiting())
            is_whole = True
        except PaginationError:
            # A stream cannot start over, but the fetch of a piece can. If the pages are wrong there too, it raises the
            # error.
            self._days.forget(buffer.days)
            return buffer.days
        finally:
            # If days are read again, their coerced values are counted then.
            add_costs(self._report, stream.receipt, coerced=is_whole)
        self._days.add(buffer.take_complete([]))
        self._days.add_undated(buffer.undated())
        return again

    def _fetch_in_pieces(self, period: Period) -> None:
        """Fetch a period with events out of order, in pieces of whole days, newest first.

        A piece is kept only when it has been read to its end. So pieces start small, and grow as long as they are
        quick; an interruption then loses little.
        """
        end, days, most = period.end, 1, (period.end - period.start) // ONE_DAY + 1
        while end > period.start:
            piece = Period(max(period.start, midnight((end - SECOND).date() - (days - 1) * ONE_DAY)), end)
            try:
                pages = self._fetch_piece(piece)
            except BadRequest:
                if days == 1:
                    raise
                days = most = days // 2
                continue
            end = piece.start
            days = min(days * 2, most) if pages <= _FEW_PAGES else max(days // 2, 1) if pages > _MANY_PAGES else days

    def _fetch_piece(self, piece: Period) -> int:
        """Fetch a piece to its end, in whatever order, and keep it. Return the number of pages."""
        buffer = DayBuffer(piece)
        stream = self._source.iter_batches(start=piece.start, end=piece.end, **self._query)
        rows = stream.to_table()
        receipt = stream.receipt
        add_costs(self._report, receipt)
        for batch in rows.to_batches():
            self._observer.add_fetched(batch)
            buffer.add(batch)
        self._days.add(buffer.take_complete([]))
        self._days.add_undated(buffer.undated())
        self._days.write()
        return receipt.pages


def add_costs(report: SyncReport, receipt: Receipt, *, coerced: bool = True) -> None:
    """Add the requests of one fetch to the report of a sync, and the values that were coerced."""
    report.requests += receipt.requests
    report.retries += receipt.retries
    report.throttled += receipt.throttled
    report.waited_seconds = round(report.waited_seconds + receipt.waited_seconds, 3)
    report.coerced_values += receipt.coerced if coerced else 0
