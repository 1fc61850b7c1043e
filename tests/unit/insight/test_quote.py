from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.errors import InvalidInputError, MoneyError
from jeton.insight.quote import (
    ESTIMATE_NOTE,
    PromptAsk,
    QuoteAsk,
    UnknownModelError,
    count_prompt_text,
    parse_day,
    parse_fraction,
    quote_model,
    quote_models,
    render_quote,
    split_prompt,
)
from jeton.pricing.errors import FastBatchError, NotPricedError
from jeton.pricing.loading import load_book
from jeton.pricing.rating import Conditions
from jeton.tokens.counter.counting import load_counter
from jeton.tokens.estimate import load_estimator
from jeton.usage import Usage

BOOK = load_book()
NOW = datetime(2026, 11, 22, tzinfo=UTC)
COUNTER = load_counter(find_estimator=load_estimator)
V1 = Usage(input_tokens=2_000, cache_read_input_tokens=100_000, output_tokens=1_500)


def ask(usage: Usage = V1, conditions: Conditions | None = None, at: datetime = NOW) -> QuoteAsk:
    return QuoteAsk(usage=usage, conditions=conditions or Conditions(), at=at)


def test_a_quote_names_tokens_version_and_amounts_as_exact_dollars() -> None:
    rendered = render_quote(quote_model(BOOK, "claude-sonnet-5-5", ask()))
    assert rendered["model"] == "claude-sonnet-5-5"
    assert rendered["price_version"] == "claude-sonnet-5-5@2026-10-07"
    assert rendered["list_amount"] == "0.219"
    assert rendered["net_amount"] == "0.029"
    assert rendered["saved_amount"] == "0.19"
    assert rendered["tokens"] == {
        "input_tokens": 2_000,
        "cache_creation_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "cache_read_input_tokens": 100_000,
        "output_tokens": 1_500,
        "server_tool_use": {"web_search_requests": 0},
    }
    assert rendered["later"] is None


def test_the_price_is_that_of_the_day_asked_for() -> None:
    before = quote_model(BOOK, "claude-sonnet-5-5", ask(at=parse_day("2026-10-06")))
    assert render_quote(before)["net_amount"] == "0.039"
    assert before.notes == ("This price is in force until 2026-10-07.",)


def test_an_alias_is_quoted_as_its_model() -> None:
    quote = quote_model(BOOK, "claude-haiku-4-5-20251001", ask())
    assert quote.version.model == "claude-haiku-4-5"


@given(st.integers(0, 10**6), st.decimals(0, 1, places=4).map(Fraction), st.sampled_from([None, "5m", "1h"]))
def test_a_split_prompt_keeps_its_tokens(tokens: int, cached: Fraction, lifetime: str | None) -> None:
    first, later = split_prompt(tokens, cached, "1h" if lifetime == "1h" else "5m" if lifetime else None)
    assert first.prompt_tokens == tokens
    assert (later is None) == (lifetime is None)
    if later is not None:
        assert later.cache_read_input_tokens == first.cache_creation_input_tokens <= tokens * cached


def test_the_cached_part_is_rounded_down() -> None:
    assert split_prompt(999, Fraction(9, 10), None) == (
        Usage(input_tokens=100, cache_read_input_tokens=899),
        None,
    )


def test_a_lifetime_prices_the_write_first_and_the_read_later() -> None:
    first, later = split_prompt(100_000, Fraction(1, 2), "1h")
    quote = quote_model(BOOK, "claude-opus-5", QuoteAsk(first, Conditions(), NOW, later))
    rendered = render_quote(quote)
    # 50,000 uncached at 5 and 50,000 written at 10 per Mtok; later the same 50,000 are read at 0.50.
    assert rendered["net_amount"] == "0.75"
    assert isinstance(rendered["later"], dict)
    assert rendered["later"]["net_amount"] == "0.275"


