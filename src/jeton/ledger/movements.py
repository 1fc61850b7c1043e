"""Movements: every way money moves, each a function that returns balanced postings.

A draw without a lot (``NO_LOT``) is on the credit limit of an invoiced organization: it is ``accrued``
from the hold on.
"""

from collections.abc import Callable, Iterable, Sequence

from jeton.ledger.chart import (
    Account,
    LotKind,
    credit_account,
    expiry_account,
    source_account,
    use_account,
)
from jeton.ledger.lots import Draw, Lot, split
from jeton.ledger.transaction import NO_LOT, Posting

KindOf = Callable[[str], LotKind]
LotOf = Callable[[str], Lot]

_SET_ASIDE = frozenset({Account.CREDIT_PAID, Account.CREDIT_FREE, Account.HELD})


def grant(lot: Lot, amount_nano: int) -> tuple[Posting, ...]:
    """Fill a lot: its cost basis is owed or paid, the rest of it is given."""
    paid_nano = lot.cost_basis_nano
    sources = (
        Posting(source_account(lot.kind), NO_LOT, paid_nano),
        Posting(Account.PROMOTION, NO_LOT, amount_nano - paid_nano),
    )
    return (
        *(posting for posting in sources if posting.amount_nano),
        Posting(credit_account(lot.kind), lot.lot_id, -amount_nano),
    )


def hold(draws: Sequence[Draw], kind_of: KindOf) -> tuple[Posting, ...]:
    """Set credit aside before a request, lot by lot."""
    postings = []
    for drawn in draws:
        postings.append(Posting(_credit(drawn, kind_of), drawn.lot_id, drawn.amount_nano))
        postings.append(Posting(Account.HELD, drawn.lot_id, -drawn.amount_nano))
    return tuple(postings)


def settle(held: Sequence[Draw], amount_nano: int, kind_of: KindOf) -> tuple[Posting, ...]:
    """Use ``amount_nano`` (at most what was held) and give the rest back to the same lots."""
    used, returned = split(held, amount_nano)
    return (
        *(Posting(Account.HELD, drawn.lot_id, drawn.amount_nano) for drawn in held),
        *(Posting(_use(drawn, kind_of), drawn.lot_id, -drawn.amount_nano) for drawn in used),
        *(Posting(_credit(drawn, kind_of), drawn.lot_id, -drawn.amount_nano) for drawn in returned),
    )


def overrun(extra: Sequence[Draw], owed_nano: int, kind_of: KindOf) -> tuple[Posting, ...]:
    """Charge what exceeded the hold: from further lots, and what no lot covers is owed."""
    postings = []
    for drawn in extra:
        postings.append(Posting(_credit(drawn, kind_of), drawn.lot_id, drawn.amount_nano))
        postings.append(Posting(_use(drawn, kind_of), drawn.lot_id, -drawn.amount_nano))
    if owed_nano:
        postings.append(Posting(Account.RECEIVABLE, NO_LOT, owed_nano))
        postings.append(Posting(Account.REVENUE, NO_LOT, -owed_nano))
    return tuple(postings)


def release(held: Sequence[Draw], kind_of: KindOf) -> tuple[Posting, ...]:
    """Give the whole hold back to the lots it came from."""
    return settle(held, 0, kind_of)


def credit_note(undone: Sequence[Draw], owed_nano: int, kind_of: KindOf) -> tuple[Posting, ...]:
    """Undo a charge: what was owed is owed no more, then lots get back what they paid, last first."""
    postings = []
    if owed_nano:
        postings.append(Posting(Account.REVENUE, NO_LOT, owed_nano))
        postings.append(Posting(Account.RECEIVABLE, NO_LOT, -owed_nano))
    for drawn in undone:
        postings.append(Posting(_use(drawn, kind_of), drawn.lot_id, drawn.amount_nano))
        postings.append(Posting(_credit(drawn, kind_of), drawn.lot_id, -drawn.amount_nano))
    return tuple(postings)


def expire_lot(lot_id: str, kind: LotKind, left_nano: int) -> tuple[Posting, ...]:
    """Take what is left of a lot whose time is over: breakage if paid for, else no expense."""
    return (
        Posting(credit_account(kind), lot_id, left_nano),
        Posting(expiry_account(kind), lot_id, -left_nano),
    )


def take_back(lot_id: str, kind: LotKind, amount_nano: int) -> tuple[Posting, ...]:
    """Take unused credit out of a lot, to where it came from; a negative amount puts it in again."""
    return (
        Posting(credit_account(kind), lot_id, amount_nano),
        Posting(source_account(kind), lot_id, -amount_nano),
    )


