"""Intake: what one address may send, and a crowd of them."""

import pytest

from jeton.site.intake import Pace, Pacer, TooOftenError

# A window that no test outlives.
PACE = Pace(window_s=1_000_000_000, by_address_max=2, altogether_max=5)


def test_an_address_and_a_crowd_of_them_have_their_limits() -> None:
    pacer = Pacer(PACE, "messages")
    pacer.admit("a")
    pacer.admit("a")
    with pytest.raises(TooOftenError, match="Too many messages for now"):
        pacer.admit("a")
    for address in ("b", "c", "d"):
        pacer.admit(address)
    with pytest.raises(TooOftenError):
        pacer.admit("e")
