"""The inbox: a request for an extended trial gets one word, once."""

import asyncio

import pytest
from tests.integration.charging.conftest import House

from jeton.charging.credits import Grant
from jeton.charging.credits.errors import SalesRequestError
from jeton.charging.credits.inbox import SalesRequest, approve_item, decline_item, open_item
from jeton.charging.errors import GrantError
from jeton.db.pool import Pool
from jeton.identity.audit import Actor, list_audit
from jeton.identity.errors import InvalidEmailError
from jeton.identity.members import create_member
from jeton.ledger.chart import LotKind
from jeton.notifications.inbox.errors import ItemDecidedError, ItemNotFoundError
from jeton.notifications.inbox.items import ItemFilter, list_items

ADA = Actor("operator", "ada@example.com")
USD = 1_000_000_000
ASKED = SalesRequest("Bob@Example.org", "Bob", "Example Ltd", "We want to evaluate\r\nfor two months.")
GIVEN = Grant(LotKind.PROMOTIONAL, 500 * USD, "evaluation, two months", days=60)


async def ask(pool: Pool, asked: SalesRequest = ASKED) -> str:
    async with pool.connection() as connection:
        return await open_item(connection, asked)


async def test_approving_grants_credit_with_reason_approver_and_expiry(house: House) -> None:
    """To the organization whose member wrote, without saying which."""
    item_id = await ask(house.pool)
    async with house.pool.connection() as connection:
        await create_member(
            connection, house.organization_id, email="bob@example.org", password_hash="x", role="admin"
        )
        lot_id = await approve_item(connection, item_id, organization_id=None, given=GIVEN, by=ADA)
        (item,) = await list_items(connection)
        actions = [
            entry.action for entry in await list_audit(connection, organization_id=house.organization_id)
        ]
    assert (item.state, item.decided_by, item.reason) == ("approved", "ada@example.com", GIVEN.reason)
    assert (item.email, item.message) == ("bob@example.org", "We want to evaluate\nfor two months.")
    assert (item.lot_id, item.organization_id) == (lot_id, house.organization_id)
    assert actions[:2] == ["inbox.approved", "credits.granted"]
    balance = await house.balance()
    lot = next(lot for lot in balance.lots if lot.lot_id == lot_id)
    assert (lot.kind, lot.reason, lot.amounts.available_nano) == ("promotional", GIVEN.reason, 500 * USD)


async def test_the_operator_is_told_of_an_item_with_what_was_written(house: House) -> None:
    """In the same transaction: what is refused is told to nobody."""
    item_id = await ask(house.pool)
    with pytest.raises(SalesRequestError):
        await ask(house.pool, SalesRequest("bob@example.org", "Bob", "", ""))
    async with house.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT type, organization_id, data FROM events JOIN pending_events USING (event_id) ORDER BY 1"
        )
        told, answered = await cursor.fetchall()
    data = {"item_id": item_id, "email": "bob@example.org", "name": "Bob", "company": "Example Ltd"}
    message = "We want to evaluate for two months."
    assert told == ("inbox.item_opened", None, {**data, "message": message, "kind": "contact_sales"})
    # Who wrote is told the number.
    assert (answered[0], item_id in answered[2]["text"]) == ("inbox.replied", True)


async def test_approving_twice_grants_once(house: House) -> None:
    """Two operators at the same time."""
    item_id = await ask(house.pool)

    async def approve(by: Actor) -> str:
        async with house.pool.connection() as connection:
            return await approve_item(
                connection, item_id, organization_id=house.organization_id, given=GIVEN, by=by
            )

    outcomes = await asyncio.gather(approve(ADA), approve(Actor("operator", "eve")), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["ItemDecidedError", "str"]
    assert (await house.balance()).amounts.granted_nano == 505 * USD


async def test_declining_keeps_the_request_with_the_reason(house: House) -> None:
    """And it cannot be approved afterwards."""
    item_id = await ask(house.pool)
    async with house.pool.connection() as connection:
        await decline_item(connection, item_id, reason="no such thing", by=ADA)
        (item,) = await list_items(connection, ItemFilter(("declined",)))
        assert (item.reason, item.lot_id) == ("no such thing", None)
        with pytest.raises(ItemDecidedError, match=r"was declined by ada@example\.com already"):
            await approve_item(
                connection, item_id, organization_id=house.organization_id, given=GIVEN, by=ADA
            )


async def test_an_approval_that_cannot_be_leaves_the_item_open(house: House) -> None:
    """An unknown writer, a wrong kind, no amount, no such item."""
    item_id = await ask(house.pool)
    async with house.pool.connection() as connection:
        with pytest.raises(GrantError, match="no member of an organization here"):
            await approve_item(connection, item_id, organization_id=None, given=GIVEN, by=ADA)
        for wrong in (Grant(LotKind.PAID, 1, "x", days=1), Grant(LotKind.COMMIT, 0, "x", days=1)):
            with pytest.raises(GrantError):
                await approve_item(
                    connection, item_id, organization_id=house.organization_id, given=wrong, by=ADA
                )
        with pytest.raises(ItemNotFoundError):
            await decline_item(connection, "inbox_none", reason="x", by=ADA)
        assert [item.state for item in await list_items(connection)] == ["open"]


BAD = {
    "no address": SalesRequest("bob", "Bob", "", "hello"),
    "no name": SalesRequest("b@example.org", " ", "", "hello"),
    "a name of two lines": SalesRequest("b@example.org", "a\nb", "", "hello"),
    "a company too long": SalesRequest("b@example.org", "Bob", "x" * 201, "hello"),
    "no message": SalesRequest("b@example.org", "Bob", "", " \n "),
    "a message too long": SalesRequest("b@example.org", "Bob", "", "x" * 4001),
    "a byte that no database takes": SalesRequest("b@example.org", "Bob", "", "a\x00b"),
}


@pytest.mark.parametrize("asked", BAD.values(), ids=BAD)
async def test_a_request_that_cannot_be_is_refused(pool: Pool, asked: SalesRequest) -> None:
    """Nothing is written."""
    with pytest.raises((SalesRequestError, InvalidEmailError)):
        await ask(pool, asked)
    async with pool.connection() as connection:
        assert await list_items(connection) == []
