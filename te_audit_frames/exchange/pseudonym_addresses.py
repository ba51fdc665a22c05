"""Pseudonyms of IP addresses. They are IP addresses too, and show which originals share a network.

A pseudonym is an IPv6 address in the range for private networks (``fd00::/8``, RFC 4193), whatever the version of the
original. After the eight fixed bits come 40 keyed bits of the network and 80 keyed bits of the address as sent.
So the /48 of a pseudonym stands for the network of the original, and no bit of the original is left.
"""

from __future__ import annotations

import ipaddress
import re

from te_audit_frames.errors import InvalidArgument
from te_audit_frames.exchange.keyed import Keyed

_PREFIX = b"\xfd"
_NETWORK_BYTES, _HOST_BYTES = 5, 10


def parse_network(network: str) -> int:
    """Return the number of bits of an argument such as ``"/24"``.

    Raises
    ------
    InvalidArgument
        It is not a slash and a number from 1 to 32.

    Examples
    --------
    >>> from te_audit_frames.exchange.pseudonym_addresses import parse_network
    >>> parse_network("/24")
    24
    """
    found = re.fullmatch(r"/([1-9]|[12][0-9]|3[0-2])", network, re.ASCII) if isinstance(network, str) else None
    if found is None:
        raise InvalidArgument(
            f'network: {network!r} is not "/1" to "/32", the leading bits of an IPv4 address that make a network. For '
            'example network="/24".'
        )
    return int(found[1])


def pseudonymize_address(text: str, keyed: Keyed, bits: int) -> str:
    """Return the pseudonym of an address, a block, a list of addresses, or any other text.

    Parameters
    ----------
    text : str
        The value in the log. The parts of a list are separated by commas.
    keyed : Keyed
        The key.
    bits : int
        How many leading bits of an IPv4 address make a network; twice as many make an IPv6 network. A block that is
        larger counts as a network of its own.

    Returns
    -------
    str
        An address for an address, a /128 block for a block, and a list for a list. Any other text becomes text that is
        not an address.

    Examples
    --------
    >>> from te_audit_frames.exchange.keyed import Keyed
    >>> from te_audit_frames.exchange.pseudonym_addresses import pseudonymize_address
    >>> keyed = Keyed("for an example only, never for real")
    >>> one, other = (pseudonymize_address(text, keyed, 24) for text in ("203.0.113.9", "203.0.113.10"))
    >>> one[:14] == other[:14], one == other
    (True, False)
    """
    parts = text.split(",")
    found = [_pseudonymize_one(part.strip(), keyed, bits) for part in parts]
    if any(each is None for each in found):
        return keyed.name("address", text)
    # White space is kept, so that two different lists stay different.
    return ",".join(part.replace(part.strip(), each or "", 1) for part, each in zip(parts, found, strict=True))


def _pseudonymize_one(text: str, keyed: Keyed, bits: int) -> str | None:
    try:
        block = ipaddress.ip_interface(text)
    except ValueError:
        return None
    host = keyed.digest("address", text)[:_HOST_BYTES]
    prefix = keyed.digest("network", _network_of(block, bits))[:_NETWORK_BYTES]
    address = ipaddress.IPv6Address(_PREFIX + prefix + host)
    return f"{address}/128" if "/" in text else str(address)


def _network_of(block: ipaddress.IPv4Interface | ipaddress.IPv6Interface, bits: int) -> str:
    # Numbers leave out the zone of a link-local address ("fe80::1%eth0"), which is not part of its network.
    number, width, length = int(block), block.max_prefixlen, block.network.prefixlen
    if width == 128 and number >> 32 == 0xFFFF and length >= 96:  # an IPv4 address in the notation of IPv6
        number, width, length = number & 0xFFFFFFFF, 32, length - 96
    length = min(length, bits if width == 32 else 2 * bits)
    return f"{width}/{number >> (width - length)}/{length}"
