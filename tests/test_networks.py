"""The network of an address: by its leading bits, and none for what is no address."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_network

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import te_audit_frames as taf
from te_audit_frames.checks.networks import network_of, to_networks


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.0/24"),
        (" 203.0.113.9 ", "203.0.113.0/24"),
        ("203.0.113.9/32", "203.0.113.0/24"),
        ("203.0.113.128/25", "203.0.113.0/24"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::ffff:203.0.113.9", "203.0.113.0/24"),
        ("::ffff:203.0.0.0/104", "203.0.0.0/8"),
        ("fe80::1%eth0", "fe80::/48"),
        ("", None),
        ("unknown", None),
        ("203.0.113", None),
        ("203.0.113.9/33", None),
        (None, None),
    ],
)
def test_the_network_of_an_address(address, network):
    found = to_networks(pd.Series([address, "192.0.2.1"], index=[5, 3], dtype="str"))
    assert found.index.tolist() == [5, 3]
    assert found.dtype == "str"
    assert [None if pd.isna(one) else one for one in found] == [network, "192.0.2.0/24"]


@pytest.mark.parametrize("bits", [{"v4": 0}, {"v4": 33}, {"v6": 129}, {"v6": "48"}])
def test_bits_that_are_none_are_refused(bits):
    with pytest.raises(taf.InvalidArgument, match=f"^{next(iter(bits))}: "):
        to_networks(pd.Series(["192.0.2.1"]), **bits)


# With 80 bits or more, a network may have addresses that stand for IPv4, and others that do not.
@given(st.ip_addresses(), st.integers(1, 32), st.integers(1, 79))
def test_an_address_lies_in_its_network_and_so_do_those_that_share_its_leading_bits(address, v4, v6):
    found = ip_network(network_of(str(address), v4, v6))
    plain = getattr(address, "ipv4_mapped", None) or address
    assert plain in found
    assert found.prefixlen == (v4 if plain.version == 4 else v6)
    assert {network_of(str(found[at]), v4, v6) for at in (0, -1)} == {str(found)}


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_an_address_means_the_same_if_it_is_written_as_ipv6(address, bits):
    mapped = IPv6Address((0xFFFF << 32) + int(address))
    assert network_of(f"{mapped}/{96 + bits}") == network_of(f"{address}/{bits}")


@given(st.text() | st.text(alphabet="0123456789abcdef:./% \0\u0661\n"))
def test_no_text_is_too_odd(text):
    found = network_of(text)
    assert found is None or str(ip_network(found)) == found


def test_nothing_and_nulls_alone_have_no_network():
    assert to_networks(pd.Series([], dtype="str")).tolist() == []
    assert to_networks(pd.Series([None, None], dtype="str")).isna().all()
