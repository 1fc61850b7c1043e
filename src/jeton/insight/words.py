"""Words: how codes of charges, lots, buckets and discounts are said to people, in one place.

Codes are stored and stable; these sentences may be improved at any time.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from jeton.metering.contract import CONTRACT, Rule
from jeton.usage import Bucket

LotState = Literal["active", "pending", "used", "expired", "revoked"]
ReceiptState = Literal["open", "settled", "released", "unconfirmed", "quarantined", "mismatch"]

ROUNDING_RULE = (
    "Each line is quantity × rate, exact, rounded once to a nano-dollar (0.000000001 $), ties to the"
    " even neighbour; the lines are then added up."
)

UNKNOWN_RULE_SENTENCE = "This rule is not known to this version of the server."

STATE_SENTENCES: Mapping[ReceiptState, str] = MappingProxyType(
    {
        "open": "In flight: the hold is taken, the charge is not known yet.",
        "settled": "Settled: the charge is final and in the ledger.",
        "released": "Released: the whole hold went back, nothing was charged.",
        "unconfirmed": "Unconfirmed: the usage is unknown, nothing was charged.",
        "quarantined": "Quarantined: the usage contradicts itself, nothing was charged.",
        "mismatch": (
            "MISMATCH: rating the stored usage again does not give the stored charge. Do not rely on"
            " this receipt; tell the operator."
        ),
    }
)

BUCKET_NAMES: Mapping[Bucket, str] = MappingProxyType(
    {
        Bucket.INPUT: "Input, not cached",
        Bucket.CACHE_WRITE_5M: "Cache write, 5 minutes",
        Bucket.CACHE_WRITE_1H: "Cache write, 1 hour",
        Bucket.CACHE_READ: "Cache read",
        Bucket.OUTPUT: "Output",
        Bucket.WEB_SEARCH: "Web searches",
    }
)

STAGE_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "batch": "Batch",
        "cache": "Prompt caching",
        "tier": "Speed and geography",
        "negotiated": "Negotiated",
        "promotion": "Promotion",
    }
)

SOURCE_SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "upstream": "reported by the upstream",
        "counted": "counted here with the exact tokenizer",
        "estimated": "estimated here, in the caller's favour",
    }
)

ALARM_SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "bound_exceeded": (
            "A request of this model used more than the bound that sized its hold. The charge was settled in"
            " full; until the bound is corrected, holds of this model may be too small."
        ),
        "tokenizer_demoted": (
            "The rebuilt tokenizer of this family disagrees with the upstream, so prompts are estimated"
            " instead. It is tried again at the first start after this was acknowledged."
        ),
        "ledger_unsound": (
            "The books were proved and something in them is wrong. Run `jeton ledger verify`, which names"
            " every difference, before anything is invoiced or exported."
        ),
        "payment_mismatch": (
            "The payment provider speaks of a payment of ours with another amount, currency or id, or of"
            " money given back that nobody asked for here. Nothing was booked: compare both sides, and"
            " correct what is wrong by hand."
        ),
        "payment_repeated": (
            "Two attempts at one thing were both paid. Both are booked, since the money came: refund the"
            " second."
        ),
    }
)

METHOD_SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "exact": "counted with the model's own tokenizer",
        "reconstructed": "counted with a rebuilt tokenizer",
        "estimated": "estimated with an interval",
    }
)


def rule_sentence(rule_id: str) -> str:
    """What a rule of the billing contract says."""
    try:
        return CONTRACT[Rule(rule_id)].sentence
    except ValueError:
        return UNKNOWN_RULE_SENTENCE
