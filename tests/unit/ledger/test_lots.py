"""Lots: the burn-down order and what a draw takes."""

from datetime import UTC, datetime, timedelta

import pytest

from jeton.ledger.chart import LotKind
from jeton.ledger.lots import Draw, Lot, available, burn_order, draw, split

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MODEL = "claude-sonnet-5-5"


def lot(lot_id: str, left_nano: int = 100, **changes: object) -> Lot:
    """A free lot without expiry, granted an hour before noon."""
    fields: dict[str, object] = {
        "lot_id": lot_id,
        "kind": LotKind.FREE,
        "priority": 0,
        "models": None,
        "effective_at": NOON - timedelta(hours=1),
        "expires_at": None,
        "granted_at": NOON - timedelta(hours=1),
        "granted_nano": left_nano,
        "left_nano": left_nano,
    }
    return Lot(**{**fields, **changes})  # type: ignore[arg-type]  # a table of fields reads better here


ORDER = {
    "restricted before unrestricted": (lot("b", models=frozenset({MODEL}), priority=9), lot("a")),
    "lower priority number first": (lot("b", priority=1), lot("a", priority=2)),
    "soonest expiry first": (
        lot("b", expires_at=NOON + timedelta(days=1)),
        lot("a", expires_at=NOON + timedelta(days=2)),
    ),
    "an expiry before none": (lot("b", expires_at=NOON + timedelta(days=999)), lot("a")),
    "free before paid": (lot("b"), lot("a", kind=LotKind.PAID)),
    "promotional counts as free": (lot("b", kind=LotKind.PROMOTIONAL), lot("a", kind=LotKind.COMMIT)),
    "oldest first": (lot("b", granted_at=NOON - timedelta(hours=3)), lot("a")),
    "the id decides at last": (lot("a"), lot("b")),
}


@pytest.mark.parametrize(("first", "second"), ORDER.values(), ids=ORDER)
def test_burn_order(first: Lot, second: Lot) -> None:
    """Each rule of the order decides when all before it tie."""
    assert sorted([second, first], key=burn_order) == [first, second]


def test_a_draw_goes_through_lots_in_order() -> None:
    """130 of two lots of 100 empties the first."""
    assert draw([lot("a"), lot("b")], 130, model=MODEL, at=NOON) == (Draw("a", 100), Draw("b", 30))


def test_a_draw_of_nothing_takes_nothing() -> None:
    """A request that cannot cost anything holds nothing."""
    assert draw([lot("a")], 0, model=MODEL, at=NOON) == ()


def test_expiry_is_exclusive_and_effect_inclusive() -> None:
    """A lot is in force from its effective instant up to, not including, its expiry."""
    dated = lot("a", effective_at=NOON, expires_at=NOON + timedelta(seconds=1))
    instants = [NOON - timedelta(microseconds=1), NOON, NOON + timedelta(microseconds=999_999)]
    usable = [dated.is_usable(MODEL, at) for at in [*instants, NOON + timedelta(seconds=1)]]
    assert usable == [False, True, True, False]


def test_a_restricted_lot_pays_for_its_models_only() -> None:
    """Credit for one model is not available to another."""
    restricted = lot("a", models=frozenset({"claude-opus-5"}))
    assert available([restricted], MODEL, NOON) == 0
    assert available([restricted], "claude-opus-5", NOON) == 100


def test_split_uses_in_burn_order_and_returns_the_rest() -> None:
    """A charge of 120 against draws of 100 and 50 uses the first whole."""
    used, returned = split([Draw("a", 100), Draw("b", 50)], 120)
    assert used == (Draw("a", 100), Draw("b", 20))
    assert returned == (Draw("b", 30),)


def test_a_revoked_lot_is_not_drawn_on_whatever_is_left_in_it() -> None:
    """What comes back to it is there for a moment, before it is taken back."""
    revoked = lot("a", revoked_at=NOON)
    assert draw([revoked, lot("b")], 150, model=MODEL, at=NOON) == (Draw("b", 100),)
    assert available([revoked], MODEL, NOON) == 0
