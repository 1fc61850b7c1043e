"""Quote: what a request would cost, from the price book alone: no server, no database.

A quote is a rating of counts that somebody names, or that were counted in a prompt, for each model
by the surest method there is for its family. It is the same rating that a charge gets, so quote and
receipt agree to the nano where the counts do.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Literal

from jeton.errors import InvalidInputError, NotFoundError
from jeton.money import parse_exact, render_usd
from jeton.pricing.book import PriceBook, PriceVersion
from jeton.pricing.errors import NotPricedError
from jeton.pricing.rating import Conditions, Rating, rate
from jeton.pricing.receipt import render_line
from jeton.pricing.terms import OwnTerms, Terms, agree
from jeton.tokens.count import Count
from jeton.tokens.counter.counting import Counter
from jeton.tokens.prompt import Message, Prompt
from jeton.usage import Usage

Lifetime = Literal["5m", "1h"]
TokensSource = Literal["given", "counted", "estimated"]
NEAREST_MAX = 3
# Comparing names takes time that grows with the square of their length.
NAME_CHARS_MAX = 200
ESTIMATE_NOTE = (
    "The prompt's tokens are estimated, and but for one prompt in 1,000 inside the limits shown: this model's"
    " own tokenizer is not at hand."
)


class UnknownModelError(NotFoundError):
    """A model without a price on the day asked for (P8: never $0 by accident)."""

    code = "model_unknown"

    def __init__(self, book: PriceBook, model: str, at: datetime) -> None:
        """Name the model, and those that may have been meant."""
        if versions := book.timeline(model):
            sentence = f"{model} has no price on {at.date()}; its first price is from {versions[0].from_on}."
        else:
            near = difflib.get_close_matches(model[:NAME_CHARS_MAX], book.models(), n=NEAREST_MAX)
            others = f" Also near: {', '.join(near[1:])}." if near[1:] else ""
            hint = f"did you mean {near[0]}?{others}" if near else "see jeton prices list."
            sentence = f"There is no price for a model {model[:NAME_CHARS_MAX]!r}: {hint}"
        super().__init__(sentence)


@dataclass(frozen=True, slots=True)
class PromptAsk:
    """A prompt whose tokens are counted for each model, and how much of it is cached for how long."""

    text: str
    counter: Counter
    cached: Fraction | None = None
    lifetime: Lifetime | None = None


@dataclass(frozen=True, slots=True)
class QuoteAsk:
    """What to rate: counts, conditions, the instant whose prices count.

    ``later`` is the same request once its cached part is only read, where ``usage`` writes it. With
    a ``prompt`` its tokens take the place of those of the prompt in both. ``own`` are the terms of an
    organization, None: the published prices.
    """

    usage: Usage
    conditions: Conditions
    at: datetime
    later: Usage | None = None
    prompt: PromptAsk | None = None
    own: OwnTerms | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """One model's answer: the version it was rated by, what was rated, and the rating of now and of later.

    ``count`` is of the prompt's tokens, where they were counted here.
    """

    ask: QuoteAsk
    version: PriceVersion
    usage: Usage
    rating: Rating
    later_usage: Usage | None
    later: Rating | None
    count: Count | None
    notes: tuple[str, ...]
    terms: Terms | None = None

    @property
    def tokens_source(self) -> TokensSource:
        """Whether the prompt's tokens were given, counted, or are an estimate."""
        if self.count is None:
            return "given"
        return "counted" if self.count.method in {"exact", "reconstructed"} else "estimated"


def count_prompt_text(text: str, version: PriceVersion, counter: Counter) -> Count:
    """The tokens of a request to a model whose one message is ``text``, its frame included.

    Offline it is what ``POST /v1/messages/count_tokens`` says of the same message.
    """
    return counter.count_prompt(Prompt(version.model, [Message("user", text)]), version.family)


def split_prompt(
    prompt_tokens: int, cached: Fraction, lifetime: Lifetime | None
) -> tuple[Usage, Usage | None]:
    """Split a prompt into cached and uncached tokens; the cached part is rounded down to whole ones.

    Without a lifetime the cached part is read. With one it is written, as by the first of many
    requests, and the second usage is that of every later one, which reads it.
    """
    cached_tokens = int(prompt_tokens * cached)
    rest = prompt_tokens - cached_tokens
    read = Usage(input_tokens=rest, cache_read_input_tokens=cached_tokens)
    match lifetime:
        case None:
            return read, None
        case "5m":
            return Usage(input_tokens=rest, cache_creation_5m_input_tokens=cached_tokens), read
        case "1h":
            return Usage(input_tokens=rest, cache_creation_1h_input_tokens=cached_tokens), read


def share_prompt(
    usage: Usage, prompt_tokens: int, *, cached: Fraction | None, lifetime: Lifetime | None
) -> tuple[Usage, Usage | None]:
    """``usage`` with so many tokens of prompt, split as ``split_prompt`` does; and that of later requests."""
    if cached is None:
        return _with_answer(Usage(input_tokens=prompt_tokens), usage), None
    first, later = split_prompt(prompt_tokens, cached, lifetime)
    return _with_answer(first, usage), None if later is None else _with_answer(later, usage)


def _with_answer(prompt: Usage, usage: Usage) -> Usage:
    return Usage(
        input_tokens=prompt.input_tokens,
        cache_creation_5m_input_tokens=prompt.cache_creation_5m_input_tokens,
        cache_creation_1h_input_tokens=prompt.cache_creation_1h_input_tokens,
        cache_read_input_tokens=prompt.cache_read_input_tokens,
        output_tokens=usage.output_tokens,
        web_search_requests=usage.web_search_requests,
    )


