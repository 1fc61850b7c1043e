"""Dunning on real PostgreSQL: steps once, keys that are refused, service that resumes with the payment."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from tests.integration.billing.receivables.conftest import ACT, ADA, House

from jeton.billing.receivables.applying import Act, unapply
from jeton.billing.receivables.collecting.pausing import pause_dunning
from jeton.billing.receivables.credit import put_all_credit
from jeton.billing.receivables.dunning.following import follow_debts, mark_overdue
from jeton.billing.receivables.dunning.words import DunningTerms
from jeton.billing.receivables.recording import record_payment
from jeton.billing.receivables.words import Receipt
from jeton.billing.receivables.write_offs import GiveUp, write_off
from jeton.charging.credits.errors import CreditRequestError
from jeton.charging.credits.limits import set_credit_limit
from jeton.identity.key_ring import KeyRing
from jeton.identity.keys import create_key
from jeton.identity.standing.errors import PaymentOverdueError

TERMS = DunningTerms()
DUE_ON = date(2026, 11, 10)


def day(number: int) -> datetime:
    """Noon in Berlin so many days after the document was due."""
    return datetime(2026, 11, 10, 11, tzinfo=UTC) + timedelta(days=number)


async def pay(house: House, amount_minor: int, at: datetime) -> str:
    receipt = Receipt(house.organization_id, "cheque", "USD", amount_minor, at.date(), "a cheque")
    async with house.pool.connection() as connection:
        recorded = await record_payment(connection, receipt, None, Act(ADA, at))
    return recorded.applied[0].application_id


async def events(house: House) -> list[str]:
    async with house.pool.connection() as connection:
        rows = await connection.execute("SELECT type FROM events ORDER BY occurred_at, event_id")
        return [row[0] async for row in rows]


async def arrears(house: House) -> tuple[str, str, str]:
    async with house.pool.connection() as connection:
        row = await (
            await connection.execute(
                "SELECT arrears, arrears_number, arrears_sentence FROM organizations"
                " WHERE organization_id = %s",
                (house.organization_id,),
            )
        ).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


async def make_key(house: House) -> str:
    async with house.pool.connection() as connection:
        _, secret = await create_key(connection, house.organization_id, name="test")
    return secret


async def test_a_document_is_overdue_when_its_day_is_over_in_its_zone(house: House) -> None:
    invoice = await house.issue(10_000, due_on=DUE_ON)
    midnight = datetime(2026, 11, 10, 23, tzinfo=UTC)

    assert await mark_overdue(house.pool, midnight - timedelta(microseconds=1)) == 0
    assert await mark_overdue(house.pool, midnight) == 1
    assert await mark_overdue(house.pool, midnight) == 0
    assert (await house.document(invoice)).state == "overdue"


async def test_the_steps_are_taken_once_however_often_and_by_however_many(house: House) -> None:
    await house.issue(10_000, due_on=DUE_ON)
    for number in (-3, 0, 1, 3, 4, 7, 13, 14, 15, 29, 30, 31, 60):
        await asyncio.gather(*(follow_debts(house.pool, TERMS, day(number)) for _ in range(2)))

    assert await events(house) == [
        "invoice.overdue",
        "invoice.overdue",
        "invoice.overdue",
        "organization.limited",
        "invoice.overdue",
        "organization.stopped",
    ]


async def test_the_soft_limit_shows_and_keeps_the_credit_limit(house: House) -> None:
    await house.issue(10_000, due_on=DUE_ON)
    secret = await make_key(house)
    async with house.pool.connection() as connection:
        await set_credit_limit(connection, house.organization_id, 5_000_000_000, by=ADA)

    await follow_debts(house.pool, TERMS, day(14))

    caller = await KeyRing(house.pool).authenticate(secret)
    assert caller.overdue_number == "INV-2026-000001"
    async with house.pool.connection() as connection:
        with pytest.raises(CreditRequestError, match="INV-2026-000001 is overdue"):
            await set_credit_limit(connection, house.organization_id, 6_000_000_000, by=ADA)
        await set_credit_limit(connection, house.organization_id, 4_000_000_000, by=ADA)


async def test_a_stopped_organization_is_refused_with_what_to_pay_and_resumes_with_the_payment(
    house: House,
) -> None:
    await house.issue(119_000, due_on=DUE_ON)
    secret = await make_key(house)
    await follow_debts(house.pool, TERMS, day(14))
    await follow_debts(house.pool, TERMS, day(30))

    with pytest.raises(PaymentOverdueError) as caught:
        await KeyRing(house.pool).authenticate(secret)
    for said in (
        "INV-2026-000001",
        "$1,190.00",
        "2026-11-10",
        "DE02120300000000202051",
        "nothing was held or charged",
    ):
        assert said in str(caught.value)

    await pay(house, 119_000, day(31))
    assert (await KeyRing(house.pool).authenticate(secret)).overdue_number == ""
    assert (await arrears(house))[0] == ""
    assert (await events(house))[-1] == "organization.resumed"
    assert (await follow_debts(house.pool, TERMS, day(32)))["mail"] == 0


async def test_a_key_ring_that_listens_hears_of_the_stop_and_of_the_payment(house: House) -> None:
    await house.issue(10_000, due_on=DUE_ON)
    secret = await make_key(house)
    ring = KeyRing(house.pool)
    listening = asyncio.create_task(ring.run())
    try:
        await hear(ring, secret, is_refused=False)
        await follow_debts(house.pool, TERMS, day(14))
        await follow_debts(house.pool, TERMS, day(30))
        await hear(ring, secret, is_refused=True)
        await pay(house, 10_000, day(31))
        await hear(ring, secret, is_refused=False)
    finally:
        listening.cancel()


async def hear(ring: KeyRing, secret: str, *, is_refused: bool) -> None:
    """Ask a ring that listens until it answers so."""
    async with asyncio.timeout(20):
        while True:
            await asyncio.sleep(0.01)
            try:
                await ring.authenticate(secret)
            except PaymentOverdueError:
                if is_refused:
                    return
            else:
                if ring.is_listening and not is_refused:
                    return


async def test_a_partial_payment_changes_the_sentence_and_resumes_nothing(house: House) -> None:
    await house.issue(10_000, due_on=DUE_ON)
    await follow_debts(house.pool, TERMS, day(14))
    await follow_debts(house.pool, TERMS, day(30))

    await pay(house, 4_000, day(31))

    state, _, sentence = await arrears(house)
    assert state == "stopped"
    assert "$60.00 of INV-2026-000001" in sentence


async def test_a_payment_that_is_taken_off_again_stops_again(house: House) -> None:
    await house.issue(10_000, due_on=DUE_ON)
    await follow_debts(house.pool, TERMS, day(14))
    await follow_debts(house.pool, TERMS, day(30))
    application_id = await pay(house, 10_000, day(31))
    assert (await arrears(house))[0] == ""

    async with house.pool.connection() as connection:
        await unapply(connection, application_id, Act(ADA, day(32), "another's money"))

    assert (await arrears(house))[0] == "stopped"


async def test_a_write_off_resumes_too(house: House) -> None:
    invoice = await house.issue(10_000, due_on=DUE_ON)
    await follow_debts(house.pool, TERMS, day(14))
    async with house.pool.connection() as connection:
        await write_off(connection, GiveUp(invoice), Act(ADA, day(15), "insolvent"))
    assert (await arrears(house))[0] == ""


async def test_the_operator_waits_and_service_resumes_until_then(house: House) -> None:
    invoice = await house.issue(10_000, due_on=DUE_ON)
    await follow_debts(house.pool, TERMS, day(14))
    await follow_debts(house.pool, TERMS, day(30))
    async with house.pool.connection() as connection:
        await pause_dunning(connection, invoice, date(2026, 12, 20), Act(ADA, day(31), "promised"))
    assert (await arrears(house))[0] == ""

    await follow_debts(house.pool, TERMS, day(35))
    assert (await arrears(house))[0] == ""
    await follow_debts(house.pool, TERMS, day(41))
    assert (await arrears(house))[0] == "stopped"


async def test_of_two_debts_the_older_is_named_and_then_the_newer(house: House) -> None:
    await house.issue(10_000, due_on=DUE_ON)
    await house.issue(20_000, due_on=date(2026, 11, 11))
    await follow_debts(house.pool, TERMS, day(20))
    assert (await arrears(house))[1] == "INV-2026-000001"

    await pay(house, 10_000, day(21))
    assert (await arrears(house))[:2] == ("limited", "INV-2026-000002")


async def test_credit_pays_before_anybody_is_reminded(house: House) -> None:
    receipt = Receipt(house.organization_id, "cheque", "USD", 10_000, DUE_ON, "in advance")
    async with house.pool.connection() as connection:
        await record_payment(connection, receipt, None, ACT)
    await house.issue(10_000, due_on=DUE_ON)
    await put_all_credit(house.pool, day(3))
    assert (await follow_debts(house.pool, TERMS, day(40)))["mail"] == 0
