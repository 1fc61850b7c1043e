"""Opening: a rule is asked under its lock, and what it says is written: a reload, or that it is off.

The intent is committed before anybody is asked for money: the reload and its payment in one transaction.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from jeton.billing.payments.buying.quoting import Quote, order_credit, quote_credit
from jeton.billing.payments.opening import open_payment
from jeton.billing.payments.till import Till
from jeton.billing.reloads.deciding import decide, find_month, rearm
from jeton.billing.reloads.rules import find_rule, write_state
from jeton.billing.reloads.standings import read_standing
from jeton.billing.reloads.words import Decision, Nothing, Reload, Rule, Standing, SwitchOff, Terms
from jeton.db.pool import Connection
from jeton.identity.audit import SYSTEM, record_audit
from jeton.ids import new_id
from jeton.money import render_usd
from jeton.notifications.catalogue.reloads import ReloadCeilingReached, ReloadSwitchedOff
from jeton.notifications.events import Event, emit

_INSERT = """
    INSERT INTO reloads (reload_id, organization_id, payment_id, amount_nano, balance_nano, pending_nano,
                         card, opened_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class Opened:
    """What was decided, and the payment that is to be sent now, "" for none."""

    decision: Decision
    payment_id: str = ""


async def open_reload(
    connection: Connection, till: Till, terms: Terms, organization_id: UUID, *, at: datetime
) -> Opened:
    """Ask the rule, and write what it says in the caller's transaction."""
    stored = await find_rule(connection, organization_id, is_locked=True)
    if stored is None:
        return Opened(Nothing("off"))
    standing = await read_standing(connection, organization_id, stored, at=at)
    rule = rearm(stored, standing.card, at)
    decision = decide(rule, standing, terms=terms, at=at)
    payment_id = ""
    match decision:
        case Reload(amount_nano):
            quote = await quote_credit(till, connection, organization_id, credit_nano=amount_nano, at=at)
            payment_id = await _write_intent(connection, quote, standing, at)
        case SwitchOff(reason):
            rule = replace(rule, off_reason=reason, off_card=standing.card)
            await tell_off(connection, organization_id, rule, standing=standing, at=at)
        case Nothing("ceiling"):
            await _tell_ceiling(connection, organization_id, rule, standing, at)
        case _:
            pass
    if rule != stored:
        await write_state(connection, organization_id, rule)
    return Opened(decision, payment_id)


async def _write_intent(connection: Connection, quote: Quote, standing: Standing, at: datetime) -> str:
    reload_id = new_id("reload")
    order = order_credit(
        quote, "reload", reload_id, is_off_session=True, payment_method_id=standing.method_id
    )
    payment = await open_payment(connection, order, at=at)
    await connection.execute(
        _INSERT,
        (
            reload_id,
            quote.organization_id,
            payment.payment_id,
            quote.credit_nano,
            standing.balance_nano,
            standing.pending_nano,
            standing.card,
            at,
        ),
    )
    return payment.payment_id


async def tell_off(
    connection: Connection, organization_id: UUID, rule: Rule, *, standing: Standing, at: datetime
) -> None:
    """Note that a rule went off, and tell its organization why; in the caller's transaction."""
    await record_audit(
        connection,
        SYSTEM,
        "reload.switched_off",
        subject=str(organization_id),
        organization_id=organization_id,
        details={"reason": rule.off_reason.value, "card": standing.card},
    )
    data = ReloadSwitchedOff(
        reason=rule.off_reason.value,
        card=standing.card,
        balance=render_usd(standing.balance_nano),
        threshold=render_usd(rule.threshold_nano),
    )
    key = f"reload_off:{organization_id}:{at.isoformat()}"
    await emit(connection, Event(data, organization_id, key, at))


async def _tell_ceiling(
    connection: Connection, organization_id: UUID, rule: Rule, standing: Standing, at: datetime
) -> None:
    month = find_month(rule.zone, at)
    data = ReloadCeilingReached(
        ceiling=render_usd(rule.ceiling_nano),
        bought=render_usd(standing.bought_nano),
        balance=render_usd(standing.balance_nano),
        until=month.ends_at or at,
        zone=rule.zone,
    )
    key = f"reload_ceiling:{organization_id}:{month.starts_at.isoformat()}:{rule.ceiling_nano}"
    await emit(connection, Event(data, organization_id, key, at))
