"""Mails of documents: the PDF is made when the mail is sent, and is the one that is fetched later."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from facturx import get_facturx_xml_from_pdf  # type: ignore[import-untyped] # it has no types
from tests.integration.billing.invoicing.conftest import GERMAN, Office, office
from tests.integration.notifications.conftest import Post, open_post

from jeton.billing.invoicing.closing import Closer, close_due
from jeton.billing.invoicing.documents.reading import DocumentFilter, get_document, list_documents
from jeton.billing.invoicing.profiles import ProfileChange
from jeton.billing.paper.files import make_file
from jeton.billing.paper.look import PLAIN
from jeton.billing.paper.mailing import PaperClip
from jeton.notifications.addresses import AddressRules
from jeton.notifications.catalogue.documents import DocumentIssued
from jeton.notifications.events import Event, emit
from jeton.notifications.mail import Mailer, SmtpServer
from jeton.notifications.notifier import Notifier, NotifierTerms
from jeton.notifications.webhook import WebhookClient

__all__ = ["office"]
_DELIVERIES = "SELECT delivered_at IS NOT NULL, last_problem FROM deliveries"
_STORED = "SELECT max(length(data::text)) FROM events"


def _notifier(office: Office, post: Post) -> Notifier:
    server = SmtpServer("127.0.0.1", post.port, "none", "Jeton <jeton@example.com>")
    return Notifier(
        office.pool,
        WebhookClient(AddressRules()),
        mailer=Mailer(
            server, brand_name="Jeton", console_url="", attach=PaperClip(office.pool, PLAIN).attach
        ),
        finders=(),
        terms=NotifierTerms(),
    )


async def test_the_mail_of_an_invoice_has_its_pdf_with_the_xml_inside(office: Office) -> None:
    await office.set_invoiced()
    await office.set_profile(
        ProfileChange(country="DE", legal_name="Example GmbH", emails=("books@example.com",))
    )
    for _ in range(200):
        await office.world.bill()
    at = await office.end()
    await office.close(at)
    async with open_post() as post:
        while await _notifier(office, post).work_off(lambda: at):
            pass
    (recipients, mail) = next(one for one in post.mails if one[0] == ["books@example.com"])
    async with office.pool.connection() as connection:
        (head,) = await list_documents(connection, DocumentFilter(office.organization_id))
        document = await get_document(connection, head.number)
        deliveries = await (await connection.execute(_DELIVERIES)).fetchall()
        (stored,) = await (await connection.execute(_STORED)).fetchone() or (0,)
    assert recipients == ["books@example.com"]
    assert mail["Subject"] == f"Jeton: Invoice {document.number}: USD 0.95"
    (attached,) = mail.iter_attachments()
    made = make_file(document, "pdf")
    assert attached.get_filename() == made.name == f"{document.number}.pdf"
    assert attached.get_content_type() == "application/pdf"
    assert attached.get_content() == made.content
    assert GERMAN.vat_number.encode() in get_facturx_xml_from_pdf(made.content)[1]
    assert all(is_delivered for is_delivered, _ in deliveries)
    assert stored < 2_000


async def test_a_mail_whose_document_is_not_there_is_tried_again_and_not_sent_without(office: Office) -> None:
    async with open_post() as post:
        notifier = _notifier(office, post)
        data = DocumentIssued(
            document_id="inv_none", number="INV-1", kind="invoice", currency="USD", total="1.00", due="1.00"
        )
        at = datetime(2026, 12, 3, tzinfo=UTC)
        async with office.pool.connection() as connection:
            await emit(connection, Event(data, office.organization_id, "one", at, ("a@example.com",)))
        await notifier.work_off(lambda: at)
    assert post.mails == []
    async with office.pool.connection() as connection:
        ((is_delivered, problem), *_) = await (await connection.execute(_DELIVERIES)).fetchall()
    assert not is_delivered
    assert problem == "What goes with it cannot be made: There is no document inv_none."


async def test_a_receipt_over_nothing_is_not_mailed_and_may_be_left_out(office: Office) -> None:
    """An organization that pays ahead had a mail about nothing each month."""
    for _ in range(3):
        await office.world.bill()
    at = await office.end()
    async with office.pool.connection() as connection:
        await connection.execute("DELETE FROM pending_events")
    omitting = replace(office.rules, zero_receipts="omit")
    assert (await close_due(Closer(office.pool, omitting, at))).documents == {}
    # The next period is closed as by whoever changes their mind: what was left out comes with it.
    later = await close_due(Closer(office.pool, office.rules, at + timedelta(days=40)))
    assert later.documents == {"receipt": 1}
    async with open_post() as post:
        while await _notifier(office, post).work_off(lambda: at):
            pass
    async with office.pool.connection() as connection:
        told = await (await connection.execute("SELECT type, data ->> 'total' FROM events")).fetchall()
    assert ("document.issued", "0.00") in told
    assert post.mails == []
