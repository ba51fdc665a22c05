"""People and account groups: fetch_users and fetch_account_groups, with a given client or a new one."""

from __future__ import annotations

import pandas as pd

from te_audit_frames.client.client import Client


def fetch_users(*, memberships: bool = True, client: Client | None = None) -> pd.DataFrame:
    """Fetch the people of the organisation, one row per person.

    Parameters
    ----------
    memberships : bool
        Whether to ask for account groups and roles as well, which takes one request per account group and two more.
        Without them, `memberships` and `is_admin` are null.
    client : Client, optional
        The client that fetches; by default ``Client()``, with the token from `TE_TOKEN`.

    Returns
    -------
    pandas.DataFrame
        See `Client.fetch_users`.

    Raises
    ------
    InvalidArgument
        There is no token, or an argument is wrong; nothing was sent.
    PermissionDenied
        The token may not see the list of users, and no members of account groups were read.
    FetchError
        The fetch could not be completed, or an answer breaks the contract.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=1_000, seed=0) as api, taf.Client(token=api.token, base_url=api.url) as client:
    ...     users = taf.fetch_users(client=client)
    >>> taf.directory_receipt(users).complete
    True
    """
    if client is not None:
        return client.fetch_users(memberships=memberships)
    with Client() as default:
        return default.fetch_users(memberships=memberships)


def fetch_account_groups(*, client: Client | None = None) -> pd.DataFrame:
    """Fetch the account groups that the token may see, one row per account group.

    Parameters
    ----------
    client : Client, optional
        The client that fetches; by default ``Client()``, with the token from `TE_TOKEN`.

    Returns
    -------
    pandas.DataFrame
        See `Client.fetch_account_groups`.

    Raises
    ------
    InvalidArgument
        There is no token; nothing was sent.
    PermissionDenied
        The token may not list account groups.
    FetchError
        The fetch could not be completed, or an answer breaks the contract.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=10, seed=0) as api, taf.Client(token=api.token, base_url=api.url) as client:
    ...     len(taf.fetch_account_groups(client=client))
    4
    """
    if client is not None:
        return client.fetch_account_groups()
    with Client() as default:
        return default.fetch_account_groups()
