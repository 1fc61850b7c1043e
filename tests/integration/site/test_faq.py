"""The FAQ's live blocks: a text counted, a workload rated, and a reader's own numbers."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from uuid import UUID

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from tests.integration.world import open_world

from jeton import clock
from jeton.billing.terms.asking import TermsAsk, first_begin
from jeton.billing.terms.keeping import Change, add_terms
from jeton.charging.limits.terms import LimitTerms
from jeton.db.pool import Pool
from jeton.identity.audit import SYSTEM
from jeton.insight.figures.content import ORGANIZATIONS_MIN, TOKENS_MIN
from jeton.limits.words import Limits
from jeton.pricing.loading import load_book
from jeton.pricing.terms import Scope
from jeton.site.deps import Reader, SiteDeps
from jeton.site.faq.counting import TEXT_CHARS_MAX
from jeton.site.faq.page import COUNT_PACE
from jeton.site.routes import site_routes
from jeton.tokens.counter.counting import Counter, load_counter
from jeton.tokens.estimate import load_estimator
from jeton.watch.figures import Content, Figures

SITE = "http://jeton.test"
TEXT = "hello world"


@pytest.fixture(scope="module")
def counter() -> Counter:
    """The packaged engines."""
    return load_counter(find_estimator=load_estimator)


def client_of(deps: SiteDeps) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=Starlette(routes=site_routes(deps)))
    return httpx2.AsyncClient(transport=transport, base_url=SITE)


def deps_of(counter: Counter | None = None, pool: Pool | None = None) -> SiteDeps:
    return SiteDeps(load_book(), "Example AI", "", "", "", 5_000_000_000, 30, pool=pool, counter=counter)


async def test_a_text_is_counted_by_every_tokenizer_and_priced_for_every_model(counter: Counter) -> None:
    """``hello world`` is two tokens of o200k: 11 characters, 5.5 a token; at $0.10 a million $0.0000002."""
    async with client_of(deps_of(counter)) as client:
        answer = await client.post("/faq/count", data={"text": TEXT})
    assert answer.status_code == 200
    assert "11 characters, 2 words" in answer.text
    assert ">2</td>" in answer.text
    assert "5.50" in answer.text
    assert "$0.0000002" in answer.text
    assert answer.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize("text", ["", "<script>alert(1)</script>", "\x00\ud7ff", "a" * TEXT_CHARS_MAX])
async def test_any_text_is_counted_and_shown_as_text(counter: Counter, text: str) -> None:
    async with client_of(deps_of(counter)) as client:
        answer = await client.post("/faq/count", data={"text": text})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


async def test_a_text_too_long_is_refused_with_both_numbers(counter: Counter) -> None:
    async with client_of(deps_of(counter)) as client:
        answer = await client.post("/faq/count", data={"text": "a" * (TEXT_CHARS_MAX + 1)})
        large = await client.post("/faq/count", content=b"text=" + b"a" * 300_000)
    assert (answer.status_code, large.status_code) == (400, 400)
    assert "20,001 characters; 20,000 can be counted" in answer.text


async def test_one_address_may_ask_so_often(counter: Counter) -> None:
    async with client_of(deps_of(counter)) as client:
        statuses = [
            (await client.post("/faq/count", data={"text": "a"})).status_code
            for _ in range(COUNT_PACE.by_address_max + 1)
        ]
    assert statuses == [200] * COUNT_PACE.by_address_max + [429]


async def test_the_sliders_numbers_stand_in_the_address() -> None:
    """Two requests of 100,000 tokens of input at $2 and nothing else: $0.40; Sonnet 5.5's price of today."""
    query = "requests=2&shared=0&own=10000&output=0&model=claude-sonnet-5-5"
    async with client_of(deps_of()) as client:
        page = (await client.get(f"/faq?{query}")).text
    assert "2 requests of 10,000 prompt tokens" in page
    assert '<span title="$0.04">$0.04</span>' in page
    assert "$37.50" in page


