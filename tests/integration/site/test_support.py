"""Contact support over HTTP: a ticket with a number, told to both sides, and bounded in every way."""

import httpx2
import pytest
from starlette.applications import Starlette

from jeton.db.pool import Pool
from jeton.notifications.inbox.items import InboxItem, list_items
from jeton.pricing.loading import load_book
from jeton.site.deps import SiteDeps
from jeton.site.routes import site_routes
from jeton.site.support import PACE

SITE = "http://jeton.test"
FORM = {
    "email": "bob@example.org",
    "name": "Bob",
    "topic": "A charge or a receipt",
    "organization": "Example Ltd",
    "request_id": "req_01k",
    "message": "Why did this cost so much?",
}


def client_of(pool: Pool) -> httpx2.AsyncClient:
    deps = SiteDeps(load_book(), "Example AI", "", "", "", 0, 30, pool=pool)
    transport = httpx2.ASGITransport(app=Starlette(routes=site_routes(deps)))
    return httpx2.AsyncClient(transport=transport, base_url=SITE)


async def items_of(pool: Pool) -> list[InboxItem]:
    async with pool.connection() as connection:
        return await list_items(connection)


async def test_a_message_is_a_ticket_with_a_number_on_the_page_and_by_mail(pool: Pool) -> None:
    async with client_of(pool) as client:
        answer = await client.post("/contact-support", data=FORM, headers={"origin": SITE})
    (item,) = await items_of(pool)
    assert answer.status_code == 200
    assert item.item_id in answer.text
    assert (item.kind, item.subject, item.email) == ("contact_support", FORM["topic"], FORM["email"])
    assert item.details == {"request_id": "req_01k"}
    async with pool.connection() as connection:
        rows = await (
            await connection.execute("SELECT type, data::text, emails FROM events ORDER BY type")
        ).fetchall()
    assert [row[0] for row in rows] == ["inbox.item_opened", "inbox.replied"]
    # To whoever wrote goes the number, and nothing that somebody else could have put in.
    assert item.item_id in rows[1][1]
    assert FORM["message"] not in rows[1][1]
    assert rows[1][2] == [FORM["email"]]


BAD = {
    "no address": ({**FORM, "email": "bob"}, "bob"),
    "no message": ({**FORM, "message": " "}, "The message must have 1 to 4000 characters"),
    "no name": ({**FORM, "name": ""}, "The name must have"),
    "another topic": ({**FORM, "topic": "<b>"}, "The topic must have"),
    "a long request id": ({**FORM, "request_id": "x" * 101}, "The request id must have"),
    "a program": ({**FORM, "website": "https://spam.example"}, "must stay empty"),
    "too many fields": ({str(n): "x" for n in range(11)}, "cannot be read"),
    "too large": ({**FORM, "message": "x" * 40_000}, "more than 32768 bytes"),
}


@pytest.mark.parametrize(("form", "problem"), BAD.values(), ids=BAD)
async def test_a_form_that_cannot_be_is_shown_again(pool: Pool, form: dict[str, str], problem: str) -> None:
    async with client_of(pool) as client:
        answer = await client.post("/contact-support", data=form)
    assert answer.status_code == 400
    assert problem in answer.text
    assert "<b>" not in answer.text
    assert await items_of(pool) == []


async def test_a_form_of_another_site_is_refused(pool: Pool) -> None:
    async with client_of(pool) as client:
        answer = await client.post("/contact-support", data=FORM, headers={"origin": "http://evil.test"})
    assert answer.status_code == 400
    assert await items_of(pool) == []


async def test_one_address_may_send_so_many(pool: Pool) -> None:
    async with client_of(pool) as client:
        statuses = [
            (await client.post("/contact-support", data=FORM)).status_code
            for _ in range(PACE.by_address_max + 1)
        ]
    assert statuses == [200] * PACE.by_address_max + [429]


async def test_the_request_id_of_the_address_is_filled_in(pool: Pool) -> None:
    async with client_of(pool) as client:
        page = (await client.get('/contact-support?request_id=req_"><script>')).text
    assert "req_&#34;&gt;&lt;script&gt;" in page
