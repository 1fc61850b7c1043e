"""Tax: what is payable, a row for each document and category and rate: the postings to the account ``tax``.

What a posting belongs to is found by its transaction: a document, a purchase that was booked, paid back or
disputed, a debt that was given up. A document on which a tax service put several taxes has a row for each:
what was posted is parted as its taxes are, by differences of rounded sums, so that all rows come to the
account, to the nano.
"""

from dataclasses import dataclass
from uuid import UUID

from jeton.db.pool import Connection
from jeton.insight.accounts.words import Statement, Stretch
from jeton.insight.proving.proof import read_rows

# A part of a posting is that from ``below`` to ``upto`` of ``whole``.
_LINES = """
    WITH taxed AS (
        SELECT d.document_id, d.transaction_id, d.number, t.one ->> 'category' AS category,
               t.one ->> 'rate' AS rate,
               sum(t.minor) OVER (PARTITION BY d.document_id ORDER BY t.place) - t.minor AS below,
               sum(t.minor) OVER (PARTITION BY d.document_id ORDER BY t.place) AS upto,
               sum(t.minor) OVER (PARTITION BY d.document_id) AS whole
        FROM documents AS d CROSS JOIN LATERAL (
            SELECT one, place, (one ->> 'tax_minor')::numeric AS minor
            FROM jsonb_array_elements(d.taxes) WITH ORDINALITY AS every (one, place)
        ) AS t
    ), bought AS (
        SELECT p.payment_id, p.transaction_id, p.tax_category AS category, p.tax_rate AS rate,
               coalesce(d.number, p.payment_id) AS number
        FROM payments AS p LEFT JOIN documents AS d ON d.subject = p.payment_id AND d.purpose = 'purchase'
    ), origins AS (
        SELECT transaction_id AS origin, number, category, rate, below, upto, whole
        FROM taxed WHERE transaction_id IS NOT NULL
        UNION ALL
        SELECT w.transaction_id, number, category, rate, below, upto, whole
        FROM write_offs AS w JOIN taxed USING (document_id)
        UNION ALL
        SELECT w.transaction_id, b.number, t.one ->> 'category', t.one ->> 'rate',
               sum(t.nano) OVER (PARTITION BY w.write_off_id ORDER BY t.place) - t.nano,
               sum(t.nano) OVER (PARTITION BY w.write_off_id ORDER BY t.place),
               sum(t.nano) OVER (PARTITION BY w.write_off_id)
        FROM claim_write_offs AS w JOIN bought AS b USING (payment_id) CROSS JOIN LATERAL (
            SELECT one, place, (one ->> 'tax_nano')::numeric AS nano
            FROM jsonb_array_elements(w.taxes) WITH ORDINALITY AS every (one, place)
        ) AS t
        UNION ALL
        SELECT transaction_id, number, category, rate, 0, 1, 1 FROM bought WHERE transaction_id IS NOT NULL
        UNION ALL
        SELECT r.transaction_id, coalesce(d.number, b.number), b.category, b.rate, 0, 1, 1
        FROM refunds AS r JOIN bought AS b USING (payment_id)
        LEFT JOIN documents AS d ON d.subject = r.refund_id AND d.purpose = 'refund'
        UNION ALL
        -- What undoes a refund, and what a dispute moves, say so in their reasons.
        SELECT 'refund ' || r.refund_id, coalesce(d.number, b.number), b.category, b.rate, 0, 1, 1
        FROM refunds AS r JOIN bought AS b USING (payment_id)
        LEFT JOIN documents AS d ON d.subject = r.refund_id AND d.purpose = 'purchase'
        WHERE r.state = 'failed'
        UNION ALL
        SELECT 'dispute ' || s.dispute_id, b.number, b.category, b.rate, 0, 1, 1
        FROM disputes AS s JOIN bought AS b USING (payment_id)
    ), moved AS (
        SELECT t.organization_id, t.transaction_id, t.movement, sum(a.amount_nano) AS nano,
               substring(t.reason FROM CASE t.movement
                   WHEN 'refund' THEN '^(refund rfnd_[0-9a-z]+) failed$'
                   WHEN 'dispute' THEN '^(dispute dspt_[0-9a-z]+)' END) AS subject
        FROM transactions AS t CROSS JOIN LATERAL unnest(t.accounts, t.amounts) AS a (account, amount_nano)
        WHERE a.account = 'tax' AND t.posted_at < %(until_at)s
          AND t.posted_at >= coalesce(%(from_at)s::timestamptz, '-infinity')
          AND (%(organization_id)s::uuid IS NULL OR t.organization_id = %(organization_id)s)
        GROUP BY t.organization_id, t.transaction_id, t.movement, t.reason
    ), parted AS (
        -- Where taxes cancel each other out nothing was posted, so there is nothing to part.
        SELECT m.organization_id, m.movement, coalesce(o.number, '') AS number,
               coalesce(o.category, '') AS category, coalesce(o.rate, '') AS rate,
               CASE WHEN o.origin IS NULL THEN m.nano
                    WHEN o.whole = 0 THEN 0
                    ELSE round(m.nano * o.upto / o.whole) - round(m.nano * o.below / o.whole) END AS nano
        FROM moved AS m LEFT JOIN origins AS o ON o.origin = coalesce(m.subject, m.transaction_id)
    )
    SELECT CASE WHEN %(by_organization)s THEN organization_id END, number, category, rate, movement,
           -sum(nano)::bigint
    FROM parted GROUP BY 1, 2, 3, 4, 5 HAVING sum(nano) <> 0
    ORDER BY 1 NULLS FIRST, 3, 4, 2, 5
"""
_ACCOUNT = """
    SELECT coalesce(-sum(amount_nano), 0)::bigint FROM postings
    WHERE account = 'tax' AND posted_at < %(until_at)s
      AND posted_at >= coalesce(%(from_at)s::timestamptz, '-infinity')
      AND (%(organization_id)s::uuid IS NULL OR organization_id = %(organization_id)s)
"""


@dataclass(frozen=True, slots=True)
class TaxOf:
    """Tax of a document that became payable (below zero: is payable no more) by one kind of movement.

    ``number`` is the document's; of a purchase without one, the payment's id.
    """

    organization_id: UUID | None
    number: str
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
    """As a table, and what is payable by category and rate; all of it has to be what the account says."""
    total_nano = sum(line.nano for line in lines)
    by_rate: dict[str, int] = {}
    for line in lines:
        name = f"{line.category or 'without'} {line.rate}_nano"
        by_rate[name] = by_rate.get(name, 0) + line.nano
    return Statement(
        name="tax",
        columns=("organization_id", "number", "category", "rate", "movement", "amount_nano"),
        rows=[
            (line.organization_id, line.number, line.category, line.rate, line.movement, line.nano)
            for line in lines
        ],
        totals={**by_rate, "tax_nano": total_nano},
        checks={
            "lines_less_account_nano": total_nano - account_nano,
            "without_category_nano": sum(line.nano for line in lines if not line.category),
        },
    )
