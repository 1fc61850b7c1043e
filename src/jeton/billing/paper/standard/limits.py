"""Limits: what EN 16931 cannot say of a document, which then has no XML rather than a wrong one."""

from jeton.billing.currencies import minor_digits
from jeton.billing.words import Document

# "The allowed maximum number of decimals" of every amount (BR-DEC-01 to BR-DEC-28), whatever the currency.
AMOUNT_DIGITS = 2
_COUNTRY_LETTERS = 2


def find_obstacle(document: Document, *, is_head: bool = False) -> str | None:
    """Why a document cannot be said in EN 16931, as a sentence; None where it can.

    ``is_head``: it was read without its lines, as lists are; its taxes and totals say what they would.
    """
    checks = (
        (not document.number, "a draft has no number yet."),
        (not document.sold_lines and not is_head, "it has no lines (BR-16)."),
        (not _is_within_decimals(document), _decimals_sentence(document.currency)),
        (
            _is_mixed(document),
            "what is outside the scope of VAT cannot stand beside what is taxed (BR-O-11).",
        ),
        *_party_checks(document),
    )
    return next((sentence for is_true, sentence in checks if is_true), None)


def _party_checks(document: Document) -> tuple[tuple[bool, str], ...]:
    seller, buyer = document.seller, document.buyer
    categories = {tax.category for tax in document.taxes}
    return (
        (not seller.name or not buyer.name, "the seller or the buyer has no name (BR-06, BR-07)."),
        (
            len(seller.country) != _COUNTRY_LETTERS or len(buyer.country) != _COUNTRY_LETTERS,
            "the seller or the buyer has no country (BR-09, BR-11).",
        ),
        (
            bool(categories & {"S", "Z", "E", "AE"}) and not seller.vat_number,
            "the seller has no VAT number (BR-S-02).",
        ),
        (
            "AE" in categories and not (buyer.vat_number or buyer.registration),
            "reverse charge needs a VAT number of the buyer (BR-AE-02).",
        ),
        (
            not (seller.vat_number or seller.registration),
            "the seller has neither a VAT number nor a registration (BR-CO-26).",
        ),
    )


def _decimals_sentence(currency: str) -> str:
    return (
        f"amounts there have two decimals at most, and amounts in {currency} have {minor_digits(currency)}"
        " (BR-DEC)."
    )


def _is_within_decimals(document: Document) -> bool:
    """Whether two decimals are enough, as they also are for dinars where every amount is whole 10 fils."""
    excess = minor_digits(document.currency) - AMOUNT_DIGITS
    if excess <= 0:
        return True
    step = 10**excess
    amounts = [document.lines_minor, document.tax_minor, document.total_minor, document.paid_minor]
    for line in document.lines:
        amounts += [line.net_minor, *(discount.amount_minor for discount in line.discounts)]
    for tax in document.taxes:
        amounts += [tax.taxable_minor, tax.tax_minor]
    return all(amount % step == 0 for amount in amounts)


def _is_mixed(document: Document) -> bool:
    categories = {tax.category for tax in document.taxes} | {line.tax_category for line in document.lines}
    return "O" in categories and len(categories) > 1
