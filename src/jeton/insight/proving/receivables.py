"""Payments on documents against what became of them, and against the postings."""

from jeton.db.pool import Connection
from jeton.insight.proving.proof import Proof, read_rows
from jeton.money import render_usd

# Of a payment: what is left is what came in, less what is on documents and what went out again.
_PAYMENTS = """
    SELECT p.payment_id FROM received_payments AS p
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount_minor), 0) AS minor, coalesce(sum(released_nano), 0) AS nano
        FROM payment_applications WHERE payment_id = p.payment_id) AS a
    CROSS JOIN LATERAL (SELECT coalesce(sum(amount_minor), 0) AS minor, coalesce(sum(amount_nano), 0) AS nano
                        FROM payment_returns WHERE payment_id = p.payment_id) AS r
    WHERE p.unapplied_minor <> p.amount_minor - a.minor - r.minor
        OR p.unapplied_nano <> p.amount_nano - a.nano - r.nano
"""
# Of a document: what is paid is what payments put there. A purchase is paid when it is made.
_DOCUMENTS = """
    SELECT d.number, d.paid_minor <> a.minor OR d.written_off_minor <> w.minor,
           d.total_nano - a.nano - w.nano - n.nano
    FROM documents AS d
    CROSS JOIN LATERAL (SELECT coalesce(sum(amount_minor), 0) AS minor, coalesce(sum(amount_nano), 0) AS nano
                        FROM payment_applications WHERE document_id = d.document_id) AS a
    CROSS JOIN LATERAL (SELECT coalesce(sum(amount_minor), 0) AS minor, coalesce(sum(amount_nano), 0) AS nano
                        FROM write_offs WHERE document_id = d.document_id) AS w
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(round(total_nano::numeric * credited_minor / nullif(total_minor, 0))), 0) AS nano
        FROM documents WHERE corrects = d.document_id AND purpose = 'allowance') AS n
    WHERE d.purpose = 'period' AND d.kind <> 'credit_note'
        AND (d.paid_minor <> a.minor OR d.written_off_minor <> w.minor
            OR (d.state IN ('paid', 'written_off') AND d.total_nano <> a.nano + w.nano + n.nano))
"""
_POSTED = """
    WITH posted AS (
        SELECT t.organization_id, t.movement, sum(p.amount_nano) AS nano
        FROM transactions AS t, unnest(t.accounts, t.amounts) AS p (account, amount_nano)
        WHERE t.movement IN ('invoice_pay', 'write_off') AND p.account = 'receivable' GROUP BY 1, 2
    ), kept AS (
        SELECT organization_id, 'invoice_pay' AS movement, sum(nano) AS nano FROM (
            SELECT organization_id, -amount_nano AS nano FROM received_payments WHERE method <> 'credit_note'
            UNION ALL SELECT organization_id, amount_nano FROM payment_returns
            UNION ALL SELECT organization_id, released_nano - amount_nano FROM payment_applications
        ) AS moved GROUP BY 1
        UNION ALL SELECT organization_id, 'write_off', -sum(amount_nano) FROM (
            SELECT organization_id, amount_nano FROM write_offs
            UNION ALL SELECT organization_id, amount_nano FROM claim_write_offs
        ) AS given GROUP BY 1
    )
    SELECT organization_id, movement, coalesce(posted.nano, 0)::bigint, coalesce(kept.nano, 0)::bigint
    FROM posted FULL JOIN kept USING (organization_id, movement)
    WHERE coalesce(posted.nano, 0) <> coalesce(kept.nano, 0)
"""


async def verify_receivables(connection: Connection, proof: Proof) -> None:
    """Payments, documents and postings say the same, and what is paid leaves nothing."""
    async for (payment_id,) in read_rows(connection, "received_payments", _PAYMENTS):
        proof.find(f"Payment {payment_id}: what is left of it is not what came in less what went where.")
    async for number, is_off, left_nano in read_rows(connection, "paid_documents", _DOCUMENTS):
        if is_off:
            proof.find(f"Document {number}: what is paid or written off is not what was recorded.")
        else:
            proof.find(f"Document {number} is paid, and {render_usd(int(left_nano))} dollars of it are open.")
    async for organization_id, movement, posted, kept in read_rows(connection, "paid_postings", _POSTED):
        proof.find(
            f"Organization {organization_id}: {movement} posted {render_usd(posted)} dollars on receivable, "
            f"and what was recorded comes to {render_usd(kept)}."
        )
