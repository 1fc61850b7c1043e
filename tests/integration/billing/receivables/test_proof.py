"""``jeton ledger verify`` finds payments, documents and postings that do not say the same."""

import pytest
from tests.integration.billing.receivables.conftest import ACT, House
from tests.integration.billing.receivables.test_payments import record

from jeton.billing.receivables.applying import unapply
from jeton.billing.receivables.recording import pay_back
from jeton.billing.receivables.words import Share
from jeton.billing.receivables.write_offs import GiveUp, write_off
from jeton.insight.verify import verify


async def pay_and_err(house: House) -> None:
    """A document in yen paid in parts, one in dollars with a mistake, a write-off, and credit paid back."""
    yen = await house.issue(1_000, currency="JPY", total_nano=6_666_666_667)
    for amount in (333, 667):
        await record(house, amount, [Share(yen, amount)], currency="JPY")
    wrong = await record(house, 20_000, [Share(await house.issue(10_000, tax_minor=1_597), 4_000)])
    async with house.pool.connection() as connection:
        await unapply(connection, wrong.applied[0].application_id, ACT)
        await pay_back(connection, wrong.payment.payment_id, 1_234, ACT)
        await write_off(connection, GiveUp(house.numbers[1], 777), ACT)


async def test_what_was_done_in_order_is_sound(house: House) -> None:
    await pay_and_err(house)
    assert await house.is_sound()


CHANGES = {
    "payment": (
        "UPDATE received_payments SET unapplied_nano = unapplied_nano + 1 WHERE unapplied_minor > 0",
        "Payment rcvd_",
    ),
    "document": (
        "UPDATE documents SET paid_minor = paid_minor - 1, state = 'issued' WHERE currency = 'JPY'",
        "Document INV-2026-000001: what is paid",
    ),
    "write-off": (
        "ALTER TABLE write_offs DISABLE TRIGGER USER; UPDATE write_offs SET amount_nano = 7780000000",
        "write_off posted -7.77 dollars on receivable",
    ),
    "application": (
        (
            "ALTER TABLE payment_applications DISABLE TRIGGER USER;"
            " UPDATE payment_applications SET amount_nano = amount_nano - 1 WHERE amount_minor = 667"
        ),
        "is paid, and 0.000000001 dollars of it are open",
    ),
}


@pytest.mark.parametrize(("change", "finding"), CHANGES.values(), ids=CHANGES)
async def test_what_was_changed_is_found(house: House, change: str, finding: str) -> None:
    await pay_and_err(house)
    async with house.pool.connection() as connection:
        for statement in change.split(";"):
            await connection.execute(statement.encode())
    async with house.pool.connection() as connection:
        proof = await verify(connection)
    assert any(finding in one for one in proof.findings), proof.findings
