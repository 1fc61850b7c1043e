"""Chart: the accounts of the ledger, and which of them stand behind a lot of each kind.

Postings are signed: positive is a debit, negative a credit. What the house owes an organization
(credit, held) is therefore negative, what the organization owes the house (receivable) positive.
House accounts are kept per organization and summed for the house.
"""

from enum import StrEnum


class Account(StrEnum):
    """A ledger account; the value is the stored code, chosen as if for ever."""

    # Enum hashes by name, in Python; balances are looked up by account for every posting.
    __hash__ = str.__hash__

    CREDIT_PAID = "credit:paid"
    CREDIT_FREE = "credit:free"
    HELD = "held"
    RECEIVABLE = "receivable"
    ACCRUED = "accrued"
    CASH = "cash"
    REVENUE = "revenue"
    PROMOTION = "promotion"
    BREAKAGE = "breakage"
    TAX = "tax"
    ROUNDING = "rounding"
    REFUNDS = "refunds"
    UPSTREAM_COST = "upstream_cost"
    BAD_DEBT = "bad_debt"


class LotKind(StrEnum):
    """Where the credit of a lot came from."""

    FREE = "free"
    PROMOTIONAL = "promotional"
    COMMIT = "commit"
    PAID = "paid"


def is_given(kind: LotKind) -> bool:
    """Whether nobody paid for the lot: it is no liability and its use is no revenue."""
    return kind is LotKind.FREE or kind is LotKind.PROMOTIONAL


def credit_account(kind: LotKind) -> Account:
    """The account that holds what is left of a lot."""
    return Account.CREDIT_FREE if is_given(kind) else Account.CREDIT_PAID


def use_account(kind: LotKind) -> Account:
    """The account that credit of this kind moves to when it is used.

    Given credit goes back to ``promotion``, where its grant came from, so that free credit
    makes no revenue; paid credit becomes ``revenue``.
    """
    return Account.PROMOTION if is_given(kind) else Account.REVENUE


def source_account(kind: LotKind) -> Account:
    """The account that stands against a lot when it is granted, or taken back.

    Given credit comes out of ``promotion``, a commit is owed (``receivable``), a purchase was paid
    for (``cash``).
    """
    if is_given(kind):
        return Account.PROMOTION
    return Account.RECEIVABLE if kind is LotKind.COMMIT else Account.CASH


def expiry_account(kind: LotKind) -> Account:
    """The account that credit of this kind moves to when it expires unused."""
    return Account.PROMOTION if is_given(kind) else Account.BREAKAGE
