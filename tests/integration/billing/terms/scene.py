"""A house whose organization agrees on terms, for the tests of them."""

from datetime import datetime, timedelta
from fractions import Fraction

from msgspec import Raw
from msgspec.structs import replace
from tests.integration.charging.conftest import MODEL, House

from jeton import clock
from jeton.billing.terms.asking import TermsAsk, first_begin
from jeton.billing.terms.keeping import Change, add_terms
from jeton.charging.agreeing.reading import find_terms
from jeton.charging.words import HoldAsk, Metered, Rule
from jeton.identity.audit import Actor
from jeton.metering.events import UsageEvent
from jeton.pricing.loading import load_book
from jeton.pricing.modifiers import AgreedRate
from jeton.pricing.rating import STANDARD, Conditions
from jeton.pricing.terms import Scope, Terms
from jeton.usage import Usage

USD = 10**9
BOOK = load_book()
ADA = Actor("operator", "ada")
V1 = Usage(input_tokens=2_000, cache_read_input_tokens=100_000, output_tokens=1_500)
SONNET = Scope("model", MODEL)


def a_while_ago() -> datetime:
    """An instant from which what is agreed then is in force by now."""
    return clock.now() - timedelta(hours=1)


def asked(
    at: datetime,
    *,
    scope: Scope = SONNET,
    factor: Fraction | None = Fraction(85, 100),
    rates: tuple[AgreedRate, ...] = (),
    ends: datetime | None = None,
) -> TermsAsk:
    return TermsAsk(scope, factor, rates, first_begin(at), ends, "offer 4711", "Grace")


async def agree_on(house: House, *asks: TermsAsk, at: datetime, key: str = "") -> list[str]:
    async with house.pool.connection() as connection:
        return await add_terms(
            connection, house.organization_id, asks, book=BOOK, change=Change(ADA, at, key)
        )


async def agreed(house: House, *asks: TermsAsk) -> Terms:
    """One agreement that is in force now."""
    at = a_while_ago()
    (terms_id,) = await agree_on(house, *(asks or (asked(at),)), at=at)
    async with house.pool.connection() as connection:
        return (await find_terms(connection, [terms_id]))[terms_id]


def metered(usage: Usage | None = V1, conditions: Conditions = STANDARD) -> Metered:
    return Metered(Rule.COMPLETED, usage, "upstream", conditions, "{}")


def event_of(ask: HoldAsk, occurred_at: datetime) -> UsageEvent:
    counts = (V1.input_tokens, 0, 0, V1.cache_read_input_tokens, V1.output_tokens, 0)
    return UsageEvent(
        ask.request_id, ask.organization_id, ask.workspace_id, ask.key_id, ask.model, ask.upstream,
        occurred_at, *counts, "standard", "global", "standard", "upstream", "accepted", Raw(b"{}"),
    )  # fmt: skip


async def bill(house: House, terms: Terms | None, held_nano: int = 50_000_000) -> str:
    ask = replace(house.ask(held_nano), terms=terms)
    hold = await house.charging.hold(ask)
    await house.charging.settle(hold, metered())
    return ask.request_id


async def find_problems(house: House) -> list[str]:
    return (await house.proof()).findings
