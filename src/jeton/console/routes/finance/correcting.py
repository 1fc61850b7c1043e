"""Correcting: what the operator does about documents: issue, cancel, credit, write off, wait."""

from collections.abc import Mapping

from jeton import clock
from jeton.billing.invoicing.correcting import Request
from jeton.billing.invoicing.documents.reading import get_document
from jeton.billing.invoicing.issuing.period import issue_period
from jeton.billing.receivables.collecting.correcting import cancel_and_settle, credit_and_settle
from jeton.billing.receivables.collecting.pausing import pause_dunning
from jeton.billing.receivables.write_offs import GiveUp, write_off
from jeton.billing.words import Document
from jeton.console.routes.billing.desk import office_of, read_id, read_key
from jeton.console.routes.finance.documents import PLACE
from jeton.console.routes.finance.reading import read_act, read_amount, read_day, read_organization
from jeton.console.routes.operating.inbox import operator
from jeton.console.visit import Visit
from jeton.db.pool import Connection


async def issue(visit: Visit, form: Mapping[str, str]) -> str:
    """Issue the oldest period of an organization that is over, without waiting for its days of grace."""
    visit.require_operator()
    organization_id = read_organization(form)
    rules = office_of(visit).rules
    async with visit.deps.pool.connection() as connection, connection.transaction():
        await issue_period(connection, organization_id, rules=rules, at=clock.now(), by=operator(visit))
    return f"{PLACE}?organization={organization_id}"


async def cancel(visit: Visit, form: Mapping[str, str]) -> str:
    """Cancel a document with a credit note of the same lines; with ``is_reissue`` make it anew at once."""
    visit.require_operator()
    async with visit.deps.pool.connection() as connection, connection.transaction():
        document = await _find(visit, connection)
        made = await cancel_and_settle(
            connection,
            document.document_id,
            _request(visit, form),
            is_reissue=form.get("is_reissue", "") == "yes",
        )
    shown = made.documents[0] if made.documents else made.credit_note
    return f"{PLACE}/documents/{shown.document_id}"


async def credit(visit: Visit, form: Mapping[str, str]) -> str:
    """Credit so much of a document out of goodwill, before tax."""
    visit.require_operator()
    async with visit.deps.pool.connection() as connection, connection.transaction():
        document = await _find(visit, connection)
        amount_minor = read_amount(form, document.currency)
        request = _request(visit, form)
        made = await credit_and_settle(connection, document.document_id, amount_minor, request)
    return f"{PLACE}/documents/{made.credit_note.document_id}"


async def give_up(visit: Visit, form: Mapping[str, str]) -> str:
    """Write off what is due on a document, or so much of it."""
    visit.require_operator()
    async with visit.deps.pool.connection() as connection, connection.transaction():
        document = await _find(visit, connection)
        amount_minor = read_amount(form, document.currency) if form.get("amount", "").strip() else None
        asked = GiveUp(document.document_id, amount_minor, read_key(form))
        await write_off(connection, asked, read_act(visit, form))
    return f"{PLACE}/documents/{document.document_id}"


async def wait(visit: Visit, form: Mapping[str, str]) -> str:
    """Do nothing about a debt until the end of a day; a past day goes on with it."""
    visit.require_operator()
    until_on = read_day(form, "until")
    async with visit.deps.pool.connection() as connection, connection.transaction():
        document = await _find(visit, connection)
        await pause_dunning(connection, document.document_id, until_on, read_act(visit, form))
    return f"{PLACE}/documents/{document.document_id}"


async def _find(visit: Visit, connection: Connection) -> Document:
    return await get_document(connection, read_id(visit, "document_id"))


def _request(visit: Visit, form: Mapping[str, str]) -> Request:
    return Request(
        rules=office_of(visit).rules,
        by=operator(visit),
        reason=form.get("reason", "").strip(),
        at=clock.now(),
        idempotency_key=read_key(form),
    )
