"""Switching: what stays, what is refused, and that nothing is lost with requests in flight."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from tests.integration.charging.conftest import House, open_house_on, open_writer

from jeton import clock
from jeton.billing.invoicing.documents.reading import get_document
from jeton.billing.invoicing.profiles import ProfileChange, change_profile, get_profile
from jeton.billing.invoicing.words import Rules
from jeton.billing.reloads.rules import RuleWish, find_rule, save_rule
from jeton.billing.switching.errors import AccruedLeftError, ProfileIncompleteError, SwitchRequestError
from jeton.billing.switching.last_documents import issue_pending, make_issue_last
from jeton.billing.switching.storage import list_pending, list_switches
from jeton.billing.switching.switching import switch_to_invoiced, switch_to_prepaid
from jeton.billing.switching.words import Switch, SwitchAsk
from jeton.charging.charging import Charging
from jeton.charging.credits.errors import IdempotencyError
from jeton.charging.credits.inbox import SalesRequest, open_item
from jeton.charging.leasing.leases import Leases
from jeton.charging.words import Metered, Rule
from jeton.db.pool import Pool
from jeton.errors import InsufficientCreditError, NotFoundError
from jeton.identity.audit import Actor
from jeton.ids import new_uuid
from jeton.notifications.inbox.errors import ItemDecidedError
from jeton.notifications.inbox.items import get_open_item
from jeton.pricing.rating import STANDARD
from jeton.pricing.terms import next_quarter
from jeton.usage import Usage

USD = 10**9
ADA = Actor("operator", "ada")
# $0.029 a piece, at 2 and 10 dollars a million.
V1 = Usage(input_tokens=2_000, cache_read_input_tokens=100_000, output_tokens=1_500)
V1_NANO = 29_000_000


@pytest.fixture
async def house(pool: Pool) -> AsyncIterator[House]:
    """An organization with $5 of trial credit."""
    commits = open_writer(pool)
    yield await open_house_on(pool, commits)
    await commits.close()


def metered() -> Metered:
    return Metered(Rule.COMPLETED, V1, "upstream", STANDARD, "{}")


def ask(
    reason: str = "contract 2026", key: str = "", item_id: str = "", at: datetime | None = None
) -> SwitchAsk:
    return SwitchAsk(ADA, at or clock.now(), reason, key, item_id)


async def complete_profile(house: House) -> None:
    change = ProfileChange(street="Ring 1", city="Ulm", country="DE", emails=("pay@example.com",))
    async with house.pool.connection() as connection:
        await change_profile(
            connection, house.organization_id, change, by=ADA, reason="onboarding", at=clock.now()
        )


async def to_invoiced(
    house: House, asked: SwitchAsk | None = None, *, limit_nano: int = 100 * USD, net_days: int | None = 14
) -> Switch | None:
    async with house.pool.connection() as connection:
        return await switch_to_invoiced(
            connection, house.organization_id, asked or ask(), limit_nano=limit_nano, net_days=net_days
        )


async def to_prepaid(
    house: House, asked: SwitchAsk | None = None, *, may_issue_last: bool = True
) -> Switch | None:
    async with house.pool.connection() as connection:
        return await switch_to_prepaid(
            connection, house.organization_id, asked or ask(), may_issue_last=may_issue_last
        )


async def kind_of(house: House) -> str:
    async with house.pool.connection() as connection:
        return (await get_profile(connection, house.organization_id)).kind


async def amounts(house: House) -> tuple[int, int, int]:
    """Held, accrued, and left in lots, in nano."""
    async with house.pool.connection() as connection:
        row = await (
            await connection.execute(
                "SELECT -held_nano, accrued_nano, -credit_free_nano FROM balances WHERE organization_id = %s",
                (house.organization_id,),
            )
        ).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


async def test_a_standard_organization_becomes_an_enterprise(house: House) -> None:
    await complete_profile(house)
    async with house.pool.connection() as connection:
        wish = RuleWish(5 * USD, 50 * USD, 500 * USD)
        await save_rule(connection, house.organization_id, wish, by=ADA, at=clock.now())
    hold = await house.charging.hold(house.ask(USD))
    switch = await to_invoiced(house)
    assert switch is not None
    assert (switch.to_kind, switch.limit_nano, switch.net_days) == ("invoiced", 100 * USD, 14)
    assert (switch.lots_nano, switch.held_nano, switch.accrued_nano) == (4 * USD, USD, 0)
    assert await kind_of(house) == "invoiced"
    async with house.pool.connection() as connection:
        rule = await find_rule(connection, house.organization_id)
        assert rule is not None
        assert not rule.is_on
        assert (await get_profile(connection, house.organization_id)).net_days == 14
    # The open hold settles out of the lot it was drawn on; the lot burns first, then the limit.
    await house.charging.settle(hold, metered())
    await house.charging.hold(house.ask(10 * USD))
    assert await amounts(house) == (10 * USD, 5 * USD + V1_NANO, 0)
    assert (await house.proof()).findings == []


async def test_without_an_address_nobody_is_invoiced(house: House) -> None:
    with pytest.raises(ProfileIncompleteError, match="no street, city, country, emails"):
        await to_invoiced(house)
    assert await kind_of(house) == "prepaid"


async def test_the_same_switch_twice_is_one(house: House) -> None:
    await complete_profile(house)
    asked = ask(key="k1")
    first = await to_invoiced(house, asked)
    assert await to_invoiced(house, asked) == first
    with pytest.raises(IdempotencyError):
        await to_invoiced(house, asked, limit_nano=5 * USD)
    # Invoiced already: only the limit and the days are set.
    assert await to_invoiced(house, limit_nano=7 * USD, net_days=30) is None
    async with house.pool.connection() as connection:
        assert len(await list_switches(connection, house.organization_id)) == 1
        assert (await get_profile(connection, house.organization_id)).net_days == 30


async def test_what_is_accrued_is_invoiced_before_it_pays_ahead_again(house: House) -> None:
    await complete_profile(house)
    await to_invoiced(house)
    hold = await house.charging.hold(house.ask(6 * USD))
    with pytest.raises(AccruedLeftError, match=r"\$1\.00 was used or is held on credit"):
        await to_prepaid(house, may_issue_last=False)
    await house.charging.release(hold, Rule.UPSTREAM_FAILED)
    switch = await to_prepaid(house, may_issue_last=False)
    assert switch is not None
    assert (switch.accrued_nano, switch.document_ids) == (0, ())
    assert await kind_of(house) == "prepaid"
    assert await to_prepaid(house) is None


async def test_the_last_document_is_issued_once(house: House) -> None:
    """One request was used on credit, and one that runs at the switch is late usage."""
    await complete_profile(house)
    await to_invoiced(house)
    lot = await house.charging.hold(house.ask(5 * USD))
    used = await house.charging.hold(house.ask(USD))
    await house.charging.settle(used, metered())
    running = await house.charging.hold(house.ask(USD))
    switch = await to_prepaid(house)
    assert switch is not None
    assert (switch.accrued_nano, switch.document_ids) == (USD + V1_NANO, None)
    too_early = await issue_pending(house.pool, make_issue_last(Rules(), clock.now()), switch.switched_at)
    assert (too_early.done, too_early.problems) == (0, {})
    later = next_quarter(switch.switched_at)
    for done in (1, 0):
        found = await issue_pending(house.pool, make_issue_last(Rules(), later), later)
        assert (found.done, found.problems) == (done, {})
    async with house.pool.connection() as connection:
        (kept, _) = await list_switches(connection, house.organization_id)
        assert kept.document_ids is not None
        (document_id,) = kept.document_ids
        document = await get_document(connection, document_id)
    # $0.029 is 3 cents; half a cent and less of it went to the account of rounding.
    assert (document.kind, document.state, document.total_minor, document.period_to) == (
        "invoice", "issued", 3, later,
    )  # fmt: skip
    assert (await amounts(house))[1] == USD
    # What ran at the instant still settles on the credit that it holds, and nothing new is drawn on credit.
    await house.charging.settle(running, metered())
    await house.charging.release(lot, Rule.UPSTREAM_FAILED)
    assert await amounts(house) == (0, V1_NANO, 5 * USD)
    with pytest.raises(InsufficientCreditError):
        await house.charging.hold(house.ask(6 * USD))
    assert (await house.proof()).findings == []


async def test_a_last_document_that_cannot_be_issued_waits(house: House) -> None:
    """In a currency without a rate."""
    await complete_profile(house)
    await to_invoiced(house)
    async with house.pool.connection() as connection:
        await change_profile(
            connection,
            house.organization_id,
            ProfileChange(currency="JPY"),
            by=ADA,
            reason="x",
            at=clock.now(),
        )
    hold = await house.charging.hold(house.ask(6 * USD))
    switch = await to_prepaid(house)
    assert switch is not None
    later = next_quarter(switch.switched_at)
    found = await issue_pending(house.pool, make_issue_last(Rules(), later), later)
    assert found.done == 0
    assert "JPY" in found.problems[switch.switch_id]
    async with house.pool.connection() as connection:
        assert [one.switch_id for one in await list_pending(connection)] == [switch.switch_id]
    await house.charging.release(hold, Rule.UPSTREAM_FAILED)


async def test_no_hold_comes_out_of_a_lease_on_credit_after_the_switch(house: House) -> None:
    """The node knows nothing of the switch yet, and promises out of what it has."""
    await complete_profile(house)
    await to_invoiced(house, limit_nano=1_000 * USD)
    leases = Leases(house.pool, house.commits, node_id="node_test")
    charging = Charging(house.commits, node_id="node_test", validity_s=900, leases=leases)
    # $5 of the lot are held elsewhere, so that the lease is all on credit.
    lot = await house.charging.hold(house.ask(5 * USD))
    for _ in range(200):
        await charging.release(await charging.hold(house.ask(USD)), Rule.UPSTREAM_FAILED)
    await leases.look()
    assert (await amounts(house))[1] > 0
    await to_prepaid(house)
    with pytest.raises(InsufficientCreditError):
        await charging.confirm(await charging.hold(house.ask(USD)))
    await leases.close()
    await house.charging.release(lot, Rule.UPSTREAM_FAILED)
    assert await amounts(house) == (0, 0, 5 * USD)
    assert (await house.proof()).findings == []


async def test_a_request_to_sales_leads_to_it(house: House) -> None:
    await complete_profile(house)
    async with house.pool.connection() as connection:
        written = SalesRequest("ada@example.com", "Ada", "Example GmbH", "We would like invoices.")
        item_id = await open_item(connection, written)
    switch = await to_invoiced(house, ask(item_id=item_id))
    assert switch is not None
    assert switch.item_id == item_id
    async with house.pool.connection() as connection:
        with pytest.raises(ItemDecidedError):
            await get_open_item(connection, item_id)


@pytest.mark.parametrize(
    ("limit_nano", "net_days", "reason", "said"),
    [
        pytest.param(0, None, "why", "above", id="no limit"),
        pytest.param(USD, 366, "why", "0 to 365 days", id="days"),
        pytest.param(USD, None, "", "Say why", id="no reason"),
    ],
)
async def test_a_switch_that_makes_no_sense(
    house: House, limit_nano: int, net_days: int | None, reason: str, said: str
) -> None:
    with pytest.raises(SwitchRequestError, match=said):
        await to_invoiced(house, ask(reason), limit_nano=limit_nano, net_days=net_days)


async def test_an_unknown_organization(house: House) -> None:
    async with house.pool.connection() as connection:
        with pytest.raises(NotFoundError):
            await switch_to_prepaid(connection, new_uuid(), ask(), may_issue_last=True)


async def test_nothing_is_lost_while_requests_are_in_flight(house: House) -> None:
    """60 requests while the kind changes back and forth: used = charged, nothing held, the chain unbroken."""
    await complete_profile(house)
    charged: list[int] = []
    over = asyncio.Event()

    async def send() -> None:
        try:
            hold = await house.charging.hold(house.ask(USD))
        except InsufficientCreditError:
            return
        await asyncio.sleep(0)
        charged.append((await house.charging.settle(hold, metered())).net_nano)

    async def switch() -> int:
        count = 0
        while not over.is_set():
            await to_invoiced(house)
            await to_prepaid(house)
            count += 1
        return count

    switching = asyncio.create_task(switch())
    for _ in range(6):
        await asyncio.gather(*(send() for _ in range(10)))
    over.set()
    assert await switching > 0
    held_nano, accrued_nano, left_nano = await amounts(house)
    assert held_nano == 0
    assert 5 * USD - left_nano + accrued_nano == sum(charged) == len(charged) * V1_NANO
    assert (await house.proof()).findings == []


async def test_two_switches_at_once_are_one(house: House) -> None:
    await complete_profile(house)
    outcomes = await asyncio.gather(*(to_invoiced(house, ask(at=clock.now())) for _ in range(4)))
    assert len([one for one in outcomes if one is not None]) == 1
