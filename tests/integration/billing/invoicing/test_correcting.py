"""Correcting: late usage and reversals on the next document, cancelled documents, goodwill."""

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import pytest
from tests.integration.billing.invoicing.conftest import OPERATOR, USD, Office

from jeton.billing.invoicing.correcting import Correction, Request, cancel_document, credit_document
from jeton.billing.invoicing.documents.reading import DocumentFilter, get_document, list_documents
from jeton.billing.invoicing.errors import CorrectionError
from jeton.billing.invoicing.profiles import ProfileChange
from jeton.billing.invoicing.words import TaxRate
from jeton.billing.words import Document
from jeton.charging.credits.errors import IdempotencyError
from jeton.charging.credits.reversing import reverse_charge

V1_NANO = 29_000_000


async def issue(office: Office, requests: int = 200) -> Document:
    """An invoice of $5.80 less $5 of trial credit, and its 19 %: 95 cents."""
    await office.set_invoiced()
    for _ in range(requests):
        await office.world.bill()
    await office.close(await office.end())
    return (await list_all(office))[0]


async def list_all(office: Office) -> list[Document]:
    """Every document, the latest first, with its lines."""
    async with office.pool.connection() as connection:
        heads = await list_documents(connection, DocumentFilter(office.organization_id))
        return [await get_document(connection, head.document_id) for head in heads]


async def cancel(office: Office, document: Document, *, is_reissue: bool) -> Correction:
    assert document.issued_at is not None
    request = Request(office.rules, OPERATOR, "wrong address", document.issued_at + timedelta(days=1))
    async with office.pool.connection() as connection:
        return await cancel_document(connection, document.number, request, is_reissue=is_reissue)


async def test_usage_that_came_late_is_on_the_next_document_and_alters_none(office: Office) -> None:
    first = await issue(office)
    # It is of the period that was closed, since its clock is that of the test: $0.058 more.
    await office.world.bill()
    await office.world.bill()
    assert first.issued_at is not None

    await office.close(first.period_to + timedelta(days=40))

    second, again = await list_all(office)
    assert again == first
    (*lines,) = second.lines
    assert {line.kind for line in lines} == {"adjustment"}
    assert {line.corrects for line in lines} == {first.number}
    assert {line.period_from for line in lines} == {first.period_from}
    assert [(line.bucket, line.quantity) for line in lines] == [
        ("input", 4_000),
        ("cache_read", 200_000),
        ("output", 3_000),
    ]
    # $0.058 is 6 cents, and 19 % of them 1.14 cents.
    assert (second.net_nano, second.lines_minor, second.tax_minor) == (2 * V1_NANO, 6, 1)
    assert (await office.balances()).get("accrued_nano") is None
    assert (await office.proof()).is_sound


async def test_what_was_reversed_after_issue_is_a_credit_note(office: Office) -> None:
    first = await issue(office)
    async with office.pool.connection() as connection:
        # The last request was drawn on the credit limit, so it is what the invoice asked for.
        await reverse_charge(connection, office.world.requests[-1], reason="a mistake", by=OPERATOR)

    await office.close(first.period_to + timedelta(days=40))

    note, _ = await list_all(office)
    assert (note.kind, note.purpose, note.corrects) == ("credit_note", "adjustment", first.number)
    assert note.number.startswith("CRN-")
    # $0.029 is 3 cents; 19 % of it is 0.57, a cent.
    assert (note.net_nano, note.lines_minor, note.tax_minor, note.total_minor) == (V1_NANO, 3, 1, 4)
    assert (await office.balances())["receivable_nano"] == 910_000_000
    assert (await office.balances()).get("accrued_nano") is None
    assert (await office.proof()).is_sound


async def test_a_cancelled_document_is_taken_back_whole_and_made_anew(office: Office) -> None:
    first = await issue(office)
    before = await office.balances()

    correction = await cancel(office, first, is_reissue=True)

    (again,) = correction.documents
    note = correction.credit_note
    assert (note.kind, note.corrects, note.total_minor, note.net_nano) == (
        "credit_note",
        first.number,
        first.total_minor,
        first.net_nano,
    )
    assert [line.net_nano for line in note.lines] == [line.net_nano for line in first.lines]
    assert (again.replaces, again.total_minor) == (first.document_id, 95)
    assert [line.key for line in again.lines] == [line.key for line in first.lines]
    states = {one.number: one.state for one in await list_all(office)}
    assert states == {first.number: "void", note.number: "issued", again.number: "issued"}
    assert await office.balances() == before
    assert (await office.proof()).is_sound
    with pytest.raises(CorrectionError, match="cancelled already"):
        await cancel(office, first, is_reissue=True)


