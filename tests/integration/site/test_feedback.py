"""Votes on pages over HTTP: one for each reader and version, people and agents apart, bounded."""

import re

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from tests.integration.world import EMAIL, open_world

from jeton import clock
from jeton.db.pool import Pool
from jeton.feedback.votes import COMMENT_CHARS_MAX
from jeton.identity.audit import Actor
from jeton.insight.reading.votes import PageVotes, count_votes, list_comments
from jeton.notifications.inbox.items import close_item, list_items
from jeton.pricing.loading import load_book
from jeton.site.deps import FindReader, Reader, SiteDeps, find_nobody
from jeton.site.feedback.page import PACE
from jeton.site.routes import site_routes

SITE = "http://jeton.test"


def client_of(pool: Pool, find_reader: FindReader = find_nobody) -> httpx2.AsyncClient:
    """A reader with cookies of their own."""
    deps = SiteDeps(load_book(), "Example AI", "", "", "", 0, 30, pool=pool, find_reader=find_reader)
    transport = httpx2.ASGITransport(app=Starlette(routes=site_routes(deps)))
    return httpx2.AsyncClient(transport=transport, base_url=SITE, follow_redirects=True)


async def votes_of(pool: Pool) -> dict[str, PageVotes]:
    """What the operator sees, by page."""
    since = clock.now().replace(year=2026, month=1, day=1)
    async with pool.connection() as connection:
        return {votes.slug: votes for votes in await count_votes(connection, since=since)}


async def test_every_page_of_the_docs_asks(pool: Pool) -> None:
    """And the FAQ too; no script is needed."""
    async with client_of(pool) as client:
        for path, slug in (("/docs/tokens", "tokens"), ("/docs/errors", "errors"), ("/faq", "faq")):
            page = (await client.get(path)).text
            assert "Was this page helpful?" in page
            assert f'name="slug" value="{slug}"' in page


async def test_a_reader_has_one_vote_and_may_change_it(pool: Pool) -> None:
    """Another browser is another reader."""
    async with client_of(pool) as client:
        assert client.cookies.get("jeton_visitor") is None
        answer = await client.post("/docs/feedback", data={"slug": "tokens", "helpful": "yes"})
        assert "Thank you: it was helpful." in answer.text
        answer = await client.post(
            "/docs/feedback",
            data={"slug": "tokens", "helpful": "no", "reason": "unclear", "comment": "<b>Which?</b>"},
        )
        assert "Thank you: it was not helpful." in answer.text
        assert "&lt;b&gt;Which?&lt;/b&gt;" in answer.text
        assert re.search(r'value="unclear" checked', answer.text)
    async with client_of(pool) as client:
        await client.post("/docs/feedback", data={"slug": "tokens", "helpful": "yes"})
    votes = (await votes_of(pool))["tokens"]
    assert (votes.people, votes.people_helped, votes.agents, votes.versions) == (2, 1, 0, 1)
    assert votes.people_ppm == 500_000
    async with pool.connection() as connection:
        (item,) = await list_items(connection)
        (comment,) = await list_comments(connection, since=votes.last_at.replace(year=2026, month=1, day=1))
    assert (item.kind, item.subject, item.message) == ("docs_feedback", "/docs/tokens", "<b>Which?</b>")
    assert (comment.channel, comment.is_helpful, comment.reason) == ("person", False, "unclear")


async def test_a_members_vote_says_how_the_organization_stood_in_classes(pool: Pool) -> None:
    """$5.00 of trial credit and nothing spent; the e-mail is for the inbox alone."""
    world = await open_world(pool)
    reader = Reader(world.organization.organization_id, world.organization.name, EMAIL)

    async def find_reader(_: Request) -> Reader | None:
        return reader

    form = {"slug": "tokens", "helpful": "no", "comment": "29 is not 30", "email": "ann@example.com"}
    async with client_of(pool, find_reader) as client:
        await client.post("/docs/feedback", data=form)
        alone = await client.post("/docs/feedback", data={**form, "comment": ""})
    since = clock.now().replace(year=2026, month=1, day=1)
    async with pool.connection() as connection:
        (item,) = await list_items(connection)
        (before,) = await list_comments(connection, since=since)
        await close_item(
            connection, item.item_id, reason="https://git.example/c/1", by=Actor("operator", "o")
        )
        (after,) = await list_comments(connection, since=since)
        rows = await (await connection.execute("SELECT v::text FROM page_votes AS v")).fetchall()
    assert alone.status_code == 400
    assert before.standing == {"plan": "trial", "balance": "under_10", "month": "none"}
    assert before.standing_text == "plan trial, month none, balance under $10"
    assert (before.item_state, after.item_state, after.item_word) == (
        "open",
        "done",
        "https://git.example/c/1",
    )
    assert (item.email, item.details["balance"]) == ("ann@example.com", "under_10")
    assert "ann@" not in str(rows)
    assert str(reader.organization_id) not in str(rows)
    await world.close()


