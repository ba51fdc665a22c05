"""Reading with separate queries, which relies on no order."""

import pytest
from support.checked import (
    DAY,
    EVERYTHING,
    LOG,
    PERIOD,
    fetch,
    practice,
)


@pytest.mark.parametrize("grouped", [False, True])
def test_verify_full_assumes_no_order_at_all(grouped):
    with practice(LOG, grouped=grouped, misplaced=20, misplaced_by=-10 * DAY) as api:
        fetch(api, policy={"verify": "full"}, **PERIOD, **EVERYTHING)
