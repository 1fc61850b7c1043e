"""Comparing a real book with the model; each difference is a sentence, None where there is none."""

from collections.abc import Iterator
from fractions import Fraction

from tests.chaos.lives.model import Model

from jeton.ledger.book import Book
from jeton.ledger.chart import Account

_NEVER_USED = (Account.TAX, Account.ROUNDING, Account.REFUNDS, Account.UPSTREAM_COST, Account.BAD_DEBT)
_PAID_FOR = (Account.REVENUE, Account.BREAKAGE, Account.CASH, Account.RECEIVABLE)


def compare_hold(book: Book, model: Model, request_id: str) -> str | None:
    """What is held of which lots, in order."""
    row = book.find_hold(request_id)
    draws = None if row is None else row.draws
    wanted = model.holds[request_id]
    return None if draws == wanted else f"{request_id} holds {draws} and not {wanted}"


def compare(book: Book, model: Model) -> str | None:
    """Every open lot, what is left and held in all, and that the balances sum to nothing."""
    left = held = 0
    for lot in book.lots:
        other = model.lots[lot.lot_id]
        real = (lot.left_nano, lot.held_nano, lot.used_nano, lot.expired_nano, lot.refunded_nano)
        if real != (other.left, other.held, other.used, other.expired, other.refunded):
            return f"{lot.lot_id} is {real} and not {other}"
        if not sum(real) == lot.granted_nano == other.granted or min(real) < 0:
            return f"{lot.lot_id} was {lot.granted_nano} and is {real}"
        if not lot.revoked_at and lot.expires_at != other.ends:
            return f"{lot.lot_id} ends {lot.expires_at} and not {other.ends}"
        left += lot.left_nano
        held += lot.held_nano
    balances = book.balances
    if balances[Account.CREDIT_FREE] + balances[Account.CREDIT_PAID] != -left:
        return f"the lots have {left} left and the accounts another amount"
    if balances[Account.HELD] != -held - model.credit_held:
        return f"{held + model.credit_held} is held and {-balances[Account.HELD]} is in its account"
    return None if sum(balances.values()) == 0 else "the balances do not sum to zero"


def compare_all(book: Book, model: Model) -> str | None:
    """Every lot there ever was, every account and every open hold, from the model alone."""
    known = {lot.lot_id for lot in book.lots}
    lost = {lot.lot_id for lot in model.lots.values() if lot.left or lot.held} - known
    if lost:
        return f"{lost} are open and not in the book"
    for account, nano in _find_accounts(model):
        if book.balances[account] != nano:
            return f"{account} is {book.balances[account]} and not {nano}"
    if sum(book.balances[one] for one in _PAID_FOR) != _paid_for(model):
        return "what was paid for and what was earned of it differ"
    for request_id in model.holds:
        difference = compare_hold(book, model, request_id)
        if difference:
            return difference
    held = sum(nano for draws in model.holds.values() for _, nano in draws)
    is_held = held == sum(lot.held for lot in model.lots.values()) + model.credit_held
    return None if is_held else "the model contradicts itself"


def _find_accounts(model: Model) -> Iterator[tuple[Account, int]]:
    lots = model.lots.values()
    funded = [lot for lot in lots if not lot.is_given]
    given = sum(lot.left + lot.held for lot in lots if lot.is_given)
    discounts = sum(
        lot.granted - lot.basis - lot.gone + _earned(lot.gone, lot.basis, lot.granted) for lot in funded
    )
    yield Account.PROMOTION, given + discounts
    yield Account.ACCRUED, model.credit_held + model.credit_used
    for account in _NEVER_USED:
        yield account, 0
    if all(lot.basis == lot.granted for lot in funded):
        yield Account.REVENUE, -sum(lot.used for lot in funded) - model.credit_used - model.owed
        yield Account.BREAKAGE, -sum(lot.expired for lot in funded)
        yield Account.CASH, sum(lot.granted - lot.refunded for lot in funded if lot.kind == "paid")


def _paid_for(model: Model) -> int:
    """What was paid for and is not earned, less what was earned on credit."""
    funded = [lot for lot in model.lots.values() if not lot.is_given]
    return sum(lot.basis - _earned(lot.gone, lot.basis, lot.granted) for lot in funded) - model.credit_used


def _earned(gone: int, basis: int, granted: int) -> int:
    """The paid part of what is gone of a lot; Python rounds a fraction half to even."""
    return round(Fraction(gone * basis, granted))
