"""Correcting: what was issued stays as it is; a credit note takes it back, whole or in part.

A cancelled document was never issued, as far as the ledger goes: what it billed can be billed again, and is
with the next document of the organization, unless its period is issued anew at once (``reissue``). Goodwill
(an allowance) is a credit note of an amount: what was used stays billed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from jeton.billing.books_lock import refuse_closed
from jeton.billing.currencies import display_minor
from jeton.billing.invoicing.documents.marking import lock_document, mark_credited, mark_void
from jeton.billing.invoicing.documents.reading import get_document, read_lines
from jeton.billing.invoicing.drafting.composing import Occasion, compose
from jeton.billing.invoicing.drafting.planning import draft_wanted
from jeton.billing.invoicing.drafting.sources import Wanted
from jeton.billing.invoicing.drafting.taxing import retax
from jeton.billing.invoicing.errors import CorrectionError, DocumentsChangedError
from jeton.billing.invoicing.issuing.issuing import Issue, issue_all
from jeton.billing.invoicing.lines.building import amount_line
from jeton.billing.invoicing.periods import Period
from jeton.billing.invoicing.profiles import get_profile
from jeton.billing.invoicing.rounding import scale, to_nano
from jeton.billing.invoicing.tax import TaxDecision
from jeton.billing.invoicing.words import Rules
from jeton.billing.taxation.words import AnsweredTax, TaxAnswer
from jeton.billing.words import Document, TaxLine
from jeton.charging.credits.requests import CreditRequest
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.money import divide_half_even

REASON_CHARS_MAX = 500
ALLOWANCE_KEY = "allowance"

# What was given up was never paid, and its tax went back with it.
_GONE = """
    SELECT (SELECT coalesce(sum(lines_minor), 0) FROM documents WHERE corrects = %(id)s)::bigint
         + (SELECT coalesce(sum(amount_minor - tax_minor), 0) FROM write_offs
            WHERE document_id = %(id)s)::bigint
"""
_LOCK_BALANCES = "SELECT FROM balances WHERE organization_id = %s FOR UPDATE"


@dataclass(frozen=True, slots=True)
class Request:
    """Who wants a correction, why and when, under which rules; the same key again changes nothing more."""

    rules: Rules
    by: Actor
    reason: str
    at: datetime
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class Correction:
    """The credit note, and the documents that were made instead."""

    credit_note: Document
    documents: tuple[Document, ...] = ()


async def cancel_document(
    connection: Connection, name: str, request: Request, *, is_reissue: bool
) -> Correction:
    """Cancel a document of a period with a credit note of the same lines, in the caller's transaction.

    With ``is_reissue`` its period is issued anew, from what it comes to now; BooksClosedError where that is
    in books that are closed. Raises UnknownDocumentError, and CorrectionError for what is no document of a
    period, is cancelled already, or was credited or written off in part.
    """
    _check_reason(request.reason)
    document = await _lock(connection, name)
    if document.purpose != "period":
        raise CorrectionError(f"{document.number} is no document of a period, so it cannot be cancelled.")
    if document.state == "void":
        raise CorrectionError(f"{document.number} is cancelled already.")
    if document.credited_minor or document.written_off_minor:
        raise CorrectionError(
            f"{document.number} was credited or written off in part; what is left of it can be credited."
        )
    lines = await read_lines(connection, document.document_id)
    note = _as_note(document, request, (await get_profile(connection, document.organization_id)).zone)
    await mark_void(connection, document, at=request.at)
    issued = await _issue(connection, replace(note, lines=lines), request)
    reissued = await _reissue(connection, document, request) if is_reissue else ()
    correction = Correction(issued, reissued)
    await _record(connection, "document.cancelled", document, request, correction)
    return correction


async def credit_document(
    connection: Connection, name: str, amount_minor: int, request: Request
) -> Correction:
    """Credit so much of a document out of goodwill, before tax, in minor units of its currency.

    It is set off against what is due on the document; what is beyond that is credit of the organization.
    Raises UnknownDocumentError, CorrectionError for more than the document came to, IdempotencyError.
    """
    _check_reason(request.reason)
    document = await _lock(connection, name)
    asked = {"credit": document.document_id, "amount_minor": str(amount_minor), "reason": request.reason}
    once = CreditRequest(document.organization_id, request.idempotency_key, asked)
    known = await once.find_outcome(connection)
    if known is not None:
        return Correction(await get_document(connection, known))
    note = await _compose_allowance(connection, document, amount_minor, request)
    set_off_minor = min(note.total_minor, document.due_minor)
    issued = await _issue(connection, replace(note, credited_minor=set_off_minor), request)
    if set_off_minor:
        await mark_credited(connection, document.document_id, set_off_minor, at=request.at)
    await once.record_outcome(connection, issued.document_id)
    await _record(connection, "document.credited", document, request, Correction(issued))
    return Correction(issued)


async def _lock(connection: Connection, name: str) -> Document:
    """The document without its lines; its organization's balances are locked first, as everywhere."""
    found = await get_document(connection, name)
    await connection.execute(_LOCK_BALANCES, (found.organization_id,))
    return await lock_document(connection, found.document_id)


