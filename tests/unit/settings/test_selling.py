"""Settings of the tax service and of operators' keys: what anybody could guess or forge is refused."""

import pytest

from jeton.errors import ConfigurationError
from jeton.settings import load_settings
from jeton.settings.selling import parse_endpoint, parse_named_secrets, parse_signing_secret

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LONG = "0123456789abcdef0123456789abcdef"


def test_keys_have_names_and_long_secrets() -> None:
    assert parse_named_secrets(f"erp={LONG}, bank-feed={LONG}=x") == (
        ("erp", LONG),
        ("bank-feed", f"{LONG}=x"),
    )
    assert parse_named_secrets("") == ()


@pytest.mark.parametrize(
    "text", ["erp", "erp=short", f"={LONG}", f"ERP={LONG}", f"a={LONG},a={LONG}", "a=é" * 20]
)
def test_others_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"NAME=SECRET|fewer than 32"):
        parse_named_secrets(text)


@pytest.mark.parametrize("text", ["https://tax.example.com/jeton?v=1", "http://127.0.0.1:9000/tax", ""])
def test_a_service_is_an_address_with_a_path(text: str) -> None:
    assert parse_endpoint(text) == text


@pytest.mark.parametrize(
    "text", ["tax.example.com", "ftp://a/b", "https://", "https://a:b@c/", "http://a:x/", "http://a/ b"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an address"):
        parse_endpoint(text)


@pytest.mark.parametrize(
    "text", ["secret", "whsec_", "whsec_c2hvcnQ=", "whsec_!" + "x" * 40, SECRET.removeprefix("whsec_")]
)
def test_a_secret_that_signs_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not whsec_"):
        parse_signing_secret(text)


def test_a_service_needs_its_secret() -> None:
    with pytest.raises(ConfigurationError, match="tax_service_url is given without tax_service_secret"):
        load_settings(environment={"JETON_TAX_SERVICE_URL": "https://tax.example.com/jeton"})
    environment = {"JETON_TAX_SERVICE_URL": "https://tax.example.com/a", "JETON_TAX_SERVICE_SECRET": SECRET}
    assert load_settings(environment=environment).tax_service_timeout_s == 5
