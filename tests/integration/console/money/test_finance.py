"""The operator's pages about money: documents of everybody, payments, the bank, dunning, rates, the close."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from tests.integration.console.money.test_invoices import issue, owe
from tests.integration.console.operating.scene import OPERATOR, Seat, seated
from tests.integration.world import open_world

from jeton.console.errors import InvalidFormError
from jeton.console.files.uploading import parse_upload
from jeton.db.pool import Pool

PLACE = "/console/receivables"
CSV = (
    "date,amount,currency,reference,payer,remittance\n"
    "2026-11-20,{amount},USD,{reference},Example GmbH,{text}\n"
)


async def send_statement(seat: Seat, text: str, *, token: str | None = None) -> httpx2.Response:
    files = {"file": ("november.csv", text.encode(), "text/csv")}
    return await seat.client.post(
        f"{PLACE}/bank", data={"form_token": seat.token if token is None else token}, files=files
    )


async def find_due(seat: Seat, document_id: str) -> str:
    data: Any = await seat.twin(f"{PLACE}/documents/{document_id}")
    return f"{data['state']} {data['due_amount']}"


async def test_a_statement_pays_what_it_names_and_asks_about_the_rest(pool: Pool) -> None:
    """100 requests of $0.029 are $2.90."""
    world = await open_world(pool)
    await owe(world, 100)
    document = await issue(world)
    async with seated(world, email=OPERATOR) as seat:
        answer = await send_statement(
            seat, CSV.format(amount="1.00", reference="B1", text=f"paying {document.number}")
        )
        assert answer.status_code == 303, answer.text
        assert "1 lines were read: 1 paid documents" in await seat.text(answer.headers["location"])
        assert await find_due(seat, document.document_id) == "issued 1.90"
        again = await send_statement(
            seat, CSV.format(amount="1.00", reference="B1", text=f"paying {document.number}")
        )
        assert "known=1" in again.headers["location"]
        await send_statement(seat, CSV.format(amount="1.90", reference="B2", text="thanks"))
        lines: Any = (await seat.twin(f"{PLACE}/bank"))["data"]
        line_id = lines[0]["id"]
        await seat.post(f"{PLACE}/bank/{line_id}/assign", number=document.number, reason="they called")
        assert await find_due(seat, document.document_id) == "paid 0.00"
        assert (await seat.twin(f"{PLACE}/bank"))["data"] == []
        # The same text with as much going out may be its return: the operator says so, and it is due again.
        await send_statement(seat, CSV.format(amount="-1.90", reference="B3", text="RETURN OF thanks"))
        waiting: Any = (await seat.twin(f"{PLACE}/bank"))["data"]
        back_id = waiting[0]["id"]
        assert "Void that payment" in await seat.text(f"{PLACE}/bank")
        async with pool.connection() as connection:
            query = "SELECT payment_id FROM received_payments WHERE amount_minor = 190"
            ((payment_id,),) = await (await connection.execute(query)).fetchall()
        await seat.post(f"{PLACE}/bank/{back_id}/return", payment_id=payment_id, reason="refused")
        assert await find_due(seat, document.document_id) == "issued 1.90"
    await world.close()


async def test_a_broken_line_is_named_and_nothing_is_applied(pool: Pool) -> None:
    world = await open_world(pool)
    await owe(world, 10)
    document = await issue(world)
    async with seated(world, email=OPERATOR) as seat:
        good = CSV.format(amount="0.29", reference="B1", text=document.number)
        answer = await send_statement(seat, f"{good}2026-11-21,much,USD,B2,X,Y\n")
        assert answer.status_code == 400
        assert "3" in answer.text
        assert "nothing was applied" in answer.text
        assert await find_due(seat, document.document_id) == "issued 0.29"
        assert (await send_statement(seat, good, token="0" * 64)).status_code == 403
    await world.close()


async def test_a_payment_by_hand_is_recorded_once_taken_off_and_put_on_again(pool: Pool) -> None:
    world = await open_world(pool)
    await owe(world, 100)
    document = await issue(world)
    form = {
        "number": document.number, "method": "bank_transfer", "amount": "2.90", "currency": "USD",
        "received_on": "2026-11-20", "external_id": "", "reference": "", "reason": "statement on paper",
        "idempotency_key": "form_1",
    }  # fmt: skip
    async with seated(world, email=OPERATOR) as seat:
        for _ in range(2):
            assert (await seat.post(f"{PLACE}/payments/record", **form)).status_code == 303
        data: Any = (await seat.twin(f"{PLACE}/payments"))["data"]
        (payment,) = data
        assert await find_due(seat, document.document_id) == "paid 0.00"
        part = payment["documents"][0]["application_id"]
        await seat.post(f"{PLACE}/payments/parts/{part}/unapply", reason="another one's")
        assert await find_due(seat, document.document_id) == "issued 2.90"
        assert "$2.90 left" in await seat.text(f"{PLACE}/payments?left=yes")
        place = f"{PLACE}/payments/{payment['id']}"
        await seat.post(f"{place}/apply", number=document.number, amount="", reason="it was theirs")
        assert await find_due(seat, document.document_id) == "paid 0.00"
        await seat.post(f"{place}/void", reason="the cheque bounced")
        assert await find_due(seat, document.document_id) == "issued 2.90"
    await world.close()


async def test_goodwill_write_off_waiting_and_cancelling(pool: Pool) -> None:
    world = await open_world(pool)
    await owe(world, 100)
    document = await issue(world)
    place = f"{PLACE}/documents/{document.document_id}"
    async with seated(world, email=OPERATOR) as seat:
        assert document.due_on is not None
        first_on = document.due_on + timedelta(days=3)
        assert f"Next, unless it is paid before: reminder 1 on {first_on}." in await seat.text(place)
        form = {"reason": "a bad day", "idempotency_key": "form_1"}
        answer = await seat.post(f"{place}/credit", amount="0.90", **form)
        note: Any = await seat.twin(answer.headers["location"])
        assert (note["type"], note["purpose"], note["total_amount"]) == ("credit_note", "allowance", "0.90")
        assert await find_due(seat, document.document_id) == "issued 2.00"
        await seat.post(f"{place}/wait", until="2026-12-31", reason="they asked")
        answer = await seat.post(f"{place}/write-off", amount="", reason="gone", idempotency_key="form_2")
        assert answer.status_code == 303, answer.text
        assert await find_due(seat, document.document_id) == "written_off 0.00"
        refused = await seat.post(f"{place}/cancel", reason="wrong", idempotency_key="form_3")
        assert refused.status_code == 400
        assert "credited or written off in part" in refused.text
    await world.close()


async def test_a_cancelled_document_is_made_anew(pool: Pool) -> None:
    world = await open_world(pool)
    await owe(world, 10)
    document = await issue(world)
    async with seated(world, email=OPERATOR) as seat:
        form = {"reason": "the address", "is_reissue": "yes", "idempotency_key": "form_1"}
        answer = await seat.post(f"{PLACE}/documents/{document.document_id}/cancel", **form)
        assert answer.status_code == 303, answer.text
        made: Any = await seat.twin(answer.headers["location"])
        assert (made["type"], made["state"], made["due_amount"]) == ("invoice", "issued", "0.29")
        assert await find_due(seat, document.document_id) == "void 0.00"
        listed: Any = await seat.twin(PLACE)
        assert [one["type"] for one in listed["data"]] == ["invoice", "credit_note", "invoice"]
        pdf = await seat.client.get(f"{PLACE}/documents/{document.document_id}.pdf")
        assert pdf.content[:5] == b"%PDF-"
    await world.close()


async def test_rates_are_noted_and_what_is_none_is_refused(pool: Pool) -> None:
    world = await open_world(pool)
    async with seated(world, email=OPERATOR) as seat:
        form = {"currency": "eur", "rate": "0.9215", "from_on": "2026-11-01", "source": "ECB"}
        assert (await seat.post(f"{PLACE}/rates", **form)).status_code == 303
        rates: Any = (await seat.twin(f"{PLACE}/rates"))["data"]
        assert (rates[0]["currency"], rates[0]["rate_per_usd"]) == ("EUR", "0.9215")
        assert (await seat.post(f"{PLACE}/rates", **{**form, "currency": "USD"})).status_code == 400
        assert (await seat.post(f"{PLACE}/rates", **{**form, "from_on": "soon"})).status_code == 400
    await world.close()


async def test_a_month_that_is_not_over_cannot_be_closed_and_the_page_says_why(pool: Pool) -> None:
    world = await open_world(pool)
    await owe(world, 3)
    async with seated(world, email=OPERATOR) as seat:
        page = await seat.text("/console/close?month=2099-01")
        assert 'Deferred revenue now: <strong><span class="money" title="$0.000000000">' in page
        assert "2099-01 is not over." in page
        assert "Close 2099-01" not in page
        refused = await seat.post("/console/close/month", month="2099-01")
        assert refused.status_code == 409
        for name in ("trial-balance", "deferred-revenue", "income", "ageing"):
            answer = await seat.client.get(f"/console/close/{name}.csv?month=2026-11")
            assert answer.status_code == 200, answer.text
        for wrong in ("soon", "9999-12"):
            assert (await seat.client.get(f"/console/close?month={wrong}")).status_code == 400
    await world.close()


async def test_pages_without_data_are_helpful_and_members_see_none_of_them(pool: Pool) -> None:
    world = await open_world(pool)
    paths = (PLACE, f"{PLACE}/payments", f"{PLACE}/bank", f"{PLACE}/overdue", f"{PLACE}/rates")
    async with seated(world, email=OPERATOR) as seat:
        words = ("Nothing was issued", "Nothing came in", "No line waits", "Nobody is late", "None is noted")
        for path, said in zip(paths, words, strict=True):
            assert said in await seat.text(path)
    async with seated(world) as seat:
        for path in (*paths, "/console/close", "/console/close/income.csv"):
            assert (await seat.client.get(path)).status_code == 403
        assert (await send_statement(seat, "x")).status_code == 403
    await world.close()


def test_a_form_with_a_file_is_read_to_the_byte() -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="form_token"\r\n\r\nabc\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n'
        b"Content-Type: text/csv\r\n\r\ndate;\xe4\r\n1;2\n\r\n--x--\r\n"
    )
    sent = parse_upload("multipart/form-data; boundary=x", body)
    assert (sent.fields, sent.name) == ({"form_token": "abc"}, "a.csv")
    assert sent.content == b"date;\xe4\r\n1;2\n"


@pytest.mark.parametrize("body", [b"", b"--x--", b"nothing", b"\xff" * 100])
def test_what_is_no_such_form_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidFormError):
        parse_upload("multipart/form-data; boundary=x", body)


async def test_the_operator_sets_how_documents_are_made_and_sees_what_takes_effect_when(pool: Pool) -> None:
    """Currency, anchor day, days and tax could be set on the command line only."""
    world = await open_world(pool)
    place = f"/console/organizations/{world.organization.organization_id}/billing-profile"
    async with seated(world, email=OPERATOR) as seat:
        assert "The period that runs" in await seat.text(place)
        form = {
            "currency": "eur", "anchor_day": "15", "zone": "Europe/Berlin", "net_days": "14",
            "grace_days": "", "tax_category": "AE", "country": "fr", "minimum": "100.50",
            "reason": "agreed", "emails": "a@example.com, b@example.com",
        }  # fmt: skip
        answer = await seat.post(place, **form)
        assert answer.status_code == 303, answer.text
        kept = await seat.twin(place)
        assert (kept["currency"], kept["anchor_day"], kept["zone"]) == ("EUR", 15, "Europe/Berlin")
        assert (kept["net_days"], kept["grace_days"], kept["minimum"]) == (14, None, "100.50")
        assert (kept["tax_category"], kept["country"]) == ("AE", "FR")
        assert kept["emails"] == ["a@example.com", "b@example.com"]
        assert "No exchange rate for EUR is noted" in await seat.text(place)
        # Everything that is wrong is said at once, and nothing of it is kept.
        wrong = await seat.post(place, **{**form, "anchor_day": "32", "currency": "euros", "reason": ""})
        assert wrong.status_code == 400
        assert "anchor_day is 32" in wrong.text
        assert "needs a reason" in wrong.text
        assert (await seat.twin(place))["anchor_day"] == 15
        audit: Any = await seat.twin("/console/audit")
        assert audit["data"][0]["action"] == "billing_profile.changed"
    async with seated(world, role="admin") as seat:
        assert (await seat.client.get(place)).status_code == 403
    await world.close()
