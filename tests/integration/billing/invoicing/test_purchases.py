"""Receipts of what was bought, and credit notes of what was paid back, once each."""

from fractions import Fraction

from tests.integration.billing.invoicing.conftest import Office

from jeton.billing.invoicing.documents.reading import get_document
from jeton.billing.invoicing.purchases import Sale, issue_purchase_receipt, issue_refund_note
from jeton.clock import now


def sale(office: Office, subject: str, net_minor: int, tax_minor: int) -> Sale:
    return Sale(
        office.organization_id, subject, "$100.00 of credit", net_minor, tax_minor, "S", Fraction(19, 100)
    )


async def test_a_purchase_has_one_receipt_and_its_refund_one_credit_note(office: Office) -> None:
    at = now()
    bought = sale(office, "pay_1", 10_000, 1_900)
    back = sale(office, "refund_1", 2_500, 475)

    async with office.pool.connection() as connection:
        receipt = await issue_purchase_receipt(connection, bought, rules=office.rules, at=at)
        again = await issue_purchase_receipt(connection, bought, rules=office.rules, at=at)
        note = await issue_refund_note(connection, back, payment_id="pay_1", rules=office.rules, at=at)
        await issue_refund_note(connection, back, payment_id="pay_1", rules=office.rules, at=at)

    async with office.pool.connection() as connection:
        kept = await get_document(connection, receipt.document_id)
        credited = await get_document(connection, note.document_id)
        ((count,),) = await (await connection.execute("SELECT count(*) FROM documents")).fetchall()
    assert (again.document_id, count) == (kept.document_id, 2)
    assert (kept.kind, kept.state, kept.number[:4]) == ("receipt", "paid", "RCT-")
    assert (kept.lines_minor, kept.tax_minor, kept.total_minor, kept.due_minor) == (10_000, 1_900, 11_900, 0)
    assert (kept.total_nano, kept.tax_nano) == (119_000_000_000, 19_000_000_000)
    assert (credited.kind, credited.corrects, credited.total_minor) == ("credit_note", kept.number, 2_975)
    # The payment posts; its documents do not.
    assert set(await office.balances()) == {"credit_free_nano", "promotion_nano"}
