"""The rate limit of the practice server."""

from concurrent.futures import ThreadPoolExecutor

from te_audit_frames.sandbox.rate_limit import UNLIMITED, RateLimit


def test_a_period_allows_so_many_requests():
    limit = RateLimit(3, 3_600)
    balances = [limit.spend(1) for _ in range(5)]
    assert [balance.allowed for balance in balances] == [True, True, True, False, False]
    assert [balance.remaining for balance in balances] == [2, 1, 0, 0, 0]


def test_reading_the_balance_costs_nothing():
    limit = RateLimit(1, 3_600)
    assert [limit.spend(0).remaining for _ in range(3)] == [1, 1, 1]
    assert limit.spend(1).allowed


def test_the_next_period_allows_them_again():
    limit = RateLimit(1, 1e-9)
    assert [limit.spend(1).allowed for _ in range(3)] == [True, True, True]


def test_without_a_limit_the_headers_are_large_and_whole():
    balance = RateLimit(None, 60).spend(1)
    headers = balance.headers(1_000.5)
    assert headers["X-Organization-Rate-Limit-Remaining"] == str(UNLIMITED)
    assert 1_060 <= int(headers["X-Organization-Rate-Limit-Reset"]) <= 1_061


def test_threads_share_one_limit():
    limit = RateLimit(50, 3_600)
    with ThreadPoolExecutor(8) as pool:
        allowed = list(pool.map(lambda _: limit.spend(1).allowed, range(200)))
    assert sum(allowed) == 50
