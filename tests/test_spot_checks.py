"""Spot checks: a fetch that relied on order compares samples with a second reading."""

import pyarrow as pa
import pytest
from support.checked import (
    DAY,
    EVERYTHING,
    GROUPS,
    MINUTE,
    NOW,
    PERIOD,
    event,
    fetch,
    practice,
    spread_out,
)
from support.rawserver import RawServer, page
from support.rawserver import client_of as raw_client_of

import te_audit_frames as taf
from te_audit_frames.client.decode import decode_page
from te_audit_frames.client.fetch_checks import FetchChecks
from te_audit_frames.client.period_reading import PageReader
from te_audit_frames.client.progress import Progress
from te_audit_frames.client.restarts import ReadAgain
from te_audit_frames.client.spot_checks import SpotChecks


@pytest.mark.full
def test_a_fetch_that_relied_on_order_reads_windows_again_and_says_so():
    log = spread_out(4_000, 40 * DAY, aids=GROUPS)
    with practice(log) as api:
        _, paid, _ = fetch(api, **PERIOD, **EVERYTHING)
    assert paid.checked["seams"] > 0
    assert paid.checked["windows"] == 3
    assert paid.checked["window_events"] > 0
    assert not paid.checked["differences"]
    assert "seams" in repr(paid)


@pytest.mark.few(count=1)
@pytest.mark.parametrize(("pages", "windows"), [(20, 1), (100, 2), (200, 3)])
def test_a_longer_fetch_is_checked_at_more_places(pages, windows):
    with practice(spread_out(pages * 20, 40 * DAY, aids=GROUPS)) as api:
        _, paid, _ = fetch(api, **PERIOD, **EVERYTHING)
    assert paid.checked["windows"] == windows


# ---- one comparison at a time --------------------------------------------------------------------------------------


def table_of(*events):
    return pa.Table.from_batches([decode_page(page(*events), name="1").batch])


def compare(found, known):
    """Compare a second reading with the first; return the uids added, and the checks."""
    checks = FetchChecks(now=NOW)
    with RawServer([]) as api:
        client = raw_client_of(api)
        context = client._context(Progress(show=False))
        settings = {"errors": "raise", "workers": 1, "transport": client._transport, "share_done": lambda: 0.0}
        reader = PageReader({}, context=context, checks=checks, **settings)
        batches = list(SpotChecks(reader, checks)._add_young(found, known, taf.Period(**PERIOD), where="at a cut"))
        reader.stop()
    return [uid for batch in batches for uid in batch["uid"].to_pylist()], checks


OLD, YOUNG = event(NOW - DAY, "old"), event(NOW - MINUTE, "young")


def test_an_event_that_has_arrived_since_is_added_and_said():
    added, checks = compare(table_of(OLD, YOUNG), table_of(OLD))
    assert added == ["young"]
    assert checks.differences == ["added 1 event that arrived at a cut while the rest was read"]


def test_an_old_event_that_the_first_reading_lacks_means_reading_again():
    with pytest.raises(ReadAgain) as caught:
        compare(table_of(OLD, YOUNG), table_of(YOUNG))
    assert caught.value.reason == "difference"


def test_equal_readings_and_filled_in_details_add_nothing():
    assert compare(table_of(OLD, YOUNG), table_of(YOUNG, OLD))[0] == []
    filled = {**OLD, "user": "Ann (ann@example.com)"}
    added, checks = compare(table_of(filled), table_of(OLD))
    assert (added, checks.differences) == ([], [])


def test_one_of_two_equal_events_may_be_new():
    assert compare(table_of(YOUNG, YOUNG), table_of(YOUNG))[0] == ["young"]
