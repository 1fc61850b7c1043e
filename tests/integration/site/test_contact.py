"""Contact sales over HTTP: kept once, bounded, and said again with what is wrong."""

import httpx2
import pytest
from starlette.applications import Starlette

from jeton.db.pool import Pool
from jeton.notifications.inbox.items import InboxItem, list_items
from jeton.pricing.loading import load_book
from jeton.site.contact import PACE
from jeton.site.deps import SiteDeps
from jeton.site.routes import site_routes

FORM = {"email": "bob@example.org", "name": "Bob", "company": "Example Ltd", "message": "Two months, please."}
SITE = "http://jeton.test"


def client_of(pool: Pool | None) -> httpx2.AsyncClient:
    deps = SiteDeps(load_book(), "Example AI", "", "", "sales@example.com", 0, 30, pool=pool)
    transport = httpx2.ASGITransport(app=Starlette(routes=site_routes(deps)))
    return httpx2.AsyncClient(transport=transport, base_url=SITE)


async def items_of(pool: Pool) -> list[InboxItem]:
    async with pool.connection() as connection:
        return await list_items(connection)


async def test_what_is_sent_is_in_the_inbox(pool: Pool) -> None:
    """The page says its number, and so does a mail with nothing that somebody else could have put in."""
    async with client_of(pool) as client:
        assert 'action="/contact-sales"' in (await client.get("/contact-sales")).text
        response = await client.post("/contact-sales", data=FORM, headers={"origin": SITE})
    (item,) = await items_of(pool)
    assert response.status_code == 200
    assert item.item_id in response.text
    assert (item.email, item.company, item.message) == (FORM["email"], FORM["company"], FORM["message"])
    async with pool.connection() as connection:
        told = await (
            await connection.execute("SELECT data::text, emails FROM events WHERE type = 'inbox.replied'")
        ).fetchone()
    assert told is not None
    assert item.item_id in told[0]
    assert FORM["message"] not in told[0]
    assert told[1] == [FORM["email"]]


BAD = {
    "no address": ({**FORM, "email": "bob"}, "bob"),
    "a message too long": ({**FORM, "message": "x" * 4001}, "The message must have 1 to 4000 characters"),
    "nothing": ({}, "is not an e-mail"),
    "a program": ({**FORM, "website": "https://spam.example"}, "must stay empty"),
    "too large": ({**FORM, "message": "x" * 40_000}, "more than 32768 bytes"),
    "too many fields": ({str(n): "x" for n in range(11)}, "cannot be read"),
}


@pytest.mark.parametrize(("form", "problem"), BAD.values(), ids=BAD)
async def test_a_form_that_cannot_be_is_shown_again(pool: Pool, form: dict[str, str], problem: str) -> None:
    """With what was filled in, as text and not as markup."""
    async with client_of(pool) as client:
        response = await client.post("/contact-sales", data={**form, "company": "<b>"} if form else form)
    assert response.status_code == 400
    assert problem in response.text
    assert "<b>" not in response.text
    assert await items_of(pool) == []


async def test_a_form_of_another_site_is_refused(pool: Pool) -> None:
    """Nothing is kept."""
    async with client_of(pool) as client:
        response = await client.post("/contact-sales", data=FORM, headers={"origin": "http://evil.test"})
    assert response.status_code == 400
    assert await items_of(pool) == []


async def test_one_address_may_send_so_many(pool: Pool) -> None:
    """Then 429, with what was written still in the form."""
    async with client_of(pool) as client:
        statuses = [
            (await client.post("/contact-sales", data=FORM)).status_code
            for _ in range(PACE.by_address_max + 1)
        ]
    assert statuses == [200] * PACE.by_address_max + [429]
    assert len(await items_of(pool)) == PACE.by_address_max


async def test_without_a_database_to_keep_it_in_there_is_no_form() -> None:
    """The e-mail address is shown instead."""
    async with client_of(None) as client:
        assert (await client.get("/contact-sales")).status_code == 404
        assert 'href="mailto:sales@example.com"' in (await client.get("/faq")).text
