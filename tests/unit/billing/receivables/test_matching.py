"""Which documents a payment is for: what leaves no doubt, and what a person has to decide."""

from datetime import date
from uuid import UUID

import pytest

from jeton.billing.receivables.statements.matching import (
    Candidate,
    is_creditor_reference,
    is_same_name,
    list_references,
    match,
)
from jeton.billing.receivables.statements.words import StatementLine
from jeton.billing.receivables.words import Share

ACME = UUID(int=1)
OTHER = UUID(int=2)


def line(remittance: str = "", amount: int = 119_000, currency: str = "EUR", **more: str) -> StatementLine:
    values = {"payer": "", "end_to_end_id": "", "creditor_reference": "", **more}
    return StatementLine(
        1,
        "ref",
        date(2026, 11, 2),
        amount,
        currency,
        payer=values["payer"],
        remittance=remittance,
        end_to_end_id=values["end_to_end_id"],
        creditor_reference=values["creditor_reference"],
    )


def document(number: str = "INV-2026-000123", due: int = 119_000, **more: object) -> Candidate:
    values = {"organization_id": ACME, "buyer": "ACME GmbH", "currency": "EUR", **more}
    return Candidate(f"inv_{number}", number=number, due_minor=due, **values)  # type: ignore[arg-type]  # few kinds of values


@pytest.mark.parametrize(
    "text",
    [
        "INV-2026-000123",
        "Rechnung inv 2026 000123 vom 2.11.",
        "RGINV2026000123",
        "INV-2026-000 123",
        "INV/2026/000123, danke",
    ],
)
def test_a_number_is_found_however_it_is_written(text: str) -> None:
    found = match(line(text), [document(), document("INV-2026-000124")])

    # A number that is glued to letters before it is no whole text of its own, so a person looks at it.
    if text.startswith("RG"):
        assert found.verdict == "ambiguous"
    else:
        assert (found.verdict, found.shares) == ("matched", (Share("inv_INV-2026-000123", 119_000),))


def test_the_longer_of_two_numbers_is_meant() -> None:
    found = match(line("INV-2026-00012 3"), [document("INV-2026-00012"), document("INV-2026-000123")])
    assert found.shares == (Share("inv_INV-2026-000123", 119_000),)


def test_a_number_inside_another_is_not_named() -> None:
    found = match(line("INV-2026-0001234", 5), [document()])
    assert found.verdict == "unknown"


def test_several_documents_with_exactly_what_is_due() -> None:
    both = [document(due=100_000), document("INV-2026-000124", 19_000)]

    found = match(line("INV-2026-000123 und INV-2026-000124"), both)

    assert found.verdict == "matched"
    assert found.shares == (Share("inv_INV-2026-000123", 100_000), Share("inv_INV-2026-000124", 19_000))


@pytest.mark.parametrize(
    ("amount", "payer", "verdict", "share"),
    [
        (50_000, "Acme", "matched", 50_000),
        (200_000, "ACME GmbH", "matched", 119_000),
        (50_000, "Somebody else", "ambiguous", 50_000),
        (50_000, "", "ambiguous", 50_000),
    ],
    ids=["less of its buyer", "more of its buyer", "less of another", "less of nobody"],
)
def test_another_amount_needs_the_buyer(amount: int, payer: str, verdict: str, share: int) -> None:
    found = match(line("INV-2026-000123", amount, payer=payer), [document()])
    assert (found.verdict, found.shares) == (verdict, (Share("inv_INV-2026-000123", share),))


def test_documents_of_two_organizations_are_for_a_person() -> None:
    others = document("INV-2026-000124", 0, organization_id=OTHER)
    found = match(line("INV-2026-000123 INV-2026-000124"), [document(), others])
    assert (found.verdict, found.organization_id) == ("ambiguous", None)


def test_what_is_paid_already_is_not_paid_again() -> None:
    found = match(line("INV-2026-000123"), [document(due=0)])
    assert (found.verdict, found.shares) == ("ambiguous", ())
    assert "nothing is due" in found.why


def test_another_currency_is_for_a_person() -> None:
    found = match(line("INV-2026-000123", currency="USD"), [document()])
    assert (found.verdict, found.shares) == ("ambiguous", ())


def test_an_end_to_end_id_may_be_the_number() -> None:
    assert match(line("", end_to_end_id="INV-2026-000123"), [document()]).verdict == "matched"


def test_a_creditor_reference_holds_the_number_behind_its_check_digits() -> None:
    # ISO 11649: INV2026000123 has the check digits 98 - (INV2026000123RF00 as digits mod 97) = 98.
    reference = "RF98INV2026000123"
    assert is_creditor_reference(reference)
    assert match(line("", creditor_reference=reference), [document()]).verdict == "matched"


def test_check_digits_are_checked() -> None:
    # The example of ISO 11649.
    assert is_creditor_reference("RF18539007547034")
    assert not is_creditor_reference("RF19539007547034")


def test_amount_and_name_without_a_number_only_propose() -> None:
    one = document()
    assert match(line("thanks", payer="acme gmbh"), [one]).verdict == "ambiguous"
    assert match(line("thanks"), [one]).shares == (Share("inv_INV-2026-000123", 119_000),)
    several = match(line("thanks"), [one, document("INV-2026-000124")])
    assert (several.verdict, several.shares) == ("ambiguous", ())
    assert match(line("thanks", 7), [one]).verdict == "unknown"


@pytest.mark.parametrize(
    ("name", "other", "same"),
    [
        ("Müller & Söhne GmbH", "MUELLER SOEHNE", True),
        ("Société Générale SA", "SOCIETE GENERALE", True),
        ("ACME Ltd.", "Acme Limited", True),
        ("ACME", "ACME Trading", False),
        ("GmbH", "AG", False),
        ("", "", False),
    ],
)
def test_names_are_compared_as_people_would(name: str, other: str, *, same: bool) -> None:
    assert is_same_name(name, other) is same


def test_a_long_text_has_a_bounded_number_of_references() -> None:
    words = " ".join(f"W{number}" for number in range(300))
    assert len(list_references(line(words[:1000]))) < 3_000
