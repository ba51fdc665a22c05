"""Which account groups a token may see, as `GET /v7/account-groups` lists them."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.client.context import FetchContext
from te_audit_frames.client.transport import Answer, Transport
from te_audit_frames.errors import ApiError


def has_one_account_group(transport: Transport, context: FetchContext, *, seen: pa.Array) -> bool:
    """Return whether the API lists exactly one account group, and the events seen are of no other.

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
        False also if the list cannot be had, since nothing is known then.
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
