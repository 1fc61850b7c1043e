"""Payments on documents as they are really issued, cancelled and credited; expected values by hand."""

from datetime import UTC, datetime, time, timedelta

import pytest
from tests.integration.billing.invoicing.conftest import (
    OPERATOR,
    USD,
    Office,
    office,
)

from jeton.billing.invoicing.correcting import Request, cancel_document, credit_document
from jeton.billing.invoicing.documents.reading import DocumentFilter, get_document, list_documents
from jeton.billing.invoicing.errors import CorrectionError
from jeton.billing.receivables.applying import Act
from jeton.billing.receivables.collecting.correcting import cancel_and_settle, credit_and_settle
from jeton.billing.receivables.credit import put_all_credit
from jeton.billing.receivables.dunning.following import follow_debts
from jeton.billing.receivables.dunning.words import DunningTerms
from jeton.billing.receivables.recording import record_payment
from jeton.billing.receivables.words import Receipt
from jeton.billing.receivables.write_offs import GiveUp, write_off
from jeton.billing.words import Document

__all__ = ["office"]


async def issue(office: Office) -> Document:
    """An invoice over 200 requests of $0.029: $5.80."""
    await office.set_invoiced(10 * USD)
    for _ in range(200):
        await office.world.bill()
    await office.close(await office.end())
    async with office.pool.connection() as connection:
        (head,) = await list_documents(connection, DocumentFilter(office.organization_id))
        return await get_document(connection, head.number)


async def pay(office: Office, document: Document, amount_minor: int) -> None:
    assert document.issued_at is not None
    receipt = Receipt(
        office.organization_id, "cheque", "USD", amount_minor, document.issued_at.date(), "a cheque"
    )
    async with office.pool.connection() as connection:
        await record_payment(connection, receipt, None, Act(OPERATOR, document.issued_at, "a cheque"))


async def test_what_paid_a_cancelled_invoice_pays_the_one_made_instead(office: Office) -> None:
    first = await issue(office)
    await pay(office, first, first.total_minor)
    assert first.issued_at is not None
    request = Request(office.rules, OPERATOR, "wrong address", first.issued_at + timedelta(days=1))
    async with office.pool.connection() as connection:
        correction = await cancel_document(connection, first.number, request, is_reissue=True)
    (second,) = correction.documents
    assert "receivable_nano" not in await office.balances()  # owed anew, and paid

    await put_all_credit(office.pool, request.at)
    assert await put_all_credit(office.pool, request.at) == {"organizations": 0, "applied": 0}

    async with office.pool.connection() as connection:
        old, new = await get_document(connection, first.number), await get_document(connection, second.number)
    assert (old.state, old.paid_minor) == ("void", 0)
    assert (new.state, new.due_minor) == ("paid", 0)
    assert "receivable_nano" not in await office.balances()
    assert (await office.proof()).is_sound


async def test_goodwill_on_a_paid_invoice_is_credit(office: Office) -> None:
    first = await issue(office)
    await pay(office, first, first.total_minor)
    assert first.issued_at is not None
    request = Request(office.rules, OPERATOR, "for the outage", first.issued_at, "key-1")
    async with office.pool.connection() as connection:
        note = (await credit_document(connection, first.number, 50, request)).credit_note

    await put_all_credit(office.pool, request.at)
    await put_all_credit(office.pool, request.at)

    async with office.pool.connection() as connection:
        rows = await connection.execute(
            "SELECT method, unapplied_minor, unapplied_nano FROM received_payments"
        )
        found = sorted([row async for row in rows])
    assert found == [("cheque", 0, 0), ("credit_note", note.total_minor, note.total_nano)]
    assert (await office.balances())["receivable_nano"] == -note.total_nano
    assert (await office.proof()).is_sound


async def test_goodwill_on_a_part_that_is_due_clears_exactly(office: Office) -> None:
    first = await issue(office)
    await pay(office, first, first.total_minor - 40)
    assert first.issued_at is not None
    request = Request(office.rules, OPERATOR, "for the outage", first.issued_at, "key-1")
    async with office.pool.connection() as connection:
        note = (await credit_document(connection, first.number, 50, request)).credit_note
    await put_all_credit(office.pool, request.at)

    async with office.pool.connection() as connection:
        paid = await get_document(connection, first.number)
    assert (paid.state, paid.credited_minor, paid.due_minor) == ("paid", 40, 0)
    over_nano = (note.total_minor - 40) * 10_000_000
    assert (await office.balances())["receivable_nano"] == -over_nano
    assert (await office.proof()).is_sound


async def test_what_was_written_off_is_not_given_again_as_goodwill(office: Office) -> None:
    """Of $0.80 and $0.15 of tax $0.50 are given up, $0.42 and $0.08 (7.9): $0.38 may be credited, no more.

    All $0.80 would be credit of $0.50 that nobody paid, and its tax would go back twice.
    """
    first = await issue(office)
    assert first.issued_at is not None
    request = Request(office.rules, OPERATOR, "for the outage", first.issued_at)
    async with office.pool.connection() as connection:
        await write_off(connection, GiveUp(first.document_id, 50), Act(OPERATOR, request.at, "insolvent"))
        with pytest.raises(CorrectionError, match=r"came to \$0\.38 before tax that was not credited or"):
            await credit_document(connection, first.number, 80, request)
    async with office.pool.connection() as connection:
        note = (await credit_document(connection, first.number, 38, request)).credit_note
        document = await get_document(connection, first.number)
    assert (note.total_minor, note.credited_minor) == (45, 45)
    assert (document.state, document.due_minor) == ("written_off", 0)
    balances = await office.balances()
    assert (balances.get("receivable_nano", 0), balances.get("tax_nano", 0)) == (0, -1_052_632)
    assert (await office.proof()).is_sound


@pytest.mark.parametrize("is_cancelled", [True, False], ids=["cancelled", "credited"])
async def test_who_owes_nothing_after_a_credit_note_may_go_on_at_once(
    office: Office, *, is_cancelled: bool
) -> None:
    first = await issue(office)
    assert first.due_on is not None
    due_at = datetime.combine(first.due_on, time(12), UTC)
    for days in (4, 8, 40):
        await follow_debts(office.pool, DunningTerms(), due_at + timedelta(days=days))
    arrears = "SELECT arrears FROM organizations WHERE organization_id = %s"
    request = Request(office.rules, OPERATOR, "not theirs", due_at + timedelta(days=41))
    async with office.pool.connection() as connection:
        row = await (await connection.execute(arrears, (office.organization_id,))).fetchone()
        assert row == ("stopped",)
        if is_cancelled:
            await cancel_and_settle(connection, first.number, request, is_reissue=False)
        else:
            await credit_and_settle(connection, first.number, first.lines_minor, request)
        row = await (await connection.execute(arrears, (office.organization_id,))).fetchone()
    assert row == ("",)
