"""Switching: from paying ahead (standard) to being invoiced (enterprise), and back, at an instant.

To invoiced: lots stay and burn first, what exceeds them is drawn on the credit limit; auto-reload goes off;
budgets and open holds stay as they are, each hold settles out of what it was drawn on. The billing profile
has to be complete, since the next period ends in an invoice.

To prepaid: from the instant on nothing new is drawn on credit, out of no lease either. What was used on
credit before is billed: all of it has to be invoiced already, or the last document is issued right after.
Requests that run at the instant settle on the credit they hold; the next document has them as late usage.
"""

from uuid import UUID

from jeton.billing.invoicing.profiles import ProfileChange, change_profile, get_profile
from jeton.billing.invoicing.words import Profile
from jeton.billing.reloads.rules import find_rule, switch_off
from jeton.billing.switching.errors import AccruedLeftError, ProfileIncompleteError, SwitchRequestError
from jeton.billing.switching.storage import get_switch, insert_switch, write_documents
from jeton.billing.switching.words import OrganizationKind, Switch, SwitchAsk
from jeton.charging.credits.books import open_desk
from jeton.charging.credits.limits import set_credit_limit, set_outage_cap
from jeton.charging.credits.requests import CreditRequest
from jeton.charging.leasing.leases import CHANNEL
from jeton.db.pool import Connection
from jeton.identity.audit import record_audit
from jeton.ids import new_id
from jeton.ledger.book import Book
from jeton.ledger.chart import Account
from jeton.money import render_usd
from jeton.notifications.inbox.items import close_item

REASON_CHARS_MAX = 500
NET_DAYS_MAX = 365
# Without these no invoice could be addressed.
NEEDED = ("street", "city", "country", "emails")

_KIND = "SELECT kind, outage_cap_nano FROM organizations WHERE organization_id = %s FOR NO KEY UPDATE"
_RECALL = "SELECT pg_notify(%s, %s)"


async def switch_to_invoiced(
    connection: Connection,
    organization_id: UUID,
    ask: SwitchAsk,
    *,
    limit_nano: int,
    net_days: int | None = None,
) -> Switch | None:
    """Invoice an organization from ``ask.at`` on, up to a credit limit; in the caller's transaction.

    ``net_days`` None leaves what its profile says. None for one that is invoiced already: then only its
    limit and net days are set. Raises SwitchRequestError, ProfileIncompleteError, NotFoundError,
    IdempotencyError, and what closing the inbox item raises.
    """
    _check(ask, net_days)
    if limit_nano <= 0:
        raise SwitchRequestError("An invoiced organization has a credit limit above $0.")
    asked = {
        "switch": "invoiced",
        "limit": render_usd(limit_nano),
        "net_days": net_days,
        "reason": ask.reason,
    }
    request = CreditRequest(organization_id, ask.idempotency_key, asked)
    async with connection.transaction():
        known = await request.find_outcome(connection)
        if known is not None:
            return await get_switch(connection, known) if known else None
        # In the order in which auto-reload locks: its rule, then the books.
        rule = await find_rule(connection, organization_id, is_locked=True)
        async with open_desk(connection, organization_id) as desk:
            book = desk.book
        profile = await get_profile(connection, organization_id)
        missing = [name for name in NEEDED if not getattr(profile, name)]
        kind = await _lock_kind(connection, organization_id)
        if kind == "prepaid" and missing:
            raise ProfileIncompleteError(missing)
        if book.credit_limit_nano != limit_nano:
            await set_credit_limit(connection, organization_id, limit_nano, by=ask.by)
        await _set_net_days(connection, profile, net_days, ask)
        if kind == "invoiced":
            await request.record_outcome(connection, "")
            return None
        if rule is not None and rule.is_on:
            await switch_off(connection, organization_id, by=ask.by, at=ask.at)
        days = profile.net_days if net_days is None else net_days
        switch = _describe(book, "invoiced", ask, limit_nano=limit_nano, net_days=days)
        await _record(connection, switch, ask)
        await request.record_outcome(connection, switch.switch_id)
    return switch


