"""Amounts: ISO 4217's minor units as Stripe counts them, which is otherwise for a few currencies.

Sources: https://docs.stripe.com/currencies, "zero-decimal" and "special cases": ISK and UGX have no decimals
in ISO 4217, but are given with two, always 00; MGA has two there, and none at Stripe.
"""

from jeton.billing.providers.errors import ProviderRefusedError

_HUNDRED = 100
_WITH_TWO = frozenset({"ISK", "UGX"})
_WITHOUT = frozenset({"MGA"})
# Three decimals, the last of which must be 0.
_TENS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
_TEN = 10


def to_stripe(amount_minor: int, currency: str) -> int:
    """Our minor units as Stripe's; ProviderRefusedError for what it cannot charge."""
    if currency in _WITH_TWO:
        return amount_minor * _HUNDRED
    step = _HUNDRED if currency in _WITHOUT else _TEN if currency in _TENS else 1
    if amount_minor % step:
        raise ProviderRefusedError("stripe", f"{amount_minor} minor units of {currency} cannot be charged.")
    return amount_minor // _HUNDRED if currency in _WITHOUT else amount_minor


def from_stripe(amount: int, currency: str) -> int:
    """Stripe's minor units as ours."""
    if currency in _WITH_TWO:
        return amount // _HUNDRED
    return amount * _HUNDRED if currency in _WITHOUT else amount
