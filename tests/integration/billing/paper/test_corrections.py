"""Papers and bundles of what corrects, is bought and is paid back; and documents saved as they are typed."""

import asyncio
from pathlib import Path

import pytest
from tests.integration.billing.invoicing.conftest import OPERATOR, Office, office
from tests.integration.billing.invoicing.test_correcting import cancel, issue, list_all
from tests.integration.billing.invoicing.test_purchases import sale

from jeton.billing.invoicing.documents.reading import get_document
from jeton.billing.invoicing.purchases import issue_purchase_receipt, issue_refund_note
from jeton.billing.paper.bundle.verifying import verify_bundle
from jeton.billing.paper.files import make_file, save_bundle
from jeton.billing.paper.standard.limits import find_obstacle
from jeton.billing.words import Document
from jeton.charging.credits.reversing import reverse_charge
from jeton.cli import run
from jeton.clock import now

__all__ = ["office"]


async def _verify(office: Office, document: Document, path: Path) -> list[str]:
    """Each difference in the bundle of a document, as a sentence."""
    async with office.pool.connection() as connection:
        with path.open("wb") as file:
            await save_bundle(connection, document, file)
    return [str(one) for one in verify_bundle(path)[1].differences]


async def test_a_cancelled_document_its_note_and_the_new_one_are_each_recomputed(
    office: Office, tmp_path: Path
) -> None:
    first = await issue(office, 30)
    await cancel(office, first, is_reissue=True)
    documents = await list_all(office)
    assert {document.purpose for document in documents} == {"period", "cancellation"}
    assert len(documents) == 3
    for document in documents:
        assert await _verify(office, document, tmp_path / "a.zip") == [], document.number


async def test_a_credit_note_of_what_was_reversed_is_recomputed(office: Office, tmp_path: Path) -> None:
    first = await issue(office, 180)
    async with office.pool.connection() as connection:
        await reverse_charge(connection, office.world.requests[-1], reason="a mistake", by=OPERATOR)
    await office.close(first.period_to.replace(year=first.period_to.year + 1))
    note = next(one for one in await list_all(office) if one.kind == "credit_note")
    assert note.purpose == "adjustment"
    assert await _verify(office, note, tmp_path / "a.zip") == []


async def test_a_purchase_and_its_refund_have_papers_that_add_up(office: Office, tmp_path: Path) -> None:
    async with office.pool.connection() as connection:
        bought, back = sale(office, "pay_1", 10_000, 1_900), sale(office, "refund_1", 2_500, 475)
        made = [
            await issue_purchase_receipt(connection, bought, rules=office.rules, at=now()),
            await issue_refund_note(connection, back, payment_id="pay_1", rules=office.rules, at=now()),
        ]
        documents = [await get_document(connection, one.document_id) for one in made]
    for document in documents:
        assert await _verify(office, document, tmp_path / "a.zip") == []
        # The world of the test has not said in which country the buyer is.
        assert "country" in (find_obstacle(document) or "")
        assert make_file(document, "pdf").content.startswith(b"%PDF-1.7")


async def test_the_command_saves_each_form(
    office: Office, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JETON_DATABASE_URL", database_url)
    document = await issue(office, 3)
    for shape in ("pdf", "csv", "bundle"):
        words = ["invoices", "save", document.number, "--as", shape, "--to", str(tmp_path)]
        with pytest.raises(SystemExit) as ended:
            await asyncio.to_thread(run, words)
        assert ended.value.code in (0, None)
    number = document.number
    assert _names(tmp_path) == [f"{number}.csv", f"{number}.pdf", f"{number}.zip"]
    assert verify_bundle(tmp_path / f"{number}.zip")[1].is_sound


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
