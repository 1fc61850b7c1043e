from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeton.pricing.book import PriceVersion
from jeton.pricing.errors import PriceContentError
from jeton.pricing.loading import load_book
from jeton.usage import Bucket

BOOK = load_book()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def found(model: str, instant: datetime) -> str | None:
    version = BOOK.find_version(model, instant)
    return None if version is None else version.price_version_id


def test_a_version_is_in_force_from_the_first_instant_of_its_day() -> None:
    assert found("claude-sonnet-5-5", at("2026-10-06T23:59:59.999999")) == "claude-sonnet-5-5@2026-09-28"
    assert found("claude-sonnet-5-5", at("2026-10-07T00:00:00")) == "claude-sonnet-5-5@2026-10-07"


def test_the_day_is_a_day_in_utc() -> None:
    new_york = timezone(timedelta(hours=-4))
    instant = datetime(2026, 10, 6, 20, 0, tzinfo=new_york)
    assert found("claude-sonnet-5-5", instant) == "claude-sonnet-5-5@2026-10-07"


def test_before_its_first_day_a_model_has_no_price() -> None:
    assert found("claude-sonnet-5-5", at("2026-09-27T23:59:59")) is None
    assert found("claude-unknown", at("2026-11-22")) is None


def test_next_version_is_announced() -> None:
    nearest = BOOK.next_version("claude-opus-4-8", at("2026-11-22"))
    assert nearest is not None
    assert nearest.price_version_id == "claude-opus-4-8@2026-11-30"
    assert BOOK.next_version("claude-opus-4-8", at("2026-11-30")) is None


@pytest.mark.parametrize(
    ("alias", "model"),
    [
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("claude-opus-4-5-20251101", "claude-opus-4-5"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("claude-opus-4-20250514", "claude-opus-4"),
        ("claude-3-5-sonnet-20241022", "claude-3-5-sonnet"),
    ],
)
def test_a_dated_id_is_an_alias(alias: str, model: str) -> None:
    version = BOOK.find_version(alias, at("2026-08-01"))
    assert version is not None
    assert version.model == model
    assert alias not in BOOK.models()


def test_models_are_listed_once_newest_first() -> None:
    models = BOOK.models()
    assert models[:2] == ("claude-fable-5-2", "claude-mythos-5-2")
    assert models[-1] == "claude-3-opus"
    assert len(models) == len(set(models)) == 27


def test_a_retired_model_is_priced_and_says_so() -> None:
    version = BOOK.find_version("claude-sonnet-4-5", at("2026-11-22"))
    assert version is not None
    assert version.lifecycle(at("2026-11-29T23:59:59")) == "active"
    assert version.lifecycle(at("2026-11-30")) == "retired"
    assert found("claude-3-opus", at("2026-11-22")) == "claude-3-opus@2024-02-29"


def test_the_digest_is_stable() -> None:
    """Installations have it on record: a change here is a change of every stored price (P10)."""
    version = BOOK.find_version("claude-sonnet-5-5", at("2026-11-22"))
    assert version is not None
    assert version.digest == "sha256:0f5d016190faa6ca423f50d1c9d0ad68418eacd3bbcdb39eecb507a7eac459bb"


def test_the_digest_covers_prices_and_not_the_end_or_the_name() -> None:
    version = BOOK.find_version("claude-opus-4-8", at("2026-11-22"))
    assert version is not None
    content = version.content()
    renamed = {**content, "until_on": None, "card": {**dict_of(content["card"]), "display_name": "Opus"}}
    assert PriceVersion.from_content(renamed).digest == version.digest
    dearer = {**content, "price": {**dict_of(content["price"]), "web_search_per_1000": "11.00"}}
    assert PriceVersion.from_content(dearer).digest != version.digest


def dict_of(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value


@settings(deadline=None)
@given(st.sampled_from(BOOK.versions))
def test_content_reads_back_exactly(version: PriceVersion) -> None:
    assert PriceVersion.from_content(version.content()) == version


@pytest.mark.parametrize("key", ["schema", "price", "card", "until_on"])
def test_content_with_a_part_missing_is_refused(key: str) -> None:
    content = BOOK.versions[0].content()
    del content[key]
    with pytest.raises(PriceContentError):
        PriceVersion.from_content(content)


@pytest.mark.parametrize(
    "price",
    [
        {"web_search_per_1000": "ten"},
        {"from_on": "yesterday"},
        {"bands": []},
        {"bands": [3]},
        {"bands": [{"band_id": "all"}]},
    ],
)
def test_content_with_a_wrong_value_is_refused(price: dict[str, object]) -> None:
    content = BOOK.versions[0].content()
    content["price"] = {**dict_of(content["price"]), **price}
    with pytest.raises(PriceContentError):
        PriceVersion.from_content(content)


def test_the_last_token_of_a_band_is_inside() -> None:
    version = BOOK.find_version("claude-haiku-5-5", at("2026-11-22"))
    assert version is not None
    assert version.find_band(100_000).rates[Bucket.OUTPUT] == 500_000_000
    assert version.find_band(100_001).rates[Bucket.OUTPUT] == 2_500_000_000


def test_what_a_version_sells_is_told() -> None:
    opus = BOOK.find_version("claude-opus-5-5", at("2026-11-22"))
    haiku = BOOK.find_version("claude-haiku-4-5", at("2026-11-22"))
    assert opus is not None
    assert haiku is not None
    assert (opus.has_batch, opus.has_fast, opus.has_us) == (True, True, True)
    assert (haiku.has_batch, haiku.has_fast, haiku.has_us) == (True, False, False)
    assert opus.bands[0].us is not None
    assert opus.bands[0].us.factor == Fraction(11, 10)
