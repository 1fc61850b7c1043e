"""Banking: a bank's statement is read, and lines that left a doubt wait here for the operator's word."""

from collections.abc import Mapping

from jeton import clock
from jeton.billing.currencies import render_minor
from jeton.billing.invoicing.documents.reading import get_document
from jeton.billing.receivables.statements.assigning import (
    BankLine,
    assign_line,
    get_line,
    ignore_line,
    list_lines,
    list_returned,
    propose,
    return_line,
)
from jeton.billing.receivables.statements.importing import StatementFile, import_statement
from jeton.billing.receivables.statements.words import STATEMENT_BYTES_MAX
from jeton.billing.receivables.storage import find_open_document
from jeton.billing.receivables.words import Share
from jeton.console.files.uploading import Upload
from jeton.console.routes.billing.desk import office_of, read_id
from jeton.console.routes.finance.documents import PLACE as DOCUMENTS
from jeton.console.routes.finance.documents import REASON_CHARS_MAX
from jeton.console.routes.finance.reading import read_act
from jeton.console.routes.operating.inbox import operator
from jeton.console.visit import View, Visit

PLACE = f"{DOCUMENTS}/bank"
LINES_SHOWN = 25
VERDICT_NAMES = {"matched": "matched", "ambiguous": "ambiguous", "unknown": "unknown", "outgoing": "went out"}


async def show_lines(visit: Visit) -> View:
    """Lines that wait, the oldest first, each with what speaks for which documents."""
    visit.require_operator()
    async with visit.deps.pool.connection() as connection:
        lines = await list_lines(connection, limit=LINES_SHOWN + 1)
        proposals = {line.line_id: await propose(connection, line) for line in lines[:LINES_SHOWN]}
        returned = {
            line.line_id: await list_returned(connection, line)
            for line in lines[:LINES_SHOWN]
            if line.amount_minor < 0
        }
    at = clock.now()
    counts = {name: visit.find_filter(name) for name in ("lines", "applied", "waiting", "outgoing", "known")}
    context = {
        "as_of": at,
        "lines": lines[:LINES_SHOWN],
        "has_more": len(lines) > LINES_SHOWN,
        "proposals": proposals,
        "returned": returned,
        "verdicts": VERDICT_NAMES,
        "counts": counts if counts["lines"].isdecimal() else None,
        "bytes_max": STATEMENT_BYTES_MAX,
        "reason_chars_max": REASON_CHARS_MAX,
    }
    data = {
        "type": "bank_line_list",
        "as_of": at.isoformat(),
        "data": [render_line(line) for line in lines[:LINES_SHOWN]],
        "has_more": len(lines) > LINES_SHOWN,
    }
    return View("finance/bank.html", context, data)


async def take_statement(visit: Visit, sent: Upload) -> str:
    """Read a statement; what leaves no doubt pays its documents, and a broken line stops all of it."""
    visit.require_operator()
    made = await import_statement(
        visit.deps.pool,
        StatementFile(sent.name, sent.content),
        office_of(visit).bank,
        by=operator(visit),
        at=clock.now(),
    )
    return (
        f"{PLACE}?lines={made.lines}&applied={made.applied}&waiting={made.waiting}"
        f"&outgoing={made.outgoing}&known={made.known}"
    )


async def assign(visit: Visit, form: Mapping[str, str]) -> str:
    """The money of a line is for a document; what it is more than that is credit."""
    visit.require_operator()
    line_id = read_id(visit, "line_id")
    async with visit.deps.pool.connection() as connection, connection.transaction():
        line = await get_line(connection, line_id)
        found = await get_document(connection, form.get("number", "").strip())
        document = await find_open_document(connection, found.document_id)
        share = Share(document.document_id, min(line.amount_minor, max(document.due_minor, 0)))
        await assign_line(connection, line_id, [share], read_act(visit, form))
    return PLACE


async def give_back(visit: Visit, form: Mapping[str, str]) -> str:
    """A line that went out returned a payment: it is voided, and what it paid is due again."""
    visit.require_operator()
    line_id = read_id(visit, "line_id")
    async with visit.deps.pool.connection() as connection, connection.transaction():
        payment_id = form.get("payment_id", "").strip()
        await return_line(connection, line_id, payment_id=payment_id, act=read_act(visit, form))
    return PLACE


async def ignore(visit: Visit, form: Mapping[str, str]) -> str:
    """A line is no payment for a document."""
    visit.require_operator()
    async with visit.deps.pool.connection() as connection, connection.transaction():
        await ignore_line(connection, read_id(visit, "line_id"), read_act(visit, form))
    return PLACE


def render_line(line: BankLine) -> dict[str, object]:
    """A line as data."""
    return {
        "type": "bank_line",
        "id": line.line_id,
        "state": line.state,
        "verdict": line.verdict,
        "why": line.why,
        "booked_on": line.booked_on.isoformat(),
        "currency": line.currency,
        "amount": render_minor(line.amount_minor, line.currency),
        "payer": line.payer,
        "remittance": line.remittance,
        "bank_reference": line.bank_reference,
    }