def start_clock(lot_id: str, kind: LotKind) -> tuple[Posting, ...]:
    """No money moves: the entry says, in its lot's history, when the time of the lot began."""
    return (Posting(credit_account(kind), lot_id, 0),)


def apportion(postings: Iterable[Posting], lot_of: LotOf) -> tuple[Posting, ...]:
    """Part what leaves a lot (or comes back) at its cost basis: only what was paid is earned.

    $10 used of a lot of $100 that cost $90 are $9 of revenue and $1 of promotion. The parts of a lot
    sum to its cost basis to the nano, whatever the steps.
    """
    parted: list[Posting] = []
    gone: dict[str, int] = {}
    for posting in postings:
        lot = None if posting.lot_id == NO_LOT or posting.account in _SET_ASIDE else lot_of(posting.lot_id)
        if lot is None or posting.account is Account.PROMOTION or lot.cost_basis_nano == lot.granted_nano:
            parted.append(posting)
            continue
        before_nano = gone.get(lot.lot_id, lot.gone_nano)
        gone[lot.lot_id] = after_nano = before_nano - posting.amount_nano
        paid_nano = lot.paid_part(before_nano) - lot.paid_part(after_nano)
        parts = (
            Posting(posting.account, lot.lot_id, paid_nano),
            Posting(Account.PROMOTION, lot.lot_id, posting.amount_nano - paid_nano),
        )
        parted += [part for part in parts if part.amount_nano]
    return tuple(parted)


def _credit(drawn: Draw, kind_of: KindOf) -> Account:
    """Where what a hold draws comes from, and goes back to."""
    return Account.ACCRUED if drawn.lot_id == NO_LOT else credit_account(kind_of(drawn.lot_id))


def _use(drawn: Draw, kind_of: KindOf) -> Account:
    return Account.REVENUE if drawn.lot_id == NO_LOT else use_account(kind_of(drawn.lot_id))


def top_up(lot: Lot, *, amount_nano: int, tax_nano: int) -> tuple[Posting, ...]:
    """Fill a lot that was paid for, and take its tax: it is the state's from the start.

    $100 of credit at 19 % tax: ``cash +119, tax -19, credit:paid -100``.
    """
    return (*grant(lot, amount_nano), *_move(Account.CASH, Account.TAX, tax_nano))


def refund(lot: Lot, amount_nano: int, *, net_nano: int, tax_nano: int) -> tuple[Posting, ...]:
    """Pay unused credit back with its tax: ``net_nano`` is the money for ``amount_nano`` of credit.

    The lot loses its paid part to the nano; what the money, in whole cents, differs from it is rounding.
    """
    paid_nano = lot.paid_part(lot.gone_nano + amount_nano) - lot.paid_part(lot.gone_nano)
    return (
        *take_back(lot.lot_id, lot.kind, amount_nano),
        *_move(Account.CASH, Account.ROUNDING, paid_nano - net_nano),
        *_move(Account.TAX, Account.CASH, tax_nano),
    )


def unwind_refund(lot: Lot, amount_nano: int, *, net_nano: int, tax_nano: int) -> tuple[Posting, ...]:
    """Put back what ``refund`` took, since the money could not be given: its exact reverse."""
    paid_nano = lot.paid_part(lot.gone_nano) - lot.paid_part(lot.gone_nano - amount_nano)
    return (
        *take_back(lot.lot_id, lot.kind, -amount_nano),
        *_move(Account.ROUNDING, Account.CASH, paid_nano - net_nano),
        *_move(Account.CASH, Account.TAX, tax_nano),
    )


def refund_beyond(owed_nano: int) -> tuple[Posting, ...]:
    """More money was given back than was left of the lot: it is owed, with tax; below zero the reverse."""
    return _move(Account.RECEIVABLE, Account.CASH, owed_nano)


def dispute(lot: Lot, left_nano: int, *, owed_nano: int, tax_nano: int) -> tuple[Posting, ...]:
    """The bank took a payment back: what is left of the lot goes out, what is gone of it is owed.

    ``owed_nano`` is owed with its tax, since it was sold; ``tax_nano`` is that of the part which was not.
    """
    taken = take_back(lot.lot_id, lot.kind, left_nano) if left_nano else ()
    return (
        *taken,
        *_move(Account.RECEIVABLE, Account.CASH, owed_nano),
        *_move(Account.TAX, Account.CASH, tax_nano),
    )


def unwind_dispute(lot: Lot, left_nano: int, *, owed_nano: int, tax_nano: int) -> tuple[Posting, ...]:
    """The dispute was won: the exact reverse, into the same lot."""
    taken = take_back(lot.lot_id, lot.kind, -left_nano) if left_nano else ()
    return (
        *taken,
        *_move(Account.CASH, Account.RECEIVABLE, owed_nano),
        *_move(Account.CASH, Account.TAX, tax_nano),
    )


