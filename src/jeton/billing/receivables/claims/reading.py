"""Reading: what is owed of which payments on no document, and what of it was given up.

Only what is certain counts: a dispute that was lost, a refund that arrived.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from jeton.billing.payments.words import Payment
from jeton.billing.receivables.claims.sizing import Contained
from jeton.billing.words import VOUCHER_PAID, VOUCHER_TAX
from jeton.db.pool import Connection
from jeton.money import render_usd

LISTED_MAX = 1_000

_CLAIMS = """
    WITH owed AS (
        SELECT payment_id, sum(nano)::bigint AS nano, max(at) AS at, bool_or(is_waiting) AS is_waiting FROM (
            SELECT payment_id, CASE state WHEN 'lost' THEN owed_nano ELSE 0 END AS nano, opened_at AS at,
                   state = 'open' OR (state = 'lost' AND pending_nano > 0) AS is_waiting
            FROM disputes WHERE state <> 'won'
            UNION ALL
            SELECT payment_id, owed_nano, asked_at, state = 'pending' FROM refunds WHERE state <> 'failed'
        ) AS parts GROUP BY payment_id
    ), given AS (
        SELECT payment_id, sum(amount_nano)::bigint AS nano FROM claim_write_offs GROUP BY payment_id
    )
    SELECT payment_id, p.organization_id, o.name AS organization, owed.at AS owed_since,
           owed.nano AS owed_nano, coalesce(given.nano, 0) AS given_up_nano, owed.is_waiting
    FROM owed JOIN payments AS p USING (payment_id) JOIN organizations AS o USING (organization_id)
    LEFT JOIN given USING (payment_id)
"""
_LIST = f"""
    {_CLAIMS} WHERE p.lot_id IS NOT NULL AND owed.nano > coalesce(given.nano, 0)
        AND (%(organization_id)s::uuid IS NULL OR p.organization_id = %(organization_id)s)
    ORDER BY owed.at, payment_id LIMIT %(limit)s
"""
_ONE = f"{_CLAIMS} WHERE payment_id = %s"
_GIVEN_UP = "SELECT coalesce(sum(amount_nano), 0)::bigint FROM claim_write_offs WHERE payment_id = %s"
# The tax that receipts took out of what a lot paid: a document's one sum, parted as its lots paid.
_OF_USE = """
    WITH paid AS (
        SELECT n.document_id, n.line_key, n.tax_category, n.tax_rate, -n.net_nano AS nano,
               sum(-n.net_nano) OVER (PARTITION BY n.document_id ORDER BY n.position) AS upto,
               sum(-n.net_nano) OVER (PARTITION BY n.document_id) AS whole
        FROM document_lines AS n
        WHERE n.line_key LIKE %(paid)s AND n.document_id IN (
            SELECT document_id FROM document_lines
            WHERE organization_id = %(organization_id)s AND line_key = %(key)s)
    )
    SELECT coalesce(t.tax_category, p.tax_category), coalesce(t.tax_rate, p.tax_rate),
           sum(p.nano * s.sign)::bigint,
           coalesce(sum(s.sign * (round(-t.net_nano * p.upto / nullif(p.whole, 0))
               - round(-t.net_nano * (p.upto - p.nano) / nullif(p.whole, 0)))), 0)::bigint
    FROM paid AS p JOIN documents AS d USING (document_id)
    CROSS JOIN LATERAL (SELECT CASE d.kind WHEN 'credit_note' THEN -1 ELSE 1 END AS sign) AS s
    LEFT JOIN document_lines AS t ON t.document_id = p.document_id AND t.line_key = %(tax)s
    WHERE p.line_key = %(key)s GROUP BY 1, 2 ORDER BY 1, 2
"""
_STANDING = """
    SELECT coalesce((SELECT sum(tax_nano) FROM disputes WHERE payment_id = %(id)s AND state <> 'won'), 0)
         + coalesce((SELECT sum(tax_nano) FROM refunds WHERE payment_id = %(id)s AND state <> 'failed'), 0),
           coalesce((SELECT sum(amount_minor) FROM disputes WHERE payment_id = %(id)s AND state <> 'won'), 0)
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """What is owed of a payment, in nano; ``is_waiting``: it may still change."""

    payment_id: str
    organization_id: UUID
    organization: str
    owed_since: datetime
    owed_nano: int
    given_up_nano: int
    is_waiting: bool

    @property
    def open_nano(self) -> int:
        """What is not given up."""
        return max(0, self.owed_nano - self.given_up_nano)


async def list_claims(
    connection: Connection, organization_id: UUID | None = None, *, limit: int = LISTED_MAX
) -> tuple[Claim, ...]:
    """Claims with something open, the longest owed first; money that came in for one is credit beside it."""
    values = {"organization_id": organization_id, "limit": min(limit, LISTED_MAX)}
    async with connection.cursor(row_factory=class_row(Claim)) as cursor:
        await cursor.execute(_LIST, values)
        return tuple(await cursor.fetchall())


async def find_claim(connection: Connection, payment_id: str) -> Claim | None:
    """The claim of one payment."""
    async with connection.cursor(row_factory=class_row(Claim)) as cursor:
        await cursor.execute(_ONE, (payment_id,))
        return await cursor.fetchone()


async def sum_given_up(connection: Connection, payment_id: str) -> int:
    """What was given up of a payment, in nano, whatever is owed of it now."""
    row = await (await connection.execute(_GIVEN_UP, (payment_id,))).fetchone()
    return int(row[0]) if row else 0


async def list_contained(connection: Connection, payment: Payment) -> tuple[Contained, ...]:
    """The tax that was declared of what a payment bought, and of how much: at its purchase, or at its use.

    Where all of the money is gone, that of the purchase is exactly what is left of its tax.
    """
    if payment.tax_point == "use":
        key = f"{VOUCHER_PAID}{payment.lot_id}"
        values = {
            "organization_id": payment.organization_id,
            "paid": f"{VOUCHER_PAID}%",
            "key": key,
            "tax": VOUCHER_TAX,
        }
        cursor = await connection.execute(_OF_USE, values)
        return tuple([Contained(*row) async for row in cursor])
    whole_nano, tax_nano = payment.net_nano + payment.tax_nano, payment.tax_nano
    row = await (await connection.execute(_STANDING, {"id": payment.payment_id})).fetchone()
    undone_nano, disputed_minor = row or (0, 0)
    claim = await find_claim(connection, payment.payment_id)
    if claim is not None and disputed_minor + payment.refunded_minor >= payment.amount_minor:
        whole_nano, tax_nano = claim.owed_nano, payment.tax_nano - int(undone_nano)
    return (Contained(payment.tax_category, payment.tax_rate, whole_nano, tax_nano),)


def render_claim(claim: Claim) -> dict[str, object]:
    """A claim as JSON, exact dollars; ``owed`` is all of it, ``open`` what is not given up."""
    return {
        "type": "claim",
        "id": claim.payment_id,
        "payment_id": claim.payment_id,
        "organization_id": str(claim.organization_id),
        "organization": claim.organization,
        "owed_since": claim.owed_since.isoformat(),
        "owed": render_usd(claim.owed_nano),
        "given_up": render_usd(claim.given_up_nano),
        "open": render_usd(claim.open_nano),
        "may_change": claim.is_waiting,
    }
