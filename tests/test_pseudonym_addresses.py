"""Pseudonyms of addresses: networks stay together, and no bit of an address is left."""

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.pseudonyms import KEYED

import te_audit_frames as taf
from te_audit_frames.checks.networks import network_of
from te_audit_frames.exchange.pseudonym_addresses import parse_network, pseudonymize_address


@pytest.mark.parametrize(
    ("one", "other", "bits", "together"),
    [
        ("203.0.113.9", "203.0.113.10", 24, True),
        ("203.0.113.9", "203.0.114.9", 24, False),
        ("203.0.113.9", "203.0.114.9", 16, True),
        ("203.0.113.9", "::ffff:203.0.113.10", 24, True),
        ("203.0.113.9", "203.0.113.0/25", 24, True),
        ("203.0.113.0/25", "203.0.113.128/25", 24, True),
        ("10.0.0.0/8", "10.0.0.1", 24, False),
        ("10.0.0.0/8", "10.9.9.9/8", 24, True),
        ("2001:db8:1:2::3", "2001:db8:1:ffff::1", 24, True),
        ("2001:db8:1:2::3", "2001:db8:2:2::3", 24, False),
        ("2001:db8:1:2::3", "2001:DB8:1:2::3", 24, True),
        ("fe80::1%eth0", "fe80::1%eth1", 24, True),
        ("0.0.0.0", "::", 24, False),
    ],
)
def test_a_pseudonym_is_an_address_of_its_network(one, other, bits, together):
    left, right = (pseudonymize_address(text, KEYED, bits) for text in (one, other))
    assert left != right
    for original, pseudonym in ((one, left), (other, right)):
        found = ipaddress.ip_interface(pseudonym)
        assert found.ip in ipaddress.ip_network("fd00::/8")
        assert ("/" in pseudonym) == ("/" in original)
    assert (network_of(left) == network_of(right)) == together


def test_lists_stay_lists_and_other_text_stays_unreadable():
    one, other = (pseudonymize_address(text, KEYED, 24) for text in ("1.2.3.4", "::1"))
    assert pseudonymize_address("1.2.3.4, ::1", KEYED, 24) == f"{one}, {other}"
    assert pseudonymize_address(" 1.2.3.4", KEYED, 24) == f" {one}"
    for text in ("unknown", "1.2.3.4, unknown", "1.2.3.4;::1", "01.2.3.4", "1.2.3", ",", " ", "1.2.3.4/33"):
        assert re.fullmatch(r"address-[a-z2-7]{16}", pseudonymize_address(text, KEYED, 24))


def test_the_bits_of_pseudonyms_do_not_follow_those_of_addresses():
    found = [int(ipaddress.ip_address(pseudonymize_address(f"10.0.{n}.1", KEYED, 24))) for n in range(256)]
    for bit in range(120):
        ones = sum(number >> bit & 1 for number in found)
        assert 80 < ones < 176  # six standard deviations around the half
    assert len({number >> 80 for number in found}) == 256


V4, V6 = st.ip_addresses(v=4), st.ip_addresses(v=6).filter(lambda address: address.ipv4_mapped is None)


@given(V4, V4, st.integers(1, 32))
def test_two_addresses_share_a_network_exactly_if_their_leading_bits_are_the_same(one, other, bits):
    other = ipaddress.IPv4Address(int(other) & ~(-1 << (32 - bits)) | int(one) & (-1 << (32 - bits)))  # one network
    far = ipaddress.IPv4Address(int(one) ^ 1 << (32 - bits))  # its neighbour
    prefixes = [ipaddress.ip_address(pseudonymize_address(str(each), KEYED, bits)).packed[:6] for each in (one, other)]
    assert prefixes[0] == prefixes[1]
    assert ipaddress.ip_address(pseudonymize_address(str(far), KEYED, bits)).packed[:6] != prefixes[0]


@given(V6, st.integers(1, 32))
def test_of_ipv6_twice_as_many_bits_make_a_network(address, bits):
    near, far = (ipaddress.IPv6Address(int(address) ^ 1 << place) for place in (127 - 2 * bits, 128 - 2 * bits))
    one, same, other = (
        ipaddress.ip_address(pseudonymize_address(str(each), KEYED, bits)).packed[:6] for each in (address, near, far)
    )
    assert one == same != other


@pytest.mark.parametrize("network", ["/1", "/9", "/10", "/24", "/32"])
def test_leading_bits_are_a_number_from_1_to_32(network):
    assert parse_network(network) == int(network[1:])


@pytest.mark.parametrize("network", ["/0", "/33", "/024", "24", "/24 ", "/24\n", "/٢٤", "/", "", None, 24, b"/24"])
def test_other_leading_bits_are_refused(network):
    with pytest.raises(taf.InvalidArgument, match=r"^network: .*network=\"/24\""):
        parse_network(network)


def test_an_empty_text_stays_empty():
    assert pseudonymize_address("", KEYED, 24) == ""
