"""The catalog: what is served, and that nothing is served without a price."""

from datetime import UTC, datetime

import pytest
from tests.unit.gateway.fakes import MODEL, Journal, Script, Upstream, book

from jeton.errors import ConfigurationError
from jeton.gateway.catalog import Catalog, ModelRoute, rehearsal_routes
from jeton.gateway.errors import UnknownModelError, UnpricedModelError
from jeton.pricing.book import PriceBook

UPSTREAM = Upstream(Script(), Journal())
AT = datetime(2026, 11, 22, tzinfo=UTC)
BEFORE_RELEASE = datetime(2026, 9, 27, tzinfo=UTC)


def test_every_model_without_a_price_is_named_at_start() -> None:
    routes = [ModelRoute(model, UPSTREAM) for model in ("vendor-a", MODEL, "vendor-b")]
    with pytest.raises(ConfigurationError) as caught:
        Catalog(book(), routes, AT)
    assert [line.split(", ")[0] for line in caught.value.mistakes] == [
        "The upstream scripted serves vendor-a",
        "The upstream scripted serves vendor-b",
    ]


def test_a_price_that_is_not_yet_in_force_is_no_price() -> None:
    with pytest.raises(ConfigurationError):
        Catalog(book(), [ModelRoute(MODEL, UPSTREAM)], BEFORE_RELEASE)


def test_a_price_that_ended_is_refused_at_admission() -> None:
    catalog = Catalog(book(), [ModelRoute(MODEL, UPSTREAM)], AT)
    with pytest.raises(UnpricedModelError, match="claude-sonnet-5-5 has no price in force"):
        catalog.find(MODEL, BEFORE_RELEASE)


def test_the_price_is_the_one_in_force_at_that_instant() -> None:
    catalog = Catalog(book(), [ModelRoute(MODEL, UPSTREAM)], AT)
    change = datetime(2026, 10, 7, tzinfo=UTC)
    assert catalog.find(MODEL, change)[1].price_version_id == "claude-sonnet-5-5@2026-10-07"
    before = datetime(2026, 10, 6, 23, 59, 59, 999_999, tzinfo=UTC)
    assert catalog.find(MODEL, before)[1].price_version_id == "claude-sonnet-5-5@2026-09-28"


def test_without_rehearsal_a_priced_model_without_upstream_is_not_found() -> None:
    catalog = Catalog(book(), [ModelRoute(MODEL, UPSTREAM)], AT)
    with pytest.raises(UnknownModelError, match="model: claude-opus-5"):
        catalog.find("claude-opus-5", AT)


def test_an_unknown_model_lists_the_nearest_names_that_are_served() -> None:
    catalog = Catalog(book(), rehearsal_routes(book(), UPSTREAM, []), AT)
    with pytest.raises(UnknownModelError, match=r"^model: claude-sonet-5-5 .*names are: claude-sonnet-5-5, "):
        catalog.find("claude-sonet-5-5", AT)
    with pytest.raises(UnknownModelError, match=r"^model: \?{200}$"):
        catalog.find("?" * 100_000, AT)


def test_rehearsal_serves_what_nobody_else_does() -> None:
    routes = rehearsal_routes(book(), UPSTREAM, [MODEL])
    assert {route.model for route in routes} == set(book().models()) - {MODEL}
    assert all(route.is_rehearsal for route in routes)


@pytest.mark.parametrize(
    ("at", "is_served"),
    [(datetime(2026, 11, 29, 23, tzinfo=UTC), True), (datetime(2026, 11, 30, tzinfo=UTC), False)],
    ids=["the last day", "retired"],
)
def test_a_model_is_served_until_it_retires(at: datetime, is_served: bool) -> None:  # noqa: FBT001 - a parametrized test
    catalog = Catalog(book(), [ModelRoute("claude-sonnet-4-5", UPSTREAM)], AT)
    if is_served:
        assert catalog.find("claude-sonnet-4-5", at)[0].upstream is UPSTREAM
        return
    with pytest.raises(UnknownModelError):
        catalog.find("claude-sonnet-4-5", at)


def test_an_empty_book_serves_nothing() -> None:
    assert Catalog(PriceBook(()), [], AT).list_versions(AT, ("active",)) == []
