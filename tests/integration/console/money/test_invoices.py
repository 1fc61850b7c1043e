"""Invoices in the Console: the draft that runs, one document with its files, paying it, and the account."""

import hashlib
import io
import zipfile
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.integration.console.money.scene import counter
from tests.integration.console.operating.scene import Seat, seated
from tests.integration.world import USD, World, open_world
from tests.stripe_server.running import StripeServer

from jeton import clock
from jeton.billing.invoicing.issuing.period import issue_period
from jeton.billing.invoicing.words import Rules
from jeton.billing.paper.judged.judging import judge_documents
from jeton.billing.words import Document, Party, Remittance
from jeton.charging.credits.limits import set_credit_limit
from jeton.db.pool import Pool
from jeton.identity.audit import SYSTEM
from jeton.identity.members import Role

LIST = "/console/invoices"
RULES = Rules(
    seller=Party(
        "Jeton GmbH", "Weg 1", "Berlin", "10115", "DE", registration="HRB 1", email="billing@ours.example"
    ),
    remittance=Remittance("Jeton GmbH", "Bank", "DE02120300000000202051", "BYLADEM1001"),
)
PROFILE = {
    "legal_name": "Example GmbH",
    "street": "Allee 3",
    "city": "Hamburg",
    "postal_code": "20095",
    "country": "DE",
    "vat_number": "DE136695976",
    "purchase_order": "PO-77",
    "emails": "ap@example.com, cfo@example.com",
}


async def owe(world: World, requests: int = 400) -> None:
    """Use so much beyond the trial credit, on a credit limit: each request is $0.029."""
    async with world.pool.connection() as connection:
        await connection.execute("UPDATE lots SET expires_at = now() WHERE reason = 'trial'")
        await set_credit_limit(connection, world.organization.organization_id, 1_000 * USD, by=SYSTEM)
    for _ in range(requests):
        await world.bill()


async def issue(world: World) -> Document:
    """The document of the period that runs, as if it were over."""
    async with world.pool.connection() as connection:
        (document,) = await issue_period(
            connection,
            world.organization.organization_id,
            rules=RULES,
            at=clock.now() + timedelta(days=40),
            by=SYSTEM,
        )
    return document


async def test_the_draft_of_the_period_that_runs_is_shown_with_every_line(pool: Pool) -> None:
    """100 requests of $0.029 are $2.90."""
    world = await open_world(pool)
    async with seated(world, role="auditor") as seat:
        assert "nothing to bill" in await seat.text(f"{LIST}/draft")
        await owe(world, 100)
        page = await seat.text(f"{LIST}/draft")
        drafts: Any = (await seat.twin(f"{LIST}/draft"))["drafts"]
        (draft,) = drafts
        assert (draft["state"], draft["total_amount"], draft["net_amount_usd"]) == ("draft", "2.90", "2.90")
        assert sum(Decimal(line["net_amount_usd"]) for line in draft["lines"]) == Decimal("2.90")
        assert "Cache read" in page
        assert "$2.90" in await seat.text(LIST)
    await world.close()


async def test_a_document_is_listed_shown_and_handed_out_as_files(pool: Pool) -> None:
    world = await open_world(pool)
    await owe(world, 100)
    async with seated(world, role="billing") as seat:
        assert (await seat.post(f"{LIST}/profile", **PROFILE)).status_code == 303
        document = await issue(world)
        place = f"{LIST}/{document.document_id}"
        page, data = await seat.text(place), await seat.twin(place)
        assert document.number in page
        assert (data["state"], data["due_amount"], data["purchase_order"]) == ("issued", "2.90", "PO-77")
        assert "DE02120300000000202051" in page
        listed: Any = await seat.twin(f"{LIST}?state=open&kind=invoice")
        assert [one["number"] for one in listed["data"]] == [document.number]
        assert (await seat.twin(f"{LIST}?state=paid"))["data"] == []
        # Before the job has looked, and after: both pages say which formats there are.
        assert "not checked by their schemas yet" in page
        unjudged: Any = data["e_invoice"]
        assert (unjudged["formats"], unjudged["checked_at"]) == (["factur-x", "ubl"], None)
        assert "Factur-X, UBL" in await seat.text(LIST)
        await judge_documents(pool, clock.now())
        assert "valid by the schemas of both" in await seat.text(place)
        listed = await seat.twin(LIST)
        judged = listed["data"][0]["e_invoice"]
        ubl = (await seat.client.get(f"{place}.ubl")).content
        assert (judged["is_valid"], judged["ubl_sha256"]) == (True, hashlib.sha256(ubl).hexdigest())
        await check_files(seat, place, document)
    await world.close()


