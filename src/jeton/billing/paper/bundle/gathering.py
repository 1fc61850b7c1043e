"""Gathering: what stands behind a document: its receipts, prices, terms, and what was billed before.

To be read in one snapshot. Receipts come by a cursor of the server, so memory stays flat.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, LiteralString

from jeton.billing.invoicing.documents.reading import find_head
from jeton.billing.paper.bundle.chaining import find_entry
from jeton.billing.paper.bundle.checking import list_periods
from jeton.billing.paper.bundle.words import (
    BilledRecord,
    ReceiptRecord,
    ReversedRecord,
    TermsRecord,
    VersionRecord,
)
from jeton.billing.paper.bundle.writing import Evidence
from jeton.billing.paper.drawing.pdf import stamp
from jeton.billing.words import Document
from jeton.db.pool import Connection
from jeton.insight.proving.proof import read_rows

# What a receipt says that stands in a column of its own.
_PLAIN = ReceiptRecord.__struct_fields__[:20]
# held_at is the instant of occurred_at, and has the index.
_CHARGED: LiteralString = """
    FROM charges AS c JOIN usage_events AS e USING (request_id)
    JOIN unnest(%(periods_from)s::timestamptz[], %(periods_to)s::timestamptz[]) AS p (from_at, to_at)
      ON c.held_at >= p.from_at AND c.held_at < p.to_at
    JOIN transactions AS t ON t.transaction_id = c.transaction_id
    LEFT JOIN (reversals AS v JOIN transactions AS u ON u.transaction_id = v.transaction_id)
      ON v.request_id = c.request_id
      AND CASE WHEN %(booked)s::bigint IS NULL THEN v.reversed_at <= %(until)s
               ELSE u.sequence <= %(booked)s END
    WHERE c.organization_id = %(organization_id)s AND c.state = 'settled'
      AND CASE WHEN %(booked)s::bigint IS NULL THEN c.ended_at <= %(until)s
               ELSE t.sequence <= %(booked)s END
"""
# The clocks of nodes differ, so the last instant may be after the issue.
_LATEST: LiteralString = f"SELECT max(greatest(c.ended_at, v.reversed_at)) {_CHARGED}"
_RECEIPTS: LiteralString = f"""
    SELECT c.request_id, e.occurred_at, c.ended_at, c.workspace_id, c.model, c.price_version_id,
           coalesce(c.terms_id, ''), e.service_tier, e.inference_geo, e.speed, e.input_tokens,
           e.cache_creation_5m_input_tokens, e.cache_creation_1h_input_tokens, e.cache_read_input_tokens,
           e.output_tokens, e.web_search_requests, c.list_nano, c.net_nano, free_part(c.draws),
           on_credit_part(c.net_nano, c.draws), c.lines, v.reversed_at, v.amount_nano, free_part(v.draws),
           on_credit_part(v.amount_nano, v.draws)
    {_CHARGED} ORDER BY c.request_id COLLATE "C"
"""
_VERSIONS: LiteralString = f"""
    SELECT price_version_id, digest, content FROM price_versions
    WHERE price_version_id IN (SELECT DISTINCT c.price_version_id {_CHARGED})
       OR price_version_id = ANY (%(named)s)
"""  # noqa: S608 - as above
_TERMS = "SELECT terms_id, effective_from, effective_to, content FROM terms WHERE organization_id = %s"
_BILLED = """
    SELECT d.number, l.period_from, l.line_key, s.sign * l.quantity, s.sign * l.net_nano
    FROM document_lines AS l JOIN documents AS d USING (document_id)
    CROSS JOIN LATERAL (SELECT CASE d.kind WHEN 'credit_note' THEN -1 ELSE 1 END AS sign) AS s
    WHERE l.organization_id = %(organization_id)s AND l.period_from = ANY (%(periods_from)s)
      AND d.purpose IN ('period', 'adjustment', 'cancellation')
      AND split_part(d.document_id, '_', 2) COLLATE "C" < split_part(%(before)s, '_', 2)
    ORDER BY d.document_id, l.position
"""


async def gather(connection: Connection, document: Document) -> tuple[Evidence, AsyncIterator[ReceiptRecord]]:
    """The evidence of a document, and its receipts in the order of their ids."""
    until, before, booked = await _find_basis(connection, document)
    periods = list_periods(document)
    asked = {
        "organization_id": document.organization_id,
        "periods_from": [period.period_from for period in periods],
        "periods_to": [period.period_to for period in periods],
        "until": until,
        "booked": booked,
        "named": sorted({line.price_version_id for line in document.lines if line.price_version_id}),
        "before": before,
    }
    if booked is not None:
        row = await (await connection.execute(_LATEST, asked)).fetchone()
        until = max(until, row[0]) if row and row[0] else until
    versions = await (await connection.execute(_VERSIONS, asked)).fetchall()
    terms = await (await connection.execute(_TERMS, (document.organization_id,))).fetchall()
    billed = await (await connection.execute(_BILLED, asked)).fetchall()
    evidence = Evidence(
        versions=[VersionRecord(*row) for row in versions],
        terms=[TermsRecord(*row) for row in terms],
        billed=[BilledRecord(*row) for row in billed],
        booked_until=until,
        ledger=await find_entry(connection, document.document_id),
    )
    return evidence, _read_receipts(connection, asked)


async def _find_basis(connection: Connection, document: Document) -> tuple[datetime, str, int | None]:
    """Up to when usage is in it, before which document others had billed, how many entries the books had.

    All of it of what it cancels, where it does that.
    """
    if document.purpose == "cancellation" and document.corrects_id:
        head = await find_head(connection, document.corrects_id)
        if head is not None:
            return head.issued_at, head.document_id, head.booked_sequence
    return document.issued_at or stamp(document), document.document_id, document.booked_sequence


async def _read_receipts(connection: Connection, asked: dict[str, Any]) -> AsyncIterator[ReceiptRecord]:
    async for row in read_rows(connection, "receipts", _RECEIPTS, parameters=asked):
        undone = None if row[21] is None else ReversedRecord(*row[21:25])
        lines = [(line["bucket"], line["quantity"], line["list_nano"], line["net_nano"]) for line in row[20]]
        values = dict(zip(_PLAIN, row, strict=False))
        yield ReceiptRecord(**values, lines=tuple(lines), reversed=undone)
