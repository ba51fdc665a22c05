"""Networks: the prefix to which an address belongs."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

import pandas as pd

from te_audit_frames.arguments import check_whole_number

V4, V6 = 24, 48
"""How many leading bits make a network, by default: what one office or one home is usually given."""


def to_networks(addresses: pd.Series, *, v4: int = V4, v6: int = V6) -> pd.Series:
    """Return the network of each address.

    Parameters
    ----------
    addresses : pandas.Series of str
        Addresses as the log has them: an address, a CIDR block, null, or anything else.
    v4, v6 : int
        How many leading bits of an IPv4 and an IPv6 address name its network.

    Returns
    -------
    pandas.Series of str
        Such as ``"203.0.113.0/24"``, with the index of `addresses`. A block that is wider than the prefix is its own
        network. An IPv4 address that is written as IPv6 counts as IPv4. Anything else is null.

    Raises
    ------
    InvalidArgument
        `v4` or `v6` is not a number of bits.

    Examples
    --------
    >>> import pandas as pd
    >>> from te_audit_frames.checks.networks import to_networks
    >>> to_networks(pd.Series(["203.0.113.9", "2001:db8:1:2::3", "10.0.0.0/8", "unknown"])).tolist()
    ['203.0.113.0/24', '2001:db8:1::/48', '10.0.0.0/8', nan]
    """
    check_whole_number("v4", v4, 1, 32)
    check_whole_number("v6", v6, 1, 128)
    codes, different = pd.factorize(addresses)
    found = pd.array([network_of(str(address), v4, v6) for address in different] + [None], dtype="str")
    return pd.Series(found.take(codes), index=addresses.index, name="network")  # null has the code -1: the last


@lru_cache(maxsize=65_536)
def network_of(address: str, v4: int = V4, v6: int = V6) -> str | None:
    """Return the network of one address, or None if it is no address."""
    try:
        found = ipaddress.ip_interface(address.strip()).network
    except ValueError:
        return None
    inner = getattr(found.network_address, "ipv4_mapped", None)
    if inner is not None and found.prefixlen >= 96:
        found = ipaddress.ip_network((inner, found.prefixlen - 96), strict=False)
    bits = v4 if found.version == 4 else v6
    return str(found if found.prefixlen <= bits else found.supernet(new_prefix=bits))
