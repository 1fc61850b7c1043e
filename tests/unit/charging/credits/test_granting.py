"""Granting: what makes no sense is refused before anything is written."""

from datetime import UTC, datetime, timedelta

import pytest

from jeton.charging.credits.granting import Grant, check_models, grant_lot
from jeton.charging.errors import GrantError
from jeton.ids import new_uuid
from jeton.ledger.chart import LotKind

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
GIVEN, PAID = LotKind.PROMOTIONAL, LotKind.PAID

REFUSED = {
    "nothing": (Grant(GIVEN, 0, "x"), "A grant of 0.00 dollars is not possible"),
    "less than nothing": (Grant(GIVEN, -1, "x"), "A grant of -0.000000001 dollars is not possible"),
    "more than can be": (Grant(GIVEN, 2**62, "x"), "at most 4611686018.427387903"),
    "no reason": (Grant(GIVEN, 1, ""), "needs a reason of 1 to 500"),
    "a reason too long": (Grant(GIVEN, 1, "x" * 501), "needs a reason of 1 to 500"),
    "the reason of trials": (Grant(GIVEN, 1, "trial"), "is kept for an organization's one trial"),
    "expired at once": (Grant(GIVEN, 1, "x", NOON), "would expire at 2026-11-22T12:00:00+00:00"),
    "no days": (Grant(GIVEN, 1, "x", days=0), "lasts from 1 to 36500 days, not 0"),
    "two expiries": (Grant(GIVEN, 1, "x", NOON + timedelta(1), days=1), "not both"),
    "a clock without days": (Grant(GIVEN, 1, "x", is_clock_on_use=True), "needs a number of days"),
    "a gift with a cost": (Grant(GIVEN, 2, "x", cost_basis_nano=1), "has no cost basis"),
    "a cost above the credit": (Grant(PAID, 2, "x", cost_basis_nano=3), "must be from 0 to the 0.000000002"),
    "a cost below nothing": (Grant(PAID, 2, "x", cost_basis_nano=-1), "must be from 0"),
    "for no model at all": (Grant(GIVEN, 1, "x", models=frozenset()), "at least one"),
    "a priority too high": (Grant(GIVEN, 1, "x", priority=32_768), "from -32767 to 32767"),
}


@pytest.mark.parametrize(("given", "problem"), REFUSED.values(), ids=REFUSED)
def test_is_refused(given: Grant, problem: str) -> None:
    """One clear sentence."""
    with pytest.raises(GrantError) as refusal:
        grant_lot(new_uuid(), given, NOON)
    assert problem in str(refusal.value)


def test_a_purchase_costs_its_face_value_and_a_gift_nothing() -> None:
    """Unless something else is said."""
    assert grant_lot(new_uuid(), Grant(PAID, 100, "x"), NOON).lot.cost_basis_nano == 100
    assert grant_lot(new_uuid(), Grant(PAID, 100, "x", cost_basis_nano=90), NOON).lot.cost_basis_nano == 90
    assert grant_lot(new_uuid(), Grant(GIVEN, 100, "x"), NOON).lot.cost_basis_nano == 0


def test_days_count_from_the_grant_or_from_the_first_use() -> None:
    """The second has no expiry yet."""
    lot = grant_lot(new_uuid(), Grant(GIVEN, 1, "x", days=30), NOON).lot
    assert (lot.expires_at, lot.first_use_days) == (NOON + timedelta(days=30), None)
    lot = grant_lot(new_uuid(), Grant(GIVEN, 1, "x", days=30, is_clock_on_use=True), NOON).lot
    assert (lot.expires_at, lot.first_use_days) == (None, 30)


def test_a_model_without_a_price_is_refused() -> None:
    """Credit that nobody could ever use."""
    check_models({"a"}, ("a", "b"))
    with pytest.raises(GrantError, match="There is no model c, d in the price book"):
        check_models({"a", "c", "d"}, ("a", "b"))
