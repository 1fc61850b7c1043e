"""Tax: what is payable, by category and rate: the postings to the account ``tax`` by what they belong to.

A document has one category (UNTDID 5305) and rate, and so has a purchase; one on which a tax service put
several stands under the one that bears most. What a posting belongs to is found
by its transaction: a document, a purchase that was booked, paid back or disputed, a debt that was given up.
"""

from dataclasses import dataclass
from uuid import UUID

from jeton.db.pool import Connection
from jeton.insight.accounts.words import Statement, Stretch
from jeton.insight.proving.proof import read_rows

_LINES = """
    WITH taxed AS (
        SELECT d.document_id, d.transaction_id, t.one ->> 'category' AS category, t.one ->> 'rate' AS rate
        FROM documents AS d CROSS JOIN LATERAL (
            SELECT one FROM jsonb_array_elements(d.taxes) AS every (one)
            ORDER BY (one ->> 'tax_minor')::bigint DESC LIMIT 1
        ) AS t
    ), origins AS (
        SELECT transaction_id AS origin, category, rate FROM taxed WHERE transaction_id IS NOT NULL
        UNION ALL
        SELECT w.transaction_id, d.category, d.rate FROM write_offs AS w JOIN taxed AS d USING (document_id)
        UNION ALL
        SELECT transaction_id, tax_category, tax_rate FROM payments WHERE transaction_id IS NOT NULL
        UNION ALL
        SELECT r.transaction_id, y.tax_category, y.tax_rate
        FROM refunds AS r JOIN payments AS y USING (payment_id)
        UNION ALL
        -- What undoes a refund, and what a dispute moves, say so in their reasons.
        SELECT 'refund ' || r.refund_id, y.tax_category, y.tax_rate
        FROM refunds AS r JOIN payments AS y USING (payment_id) WHERE r.state = 'failed'
        UNION ALL
        SELECT 'dispute ' || s.dispute_id, y.tax_category, y.tax_rate
        FROM disputes AS s JOIN payments AS y USING (payment_id)
    ), moved AS (
        SELECT t.organization_id, t.transaction_id, t.movement, sum(a.amount_nano) AS amount_nano,
               substring(t.reason FROM CASE t.movement
                   WHEN 'refund' THEN '^(refund rfnd_[0-9a-z]+) failed$'
                   WHEN 'dispute' THEN '^(dispute dspt_[0-9a-z]+)' END) AS subject
        FROM transactions AS t CROSS JOIN LATERAL unnest(t.accounts, t.amounts) AS a (account, amount_nano)
        WHERE a.account = 'tax' AND t.posted_at < %(until_at)s
          AND t.posted_at >= coalesce(%(from_at)s::timestamptz, '-infinity')
          AND (%(organization_id)s::uuid IS NULL OR t.organization_id = %(organization_id)s)
        GROUP BY t.organization_id, t.transaction_id, t.movement, t.reason
    )
    SELECT CASE WHEN %(by_organization)s THEN organization_id END, coalesce(category, ''), coalesce(rate, ''),
           movement, -sum(amount_nano)::bigint
    FROM moved LEFT JOIN origins ON origin = coalesce(subject, transaction_id)
    GROUP BY 1, 2, 3, 4 HAVING sum(amount_nano) <> 0 ORDER BY 1 NULLS FIRST, 2, 3, 4
"""
_ACCOUNT = """
    SELECT coalesce(-sum(amount_nano), 0)::bigint FROM postings
    WHERE account = 'tax' AND posted_at < %(until_at)s
      AND posted_at >= coalesce(%(from_at)s::timestamptz, '-infinity')
      AND (%(organization_id)s::uuid IS NULL OR organization_id = %(organization_id)s)
"""


@dataclass(frozen=True, slots=True)
class TaxOf:
    """Tax that became payable (below zero: is payable no more) by one kind of movement."""

    organization_id: UUID | None
    category: str
    rate: str
    movement: str
    nano: int


async def read_tax(connection: Connection, stretch: Stretch) -> tuple[list[TaxOf], int]:
    """The lines, and what the account says of all."""
    lines = [TaxOf(*row) async for row in read_rows(connection, "tax", _LINES, parameters=stretch.parameters)]
    row = await (await connection.execute(_ACCOUNT, stretch.parameters)).fetchone()
    return lines, int(row[0]) if row else 0


def state_tax(lines: list[TaxOf], account_nano: int) -> Statement:
    """As a table; the total is what is payable for the stretch, and has to be what the account says."""
    total_nano = sum(line.nano for line in lines)
    return Statement(
        name="tax",
        columns=("organization_id", "category", "rate", "movement", "amount_nano"),
        rows=[(line.organization_id, line.category, line.rate, line.movement, line.nano) for line in lines],
        totals={"tax_nano": total_nano},
        checks={
            "lines_less_account_nano": total_nano - account_nano,
            "without_category_nano": sum(line.nano for line in lines if not line.category),
        },
    )
