"""Topping up: a paid lot for the money, its tax beside it, and the bonus that goes with it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from jeton.billing.payments.till import PaymentTerms
from jeton.billing.payments.words import Payment
from jeton.charging.credits.books import Desk, open_desk
from jeton.charging.credits.granting import Grant, grant_lot
from jeton.db.pool import Connection
from jeton.ledger import movements
from jeton.ledger.chart import LotKind
from jeton.ledger.transaction import Movement


@dataclass(frozen=True, slots=True)
class ToppedUp:
    """The lots that were opened, and the transaction of the paid one."""

    lot_id: str
    transaction_id: str
    given_lot_id: str | None


async def top_up(terms: PaymentTerms, connection: Connection, payment: Payment, *, at: datetime) -> ToppedUp:
    """Open a paid lot for a payment, in the transaction that books its success."""
    expires_at = at + timedelta(days=terms.credit_days) if terms.credit_days else None
    async with open_desk(connection, payment.organization_id, at=at) as desk:
        given = Grant(
            LotKind.PAID,
            payment.credit_nano,
            f"{payment.purpose} {payment.payment_id}",
            expires_at,
            cost_basis_nano=payment.net_nano,
        )
        member = grant_lot(payment.organization_id, given, at)
        desk.book.open_lot(member.lot, member.reason)
        transaction_id = desk.batch.book(
            desk.book,
            Movement.TOP_UP,
            movements.top_up(member.lot, amount_nano=payment.credit_nano, tax_nano=payment.tax_nano),
            reason=member.reason,
        )
        given_lot_id = _give_bonus(desk, payment, expires_at) if payment.given_nano else None
    return ToppedUp(member.lot.lot_id, transaction_id, given_lot_id)


def _give_bonus(desk: Desk, payment: Payment, expires_at: datetime | None) -> str:
    given = Grant(LotKind.PROMOTIONAL, payment.given_nano, f"given with {payment.payment_id}", expires_at)
    member = grant_lot(payment.organization_id, given, desk.at)
    desk.book.open_lot(member.lot, member.reason)
    desk.batch.book(
        desk.book, Movement.GRANT, movements.grant(member.lot, payment.given_nano), reason=member.reason
    )
    return member.lot.lot_id
