"""Issuing: number, document, lines, postings and the end of the period, all in one transaction or not at all.

What was drafted is issued only if nobody made documents of the organization meanwhile; so a period is issued
once, whoever closes it and however often.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from jeton.billing.invoicing.drafting.sources import Wanted
from jeton.billing.invoicing.issuing.posting import post_document
from jeton.billing.invoicing.issuing.writing import Numbered, write_documents
from jeton.billing.invoicing.numbers import find_series, render_number, take_numbers
from jeton.billing.invoicing.words import NumberFormats
from jeton.billing.words import Document, DocumentKind
from jeton.charging.deciding import Batch
from jeton.db.channel import Channel
from jeton.db.pool import Connection
from jeton.ids import new_id
from jeton.ledger.book import Book
from jeton.ledger.journal import lock_books

_PREFIXES: dict[DocumentKind, str] = {"invoice": "inv", "receipt": "rcpt", "credit_note": "crn"}
_OPEN = """
    INSERT INTO billing_profiles (organization_id)
    SELECT organization_id FROM unnest(%s::uuid[]) AS o (organization_id) ORDER BY organization_id
    ON CONFLICT DO NOTHING
"""
_LOCK = """
    SELECT organization_id, documents FROM billing_profiles WHERE organization_id = ANY (%s)
    ORDER BY organization_id FOR UPDATE
"""
_COUNT = "UPDATE billing_profiles SET documents = documents + 1 WHERE organization_id = ANY (%s)"
_CLOSE = """
    INSERT INTO billing_periods (organization_id, period_from, period_to, follows, closed_at)
    SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[],
                         %s::timestamptz[])
"""


@dataclass(frozen=True, slots=True)
class Issue:
    """Documents of one organization that are issued together; ``is_closing``: their period ends with them."""

    wanted: Wanted
    documents: tuple[Document, ...]
    is_closing: bool = True


@dataclass(frozen=True, slots=True)
class Issued:
    """What was issued, and for which organizations; some may have had nothing to bill."""

    documents: list[Document]
    organizations: frozenset[UUID]


async def issue_all(
    connection: Connection, issues: Sequence[Issue], *, formats: NumberFormats, at: datetime
) -> Issued:
    """Issue the documents of many organizations, in the caller's transaction.

    Left out is an organization that somebody else made documents of after its profile was read.
    """
    postable = [one.wanted.profile.organization_id for one in issues if any(map(_is_posted, one.documents))]
    books = await _lock_books(connection, postable)
    claimed = await _claim(connection, issues)
    await _close(connection, [one for one in claimed if one.is_closing], at)
    documents = [document for one in claimed for document in one.documents]
    numbered = await number_documents(connection, documents, formats=formats, at=at)
    batch = Batch(books, {}, at)
    numbered = [
        replace(one, transaction_id=post_document(batch, books[one.document.organization_id], one.document))
        if _is_posted(one.document)
        else one
        for one in numbered
    ]
    await write_documents(connection, numbered)
    await _write(connection, batch)
    return Issued(
        [one.document for one in numbered],
        frozenset(one.wanted.profile.organization_id for one in claimed),
    )


def _is_posted(document: Document) -> bool:
    """Whether there is anything to post: a receipt of what credit paid moves no money."""
    amounts = (
        document.accrued_nano,
        document.owed_nano,
        document.earned_nano,
        document.tax_nano,
        document.total_nano,
    )
    return document.purpose not in ("purchase", "refund") and any(amounts)


async def _lock_books(connection: Connection, organization_ids: Sequence[UUID]) -> dict[UUID, Book]:
    if not organization_ids:
        return {}
    channel = Channel(connection)
    try:
        return await lock_books(channel, organization_ids, [])
    finally:
        channel.close()


async def _write(connection: Connection, batch: Batch) -> None:
    channel = Channel(connection)
    try:
        batch.write(channel)
        await channel.flush()
    finally:
        channel.close()


async def _claim(connection: Connection, issues: Sequence[Issue]) -> list[Issue]:
    """Those organizations whose documents are still those that the drafts were made after."""
    ids = [one.wanted.profile.organization_id for one in issues]
    await connection.execute(_OPEN, (ids,))
    counts: dict[UUID, int] = dict(await (await connection.execute(_LOCK, (ids,))).fetchall())
    claimed = [
        one for one in issues if counts[one.wanted.profile.organization_id] == one.wanted.profile.documents
    ]
    await connection.execute(_COUNT, ([one.wanted.profile.organization_id for one in claimed],))
    return claimed


async def _close(connection: Connection, issues: Sequence[Issue], at: datetime) -> None:
    if issues:
        columns = (
            [one.wanted.profile.organization_id for one in issues],
            [one.wanted.period.period_from for one in issues],
            [one.wanted.period.period_to for one in issues],
            [one.wanted.follows for one in issues],
            [at] * len(issues),
        )
        await connection.execute(_CLOSE, columns)


async def number_documents(
    connection: Connection, documents: Sequence[Document], *, formats: NumberFormats, at: datetime
) -> list[Numbered]:
    """Each document with an id and the next number of its series, in the caller's transaction."""
    series = [find_series(formats, one.kind, one.issued_on or at.date()) for one in documents]
    numbers = await take_numbers(connection, series)
    numbered = []
    for document, name, number in zip(documents, series, numbers, strict=True):
        is_settled = document.kind != "credit_note" and not document.due_minor
        numbered.append(
            Numbered(
                replace(
                    document,
                    document_id=document.document_id or new_id(_PREFIXES[document.kind]),
                    state="paid" if is_settled else "issued",
                    number=render_number(
                        formats, document.kind, document.issued_on or at.date(), number=number
                    ),
                    paid_at=at if is_settled else None,
                ),
                name,
                number,
                "",
            )
        )
    return numbered
