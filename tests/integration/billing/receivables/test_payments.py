"""Payments on documents on real PostgreSQL; expected balances by hand."""

import asyncio
from datetime import date

import pytest
from tests.integration.billing.receivables.conftest import ACT, AT, NANO_PER_CENT, House

from jeton.billing.receivables.applying import apply_payment, unapply
from jeton.billing.receivables.credit import put_all_credit
from jeton.billing.receivables.errors import (
    ApplicationError,
    ApplicationNotFoundError,
    ReceiptError,
    ReceiptKnownError,
    WriteOffError,
)
from jeton.billing.receivables.recording import Recorded, pay_back, record_payment, void_payment
from jeton.billing.receivables.storage import get_received_payment
from jeton.billing.receivables.words import Receipt, Share
from jeton.billing.receivables.write_offs import GiveUp, write_off

USD = 1_000_000_000


def receipt(house: House, amount_minor: int, *, currency: str = "USD", external_id: str = "") -> Receipt:
    return Receipt(
        organization_id=house.organization_id,
        method="bank_transfer",
        currency=currency,
        amount_minor=amount_minor,
        received_on=date(2026, 11, 2),
        reason="seen on the statement",
        external_id=external_id,
    )


async def record(house: House, amount_minor: int, shares: list[Share] | None = None, **more: str) -> Recorded:
    async with house.pool.connection() as connection:
        return await record_payment(connection, receipt(house, amount_minor, **more), shares, ACT)


async def test_a_payment_of_exactly_what_is_due_clears_it(house: House) -> None:
    invoice = await house.issue(11_900, tax_minor=1_900)
    assert await house.balances() == {"receivable": 119 * USD, "tax": -19 * USD, "revenue": -100 * USD}

    await record(house, 11_900)

    assert await house.balances() == {"cash": 119 * USD, "tax": -19 * USD, "revenue": -100 * USD}
    paid = await house.document(invoice)
    assert (paid.state, paid.due_minor, paid.due_nano) == ("paid", 0, 0)
    assert await house.is_sound()


async def test_partial_payments_leave_the_rest_due(house: House) -> None:
    invoice = await house.issue(11_900)
    await record(house, 5_000)
    part = await house.document(invoice)
    assert (part.state, part.due_minor, part.due_nano) == ("issued", 6_900, 69 * USD)

    await record(house, 6_900)
    assert (await house.document(invoice)).state == "paid"


async def test_what_is_too_much_is_credit_and_pays_the_next_document(house: House) -> None:
    await house.issue(10_000)
    over = await record(house, 12_500)
    assert over.payment.unapplied_minor == 2_500
    assert (await house.balances())["receivable"] == -25 * USD

    later = await house.issue(10_000)
    assert await put_all_credit(house.pool, AT) == {"organizations": 1, "applied": 1}
    assert await put_all_credit(house.pool, AT) == {"organizations": 0, "applied": 0}

    assert (await house.document(later)).due_minor == 7_500
    assert (await house.balances())["receivable"] == 75 * USD


async def test_one_payment_pays_the_longest_due_first(house: House) -> None:
    newer = await house.issue(3_000, due_on=date(2026, 12, 10))
    older = await house.issue(4_000, due_on=date(2026, 11, 10))

    recorded = await record(house, 5_000)

    assert [(one.document_id, one.amount_minor) for one in recorded.applied] == [
        (older, 4_000),
        (newer, 1_000),
    ]


async def test_a_payment_goes_to_the_documents_that_are_named(house: House) -> None:
    first, second = await house.issue(3_000), await house.issue(4_000)

    await record(house, 5_000, [Share(second, 4_000), Share(first, 1_000)])

    assert ((await house.document(first)).due_minor, (await house.document(second)).state) == (2_000, "paid")


async def test_the_last_payment_clears_a_document_in_yen_to_the_nano(house: House) -> None:
    """1,000 yen worth 6,666,666,667 nano: thirds of it are not whole, and still nothing is left."""
    invoice = await house.issue(1_000, currency="JPY", total_nano=6_666_666_667)

    for amount in (333, 333, 334):
        await record(house, amount, [Share(invoice, amount)], currency="JPY")

    paid = await house.document(invoice)
    assert (paid.state, paid.due_minor, paid.due_nano) == ("paid", 0, 0)
    assert "receivable" not in await house.balances()
    assert (await house.balances())["cash"] == 6_666_666_667
    assert await house.is_sound()