@pytest.mark.parametrize(
    "query", ["requests=-1&shared=x", "model=<b>", "own=99999999999999999999", "%00=%00"]
)
async def test_an_absurd_address_is_a_page(query: str) -> None:
    async with client_of(deps_of()) as client:
        answer = await client.get(f"/faq?{query}")
    assert answer.status_code == 200
    assert "<b>" not in answer.text


async def test_who_is_signed_in_sees_their_own_trial_and_week(pool: Pool) -> None:
    world = await open_world(pool)
    await world.bill()
    reader = Reader(world.organization.organization_id, "Ada's", "ada@example.com")

    async def find_reader(_: Request) -> Reader:
        return reader

    async with client_of(replace(deps_of(pool=pool), find_reader=find_reader)) as client:
        answer = await client.get("/faq")
    await world.close()
    assert "You have <strong>$4.971</strong> of $5.00" in answer.text
    assert "Ada&#39;s" in answer.text
    assert "for 1 request." in answer.text
    assert "<strong>standard account</strong>" in answer.text
    assert answer.headers["cache-control"] == "private, no-store"


async def test_a_readers_own_week_can_be_put_into_the_sliders(pool: Pool) -> None:
    """Twice 2,000 tokens of input, 100,000 from the cache (the slider ends at 90,000) and 1,500 of output."""
    world = await open_world(pool)
    reader = Reader(world.organization.organization_id, "Ada's", "ada@example.com")

    async def find_reader(_: Request) -> Reader:
        return reader

    async with client_of(replace(deps_of(pool=pool), find_reader=find_reader)) as client:
        before = (await client.get("/faq")).text
        await world.bill()
        await world.bill()
        after = (await client.get("/faq")).text
    await world.close()
    assert "Use my last 7 days" not in before
    assert "&amp;requests=2&amp;shared=90000&amp;own=2000&amp;output=1500#stacking" in after


async def test_characters_per_token_are_all_characters_over_all_tokens(pool: Pool) -> None:
    """A "hi" of 10 tokens with its frame, 3,998 characters of 990: 4.00, not the mean of 0.20 and 4.04."""
    organization_id = UUID(int=7)
    figures = Figures()
    content = Content(clock.now().date(), organization_id, "o200k", "latin")
    figures.note_content(content, characters=2, tokens=10)
    figures.note_content(content, characters=3_998, tokens=990)
    async with pool.connection() as connection:
        await figures.write(connection)

    async def find_reader(_: Request) -> Reader:
        return Reader(organization_id, "Ada's", "ada@example.com")

    async with client_of(replace(deps_of(pool=pool), find_reader=find_reader)) as client:
        page = (await client.get("/faq")).text
    assert "latin <strong>4.00</strong> (o200k: 4,000 in 1,000)" in page


async def test_a_figure_is_public_only_above_both_floors_and_where_it_was_chosen(pool: Pool) -> None:
    """Twenty organizations and a million tokens; 3.71 characters a token."""
    deps = deps_of(pool=pool)
    public = replace(deps, public_figures=("tokens",))
    await add_content(pool, range(ORGANIZATIONS_MIN - 1))
    async with client_of(deps) as closed, client_of(public) as opened:
        assert "Not enough organizations" in (await opened.get("/faq")).text
        await add_content(pool, range(ORGANIZATIONS_MIN - 1, ORGANIZATIONS_MIN))
        assert "3.71" in (await opened.get("/faq")).text
        assert "3.71" not in (await closed.get("/faq")).text


