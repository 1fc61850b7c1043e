"""Ageing: what is owed, document by document, by how long it is overdue; as it stood at any instant.

What a document left open at an instant is its total less what was applied to it, credited on it and
written off of it before then. Together with what is owed on no document (an overrun or a commit that was
not billed yet, a payment that was taken back) and less what organizations have paid too much it is the
account ``receivable``, to the nano.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from jeton.db.pool import Connection
from jeton.insight.accounts.words import Statement, Stretch
from jeton.insight.proving.proof import read_rows

Age = Literal["current", "1-30", "31-60", "61-90", "90+", "unbilled", "credit"]
# The most days overdue of each age but the last.
_LIMITS: tuple[tuple[int, Age], ...] = ((0, "current"), (30, "1-30"), (60, "31-60"), (90, "61-90"))
AGES: tuple[Age, ...] = ("current", "1-30", "31-60", "61-90", "90+", "unbilled", "credit")

_DOCUMENTS = """
    SELECT d.organization_id, o.name, d.document_id, d.number, d.issued_on, d.due_on, d.currency,
           (d.total_minor - a.minor - c.minor - w.minor)::bigint,
           (d.total_nano - a.nano - c.nano - w.nano)::bigint
    FROM documents AS d JOIN organizations AS o USING (organization_id)
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount_minor), 0) AS minor, coalesce(sum(amount_nano), 0) AS nano
        FROM payment_applications WHERE document_id = d.document_id AND applied_at < %(until_at)s
    ) AS a
    CROSS JOIN LATERAL (
        -- Of a credit note, what the document did not need any more became credit of the organization.
        SELECT coalesce(sum(n.total_minor - coalesce(r.amount_minor, 0)), 0) AS minor,
               coalesce(sum(n.total_nano - coalesce(r.amount_nano, 0)), 0) AS nano
        FROM documents AS n
        LEFT JOIN received_payments AS r ON r.method = 'credit_note' AND r.external_id = n.document_id
        WHERE n.corrects = d.document_id AND n.kind = 'credit_note' AND n.issued_at < %(until_at)s
          AND n.purpose IN ('cancellation', 'allowance')
    ) AS c
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount_minor), 0) AS minor, coalesce(sum(amount_nano), 0) AS nano
        FROM write_offs WHERE document_id = d.document_id AND written_off_at < %(until_at)s
    ) AS w
    WHERE d.purpose = 'period' AND d.issued_at < %(until_at)s AND d.total_minor > 0
      AND (d.state <> 'paid' OR d.paid_at >= %(until_at)s)
      AND (d.state <> 'void' OR d.voided_at >= %(until_at)s)
      AND (%(organization_id)s::uuid IS NULL OR d.organization_id = %(organization_id)s)
    ORDER BY d.organization_id, d.due_on, d.document_id
"""
# What is owed in all, and what payments were worth that are on no document.
_OWED = """
    SELECT organization_id, o.name, coalesce(owed.nano, 0)::bigint, coalesce(credit.nano, 0)::bigint
    FROM (
        SELECT organization_id, sum(amount_nano) AS nano FROM postings
        WHERE account = 'receivable' AND posted_at < %(until_at)s
          AND (%(organization_id)s::uuid IS NULL OR organization_id = %(organization_id)s)
        GROUP BY organization_id
    ) AS owed FULL JOIN (
        SELECT organization_id, sum(nano) AS nano FROM (
            SELECT organization_id, amount_nano AS nano FROM received_payments
            WHERE recorded_at < %(until_at)s
            UNION ALL
            SELECT organization_id, -released_nano FROM payment_applications WHERE applied_at < %(until_at)s
            UNION ALL
            SELECT organization_id, -amount_nano FROM payment_returns WHERE returned_at < %(until_at)s
        ) AS parts
        WHERE %(organization_id)s::uuid IS NULL OR organization_id = %(organization_id)s
        GROUP BY organization_id
    ) AS credit USING (organization_id) JOIN organizations AS o USING (organization_id)
    ORDER BY organization_id
"""


@dataclass(frozen=True, slots=True)
class Owed:
    """What is owed on one document, or (without one) on none; credit of an organization is below zero."""

    organization_id: UUID
    organization: str
    age: Age
    nano: int
    document_id: str = ""
    number: str = ""
    issued_on: date | None = None
    due_on: date | None = None
    overdue_days: int = 0
    currency: str = "USD"
    open_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Ageing:
    """What every organization owes at an instant; ``receivable_nano`` is what the account says."""

    rows: tuple[Owed, ...]
    receivable_nano: int

    def sum(self, age: Age) -> int:
        """All that is of one age."""
        return sum(row.nano for row in self.rows if row.age == age)


async def read_ageing(connection: Connection, stretch: Stretch, today: date) -> Ageing:
    """What is owed before ``stretch.until_at``; documents are overdue against ``today``, the last day."""
    rows = []
    billed: dict[UUID, int] = {}
    async for row in read_rows(connection, "open_documents", _DOCUMENTS, parameters=stretch.parameters):
        organization_id, name, document_id, number, issued_on, due_on, currency, minor, nano = row
        if not minor and not nano:
            continue
        days = (today - due_on).days
        rows.append(
            Owed(
                *(organization_id, name, find_age(days), nano, document_id, number, issued_on, due_on),
                overdue_days=max(0, days),
                currency=currency,
                open_minor=minor,
            )
        )
        billed[organization_id] = billed.get(organization_id, 0) + nano
    receivable_nano = 0
    async for organization_id, name, owed_nano, credit_nano in read_rows(
        connection, "owed", _OWED, parameters=stretch.parameters
    ):
        receivable_nano += owed_nano
        unbilled_nano = owed_nano + credit_nano - billed.get(organization_id, 0)
        if unbilled_nano:
            rows.append(Owed(organization_id, name, "unbilled", unbilled_nano))
        if credit_nano:
            rows.append(Owed(organization_id, name, "credit", -credit_nano))
    return Ageing(tuple(rows), receivable_nano)


def find_age(days: int) -> Age:
    """The age of what is overdue for so many days; on its last day it is current."""
    return next((age for limit, age in _LIMITS if days <= limit), "90+")


def last_day(until_at: datetime) -> datetime:
    """An instant of the last day of a stretch."""
    return until_at - datetime.resolution


def state_ageing(ageing: Ageing) -> Statement:
    """As a table, a row a document."""
    return Statement(
        name="ageing",
        columns=(
            *("organization_id", "organization", "age", "document_id", "number", "issued_on", "due_on"),
            *("overdue_days", "currency", "open_minor", "amount_nano"),
        ),
        rows=[
            (
                *(row.organization_id, row.organization, row.age, row.document_id, row.number),
                *(row.issued_on, row.due_on, row.overdue_days, row.currency, row.open_minor, row.nano),
            )
            for row in ageing.rows
        ],
        totals={
            **{f"{age}_nano": ageing.sum(age) for age in AGES},
            "receivable_nano": ageing.receivable_nano,
        },
        checks={
            "ages_less_receivable_nano": sum(row.nano for row in ageing.rows) - ageing.receivable_nano,
        },
    )
