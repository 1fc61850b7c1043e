"""Rules: what an organization chose for auto-reload, changed by a person or by what came of it.

Everything that changes a rule, or decides by it, locks it first; so two nodes never decide at once.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import dict_row

from jeton.billing.reloads.errors import NoReloadRuleError, ReloadRuleError
from jeton.billing.reloads.words import (
    AMOUNT_MAX_NANO,
    AMOUNT_MIN_NANO,
    CENT_NANO,
    COOL_DOWN_MAX,
    OffReason,
    Rule,
)
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.ledger.budgets.zones import parse_zone
from jeton.money import render_usd

COOL_DOWN = timedelta(minutes=10)

_FIND = """
    SELECT threshold_nano, target_nano, ceiling_nano, zone, cool_down_s, armed_at, off_reason, off_card
    FROM reload_rules WHERE organization_id = %s
"""
_SAVE = """
    INSERT INTO reload_rules (organization_id, threshold_nano, target_nano, ceiling_nano, zone, cool_down_s,
                              armed_at, off_reason, off_card, saved_at, saved_by)
    VALUES (%(organization_id)s, %(threshold)s, %(target)s, %(ceiling)s, %(zone)s, %(cool_down_s)s,
            %(armed_at)s, %(off_reason)s, %(off_card)s, %(at)s, %(by)s)
    ON CONFLICT (organization_id) DO UPDATE SET
        threshold_nano = excluded.threshold_nano, target_nano = excluded.target_nano,
        ceiling_nano = excluded.ceiling_nano, zone = excluded.zone, cool_down_s = excluded.cool_down_s,
        armed_at = excluded.armed_at, off_reason = excluded.off_reason, off_card = excluded.off_card,
        saved_at = excluded.saved_at, saved_by = excluded.saved_by
"""
_ARM = """
    UPDATE reload_rules SET armed_at = %s, off_reason = %s, off_card = %s WHERE organization_id = %s
"""


@dataclass(frozen=True, slots=True)
class RuleWish:
    """What a person wants: amounts are nano-dollars of credit, the ceiling is for a month of ``zone``."""

    threshold_nano: int
    target_nano: int
    ceiling_nano: int
    zone: str = "UTC"
    cool_down: timedelta = COOL_DOWN


async def find_rule(connection: Connection, organization_id: UUID, *, is_locked: bool = False) -> Rule | None:
    """The rule, if there is one; ``is_locked``: nobody else changes it or decides meanwhile."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_FIND + (" FOR UPDATE" if is_locked else ""), (organization_id,))
        row = await cursor.fetchone()
    if row is None:
        return None
    cool_down = timedelta(seconds=row.pop("cool_down_s"))
    return Rule(**{**row, "off_reason": OffReason(row["off_reason"])}, cool_down=cool_down)


async def save_rule(
    connection: Connection, organization_id: UUID, wish: RuleWish, *, by: Actor, at: datetime
) -> Rule:
    """Switch auto-reload on with these amounts; failures of before count no more. Raises ReloadRuleError.

    A card that was declined for good is not asked again all the same. UnknownZoneError for a zone.
    """
    check_wish(wish)
    async with connection.transaction():
        before = await find_rule(connection, organization_id, is_locked=True)
        rule = Rule(
            wish.threshold_nano, wish.target_nano, wish.ceiling_nano, wish.zone, wish.cool_down, armed_at=at
        )
        await connection.execute(_SAVE, _render(rule, organization_id, by=by, at=at))
        await record_audit(
            connection,
            by,
            "reload.rule_saved",
            subject=str(organization_id),
            organization_id=organization_id,
            details={**_describe(rule), "before": None if before is None else _describe(before)},
        )
    return rule


async def switch_off(connection: Connection, organization_id: UUID, *, by: Actor, at: datetime) -> Rule:
    """Buy nothing by itself any more; a reload that is open still ends. Raises NoReloadRuleError."""
    async with connection.transaction():
        before = await find_rule(connection, organization_id, is_locked=True)
        if before is None:
            raise NoReloadRuleError
        rule = replace(before, off_reason=OffReason.SWITCHED_OFF, off_card="")
        await connection.execute(_SAVE, _render(rule, organization_id, by=by, at=at))
        await record_audit(
            connection,
            by,
            "reload.switched_off",
            subject=str(organization_id),
            organization_id=organization_id,
            details=_describe(before),
        )
    return rule


async def write_state(connection: Connection, organization_id: UUID, rule: Rule) -> None:
    """Write whether the rule is on, and why not, in the caller's transaction, which has it locked."""
    await connection.execute(_ARM, (rule.armed_at, rule.off_reason.value, rule.off_card, organization_id))


def check_wish(wish: RuleWish) -> None:
    """Raise ReloadRuleError, with both numbers, for what makes no sense; UnknownZoneError for a zone."""
    parse_zone(wish.zone)
    least_nano = wish.threshold_nano + AMOUNT_MIN_NANO
    found: list[str] = []
    if wish.threshold_nano <= 0:
        found.append(f"The threshold must be more than 0 dollars, not {render_usd(wish.threshold_nano)}.")
    if not least_nano <= wish.target_nano <= AMOUNT_MAX_NANO:
        found.append(
            f"The target must be from {render_usd(least_nano)} dollars, which is the threshold and the least"
            f" that is charged, to {render_usd(AMOUNT_MAX_NANO)}, not {render_usd(wish.target_nano)}."
        )
    if not AMOUNT_MIN_NANO <= wish.ceiling_nano <= AMOUNT_MAX_NANO:
        found.append(
            f"The monthly ceiling must be from {render_usd(AMOUNT_MIN_NANO)} to"
            f" {render_usd(AMOUNT_MAX_NANO)} dollars, not {render_usd(wish.ceiling_nano)}."
        )
    if any(nano % CENT_NANO for nano in (wish.threshold_nano, wish.target_nano, wish.ceiling_nano)):
        found.append("Threshold, target and ceiling are whole cents.")
    if not timedelta(0) <= wish.cool_down <= COOL_DOWN_MAX:
        found.append(f"The cool-down is from 0 seconds to {COOL_DOWN_MAX.days} days.")
    if found:
        raise ReloadRuleError(" ".join(found))


def _describe(rule: Rule) -> dict[str, object]:
    return {
        "threshold": render_usd(rule.threshold_nano),
        "target": render_usd(rule.target_nano),
        "ceiling": render_usd(rule.ceiling_nano),
        "zone": rule.zone,
        "cool_down_s": int(rule.cool_down.total_seconds()),
        "off_reason": rule.off_reason.value,
    }


def _render(rule: Rule, organization_id: UUID, *, by: Actor, at: datetime) -> dict[str, object]:
    return {
        "organization_id": organization_id,
        "threshold": rule.threshold_nano,
        "target": rule.target_nano,
        "ceiling": rule.ceiling_nano,
        "zone": rule.zone,
        "cool_down_s": int(rule.cool_down.total_seconds()),
        "armed_at": rule.armed_at,
        "off_reason": rule.off_reason.value,
        "off_card": rule.off_card,
        "at": at,
        "by": by.name,
    }
