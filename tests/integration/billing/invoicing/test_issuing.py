"""Issuing: numbers, documents, lines and postings come together, once."""

from datetime import timedelta

from tests.integration.billing.invoicing.conftest import USD, Office

from jeton.billing.invoicing.documents.reading import DocumentFilter, get_document, list_documents
from jeton.billing.invoicing.profiles import ProfileChange


async def test_an_invoice_says_what_was_used_and_asks_for_what_no_lot_paid(office: Office) -> None:
    await office.set_invoiced()
    await office.set_profile(ProfileChange(country="DE", legal_name="Example GmbH", street="Weg 2"))
    # $5 of trial credit pay the first; each is $0.029 (world.V1).
    for _ in range(200):
        await office.world.bill()
    at = await office.end()

    closing = await office.close(at)

    assert (closing.periods, closing.documents, closing.problems) == (1, {"invoice": 1}, {})
    async with office.pool.connection() as connection:
        (head,) = await list_documents(connection, DocumentFilter(office.organization_id))
        document = await get_document(connection, head.number)
    assert document.number == f"INV-{document.issued_on:%Y}-000001"
    # 200 x $0.029 = $5.80, of which the trial paid $5.00; $0.80 at 19 % are $0.152 of tax.
    usage = [line for line in document.lines if line.kind == "usage"]
    assert sum(line.net_nano for line in usage) == 5_800_000_000
    assert [(line.bucket, line.quantity, line.net_nano) for line in usage] == [
        ("input", 400_000, 800_000_000),
        ("cache_read", 20_000_000, 2_000_000_000),
        ("output", 300_000, 3_000_000_000),
    ]
    (credit,) = [line for line in document.lines if line.kind == "credit"]
    assert credit.net_nano == -5 * USD
    assert (document.lines_minor, document.tax_minor, document.total_minor) == (80, 15, 95)
    assert (document.state, document.due_minor) == ("issued", 95)
    assert document.issued_on is not None
    assert document.due_on == document.issued_on + timedelta(days=30)
    assert await office.balances() == {
        "receivable_nano": 950_000_000,
        "revenue_nano": -800_000_000,
        "tax_nano": -150_000_000,
        "credit_limit_nano": 1_000 * USD,
    }
    proof = await office.proof()
    assert proof.is_sound, proof.findings
