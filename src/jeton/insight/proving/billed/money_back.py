"""Refunds and disputes against the payments that they are of, and against the postings."""

from jeton.db.pool import Connection
from jeton.insight.proving.proof import Proof, read_rows
from jeton.money import render_usd

_PAYMENTS = """
    SELECT p.payment_id FROM payments AS p LEFT JOIN (
        SELECT payment_id, sum(amount_minor) AS minor, sum(tax_minor) AS tax_minor
        FROM refunds WHERE state <> 'failed' GROUP BY payment_id
    ) AS r USING (payment_id)
    WHERE p.refunded_minor <> coalesce(r.minor, 0) OR p.refunded_tax_minor <> coalesce(r.tax_minor, 0)
        OR p.refunded_minor > p.amount_minor
"""
# A document's money is moved by its own entries.
_REFUNDS = """
    SELECT r.refund_id, r.net_nano + r.tax_nano + r.owed_nano, r.tax_nano, r.owed_nano,
           coalesce(-p.cash_nano, 0)::bigint, coalesce(p.tax_nano, 0)::bigint,
           coalesce(p.owed_nano, 0)::bigint
    FROM refunds AS r LEFT JOIN transactions AS t
        ON t.transaction_id = r.transaction_id AND t.organization_id = r.organization_id
    LEFT JOIN LATERAL (
        SELECT sum(amount_nano) FILTER (WHERE account = 'cash') AS cash_nano,
               sum(amount_nano) FILTER (WHERE account = 'tax') AS tax_nano,
               sum(amount_nano) FILTER (WHERE account = 'receivable') AS owed_nano
        FROM unnest(t.accounts, t.amounts) AS p (account, amount_nano)
    ) AS p ON true
    WHERE r.lot_id IS NOT NULL AND (r.net_nano + r.tax_nano + r.owed_nano, r.tax_nano, r.owed_nano)
        IS DISTINCT FROM (coalesce(-p.cash_nano, 0), coalesce(p.tax_nano, 0), coalesce(p.owed_nano, 0))
"""
_DISPUTES = """
    WITH posted AS (
        SELECT t.organization_id, p.account, sum(p.amount_nano) AS nano
        FROM transactions AS t, unnest(t.accounts, t.amounts) AS p (account, amount_nano)
        WHERE t.movement = 'dispute' AND p.account IN ('receivable', 'tax') GROUP BY 1, 2
    ), kept AS (
        SELECT organization_id, account, sum(CASE account WHEN 'tax' THEN tax_nano ELSE owed_nano END) AS nano
        FROM disputes, (VALUES ('receivable'), ('tax')) AS a (account) WHERE state <> 'won' GROUP BY 1, 2
    )
    SELECT organization_id, account, coalesce(posted.nano, 0)::bigint, coalesce(kept.nano, 0)::bigint
    FROM posted FULL JOIN kept USING (organization_id, account)
    WHERE coalesce(posted.nano, 0) <> coalesce(kept.nano, 0)
"""


async def verify_money_back(connection: Connection, proof: Proof) -> None:
    """What was given back of a payment is its refunds; refunds and disputes are as they were posted."""
    async for (payment_id,) in read_rows(connection, "refunded_payments", _PAYMENTS):
        proof.find(f"Payment {payment_id}: what was given back of it is not what its refunds come to.")
    async for refund_id, *amounts in read_rows(connection, "refund_postings", _REFUNDS):
        money, tax, owed, posted, posted_tax, posted_owed = (render_usd(nano) for nano in amounts)
        proof.find(
            f"Refund {refund_id} is {money} dollars with {tax} of tax, and {owed} of it are owed; posted were"
            f" {posted}, {posted_tax} and {posted_owed}."
        )
    async for organization_id, account, posted, kept in read_rows(connection, "dispute_postings", _DISPUTES):
        proof.find(
            f"Organization {organization_id}: disputes posted {render_usd(posted)} dollars on {account}, and"
            f" come to {render_usd(kept)}."
        )
