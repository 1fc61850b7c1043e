"""Keeping: rows of terms, which are added and ended, never changed, each with its audit entry."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from jeton.billing.terms.asking import (
    REASON_CHARS_MAX,
    TERMS_MAX,
    TermsAsk,
    check_ask,
    first_begin,
)
from jeton.billing.terms.errors import TermsNotFoundError, TermsOverlapError, TermsRequestError
from jeton.charging.agreeing.reading import find_terms, read_terms
from jeton.charging.credits.requests import CreditRequest
from jeton.db.pool import Connection
from jeton.errors import NotFoundError
from jeton.identity.audit import Actor, record_audit
from jeton.ids import new_id
from jeton.pricing.book import PriceBook
from jeton.pricing.terms import TERMS_PREFIX, Terms, is_quarter

_LOCK = "SELECT 1 FROM organizations WHERE organization_id = %s FOR NO KEY UPDATE"
_INSERT = """
    INSERT INTO terms (terms_id, organization_id, scope, content, effective_from, effective_to, reason,
                       created_at, created_by, approved_by)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_END = """
    UPDATE terms SET effective_to = %s, ended_at = %s, ended_by = %s, end_reason = %s
    WHERE organization_id = %s AND terms_id = %s AND ended_at IS NULL RETURNING terms_id
"""


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes terms, at which instant, and under which idempotency key ("" for none)."""

    by: Actor
    at: datetime
    idempotency_key: str = ""


async def add_terms(
    connection: Connection,
    organization_id: UUID,
    asks: Sequence[TermsAsk],
    *,
    book: PriceBook,
    change: Change,
) -> list[str]:
    """Agree on all of these or on none, in the caller's transaction; return their ids.

    With an idempotency key the same again returns the first ids. Raises TermsRequestError,
    TermsOverlapError (also of two of these), NotFoundError, and IdempotencyError.
    """
    request = CreditRequest(
        organization_id, change.idempotency_key, {"terms": [ask.render() for ask in asks]}
    )
    async with connection.transaction():
        known_ids = await request.find_outcome(connection)
        if known_ids is not None:
            return known_ids.split()
        for ask in asks:
            check_ask(ask, book, change.at)
        if await (await connection.execute(_LOCK, (organization_id,))).fetchone() is None:
            raise NotFoundError(f"There is no organization {organization_id}.")
        known = await read_terms(connection, organization_id)
        if len(known) + len(asks) > TERMS_MAX:
            raise TermsRequestError(
                f"An organization has at most {TERMS_MAX} agreements, past ones included."
            )
        added: list[str] = []
        for ask in asks:
            terms = ask.make(new_id(TERMS_PREFIX))
            for other in known:
                if terms.overlaps(other):
                    raise TermsOverlapError(ask.name(), other)
            known.append(terms)
            added.append(terms.terms_id)
            await _insert(connection, organization_id, (terms, ask), change)
        await request.record_outcome(connection, " ".join(added))
    return added


async def end_terms(
    connection: Connection,
    organization_id: UUID,
    terms_id: str,
    *,
    effective_to: datetime | None = None,
    reason: str,
    change: Change,
) -> Terms:
    """End terms at the next possible quarter of an hour, or at a later one; return them as they are now.

    Terms that have not begun by then never do. Ending once more at the same instant changes nothing.
    Raises TermsNotFoundError, TermsRequestError.
    """
    if not 0 < len(reason) <= REASON_CHARS_MAX or not reason.isprintable():
        raise TermsRequestError(f"Say why, in 1 to {REASON_CHARS_MAX} printable characters.")
    earliest = first_begin(change.at)
    wanted = effective_to or earliest
    if wanted < earliest or not is_quarter(wanted):
        raise TermsRequestError(
            f"Terms can end at {earliest.isoformat()} or at a later full quarter of an hour, not at"
            f" {wanted.isoformat()}: what was held under them is charged under them."
        )
    async with connection.transaction():
        await connection.execute(_LOCK, (organization_id,))
        known = {one.terms_id: one for one in await read_terms(connection, organization_id)}
        terms = known.get(terms_id)
        if terms is None:
            raise TermsNotFoundError(terms_id)
        ends_at = max(wanted, terms.effective_from)
        if terms.effective_to is not None and terms.effective_to <= ends_at:
            if terms.effective_to == ends_at:
                return terms
            raise TermsRequestError(f"{terms_id} ends at {terms.effective_to.isoformat()} already.")
        parameters = (ends_at, change.at, change.by.name, reason, organization_id, terms_id)
        if await (await connection.execute(_END, parameters)).fetchone() is None:
            raise TermsRequestError(f"{terms_id} was ended once before; terms are ended only once.")
        await record_audit(
            connection,
            change.by,
            "terms.ended",
            subject=terms_id,
            organization_id=organization_id,
            details={
                "effective_to": ends_at.isoformat(),
                "before": None if terms.effective_to is None else terms.effective_to.isoformat(),
                "reason": reason,
            },
        )
        return (await find_terms(connection, [terms_id]))[terms_id]


async def _insert(
    connection: Connection, organization_id: UUID, agreed: tuple[Terms, TermsAsk], change: Change
) -> None:
    terms, ask = agreed
    values = (
        terms.terms_id,
        organization_id,
        str(terms.scope),
        Jsonb(terms.content()),
        terms.effective_from,
        terms.effective_to,
        ask.reason,
        change.at,
        change.by.name,
        ask.approved_by,
    )
    await connection.execute(_INSERT, values)
    await record_audit(
        connection,
        change.by,
        "terms.agreed",
        subject=terms.terms_id,
        organization_id=organization_id,
        details={**terms.content(), **ask.render()},
    )
