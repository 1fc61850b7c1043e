"""Giving up: what is owed of credit that was used, and will not be paid, is a bad debt less the tax in it.

The tax was declared, at the purchase or at the use; of what is not paid for it is owed no more (Directive
2006/112/EC, art. 90). Of credit that is taxed at its use it is known once receipts have all that it paid.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from jeton.billing.payments.storage import get_payment
from jeton.billing.payments.words import Payment
from jeton.billing.receivables.applying import Act, check_reason
from jeton.billing.receivables.claims.reading import Claim, find_claim, list_contained
from jeton.billing.receivables.claims.sizing import RelievedTax, relieve
from jeton.billing.receivables.errors import WriteOffError
from jeton.charging.credits.books import open_desk
from jeton.charging.credits.requests import CreditRequest
from jeton.db.pool import Connection
from jeton.identity.audit import record_audit
from jeton.ids import new_id
from jeton.ledger import movements
from jeton.ledger.transaction import Movement
from jeton.money import display_usd, render_usd

_INSERT = """
    INSERT INTO claim_write_offs (write_off_id, organization_id, payment_id, amount_nano, tax_nano, taxes,
        reason, transaction_id, written_off_at, written_off_by)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_GET = """
    SELECT write_off_id, organization_id, payment_id, amount_nano, tax_nano, written_off_at
    FROM claim_write_offs WHERE write_off_id = %s
"""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """What of a claim was given up, and the tax in it, in nano."""

    write_off_id: str
    organization_id: UUID
    payment_id: str
    amount_nano: int
    tax_nano: int
    written_off_at: datetime


async def give_up_claim(
    connection: Connection, payment_id: str, act: Act, *, amount_nano: int | None = None, key: str = ""
) -> GivenUp:
    """Give up what is owed of a payment (all of it, or so much), in the caller's transaction.

    The same ``key`` again changes nothing. Raises PaymentNotFoundError, WriteOffError with what hinders,
    ApplicationError for no reason, IdempotencyError.
    """
    check_reason(act.reason)
    async with connection.transaction():
        payment = await get_payment(connection, payment_id, is_locked=True)
        said = {"give_up_claim": payment_id, "amount_nano": amount_nano, "reason": act.reason}
        request = CreditRequest(payment.organization_id, key, said)
        known = await request.find_outcome(connection)
        if known is not None:
            return await _get(connection, known)
        claim = await find_claim(connection, payment_id)
        if claim is None or not (claim.open_nano or claim.is_waiting):
            raise WriteOffError(f"Nothing is owed of {payment_id} that could be given up.")
        given = await _give_up(connection, payment, claim, amount_nano=amount_nano, act=act)
        await request.record_outcome(connection, given.write_off_id)
        await record_audit(
            connection,
            act.by,
            "payment.owed_given_up",
            subject=payment_id,
            organization_id=payment.organization_id,
            details={
                "amount": render_usd(given.amount_nano),
                "tax": render_usd(given.tax_nano),
                "reason": act.reason,
            },
        )
    return given


def render_given_up(given: GivenUp) -> dict[str, object]:
    """What was given up as JSON, exact dollars."""
    return {
        "type": "claim_write_off",
        "id": given.write_off_id,
        "payment_id": given.payment_id,
        "organization_id": str(given.organization_id),
        "amount": render_usd(given.amount_nano),
        "tax": render_usd(given.tax_nano),
        "written_off_at": given.written_off_at.isoformat(),
    }


async def _give_up(
    connection: Connection, payment: Payment, claim: Claim, *, amount_nano: int | None, act: Act
) -> GivenUp:
    nano = claim.open_nano if amount_nano is None else amount_nano
    _check(claim, nano)
    taxes = await _list_relieved(connection, payment, claim, nano)
    tax_nano = sum(one.tax_nano for one in taxes)
    async with open_desk(connection, payment.organization_id, at=act.at) as desk:
        transaction_id = desk.batch.book(
            desk.book,
            Movement.WRITE_OFF,
            movements.write_off(nano, tax_nano),
            reason=f"{payment.payment_id}: {act.reason}",
        )
    write_off_id = new_id("wroff")
    values = (
        write_off_id, payment.organization_id, payment.payment_id, nano, tax_nano,
        Jsonb([asdict(one) for one in taxes]), act.reason, transaction_id, act.at, act.by.name,
    )  # fmt: skip
    await connection.execute(_INSERT, values)
    return GivenUp(write_off_id, payment.organization_id, payment.payment_id, nano, tax_nano, act.at)


def _check(claim: Claim, nano: int) -> None:
    if claim.is_waiting:
        raise WriteOffError(
            f"What is owed of {claim.payment_id} may still change: a dispute is open, a refund under way, or"
            " requests in flight use its credit."
        )
    if not 0 < nano <= claim.open_nano:
        raise WriteOffError(
            f"{display_usd(claim.open_nano)} is owed of {claim.payment_id}, so {display_usd(nano)} cannot be"
            " given up."
        )


async def _list_relieved(
    connection: Connection, payment: Payment, claim: Claim, nano: int
) -> list[RelievedTax]:
    contained = await list_contained(connection, payment)
    whole_nano = sum(one.paid_nano for one in contained)
    if whole_nano < claim.owed_nano:
        raise WriteOffError(
            f"Of {payment.payment_id} {display_usd(claim.owed_nano)} is owed for what was used, and receipts"
            f" have {display_usd(whole_nano)} of it: the tax in the rest is known once its period is closed."
        )
    return [
        relieve(one, whole_nano=whole_nano, before_nano=claim.given_up_nano, amount_nano=nano)
        for one in contained
    ]


async def _get(connection: Connection, write_off_id: str) -> GivenUp:
    row = await (await connection.execute(_GET, (write_off_id,))).fetchone()
    if row is None:
        raise WriteOffError(f"There is no write-off {write_off_id}.")
    return GivenUp(*row)
