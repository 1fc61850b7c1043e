"""Live pages: health and availability as they are, hidden where the operator did not choose to show them."""

from dataclasses import replace

import httpx2
from starlette.applications import Starlette

from jeton.db.pool import Pool
from jeton.notifications.inbox.items import list_items
from jeton.pricing.loading import load_book
from jeton.site.deps import SiteDeps
from jeton.site.live.blocks import HIDDEN
from jeton.site.routes import site_routes

PAGE_BYTES_MAX = 100_000


def client_of(deps: SiteDeps) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=Starlette(routes=site_routes(deps)))
    return httpx2.AsyncClient(transport=transport, base_url="http://jeton.test")


async def fill(pool: Pool) -> None:
    """198 answered within 0.1 s, 1 within 5 s, 1 failed; 7 left: of 200 that count 199 were answered."""
    rows = (
        ("completed", 100, 198),
        ("completed", 5_000, 1),
        ("upstream_failed", 1_000, 1),
        ("client_left_during_output", 1_000, 7),
    )
    async with pool.connection() as connection:
        for rule, limit_ms, requests in rows:
            await connection.execute(
                "INSERT INTO ending_rollups VALUES (current_date, 'claude-sonnet-5-5', %s, %s, %s)",
                (rule, limit_ms, requests),
            )
        # Of 100 streams 95 had their first byte within 0.2 s: p95 is there, and not a step later.
        for limit_ms, streams in ((50, 60), (200, 35), (5_000, 5)):
            await connection.execute(
                "INSERT INTO first_byte_rollups VALUES (current_date, 'claude-sonnet-5-5', %s, %s)",
                (limit_ms, streams),
            )


async def test_availability_is_shown_where_it_was_chosen(pool: Pool) -> None:
    await fill(pool)
    deps = SiteDeps(load_book(), "Example AI", "", "", "", 0, 30, pool=pool)
    async with client_of(deps) as closed:
        assert HIDDEN in (await closed.get("/docs/status")).text
    async with client_of(replace(deps, public_figures=("availability",))) as opened:
        page = (await opened.get("/docs/status")).text
        source = (await opened.get("/docs/status.md")).text
    for cell in ("<td>200</td>", "<td>99.50 %</td>", "<td>100 ms</td>"):
        assert cell in page
    assert "| `claude-sonnet-5-5` | 200 | 99.50 % | 50 ms | 200 ms | 100 ms | 100 ms |" in source


async def test_the_page_says_whether_it_works() -> None:
    async def is_not_well() -> bool:
        return False

    deps = SiteDeps(load_book(), "Example AI", "", "", "", 0, 30, is_well=is_not_well)
    async with client_of(deps) as client:
        assert "Not working." in (await client.get("/docs/status")).text


async def test_every_page_is_light_and_also_markdown() -> None:
    """And llms.txt names each of them at an address that there is."""
    deps = SiteDeps(load_book(), "Example AI", "", "", "", 0, 30)
    async with client_of(deps) as client:
        lines = (await client.get("/llms.txt")).text.splitlines()
        listed = [
            line.partition("](http://jeton.test")[2].partition(")")[0] for line in lines if "](http" in line
        ]
        assert len(listed) > 25
        for path in listed:
            assert (await client.get(path)).status_code == 200, path
        pages = [path.removesuffix(".md") for path in listed if path.endswith(".md")]
        for path in [*pages, "/docs/api", "/docs/api/objects", "/docs", "/docs/search?q=credit"]:
            answer = await client.get(path)
            assert answer.status_code == 200, path
            # What is transferred: the reference is long, and sent compressed.
            assert int(answer.headers["content-length"]) < PAGE_BYTES_MAX, path


async def test_search_as_page_and_as_data() -> None:
    deps = SiteDeps(load_book(), "Example AI", "", "", "", 0, 30)
    async with client_of(deps) as client:
        page = await client.get("/docs/search?q=chache+breaks")
        data = (await client.get("/docs/search.json?q=chache+breaks")).json()
        none = await client.get("/docs/search?q=<zzzz>")
        long = await client.get(f"/docs/search?q={'x' * 5000}")
    assert "<mark>" in page.text
    assert data["data"][0]["url"].startswith("/docs/prompt-caching")
    assert "Nothing was found" in none.text
    assert "<zzzz>" not in none.text
    assert long.status_code == 200


async def test_a_search_in_vain_is_one_item_of_the_inbox_with_how_often(pool: Pool) -> None:
    deps = SiteDeps(load_book(), "Example AI", "", "", "", 0, 30, pool=pool)
    async with client_of(deps) as client:
        for query in ("qqqq", "QQQQ", "credit", "zz"):
            assert (await client.get(f"/docs/search?q={query}")).status_code == 200
        # Half a word that somebody is typing is no search.
        assert (await client.get("/docs/search.json?q=wwww&typing=1")).json()["data"] == []
    async with pool.connection() as connection:
        items = await list_items(connection)
    assert [(item.kind, item.message, item.times) for item in items] == [("search_miss", "qqqq", 2)]
