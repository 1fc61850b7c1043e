"""Documents against their lines, their taxes and what was posted for them."""

from collections import defaultdict

import msgspec

from jeton.db.pool import Connection
from jeton.insight.proving.proof import Proof, read_rows
from jeton.ledger import movements
from jeton.ledger.transaction import Posting
from jeton.money import render_usd

_DOCUMENTS = """
    SELECT d.number, d.kind, d.purpose, d.lines_count, d.lines_minor, d.tax_minor, d.net_nano, d.tax_nano,
           d.total_nano, d.accrued_nano, d.owed_nano, d.earned_nano,
           coalesce(l.lines, 0), coalesce(l.net_minor, 0), coalesce(l.net_nano, 0),
           coalesce(l.contained_nano, 0),
           (SELECT coalesce(sum((tax ->> 'tax_minor')::bigint), 0)::bigint
            FROM jsonb_array_elements(d.taxes) AS tax),
           t.accounts, t.amounts
    FROM documents AS d LEFT JOIN (
        SELECT document_id, count(*) AS lines, sum(net_minor)::bigint AS net_minor,
               sum(net_nano)::bigint AS net_nano,
               -coalesce(sum(net_nano) FILTER (WHERE line_key = 'voucher|tax'), 0)::bigint AS contained_nano
        FROM document_lines GROUP BY document_id
    ) AS l USING (document_id)
    LEFT JOIN transactions AS t
        ON t.transaction_id = d.transaction_id AND t.organization_id = d.organization_id
    WHERE d.lines_count > 0 OR l.lines > 0
"""
_STRANGE = """
    SELECT d.number FROM documents AS d JOIN document_lines AS l USING (document_id)
    WHERE l.organization_id <> d.organization_id GROUP BY d.number
"""
# Their money was posted with the payment.
_PAID_BEFORE = ("purchase", "refund")


async def verify_documents(connection: Connection, proof: Proof) -> None:
    """Every document is the sum of its lines and taxes, and was posted as it stands, to the nano."""
    async for row in read_rows(connection, "documents", _DOCUMENTS):
        document = _Document(*row)
        _compare_lines(proof, document)
        if document.purpose not in _PAID_BEFORE:
            _compare_postings(proof, document)
    async for (number,) in read_rows(connection, "strange_lines", _STRANGE):
        proof.find(f"Document {number} has lines of another organization.")


class _Document(msgspec.Struct, frozen=True):
    number: str
    kind: str
    purpose: str
    lines_count: int
    lines_minor: int
    tax_minor: int
    net_nano: int
    tax_nano: int
    total_nano: int
    accrued_nano: int
    owed_nano: int
    earned_nano: int
    found_lines: int
    found_minor: int
    found_nano: int
    contained_nano: int
    taxes_minor: int
    accounts: list[str] | None
    amounts: list[int] | None


def _compare_lines(proof: Proof, document: _Document) -> None:
    stated = (document.lines_count, document.lines_minor, document.net_nano)
    if stated != (document.found_lines, document.found_minor, document.found_nano):
        proof.find(
            f"Document {document.number} has {document.lines_count} lines of {document.lines_minor} minor"
            f" units and {render_usd(document.net_nano)} dollars; there are {document.found_lines}, of"
            f" {document.found_minor} and {render_usd(document.found_nano)}."
        )
    if document.tax_minor != document.taxes_minor:
        proof.find(
            f"Document {document.number} has {document.tax_minor} minor units of tax, and its taxes come to"
            f" {document.taxes_minor}."
        )


def _compare_postings(proof: Proof, document: _Document) -> None:
    posted: dict[str, int] = defaultdict(int)
    for account, nano in zip(document.accounts or (), document.amounts or (), strict=True):
        posted[account] += nano
    expected: dict[str, int] = defaultdict(int)
    for one in _expect(document):
        expected[one.account] += one.amount_nano
    for account in sorted({*posted, *expected}):
        if posted[account] != expected[account]:
            proof.find(
                f"Document {document.number}: {render_usd(posted[account])} dollars were posted to {account}"
                f" for it, and it says {render_usd(expected[account])}."
            )


def _expect(document: _Document) -> tuple[Posting, ...]:
    if document.purpose == "allowance":
        return movements.allow(
            net_nano=document.net_nano, tax_nano=document.tax_nano, total_nano=document.total_nano
        )
    postings = movements.invoice_issue(
        accrued_nano=document.accrued_nano,
        owed_nano=document.owed_nano,
        earned_nano=document.earned_nano,
        tax_nano=document.tax_nano,
        total_nano=document.total_nano,
        contained_nano=document.contained_nano,
    )
    return movements.reverse(postings) if document.kind == "credit_note" else postings
