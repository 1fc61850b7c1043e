"""Ask Docs over HTTP without a model: quotations, what is not known, and what is refused."""

import asyncio
from collections.abc import AsyncGenerator

import httpx2
import pytest
from starlette.applications import Starlette

from jeton.db.pool import Pool
from jeton.feedback.questions import QUESTION_CHARS_MAX
from jeton.notifications.inbox.items import list_items
from jeton.pricing.loading import load_book
from jeton.site.asking.page import IN_FLIGHT_MAX, PACE
from jeton.site.deps import SiteDeps
from jeton.site.routes import site_routes
from jeton.site.writer import Prompt, Writer

SITE = "http://jeton.test"
QUESTION = "How do discounts stack?"


def client_of(
    pool: Pool | None, writer: Writer | None = None, *, address: str = "10.0.0.1"
) -> httpx2.AsyncClient:
    deps = SiteDeps(load_book(), "Example AI", "", "", "", 0, 30, pool=pool, has_ask_docs=True, writer=writer)
    transport = httpx2.ASGITransport(app=Starlette(routes=site_routes(deps)), client=(address, 1))
    return httpx2.AsyncClient(transport=transport, base_url=SITE)


async def test_without_a_model_and_without_a_database_the_docs_are_quoted() -> None:
    async with client_of(None) as client:
        page = (await client.post("/docs/ask", data={"question": QUESTION})).text
        unknown = (await client.post("/docs/ask", data={"question": "What is quantum entanglement?"})).text
    assert "“Batch API and prompt caching discounts can be combined.”" in page
    assert 'href="/faq#stacking"' in page
    assert "I don’t know." in unknown


BAD = {
    "nothing": {},
    "blank": {"question": "   "},
    "too long": {"question": "x" * (QUESTION_CHARS_MAX + 1)},
    "a character that no text has": {"question": "a\x00b"},
    "too large": {"question": "x" * 9_000},
}


@pytest.mark.parametrize("form", BAD.values(), ids=BAD)
async def test_a_question_that_cannot_be_is_refused_with_a_page(form: dict[str, str]) -> None:
    async with client_of(None) as client:
        answer = await client.post("/docs/ask", data=form)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


async def test_pasted_markup_is_text_in_the_page_and_in_the_inbox(pool: Pool) -> None:
    pasted = "<img src=x onerror=alert(1)> entanglement {{ 7 * 7 }} '; DROP TABLE inbox_items; --"
    async with client_of(pool) as client:
        page = (await client.post("/docs/ask", data={"question": pasted})).text
    assert "<img" not in page
    assert "&lt;img src=x" in page
    assert "{{ 7 * 7 }}" in page
    async with pool.connection() as connection:
        (item,) = await list_items(connection)
    assert (item.kind, item.message) == ("unanswered_question", pasted)


async def test_so_many_a_minute_pass_and_then_a_page_says_when() -> None:
    async with client_of(None) as client:
        question = {"question": "What is quantum entanglement?"}
        answers = [await client.post("/docs/ask", data=question) for _ in range(2 * PACE.by_address_max + 1)]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert {answer.status_code for answer in refused} == {429}
    assert 0 < int(refused[0].headers["retry-after"]) <= PACE.window_s
    assert "Too many questions for now." in refused[0].text


class Waiting:
    """A model that thinks until it is told to stop."""

    is_extractive = True

    def __init__(self) -> None:
        self.asked = 0
        self.are_all_there = asyncio.Event()
        self.may_go_on = asyncio.Event()

    async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        """Nothing but a wait."""
        del prompt
        self.asked += 1
        if self.asked == IN_FLIGHT_MAX:
            self.are_all_there.set()
        await self.may_go_on.wait()
        yield "“Batch API and prompt caching discounts can be combined.”"


async def test_so_many_are_answered_at_once() -> None:
    writer = Waiting()
    async with client_of(None, writer) as client, asyncio.TaskGroup() as group:
        asked = [
            group.create_task(client.post("/docs/ask", data={"question": QUESTION}))
            for _ in range(IN_FLIGHT_MAX)
        ]
        await writer.are_all_there.wait()
        refused = await client.post("/docs/ask", data={"question": QUESTION})
        writer.may_go_on.set()
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
    assert {task.result().status_code for task in asked} == {200}
