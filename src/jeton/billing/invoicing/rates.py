"""Rates: what a dollar is worth in the currencies of documents, noted by the operator with their source."""

import re
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from psycopg.rows import dict_row

from jeton.billing.currencies import minor_digits
from jeton.billing.invoicing.errors import InvalidRateError, MissingRateError
from jeton.billing.invoicing.words import ExchangeRate
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.ids import new_id

RATES_LISTED_MAX = 1_000
SOURCE_CHARS_MAX = 200
LEDGER_CURRENCY = "USD"
PAR = Fraction(1)

_RATE = re.compile(r"\d{1,9}(\.\d{1,12})?")
_NOTE = """
    INSERT INTO exchange_rates (rate_id, currency, from_on, rate, source, noted_at, noted_by)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
_FIND = """
    SELECT DISTINCT ON (currency) currency, rate FROM exchange_rates
    WHERE currency = ANY (%s) AND from_on <= %s ORDER BY currency, from_on DESC, rate_id DESC
"""
_FIND_NOTE = """
    SELECT rate_id, currency, from_on, rate, source, noted_at, noted_by FROM exchange_rates
    WHERE currency = %s AND from_on <= %s ORDER BY from_on DESC, rate_id DESC LIMIT 1
"""
_LIST = """
    SELECT rate_id, currency, from_on, rate, source, noted_at, noted_by FROM exchange_rates
    ORDER BY from_on DESC, rate_id DESC LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class RateNote:
    """So many units of a currency, as written (``0.9215``), for a dollar from a day on, and who says so."""

    currency: str
    rate: str
    from_on: date
    source: str


async def note_rate(connection: Connection, note: RateNote, *, by: Actor, at: datetime) -> ExchangeRate:
    """Note a rate; noting one for the same day again corrects it. Documents that were issued keep theirs.

    Raises UnknownCurrencyError, InvalidRateError.
    """
    minor_digits(note.currency)
    if note.currency == LEDGER_CURRENCY:
        raise InvalidRateError("The ledger is in dollars: USD has no exchange rate.")
    if _RATE.fullmatch(note.rate) is None or not Fraction(note.rate):
        raise InvalidRateError(f"{note.rate!r} is not a rate such as 0.9215, with at most 12 decimals.")
    if not 0 < len(note.source) <= SOURCE_CHARS_MAX:
        raise InvalidRateError(f"Say where the rate is from, in 1 to {SOURCE_CHARS_MAX} characters.")
    rate_id = new_id("rate")
    values = (rate_id, note.currency, note.from_on, Decimal(note.rate), note.source, at, by.name)
    await connection.execute(_NOTE, values)
    details = {**asdict(note), "from_on": note.from_on.isoformat()}
    await record_audit(connection, by, "exchange_rate.noted", subject=rate_id, details=details)
    return ExchangeRate(
        rate_id, note.currency, note.from_on, Fraction(note.rate), note.source, noted_at=at, noted_by=by.name
    )


async def find_rates(connection: Connection, currencies: Collection[str], on: date) -> dict[str, Fraction]:
    """The rate of each of these currencies in force on a day; one without any is missing."""
    cursor = await connection.execute(_FIND, (list(currencies), on))
    found = {currency: Fraction(rate) for currency, rate in await cursor.fetchall()}
    return found | {LEDGER_CURRENCY: PAR}


async def get_rate(connection: Connection, currency: str, on: date) -> Fraction:
    """Units of a currency for one dollar on a day; MissingRateError."""
    rate = (await find_rates(connection, [currency], on)).get(currency)
    if rate is None:
        raise MissingRateError(currency, on)
    return rate


async def find_rate(connection: Connection, currency: str, on: date) -> ExchangeRate | None:
    """The rate of a currency in force on a day, with its own day and where it is from; None without one."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_FIND_NOTE, (currency, on))
        row = await cursor.fetchone()
    return None if row is None else ExchangeRate(**{**row, "rate": Fraction(row["rate"])})


async def list_rates(connection: Connection) -> list[ExchangeRate]:
    """The latest rates that were noted, RATES_LISTED_MAX at most."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_LIST, (RATES_LISTED_MAX,))
        return [ExchangeRate(**{**row, "rate": Fraction(row["rate"])}) async for row in cursor]
