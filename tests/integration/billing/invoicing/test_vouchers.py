"""Credit that is taxed at its use: sold without tax, whose receipts take the tax out of what it paid."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from tests.integration.billing.invoicing.conftest import OPERATOR, RULES, USD, Office
from tests.stripe_server.running import SECRET_KEY, WEBHOOK_SECRET, StripeServer, stripe_server

from jeton.billing.invoicing.correcting import Request, cancel_document
from jeton.billing.invoicing.documents.reading import DocumentFilter, get_document, list_documents
from jeton.billing.invoicing.profiles import ProfileChange
from jeton.billing.invoicing.rates import RateNote, note_rate
from jeton.billing.invoicing.words import Rules
from jeton.billing.paper.bundle.verifying import verify_bundle
from jeton.billing.paper.files import make_file, save_bundle
from jeton.billing.payments.buying.cards import refresh_cards
from jeton.billing.payments.buying.purchasing import Purchase, buy_credit
from jeton.billing.payments.disputing.booking import book_dispute_news
from jeton.billing.payments.refunding.asking import Asked, refund_payment
from jeton.billing.payments.sending import introduce
from jeton.billing.payments.till import Till
from jeton.billing.payments.words import Hooks, Payment
from jeton.billing.providers.opening import ProviderDoor, StripeAccess
from jeton.billing.providers.words import ProviderDispute
from jeton.billing.receipting import with_receipts
from jeton.billing.receivables.applying import Act
from jeton.billing.receivables.claims.giving_up import give_up_claim
from jeton.billing.receivables.errors import WriteOffError
from jeton.billing.taxing import make_tax_of
from jeton.billing.words import Document
from jeton.charging.credits.reversing import reverse_charge
from jeton.clock import now
from jeton.insight.accounts.deferred import read_deferred
from jeton.insight.accounts.tax import read_tax, state_tax
from jeton.insight.accounts.words import Stretch
from jeton.usage import Usage

AT_USE = replace(RULES, tax_point="use")
# $11.60 of output.
USED = Usage(output_tokens=1_160_000)


@pytest.fixture(scope="module")
def stripe() -> Iterator[StripeServer]:
    """The payment provider as a process."""
    with stripe_server() as server:
        yield server


async def buy(office: Office, stripe: StripeServer, name: str = "one", *, rules: Rules = AT_USE) -> Payment:
    """$100 of credit, by an organization in Germany without any other."""
    access = StripeAccess(SECRET_KEY, WEBHOOK_SECRET, stripe.url)
    till = Till(
        office.pool,
        ProviderDoor(access),
        tax_of=make_tax_of(rules),
        hooks=with_receipts(Hooks(), rules),
    )
    async with office.pool.connection() as connection:
        await connection.execute("UPDATE lots SET expires_at = %s WHERE reason = 'trial'", (now(),))
    at = now()
    customer = await introduce(till, await till.door.open(), office.organization_id, at=at)
    stripe.save_card(customer)
    await refresh_cards(till, office.organization_id, at=at)
    purchase = Purchase(office.organization_id, 100 * USD, f"purch_{name}", OPERATOR, "")
    payment = await buy_credit(till, purchase, at=at)
    assert payment.state == "succeeded"
    return payment


async def documents(office: Office) -> list[Document]:
    """The latest first."""
    async with office.pool.connection() as connection:
        heads = await list_documents(connection, DocumentFilter(office.organization_id))
        return [await get_document(connection, head.document_id) for head in heads]


async def cents(office: Office) -> dict[str, int]:
    """Balances in cents; a nano too much would fail."""
    found = {}
    for name, nano in (await office.balances()).items():
        found[name.removesuffix("_nano")], rest = divmod(nano, USD // 100)
        assert rest == 0, name
    return found


async def test_tax_is_due_with_the_receipt_of_what_credit_paid_and_goes_back_with_it(
    office: Office, stripe: StripeServer, tmp_path: Path
) -> None:
    """Of $11.60 at 19 % are $1.85 tax (11.60 x 19/119) and $9.75 revenue; of $88.40 given back nothing is."""
    office.rules = AT_USE
    await office.set_profile(ProfileChange(country="DE", legal_name="Example GmbH", city="Bonn"))
    payment = await buy(office, stripe)
    (sold,) = await documents(office)
    assert (payment.tax_minor, payment.tax_point, sold.tax_minor) == (0, "use", 0)
    assert sold.taxes[0].reason.startswith("Multi-purpose voucher")
    charge = await office.world.bill(USED)
    at = await office.end()
    await office.close(at)

    receipt, _ = await documents(office)
    assert (receipt.kind, receipt.state) == ("receipt", "paid")
    assert (receipt.total_minor, receipt.due_minor, receipt.voucher_minor) == (0, 0, 1_160)
    assert [(tax.category, tax.taxable_minor, tax.tax_minor) for tax in receipt.taxes] == [("S", 975, 185)]
    assert [line.net_minor for line in receipt.lines if line.kind == "credit"] == [-1_160, -185]
    kept = await cents(office)
    assert (kept["tax"], kept["revenue"], kept["credit_paid"], kept["cash"]) == (-185, -975, -8_840, 10_000)
    deferred = await _deferred(office)
    assert deferred == 8_840
    xml = make_file(receipt, "xml").content.decode()
    for name, amount in (("LineTotal", "9.75"), ("GrandTotal", "11.60"), ("TotalPrepaid", "11.60")):
        assert f"<ram:{name}Amount>{amount}<" in xml
    assert "<ram:DuePayableAmount>0.00<" in xml
    assert make_file(receipt, "pdf").content.startswith(b"%PDF")
    await _verify(office, receipt, tmp_path)
    evidence = await _one(office, "SELECT evidence FROM vouchers")
    assert (evidence["buyer"]["country"], evidence["tax_of_use"]["rate"]) == ("DE", "0.19")

    # Cancelled and made anew it is the same; reversed, all of it goes back with a credit note.
    async with office.pool.connection() as connection:
        request = Request(AT_USE, OPERATOR, "another address", at)
        made = await cancel_document(connection, receipt.number, request, is_reissue=True)
    assert made.documents[0].tax_minor == 185
    assert (await cents(office))["tax"] == -185
    async with office.pool.connection() as connection:
        await reverse_charge(connection, charge.request_id, reason="it was our fault", by=OPERATOR)
    await office.close(at + timedelta(days=40))
    note = (await documents(office))[0]
    assert (note.kind, note.tax_minor, note.voucher_minor) == ("credit_note", 185, 1_160)
    await _verify(office, note, tmp_path)
    refunded = await refund_payment(
        Till(office.pool, ProviderDoor(StripeAccess(SECRET_KEY, WEBHOOK_SECRET, stripe.url)),
             hooks=with_receipts(Hooks(), AT_USE)),
        Asked(office.organization_id, payment.payment_id, reason="no longer needed", by=OPERATOR),
        at=now(),
    )  # fmt: skip
    assert (refunded.net_minor, refunded.tax_minor) == (10_000, 0)
    kept = await cents(office)
    assert not {"tax", "revenue", "credit_paid", "cash"} & kept.keys()
    assert (await office.proof()).is_sound


async def test_what_was_taxed_at_its_purchase_is_not_taxed_again(
    office: Office, stripe: StripeServer, tmp_path: Path
) -> None:
    """$100 bought with tax, $100 without: of $104.40 used only $4.40 have tax in them, which is $0.70."""
    await office.set_profile(ProfileChange(country="DE", legal_name="Example GmbH", city="Bonn"))
    await buy(office, stripe, rules=RULES)
    await buy(office, stripe, "two")
    for _ in range(9):
        await office.world.bill(USED)
    # Whatever the settings say by then: it was sold without tax.
    await office.close(await office.end())
    receipt = (await documents(office))[0]
    assert (receipt.voucher_minor, receipt.tax_minor, receipt.due_minor) == (440, 70, 0)
    assert (await cents(office))["tax"] == -1_900 - 70
    await _verify(office, receipt, tmp_path)
    assert (await office.proof()).is_sound


async def test_in_another_currency_the_tax_is_taken_out_of_what_was_paid_there(
    office: Office, stripe: StripeServer, tmp_path: Path
) -> None:
    """$11.60 at 0.5 are 5.80 EUR, of which 0.93 (0.926) are tax: $1.86 in the ledger."""
    office.rules = AT_USE
    async with office.pool.connection() as connection:
        note = RateNote("EUR", "0.5", date(2020, 1, 1), "a test")
        await note_rate(connection, note, by=OPERATOR, at=now())
    await office.set_profile(ProfileChange(country="DE", legal_name="Example GmbH", city="B", currency="EUR"))
    await buy(office, stripe)
    await office.world.bill(USED)
    await office.close(await office.end())
    receipt = (await documents(office))[0]
    assert (receipt.currency, receipt.voucher_minor, receipt.tax_minor) == ("EUR", 580, 93)
    assert receipt.taxes[0].rate == Fraction(19, 100)
    assert (await cents(office))["tax"] == -186
    await _verify(office, receipt, tmp_path)
    assert (await office.proof()).is_sound


async def test_of_what_a_dispute_left_owed_the_tax_of_its_use_is_given_back_with_the_debt(
    office: Office, stripe: StripeServer
) -> None:
    """$11.60 used, of which $1.85 are tax by the receipt: lost and given up, nothing of it is owed."""
    await office.set_profile(ProfileChange(country="DE", legal_name="Example GmbH", city="Bonn"))
    payment = await buy(office, stripe)
    await office.world.bill(USED)
    till = Till(office.pool, ProviderDoor(StripeAccess(SECRET_KEY, WEBHOOK_SECRET, stripe.url)))
    assert payment.provider_payment_id is not None
    lost = ProviderDispute("dp_use", payment.provider_payment_id, 10_000, "USD", "lost", "fraudulent", now())
    act = Act(OPERATOR, now(), "gone abroad")
    async with office.pool.connection() as connection:
        await book_dispute_news(till, connection, lost, provider="stripe", at=now())
        # The period runs: no receipt has its tax yet.
        with pytest.raises(WriteOffError, match=r"\$11.60 is owed .* receipts have \$0.00"):
            await give_up_claim(connection, payment.payment_id, act)
    await office.close(await office.end())
    assert (await cents(office))["tax"] == -185
    async with office.pool.connection() as connection:
        third = await give_up_claim(connection, payment.payment_id, act, amount_nano=4 * USD)
        rest = await give_up_claim(connection, payment.payment_id, act)
        stated = state_tax(*await read_tax(connection, Stretch(now() + timedelta(days=400))))
    # 4 / 11.60 of 1.85, half-even at the nano.
    assert (third.tax_nano, rest.tax_nano) == (637_931_034, 1_850_000_000 - 637_931_034)
    kept = await cents(office)
    assert (kept["revenue"], kept["bad_debt"], kept.keys() & {"tax", "receivable"}) == (-975, 975, set())
    assert (stated.totals["tax_nano"], stated.totals["S 0.19_nano"], stated.is_tied) == (0, 0, True)
    assert (await office.proof()).is_sound


async def test_late_usage_of_a_voucher_is_taxed_though_as_much_of_other_credit_was_reversed(
    office: Office, stripe: StripeServer
) -> None:
    """$11.60 of credit bought with tax are reversed and refunded; $11.60 more came late, out of a voucher."""
    await office.set_profile(ProfileChange(country="DE", legal_name="Example GmbH", city="Bonn"))
    taxed = await buy(office, stripe, rules=RULES)
    await buy(office, stripe, "two")
    charge = await office.world.bill(USED)
    at = await office.end()
    await office.close(at)
    async with office.pool.connection() as connection:
        await reverse_charge(connection, charge.request_id, reason="it was our fault", by=OPERATOR)
    await refund_payment(
        Till(office.pool, ProviderDoor(StripeAccess(SECRET_KEY, WEBHOOK_SECRET, stripe.url))),
        Asked(office.organization_id, taxed.payment_id, reason="no longer needed", by=OPERATOR),
        at=now(),
    )
    await office.world.bill(USED)
    await office.close(at + timedelta(days=40))
    late = (await documents(office))[0]
    assert (late.kind, late.voucher_minor, late.tax_minor, late.due_minor) == ("receipt", 1_160, 185, 0)
    assert (await cents(office))["tax"] == -185
    assert (await office.proof()).is_sound


async def _verify(office: Office, document: Document, folder: Path) -> None:
    path = folder / f"{document.number}.zip"
    async with office.pool.connection() as connection:
        with path.open("wb") as file:
            await save_bundle(connection, document, file)
    assert verify_bundle(path)[1].differences == []


async def _deferred(office: Office) -> int:
    """Deferred revenue in cents: what is left of what was paid for."""
    later = datetime(2100, 1, 1, tzinfo=now().tzinfo)
    async with office.pool.connection() as connection:
        found = await read_deferred(connection, Stretch(later))
    return found.sum("closing_nano") // (USD // 100)


async def _one(office: Office, query: Any) -> Any:  # noqa: ANN401 - whatever was asked for
    async with office.pool.connection() as connection:
        row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return row[0]
