"""Rows: what every row of an export says, the prices of one, and the amounts of one. Pure.

List is the plain list rate times the quantity, contracted what is left after everything that was agreed on
(batch, cache, tier, negotiated), effective what the ledger charged, billed that part of it that a document
asks for: what paid lots paid was billed when they were bought.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

import msgspec

from jeton.billing.currencies import minor_digits
from jeton.billing.focus.columns import ATTO, Category, Row
from jeton.billing.focus.words import ATTO_PER_NANO, Frame, Span
from jeton.billing.invoicing.lines.keys import UsageKey
from jeton.insight.words import BUCKET_NAMES
from jeton.money import TOKENS_PER_MTOK, divide_half_even, render_exact
from jeton.pricing.rating import Stack
from jeton.usage import Bucket

SERVICE = "Messages API"
# What belongs to no service but to the account as a whole, too: FOCUS wants one on every row.
_SERVICES = {
    "ServiceCategory": "AI and Machine Learning",
    "ServiceName": SERVICE,
    "ServiceSubcategory": "Generative AI",
}
_REGIONS = {"us": "United States"}
# FOCUS wants keys that are not its own to say whose they are.
COST_CENTER, PURCHASE_ORDER = "jeton/cost_center", "jeton/purchase_order"
CREDIT_SKU = "credit"


@dataclass(frozen=True, slots=True)
class Amounts:
    """What a row bills and what it comes to, in nano-dollars of the ledger."""

    billed_nano: int
    effective_nano: int


def make_row(frame: Frame, span: Span, *, category: Category, description: str) -> Row:
    """What every row has, without its amounts."""
    names = frame.names
    return {
        "BillingAccountId": str(names.organization_id),
        "BillingAccountName": names.organization,
        "BillingAccountType": "Organization",
        "BillingCurrency": frame.currency,
        "BillingPeriodStart": frame.period.period_from,
        "BillingPeriodEnd": frame.period.period_to,
        "ChargeCategory": category,
        "ChargeDescription": description,
        "ChargeFrequency": "Usage-Based" if category in {"Usage", "Tax"} else "One-Time",
        "ChargePeriodStart": span.starts_at,
        "ChargePeriodEnd": span.ends_at,
        "InvoiceId": frame.invoice or None,
        "InvoiceIssuerName": names.issuer,
        "ProviderName": names.issuer,
        "PublisherName": names.issuer,
        "PricingCurrency": "USD",
        **_SERVICES,
    }


def put_amounts(row: Row, frame: Frame, amounts: Amounts) -> None:
    """What the row bills and comes to, which is its list and contracted cost where it has no price."""
    billed = frame.convert(amounts.billed_nano * ATTO_PER_NANO)
    effective = amounts.effective_nano * ATTO_PER_NANO
    row["BilledCost"] = billed
    row["EffectiveCost"] = frame.convert(effective)
    row["PricingCurrencyEffectiveCost"] = effective
    row.setdefault("ListCost", billed)
    row.setdefault("ContractedCost", billed)


def put_exact(row: Row, frame: Frame, billed_atto: int) -> None:
    """An amount in the currency of the document itself: a tax, a rounding."""
    row |= dict.fromkeys(("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"), billed_atto)
    row["PricingCurrencyEffectiveCost"] = billed_atto if frame.currency == "USD" else 0


def put_workspace(row: Row, frame: Frame, workspace_id: str) -> None:
    """The workspace as the sub-account, and the references of its bookkeeping as tags."""
    if not workspace_id:
        return
    workspace = frame.names.workspaces.get(workspace_id)
    row["SubAccountId"] = workspace_id
    row["SubAccountName"] = workspace.name if workspace else workspace_id
    row["SubAccountType"] = "Workspace"
    if workspace is not None:
        tags = {COST_CENTER: workspace.cost_center, PURCHASE_ORDER: workspace.purchase_order}
        tags = {name: text for name, text in tags.items() if text}
        row["Tags"] = _render_pairs(tags) if tags else None


def put_key(row: Row, frame: Frame, key_id: str) -> None:
    """The API key as the resource: its id, never the key."""
    if key_id:
        row["ResourceId"] = key_id
        row["ResourceName"] = frame.names.keys.get(key_id) or None
        row["ResourceType"] = "API key"


def put_price(row: Row, frame: Frame, key: UsageKey, *, stack: Stack | None, quantity: int) -> None:
    """What was used and its prices: quantity x unit price is the cost, for list and contracted alike."""
    is_search = key.bucket == Bucket.WEB_SEARCH
    row["ConsumedQuantity"] = quantity * ATTO
    row["ConsumedUnit"] = "Searches" if is_search else "Tokens"
    row["SkuId"] = f"{key.model}/{key.bucket}"
    row["SkuMeter"] = BUCKET_NAMES[Bucket(key.bucket)]
    row["PricingCategory"] = "Standard"
    if key.inference_geo in _REGIONS:
        row["RegionId"], row["RegionName"] = key.inference_geo, _REGIONS[key.inference_geo]
    if stack is None:
        return
    per = stack.per
    row["PricingQuantity"] = quantity * ATTO // per
    row["PricingUnit"] = f"{per} Tokens" if per == TOKENS_PER_MTOK else f"{per} Searches"
    row["SkuPriceId"] = "/".join(
        (
            *(key.price_version_id, key.bucket, key.service_tier, key.inference_geo, key.speed),
            key.context_window,
        )
    )
    row["SkuPriceDetails"] = _render_details(key, stack)
    contracted = [mark.rate for mark in stack.marks if mark.stage != "promotion"]
    for name, rate in (
        ("List", Fraction(stack.list_rate)),
        ("Contracted", contracted[-1] if contracted else Fraction(stack.list_rate)),
    ):
        in_dollars = divide_half_even(rate.numerator * ATTO_PER_NANO, rate.denominator)
        price = frame.convert(in_dollars)
        row[f"PricingCurrency{name}UnitPrice"] = in_dollars
        row[f"{name}UnitPrice"] = price
        row[f"{name}Cost"] = divide_half_even(price * quantity, per)


def put_purchase(row: Row, frame: Frame, nano: int) -> None:
    """One purchase at its whole amount; the quantity has the sign, since a price is never below zero."""
    dollars = abs(nano) * ATTO_PER_NANO
    row |= {
        "SkuId": CREDIT_SKU,
        "SkuMeter": "Credit",
        "SkuPriceId": CREDIT_SKU,
        "PricingCategory": "Standard",
        "PricingQuantity": -ATTO if nano < 0 else ATTO,
        "PricingUnit": "Purchases",
        **dict.fromkeys(("ListUnitPrice", "ContractedUnitPrice"), frame.convert(dollars)),
        **dict.fromkeys(("PricingCurrencyListUnitPrice", "PricingCurrencyContractedUnitPrice"), dollars),
    }


def in_atto(minor: int, currency: str) -> int:
    """Minor units of a currency in atto: a cent is 10**16."""
    unit: int = 10 ** minor_digits(currency)
    return minor * (ATTO // unit)


def render_time(at: datetime) -> str:
    """A time as FOCUS writes it: ``2026-11-23T00:00:00Z``."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _render_details(key: UsageKey, stack: Stack) -> str:
    """What the price depends on, batch and cache first of all, and each published factor on the list rate."""
    details = {
        "x_PriceVersion": key.price_version_id,
        "x_TokenClass": key.bucket,
        "x_ServiceTier": key.service_tier,
        "x_InferenceGeo": key.inference_geo,
        "x_Speed": key.speed,
        "x_ContextWindow": key.context_window,
    }
    factors: dict[str, Fraction] = {}
    for mark in stack.marks:
        # What was agreed on with one organization is no property of a price.
        if mark.stage in {"batch", "cache", "tier"}:
            factors[mark.stage] = factors.get(mark.stage, Fraction(1)) * mark.factor
    details |= {f"x_{stage.title()}Factor": render_exact(factor) for stage, factor in factors.items()}
    return _render_pairs(details)


def _render_pairs(pairs: dict[str, str]) -> str:
    return msgspec.json.encode(pairs).decode()
