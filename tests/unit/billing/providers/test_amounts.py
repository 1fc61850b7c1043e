"""Minor units as Stripe counts them (docs.stripe.com/currencies, "special cases")."""

import pytest

from jeton.billing.providers.errors import ProviderRefusedError
from jeton.billing.providers.stripe.amounts import from_stripe, to_stripe


@pytest.mark.parametrize(
    ("currency", "ours", "theirs"),
    [("USD", 11_900, 11_900), ("JPY", 500, 500), ("ISK", 5, 500), ("UGX", 5, 500), ("KWD", 5_120, 5_120),
     ("MGA", 500, 5)],
)  # fmt: skip
def test_an_amount_goes_there_and_comes_back(currency: str, ours: int, theirs: int) -> None:
    assert to_stripe(ours, currency) == theirs
    assert from_stripe(theirs, currency) == ours


@pytest.mark.parametrize(("currency", "amount"), [("KWD", 5_124), ("MGA", 50)])
def test_what_stripe_cannot_charge_is_refused_before_it_is_asked(currency: str, amount: int) -> None:
    with pytest.raises(ProviderRefusedError, match=currency):
        to_stripe(amount, currency)
