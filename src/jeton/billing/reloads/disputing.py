"""Disputing: a payment that the bank took back switches auto-reload off, until a person switches it on again.

Who denies a payment must not be charged again by itself; another card brings nothing back here.
"""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from jeton.billing.payments.words import Dispute
from jeton.billing.reloads.opening import tell_off
from jeton.billing.reloads.rules import find_rule, write_state
from jeton.billing.reloads.standings import read_standing
from jeton.billing.reloads.words import OffReason
from jeton.db.pool import Connection

_STAYS = frozenset({OffReason.SWITCHED_OFF, OffReason.DISPUTED})


async def lock_rule(connection: Connection, organization_id: UUID) -> None:
    """The rule is locked before the books, as everywhere: the hook ``locked_first`` of payments."""
    await find_rule(connection, organization_id, is_locked=True)


async def switch_off_disputed(connection: Connection, dispute: Dispute, at: datetime) -> None:
    """Buy nothing more by itself, and say so by mail: the hook ``disputed`` of payments.

    A rule that somebody switched off stays so. Won or lost, it is a person who switches it on again.
    """
    rule = await find_rule(connection, dispute.organization_id, is_locked=True)
    if dispute.state != "open" or rule is None or rule.off_reason in _STAYS:
        return
    rule = replace(rule, off_reason=OffReason.DISPUTED, off_card="")
    standing = await read_standing(connection, dispute.organization_id, rule, at=at)
    await write_state(connection, dispute.organization_id, rule)
    await tell_off(connection, dispute.organization_id, rule, standing=standing, at=at)
