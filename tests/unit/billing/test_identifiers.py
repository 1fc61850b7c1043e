"""Identifiers: numbers that authorities publish as examples pass, and those with a digit wrong do not."""

import pytest

from jeton.billing.identifiers import InvalidIdentifierError, check_bic, check_iban, check_vat_number


@pytest.mark.parametrize(
    ("number", "country", "compact"),
    [
        ("DE 136 695 976", "DE", "DE136695976"),
        ("NL004495445B01", "NL", "NL004495445B01"),
        ("FR 40 303265045", "", "FR40303265045"),
        ("EL 094259216", "GR", "EL094259216"),
        ("CHE-107.787.577 IVA", "CH", "CHE107787577IVA"),
        ("GB 980 7806 84", "GB", "GB980780684"),
        ("12-3456789", "US", "123456789"),
    ],
)
def test_a_number_that_can_be_one_is_taken_in_its_compact_form(
    number: str, country: str, compact: str
) -> None:
    assert check_vat_number(number, country) == compact


@pytest.mark.parametrize(
    ("number", "country", "why"),
    [
        ("DE136695977", "DE", "check"),
        ("DE13669597", "DE", "length"),
        ("136695976", "DE", "begins with DE"),
        ("DE136695976", "NL", "begins with NL"),
        ("GR094259216", "GR", "begins with EL"),
        ("GB980780685", "GB", "check"),
    ],
)
def test_a_number_that_cannot_be_one_is_refused_with_the_reason(number: str, country: str, why: str) -> None:
    with pytest.raises(InvalidIdentifierError, match=why):
        check_vat_number(number, country)


def test_accounts_and_banks_are_checked() -> None:
    assert check_iban("DE89 3704 0044 0532 0130 00") == "DE89370400440532013000"
    assert check_bic("GENODEM1GLS") == "GENODEM1GLS"
    with pytest.raises(InvalidIdentifierError, match="IBAN"):
        check_iban("DE88370400440532013000")
    with pytest.raises(InvalidIdentifierError, match="BIC"):
        check_bic("GENODE")