async def test_credit_of_another_rate_clears_exactly_and_cash_follows(house: House) -> None:
    first = await house.issue(1_000, currency="EUR", total_nano=11 * USD)
    await record(house, 1_500, [Share(first, 1_000)], currency="EUR")
    assert (await house.balances())["receivable"] == -5_500_000_000

    await house.issue(500, currency="EUR", total_nano=6 * USD)
    await put_all_credit(house.pool, AT)

    balances = await house.balances()
    assert "receivable" not in balances
    assert balances["cash"] == 17 * USD


async def test_the_same_money_is_recorded_once(house: House) -> None:
    await house.issue(10_000)
    first = await record(house, 10_000, external_id="bank 1")
    again = await record(house, 10_000, external_id="bank 1")

    assert (first.is_new, again.is_new) == (True, False)
    assert again.payment.payment_id == first.payment.payment_id
    assert (await house.balances())["cash"] == 100 * USD
    with pytest.raises(ReceiptKnownError):
        await record(house, 9_999, external_id="bank 1")


async def test_two_at_once_with_the_same_money_are_one(house: House) -> None:
    await house.issue(10_000)
    both = await asyncio.gather(*(record(house, 10_000, external_id="bank 1") for _ in range(5)))
    assert sum(one.is_new for one in both) == 1
    assert (await house.balances())["cash"] == 100 * USD


async def test_a_wrong_one_is_taken_off_and_stays_where_a_person_puts_it(house: House) -> None:
    wrong, right = await house.issue(10_000), await house.issue(10_000)
    recorded = await record(house, 10_000, [Share(wrong, 10_000)])
    (applied,) = recorded.applied

    async with house.pool.connection() as connection:
        await unapply(connection, applied.application_id, ACT)
    assert ((await house.document(wrong)).state, (await house.document(wrong)).due_minor) == (
        "issued",
        10_000,
    )
    await put_all_credit(house.pool, AT)
    assert (await house.document(wrong)).due_minor == 10_000

    async with house.pool.connection() as connection:
        await apply_payment(connection, recorded.payment.payment_id, [Share(right, 10_000)], ACT)
    assert (await house.document(right)).state == "paid"
    assert (await house.balances())["receivable"] == 100 * USD
    assert await house.is_sound()


async def test_taking_off_twice_is_refused(house: House) -> None:
    recorded = await record(house, 10_000, [Share(await house.issue(10_000), 10_000)])
    (applied,) = recorded.applied
    async with house.pool.connection() as connection:
        await unapply(connection, applied.application_id, ACT)
    async with house.pool.connection() as connection:
        with pytest.raises(ApplicationNotFoundError):
            await unapply(connection, applied.application_id, ACT)


async def test_a_cheque_that_bounced_is_reversed_exactly(house: House) -> None:
    invoice = await house.issue(10_000)
    before = await house.balances()
    recorded = await record(house, 12_000)

    async with house.pool.connection() as connection:
        voided = await void_payment(connection, recorded.payment.payment_id, ACT)

    assert await house.balances() == before
    assert voided.voided_at == AT
    assert (await house.document(invoice)).due_minor == 10_000
    async with house.pool.connection() as connection:
        with pytest.raises(ReceiptError, match="voided already"):
            await void_payment(connection, recorded.payment.payment_id, ACT)


async def test_credit_is_paid_back_and_no_more_than_there_is(house: House) -> None:
    recorded = await record(house, 12_000)
    payment_id = recorded.payment.payment_id
    async with house.pool.connection() as connection:
        with pytest.raises(ReceiptError, match=r"\$120.00 of .* can be paid back, not \$120.01"):
            await pay_back(connection, payment_id, 12_001, ACT)
    async with house.pool.connection() as connection:
        await pay_back(connection, payment_id, 2_000, ACT)
        await pay_back(connection, payment_id, 10_000, ACT)
        left = await get_received_payment(connection, payment_id)
    assert (left.unapplied_minor, left.unapplied_nano, left.returned_minor) == (0, 0, 12_000)
    assert await house.balances() == {}


