"""A past to explore: requests of several models, keys and workspaces at any time, billed for real."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random

from tests.integration.world import OTHER, SONNET, USD, World, open_world

from jeton.charging.credits.reversing import reverse_charge
from jeton.charging.members import TakeHold
from jeton.charging.words import Hold, HoldAsk, Metered, Rule
from jeton.db.pool import Connection, Pool
from jeton.identity.audit import Actor
from jeton.identity.keys import Key, create_key
from jeton.identity.organizations import create_workspace
from jeton.ids import new_id
from jeton.ledger.chart import LotKind
from jeton.metering.events import find_context_window
from jeton.metering.labels import NO_LABELS, Labels
from jeton.pricing.book import PriceVersion
from jeton.pricing.rating import STANDARD, Conditions
from jeton.usage import Usage

GRANT_NANO = 10_000 * USD
GIVEN_NANO = USD // 10
CONDITIONS = (
    STANDARD,
    STANDARD,
    Conditions(service_tier="batch"),
    Conditions(inference_geo="us"),
    Conditions(service_tier="batch", inference_geo="us"),
)

# Of some requests neither is known, of some one of them.
LABELS = (
    NO_LABELS,
    NO_LABELS,
    Labels("user-1"),
    Labels("user-2", "search"),
    Labels("Zoë Ω", "search"),
    Labels(tag="search"),
    Labels(tag="chat/eu"),
)


@dataclass(slots=True)
class Past:
    """A world with keys in two workspaces, and when its requests were."""

    world: World
    keys: list[Key]
    times: list[datetime] = field(default_factory=list)

    async def bill_at(
        self,
        at: datetime,
        usage: Usage,
        *,
        key: Key | None = None,
        conditions: Conditions = STANDARD,
        version: PriceVersion = SONNET,
        labels: Labels = NO_LABELS,
    ) -> str:
        """One request, held at ``at``; its id."""
        paying = key or self.keys[0]
        assert paying.workspace_id is not None
        ask = HoldAsk(
            request_id=new_id("req"),
            organization_id=self.world.organization.organization_id,
            workspace_id=paying.workspace_id,
            key_id=paying.key_id,
            model=version.model,
            upstream="embedded",
            price_version=version,
            amount_nano=USD,
            labels=labels,
        )
        valid_until = at + timedelta(minutes=15)
        outcome = await self.world.commits.submit(TakeHold(ask, "node_test", at, valid_until))
        hold = Hold(ask, str(outcome), at, valid_until)
        metered = Metered(
            rule=Rule.COMPLETED, usage=usage, source="upstream", conditions=conditions, reported="{}"
        )
        await self.world.charging.settle(hold, metered)
        self.times.append(at)
        return ask.request_id

    async def reverse(self, request_id: str, amount_nano: int | None = None) -> None:
        """Reverse a charge, or a part of it."""
        async with self.world.pool.connection() as connection:
            await reverse_charge(
                connection,
                request_id,
                reason="a test",
                by=Actor("operator", "test"),
                amount_nano=amount_nano,
            )


async def open_past(pool: Pool) -> Past:
    """A world that may spend, with three keys in two workspaces."""
    world = await open_world(pool)
    # What was given for one model runs out early, so that requests are paid by all sorts of credit.
    await world.grant(GRANT_NANO, kind=LotKind.PAID)
    for kind, amount_nano in ((LotKind.PROMOTIONAL, GIVEN_NANO), (LotKind.PAID, GRANT_NANO)):
        await world.grant(amount_nano, kind=kind, models=frozenset({OTHER.model}))
    organization_id = world.organization.organization_id
    async with pool.connection() as connection:
        workspace = await create_workspace(connection, organization_id, name="research")
        second, _ = await create_key(connection, organization_id, name="second")
        third, _ = await create_key(
            connection, organization_id, name="third", workspace_id=workspace.workspace_id
        )
    return Past(world, [world.key, second, third])


async def fill(past: Past, random: Random, *, requests: int, from_at: datetime, days: int) -> None:
    """Requests of every kind at random times, many of them at the edges of quarters, some reversed."""
    for _ in range(requests):
        at = from_at + timedelta(seconds=random.randrange(days * 86_400))
        if random.random() < 0.4:
            edge = at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)
            at = edge + random.choice((timedelta(), timedelta(microseconds=-1)))
        usage = Usage(
            random.randrange(5_000),
            random.choice((0, random.randrange(9_000))),
            random.choice((0, random.randrange(9_000))),
            random.choice((0, random.randrange(250_000))),
            random.randrange(3_000),
            random.choice((0, 0, 2)),
        )
        usage = replace(usage, thinking_tokens=random.choice((0, usage.output_tokens // 3)))
        request_id = await past.bill_at(
            at,
            usage,
            key=random.choice(past.keys),
            conditions=random.choice(CONDITIONS),
            version=random.choice((SONNET, SONNET, OTHER)),
            labels=random.choice(LABELS),
        )
        if random.random() < 0.15:
            await past.reverse(request_id, random.choice((None, 1)) if usage.output_tokens else None)


@dataclass(frozen=True, slots=True)
class Fact:
    """One charge and its usage event as they are stored."""

    at: datetime
    dimensions: dict[str, str]
    usage: Usage
    list_nano: int
    charged_nano: int
    reversed_nano: int
    free_nano: int


_FACTS = """
    SELECT e.occurred_at, c.workspace_id, c.key_id, c.model, e.service_tier, e.inference_geo, e.speed,
           c.end_user, c.tag, e.input_tokens, e.cache_creation_5m_input_tokens,
           e.cache_creation_1h_input_tokens, e.cache_read_input_tokens, e.output_tokens,
           e.web_search_requests, e.thinking_tokens, c.list_nano, c.net_nano,
           coalesce(r.amount_nano, 0),
           (SELECT coalesce(-sum(p.nano), 0)::bigint
            FROM transactions AS t, unnest(t.accounts, t.lots, t.amounts) AS p (account, lot_id, nano)
            JOIN lots AS l USING (lot_id)
            WHERE t.request_id = c.request_id AND t.movement IN ('settle', 'credit_note')
              AND p.account = 'promotion' AND l.kind IN ('free', 'promotional'))
    FROM charges AS c JOIN usage_events AS e USING (request_id) LEFT JOIN reversals AS r USING (request_id)
    WHERE c.state = 'settled'
"""
_NAMES = ("workspace_id", "key_id", "model", "service_tier", "inference_geo", "speed", "end_user", "tag")


async def read_facts(connection: Connection) -> list[Fact]:
    """Every charge, straight from the tables of facts."""
    cursor = await connection.execute(_FACTS)
    facts = []
    for row in await cursor.fetchall():
        usage = Usage(*row[9:16])
        names = dict(zip(_NAMES, row[1:9], strict=True))
        names["context_window"] = find_context_window(usage)
        facts.append(Fact(row[0].astimezone(UTC), names, usage, *row[16:]))
    return facts
