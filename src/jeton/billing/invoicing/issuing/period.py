"""Period: one organization's oldest open period is issued by hand, or its documents made anew."""

from datetime import datetime
from uuid import UUID

from jeton.billing.books_lock import refuse_closed
from jeton.billing.invoicing.drafting.planning import draft_wanted, find_wanted
from jeton.billing.invoicing.errors import DocumentsChangedError, PeriodOpenError
from jeton.billing.invoicing.issuing.issuing import Issue, issue_all
from jeton.billing.invoicing.profiles import get_profile
from jeton.billing.invoicing.words import Rules
from jeton.billing.words import Document
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit


async def issue_period(
    connection: Connection, organization_id: UUID, *, rules: Rules, at: datetime, by: Actor
) -> list[Document]:
    """Issue the oldest period of one organization that is over, grace or not, in the caller's transaction.

    None where there was nothing to bill; the period is closed all the same. Raises PeriodOpenError while
    none is over, BooksClosedError, MissingRateError, DocumentsChangedError.
    """
    profile = await get_profile(connection, organization_id)
    (wanted,) = await find_wanted(connection, [profile])
    if wanted.period.period_to > at:
        raise PeriodOpenError(wanted.period.period_to)
    await refuse_closed(connection, wanted.period.period_to)
    documents = await draft_wanted(connection, wanted, rules=rules, at=at)
    issued = await issue_all(connection, [Issue(wanted, tuple(documents))], formats=rules.numbers, at=at)
    if len(issued.documents) != len(documents) or not issued.organizations:
        raise DocumentsChangedError
    await record_audit(
        connection,
        by,
        "documents.issued",
        subject=str(organization_id),
        organization_id=organization_id,
        details={
            "period_from": wanted.period.period_from.isoformat(),
            "period_to": wanted.period.period_to.isoformat(),
            "documents": [one.number for one in issued.documents],
        },
    )
    return issued.documents
