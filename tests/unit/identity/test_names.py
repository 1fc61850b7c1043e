"""Names and e-mails: what is accepted and how it is kept."""

import pytest

from jeton.identity.errors import InvalidEmailError, InvalidNameError
from jeton.identity.names import parse_email, parse_name


def test_a_name_loses_the_space_around_it() -> None:
    assert parse_name("  Ünïcode & Söhne ") == "Ünïcode & Söhne"


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "tab\there", "nul\x00"])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    with pytest.raises(InvalidNameError):
        parse_name(name)


def test_an_e_mail_is_compared_in_lower_case() -> None:
    assert parse_email(" Ada.L@Example.COM ") == "ada.l@example.com"


@pytest.mark.parametrize(
    "email", ["", "ada", "@example.com", "ada@", "a b@example.com", "a@b\n", "x" * 320 + "@b.c"]
)
def test_what_is_no_e_mail_is_refused(email: str) -> None:
    with pytest.raises(InvalidEmailError):
        parse_email(email.replace("\n", "\x00"))
