"""Links and names in settings: what is read, and which addresses can be none."""

import pytest

from jeton.settings.parsers import parse_footer_links, parse_labels, parse_links, some_of


def test_links_are_names_with_addresses() -> None:
    assert parse_links("Discord=https://d.example/x?a=b, Mail=mailto:a@example.com,Here=/docs") == (
        ("Discord", "https://d.example/x?a=b"),
        ("Mail", "mailto:a@example.com"),
        ("Here", "/docs"),
    )
    assert parse_footer_links("Company/About us=https://example.com") == (
        ("Company", "About us", "https://example.com"),
    )
    assert parse_labels("bank transfer, invoice,") == ("bank transfer", "invoice")


@pytest.mark.parametrize(
    "text",
    ["x", "=https://e.com", "a=", "a=javascript:alert(1)", "a=//evil.example", "a=/\\evil", "a=data:,x"],
)
def test_what_is_no_address_of_a_page_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a list"):
        parse_links(text)


def test_a_link_of_the_footer_has_a_column() -> None:
    with pytest.raises(ValueError, match="without a column"):
        parse_footer_links("About=https://example.com")


def test_only_known_words_are_taken() -> None:
    parse = some_of("tokens", "availability")
    assert parse("availability, tokens") == ("availability", "tokens")
    with pytest.raises(ValueError, match="tokens, availability"):
        parse("tokens,prices")
