"""Importing: a statement is read whole, then each of its lines is one transaction.

A line that was there before (the bank's reference, on its account) is passed over, so the same file, one that
overlaps it, or the rest of one whose import died, changes nothing twice.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from jeton.billing.receivables.applying import Act
from jeton.billing.receivables.errors import ApplicationError
from jeton.billing.receivables.recording import record_payment
from jeton.billing.receivables.statements.candidates import list_candidates
from jeton.billing.receivables.statements.comma_separated import CsvTerms
from jeton.billing.receivables.statements.formats import find_format, read_statement
from jeton.billing.receivables.statements.matching import Match, match
from jeton.billing.receivables.statements.words import Statement, StatementLine
from jeton.billing.receivables.words import Receipt
from jeton.db.pool import Connection, Pool
from jeton.errors import InvalidInputError
from jeton.identity.audit import Actor, record_audit
from jeton.ids import new_id

NAME_CHARS_MAX = 300

_STATEMENT = """
    INSERT INTO bank_statements (statement_id, name, format, account, digest, lines, imported_at, imported_by)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_LINE = """
    INSERT INTO bank_lines (line_id, statement_id, position, account, bank_reference, booked_on, amount_minor,
        currency, payer, remittance, end_to_end_id, creditor_reference, is_return, state, verdict, why,
        payment_id, ended_at, ended_by)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_IS_KNOWN = "SELECT FROM bank_lines WHERE account = %s AND bank_reference = %s"
# Of the same line in two imports at once, the second waits and finds it.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


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
    statement_id = new_id("stmt")
    name = "".join(char for char in file.name if char.isprintable())[:NAME_CHARS_MAX] or "statement"
    values = (
        statement_id, name, find_format(file.content), statement.account[:100],
        sha256(file.content).digest(), len(statement.lines), at, by.name,
    )  # fmt: skip
    async with pool.connection() as connection:
        await connection.execute(_STATEMENT, values)
        details = {"name": name, "lines": len(statement.lines)}
        await record_audit(connection, by, "statement.imported", subject=statement_id, details=details)
    counts = {"applied": 0, "waiting": 0, "outgoing": 0, "known": 0}
    for line in statement.lines:
        async with pool.connection() as connection:
            became = await take_line(
                connection, statement, line, (statement_id, Act(by, at, f"statement {name}"))
            )
        counts[became] += 1
    return Imported(statement_id, len(statement.lines), **counts)


async def take_line(
    connection: Connection, statement: Statement, line: StatementLine, into: tuple[str, Act]
) -> str:
    """Take one line in the caller's transaction: applied, waiting, outgoing or known."""
    statement_id, act = into
    account = statement.account[:100]
    await connection.execute(_LOCK, (f"bank line {account} {line.bank_reference}",))
    if (await connection.execute(_IS_KNOWN, (account, line.bank_reference))).rowcount:
        return "known"
    if line.amount_minor < 0:
        state = "open" if line.is_return else "ignored"
        why = "money that had come in was taken back" if line.is_return else "money that went out"
        await _insert(connection, line, (statement_id, account), (state, "outgoing", why, None), act)
        return "waiting" if line.is_return else "outgoing"
    found = match(line, await list_candidates(connection, line))
    payment_id = None
    if found.verdict == "matched" and found.organization_id is not None:
        try:
            payment_id = await record_line(connection, line, (account, found.organization_id), found, act=act)
        except (ApplicationError, InvalidInputError) as error:
            # Something was paid at this very moment: a person looks at it.
            found = Match("ambiguous", found.organization_id, (), str(error))
    state = "applied" if payment_id else "open"
    await _insert(
        connection, line, (statement_id, account), (state, found.verdict, found.why, payment_id), act
    )
    return "applied" if payment_id else "waiting"


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
    receipt = Receipt(
        organization_id=organization_id,
        method="bank_transfer",
        currency=line.currency,
        amount_minor=line.amount_minor,
        received_on=line.booked_on,
        reason=act.reason,
        external_id=f"{account}/{line.bank_reference}"[:300],
        payer=line.payer,
        reference=line.remittance or line.creditor_reference or line.end_to_end_id,
    )
    recorded = await record_payment(connection, receipt, found.shares, act)
    return recorded.payment.payment_id


async def _insert(
    connection: Connection,
    line: StatementLine,
    where: tuple[str, str],
    outcome: tuple[str, str, str, str | None],
    act: Act,
) -> None:
    statement_id, account = where
    state, verdict, why, payment_id = outcome
    is_over = state != "open"
    values = (
        new_id("bkln"), statement_id, line.position, account, line.bank_reference, line.booked_on,
        line.amount_minor, line.currency, line.payer, line.remittance, line.end_to_end_id,
        line.creditor_reference, line.is_return, state, verdict, why, payment_id,
        act.at if is_over else None, act.by.name if is_over else "",
    )  # fmt: skip
    await connection.execute(_LINE, values)
