"""Spot checks: a fetch that relied on order compares samples with a second reading."""

import pytest
from support.checked import (
    DAY,
    EVERYTHING,
    GROUPS,
    PERIOD,
    fetch,
    practice,
    spread_out,
)

WORKERS = pytest.mark.parametrize("workers", [1, 8])


def test_a_fetch_that_relied_on_order_reads_windows_again_and_says_so():
    log = spread_out(4_000, 40 * DAY, aids=GROUPS)
    with practice(log) as api:
        _, paid, _ = fetch(api, **PERIOD, **EVERYTHING)
    assert paid.checked["seams"] > 0
    assert paid.checked["windows"] == 3
    assert paid.checked["window_events"] > 0
    assert not paid.checked["differences"]
    assert "seams" in repr(paid)
