"""Account groups: no group is lost, whatever order they come in."""

import pytest
from support.checked import (
    DAY,
    EVERYTHING,
    PERIOD,
    fetch,
    practice,
    spread_out,
)

WORKERS = pytest.mark.parametrize("workers", [1, 8])


@WORKERS
@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("listing", ["listed", "refused"])
def test_no_whole_group_is_lost(workers, bare, order, listing):
    # The first group alone is most of the log, so that its pages look like those of a whole log.
    log = [*spread_out(600, 40 * DAY), *spread_out(13, 39 * DAY, aids=("2",)), *spread_out(7, 20 * DAY, aids=("3",))]
    with practice(log, grouped=True, bare_links=bare, order=order, account_groups=listing) as api:
        events, _, _ = fetch(api, workers=workers, **PERIOD, **EVERYTHING)
    assert events["aid"].value_counts().to_dict() == {"1": 600, "2": 13, "3": 7}
