"""Which account groups a token may see, as `GET /v7/account-groups` lists them."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.client.context import FetchContext
from te_audit_frames.client.page_reader import seconds_of
from te_audit_frames.client.transport import Answer, Transport
from te_audit_frames.errors import ApiError


def has_one_account_group(transport: Transport, context: FetchContext, *, seen: pa.Array) -> bool:
    """Return whether the API lists exactly one account group, and the events seen belong to no other.

    Parameters
    ----------
    transport : Transport
        Sends the one request.
    context : FetchContext
        The fetch that the request belongs to.
    seen : pyarrow.Array
        The `aid` of events seen so far.

    Returns
    -------
    bool
        Also False if the list cannot be fetched, because then nothing is known.
    """
    aids = set(pc.unique(seen.drop_null()).to_pylist())
    if len(aids) > 1:
        return False
    try:
        listed = transport.get(
            transport.origin.url({}, of="account-groups"), page="account groups", read=_aids, context=context
        )
    except ApiError:  # the token may lack the permission
        return False
    return listed is not None and len(listed) == 1 and aids <= listed


def _aids(answer: Answer) -> set[str] | None:
    try:
        groups = json.loads(answer.body)["accountGroups"]
        return {str(group["aid"]) for group in groups}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def are_interleaved(batch: pa.RecordBatch) -> bool:
    """Return whether one account group's events lie on both sides of another's, in the order of dates."""
    if not batch.num_rows:
        return False
    groups = batch["aid"].fill_null("").dictionary_encode().indices.to_numpy(zero_copy_only=False)
    seconds = seconds_of(batch)
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    ended: dict[int, int] = {}  # the last row of each group's latest run
    for start, end in zip(starts, [*(starts[1:] - 1), len(groups) - 1], strict=True):
        before = ended.get(int(groups[start]))
        if before is not None:
            dates = seconds[before : start + 1]
            steps = np.diff(dates)
            if dates[0] != dates[-1] and ((steps >= 0).all() or (steps <= 0).all()):
                return True
        ended[int(groups[start])] = int(end)
    return False
