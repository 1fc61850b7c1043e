"""Importing: a statement is read whole, then its lines are taken in their order, so many to a transaction.

A line that was there before (the bank's reference, on its account) is passed over, so the same file, one that
overlaps it, or the rest of one whose import died, changes nothing twice. So is a line that another format of
the bank had before (``posting.twins``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from jeton.billing.receivables.applying import Act
from jeton.billing.receivables.errors import ApplicationError, ReceiptError
from jeton.billing.receivables.recording import record_payment, void_payment
from jeton.billing.receivables.statements.candidates import list_fitting, list_named
from jeton.billing.receivables.statements.comma_separated import CsvTerms
from jeton.billing.receivables.statements.formats import find_format, read_statement
from jeton.billing.receivables.statements.matching import Candidate, Match, match
from jeton.billing.receivables.statements.posting.booking import Posting, posting
from jeton.billing.receivables.statements.posting.returns import find_returned
from jeton.billing.receivables.statements.posting.taking import Into, Taken, write_lines
from jeton.billing.receivables.statements.posting.twins import find_twins
from jeton.billing.receivables.statements.words import StatementLine
from jeton.billing.receivables.words import Receipt
from jeton.db.pool import Connection, Pool
from jeton.errors import InvalidInputError
from jeton.identity.audit import Actor, record_audit
from jeton.ids import new_id

NAME_CHARS_MAX = 300
# What is locked meanwhile, and done again if the process dies.
LINES_AT_ONCE = 200

_STATEMENT = """
    INSERT INTO bank_statements (statement_id, name, format, account, digest, lines, imported_at, imported_by)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_KNOWN = "SELECT bank_reference FROM bank_lines WHERE account = %s AND bank_reference = ANY (%s)"
# Of two imports at once, the second waits and finds what the first has written.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('bank lines', 0))"


@dataclass(frozen=True, slots=True)
class StatementFile:
    """A file as it was given, and its name for people."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a statement: lines that paid documents, wait, went out, or were there before."""

    statement_id: str
    lines: int
    applied: int
    waiting: int
    outgoing: int
    known: int


async def import_statement(
    pool: Pool, file: StatementFile, terms: CsvTerms, *, by: Actor, at: datetime
) -> Imported:
    """Read a statement and apply what leaves no doubt; StatementError if any line is broken."""
    statement = read_statement(file.content, terms)
    statement_id, format_ = new_id("stmt"), find_format(file.content)
    name = "".join(char for char in file.name if char.isprintable())[:NAME_CHARS_MAX] or "statement"
    values = (
        statement_id, name, format_, statement.account[:100],
        sha256(file.content).digest(), len(statement.lines), at, by.name,
    )  # fmt: skip
    async with pool.connection() as connection:
        await connection.execute(_STATEMENT, values)
        details = {"name": name, "lines": len(statement.lines)}
        await record_audit(connection, by, "statement.imported", subject=statement_id, details=details)
    counts = {"applied": 0, "waiting": 0, "outgoing": 0, "known": 0}
    into = Into(statement_id, statement.account[:100], format_, Act(by, at, f"statement {name}"))
    for first in range(0, len(statement.lines), LINES_AT_ONCE):
        some = statement.lines[first : first + LINES_AT_ONCE]
        async with pool.connection() as connection:
            for became, count in (await take_lines(connection, some, into)).items():
                counts[became] += count
    return Imported(statement_id, len(statement.lines), **counts)


async def take_lines(connection: Connection, lines: Sequence[StatementLine], into: Into) -> dict[str, int]:
    """Take lines in the caller's transaction; how many were applied, wait, went out, or were known."""
    await connection.execute(_LOCK)
    cursor = await connection.execute(_KNOWN, (into.account, [line.bank_reference for line in lines]))
    known = {row[0] async for row in cursor}
    fresh = [line for line in lines if line.bank_reference not in known]
    counts = {"known": len(lines) - len(fresh)}
    for one in await _take_fresh(connection, fresh, into) if fresh else ():
        counts[one.became] = counts.get(one.became, 0) + 1
    return counts


