"""Returns: money that had come in and was taken back is put to the payment that it was, or asked about.

Only what the bank itself calls a return, of exactly what came in and with a reference of it, is done at once:
the payment is voided, and what it had paid is due again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from psycopg.rows import class_row

from jeton.billing.receivables.statements.matching import is_same_name, plain_number
from jeton.billing.receivables.statements.posting.twins import TEXT_CHARS_MIN
from jeton.billing.receivables.statements.words import StatementLine
from jeton.db.pool import Connection

# A direct debit may be returned for 13 months.
RETURNED_WITHIN = timedelta(days=400)
PROPOSED_MAX = 20

_CAME_IN = """
    SELECT p.payment_id, b.booked_on, b.payer, b.remittance, b.end_to_end_id, b.bank_reference
    FROM bank_lines AS b JOIN received_payments AS p USING (payment_id)
    WHERE b.currency = %(currency)s AND b.amount_minor = %(amount)s AND b.state IN ('applied', 'assigned')
        AND b.booked_on BETWEEN %(since_on)s AND %(on)s AND p.voided_at IS NULL AND p.returned_minor = 0
    ORDER BY b.booked_on DESC, p.payment_id DESC LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class CameIn:
    """A payment that may be the one which was taken back, as its line said."""

    payment_id: str
    booked_on: date
    payer: str
    remittance: str
    end_to_end_id: str
    bank_reference: str


@dataclass(frozen=True, slots=True)
class Returned:
    """What a line that went out may return; ``payment_id`` only where nothing is left to doubt."""

    payment_id: str | None
    proposed: tuple[CameIn, ...]
    why: str


async def find_returned(connection: Connection, line: StatementLine) -> Returned:
    """The payment that an outgoing line returns, as things stand now."""
    values = {
        "currency": line.currency,
        "amount": -line.amount_minor,
        "on": line.booked_on,
        "since_on": line.booked_on - RETURNED_WITHIN,
        "limit": PROPOSED_MAX,
    }
    async with connection.cursor(row_factory=class_row(CameIn)) as cursor:
        await cursor.execute(_CAME_IN, values)
        return decide_returned(line, await cursor.fetchall())


def decide_returned(line: StatementLine, came_in: Sequence[CameIn]) -> Returned:
    """Which of the payments of the same amount it is: by reference surely, else by payer as a proposal."""
    named = tuple(one for one in came_in if _is_named(line, one))
    if named:
        if len(named) == 1 and line.is_return:
            return Returned(named[0].payment_id, named, f"the bank returned {named[0].payment_id}")
        return Returned(None, named, "it has the amount and the reference of a payment that came in")
    of_payer = tuple(one for one in came_in if is_same_name(one.payer, line.payer))
    if of_payer and line.is_return:
        return Returned(None, of_payer, "it has the amount and the payer of a payment that came in")
    proposed = tuple(came_in) if line.is_return else ()
    return Returned(None, proposed, "money that had come in was taken back" if line.is_return else "")


def _is_named(line: StatementLine, one: CameIn) -> bool:
    said = plain_number(line.remittance)
    own_id, its_id = plain_number(line.end_to_end_id), plain_number(one.end_to_end_id)
    if own_id and its_id:
        return own_id == its_id
    names = (its_id, plain_number(one.bank_reference), plain_number(one.remittance))
    return any(len(name) >= TEXT_CHARS_MIN and name in said for name in names)
