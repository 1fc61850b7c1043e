"""Words of switching: what is asked for, and what stood at the instant of a switch."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from jeton.identity.audit import Actor
from jeton.money import render_usd

OrganizationKind = Literal["prepaid", "invoiced"]


@dataclass(frozen=True, slots=True)
class SwitchAsk:
    """Who switches, when and why, under which idempotency key ("" for none).

    ``item_id``: the request to sales that it answers, which is then done.
    """

    by: Actor
    at: datetime
    reason: str
    idempotency_key: str = ""
    item_id: str = ""


@dataclass(frozen=True, slots=True)
class Switch:
    """One switch as it is on record: what stood at its instant, in nano, and the last documents if any.

    ``lots_nano`` stays with the organization and burns first; ``accrued_nano`` was used or held on credit
    and not invoiced.
    """

    switch_id: str
    organization_id: UUID
    to_kind: OrganizationKind
    switched_at: datetime
    switched_by: str
    reason: str
    limit_nano: int
    net_days: int | None
    lots_nano: int
    held_nano: int
    accrued_nano: int
    item_id: str | None
    document_ids: tuple[str, ...] | None
    documented_at: datetime | None


def render_switch(switch: Switch) -> dict[str, object]:
    """A switch as pages and the API give it, exact dollars."""
    return {
        "type": "switch",
        "id": switch.switch_id,
        "to_kind": switch.to_kind,
        "switched_at": switch.switched_at.isoformat(),
        "switched_by": switch.switched_by,
        "reason": switch.reason,
        "credit_limit": render_usd(switch.limit_nano),
        "net_days": switch.net_days,
        "in_lots": render_usd(switch.lots_nano),
        "held": render_usd(switch.held_nano),
        "accrued": render_usd(switch.accrued_nano),
        "inbox_item_id": switch.item_id,
        "document_ids": None if switch.document_ids is None else list(switch.document_ids),
        "documented_at": None if switch.documented_at is None else switch.documented_at.isoformat(),
    }
