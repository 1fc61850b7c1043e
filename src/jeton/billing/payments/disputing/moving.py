"""Moving: what a dispute does to the lots of a locked book."""

from collections.abc import Sequence
from dataclasses import replace

from jeton.billing.payments.disputing.sizing import Bite, settle_pending
from jeton.billing.payments.words import Dispute, Payment
from jeton.charging.credits.books import Desk
from jeton.ledger import movements
from jeton.ledger.lots import Lot
from jeton.ledger.transaction import Movement


def book_bite(desk: Desk, lot: Lot, bite: Bite, *, reason: str) -> None:
    """Take out what is left and owe what is gone."""
    postings = movements.dispute(lot, bite.left_nano, owed_nano=bite.owed_nano, tax_nano=bite.tax_nano)
    if postings:
        desk.batch.book(desk.book, Movement.DISPUTE, postings, reason=reason)


def freeze_bonus(desk: Desk, lots: Sequence[Lot], reason: str) -> int:
    """What was given with the purchase goes as well; return how much that was."""
    taken_nano = 0
    for lot in lots:
        if lot.revoked_at is None:
            taken_nano += lot.left_nano
            if lot.left_nano:
                back = movements.take_back(lot.lot_id, lot.kind, lot.left_nano)
                desk.batch.book(desk.book, Movement.ADJUST, back, reason=reason)
            desk.book.revoke(lot, desk.at)
    return taken_nano


def give_again(desk: Desk, lot_ids: Sequence[str], dispute: Dispute) -> None:
    """The dispute was won: the exact reverse, and what came back to the frozen lot meanwhile with it.

    A lot's time stood still while it was frozen.
    """
    reason = f"dispute {dispute.dispute_id} won"
    lots = [desk.book.get_lot(one) for one in lot_ids]
    lot, bonuses = lots[0], lots[1:]
    left_nano = dispute.left_nano + _returned(lot, dispute)
    postings = movements.unwind_dispute(
        lot, left_nano, owed_nano=dispute.owed_nano, tax_nano=dispute.tax_nano
    )
    if postings:
        desk.batch.book(desk.book, Movement.DISPUTE, postings, reason=reason)
    for bonus in bonuses if dispute.is_freezing else ():
        if dispute.given_nano:
            back = movements.take_back(bonus.lot_id, bonus.kind, -dispute.given_nano)
            desk.batch.book(desk.book, Movement.ADJUST, back, reason=reason)
        desk.book.reinstate(bonus, desk.at)
    if dispute.is_freezing:
        desk.book.reinstate(lot, desk.at)
    desk.batch.end_lots(desk.book, lots, is_return=True)


def settle_held(desk: Desk, payment: Payment, dispute: Dispute) -> Dispute:
    """What waited for requests in flight, once none holds anything: owed where used, gone where not.

    And what a reversal gave back: it went out as money, which the bank has already, so it is owed no more.
    """
    if payment.lot_id is None:
        return dispute
    lot = desk.book.get_lot(payment.lot_id)
    returned_nano = _returned(lot, dispute)
    if lot.held_nano or not (dispute.pending_nano or returned_nano):
        return dispute
    tax_nano, owed_nano = settle_pending(
        payment, pending_nano=dispute.pending_nano, returned_nano=returned_nano
    )
    # What came back was taken out when it did; its tax, and what was used, follow.
    postings = movements.dispute(lot, 0, owed_nano=owed_nano, tax_nano=tax_nano)
    if postings:
        reason = f"dispute {dispute.dispute_id}: what was in flight, or was reversed"
        desk.batch.book(desk.book, Movement.DISPUTE, postings, reason=reason)
    return replace(
        dispute,
        left_nano=dispute.left_nano + returned_nano,
        owed_nano=dispute.owed_nano + owed_nano,
        tax_nano=dispute.tax_nano + tax_nano,
        pending_nano=0,
    )


def _returned(lot: Lot, dispute: Dispute) -> int:
    """What came back to the lot since it was frozen, and was taken out at once."""
    if not dispute.is_freezing:
        return 0
    return lot.refunded_nano - dispute.refunded_before_nano - dispute.left_nano
