"""Where webhooks may go: by whatever spelling, nobody reaches our own network through us."""

import pytest

from jeton.notifications.addresses import AddressRules, find_problem
from jeton.notifications.errors import WebhookAddressError

PRIVATE = [
    "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "100.64.0.1", "198.18.0.1", "192.0.0.1", "192.0.2.1", "::1", "fd00::1", "fec0::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "2002:7f00:1::", "2002:a00:1::1",
    "64:ff9b::7f00:1", "64:ff9b::a00:1", "2001::1",
]  # fmt: skip
NEVER = [
    "0.0.0.0",  # noqa: S104 - refused here, not bound
    "::", "255.255.255.255", "240.0.0.1", "224.0.0.1", "ff02::1", "::ffff:0.0.0.0",
    "fd00:ec2::254", "100.100.100.200", "::ffff:100.100.100.200", "192.0.0.192",
    "168.63.129.16", "2002:a83f:8110::1",
    "169.254.169.254", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_refused_unless_it_is_allowed(address: str) -> None:
    assert "private network" in find_problem(address, allows_private=False)
    assert find_problem(address, allows_private=True) == ""


@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_never_allowed(address: str) -> None:
    assert find_problem(address, allows_private=False)
    assert find_problem(address, allows_private=True)


@pytest.mark.parametrize("address", PUBLIC)
def test_the_internet_is_allowed(address: str) -> None:
    assert find_problem(address, allows_private=False) == ""


async def nothing(host: str, port: int) -> list[str]:
    del host, port
    return []


def answering(*addresses: str) -> AddressRules:
    async def resolve(host: str, port: int) -> list[str]:
        del host, port
        return list(addresses)

    return AddressRules(resolve=resolve)


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://hooks.example.com/", "only https is allowed, since JETON_WEBHOOK_PRIVATE_NETWORKS is no"),
        ("ftp://hooks.example.com/", "an address begins with https:// and a host"),
        ("hooks.example.com", "an address begins with https:// and a host"),
        ("https:///path", "an address begins with https:// and a host"),
        ("https://me:secret@hooks.example.com/", "an address has no user, password or fragment"),
        ("https://hooks.example.com/#here", "an address has no user, password or fragment"),
        ("https://hooks.example.com:99999/", "it has no valid host or port"),
        ("https://[::1/", "it has no valid host or port"),
        ("https://a b/", "an address is a URL of at most 2000 ASCII characters without spaces"),
        ("https://a/\r\nx-more: y", "an address is a URL of at most 2000 ASCII characters without spaces"),
        (f"https://a/{'x' * 2000}", "an address is a URL of at most 2000 ASCII characters without spaces"),
        ("https://b\u00fc.example/", "an address is a URL of at most 2000 ASCII characters without spaces"),
    ],
)
async def test_a_url_that_breaks_a_rule_is_named_with_it(url: str, rule: str) -> None:
    with pytest.raises(WebhookAddressError) as refused:
        await answering("8.8.8.8").check(url)
    assert str(refused.value).endswith(f": {rule}.")
    assert "\n" not in str(refused.value)


# What inet_aton reads as 127.0.0.1, as the system's resolver does.
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]"]
)
async def test_our_own_machine_is_refused_in_every_spelling(host: str) -> None:
    """The system resolves numbers without asking anybody, so this needs no network."""
    with pytest.raises(WebhookAddressError, match=r"on a private network, and JETON_WEBHOOK_PRIVATE"):
        await AddressRules().check(f"https://{host}/")


async def test_one_private_address_among_public_ones_is_enough() -> None:
    with pytest.raises(WebhookAddressError, match=r"hooks\.example\.com is on a private"):
        await answering("8.8.8.8", "10.0.0.8").check("https://hooks.example.com/")


async def test_a_name_that_nobody_knows_is_refused() -> None:
    with pytest.raises(WebhookAddressError, match=r"the name hooks\.example\.com cannot be resolved"):
        await AddressRules(resolve=nothing).check("https://hooks.example.com/")


async def test_a_good_url_is_taken_apart() -> None:
    target = await answering("8.8.8.8").check("https://Hooks.Example.com:8443/a%20b?c=d'")
    assert (target.host, target.port, target.is_tls) == ("hooks.example.com", 8443, True)
    assert (target.host_header, target.path) == ("hooks.example.com:8443", "/a%20b?c=d'")


async def test_plain_http_is_for_private_networks() -> None:
    rules = AddressRules(allows_private=True, resolve=answering("10.0.0.8").resolve)
    target = await rules.check("http://receiver")
    assert (target.port, target.is_tls, target.host_header, target.path) == (80, False, "receiver", "/")