async def test_what_was_cancelled_and_not_made_anew_is_billed_with_the_next(office: Office) -> None:
    first = await issue(office)
    await cancel(office, first, is_reissue=False)
    assert (await office.balances())["accrued_nano"] == 800_000_000

    await office.close(first.period_to + timedelta(days=40))

    latest = (await list_all(office))[0]
    assert (latest.total_minor, {line.kind for line in latest.lines}) == (95, {"adjustment", "credit"})
    assert (await office.balances())["receivable_nano"] == 950_000_000


async def test_goodwill_is_set_off_against_what_is_due_and_happens_once_a_key(office: Office) -> None:
    first = await issue(office)
    assert first.issued_at is not None
    request = Request(office.rules, OPERATOR, "for the outage", first.issued_at, "key-1")

    async with office.pool.connection() as connection:
        correction = await credit_document(connection, first.number, 50, request)
    async with office.pool.connection() as connection:
        again = await credit_document(connection, first.number, 50, request)

    note = correction.credit_note
    assert again.credit_note.number == note.number
    # 50 cents and 19 % of it, 9.5, half-even 10.
    assert (note.lines_minor, note.tax_minor, note.total_minor) == (50, 10, 60)
    async with office.pool.connection() as connection:
        document = await get_document(connection, first.number)
    assert (document.credited_minor, document.due_minor) == (60, 35)
    balances = await office.balances()
    assert (balances["receivable_nano"], balances["revenue_nano"], balances["tax_nano"]) == (
        350_000_000,
        -300_000_000,
        -50_000_000,
    )
    async with office.pool.connection() as connection:
        with pytest.raises(IdempotencyError):
            await credit_document(connection, first.number, 20, request)
    other = Request(office.rules, OPERATOR, "more", first.issued_at)
    async with office.pool.connection() as connection:
        with pytest.raises(CorrectionError, match=r"came to \$0\.30 before tax"):
            await credit_document(connection, first.number, 31, other)
    assert (await office.proof()).is_sound


async def test_a_prepaid_organization_has_a_receipt_of_what_credit_paid(office: Office) -> None:
    await office.world.grant(10 * USD)
    for _ in range(10):
        await office.world.bill()

    await office.close(await office.end())

    (receipt,) = await list_all(office)
    assert (receipt.kind, receipt.state, receipt.total_minor, receipt.net_nano) == ("receipt", "paid", 0, 0)
    assert sum(line.net_nano for line in receipt.lines if line.kind == "usage") == 10 * V1_NANO
    assert receipt.number.startswith("RCT-")
    assert "receivable_nano" not in await office.balances()


@pytest.mark.parametrize("later", [0, 300], ids=["alone", "beside what is used then"])
async def test_what_goes_back_bears_the_tax_that_it_was_billed_with(office: Office, later: int) -> None:
    """$0.83 were billed with 16 %; of $0.58 that go back when it is 19 %, 9 cents (9.28) are tax, not 11."""
    await office.set_invoiced()
    await office.world.bill()
    (draft,) = await office.draft()
    changes_on = (draft.period_to + timedelta(days=5)).date()
    before, after = (
        TaxRate("DE", Fraction(16, 100), date(2007, 1, 1)),
        TaxRate("DE", Fraction(19, 100), changes_on),
    )
    office.rules = replace(office.rules, tax_rates=(before, after))
    first = await issue(office)
    assert (first.lines_minor, first.tax_minor) == (83, 13)
    async with office.pool.connection() as connection:
        for request_id in office.world.requests[-20:]:
            await reverse_charge(connection, request_id, reason="a mistake", by=OPERATOR)
        if later:
            # What the next month has to be billed for: $3 that were to be used at least.
            await connection.execute("UPDATE organizations SET created_at = %s", (draft.period_from,))
    await office.set_profile(ProfileChange(minimum_nano=later * USD // 100))

    await office.close(first.period_to + timedelta(days=40))

    latest = [one for one in await list_all(office) if one.document_id != first.document_id]
    (note,) = [one for one in latest if one.kind == "credit_note"]
    assert (note.lines_minor, note.tax_minor, note.taxes[0].rate) == (58, 9, Fraction(16, 100))
    invoices = [(one.lines_minor, one.tax_minor) for one in latest if one.kind == "invoice"]
    assert invoices == ([(300, 57)] if later else [])
    assert (await office.balances()).get("accrued_nano", 0) == 0
    assert (await office.proof()).is_sound
