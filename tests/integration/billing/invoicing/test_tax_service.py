"""The hook for a tax service, asked between transactions by quotes, drafts, manual issue and closing.

When it is down a draft says so, and nothing is issued. What is booked while it thinks is on the next one.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from tests.integration.billing.invoicing.conftest import OPERATOR, RULES, Office
from tests.tax_service.running import SECRET, TaxServer, tax_server

from jeton.billing.invoicing.closing import Closer, close_due
from jeton.billing.invoicing.correcting import Request, credit_document
from jeton.billing.invoicing.documents.reading import DocumentFilter, get_document, list_documents
from jeton.billing.invoicing.issuing.period import issue_period
from jeton.billing.invoicing.profiles import ProfileChange
from jeton.billing.invoicing.words import Rules
from jeton.billing.paper.bundle.verifying import verify_bundle
from jeton.billing.paper.files import save_bundle
from jeton.billing.payments.till import PaymentTax
from jeton.billing.providers.tax.hook import TaxHook
from jeton.billing.taxation.desk import TaxDesk, asking
from jeton.billing.taxation.errors import TaxAnswerError, TaxServiceAwayError, TaxUnaskedError
from jeton.billing.taxation.words import AnsweredTax, TaxAnswer, TaxQuestion
from jeton.billing.taxing import make_tax_of
from jeton.billing.words import Document
from jeton.clock import now
from jeton.insight.accounts.tax import read_tax, state_tax
from jeton.insight.accounts.words import Stretch
from jeton.usage import Usage

# $10.00 of output.
TEN_DOLLARS = Usage(output_tokens=1_000_000)


@pytest.fixture(scope="module")
def service() -> Iterator[TaxServer]:
    """The service as a process."""
    with tax_server() as server:
        yield server


def rules_with(server: TaxServer, secret: str = SECRET) -> Rules:
    return replace(RULES, tax_desk=TaxDesk(TaxHook(server.url, secret, timeout_s=5)))


async def owe(office: Office, *usages: Usage) -> None:
    """Use so much on credit, and nothing of the trial."""
    async with office.pool.connection() as connection:
        await connection.execute("UPDATE lots SET expires_at = %s WHERE reason = 'trial'", (now(),))
    await office.set_invoiced()
    for usage in usages:
        await office.world.bill(usage)


async def documents(office: Office) -> list[Document]:
    async with office.pool.connection() as connection:
        heads = await list_documents(connection, DocumentFilter(office.organization_id))
        return [await get_document(connection, head.document_id) for head in heads]


async def test_closing_issues_what_the_service_says_and_nothing_while_it_is_down(
    office: Office, service: TaxServer
) -> None:
    """$10 with New York's 8.875 % are $0.89 (0.8875) of tax; the settings' rates would have said 19 %."""
    service.control(failures=0, is_down=True, answer=None, asked=[])
    office.rules = rules_with(service)
    await office.set_profile(ProfileChange(country="US", legal_name="Example Inc."))
    await owe(office, TEN_DOLLARS)
    (shown,) = await asking(office.draft)
    assert shown.notes[-1].startswith("Provisional: the tax is by the rates of the settings")
    assert "503" in shown.notes[-1]
    at = office.end_of(shown)
    closing = await office.close(at)
    assert closing.periods == 0
    (problem,) = closing.problems.values()
    assert "Nothing is issued or sold with a tax that it did not say" in problem
    # Twice it fails, then it answers: the same question under the same id, so an answer it had kept would do.
    service.control(is_down=False, failures=2, asked=[])
    office.rules = rules_with(service)
    assert (await office.close(at)).documents == {"invoice": 1}
    (document,) = await documents(office)
    assert (document.lines_minor, document.tax_minor, document.total_minor) == (1_000, 89, 1_089)
    (tax,) = document.taxes
    assert (tax.category, tax.rate) == ("S", Fraction("0.08875"))
    assert tax.reference.startswith("ref-")
    (asked,) = service.state()["asked"]
    assert asked["id"] == asked["webhook-id"]
    assert (asked["place_of_supply"], asked["net_amount"], asked["currency"]) == ("US", "10.00", "USD")
    assert asked["seller"]["country"] == "DE"
    assert [line["net_amount"] for line in asked["lines"]] == ["10.00"]
    assert (await office.balances())["tax_nano"] == -890_000_000
    assert (await office.proof()).is_sound


async def test_by_hand_too_it_is_asked_before_the_transaction_and_each_line_may_have_its_own(
    office: Office, service: TaxServer
) -> None:
    """Of $20 and $10 the second bears 10 %, the first 20 % ($4.00); the statement of tax has both."""
    taxes: list[dict[str, Any]] = [
        {"category": "S", "rate": "0.1", "lines": ["2"]},
        {"category": "S", "rate": "0.2", "tax_amount": "4.01"},
    ]
    service.control(failures=0, is_down=False, answer={"taxes": taxes, "reference": "mixed"}, asked=[])
    rules = rules_with(service)
    await owe(office, TEN_DOLLARS, Usage(input_tokens=10_000_000))
    at = await office.end()

    async def act() -> list[Document]:
        async with office.pool.connection() as connection:
            return await issue_period(connection, office.organization_id, rules=rules, at=at, by=OPERATOR)

    with pytest.raises(TaxUnaskedError):
        await act()
    assert await documents(office) == []
    await asking(act)
    (document,) = await documents(office)
    # The service summed its tax by jurisdictions: a cent more, as EN 16931's validators bear.
    assert (document.lines_minor, document.tax_minor, document.total_minor) == (3_000, 501, 3_501)
    assert sorted((tax.category, tax.taxable_minor, tax.tax_minor) for tax in document.taxes) == [
        ("S", 1_000, 100), ("S", 2_000, 401),
    ]  # fmt: skip
    assert [line.tax_rate for line in document.lines] == [Fraction(1, 5), Fraction(1, 10)]
    async with office.pool.connection() as connection:
        stated = state_tax(*await read_tax(connection, Stretch(at + timedelta(days=400))))
    assert [row[1:] for row in stated.rows] == [
        (document.number, "S", "0.1", "invoice_issue", 1_000_000_000),
        (document.number, "S", "0.2", "invoice_issue", 4_010_000_000),
    ]
    assert (stated.totals["tax_nano"], stated.is_tied) == (5_010_000_000, True)
    assert (await office.proof()).is_sound


async def test_goodwill_on_a_document_with_several_taxes_takes_its_part_of_each(
    office: Office, service: TaxServer
) -> None:
    """$20 at 20 % and $10 at 10 %: of $15 are $10 with $2.00 of tax, and $5 with $0.50; of the rest too."""
    taxes: list[dict[str, Any]] = [
        {"category": "S", "rate": "0.1", "lines": ["2"]},
        {"category": "S", "rate": "0.2"},
    ]
    service.control(failures=0, is_down=False, answer={"taxes": taxes}, asked=[])
    office.rules = rules_with(service)
    await owe(office, TEN_DOLLARS, Usage(input_tokens=10_000_000))
    at = office.end_of((await asking(office.draft))[0])
    await office.close(at)
    (document,) = await documents(office)
    assert document.total_minor == 3_500
    async with office.pool.connection() as connection:
        for _ in range(2):
            await credit_document(connection, document.number, 1_500, Request(RULES, OPERATOR, "sorry", at))
    second, first, document = await documents(office)
    for note in (first, second):
        assert sorted((line.net_minor, line.tax_rate) for line in note.lines) == [
            (500, Fraction(1, 10)), (1_000, Fraction(1, 5)),
        ]  # fmt: skip
        assert sorted((tax.taxable_minor, tax.tax_minor) for tax in note.taxes) == [(500, 50), (1_000, 200)]
        assert (note.lines_minor, note.tax_minor, note.total_minor) == (1_500, 250, 1_750)
    assert (document.due_minor, document.state) == (0, "paid")
    balances = await office.balances()
    assert (balances.get("tax_nano", 0), balances.get("receivable_nano", 0)) == (0, 0)
    async with office.pool.connection() as connection:
        stated = state_tax(*await read_tax(connection, Stretch(at + timedelta(days=400))))
    assert (stated.totals["tax_nano"], stated.is_tied) == (0, True)
    assert (await office.proof()).is_sound


async def test_a_purchase_is_quoted_with_it_and_not_sold_while_it_is_down(
    office: Office, service: TaxServer
) -> None:
    service.control(failures=0, is_down=True, answer=None, asked=[])
    await office.set_profile(ProfileChange(country="FR"))

    async def act() -> PaymentTax:
        async with office.pool.connection() as connection:
            return await tax_of(connection, office.organization_id, 10_000, at=now())

    tax_of = make_tax_of(rules_with(service))
    with pytest.raises(TaxServiceAwayError):
        await asking(act)
    service.control(is_down=False)
    assert await asking(act) == PaymentTax("S", Fraction(1, 5), 2_000)
    await asking(act)
    assert len(service.state()["asked"]) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"taxes": []},
        {"taxes": [{"category": "S", "rate": "19"}]},
        {"taxes": [{"category": "AE", "rate": "0.19"}]},
        {"taxes": [{"category": "S", "rate": "0.19", "lines": ["7"]}]},
        {"taxes": [{"category": "S", "rate": "0.19", "tax_amount": "25.00"}]},
        {"taxes": [{"category": "X", "rate": "0"}]},
        ["no object"],
    ],
    ids=["none", "percent", "reverse charge", "no such line", "another amount", "no category", "a list"],
)
async def test_an_answer_that_cannot_be_sells_nothing(
    office: Office, service: TaxServer, answer: object
) -> None:
    service.control(failures=0, is_down=False, answer=answer, asked=[])
    tax_of = make_tax_of(rules_with(service))

    async def act() -> PaymentTax:
        async with office.pool.connection() as connection:
            return await tax_of(connection, office.organization_id, 10_000, at=now())

    with pytest.raises(TaxAnswerError):
        await asking(act)


async def test_a_question_with_another_secret_is_refused(office: Office, service: TaxServer) -> None:
    service.control(failures=0, is_down=False, answer=None, asked=[])
    tax_of = make_tax_of(rules_with(service, f"{SECRET[:-4]}AAAA"))

    async def act() -> PaymentTax:
        async with office.pool.connection() as connection:
            return await tax_of(connection, office.organization_id, 10_000, at=now())

    with pytest.raises(TaxAnswerError, match="401"):
        await asking(act)
    assert service.state()["asked"] == []


class _Interrupting:
    """A service during whose thinking another connection settles a request."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def ask(self, question: TaxQuestion) -> TaxAnswer:
        del question
        await self._office.world.bill(TEN_DOLLARS)
        return TaxAnswer((AnsweredTax("S", Fraction(19, 100)),))


async def test_what_another_connection_books_before_the_issue_and_after_the_reading_is_not_on_it(
    office: Office, tmp_path: Path
) -> None:
    """Its charge ended before ``issued_at``, by which the bundle went: it held two and billed one."""
    await office.set_profile(ProfileChange(country="DE", legal_name="Example GmbH", city="Bonn"))
    await owe(office, TEN_DOLLARS)
    at = await office.end()
    rules = replace(RULES, tax_desk=TaxDesk(_Interrupting(office)))
    assert (await close_due(Closer(office.pool, rules, at))).documents == {"invoice": 1}
    await close_due(Closer(office.pool, RULES, at + timedelta(days=40)))
    late, first = await documents(office)
    assert [document.lines_minor for document in (first, late)] == [1_000, 1_000]
    for document in (first, late):
        path = tmp_path / f"{document.number}.zip"
        async with office.pool.connection() as connection:
            with path.open("wb") as file:
                manifest = await save_bundle(connection, document, file)
        assert verify_bundle(path)[1].differences == []
        assert manifest.receipts == (1 if document is first else 2)