def parse_fraction(text: str) -> Fraction:
    """Read a decimal from 0 to 1 exactly; raises InvalidInputError."""
    fraction = parse_exact(text)
    if not 0 <= fraction <= 1:
        raise InvalidInputError(f"The cached fraction {text!r} is not from 0 to 1.")
    return fraction


def parse_day(text: str) -> datetime:
    """Read a day such as 2026-10-07 as its first instant in UTC; raises InvalidInputError."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidInputError(f"The date {text!r} is not a day such as 2026-10-07.") from None


def quote_model(book: PriceBook, model: str, ask: QuoteAsk) -> Quote:
    """Rate an ask for one model; raises UnknownModelError, NotPricedError and FastBatchError."""
    version = book.find_version(model, ask.at)
    if version is None:
        raise UnknownModelError(book, model, ask.at)
    usage, later, count = ask.usage, ask.later, None
    if ask.prompt is not None:
        count = count_prompt_text(ask.prompt.text, version, ask.prompt.counter)
        usage, later = share_prompt(
            usage, count.value, cached=ask.prompt.cached, lifetime=ask.prompt.lifetime
        )
    terms = ask.own.find(version, ask.at) if ask.own else None
    conditions = agree(ask.conditions, terms)
    return Quote(
        ask=ask,
        version=version,
        usage=usage,
        rating=rate(usage, version, conditions),
        later_usage=later,
        later=None if later is None else rate(later, version, conditions),
        count=count,
        notes=tuple(_notes(version, ask.at, usage, count)),
        terms=terms,
    )


def quote_models(book: PriceBook, models: Sequence[str], ask: QuoteAsk) -> list[Quote]:
    """Rate an ask for each model named; for none, for every one on sale that sells it so.

    Raises UnknownModelError, NotPricedError (of a model that was named) and FastBatchError.
    """
    if models:
        return [quote_model(book, model, ask) for model in models]
    quotes = []
    for model in book.models():
        version = book.find_version(model, ask.at)
        if version is None or version.lifecycle(ask.at) == "retired":
            continue
        try:
            quotes.append(quote_model(book, model, ask))
        except NotPricedError:
            continue
    return quotes


def _notes(version: PriceVersion, at: datetime, usage: Usage, count: Count | None) -> list[str]:
    notes = [ESTIMATE_NOTE] if count is not None and count.low < count.high else []
    if usage.prompt_tokens > version.max_input_tokens:
        notes.append(
            f"The prompt has {usage.prompt_tokens:,} tokens; {version.model} takes at most"
            f" {version.max_input_tokens:,}."
        )
    if usage.output_tokens > version.max_output_tokens:
        notes.append(
            f"The output has {usage.output_tokens:,} tokens; {version.model} gives at most"
            f" {version.max_output_tokens:,}."
        )
    if version.lifecycle(at) == "retired":
        notes.append(f"{version.model} was retired on {version.retires_on}: it is no longer served.")
    if version.until_on is not None:
        notes.append(f"This price is in force until {version.until_on}.")
    return notes


def render_quote(quote: Quote) -> dict[str, object]:
    """A quote as a JSON-able object; every amount is an exact decimal string of dollars."""
    conditions = quote.ask.conditions
    return {
        "model": quote.version.model,
        "display_name": quote.version.display_name,
        "price_version": quote.version.price_version_id,
        "at": quote.ask.at.isoformat(),
        "currency": "USD",
        "service_tier": conditions.service_tier,
        "inference_geo": conditions.inference_geo,
        "speed": conditions.speed,
        "terms_id": None if quote.terms is None else quote.terms.terms_id,
        "tokens_source": quote.tokens_source,
        "count": None if quote.count is None else _render_count(quote.count),
        "tokens": render_tokens(quote.usage),
        **_render_rating(quote.rating),
        "later": None
        if quote.later is None or quote.later_usage is None
        else {"tokens": render_tokens(quote.later_usage), **_render_rating(quote.later)},
        "notes": list(quote.notes),
    }


def _render_count(count: Count) -> dict[str, object]:
    return {
        "method": count.method,
        "value": count.value,
        "low": count.low,
        "high": count.high,
        "family": count.family,
        "calibration": count.calibration or None,
    }


def render_tokens(usage: Usage) -> dict[str, object]:
    """Token counts under the Messages API's names."""
    return {
        "input_tokens": usage.input_tokens,
        "cache_creation_input_tokens": usage.cache_creation_input_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_creation_5m_input_tokens,
            "ephemeral_1h_input_tokens": usage.cache_creation_1h_input_tokens,
        },
        "cache_read_input_tokens": usage.cache_read_input_tokens,
        "output_tokens": usage.output_tokens,
        "server_tool_use": {"web_search_requests": usage.web_search_requests},
    }


def _render_rating(rating: Rating) -> dict[str, object]:
    return {
        "band": rating.band,
        "list_amount": render_usd(rating.list_nano),
        "saved": {stage: render_usd(nano) for stage, nano in rating.saved.items()},
        "saved_amount": render_usd(rating.list_nano - rating.net_nano),
        "net_amount": render_usd(rating.net_nano),
        "lines": [render_line(line) for line in rating.lines],
    }
