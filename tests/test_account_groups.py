"""Account groups: no group is lost, whatever order they come in."""

import pytest
from support.checked import (
    DAY,
    EVERYTHING,
    PERIOD,
    WORKERS,
    fetch,
    practice,
    spread_out,
)
from support.rawserver import RawServer, page, whole
from support.rawserver import client_of as raw_client_of

from te_audit_frames.client.account_groups import come_in_one_order, interleaved, list_account_groups
from te_audit_frames.client.decode import decode_page
from te_audit_frames.client.progress import Progress


@pytest.mark.few
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


# ---- the list of account groups ------------------------------------------------------------------------------------


def listed_by(answer):
    """What a fetch takes from one answer to `GET /v7/account-groups`."""
    with RawServer([answer]) as api:
        client = raw_client_of(api, retries=0)
        return list_account_groups(client._transport, client._context(Progress(show=False)))


def test_the_list_gives_each_aid_as_text():
    assert listed_by(whole({"accountGroups": [{"aid": 7}, {"aid": "8", "accountGroupName": "x"}]})) == {"7", "8"}


@pytest.mark.parametrize(
    "answer",
    [
        *(whole(b"no", 403), whole(b"", 404), whole(b"<html>"), whole(b"[]"), whole({"accountGroups": None})),
        *(whole({"accountGroups": [{"id": 1}]}), whole({"accountGroups": [1]}), whole(b"[" * 100_000)),
    ],
)
def test_a_list_that_is_not_available_is_none_and_no_error(answer):
    assert listed_by(answer) is None


# ---- groups on one page ----------------------------------------------------------------------------------------------


def batch_of(*rows):
    body = page(*({"date": f"2026-01-01T00:00:{second:02}Z", "aid": aid} for second, aid in rows))
    return decode_page(body, name="1").batch


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([], set()),
        ([(9, "1"), (8, "2"), (7, "1")], {"1"}),
        ([(1, "1"), (2, "2"), (3, "1"), (4, "2")], {"1", "2"}),
        ([(9, "1"), (8, "1"), (7, "2"), (6, "2")], set()),  # one group after the other
        ([(9, "1"), (5, "2"), (8, "1")], set()),  # the dates of the page do not run one way
        ([(5, "1"), (5, "2"), (5, "1")], set()),  # all in one second: any order
        ([(9, "1"), (8, None), (7, "1")], {"1"}),
    ],
)
def test_a_group_is_interleaved_if_another_lies_between_its_events_in_the_order_of_dates(rows, found):
    assert interleaved(batch_of(*rows)) == found


@pytest.mark.parametrize(
    ("listed", "rows", "are_in_one_order"),
    [
        (["1"], [(9, "1"), (8, "1")], True),
        (["1"], [(9, "1"), (8, "2")], False),  # the list lacks a group
        (["1"], [(9, "1"), (8, "2"), (7, "1")], False),  # the one not listed may follow in one block
        (["1", "2"], [(9, "1"), (8, "2"), (7, "1"), (6, "2")], True),
        (["1", "2", "3"], [(9, "1"), (8, "2"), (7, "1"), (6, "2")], False),  # the third may follow in one block
        (None, [(9, "1"), (8, "1")], False),
    ],
)
def test_groups_are_in_one_order_only_if_every_listed_one_is_interleaved(listed, rows, are_in_one_order):
    answer = whole(b"", 403) if listed is None else whole({"accountGroups": [{"aid": aid} for aid in listed]})
    with RawServer([answer]) as api:
        client = raw_client_of(api, retries=0)
        context = client._context(Progress(show=False))
        assert come_in_one_order(batch_of(*rows), client._transport, context) == are_in_one_order