def _move(to: Account, source: Account, amount_nano: int) -> tuple[Posting, ...]:
    """A debit and a credit that no lot is concerned by; nothing for nothing."""
    if not amount_nano:
        return ()
    return (Posting(to, NO_LOT, amount_nano), Posting(source, NO_LOT, -amount_nano))


def invoice_pay(amount_nano: int) -> tuple[Posting, ...]:
    """Money came in for documents: ``cash +119, receivable -119``; below zero: it went out again."""
    return _move(Account.CASH, Account.RECEIVABLE, amount_nano)


def apply_payment(released_nano: int, cleared_nano: int) -> tuple[Posting, ...]:
    """Credit that was worth ``released_nano`` clears ``cleared_nano`` of a document.

    They are one where both are in dollars. Else cash is corrected to the rate of the document, so that its
    receivable is cleared exactly: what the bank gave for the currency is in the bank's books.
    """
    return (
        Posting(Account.RECEIVABLE, NO_LOT, released_nano),
        Posting(Account.RECEIVABLE, NO_LOT, -cleared_nano),
        *_single(Account.CASH, cleared_nano - released_nano),
    )


def unapply_payment(released_nano: int, cleared_nano: int) -> tuple[Posting, ...]:
    """A payment is taken off a document: the exact reverse of ``apply_payment``."""
    return tuple(
        Posting(posting.account, posting.lot_id, -posting.amount_nano)
        for posting in apply_payment(released_nano, cleared_nano)
    )


def write_off(amount_nano: int, tax_nano: int) -> tuple[Posting, ...]:
    """Give up what is owed: the net amount is a bad debt, its tax is owed to the state no more.

    $119 with $19 of tax: ``receivable -119, tax +19, bad_debt +100``.
    """
    return (
        *_move(Account.BAD_DEBT, Account.RECEIVABLE, amount_nano - tax_nano),
        *_move(Account.TAX, Account.RECEIVABLE, tax_nano),
    )


def _single(account: Account, amount_nano: int) -> tuple[Posting, ...]:
    return (Posting(account, NO_LOT, amount_nano),) if amount_nano else ()


def invoice_issue(
    *,
    accrued_nano: int,
    owed_nano: int,
    earned_nano: int,
    tax_nano: int,
    total_nano: int,
    contained_nano: int = 0,
) -> tuple[Posting, ...]:
    """Ask for a document's total: what was accrued, what is earned with it (a minimum), and tax.

    ``owed_nano`` of it is in receivable already. $12.345678 used at 19 %: ``accrued -12.345678,
    tax -2.35, receivable +14.70`` (12.35 + 2.35), ``rounding -0.004322``. ``contained_nano`` of the tax is
    in what credit paid that is taxed at its use, so it was revenue: ``tax -15.97, revenue +15.97``.
    """
    asked_nano = total_nano - owed_nano
    amounts = (
        (Account.RECEIVABLE, asked_nano),
        (Account.ACCRUED, -accrued_nano),
        (Account.BREAKAGE, -earned_nano),
        (Account.TAX, -tax_nano),
        (Account.REVENUE, contained_nano),
        (Account.ROUNDING, accrued_nano + earned_nano + tax_nano - contained_nano - asked_nano),
    )
    return tuple(Posting(account, NO_LOT, nano) for account, nano in amounts if nano)


def supplement(amount_nano: int) -> tuple[Posting, ...]:
    """Charge more for what was used, after the fact: earned now, and on the next document of usage.

    $100 of usage that should have been $120: ``accrued +20, revenue -20``.
    """
    return _move(Account.ACCRUED, Account.REVENUE, amount_nano)


def reverse(postings: Iterable[Posting]) -> tuple[Posting, ...]:
    """The exact reverse: a document that is cancelled was never issued, as far as balances go."""
    return tuple(Posting(one.account, one.lot_id, -one.amount_nano) for one in postings)


def allow(*, net_nano: int, tax_nano: int, total_nano: int) -> tuple[Posting, ...]:
    """Ask for less than was invoiced, out of goodwill: revenue that is not, with its tax."""
    amounts = (
        (Account.REVENUE, net_nano),
        (Account.TAX, tax_nano),
        (Account.RECEIVABLE, -total_nano),
        (Account.ROUNDING, total_nano - net_nano - tax_nano),
    )
    return tuple(Posting(account, NO_LOT, nano) for account, nano in amounts if nano)
