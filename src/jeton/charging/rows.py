"""Rows: how charges are stored."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from jeton.charging.members import EndHold, TakeHold
from jeton.charging.words import Charge
from jeton.ledger.book import HoldRow
from jeton.ledger.lots import Draw
from jeton.metering.events import BUCKET_SUMS, Rollup, add_usage
from jeton.pricing.rating import Rating
from jeton.usage import Usage


class ChargeLine(msgspec.Struct, frozen=True):
    """One bucket of a stored charge; amounts in nano."""

    bucket: str
    quantity: int
    list_nano: int
    net_nano: int


class ChargeRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A charge as it is stored; ``draws`` are the lots that paid, in burn order."""

    request_id: str
    organization_id: UUID
    workspace_id: str
    key_id: str
    model: str
    upstream: str
    state: str
    rule_id: str
    price_version_id: str
    is_rehearsal: bool
    held_nano: int
    list_nano: int
    net_nano: int
    overrun_nano: int
    lines: list[ChargeLine]
    draws: list[tuple[str, int]]
    hold_transaction_id: str
    transaction_id: str
    held_at: datetime
    ended_at: datetime
    terms_id: str | msgspec.UnsetType | None = msgspec.UNSET
    end_user: str = ""
    tag: str = ""


class LateRow(msgspec.Struct, frozen=True):
    """What becomes known of a charge that was unconfirmed."""

    request_id: str
    rule_id: str
    list_nano: int
    net_nano: int
    lines: list[ChargeLine]
    draws: list[tuple[str, int]]
    transaction_id: str
    ended_at: datetime


def hold_row(member: TakeHold, draws: Sequence[Draw], transaction_id: str) -> HoldRow:
    """What is stored of a hold while it is open."""
    ask = member.ask
    return HoldRow(
        request_id=ask.request_id,
        organization_id=ask.organization_id,
        workspace_id=ask.workspace_id,
        key_id=ask.key_id,
        node_id=member.node_id,
        model=ask.model,
        upstream=ask.upstream,
        price_version_id=ask.price_version.price_version_id,
        is_rehearsal=ask.is_rehearsal,
        amount_nano=ask.amount_nano,
        draws=[(drawn.lot_id, drawn.amount_nano) for drawn in draws],
        transaction_id=transaction_id,
        taken_at=member.taken_at,
        valid_until=member.valid_until,
        terms_id=ask.terms_id,
        end_user=ask.labels.end_user,
        tag=ask.labels.tag,
    )


def charge_row(
    row: HoldRow,
    charge: Charge,
    *,
    member: EndHold,
    draws: tuple[Draw, ...],
    overrun_nano: int,
    at: datetime,
) -> ChargeRow:
    """What is stored of the end of a hold."""
    return ChargeRow(
        request_id=row.request_id,
        organization_id=row.organization_id,
        workspace_id=row.workspace_id,
        key_id=row.key_id,
        model=row.model,
        upstream=member.attempts[-1].upstream if member.attempts else row.upstream,
        state=charge.state,
        rule_id=charge.rule,
        price_version_id=row.price_version_id,
        is_rehearsal=row.is_rehearsal,
        held_nano=row.amount_nano,
        list_nano=charge.list_nano,
        net_nano=charge.net_nano,
        overrun_nano=overrun_nano,
        lines=charge_lines(member.rating) if member.rating else [],
        draws=[(drawn.lot_id, drawn.amount_nano) for drawn in draws],
        hold_transaction_id=row.transaction_id,
        transaction_id=charge.transaction_id,
        held_at=row.taken_at,
        ended_at=at,
        terms_id=row.terms_id,
        end_user=row.end_user,
        tag=row.tag,
    )


def late_row(
    member: EndHold, rating: Rating, *, draws: tuple[Draw, ...], transaction_id: str, at: datetime
) -> LateRow:
    """What is stored of a charge that became known late."""
    return LateRow(
        request_id=member.request_id,
        rule_id=member.rule,
        list_nano=rating.list_nano,
        net_nano=rating.net_nano,
        lines=charge_lines(rating),
        draws=[(drawn.lot_id, drawn.amount_nano) for drawn in draws],
        transaction_id=transaction_id,
        ended_at=at,
    )


def add_charge(rollup: Rollup, usage: Usage, rating: Rating, *, paid: tuple[int, int]) -> None:
    """Add one request to sums of its quarter of an hour; ``paid`` (nano) by lots, of that by free ones."""
    add_usage(rollup, usage)
    from_lots_nano, free_nano = paid
    rollup.free_credit_nano += free_nano
    rollup.on_credit_nano += rating.net_nano - from_lots_nano
    rollup.list_nano += rating.list_nano
    rollup.saved_batch_nano += rating.saved["batch"]
    rollup.saved_cache_nano += rating.saved["cache"]
    rollup.saved_tier_nano += rating.saved["tier"]
    rollup.saved_negotiated_nano += rating.saved["negotiated"]
    rollup.saved_promotion_nano += rating.saved["promotion"]
    rollup.net_nano += rating.net_nano
    for line in rating.lines:
        name = BUCKET_SUMS[line.bucket]
        setattr(rollup, name, getattr(rollup, name) + line.net_nano)


def charge_lines(rating: Rating) -> list[ChargeLine]:
    """The lines of a rating as they are stored."""
    return [ChargeLine(line.bucket, line.quantity, line.list_nano, line.net_nano) for line in rating.lines]