async def switch_to_prepaid(
    connection: Connection, organization_id: UUID, ask: SwitchAsk, *, may_issue_last: bool
) -> Switch | None:
    """Serve an organization from its lots alone from ``ask.at`` on; in the caller's transaction.

    With ``may_issue_last`` what is accrued is billed by ``issue_pending`` right after; without it there must
    be none: AccruedLeftError. None for one that pays ahead already. Raises as ``switch_to_invoiced``.
    """
    _check(ask, None)
    asked = {"switch": "prepaid", "may_issue_last": may_issue_last, "reason": ask.reason}
    request = CreditRequest(organization_id, ask.idempotency_key, asked)
    async with connection.transaction():
        known = await request.find_outcome(connection)
        if known is not None:
            return await get_switch(connection, known) if known else None
        async with open_desk(connection, organization_id) as desk:
            book = desk.book
        kind = await _lock_kind(connection, organization_id)
        if kind == "prepaid":
            await request.record_outcome(connection, "")
            return None
        accrued_nano = book.balances[Account.ACCRUED]
        if accrued_nano and not may_issue_last:
            raise AccruedLeftError(accrued_nano)
        await set_outage_cap(connection, organization_id, 0, by=ask.by)
        await set_credit_limit(connection, organization_id, 0, by=ask.by)
        # Leases that hold credit are of no use from here on; who has one gives it back now.
        await connection.execute(_RECALL, (CHANNEL, str(organization_id)))
        switch = _describe(book, "prepaid", ask, limit_nano=0, net_days=None)
        await _record(connection, switch, ask)
        if not accrued_nano:
            await write_documents(connection, switch.switch_id, (), ask.at)
        await request.record_outcome(connection, switch.switch_id)
        return await get_switch(connection, switch.switch_id)


def _check(ask: SwitchAsk, net_days: int | None) -> None:
    if not 0 < len(ask.reason) <= REASON_CHARS_MAX or not ask.reason.isprintable():
        raise SwitchRequestError(f"Say why, in 1 to {REASON_CHARS_MAX} printable characters.")
    if net_days is not None and not 0 <= net_days <= NET_DAYS_MAX:
        raise SwitchRequestError(f"An invoice is due after 0 to {NET_DAYS_MAX} days, not {net_days}.")


async def _lock_kind(connection: Connection, organization_id: UUID) -> OrganizationKind:
    """How the organization pays; nobody else switches it until the caller's transaction ends."""
    row = await (await connection.execute(_KIND, (organization_id,))).fetchone()
    assert row is not None  # noqa: S101 - its books were locked
    kind: OrganizationKind = row[0]
    return kind


async def _set_net_days(
    connection: Connection, profile: Profile, net_days: int | None, ask: SwitchAsk
) -> None:
    if net_days is None or net_days == profile.net_days:
        return
    change = ProfileChange(net_days=net_days)
    await change_profile(connection, profile.organization_id, change, by=ask.by, reason=ask.reason, at=ask.at)


def _describe(
    book: Book, to_kind: OrganizationKind, ask: SwitchAsk, *, limit_nano: int, net_days: int | None
) -> Switch:
    """What stands at the instant."""
    return Switch(
        switch_id=new_id("switch"),
        organization_id=book.organization_id,
        to_kind=to_kind,
        switched_at=ask.at,
        switched_by=ask.by.name,
        reason=ask.reason,
        limit_nano=limit_nano,
        net_days=net_days,
        lots_nano=sum(lot.left_nano for lot in book.lots),
        held_nano=-book.balances[Account.HELD],
        accrued_nano=book.balances[Account.ACCRUED],
        item_id=ask.item_id or None,
        document_ids=None,
        documented_at=None,
    )


async def _record(connection: Connection, switch: Switch, ask: SwitchAsk) -> None:
    await insert_switch(connection, switch)
    if ask.item_id:
        await close_item(connection, ask.item_id, reason=f"switched: {switch.switch_id}", by=ask.by)
    await record_audit(
        connection,
        ask.by,
        "organization.switched",
        subject=str(switch.organization_id),
        organization_id=switch.organization_id,
        details={
            "to_kind": switch.to_kind,
            "reason": switch.reason,
            "limit": render_usd(switch.limit_nano),
            "net_days": switch.net_days,
            "accrued": render_usd(switch.accrued_nano),
            "inbox_item_id": switch.item_id,
        },
    )
