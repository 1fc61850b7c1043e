"""Restrictions of keys: what they may name, and which addresses a network holds."""

import pytest

from jeton.identity.restricting.restrictions import (
    NETWORKS_MAX,
    UNRESTRICTED,
    RestrictionError,
    is_within,
    parse_network,
    parse_restriction,
)


def test_what_is_named_twice_counts_once_and_nothing_is_no_restriction() -> None:
    found = parse_restriction(["claude-sonnet-5", " claude-sonnet-5 ", ""], ["192.0.2.7", "192.0.2.7/32", ""])
    assert (found.models, found.networks) == (("claude-sonnet-5",), ("192.0.2.7/32",))
    assert parse_restriction([], [""]) == UNRESTRICTED


@pytest.mark.parametrize("text", ["192.0.2.7/24", "192.0.2", "here", "::1/129", "192.0.2.0/24/1", "\x00"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(RestrictionError, match="is no network"):
        parse_network(text)


def test_there_is_an_end_to_both() -> None:
    with pytest.raises(RestrictionError, match="networks"):
        parse_restriction([], [f"192.0.2.{number}" for number in range(NETWORKS_MAX + 1)])
    with pytest.raises(RestrictionError, match="models"):
        parse_restriction([f"m{number}" for number in range(101)], [])


@pytest.mark.parametrize(
    ("address", "is_in"),
    [
        ("192.0.2.255", True),
        ("192.0.3.0", False),
        ("::ffff:192.0.2.1", True),
        ("2001:db8::5%eth0", True),
        ("2001:db9::5", False),
        ("", False),
        ("unix:", False),
    ],
)
def test_an_address_is_within_its_network_only(address: str, is_in: bool) -> None:  # noqa: FBT001 - the table gives it by name
    networks = [parse_network("192.0.2.0/24"), parse_network("2001:db8::/32")]
    assert is_within(address, networks) is is_in
