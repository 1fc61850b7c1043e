"""Columns: the 57 columns of FOCUS 1.2, what is in each, and which may be empty. Pure.

From the FOCUS Specification 1.2 (FinOps Foundation, May 2025), section 3 "Columns", and its requirements
model 1.2.0.1. Kinds are its data types: a decimal is a whole number of ``ATTO`` here, key-values are JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

FOCUS_VERSION = "1.2"
DECIMALS = 18
# The unit of every decimal of an export: a dollar, a euro or a token is so many.
ATTO: int = 10**DECIMALS

Kind = Literal["text", "decimal", "time", "pairs"]
Category = Literal["Usage", "Purchase", "Tax", "Credit", "Adjustment"]


@dataclass(frozen=True, slots=True)
class Column:
    """What a column has: its kind, whether it may be empty, and the words that may stand in it (() any)."""

    kind: Kind
    may_be_null: bool = True
    allowed: tuple[str, ...] = ()


_TEXT, _NAME = Column("text"), Column("text", may_be_null=False)
_NUMBER, _COST = Column("decimal"), Column("decimal", may_be_null=False)
_TIME, _PAIRS = Column("time", may_be_null=False), Column("pairs")

COLUMNS: Mapping[str, Column] = MappingProxyType(
    {
        "AvailabilityZone": _TEXT,
        "BilledCost": _COST,
        "BillingAccountId": _NAME,
        "BillingAccountName": _NAME,
        "BillingAccountType": _NAME,
        "BillingCurrency": _NAME,
        "BillingPeriodEnd": _TIME,
        "BillingPeriodStart": _TIME,
        "CapacityReservationId": _TEXT,
        "CapacityReservationStatus": Column("text", allowed=("Used", "Unused")),
        "ChargeCategory": Column(
            "text", may_be_null=False, allowed=("Usage", "Purchase", "Tax", "Credit", "Adjustment")
        ),
        "ChargeClass": Column("text", allowed=("Correction",)),
        "ChargeDescription": _TEXT,
        "ChargeFrequency": Column(
            "text", may_be_null=False, allowed=("One-Time", "Recurring", "Usage-Based")
        ),
        "ChargePeriodEnd": _TIME,
        "ChargePeriodStart": _TIME,
        "CommitmentDiscountCategory": Column("text", allowed=("Spend", "Usage")),
        "CommitmentDiscountId": _TEXT,
        "CommitmentDiscountName": _TEXT,
        "CommitmentDiscountQuantity": _NUMBER,
        "CommitmentDiscountStatus": Column("text", allowed=("Used", "Unused")),
        "CommitmentDiscountType": _TEXT,
        "CommitmentDiscountUnit": _TEXT,
        "ConsumedQuantity": _NUMBER,
        "ConsumedUnit": _TEXT,
        "ContractedCost": _COST,
        "ContractedUnitPrice": _NUMBER,
        "EffectiveCost": _COST,
        "InvoiceId": _TEXT,
        "InvoiceIssuerName": _NAME,
        "ListCost": _COST,
        "ListUnitPrice": _NUMBER,
        "PricingCategory": Column("text", allowed=("Standard", "Committed", "Dynamic", "Other")),
        "PricingCurrency": _NAME,
        "PricingCurrencyContractedUnitPrice": _NUMBER,
        "PricingCurrencyEffectiveCost": _COST,
        "PricingCurrencyListUnitPrice": _NUMBER,
        "PricingQuantity": _NUMBER,
        "PricingUnit": _TEXT,
        "ProviderName": _NAME,
        "PublisherName": _NAME,
        "RegionId": _TEXT,
        "RegionName": _TEXT,
        "ResourceId": _TEXT,
        "ResourceName": _TEXT,
        "ResourceType": _TEXT,
        "ServiceCategory": Column("text", may_be_null=False, allowed=("AI and Machine Learning",)),
        "ServiceName": _NAME,
        "ServiceSubcategory": Column("text", may_be_null=False, allowed=("Generative AI",)),
        "SkuId": _TEXT,
        "SkuMeter": _TEXT,
        "SkuPriceDetails": _PAIRS,
        "SkuPriceId": _TEXT,
        "SubAccountId": _TEXT,
        "SubAccountName": _TEXT,
        "SubAccountType": _TEXT,
        "Tags": _PAIRS,
    }
)

# A row by column; what is not there is null. Decimals are whole atto, times aware, key-values JSON text.
Row = dict[str, object]


def render_atto(atto: int) -> str:
    """Atto as a plain decimal, exact: 29 * 10**15 is ``0.029``, -ATTO is ``-1.0``.

    One decimal at least: readers take a column of whole numbers for integers, where FOCUS wants decimals.
    """
    whole, rest = divmod(abs(atto), ATTO)
    decimals = f"{rest:0{DECIMALS}d}".rstrip("0") or "0"
    return f"{'-' if atto < 0 else ''}{whole}.{decimals}"