async def _take_fresh(connection: Connection, lines: Sequence[StatementLine], into: Into) -> list[Taken]:
    """First what came in, all of it together; then what went out, which may return some of that."""
    named = await list_named(connection, lines)
    taken = await find_twins(connection, lines, named, account=into.account, format_=into.format_)
    coming = {place: line for place, line in enumerate(lines) if place not in taken and line.amount_minor > 0}
    taken |= await _take_coming(connection, coming, named, into)
    await write_lines(connection, [taken[place] for place in sorted(taken)], into)
    for place, line in enumerate(lines):
        if place not in taken:
            taken[place] = await _take_going(connection, line, into)
            await write_lines(connection, [taken[place]], into)
    return [taken[place] for place in range(len(lines))]


async def _take_coming(
    connection: Connection, lines: dict[int, StatementLine], named: dict[int, list[Candidate]], into: Into
) -> dict[int, Taken]:
    """Match each line to what is due after the lines before it, and book it."""
    taken: dict[int, Taken] = {}
    wanted = {one.document_id: one for place in lines for one in named.get(place, ())}
    names = [into.name(line) for line in lines.values()]
    later: dict[int, Match] = {}
    async with posting(connection, list(wanted.values()), names, into.act) as booking:
        for place, line in lines.items():
            found = match(line, await _list_candidates(connection, line, named.get(place), booking, wanted))
            payment_id = None
            if found.verdict == "matched" and found.organization_id is not None:
                receipt = make_receipt(
                    line,
                    into.name(line),
                    organization_id=found.organization_id,
                    reason=into.act.reason,
                )
                if not booking.is_ready(receipt, found.shares):
                    later[place] = found
                    continue
                payment_id = booking.book(receipt, found.shares)
            taken[place] = Taken.of_match(line, found, payment_id)
    for place, found in later.items():
        taken[place] = await _take_known(connection, lines[place], found, into)
    return taken


async def _list_candidates(
    connection: Connection,
    line: StatementLine,
    named: list[Candidate] | None,
    booking: Posting,
    wanted: dict[str, Candidate],
) -> list[Candidate]:
    """What a line may be about; what was paid in part by a line before it may fit by its amount now."""
    if named is None:
        fitting = {one.document_id: one for one in await list_fitting(connection, line)}
        named = list({**fitting, **{key: wanted[key] for key in booking.changed}}.values())
    return [
        replace(one, due_minor=max(0, booking.documents[one.document_id].due_minor))
        if one.document_id in booking.documents
        else one
        for one in named
    ]


async def _take_known(connection: Connection, line: StatementLine, found: Match, into: Into) -> Taken:
    """What was recorded by hand before, under the bank's name of it."""
    payment_id = None
    if found.organization_id is not None:
        try:
            payment_id = await record_line(
                connection, line, (into.account, found.organization_id), found, act=into.act
            )
        except (ApplicationError, InvalidInputError) as error:
            found = Match("ambiguous", found.organization_id, (), str(error))
    return Taken.of_match(line, found, payment_id)


async def _take_going(connection: Connection, line: StatementLine, into: Into) -> Taken:
    """What went out: the return of a payment voids it where nothing is left to doubt."""
    found = await find_returned(connection, line)
    if found.payment_id is not None:
        try:
            async with connection.transaction():
                await void_payment(connection, found.payment_id, replace(into.act, reason=found.why))
        except ReceiptError as error:
            return Taken(line, "open", "outgoing", str(error), "waiting")
        return Taken(line, "applied", "matched", found.why, "applied", payment_id=found.payment_id)
    if found.why:
        return Taken(line, "open", "outgoing", found.why, "waiting")
    return Taken(line, "ignored", "outgoing", "money that went out", "outgoing")


async def record_line(
    connection: Connection,
    line: StatementLine,
    whose: tuple[str, UUID],
    found: Match,
    *,
    act: Act,
) -> str:
    """Record the money of a line and put it on documents; the payment's id. As ``record_payment``."""
    account, organization_id = whose
    receipt = make_receipt(
        line, f"{account}/{line.bank_reference}"[:300], organization_id=organization_id, reason=act.reason
    )
    recorded = await record_payment(connection, receipt, found.shares, act)
    return recorded.payment.payment_id


def make_receipt(line: StatementLine, name: str, *, organization_id: UUID, reason: str) -> Receipt:
    """The money of a line, as it is recorded; ``name`` is what the bank knows it by."""
    return Receipt(
        organization_id=organization_id,
        method="bank_transfer",
        currency=line.currency,
        amount_minor=line.amount_minor,
        received_on=line.booked_on,
        reason=reason,
        external_id=name,
        payer=line.payer,
        reference=line.remittance or line.creditor_reference or line.end_to_end_id,
    )
