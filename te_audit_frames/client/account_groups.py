"""The account groups that a token may see, and whether their events come in one order of dates.

An API could send the events of each group in one block. Each block would be in order, but a cut by date would lose
events. So cuts are safe only if the first page shows that the groups are mixed, or if there is only one group.
"""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa

from te_audit_frames.client.context import FetchContext
from te_audit_frames.client.epoch import seconds_of
from te_audit_frames.client.transport import Answer, Transport
from te_audit_frames.errors import FetchError


def come_in_one_order(batch: pa.RecordBatch, transport: Transport, context: FetchContext) -> bool:
    """Return whether the events of all account groups are known to come in one order of dates.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        The events of the first page.
    transport : Transport
        Asks for the list of account groups.
    context : FetchContext
        The fetch that the request belongs to.
    """
    listed = list_account_groups(transport, context)
    if listed is None:
        return False
    seen = set(batch["aid"].to_pylist())
    is_the_only_one = len(listed) == 1 and seen <= listed
    return is_the_only_one or listed | seen <= interleaved(batch)


def list_account_groups(transport: Transport, context: FetchContext) -> set[str] | None:
    """Return the `aid` of each account group from `GET /v7/account-groups`, or None if the list is not available."""
    try:
        return transport.get(
            transport.origin.url({}, of="account-groups"), page="account groups", read=_aids, context=context
        )
    except FetchError:  # the token may lack the permission, or the server may not have the list
        return None


def _aids(answer: Answer) -> set[str] | None:
    try:
        groups = json.loads(answer.body)["accountGroups"]
        return {str(group["aid"]) for group in groups}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def interleaved(batch: pa.RecordBatch) -> set[str]:
    """Return the account groups that have events of other groups between two of their own, in the order of dates."""
    aids = batch["aid"].fill_null("").to_pylist()
    seconds = seconds_of(batch)
    found: set[str] = set()
    last_rows: dict[str, int] = {}  # the latest row of each group
    for row, aid in enumerate(aids):
        before = last_rows.get(aid)
        if before is not None and before < row - 1 and aid not in found:
            dates = seconds[before : row + 1]
            steps = np.diff(dates)
            if dates[0] != dates[-1] and bool((steps >= 0).all() or (steps <= 0).all()):
                found.add(aid)
        last_rows[aid] = row
    return found
