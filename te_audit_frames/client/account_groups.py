"""Which account groups a token may see, as `GET /v7/account-groups` lists them."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa

from te_audit_frames.client.context import FetchContext
from te_audit_frames.client.page_reader import seconds_of
from te_audit_frames.client.transport import Answer, Transport
from te_audit_frames.errors import FetchError


def list_account_groups(transport: Transport, context: FetchContext) -> set[str] | None:
    """Return the `aid` of each account group that the API lists; None if the list cannot be had."""
    try:
        return transport.get(
            transport.origin.url({}, of="account-groups"), page="account groups", read=_aids, context=context
        )
    except FetchError:  # the token may lack the permission, or the server the list; then nothing is known
        return None


def _aids(answer: Answer) -> set[str] | None:
    try:
        groups = json.loads(answer.body)["accountGroups"]
        return {str(group["aid"]) for group in groups}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def interleaved(batch: pa.RecordBatch) -> set[str]:
    """Return the account groups with events on both sides of another group's, in the order of dates."""
    aids = batch["aid"].fill_null("").to_pylist()
    seconds = seconds_of(batch)
    found: set[str] = set()
    ended: dict[str, int] = {}  # the last row of each group's latest run
    for row, aid in enumerate(aids):
        before = ended.get(aid)
        if before is not None and before < row - 1 and aid not in found:
            dates = seconds[before : row + 1]
            steps = np.diff(dates)
            if dates[0] != dates[-1] and bool((steps >= 0).all() or (steps <= 0).all()):
                found.add(aid)
        ended[aid] = row
    return found