async def test_agents_are_counted_apart(pool: Pool) -> None:
    """By their address and name, whichever way the page is named."""
    async with client_of(pool) as client:
        for path, agent, helpful in (
            ("/docs/tokens", "one", True),
            ("/docs/tokens.md#counting", "two", False),
            ("tokens", "one", False),
        ):
            sent = {"path": path, "helpful": helpful, "agent": agent}
            answer = await client.post("/docs/feedback", json=sent)
            assert (answer.status_code, answer.json()["channel"]) == (200, "agent")
    votes = (await votes_of(pool))["tokens"]
    assert (votes.people, votes.agents, votes.agents_helped) == (0, 2, 0)


BAD_FORMS = {
    "no page": {"helpful": "yes"},
    "another page": {"slug": "../../etc/passwd", "helpful": "yes"},
    "neither yes nor no": {"slug": "tokens", "helpful": "perhaps"},
    "an unknown reason": {"slug": "tokens", "helpful": "no", "reason": "boring"},
    "too long": {"slug": "tokens", "helpful": "no", "comment": "x" * (COMMENT_CHARS_MAX + 1)},
    "a character that no text has": {"slug": "tokens", "helpful": "no", "comment": "a\x00b"},
    "too large": {"slug": "tokens", "helpful": "no", "comment": "x" * 20_000},
    "nothing": {},
}


@pytest.mark.parametrize("form", BAD_FORMS.values(), ids=BAD_FORMS)
async def test_a_form_that_cannot_be_is_refused_with_a_page(pool: Pool, form: dict[str, str]) -> None:
    """And nothing is kept."""
    async with client_of(pool) as client:
        answer = await client.post("/docs/feedback", data=form)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert await votes_of(pool) == {}


@pytest.mark.parametrize(
    "body",
    ['{"path": "/docs/tokens"}', "[]", "{", '{"path": "/docs/none", "helpful": true}',
     '{"path": "/docs/tokens", "helpful": "yes"}', '{"path": "/docs/tokens", "helpful": true, "more": 1}'],
    ids=["no vote", "a list", "half", "no such page", "a word", "a field too many"],
)  # fmt: skip
async def test_json_that_cannot_be_is_refused_as_json(pool: Pool, body: str) -> None:
    """With the code that is documented."""
    async with client_of(pool) as client:
        headers = {"content-type": "application/json"}
        answer = await client.post("/docs/feedback", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_feedback")
    assert await votes_of(pool) == {}


async def test_a_form_of_another_site_is_refused(pool: Pool) -> None:
    """A browser says where it comes from."""
    async with client_of(pool) as client:
        headers = {"origin": "http://evil.test"}
        answer = await client.post(
            "/docs/feedback", data={"slug": "tokens", "helpful": "no"}, headers=headers
        )
    assert answer.status_code == 400
    assert await votes_of(pool) == {}


async def test_one_address_may_vote_so_often(pool: Pool) -> None:
    """Then 429 with when to try again, for people and agents alike."""
    async with client_of(pool) as client:
        for number in range(PACE.by_address_max):
            sent = {"path": "/docs/tokens", "helpful": True, "agent": str(number)}
            assert (await client.post("/docs/feedback", json=sent)).status_code == 200
        refused = await client.post("/docs/feedback", json={"path": "/docs/tokens", "helpful": True})
        page = await client.post("/docs/feedback", data={"slug": "tokens", "helpful": "yes"})
    assert (refused.status_code, refused.json()["error"]["type"]) == (429, "too_often")
    assert int(refused.headers["retry-after"]) > 0
    assert page.status_code == 429


async def test_a_page_that_there_is_not_has_no_votes(pool: Pool) -> None:
    """It is not found."""
    async with client_of(pool) as client:
        assert (await client.get("/docs/feedback/none")).status_code == 404
