"""New organizations in the Console: one form opens one, and a request to sales leads to it."""

import re

from tests.integration.console.operating.scene import OPERATOR, seated
from tests.integration.world import open_world

from jeton.db.pool import Pool
from jeton.identity.organizations import list_organizations

PLACE = "/console/organizations/new"


async def names(pool: Pool) -> list[str]:
    async with pool.connection() as connection:
        return [one.name for one in await list_organizations(connection, limit=9)]


async def test_a_form_opens_one_organization_and_shows_the_admins_link_once(pool: Pool) -> None:
    world = await open_world(pool)
    form = {"name": "New & Co", "email": "ada@new.example", "has_trial": "1", "idempotency_key": "k1"}
    async with seated(world, OPERATOR) as seat:
        assert PLACE in await seat.text("/console/organizations")
        prefilled = await seat.text(f"{PLACE}?name=New+%26+Co&email=ada@new.example")
        assert 'value="New &amp; Co"' in prefilled
        assert 'value="ada@new.example"' in prefilled
        first = await seat.post(PLACE, **form)
        assert first.status_code == 200
        link = re.search(r"/console/invite\?token=([\w-]+)", first.text)
        assert link is not None
        again = await seat.post(PLACE, **form)
        assert "was opened by this form before" in again.text
        assert "token=" not in again.text
        assert (await names(pool))[1:] == ["New & Co"]
        assert "Join New &amp; Co" in await seat.text(link.group(0))
        assert "New &amp; Co" in await seat.text("/console/organizations")
    await world.close()


async def test_bad_words_open_nothing_and_members_have_no_such_page(pool: Pool) -> None:
    world = await open_world(pool)
    async with seated(world, OPERATOR) as seat:
        for wrong in ({"name": " "}, {"name": "x" * 201}, {"email": "nobody"}, {"idempotency_key": ""}):
            form = {"name": "Fine", "email": "", "idempotency_key": "k2", **wrong}
            assert (await seat.post(PLACE, **form)).status_code == 400
    async with seated(world) as seat:
        assert (await seat.client.get(PLACE)).status_code == 403
        assert (await seat.post(PLACE, name="Mine", idempotency_key="k3")).status_code == 403
    assert len(await names(pool)) == 1
    await world.close()
