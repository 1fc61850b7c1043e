"""Importing: a whole file of terms, of one organization or of many, or nothing of it."""

from collections.abc import Sequence
from uuid import UUID

from jeton.billing.terms.keeping import Change, add_terms
from jeton.billing.terms.reading import ReadTerms, TermsFileError
from jeton.db.pool import Connection
from jeton.errors import JetonError
from jeton.pricing.book import PriceBook


async def import_terms(
    connection: Connection,
    terms: Sequence[ReadTerms],
    *,
    organization_id: UUID | None,
    book: PriceBook,
    change: Change,
) -> dict[UUID, list[str]]:
    """Agree on all of a file, in one transaction; the ids by organization, each in the order of the file.

    ``organization_id`` is of those lines that name none. Raises TermsFileError, which names the line.
    """
    by_organization: dict[UUID, list[ReadTerms]] = {}
    for one in terms:
        of = one.organization_id or organization_id
        if of is None:
            raise TermsFileError(
                [f"{one.ask.place}: it names no organization_id, and the command none either."]
            )
        by_organization.setdefault(of, []).append(one)
    added: dict[UUID, list[str]] = {}
    async with connection.transaction():
        # In one order, so that no two imports wait for each other in a circle.
        for of in sorted(by_organization):
            asks = [one.ask for one in by_organization[of]]
            try:
                added[of] = await add_terms(connection, of, asks, book=book, change=change)
            except JetonError as error:
                places = ", ".join(ask.place for ask in asks[:3])
                raise TermsFileError([f"{error} (of organization {of}: {places}, …)"]) from error
    return added