async def add_content(pool: Pool, numbers: range) -> None:
    tokens = TOKENS_MIN // ORGANIZATIONS_MIN
    async with pool.connection() as connection:
        for number in numbers:
            await connection.execute(
                "INSERT INTO content_rollups VALUES (current_date, %s, 'o200k', 'latin', 1, %s, %s)",
                (UUID(int=number + 1), tokens * 371 // 100, tokens),
            )


async def test_who_is_signed_in_sees_what_was_agreed(pool: Pool) -> None:
    """1,000 requests of 10,000 tokens and 500 of output at $2 and $10: $25, and three quarters $18.75."""
    world = await open_world(pool)
    organization_id = world.organization.organization_id

    async def find(request: Request) -> Reader:
        may_see_billing = request.headers.get("x-role") != "developer"
        return Reader(organization_id, "Example GmbH", "ada@example.com", may_see_billing=may_see_billing)

    at = clock.now() - timedelta(hours=1)
    ask = TermsAsk(Scope("line", "sonnet"), Fraction(3, 4), (), first_begin(at), None, "offer", "Grace")
    async with client_of(replace(deps_of(pool=pool), find_reader=find)) as client:
        before = await client.get("/faq?model=claude-sonnet-5-5")
        listed = await client.get("/pricing")
        async with pool.connection() as connection:
            change = Change(SYSTEM, at)
            await add_terms(connection, organization_id, [ask], book=load_book(), change=change)
        after = await client.get("/faq?model=claude-sonnet-5-5")
        agreed = await client.get("/pricing")
        of_developer = await client.get("/pricing", headers={"x-role": "developer"})
        asked_by_developer = await client.get("/faq", headers={"x-role": "developer"})
    own = [page.text.partition('id="own-example"')[2].partition("</details>")[0] for page in (before, after)]
    assert ("$25.00" in own[0], "$18.75" in own[0]) == (True, False)
    assert ("$25.00" in own[1], "$18.75" in own[1]) == (False, True)
    assert "At what Example GmbH" in own[1]
    assert "Example GmbH pays" not in listed.text
    assert "Example GmbH pays" in agreed.text
    assert "Example GmbH pays" not in of_developer.text
    # A developer may not open the page of credit, so no link leads there.
    assert 'href="/console/billing"' in before.text
    assert 'href="/console/billing"' not in asked_by_developer.text
    assert agreed.headers["cache-control"] == "private, no-store"
    await world.close()


async def test_pages_of_the_documentation_say_what_is_a_readers_own_and_to_nobody_else(pool: Pool) -> None:
    """Their limits with the busiest minute, their credit, how they pay, and which key an example means."""
    world = await open_world(pool)
    await world.bill()
    reader = Reader(world.organization.organization_id, "A*d*a's", "ada@example.com", may_see_billing=True)
    terms = LimitTerms(defaults={"*": Limits(requests=100)}, models=(("claude-sonnet-5-5", "sonnet"),))
    deps = replace(deps_of(pool=pool), limit_terms=terms)

    async def find_reader(_: Request) -> Reader:
        return reader

    async with client_of(replace(deps, find_reader=find_reader)) as client:
        limits, credit, payment, start = [
            await client.get(f"/docs/{slug}") for slug in ("rate-limits", "credits", "payment", "quickstart")
        ]
        source = (await client.get("/docs/credits.md")).text
    async with client_of(deps) as client:
        everybodys = [await client.get(f"/docs/{slug}") for slug in ("rate-limits", "credits", "quickstart")]
    await world.close()
    assert "<td>sonnet</td>\n<td>requests</td>\n<td>100</td>" in limits.text
    assert "<strong>A*d*a's</strong> has <strong>$4.971</strong> available" in credit.text
    assert "is a standard organization" in payment.text
    assert 'class="tabs-key' in start.text
    assert "baseURL: &quot;http://jeton.test&quot;" in start.text
    assert {page.headers["cache-control"] for page in (limits, credit, payment, start)} == {
        "private, no-store"
    }
    assert "A*d*a" not in source
    for page in everybodys:
        assert "cache-control" not in page.headers
        assert "[[" not in page.text.replace("[[rate_limits]]", "")
        assert "tabs-key" not in page.text
