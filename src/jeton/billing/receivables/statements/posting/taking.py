"""Taking: what became of a line, and the row that says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from jeton.billing.receivables.applying import Act
from jeton.billing.receivables.statements.matching import Match
from jeton.billing.receivables.statements.words import StatementLine
from jeton.db.pool import Connection
from jeton.ids import new_id

NAME_CHARS_MAX = 300

Became = Literal["applied", "waiting", "outgoing", "known"]
State = Literal["open", "applied", "assigned", "ignored"]

_LINE = """
    INSERT INTO bank_lines (line_id, statement_id, position, account, bank_reference, booked_on, amount_minor,
        currency, payer, remittance, end_to_end_id, creditor_reference, is_return, state, verdict, why,
        payment_id, same_as, ended_at, ended_by)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class Into:
    """The statement that lines are of, and who imports it."""

    statement_id: str
    account: str
    format_: str
    act: Act

    def name(self, line: StatementLine) -> str:
        """What the money of a line is known by, for ever."""
        return f"{self.account}/{line.bank_reference}"[:NAME_CHARS_MAX]


@dataclass(frozen=True, slots=True)
class Taken:
    """A line with its state, what speaks for that, and what it counts as."""

    line: StatementLine
    state: State
    verdict: str
    why: str
    became: Became
    payment_id: str | None = None
    same_as: str | None = None

    @classmethod
    def of_match(cls, line: StatementLine, found: Match, payment_id: str | None) -> Self:
        """A line that came in: it paid something, or waits for a person."""
        if payment_id is None:
            return cls(line, "open", found.verdict, found.why, "waiting")
        return cls(line, "applied", found.verdict, found.why, "applied", payment_id=payment_id)


async def write_lines(connection: Connection, taken: Sequence[Taken], into: Into) -> None:
    """Write lines of a statement, in the caller's transaction."""
    async with connection.cursor() as cursor:
        await cursor.executemany(_LINE, [_render(one, into) for one in taken])


def _render(taken: Taken, into: Into) -> tuple[object, ...]:
    line, is_over = taken.line, taken.state != "open"
    return (
        new_id("bkln"), into.statement_id, line.position, into.account, line.bank_reference, line.booked_on,
        line.amount_minor, line.currency, line.payer, line.remittance, line.end_to_end_id,
        line.creditor_reference, line.is_return, taken.state, taken.verdict, taken.why, taken.payment_id,
        taken.same_as, into.act.at if is_over else None, into.act.by.name if is_over else "",
    )  # fmt: skip