async def _compose_allowance(
    connection: Connection, document: Document, amount_minor: int, request: Request
) -> Document:
    ((gone_minor,),) = await (await connection.execute(_GONE, {"id": document.document_id})).fetchall()
    left_minor = max(0, document.lines_minor - gone_minor)
    if document.kind == "credit_note" or document.state == "void" or document.purpose == "purchase":
        raise CorrectionError(f"{document.number} is no document that goodwill can be shown on.")
    if not 0 < amount_minor <= left_minor:
        raise CorrectionError(
            f"{document.number} came to {display_minor(left_minor, document.currency)} before tax that was"
            f" not credited or written off, so {display_minor(amount_minor, document.currency)} cannot be."
        )
    parts = _part(document.taxes, amount_minor)
    period = Period(document.period_from, document.period_to)
    per_nano = scale(document.currency, document.rate)
    first = parts[0][0]
    occasion = Occasion(
        profile=await get_profile(connection, document.organization_id),
        rules=request.rules,
        kind="credit_note",
        purpose="allowance",
        period=period,
        at=request.at,
        tax=TaxDecision(first.category, first.rate, first.reason),
        currency=document.currency,
        rate=document.rate,
        corrects_id=document.document_id,
        reason=request.reason,
    )
    lines = [
        amount_line(
            "credit",
            ALLOWANCE_KEY,
            description=request.reason,
            net_nano=to_nano(part_minor, per_nano),
            period=period,
        )
        for _, part_minor in parts
    ]
    note = compose(occasion, lines)
    if len(parts) == 1:
        return note
    return retax(
        note,
        TaxAnswer(
            tuple(
                AnsweredTax(tax.category, tax.rate, tax.reason, frozenset({line.line_id}))
                for (tax, _), line in zip(parts, note.lines, strict=True)
            )
        ),
    )


def _part(taxes: Sequence[TaxLine], amount_minor: int) -> list[tuple[TaxLine, int]]:
    """An amount parted as a document's taxes are: of $15 where $20 and $10 are taxed, $10 and $5."""
    taxed = [tax for tax in taxes if tax.taxable_minor > 0]
    if len(taxed) < 2:  # noqa: PLR2004 - one tax, so there is nothing to part
        return [(taxed[0] if taxed else taxes[0], amount_minor)]
    whole_minor = sum(tax.taxable_minor for tax in taxed)
    parts, until_minor, before_minor = [], 0, 0
    for tax in taxed:
        until_minor += tax.taxable_minor
        part_minor = divide_half_even(amount_minor * until_minor, whole_minor) - before_minor
        before_minor += part_minor
        if part_minor:
            parts.append((tax, part_minor))
    return parts


def _as_note(document: Document, request: Request, zone: str) -> Document:
    issued_on = request.at.astimezone(ZoneInfo(zone)).date()
    return replace(
        document,
        document_id="",
        kind="credit_note",
        purpose="cancellation",
        number="",
        issued_at=request.at,
        issued_on=issued_on,
        due_on=issued_on,
        terms="",
        corrects_id=document.document_id,
        reason=request.reason,
        replaces="",
        paid_minor=0,
        paid_at=None,
        overdue_at=None,
    )


async def _issue(connection: Connection, note: Document, request: Request) -> Document:
    profile = await get_profile(connection, note.organization_id)
    wanted = Wanted(profile, Period(note.period_from, note.period_to))
    issued = await issue_all(
        connection, [Issue(wanted, (note,), is_closing=False)], formats=request.rules.numbers, at=request.at
    )
    if not issued.documents:
        raise DocumentsChangedError
    return await get_document(connection, issued.documents[0].document_id)


async def _reissue(connection: Connection, document: Document, request: Request) -> tuple[Document, ...]:
    await refuse_closed(connection, document.period_to)
    profile = await get_profile(connection, document.organization_id)
    wanted = Wanted(profile, Period(document.period_from, document.period_to))
    drafts = await draft_wanted(
        connection, wanted, rules=request.rules, at=request.at, replaces=document.document_id
    )
    issued = await issue_all(
        connection,
        [Issue(wanted, tuple(drafts), is_closing=False)],
        formats=request.rules.numbers,
        at=request.at,
    )
    return tuple(issued.documents)


def _check_reason(reason: str) -> None:
    if not 0 < len(reason) <= REASON_CHARS_MAX:
        raise CorrectionError(f"A correction needs a reason of 1 to {REASON_CHARS_MAX} characters.")


async def _record(
    connection: Connection, action: str, document: Document, request: Request, correction: Correction
) -> None:
    await record_audit(
        connection,
        request.by,
        action,
        subject=document.document_id,
        organization_id=document.organization_id,
        details={
            "reason": request.reason,
            "number": document.number,
            "credit_note": correction.credit_note.number,
            "documents": [one.number for one in correction.documents],
        },
    )
