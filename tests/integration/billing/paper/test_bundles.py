"""Bundles of documents that were really issued: verified offline, also with late usage and cancelled ones."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
from tests.integration.billing.invoicing.conftest import Office, office

from jeton.billing.invoicing.documents.reading import DocumentFilter, get_document, list_documents
from jeton.billing.invoicing.profiles import ProfileChange
from jeton.billing.paper.bundle.chaining import CHAIN, check_chain, find_entry
from jeton.billing.paper.bundle.findings import Findings
from jeton.billing.paper.bundle.verifying import verify_bundle
from jeton.billing.paper.files import make_file, save_bundle
from jeton.billing.paper.issued import as_issued
from jeton.billing.words import Document
from jeton.insight.verify import verify
from jeton.usage import Usage

__all__ = ["office"]


async def _issued(office: Office) -> list[Document]:
    """Every document of the organization, the latest first, with lines."""
    async with office.pool.connection() as connection:
        heads = await list_documents(connection, DocumentFilter(office.organization_id))
        return [await get_document(connection, head.document_id) for head in heads]


async def _save(office: Office, document: Document, path: Path) -> Path:
    async with office.pool.connection() as connection:
        with path.open("wb") as file:
            await save_bundle(connection, document, file)
    return path


async def test_the_bundle_of_an_invoice_is_recomputed_without_the_database(
    office: Office, tmp_path: Path
) -> None:
    await office.set_invoiced()
    await office.set_profile(ProfileChange(country="DE", legal_name="Example GmbH", city="Bonn"))
    for _ in range(30):
        await office.world.bill()
    await office.close(await office.end())
    (document,) = await _issued(office)
    path = await _save(office, document, tmp_path / "a.zip")
    read, findings = verify_bundle(path)
    assert findings.differences == []
    assert read == as_issued(document)
    assert findings.checks["receipts rated again"] == 30 * 5
    assert findings.checks["lines against receipts"] == len(document.lines)


async def test_a_bundle_names_an_end_of_the_ledgers_chain_and_what_was_changed_is_found(
    office: Office, tmp_path: Path
) -> None:
    await office.set_invoiced()
    await office.world.bill(Usage(output_tokens=1_000_000))
    await office.close(await office.end())
    (document,) = await _issued(office)
    _, found = verify_bundle(await _save(office, document, tmp_path / "a.zip"))
    assert found.differences == []
    whose, _, end = found.notes[CHAIN].partition(" passes through ")
    async with office.pool.connection() as connection:
        record = await find_entry(connection, document.document_id)
    assert record is not None
    assert (whose, end) == (str(office.organization_id), f"{record.sequence}:{record.digest}")
    for kept, is_sound in ((end, True), (f"{record.sequence}:{'00' * 32}", False)):
        async with office.pool.connection() as connection:
            assert (await verify(connection, kept_ends={whose: kept})).is_sound == is_sound
    changes: tuple[dict[str, object], ...] = (
        {},
        {"amounts": (record.amounts[0] + 1, *record.amounts[1:])},
        {"reason": "INV-2026-999999"},
        {"before": "00" * 32},
        {"sequence": record.sequence + 1},
    )
    for change in changes:
        findings = Findings()
        check_chain(msgspec.structs.replace(record, **change), as_issued(document), findings)
        assert findings.is_sound == (not change), change


async def test_a_receipt_of_what_credit_paid_is_recomputed_too(office: Office, tmp_path: Path) -> None:
    for _ in range(5):
        await office.world.bill()
    await office.close(await office.end())
    (document,) = await _issued(office)
    assert document.kind == "receipt"
    assert verify_bundle(await _save(office, document, tmp_path / "a.zip"))[1].differences == []


async def test_late_usage_is_recomputed_as_what_was_not_billed_before(office: Office, tmp_path: Path) -> None:
    await office.set_invoiced()
    await office.set_profile(ProfileChange(country="DE", legal_name="Example GmbH"))
    for _ in range(4):
        await office.world.bill()
    await office.close(await office.end())
    # Its usage is of the period that was closed: the clock of the test's world has not moved.
    for _ in range(3):
        await office.world.bill()
    async with office.pool.connection() as connection:
        (first,) = await list_documents(connection, DocumentFilter(office.organization_id))
    await office.close(first.period_to + timedelta(days=40))
    late, first = await _issued(office)
    assert {line.kind for line in late.lines} >= {"adjustment"}
    # In the world of the test usage is booked before the issue of the document that it was too late for.
    _, findings = verify_bundle(await _save(office, late, tmp_path / "late.zip"))
    assert findings.differences == []
    assert {line.corrects for line in late.lines if line.corrects} == {first.number}


async def test_papers_are_the_same_before_and_after_the_payment(office: Office) -> None:
    await office.set_invoiced()
    for _ in range(4):
        await office.world.bill()
    await office.close(await office.end())
    (document,) = await _issued(office)
    paid = replace(document, state="paid", paid_minor=document.total_minor, paid_at=document.issued_at)
    assert make_file(paid, "pdf") == make_file(document, "pdf")
