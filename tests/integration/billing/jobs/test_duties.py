"""What billing does by itself: which duties there are, how often, and what a run says that it did."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tests.integration.billing.invoicing.conftest import RULES, USD, Office
from tests.integration.world import open_world

from jeton.app.billing.duties import make_duties, make_reload_terms
from jeton.app.billing.till import make_till
from jeton.billing.invoicing.profiles import ProfileChange
from jeton.billing.jobs.words import Duty, DutyIncompleteError
from jeton.billing.providers.errors import ProviderUnreachableError
from jeton.db.pool import Pool
from jeton.settings import Settings

# Nothing listens there.
CARDS = Settings(
    stripe_secret_key="sk_test_jeton",
    stripe_webhook_secret="whsec_jeton",
    stripe_url="http://127.0.0.1:9",
    stripe_timeout_s=1,
)


def duties_of(pool: Pool, settings: Settings) -> dict[str, Duty]:
    return {duty.kind: duty for duty in make_duties(settings, make_till(settings, pool))}


@pytest.fixture
async def office(pool: Pool) -> AsyncIterator[Office]:
    """An invoiced organization that used $0.029."""
    world = await open_world(pool)
    office = Office(world, RULES)
    await office.set_invoiced(USD)
    await world.bill()
    yield office
    await world.close()


def test_without_a_provider_nothing_about_cards_is_done(pool: Pool) -> None:
    assert {kind: duty.every for kind, duty in duties_of(pool, Settings(dunning_interval_s=600)).items()} == {
        "close_periods": timedelta(hours=1),
        "last_documents": timedelta(minutes=5),
        "e_invoices": timedelta(minutes=5),
        "dunning": timedelta(minutes=10),
    }


def test_with_one_each_is_done_as_often_as_the_settings_say(pool: Pool) -> None:
    cards = duties_of(pool, CARDS)
    assert sorted(cards) == [
        "close_periods",
        "collect_by_card",
        "compare_payments",
        "dunning",
        "e_invoices",
        "last_documents",
        "reload",
        "settle_payments",
    ]
    assert cards["reload"].every == timedelta(seconds=CARDS.reload_interval_s)
    assert cards["compare_payments"].every == timedelta(seconds=CARDS.payment_compare_s)


def test_a_reload_is_within_what_may_be_bought_at_once() -> None:
    terms = make_reload_terms(Settings(credit_min_usd="7.00", credit_max_usd="900.00", reload_back_off_s=60))
    assert (terms.amount_min_nano, terms.amount_max_nano) == (7 * USD, 900 * USD)
    assert terms.back_off_first == timedelta(minutes=1)


async def test_every_duty_can_be_done_again_and_finds_nothing_more(office: Office) -> None:
    duties = duties_of(office.pool, Settings())
    at = await office.end(days=28)
    first = {kind: dict(await duty.run(at)) for kind, duty in duties.items()}
    again = {kind: dict(await duty.run(at)) for kind, duty in duties.items()}
    assert (first["close_periods"]["periods"], first["close_periods"]["invoice"]) == (1, 1)
    # The world of the test has not said in which country the buyer is, so there is no XML to judge.
    assert first["e_invoices"] == {"judged": 1, "without": 1, "problems": 0}
    assert all(not any(counts.values()) for counts in again.values()), again
    # What was judged is looked for no more, however much of it there is.
    async with office.pool.connection() as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")
        asked = "EXPLAIN SELECT document_id FROM documents WHERE NOT is_judged ORDER BY document_id LIMIT 9"
        plan = "".join(row[0] for row in await (await connection.execute(asked)).fetchall())
        left = await (
            await connection.execute("SELECT count(*) FROM documents WHERE NOT is_judged")
        ).fetchone()
    assert ("documents_unjudged" in plan, left) == (True, (0,))


async def test_what_could_not_be_closed_is_a_problem_with_its_organization(office: Office) -> None:
    """Nobody has noted what a dollar is in yen."""
    at = await office.end(days=28)
    await office.set_profile(ProfileChange(currency="JPY"))
    closing = duties_of(office.pool, Settings())["close_periods"]
    said = rf"0 periods were closed, 1 were not\. {office.organization_id}: .*JPY"
    with pytest.raises(DutyIncompleteError, match=said):
        await closing.run(at)


async def test_a_provider_that_is_away_fails_the_comparison_and_not_the_settling(office: Office) -> None:
    cards = duties_of(office.pool, CARDS)
    at = await office.end()
    assert await cards["settle_payments"].run(at) == {"asked": 0}
    assert await cards["reload"].run(at) == {"opened": 0, "ended": 0}
    assert await cards["collect_by_card"].run(at) == {"tried": 0, "paid": 0}
    with pytest.raises(ProviderUnreachableError):
        await cards["compare_payments"].run(at)
