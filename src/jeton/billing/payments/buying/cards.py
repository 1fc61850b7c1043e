"""Cards: a card is saved on the provider's page, and forgotten at both places."""

from datetime import datetime
from uuid import UUID

from jeton.billing.payments.saving import find_customer, mark_removed, save_card
from jeton.billing.payments.sending import introduce
from jeton.billing.payments.till import Till
from jeton.billing.providers.words import CardSetup, HostedPage, PageOrder
from jeton.identity.audit import Actor
from jeton.ids import new_id

CARDS_PATH = "/console/billing/cards"


async def start_card_page(till: Till, organization_id: UUID, *, at: datetime) -> HostedPage:
    """A page of the provider's that saves a card for later payments; it takes no money.

    Raises NoProviderError, ProviderUnreachableError and ProviderRefusedError.
    """
    provider = await till.door.open()
    customer_id = await introduce(till, provider, organization_id, at=at)
    back = f"{till.base_url}{CARDS_PATH}"
    order = PageOrder(str(organization_id), customer_id, f"{back}?saved=1", back)
    return await provider.start_page(order, key=new_id("jeton-page"))


async def start_setup(till: Till, organization_id: UUID, *, at: datetime) -> CardSetup:
    """An intent to save a card in a form of the provider's own, for who builds one; raises as above."""
    provider = await till.door.open()
    customer_id = await introduce(till, provider, organization_id, at=at)
    return await provider.start_setup(customer_id, key=new_id("jeton-setup"))


async def refresh_cards(till: Till, organization_id: UUID, *, at: datetime) -> int:
    """Keep every card that the provider has saved for an organization; return how many there are.

    Raises ProviderUnreachableError.
    """
    provider = await till.door.open()
    async with till.pool.connection() as connection:
        customer_id = await find_customer(connection, organization_id, provider.name)
    if customer_id is None:
        return 0
    cards = await provider.list_cards(customer_id)
    async with till.pool.connection() as connection:
        for card in cards:
            await save_card(connection, organization_id, provider.name, card, at=at)
    return len(cards)


async def remove_card(
    till: Till, organization_id: UUID, payment_method_id: str, *, at: datetime, by: Actor
) -> None:
    """Forget a card here, then at the provider; CardNotFoundError."""
    async with till.pool.connection() as connection:
        method = await mark_removed(connection, organization_id, payment_method_id, at=at, by=by)
    provider = await till.door.open()
    await provider.detach_card(method)
