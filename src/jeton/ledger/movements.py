"""Movements: every way money moves, each a function that returns balanced postings."""

from collections.abc import Callable, Sequence

from jeton.ledger.chart import Account, LotKind, credit_account, expiry_account, is_given, use_account
from jeton.ledger.lots import Draw, split
from jeton.ledger.transaction import NO_LOT, Posting

KindOf = Callable[[str], LotKind]


def grant(lot_id: str, kind: LotKind, amount_nano: int) -> tuple[Posting, ...]:
    """Give credit: a free lot comes out of ``promotion``, a commit is owed (``receivable``)."""
    source = Account.PROMOTION if is_given(kind) else Account.RECEIVABLE
    return (
        Posting(source, NO_LOT, amount_nano),
        Posting(credit_account(kind), lot_id, -amount_nano),
    )


def hold(draws: Sequence[Draw], kind_of: KindOf) -> tuple[Posting, ...]:
    """Set credit aside before a request, lot by lot."""
    postings = []
    for drawn in draws:
        postings.append(Posting(credit_account(kind_of(drawn.lot_id)), drawn.lot_id, drawn.amount_nano))
        postings.append(Posting(Account.HELD, drawn.lot_id, -drawn.amount_nano))
    return tuple(postings)


def settle(held: Sequence[Draw], amount_nano: int, kind_of: KindOf) -> tuple[Posting, ...]:
    """Use ``amount_nano`` (at most what was held) and give the rest back to the same lots."""
    used, returned = split(held, amount_nano)
    return (
        *(Posting(Account.HELD, drawn.lot_id, drawn.amount_nano) for drawn in held),
        *(Posting(use_account(kind_of(drawn.lot_id)), drawn.lot_id, -drawn.amount_nano) for drawn in used),
        *(
            Posting(credit_account(kind_of(drawn.lot_id)), drawn.lot_id, -drawn.amount_nano)
            for drawn in returned
        ),
    )


def overrun(extra: Sequence[Draw], owed_nano: int, kind_of: KindOf) -> tuple[Posting, ...]:
    """Charge what exceeded the hold: from further lots, and what no lot covers is owed."""
    postings = []
    for drawn in extra:
        kind = kind_of(drawn.lot_id)
        postings.append(Posting(credit_account(kind), drawn.lot_id, drawn.amount_nano))
        postings.append(Posting(use_account(kind), drawn.lot_id, -drawn.amount_nano))
    if owed_nano:
        postings.append(Posting(Account.RECEIVABLE, NO_LOT, owed_nano))
        postings.append(Posting(Account.REVENUE, NO_LOT, -owed_nano))
    return tuple(postings)


def release(held: Sequence[Draw], kind_of: KindOf) -> tuple[Posting, ...]:
    """Give the whole hold back to the lots it came from."""
    return settle(held, 0, kind_of)


def expire_lot(lot_id: str, kind: LotKind, left_nano: int) -> tuple[Posting, ...]:
    """Take what is left of a lot whose time is over: breakage if paid for, else no expense."""
    return (
        Posting(credit_account(kind), lot_id, left_nano),
        Posting(expiry_account(kind), lot_id, -left_nano),
    )
