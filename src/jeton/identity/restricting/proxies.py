"""Proxies: whose word is taken about the address that a request comes from. Without a setting, nobody's.

Every proxy adds at the end of ``x-forwarded-for`` the address that it was asked by; what stands before that
is whatever it was told, which may be a forgery. So the list is read from its end, over the proxies that the
operator named, to the first address that is none of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from jeton.identity.restricting.restrictions import Network, is_within

HOPS_MAX = 32
HEADER = b"x-forwarded-for"


@dataclass(frozen=True, slots=True)
class Proxies:
    """The networks of the proxies that are believed."""

    networks: Sequence[Network] = ()

    def find_address(self, peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """Who asked, of a connection from ``peer``; ``headers`` have names in lower case.

        Behind 10.0.0.1, which is named, ``198.51.100.1, 203.0.113.9`` is of 203.0.113.9, who may have made up
        the other. Where a hop is no address, its proxy's own is all that is known.
        """
        if not self.networks or not is_within(peer, self.networks):
            return peer
        told = b",".join(value for name, value in headers if name == HEADER)
        found = peer
        for hop in reversed(told.rsplit(b",", HOPS_MAX)[-HOPS_MAX:]):
            address = _parse_hop(hop.decode("latin-1"))
            if address is None:
                break
            found = str(address)
            if not is_within(found, self.networks):
                break
        return found


NO_PROXIES = Proxies()


def _parse_hop(text: str) -> IPv4Address | IPv6Address | None:
    """An address, which some proxies write with its port: 192.0.2.7:4711, [2001:db8::7]:4711."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
