"""``jeton ledger verify`` finds documents that are not what their lines, taxes and postings say."""

import pytest
from tests.integration.billing.invoicing.conftest import OPERATOR, RULES, Office
from tests.integration.world import TRIAL

from jeton.billing.invoicing.correcting import Request, credit_document
from jeton.billing.invoicing.documents.reading import DocumentFilter, list_documents
from jeton.charging.onboarding import open_organization
from jeton.usage import Usage

CHANGES = {
    "a line's cents": ("document_lines", "net_minor = net_minor + 1", "kind = 'usage'", "lines of"),
    "a line's dollars": ("document_lines", "net_nano = net_nano - 1", "kind = 'usage'", "lines of"),
    "a document's net": ("documents", "net_nano = net_nano + 1", "purpose = 'period'", "lines of"),
    "its taxes": ("documents", "taxes = '[]'", "purpose = 'period'", "its taxes come to 0"),
    "its entry": ("documents", "transaction_id = NULL", "purpose = 'period'", "0 dollars were posted to tax"),
    "what it takes of accrued": (
        "documents",
        "accrued_nano = accrued_nano - 1, owed_nano = owed_nano + 1",
        "purpose = 'period'",
        "were posted to accrued for it, and it says",
    ),
    "goodwill": (
        "documents",
        "tax_nano = tax_nano + 1",
        "purpose = 'allowance'",
        "were posted to tax for it",
    ),
    "whose line it is": (
        "document_lines",
        "organization_id = (SELECT organization_id FROM organizations WHERE name = 'Other')",
        "kind = 'usage'",
        "has lines of another organization",
    ),
}


@pytest.mark.parametrize(("table", "change", "of", "finding"), CHANGES.values(), ids=CHANGES)
async def test_what_was_changed_on_a_document_is_found(
    office: Office, table: str, change: str, of: str, finding: str
) -> None:
    """$5.80 used, of which $5 were free: $0.80 and $0.15 of tax; $0.10 and $0.02 of it are given back."""
    await office.set_invoiced()
    await office.world.bill(Usage(2_900_000))
    at = await office.end()
    await office.close(at)
    async with office.pool.connection() as connection:
        (document,) = await list_documents(connection, DocumentFilter(office.organization_id))
        await credit_document(connection, document.number, 10, Request(RULES, OPERATOR, "sorry", at))
        await open_organization(connection, name="Other", trial=TRIAL)
    assert (await office.proof()).is_sound

    async with office.pool.connection() as connection:
        await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
        await connection.execute(f"UPDATE {table} SET {change} WHERE {of}".encode())  # noqa: S608 - as above
    findings = (await office.proof()).findings
    assert any(finding in one for one in findings), findings
