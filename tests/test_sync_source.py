"""What a sync needs of a client: any source with a page size and streams of batches can be archived."""

from __future__ import annotations

import inspect
from collections import Counter
from datetime import timedelta

import pyarrow as pa
import pytest
from support.rawserver import page
from support.world import DAY, NOW, event, keys, many

import te_audit_frames as taf
from te_audit_frames.periods import Period
from te_audit_frames.receipt_json import dump_period
from te_audit_frames.receipts import Receipt
from te_audit_frames.schema import to_arrow
from te_audit_frames.storage.sync_source import BatchSource, BatchStream

START = NOW - 4 * DAY


class Stream:
    """Batches of two events from memory, and what a sync reads of a stream; nothing else."""

    def __init__(self, rows: pa.Table, period: Period, order: str, fails_after: int | None) -> None:
        self._batches = [rows.slice(at, 2).combine_chunks().to_batches()[0] for at in range(0, len(rows), 2)]
        self._rows, self._period, self._order, self._fails_after = rows, period, order, fails_after
        self.missing = [period]
        self._read = 0

    def __iter__(self):
        for number, batch in enumerate(self._batches):
            if number == self._fails_after:
                raise taf.FetchError("the line was cut")
            self._read += batch.num_rows
            oldest = min(date for date in batch["date"].to_pylist())
            if self._order == "newest first":
                self.missing = [Period(self._period.start, oldest + timedelta(seconds=1))]
            yield batch
        self.missing = []

    def to_table(self) -> pa.Table:
        for _ in self:
            pass
        return self._rows

    @property
    def receipt(self) -> Receipt:
        return Receipt(
            source="api",
            requested={},
            resolved=dump_period(self._period),
            scope={"aid": None, "all_account_groups": True},
            complete=not self.missing,
            events=self._read,
            pages=1,
            requests=2,
            order=self._order,
            fetched_at=NOW.isoformat(),
        )


class Source:
    """Serves events from memory, as a client would, but has no other method than a sync needs."""

    def __init__(self, events, *, page_size=None, order="newest first", fails_after=None):
        rows = taf.read_pages([page(*events)])
        self._rows = to_arrow(rows)
        self.page_size = page_size
        self._order, self._fails_after = order, fails_after
        self.asked = []

    def iter_batches(self, *, window=None, start=None, end=None, **how):
        self.asked.append(how)
        period = Period(NOW - timedelta(seconds=1), NOW) if window else Period(start, end)
        dates = self._rows["date"].to_pylist()
        inside = [at for at, date in enumerate(dates) if period.start <= date < period.end]
        if self._order == "newest first":
            inside.sort(key=lambda at: dates[at], reverse=True)
        else:  # days from both ends in turn
            inside = [at for pair in zip(inside, reversed(inside), strict=True) for at in pair][: len(inside)]
        fails = None if window else self._fails_after
        return Stream(self._rows.take(pa.array(inside, pa.int64())), period, self._order, fails)


def syncs(archive, source, **how):
    return archive.sync(source, **{"start": START, "settle": 0, **how})


EVENTS = many(4)


@pytest.fixture
def archive(tmp_path):
    return taf.Archive(tmp_path / "te-audit")


@pytest.mark.parametrize("order", ["none", pytest.param("newest first", marks=pytest.mark.full)])
def test_a_source_with_nothing_else_is_archived_whatever_the_order_of_its_batches(archive, order):
    source = Source(EVENTS, order=order)
    report = syncs(archive, source)
    assert (report.events_added, report.days_added) == (len(EVENTS), 5)
    assert report.requests == 2 * len(source.asked)
    assert keys(archive.load()) == keys(taf.read_pages([page(*EVENTS)]))
    assert taf.receipt(archive.load(start=START.date(), end=NOW.date())).complete
    assert syncs(archive, Source([*EVENTS, event(NOW - DAY, "late")], order=order)).events_added == 1


@pytest.mark.parametrize(
    ("own", "stated", "sent"), [(None, None, "largest"), (7, None, 7), ("largest", 5, 5), (None, 5, 5)]
)
def test_pages_have_the_size_of_the_sync_or_of_the_source_or_the_largest(archive, own, stated, sent):
    source = Source([], page_size=own)
    syncs(archive, source, page_size=stated, errors="raise", all_account_groups=False)
    expected = {"all_account_groups": False, "errors": "raise", "page_size": sent, "deadline_per_page": True}
    assert len(source.asked) >= 2
    assert all(how == expected for how in source.asked)


@pytest.mark.full
def test_days_that_were_read_before_a_source_fails_are_kept(archive):
    with pytest.raises(taf.FetchError, match="the line was cut") as caught:
        syncs(archive, Source(EVENTS, fails_after=8))
    kept = Counter(archive.load()["date"].dt.date)
    assert kept == {(NOW - number * DAY).date(): 7 for number in range(2)}
    assert caught.value.__notes__ == ["The archive keeps the 2 days read so far; the next sync goes on from there."]
    assert syncs(archive, Source(EVENTS)).events_added == len(EVENTS) - 14


def test_a_client_and_its_batches_have_all_that_is_needed():
    needed = inspect.signature(BatchSource.iter_batches).parameters
    assert set(needed) <= set(inspect.signature(taf.Client.iter_batches).parameters)
    assert isinstance(inspect.getattr_static(taf.Client, "page_size"), property)
    for name in ("__iter__", "to_table", "receipt", "missing"):
        assert hasattr(BatchStream, name)
        assert hasattr(taf.Batches, name)
