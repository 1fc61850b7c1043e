"""The packaged files against the published table, row by row."""

from datetime import UTC, date, datetime

import pytest

from jeton.money import render_usd
from jeton.pricing.book import TOKEN_BUCKETS, Band, PriceVersion
from jeton.pricing.loading import load_book
from jeton.pricing.models import FAMILIES
from jeton.tokens.families import find_family
from jeton.usage import Bucket

BOOK = load_book()
TODAY = datetime(2026, 11, 22, tzinfo=UTC)
OPUS_5 = "5.00 6.25 10.00 0.50 25.00 2.50 12.50"
RETIRED_OPUS = "15.00 18.75 30.00 1.50 75.00 7.50 37.50"
SONNET_4 = "3.00 3.75 6.00 0.30 15.00 1.50 7.50"
FABLE_5_1 = "10.00 12.50 20.00 0.25 50.00 5.00 25.00"
FABLE_5 = "10.00 12.50 20.00 1.00 50.00 5.00 25.00"
FABLE_5_2 = "8.00 10.00 16.00 0.20 40.00 4.00 20.00"
# Model: input, 5-minute write, 1-hour write, read, output, batch input, batch output.
TABLE = {
    "claude-fable-5-2": FABLE_5_2,
    "claude-mythos-5-2": FABLE_5_2,
    "claude-haiku-5-5": "0.10 0.125 0.20 0.01 0.50 0.05 0.25",
    "claude-sonnet-5-5": "2.00 2.50 4.00 0.10 10.00 1.00 5.00",
    "claude-opus-5-5": "4.00 5.00 8.00 0.20 20.00 2.00 10.00",
    "claude-fable-5-1": FABLE_5_1,
    "claude-mythos-5-1": FABLE_5_1,
    "claude-fable-5": FABLE_5,
    "claude-mythos-5": FABLE_5,
    "claude-opus-5": OPUS_5,
    "claude-opus-4-8": OPUS_5,
    "claude-opus-4-7": OPUS_5,
    "claude-opus-4-6": OPUS_5,
    "claude-opus-4-5": OPUS_5,
    "claude-sonnet-5": "2.00 2.50 4.00 0.20 10.00 1.00 5.00",
    "claude-sonnet-4-6": SONNET_4,
    "claude-sonnet-4-5": SONNET_4,
    "claude-haiku-4-5": "1.00 1.25 2.00 0.10 5.00 0.50 2.50",
    "claude-opus-4-1": RETIRED_OPUS,
    "claude-opus-4": RETIRED_OPUS,
    "claude-3-opus": RETIRED_OPUS,
    "claude-sonnet-4": SONNET_4,
    "claude-3-7-sonnet": SONNET_4,
    "claude-3-5-sonnet": SONNET_4,
    "claude-3-5-haiku": "0.80 1.00 1.60 0.08 4.00 0.40 2.00",
    "claude-3-haiku": "0.25 0.30 0.50 0.03 1.25 0.125 0.625",
    "jeton-extract-1": "0.10 0.125 0.20 0.01 0.50 0.05 0.25",
}
FAST = {
    "claude-fable-5-2": "16.00 80.00",
    "claude-opus-5-5": "8.00 40.00",
    "claude-opus-5": "10.00 50.00",
    "claude-opus-4-8": "10.00 50.00",
}
US = {
    *(f"claude-{line}-5{minor}" for line in ("fable", "mythos") for minor in ("", "-1", "-2")),
    *("claude-opus-5-5", "claude-opus-5", "claude-opus-4-8", "claude-opus-4-7", "claude-opus-4-6"),
    *("claude-sonnet-5-5", "claude-sonnet-5", "claude-sonnet-4-6", "claude-haiku-5-5"),
}  # fmt: skip
RETIRED = {
    "claude-opus-4-1", "claude-opus-4", "claude-3-opus", "claude-sonnet-4", "claude-3-7-sonnet",
    "claude-3-5-sonnet", "claude-3-5-haiku", "claude-3-haiku",
}  # fmt: skip
CLAUDE_3 = RETIRED | {
    "claude-opus-4-6", "claude-opus-4-5", "claude-sonnet-4-6", "claude-sonnet-4-5", "claude-haiku-4-5",
}  # fmt: skip


def today(model: str) -> PriceVersion:
    version = BOOK.find_version(model, TODAY)
    assert version is not None
    return version


def row(band: Band) -> str:
    assert band.batch is not None
    batch = (band.batch.rates[Bucket.INPUT], band.batch.rates[Bucket.OUTPUT])
    order = (
        Bucket.INPUT,
        Bucket.CACHE_WRITE_5M,
        Bucket.CACHE_WRITE_1H,
        Bucket.CACHE_READ,
        Bucket.OUTPUT,
    )
    return " ".join(render_usd(rate) for rate in (*(band.rates[bucket] for bucket in order), *batch))


def test_the_table_is_whole() -> None:
    assert set(BOOK.models()) == set(TABLE)


@pytest.mark.parametrize("model", TABLE)
def test_rates_are_the_published_ones(model: str) -> None:
    version = today(model)
    assert row(version.bands[0]) == TABLE[model]
    assert render_usd(version.web_search_per_1000) == "10.00"


def test_the_upper_band_of_haiku_5_5() -> None:
    version = today("claude-haiku-5-5")
    assert [band.up_to_prompt_tokens for band in version.bands] == [100_000, None]
    assert row(version.bands[1]) == "0.50 0.625 1.00 0.05 2.50 0.25 1.25"


@pytest.mark.parametrize("model", TABLE)
def test_fast_mode_is_sold_where_it_is_published(model: str) -> None:
    fast = today(model).bands[0].fast
    rates = None if fast is None else (fast.rates[Bucket.INPUT], fast.rates[Bucket.OUTPUT])
    assert (None if rates is None else " ".join(map(render_usd, rates))) == FAST.get(model)


@pytest.mark.parametrize("model", TABLE)
def test_us_inference_is_sold_from_4_6_on(model: str) -> None:
    assert today(model).has_us == (model in US)


@pytest.mark.parametrize("model", TABLE)
def test_retired_models_are_marked(model: str) -> None:
    assert (today(model).lifecycle(TODAY) == "retired") == (model in RETIRED)


@pytest.mark.parametrize("model", TABLE)
def test_each_model_names_its_tokenizer_family(model: str) -> None:
    newer = "o200k" if model == "jeton-extract-1" else "claude-4.7"
    assert today(model).family == ("claude-3" if model in CLAUDE_3 else newer)


def test_every_family_a_price_file_may_name_can_be_bounded() -> None:
    assert all(find_family(family) for family in FAMILIES)


def test_an_installation_prices_its_own_model_whatever_its_clock_says() -> None:
    assert BOOK.find_version("jeton-extract-1", datetime(2024, 1, 1, tzinfo=UTC)) is not None


@pytest.mark.parametrize("version", BOOK.versions, ids=lambda version: version.price_version_id)
def test_every_version_is_complete(version: PriceVersion) -> None:
    assert version.display_name
    assert version.created_on <= date(2026, 11, 22)
    assert version.max_output_tokens <= version.max_input_tokens
    assert version.bands[-1].up_to_prompt_tokens is None
    for band in version.bands:
        assert set(band.rates) == set(TOKEN_BUCKETS)
        assert min(band.rates.values()) > 0
