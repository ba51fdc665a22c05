"""Spot checks: comparing the rows on both sides of every cut, and reading a few windows a second time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pyarrow as pa

from te_audit_frames.client.epoch import instant, seconds_of
from te_audit_frames.client.fetch_checks import YOUNG, FetchChecks, older_than, pick, row_counts
from te_audit_frames.client.period_reading import PageReader
from te_audit_frames.client.restarts import ReadAgain
from te_audit_frames.client.sliced_reading import SlicedReading
from te_audit_frames.periods import Period, iso


class SpotChecks:
    """The checks of a fetch that relied on the order of events.

    Parameters
    ----------
    reader : PageReader
        Sends the queries.
    checks : FetchChecks
        Where the checks are counted.
    """

    def __init__(self, reader: PageReader, checks: FetchChecks) -> None:
        self._reader = reader
        self._checks = checks
        self._added: Counter[str] = Counter()

    def compare(self, readings: list[SlicedReading], period: Period) -> Iterator[pa.RecordBatch]:
        """Compare both sides of every cut, and read a few windows a second time.

        Parameters
        ----------
        readings : list of SlicedReading
            The parts of the period that were read in slices.
        period : Period
            Events outside this period are left out.

        Yields
        ------
        pyarrow.RecordBatch
            Events that have arrived since the first reading.

        Raises
        ------
        ReadAgain
            The second reading found events that the first should have found, since they are not new.
        """
        for reading in readings:
            for beyond, got in reading.seams.overlaps():
                self._checks.seams += 1
                yield from self._add_young(beyond, got, period, where="at a cut")
        pages = self._reader.stats.pages
        number = 1 if pages < 50 else 2 if pages < 150 else 3
        windows = [window for reading in readings for window in reading.seams.windows(number)]
        windows.sort(key=lambda window: window.low)
        step = max(len(windows) / number, 1)
        for window in [windows[-1 - int(step * index)] for index in range(min(number, len(windows)))]:
            rows = self._read_window(window.low, window.high)
            self._checks.windows += 1
            self._checks.window_events += rows.num_rows
            where = f"between {iso(instant(window.low))} and {iso(instant(window.high))}"
            yield from self._add_young(rows, window.rows, period, where=where)
            if gone := sum((_kinds(window.rows) - _kinds(rows)).values()):
                self._checks.differ(f"a second reading {where} no longer found {_count(gone)}")

    def _read_window(self, low: int, high: int) -> pa.Table:
        paginator = self._reader.ask_seconds(low, high)
        rows = []
        while paginator.more:
            batch = self._reader.next_page(paginator).batch
            seconds = seconds_of(batch)
            rows.append(batch.filter(pa.array((seconds >= low) & (seconds < high))))
        return pa.Table.from_batches(rows)

    def _add_young(self, found: pa.Table, known: pa.Table, period: Period, *, where: str) -> Iterator[pa.RecordBatch]:
        """Yield events that have arrived since the first reading. Raise if one is too old for that.

        Details of an event may have been filled in meanwhile. So an event counts as new only if there are more events
        of the same date, text and account group than before.
        """
        lacking = row_counts(found) - row_counts(known) - self._added  # a cut and a window may both show an event
        surplus = _kinds(found) - _kinds(known)
        rows = [row for row in pick(found, lacking).to_pylist() if _take(surplus, _kind(row))]
        if not rows:
            return
        new = pa.Table.from_pylist(rows, schema=found.schema)
        now = self._checks.now
        if now is None or older_than(new, now - YOUNG):
            self._checks.differ(
                f"a second reading {where} found {_count(new.num_rows)} that the first had not, so every query was "
                "read to its last page"
            )
            raise ReadAgain("difference")
        self._checks.differ(f"added {_count(new.num_rows)} that arrived {where} while the rest was read")
        self._added += row_counts(new)
        yield from self._reader.add(new, period)


Kind = tuple[object, object, object]


def _kind(row: dict[str, object]) -> Kind:
    return row["date"], row["event"], row["aid"]


def _kinds(rows: pa.Table) -> Counter[Kind]:
    """Count the events of each date, text and account group."""
    return Counter(map(_kind, rows.select(["date", "event", "aid"]).to_pylist()))


def _count(events: int) -> str:
    return f"{events:,} event{'s' * (events != 1)}"


def _take(left: Counter[Kind], kind: Kind) -> bool:
    left[kind] -= 1
    return left[kind] >= 0
