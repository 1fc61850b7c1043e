"""Numbers: legal numbers of documents, one series a kind (and year), without gaps.

A number is taken in the transaction that issues, under the lock on the row of its series: a transaction that
fails gives it back, and nobody else can have taken a later one meanwhile.
"""

from collections.abc import Sequence
from datetime import date

from jeton.billing.invoicing.words import NumberFormats
from jeton.billing.words import DocumentKind
from jeton.db.pool import Connection

_TAKE = """
    INSERT INTO number_series AS s (series, last) VALUES (%(series)s, %(count)s)
    ON CONFLICT (series) DO UPDATE SET last = s.last + excluded.last
    RETURNING last
"""
_NUMBER = "{number"


def find_series(formats: NumberFormats, kind: DocumentKind, issued_on: date) -> str:
    """The series of a document: what stands before its number, such as ``INV-2026-``."""
    before, _, _ = _format(formats, kind).partition(_NUMBER)
    return before.format(year=issued_on.year)


def render_number(formats: NumberFormats, kind: DocumentKind, issued_on: date, *, number: int) -> str:
    """A number as it is printed: ``INV-2026-000123``."""
    return _format(formats, kind).format(year=issued_on.year, number=number)


async def take_numbers(connection: Connection, series: Sequence[str]) -> list[int]:
    """A number for each of these series, in their order; in the caller's transaction.

    It is the last lock that a transaction takes, in the order of the series' names.
    """
    following: dict[str, int] = {}
    for name in sorted(set(series)):
        count = series.count(name)
        cursor = await connection.execute(_TAKE, {"series": name, "count": count})
        ((last,),) = await cursor.fetchall()
        following[name] = last - count
    taken = []
    for name in series:
        following[name] += 1
        taken.append(following[name])
    return taken


def _format(formats: NumberFormats, kind: DocumentKind) -> str:
    match kind:
        case "invoice":
            return formats.invoice
        case "receipt":
            return formats.receipt
        case "credit_note":
            return formats.credit_note
