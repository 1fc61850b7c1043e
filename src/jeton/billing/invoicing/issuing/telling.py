"""Telling: that documents were issued, in the transaction that issues them."""

from collections.abc import Sequence

import msgspec

from jeton.billing.currencies import render_minor
from jeton.billing.words import Document
from jeton.db.pool import Connection
from jeton.ids import new_id
from jeton.notifications.catalogue.documents import DocumentIssued

# To the addresses of the billing profile, besides those who are told anyway.
_EMIT = """
    SELECT emit_event(t.event_id, t.organization_id, %(type)s, t.data, coalesce(p.emails, '{}'), t.dedup_key,
                      t.occurred_at)
    FROM unnest(%(event_ids)s::text[], %(organization_ids)s::uuid[], %(datas)s::jsonb[],
                %(dedup_keys)s::text[], %(occurred_at)s::timestamptz[])
         AS t (event_id, organization_id, data, dedup_key, occurred_at)
    LEFT JOIN billing_profiles AS p USING (organization_id)
    ORDER BY t.dedup_key
"""


async def tell_issued(connection: Connection, documents: Sequence[Document]) -> None:
    """Write the event of each document that was issued, in the caller's transaction; once for each."""
    if documents:
        await connection.execute(
            _EMIT,
            {
                "type": DocumentIssued.type,
                "event_ids": [new_id("evt") for _ in documents],
                "organization_ids": [document.organization_id for document in documents],
                "datas": [msgspec.json.encode(_describe(document)).decode() for document in documents],
                "dedup_keys": [f"{DocumentIssued.type}:{document.document_id}" for document in documents],
                "occurred_at": [document.issued_at for document in documents],
            },
        )


def _describe(document: Document) -> DocumentIssued:
    return DocumentIssued(
        document_id=document.document_id,
        number=document.number,
        kind=document.kind,
        currency=document.currency,
        total=render_minor(document.total_minor, document.currency),
        due=render_minor(document.due_minor, document.currency),
        due_on=document.due_on if document.due_minor > 0 else None,
        corrects=document.corrects,
    )
