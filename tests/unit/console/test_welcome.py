"""The first run's test request asks a model that the trial pays for."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from jeton.console.routes.signing.welcome import MODEL, choose_model
from jeton.insight.balance import Amounts, Balance, LotBalance

AT = datetime(2026, 11, 22, tzinfo=UTC)
NOTHING = Amounts(0, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("models", "served", "chosen"),
    [
        (None, {"m"}, MODEL),
        (("m", MODEL), {"m", MODEL}, MODEL),
        (("gone", "m"), {"m", MODEL}, "m"),
        (("gone",), {MODEL}, "gone"),
    ],
    ids=["every model", "ours among them", "one that is served", "none that is served"],
)
def test_the_model_is_one_that_the_trial_pays_for(
    models: tuple[str, ...] | None, served: set[str], chosen: str
) -> None:
    lot = LotBalance("lot_1", "free", "trial", models, AT, AT, None, "active", NOTHING, 0, None)
    balance = Balance(UUID(int=1), AT, NOTHING, 0, (lot,), 1)
    assert choose_model(balance, frozenset(served)) == chosen
