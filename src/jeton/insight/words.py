"""Words: how codes of charges, lots, buckets and discounts are said to people, in one place.

Codes are stored and stable; these sentences may be improved at any time. A test holds the table
of rules against the codes that charging uses.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from jeton.usage import Bucket

LotState = Literal["active", "pending", "used", "expired"]
ReceiptState = Literal["open", "settled", "released", "unconfirmed", "quarantined", "mismatch"]

ROUNDING_RULE = (
    "Each line is quantity × rate, exact, rounded once to a nano-dollar (0.000000001 $), ties to the"
    " even neighbour; the lines are then added up."
)

RULE_SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "completed": "The answer was complete; every token of it is charged.",
        "client_left_before_output": "The client left before the answer began: nothing is charged.",
        "client_left_during_output": (
            "The client left while the answer was under way: the prompt and the output made until then"
            " are charged."
        ),
        "upstream_refused": "The upstream refused the request before it began: nothing is charged.",
        "upstream_failed": "The upstream failed before an answer began: nothing is charged.",
        "upstream_failed_during_output": (
            "The upstream broke off during its answer: the prompt and the output made until then are charged."
        ),
        "refusal_before_output": (
            "The model refused before any output: nothing is charged, whatever the usage says."
        ),
        "usage_missing": (
            "The upstream reported no usage: it is unknown, which is not zero, so nothing is charged"
            " until somebody has looked."
        ),
        "usage_contradictory": (
            "The upstream's counts contradict each other: they are kept as reported, and nothing is"
            " charged until somebody has looked."
        ),
        "node_lost": (
            "The server that carried the request was lost, its usage is unknown: the hold went back and"
            " nothing is charged."
        ),
    }
)
UNKNOWN_RULE_SENTENCE = "This rule is not known to this version of Jeton."

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
        "estimated": "estimated here",
    }
)


def rule_sentence(rule_id: str) -> str:
    """What a rule of the billing contract says."""
    return RULE_SENTENCES.get(rule_id, UNKNOWN_RULE_SENTENCE)
