"""Proxies: the address of whoever asked, and that nobody else's word about it counts."""

from ipaddress import ip_network

import pytest

from jeton.identity.restricting.proxies import HOPS_MAX, NO_PROXIES, Proxies
from jeton.settings.parsers import parse_networks

OURS = Proxies((ip_network("10.0.0.0/8"), ip_network("127.0.0.1"), ip_network("2001:db8:1::/48")))

FOUND = {
    "a stranger is not believed": ("192.0.2.7", ["203.0.113.9"], "192.0.2.7"),
    "the last one is the proxy's": ("10.0.0.1", ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
    "over two proxies": ("10.0.0.1", ["198.51.100.1, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
    "headers are one list": ("10.0.0.1", ["198.51.100.1", "203.0.113.9", "10.0.0.2"], "203.0.113.9"),
    "from one of the proxies": ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
    "no header": ("10.0.0.1", [], "10.0.0.1"),
    "an empty header": ("10.0.0.1", [""], "10.0.0.1"),
    "no address": ("10.0.0.1", ["203.0.113.9, unknown"], "10.0.0.1"),
    "no address before a proxy": ("10.0.0.1", ["203.0.113.9, \x00\xff, 10.0.0.2"], "10.0.0.2"),
    "with a port": ("10.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
    "IPv6": ("2001:db8:1::1", ["2001:0DB8:2::7"], "2001:db8:2::7"),
    "IPv6 with a port": ("10.0.0.1", ["[2001:db8:2::7]:4711"], "2001:db8:2::7"),
    "IPv4 as IPv6": ("::ffff:10.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
    "over a socket": ("", ["203.0.113.9"], ""),
}


@pytest.mark.parametrize(("peer", "told", "address"), FOUND.values(), ids=FOUND)
def test_who_asked_is_the_last_whom_no_named_proxy_is(peer: str, told: list[str], address: str) -> None:
    headers = [(b"accept", b"*/*"), *((b"x-forwarded-for", text.encode("latin-1")) for text in told)]
    assert OURS.find_address(peer, headers) == address


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "10.0.0.1"])
def test_without_the_setting_nobody_is_believed(peer: str) -> None:
    assert NO_PROXIES.find_address(peer, [(b"x-forwarded-for", b"203.0.113.9")]) == peer


def test_a_list_without_end_is_read_as_far_as_a_limit() -> None:
    told = b"203.0.113.9," + b"10.0.0.9," * HOPS_MAX + b"10.0.0.2"
    assert OURS.find_address("10.0.0.1", [(b"x-forwarded-for", told)]) == "10.0.0.9"


def test_proxies_are_addresses_and_networks() -> None:
    assert parse_networks("127.0.0.1, 10.0.0.0/8,::1,") == tuple(
        map(ip_network, ("127.0.0.1", "10.0.0.0/8", "::1"))
    )
    for text in ("proxy.example", "10.0.0.1/8", "10.0.0.0/33", "*"):
        with pytest.raises(ValueError, match="is not a list"):
            parse_networks(text)
    for text in ("0.0.0.0/0", "::/0"):
        with pytest.raises(ValueError, match="names everybody"):
            parse_networks(text)
