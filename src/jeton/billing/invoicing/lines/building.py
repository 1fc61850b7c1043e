"""Building: from what a key comes to, to its line: quantity x list rate, less modifiers, is its net amount.

The net amount is the ledger's. What quantity, rate and modifiers come to may differ from it because each
request was rounded to the nano by itself (``rounding_nano``); where it differs by more, requests had prices
that sums do not tell apart (longer prompts), which is one more step of the stack.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from jeton.billing.invoicing.lines.keys import (
    CREDIT_FREE,
    CREDIT_PREPAID,
    ReversedKey,
    UsageKey,
    kind_of,
    line_kind,
    render_conditions,
)
from jeton.billing.invoicing.lines.prices import Prices
from jeton.billing.invoicing.periods import Period
from jeton.billing.words import VOUCHER_GIVEN, VOUCHER_PAID, Discount, Line, LineKind
from jeton.identity.organizations import Workspace
from jeton.insight.words import BUCKET_NAMES
from jeton.money import divide_half_even
from jeton.pricing.rating import Stack
from jeton.usage import Bucket

NO_RATE = Fraction(0)
_DESCRIPTIONS = {
    "commit": "Commitment, paid in advance",
    "true_up": "Commitment, what was not used of it",
    "minimum": "Minimum of the period, what was not used of it",
    CREDIT_FREE: "Free credit used",
    CREDIT_PREPAID: "Prepaid credit used",
}
_VOUCHERS = {
    VOUCHER_PAID: "Paid with prepaid credit, tax included",
    VOUCHER_GIVEN: "Credit that was given on top of what was bought",
}


# What a difference beyond rounding is called: longer prompts, where those have a price of their own.
_REST = {True: ("band", "longer prompts"), False: ("other", "other prices in the period")}


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be billed for a key of a period: so many units, so much in the ledger."""

    key: str
    period_from: datetime
    period_to: datetime
    quantity: int
    net_nano: int
    corrects: str = ""
    is_late: bool = False


def build_line(due: Due, prices: Prices, workspaces: Mapping[str, Workspace]) -> Line:
    """The exact line of what is due; its amounts in minor units and its tax come with the document."""
    match kind_of(due.key):
        case "usage":
            usage = UsageKey.parse(due.key)
            values = _plain(due, f"{usage.model}: {BUCKET_NAMES[Bucket(usage.bucket)]}")
            if due.quantity:
                stack = prices.find_stack(usage)
                rest = _REST[prices.has_bands(usage)]
                values |= _rate(due, stack, rest) if stack else _average(due)
            values |= {"bucket": usage.bucket, "price_version_id": usage.price_version_id}
            return Line(**values, **_place(usage, workspaces))
        case "reversed":
            undone = ReversedKey.parse(due.key)
            return Line(**_plain(due, f"{undone.model}: charges reversed"), **_place(undone, workspaces))
        case "voucher":
            start, _, lot_id = due.key.rpartition("|")
            return Line(**_plain(due, f"{_VOUCHERS[f'{start}|']} ({lot_id})"))
        case "supplement":
            _, rerating_id, version_id = due.key.split("|")
            return Line(**_plain(due, f"Re-rated at {version_id}, charged too little ({rerating_id})"))
        case kind:
            return Line(**_plain(due, _DESCRIPTIONS.get(due.key) or _DESCRIPTIONS[kind]))


def amount_line(kind: LineKind, key: str, *, description: str, net_nano: int, period: Period) -> Line:
    """A line of one amount that follows from no sums: credit that was bought, goodwill."""
    due = Due(key, period.period_from, period.period_to, 0, net_nano)
    return Line(**{**_plain(due, description), "kind": kind})


# A line is made once out of its values: there may be a hundred thousand in a closing.
def _plain(due: Due, description: str) -> dict[str, Any]:
    """One unit at the whole amount; the quantity has the sign, since a rate is never below zero."""
    return {
        "line_id": "",
        "kind": line_kind(due.key, is_late=due.is_late),
        "description": description,
        "quantity": -1 if due.net_nano < 0 else 1,
        "per": 1,
        "list_rate": abs(due.net_nano),
        "list_nano": due.net_nano,
        "discounts": (),
        "rounding_nano": 0,
        "net_nano": due.net_nano,
        "list_minor": 0,
        "net_minor": 0,
        "tax_category": "O",
        "tax_rate": NO_RATE,
        "corrects": due.corrects,
        "key": due.key,
        "period_from": due.period_from,
        "period_to": due.period_to,
    }


def _average(due: Due) -> dict[str, Any]:
    """What is said of usage whose price version is not on record: so many units, together so much."""
    return {"quantity": due.quantity, "per": abs(due.quantity)}


def _rate(due: Due, stack: Stack, rest: tuple[str, str]) -> dict[str, Any]:
    """Quantity, list rate and modifiers; ``rest`` is the step for what they leave open."""
    amounts = [divide_half_even(due.quantity * up, down) for up, down in stack.divisions]
    discounts = [
        Discount(mark.stage, mark.name, mark.factor, before - after, 0)
        for mark, before, after in zip(stack.marks, amounts, amounts[1:], strict=False)
    ]
    off_nano = due.net_nano - amounts[-1]
    # Each request is off by half a nano at most, and has one unit at least.
    if 2 * abs(off_nano) > abs(due.quantity):
        factor = Fraction(due.net_nano, amounts[-1]) if amounts[-1] else NO_RATE
        discounts.append(Discount(*rest, factor, -off_nano, 0))
        off_nano = 0
    return {
        "quantity": due.quantity,
        "per": stack.per,
        "list_rate": stack.list_rate,
        "list_nano": amounts[0],
        "discounts": tuple(discounts),
        "rounding_nano": off_nano,
    }


def _place(key: UsageKey | ReversedKey, workspaces: Mapping[str, Workspace]) -> dict[str, Any]:
    """Where it was used, how, and the references of its workspace."""
    workspace = workspaces.get(key.workspace_id)
    return {
        "workspace_id": key.workspace_id,
        "workspace_name": workspace.name if workspace else "",
        "cost_center": workspace.cost_center if workspace else "",
        "purchase_order": workspace.purchase_order if workspace else "",
        "model": key.model,
        "conditions": render_conditions(key),
    }
