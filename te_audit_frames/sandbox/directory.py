"""GET /v7/account-groups: the account groups that the token may see."""

from __future__ import annotations

import json

from te_audit_frames.sandbox.event_log import EventLog

PATH = "/v7/account-groups"


def account_groups(event_log: EventLog, *, link: str) -> bytes:
    """Return the answer as JSON.

    Parameters
    ----------
    event_log : EventLog
        The log whose account groups are listed.
    link : str
        The URL of the answer itself.

    Returns
    -------
    bytes
        The body.
    """
    groups = [
        {
            "aid": aid,
            "accountGroupName": name,
            "isCurrentAccountGroup": aid == event_log.login_aid,
            "isDefaultAccountGroup": aid == event_log.login_aid,
            "organizationName": "Practice Organisation",
            "orgId": "1",
        }
        for aid, name in zip(event_log.aids, event_log.group_names, strict=True)
    ]
    return json.dumps({"accountGroups": groups, "_links": {"self": {"href": link}}}).encode()
