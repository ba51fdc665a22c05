"""GET /v7/account-groups: the account groups that the token may see."""

from __future__ import annotations

import json

from te_audit_frames.sandbox.history import History

PATH = "/v7/account-groups"


def account_groups(history: History, *, link: str) -> bytes:
    """Return the answer as JSON.

    Parameters
    ----------
    history : History
        Whose account groups.
    link : str
        The address of the answer itself.

    Returns
    -------
    bytes
        The body.
    """
    groups = [
        {
            "aid": aid,
            "accountGroupName": name,
            "isCurrentAccountGroup": aid == history.login_aid,
            "isDefaultAccountGroup": aid == history.login_aid,
            "organizationName": "Practice Organisation",
            "orgId": "1",
        }
        for aid, name in zip(history.aids, history.group_names, strict=True)
    ]
    return json.dumps({"accountGroups": groups, "_links": {"self": {"href": link}}}).encode()
