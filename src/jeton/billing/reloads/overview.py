"""Overview: a rule with what is known now, what it would do, and its last reloads."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from jeton.billing.reloads.deciding import decide, find_month
from jeton.billing.reloads.rules import find_rule
from jeton.billing.reloads.standings import read_standing
from jeton.billing.reloads.words import Decision, Nothing, Outcome, Reload, Rule, Standing, SwitchOff, Terms
from jeton.db.pool import Connection
from jeton.money import display_usd, render_usd

SHOWN_MAX = 20

OFF_SENTENCES = {
    "switched_off": "A member switched it off.",
    "no_card": "No card is saved. It goes on by itself once there is one.",
    "hard_decline": "The bank declined the card for good. It goes on by itself with another card.",
    "authentication_required": (
        "The bank wants its customer to confirm a payment, and nobody sits there. Buy credit by hand once,"
        " or save another card, and switch it on again."
    ),
    "failures": "It was declined as often in a row as is tried. Check the card, then switch it on again.",
    "disputed": "A payment was disputed at the bank. It stays off until a member switches it on again.",
}
OUTCOME_SENTENCES = {
    Outcome.SUCCEEDED: "bought",
    Outcome.SOFT_DECLINE: "declined, will be tried again",
    Outcome.HARD_DECLINE: "declined for good",
    Outcome.AUTHENTICATION_REQUIRED: "the bank wanted its customer to confirm",
    Outcome.CANCELED: "called off",
}
_WAITS = {
    "off": "It is off.",
    "open": "A reload is under way.",
    "enough": "There is enough credit.",
    "cool_down": "The cool-down since the last reload is not over.",
    "back_off": "The last attempt was declined, so it waits before the next.",
    "ceiling": "This month’s ceiling is reached.",
    "retries": "The card was declined as often as its network bears, so it waits.",
}

_LAST = """
    SELECT d.reload_id, d.payment_id, d.amount_nano, d.balance_nano, d.card, d.opened_at, d.ended_at,
           d.outcome, coalesce(p.decline_reason, '') AS decline_reason
    FROM reloads AS d LEFT JOIN payments AS p USING (payment_id)
    WHERE d.organization_id = %s ORDER BY d.opened_at DESC, d.reload_id DESC LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Fire:
    """One reload: what it was to buy, at which balance, with which card, and what came of it."""

    reload_id: str
    payment_id: str
    amount_nano: int
    balance_nano: int
    card: str
    opened_at: datetime
    ended_at: datetime | None
    outcome: str | None
    decline_reason: str

    @property
    def sentence(self) -> str:
        """What came of it, in words."""
        return "under way" if self.outcome is None else OUTCOME_SENTENCES[Outcome(self.outcome)]


@dataclass(frozen=True, slots=True)
class Overview:
    """A rule, what is known at an instant, what it decides, and the last reloads, newest first."""

    rule: Rule
    standing: Standing
    decision: Decision
    month_ends_at: datetime | None
    fires: tuple[Fire, ...]

    @property
    def sentence(self) -> str:
        """What the rule does now and why, for people."""
        if not self.rule.is_on:
            return OFF_SENTENCES[self.rule.off_reason.value]
        match self.decision:
            case Reload(amount_nano=amount_nano):
                return f"It is about to buy {display_usd(amount_nano)} of credit."
            case SwitchOff(reason=reason):
                return OFF_SENTENCES[reason.value]
            case Nothing(why=why):
                return _WAITS[why]


async def read_overview(
    connection: Connection, organization_id: UUID, terms: Terms, *, at: datetime
) -> Overview | None:
    """The rule of an organization with everything around it; None where there is no rule."""
    rule = await find_rule(connection, organization_id)
    if rule is None:
        return None
    standing = await read_standing(connection, organization_id, rule, at=at)
    async with connection.cursor(row_factory=class_row(Fire)) as cursor:
        await cursor.execute(_LAST, (organization_id, SHOWN_MAX))
        fires = tuple(await cursor.fetchall())
    decision = decide(rule, standing, terms=terms, at=at)
    return Overview(rule, standing, decision, find_month(rule.zone, at).ends_at, fires)


def render_overview(overview: Overview | None) -> dict[str, object]:
    """Auto-reload as pages and the API give it, exact dollars; only ``is_on`` where there is no rule."""
    if overview is None:
        return {"type": "auto_reload", "is_on": False, "why_off": "never_set", "last": []}
    rule, standing = overview.rule, overview.standing
    until = overview.decision.until if isinstance(overview.decision, Nothing) else None
    return {
        "type": "auto_reload",
        "is_on": rule.is_on,
        "why_off": rule.off_reason.value or None,
        "threshold": render_usd(rule.threshold_nano),
        "target": render_usd(rule.target_nano),
        "monthly_ceiling": render_usd(rule.ceiling_nano),
        "zone": rule.zone,
        "cool_down_s": int(rule.cool_down.total_seconds()),
        "balance": render_usd(standing.balance_nano),
        "coming": render_usd(standing.pending_nano),
        "bought_this_month": render_usd(standing.bought_nano),
        "card": standing.card or None,
        "says": overview.sentence,
        "waits_until": None if until is None else until.isoformat(),
        "last": [
            {
                "id": fire.reload_id,
                "payment_id": fire.payment_id,
                "credit": render_usd(fire.amount_nano),
                "balance_before": render_usd(fire.balance_nano),
                "card": fire.card,
                "opened_at": fire.opened_at.isoformat(),
                "ended_at": None if fire.ended_at is None else fire.ended_at.isoformat(),
                "outcome": fire.outcome,
                "decline_reason": fire.decline_reason or None,
            }
            for fire in overview.fires
        ],
    }
