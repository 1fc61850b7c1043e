"""Behind a proxy: whoever asks counts for themselves where it is named, and for the proxy where not."""

from pathlib import Path

import httpx2
import pytest
from tests.integration.access.scene import BASE_URL, Scene, playing

from jeton.identity.keys import WantedKey, issue_key
from jeton.identity.restricting.restrictions import parse_restriction
from jeton.identity.signing.limits import ADDRESS_LINKS_MAX

PROXY = "10.0.0.1"
TOO_OFTEN = "Try again in"


async def guess(scene: Scene, told: str) -> httpx2.Response:
    """Try a link that is made up, over the proxy, which adds who asked to what it was told."""
    transport = httpx2.ASGITransport(app=scene.app, client=(PROXY, 4711))
    async with httpx2.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        headers = {"x-forwarded-for": told}
        return await client.get("/console/sign-in/link?token=made-up", headers=headers)


@pytest.mark.parametrize(
    ("proxies", "is_locked_out"), [("10.0.0.0/8", False), ("", True), ("10.0.9.9", True)]
)
async def test_one_who_guesses_locks_nobody_else_out_behind_a_proxy_that_is_named(
    database_url: str, tmp_path: Path, proxies: str, *, is_locked_out: bool
) -> None:
    async with playing(database_url, tmp_path / "data", proxies=proxies) as scene:
        for number in range(ADDRESS_LINKS_MAX):
            # What the guesser makes up of themselves is not believed.
            answer = await guess(scene, f"198.51.100.{number}, 203.0.113.9")
            assert TOO_OFTEN not in answer.text
        assert TOO_OFTEN in (await guess(scene, "203.0.113.9")).text
        assert (TOO_OFTEN in (await guess(scene, "203.0.113.10")).text) is is_locked_out


async def test_a_key_restricted_to_networks_works_behind_a_proxy_that_is_named(
    database_url: str, tmp_path: Path
) -> None:
    async with playing(database_url, tmp_path / "data", proxies=PROXY) as scene:
        async with scene.ours.pool.connection() as connection:
            organization_id = scene.ours.organization.organization_id
            restriction = parse_restriction([], ["203.0.113.0/24"])
            wanted = WantedKey("restricted", restriction=restriction)
            _, secret = await issue_key(connection, organization_id, wanted)
        transport = httpx2.ASGITransport(app=scene.app, client=(PROXY, 4711))
        question = {"role": "user", "content": "What is a jeton?"}
        body = {"model": "jeton-extract-1", "max_tokens": 20, "messages": [question]}
        found = []
        async with httpx2.AsyncClient(transport=transport, base_url=BASE_URL) as client:
            for told in ("203.0.113.9", "203.0.113.9, 192.0.2.7", "192.0.2.7, 203.0.113.9"):
                headers = {
                    "x-api-key": secret,
                    "anthropic-version": "2023-06-01",
                    "x-forwarded-for": told,
                }
                found.append((await client.post("/v1/messages", json=body, headers=headers)).status_code)
    assert found == [200, 403, 200]
