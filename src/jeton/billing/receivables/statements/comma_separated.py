"""Comma-separated: a statement as a CSV file, whose header names differ from bank to bank.

Columns are found by the names of settings, else by those that banks use. Every line is read before
anything is done; a mistake names its line.
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from jeton.billing.receivables.statements.reading import DateOrder, DecimalMark, parse_date, parse_minor
from jeton.billing.receivables.statements.words import (
    NONE_GIVEN,
    REFERENCE_CHARS_MAX,
    STATEMENT_BYTES_MAX,
    STATEMENT_LINES_MAX,
    TEXT_CHARS_MAX,
    Statement,
    StatementError,
    StatementLine,
)
from jeton.errors import InvalidInputError

DIGEST_CHARS = 32
# The header is looked for in so many first lines: some banks put the account's name above it.
HEADER_LINES_MAX = 20
_DELIMITERS = ";,\t|"
_FIELDS_MIN = 2

# As banks write them, in the order of preference; compared without case, spaces and signs.
NAMES: Mapping[str, tuple[str, ...]] = {
    "date": (
        "date", "booking date", "booked on", "transaction date", "value date", "completed date",
        "buchungstag", "buchungsdatum", "buchung", "valuta", "wertstellung", "date operation",
        "date comptable", "fecha", "data", "boekingsdatum",
    ),
    "amount": (
        "amount", "transaction amount", "betrag", "betrag eur", "umsatz", "montant", "importe", "importo",
        "bedrag",
    ),
    "credit": ("credit", "credit amount", "paid in", "money in", "deposit", "haben", "gutschrift"),
    "debit": ("debit", "debit amount", "paid out", "money out", "withdrawal", "soll", "lastschrift"),
    "currency": ("currency", "waehrung", "währung", "devise", "divisa", "munt", "ccy"),
    "payer": (
        "payer", "counterparty", "counterparty name", "name", "debtor", "from", "sender",
        "beguenstigter/zahlungspflichtiger", "begünstigter/zahlungspflichtiger", "auftraggeber",
        "zahlungspflichtiger", "auftraggeber/empfänger", "name zahlungsbeteiligter", "tiers", "ordenante",
    ),
    "remittance": (
        "remittance", "remittance information", "description", "payment reference", "details", "purpose",
        "memo", "verwendungszweck", "libelle", "libellé", "concepto", "causale", "omschrijving", "narrative",
        "buchungstext",
    ),
    "reference": (
        "bank reference", "transaction id", "transaction reference", "reference", "id", "fitid",
        "bankreferenz", "umsatz id", "referenz", "reference number",
    ),
    "end_to_end_id": (
        "end to end id", "end to end reference", "kundenreferenz", "kundenreferenz (end-to-end)", "eref",
    ),
    "account": ("account", "iban", "own iban", "auftragskonto", "iban auftragskonto", "kontonummer"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CsvTerms:
    """How a bank writes: names of columns by field, decimal mark, order of dates, and a default currency."""

    columns: Mapping[str, str]
    currency: str
    decimal_mark: DecimalMark = "auto"
    date_order: DateOrder = "auto"


def read_csv(content: bytes, terms: CsvTerms, digits_of: Callable[[str], int]) -> Statement:
    """Read a statement; raises StatementError with the lines that are broken, by number.

    ``digits_of`` gives the decimals of a currency, ValueError for none. Where the bank gives no reference of
    its own, one is made from what the line says and how often the file has said it on that date.
    """
    if len(content) > STATEMENT_BYTES_MAX:
        raise StatementError([f"it has more than {STATEMENT_BYTES_MAX:,} bytes"])
    reading = _Reading(terms, digits_of)
    rows = csv.reader(
        io.StringIO(_decode(content), newline=""), delimiter=_find_delimiter(content), strict=True
    )
    try:
        for fields in rows:
            if any(field.strip() for field in fields):
                reading.take(fields, rows.line_num)
    except csv.Error as error:
        reading.mistakes.append(f"line {rows.line_num}: {error}")
    if not reading.columns:
        raise StatementError(
            ["no line of it is a header with a date and an amount; name them with bank_csv_columns"]
        )
    if len(reading.accounts) > 1:
        reading.mistakes.append("it is about several accounts")
    if reading.mistakes:
        raise StatementError(reading.mistakes)
    return Statement(next(iter(reading.accounts), ""), tuple(reading.found))


class _Reading:
    """What was found so far, and what was wrong with it."""

    def __init__(self, terms: CsvTerms, digits_of: Callable[[str], int]) -> None:
        self._terms = terms
        self._digits_of = digits_of
        self._seen: Counter[tuple[str, ...]] = Counter()
        self.columns: dict[str, int] = {}
        self.accounts: set[str] = set()
        self.found: list[StatementLine] = []
        self.mistakes: list[str] = []

    def take(self, fields: list[str], number: int) -> None:
        """Read one line that is not empty: the header, or a movement."""
        if not self.columns:
            if number <= HEADER_LINES_MAX:
                self.columns = _find_columns(fields, self._terms)
            return
        if len(self.found) >= STATEMENT_LINES_MAX:
            raise StatementError([f"it has more than {STATEMENT_LINES_MAX:,} lines"])
        values = {name: fields[at] if at < len(fields) else "" for name, at in self.columns.items()}
        try:
            self.found.append(_Row(values, self._terms).read(number, self._seen, self._digits_of))
        except (ValueError, InvalidInputError) as error:
            self.mistakes.append(f"line {number}: {str(error).rstrip('.')}")
        self.accounts.add(values.get("account", "").replace(" ", ""))


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the file, by field."""

    values: Mapping[str, str]
    terms: CsvTerms

    def read(
        self, position: int, seen: Counter[tuple[str, ...]], digits_of: Callable[[str], int]
    ) -> StatementLine:
        currency = self._text("currency").upper() or self.terms.currency
        digits = digits_of(currency)
        booked_on = parse_date(self.values["date"], order=self.terms.date_order)
        amount_minor = self._amount(digits)
        if not amount_minor:
            raise ValueError("it has no amount")
        payer, remittance = self._text("payer"), self._text("remittance")
        end_to_end_id = self._text("end_to_end_id")[:REFERENCE_CHARS_MAX]
        if end_to_end_id in NONE_GIVEN:
            end_to_end_id = ""
        reference = self._text("reference")
        if len(reference) > REFERENCE_CHARS_MAX:
            raise ValueError(f"its reference has more than {REFERENCE_CHARS_MAX} characters")
        if not reference:
            said = (str(booked_on), str(amount_minor), currency, payer, remittance, end_to_end_id)
            seen[said] += 1
            # Of two equal payments on one date the file says which is the second by its order.
            digest = sha256("\x1f".join((*said, str(seen[said]))).encode()).hexdigest()
            reference = f"line:{digest[:DIGEST_CHARS]}"
        else:
            seen[reference,] += 1
            if seen[reference,] > 1:
                raise ValueError(f"the bank's reference {reference!r} was in a line before")
        return StatementLine(
            position=position,
            bank_reference=reference,
            booked_on=booked_on,
            amount_minor=amount_minor,
            currency=currency,
            payer=payer,
            remittance=remittance,
            end_to_end_id=end_to_end_id,
        )

    def _amount(self, digits: int) -> int:
        mark = self.terms.decimal_mark
        if "amount" in self.values:
            return parse_minor(self.values["amount"], digits=digits, mark=mark)
        came, went = (
            parse_minor(self.values.get(name) or "0", digits=digits, mark=mark)
            for name in ("credit", "debit")
        )
        if came and went:
            raise ValueError("it has both a credit and a debit")
        return came - abs(went)

    def _text(self, name: str) -> str:
        return " ".join(self.values.get(name, "").split())[:TEXT_CHARS_MAX]


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What spreadsheets of Western banks write; every byte means something in Latin-1.
        return content.decode("latin-1")


def _find_delimiter(content: bytes) -> str:
    """The delimiter that the first lines have most of."""
    head = _decode(content).splitlines()[:HEADER_LINES_MAX]
    return max(_DELIMITERS, key=lambda mark: max((line.count(mark) for line in head), default=0))


def _find_columns(fields: list[str], terms: CsvTerms) -> dict[str, int]:
    """Where each field is, if this line is a header; nothing if it is none."""
    given = [_plain(field) for field in fields]
    columns = {}
    for name, known in NAMES.items():
        chosen = terms.columns.get(name)
        for wanted in (chosen,) if chosen else known:
            if _plain(wanted) in given:
                columns[name] = given.index(_plain(wanted))
                break
    has_amount = "amount" in columns or "credit" in columns
    return columns if "date" in columns and has_amount and len(fields) >= _FIELDS_MIN else {}


def _plain(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())
