"""Bridge: why one stretch of time cost more or less than another, in parts that sum to the difference.

What is charged is: requests x share of each model x share of each tier x (prompt tokens a request x share of
each class of tokens x price of its tokens + output tokens a request x their price). These are exchanged for
those of the later stretch one after the other, in the order of ``CAUSES``; each cause is what its exchange
changes. Amounts between are exact rationals and rounded half-even to the nano, the ends are whole: so the
causes sum to the difference. Where one side has none of a model, tier or class, it is taken to be as on the
other side: a new model is a change of the mix, not of its price.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from jeton.insight.explore.sums import NOTHING, Sums, add_up
from jeton.money import divide_half_even, render_usd

CAUSES: Mapping[str, str] = {
    "volume": "Number of requests",
    "mix": "Mix of models",
    "batch": "Share of batch",
    "prompt_length": "Length of prompts",
    "output_length": "Length of answers, and searches",
    "cache": "Use of the prompt cache",
    "price": "Price of a token",
    "reversed": "Reversals",
}
_PROMPT = (
    ("input_tokens", "input_nano"),
    ("cache_creation_5m_input_tokens", "cache_creation_5m_nano"),
    ("cache_creation_1h_input_tokens", "cache_creation_1h_nano"),
    ("cache_read_input_tokens", "cache_read_nano"),
)
_ANSWER = (("output_tokens", "output_nano"), ("web_search_requests", "web_search_nano"))

# A model and a tier.
Pair = tuple[str, str]
Mix = Mapping[Pair, Sums]


@dataclass(frozen=True, slots=True)
class Bridge:
    """From the net amount ``before_nano`` to ``after_nano``, cause by cause."""

    before_nano: int
    after_nano: int
    causes: Mapping[str, int]

    @property
    def change_nano(self) -> int:
        """The difference; what the causes sum to."""
        return self.after_nano - self.before_nano


class _Side:
    """One stretch in ratios; what it has none of is None."""

    def __init__(self, mix: Mix) -> None:
        self.mix = mix
        self.requests = sum(sums.requests for sums in mix.values())

    @cached_property
    def models(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for (model, _), sums in self.mix.items():
            found[model] = found.get(model, 0) + sums.requests
        return found

    def share_of_model(self, model: str) -> Fraction | None:
        return Fraction(self.models.get(model, 0), self.requests) if self.requests else None

    def share_of_tier(self, pair: Pair) -> Fraction | None:
        requests = self.models.get(pair[0], 0)
        return Fraction(self.mix.get(pair, NOTHING).requests, requests) if requests else None

    def prompt_length(self, pair: Pair) -> Fraction | None:
        sums = self.mix.get(pair, NOTHING)
        return Fraction(sums.prompt_tokens, sums.requests) if sums.requests else None

    def share_of_class(self, pair: Pair, name: str) -> Fraction | None:
        sums = self.mix.get(pair, NOTHING)
        return Fraction(getattr(sums, name), sums.prompt_tokens) if sums.prompt_tokens else None

    def length(self, pair: Pair, name: str) -> Fraction | None:
        sums = self.mix.get(pair, NOTHING)
        return Fraction(getattr(sums, name), sums.requests) if sums.requests else None

    def price(self, pair: Pair, names: tuple[str, str]) -> Fraction | None:
        sums = self.mix.get(pair, NOTHING)
        count = getattr(sums, names[0])
        return Fraction(getattr(sums, names[1]), count) if count else None


def build_bridge(before: Mix, after: Mix) -> Bridge:
    """Why the net amount changed; the causes sum to the difference to the nano."""
    sides = (_Side(before), _Side(after))
    pairs = sorted({*before, *after})
    totals = (add_up(before.values()), add_up(after.values()))
    running = totals[0].charged_nano
    causes = {}
    exchanged: set[str] = set()
    for cause in CAUSES:
        if cause == "reversed":
            causes[cause] = totals[0].reversed_nano - totals[1].reversed_nano
            continue
        exchanged.add(cause)
        amount = sum((_charge(sides, pair, exchanged) for pair in pairs), Fraction())
        following = divide_half_even(amount.numerator, amount.denominator)
        causes[cause] = following - running
        running = following
    return Bridge(totals[0].net_nano, totals[1].net_nano, causes)


def _charge(sides: tuple[_Side, _Side], pair: Pair, exchanged: set[str]) -> Fraction:
    """What one model's tier comes to with these causes as they are afterwards, in nano."""

    def pick(cause: str, name: str, *arguments: object) -> Fraction:
        first, second = sides if cause not in exchanged else sides[::-1]
        value = getattr(first, name)(*arguments)
        if value is None:
            value = getattr(second, name)(*arguments)
        return Fraction() if value is None else value

    requests = sides["volume" in exchanged].requests
    share = pick("mix", "share_of_model", pair[0]) * pick("batch", "share_of_tier", pair)
    if not requests or not share:
        return Fraction()
    prompt = sum(
        pick("cache", "share_of_class", pair, names[0]) * pick("price", "price", pair, names)
        for names in _PROMPT
    )
    answer = sum(
        pick("output_length", "length", pair, names[0]) * pick("price", "price", pair, names)
        for names in _ANSWER
    )
    return requests * share * (pick("prompt_length", "prompt_length", pair) * prompt + answer)


def render_bridge(bridge: Bridge) -> dict[str, object]:
    """The bridge in JSON; amounts are exact dollars."""
    return {
        "before": render_usd(bridge.before_nano),
        "after": render_usd(bridge.after_nano),
        "change": render_usd(bridge.change_nano),
        "causes": {cause: render_usd(nano) for cause, nano in bridge.causes.items()},
    }
