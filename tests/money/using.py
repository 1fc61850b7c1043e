"""Using: requests from their holds to their charges, some of them when their period was billed already."""

from datetime import timedelta

from tests.money.town import BOOK, BY, SECOND, USD, Citizen, Town

from jeton.billing.rerating.errors import ReratingRefusedError
from jeton.billing.rerating.reratings import decide_rerating, make_span, propose_rerating
from jeton.billing.rerating.supplements import (
    SupplementAsk,
    approve_supplement,
    list_supplements,
    propose_supplement,
)
from jeton.charging.credits.errors import CreditRequestError
from jeton.charging.credits.reversing import reverse_charge
from jeton.charging.words import Hold, HoldAsk, Metered, Rule
from jeton.errors import InsufficientCreditError
from jeton.ids import new_id
from jeton.pricing.rating import Conditions
from jeton.usage import Usage

MODELS = ("claude-sonnet-5-5", "claude-other-1")

_NET = "SELECT net_nano FROM charges WHERE request_id = %s"


async def use(town: Town, citizen: Citizen, *, is_late: bool = False) -> None:
    """A request from its hold to its charge; ``is_late``: its end comes when the period was billed."""
    random = citizen.random
    version = BOOK.find_version(random.choice(MODELS), town.at)
    assert version is not None
    usage = Usage(
        input_tokens=random.randint(0, 400_000),
        cache_creation_5m_input_tokens=random.randint(0, 50_000),
        cache_read_input_tokens=random.randint(0, 900_000),
        output_tokens=random.randint(1, 300_000),
        web_search_requests=random.choice((0, 0, 0, 2)),
    )
    ask = HoldAsk(
        request_id=new_id("req"),
        organization_id=citizen.organization_id,
        workspace_id=random.choice(citizen.workspace_ids),
        key_id=citizen.key_id,
        model=version.model,
        upstream="embedded",
        price_version=version,
        # Some hold too little, so that they overrun.
        amount_nano=random.choice((6 * USD, 6 * USD, 8 * USD, USD)),
        asked_at=town.at,
        terms=town.agreed.find(citizen.organization_id, version, town.at),
    )
    try:
        hold = await town.charging.hold(ask)
    except InsufficientCreditError:
        town.counts["requests refused"] += 1
        return
    if random.random() < 0.03:
        await town.charging.release(hold, Rule.UPSTREAM_FAILED)
    elif is_late:
        citizen.late.append((hold, usage))
    else:
        await end(town, citizen, hold, usage)


async def end(town: Town, citizen: Citizen, hold: Hold, usage: Usage) -> None:
    """Charge what a request used."""
    conditions = Conditions(service_tier=citizen.random.choice(("standard", "standard", "batch")))
    await town.charging.settle(hold, Metered(Rule.COMPLETED, usage, "upstream", conditions, "{}"))
    citizen.charged.append(hold.ask.request_id)
    town.counts["requests charged"] += 1


async def end_late(town: Town, citizen: Citizen) -> None:
    """What was not known when the period was billed is known now."""
    late, citizen.late = citizen.late, []
    for hold, usage in late:
        await end(town, citizen, hold, usage)
        town.counts["of them when their period was billed"] += 1


async def undo(town: Town, citizen: Citizen) -> None:
    """A charge is reversed, all of it or a part, whenever it was."""
    if not citizen.charged:
        return
    request_id = citizen.charged.pop(citizen.random.randrange(len(citizen.charged)))
    async with town.pool.connection() as connection:
        row = await (await connection.execute(_NET, (request_id,))).fetchone()
        assert row is not None
        part = citizen.random.choice((None, max(1, row[0] // 3)))
        try:
            await reverse_charge(connection, request_id, reason="a year", by=BY, amount_nano=part)
        except CreditRequestError:
            return
    town.counts["reversals"] += 1


async def supplement(town: Town, citizen: Citizen) -> None:
    """The dearer price should have been in force: one operator asks for what is missing, another approves."""
    if not citizen.is_invoiced:
        return
    organization_id = citizen.organization_id
    dear = BOOK.versions[0].price_version_id
    span = make_span(
        BOOK, dear, from_at=town.at - timedelta(days=50), until_at=town.at, organization_id=organization_id
    )
    async with town.pool.connection() as connection:
        try:
            rerating_id = await propose_rerating(connection, span, reason="a year", by=BY)
            await decide_rerating(connection, rerating_id, "approved", by=SECOND)
            ask = SupplementAsk(rerating_id, organization_id, "a year", BY)
            supplement_id = await propose_supplement(connection, ask)
        except ReratingRefusedError:
            town.counts["supplements refused"] += 1
            return
        await approve_supplement(connection, rerating_id, supplement_id, by=SECOND)
        [made] = await list_supplements(connection, rerating_id)
    assert (made.state, made.amount_nano > 0) == ("done", True)
    town.counts["supplements"] += 1
    town.counts["charges supplemented"] += made.requests
