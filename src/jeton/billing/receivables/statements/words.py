"""Words of bank statements: one movement on the bank's account, as every format is read into."""

from dataclasses import dataclass
from datetime import date

from jeton.errors import InvalidInputError

# What is read at most: a year of a busy account fits, and a hostile file is refused before it is parsed.
STATEMENT_BYTES_MAX = 20_000_000
STATEMENT_LINES_MAX = 50_000
# A text of the bank is cut here; the longest remittance of SEPA has 140 characters, structured ones more.
TEXT_CHARS_MAX = 1_000
REFERENCE_CHARS_MAX = 200
# What banks write where the payer gave no end-to-end id.
NONE_GIVEN = frozenset({"", "NOTPROVIDED", "NONREF"})
# More mistakes than these are not named.
MISTAKES_NAMED_MAX = 20


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One movement: ``amount_minor`` above zero came in, below zero went out.

    ``bank_reference`` is unique on the account for ever. ``position`` is the line of a CSV file or the
    number of the entry, for people. ``is_return`` says that money which came in was taken back.
    """

    position: int
    bank_reference: str
    booked_on: date
    amount_minor: int
    currency: str
    payer: str = ""
    remittance: str = ""
    end_to_end_id: str = ""
    creditor_reference: str = ""
    is_return: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """A file, read whole: the bank's account ("" where it does not say) and its lines in their order."""

    account: str
    lines: tuple[StatementLine, ...]


class StatementError(InvalidInputError):
    """A statement that cannot be read; nothing of it was applied."""

    code = "invalid_statement"

    def __init__(self, mistakes: list[str]) -> None:
        """Name the first mistakes, each with its line."""
        named = mistakes[:MISTAKES_NAMED_MAX]
        more = len(mistakes) - len(named)
        rest = [f"and {more} more"] if more else []
        super().__init__(
            "The statement cannot be read, and nothing was applied: " + "; ".join(named + rest) + "."
        )
        self.mistakes = tuple(mistakes)
