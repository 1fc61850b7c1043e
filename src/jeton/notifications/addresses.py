"""Addresses: where a webhook may go. Who gives us an address must not reach our own network through us.

A name says nothing: it is resolved, every address behind it is checked, and the connection is made to
an address that was checked. This happens when an endpoint is made and again at each delivery, so a
name that points elsewhere later gains nothing. Numbers in odd spellings (``0x7f.1``, ``2130706433``)
are resolved as the system reads them, and then checked like any other.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import quote, urlsplit

from jeton.notifications.errors import WebhookAddressError

URL_CHARS_MAX = 2000
RESOLVE_TIMEOUT_S = 5.0
PORTS = {"http": 80, "https": 443}
# What of a path or query may stand in a request line as it is; all else is percent-encoded.
_PATH_CHARACTERS = "/%:@!$&'()*+,;=~-._?"

_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")
_IPV4_MASK = 0xFFFFFFFF
# Where clouds tell a machine its own secrets outside of the link-local networks: Amazon over IPv6, Alibaba,
# Oracle, and Azure, whose address looks like one of the internet.
_METADATA = frozenset(map(ip_address, ("fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16")))

Resolve = Callable[[str, int], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class Target:
    """A webhook's URL, taken apart."""

    url: str
    host: str
    port: int
    is_tls: bool
    host_header: str
    path: str


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host as this machine sees them, each once; OSError if there are none."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True, slots=True)
class AddressRules:
    """What may be called: the internet, or with ``allows_private`` also the operator's own networks."""

    allows_private: bool = False
    resolve: Resolve = resolve

    def parse(self, url: str) -> Target:
        """Take a URL apart; WebhookAddressError for one that is not allowed whatever its host is."""
        if len(url) > URL_CHARS_MAX or not (url.isascii() and url.isprintable()) or " " in url:
            raise WebhookAddressError(
                url, f"an address is a URL of at most {URL_CHARS_MAX} ASCII characters without spaces"
            )
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise WebhookAddressError(url, "it has no valid host or port") from None
        if parts.scheme not in PORTS or not host:
            raise WebhookAddressError(url, "an address begins with https:// and a host")
        if parts.scheme == "http" and not self.allows_private:
            raise WebhookAddressError(
                url, "only https is allowed, since JETON_WEBHOOK_PRIVATE_NETWORKS is no"
            )
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise WebhookAddressError(url, "an address has no user, password or fragment")
        default = PORTS[parts.scheme]
        named = f"[{host}]" if ":" in host else host
        query = f"?{parts.query}" if parts.query else ""
        return Target(
            url=url,
            host=host,
            port=port or default,
            is_tls=parts.scheme == "https",
            host_header=named if port in {None, default} else f"{named}:{port}",
            path=quote((parts.path or "/") + query, safe=_PATH_CHARACTERS),
        )

    async def locate(self, target: Target) -> list[str]:
        """The addresses to connect to, all of them allowed; WebhookAddressError if one is not."""
        try:
            async with asyncio.timeout(RESOLVE_TIMEOUT_S):
                addresses = await self.resolve(target.host, target.port)
        except (OSError, UnicodeError, TimeoutError):
            addresses = []
        if not addresses:
            raise WebhookAddressError(target.url, f"the name {target.host} cannot be resolved")
        # Which address it is stays here: the names of the inside are nobody's to look up.
        for address in addresses:
            if problem := find_problem(address, allows_private=self.allows_private):
                raise WebhookAddressError(target.url, f"{target.host} is {problem}")
        return addresses

    async def check(self, url: str) -> Target:
        """The URL taken apart, if a webhook may go there now; else WebhookAddressError."""
        target = self.parse(url)
        await self.locate(target)
        return target


def find_problem(address: str, *, allows_private: bool) -> str:
    """Why an address may not be called; "" if it may."""
    found = unwrap(ip_address(address.partition("%")[0]))
    if found.is_multicast or found.is_unspecified or (found.is_reserved and not found.is_loopback):
        return "no address of one machine"
    if found.is_link_local:
        # Where clouds tell a machine its own secrets; no receiver lives there.
        return "a link-local address, which is never allowed"
    if found in _METADATA:
        return "where a cloud tells a machine its secrets, which is never allowed"
    is_site_local = isinstance(found, IPv6Address) and found.is_site_local
    if (not found.is_global or is_site_local) and not allows_private:
        return "on a private network, and JETON_WEBHOOK_PRIVATE_NETWORKS is no"
    return ""


def unwrap(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one stands for (mapped, 6to4, NAT64, compatible), else itself."""
    if isinstance(address, IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is not None:
        return inner
    is_plain = address.is_unspecified or address.is_loopback
    if address in _NAT64 or (address in _COMPATIBLE and not is_plain):
        return IPv4Address(int(address) & _IPV4_MASK)
    return address