@pytest.mark.parametrize("text", ["-0.1", "1.1", "2"])
def test_a_fraction_is_from_nothing_to_all(text: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_fraction(text)


def test_a_fraction_is_a_decimal() -> None:
    assert parse_fraction("0.9") == Fraction(9, 10)
    with pytest.raises(MoneyError):
        parse_fraction("most")


@pytest.mark.parametrize("text", ["yesterday", "2026-02-30", "07.10.2026"])
def test_a_day_is_a_day(text: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_day(text)


def test_an_unknown_model_is_named_with_its_neighbour() -> None:
    with pytest.raises(UnknownModelError, match="did you mean claude-opus-5"):
        quote_model(BOOK, "claude-opsu-5", ask())


def test_a_model_of_the_future_names_its_first_price() -> None:
    with pytest.raises(UnknownModelError, match="its first price is from 2026-11-09"):
        quote_model(BOOK, "claude-fable-5-2", ask(at=parse_day("2026-11-08")))


def test_a_comparison_without_names_takes_every_model_on_sale_that_sells_it_so() -> None:
    fast = quote_models(BOOK, (), ask(conditions=Conditions(speed="fast")))
    assert [quote.version.model for quote in fast] == [
        "claude-fable-5-2",
        "claude-opus-5-5",
        "claude-opus-5",
        "claude-opus-4-8",
    ]
    everything = {quote.version.model for quote in quote_models(BOOK, (), ask())}
    assert "claude-haiku-5-5" in everything
    assert "claude-3-opus" not in everything


def test_a_named_model_that_does_not_sell_it_is_refused() -> None:
    with pytest.raises(NotPricedError):
        quote_models(BOOK, ("claude-opus-5", "claude-sonnet-5"), ask(conditions=Conditions(speed="fast")))


def test_fast_in_a_batch_is_refused_for_every_model() -> None:
    with pytest.raises(FastBatchError):
        quote_models(BOOK, (), ask(conditions=Conditions(speed="fast", service_tier="batch")))


def test_a_counted_prompt_says_for_which_models_it_is_an_estimate() -> None:
    counted = QuoteAsk(Usage(output_tokens=5), Conditions(), NOW, prompt=PromptAsk("Hello, world!", COUNTER))
    exact = quote_model(BOOK, "jeton-extract-1", counted)
    estimated = quote_model(BOOK, "claude-opus-5", counted)
    assert (exact.tokens_source, exact.notes) == ("counted", ())
    # The text is 4 tokens of o200k; the frame of one message adds 3 + 4.
    assert exact.usage == Usage(input_tokens=11, output_tokens=5)
    assert exact.count is not None
    assert (exact.count.low, exact.count.high, exact.count.method) == (11, 11, "exact")
    assert (estimated.tokens_source, estimated.notes) == ("estimated", (ESTIMATE_NOTE,))
    assert estimated.count is not None
    assert estimated.count.family == "claude-4.7"
    assert estimated.count.low < estimated.usage.input_tokens < estimated.count.high


def test_a_claude_models_prompt_is_not_counted_as_o200k_does() -> None:
    text = "The price of a request is known before it is sent, and so is what it costs at most. " * 50
    o200k, claude = (
        count_prompt_text(text, version, COUNTER)
        for version in (BOOK.find_version("jeton-extract-1", NOW), BOOK.find_version("claude-opus-5", NOW))
        if version is not None
    )
    assert claude.value > o200k.value


def test_a_counted_prompt_is_split_for_each_model_by_its_own_count() -> None:
    prompt = PromptAsk("Hello, world!", COUNTER, cached=Fraction(1, 2), lifetime="1h")
    quote = quote_model(
        BOOK, "jeton-extract-1", QuoteAsk(Usage(output_tokens=5), Conditions(), NOW, prompt=prompt)
    )
    assert quote.usage == Usage(input_tokens=6, cache_creation_1h_input_tokens=5, output_tokens=5)
    assert quote.later_usage == Usage(input_tokens=6, cache_read_input_tokens=5, output_tokens=5)
    assert render_quote(quote)["count"] == {
        "method": "exact", "value": 11, "low": 11, "high": 11, "family": "o200k", "calibration": None,
    }  # fmt: skip


def test_what_the_model_would_not_take_is_noted() -> None:
    quote = quote_model(BOOK, "claude-3-opus", ask(Usage(input_tokens=200_001, output_tokens=4_097)))
    assert quote.notes == (
        "The prompt has 200,001 tokens; claude-3-opus takes at most 200,000.",
        "The output has 4,097 tokens; claude-3-opus gives at most 4,096.",
        "claude-3-opus was retired on 2026-01-05: it is no longer served.",
    )
