"""Formats: which one a file is in, by what it begins with."""

from typing import Literal

from jeton.billing.currencies import minor_digits
from jeton.billing.receivables.statements.camt import read_camt
from jeton.billing.receivables.statements.comma_separated import CsvTerms, read_csv
from jeton.billing.receivables.statements.words import Statement

Format = Literal["csv", "camt"]

_MARKS = b"\xef\xbb\xbf \t\r\n"


def find_format(content: bytes) -> Format:
    """XML begins with a ``<``, and no CSV does."""
    return "camt" if content.lstrip(_MARKS).startswith(b"<") else "csv"


def read_statement(content: bytes, terms: CsvTerms) -> Statement:
    """Read a file in either format; StatementError with every line that is broken."""
    if find_format(content) == "camt":
        return read_camt(content, minor_digits)
    return read_csv(content, terms, minor_digits)
