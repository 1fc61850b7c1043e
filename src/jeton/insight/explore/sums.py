"""Sums: what is added up, and how it is added, folded and said in JSON."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from jeton.money import render_usd
from jeton.pricing.rating import STAGES


class Sums(NamedTuple):
    """Requests, tokens by disjoint bucket, and money in nano.

    List amount - all savings = charged = the sum of the buckets' amounts; charged - reversed = net amount;
    net amount = free credit + due. What was reversed counts at the time of its request, whenever that was
    done; ``free_credit_nano`` is what lots that nobody paid for have paid, less what went back into them.
    ``thinking_tokens`` are a part of the output, and are added to nothing.
    """

    requests: int = 0
    input_tokens: int = 0
    cache_creation_5m_input_tokens: int = 0
    cache_creation_1h_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    output_tokens: int = 0
    web_search_requests: int = 0
    list_nano: int = 0
    saved_batch_nano: int = 0
    saved_cache_nano: int = 0
    saved_tier_nano: int = 0
    saved_negotiated_nano: int = 0
    saved_promotion_nano: int = 0
    charged_nano: int = 0
    input_nano: int = 0
    cache_creation_5m_nano: int = 0
    cache_creation_1h_nano: int = 0
    cache_read_nano: int = 0
    output_nano: int = 0
    web_search_nano: int = 0
    free_credit_nano: int = 0
    thinking_tokens: int = 0
    reversed_nano: int = 0

    @property
    def net_nano(self) -> int:
        """What is left to pay: what was charged and not reversed."""
        return self.charged_nano - self.reversed_nano

    @property
    def due_nano(self) -> int:
        """The net amount less free credit: paid by bought or committed credit, or on account."""
        return self.net_nano - self.free_credit_nano

    @property
    def saved_nano(self) -> int:
        """All savings together; negative if modifiers added more than they took away."""
        return self.list_nano - self.charged_nano

    @property
    def saved_other_nano(self) -> int:
        """What neither batch nor cache saved: speed and geography, negotiated, promotion."""
        return self.saved_tier_nano + self.saved_negotiated_nano + self.saved_promotion_nano

    @property
    def saved_by_stage(self) -> dict[str, int]:
        """Savings by the stage of the stack."""
        return {stage: getattr(self, f"saved_{stage}_nano") for stage in STAGES}

    @property
    def cache_creation_input_tokens(self) -> int:
        """Tokens written into the prompt cache, for 5 minutes or an hour."""
        return self.cache_creation_5m_input_tokens + self.cache_creation_1h_input_tokens

    @property
    def prompt_tokens(self) -> int:
        """Every token of prompts, cached or not."""
        return self.input_tokens + self.cache_creation_input_tokens + self.cache_read_input_tokens

    @property
    def tokens(self) -> int:
        """Every token."""
        return self.prompt_tokens + self.output_tokens

    @property
    def said_tokens(self) -> int:
        """Output tokens that were not thought: with ``thinking_tokens`` they are the output."""
        return self.output_tokens - self.thinking_tokens

    @property
    def cache_read_ppm(self) -> int:
        """Of a million prompt tokens, how many were read from the cache; rounded down."""
        return self.cache_read_input_tokens * 1_000_000 // self.prompt_tokens if self.prompt_tokens else 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing was used and nothing reversed."""
        return self == NOTHING


COLUMNS = Sums._fields
NOTHING = Sums()

TOKEN_CLASSES: Mapping[str, str] = {
    "input_tokens": "Input, not cached",
    "cache_creation_5m_input_tokens": "Cache write, 5 minutes",
    "cache_creation_1h_input_tokens": "Cache write, 1 hour",
    "cache_read_input_tokens": "Cache read",
    "output_tokens": "Output",
}
# The same for a stack that shows which part of the output was thought; it has the same sum.
TOKEN_PARTS: Mapping[str, str] = {
    **{name: title for name, title in TOKEN_CLASSES.items() if name != "output_tokens"},
    "said_tokens": "Output, said",
    "thinking_tokens": "Output, thinking",
}
# What the tables of usage and of cost show: a page that shows no more need not read more.
USAGE_COLUMNS = frozenset({"requests", *TOKEN_CLASSES, "thinking_tokens", "charged_nano", "reversed_nano"})
COST_COLUMNS = frozenset(
    {
        *("requests", "list_nano", "saved_batch_nano", "saved_cache_nano", "saved_tier_nano"),
        *("saved_negotiated_nano", "saved_promotion_nano", "charged_nano", "reversed_nano"),
    }
)
# What a report may be ordered and drawn by.
MEASURES: Mapping[str, str] = {
    "net_nano": "Net amount",
    "list_nano": "List amount",
    "saved_nano": "Saved",
    "requests": "Requests",
    "tokens": "Tokens",
    **TOKEN_CLASSES,
}


def parse_counts(row: Sequence[int]) -> Sums:
    """Requests, tokens of each class, web searches and, last, what was thought: as single requests count."""
    *counts, thinking = map(int, row)
    return Sums(*counts, thinking_tokens=thinking)  # type: ignore[misc]  # the counts come before the amounts


def add_up(many: Iterable[Sums]) -> Sums:
    """Add sums field by field."""
    rows = list(many)
    if len(rows) == 1:
        return rows[0]
    return Sums._make(map(sum, zip(*rows, strict=True))) if rows else NOTHING


def render_sums(sums: Sums) -> dict[str, object]:
    """Sums as every report gives them; amounts are exact dollars."""
    return {
        "requests": sums.requests,
        "input_tokens": sums.input_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": sums.cache_creation_5m_input_tokens,
            "ephemeral_1h_input_tokens": sums.cache_creation_1h_input_tokens,
        },
        "cache_read_input_tokens": sums.cache_read_input_tokens,
        "output_tokens": sums.output_tokens,
        "output_tokens_details": {"thinking_tokens": sums.thinking_tokens},
        "web_search_requests": sums.web_search_requests,
        "list_amount": render_usd(sums.list_nano),
        "saved": {stage: render_usd(nano) for stage, nano in sums.saved_by_stage.items()},
        "charged_amount": render_usd(sums.charged_nano),
        "reversed_amount": render_usd(sums.reversed_nano),
        "net_amount": render_usd(sums.net_nano),
        "free_credit_amount": render_usd(sums.free_credit_nano),
        "due_amount": render_usd(sums.due_nano),
    }
