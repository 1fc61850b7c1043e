"""Chaining: where a document stands in the ledger, so that a bundle belongs to one chain of digests.

A document that was posted has its own transaction in it with the digest before: its postings follow from the
document, its digest from both. So the bundle names an end of the organization's chain as it was at the issue.
A chain of today that passes through that end has this document in it, as it is here in money; one that does
not is another ledger, or was rewritten.
"""

from typing import Any

from jeton.billing.invoicing.issuing.posting import document_postings
from jeton.billing.paper.bundle.findings import Findings
from jeton.billing.paper.bundle.words import LedgerRecord
from jeton.billing.words import Document
from jeton.db.pool import Connection
from jeton.ledger.chain import Entry, link

CHAIN = "the ledger's chain"

# A purchase and its refund were posted by their payment.
_TRANSACTION = """
    SELECT coalesce(d.transaction_id, p.transaction_id, nullif(r.transaction_id, ''))
    FROM documents AS d
    LEFT JOIN payments AS p ON d.purpose = 'purchase' AND p.payment_id = d.subject
    LEFT JOIN refunds AS r ON d.purpose = 'refund' AND r.refund_id = d.subject
    WHERE d.document_id = %s
"""
_ENTRY = """
    SELECT sequence, organization_id, transaction_id, movement, request_id, accounts, lots, amounts,
           posted_at, reason, digest
    FROM transactions WHERE transaction_id = %s
"""
# Ids are in the order of time, so what came before lies before it, and near.
_BEFORE = """
    SELECT digest FROM transactions
    WHERE organization_id = %(organization_id)s AND sequence = %(sequence)s AND transaction_id < %(before)s
    ORDER BY transaction_id DESC LIMIT 1
"""
# But for what was begun first and booked last.
_BEFORE_ANYWHERE = """
    SELECT digest FROM transactions WHERE organization_id = %(organization_id)s AND sequence = %(sequence)s
"""


async def find_entry(connection: Connection, document_id: str) -> LedgerRecord | None:
    """The transaction that a document was posted with, and the digest before it; None if it posts nothing."""
    named = await (await connection.execute(_TRANSACTION, (document_id,))).fetchone()
    if named is None or named[0] is None:
        return None
    row = await (await connection.execute(_ENTRY, (named[0],))).fetchone()
    if row is None:
        return None
    sequence, organization_id, transaction_id = row[:3]
    asked: dict[str, Any] = {
        "organization_id": organization_id,
        "sequence": sequence - 1,
        "before": transaction_id,
    }
    before = b""
    if sequence > 1:
        for query in (_BEFORE, _BEFORE_ANYWHERE):
            found = await (await connection.execute(query, asked)).fetchone()
            if found is not None:
                before = bytes(found[0])
                break
    values: dict[str, Any] = dict(zip(LedgerRecord.__struct_fields__, row[:10], strict=False))
    return LedgerRecord(**values, before=before.hex(), digest=bytes(row[10]).hex())


def check_chain(record: LedgerRecord | None, document: Document, findings: Findings) -> None:
    """The entry is of this document, and its digest is what it has to be after the one before it."""
    if record is None:
        findings.begin(CHAIN, note="it posted nothing, or its bundle is older than this check")
        return
    findings.begin(CHAIN, note=f"{record.organization_id} passes through {record.end}")
    findings.compare(
        CHAIN, "the organization of the entry", stated=document.organization_id, found=record.organization_id
    )
    try:
        digest = link(bytes.fromhex(record.before), _entry(record)).hex()
    except ValueError as error:
        digest = str(error)
    findings.compare(CHAIN, "digest of the entry", stated=record.digest, found=digest)
    if document.purpose in ("purchase", "refund"):
        tax_nano = -sum(
            nano for account, nano in zip(record.accounts, record.amounts, strict=False) if account == "tax"
        )
        expected = document.tax_nano if document.kind == "receipt" else -document.tax_nano
        findings.compare(CHAIN, "tax of the entry", stated=tax_nano, found=expected)
        return
    findings.compare(CHAIN, "what the entry is for", stated=record.reason, found=document.number)
    postings = [(one.account.value, one.amount_nano) for one in document_postings(document)]
    posted = list(zip(record.accounts, record.amounts, strict=False))
    findings.compare(CHAIN, "postings of the entry", stated=posted, found=postings)


def _entry(record: LedgerRecord) -> Entry:
    return Entry(
        record.sequence,
        str(record.organization_id),
        record.transaction_id,
        record.movement,
        record.request_id,
        record.accounts,
        record.lots,
        record.amounts,
        record.posted_at,
        record.reason,
    )