@pytest.mark.parametrize(
    ("share", "problem"),
    [(10_001, "due on INV-2026-000001"), (0, "above zero")],
)
async def test_more_than_is_due_is_refused_and_nothing_is_recorded(
    house: House, share: int, problem: str
) -> None:
    invoice = await house.issue(10_000)
    with pytest.raises(ApplicationError, match=problem):
        await record(house, 20_000, [Share(invoice, share)])
    assert "cash" not in await house.balances()


async def test_another_currency_is_refused(house: House) -> None:
    invoice = await house.issue(10_000)
    with pytest.raises(ReceiptError, match="No exchange rate for EUR"):
        await record(house, 10_000, [Share(invoice, 10_000)], currency="EUR")


async def test_a_write_off_is_a_bad_debt_without_its_tax(house: House) -> None:
    invoice = await house.issue(11_900, tax_minor=1_900)
    async with house.pool.connection() as connection:
        written = await write_off(connection, GiveUp(invoice, idempotency_key="k1"), ACT)
        again = await write_off(connection, GiveUp(invoice, idempotency_key="k1"), ACT)

    assert written == again
    assert (written.amount_minor, written.tax_minor) == (11_900, 1_900)
    assert await house.balances() == {"revenue": -100 * USD, "bad_debt": 100 * USD}
    assert (await house.document(invoice)).state == "written_off"
    assert await house.is_sound()


async def test_what_is_left_after_a_payment_is_written_off(house: House) -> None:
    invoice = await house.issue(11_900, tax_minor=1_900)
    await record(house, 5_950)
    async with house.pool.connection() as connection:
        await write_off(connection, GiveUp(invoice), ACT)

    assert await house.balances() == {
        "cash": 5_950 * NANO_PER_CENT,
        "tax": -950 * NANO_PER_CENT,
        "revenue": -100 * USD,
        "bad_debt": 50 * USD,
    }
    async with house.pool.connection() as connection:
        with pytest.raises(WriteOffError, match=r"\$0.00 is due"):
            await write_off(connection, GiveUp(invoice, 1), ACT)


async def test_every_change_has_its_audit_entry(house: House) -> None:
    invoice = await house.issue(10_000)
    recorded = await record(house, 6_000)
    async with house.pool.connection() as connection:
        await unapply(connection, recorded.applied[0].application_id, ACT)
        await pay_back(connection, recorded.payment.payment_id, 1_000, ACT)
        await write_off(connection, GiveUp(invoice, 500), ACT)
        rows = await connection.execute(
            "SELECT action, actor FROM audit_entries WHERE actor = 'ada' ORDER BY audit_id"
        )
        actions = [row[0] async for row in rows]
    assert actions == ["payment.recorded", "payment.unapplied", "payment.paid_back", "document.written_off"]


async def test_a_payment_is_taken_off_a_document_whose_rest_was_written_off(house: House) -> None:
    """The cheque bounced after the rest was given up: what it paid is due again, the rest stays given up."""
    invoice = await house.issue(10_000)
    recorded = await record(house, 6_000)
    async with house.pool.connection() as connection:
        await write_off(connection, GiveUp(invoice), ACT)
        await void_payment(connection, recorded.payment.payment_id, ACT)

    found = await house.document(invoice)
    assert (found.state, found.due_minor, found.due_nano) == ("issued", 6_000, 60 * USD)
    assert (await house.balances())["receivable"] == 60 * USD


async def test_parts_that_are_written_off_have_no_more_tax_than_the_document(house: House) -> None:
    """19 yen of tax in 119: parts of 22 have 3.51 each, and five of 4 with the last of 1 would be 21."""
    invoice = await house.issue(119, tax_minor=19, currency="JPY", total_nano=1_190_000_001)
    taxes, nanos = [], []
    for amount_minor in (22, 22, 22, 22, 22, 9):
        async with house.pool.connection() as connection:
            written = await write_off(connection, GiveUp(invoice, amount_minor), ACT)
        taxes.append(written.tax_minor)
        nanos.append(written.tax_nano)

    assert (taxes, sum(nanos)) == ([4, 3, 4, 3, 4, 1], 190_000_000)
    assert (await house.balances()).get("tax", 0) == 0
    assert await house.is_sound()
