"""Using: requests that take credit out of lots, through charging itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.integration.billing.payments.conftest import Shop
from tests.integration.charging.conftest import open_writer
from tests.integration.world import BOOK, SONNET

from jeton.charging.charging import Charging
from jeton.charging.price_versions import record_price_versions
from jeton.charging.words import Hold, HoldAsk, Metered, Rule
from jeton.ids import new_id
from jeton.pricing.rating import STANDARD
from jeton.usage import Usage

# A token of output is 10 dollars a million, so 10,000 nano.
NANO_PER_TOKEN = 10_000


@asynccontextmanager
async def charging_of(shop: Shop) -> AsyncIterator[Charging]:
    """Charging on the shop's database."""
    commits = open_writer(shop.pool)
    async with shop.pool.connection() as connection:
        await record_price_versions(connection, BOOK.versions)
    yield Charging(commits, node_id="node_test", validity_s=900)
    await commits.close()


async def take(shop: Shop, charging: Charging, amount_nano: int) -> Hold:
    """Hold so much."""
    return await charging.hold(
        HoldAsk(
            request_id=new_id("req"),
            organization_id=shop.organization_id,
            workspace_id="wrkspc_test",
            key_id="apikey_test",
            model=SONNET.model,
            upstream="embedded",
            price_version=SONNET,
            amount_nano=amount_nano,
        )
    )


async def settle(charging: Charging, hold: Hold, amount_nano: int) -> None:
    """Use so much of a hold, in whole tokens."""
    usage = Usage(output_tokens=amount_nano // NANO_PER_TOKEN)
    await charging.settle(hold, Metered(Rule.COMPLETED, usage, "upstream", STANDARD, "{}"))


async def use(shop: Shop, amount_nano: int) -> None:
    """A request that costs so much."""
    async with charging_of(shop) as charging:
        hold = await take(shop, charging, amount_nano)
        await settle(charging, hold, amount_nano)
