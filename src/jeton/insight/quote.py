"""Quote: what a request would cost, from the price book alone: no server, no database.

A quote is a rating of counts that somebody names, or that were counted in a prompt. It is the same
rating that a charge gets, so quote and receipt agree to the nano where the counts do.
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
from jeton.tokens.exact import count_prompt
from jeton.tokens.prompt import Message, Prompt
from jeton.usage import Usage

Lifetime = Literal["5m", "1h"]
TokensSource = Literal["given", "counted", "estimated"]
EXACT_FAMILY = "o200k"
NEAREST_MAX = 3
# Comparing names takes time that grows with the square of their length.
NAME_CHARS_MAX = 200
ESTIMATE_NOTE = (
    "The prompt's tokens are an o200k count, an estimate: this model's own tokenizer is not public."
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
class QuoteAsk:
    """What to rate: counts, conditions, the instant whose prices count.

    ``later`` is the same request once its cached part is only read, where ``usage`` writes it.
    ``is_prompt_counted`` says that the prompt's tokens come from our tokenizer.
    """

    usage: Usage
    conditions: Conditions
    at: datetime
    later: Usage | None = None
    is_prompt_counted: bool = False


@dataclass(frozen=True, slots=True)
class Quote:
    """One model's answer: the version it was rated by, and the rating of now and of later."""

    ask: QuoteAsk
    version: PriceVersion
    rating: Rating
    later: Rating | None
    tokens_source: TokensSource
    notes: tuple[str, ...]


def count_prompt_text(text: str) -> int:
    """The o200k tokens of a request whose one message is ``text``, its frame included.

    It is what ``POST /v1/messages/count_tokens`` says of the same message.
    """
    return count_prompt(Prompt("", [Message("user", text)]))


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
    source: TokensSource = "given"
    if ask.is_prompt_counted:
        source = "counted" if version.family == EXACT_FAMILY else "estimated"
    return Quote(
        ask=ask,
        version=version,
        rating=rate(ask.usage, version, ask.conditions),
        later=None if ask.later is None else rate(ask.later, version, ask.conditions),
        tokens_source=source,
        notes=tuple(_notes(version, ask, source)),
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


def _notes(version: PriceVersion, ask: QuoteAsk, source: TokensSource) -> list[str]:
    notes = [ESTIMATE_NOTE] if source == "estimated" else []
    if ask.usage.prompt_tokens > version.max_input_tokens:
        notes.append(
            f"The prompt has {ask.usage.prompt_tokens:,} tokens; {version.model} takes at most"
            f" {version.max_input_tokens:,}."
        )
    if ask.usage.output_tokens > version.max_output_tokens:
        notes.append(
            f"The output has {ask.usage.output_tokens:,} tokens; {version.model} gives at most"
            f" {version.max_output_tokens:,}."
        )
    if version.lifecycle(ask.at) == "retired":
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
        "tokens_source": quote.tokens_source,
        "tokens": render_tokens(quote.ask.usage),
        **_render_rating(quote.rating),
        "later": None
        if quote.later is None or quote.ask.later is None
        else {"tokens": render_tokens(quote.ask.later), **_render_rating(quote.later)},
        "notes": list(quote.notes),
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