async def check_files(seat: Seat, place: str, document: Document) -> None:
    pdf = await seat.client.get(f"{place}.pdf")
    assert (pdf.headers["content-type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    assert pdf.headers["content-disposition"] == f'attachment; filename="{document.number}.pdf"'
    assert document.number in (await seat.client.get(f"{place}.xml")).text
    ubl = await seat.client.get(f"{place}.ubl")
    assert ubl.headers["content-disposition"] == f'attachment; filename="{document.number}.ubl.xml"'
    rows = (await seat.client.get(f"{place}.csv")).text.splitlines()
    assert rows[0].startswith("number,line,row")
    bundle = await seat.client.get(f"{place}.zip")
    assert bundle.status_code == 200, bundle.text
    names = zipfile.ZipFile(io.BytesIO(bundle.content)).namelist()
    assert any(name.endswith(".pdf") for name in names)


async def test_a_profile_that_cannot_be_right_says_everything_that_is_wrong(pool: Pool) -> None:
    world = await open_world(pool)
    async with seated(world) as seat:
        answer = await seat.post(
            f"{LIST}/profile", **{**PROFILE, "vat_number": "DE136695977", "emails": "nobody"}
        )
        assert answer.status_code == 400
        assert "DE136695977" in answer.text
        assert "e-mail addresses" in answer.text
        assert (await seat.twin(f"{LIST}/profile"))["city"] == ""
        await seat.post(f"{LIST}/profile", **PROFILE)
        data = await seat.twin(f"{LIST}/profile")
        assert data["emails"] == ["ap@example.com", "cfo@example.com"]
        await seat.post(f"{LIST}/profile", **{**PROFILE, "city": "Bremen", "emails": ""})
        log = await seat.text("/console/changes")
    # What was and what is, and not that there are two of them.
    assert "city: none → Hamburg" in log
    assert "city: Hamburg → Bremen" in log
    assert "emails: ap@example.com, cfo@example.com → none" in log
    assert "of them" not in log
    await world.close()


async def test_an_invoice_is_paid_by_card_and_the_account_is_even(pool: Pool, stripe: StripeServer) -> None:
    world = await open_world(pool)
    await owe(world, 100)
    async with counter(world, stripe) as desk:
        document = await issue(world)
        place = f"{LIST}/{document.document_id}"
        answer = await desk.seat.post(f"{place}/pay", way=await desk.save_card())
        assert "/console/billing/payments/pay_" in answer.headers["location"]
        assert (await desk.twin(answer.headers["location"]))["state"] == "succeeded"
        data = await desk.twin(place)
        assert (data["state"], data["due_amount"]) == ("paid", "0.00")
        at = (clock.now() + timedelta(days=60)).date()
        account = await desk.twin(f"{LIST}/statement?until={at}")
        assert [(one["kind"], one["amount"], one["balance"]) for one in account["data"]] in (
            [("invoice", "2.90", "2.90"), ("payment", "-2.90", "0.00")],
            [("payment", "-2.90", "-2.90"), ("invoice", "2.90", "0.00")],
        )
        rows = (await desk.seat.client.get(f"{LIST}/statement.csv?until={at}")).text.splitlines()
        assert len(rows) == 3
    await world.close()


async def test_a_correction_is_asked_for_in_the_inbox(pool: Pool) -> None:
    world = await open_world(pool)
    await owe(world, 10)
    document = await issue(world)
    async with seated(world, role="billing") as seat:
        place = f"{LIST}/{document.document_id}"
        answer = await seat.post(f"{place}/correction", reason="The address is wrong.")
        assert answer.status_code == 303
        assert "request for a correction" in await seat.text(f"{place}?asked=yes")
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT kind, message, details->>'number' FROM inbox_items")
        assert await cursor.fetchall() == [("invoice_correction", "The address is wrong.", document.number)]
    await world.close()


@pytest.mark.parametrize(("role", "seen", "done"), [("developer", 403, 403), ("auditor", 200, 403)])
async def test_developers_see_no_invoices_and_auditors_change_none(
    pool: Pool, role: Role, seen: int, done: int
) -> None:
    world = await open_world(pool)
    await owe(world, 10)
    document = await issue(world)
    place = f"{LIST}/{document.document_id}"
    async with seated(world, role=role) as seat:
        for path in (LIST, place, f"{place}.pdf", f"{LIST}/statement", f"{LIST}/profile", f"{LIST}/draft"):
            assert (await seat.client.get(path)).status_code == seen, path
        assert (await seat.post(f"{LIST}/profile", **PROFILE)).status_code == done
        assert (await seat.post(f"{place}/correction", reason="x")).status_code == done
    await world.close()


async def test_another_organizations_document_is_not_there(pool: Pool) -> None:
    ours, theirs = await open_world(pool), await open_world(pool, name="Theirs AG")
    await owe(ours, 10)
    await owe(theirs, 10)
    document, own = await issue(ours), await issue(theirs)
    async with seated(theirs, email="eve@theirs.example") as seat:
        for suffix in ("", ".json", ".pdf", ".xml", ".ubl", ".csv", ".zip"):
            answer = await seat.client.get(f"{LIST}/{document.document_id}{suffix}")
            assert answer.status_code == 404
        for deed in ("pay", "correction"):
            answer = await seat.post(f"{LIST}/{document.document_id}/{deed}", reason="mine", way="page")
            assert answer.status_code == 404, deed
        assert (await seat.client.get(f"{LIST}/{own.document_id}.csv")).status_code == 200
        mine = await seat.text(LIST) + (await seat.client.get(f"{LIST}.json")).text
        assert document.document_id not in mine
    await ours.close()
    await theirs.close()


async def test_bookmarks_that_make_no_sense_are_answered_with_a_sentence(pool: Pool) -> None:
    world = await open_world(pool)
    async with seated(world) as seat:
        queries = ("?state=nonsense", "?kind=x", "/statement?from=yesterday", "/statement?from=0001-01-01")
        for query in queries:
            assert (await seat.client.get(f"{LIST}{query}")).status_code == 400, query
        assert (await seat.client.get(f"{LIST}/inv_none")).status_code == 404
        assert (await seat.twin(f"{LIST}?before=inv_0"))["data"] == []
    await world.close()
