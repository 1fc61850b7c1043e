"""Restrictions: which models a key may ask, and from which networks.

A restriction is checked at the door, on every request to a model. It takes nothing back of what was done.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from jeton.errors import InvalidInputError

MODELS_MAX = 100
NETWORKS_MAX = 50
_MODEL_CHARS_MAX = 200

Network = IPv4Network | IPv6Network


class RestrictionError(InvalidInputError):
    """A restriction that cannot be; the sentence says what to change."""

    code = "invalid_restriction"


@dataclass(frozen=True, slots=True)
class Restriction:
    """Models by their id, networks as addresses or in CIDR notation; None: any."""

    models: tuple[str, ...] | None = None
    networks: tuple[str, ...] | None = None


UNRESTRICTED = Restriction()


def parse_restriction(models: Sequence[str], networks: Sequence[str]) -> Restriction:
    """What a form or a body names, each once; nothing named is no restriction. RestrictionError."""
    ids = tuple(dict.fromkeys(name.strip() for name in models if name.strip()))
    ranges = tuple(dict.fromkeys(str(parse_network(text)) for text in networks if text.strip()))
    are_names = all(len(name) <= _MODEL_CHARS_MAX and name.isprintable() for name in ids)
    if len(ids) > MODELS_MAX or not are_names:
        raise RestrictionError(f"A key is restricted to at most {MODELS_MAX} models, by their ids.")
    if len(ranges) > NETWORKS_MAX:
        raise RestrictionError(f"A key is restricted to at most {NETWORKS_MAX} networks.")
    return Restriction(ids or None, ranges or None)


def parse_network(text: str) -> Network:
    """An address or a range such as 192.0.2.0/24; RestrictionError."""
    try:
        return ip_network(text.strip())
    except ValueError:
        raise RestrictionError(
            f"{text.strip()[:60]!a} is no network. Write an address such as 192.0.2.7, or the first address"
            " of a range such as 192.0.2.0/24."
        ) from None


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Whether an address, as a connection has it, is in one of the networks; one that is none is not."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    # What comes over IPv6's form of an IPv4 address comes from that.
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in network for network in networks)
