"""What a fetch no longer relies on once it has to read everything again."""

import pytest

from te_audit_frames.client.restarts import Strategy, cannot_restart
from te_audit_frames.errors import PaginationError

FRESH = Strategy(trusts_order=True, one_query=False, spot_checks=True)


@pytest.mark.parametrize(
    ("reason", "strategy"),
    [
        ("disorder", Strategy(trusts_order=False, one_query=False, spot_checks=True)),
        ("undated", Strategy(trusts_order=True, one_query=True, spot_checks=True)),
        ("moved", Strategy(trusts_order=True, one_query=False, spot_checks=True, pages_moved=True)),
        ("difference", Strategy(trusts_order=False, one_query=False, spot_checks=False)),
    ],
)
def test_each_reason_takes_away_what_it_disproved(reason, strategy):
    assert FRESH.after(reason) == strategy


def test_what_was_disproved_once_stays_so():
    worst = FRESH
    for reason in ("disorder", "undated", "moved", "difference", "undated", "moved"):
        worst = worst.after(reason)
    assert worst == Strategy(trusts_order=False, one_query=True, spot_checks=False, pages_moved=True)


@pytest.mark.parametrize("reason", ["disorder", "undated", "moved", "difference"])
def test_a_stream_that_cannot_start_again_names_both_remedies(reason):
    error = cannot_restart(reason)
    assert isinstance(error, PaginationError)
    assert "fetch_events" in str(error)
    assert 'verify="full"' in str(error)
