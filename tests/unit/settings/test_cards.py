"""Settings of cards that contradict each other are refused before anything is served."""

import pytest

from jeton.errors import ConfigurationError
from jeton.settings import Settings, load_settings

KEYS = {"JETON_STRIPE_SECRET_KEY": "sk_test_1", "JETON_STRIPE_WEBHOOK_SECRET": "whsec_1"}


def load(**environment: str) -> Settings:
    return load_settings(environment=environment)


@pytest.mark.parametrize("secret", ["", "   "])
def test_a_key_without_a_secret_for_webhooks_is_refused(secret: str) -> None:
    """New-API #4353: with an empty secret anybody could sign."""
    environment = {"JETON_STRIPE_SECRET_KEY": "sk_test_1", "JETON_STRIPE_WEBHOOK_SECRET": secret}
    with pytest.raises(ConfigurationError, match="anybody could forge webhooks"):
        load(**environment)


def test_a_secret_without_a_key_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="say whose it is"):
        load(JETON_STRIPE_WEBHOOK_SECRET="whsec_1")


@pytest.mark.parametrize(("least", "most"), [("0", "10"), ("20", "10"), ("0.001", "10")])
def test_limits_that_let_nothing_be_bought_are_refused(least: str, most: str) -> None:
    with pytest.raises(ConfigurationError, match="the least must be a cent or more"):
        load(**KEYS, JETON_CREDIT_MIN_USD=least, JETON_CREDIT_MAX_USD=most)


def test_limits_are_whole_cents() -> None:
    settings = load(**KEYS, JETON_CREDIT_MIN_USD="1.00", JETON_CREDIT_MAX_USD="250.50")
    assert (settings.credit_min_cents, settings.credit_max_cents) == (100, 25_050)


def test_no_secret_is_shown() -> None:
    assert "sk_test_1" not in repr(load(**KEYS))
    assert "whsec_1" not in repr(load(**KEYS))
